// The settings of the C++ face: timeouts, and options.
#include "check.h"
#include "endpoint.h"
#include "eshm.hpp"

#include <cstring>
#include <limits>
#include <poll.h>
#include <string>
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

struct Large {
    char bytes[100000];
};

void a_type_may_be_as_large_as_the_capacity() {
    const eshm::Options options = eshm::Options(segment_name("face_type")).capacity(sizeof(Large));
    eshm::Endpoint master(eshm::Options(options).role(eshm::Role::master)), slave(eshm::Options(options).role(eshm::Role::slave));
    const double begun = check_now();
    CHECK(!slave.try_read<Large>());
    Large sent{};
    sent.bytes[99999] = 7;
    master.write(sent);
    const std::optional<Large> got = slave.try_read<Large>();
    CHECK(got && got->bytes[99999] == 7);
    std::error_code code;
    CHECK(!slave.try_read<Large>(code) && !code);
    CHECK(check_now() - begun < 20); // neither waits, however busy the machine
    eshm::Endpoint small(eshm::Options(segment_name("face_type")).role(eshm::Role::master));
    small.write(sent, code);
    CHECK(code == eshm::errc::buffer_too_small);
}

void an_exception_has_the_reason() {
    std::string what;
    try {
        eshm::Endpoint(eshm::Options(segment_name("face_reason")).role(eshm::Role::slave));
    } catch (const eshm::Error& error) {
        what = error.what();
    }
    CHECK(what.find("start the master first") != std::string::npos);

    // The channel is named, and the code's text is there once.
    const std::string name = segment_name("face_named");
    eshm::Endpoint master(eshm::Options(name).role(eshm::Role::master));
    eshm::Endpoint slave(eshm::Options(name).role(eshm::Role::slave).disconnect(eshm::Disconnect::never));
    master.close();
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    what.clear();
    while (what.empty() && std::chrono::steady_clock::now() < end) {
        try {
            slave.write(1);
        } catch (const eshm::Error& error) {
            what = error.what();
        }
        check_pause_ms(1);
    }
    const std::string expected = "write: channel '" + name + "': Operation timed out";
    CHECK_TEXT(what.c_str(), expected.c_str());

    const std::string other = segment_name("face_large");
    eshm::Endpoint small(eshm::Options(other).role(eshm::Role::master).capacity(1));
    try {
        small.write(1);
    } catch (const eshm::Error& error) {
        what = error.what();
    }
    const std::string too_large = "write: channel '" + other + "': the message has 4 bytes, the channel's capacity is 1: Buffer too small";
    CHECK_TEXT(what.c_str(), too_large.c_str());
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

void each_option_becomes_its_member() {
    const ESHMOptions plain = eshm::Options("name").more(), expected = eshm_default_options();
    CHECK(std::memcmp(&plain, &expected, sizeof plain) == 0);
    const eshm::Options options = eshm::Options("name").huge_pages(true).spin(50us).log_level(eshm::LogLevel::error);
    CHECK(options.more().huge_pages && !options.more().prefault);
    CHECK(eshm::Options("name").prefault(true).more().prefault);
    CHECK_EQ(options.more().spin_us, 50);
    CHECK_EQ(options.more().log_level, ESHM_LOG_ERROR);
    const auto us = [](eshm::Spin time) { return eshm::Options("name").spin(time).more().spin_us; };
    CHECK_EQ(us(2ms), 2000);
    CHECK_EQ(us(0us), 0);
    CHECK_EQ(us(-1s), 0);
    CHECK_EQ(us(std::nullopt), ESHM_SPIN_ADAPTIVE);
    CHECK_EQ(us(std::chrono::microseconds::max()), std::int64_t{ESHM_SPIN_ADAPTIVE} - 1);
}

void they_are_accepted_and_work() {
    const std::string name = segment_name("face_options");
    eshm::Endpoint master(eshm::Options(name).role(eshm::Role::master).huge_pages(true).prefault(true).spin(0us)
                              .log_level(eshm::LogLevel::warn));
    eshm::Endpoint slave(name, eshm::Role::slave);
    slave.write(5);
    CHECK_EQ(master.read<int>(10s).value_or(0), 5);
    master.set_spin(std::nullopt);
    slave.write(6);
    CHECK_EQ(master.read<int>(10s).value_or(0), 6);
}

void what_is_out_of_range_is_invalid_and_named() {
    const eshm::Options plain(segment_name("face_options"));
    const struct {
        eshm::Options options;
        const char* reason;
    } bad[] = {{eshm::Options(plain).capacity((1U << 30) + 1), "capacity in bytes is 1073741825"},
               {eshm::Options(plain).mode(01000).role(eshm::Role::master), "mode (0777 is 511) is 512"},
               {eshm::Options(plain).mode(01000).role(eshm::Role::slave), "mode (0777 is 511) is 512"}};
    for (const auto& [options, reason] : bad) {
        std::error_code code;
        CHECK(!eshm::Endpoint::open(options, code));
        CHECK(code == eshm::errc::invalid_param);
        CHECK(code == std::errc::invalid_argument);
        CHECK(std::strstr(eshm_last_error(), reason) != nullptr);
    }
    std::error_code code;
    CHECK(!eshm::Endpoint::open(eshm::Options(plain).mode(0777).role(eshm::Role::slave), code)); // nobody is there
    CHECK(code == eshm::errc::shm_attach);
}

bool readable(int descriptor, int ms) {
    pollfd entry = {descriptor, POLLIN, 0};
    int ready;
    do ready = poll(&entry, 1, ms);
    while (ready < 0); // a signal came between
    return ready == 1 && entry.revents == POLLIN;
}

void the_descriptor_tells_of_messages() {
    const std::string name = segment_name("face_options");
    const auto patient = [&](eshm::Role role) { return eshm::Options(name).role(role).stale_threshold(2s); };
    eshm::Endpoint master(patient(eshm::Role::master)), slave(patient(eshm::Role::slave));
    const int descriptor = master.event_fd();
    CHECK(descriptor >= 0);
    std::error_code code = eshm::errc::timeout;
    CHECK_EQ(master.event_fd(code), descriptor);
    CHECK(!code);
    slave.write(7);
    CHECK(readable(descriptor, 10000));
    while (readable(descriptor, 0)) { // the message, and that the slave has come
        master.remote_alive();
        if (const auto number = master.read<int>(0ms)) CHECK_EQ(*number, 7);
    }
    slave.write(8);
    CHECK(readable(descriptor, 10000));
    CHECK_EQ(master.read<int>(0ms).value_or(0), 8);

    slave = eshm::Endpoint(patient(eshm::Role::slave).use_threads(false));
    CHECK_EQ(slave.event_fd(code), -1);
    CHECK(code == eshm::errc::invalid_param);
    CHECK(std::strstr(eshm_last_error(), "without threads") != nullptr);
    slave.close();
    CHECK_EQ(slave.event_fd(code), -1);
    CHECK(code == eshm::errc::not_initialized);
    bool thrown = false;
    try {
        slave.event_fd();
    } catch (const eshm::Error& error) {
        thrown = error.code() == eshm::errc::not_initialized && std::strncmp(error.what(), "event_fd", 8) == 0;
    }
    CHECK(thrown);
}

} // namespace

int main() {
    RUN(timeouts_are_never_shorter_than_asked);
    RUN(options_become_the_settings_of_the_c_functions);
    RUN(a_message_may_be_as_large_as_was_asked_for);
    RUN(a_type_may_be_as_large_as_the_capacity);
    RUN(an_exception_has_the_reason);
    RUN(each_option_becomes_its_member);
    RUN(they_are_accepted_and_work);
    RUN(what_is_out_of_range_is_invalid_and_named);
    RUN(the_descriptor_tells_of_messages);
    puts("test_face_options: passed");
    return 0;
}
