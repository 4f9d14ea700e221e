// Four motors, each with a channel NAME_0 to NAME_3: tells 100 times a second how it runs, and takes the speed asked for.
// Ends when the dashboard has left, or none came for 60 s.
//
//   motors [NAME] [master|slave]
#include <eshm.hpp>

#include <cstdint>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

// Both as the Python side has them.
struct Report {
    std::uint64_t number; // of this motor's reports, from 1 on
    double speed;         // revolutions a minute
    double asked;         // the speed it is to have
    double current;       // ampere
    double temperature;   // degrees Celsius
};

struct Order {
    double speed;
};

struct Motor {
    eshm::Endpoint end;
    Report report;
    std::uint64_t orders;
};

static void run(Motor& motor, double seconds) {
    Report& now = motor.report;
    const double off = now.asked - now.speed;
    now.speed += off * 4 * seconds;
    now.current = 0.2 + 0.002 * (off < 0 ? -off : off) + 0.001 * now.speed;
    now.temperature += (now.current * now.current - 0.05 * (now.temperature - 20)) * seconds;
    now.number++;
}

int main(int argc, char** argv) try {
    const std::string name = argc > 1 ? argv[1] : "motors";
    const std::string_view role = argc > 2 ? argv[2] : "";
    std::vector<Motor> motors;
    for (int i = 0; i < 4; i++) {
        eshm::Options options(name + "_" + std::to_string(i));
        options.role(role == "master"  ? eshm::Role::master
                     : role == "slave" ? eshm::Role::slave
                                       : eshm::Role::automatic);
        options.stale_threshold(2s); // of whichever end creates: a busy machine may hold it up for longer than 100 ms
        motors.push_back({eshm::Endpoint(options), {0, 0, 0, 0, 20}, 0});
    }

    auto due = std::chrono::steady_clock::now();
    const auto patience = due + 60s;
    bool came = false;
    for (bool wanted = true; wanted;) {
        std::this_thread::sleep_until(due += 10ms);
        bool ordered = true, watched = false;
        for (Motor& motor : motors) {
            std::error_code lost; // the others go on
            if (const auto order = motor.end.read<Order>(0ms, lost)) {
                motor.report.asked = order->speed;
                motor.orders++;
            }
            run(motor, 0.01);
            motor.end.write(motor.report, lost);
            ordered = ordered && motor.orders > 0;
            watched = watched || motor.end.remote_alive();
        }
        // An order may be there a moment before its writer counts as alive.
        came = came || (ordered && watched);
        wanted = came ? watched : due < patience;
    }

    for (std::size_t i = 0; i < motors.size(); i++) {
        const Report& last = motors[i].report;
        std::cout << "motor " << i << ": " << last.number << " reports, " << motors[i].orders << " orders, the last for "
                  << last.asked << " rpm" << std::endl;
        if (motors[i].orders == 0) throw std::runtime_error("no dashboard came");
    }
    return 0;
} catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
    return 1;
}
