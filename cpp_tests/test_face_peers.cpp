// The C++ face between two processes: values both ways, ranges and how they end, closing under a read, and fork().
#include "child.h"
#include "eshm.hpp"

#include <thread>

using namespace std::chrono_literals;

namespace {

struct Step {
    uint64_t number;
    double value;
};

eshm::Options options(const Scene& scene, eshm::Role role) {
    return eshm::Options(scene.name).role(role).stale_threshold(std::chrono::milliseconds(scene.stale_threshold_ms))
        .reconnect_retry_interval(5ms).max_reconnect_attempts(0);
}

// A starved machine is no lost peer; tests of a peer that never comes set a short threshold.
Scene new_scene() {
    Scene scene = scene_new("peers");
    scene.stale_threshold_ms = 2000;
    return scene;
}

// Takes the other end and answers each step with twice its value, until the other side is gone.
void echo(Scene* scene) {
    eshm::Endpoint end(options(*scene, static_cast<eshm::Role>(scene->role)));
    event_signal(scene->ready);
    uint64_t heard = 0;
    for (const Step& step : end.values<Step>()) {
        CHECK_EQ(step.number, ++heard);
        end.write(Step{step.number, 2 * step.value});
    }
    CHECK_EQ(heard, 1000);
}

void a_thousand_values_both_ways_until_the_other_is_gone() {
    for (const eshm::Role mine : {eshm::Role::master, eshm::Role::slave}) {
        Scene scene = new_scene();
        scene.role = static_cast<uint32_t>(mine == eshm::Role::master ? eshm::Role::slave : eshm::Role::master);
        eshm::Endpoint end;
        if (mine == eshm::Role::master) end = eshm::Endpoint(options(scene, mine));
        const pid_t child = CHILD_START(echo, &scene);
        event_wait(scene.ready);
        if (!end) end = eshm::Endpoint(options(scene, mine));
        for (uint64_t number = 1; number <= 1000; number++) {
            end.write(Step{number, 0.5 * static_cast<double>(number)});
            const auto answer = end.read<Step>(20s);
            CHECK(answer && answer->number == number && answer->value == static_cast<double>(number));
        }
        end.close();
        child_join(child); // its range ended
        scene_free(scene);
    }
}

// Writes 1, waits to be told, writes 2 and leaves.
void two_values(Scene* scene) {
    eshm::Endpoint slave(options(*scene, eshm::Role::slave));
    slave.write(1);
    event_signal(scene->ready);
    event_wait(scene->go);
    slave.write(2);
}

void a_range_has_what_was_written_last() {
    Scene scene = new_scene();
    eshm::Endpoint master(options(scene, eshm::Role::master));
    const pid_t child = CHILD_START(two_values, &scene);
    event_wait(scene.ready);
    int heard = 0;
    for (const int value : master.values<int>()) {
        CHECK_EQ(value, ++heard);
        if (value != 1) continue;
        event_signal(scene.go);
        child_join(child); // gone before the range looks again
    }
    CHECK_EQ(heard, 2);
    scene_free(scene);
}

void write_and_hang(Scene* scene) {
    eshm::Endpoint end(options(*scene, static_cast<eshm::Role>(scene->role)));
    end.write(scene->text);
    event_signal(scene->ready);
    event_wait(scene->go);
    end.write("written");
    for (;;) pause();
}

void a_range_ends_when_the_peer_is_killed() {
    Scene scene = new_scene();
    scene.role = static_cast<uint32_t>(eshm::Role::slave);
    eshm::Endpoint master(options(scene, eshm::Role::master));
    const pid_t child = CHILD_START(write_and_hang, &scene);
    event_wait(scene.ready);
    event_signal(scene.go);
    CHECK_WITHIN(PATIENCE_MS, master.stats().s2m_write_count == 2); // the first had no byte
    int heard = 0;
    for (const eshm::Message& message : master.values()) {
        CHECK(message.text() == "written");
        heard++;
        child_crash(child);
    }
    CHECK_EQ(heard, 1);
    scene_free(scene);
}

void a_slave_that_shall_not_reconnect_has_its_range_ended_too() {
    Scene scene = new_scene();
    scene.role = static_cast<uint32_t>(eshm::Role::master);
    const pid_t child = CHILD_START(write_and_hang, &scene);
    event_wait(scene.ready);
    eshm::Endpoint slave(options(scene, eshm::Role::slave).disconnect(eshm::Disconnect::immediately));
    event_signal(scene.go);
    int heard = 0;
    for (const eshm::Message& message : slave.values()) {
        CHECK(message.text() == "written");
        heard++;
        child_crash(child);
    }
    CHECK_EQ(heard, 1);
    std::error_code code;
    CHECK(!slave.read(1s, code));
    CHECK(code == eshm::errc::master_stale && code == std::errc::connection_reset);
    slave.write(1, code);
    CHECK(code == std::errc::timed_out);
    scene_free(scene);
}

void a_range_waits_for_a_peer_that_is_not_there_yet() {
    Scene scene = new_scene();
    scene.stale_threshold_ms = 1000;
    eshm::Endpoint master(options(scene, eshm::Role::master));
    CHECK_WITHIN(PATIENCE_MS, !master.remote_alive());
    const double begun = check_now();
    for (const int value : master.values<int>(100ms)) CHECK_EQ(value, 0);
    CHECK(check_now() - begun >= 0.1);
    const pid_t child = CHILD_START(two_values, &scene);
    event_signal(scene.go);
    int last = 0;
    for (const int value : master.values<int>()) {
        CHECK(value > last);
        last = value;
    }
    CHECK_EQ(last, 2);
    child_join(child);
    scene_free(scene);
}

void a_slave_goes_on_with_a_new_range() {
    Scene scene = new_scene();
    scene.role = static_cast<uint32_t>(eshm::Role::master);
    pid_t child = CHILD_START(write_and_hang, &scene);
    event_wait(scene.ready);
    eshm::Endpoint slave(options(scene, eshm::Role::slave));
    for (int round = 0; round < 3; round++) {
        event_signal(scene.go);
        int heard = 0;
        for (const eshm::Message& message : slave.values()) {
            if (message.size() == 0) continue; // the new master's first, if it was still there
            CHECK(message.text() == "written");
            heard++;
            child_crash(child);
        }
        CHECK_EQ(heard, 1);
        child = CHILD_START(write_and_hang, &scene);
        event_wait(scene.ready);
    }
    child_crash(child);
    scene_free(scene);
}

// A slave of a master that left: it looks for another for so long, and then for good no more.
eshm::Endpoint left_alone(const Scene& scene) {
    eshm::Endpoint(options(scene, eshm::Role::master).auto_cleanup(false)).close(); // the segment stays
    return eshm::Endpoint(options(scene, eshm::Role::slave).max_reconnect_attempts(20));
}

void each_wait_of_a_slave_that_gave_up_ends() {
    Scene scene = new_scene();
    eshm::Endpoint slave = left_alone(scene);
    // A range that began before: it waited for a peer that was never seen.
    for (const int value : slave.values<int>()) CHECK_EQ(value, -1);
    CHECK(!slave.remote_alive());
    for (const int value : slave.values<int>()) CHECK_EQ(value, -1);
    for (const int value : slave.values<int>(50ms)) CHECK_EQ(value, -1);
    CHECK(!slave.read<int>(eshm::forever));
    CHECK(!slave.read(eshm::forever));
    CHECK(!slave.read(20ms));
    CHECK(!slave.try_read());
    std::byte few[8];
    CHECK(!slave.read_into(eshm::bytes_span(few, sizeof few), eshm::forever));
    std::error_code code;
    slave.write(1, code);
    CHECK(code == eshm::errc::timeout);
    slave.stats(code);
    CHECK(code == eshm::errc::not_initialized);
    scene_free(scene);
}

void a_range_of_a_slave_that_still_looks_has_the_next_masters_values() {
    Scene scene = new_scene();
    eshm::Endpoint(options(scene, eshm::Role::master).auto_cleanup(false)).close();
    eshm::Endpoint slave(options(scene, eshm::Role::slave)); // looks without limit
    eshm::Endpoint master;
    std::thread writer([&] {
        master = eshm::Endpoint(options(scene, eshm::Role::master));
        CHECK_WITHIN(PATIENCE_MS, master.stats().slave_alive);
        master.write(1);
    });
    int heard = 0;
    for (const int value : slave.values<int>()) {
        CHECK_EQ(value, ++heard);
        writer.join();
        master.close();
    }
    CHECK_EQ(heard, 1);
    scene_free(scene);
}

void closing_wakes_a_read() {
    const Scene scene = new_scene();
    eshm::Endpoint master(options(scene, eshm::Role::master));
    std::atomic<bool> reading{false};
    std::thread reader([&] {
        std::error_code code;
        reading = true;
        CHECK(!master.read(eshm::forever, code));
        CHECK(code == eshm::errc::not_initialized);
    });
    CHECK_WITHIN(PATIENCE_MS, reading);
    check_pause_ms(50); // until it is inside: to overlap earlier would be a mistake of this test's
    master.close();
    reader.join();
    scene_free(scene);
}

void a_forked_child_has_no_part_in_it() {
    const Scene scene = new_scene();
    eshm::Endpoint master(options(scene, eshm::Role::master));
    eshm::Endpoint slave(options(scene, eshm::Role::slave));
    const pid_t child = child_fork();
    if (child == 0) {
        std::error_code code;
        master.write(1, code);
        CHECK(code == eshm::errc::not_initialized);
        CHECK(!slave.read(eshm::forever, code) && code == eshm::errc::not_initialized);
        master.close();
        slave.close();
        eshm::Endpoint own(options(scene, eshm::Role::slave)); // an end of its own
        own.write("child");
        _exit(0);
    }
    child_join(child);
    CHECK(slave.remote_alive());
    CHECK(master.read(20s)->text() == "child");
    scene_free(scene);
}

} // namespace

int main(int argc, char** argv) {
    const ChildBody bodies[] = {CHILD_BODY(echo), CHILD_BODY(two_values), CHILD_BODY(write_and_hang)};
    CHILD_MAIN(argc, argv, bodies);
    RUN(a_thousand_values_both_ways_until_the_other_is_gone);
    RUN(a_range_has_what_was_written_last);
    RUN(a_range_ends_when_the_peer_is_killed);
    RUN(a_slave_that_shall_not_reconnect_has_its_range_ended_too);
    RUN(a_range_waits_for_a_peer_that_is_not_there_yet);
    RUN(a_slave_goes_on_with_a_new_range);
    RUN(each_wait_of_a_slave_that_gave_up_ends);
    RUN(a_range_of_a_slave_that_still_looks_has_the_next_masters_values);
    RUN(closing_wakes_a_read);
    RUN(a_forked_child_has_no_part_in_it);
    puts("test_face_peers: passed");
    return 0;
}
