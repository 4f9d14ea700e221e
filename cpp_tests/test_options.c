/* What eshm_init_ex() takes beside the configuration: each option, what is refused and how it is said, structs of other sizes.
 * A C11 program. */
#define _GNU_SOURCE
#include "child.h"
#include "open_ex.h"

#include <sys/resource.h>

static void without_options_it_is_eshm_init(void) {
    const char* name = segment_name("options");
    const ESHMOptions options = eshm_default_options();
    ESHMHandle *master = open_ex(name, ESHM_ROLE_MASTER, NULL), *slave = open_ex(name, ESHM_ROLE_SLAVE, &options);
    CHECK_EQ(eshm_capacity(master), ESHM_MAX_DATA_SIZE);
    CHECK_EQ(eshm_capacity(slave), ESHM_MAX_DATA_SIZE);
    send_text(master, "x");
    expect_text(slave, "x");
    close_end(slave);
    close_end(master);
}

/* The slave of `messages_of_every_capacity`: sends back what it gets, until that is empty. */
static void echo(Scene* scene) {
    ESHMHandle* slave = open_ex(scene->name, ESHM_ROLE_SLAVE, NULL);
    CHECK_EQ(eshm_capacity(slave), scene->size);
    uint8_t* buffer = malloc(scene->size);
    size_t size = 0;
    event_signal(scene->ready);
    do {
        CHECK_EQ(eshm_read_ex(slave, buffer, scene->size, &size, PATIENCE_MS), ESHM_SUCCESS);
        CHECK_EQ(eshm_write(slave, buffer, size), ESHM_SUCCESS);
    } while (size != 0);
    free(buffer);
    close_end(slave);
}

static void messages_of_every_capacity(void) {
    const uint32_t capacities[] = {1, 7, 57, 4096, 100001, 6220800, 64 << 20};
    for (size_t i = 0; i < sizeof capacities / sizeof capacities[0]; i++) {
        const uint32_t capacity = capacities[i];
        Scene scene = scene_new("options");
        ESHMOptions options = eshm_default_options();
        scene.size = capacity;
        options.capacity = capacity;
        ESHMHandle* master = open_ex(scene.name, ESHM_ROLE_MASTER, &options);
        CHECK_EQ(eshm_capacity(master), capacity);
        const pid_t slave = CHILD_START(echo, &scene);
        event_wait(scene.ready);
        uint8_t *sent = malloc(capacity + 1), *got = malloc(capacity);
        const uint32_t sizes[] = {capacity, capacity / 2 + 1, 1, 0};
        for (uint32_t j = 0; j < 4; j++) {
            size_t size = 1;
            pattern_fill(sent, sizes[j], j);
            CHECK_EQ(eshm_write(master, sent, sizes[j]), ESHM_SUCCESS);
            CHECK_EQ(eshm_read_ex(master, got, capacity, &size, PATIENCE_MS), ESHM_SUCCESS);
            CHECK_EQ(size, sizes[j]);
            CHECK(memcmp(sent, got, size) == 0);
        }
        CHECK_EQ(eshm_write(master, sent, (size_t)capacity + 1), ESHM_ERROR_BUFFER_TOO_SMALL);
        expect_reason("Buffer too small");
        child_join(slave);
        free(sent);
        free(got);
        close_end(master);
        scene_free(scene);
    }
}

static void bad_options_are_named(void) {
    const char* name = segment_name("options");
    const struct {
        size_t at, size;
        uint64_t value;
        const char* reason;
    } bad[] = {
        {offsetof(ESHMOptions, size), 8, 0, "ESHMOptions.size is 0: 8 to 4096"},
        {offsetof(ESHMOptions, size), 8, 7, "ESHMOptions.size is 7: 8 to 4096"},
        {offsetof(ESHMOptions, size), 8, UINT64_MAX, "ESHMOptions.size is 18446744073709551615: 8 to 4096"},
        {offsetof(ESHMOptions, capacity), 8, (1 << 30) + 1, "capacity in bytes is 1073741825: 1 to 1073741824"},
        {offsetof(ESHMOptions, capacity), 8, UINT64_MAX, "capacity in bytes is 18446744073709551615: 1 to"},
        {offsetof(ESHMOptions, mode), 4, 01000, "mode (0777 is 511) is 512: 0 to 511"},
        {offsetof(ESHMOptions, log_level), 4, 6, "ESHMOptions.log_level is 6: 0 to 5"},
        {offsetof(ESHMOptions, log_level), 4, UINT32_MAX, "ESHMOptions.log_level is 4294967295: 0 to 5"},
        {offsetof(ESHMOptions, exact_capacity), 1, 2, "ESHMOptions.exact_capacity is 2: 0 to 1"},
        {offsetof(ESHMOptions, first_value), 1, 3, "ESHMOptions.first_value is 3: 0 to 1"},
        {offsetof(ESHMOptions, huge_pages), 1, 255, "ESHMOptions.huge_pages is 255: 0 to 1"},
        {offsetof(ESHMOptions, prefault), 1, 4, "ESHMOptions.prefault is 4: 0 to 1"},
        {offsetof(ESHMOptions, reserved) + 3, 1, 9, "an unknown member of ESHMOptions is 9: 0 to 0"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ESHMOptions options = eshm_default_options();
        memcpy((char*)&options + bad[i].at, &bad[i].value, bad[i].size); /* the low bytes */
        CHECK(try_open(name, ESHM_ROLE_MASTER, &options) == NULL);
        expect_reason(bad[i].reason);
        CHECK_EQ(segment_inode(name), 0);
    }
    const ESHMOptions options = eshm_default_options();
    CHECK(eshm_init_ex(NULL, &options) == NULL);
    expect_reason("the configuration is NULL");
}

static bool ends_a_member(size_t size) {
    const size_t ends[] = {offsetof(ESHMOptions, capacity),    offsetof(ESHMOptions, mode),
                           offsetof(ESHMOptions, wait_for_master_ms), offsetof(ESHMOptions, spin_us),
                           offsetof(ESHMOptions, log_level),   offsetof(ESHMOptions, exact_capacity),
                           offsetof(ESHMOptions, first_value), offsetof(ESHMOptions, huge_pages),
                           offsetof(ESHMOptions, prefault),    offsetof(ESHMOptions, reserved)};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (size == ends[i]) return true;
    }
    return size > offsetof(ESHMOptions, reserved); /* an array of bytes */
}

static void structs_of_other_releases(void) {
    const char* name = segment_name("options");
    union {
        ESHMOptions options;
        uint8_t bytes[sizeof(ESHMOptions) + 24];
    } given;
    memset(&given, 0xff, sizeof given); /* what an older caller's struct is followed by is not looked at */
    given.options.size = offsetof(ESHMOptions, mode);
    given.options.capacity = 100;
    ESHMHandle* master = open_ex(name, ESHM_ROLE_MASTER, &given.options);
    CHECK_EQ(eshm_capacity(master), 100);
    close_end(master);

    for (size_t size = sizeof given.options.size; size <= sizeof given.options; size++) {
        given.options = eshm_default_options();
        given.options.size = size;
        if (ends_a_member(size)) {
            close_end(open_ex(name, ESHM_ROLE_MASTER, &given.options));
        } else {
            CHECK(try_open(name, ESHM_ROLE_MASTER, &given.options) == NULL);
            expect_reason("ESHMOptions.size ends inside a member");
        }
    }

    memset(&given, 0, sizeof given); /* a newer caller that uses nothing new */
    given.options = eshm_default_options();
    given.options.size = sizeof given;
    given.options.capacity = 200;
    master = open_ex(name, ESHM_ROLE_MASTER, &given.options);
    CHECK_EQ(eshm_capacity(master), 200);
    close_end(master);

    given.bytes[sizeof given - 1] = 5; /* and one that does */
    CHECK(try_open(name, ESHM_ROLE_MASTER, &given.options) == NULL);
    expect_reason("an unknown member of ESHMOptions is 5");
}

static void expect_mode(uint32_t mode, uint32_t expected) {
    const char* name = segment_name("options");
    char path[SEGMENT_NAME_SIZE];
    struct stat status;
    ESHMOptions options = eshm_default_options();
    options.mode = mode;
    ESHMHandle* master = open_ex(name, ESHM_ROLE_MASTER, &options);
    snprintf(path, sizeof path, "/dev/shm/eshm_%s", name);
    CHECK_EQ(stat(path, &status), 0);
    CHECK_EQ(status.st_mode & 07777, expected);
    close_end(master);
}

static void a_mode_is_not_the_umasks_business(void) {
    const mode_t before = umask(027);
    expect_mode(0, 0640);
    expect_mode(0666, 0666);
    expect_mode(0600, 0600);
    expect_mode(0777, 0777);
    umask(before);
}

static void wait_for_the_master(Scene* scene) {
    ESHMOptions options = eshm_default_options();
    options.wait_for_master_ms = scene->size;
    event_signal(scene->ready);
    ESHMHandle* slave = open_ex(scene->name, ESHM_ROLE_SLAVE, &options);
    send_text(slave, "here");
    event_wait(scene->go);
    close_end(slave);
}

static void leave_a_corpse(Scene* scene) {
    open_as(scene->name, ESHM_ROLE_MASTER);
    _exit(0);
}

static void a_slave_waits_for_a_live_master(void) {
    const uint32_t times[] = {PATIENCE_MS, ESHM_TIMEOUT_INFINITE};
    for (int corpse = 0; corpse <= 1; corpse++) {
        Scene scene = scene_new("options");
        scene.size = times[corpse];
        if (corpse) child_join(CHILD_START(leave_a_corpse, &scene));
        const pid_t child = CHILD_START(wait_for_the_master, &scene);
        event_wait(scene.ready);
        check_pause_ms(20); /* most likely it waits by now; it is right at any instant */
        ESHMHandle* master = open_as(scene.name, ESHM_ROLE_MASTER);
        expect_text(master, "here");
        event_signal(scene.go);
        child_join(child);
        close_end(master);
        scene_free(scene);
    }
    const char* name = segment_name("options");
    ESHMOptions options = eshm_default_options();
    options.wait_for_master_ms = 60;
    const double start = check_now();
    CHECK(try_open(name, ESHM_ROLE_SLAVE, &options) == NULL);
    CHECK(check_now() - start >= 0.06);
    expect_reason("there is no such segment");
    Scene scene = scene_new("options");
    child_join(CHILD_START(leave_a_corpse, &scene));
    CHECK(try_open(scene.name, ESHM_ROLE_SLAVE, &options) == NULL);
    expect_reason("its master is gone");
    close_end(open_ex(scene.name, ESHM_ROLE_SLAVE, NULL)); /* as ever */
    scene_free(scene);
}

static void the_first_value_may_be_the_current_one(void) {
    const char* name = segment_name("options");
    ESHMOptions options = eshm_default_options();
    options.first_value = true;
    ESHMHandle* master = open_as(name, ESHM_ROLE_MASTER);
    ESHMHandle* early = open_ex(name, ESHM_ROLE_SLAVE, &options);
    expect_nothing(early); /* there was none yet */
    close_end(early);
    send_text(master, "current");
    ESHMHandle* other = open_ex(name, ESHM_ROLE_SLAVE, NULL);
    expect_nothing(other);
    close_end(other);
    ESHMHandle* slave = open_ex(name, ESHM_ROLE_SLAVE, &options);
    expect_text(slave, "current");
    expect_nothing(slave); /* once */
    send_text(master, "next");
    expect_text(slave, "next");
    close_end(slave);
    close_end(master);
}

static void another_capacity_is_matched_or_refused(void) {
    const char* name = segment_name("options");
    ESHMOptions options = eshm_default_options();
    options.capacity = 1000;
    ESHMHandle* master = open_ex(name, ESHM_ROLE_MASTER, &options);
    options.capacity = 2000;
    ESHMHandle* slave = open_ex(name, ESHM_ROLE_SLAVE, &options);
    CHECK_EQ(eshm_capacity(slave), 1000);
    close_end(slave);
    options.exact_capacity = true;
    CHECK(try_open(name, ESHM_ROLE_SLAVE, &options) == NULL);
    expect_reason("its capacity is 1000 bytes, not the 2000 asked for");
    CHECK(try_open(name, ESHM_ROLE_AUTO, &options) == NULL);
    expect_reason("1000 bytes, not the 2000");
    CHECK(!stats_of(master).slave_alive); /* it left nothing there */
    options.capacity = 1000;
    slave = open_ex(name, ESHM_ROLE_SLAVE, &options);
    send_text(slave, "x");
    expect_text(master, "x");
    close_end(slave);
    close_end(master);
}

static long faults(void) {
    struct rusage usage;
    CHECK_EQ(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_minflt;
}

static void pages_are_there_before_the_first_message(void) {
    enum { SIZE = 8 << 20 };
    const char* name = segment_name("options");
    ESHMOptions options = eshm_default_options();
    options.capacity = SIZE;
    options.prefault = options.huge_pages = true;
    uint8_t* message = malloc(SIZE);
    memset(message, 'm', SIZE);
    ESHMHandle* master = open_ex(name, ESHM_ROLE_MASTER, &options);
    const long before = faults();
    CHECK_EQ(eshm_write(master, message, SIZE), ESHM_SUCCESS);
    CHECK(faults() - before < SIZE / 4096 / 8); /* a few of the process's own */
    free(message);
    close_end(master);
}

static void spins_as_asked(void) {
    const char* name = segment_name("options");
    const uint32_t times[] = {0, 50, ESHM_SPIN_ADAPTIVE};
    ESHMHandle* master = open_as(name, ESHM_ROLE_MASTER);
    for (size_t i = 0; i < 3; i++) {
        ESHMOptions options = eshm_default_options();
        options.spin_us = times[i];
        ESHMHandle* slave = open_ex(name, ESHM_ROLE_SLAVE, &options);
        char buffer[8];
        CHECK_EQ(eshm_read_ex(slave, buffer, sizeof buffer, NULL, 1), ESHM_ERROR_TIMEOUT);
        expect_reason("Operation timed out");
        send_text(master, "x");
        expect_text(slave, "x");
        close_end(slave);
    }
    close_end(master);
}

int main(int argc, char** argv) {
    const ChildBody bodies[] = {CHILD_BODY(echo), CHILD_BODY(wait_for_the_master), CHILD_BODY(leave_a_corpse)};
    CHILD_MAIN(argc, argv, bodies);
    RUN(without_options_it_is_eshm_init);
    RUN(messages_of_every_capacity);
    RUN(bad_options_are_named);
    RUN(structs_of_other_releases);
    RUN(a_mode_is_not_the_umasks_business);
    RUN(a_slave_waits_for_a_live_master);
    RUN(the_first_value_may_be_the_current_one);
    RUN(another_capacity_is_matched_or_refused);
    RUN(pages_are_there_before_the_first_message);
    RUN(spins_as_asked);
    puts("test_options: passed");
    return 0;
}
