/* eshm_get_event_fd() under poll(): readable while there is something to read or a change to ask about. A C11 program. */
#define _GNU_SOURCE
#include "child.h"
#include "descriptor.h"

#include <fcntl.h>
#include <sys/resource.h>

static void a_value_is_readable_until_it_is_read(void) {
    const Pair pair = pair_new();
    char byte;
    size_t size = 0;
    CHECK(!readable(pair.fd));
    for (int round = 0; round < 100; round++) {
        send_text(pair.master, "one");
        CHECK(readable_within(pair.fd, PATIENCE_MS));
        CHECK(readable(pair.fd)); /* a look takes nothing */
        CHECK_EQ(eshm_read_ex(pair.slave, &byte, 1, &size, 0), ESHM_ERROR_BUFFER_TOO_SMALL);
        CHECK(readable(pair.fd)); /* nor does a read that has no room */
        if (round % 2) send_text(pair.master, "two");
        expect_text(pair.slave, round % 2 ? "two" : "one");
        CHECK(!readable(pair.fd));
        expect_nothing(pair.slave);
        CHECK(!readable(pair.fd));
    }
    pair_free(pair);
}

static void a_message_of_no_bytes_is_one_too(void) {
    const Pair pair = pair_new();
    CHECK_EQ(eshm_write(pair.master, "", 0), ESHM_SUCCESS);
    CHECK(readable_within(pair.fd, PATIENCE_MS));
    CHECK_EQ(eshm_read(pair.slave, (char[1]){0}, 1), 0);
    CHECK(!readable(pair.fd));
    pair_free(pair);
}

static void a_value_from_before_the_first_call_is_readable_at_once(void) {
    const char* name = segment_name("event");
    ESHMHandle *master = open_as(name, ESHM_ROLE_MASTER), *slave = open_as(name, ESHM_ROLE_SLAVE);
    send_text(master, "early");
    CHECK(readable(fd_of(slave)));
    expect_text(slave, "early");
    close_end(slave);
    close_end(master);
}

static void it_is_one_per_handle_and_closed_on_exec_and_with_the_handle(void) {
    const Pair pair = pair_new();
    CHECK_EQ(eshm_get_event_fd(pair.slave), pair.fd);
    CHECK(fd_of(pair.master) != pair.fd);
    CHECK_EQ(fcntl(pair.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    pair_free(pair);
    CHECK_EQ(fcntl(pair.fd, F_GETFD), -1);
}

static void there_is_none(void) {
    CHECK_EQ(eshm_get_event_fd(NULL), -1);
    ESHMConfig config = settings(segment_name("event"), ESHM_ROLE_MASTER);
    config.use_threads = false;
    ESHMHandle* alone = open_with(&config);
    CHECK_EQ(eshm_get_event_fd(alone), -1);
    send_text(alone, "works on");
    close_end(alone);
}

static void without_descriptors_the_handle_works_on(void) {
    const char* name = segment_name("event");
    ESHMHandle *master = open_as(name, ESHM_ROLE_MASTER), *slave = open_as(name, ESHM_ROLE_SLAVE);
    struct rlimit was, none;
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &was), 0);
    none = was;
    none.rlim_cur = 3;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    CHECK_EQ(eshm_get_event_fd(slave), -1);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &was), 0);
    send_text(master, "hello");
    expect_text(slave, "hello");
    const int fd = fd_of(slave); /* and the next call finds one */
    send_text(master, "again");
    CHECK(readable_within(fd, PATIENCE_MS));
    close_end(slave);
    close_end(master);
}

static void a_forked_child_has_none_and_takes_none_away(void) {
    const Pair pair = pair_new();
    send_text(pair.master, "for the parent");
    CHECK(readable_within(pair.fd, PATIENCE_MS));
    const pid_t child = child_fork();
    if (child == 0) {
        CHECK_EQ(eshm_get_event_fd(pair.slave), -1);
        CHECK_EQ(eshm_read_ex(pair.slave, (char[64]){0}, 64, NULL, 0), ESHM_ERROR_NOT_INITIALIZED);
        close_end(pair.slave);
        CHECK_EQ(fcntl(pair.fd, F_GETFD), -1); /* the child's copy */
        execlp("true", "true", (char*)NULL); /* instead of an exit: the memory of threads it does not have is no leak */
        _exit(127);
    }
    child_join(child);
    CHECK(readable(pair.fd));
    expect_text(pair.slave, "for the parent");
    CHECK(!readable(pair.fd));
    pair_free(pair);
}

static void peer(Scene* scene) {
    ESHMHandle* handle = open_as(scene->name, (enum ESHMRole)scene->role);
    event_signal(scene->ready);
    event_wait(scene->go);
    close_end(handle);
}

/* Waits, on the descriptor alone, until the peer is as expected. */
static void wait_for_peer(ESHMHandle* handle, bool alive) {
    const int fd = fd_of(handle);
    do CHECK(readable_within(fd, PATIENCE_MS));
    while (peer_alive(handle) != alive);
}

static void changes_of_the_peer(enum ESHMRole role) {
    Scene scene = scene_new("event");
    scene.role = role == ESHM_ROLE_MASTER ? ESHM_ROLE_SLAVE : ESHM_ROLE_MASTER;
    pid_t child = 0;
    if (role == ESHM_ROLE_SLAVE) {
        child = CHILD_START(peer, &scene);
        event_wait(scene.ready);
    }
    ESHMHandle* handle = open_as(scene.name, role);
    const int fd = fd_of(handle);
    if (role == ESHM_ROLE_MASTER) {
        CHECK(!readable(fd));
        child = CHILD_START(peer, &scene);
        event_wait(scene.ready);
        wait_for_peer(handle, true); /* it has come */
    }
    CHECK_WITHIN(PATIENCE_MS, peer_alive(handle) && !readable(fd));
    for (int round = 0; round < 4; round++) {
        if (round % 2) {
            event_signal(scene.go);
            child_join(child);
        } else {
            child_crash(child);
        }
        CHECK(readable_within(fd, PATIENCE_MS));
        CHECK(readable(fd)); /* until somebody asks */
        stats_of(handle);
        CHECK(readable(fd));
        wait_for_peer(handle, false);
        CHECK(!readable(fd));
        child = CHILD_START(peer, &scene);
        event_wait(scene.ready);
        wait_for_peer(handle, true);
        CHECK_WITHIN(PATIENCE_MS, peer_alive(handle) && !readable(fd)); /* its coming may be seen in two steps */
    }
    event_signal(scene.go);
    child_join(child);
    close_end(handle);
    scene_free(scene);
}

static void a_slave_comes_leaves_dies_and_returns(void) {
    changes_of_the_peer(ESHM_ROLE_MASTER);
}

static void a_master_comes_leaves_dies_and_returns(void) {
    changes_of_the_peer(ESHM_ROLE_SLAVE);
}

static void a_change_and_a_value_at_once_are_taken_one_by_one(void) {
    const Pair pair = pair_new();
    send_text(pair.master, "last words");
    close_end(pair.master);
    CHECK_WITHIN(PATIENCE_MS, detached(pair.slave));
    CHECK(readable_within(pair.fd, PATIENCE_MS));
    expect_text(pair.slave, "last words");
    CHECK(readable_within(pair.fd, PATIENCE_MS)); /* the change is still there */
    CHECK(!peer_alive(pair.slave));
    CHECK(!readable(pair.fd));
    close_end(pair.slave);
}

static void an_ousted_master_is_told(void) {
    const char* name = segment_name("event");
    ESHMHandle* first = open_as(name, ESHM_ROLE_MASTER);
    const int fd = fd_of(first);
    ESHMHandle* second = open_as(name, ESHM_ROLE_MASTER);
    CHECK(readable_within(fd, PATIENCE_MS));
    CHECK_WITHIN(PATIENCE_MS, eshm_write(first, "x", 1) == ESHM_ERROR_ROLE_MISMATCH);
    close_end(first);
    close_end(second);
}

int main(int argc, char** argv) {
    const ChildBody bodies[] = {CHILD_BODY(peer)};
    CHILD_MAIN(argc, argv, bodies);
    RUN(a_value_is_readable_until_it_is_read);
    RUN(a_message_of_no_bytes_is_one_too);
    RUN(a_value_from_before_the_first_call_is_readable_at_once);
    RUN(it_is_one_per_handle_and_closed_on_exec_and_with_the_handle);
    RUN(there_is_none);
    RUN(without_descriptors_the_handle_works_on);
    RUN(a_forked_child_has_none_and_takes_none_away);
    RUN(a_slave_comes_leaves_dies_and_returns);
    RUN(a_master_comes_leaves_dies_and_returns);
    RUN(a_change_and_a_value_at_once_are_taken_one_by_one);
    RUN(an_ousted_master_is_told);
    puts("test_event_fd: passed");
    return 0;
}
