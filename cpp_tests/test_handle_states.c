/* What each call answers in each state of a handle: reconnecting, given up, stopped, ousted, inherited by fork(), and while
 * it is being destroyed. A C11 program. */
#define _GNU_SOURCE
#include "child.h"
#include "endpoint.h"

typedef struct Answers {
    int read_now, read_waiting, write, beat, stats, query; /* query: eshm_check_remote_alive and eshm_get_role */
} Answers;

static void check_answers(ESHMHandle* handle, Answers expected) {
    char buffer[64];
    size_t size = 0;
    bool alive = true;
    enum ESHMRole role = ESHM_ROLE_AUTO;
    ESHMStats stats;
    memset(&stats, 0xff, sizeof stats);
    CHECK_EQ(eshm_read_ex(handle, buffer, sizeof buffer, &size, 0), expected.read_now);
    const double start = check_now();
    CHECK_EQ(eshm_read_ex(handle, buffer, sizeof buffer, &size, 30), expected.read_waiting);
    if (expected.read_waiting == ESHM_ERROR_TIMEOUT) CHECK(check_now() - start >= 0.030);
    CHECK_EQ(eshm_write(handle, "x", 1), expected.write);
    CHECK_EQ(eshm_update_heartbeat(handle), expected.beat);
    CHECK_EQ(eshm_get_stats(handle, &stats), expected.stats);
    CHECK_EQ(eshm_check_remote_alive(handle, &alive), expected.query);
    CHECK_EQ(eshm_get_role(handle, &role), expected.query);

    /* Mistakes are told first, whatever the state. */
    CHECK_EQ(eshm_write(handle, NULL, 1), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_read_ex(handle, NULL, 1, &size, 0), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_get_stats(handle, NULL), ESHM_ERROR_INVALID_PARAM);
}

static void check_detached(ESHMHandle* slave, int read_now, int read_waiting, bool given_up) {
    const bool stopped = read_now == ESHM_ERROR_MASTER_STALE; /* its statistics stay, the last known ones */
    const Answers expected = {read_now, read_waiting, ESHM_ERROR_TIMEOUT, ESHM_ERROR_NOT_INITIALIZED,
                              stopped ? ESHM_SUCCESS : ESHM_ERROR_NOT_INITIALIZED, ESHM_SUCCESS};
    check_answers(slave, expected);
    CHECK(!peer_alive(slave));
    CHECK_EQ(eshm_has_given_up(slave), given_up);
    CHECK_EQ(role_of(slave), ESHM_ROLE_SLAVE);
    const ESHMStats zero = {0}, stats = stats_of(slave);
    if (!stopped) CHECK(memcmp(&stats, &zero, sizeof stats) == 0);
}

static void attached(void) {
    const Answers expected = {ESHM_ERROR_NO_DATA, ESHM_ERROR_TIMEOUT, ESHM_SUCCESS, ESHM_SUCCESS, ESHM_SUCCESS,
                              ESHM_SUCCESS};
    const char* name = segment_name("state");
    ESHMHandle *master = open_as(name, ESHM_ROLE_MASTER), *slave = open_as(name, ESHM_ROLE_SLAVE);
    check_answers(slave, expected);
    expect_nothing(slave);
    CHECK_EQ(eshm_read_ex(master, (char[1]){0}, 1, NULL, 0), ESHM_SUCCESS); /* the slave's write */
    check_answers(master, expected);
    CHECK(!eshm_has_given_up(slave) && !eshm_has_given_up(master) && !eshm_has_given_up(NULL));
    close_end(slave);
    close_end(master);
}

static void reconnecting(void) {
    const char* name = segment_name("state");
    ESHMHandle *master = open_as(name, ESHM_ROLE_MASTER), *slave = open_as(name, ESHM_ROLE_SLAVE);
    close_end(master);
    CHECK_WITHIN(PATIENCE_MS, detached(slave));
    check_detached(slave, ESHM_ERROR_NO_DATA, ESHM_ERROR_TIMEOUT, false);
    close_end(slave);
}

/* The last message of a master that left is still delivered. */
static void unread_message_comes_first(enum ESHMDisconnectBehavior behavior, int afterwards) {
    const char* name = segment_name("state");
    ESHMHandle* master = open_as(name, ESHM_ROLE_MASTER);
    ESHMConfig config = settings(name, ESHM_ROLE_SLAVE);
    config.disconnect_behavior = behavior;
    ESHMHandle* slave = open_with(&config);
    send_text(master, "last words");
    close_end(master);
    CHECK_WITHIN(PATIENCE_MS, eshm_update_heartbeat(slave) == ESHM_ERROR_NOT_INITIALIZED);
    expect_text(slave, "last words");
    CHECK_EQ(eshm_read_ex(slave, (char[1]){0}, 1, NULL, 0), afterwards);
    close_end(slave);
}

static void unread_message_while_reconnecting(void) {
    unread_message_comes_first(ESHM_DISCONNECT_NEVER, ESHM_ERROR_NO_DATA);
}

static void unread_message_when_stopped(void) {
    unread_message_comes_first(ESHM_DISCONNECT_IMMEDIATELY, ESHM_ERROR_MASTER_STALE);
}

static void gave_up(void) {
    const char* name = segment_name("state");
    ESHMHandle* master = open_as(name, ESHM_ROLE_MASTER);
    ESHMConfig config = settings(name, ESHM_ROLE_SLAVE);
    config.max_reconnect_attempts = 2;
    ESHMHandle* slave = open_with(&config);
    close_end(master);
    CHECK_WITHIN(PATIENCE_MS, eshm_has_given_up(slave));
    check_detached(slave, ESHM_ERROR_NO_DATA, ESHM_ERROR_TIMEOUT, true);
    master = open_as(name, ESHM_ROLE_MASTER);
    check_pause_ms(100);
    check_detached(slave, ESHM_ERROR_NO_DATA, ESHM_ERROR_TIMEOUT, true); /* for good */
    close_end(slave);
    close_end(master);
}

static void stopped(void) {
    const char* name = segment_name("state");
    ESHMHandle* master = open_as(name, ESHM_ROLE_MASTER);
    ESHMConfig config = settings(name, ESHM_ROLE_SLAVE);
    config.disconnect_behavior = ESHM_DISCONNECT_IMMEDIATELY;
    ESHMHandle* slave = open_with(&config);
    close_end(master);
    CHECK_EQ(eshm_read_ex(slave, (char[1]){0}, 1, NULL, ESHM_TIMEOUT_INFINITE), ESHM_ERROR_MASTER_STALE);
    check_detached(slave, ESHM_ERROR_MASTER_STALE, ESHM_ERROR_MASTER_STALE, false);
    CHECK_EQ(eshm_read(slave, (char[1]){0}, 1), ESHM_ERROR_MASTER_STALE);
    master = open_as(name, ESHM_ROLE_MASTER);
    check_pause_ms(100);
    check_detached(slave, ESHM_ERROR_MASTER_STALE, ESHM_ERROR_MASTER_STALE, false); /* for good */
    close_end(slave);
    close_end(master);
}

static void ousted_master(void) {
    const char* name = segment_name("state");
    const Answers expected = {ESHM_ERROR_NO_DATA, ESHM_ERROR_TIMEOUT, ESHM_ERROR_ROLE_MISMATCH, ESHM_ERROR_ROLE_MISMATCH,
                              ESHM_SUCCESS, ESHM_SUCCESS};
    ESHMHandle* first = open_as(name, ESHM_ROLE_MASTER);
    ESHMHandle* second = open_as(name, ESHM_ROLE_MASTER);
    CHECK_WITHIN(PATIENCE_MS, eshm_write(first, "x", 1) == ESHM_ERROR_ROLE_MISMATCH);
    check_answers(first, expected);
    const unsigned long long inode = segment_inode(name);
    close_end(first);
    CHECK_EQ(segment_inode(name), inode); /* the winner's */
    send_text(second, "still master");
    close_end(second);
    CHECK_EQ(segment_inode(name), 0);
}

static ESHMHandle *inherited_master, *inherited_slave;

static void use_inherited_handles(void) {
    const Answers expected = {ESHM_ERROR_NOT_INITIALIZED, ESHM_ERROR_NOT_INITIALIZED, ESHM_ERROR_NOT_INITIALIZED,
                              ESHM_ERROR_NOT_INITIALIZED, ESHM_ERROR_NOT_INITIALIZED, ESHM_ERROR_NOT_INITIALIZED};
    enum ESHMWakeupMode mode;
    check_answers(inherited_master, expected);
    check_answers(inherited_slave, expected);
    CHECK_EQ(eshm_set_wakeup_mode(inherited_slave, ESHM_WAKEUP_POLL), ESHM_ERROR_NOT_INITIALIZED);
    CHECK_EQ(eshm_get_wakeup_mode(inherited_slave, &mode), ESHM_ERROR_NOT_INITIALIZED);
    CHECK_EQ(eshm_set_spin_us(inherited_slave, 0), ESHM_ERROR_NOT_INITIALIZED);
    CHECK_EQ(eshm_capacity(inherited_slave), 0);
    CHECK(!eshm_has_given_up(inherited_slave));
    CHECK(strstr(eshm_last_error(), ": opened in another process: open your own") != NULL);
    close_end(inherited_slave);
    close_end(inherited_master);
}

static void forked_child(void) {
    const char* name = segment_name("state");
    inherited_master = open_as(name, ESHM_ROLE_MASTER);
    inherited_slave = open_as(name, ESHM_ROLE_SLAVE);
    const pid_t child = child_fork();
    if (child == 0) {
        use_inherited_handles();
        execlp("true", "true", (char*)NULL); /* instead of an exit: the memory of threads it does not have is no leak */
        _exit(127);
    }
    child_join(child);
    CHECK(segment_inode(name) != 0); /* the parent's segment is untouched, and so are its handles */
    const ESHMStats stats = stats_of(inherited_master);
    CHECK(stats.master_alive && stats.slave_alive);
    CHECK_EQ(stats.m2s_write_count, 0);
    send_text(inherited_master, "still here");
    expect_text(inherited_slave, "still here");
    close_end(inherited_slave);
    close_end(inherited_master);
}

static int result_of_the_reader;

static void* read_without_limit(void* handle) {
    char byte;
    result_of_the_reader = eshm_read_ex(handle, &byte, 1, NULL, ESHM_TIMEOUT_INFINITE);
    return NULL;
}

static void destroy_wakes_a_waiting_read(void) {
    for (int round = 0; round < 5; round++) {
        const char* name = segment_name("state");
        ESHMHandle *master = open_as(name, ESHM_ROLE_MASTER), *slave = open_as(name, ESHM_ROLE_SLAVE);
        pthread_t reader;
        CHECK_EQ(pthread_create(&reader, NULL, read_without_limit, slave), 0);
        check_pause_ms(50); /* no event says that it waits; a read that began after the destroy would be our mistake */
        close_end(slave);
        CHECK_EQ(pthread_join(reader, NULL), 0);
        CHECK(result_of_the_reader < 0);
        close_end(master);
    }
}

int main(void) {
    RUN(attached);
    RUN(reconnecting);
    RUN(unread_message_while_reconnecting);
    RUN(unread_message_when_stopped);
    RUN(gave_up);
    RUN(stopped);
    RUN(ousted_master);
    RUN(forked_child);
    RUN(destroy_wakes_a_waiting_read);
    puts("test_handle_states: passed");
    return 0;
}
