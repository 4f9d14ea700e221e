/* Threads of SCHED_FIFO, priority 99, that share one core with their peer of ordinary priority: whatever waits lets the peer run.
 * Each process is held to the first core it may use. docs/REALTIME.md says what is bounded by what. */
#define _GNU_SOURCE
#include "child.h"
#include "endpoint.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>

enum { ROUNDS = 300, FIFO_PRIORITY = 99 };

/* The whole process from here on: threads that it starts inherit it. */
static void stay_on_one_core(void) {
    cpu_set_t allowed, one;
    CHECK_EQ(sched_getaffinity(0, sizeof allowed, &allowed), 0);
    int core = 0;
    while (!CPU_ISSET(core, &allowed)) core++;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    CHECK_EQ(sched_setaffinity(0, sizeof one, &one), 0);
}

static int set_fifo(int priority) {
    const struct sched_param parameter = {.sched_priority = priority};
    return sched_setscheduler(0, SCHED_FIFO, &parameter);
}

/* The service thread's number: the other thread of the process whose name is "eshm". */
static pid_t service_thread(void) {
    DIR* tasks = opendir("/proc/self/task");
    CHECK(tasks != NULL);
    pid_t found = 0;
    for (const struct dirent* entry; (entry = readdir(tasks)) != NULL;) {
        char path[300], name[32] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", entry->d_name);
        FILE* file = fopen(path, "r");
        if (file == NULL) continue;
        if (fscanf(file, "%31s", name) == 1 && strcmp(name, "eshm") == 0) found = (pid_t)atol(entry->d_name);
        fclose(file);
    }
    closedir(tasks);
    return found;
}

static int service_policy(void) {
    CHECK_WITHIN(PATIENCE_MS, service_thread() != 0); /* it gives itself the name */
    return sched_getscheduler(service_thread());
}

/* The peer of ordinary priority: answers each number with the same. */
static void answers(Scene* scene) {
    stay_on_one_core();
    ESHMHandle* slave = open_as(scene->name, ESHM_ROLE_SLAVE);
    event_signal(scene->ready);
    for (uint32_t number = 0; number + 1 < ROUNDS;) {
        size_t size = 0;
        CHECK_EQ(eshm_read_ex(slave, &number, sizeof number, &size, PATIENCE_MS), ESHM_SUCCESS);
        CHECK_EQ(size, sizeof number);
        CHECK_EQ(eshm_write(slave, &number, sizeof number), ESHM_SUCCESS);
    }
    event_wait(scene->go); /* its last answer has been read */
    close_end(slave);
}

/* A reader and writer at the highest priority gets each answer: its reads spin for a bounded time, then let the peer run. */
static void exchange(bool opened_before, uint32_t spin_us) {
    Scene scene = scene_new("one_core");
    if (!opened_before) CHECK_EQ(set_fifo(FIFO_PRIORITY), 0);
    ESHMHandle* master = open_as(scene.name, ESHM_ROLE_MASTER);
    CHECK_EQ(service_policy(), opened_before ? SCHED_OTHER : SCHED_FIFO);
    const struct sched_param ordinary = {.sched_priority = 0};
    CHECK_EQ(sched_setscheduler(0, SCHED_OTHER, &ordinary), 0); /* the peer's */
    const pid_t peer = CHILD_START(answers, &scene);
    CHECK_EQ(set_fifo(FIFO_PRIORITY), 0);
    CHECK_EQ(eshm_set_spin_us(master, spin_us), ESHM_SUCCESS);
    event_wait(scene.ready);
    for (uint32_t number = 0; number < ROUNDS; number++) {
        uint32_t answer = UINT32_MAX;
        size_t size = 0;
        CHECK_EQ(eshm_write(master, &number, sizeof number), ESHM_SUCCESS);
        CHECK_EQ(eshm_read_ex(master, &answer, sizeof answer, &size, PATIENCE_MS), ESHM_SUCCESS);
        CHECK_EQ(answer, number);
    }
    CHECK(peer_alive(master));
    event_signal(scene.go);
    child_join(peer);
    close_end(master);
    CHECK_EQ(sched_setscheduler(0, SCHED_OTHER, &ordinary), 0);
    scene_free(scene);
}

static void a_spinning_reader_lets_its_peer_answer(void) {
    exchange(true, ESHM_SPIN_ADAPTIVE);
}

static void one_that_never_spins_does_too(void) {
    exchange(true, 0);
}

static void the_service_thread_has_the_priority_of_the_thread_that_opens_first(void) {
    exchange(false, ESHM_SPIN_ADAPTIVE);
}

/* Writes once it is told to, over a message that somebody has left half-written. */
static void finishes(Scene* scene) {
    stay_on_one_core();
    ESHMHandle* master = open_as(scene->name, ESHM_ROLE_MASTER);
    event_signal(scene->ready);
    event_wait(scene->go);
    CHECK_WITHIN(PATIENCE_MS, eshm_write(master, "whole", 6) == ESHM_SUCCESS);
    event_wait(scene->gate);
    close_end(master);
}

/* The writer was preempted in the midst of a message: the reader neither spins on it for ever nor takes it, and the writer runs. */
static void a_reader_of_a_half_written_message_lets_the_writer_run(void) {
    Scene scene = scene_new("one_core_half");
    const pid_t writer = CHILD_START(finishes, &scene);
    event_wait(scene.ready);
    ESHMHandle* slave = open_as(scene.name, ESHM_ROLE_SLAVE);
    char path[SEGMENT_NAME_SIZE];
    snprintf(path, sizeof path, "/dev/shm/eshm_%s", scene.name);
    const int file = open(path, O_RDWR);
    struct ESHMData* data = (struct ESHMData*)mmap(NULL, sizeof *data, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(data != MAP_FAILED);
    close(file);
    __atomic_add_fetch(&data->master_to_slave.seqlock.sequence, 1, __ATOMIC_SEQ_CST);
    CHECK_EQ(set_fifo(FIFO_PRIORITY), 0);
    char buffer[16];
    CHECK_EQ(eshm_read_ex(slave, buffer, sizeof buffer, NULL, 0), ESHM_ERROR_NO_DATA);
    CHECK_EQ(eshm_read_ex(slave, buffer, sizeof buffer, NULL, 20), ESHM_ERROR_TIMEOUT);
    event_signal(scene.go);
    expect_text(slave, "whole");
    event_signal(scene.gate);
    child_join(writer);
    const struct sched_param ordinary = {.sched_priority = 0};
    CHECK_EQ(sched_setscheduler(0, SCHED_OTHER, &ordinary), 0);
    close_end(slave);
    munmap(data, sizeof *data);
    scene_free(scene);
}

static const ChildBody bodies[] = {CHILD_BODY(answers), CHILD_BODY(finishes)};

int main(int argc, char** argv) {
    CHILD_MAIN(argc, argv, bodies);
    const struct sched_param ordinary = {.sched_priority = 0};
    if (set_fifo(FIFO_PRIORITY) != 0 || sched_setscheduler(0, SCHED_OTHER, &ordinary) != 0) {
        printf("SKIPPED: no right to SCHED_FIFO, priority %d: %s (run as root, or set `ulimit -r 99`)\n", FIFO_PRIORITY, strerror(errno));
        return 77;
    }
    stay_on_one_core();
    RUN(a_spinning_reader_lets_its_peer_answer);
    RUN(one_that_never_spins_does_too);
    RUN(the_service_thread_has_the_priority_of_the_thread_that_opens_first);
    RUN(a_reader_of_a_half_written_message_lets_the_writer_run);
    printf("ok\n");
    return 0;
}
