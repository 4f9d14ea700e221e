/* What the library says of itself and of failures: the log level, eshm_last_error(), eshm_version(). A C11 program. */
#define _GNU_SOURCE
#include "child.h"
#include "open_ex.h"

#include <pthread.h>
#include <sys/resource.h>

/* Standard error goes to a pipe: what a refusal at each level leaves there. */
static void be_refused_at_a_level(Scene* scene) {
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    const int before = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    ESHMOptions options = eshm_default_options();
    options.log_level = (enum ESHMLogLevel)scene->role;
    CHECK(try_open(scene->name, ESHM_ROLE_SLAVE, &options) == NULL);
    CHECK(try_open(scene->name, ESHM_ROLE_SLAVE, NULL) == NULL); /* the level stays */
    dup2(before, STDERR_FILENO);
    close(ends[1]);
    char text[1024] = "";
    CHECK(read(ends[0], text, sizeof text - 1) >= 0);
    int lines = 0;
    for (const char* at = text; (at = strchr(at, '\n')) != NULL; at++) lines++;
    CHECK_EQ(lines, scene->size);
}

static void the_log_level_is_the_processs(void) {
    Scene scene = scene_new("options");
    CHECK_EQ(setenv("ESHM_LOG", "off", 1), 0);
    scene.role = ESHM_LOG_DEFAULT;
    child_join(CHILD_START(be_refused_at_a_level, &scene));
    scene.role = ESHM_LOG_ERROR;
    scene.size = 2;
    child_join(CHILD_START(be_refused_at_a_level, &scene));
    CHECK_EQ(unsetenv("ESHM_LOG"), 0);
    scene.role = ESHM_LOG_OFF;
    scene.size = 0;
    child_join(CHILD_START(be_refused_at_a_level, &scene));
    scene_free(scene);
}

static void* last_error_of_a_new_thread(void* unused) {
    CHECK_TEXT(eshm_last_error(), "");
    CHECK_EQ(eshm_capacity(NULL), 0);
    expect_reason("is NULL");
    return unused;
}

static void the_last_error_is_the_threads_own(void) {
    pthread_t thread;
    CHECK(try_open(segment_name("options"), ESHM_ROLE_SLAVE, NULL) == NULL);
    expect_reason("there is no such segment; start the master first");
    CHECK_EQ(pthread_create(&thread, NULL, last_error_of_a_new_thread, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    expect_reason("there is no such segment");
    CHECK_EQ(eshm_set_wakeup_mode(NULL, (enum ESHMWakeupMode)9), ESHM_ERROR_INVALID_PARAM);
    expect_reason("no such mode");
    ESHMHandle* master = open_as(segment_name("options"), ESHM_ROLE_MASTER);
    expect_reason("no such mode"); /* a success leaves it */
    close_end(master);
}

/* The text names the channel once, and holds `part`. */
static void expect_of(const char* name, const char* part) {
    char beginning[128];
    snprintf(beginning, sizeof beginning, "channel '%s': ", name);
    const char* text = eshm_last_error();
    if (strncmp(text, beginning, strlen(beginning)) != 0 || strstr(text + strlen(beginning), "channel '") != NULL) {
        fprintf(stderr, "\"%s\" does not begin with \"%s\", or says it twice\n", text, beginning);
        check_fail(__FILE__, __LINE__, "the channel");
    }
    expect_reason(part);
    (void)eshm_set_wakeup_mode(NULL, (enum ESHMWakeupMode)9); /* so that the next call has to say it anew */
}

/* Standard error goes to a pipe while `role` is opened beside a master of this process: its lines with `part`. */
static int lines_beside_a_master(const char* name, enum ESHMRole role, const char* part) {
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    const int before = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    ESHMHandle* second = open_as(name, role);
    close_end(second);
    dup2(before, STDERR_FILENO);
    close(before);
    close(ends[1]);
    char text[2048] = "";
    CHECK(read(ends[0], text, sizeof text - 1) >= 0);
    close(ends[0]);
    int lines = 0;
    for (const char* at = text; (at = strstr(at, part)) != NULL; at++) lines++;
    return lines;
}

/* Two of AUTO in one process are its own pair, which is hardly meant; a master and a slave are. */
static void a_process_that_is_its_own_peer_is_told_so(void) {
    const char* name = segment_name("itself");
    ESHMHandle* master = open_as(name, ESHM_ROLE_AUTO);
    CHECK_EQ(lines_beside_a_master(name, ESHM_ROLE_AUTO, "both ends of this channel are in this process"), 1);
    CHECK_EQ(lines_beside_a_master(name, ESHM_ROLE_SLAVE, "both ends"), 0);
    close_end(master);
}

static void each_failure_names_its_channel(void) {
    const char* name = segment_name("named");
    ESHMConfig config = settings(name, ESHM_ROLE_SLAVE);
    CHECK(eshm_init(&config) == NULL);
    expect_of(name, "there is no such segment; start the master first");
    config.role = (enum ESHMRole)7;
    CHECK(eshm_init(&config) == NULL);
    expect_of(name, "there is no role 7: 0 is master, 1 slave, 2 auto");
    ESHMOptions options = eshm_default_options();
    options.capacity = (size_t)1 << 40;
    CHECK(try_open(name, ESHM_ROLE_MASTER, &options) == NULL);
    expect_of(name, "1 to 1073741824 are allowed");
    options = eshm_default_options();
    options.mode = 01000;
    CHECK(try_open(name, ESHM_ROLE_MASTER, &options) == NULL);
    expect_of(name, "0 to 511 are allowed");

    ESHMHandle* master = open_as(name, ESHM_ROLE_MASTER);
    config = settings(name, ESHM_ROLE_SLAVE);
    config.use_threads = false;
    config.disconnect_behavior = ESHM_DISCONNECT_NEVER;
    ESHMHandle* slave = eshm_init(&config);
    CHECK(slave != NULL);
    static char large[ESHM_MAX_DATA_SIZE + 1];
    char few[4];
    size_t size = 0;
    CHECK_EQ(eshm_read_ex(slave, few, sizeof few, &size, 0), ESHM_ERROR_NO_DATA);
    expect_of(name, eshm_error_string(ESHM_ERROR_NO_DATA));
    CHECK_EQ(eshm_read_ex(slave, few, sizeof few, &size, 1), ESHM_ERROR_TIMEOUT);
    expect_of(name, eshm_error_string(ESHM_ERROR_TIMEOUT));
    CHECK_EQ(eshm_write(master, large, sizeof large), ESHM_ERROR_BUFFER_TOO_SMALL);
    expect_of(name, "the message has 4097 bytes, the channel's capacity is 4096");
    CHECK_EQ(eshm_write(master, large, 9), ESHM_SUCCESS);
    CHECK_EQ(eshm_read_ex(slave, few, sizeof few, &size, 1000), ESHM_ERROR_BUFFER_TOO_SMALL);
    CHECK_EQ(size, 9);
    expect_of(name, "the message has 9 bytes, the buffer 4");
    CHECK_EQ(eshm_get_event_fd(slave), ESHM_ERROR_INVALID_PARAM);
    expect_of(name, "without threads");

    CHECK_EQ(eshm_write(master, NULL, 1), ESHM_ERROR_INVALID_PARAM);
    expect_of(name, "an argument is NULL");
    CHECK_EQ(eshm_read(master, NULL, 1), ESHM_ERROR_INVALID_PARAM);
    expect_of(name, "an argument is NULL");
    CHECK_EQ(eshm_get_stats(master, NULL), ESHM_ERROR_INVALID_PARAM);
    expect_of(name, "an argument is NULL");
    CHECK_EQ(eshm_get_role(master, NULL), ESHM_ERROR_INVALID_PARAM);
    expect_of(name, "an argument is NULL");
    CHECK_EQ(eshm_write(NULL, large, 1), ESHM_ERROR_INVALID_PARAM);
    CHECK_TEXT(eshm_last_error(), "the handle is NULL: was it opened, and did that succeed?");
    config.shm_name = NULL;
    CHECK(eshm_init(&config) == NULL);
    CHECK_TEXT(eshm_last_error(), "the name is NULL");
    close_end(slave);
    close_end(master);
}

static void what_a_long_name_leaves_room_for(void) {
    char name[251];
    memset(name, 'n', sizeof name - 1);
    name[250] = '\0';
    const ESHMConfig config = settings(name, ESHM_ROLE_MASTER);
    CHECK(eshm_init(&config) == NULL);
    expect_of("nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn...", "1 to 249 bytes, this one 250");
}

/* The system's own words, for what the system refuses. */
static void no_descriptors_left(Scene* scene) {
    struct rlimit before;
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit none = {3, before.rlim_max}; /* valgrind lets nobody change the hard limit */
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    CHECK(try_open(scene->name, ESHM_ROLE_MASTER, NULL) == NULL);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &before), 0); /* a sanitizer opens files at the end */
    expect_reason("Too many open files");
    expect_reason("raise ulimit -n");
}

static void errno_has_its_text(void) {
    Scene scene = scene_new("options");
    child_join(CHILD_START(no_descriptors_left, &scene));
    scene_free(scene);
}

static void a_forked_child_is_told_to_open_its_own(void) {
    const char* name = segment_name("forked");
    ESHMHandle* master = open_as(name, ESHM_ROLE_MASTER);
    const pid_t child = child_fork();
    if (child == 0) {
        char byte = 0;
        enum ESHMRole role;
        CHECK_EQ(eshm_write(master, &byte, 1), ESHM_ERROR_NOT_INITIALIZED);
        expect_of(name, "opened in another process: open your own");
        CHECK_EQ(eshm_set_wakeup_mode(NULL, (enum ESHMWakeupMode)9), ESHM_ERROR_INVALID_PARAM);
        CHECK_EQ(eshm_read_ex(master, &byte, 1, NULL, 10), ESHM_ERROR_NOT_INITIALIZED);
        expect_reason("opened in another process");
        CHECK_EQ(eshm_set_wakeup_mode(NULL, (enum ESHMWakeupMode)9), ESHM_ERROR_INVALID_PARAM);
        CHECK_EQ(eshm_get_role(master, &role), ESHM_ERROR_NOT_INITIALIZED);
        expect_reason("opened in another process");
        _exit(0);
    }
    child_join(child);
    close_end(master);
}

/* Another user's segment, for one who is not root. */
static void be_nobody(Scene* scene) {
    CHECK_EQ(setgid(65534), 0);
    CHECK_EQ(setuid(65534), 0);
    CHECK(try_open(scene->name, ESHM_ROLE_SLAVE, NULL) == NULL);
    expect_reason("Permission denied");
    expect_reason(scene->name);
    expect_reason("of user 0, mode 0600");
    expect_reason("0666");
}

static void a_foreign_segment_names_its_owner(void) {
    if (getuid() != 0) {
        puts("  SKIPPED: only root can become another user");
        return;
    }
    Scene scene = scene_new("foreign");
    ESHMOptions options = eshm_default_options();
    options.mode = 0600;
    ESHMHandle* master = open_ex(scene.name, ESHM_ROLE_MASTER, &options);
    child_join(CHILD_START(be_nobody, &scene));
    close_end(master);
    scene_free(scene);
}

static void the_version_is_that_of_the_build(void) {
    int major = 0, minor = 0, patch = -1;
    CHECK_EQ(sscanf(eshm_version(), "%d.%d.%d", &major, &minor, &patch), 3);
    CHECK(major == 1 && minor >= 3 && patch >= 0);
}

int main(int argc, char** argv) {
    const ChildBody bodies[] = {CHILD_BODY(be_refused_at_a_level), CHILD_BODY(no_descriptors_left),
                                CHILD_BODY(be_nobody)};
    CHILD_MAIN(argc, argv, bodies);
    RUN(the_log_level_is_the_processs);
    RUN(the_last_error_is_the_threads_own);
    RUN(a_process_that_is_its_own_peer_is_told_so);
    RUN(each_failure_names_its_channel);
    RUN(what_a_long_name_leaves_room_for);
    RUN(errno_has_its_text);
    RUN(a_forked_child_is_told_to_open_its_own);
    RUN(a_foreign_segment_names_its_owner);
    RUN(the_version_is_that_of_the_build);
    puts("test_last_error: passed");
    return 0;
}
