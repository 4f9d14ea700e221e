// One process, both ends: configuration, life of a segment, messages of every size, statistics, and the segment itself as a
// program sees it that maps it through the structs of eshm_data.h.
#include "endpoint.h"

#include <atomic>
#include <thread>
#include <vector>

static void default_config_is_documented() {
    const ESHMConfig config = eshm_default_config("name");
    CHECK_TEXT(config.shm_name, "name");
    CHECK_EQ(config.role, ESHM_ROLE_AUTO);
    CHECK_EQ(config.disconnect_behavior, ESHM_DISCONNECT_ON_TIMEOUT);
    CHECK_EQ(config.stale_threshold_ms, 100);
    CHECK_EQ(config.reconnect_wait_ms, 5000);
    CHECK_EQ(config.reconnect_retry_interval_ms, 100);
    CHECK_EQ(config.max_reconnect_attempts, 50);
    CHECK(config.auto_cleanup);
    CHECK(config.use_threads);
}

static void config_need_not_outlive_init() {
    char name[64];
    snprintf(name, sizeof name, "%s", segment_name("basic"));
    ESHMConfig config = settings(name, ESHM_ROLE_MASTER);
    ESHMHandle* master = open_with(&config);
    const unsigned long long inode = segment_inode(name);
    char again[64];
    snprintf(again, sizeof again, "%s", name);
    memset(&config, 0xaa, sizeof config);
    memset(name, 'z', sizeof name - 1);
    CHECK_EQ(segment_inode(again), inode);
    close_end(master); // removes the right name
    CHECK_EQ(segment_inode(again), 0);
}

static void master_makes_and_removes_the_segment() {
    const char* name = segment_name("basic");
    ESHMHandle* master = open_as(name, ESHM_ROLE_MASTER);
    CHECK_EQ(role_of(master), ESHM_ROLE_MASTER);
    char path[128];
    struct stat status;
    snprintf(path, sizeof path, "/dev/shm/eshm_%s", name);
    CHECK_EQ(stat(path, &status), 0);
    CHECK_EQ(status.st_size, sizeof(ESHMData));
    ESHMHandle* slave = open_as(name, ESHM_ROLE_SLAVE);
    CHECK_EQ(role_of(slave), ESHM_ROLE_SLAVE);
    close_end(slave);
    CHECK(segment_inode(name) != 0);
    close_end(master);
    CHECK_EQ(segment_inode(name), 0);
}

static void without_auto_cleanup_the_segment_stays() {
    const char* name = segment_name("basic");
    ESHMConfig config = settings(name, ESHM_ROLE_MASTER);
    config.auto_cleanup = false;
    close_end(open_with(&config));
    CHECK(segment_inode(name) != 0);
}

static void a_slash_in_the_name_counts_as_underscore() {
    char plain[64], slashed[64];
    snprintf(plain, sizeof plain, "%s_x", segment_name("basic"));
    segment_adopt(plain);
    snprintf(slashed, sizeof slashed, "%s", plain);
    slashed[strlen(slashed) - 2] = '/';
    ESHMHandle* master = open_as(slashed, ESHM_ROLE_MASTER);
    CHECK(segment_inode(plain) != 0);
    ESHMHandle* slave = open_as(plain, ESHM_ROLE_SLAVE);
    send_text(master, "hello");
    expect_text(slave, "hello");
    close_end(slave);
    close_end(master);
}

static void both_directions_and_each_message_once() {
    const char* name = segment_name("basic");
    ESHMHandle *master = open_as(name, ESHM_ROLE_MASTER), *slave = open_as(name, ESHM_ROLE_SLAVE);
    expect_nothing(master);
    expect_nothing(slave);
    send_text(master, "to slave");
    expect_text(slave, "to slave");
    expect_nothing(slave);
    expect_nothing(master); // its own message is not for it
    send_text(slave, "to master");
    expect_text(master, "to master");
    expect_nothing(master);
    close_end(slave);
    close_end(master);
}

static void the_newest_message_replaces_the_others() {
    const char* name = segment_name("basic");
    ESHMHandle *master = open_as(name, ESHM_ROLE_MASTER), *slave = open_as(name, ESHM_ROLE_SLAVE);
    send_text(master, "one");
    send_text(master, "two");
    send_text(master, "three");
    expect_text(slave, "three");
    expect_nothing(slave);
    close_end(slave);
    close_end(master);
}

static void messages_of_every_kind_of_size() {
    const char* name = segment_name("basic");
    ESHMHandle *master = open_as(name, ESHM_ROLE_MASTER), *slave = open_as(name, ESHM_ROLE_SLAVE);
    static uint8_t out[ESHM_MAX_DATA_SIZE], in[ESHM_MAX_DATA_SIZE];
    std::vector<size_t> sizes = {ESHM_MAX_DATA_SIZE, ESHM_MAX_DATA_SIZE - 1, ESHM_MAX_DATA_SIZE / 2};
    for (size_t size = 0; size <= 130 && size <= ESHM_MAX_DATA_SIZE; size++) sizes.push_back(size);
    for (size_t size = 256; size <= ESHM_MAX_DATA_SIZE; size *= 2) {
        sizes.push_back(size - 1);
        sizes.push_back(size);
    }
    uint32_t number = 0;
    for (size_t size : sizes) {
        ESHMHandle *from = number % 2 ? slave : master, *to = number % 2 ? master : slave;
        pattern_fill(out, size, ++number);
        memset(in, 0x5a, sizeof in);
        size_t got = 99;
        CHECK_EQ(eshm_write(from, out, size), ESHM_SUCCESS);
        CHECK_EQ(eshm_read_ex(to, in, size, &got, PATIENCE_MS), ESHM_SUCCESS); // a buffer of just this size will do
        CHECK_EQ(got, size);
        pattern_check(in, size, number);
        for (size_t i = size; i < sizeof in; i++) CHECK_EQ(in[i], 0x5a); // and nothing behind it was touched
    }
    close_end(slave);
    close_end(master);
}

static void simple_read_returns_the_size() {
    const char* name = segment_name("basic");
    ESHMHandle *master = open_as(name, ESHM_ROLE_MASTER), *slave = open_as(name, ESHM_ROLE_SLAVE);
    char buffer[16];
    CHECK_EQ(eshm_write(master, "abc", 3), ESHM_SUCCESS);
    CHECK_EQ(eshm_read(slave, buffer, sizeof buffer), 3);
    CHECK_EQ(eshm_write(master, "", 0), ESHM_SUCCESS);
    CHECK_EQ(eshm_read(slave, buffer, sizeof buffer), 0);
    CHECK_EQ(eshm_write(master, "abcd", 4), ESHM_SUCCESS);
    CHECK_EQ(eshm_read_ex(slave, buffer, sizeof buffer, NULL, 0), ESHM_SUCCESS); // the size is not wanted
    close_end(slave);
    close_end(master);
}

static void statistics_count() {
    const char* name = segment_name("basic");
    ESHMHandle *master = open_as(name, ESHM_ROLE_MASTER), *slave = open_as(name, ESHM_ROLE_SLAVE);
    for (int i = 0; i < 5; i++) send_text(master, "m");
    expect_text(slave, "m");
    for (int i = 0; i < 3; i++) {
        send_text(slave, "s");
        expect_text(master, "s");
    }
    const ESHMStats stats = stats_of(slave);
    CHECK_EQ(stats.m2s_write_count, 5);
    CHECK_EQ(stats.m2s_read_count, 1);
    CHECK_EQ(stats.s2m_write_count, 3);
    CHECK_EQ(stats.s2m_read_count, 3);
    CHECK_EQ(stats.master_pid, getpid());
    CHECK_EQ(stats.slave_pid, getpid());
    CHECK(stats.master_alive && stats.slave_alive);
    CHECK_EQ(stats.stale_threshold, PATIENT_THRESHOLD_MS);
    close_end(slave);
    CHECK_WITHIN(PATIENCE_MS, !stats_of(master).slave_alive);
    close_end(master);
}

static void heartbeats_advance_and_deltas_are_since_the_last_look() {
    const char* name = segment_name("basic");
    ESHMHandle *master = open_as(name, ESHM_ROLE_MASTER), *slave = open_as(name, ESHM_ROLE_SLAVE);
    CHECK_WITHIN(PATIENCE_MS, stats_of(master).master_heartbeat >= 20 && stats_of(master).slave_heartbeat >= 20);
    const ESHMStats first = stats_of(slave); // the slave's first look: since 0
    CHECK_EQ(first.master_heartbeat_delta, first.master_heartbeat);
    CHECK_EQ(first.slave_heartbeat_delta, first.slave_heartbeat);
    const ESHMStats second = stats_of(slave);
    CHECK_EQ(second.master_heartbeat_delta, second.master_heartbeat - first.master_heartbeat);
    CHECK_EQ(second.slave_heartbeat_delta, second.slave_heartbeat - first.slave_heartbeat);
    close_end(slave);
    close_end(master);
}

static void without_threads_calls_do_the_beating() {
    const char* name = segment_name("basic");
    ESHMConfig config = settings(name, ESHM_ROLE_MASTER);
    config.use_threads = false;
    ESHMHandle* master = open_with(&config);
    config.role = ESHM_ROLE_SLAVE;
    ESHMHandle* slave = open_with(&config);
    for (int i = 0; i < 3; i++) {
        const uint64_t before = stats_of(master).master_heartbeat;
        CHECK_EQ(eshm_update_heartbeat(master), ESHM_SUCCESS);
        CHECK(stats_of(master).master_heartbeat > before);
    }
    send_text(master, "x");
    expect_text(slave, "x");
    close_end(slave);
    close_end(master);
}

// A reader that waits is woken by a message.
static void check_hears(ESHMHandle* master, ESHMHandle* slave) {
    std::atomic<bool> heard(false);
    std::thread reader([&] {
        expect_text(slave, "wake");
        heard = true;
    });
    check_pause_ms(20); // so that the reader most likely waits already; it must hear in either case
    send_text(master, "wake");
    reader.join();
    CHECK(heard);
}

static void wakeup_modes() {
    const char* name = segment_name("basic");
    ESHMHandle *master = open_as(name, ESHM_ROLE_MASTER), *slave = open_as(name, ESHM_ROLE_SLAVE);
    enum ESHMWakeupMode mode = ESHM_WAKEUP_POLL;
    CHECK_EQ(eshm_get_wakeup_mode(slave, &mode), ESHM_SUCCESS);
    CHECK_EQ(mode, ESHM_WAKEUP_PUSH);
    const enum ESHMWakeupMode modes[] = {ESHM_WAKEUP_POLL, ESHM_WAKEUP_PUSH};
    for (enum ESHMWakeupMode wanted : modes) {
        CHECK_EQ(eshm_set_wakeup_mode(slave, wanted), ESHM_SUCCESS);
        CHECK_EQ(eshm_get_wakeup_mode(slave, &mode), ESHM_SUCCESS);
        CHECK_EQ(mode, wanted);
        check_hears(master, slave);
    }
    close_end(slave);
    close_end(master);
}

// Whatever a reader does before it parks, it hears.
static void spins() {
    const char* name = segment_name("basic");
    ESHMHandle *master = open_as(name, ESHM_ROLE_MASTER), *slave = open_as(name, ESHM_ROLE_SLAVE);
    for (const uint32_t microseconds : {0U, 50U, 1000000U, ESHM_SPIN_ADAPTIVE}) {
        CHECK_EQ(eshm_set_spin_us(slave, microseconds), ESHM_SUCCESS);
        check_hears(master, slave);
        char byte;
        const double start = check_now();
        CHECK_EQ(eshm_read_ex(slave, &byte, 1, NULL, 20), ESHM_ERROR_TIMEOUT); // a spin ends with the timeout too
        CHECK(check_now() - start >= 0.02);
    }
    close_end(slave);
    close_end(master);
}

static void the_segment_is_as_the_structs_say() {
    const char* name = segment_name("basic");
    ESHMHandle *master = open_as(name, ESHM_ROLE_MASTER), *slave = open_as(name, ESHM_ROLE_SLAVE);
    char path[128];
    snprintf(path, sizeof path, "/eshm_%s", name);
    const int file = shm_open(path, O_RDONLY, 0);
    CHECK(file >= 0);
    void* memory = mmap(NULL, sizeof(ESHMData), PROT_READ, MAP_SHARED, file, 0);
    CHECK(memory != MAP_FAILED);
    close(file);
    const ESHMData* data = static_cast<const ESHMData*>(memory);
    CHECK_EQ(data->header.magic, ESHM_MAGIC);
    CHECK_EQ(data->header.version, ESHM_VERSION);
    CHECK_EQ(data->header.features & ESHM_FEATURE_FUTEX_WAKE, ESHM_FEATURE_FUTEX_WAKE);
    CHECK_EQ(data->header.layout_size, sizeof(ESHMData));
    CHECK_EQ(data->header.capacity, ESHM_MAX_DATA_SIZE);
    CHECK_EQ(data->header.master_generation, 1);
    CHECK_EQ(data->header.master_pid, getpid());
    CHECK_EQ(data->header.stale_threshold, PATIENT_THRESHOLD_MS);

    const ESHMChannel *down = &data->master_to_slave, *up = &data->slave_to_master;
    const uint32_t before = up->seqlock.sequence, signals = up->wake_seq;
    send_text(slave, "look");
    CHECK_EQ(up->seqlock.sequence, before + 2);
    CHECK_EQ(up->data_size, 5);
    CHECK_EQ(up->write_count, 1);
    CHECK_EQ(up->wake_seq, signals + 1);
    const char text[] = "look";
    for (size_t i = 0; i < sizeof text; i++) CHECK_EQ(up->data[i], text[i]);
    CHECK_EQ(down->write_count, 0);
    expect_text(master, "look");
    CHECK_EQ(up->read_count, 1);
    const uint64_t beat = data->header.slave_heartbeat;
    CHECK_WITHIN(PATIENCE_MS, data->header.slave_heartbeat > beat);

    close_end(slave);
    CHECK_EQ(data->header.slave_alive, 0);
    close_end(master);
    CHECK_EQ(data->header.master_alive, 0);
    munmap(memory, sizeof(ESHMData));
}

int main() {
    RUN(default_config_is_documented);
    RUN(config_need_not_outlive_init);
    RUN(master_makes_and_removes_the_segment);
    RUN(without_auto_cleanup_the_segment_stays);
    RUN(a_slash_in_the_name_counts_as_underscore);
    RUN(both_directions_and_each_message_once);
    RUN(the_newest_message_replaces_the_others);
    RUN(messages_of_every_kind_of_size);
    RUN(simple_read_returns_the_size);
    RUN(statistics_count);
    RUN(heartbeats_advance_and_deltas_are_since_the_last_look);
    RUN(without_threads_calls_do_the_beating);
    RUN(wakeup_modes);
    RUN(spins);
    RUN(the_segment_is_as_the_structs_say);
    puts("test_basic: passed");
    return 0;
}
