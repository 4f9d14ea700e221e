/* The C view of the binary contract, as static asserts: included by a C and a C++ translation unit, each of which says
 * how its language spells one (LAYOUT_ASSERT). Written out as numbers, not derived from the headers under test; only what
 * depends on the capacity is computed from it. */
#ifndef ESHM_LAYOUT_CHECKS_H
#define ESHM_LAYOUT_CHECKS_H

#include "eshm.h"
#include "eshm_rpc.h"

#define LAYOUT_FIELD(type, field, offset, size)                                             \
    LAYOUT_ASSERT(offsetof(type, field) == (offset), #type "." #field " is elsewhere");     \
    LAYOUT_ASSERT(sizeof(((type*)0)->field) == (size), #type "." #field " has another size")
#define LAYOUT_VALUE(name, value) LAYOUT_ASSERT((name) == (value), #name " has another value")

/* The caller's structs. */
LAYOUT_ASSERT(sizeof(ESHMConfig) == 40, "size of ESHMConfig");
LAYOUT_FIELD(ESHMConfig, shm_name, 0, 8);
LAYOUT_FIELD(ESHMConfig, role, 8, 4);
LAYOUT_FIELD(ESHMConfig, disconnect_behavior, 12, 4);
LAYOUT_FIELD(ESHMConfig, stale_threshold_ms, 16, 4);
LAYOUT_FIELD(ESHMConfig, reconnect_wait_ms, 20, 4);
LAYOUT_FIELD(ESHMConfig, reconnect_retry_interval_ms, 24, 4);
LAYOUT_FIELD(ESHMConfig, max_reconnect_attempts, 28, 4);
LAYOUT_FIELD(ESHMConfig, auto_cleanup, 32, 1);
LAYOUT_FIELD(ESHMConfig, use_threads, 33, 1);

LAYOUT_ASSERT(sizeof(ESHMStats) == 80, "size of ESHMStats");
LAYOUT_FIELD(ESHMStats, master_heartbeat, 0, 8);
LAYOUT_FIELD(ESHMStats, slave_heartbeat, 8, 8);
LAYOUT_FIELD(ESHMStats, master_pid, 16, 4);
LAYOUT_FIELD(ESHMStats, slave_pid, 20, 4);
LAYOUT_FIELD(ESHMStats, master_alive, 24, 1);
LAYOUT_FIELD(ESHMStats, slave_alive, 25, 1);
LAYOUT_FIELD(ESHMStats, stale_threshold, 28, 4);
LAYOUT_FIELD(ESHMStats, master_heartbeat_delta, 32, 8);
LAYOUT_FIELD(ESHMStats, slave_heartbeat_delta, 40, 8);
LAYOUT_FIELD(ESHMStats, m2s_write_count, 48, 8);
LAYOUT_FIELD(ESHMStats, m2s_read_count, 56, 8);
LAYOUT_FIELD(ESHMStats, s2m_write_count, 64, 8);
LAYOUT_FIELD(ESHMStats, s2m_read_count, 72, 8);

/* The segment, at any capacity. */
LAYOUT_ASSERT(sizeof(struct ESHMHeader) == 128, "size of ESHMHeader");
LAYOUT_FIELD(struct ESHMHeader, magic, 0, 4);
LAYOUT_FIELD(struct ESHMHeader, version, 4, 4);
LAYOUT_FIELD(struct ESHMHeader, master_heartbeat, 8, 8);
LAYOUT_FIELD(struct ESHMHeader, slave_heartbeat, 16, 8);
LAYOUT_FIELD(struct ESHMHeader, master_pid, 24, 4);
LAYOUT_FIELD(struct ESHMHeader, slave_pid, 28, 4);
LAYOUT_FIELD(struct ESHMHeader, master_alive, 32, 4);
LAYOUT_FIELD(struct ESHMHeader, slave_alive, 36, 4);
LAYOUT_FIELD(struct ESHMHeader, stale_threshold, 40, 4);
LAYOUT_FIELD(struct ESHMHeader, master_generation, 44, 4);
LAYOUT_FIELD(struct ESHMHeader, features, 48, 4);
LAYOUT_FIELD(struct ESHMHeader, layout_size, 52, 4);
LAYOUT_FIELD(struct ESHMHeader, master_lock, 56, 4);
LAYOUT_FIELD(struct ESHMHeader, slave_lock, 60, 4);
LAYOUT_FIELD(struct ESHMHeader, capacity, 64, 4);

#define LAYOUT_UP(value, unit) (((value) + (unit)-1) / (unit) * (unit))
#define LAYOUT_TAIL LAYOUT_UP(8 + ESHM_MAX_DATA_SIZE, 8)
#define LAYOUT_CHANNEL LAYOUT_UP(72 + ESHM_MAX_DATA_SIZE, 64)

LAYOUT_ASSERT(sizeof(struct ESHMSeqLock) == 4, "size of ESHMSeqLock");
LAYOUT_ASSERT(sizeof(struct ESHMChannel) == LAYOUT_CHANNEL, "size of ESHMChannel");
LAYOUT_FIELD(struct ESHMChannel, seqlock.sequence, 0, 4);
LAYOUT_FIELD(struct ESHMChannel, data_size, 4, 4);
LAYOUT_FIELD(struct ESHMChannel, data, 8, ESHM_MAX_DATA_SIZE);
LAYOUT_FIELD(struct ESHMChannel, write_count, LAYOUT_TAIL, 8);
LAYOUT_FIELD(struct ESHMChannel, read_count, LAYOUT_TAIL + 8, 8);
LAYOUT_FIELD(struct ESHMChannel, wake_seq, LAYOUT_TAIL + 16, 4);
LAYOUT_FIELD(struct ESHMChannel, waiters, LAYOUT_TAIL + 20, 4);
LAYOUT_FIELD(struct ESHMChannel, reader_waiting, LAYOUT_TAIL + 24, 4);

LAYOUT_ASSERT(sizeof(struct ESHMData) == 128 + 2UL * LAYOUT_CHANNEL, "size of ESHMData");
LAYOUT_FIELD(struct ESHMData, header, 0, 128);
LAYOUT_FIELD(struct ESHMData, master_to_slave, 128, LAYOUT_CHANNEL);
LAYOUT_FIELD(struct ESHMData, slave_to_master, 128UL + LAYOUT_CHANNEL, LAYOUT_CHANNEL);

/* The formulas themselves, at capacities that were worked out by hand. */
#if ESHM_MAX_DATA_SIZE == 4096
LAYOUT_VALUE(sizeof(struct ESHMChannel), 4224);
LAYOUT_VALUE(sizeof(struct ESHMData), 8576);
LAYOUT_VALUE(offsetof(struct ESHMChannel, wake_seq), 4120);
LAYOUT_VALUE(offsetof(struct ESHMData, slave_to_master), 4352);
#elif ESHM_MAX_DATA_SIZE == 8192
LAYOUT_VALUE(sizeof(struct ESHMChannel), 8320);
LAYOUT_VALUE(sizeof(struct ESHMData), 16768);
#elif ESHM_MAX_DATA_SIZE == 1000
LAYOUT_VALUE(sizeof(struct ESHMChannel), 1088);
LAYOUT_VALUE(offsetof(struct ESHMChannel, write_count), 1008);
LAYOUT_VALUE(sizeof(struct ESHMData), 2304);
#endif

/* Constants and enumerators. */
LAYOUT_VALUE(ESHM_MAGIC, 0x4553484D);
LAYOUT_VALUE(ESHM_VERSION, 3);
LAYOUT_VALUE(ESHM_FEATURE_FUTEX_WAKE, 1);
LAYOUT_VALUE(ESHM_TIMEOUT_INFINITE, 4294967295U);
LAYOUT_VALUE(ESHM_CHANNEL_SIZE_APPROX, 72 + ESHM_MAX_DATA_SIZE);
LAYOUT_VALUE(ESHM_TOTAL_SIZE_APPROX, 64 + 2L * (72 + ESHM_MAX_DATA_SIZE));
LAYOUT_ASSERT(ESHM_HEARTBEAT_INTERVAL_MS >= 1, "heartbeat interval");
LAYOUT_VALUE(ESHM_ROLE_MASTER, 0);
LAYOUT_VALUE(ESHM_ROLE_SLAVE, 1);
LAYOUT_VALUE(ESHM_ROLE_AUTO, 2);
LAYOUT_VALUE(ESHM_DISCONNECT_IMMEDIATELY, 0);
LAYOUT_VALUE(ESHM_DISCONNECT_ON_TIMEOUT, 1);
LAYOUT_VALUE(ESHM_DISCONNECT_NEVER, 2);
LAYOUT_VALUE(ESHM_CHANNEL_EMPTY, 0);
LAYOUT_VALUE(ESHM_CHANNEL_READY, 1);
LAYOUT_VALUE(ESHM_CHANNEL_READ, 2);
LAYOUT_VALUE(ESHM_WAKEUP_PUSH, 0);
LAYOUT_VALUE(ESHM_WAKEUP_POLL, 1);
LAYOUT_VALUE(ESHM_SUCCESS, 0);
LAYOUT_VALUE(ESHM_ERROR_INVALID_PARAM, -1);
LAYOUT_VALUE(ESHM_ERROR_SHM_CREATE, -2);
LAYOUT_VALUE(ESHM_ERROR_SHM_ATTACH, -3);
LAYOUT_VALUE(ESHM_ERROR_SHM_DETACH, -4);
LAYOUT_VALUE(ESHM_ERROR_SHM_DELETE, -5);
LAYOUT_VALUE(ESHM_ERROR_MUTEX_INIT, -6);
LAYOUT_VALUE(ESHM_ERROR_MUTEX_LOCK, -7);
LAYOUT_VALUE(ESHM_ERROR_MUTEX_UNLOCK, -8);
LAYOUT_VALUE(ESHM_ERROR_NO_DATA, -9);
LAYOUT_VALUE(ESHM_ERROR_TIMEOUT, -10);
LAYOUT_VALUE(ESHM_ERROR_MASTER_STALE, -11);
LAYOUT_VALUE(ESHM_ERROR_BUFFER_FULL, -12);
LAYOUT_VALUE(ESHM_ERROR_BUFFER_TOO_SMALL, -13);
LAYOUT_VALUE(ESHM_ERROR_NOT_INITIALIZED, -14);
LAYOUT_VALUE(ESHM_ERROR_ROLE_MISMATCH, -15);

#endif /* ESHM_LAYOUT_CHECKS_H */
