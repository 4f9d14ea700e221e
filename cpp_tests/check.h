/* Checks for the test programs, in C11 and C++11. A failed check prints where and why and ends the process with status 1,
 * in release builds too. In a child process that status reaches the parent, which checks it with child_join(). */
#ifndef ESHM_CHECK_H
#define ESHM_CHECK_H

#include "leftovers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CHECK(condition) \
    do { \
        if (!(condition)) check_fail(__FILE__, __LINE__, #condition); \
    } while (0)

/* Integers, enums and bools; prints both values. */
#define CHECK_EQ(actual, expected) \
    do { \
        const long long check_a = (long long)(actual), check_e = (long long)(expected); \
        if (check_a != check_e) check_fail_values(__FILE__, __LINE__, #actual, check_a, #expected, check_e); \
    } while (0)

#define CHECK_TEXT(actual, expected) \
    do { \
        const char *check_t = (actual), *check_x = (expected); \
        if (strcmp(check_t, check_x) != 0) { \
            fprintf(stderr, "is \"%s\", not \"%s\"\n", check_t, check_x); \
            check_fail(__FILE__, __LINE__, #actual " == " #expected); \
        } \
    } while (0)

/* Waits for what another process or the library's thread brings about, which has no descriptor to wait on: looks each
 * millisecond. `limit_ms` tells a hang from a slow machine, no more. */
#define CHECK_WITHIN(limit_ms, condition) \
    do { \
        const double check_end = check_now() + (limit_ms) / 1000.0; \
        while (!(condition)) { \
            if (check_now() > check_end) check_fail(__FILE__, __LINE__, "within " #limit_ms " ms: " #condition); \
            check_pause_ms(1); \
        } \
    } while (0)

/* A limit for anything that must happen, far above what it takes. */
#define PATIENCE_MS 20000

/* Prints the name of a test and runs it. */
#define RUN(test) \
    do { \
        printf("  %s\n", #test); \
        fflush(stdout); \
        test(); \
    } while (0)

static inline double check_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static inline void check_pause_ms(long ms) {
    struct timespec t;
    t.tv_sec = ms / 1000;
    t.tv_nsec = ms % 1000 * 1000000L;
    nanosleep(&t, NULL);
}

#if defined(__GNUC__)
__attribute__((noreturn))
#endif
static inline void check_end(void) {
    fflush(stderr);
    leftovers_remove(); /* only in the process that made them */
    _exit(1);          /* no exit handlers: the library's state may be what failed */
}

#if defined(__GNUC__)
__attribute__((noreturn))
#endif
static inline void check_fail(const char* file, int line, const char* what) {
    fprintf(stderr, "%s:%d: [%d] check failed: %s\n", file, line, (int)getpid(), what);
    check_end();
}

static inline void check_fail_values(const char* file, int line, const char* actual, long long a, const char* expected,
                                     long long e) {
    fprintf(stderr, "%s:%d: [%d] check failed: %s is %lld, not %s = %lld\n", file, line, (int)getpid(), actual, a,
            expected, e);
    check_end();
}

#endif /* ESHM_CHECK_H */
