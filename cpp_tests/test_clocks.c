/* A program whose clock is not the kernel's: ahead of it, behind it, stopped, set back, fast or slow, as under libfaketime.
 * Every wait ends, heartbeats go on, and a dead peer is found. A C11 program. */
#define _GNU_SOURCE
#include "child.h"
#include "open_ex.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/syscall.h>

static const long long kSecond = 1000000000LL;
static const long long kDays = 3LL * 86400 * 1000000000LL;

/* What clock_gettime() makes of the kernel's time: offset + time * numerator / denominator. */
static _Atomic long long false_offset;
static _Atomic int false_numerator = 1, false_denominator = 1;

/* Once it has come down to 0, the clock is set back, between two looks of this thread. */
static _Thread_local int looks_until_set_back;

static long long kernel_ns(void) {
    struct timespec t;
    CHECK_EQ(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t), 0);
    return t.tv_sec * kSecond + t.tv_nsec;
}

/* The library's calls come here: a program's own definition goes before the C library's. */
int clock_gettime(clockid_t which, struct timespec* t) {
    static _Atomic(void*) found; /* the C library's, or libfaketime's */
    if (found == NULL) found = dlsym(RTLD_NEXT, "clock_gettime");
    int (*next)(clockid_t, struct timespec*);
    void* const copy = found;
    memcpy(&next, &copy, sizeof next);
    const int rc = next(which, t);
    if (rc != 0 || which != CLOCK_MONOTONIC) return rc;
    if (looks_until_set_back > 0 && --looks_until_set_back == 0) false_offset -= kDays;
    const long long now = (t->tv_sec * kSecond + t->tv_nsec) / false_denominator * false_numerator + false_offset;
    t->tv_sec = now / kSecond - (now % kSecond < 0);
    t->tv_nsec = (now % kSecond + kSecond) % kSecond;
    return 0;
}

/* The clock reads the same now, and goes on at another pace. */
static void set_pace(int numerator, int denominator) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    false_numerator = numerator;
    false_denominator = denominator;
    struct timespec changed;
    clock_gettime(CLOCK_MONOTONIC, &changed);
    false_offset += (t.tv_sec - changed.tv_sec) * kSecond + t.tv_nsec - changed.tv_nsec;
}

static void be_true(void) {
    false_numerator = false_denominator = 1;
    false_offset = 0;
}

static void ahead(void) { false_offset = kDays; }
static void behind(void) { false_offset = -kDays; } /* below zero, where the machine has not run for as long */
static void stopped(void) { set_pace(0, 1); }
static void fast(void) { set_pace(10, 1); }
static void slow(void) { set_pace(1, 10); }

static void* set_back_soon(void* unused) {
    syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &(struct timespec){0, 30000000}, NULL);
    false_offset -= kDays;
    return unused;
}

static void* stop_soon(void* unused) {
    syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &(struct timespec){0, 30000000}, NULL);
    stopped();
    return unused;
}

/* A read of 100 ms; what it took by the kernel's clock, in milliseconds. */
static long long read_in_vain(ESHMHandle* handle) {
    char buffer[8];
    const long long start = kernel_ns();
    CHECK_EQ(eshm_read_ex(handle, buffer, sizeof buffer, NULL, 100), ESHM_ERROR_TIMEOUT);
    return (kernel_ns() - start) / 1000000;
}

static void see_it_through(Scene* scene, bool threads, enum ESHMWakeupMode mode, void (*falsify)(void),
                           void* (*falsify_soon)(void*)) {
    ESHMConfig config = settings(scene->name, ESHM_ROLE_MASTER);
    config.use_threads = threads;
    ESHMHandle* master = open_with(&config);
    config.role = ESHM_ROLE_SLAVE;
    ESHMHandle* slave = open_with(&config);
    CHECK_EQ(eshm_set_wakeup_mode(slave, mode), ESHM_SUCCESS);
    pthread_t thread;
    if (falsify_soon != NULL) CHECK_EQ(pthread_create(&thread, NULL, falsify_soon, NULL), 0);
    if (falsify != NULL) falsify();
    CHECK(read_in_vain(slave) < PATIENCE_MS); /* with a step in its midst it may be short */
    if (falsify_soon != NULL) CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK(read_in_vain(slave) < PATIENCE_MS);
    CHECK(read_in_vain(slave) >= (falsify == fast ? 9 : 50)); /* down to half its speed a clock is let be */
    send_text(master, "still here");
    expect_text(slave, "still here");
    const ESHMStats before = stats_of(master);
    CHECK_WITHIN(PATIENCE_MS, (threads || eshm_update_heartbeat(master) == ESHM_SUCCESS) &&
                                  stats_of(slave).master_heartbeat > before.master_heartbeat + 20);
    CHECK(peer_alive(slave));
    close_end(slave);
    close_end(master);
    be_true();
}

static void wait_at_all_paces(Scene* scene, void (*falsify)(void), void* (*falsify_soon)(void*)) {
    see_it_through(scene, true, ESHM_WAKEUP_PUSH, falsify, falsify_soon);
    see_it_through(scene, true, ESHM_WAKEUP_POLL, falsify, falsify_soon);
    see_it_through(scene, false, ESHM_WAKEUP_PUSH, falsify, falsify_soon);
}

#define WAITS_UNDER(name, falsify, falsify_soon) \
    static void name(void) { \
        Scene scene = scene_new("clocks"); \
        wait_at_all_paces(&scene, falsify, falsify_soon); \
        scene_free(scene); \
    }

WAITS_UNDER(a_clock_that_jumps_ahead, ahead, NULL)
WAITS_UNDER(a_clock_that_jumps_back, behind, NULL)
WAITS_UNDER(a_clock_that_stops, stopped, NULL)
WAITS_UNDER(a_clock_ten_times_as_fast, fast, NULL)
WAITS_UNDER(a_clock_a_tenth_as_fast, slow, NULL)
WAITS_UNDER(a_clock_set_back_during_a_read, NULL, set_back_soon)
WAITS_UNDER(a_clock_stopped_during_a_read, NULL, stop_soon)

/* At each look that a read takes: what it has made of the one before does not make its sleep three days long. */
static void a_clock_set_back_between_two_looks(void) {
    ESHMHandle* master = open_as(segment_name("clocks"), ESHM_ROLE_MASTER);
    for (int looks = 1; looks <= 16; looks++) {
        looks_until_set_back = looks;
        CHECK(read_in_vain(master) < PATIENCE_MS);
        looks_until_set_back = 0;
    }
    be_true();
    close_end(master);
}

static void a_clock_that_passes_zero_during_a_read(void) {
    ESHMHandle* master = open_as(segment_name("clocks"), ESHM_ROLE_MASTER);
    false_offset = -kernel_ns() - kSecond / 20;
    CHECK(read_in_vain(master) < PATIENCE_MS);
    be_true();
    close_end(master);
}

/* One that is a little slow is not taken for one that has stopped: the program's milliseconds are what counts. */
static void a_clock_three_quarters_as_fast_is_let_be(void) {
    ESHMHandle* master = open_as(segment_name("clocks"), ESHM_ROLE_MASTER);
    set_pace(3, 4);
    CHECK(read_in_vain(master) >= 125); /* 133 ms of the kernel's */
    be_true();
    close_end(master);
}

/* A read, of bytes or of a record, before a message that a dead writer left half-written, without threads: nothing but the read
 * itself could find that the clock has stopped. */
static void a_clock_that_has_stopped_before_half_a_message(void) {
    Scene scene = scene_new("clocks");
    ESHMConfig config = settings(scene.name, ESHM_ROLE_MASTER);
    config.use_threads = false;
    ESHMHandle* master = open_with(&config);
    config.role = ESHM_ROLE_SLAVE;
    ESHMHandle* slave = open_with(&config);
    char path[300];
    snprintf(path, sizeof path, "/dev/shm/eshm_%s", scene.name);
    const int file = open(path, O_RDWR);
    const uint32_t odd = 1;
    CHECK_EQ(pwrite(file, &odd, sizeof odd, offsetof(struct ESHMData, master_to_slave.seqlock.sequence)), sizeof odd);
    close(file);
    stopped();
    CHECK(read_in_vain(slave) >= 50);
    int items = 0;
    const long long start = kernel_ns();
    CHECK_EQ(eshm_read_data(slave, NULL, NULL, 0, NULL, 0, &items, 100), ESHM_ERROR_TIMEOUT);
    CHECK(kernel_ns() - start >= kSecond / 20);
    close_end(slave);
    close_end(master);
    be_true();
    scene_free(scene);
}

/* As under libfaketime, which is there before the library is. */
static void false_from_the_start(Scene* scene) {
    void (*const ways[])(void) = {ahead, behind, stopped, slow};
    ways[scene->size]();
    ESHMOptions options = eshm_default_options();
    options.wait_for_master_ms = 100;
    CHECK(try_open(scene->name, ESHM_ROLE_SLAVE, &options) == NULL); /* at once or not, it ends */
    event_signal(scene->ready);
    ESHMConfig config = settings(scene->name, ESHM_ROLE_MASTER);
    config.stale_threshold_ms = 200;
    ESHMHandle* master = open_with(&config);
    expect_text(master, "hello");
    CHECK(read_in_vain(master) >= 50);
    send_text(master, "hello");
    CHECK_WITHIN(PATIENCE_MS, !peer_alive(master)); /* check_now() is false here too: the test's own limit may be longer */
    close_end(master);
}

static void a_clock_false_from_the_start(void) {
    for (uint32_t way = 0; way < 4; way++) {
        Scene scene = scene_new("clocks");
        scene.size = way;
        const pid_t child = CHILD_START(false_from_the_start, &scene);
        event_wait(scene.ready);
        ESHMOptions options = eshm_default_options();
        options.wait_for_master_ms = PATIENCE_MS;
        ESHMHandle* slave = open_ex(scene.name, ESHM_ROLE_SLAVE, &options);
        send_text(slave, "hello");
        expect_text(slave, "hello");
        const uint64_t beat = stats_of(slave).master_heartbeat; /* a clock of ours sees theirs beat */
        CHECK_WITHIN(PATIENCE_MS, stats_of(slave).master_heartbeat > beat + 20);
        close_end(slave);
        child_join(child);
        scene_free(scene);
    }
}

static void under_libfaketime(Scene* scene) {
    ESHMHandle* master = open_as(scene->name, ESHM_ROLE_MASTER);
    read_in_vain(master);
    close_end(master);
}

static void a_program_under_libfaketime(void) {
    if (system("faketime -f +3d true >/dev/null 2>&1") != 0) {
        puts("  SKIPPED: no faketime(1) here (Debian's package faketime)");
        return;
    }
    const char* ways[] = {"+3d", "-3d", "+0 x10", "+0 x0.2", "2020-01-01 00:00:00", "@2020-01-01 00:00:00"};
    for (size_t way = 0; way < sizeof ways / sizeof ways[0]; way++) {
        Scene scene = scene_new("clocks");
        CHECK_EQ(setenv("CLOCKS_FAKETIME", ways[way], 1), 0);
        child_join(CHILD_START(under_libfaketime, &scene));
        CHECK_EQ(unsetenv("CLOCKS_FAKETIME"), 0);
        scene_free(scene);
    }
}

/* A child that was told so starts itself once more, under libfaketime. */
static void go_under_libfaketime(char** argv) {
    const char* way = getenv("CLOCKS_FAKETIME");
    if (way == NULL) return;
    char kept[64];
    snprintf(kept, sizeof kept, "%s", way);
    CHECK_EQ(unsetenv("CLOCKS_FAKETIME"), 0);
    execlp("faketime", "faketime", "-f", kept, argv[0], argv[1], argv[2], argv[3], (char*)NULL);
    _exit(127);
}

int main(int argc, char** argv) {
    const ChildBody bodies[] = {CHILD_BODY(false_from_the_start), CHILD_BODY(under_libfaketime)};
    if (argc == 4) go_under_libfaketime(argv);
    CHILD_MAIN(argc, argv, bodies);
    RUN(a_clock_that_jumps_ahead);
    RUN(a_clock_that_jumps_back);
    RUN(a_clock_that_stops);
    RUN(a_clock_ten_times_as_fast);
    RUN(a_clock_a_tenth_as_fast);
    RUN(a_clock_set_back_during_a_read);
    RUN(a_clock_stopped_during_a_read);
    RUN(a_clock_set_back_between_two_looks);
    RUN(a_clock_that_passes_zero_during_a_read);
    RUN(a_clock_three_quarters_as_fast_is_let_be);
    RUN(a_clock_that_has_stopped_before_half_a_message);
    RUN(a_clock_false_from_the_start);
    RUN(a_program_under_libfaketime);
    puts("test_clocks: passed");
    return 0;
}
