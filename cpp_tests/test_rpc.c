/* Named triggers: calls and events both ways, what handlers may do, stopping, counting. */
#define _GNU_SOURCE
#include "child.h"
#include "endpoint.h"
#include "eshm_rpc.h"

#include <pthread.h>

static EshmRpc* rpc_open(const char* channel, enum ESHMRole role) {
    EshmRpc* rpc = eshm_rpc_create(channel, role);
    CHECK(rpc != NULL);
    return rpc;
}

/* A scene with the name of a trigger channel, whose segment has a longer one. */
static Scene rpc_scene(const char* purpose) {
    const Scene scene = scene_new(purpose);
    char segment[300];
    snprintf(segment, sizeof segment, "%s_ctl", scene.name);
    segment_adopt(segment);
    return scene;
}

static void signal_event(void* user) {
    event_signal(*(Event*)user);
}

/* One end of a channel with what a test's handlers need. */
typedef struct End {
    EshmRpc* rpc;
    Event event, other;
    int count;
} End;

static void count_up(void* user) {
    ((End*)user)->count++;
}

static void null_and_unknown_arguments(void) {
    Scene scene = rpc_scene("rpc_arguments");
    CHECK(eshm_rpc_create(NULL, ESHM_ROLE_MASTER) == NULL);
    CHECK_TEXT(eshm_rpc_get_last_error(), "the name is NULL");
    CHECK(eshm_rpc_create("", ESHM_ROLE_MASTER) == NULL);
    CHECK(eshm_rpc_create(scene.name, (enum ESHMRole)7) == NULL);
    CHECK_TEXT(eshm_rpc_get_last_error(), "there is no role 7: 0 is master, 1 slave, 2 auto");
    EshmRpc* rpc = rpc_open(scene.name, ESHM_ROLE_MASTER);

    CHECK_EQ(eshm_rpc_on_call(NULL, "x", count_up, NULL), ESHM_ERROR_INVALID_PARAM);
    CHECK_TEXT(eshm_rpc_get_last_error(), "the handle is NULL");
    CHECK_EQ(eshm_rpc_on_call(rpc, NULL, count_up, NULL), ESHM_ERROR_INVALID_PARAM);
    CHECK_TEXT(eshm_rpc_get_last_error(), "the name is NULL");
    CHECK_EQ(eshm_rpc_on_call(rpc, "x", NULL, NULL), ESHM_ERROR_INVALID_PARAM);
    CHECK_TEXT(eshm_rpc_get_last_error(), "the handler is NULL");
    CHECK_EQ(eshm_rpc_on_event(NULL, "x", count_up, NULL), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_rpc_on_event(rpc, NULL, count_up, NULL), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_rpc_on_event(rpc, "x", NULL, NULL), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_rpc_start(NULL), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_rpc_stop(NULL), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_rpc_call(NULL, "x"), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_rpc_call(rpc, NULL), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_rpc_emit(NULL, "x"), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_rpc_emit(rpc, NULL), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_rpc_missed(NULL), 0);
    CHECK_EQ(eshm_rpc_dispatched(NULL), 0);
    eshm_rpc_destroy(NULL);

    static char long_name[ESHM_MAX_DATA_SIZE + 1];
    memset(long_name, 'n', ESHM_MAX_DATA_SIZE);
    CHECK_EQ(eshm_rpc_call(rpc, long_name), ESHM_ERROR_BUFFER_TOO_SMALL);
    char text[128];
    snprintf(text, sizeof text, "Buffer too small: the name has %d bytes, a whole trigger here %d at most", ESHM_MAX_DATA_SIZE,
             ESHM_MAX_DATA_SIZE);
    CHECK_TEXT(eshm_rpc_get_last_error(), text);
    CHECK_EQ(eshm_rpc_start(rpc), ESHM_SUCCESS);
    CHECK_EQ(eshm_rpc_start(rpc), ESHM_SUCCESS);
    CHECK_EQ(eshm_rpc_stop(rpc), ESHM_SUCCESS);
    CHECK_EQ(eshm_rpc_stop(rpc), ESHM_SUCCESS);
    eshm_rpc_destroy(rpc);
    scene_free(scene);
}

static void* last_error_of_a_new_thread(void* unused) {
    (void)unused;
    CHECK_TEXT(eshm_rpc_get_last_error(), "");
    CHECK_EQ(eshm_rpc_call(NULL, "x"), ESHM_ERROR_INVALID_PARAM);
    CHECK_TEXT(eshm_rpc_get_last_error(), "the handle is NULL");
    return NULL;
}

static void the_last_error_is_the_threads_own(void) {
    CHECK(eshm_rpc_create(NULL, ESHM_ROLE_MASTER) == NULL);
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, last_error_of_a_new_thread, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_TEXT(eshm_rpc_get_last_error(), "the name is NULL");
}

/* Names are any bytes: these are of programs that write Latin-1. */
#define PING "p\xEFng"
#define PONG "p\xF6ng"

/* The slave: answers each call PING with an event PONG, until the call "end". */
static void answer_ping(void* user) {
    CHECK_EQ(eshm_rpc_emit(((End*)user)->rpc, PONG), ESHM_SUCCESS);
}

static void pinged_slave(Scene* scene) {
    End end = {rpc_open(scene->name, ESHM_ROLE_SLAVE), event_new(), event_new(), 0};
    CHECK_EQ(eshm_rpc_on_call(end.rpc, PING, answer_ping, &end), ESHM_SUCCESS);
    CHECK_EQ(eshm_rpc_on_call(end.rpc, "p\xEEng", count_up, &end), ESHM_SUCCESS); /* never runs */
    CHECK_EQ(eshm_rpc_on_call(end.rpc, "end", signal_event, &end.event), ESHM_SUCCESS);
    CHECK_EQ(eshm_rpc_start(end.rpc), ESHM_SUCCESS);
    event_signal(scene->ready);
    event_wait(end.event);
    CHECK_EQ(eshm_rpc_dispatched(end.rpc), scene->size + 1);
    CHECK_EQ(eshm_rpc_missed(end.rpc), 0);
    CHECK_EQ(end.count, 0);
    eshm_rpc_destroy(end.rpc);
}

static void two_processes_call_and_emit(void) {
    enum { ROUNDS = 1000 };
    Scene scene = rpc_scene("rpc_ping");
    scene.size = ROUNDS;
    EshmRpc* rpc = rpc_open(scene.name, ESHM_ROLE_MASTER);
    Event pong = event_new();
    CHECK_EQ(eshm_rpc_on_event(rpc, PONG, signal_event, &pong), ESHM_SUCCESS);
    CHECK_EQ(eshm_rpc_start(rpc), ESHM_SUCCESS);
    const pid_t child = CHILD_START(pinged_slave, &scene);
    event_wait(scene.ready);
    for (int i = 0; i < ROUNDS; i++) {
        CHECK_EQ(eshm_rpc_call(rpc, PING), ESHM_SUCCESS);
        event_wait(pong);
    }
    CHECK_EQ(eshm_rpc_call(rpc, "end"), ESHM_SUCCESS);
    child_join(child);
    CHECK_EQ(eshm_rpc_dispatched(rpc), ROUNDS);
    CHECK_EQ(eshm_rpc_missed(rpc), 0);
    eshm_rpc_destroy(rpc);
    event_free(pong);
    scene_free(scene);
}

/* A slave whose first handler holds it up, so that it is certain to miss some. */
static Scene* held;

static void count_and_hold(void* user) {
    End* end = (End*)user;
    if (end->count++ == 0) {
        event_signal(held->ready);
        event_wait(held->go);
    }
}

static void counting_slave(Scene* scene) {
    held = scene;
    End end = {rpc_open(scene->name, ESHM_ROLE_SLAVE), event_new(), event_new(), 0};
    CHECK_EQ(eshm_rpc_on_event(end.rpc, "tick", count_and_hold, &end), ESHM_SUCCESS);
    CHECK_EQ(eshm_rpc_on_call(end.rpc, "last", signal_event, &end.event), ESHM_SUCCESS);
    CHECK_EQ(eshm_rpc_start(end.rpc), ESHM_SUCCESS);
    event_signal(scene->ready);
    event_wait(end.event);
    const uint64_t missed = eshm_rpc_missed(end.rpc), dispatched = eshm_rpc_dispatched(end.rpc);
    printf("    %llu run, %llu missed\n", (unsigned long long)dispatched, (unsigned long long)missed);
    CHECK_EQ(dispatched, end.count + 1);
    CHECK_EQ(dispatched + missed, scene->size);
    CHECK(missed >= 999);
    eshm_rpc_destroy(end.rpc);
}

static void coalescing_is_counted_over_100000_firings(void) {
    enum { FIRINGS = 100000, WHILE_HELD = 1000 };
    Scene scene = rpc_scene("rpc_coalesce");
    scene.size = FIRINGS;
    EshmRpc* rpc = rpc_open(scene.name, ESHM_ROLE_MASTER);
    const pid_t child = CHILD_START(counting_slave, &scene);
    event_wait(scene.ready); /* it is there */
    CHECK_EQ(eshm_rpc_emit(rpc, "tick"), ESHM_SUCCESS);
    event_wait(scene.ready); /* its first handler runs */
    for (int i = 1; i < FIRINGS - 1; i++) {
        if (i == WHILE_HELD + 1) event_signal(scene.go);
        if (i % 1000 == 0) check_pause_ms(1); /* so that the slave also takes some */
        CHECK_EQ(eshm_rpc_emit(rpc, "tick"), ESHM_SUCCESS);
    }
    CHECK_EQ(eshm_rpc_call(rpc, "last"), ESHM_SUCCESS);
    child_join(child);
    eshm_rpc_destroy(rpc);
    scene_free(scene);
}

/* In the tests below both ends are in this process. */

static void register_and_fire(void* user) {
    End* end = (End*)user;
    CHECK_EQ(eshm_rpc_on_call(end->rpc, "begin", count_up, end), ESHM_SUCCESS); /* in its own place */
    CHECK_EQ(eshm_rpc_on_event(end->rpc, "later", signal_event, &end->event), ESHM_SUCCESS);
    CHECK_EQ(eshm_rpc_call(end->rpc, "begun"), ESHM_SUCCESS);
}

static void handlers_register_and_fire(void) {
    Scene scene = rpc_scene("rpc_register");
    End end = {rpc_open(scene.name, ESHM_ROLE_MASTER), event_new(), event_new(), 0};
    EshmRpc* peer = rpc_open(scene.name, ESHM_ROLE_SLAVE);
    CHECK_EQ(eshm_rpc_on_call(end.rpc, "begin", register_and_fire, &end), ESHM_SUCCESS);
    CHECK_EQ(eshm_rpc_on_call(peer, "begun", signal_event, &end.other), ESHM_SUCCESS);
    CHECK_EQ(eshm_rpc_start(end.rpc), ESHM_SUCCESS);
    CHECK_EQ(eshm_rpc_start(peer), ESHM_SUCCESS);
    CHECK_EQ(eshm_rpc_call(peer, "begin"), ESHM_SUCCESS);
    event_wait(end.other);
    CHECK_EQ(eshm_rpc_call(peer, "begin"), ESHM_SUCCESS);
    CHECK_WITHIN(PATIENCE_MS, eshm_rpc_dispatched(end.rpc) == 2);
    CHECK_EQ(eshm_rpc_emit(peer, "later"), ESHM_SUCCESS);
    event_wait(end.event);
    eshm_rpc_destroy(peer);
    eshm_rpc_destroy(end.rpc);
    CHECK_EQ(end.count, 1);
    event_free(end.event);
    event_free(end.other);
    scene_free(scene);
}

static void stop_inside(void* user) {
    End* end = (End*)user;
    CHECK_EQ(eshm_rpc_stop(end->rpc), ESHM_SUCCESS);
    event_signal(end->event);
}

static void a_handler_stops(void) {
    Scene scene = rpc_scene("rpc_stop");
    End end = {rpc_open(scene.name, ESHM_ROLE_MASTER), event_new(), event_new(), 0};
    EshmRpc* peer = rpc_open(scene.name, ESHM_ROLE_SLAVE);
    CHECK_EQ(eshm_rpc_on_event(end.rpc, "stop", stop_inside, &end), ESHM_SUCCESS);
    CHECK_EQ(eshm_rpc_on_event(end.rpc, "stop", count_up, &end), ESHM_SUCCESS); /* never runs */
    for (int round = 1; round <= 50; round++) {
        CHECK_EQ(eshm_rpc_start(end.rpc), ESHM_SUCCESS);
        CHECK_EQ(eshm_rpc_emit(peer, "stop"), ESHM_SUCCESS);
        event_wait(end.event);
        CHECK_EQ(eshm_rpc_stop(end.rpc), ESHM_SUCCESS); /* waits for its end */
        CHECK_EQ(eshm_rpc_dispatched(end.rpc), round);
    }
    CHECK_EQ(end.count, 0);
    eshm_rpc_destroy(peer);
    eshm_rpc_destroy(end.rpc);
    event_free(end.event);
    event_free(end.other);
    scene_free(scene);
}

static void destroy_inside(void* user) {
    End* end = (End*)user;
    eshm_rpc_destroy(end->rpc);
    event_signal(end->event);
}

static bool is_there(const char* channel) {
    char path[300];
    snprintf(path, sizeof path, "/dev/shm/eshm_%s_ctl", channel);
    return access(path, F_OK) == 0;
}

static void a_handler_destroys(void) {
    Scene scene = rpc_scene("rpc_destroy");
    for (int round = 0; round < 20; round++) {
        End end = {rpc_open(scene.name, ESHM_ROLE_MASTER), event_new(), event_new(), 0};
        EshmRpc* peer = rpc_open(scene.name, ESHM_ROLE_SLAVE);
        CHECK_EQ(eshm_rpc_on_event(end.rpc, "end", destroy_inside, &end), ESHM_SUCCESS);
        CHECK_EQ(eshm_rpc_on_event(end.rpc, "end", count_up, &end), ESHM_SUCCESS); /* never runs */
        CHECK_EQ(eshm_rpc_start(end.rpc), ESHM_SUCCESS);
        CHECK_EQ(eshm_rpc_emit(peer, "end"), ESHM_SUCCESS);
        event_wait(end.event);
        eshm_rpc_destroy(peer);
        CHECK_WITHIN(PATIENCE_MS, !is_there(scene.name)); /* gone once the handler has returned */
        CHECK_EQ(eshm_rpc_call(end.rpc, "x"), ESHM_ERROR_NOT_INITIALIZED); /* for who is late */
        CHECK_EQ(end.count, 0);
        event_free(end.event);
        event_free(end.other);
    }
    scene_free(scene);
}

static void destroy_gives_everything_back_at_once(void) {
    Scene scene = rpc_scene("rpc_gone");
    for (int round = 0; round < 50; round++) {
        EshmRpc* rpc = rpc_open(scene.name, ESHM_ROLE_MASTER);
        CHECK_EQ(eshm_rpc_start(rpc), ESHM_SUCCESS);
        CHECK(is_there(scene.name));
        eshm_rpc_destroy(rpc);
        CHECK(!is_there(scene.name));
    }
    scene_free(scene);
}

static void count_nothing(void* user) {
    (void)user;
}

/* Calls until the channel is closed under it, and some more. */
static void* call_until_closed(void* used) {
    EshmRpc* rpc = (EshmRpc*)used;
    int closed = 0;
    while (closed < 100) {
        const int codes[] = {eshm_rpc_call(rpc, "x"), eshm_rpc_emit(rpc, "x"), eshm_rpc_start(rpc), eshm_rpc_stop(rpc),
                             eshm_rpc_on_call(rpc, "x", count_nothing, NULL)};
        for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
            CHECK(codes[i] == ESHM_SUCCESS || codes[i] == ESHM_ERROR_NOT_INITIALIZED);
            if (closed > 0) CHECK_EQ(codes[i], ESHM_ERROR_NOT_INITIALIZED);
        }
        closed += codes[0] != ESHM_SUCCESS;
        (void)(eshm_rpc_missed(rpc) + eshm_rpc_dispatched(rpc));
    }
    return NULL;
}

static void calls_that_destroy_overtakes_find_it_closed(void) {
    Scene scene = rpc_scene("rpc_overtaken");
    for (int round = 0; round < 20; round++) {
        EshmRpc* rpc = rpc_open(scene.name, ESHM_ROLE_MASTER);
        EshmRpc* peer = rpc_open(scene.name, ESHM_ROLE_SLAVE);
        pthread_t callers[3];
        for (int i = 0; i < 3; i++) CHECK_EQ(pthread_create(&callers[i], NULL, call_until_closed, rpc), 0);
        check_pause_ms(round % 4);
        eshm_rpc_destroy(rpc);
        CHECK(!is_there(scene.name));
        for (int i = 0; i < 3; i++) CHECK_EQ(pthread_join(callers[i], NULL), 0);
        eshm_rpc_destroy(peer);
    }
    scene_free(scene);
}

static void an_inherited_one_is_dead(void) {
    Scene scene = rpc_scene("rpc_fork");
    EshmRpc* rpc = rpc_open(scene.name, ESHM_ROLE_MASTER);
    EshmRpc* peer = rpc_open(scene.name, ESHM_ROLE_SLAVE);
    Event event = event_new();
    CHECK_EQ(eshm_rpc_on_call(rpc, "go", signal_event, &event), ESHM_SUCCESS);
    CHECK_EQ(eshm_rpc_start(rpc), ESHM_SUCCESS);
    const pid_t child = child_fork();
    if (child == 0) {
        CHECK_EQ(eshm_rpc_start(rpc), ESHM_ERROR_NOT_INITIALIZED);
        CHECK_EQ(eshm_rpc_stop(rpc), ESHM_ERROR_NOT_INITIALIZED);
        CHECK_EQ(eshm_rpc_call(rpc, "go"), ESHM_ERROR_NOT_INITIALIZED);
        CHECK_EQ(eshm_rpc_on_call(rpc, "go", count_up, NULL), ESHM_ERROR_NOT_INITIALIZED);
        CHECK_TEXT(eshm_rpc_get_last_error(), "opened in another process: open your own");
        eshm_rpc_destroy(rpc);
        eshm_rpc_destroy(peer);
        _exit(0);
    }
    child_join(child);
    CHECK_EQ(eshm_rpc_call(peer, "go"), ESHM_SUCCESS); /* and the parent's goes on */
    event_wait(event);
    eshm_rpc_destroy(peer);
    eshm_rpc_destroy(rpc);
    event_free(event);
    scene_free(scene);
}

int main(int argc, char** argv) {
    static const ChildBody bodies[] = {CHILD_BODY(pinged_slave), CHILD_BODY(counting_slave)};
    CHILD_MAIN(argc, argv, bodies);
    RUN(null_and_unknown_arguments);
    RUN(the_last_error_is_the_threads_own);
    RUN(two_processes_call_and_emit);
    RUN(coalescing_is_counted_over_100000_firings);
    RUN(handlers_register_and_fire);
    RUN(a_handler_stops);
    RUN(a_handler_destroys);
    RUN(destroy_gives_everything_back_at_once);
    RUN(calls_that_destroy_overtakes_find_it_closed);
    RUN(an_inherited_one_is_dead);
    puts("test_rpc: passed");
    return 0;
}
