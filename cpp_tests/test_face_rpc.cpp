// Triggers in C++17: handlers of any kind, and what becomes of an exception that leaves one.
#include "child.h"
#include "eshm_rpc.hpp"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>
#include <pthread.h>
#include <stdexcept>
#include <thread>
#include <unwind.h>
#include <vector>

namespace {

// The next allocation of this thread runs it once, if it is set.
thread_local void (*in_allocation)() = nullptr;

} // namespace

// Not inlined, or the compiler takes them for a mismatch.
[[gnu::noinline]] void* operator new(std::size_t size) {
    if (auto* const run = in_allocation) {
        in_allocation = nullptr;
        run();
    }
    if (void* memory = std::malloc(size != 0 ? size : 1)) return memory;
    throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

static_assert(std::is_nothrow_move_constructible_v<eshm::Rpc>);
static_assert(!std::is_copy_constructible_v<eshm::Rpc> && !std::is_copy_assignable_v<eshm::Rpc>);

// Both ends of a channel. Triggers coalesce, so that each is awaited before the next.
struct Pair {
    eshm::Rpc panel, robot;
    std::string name;

    void call(const char* trigger) {
        const uint64_t before = robot.dispatched();
        panel.call(trigger);
        CHECK_WITHIN(PATIENCE_MS, robot.dispatched() == before + 1);
    }
};

Pair open_pair() {
    Pair pair;
    pair.name = segment_name("face_rpc");
    segment_adopt((pair.name + "_ctl").c_str());
    pair.robot = eshm::Rpc(pair.name, eshm::Role::master);
    pair.panel = eshm::Rpc(pair.name, eshm::Role::slave);
    return pair;
}

// What the process writes to stderr while this lives; the failure of a check is then not seen.
class Stderr {
public:
    Stderr() : kept_(dup(2)), file_(tmpfile()) {
        CHECK(file_ != nullptr && kept_ >= 0);
        dup2(fileno(file_), 2);
    }
    std::string text() const {
        fflush(stderr);
        std::string text(4096, '\0');
        const ssize_t size = pread(fileno(file_), &text[0], text.size(), 0);
        text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
        return text;
    }
    std::string end() {
        const std::string all = text();
        dup2(kept_, 2);
        close(kept_);
        fclose(file_);
        return all;
    }

private:
    int kept_;
    FILE* file_;
};

template <class Call> eshm::Error error_of(Call call) {
    try {
        call();
    } catch (const eshm::Error& error) {
        return error;
    }
    check_fail(__FILE__, __LINE__, "a call that throws");
}

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

void calls_and_events_both_ways() {
    Pair pair = open_pair();
    const Event halted = event_new();
    int counts[3] = {0, 0, 0};
    pair.robot.on("halt", [&] { counts[0]++; });
    pair.robot.on("halt", [&, robot = &pair.robot] { // in the place of the first
        counts[1]++;
        robot->emit("halted");
    });
    pair.panel.on_event("halted", [&] { counts[2]++; });
    pair.panel.on_event("halted", [&] { event_signal(halted); });
    CHECK_EQ(pair.robot.dispatched(), 0);
    pair.panel.start();
    pair.robot.start();
    pair.panel.call("halt");
    event_wait(halted);
    pair.robot.stop();
    pair.panel.stop();
    CHECK(counts[0] == 0 && counts[1] == 1 && counts[2] == 1);
    CHECK(pair.panel.dispatched() == 2 && pair.robot.dispatched() == 1);
    CHECK(pair.panel.missed() == 0 && pair.panel.failures() == 0 && pair.robot.failures() == 0);
    event_free(halted);
}

struct Own {};

void an_exception_is_told_and_counted_and_the_dispatcher_goes_on() {
    Pair pair = open_pair();
    std::vector<std::string> told;
    pair.robot.on_failure([&](std::string_view trigger, std::string_view text) {
        told.push_back(std::string(trigger) + ": " + std::string(text));
    });
    int fine = 0;
    pair.robot.on("grip", [] { throw std::runtime_error("the gripper is stuck"); });
    pair.robot.on("int", [] { throw 7; });
    pair.robot.on("text", [] { throw "plain text"; });
    pair.robot.on("own", [] { throw Own(); });
    pair.robot.on("foreign", [] { // as another language has it
        static _Unwind_Exception exception{};
        std::memcpy(&exception.exception_class, "OTHER\0\0", sizeof exception.exception_class);
        _Unwind_RaiseException(&exception);
    });
    pair.robot.on("fine", [&] { fine++; });
    pair.robot.start();
    for (const char* trigger : {"grip", "int", "text", "own", "fine", "grip", "fine", "foreign"}) {
        pair.call(trigger);
    }
    pair.robot.stop();
    CHECK_EQ(pair.robot.failures(), 6);
    CHECK_EQ(fine, 2);
    CHECK_EQ(told.size(), 6);
    CHECK_TEXT(told[0].c_str(), "grip: std::runtime_error: the gripper is stuck");
    CHECK_TEXT(told[1].c_str(), "int: int");
    CHECK_TEXT(told[2].c_str(), "text: char const*: plain text");
    CHECK(has(told[3], "own: ") && has(told[3], "Own"));
    CHECK_TEXT(told[4].c_str(), told[0].c_str());
    CHECK_TEXT(told[5].c_str(), "foreign: an exception of another language");
}

void without_a_failure_handler_it_is_a_line_on_stderr() {
    Pair pair = open_pair();
    pair.robot.on("grip", [] { throw std::runtime_error("the gripper\nis stuck"); });
    pair.robot.on("grasp", [] { throw std::logic_error("nothing there"); });
    pair.robot.start();
    Stderr written;
    pair.panel.call("grip");
    CHECK_WITHIN(PATIENCE_MS, pair.robot.failures() == 1);
    // So is a failure handler that throws itself.
    pair.robot.on_failure([](std::string_view, std::string_view) { throw 1; });
    pair.panel.call("grasp");
    CHECK_WITHIN(PATIENCE_MS, pair.robot.failures() == 2);
    pair.robot.stop();
    const std::string lines = written.end();
    const std::string start = "eshm: " + pair.name + ": the handler of ";
    CHECK(has(lines, (start + "'grip' threw std::runtime_error: the gripper is stuck\n").c_str()));
    CHECK(has(lines, (start + "'grasp' threw std::logic_error: nothing there\n").c_str()));
}

void destroyed_by_a_handler_that_then_throws() {
    Pair pair = open_pair();
    auto* robot = new eshm::Rpc(std::move(pair.robot));
    const Event told = event_new();
    robot->on_failure([&](std::string_view, std::string_view) { event_signal(told); });
    robot->on("last", [robot] {
        delete robot;
        throw std::runtime_error("the end");
    });
    robot->start();
    pair.panel.call("last");
    event_wait(told);
    event_free(told);
}

void* end_of_thread(void*) { pthread_exit(nullptr); }

// What ends a thread passes through: swallowed, it would end the process.
void the_end_of_the_thread_is_no_failure() {
    for (const bool cancelled : {false, true}) {
        Pair pair = open_pair();
        const Event ended = event_new();
        struct OnUnwind {
            Event event;
            ~OnUnwind() { event_signal(event); }
        };
        pair.robot.on("end", [&] {
            const OnUnwind unwound{ended};
            if (cancelled) {
                pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, nullptr);
                pthread_cancel(pthread_self());
                pthread_testcancel();
            }
            end_of_thread(nullptr);
        });
        pair.robot.start();
        pair.panel.call("end");
        event_wait(ended);
        pair.robot.stop();
        CHECK_EQ(pair.robot.failures(), 0);
        event_free(ended);
    }
}

void what_is_refused_says_why() {
    using eshm::errc;
    CHECK(error_of([] { eshm::Rpc(""); }).code() == errc::invalid_param);
    CHECK(error_of([] { eshm::Rpc(std::string(246, 'x')); }).code() == errc::invalid_param);
    CHECK(error_of([] { eshm::Rpc(std::string("a\0b", 3)); }).code() == errc::invalid_param);
    Pair pair = open_pair();
    CHECK(error_of([&] { pair.robot.on("x", nullptr); }).code() == errc::invalid_param);
    pair.panel.call("\xFF"); // a name is any bytes but NUL
    const eshm::Error with_nul = error_of([&] { pair.panel.call(std::string("a\0b", 3)); });
    CHECK(with_nul.code() == errc::invalid_param && has(with_nul.what(), "NUL"));
    const std::string longer(ESHM_MAX_DATA_SIZE + 904, 'x');
    const eshm::Error too_long = error_of([&] { pair.panel.emit(longer); });
    CHECK(too_long.code() == errc::buffer_too_small);
    const std::string most = std::to_string(ESHM_MAX_DATA_SIZE);
    const std::string once = "emit: the name has " + std::to_string(longer.size()) + " bytes, a whole trigger here " + most + " at most: Buffer too small";
    CHECK_TEXT(too_long.what(), once.c_str());
    pair.panel.close();
    pair.panel.close();
    CHECK(!pair.panel && pair.panel.handle() == nullptr && pair.panel.dispatched() == 0);
    CHECK(error_of([&] { pair.panel.call("x"); }).code() == errc::not_initialized);
    CHECK(error_of([&] { pair.panel.start(); }).code() == errc::not_initialized);
    CHECK(error_of([&] { pair.panel.on("x", [] {}); }).code() == errc::not_initialized);
    eshm::Rpc moved = std::move(pair.robot);
    CHECK(moved && !pair.robot);
}

// However long it runs: it may use what its program gives up afterwards.
void who_stops_waits_for_the_handler_that_runs_and_says_so() {
    for (const bool closes : {false, true}) {
        Pair pair = open_pair();
        const Event begun = event_new(), gate = event_new();
        std::atomic<bool> ended{false}, stopped{false};
        pair.robot.on("long", [&] {
            event_signal(begun);
            event_wait(gate);
            ended = true;
        });
        pair.robot.start();
        Stderr written;
        pair.panel.call("long");
        event_wait(begun);
        std::thread stopper([&] {
            closes ? pair.robot.close() : pair.robot.stop();
            stopped = true;
        });
        const std::string line = "[ESHM] warn: '" + pair.name + "_ctl' (master): waits for a handler that does not return";
        CHECK_WITHIN(PATIENCE_MS, has(written.text(), line.c_str()));
        check_pause_ms(1200); // longer than any of its sleeps
        CHECK(!stopped && !ended);
        event_signal(gate);
        stopper.join();
        CHECK(ended);
        const std::string all = written.end();
        CHECK(all.find(line) == all.rfind(line)); // once
        event_free(begun);
        event_free(gate);
    }
}

void a_handler_that_goes_may_use_the_rpc_that_replaces_it() {
    Pair pair = open_pair();
    struct Goes {
        eshm::Rpc* rpc;
        ~Goes() { rpc->on_failure(nullptr); }
    };
    pair.robot.on("x", [goes = std::make_shared<Goes>(Goes{&pair.robot})] { (void)goes; });
    pair.robot.on("x", [] {});
}

Event within, go_on;

// A child has a copy of the locks as another thread of its parent had them.
void a_child_of_a_process_that_was_about_to_register_is_told_so() {
    Pair pair = open_pair();
    within = event_new();
    go_on = event_new();
    std::thread other([&] {
        in_allocation = [] {
            event_signal(within);
            event_wait(go_on);
        };
        pair.robot.on("a name that is too long to lie in the string itself", [] {});
    });
    event_wait(within); // of the function's lock, as the test after the fork shows
    const pid_t child = child_fork();
    if (child == 0) {
        alarm(20);
        const auto refused = [](const eshm::Error& error) {
            return error.code() == eshm::errc::not_initialized &&
                   has(error.what(), ": opened in another process: open your own");
        };
        CHECK(refused(error_of([&] { pair.robot.on("x", [] {}); })));
        CHECK(refused(error_of([&] { pair.robot.on_event("x", [] {}); })));
        CHECK(refused(error_of([&] { pair.robot.on_failure(nullptr); })));
        pair.robot.close();
        _exit(0);
    }
    child_join(child);
    event_signal(go_on);
    other.join();
    pair.robot.on("x", [] {});
    event_free(within);
    event_free(go_on);
}

} // namespace

int main() {
    RUN(calls_and_events_both_ways);
    RUN(an_exception_is_told_and_counted_and_the_dispatcher_goes_on);
    RUN(without_a_failure_handler_it_is_a_line_on_stderr);
    RUN(destroyed_by_a_handler_that_then_throws);
    RUN(the_end_of_the_thread_is_no_failure);
    RUN(who_stops_waits_for_the_handler_that_runs_and_says_so);
    RUN(a_handler_that_goes_may_use_the_rpc_that_replaces_it);
    RUN(what_is_refused_says_why);
    RUN(a_child_of_a_process_that_was_about_to_register_is_told_so);
    return 0;
}
