/* eshm_data.h - the constants, enums and structs of libeshm.
 *
 * Most programs include eshm.h and use ESHMConfig, ESHMStats and the enums. The segment structs at the end describe the
 * shared memory itself, for programs that map a segment and look into it: monitors, debuggers, tests.
 */
#ifndef ESHM_DATA_H
#define ESHM_DATA_H

#include "eshm_config.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a segment starts with: the letters ESHM, read as a number. */
#define ESHM_MAGIC 0x4553484D

/* The protocol that this library stamps on the segments it creates. It also talks to protocol 2. */
#define ESHM_VERSION 3

/* A bit of ESHMHeader.features: writers of this segment wake parked readers through wake_seq. */
#define ESHM_FEATURE_FUTEX_WAKE 0x1

/* As the timeout of a read: wait without limit. */
#define ESHM_TIMEOUT_INFINITE 0xFFFFFFFF

/* As the microseconds of eshm_set_spin_us(): as long as it has paid lately. */
#define ESHM_SPIN_ADAPTIVE 0xFFFFFFFF

/* Which end of the channel a process is. One master and one slave share a segment. */
enum ESHMRole {
    ESHM_ROLE_MASTER = 0, /* creates the segment, or takes over the one of a dead master */
    ESHM_ROLE_SLAVE = 1,  /* attaches to a segment that exists */
    ESHM_ROLE_AUTO = 2    /* slave if a live master is there, else master */
};

/* What every function returns; eshm_error_string() has the text. Numbers of bytes are never negative. */
enum ESHMError {
    ESHM_SUCCESS = 0,
    ESHM_ERROR_INVALID_PARAM = -1,
    ESHM_ERROR_SHM_CREATE = -2,
    ESHM_ERROR_SHM_ATTACH = -3,
    ESHM_ERROR_SHM_DETACH = -4,
    ESHM_ERROR_SHM_DELETE = -5,
    ESHM_ERROR_MUTEX_INIT = -6,
    ESHM_ERROR_MUTEX_LOCK = -7,
    ESHM_ERROR_MUTEX_UNLOCK = -8,
    ESHM_ERROR_NO_DATA = -9,           /* nothing new, and the caller did not want to wait */
    ESHM_ERROR_TIMEOUT = -10,          /* nothing new within the time given; a write while detached */
    ESHM_ERROR_MASTER_STALE = -11,     /* the master is gone and the slave was told not to reconnect */
    ESHM_ERROR_BUFFER_FULL = -12,
    ESHM_ERROR_BUFFER_TOO_SMALL = -13, /* message larger than the buffer (read) or the capacity (write) */
    ESHM_ERROR_NOT_INITIALIZED = -14,  /* no segment behind the handle now, or a handle inherited by fork() */
    ESHM_ERROR_ROLE_MISMATCH = -15     /* another master has taken this one's place */
};

/* What a slave does when its master has gone. */
enum ESHMDisconnectBehavior {
    ESHM_DISCONNECT_IMMEDIATELY = 0, /* stops for good: reads return ESHM_ERROR_MASTER_STALE */
    ESHM_DISCONNECT_ON_TIMEOUT = 1,  /* tries to reconnect within the limits of its ESHMConfig, then gives up for good */
    ESHM_DISCONNECT_NEVER = 2        /* tries to reconnect for ever */
};

/* Unused, kept for sources that name them. */
enum ESHMChannelState {
    ESHM_CHANNEL_EMPTY = 0,
    ESHM_CHANNEL_READY = 1,
    ESHM_CHANNEL_READ = 2
};

/* How a waiting read learns of new data. */
enum ESHMWakeupMode {
    ESHM_WAKEUP_PUSH = 0, /* the writer wakes it; costs nothing while idle. The default */
    ESHM_WAKEUP_POLL = 1  /* it looks about every 100 microseconds */
};

/* Settings for eshm_init(), which copies them: neither the struct nor the name need outlive the call. Start from
 * eshm_default_config() and change what differs. */
typedef struct ESHMConfig {
    const char* shm_name;                            /* 1 to 249 bytes; "demo" is /dev/shm/eshm_demo, '/' counts as '_' */
    enum ESHMRole role;                              /* default AUTO */
    enum ESHMDisconnectBehavior disconnect_behavior; /* slave only; default ON_TIMEOUT */
    uint32_t stale_threshold_ms;          /* silence after which a peer counts as gone; the creator's setting holds for both
                                             sides; 0 is 100; default 100 */
    uint32_t reconnect_wait_ms;           /* slave, ON_TIMEOUT: gives up after this time; 0 = no limit; default 5000 */
    uint32_t reconnect_retry_interval_ms; /* slave: time between two attempts; default 100. 0 = each millisecond,
                                             or ten in a read with use_threads off */
    uint32_t max_reconnect_attempts;      /* slave, ON_TIMEOUT: gives up after so many; default 50. 0 = no limit, and then
                                             the default reconnect_wait_ms of 5000 is none either */
    bool auto_cleanup;                    /* a master removes the segment's name at eshm_destroy(); default true */
    bool use_threads;                     /* heartbeats and checks on a background thread; default true. If false they happen
                                             inside eshm_update_heartbeat(), eshm_write() and the reads only */
} ESHMConfig;

/* How much the library says on stderr, in the whole process; each level includes those before it. */
enum ESHMLogLevel {
    ESHM_LOG_DEFAULT = 0, /* as it is: what an earlier handle set, else what the environment's ESHM_LOG says, else WARN */
    ESHM_LOG_OFF = 1,
    ESHM_LOG_ERROR = 2,   /* what made a call fail */
    ESHM_LOG_WARN = 3,    /* peers lost and found, takeovers, repairs */
    ESHM_LOG_INFO = 4,    /* handles that open and close */
    ESHM_LOG_DEBUG = 5    /* what was tried in vain */
};

/* More settings, for eshm_init_ex(), which copies them. Start from eshm_default_options() and change what differs. The struct
 * grows with later releases: `size` tells the library which members its caller knows, and others have their defaults; it
 * ends where a member does. A member that the library does not know must be 0. Else eshm_init_ex() refuses. New in 1.3. */
typedef struct ESHMOptions {
    size_t size;                 /* sizeof(ESHMOptions); eshm_default_options() sets it */
    size_t capacity;             /* bytes of the largest message in a segment that is created, 1 to 1 GiB; 0 =
                                    ESHM_MAX_DATA_SIZE of the library, the default. An existing segment keeps its own */
    uint32_t mode;               /* permission bits of a file that is created, up to 0777, whatever the umask; who may not
                                    both read and write it cannot attach; 0 = 0666 less the umask, the default */
    uint32_t wait_for_master_ms; /* how long eshm_init_ex() waits until a slave has a live master, which it then has or
                                    fails; ESHM_TIMEOUT_INFINITE = without limit; 0 (the default) fails at once without a
                                    segment, and attaches to one whose master is dead */
    uint32_t spin_us;            /* as eshm_set_spin_us(); default ESHM_SPIN_ADAPTIVE */
    enum ESHMLogLevel log_level; /* for the whole process; default ESHM_LOG_DEFAULT */
    bool exact_capacity;         /* a segment of another capacity will not do: a slave refuses it, also as it reconnects, and a
                                    master replaces it; default false */
    bool first_value;            /* the value that is current at the attach is new to the first read; default false */
    bool huge_pages;             /* ask the kernel for huge pages (madvise(2)); where it gives none to shared memory nothing
                                    happens; default false */
    bool prefault;               /* map all pages before eshm_init_ex() returns, so that no first message pays for it; default
                                    false */
    uint8_t reserved[4];         /* 0 */
} ESHMOptions;

/* A snapshot by eshm_get_stats(). Counts are the segment's: they go on when a master takes the segment over and begin
 * again with a new one. */
typedef struct ESHMStats {
    uint64_t master_heartbeat;       /* heartbeats of the present master, one a millisecond */
    uint64_t slave_heartbeat;        /* likewise of the slave */
    int32_t master_pid;              /* 0 = there was none yet */
    int32_t slave_pid;               /* likewise */
    bool master_alive;               /* attached, not left cleanly; still true after a crash: see eshm_check_remote_alive() */
    bool slave_alive;                /* likewise */
    uint32_t stale_threshold;        /* milliseconds */
    uint64_t master_heartbeat_delta; /* heartbeats since this handle's previous eshm_get_stats(), since 0 for its first */
    uint64_t slave_heartbeat_delta;  /* likewise */
    uint64_t m2s_write_count;        /* messages written by the master */
    uint64_t m2s_read_count;         /* of those, read by the slave: fewer, if newer ones overwrote them.
                                      * Reads in quick succession are counted by the next millisecond */
    uint64_t s2m_write_count;        /* messages written by the slave */
    uint64_t s2m_read_count;         /* of those, read by the master */
} ESHMStats;

/* ------------------------------------------------------------------------------------------------------------------
 * The segment: what /dev/shm/eshm_NAME holds, in native byte order. Map it read-only and look; leave writing to the
 * library. What changes at any time is volatile; `data` is not, so that it can be copied with memcpy. A field read alone is sound;
 * a message is sound only if `sequence` was even before and unchanged after it was copied.
 *
 * The structs describe a segment of capacity ESHM_MAX_DATA_SIZE. Other libraries may have created one of another
 * capacity: compare ESHMHeader.layout_size, or the file's size, with sizeof(struct ESHMData) first.
 * ------------------------------------------------------------------------------------------------------------------ */

/* What makes a reader notice a write during its copy. */
struct ESHMSeqLock {
    volatile uint32_t sequence; /* odd while a write is in progress */
};

/* Where a channel's counters begin. */
#define ESHM_CHANNEL_TAIL_OFFSET ((8 + ESHM_MAX_DATA_SIZE + 7) / 8 * 8)
/* The whole of a channel. */
#define ESHM_CHANNEL_SIZE ((72 + ESHM_MAX_DATA_SIZE + 63) / 64 * 64)
/* What is left after the counters. */
#define ESHM_CHANNEL_PADDING (ESHM_CHANNEL_SIZE - ESHM_CHANNEL_TAIL_OFFSET - 28)

/* One direction: a slot for one message, the newest. */
struct ESHMChannel {
    struct ESHMSeqLock seqlock;                 /* held while the message changes */
    volatile uint32_t data_size;                /* bytes of the message */
    uint8_t data[ESHM_MAX_DATA_SIZE];  /* the message */
    volatile uint64_t write_count;              /* completed writes */
    volatile uint64_t read_count;               /* successful reads; of a fast reader a tick behind */
    volatile uint32_t wake_seq;                 /* protocol 3: readers park on it, +1 a write */
    volatile uint32_t waiters;                  /* protocol 3: readers parked */
    volatile uint32_t reader_waiting;           /* ours: a reader asks a flat-out writer for a quiet moment */
    uint8_t padding[ESHM_CHANNEL_PADDING]; /* 0 */
} __attribute__((aligned(64)));

/* Who is there. */
struct ESHMHeader {
    uint32_t magic;             /* ESHM_MAGIC */
    uint32_t version;           /* protocol, 2 or 3 */
    volatile uint64_t master_heartbeat;  /* +1 each millisecond by the master */
    volatile uint64_t slave_heartbeat;   /* likewise by the slave */
    volatile int32_t master_pid;         /* 0 = there was none yet */
    volatile int32_t slave_pid;          /* likewise */
    volatile uint32_t master_alive;      /* 1 while attached, 0 after a clean exit, still 1 after a crash */
    volatile uint32_t slave_alive;       /* likewise */
    volatile uint32_t stale_threshold;   /* milliseconds */
    volatile uint32_t master_generation; /* +1 for every master that starts on this segment */
    volatile uint32_t features;          /* protocol 3: ESHM_FEATURE_ bits. 0 in protocol 2 */
    volatile uint32_t layout_size;       /* protocol 3: size of the segment in bytes. 0 in protocol 2 */
    volatile uint32_t master_lock;       /* ours: generation of a master that holds the lock on byte 0 of the file; 0 = none */
    volatile uint32_t slave_lock;        /* ours: pid of a slave that holds the lock on byte 1 of the file; 0 = none */
    volatile uint32_t capacity;          /* ours: bytes of `data`; 0 = unknown */
    uint8_t padding[60];        /* nothing for programs: the library keeps words of its own there */
} __attribute__((aligned(64)));

/* A segment. */
struct ESHMData {
    struct ESHMHeader header;           /* who is there */
    struct ESHMChannel master_to_slave; /* what the master writes */
    struct ESHMChannel slave_to_master; /* what the slave writes */
} __attribute__((aligned(64)));

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* ESHM_DATA_H */
