// Balances a pendulum 1000 times a second by the commands of a slow policy in another process, for which it never waits.
//
//   robot [NAME] [master|slave] [STEPS]
#include <eshm.hpp>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string_view>
#include <time.h>
#include <vector>

using namespace std::chrono_literals;

constexpr std::int64_t kPeriodNs = 1'000'000;
constexpr std::int64_t kTooOldNs = 200'000'000; // a command made of a state so long ago is not used
constexpr double kUpright = 3.14159265358979 / 2; // further it cannot fall

// Both as the Python side has them. Times are those of CLOCK_MONOTONIC, which all processes share.
struct State {
    std::uint64_t step;
    std::int64_t time_ns;
    double angle, rate;      // radians from upright, and a second
    std::uint64_t command;   // the number of the newest one taken
    std::int64_t latency_ns; // from when the state that it was made of was written, to when it was taken
    std::uint64_t left;      // steps still to come
};

struct Command {
    std::uint64_t number; // 0: no command yet, but the policy is there
    std::int64_t time_ns; // of the state that it was made of
    double push;          // radians a second squared
};

static std::int64_t now_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

// To an instant, not for a time: what one step is late, the next is not.
static void sleep_until(std::int64_t time_ns) {
    const timespec until{static_cast<time_t>(time_ns / 1'000'000'000), static_cast<long>(time_ns % 1'000'000'000)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) == EINTR) {
    }
}

static void print_percentiles(const char* what, std::vector<std::int64_t> times) {
    if (times.empty()) throw std::runtime_error("no command came");
    std::sort(times.begin(), times.end());
    const auto at = [&](std::size_t percent) { return static_cast<double>(times[(times.size() - 1) * percent / 100]) / 1e6; };
    std::printf("%s: p50 %.2f ms, p99 %.2f ms, worst %.2f ms\n", what, at(50), at(99), at(100));
}

int main(int argc, char** argv) try {
    const bool master = argc > 2 && std::string_view(argv[2]) == "master";
    const std::uint64_t steps = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 2000;
    eshm::Endpoint end(argc > 1 ? argv[1] : "control_loop", master ? eshm::Role::master : eshm::Role::slave);
    if (!end.read<Command>(20s)) throw std::runtime_error("no policy came");

    State state{};
    state.angle = 0.05;
    Command command{};
    std::uint64_t missed = 0, unled = 0;
    double tilt = 0;
    std::vector<std::int64_t> latencies, ages;
    latencies.reserve(steps); // no allocation in the loop
    ages.reserve(steps);
    std::error_code lost; // the loop goes on where the policy has died

    std::int64_t due = now_ns();
    while (state.step < steps) {
        due += kPeriodNs;
        sleep_until(due);

        const std::int64_t begun = now_ns();
        if (const auto taken = end.read<Command>(0ms, lost); taken && taken->number > command.number) {
            command = *taken;
            state.command = command.number;
            state.latency_ns = begun - command.time_ns;
            latencies.push_back(state.latency_ns);
        }
        const std::int64_t age = begun - command.time_ns;
        const bool led = command.number > 0 && age < kTooOldNs;
        if (led) ages.push_back(age);
        else unled++;

        const double seconds = static_cast<double>(kPeriodNs) / 1e9;
        state.rate += (9.81 * std::sin(state.angle) + (led ? command.push : 0)) * seconds;
        state.angle = std::clamp(state.angle + state.rate * seconds, -kUpright, kUpright);
        if (std::abs(state.angle) == kUpright) state.rate = 0;
        tilt = std::max(tilt, std::abs(state.angle));

        state.step++;
        state.left = steps - state.step;
        state.time_ns = now_ns();
        end.write(state, lost);

        // The deadline of a step is when the next should begin. Those that passed meanwhile are left out.
        while (now_ns() > due + kPeriodNs) {
            due += kPeriodNs;
            missed++;
        }
    }

    std::printf("%llu steps at 1 kHz, %llu deadlines missed, %llu steps without a command\n",
                static_cast<unsigned long long>(steps), static_cast<unsigned long long>(missed),
                static_cast<unsigned long long>(unled));
    std::printf("%zu commands taken\n", latencies.size());
    print_percentiles("from a state to the first step by a command made of it", latencies);
    print_percentiles("age of the state that the command in use was made of", ages);
    std::printf("largest tilt %.1f degrees\n", tilt / kUpright * 90);
    return 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
