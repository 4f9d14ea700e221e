/* Threads that are cancelled within a call: the call's frames are not unwound, a read that waits without limit ends, and the
 * handle stays usable. A handler that calls pthread_exit() within a call is not supported: it ends the process. */
#define _GNU_SOURCE
#include "child.h"
#include "endpoint.h"
#include "eshm_data_api.h"

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

static const ChildBody bodies_of_children[] = {CHILD_BODY(exit_in_handler)};

int main(int argc, char** argv) {
    CHILD_MAIN(argc, argv, bodies_of_children);
    RUN(a_waiting_read_is_cancelled_and_the_handle_is_of_use);
    RUN(opening_and_closing_is_not_torn);
    RUN(calls_that_do_not_wait_are_no_cancellation_points);
    RUN(a_call_leaves_state_and_type_as_they_were);
    RUN(pthread_exit_in_a_handler_within_a_call_ends_the_process);
    printf("ok\n");
    return 0;
}
