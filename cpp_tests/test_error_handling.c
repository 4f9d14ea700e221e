/* Every refusal in the tables of the C interface: NULLs, numbers outside the enums, names, sizes, timeouts, texts. A C11
 * program. What the states of a handle answer is in test_handle_states.c. */
#define _GNU_SOURCE
#include "child.h"
#include "endpoint.h"

#include <errno.h>
#include <limits.h>

static void error_strings(void) {
    static const char* const texts[] = {
        "Success", "Invalid parameter", "Failed to create shared memory", "Failed to attach to shared memory",
        "Failed to detach from shared memory", "Failed to delete shared memory", "Failed to initialize mutex",
        "Failed to lock mutex", "Failed to unlock mutex", "No data available", "Operation timed out", "Master is stale",
        "Buffer is full", "Buffer too small", "Not initialized", "Role mismatch"};
    const int unknown[] = {-16, 1, 2, 100, -100, INT_MAX, INT_MIN};
    for (int i = 0; i < 16; i++) CHECK_TEXT(eshm_error_string(-i), texts[i]);
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
        CHECK_TEXT(eshm_error_string(unknown[i]), "Unknown error");
}

static void null_handles(void) {
    char buffer[8];
    size_t size = 0;
    bool alive = false;
    ESHMStats stats;
    enum ESHMRole role;
    enum ESHMWakeupMode mode;
    CHECK_EQ(eshm_destroy(NULL), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_write(NULL, buffer, 1), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_write(NULL, NULL, 0), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_read(NULL, buffer, sizeof buffer), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_read_ex(NULL, buffer, sizeof buffer, &size, 0), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_read_ex(NULL, NULL, 0, NULL, ESHM_TIMEOUT_INFINITE), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_update_heartbeat(NULL), ESHM_ERROR_NOT_INITIALIZED);
    CHECK_EQ(eshm_check_remote_alive(NULL, &alive), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_get_stats(NULL, &stats), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_get_role(NULL, &role), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_set_wakeup_mode(NULL, ESHM_WAKEUP_PUSH), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_set_spin_us(NULL, 0), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_get_wakeup_mode(NULL, &mode), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_get_event_fd(NULL), ESHM_ERROR_INVALID_PARAM);
}

static void null_pointers(void) {
    ESHMHandle* master = open_as(segment_name("error"), ESHM_ROLE_MASTER);
    size_t size = 0;
    CHECK_EQ(eshm_write(master, NULL, 1), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_write(master, NULL, 0), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_read(master, NULL, 8), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_read_ex(master, NULL, 8, &size, 0), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_read_ex(master, NULL, 0, &size, ESHM_TIMEOUT_INFINITE), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_check_remote_alive(master, NULL), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_get_stats(master, NULL), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_get_role(master, NULL), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_get_wakeup_mode(master, NULL), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(stats_of(master).m2s_write_count, 0); /* no refused write left a trace */
    close_end(master);
}

static void refused(const char* name, int role, int behavior) {
    ESHMConfig config = eshm_default_config(name);
    config.role = (enum ESHMRole)role;
    config.disconnect_behavior = (enum ESHMDisconnectBehavior)behavior;
    CHECK(eshm_init(&config) == NULL);
}

static void numbers_outside_the_enums(void) {
    const char* name = segment_name("error");
    const int roles[] = {3, -1, 255, 256, INT_MAX, INT_MIN}, behaviors[] = {3, -7, 256, INT_MAX, INT_MIN};
    const int modes[] = {2, -1, 99, 256, INT_MAX, INT_MIN};
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) refused(name, roles[i], ESHM_DISCONNECT_ON_TIMEOUT);
    for (size_t i = 0; i < sizeof behaviors / sizeof behaviors[0]; i++) refused(name, ESHM_ROLE_MASTER, behaviors[i]);
    CHECK_EQ(segment_inode(name), 0);

    ESHMHandle* master = open_as(name, ESHM_ROLE_MASTER);
    CHECK_EQ(eshm_set_wakeup_mode(master, ESHM_WAKEUP_POLL), ESHM_SUCCESS);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        CHECK_EQ(eshm_set_wakeup_mode(master, (enum ESHMWakeupMode)modes[i]), ESHM_ERROR_INVALID_PARAM);
    enum ESHMWakeupMode mode = ESHM_WAKEUP_PUSH;
    CHECK_EQ(eshm_get_wakeup_mode(master, &mode), ESHM_SUCCESS);
    CHECK_EQ(mode, ESHM_WAKEUP_POLL); /* as it was */
    close_end(master);
}

static void names(void) {
    CHECK(eshm_init(NULL) == NULL);
    refused(NULL, ESHM_ROLE_MASTER, ESHM_DISCONNECT_ON_TIMEOUT);
    char name[400];
    for (int length = 250; length < 400; length += 50) {
        memset(name, 'x', (size_t)length);
        name[length] = '\0';
        for (int role = ESHM_ROLE_MASTER; role <= ESHM_ROLE_AUTO; role++) refused(name, role, ESHM_DISCONNECT_ON_TIMEOUT);
    }
    refused("", ESHM_ROLE_MASTER, ESHM_DISCONNECT_ON_TIMEOUT);
    refused("", ESHM_ROLE_AUTO, ESHM_DISCONNECT_ON_TIMEOUT);

    memset(name, 'x', sizeof name); /* the longest that is allowed */
    snprintf(name, sizeof name, "%s", segment_name("error"));
    memset(name + strlen(name), 'x', sizeof name - strlen(name));
    name[249] = '\0';
    segment_adopt(name);
    ESHMHandle* master = open_as(name, ESHM_ROLE_MASTER);
    ESHMHandle* slave = open_as(name, ESHM_ROLE_SLAVE);
    CHECK(segment_inode(name) != 0); /* not cut */
    send_text(master, "long");
    expect_text(slave, "long");
    close_end(slave);
    close_end(master);
}

static void a_slave_without_a_segment(void) {
    const char* name = segment_name("error");
    refused(name, ESHM_ROLE_SLAVE, ESHM_DISCONNECT_ON_TIMEOUT);
    CHECK_EQ(segment_inode(name), 0);
}

static void files_that_are_no_segment(void) {
    const size_t sizes[] = {0, 1, 100, 128, sizeof(struct ESHMData) - 1, sizeof(struct ESHMData), 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const char* name = segment_name("error");
        char path[128];
        snprintf(path, sizeof path, "/dev/shm/eshm_%s", name);
        FILE* file = fopen(path, "w");
        CHECK(file != NULL);
        for (size_t byte = 0; byte < sizes[i]; byte++) fputc(0x77, file);
        CHECK_EQ(fclose(file), 0);
        refused(name, ESHM_ROLE_SLAVE, ESHM_DISCONNECT_ON_TIMEOUT);
        CHECK(segment_inode(name) != 0); /* a slave removes nothing */
        ESHMHandle* either = open_as(name, i % 2 ? ESHM_ROLE_MASTER : ESHM_ROLE_AUTO);
        CHECK_EQ(role_of(either), ESHM_ROLE_MASTER);
        send_text(either, "x");
        close_end(either);
    }
}

static void more_than_the_capacity(void) {
    static uint8_t big[ESHM_MAX_DATA_SIZE + 1];
    const char* name = segment_name("error");
    ESHMHandle *master = open_as(name, ESHM_ROLE_MASTER), *slave = open_as(name, ESHM_ROLE_SLAVE);
    CHECK_EQ(eshm_write(master, big, ESHM_MAX_DATA_SIZE), ESHM_SUCCESS);
    CHECK_EQ(eshm_read(slave, big, sizeof big), ESHM_MAX_DATA_SIZE);
    CHECK_EQ(eshm_write(master, big, ESHM_MAX_DATA_SIZE + 1), ESHM_ERROR_BUFFER_TOO_SMALL);
    CHECK_EQ(eshm_write(master, big, (size_t)1 << 32), ESHM_ERROR_BUFFER_TOO_SMALL); /* 0, cut to 32 bits */
    CHECK_EQ(eshm_write(master, big, SIZE_MAX), ESHM_ERROR_BUFFER_TOO_SMALL);
    expect_nothing(slave);
    CHECK_EQ(stats_of(master).m2s_write_count, 1);
    close_end(slave);
    close_end(master);
}

static void a_buffer_that_is_too_small(void) {
    const char* name = segment_name("error");
    ESHMHandle *master = open_as(name, ESHM_ROLE_MASTER), *slave = open_as(name, ESHM_ROLE_SLAVE);
    char buffer[16];
    CHECK_EQ(eshm_write(master, "0123456789", 10), ESHM_SUCCESS);
    for (size_t room = 0; room < 10; room += 3) {
        size_t size = 0;
        memset(buffer, '-', sizeof buffer);
        CHECK_EQ(eshm_read_ex(slave, buffer, room, &size, 100), ESHM_ERROR_BUFFER_TOO_SMALL);
        CHECK_EQ(size, 10); /* what it takes */
        for (size_t i = room; i < sizeof buffer; i++) CHECK_EQ(buffer[i], '-');
        CHECK_EQ(eshm_read_ex(slave, buffer, room, NULL, 0), ESHM_ERROR_BUFFER_TOO_SMALL);
        CHECK_EQ(eshm_read(slave, buffer, room), ESHM_ERROR_BUFFER_TOO_SMALL);
    }
    CHECK_EQ(eshm_read(slave, buffer, 10), 10); /* it was still there */
    CHECK(memcmp(buffer, "0123456789", 10) == 0);
    expect_nothing(slave);

    CHECK_EQ(eshm_write(master, "", 0), ESHM_SUCCESS);
    CHECK_EQ(eshm_read(slave, buffer, 0), 0); /* no room needed for nothing */
    close_end(slave);
    close_end(master);
}

static void timeouts(void) {
    const char* name = segment_name("error");
    ESHMHandle *master = open_as(name, ESHM_ROLE_MASTER), *slave = open_as(name, ESHM_ROLE_SLAVE);
    const uint32_t waits[] = {1, 2, 10, 70};
    char buffer[8];
    size_t size = 0;
    CHECK_EQ(eshm_read_ex(slave, buffer, sizeof buffer, &size, 0), ESHM_ERROR_NO_DATA);
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        const double start = check_now();
        CHECK_EQ(eshm_read_ex(slave, buffer, sizeof buffer, &size, waits[i]), ESHM_ERROR_TIMEOUT);
        CHECK(check_now() - start >= waits[i] / 1000.0); /* never shorter than asked */
    }
    const double start = check_now();
    CHECK_EQ(eshm_read(slave, buffer, sizeof buffer), ESHM_ERROR_TIMEOUT);
    CHECK(check_now() - start >= 1.0);
    close_end(slave);
    close_end(master);
}

/* Whatever a program without standard streams prints must not go into a segment. */
static void open_without_streams(Scene* scene) {
    for (int stream = 0; stream <= 2; stream++) close(stream);
    ESHMHandle *master = open_as(scene->name, ESHM_ROLE_MASTER), *slave = open_as(scene->name, ESHM_ROLE_SLAVE);
    for (int stream = 0; stream <= 2; stream++) CHECK(write(stream, "[text]", 6) == -1 && errno == EBADF);
    send_text(master, "x");
    expect_text(slave, "x");
    close_end(slave);
    close_end(master);
}

static void closed_standard_streams(void) {
    Scene scene = scene_new("error");
    child_join(CHILD_START(open_without_streams, &scene));
    scene_free(scene);
}

/* A diagnostic that nobody reads must not end the program. */
static void be_refused_unheard(Scene* scene) {
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    close(ends[0]);
    signal(SIGPIPE, SIG_DFL);
    refused(scene->name, ESHM_ROLE_SLAVE, ESHM_DISCONNECT_ON_TIMEOUT);
}

static void a_broken_standard_error(void) {
    Scene scene = scene_new("error");
    child_join(CHILD_START(be_refused_unheard, &scene));
    scene_free(scene);
}

int main(int argc, char** argv) {
    const ChildBody bodies[] = {CHILD_BODY(open_without_streams), CHILD_BODY(be_refused_unheard)};
    CHILD_MAIN(argc, argv, bodies);
    RUN(error_strings);
    RUN(null_handles);
    RUN(null_pointers);
    RUN(numbers_outside_the_enums);
    RUN(names);
    RUN(a_slave_without_a_segment);
    RUN(files_that_are_no_segment);
    RUN(more_than_the_capacity);
    RUN(a_buffer_that_is_too_small);
    RUN(timeouts);
    RUN(closed_standard_streams);
    RUN(a_broken_standard_error);
    puts("test_error_handling: passed");
    return 0;
}
