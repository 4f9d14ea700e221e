/* What a test must not leave behind, however it ends: by a failed check, a signal or the time limit. Its segments, whose
 * names are unique to the process, are removed; its child processes killed. */
#ifndef ESHM_LEFTOVERS_H
#define ESHM_LEFTOVERS_H

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEGMENT_NAMES 64
#define SEGMENT_NAME_SIZE 300

/* The file of a segment; a name that does not fit ends the test. */
static inline void segment_path(char path[SEGMENT_NAME_SIZE], const char* name) {
    const int length = snprintf(path, SEGMENT_NAME_SIZE, "/dev/shm/eshm_%s", name);
    if (length < 0 || length >= SEGMENT_NAME_SIZE) {
        fputs("too long a name for a segment of a test\n", stderr);
        exit(1);
    }
}

static char segment_names[SEGMENT_NAMES][SEGMENT_NAME_SIZE]; /* files in /dev/shm, of this process and not of its children */
static int segment_count;
static pid_t segment_owner;
static pid_t living_children[8]; /* 0 = a free place */

/* Async-signal-safe. Children first: a master whose segment loses its name makes a new one. */
static inline void leftovers_remove(void) {
    if (getpid() != segment_owner) return;
    for (size_t i = 0; i < sizeof living_children / sizeof living_children[0]; i++)
        if (living_children[i] != 0) {
            kill(living_children[i], SIGKILL);
            waitpid(living_children[i], NULL, 0);
        }
    for (int i = 0; i < segment_count; i++) unlink(segment_names[i]);
}

static inline void leftovers_on_signal(int number) {
    leftovers_remove();
    signal(number, SIG_DFL);
    raise(number);
}

/* Replaces one child in the list by another; 0 is none. */
static inline void child_note(pid_t old, pid_t now) {
    for (size_t i = 0; i < sizeof living_children / sizeof living_children[0]; i++)
        if (living_children[i] == old) {
            living_children[i] = now;
            return;
        }
    fputs("more children than a test can have\n", stderr);
    exit(1);
}

/* Has the segment `name` removed at the end of this process. `name` contains no '/'. */
static inline void segment_adopt(const char* name) {
    if (segment_owner == 0) {
        const int deadly[] = {SIGABRT, SIGALRM, SIGBUS, SIGFPE, SIGHUP, SIGILL, SIGINT, SIGPIPE, SIGSEGV, SIGTERM};
        segment_owner = getpid();
        for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++) signal(deadly[i], leftovers_on_signal);
        atexit(leftovers_remove);
        /* Below the runners' limit, so that a hang cleans up after itself; a run under valgrind may set a longer one. */
        const char* limit = getenv("ESHM_TEST_SECONDS");
        alarm(limit != NULL ? (unsigned int)strtoul(limit, NULL, 10) : 100);
    }
    if (segment_count == SEGMENT_NAMES) {
        fputs("too many segments in one test\n", stderr);
        exit(1);
    }
    segment_path(segment_names[segment_count++], name);
}

/* A name that nobody else uses; valid until the process ends. */
static inline const char* segment_name(const char* purpose) {
    static char names[SEGMENT_NAMES][64];
    char* name = names[segment_count % SEGMENT_NAMES];
    snprintf(name, sizeof names[0], "t_%s_%d_%d", purpose, (int)getpid(), segment_count);
    segment_adopt(name);
    return name;
}

/* The inode of the file behind `name`, 0 if there is none. */
static inline unsigned long long segment_inode(const char* name) {
    char path[SEGMENT_NAME_SIZE];
    struct stat status;
    segment_path(path, name);
    return stat(path, &status) == 0 ? (unsigned long long)status.st_ino : 0;
}

static inline void segment_unlink(const char* name) {
    char path[SEGMENT_NAME_SIZE];
    segment_path(path, name);
    unlink(path);
}

#endif /* ESHM_LEFTOVERS_H */
