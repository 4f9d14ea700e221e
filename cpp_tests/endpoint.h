/* What most tests do with a handle, checked at each step. In C11 and C++11. */
#ifndef ESHM_TEST_ENDPOINT_H
#define ESHM_TEST_ENDPOINT_H

#include "check.h"
#include "eshm.h"

enum { PATIENT_THRESHOLD_MS = 2000 }; // a starved machine is no lost peer; tests of staleness set their own

/* A slave that looks for its master often and never gives up, for tests that are not about giving up. */
static inline ESHMConfig settings(const char* name, enum ESHMRole role) {
    ESHMConfig config = eshm_default_config(name);
    config.role = role;
    config.reconnect_wait_ms = 0;
    config.max_reconnect_attempts = 0;
    config.reconnect_retry_interval_ms = 5;
    config.stale_threshold_ms = PATIENT_THRESHOLD_MS;
    return config;
}

static inline ESHMHandle* open_with(const ESHMConfig* config) {
    ESHMHandle* handle = eshm_init(config);
    CHECK(handle != NULL);
    return handle;
}

static inline ESHMHandle* open_as(const char* name, enum ESHMRole role) {
    const ESHMConfig config = settings(name, role);
    return open_with(&config);
}

static inline void close_end(ESHMHandle* handle) {
    CHECK_EQ(eshm_destroy(handle), ESHM_SUCCESS);
}

static inline enum ESHMRole role_of(ESHMHandle* handle) {
    enum ESHMRole role = ESHM_ROLE_AUTO;
    CHECK_EQ(eshm_get_role(handle, &role), ESHM_SUCCESS);
    return role;
}

static inline bool peer_alive(ESHMHandle* handle) {
    bool alive = false;
    CHECK_EQ(eshm_check_remote_alive(handle, &alive), ESHM_SUCCESS);
    return alive;
}

/* All zero while the handle is detached. */
static inline ESHMStats stats_of(ESHMHandle* handle) {
    ESHMStats stats;
    memset(&stats, 0xff, sizeof stats);
    const int rc = eshm_get_stats(handle, &stats);
    CHECK(rc == ESHM_SUCCESS || rc == ESHM_ERROR_NOT_INITIALIZED);
    return stats;
}

/* Both sides there and talking. */
static inline bool slave_attached(ESHMHandle* master) {
    return stats_of(master).slave_alive && peer_alive(master);
}

static inline bool detached(ESHMHandle* slave) {
    ESHMStats stats;
    return eshm_get_stats(slave, &stats) == ESHM_ERROR_NOT_INITIALIZED;
}

static inline void send_text(ESHMHandle* handle, const char* text) {
    CHECK_EQ(eshm_write(handle, text, strlen(text) + 1), ESHM_SUCCESS);
}

/* The next message must be `text`. */
static inline void expect_text(ESHMHandle* handle, const char* text) {
    char buffer[64];
    size_t size = 0;
    CHECK_EQ(eshm_read_ex(handle, buffer, sizeof buffer, &size, PATIENCE_MS), ESHM_SUCCESS);
    CHECK(size > 0 && buffer[size - 1] == '\0');
    CHECK_TEXT(buffer, text);
}

static inline void expect_nothing(ESHMHandle* handle) {
    char buffer[1];
    CHECK_EQ(eshm_read_ex(handle, buffer, sizeof buffer, NULL, 0), ESHM_ERROR_NO_DATA);
}

/* A message that proves itself: any byte lost, mixed with another message's, or out of place shows. Every byte follows from
 * the number, so a mixture of two writes differs from both. */
static inline void pattern_fill(uint8_t* bytes, size_t size, uint32_t number) {
    uint32_t state = number * 2654435761U + 1U;
    for (size_t i = 0; i < size; i++) {
        state = state * 1664525U + 1013904223U;
        bytes[i] = (uint8_t)(state >> 24);
    }
    for (size_t i = 0; i < 4 && i < size; i++) bytes[i] = (uint8_t)(number >> (8 * i));
}

/* The number of a message of at least 4 bytes. */
static inline uint32_t pattern_number(const uint8_t* bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static inline void pattern_check(const uint8_t* bytes, size_t size, uint32_t number) {
    static uint8_t expected[ESHM_MAX_DATA_SIZE]; /* one checking thread a process */
    CHECK(size <= sizeof expected);
    pattern_fill(expected, size, number);
    CHECK(memcmp(bytes, expected, size) == 0);
}

#endif /* ESHM_TEST_ENDPOINT_H */
