/* What the benchmarks measure against: the C interface with the released libraries' costs, and few of their checks. It follows
 * their habits as peers see them: two threads a handle that wake each millisecond, blind additions to the sequence with a fence
 * on either side of the copy, two locked additions a write, a read that pauses a thousand times and then parks for at most
 * 50 ms, a mapping looked up anew after 100 silent milliseconds. For measuring only: it is neither safe nor installed. */
#define _GNU_SOURCE
#include "eshm.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
#define STORE_FENCE() __builtin_ia32_sfence()
#define LOAD_FENCE() __builtin_ia32_lfence()
#define PAUSE() __builtin_ia32_pause()
#else
#define STORE_FENCE() __atomic_thread_fence(__ATOMIC_RELEASE)
#define LOAD_FENCE() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define PAUSE() __asm__ __volatile__("yield")
#endif

enum { SPINS = 1000, PARK_MS = 50 };

struct ESHMHandle {
    struct ESHMData* volatile segment;
    ESHMConfig config;
    char path[300];
    bool owner;                /* it made the segment */
    volatile bool running, stale;
    bool primed;               /* the first read has taken its baseline */
    uint64_t taken;            /* write_count of the value read last */
    pthread_t beats, watches;
};

static void sleep_ms(long ms) {
    const struct timespec time = {ms / 1000, ms % 1000 * 1000000L};
    nanosleep(&time, NULL);
}

static uint64_t clock_ms(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

static bool is_master(const ESHMHandle* h) {
    return h->config.role == ESHM_ROLE_MASTER;
}

static volatile uint64_t* beat_of(struct ESHMData* segment, bool master) {
    return master ? &segment->header.master_heartbeat : &segment->header.slave_heartbeat;
}

static struct ESHMData* map(const char* path, bool create) {
    const int file = open(path, create ? O_RDWR | O_CREAT | O_EXCL : O_RDWR, 0666);
    if (file < 0) return NULL;
    void* memory = MAP_FAILED;
    if (!create || ftruncate(file, sizeof(struct ESHMData)) == 0)
        memory = mmap(NULL, sizeof(struct ESHMData), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    return memory == MAP_FAILED ? NULL : (struct ESHMData*)memory;
}

static void* beat(void* argument) {
    ESHMHandle* h = argument;
    for (; h->running; sleep_ms(1)) __sync_fetch_and_add(beat_of(h->segment, is_master(h)), 1);
    return NULL;
}

static void* watch(void* argument) {
    ESHMHandle* h = argument;
    uint64_t last = 0;
    unsigned silent = 0, pause = 0;
    for (; h->running; sleep_ms(1)) {
        const uint64_t now = *beat_of(h->segment, !is_master(h));
        silent = now == last ? silent + 1 : 0;
        last = now;
        h->stale = silent >= 100;
        if (!h->stale || is_master(h) || ++pause < h->config.reconnect_retry_interval_ms) continue;
        pause = 0;
        struct ESHMData* found = map(h->path, false);
        if (found == NULL) continue;
        found->header.slave_alive = 1;
        h->segment = found; /* the old mapping leaks: a reader may be in it */
        h->primed = false;
    }
    return NULL;
}

ESHMHandle* eshm_init(const ESHMConfig* config) {
    ESHMHandle* h = calloc(1, sizeof *h);
    h->config = *config;
    snprintf(h->path, sizeof h->path, "/dev/shm/eshm_%s", config->shm_name);
    if (is_master(h)) {
        h->segment = map(h->path, false);
        if (h->segment == NULL || !h->segment->header.slave_alive) {
            unlink(h->path);
            h->segment = map(h->path, true);
            h->owner = true;
        }
    } else {
        h->segment = map(h->path, false);
    }
    if (h->segment == NULL) {
        free(h);
        return NULL;
    }
    struct ESHMHeader* header = &h->segment->header;
    if (h->owner) {
        header->version = ESHM_VERSION;
        header->features = ESHM_FEATURE_FUTEX_WAKE;
        header->layout_size = sizeof(struct ESHMData);
        header->stale_threshold = config->stale_threshold_ms;
        header->magic = ESHM_MAGIC;
    }
    *beat_of(h->segment, is_master(h)) = 0;
    if (is_master(h)) {
        header->master_generation++;
        header->master_pid = getpid();
        header->master_alive = 1;
    } else {
        header->slave_pid = getpid();
        header->slave_alive = 1;
    }
    h->running = true;
    pthread_create(&h->beats, NULL, beat, h);
    pthread_create(&h->watches, NULL, watch, h);
    return h;
}

int eshm_destroy(ESHMHandle* h) {
    h->running = false;
    pthread_join(h->beats, NULL);
    pthread_join(h->watches, NULL);
    munmap(h->segment, sizeof(struct ESHMData));
    if (h->owner) unlink(h->path);
    free(h);
    return ESHM_SUCCESS;
}

int eshm_write(ESHMHandle* h, const void* data, size_t size) {
    if (h == NULL || data == NULL) return ESHM_ERROR_INVALID_PARAM;
    if (size > ESHM_MAX_DATA_SIZE) return ESHM_ERROR_BUFFER_TOO_SMALL;
    struct ESHMChannel* tx = is_master(h) ? &h->segment->master_to_slave : &h->segment->slave_to_master;
    tx->seqlock.sequence++;
    STORE_FENCE();
    memcpy((void*)tx->data, data, size);
    tx->data_size = (uint32_t)size;
    STORE_FENCE();
    tx->seqlock.sequence++;
    __sync_fetch_and_add(&tx->write_count, 1);
    __sync_fetch_and_add(&tx->wake_seq, 1);
    if (tx->waiters != 0) syscall(SYS_futex, &tx->wake_seq, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
    return ESHM_SUCCESS;
}

/* One attempt: 1 = a value, 0 = none, negative = an error. */
static int take(ESHMHandle* h, struct ESHMChannel* rx, void* buffer, size_t room, size_t* size) {
    const uint64_t count = rx->write_count;
    if (count == h->taken) return 0;
    for (int tries = 0; tries < 16; tries++, PAUSE()) {
        const uint32_t sequence = rx->seqlock.sequence;
        LOAD_FENCE();
        if (sequence & 1) continue;
        const uint32_t bytes = rx->data_size;
        if (bytes > room) return ESHM_ERROR_BUFFER_TOO_SMALL;
        memcpy(buffer, (const void*)rx->data, bytes);
        LOAD_FENCE();
        if (rx->seqlock.sequence != sequence) continue;
        __sync_fetch_and_add(&rx->read_count, 1);
        h->taken = count;
        if (size != NULL) *size = bytes;
        return 1;
    }
    return 0;
}

int eshm_read_ex(ESHMHandle* h, void* buffer, size_t room, size_t* size, uint32_t timeout_ms) {
    const uint64_t start = clock_ms();
    for (int spins = 0;;) {
        struct ESHMData* segment = h->segment;
        struct ESHMChannel* rx = is_master(h) ? &segment->slave_to_master : &segment->master_to_slave;
        if (!h->primed) {
            h->taken = rx->write_count;
            h->primed = true;
        }
        const int got = take(h, rx, buffer, room, size);
        if (got != 0) return got < 0 ? got : ESHM_SUCCESS;
        if (timeout_ms == 0) return ESHM_ERROR_NO_DATA;
        const uint64_t waited = clock_ms() - start;
        if (timeout_ms != ESHM_TIMEOUT_INFINITE && waited >= timeout_ms) return ESHM_ERROR_TIMEOUT;
        if (spins++ < SPINS) {
            PAUSE();
            continue;
        }
        const uint64_t left = timeout_ms - waited;
        const struct timespec park = {0, (long)(left < PARK_MS ? left : PARK_MS) * 1000000L};
        const uint32_t word = rx->wake_seq;
        if (rx->write_count != h->taken) continue;
        __sync_fetch_and_add(&rx->waiters, 1);
        syscall(SYS_futex, &rx->wake_seq, FUTEX_WAIT, word, &park, NULL, 0);
        __sync_fetch_and_sub(&rx->waiters, 1);
    }
}

int eshm_read(ESHMHandle* h, void* buffer, size_t room) {
    size_t size = 0;
    const int code = eshm_read_ex(h, buffer, room, &size, 1000);
    return code == ESHM_SUCCESS ? (int)size : code;
}

int eshm_check_remote_alive(ESHMHandle* h, bool* alive) {
    *alive = !h->stale;
    return ESHM_SUCCESS;
}

int eshm_get_role(ESHMHandle* h, enum ESHMRole* role) {
    *role = h->config.role;
    return ESHM_SUCCESS;
}

/* The rest is there for callers that look it up, and is never called by the benchmarks. */
int eshm_update_heartbeat(ESHMHandle* h) { (void)h; return ESHM_ERROR_NOT_INITIALIZED; }
int eshm_get_stats(ESHMHandle* h, ESHMStats* stats) { (void)h; memset(stats, 0, sizeof *stats); return ESHM_ERROR_NOT_INITIALIZED; }
const char* eshm_error_string(int code) { (void)code; return "error"; }
int eshm_set_wakeup_mode(ESHMHandle* h, enum ESHMWakeupMode mode) { (void)h; (void)mode; return ESHM_ERROR_NOT_INITIALIZED; }
int eshm_get_wakeup_mode(ESHMHandle* h, enum ESHMWakeupMode* mode) { (void)h; *mode = ESHM_WAKEUP_PUSH; return ESHM_SUCCESS; }
