/* How fast large messages go from one process to another, beside memcpy of as many bytes, measured in the same run.
 * usage: large BYTES FRAMES
 * Prints, in bytes a second, "MEMCPY ANSWERED FLAT_OUT": memcpy from one buffer to another; frames each of which the reader answers
 * before the next is written; and the frames that arrive while the writer does not wait. One slot, and a copy at each end: half
 * of memcpy's rate is the most that the second can be. */
#define _GNU_SOURCE
#include "eshm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <signal.h>

enum { WAIT_MS = 20000, BUFFERS = 3 };

static char name[64];
static size_t bytes;
static uint64_t frames;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void need(bool holds, const char* what) {
    if (!holds) {
        fprintf(stderr, "large: %s: %s\n", what, eshm_last_error());
        exit(1);
    }
}

static ESHMHandle* open_end(enum ESHMRole role) {
    ESHMConfig config = eshm_default_config(name);
    ESHMOptions options = eshm_default_options();
    config.role = role;
    config.stale_threshold_ms = 5000; /* a busy machine is no lost peer */
    options.capacity = bytes;
    options.wait_for_master_ms = WAIT_MS;
    options.prefault = options.huge_pages = true;
    ESHMHandle* handle = eshm_init_ex(&config, &options);
    need(handle != NULL, "open");
    return handle;
}

/* Frames as a camera has them: some buffers in turn, each with its number at both ends. */
static uint8_t* frame_of(uint64_t number) {
    static uint8_t* buffers[BUFFERS];
    uint8_t** place = &buffers[number % BUFFERS];
    if (*place == NULL) memset(*place = malloc(bytes), (int)(number + 1), bytes);
    memcpy(*place, &number, sizeof number);
    memcpy(*place + bytes - sizeof number, &number, sizeof number);
    return *place;
}

static uint64_t number_of(const uint8_t* frame) {
    uint64_t first, last;
    memcpy(&first, frame, sizeof first);
    memcpy(&last, frame + bytes - sizeof last, sizeof last);
    need(first == last, "a frame is torn");
    return first;
}

static double memcpy_rate(void) {
    uint8_t* target = malloc(bytes);
    for (int i = 0; i < BUFFERS; i++) memcpy(target, frame_of((uint64_t)i), bytes);
    const double start = now();
    for (uint64_t i = 0; i < frames; i++) {
        memcpy(target, frame_of(i), bytes);
        need(number_of(target) == i, "memcpy");
    }
    const double took = now() - start;
    free(target);
    return (double)bytes * (double)frames / took;
}

/* Reads until the frame with the number `last`, answering each if asked to; then says how many there were. */
static void read_frames(uint64_t last, bool answers) {
    ESHMHandle* slave = open_end(ESHM_ROLE_SLAVE);
    uint8_t* buffer = malloc(bytes);
    uint64_t number = 0, count = 0;
    size_t size = 0;
    memset(buffer, 0, bytes);
    need(eshm_write(slave, &count, sizeof count) == ESHM_SUCCESS, "ready");
    do {
        need(eshm_read_ex(slave, buffer, bytes, &size, WAIT_MS) == ESHM_SUCCESS && size == bytes, "read");
        number = number_of(buffer);
        count++;
        if (answers) need(eshm_write(slave, &number, sizeof number) == ESHM_SUCCESS, "answer");
    } while (number != last);
    if (!answers) need(eshm_write(slave, &count, sizeof count) == ESHM_SUCCESS, "count");
    need(eshm_read_ex(slave, buffer, bytes, &size, WAIT_MS) == ESHM_SUCCESS && size == 0, "end");
    eshm_destroy(slave);
    exit(0);
}

static uint64_t receive(ESHMHandle* master) {
    uint64_t number = 0;
    size_t size = 0;
    need(eshm_read_ex(master, &number, sizeof number, &size, WAIT_MS) == ESHM_SUCCESS && size == sizeof number, "receive");
    return number;
}

static double rate(bool answers) {
    const pid_t parent = getpid(), child = fork(); /* before this process uses the library */
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(1);
        read_frames(frames, answers);
    }
    ESHMHandle* master = open_end(ESHM_ROLE_MASTER);
    for (uint64_t i = 0; i < BUFFERS; i++) frame_of(i);
    receive(master);
    const double start = now();
    for (uint64_t i = 1; i <= frames; i++) {
        need(eshm_write(master, frame_of(i), bytes) == ESHM_SUCCESS, "write");
        if (answers) need(receive(master) == i, "the answer");
    }
    const uint64_t count = answers ? frames : receive(master);
    const double took = now() - start;
    need(eshm_write(master, "", 0) == ESHM_SUCCESS, "end");
    int status = 0;
    need(waitpid(child, &status, 0) == child && status == 0, "the reader");
    eshm_destroy(master);
    return (double)bytes * (double)count / took;
}

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    bytes = strtoull(argv[1], NULL, 10);
    frames = strtoull(argv[2], NULL, 10);
    if (bytes < 16 || frames == 0) return 2;
    snprintf(name, sizeof name, "bench_large_%d", (int)getpid());
    const double copied = memcpy_rate(), answered = rate(true), flat_out = rate(false);
    printf("%.0f %.0f %.0f\n", copied, answered, flat_out);
    return 0;
}
