// A master and a slave in two processes: content both ways, order, waking, the baseline, and many threads on one handle.
#include "child.h"
#include "endpoint.h"

#include <atomic>
#include <thread>
#include <vector>

namespace {

const uint32_t kTrips = 5000;

size_t size_of_message(uint32_t number) { return 4 + number * 37 % (ESHM_MAX_DATA_SIZE - 3); }

void echo_slave(Scene* scene) {
    ESHMHandle* slave = open_as(scene->name, ESHM_ROLE_SLAVE);
    event_signal(scene->ready);
    static uint8_t bytes[ESHM_MAX_DATA_SIZE];
    for (uint32_t number = 1; number <= kTrips; number++) {
        size_t size = 0;
        CHECK_EQ(eshm_read_ex(slave, bytes, sizeof bytes, &size, PATIENCE_MS), ESHM_SUCCESS);
        CHECK_EQ(size, size_of_message(number));
        pattern_check(bytes, size, number);
        pattern_fill(bytes, size, ~number);
        CHECK_EQ(eshm_write(slave, bytes, size), ESHM_SUCCESS);
    }
    event_wait(scene->go); // the last answer must be read before the slave leaves
    close_end(slave);
}

void every_message_of_a_ping_pong_arrives_whole() {
    const Scene scene = scene_new("pair");
    ESHMHandle* master = open_as(scene.name, ESHM_ROLE_MASTER);
    const pid_t child = CHILD_START(echo_slave, &scene);
    event_wait(scene.ready);
    static uint8_t bytes[ESHM_MAX_DATA_SIZE];
    for (uint32_t number = 1; number <= kTrips; number++) {
        const size_t wanted = size_of_message(number);
        size_t size = 0;
        pattern_fill(bytes, wanted, number);
        CHECK_EQ(eshm_write(master, bytes, wanted), ESHM_SUCCESS);
        CHECK_EQ(eshm_read_ex(master, bytes, sizeof bytes, &size, PATIENCE_MS), ESHM_SUCCESS);
        CHECK_EQ(size, wanted);
        pattern_check(bytes, size, ~number);
    }
    CHECK_WITHIN(PATIENCE_MS, stats_of(master).m2s_read_count == kTrips); // a fast reader counts by its ticks
    const ESHMStats stats = stats_of(master);
    CHECK_EQ(stats.m2s_write_count, kTrips);
    CHECK_EQ(stats.s2m_write_count, kTrips);
    CHECK_EQ(stats.s2m_read_count, kTrips);
    CHECK_EQ(stats.slave_pid, child);
    event_signal(scene.go);
    child_join(child);
    CHECK_WITHIN(PATIENCE_MS, !peer_alive(master));
    close_end(master);
    scene_free(scene);
}

const uint32_t kFlood = 200000;

void flooded_slave(Scene* scene) {
    ESHMHandle* slave = open_as(scene->name, ESHM_ROLE_SLAVE);
    event_signal(scene->ready);
    static uint8_t bytes[ESHM_MAX_DATA_SIZE];
    uint32_t last = 0, seen = 0;
    while (last != kFlood) { // the newest is never lost, so the last one always arrives
        size_t size = 0;
        CHECK_EQ(eshm_read_ex(slave, bytes, sizeof bytes, &size, PATIENCE_MS), ESHM_SUCCESS);
        const uint32_t number = pattern_number(bytes);
        CHECK(number > last); // none twice, none out of order
        CHECK_EQ(size, 4 + number % 61);
        pattern_check(bytes, size, number);
        last = number;
        seen++;
    }
    expect_nothing(slave);
    printf("    %u of %u messages seen\n", seen, kFlood);
    close_end(slave);
}

void a_flood_is_seen_in_order_and_none_twice() {
    const Scene scene = scene_new("pair");
    ESHMHandle* master = open_as(scene.name, ESHM_ROLE_MASTER);
    const pid_t child = CHILD_START(flooded_slave, &scene);
    event_wait(scene.ready);
    uint8_t bytes[64];
    for (uint32_t number = 1; number <= kFlood; number++) {
        pattern_fill(bytes, 4 + number % 61, number);
        CHECK_EQ(eshm_write(master, bytes, 4 + number % 61), ESHM_SUCCESS);
    }
    child_join(child);
    close_end(master);
    scene_free(scene);
}

void late_slave(Scene* scene) {
    ESHMHandle* slave = open_as(scene->name, ESHM_ROLE_SLAVE);
    expect_nothing(slave); // what was there before it came is not new
    event_signal(scene->ready);
    event_wait(scene->go);
    expect_text(slave, "after"); // written before its first read of it, but after it attached
    close_end(slave);
}

void reads_begin_with_what_is_written_after_the_attach() {
    const Scene scene = scene_new("pair");
    ESHMHandle* master = open_as(scene.name, ESHM_ROLE_MASTER);
    send_text(master, "before");
    const pid_t child = CHILD_START(late_slave, &scene);
    event_wait(scene.ready);
    send_text(master, "after");
    event_signal(scene.go);
    child_join(child);
    close_end(master);
    scene_free(scene);
}

void waiting_slave(Scene* scene) {
    ESHMHandle* slave = open_as(scene->name, ESHM_ROLE_SLAVE);
    for (int i = 0; i < 5; i++) {
        char text[16];
        size_t size = 0;
        event_signal(scene->ready);
        CHECK_EQ(eshm_read_ex(slave, text, sizeof text, &size, ESHM_TIMEOUT_INFINITE), ESHM_SUCCESS);
        CHECK_TEXT(text, "wake up");
    }
    close_end(slave);
}

void a_write_wakes_a_parked_reader() {
    const Scene scene = scene_new("pair");
    ESHMHandle* master = open_as(scene.name, ESHM_ROLE_MASTER);
    const pid_t child = CHILD_START(waiting_slave, &scene);
    for (int i = 0; i < 5; i++) {
        event_wait(scene.ready);
        check_pause_ms(60); // long enough to park; whether it did, it must hear
        send_text(master, "wake up");
    }
    child_join(child);
    close_end(master);
    scene_free(scene);
}

const int kWriters = 3, kReaders = 2;
const uint32_t kWritesEach = 20000;
const size_t kSize = ESHM_MAX_DATA_SIZE < 3000 ? ESHM_MAX_DATA_SIZE : 3000;

void threaded_slave(Scene* scene) {
    ESHMHandle* slave = open_as(scene->name, ESHM_ROLE_SLAVE);
    std::atomic<uint32_t> seen(0);
    std::vector<std::thread> readers;
    for (int i = 0; i < kReaders; i++)
        readers.emplace_back([&] {
            std::vector<uint8_t> bytes(kSize);
            for (;;) {
                size_t size = 0;
                CHECK_EQ(eshm_read_ex(slave, bytes.data(), bytes.size(), &size, PATIENCE_MS), ESHM_SUCCESS);
                if (size == 0) break; // the end, written again and again until all readers have seen it
                CHECK_EQ(size, kSize);
                for (uint8_t byte : bytes) CHECK_EQ(byte, bytes[0]);
                seen++;
            }
        });
    event_signal(scene->ready);
    for (std::thread& reader : readers) reader.join();
    printf("    %u of %u messages seen by %d readers\n", seen.load(), kWriters * kWritesEach, kReaders);
    close_end(slave);
}

void many_threads_on_one_handle_tear_nothing() {
    const Scene scene = scene_new("pair");
    ESHMHandle* master = open_as(scene.name, ESHM_ROLE_MASTER);
    const pid_t child = CHILD_START(threaded_slave, &scene);
    event_wait(scene.ready);
    std::vector<std::thread> writers;
    for (int i = 0; i < kWriters; i++)
        writers.emplace_back([master, i] {
            const std::vector<uint8_t> bytes(kSize, static_cast<uint8_t>('A' + i));
            for (uint32_t n = 0; n < kWritesEach; n++) {
                int rc; // a busy machine may stop a writer halfway for longer than the others wait for it
                do rc = eshm_write(master, bytes.data(), kSize);
                while (rc == ESHM_ERROR_TIMEOUT);
                CHECK_EQ(rc, ESHM_SUCCESS);
            }
        });
    for (std::thread& writer : writers) writer.join();
    CHECK_EQ(stats_of(master).m2s_write_count, kWriters * kWritesEach); // none got in another's way
    CHECK_WITHIN(PATIENCE_MS, eshm_write(master, "", 0) == ESHM_SUCCESS && !slave_attached(master));
    child_join(child);
    close_end(master);
    scene_free(scene);
}

} // namespace

int main(int argc, char** argv) {
    const ChildBody bodies[] = {CHILD_BODY(echo_slave), CHILD_BODY(flooded_slave), CHILD_BODY(late_slave),
                                CHILD_BODY(waiting_slave), CHILD_BODY(threaded_slave)};
    CHILD_MAIN(argc, argv, bodies);
    RUN(every_message_of_a_ping_pong_arrives_whole);
    RUN(a_flood_is_seen_in_order_and_none_twice);
    RUN(reads_begin_with_what_is_written_after_the_attach);
    RUN(a_write_wakes_a_parked_reader);
    RUN(many_threads_on_one_handle_tear_nothing);
    puts("test_master_slave: passed");
    return 0;
}
