/* What a program of libeshm's release 1.1 was compiled against, written down from the binary contract and from none of our
 * headers: a change of those cannot hide here. */
#ifndef RELEASED_H
#define RELEASED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ESHMHandle ESHMHandle;
typedef struct EshmRpc EshmRpc;

typedef struct {
    const char* shm_name;
    int role; /* 0 master, 1 slave, 2 auto */
    int disconnect_behavior;
    uint32_t stale_threshold_ms, reconnect_wait_ms, reconnect_retry_interval_ms, max_reconnect_attempts;
    bool auto_cleanup, use_threads;
} ESHMConfig;

typedef struct {
    uint64_t master_heartbeat, slave_heartbeat;
    int32_t master_pid, slave_pid;
    bool master_alive, slave_alive;
    uint32_t stale_threshold;
    uint64_t master_heartbeat_delta, slave_heartbeat_delta;
    uint64_t m2s_write_count, m2s_read_count, s2m_write_count, s2m_read_count;
} ESHMStats;

/* RELEASED(LIBRARY, RESULT, NAME, PARAMETERS): each function, by the library it was in. */
#define RELEASED_FUNCTIONS                                                                                                   \
    RELEASED(eshm, ESHMHandle*, eshm_init, (const ESHMConfig*))                                                              \
    RELEASED(eshm, int, eshm_destroy, (ESHMHandle*))                                                                         \
    RELEASED(eshm, int, eshm_write, (ESHMHandle*, const void*, size_t))                                                      \
    RELEASED(eshm, int, eshm_read, (ESHMHandle*, void*, size_t))                                                             \
    RELEASED(eshm, int, eshm_read_ex, (ESHMHandle*, void*, size_t, size_t*, uint32_t))                                       \
    RELEASED(eshm, int, eshm_update_heartbeat, (ESHMHandle*))                                                                \
    RELEASED(eshm, int, eshm_check_remote_alive, (ESHMHandle*, bool*))                                                       \
    RELEASED(eshm, int, eshm_get_stats, (ESHMHandle*, ESHMStats*))                                                           \
    RELEASED(eshm, int, eshm_get_role, (ESHMHandle*, int*))                                                                  \
    RELEASED(eshm, const char*, eshm_error_string, (int))                                                                    \
    RELEASED(eshm, int, eshm_set_wakeup_mode, (ESHMHandle*, int))                                                            \
    RELEASED(eshm, int, eshm_get_wakeup_mode, (ESHMHandle*, int*))                                                           \
    RELEASED(eshm, int, eshm_write_data, (ESHMHandle*, const uint8_t*, const char**, const void**, int))                     \
    RELEASED(eshm, int, eshm_read_data, (ESHMHandle*, uint8_t*, char**, int, void**, int, int*, uint32_t))                   \
    RELEASED(eshm, void, eshm_free_value, (void*, uint8_t))                                                                  \
    RELEASED(eshm, void, eshm_data_free_value, (uint8_t, void*))                                                             \
    RELEASED(eshm, const char*, eshm_data_get_last_error, (void))                                                            \
    RELEASED(eshm, EshmRpc*, eshm_rpc_create, (const char*, int))                                                            \
    RELEASED(eshm, void, eshm_rpc_destroy, (EshmRpc*))                                                                       \
    RELEASED(eshm, int, eshm_rpc_on_call, (EshmRpc*, const char*, void (*)(void*), void*))                                   \
    RELEASED(eshm, int, eshm_rpc_on_event, (EshmRpc*, const char*, void (*)(void*), void*))                                  \
    RELEASED(eshm, int, eshm_rpc_start, (EshmRpc*))                                                                          \
    RELEASED(eshm, int, eshm_rpc_stop, (EshmRpc*))                                                                           \
    RELEASED(eshm, int, eshm_rpc_call, (EshmRpc*, const char*))                                                              \
    RELEASED(eshm, int, eshm_rpc_emit, (EshmRpc*, const char*))                                                              \
    RELEASED(eshm, uint64_t, eshm_rpc_missed, (const EshmRpc*))                                                              \
    RELEASED(eshm, uint64_t, eshm_rpc_dispatched, (const EshmRpc*))                                                          \
    RELEASED(eshm, const char*, eshm_rpc_get_last_error, (void))                                                             \
    RELEASED(eshm_data, void*, dh_create, (void))                                                                            \
    RELEASED(eshm_data, void, dh_destroy, (void*))                                                                           \
    RELEASED(eshm_data, int, dh_encode, (void*, const uint8_t*, const char**, const void**, int, uint8_t*, int))             \
    RELEASED(eshm_data, int, dh_decode, (void*, const uint8_t*, int, uint8_t*, char**, int, void**, int))                    \
    RELEASED(eshm_data, void, dh_free_value, (uint8_t, void*))                                                               \
    RELEASED(eshm_data, const char*, dh_get_last_error, (void))

#endif /* RELEASED_H */
