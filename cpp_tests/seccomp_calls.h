/* The system calls that libeshm and the C library below it make, as docs/SECCOMP.md lists them: test_seccomp.c compares. */
#ifndef ESHM_TESTS_SECCOMP_CALLS_H
#define ESHM_TESTS_SECCOMP_CALLS_H

#include <sys/syscall.h>

/* What becomes of libeshm where a filter refuses the call. */
enum Refusal { NEVER, ENOSYS_ALONE, MAY_BE_REFUSED };

typedef struct Call {
    const char* name;
    int number;
    enum Refusal refusal;
} Call;

#define CALL(name, refusal) \
    { #name, SYS_##name, refusal }

static const Call calls[] = {
    /* memory */
    CALL(brk, NEVER), CALL(mmap, NEVER), CALL(munmap, NEVER), CALL(mprotect, NEVER), CALL(mremap, MAY_BE_REFUSED),
    CALL(munlock, MAY_BE_REFUSED), CALL(madvise, MAY_BE_REFUSED), CALL(getrandom, MAY_BE_REFUSED),
    /* threads and waiting */
    CALL(clone, NEVER), CALL(clone3, ENOSYS_ALONE), CALL(exit, NEVER), CALL(futex, NEVER), CALL(rt_sigprocmask, NEVER),
    CALL(rt_sigpending, MAY_BE_REFUSED), CALL(rt_sigtimedwait, MAY_BE_REFUSED), CALL(rt_sigaction, MAY_BE_REFUSED),
    CALL(set_robust_list, MAY_BE_REFUSED), CALL(rseq, NEVER), CALL(prctl, MAY_BE_REFUSED),
    CALL(membarrier, MAY_BE_REFUSED), CALL(clock_gettime, NEVER), CALL(sched_getaffinity, MAY_BE_REFUSED),
    /* files */
    CALL(openat, NEVER), CALL(close, NEVER), CALL(newfstatat, NEVER), CALL(fstat, NEVER), CALL(statx, MAY_BE_REFUSED),
    CALL(fstatfs, MAY_BE_REFUSED), CALL(ftruncate, NEVER), CALL(fallocate, NEVER), CALL(fcntl, NEVER), CALL(linkat, NEVER),
    CALL(pread64, NEVER), CALL(read, NEVER), CALL(write, NEVER), CALL(fchmod, NEVER),
#ifdef SYS_unlink
    CALL(unlink, NEVER), CALL(link, NEVER), CALL(poll, NEVER),
#else
    CALL(unlinkat, NEVER), CALL(ppoll, NEVER),
#endif
    CALL(eventfd2, NEVER),
    /* other processes */
    CALL(getpid, NEVER), CALL(kill, MAY_BE_REFUSED),
};

enum { CALLS = sizeof calls / sizeof calls[0] };

#endif
