/* Threads that are cancelled within a call: the call's frames are not unwound, a read that waits without limit ends, the
 * handle stays usable, and of an opening that waits nothing stays. A handler that calls pthread_exit() within a call is not supported: it ends the process. */
#define _GNU_SOURCE
#include "child.h"
#include "eshm_data_api.h"
#include "eshm_rpc.h"
#include "open_ex.h"

#include <dirent.h>
#include <pthread.h>

static void* read_forever(void* handle) {
    char buffer[64];
    for (;;) (void)eshm_read_ex((ESHMHandle*)handle, buffer, sizeof buffer, NULL, ESHM_TIMEOUT_INFINITE);
    return NULL;
}

static void* read_polling(void* handle) {
    CHECK_EQ(eshm_set_wakeup_mode((ESHMHandle*)handle, ESHM_WAKEUP_POLL), ESHM_SUCCESS);
    return read_forever(handle);
}

static void* read_plain(void* handle) {
    char buffer[64];
    for (;;) (void)eshm_read((ESHMHandle*)handle, buffer, sizeof buffer);
    return NULL;
}

static void* read_record(void* handle) {
    uint8_t types[4];
    char key[4][16];
    char* keys[4] = {key[0], key[1], key[2], key[3]};
    void* values[4];
    int count = 0;
    for (;;) (void)eshm_read_data((ESHMHandle*)handle, types, keys, 16, values, 4, &count, ESHM_TIMEOUT_INFINITE);
    return NULL;
}

/* Calls that are full of what is a cancellation point of the C library. */
static void* open_and_close(void* name) {
    for (;;) {
        ESHMConfig config = settings((const char*)name, ESHM_ROLE_MASTER);
        ESHMHandle* handle = eshm_init(&config);
        CHECK(handle != NULL);
        CHECK_EQ(eshm_destroy(handle), ESHM_SUCCESS);
        pthread_testcancel(); /* here it has none open */
    }
    return NULL;
}

static void cancel_one(void* (*body)(void*), void* argument, long after_ms) {
    pthread_t thread;
    void* result = NULL;
    CHECK_EQ(pthread_create(&thread, NULL, body, argument), 0);
    check_pause_ms(after_ms); /* it may be anywhere */
    CHECK_EQ(pthread_cancel(thread), 0);
    CHECK_EQ(pthread_join(thread, &result), 0);
    CHECK(result == PTHREAD_CANCELED);
}

static void a_waiting_read_is_cancelled_and_the_handle_is_of_use(void) {
    void* (*const bodies[])(void*) = {read_forever, read_plain, read_record, read_polling};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        for (int without_threads = 0; without_threads < 2; without_threads++) {
            ESHMConfig config = settings(segment_name("cancel"), ESHM_ROLE_MASTER);
            ESHMHandle* master = open_with(&config);
            config.role = ESHM_ROLE_SLAVE;
            config.use_threads = !without_threads;
            ESHMHandle* slave = open_with(&config);
            cancel_one(bodies[i], slave, 20);
            send_text(master, "still there");
            expect_text(slave, "still there");
            close_end(slave);
            close_end(master);
        }
}

static void opening_and_closing_is_not_torn(void) {
    for (long i = 0; i < 20; i++) {
        const char* name = segment_name("cancel_open");
        cancel_one(open_and_close, (void*)name, i);
        CHECK_EQ(segment_inode(name), 0);
    }
}

/* Slaves that wait for their master, far longer than they are left alone. */
static void* open_patiently(void* name) {
    ESHMOptions options = eshm_default_options();
    options.wait_for_master_ms = 5000;
    return try_open((const char*)name, ESHM_ROLE_SLAVE, &options);
}

static void* open_triggers(void* channel) {
    return eshm_rpc_create((const char*)channel, ESHM_ROLE_SLAVE); /* waits for five seconds */
}

static int entries_of(const char* folder) {
    DIR* entries = opendir(folder);
    int count = 0;
    CHECK(entries != NULL);
    for (struct dirent* entry; (entry = readdir(entries)) != NULL;) count += entry->d_name[0] != '.';
    closedir(entries);
    return count;
}

static int segments_mapped(void) {
    FILE* maps = fopen("/proc/self/maps", "re");
    char line[512];
    int count = 0;
    CHECK(maps != NULL);
    while (fgets(line, sizeof line, maps) != NULL) count += strstr(line, "/dev/shm/") != NULL;
    fclose(maps);
    return count;
}

/* The name as a master left it that was killed. */
static void die_as_master(Scene* scene) {
    (void)open_as(scene->name, ESHM_ROLE_MASTER);
    event_signal(scene->ready);
    event_wait(scene->go);
}

static void leave_a_dead_masters_segment(const char* name) {
    Scene scene = scene_new("cancel_dead");
    snprintf(scene.name, sizeof scene.name, "%s", name);
    const pid_t child = CHILD_START(die_as_master, &scene);
    event_wait(scene.ready);
    CHECK_EQ(kill(child, SIGKILL), 0);
    CHECK(WIFSIGNALED(child_wait(child)));
    CHECK(segment_inode(name) != 0);
    scene_free(scene);
}

static void leave_a_file_of(const char* name, const char* text) {
    char path[SEGMENT_NAME_SIZE];
    segment_path(path, name);
    FILE* file = fopen(path, "we");
    CHECK(file != NULL);
    CHECK(fputs(text, file) >= 0);
    CHECK_EQ(fclose(file), 0);
}

/* Cancels an opening that waits, at different moments; nothing of it stays. */
static void cancel_an_opening(void* (*body)(void*), const char* name) {
    for (long after_ms = 0; after_ms < 60; after_ms += 12) {
        const int files = entries_of("/proc/self/fd"), maps = segments_mapped();
        const double start = check_now();
        cancel_one(body, (void*)name, after_ms);
        CHECK(check_now() - start < 4.9); /* within the wait */
        CHECK_EQ(entries_of("/proc/self/fd"), files);
        CHECK_EQ(segments_mapped(), maps);
        CHECK_WITHIN(PATIENCE_MS, entries_of("/proc/self/task") == 1); /* the kernel's part may end later */
    }
}

static void an_opening_that_waits_is_cancelled_and_leaves_nothing(void) {
    enum { ABSENT, DEAD, EMPTY, JUNK, CASES };
    for (int what = ABSENT; what < CASES; what++) {
        const char* name = segment_name("cancel_wait");
        if (what == DEAD) leave_a_dead_masters_segment(name);
        if (what == EMPTY) leave_a_file_of(name, "");
        if (what == JUNK) leave_a_file_of(name, "no segment");
        cancel_an_opening(open_patiently, name);
        ESHMHandle* master = open_as(name, ESHM_ROLE_MASTER);
        ESHMHandle* slave = (ESHMHandle*)open_patiently((void*)name);
        CHECK(slave != NULL);
        send_text(master, "after all");
        expect_text(slave, "after all");
        close_end(slave);
        close_end(master);
        CHECK_WITHIN(PATIENCE_MS, entries_of("/proc/self/task") == 1);
    }
}

static void an_opening_of_triggers_is_cancelled_and_leaves_nothing(void) {
    const char* channel = segment_name("cancel_rpc");
    char name[64];
    snprintf(name, sizeof name, "%s_ctl", channel);
    segment_adopt(name);
    cancel_an_opening(open_triggers, channel);
    EshmRpc* master = eshm_rpc_create(channel, ESHM_ROLE_MASTER);
    EshmRpc* slave = (EshmRpc*)open_triggers((void*)channel);
    CHECK(master != NULL && slave != NULL);
    CHECK_EQ(eshm_rpc_call(slave, "there"), ESHM_SUCCESS);
    eshm_rpc_destroy(slave);
    eshm_rpc_destroy(master);
}

static void* open_uncancelled(void* name) {
    int old;
    CHECK_EQ(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old), 0);
    return open_patiently(name);
}

static void a_thread_that_is_not_to_be_cancelled_gets_its_handle(void) {
    const char* name = segment_name("cancel_off");
    pthread_t thread;
    void* slave = NULL;
    CHECK_EQ(pthread_create(&thread, NULL, open_uncancelled, (void*)name), 0);
    CHECK_EQ(pthread_cancel(thread), 0);
    check_pause_ms(20);
    ESHMHandle* master = open_as(name, ESHM_ROLE_MASTER);
    CHECK_EQ(pthread_join(thread, &slave), 0);
    CHECK(slave != NULL && slave != PTHREAD_CANCELED);
    close_end((ESHMHandle*)slave);
    close_end(master);
}

static volatile bool came_back;

static void* look_while_cancelled(void* handle) {
    char buffer[64];
    CHECK_EQ(pthread_cancel(pthread_self()), 0); /* pending from here on */
    CHECK_EQ(eshm_read_ex((ESHMHandle*)handle, buffer, sizeof buffer, NULL, 0), ESHM_ERROR_NO_DATA);
    CHECK_EQ(eshm_write((ESHMHandle*)handle, "x", 1), ESHM_SUCCESS);
    came_back = true;
    (void)eshm_read_ex((ESHMHandle*)handle, buffer, sizeof buffer, NULL, 1);
    check_fail(__FILE__, __LINE__, "a call that waits is a cancellation point");
}

static void calls_that_do_not_wait_are_no_cancellation_points(void) {
    ESHMHandle* master = open_as(segment_name("cancel_look"), ESHM_ROLE_MASTER);
    cancel_one(look_while_cancelled, master, 0);
    CHECK(came_back);
    close_end(master);
}

static void* open_asynchronous(void* name) {
    int old = 0;
    CHECK_EQ(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old), 0);
    CHECK_EQ(old, PTHREAD_CANCEL_DEFERRED);
    CHECK_EQ(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old), 0);
    close_end(open_as((const char*)name, ESHM_ROLE_MASTER));
    CHECK_EQ(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old), 0);
    CHECK_EQ(old, PTHREAD_CANCEL_DISABLE); /* as the caller had it */
    CHECK_EQ(pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &old), 0);
    CHECK_EQ(old, PTHREAD_CANCEL_ASYNCHRONOUS);
    CHECK_EQ(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL), 0);
    return NULL;
}

static void a_call_leaves_state_and_type_as_they_were(void) {
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, open_asynchronous, (void*)segment_name("cancel_type")), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void exit_thread(int number) {
    (void)number;
    pthread_exit(NULL);
}

/* A thread leaves by pthread_exit() in the midst of its read: it is there while it counts as one that waits. */
static void exit_in_handler(Scene* scene) {
    ESHMHandle* master = open_as(scene->name, ESHM_ROLE_MASTER);
    char path[SEGMENT_NAME_SIZE];
    snprintf(path, sizeof path, "/dev/shm/eshm_%s", scene->name);
    const int file = open(path, O_RDONLY);
    const struct ESHMData* data = (const struct ESHMData*)mmap(NULL, sizeof *data, PROT_READ, MAP_SHARED, file, 0);
    CHECK(data != MAP_FAILED);
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, read_forever, master), 0);
    CHECK_WITHIN(PATIENCE_MS, data->slave_to_master.waiters != 0);
    CHECK(signal(SIGUSR1, exit_thread) != SIG_ERR);
    event_signal(scene->ready);
    CHECK_EQ(pthread_kill(thread, SIGUSR1), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void pthread_exit_in_a_handler_within_a_call_ends_the_process(void) {
    Scene scene = scene_new("cancel_exit");
    const pid_t child = CHILD_START(exit_in_handler, &scene);
    event_wait(scene.ready);
    const int status = child_wait(child);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGABRT);
    ESHMHandle* next = open_as(scene.name, ESHM_ROLE_MASTER); /* what it left stops no other */
    close_end(next);
    scene_free(scene);
}

static const ChildBody bodies_of_children[] = {CHILD_BODY(exit_in_handler), CHILD_BODY(die_as_master)};

int main(int argc, char** argv) {
    CHILD_MAIN(argc, argv, bodies_of_children);
    RUN(a_waiting_read_is_cancelled_and_the_handle_is_of_use);
    RUN(opening_and_closing_is_not_torn);
    RUN(an_opening_that_waits_is_cancelled_and_leaves_nothing);
    RUN(an_opening_of_triggers_is_cancelled_and_leaves_nothing);
    RUN(a_thread_that_is_not_to_be_cancelled_gets_its_handle);
    RUN(calls_that_do_not_wait_are_no_cancellation_points);
    RUN(a_call_leaves_state_and_type_as_they_were);
    RUN(pthread_exit_in_a_handler_within_a_call_ends_the_process);
    printf("ok\n");
    return 0;
}
