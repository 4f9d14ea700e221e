// The settings of the C++ face: timeouts, and options.
#include "check.h"
#include "endpoint.h"
#include "eshm.hpp"

#include <cstring>
#include <limits>
#include <vector>

using namespace std::chrono_literals;

namespace {

void timeouts_are_never_shorter_than_asked() {
    const auto ms = [](eshm::Timeout timeout) { return timeout.milliseconds(); };
    CHECK_EQ(ms(0s), 0);
    CHECK_EQ(ms(1ns), 1);
    CHECK_EQ(ms(1500us), 2);
    CHECK_EQ(ms(1000000000ns), 1000);
    CHECK_EQ(ms(std::chrono::duration<float>(0.25F)), 250);
    CHECK_EQ(ms(-1h), 0);
    CHECK_EQ(ms(std::chrono::duration<double>(std::numeric_limits<double>::quiet_NaN())), 0);
    CHECK_EQ(ms(4294967294ms), 4294967294LL);
    for (const eshm::Timeout timeout : {eshm::Timeout(4294967295ms), eshm::Timeout(std::chrono::hours::max()), eshm::forever}) {
        CHECK(timeout.infinite());
        CHECK_EQ(ms(timeout), ESHM_TIMEOUT_INFINITE);
    }
}

void options_become_the_settings_of_the_c_functions() {
    const ESHMConfig plain = eshm::Options("name").config(), expected = eshm_default_config("name");
    CHECK_EQ(plain.role, expected.role);
    CHECK_EQ(plain.disconnect_behavior, expected.disconnect_behavior);
    CHECK_EQ(plain.stale_threshold_ms, expected.stale_threshold_ms);
    CHECK_EQ(plain.reconnect_wait_ms, expected.reconnect_wait_ms);
    CHECK(plain.auto_cleanup && plain.use_threads);
    const eshm::Options options = eshm::Options("name").role(eshm::Role::slave).disconnect(eshm::Disconnect::never)
                                      .stale_threshold(1s).reconnect_wait(eshm::forever).reconnect_retry_interval(7ms)
                                      .max_reconnect_attempts(9).auto_cleanup(false).use_threads(false);
    const ESHMConfig config = options.config();
    CHECK_TEXT(config.shm_name, "name");
    CHECK_EQ(config.role, ESHM_ROLE_SLAVE);
    CHECK_EQ(config.disconnect_behavior, ESHM_DISCONNECT_NEVER);
    CHECK_EQ(config.stale_threshold_ms, 1000);
    CHECK_EQ(config.reconnect_wait_ms, 0);
    CHECK_EQ(config.reconnect_retry_interval_ms, 7);
    CHECK_EQ(config.max_reconnect_attempts, 9);
    CHECK(!config.auto_cleanup && !config.use_threads);
    CHECK_EQ(eshm::Options("name").reconnect_wait(3s).config().reconnect_wait_ms, 3000);
}

void a_message_may_be_as_large_as_was_asked_for() {
    const eshm::Options options = eshm::Options(segment_name("face_large")).capacity(300000).exact_capacity(true).mode(0600)
                                      .first_value(true).wait_for_master(1s);
    eshm::Endpoint master(eshm::Options(options).role(eshm::Role::master));
    CHECK_EQ(master.capacity(), 300000);
    const std::vector<std::byte> large(300000, std::byte{7});
    master.write(large);
    eshm::Endpoint slave(eshm::Options(options).role(eshm::Role::slave));
    const auto message = slave.read(0ms); // was current as it came
    CHECK(message && message->size() == large.size());
    std::error_code code;
    CHECK(!eshm::Endpoint::open(eshm::Options(options).role(eshm::Role::slave).capacity(200000), code));
    CHECK(code == eshm::errc::shm_attach);
    CHECK(std::strstr(eshm_last_error(), "200000") != nullptr);
    slave.close();
    CHECK_EQ(slave.capacity(), 0);
}

} // namespace

int main() {
    RUN(timeouts_are_never_shorter_than_asked);
    RUN(options_become_the_settings_of_the_c_functions);
    RUN(a_message_may_be_as_large_as_was_asked_for);
    puts("test_face_options: passed");
    return 0;
}
