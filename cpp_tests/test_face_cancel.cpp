// Threads that are cancelled within a wait of the C++17 face: it passes through, destructors run, and the end stays of use.
#include "eshm.hpp"
#include "eshm_rpc.hpp"
#include "leftovers.h"
#include "check.h"

#include <functional>
#include <pthread.h>

namespace {

using namespace std::chrono_literals;

struct Body {
    std::function<void()> run;
    bool unwound = false;
};

void* run(void* argument) {
    struct OnUnwind {
        Body* body;
        ~OnUnwind() { body->unwound = true; }
    };
    const OnUnwind unwound{static_cast<Body*>(argument)};
    unwound.body->run();
    return nullptr;
}

void cancel_in(std::function<void()> wait) {
    Body body{std::move(wait)};
    pthread_t thread;
    void* result = nullptr;
    CHECK_EQ(pthread_create(&thread, nullptr, run, &body), 0);
    check_pause_ms(20); // wherever it is by then
    CHECK_EQ(pthread_cancel(thread), 0);
    CHECK_EQ(pthread_join(thread, &result), 0);
    CHECK(result == PTHREAD_CANCELED && body.unwound);
}

void a_read_that_waits() {
    const std::string name = segment_name("face_cancel");
    eshm::Endpoint master(name, eshm::Role::master);
    eshm::Endpoint slave(name, eshm::Role::slave);
    std::error_code code;
    std::byte memory[64];
    const std::function<void()> waits[] = {
        [&] { (void)slave.read(eshm::forever); },
        [&] { (void)slave.read(eshm::forever, code); },
        [&] { (void)slave.read<int>(eshm::forever, code); },
        [&] { (void)slave.read_into(memory, eshm::forever); },
        [&] { (void)slave.read_into(memory, eshm::forever, code); },
        [&] {
            for (const int value : slave.values<int>()) (void)value;
        },
    };
    for (const auto& wait : waits) {
        cancel_in(wait);
        master.write(7);
        CHECK(slave.read<int>(20s) == 7);
    }
}

void an_opening_that_waits() {
    const std::string name = segment_name("face_cancel_open");
    segment_adopt((name + "_ctl").c_str());
    const auto options = eshm::Options(name).role(eshm::Role::slave).wait_for_master(eshm::forever);
    cancel_in([&] { const eshm::Endpoint slave(options); });
    cancel_in([&] {
        std::error_code code;
        (void)eshm::Endpoint::open(options, code);
    });
    cancel_in([&] { const eshm::Rpc slave(name, eshm::Role::slave); });
    eshm::Endpoint master(name, eshm::Role::master);
    eshm::Endpoint slave(options);
    master.write(8);
    CHECK(slave.read<int>(20s) == 8);
    const eshm::Rpc robot(name, eshm::Role::master), panel(name, eshm::Role::slave);
}

} // namespace

int main() {
    RUN(a_read_that_waits);
    RUN(an_opening_that_waits);
    puts("test_face_cancel: passed");
    return 0;
}
