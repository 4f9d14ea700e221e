/* Nanoseconds from eshm_rpc_call() in one process to the first line of the handler in another, p50 and p99: hot, where each
 * call follows the last one's handler at once, and parked, where the dispatcher has slept for milliseconds. One line for each:
 * "NAME P50 P99".
 * usage: triggers CALLS_HOT CALLS_PARKED */
#define _GNU_SOURCE
#include "eshm_rpc.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What the two processes share besides the channel. */
struct Board {
    _Atomic int64_t fired;  /* when */
    _Atomic int64_t took;   /* the handler's answer */
    _Atomic long handled;   /* released after `took`; the caller acquires it */
    _Atomic int ready, over;
};

static struct Board* board;

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000ll + time.tv_nsec;
}

static void handle(void* user) {
    const int64_t at = now();
    (void)user;
    atomic_store_explicit(&board->took, at - atomic_load_explicit(&board->fired, memory_order_relaxed), memory_order_relaxed);
    atomic_fetch_add_explicit(&board->handled, 1, memory_order_release);
}

static void nap(long microseconds) {
    const struct timespec time = {microseconds / 1000000, microseconds % 1000000 * 1000};
    nanosleep(&time, NULL);
}

static void need(int holds, const char* what) {
    if (!holds) {
        fprintf(stderr, "%s: %s\n", what, eshm_rpc_get_last_error());
        exit(1);
    }
}

static int by_size(const void* one, const void* other) {
    const int64_t a = *(const int64_t*)one, b = *(const int64_t*)other;
    return (a > b) - (a < b);
}

static void measure(EshmRpc* rpc, const char* name, long calls, long pause_us) {
    int64_t* took = malloc(calls * sizeof *took);
    need(took != NULL, "memory");
    for (long i = 0; i < calls; i++) {
        if (pause_us) nap(pause_us);
        const long before = atomic_load_explicit(&board->handled, memory_order_relaxed);
        atomic_store_explicit(&board->fired, now(), memory_order_relaxed);
        need(eshm_rpc_call(rpc, "tick") == ESHM_SUCCESS, "eshm_rpc_call");
        const int64_t end = now() + 5000000000ll;
        while (atomic_load_explicit(&board->handled, memory_order_acquire) == before) {
            if (pause_us) nap(100); // a caller that has something else to do: it must not hold the processor that the wake-up chose
            need(now() < end, "a trigger was lost");
        }
        took[i] = atomic_load_explicit(&board->took, memory_order_relaxed);
    }
    qsort(took, calls, sizeof *took, by_size);
    printf("%s %lld %lld\n", name, (long long)took[calls / 2], (long long)took[calls * 99 / 100]);
    free(took);
}

int main(int argc, char** argv) {
    const long hot = argc > 1 ? atol(argv[1]) : 20000, parked = argc > 2 ? atol(argv[2]) : 300;
    char name[64];
    snprintf(name, sizeof name, "bench_triggers_%d", (int)getpid());
    board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (hot <= 0 || parked <= 0 || board == MAP_FAILED) return 1;
    const pid_t child = fork();
    if (child == 0) {
        EshmRpc* rpc = eshm_rpc_create(name, ESHM_ROLE_MASTER);
        need(rpc != NULL && eshm_rpc_on_call(rpc, "tick", handle, NULL) == 0 && eshm_rpc_start(rpc) == 0, "the handler's end");
        atomic_store(&board->ready, 1);
        while (!atomic_load(&board->over) && getppid() != 1) nap(10000);
        eshm_rpc_destroy(rpc);
        return 0;
    }
    while (!atomic_load(&board->ready)) {
        need(waitpid(child, NULL, WNOHANG) == 0, "the handler's end is gone");
        nap(1000);
    }
    EshmRpc* rpc = eshm_rpc_create(name, ESHM_ROLE_SLAVE);
    need(rpc != NULL, "the caller's end");
    measure(rpc, "hot", hot, 0);
    measure(rpc, "parked", parked, 5000);
    eshm_rpc_destroy(rpc);
    atomic_store(&board->over, 1);
    return waitpid(child, NULL, 0) == child ? 0 : 1;
}
