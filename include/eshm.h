/* eshm.h - two Linux processes exchange their newest values over POSIX shared memory.
 *
 * A master creates a named segment, a slave attaches to it. There is one slot each way: a write replaces the message
 * before it, a read returns the newest message not read yet. Messages are bytes of any kind, 0 to ESHM_MAX_DATA_SIZE of them, or
 * up to the capacity given to eshm_init_ex().
 *
 *     ESHMConfig config = eshm_default_config("demo");
 *     ESHMHandle* handle = eshm_init(&config);        // the first process is the master, the second the slave
 *     eshm_write(handle, "hello", 6);
 *     char text[64];
 *     int size = eshm_read(handle, text, sizeof text); // bytes, or a negative enum ESHMError
 *     eshm_destroy(handle);
 *
 * Link with -leshm; the static library also needs -pthread -lrt.
 *
 * Threads. Any threads may call any functions on one handle at once, with one exception: eshm_destroy() must be the last
 * call. A read that waits on the handle then is woken by it and returns an error; any other overlap is a mistake.
 *
 * Fork. A child must not use handles it inherited: there they return ESHM_ERROR_NOT_INITIALIZED, and eshm_destroy() only
 * frees the child's memory, without effect on the parent or its peer. The child may open handles of its own.
 *
 * Waiting. Only eshm_read() and eshm_read_ex() wait for a message, never longer than asked but for the scheduler's delay.
 * eshm_init() waits at most about 100 ms for a segment that another process is making right now, up to the stale threshold
 * (5 s at most) where only the heartbeat can tell whether a side lives, and as long as another starter does that, or
 * reserves the memory of a large segment: about a second for 256 MiB. While its name leads to another file each time it looks,
 * it begins anew for 15 s at most. Of
 * eshm_write() only the rare one waits, twice 20 ms at most: for another writer of the same direction that stopped halfway,
 * or for a master's move to a new segment after its name was removed.
 *
 * Cancellation (pthread_cancel()). A thread that waits can be cancelled in eshm_read(), eshm_read_ex() and eshm_read_data(), as
 * the wait begins and after each second of it, and the handle stays usable; and in eshm_init_ex() and eshm_rpc_create() while a
 * slave waits for its master, between two looks for it, some milliseconds or the stale threshold apart, and nothing of the
 * opening stays. No other function is a cancellation point. The type must be PTHREAD_CANCEL_DEFERRED, the default.
 *
 * A slave whose master has gone is detached until it finds a new one. What its calls return meanwhile stands with each
 * function. Diagnostics go to stderr as lines beginning "[ESHM] "; the environment variable ESHM_LOG chooses how many:
 * off, error, warn (default), info or debug.
 *
 * Mistakes. A mistake within the library itself does not end the program: the call gives ESHM_ERROR_NOT_INITIALIZED
 * (eshm_init() NULL, eshm_error_string() "Unknown error"), a line on stderr asks to report it, and the handle stays usable.
 *
 * Every pointer that is NULL where a value is needed gives ESHM_ERROR_INVALID_PARAM, unless the function says otherwise.
 */
#ifndef ESHM_H
#define ESHM_H

#include "eshm_data.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One end of a channel, from eshm_init() to eshm_destroy(). */
typedef struct ESHMHandle ESHMHandle;

/* The settings that suit most: role AUTO, ON_TIMEOUT, stale after 100 ms, reconnection for 5000 ms with 50 attempts
 * 100 ms apart, cleanup and background thread on. */
static inline ESHMConfig eshm_default_config(const char* shm_name) {
    ESHMConfig config;
    config.shm_name = shm_name;
    config.role = ESHM_ROLE_AUTO;
    config.disconnect_behavior = ESHM_DISCONNECT_ON_TIMEOUT;
    config.stale_threshold_ms = 100;
    config.reconnect_wait_ms = 5000;
    config.reconnect_retry_interval_ms = 100;
    config.max_reconnect_attempts = 50;
    config.auto_cleanup = true;
    config.use_threads = true;
    return config;
}

/* Opens one end of the channel config->shm_name. NULL if it cannot, with the reason on stderr: a setting out of range, a
 * slave without segment, a file that is no segment or of a newer protocol, no permission, no space.
 *
 * A master makes a new segment, or takes over in place that of a dead master whose slave still lives. A second master
 * wins over a living first one, which is then ousted (see eshm_write()). AUTO becomes a slave of a living master and
 * else a master; eshm_get_role() tells which. Two AUTOs that start at once become one of each.
 *
 * The handle's reads begin after what was in the segment at this moment. */
ESHMHandle* eshm_init(const ESHMConfig* config);

/* The options that change nothing: eshm_init_ex() with them, or with NULL, is eshm_init(). */
static inline ESHMOptions eshm_default_options(void) {
    ESHMOptions options;
    options.size = sizeof options;
    options.capacity = 0;
    options.mode = 0;
    options.wait_for_master_ms = 0;
    options.spin_us = ESHM_SPIN_ADAPTIVE;
    options.log_level = ESHM_LOG_DEFAULT;
    options.exact_capacity = false;
    options.first_value = false;
    options.huge_pages = false;
    options.prefault = false;
    options.reserved[0] = options.reserved[1] = options.reserved[2] = options.reserved[3] = 0;
    return options;
}

/* eshm_init() with more settings, which may be NULL. NULL if it cannot, with the reason in eshm_last_error() and on stderr.
 * New in 1.3, as are the next four.
 *
 *     ESHMOptions options = eshm_default_options();
 *     options.capacity = 1920 * 1080 * 3;
 *     ESHMHandle* handle = eshm_init_ex(&config, &options); */
ESHMHandle* eshm_init_ex(const ESHMConfig* config, const ESHMOptions* options);

/* Bytes of the largest message in the segment of the handle; of a detached slave in the one it left. 0 if handle is NULL or
 * inherited by fork(). */
size_t eshm_capacity(ESHMHandle* handle);

/* Whether the handle is a slave that looks for its master no longer, as max_reconnect_attempts or reconnect_wait_ms is used up;
 * final. A read without limit then ends by itself: this is for a program that makes one of shorter reads. Ask before a
 * read, and end if that finds nothing: what came earlier is then read. False if handle is NULL or inherited by fork(). */
bool eshm_has_given_up(ESHMHandle* handle);

/* Why the last call of this thread that failed did so, in English, with the text of errno where the system refused something.
 * Empty before any failure; never NULL. It is the thread's own, and stays until its next failure. (The functions of eshm_rpc.h
 * have their own: eshm_rpc_get_last_error().) */
const char* eshm_last_error(void);

/* The library's release, "1.3.0" for instance. Static text, never NULL. */
const char* eshm_version(void);

/* Leaves the channel and frees the handle; the peer notices at once. A master with auto_cleanup removes the segment's
 * name, if it is still its own. ESHM_SUCCESS, or ESHM_ERROR_INVALID_PARAM for NULL. */
int eshm_destroy(ESHMHandle* handle);

/* Publishes `size` bytes at `data` as the newest message; 0 bytes are a message too. Never waits for a reader, and
 * never lets one see half of it.
 *
 *   ESHM_SUCCESS
 *   ESHM_ERROR_INVALID_PARAM     handle or data is NULL (data also when size is 0)
 *   ESHM_ERROR_BUFFER_TOO_SMALL  size is over the segment's capacity; nothing was written
 *   ESHM_ERROR_TIMEOUT           a slave that is detached, or another writer stopped halfway; nothing was written
 *   ESHM_ERROR_ROLE_MISMATCH     another master has taken this one's place; final
 *   ESHM_ERROR_NOT_INITIALIZED   a handle inherited by fork() */
int eshm_write(ESHMHandle* handle, const void* data, size_t size);

/* eshm_read_ex() with a timeout of 1000 ms. The size of the message, which may be 0, or a negative enum ESHMError. */
int eshm_read(ESHMHandle* handle, void* buffer, size_t buffer_size);

/* Copies the newest message not yet read through this handle into `buffer`, and stores its size in *bytes_read, which
 * may be NULL. Messages that were overwritten before they were read are gone, by design; none is returned twice. Waits
 * up to `timeout_ms` milliseconds for one: 0 does not wait, ESHM_TIMEOUT_INFINITE waits without limit. The wait ends
 * early only when its result is certain.
 *
 *   ESHM_SUCCESS
 *   ESHM_ERROR_INVALID_PARAM     handle or buffer is NULL
 *   ESHM_ERROR_NO_DATA           timeout_ms is 0 and nothing is new
 *   ESHM_ERROR_TIMEOUT           the time passed without a message; a detached slave waits for its new master's meanwhile
 *   ESHM_ERROR_BUFFER_TOO_SMALL  the message has *bytes_read bytes and stays readable: come again with more room
 *   ESHM_ERROR_MASTER_STALE      the master is gone and this slave is of ESHM_DISCONNECT_IMMEDIATELY; final
 *   ESHM_ERROR_NOT_INITIALIZED   a handle inherited by fork(), or destroyed meanwhile */
int eshm_read_ex(ESHMHandle* handle, void* buffer, size_t buffer_size, size_t* bytes_read, uint32_t timeout_ms);

/* Reads the newest message not read yet as a record of named values (eshm_data_api.h), waiting for it up to timeout_ms. Bytes
 * after the record are not looked at.
 *
 * out_types, out_keys and out_values have room for max_items; each out_keys[i] points to max_key_len bytes, in which the key
 * is NUL-terminated, and cut at a whole character if it is longer. Each of the *item_count values is to be freed with
 * eshm_free_value().
 *
 *   ESHM_SUCCESS
 *   ESHM_ERROR_INVALID_PARAM      a NULL, a negative number, or no room for keys; or the message is no record, or has values
 *                                 of the types 5 to 7: eshm_data_get_last_error() tells which
 *   ESHM_ERROR_BUFFER_TOO_SMALL   more than max_items; *item_count is how many
 *   and what eshm_read_ex() returns.
 *
 * After an error nothing has been handed out, and *item_count is 0 but for the case above. The message then stays readable,
 * by eshm_read_ex() too, until a newer one comes, unless memory ran out; a message of no bytes, which is no record, is taken.
 * Asked again, it waits up to timeout_ms for that newer one, and then says the same: a loop keeps no processor busy. */
int eshm_read_data(ESHMHandle* handle, uint8_t* out_types, char** out_keys, int max_key_len, void** out_values,
                   int max_items, int* item_count, uint32_t timeout_ms);

/* Frees a value that was read, of this type; NULL is none. Values of the types 0 to 3 may also go to free(). */
void eshm_free_value(void* value, uint8_t type);

/* Adds a heartbeat now, and with use_threads off also looks after the peer. With threads there is no need for it.
 *
 *   ESHM_SUCCESS
 *   ESHM_ERROR_NOT_INITIALIZED   handle is NULL, detached, or inherited by fork()
 *   ESHM_ERROR_ROLE_MISMATCH     another master has taken this one's place; final */
int eshm_update_heartbeat(ESHMHandle* handle);

/* Whether the peer lives: not gone cleanly, not known to be dead, and its heartbeat not silent for longer than the stale
 * threshold. Before a threshold has passed since eshm_init() a peer that never came counts as alive.
 *
 *   ESHM_SUCCESS
 *   ESHM_ERROR_INVALID_PARAM     handle or is_alive is NULL
 *   ESHM_ERROR_NOT_INITIALIZED   a handle inherited by fork() */
int eshm_check_remote_alive(ESHMHandle* handle, bool* is_alive);

/* A snapshot of heartbeats, pids, flags and message counts.
 *
 *   ESHM_SUCCESS
 *   ESHM_ERROR_INVALID_PARAM     handle or stats is NULL
 *   ESHM_ERROR_NOT_INITIALIZED   a detached slave (*stats is then all zero), or a handle inherited by fork() */
int eshm_get_stats(ESHMHandle* handle, ESHMStats* stats);

/* Which role the handle has: ESHM_ROLE_MASTER or ESHM_ROLE_SLAVE, whatever was asked for.
 *
 *   ESHM_SUCCESS
 *   ESHM_ERROR_INVALID_PARAM     handle or role is NULL
 *   ESHM_ERROR_NOT_INITIALIZED   a handle inherited by fork() */
int eshm_get_role(ESHMHandle* handle, enum ESHMRole* role);

/* What an enum ESHMError means, in English; "Unknown error" for any other number. Static text, never NULL. */
const char* eshm_error_string(int error_code);

/* How reads of this handle wait from now on.
 *
 *   ESHM_SUCCESS
 *   ESHM_ERROR_INVALID_PARAM     handle is NULL, or mode is none of the enum
 *   ESHM_ERROR_NOT_INITIALIZED   a handle inherited by fork() */
int eshm_set_wakeup_mode(ESHMHandle* handle, enum ESHMWakeupMode mode);

/* How reads of this handle wait.
 *
 *   ESHM_SUCCESS
 *   ESHM_ERROR_INVALID_PARAM     handle or mode is NULL
 *   ESHM_ERROR_NOT_INITIALIZED   a handle inherited by fork() */
int eshm_get_wakeup_mode(ESHMHandle* handle, enum ESHMWakeupMode* mode);

/* How long a read of this handle spins before it parks, in microseconds: 0 parks at once, ESHM_SPIN_ADAPTIVE is learnt from
 * the handle's last waits. That is the default, unless the environment sets ESHM_SPIN_US for every handle of the process.
 * 1000000, a second, is the most that counts; more is said on stderr and taken as that.
 * A spin saves the 50 to 150 us of a wake-up where the peer answers sooner, and keeps a processor busy meanwhile. New in
 * 1.3.
 *
 *   ESHM_SUCCESS
 *   ESHM_ERROR_INVALID_PARAM     handle is NULL
 *   ESHM_ERROR_NOT_INITIALIZED   a handle inherited by fork() */
int eshm_set_spin_us(ESHMHandle* handle, uint32_t microseconds);

/* A descriptor for poll(), epoll and event loops, so that one thread can wait for many channels and whatever else it has. It is
 * readable while there is
 *   - a message to read: within a millisecond of its coming, whatever library the peer has, and until a read has taken it;
 *   - a change to ask about: the peer has come, left, died, was replaced or has recovered, or this handle has lost or found its
 *     segment or was ousted. Until eshm_check_remote_alive() is called, which takes all changes so far.
 * So whoever wakes up calls both, with no time to wait:
 *
 *     struct epoll_event event = {.events = EPOLLIN, .data.ptr = handle};
 *     epoll_ctl(epoll, EPOLL_CTL_ADD, eshm_get_event_fd(handle), &event);
 *     while (epoll_wait(epoll, &event, 1, -1) == 1) {
 *         bool alive;
 *         char text[64];
 *         eshm_check_remote_alive(event.data.ptr, &alive);
 *         if (eshm_read_ex(event.data.ptr, text, sizeof text, NULL, 0) == ESHM_SUCCESS) use(text);
 *     }
 *
 * It is level-triggered: readable again at each look while something is there. (With EPOLLET call both each time, and read until
 * ESHM_ERROR_NO_DATA.) A message that another thread, or a read that waits, was faster to take is a wake-up for nothing.
 *
 * Each call gives the handle's one descriptor, made at the first call. It is only for polling: do not read, write or close it. It
 * is closed on exec, and by eshm_destroy(), so take it out of poll sets before that: a poll() in another thread is woken then, an
 * epoll set forgets it in silence, and the number may come to be another file's. Nothing is added to writes, nor to handles
 * without one; a read takes some 60 ns longer, and the library's thread looks twice a millisecond while any handle has one. New in
 * 1.3.
 *
 *   -1  there is none: handle is NULL or inherited by fork(), use_threads is off (nobody would look meanwhile), or the system
 *       has no descriptor left; then the handle works on without, and the next call tries again. eshm_last_error() says why */
int eshm_get_event_fd(ESHMHandle* handle);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* ESHM_H */
