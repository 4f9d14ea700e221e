// A slave finds its way back: to a new master in the same segment, in a fresh one, once and many times; gives up where it is
// told to and nowhere else; and leaks nothing on the way. Masters are processes that are killed.
#include "child.h"
#include "endpoint.h"

#include <atomic>
#include <dirent.h>
#include <thread>

namespace {

// A master that writes one message, echoes what it hears and holds on until told to go.
void run_master(Scene* scene) {
    ESHMHandle* master = open_as(scene->name, ESHM_ROLE_MASTER);
    if (scene->text[0] != '\0') send_text(master, scene->text);
    event_signal(scene->ready);
    while (!event_pending(scene->go)) {
        char text[64];
        size_t size = 0;
        const int rc = eshm_read_ex(master, text, sizeof text, &size, 20);
        CHECK(rc == ESHM_SUCCESS || rc == ESHM_ERROR_TIMEOUT);
        if (rc == ESHM_SUCCESS) CHECK_EQ(eshm_write(master, text, size), ESHM_SUCCESS);
    }
    event_wait(scene->go);
    close_end(master);
}

// `text` is what it writes first; "" for nothing.
pid_t start_master(Scene& scene, const char* text) {
    snprintf(scene.text, sizeof scene.text, "%s", text);
    const pid_t child = CHILD_START(run_master, &scene);
    event_wait(scene.ready);
    return child;
}

void leave(const Scene& scene, pid_t master) {
    event_signal(scene.go);
    child_join(master);
}

// Both directions work.
void check_talking(ESHMHandle* slave, const char* text) {
    CHECK_WITHIN(PATIENCE_MS, eshm_write(slave, text, strlen(text) + 1) == ESHM_SUCCESS);
    expect_text(slave, text);
    CHECK_WITHIN(PATIENCE_MS, peer_alive(slave));
}

void a_new_master_takes_over_in_place() {
    Scene scene = scene_new("again");
    pid_t master = start_master(scene, "");
    ESHMHandle* slave = open_as(scene.name, ESHM_ROLE_SLAVE);
    check_talking(slave, "first");
    const unsigned long long inode = segment_inode(scene.name);
    const uint64_t written = stats_of(slave).m2s_write_count;
    child_crash(master);
    master = start_master(scene, "from the successor");
    expect_text(slave, "from the successor");
    CHECK_EQ(segment_inode(scene.name), inode);
    CHECK_WITHIN(PATIENCE_MS, stats_of(slave).master_pid == master);
    CHECK_EQ(stats_of(slave).m2s_write_count, written + 1); // counts go on
    check_talking(slave, "second");
    leave(scene, master);
    close_end(slave);
    scene_free(scene);
}

void a_fresh_segment_delivers_its_first_message() {
    Scene scene = scene_new("again");
    pid_t master = start_master(scene, "");
    ESHMHandle* slave = open_as(scene.name, ESHM_ROLE_SLAVE);
    check_talking(slave, "old");
    const unsigned long long inode = segment_inode(scene.name);
    child_crash(master);
    // A second file of that name, as after a reboot of the other side or an rm; keeps the old inode's number taken.
    char path[SEGMENT_NAME_SIZE];
    snprintf(path, sizeof path, "/dev/shm/eshm_%s", scene.name);
    const int keep = open(path, O_RDONLY);
    CHECK(keep >= 0);
    segment_unlink(scene.name);
    master = start_master(scene, "first of the new"); // written before the slave can have come
    CHECK(segment_inode(scene.name) != inode);
    expect_text(slave, "first of the new");
    check_talking(slave, "new");
    CHECK_EQ(stats_of(slave).master_pid, master);
    close(keep);
    leave(scene, master);
    close_end(slave);
    scene_free(scene);
}

void a_master_that_left_and_came_back() {
    Scene scene = scene_new("again");
    pid_t master = start_master(scene, "");
    ESHMHandle* slave = open_as(scene.name, ESHM_ROLE_SLAVE);
    leave(scene, master);
    CHECK_WITHIN(PATIENCE_MS, detached(slave));
    CHECK_EQ(segment_inode(scene.name), 0);
    master = start_master(scene, "back");
    expect_text(slave, "back");
    check_talking(slave, "hello again");
    leave(scene, master);
    close_end(slave);
    scene_free(scene);
}

void a_waiting_read_spans_the_reconnection() {
    Scene scene = scene_new("again");
    pid_t master = start_master(scene, "");
    ESHMHandle* slave = open_as(scene.name, ESHM_ROLE_SLAVE);
    std::thread reader([slave] {
        char text[64];
        size_t size = 0;
        CHECK_EQ(eshm_read_ex(slave, text, sizeof text, &size, ESHM_TIMEOUT_INFINITE), ESHM_SUCCESS);
        CHECK_TEXT(text, "at last");
    });
    child_crash(master);
    CHECK_WITHIN(PATIENCE_MS, detached(slave));
    segment_unlink(scene.name);
    master = start_master(scene, "at last");
    reader.join();
    leave(scene, master);
    close_end(slave);
    scene_free(scene);
}

void talk_and_hang(Scene* scene) {
    check_talking(open_as(scene->name, ESHM_ROLE_SLAVE), "slave");
    event_signal(scene->ready);
    for (;;) pause();
}

void a_new_slave_replaces_a_crashed_one() {
    Scene scene = scene_new("again");
    const pid_t master = start_master(scene, "");
    for (int round = 0; round < 3; round++) {
        const pid_t child = CHILD_START(talk_and_hang, &scene);
        event_wait(scene.ready);
        child_crash(child);
    }
    ESHMHandle* slave = open_as(scene.name, ESHM_ROLE_SLAVE);
    check_talking(slave, "the last of four");
    leave(scene, master);
    close_end(slave);
    scene_free(scene);
}

int count_entries(const char* folder) {
    int count = 0;
    DIR* entries = opendir(folder);
    CHECK(entries != NULL);
    while (readdir(entries) != NULL) count++;
    closedir(entries);
    return count;
}

int count_mappings() {
    int count = 0;
    char line[512];
    FILE* maps = fopen("/proc/self/maps", "r");
    CHECK(maps != NULL);
    while (fgets(line, sizeof line, maps) != NULL) count += strstr(line, "/dev/shm/eshm_") != NULL;
    fclose(maps);
    return count;
}

void many_reconnections_leak_nothing() {
    Scene scene = scene_new("again");
    pid_t master = start_master(scene, "");
    ESHMHandle* slave = open_as(scene.name, ESHM_ROLE_SLAVE);
    int files = 0, mappings = 0, threads = 0;
    for (int round = 0; round < 12; round++) {
        char text[32];
        snprintf(text, sizeof text, "round %d", round);
        child_crash(master);
        if (round % 2) segment_unlink(scene.name); // by turns a fresh segment and a takeover
        master = start_master(scene, text);
        expect_text(slave, text);
        check_talking(slave, "fine");
        if (round == 3) { // after the first of each kind
            files = count_entries("/proc/self/fd");
            mappings = count_mappings();
            threads = count_entries("/proc/self/task");
        }
    }
    // No more than before; the library may just have had one more open then, and a leak would be of several.
    CHECK_WITHIN(PATIENCE_MS, count_entries("/proc/self/fd") <= files);
    CHECK_WITHIN(PATIENCE_MS, count_mappings() <= mappings);
    CHECK_WITHIN(PATIENCE_MS, count_entries("/proc/self/task") <= threads);
    leave(scene, master);
    close_end(slave);
    CHECK_EQ(count_mappings(), 0);
    scene_free(scene);
}

// The slave with these limits loses its master for `gone_ms`; whether it is back within `patience` ms after the master came again.
bool comes_back(ESHMConfig config, long gone_ms, long patience) {
    Scene scene = scene_new("again");
    pid_t master = start_master(scene, "");
    config.shm_name = scene.name;
    config.role = ESHM_ROLE_SLAVE;
    ESHMHandle* slave = open_with(&config);
    leave(scene, master);
    CHECK_WITHIN(PATIENCE_MS, detached(slave));
    check_pause_ms(gone_ms); // the time that the limits are about
    master = start_master(scene, "");
    bool back = false;
    for (const double end = check_now() + patience / 1e3; !back && check_now() < end; check_pause_ms(2)) back = peer_alive(slave);
    leave(scene, master);
    close_end(slave);
    scene_free(scene);
    return back;
}

void gives_up_after_so_many_attempts() {
    ESHMConfig config = eshm_default_config(NULL);
    config.max_reconnect_attempts = 3;
    config.reconnect_retry_interval_ms = 10;
    CHECK(!comes_back(config, 500, 1000));
}

void gives_up_after_so_long() {
    ESHMConfig config = eshm_default_config(NULL);
    config.max_reconnect_attempts = 0;
    config.reconnect_wait_ms = 100;
    config.reconnect_retry_interval_ms = 10;
    CHECK(!comes_back(config, 500, 1000));
}

void never_does_not_give_up() {
    ESHMConfig config = eshm_default_config(NULL);
    config.disconnect_behavior = ESHM_DISCONNECT_NEVER;
    config.max_reconnect_attempts = 1;
    config.reconnect_wait_ms = 20;
    config.reconnect_retry_interval_ms = 10;
    CHECK(comes_back(config, 300, PATIENCE_MS));
}

void limits_of_zero_are_none() {
    ESHMConfig config = eshm_default_config(NULL);
    config.max_reconnect_attempts = 0;
    config.reconnect_wait_ms = 0;
    config.reconnect_retry_interval_ms = 10;
    CHECK(comes_back(config, 300, PATIENCE_MS));
}

// No limit of attempts means no limit of time either, unless one was chosen.
void no_limit_of_attempts_outlasts_the_default_time() {
    ESHMConfig config = eshm_default_config(NULL);
    config.max_reconnect_attempts = 0;
    config.reconnect_retry_interval_ms = 10;
    CHECK(comes_back(config, 5300, PATIENCE_MS));
}

} // namespace

int main(int argc, char** argv) {
    const ChildBody bodies[] = {CHILD_BODY(run_master), CHILD_BODY(talk_and_hang)};
    CHILD_MAIN(argc, argv, bodies);
    RUN(a_new_master_takes_over_in_place);
    RUN(a_fresh_segment_delivers_its_first_message);
    RUN(a_master_that_left_and_came_back);
    RUN(a_waiting_read_spans_the_reconnection);
    RUN(a_new_slave_replaces_a_crashed_one);
    RUN(many_reconnections_leak_nothing);
    RUN(gives_up_after_so_many_attempts);
    RUN(gives_up_after_so_long);
    RUN(never_does_not_give_up);
    RUN(limits_of_zero_are_none);
    RUN(no_limit_of_attempts_outlasts_the_default_time);
    puts("test_reconnect: passed");
    return 0;
}
