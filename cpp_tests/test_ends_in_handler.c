/* A signal handler that interrupts this thread's own call and ends the handle: by eshm_destroy(), by exit() with an exit
 * handler or a static object that destroys it, or by siglongjmp() out of the call and eshm_destroy() after it. Each ends at
 * once, and the peer sees it leave. (No call here allocates: malloc's own lock is not ours.) */
#define _GNU_SOURCE
#include "child.h"
#include "endpoint.h"
#include "eshm_data_api.h"
#include "eshm_rpc.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <sys/time.h>

static ESHMHandle* handle; /* of a child */
static EshmRpc* rpc;
static EshmRpc* channel; /* the same, also once destroyed */
static sigjmp_buf back;
static volatile sig_atomic_t destroyed;

static void destroy_it(void) {
    if (rpc != NULL) eshm_rpc_destroy(rpc);
    if (handle != NULL) CHECK_EQ(eshm_destroy(handle), ESHM_SUCCESS);
    rpc = NULL;
    handle = NULL;
    destroyed = 1;
}

static void on_exit_call(int number) {
    (void)number;
    exit(0); /* the exit handler destroys it */
}

static void on_destroy(int number) {
    (void)number;
    destroy_it();
    _exit(0);
}

static void on_destroy_and_return(int number) {
    (void)number;
    if (!destroyed) destroy_it();
}

static void on_jump(int number) {
    (void)number;
    siglongjmp(back, 1);
}

/* Whatever call, over and over until the handler has run and come back. */
typedef void (*Call)(ESHMHandle* used);

static void read_plain(ESHMHandle* used) {
    char buffer[64];
    (void)eshm_read(used, buffer, sizeof buffer);
}

static void read_forever(ESHMHandle* used) {
    char buffer[64];
    const int rc = eshm_read_ex(used, buffer, sizeof buffer, NULL, ESHM_TIMEOUT_INFINITE);
    CHECK(rc == ESHM_ERROR_NOT_INITIALIZED || rc == ESHM_SUCCESS);
}

static void read_polling(ESHMHandle* used) {
    CHECK_EQ(eshm_set_wakeup_mode(used, ESHM_WAKEUP_POLL), ESHM_SUCCESS);
    read_forever(used);
}

static void read_short(ESHMHandle* used) {
    char buffer[64];
    (void)eshm_read_ex(used, buffer, sizeof buffer, NULL, 1);
}

static void read_record(ESHMHandle* used) {
    uint8_t types[4];
    char key[4][16];
    char* keys[4] = {key[0], key[1], key[2], key[3]};
    void* values[4] = {NULL, NULL, NULL, NULL};
    int count = 0;
    (void)eshm_read_data(used, types, keys, 16, values, 4, &count, ESHM_TIMEOUT_INFINITE);
}

static void write_some(ESHMHandle* used) {
    static const char bytes[2048];
    (void)eshm_write(used, bytes, sizeof bytes);
}

static void ask(ESHMHandle* used) {
    ESHMStats stats;
    bool alive;
    (void)eshm_get_stats(used, &stats);
    (void)eshm_check_remote_alive(used, &alive);
    (void)eshm_update_heartbeat(used);
}

static void nothing(void* user) {
    (void)user;
}

/* Whoever comes back from the handler that destroyed it finds it closed. */
static void trigger(ESHMHandle* used) {
    (void)used;
    (void)eshm_rpc_call(channel, "x");
    (void)eshm_rpc_missed(channel);
    if (!destroyed) return;
    CHECK_EQ(eshm_rpc_call(channel, "x"), ESHM_ERROR_NOT_INITIALIZED);
    CHECK_EQ(eshm_rpc_emit(channel, "x"), ESHM_ERROR_NOT_INITIALIZED);
    CHECK_EQ(eshm_rpc_on_event(channel, "x", nothing, NULL), ESHM_ERROR_NOT_INITIALIZED);
    CHECK_EQ(eshm_rpc_start(channel), ESHM_ERROR_NOT_INITIALIZED);
    CHECK_EQ(eshm_rpc_stop(channel), ESHM_ERROR_NOT_INITIALIZED);
    (void)eshm_rpc_dispatched(channel);
}

/* Stopping waits for the dispatcher: the handler may run in the midst of it. */
static void start_and_stop(ESHMHandle* used) {
    (void)eshm_rpc_stop(channel);
    (void)eshm_rpc_start(channel);
    trigger(used);
}

static const Call calls[] = {read_plain, read_forever, read_polling, read_short,    read_record,
                             write_some, ask,          trigger,      start_and_stop};
enum { READ_PLAIN, READ_FOREVER, READ_POLLING, READ_SHORT, READ_RECORD, WRITE_SOME, ASK, TRIGGER, START_AND_STOP };

typedef struct Plan {
    int call;
    bool no_threads, with_event_fd, with_other_reader;
    int microseconds; /* from the first call to the signal */
    char how;         /* e exit, d destroy, r destroy and return, j jump and destroy */
} Plan;

static void* other_reader(void* used) {
    read_forever((ESHMHandle*)used);
    return NULL;
}

static void interrupted(Scene* scene) {
    Plan plan;
    memcpy(&plan, scene->text, sizeof plan);
    ESHMConfig config = settings(scene->name, (enum ESHMRole)scene->role);
    config.use_threads = !plan.no_threads;
    if (plan.call >= TRIGGER) {
        rpc = eshm_rpc_create(scene->name, (enum ESHMRole)scene->role);
        CHECK(rpc != NULL);
        channel = rpc;
        CHECK_EQ(eshm_rpc_on_call(rpc, "x", nothing, NULL), ESHM_SUCCESS);
        CHECK_EQ(eshm_rpc_start(rpc), ESHM_SUCCESS);
        (void)eshm_rpc_call(rpc, "x"); /* what follows needs no memory, so no lock of malloc's is held */
    } else {
        handle = open_with(&config);
        if (plan.with_event_fd) CHECK(eshm_get_event_fd(handle) >= 0);
    }
    ESHMHandle* used = handle;
    pthread_t thread;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    if (plan.with_other_reader) CHECK_EQ(pthread_create(&thread, NULL, other_reader, used), 0);
    pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
    event_signal(scene->ready);
    event_wait(scene->go);
    if (plan.how == 'e') CHECK_EQ(atexit(destroy_it), 0);
    signal(SIGALRM, plan.how == 'e'   ? on_exit_call
                    : plan.how == 'd' ? on_destroy
                    : plan.how == 'r' ? on_destroy_and_return
                                      : on_jump);
    const struct itimerval once = {{0, 0}, {0, plan.microseconds}};
    if (sigsetjmp(back, 1) == 0) {
        CHECK_EQ(setitimer(ITIMER_REAL, &once, NULL), 0);
        while (!destroyed) calls[plan.call](used);
    }
    if (plan.how == 'j') destroy_it();
    if (plan.with_other_reader) CHECK_EQ(pthread_join(thread, NULL), 0);
    _exit(0);
}

/* One run; the peer is this process. */
static void run(Plan plan, enum ESHMRole role) {
    Scene scene = scene_new("handler");
    const bool with_rpc = plan.call >= TRIGGER;
    char segment[300];
    snprintf(segment, sizeof segment, "%s%s", scene.name, with_rpc ? "_ctl" : "");
    if (with_rpc) segment_adopt(segment);
    scene.role = role;
    memcpy(scene.text, &plan, sizeof plan);
    ESHMHandle* peer = role == ESHM_ROLE_SLAVE ? open_as(segment, ESHM_ROLE_MASTER) : NULL;
    const pid_t child = CHILD_START(interrupted, &scene);
    event_wait(scene.ready);
    if (peer == NULL) {
        peer = open_as(segment, ESHM_ROLE_SLAVE);
    } else {
        CHECK(stats_of(peer).slave_alive);
    }
    const double start = check_now();
    event_signal(scene.go);
    int status = 0;
    while (waitpid(child, &status, WNOHANG) == 0) {
        if (check_now() - start > 15) {
            fprintf(stderr, "hangs: call %d, '%c', role %d, no threads %d, after %d us\n", plan.call, plan.how, (int)role,
                    plan.no_threads, plan.microseconds);
            check_fail(__FILE__, __LINE__, "the handler ends");
        }
        check_pause_ms(1);
    }
    child_note(child, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fprintf(stderr, "status %x: call %d, '%c', role %d, no threads %d, after %d us\n", (unsigned)status, plan.call,
                plan.how, (int)role, plan.no_threads, plan.microseconds);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
    if (role == ESHM_ROLE_MASTER) {
        CHECK_EQ(segment_inode(segment), 0); /* its name is gone */
    } else {
        CHECK(!stats_of(peer).slave_alive); /* it has left */
    }
    close_end(peer);
    scene_free(scene);
    segment_count = 0; /* removed by now; there is room for so many only */
}

static volatile sig_atomic_t jumped;

static void* jump_out_of_a_read(void* used) {
    if (sigsetjmp(back, 1) == 0) {
        read_forever((ESHMHandle*)used);
        check_fail(__FILE__, __LINE__, "the read is left by a jump");
    }
    jumped = 1;
    while (jumped == 1) check_pause_ms(1);
    return NULL;
}

/* Another thread that has jumped out of its read, and never comes back, is waited for some seconds and no longer. */
static void another_thread_has_jumped_out(void) {
    const char* name = segment_name("handler");
    ESHMHandle *peer = open_as(name, ESHM_ROLE_MASTER), *slave = open_as(name, ESHM_ROLE_SLAVE);
    signal(SIGALRM, on_jump);
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, jump_out_of_a_read, slave), 0);
    check_pause_ms(50); /* no event says that it waits */
    CHECK_EQ(pthread_kill(thread, SIGALRM), 0);
    CHECK_WITHIN(PATIENCE_MS, jumped);
    const double start = check_now();
    CHECK_EQ(eshm_destroy(slave), ESHM_SUCCESS);
    CHECK(check_now() - start > 4 && check_now() - start < 14);
    CHECK(!stats_of(peer).slave_alive); /* it has left all the same */
    jumped = 2;
    CHECK_EQ(pthread_join(thread, NULL), 0);
    for (int i = 0; i < 20; i++) close_end(open_as(segment_name("handler"), ESHM_ROLE_MASTER)); /* more than are kept */
    close_end(peer);
    segment_count = 0;
}

static const char hows[] = {'e', 'd', 'r', 'j'};

static void waiting_reads(void) {
    const int reads[] = {READ_PLAIN, READ_FOREVER, READ_POLLING, READ_RECORD};
    for (size_t i = 0; i < sizeof reads / sizeof reads[0]; i++)
        for (size_t how = 0; how < sizeof hows; how++)
            for (int role = ESHM_ROLE_MASTER; role <= ESHM_ROLE_SLAVE; role++)
                run((Plan){reads[i], false, false, false, 20000, hows[how]}, (enum ESHMRole)role);
}

static void waiting_reads_without_threads(void) {
    for (size_t how = 0; how < sizeof hows; how++)
        run((Plan){READ_FOREVER, true, false, false, 20000, hows[how]}, ESHM_ROLE_SLAVE);
}

static void waiting_reads_of_two_threads(void) {
    for (size_t how = 0; how < sizeof hows; how++)
        run((Plan){READ_FOREVER, false, false, true, 20000, hows[how]}, ESHM_ROLE_SLAVE);
}

static void waiting_reads_with_a_descriptor(void) {
    for (size_t how = 0; how < sizeof hows; how++)
        run((Plan){READ_FOREVER, false, true, false, 20000, hows[how]}, ESHM_ROLE_SLAVE);
}

/* At any instant of calls that hold a lock for a while. */
static int rounds = 12;

static void any_instant_of(int call, bool no_threads, bool with_event_fd) {
    for (int i = 0; i < rounds; i++) {
        const char how = hows[i % 4];
        const int microseconds = 200 + i * 7919 % 5000;
        run((Plan){call, no_threads, with_event_fd, false, microseconds, how},
            i % 3 == 0 ? ESHM_ROLE_MASTER : ESHM_ROLE_SLAVE);
    }
}

static void any_instant_of_short_reads(void) { any_instant_of(READ_SHORT, false, false); }
static void any_instant_of_short_reads_with_a_descriptor(void) { any_instant_of(READ_SHORT, false, true); }
static void any_instant_of_short_reads_without_threads(void) { any_instant_of(READ_SHORT, true, false); }
static void any_instant_of_writes(void) { any_instant_of(WRITE_SOME, false, false); }
static void any_instant_of_writes_without_threads(void) { any_instant_of(WRITE_SOME, true, false); }
static void any_instant_of_questions(void) { any_instant_of(ASK, false, false); }
static void any_instant_of_questions_without_threads(void) { any_instant_of(ASK, true, false); }
static void any_instant_of_triggers(void) { any_instant_of(TRIGGER, false, false); }
static void any_instant_of_starts_and_stops(void) { any_instant_of(START_AND_STOP, false, false); }

int main(int argc, char** argv) {
    const ChildBody bodies[] = {CHILD_BODY(interrupted)};
    CHILD_MAIN(argc, argv, bodies);
    if (argc > 1) rounds = atoi(argv[1]);
    RUN(waiting_reads);
    RUN(waiting_reads_without_threads);
    RUN(waiting_reads_of_two_threads);
    RUN(waiting_reads_with_a_descriptor);
    RUN(another_thread_has_jumped_out);
    RUN(any_instant_of_short_reads);
    RUN(any_instant_of_short_reads_with_a_descriptor);
    RUN(any_instant_of_short_reads_without_threads);
    RUN(any_instant_of_writes);
    RUN(any_instant_of_writes_without_threads);
    RUN(any_instant_of_questions);
    RUN(any_instant_of_questions_without_threads);
    RUN(any_instant_of_triggers);
    RUN(any_instant_of_starts_and_stops);
    printf("ok\n");
    return 0;
}
