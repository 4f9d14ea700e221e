/* What the programs that test eshm_get_event_fd() do with a descriptor, and the pairs they do it with. */
#ifndef ESHM_TESTS_DESCRIPTOR_H
#define ESHM_TESTS_DESCRIPTOR_H

#include "endpoint.h"

#include <poll.h>

/* Waits up to so many milliseconds; whether there was something. */
static inline bool readable_within(int fd, int ms) {
    struct pollfd entry = {fd, POLLIN, 0};
    int rc;
    do rc = poll(&entry, 1, ms);
    while (rc < 0); /* a signal came between */
    if (rc == 1) CHECK_EQ(entry.revents, POLLIN);
    return rc == 1;
}

static inline bool readable(int fd) {
    return readable_within(fd, 0);
}

static inline int fd_of(ESHMHandle* handle) {
    const int fd = eshm_get_event_fd(handle);
    CHECK(fd > STDERR_FILENO);
    return fd;
}

typedef struct Pair {
    ESHMHandle *master, *slave;
    int fd; /* the slave's */
} Pair;

/* In one process, met and quiet. */
static inline Pair pair_new(void) {
    const char* name = segment_name("event");
    Pair pair;
    pair.master = open_as(name, ESHM_ROLE_MASTER);
    pair.slave = open_as(name, ESHM_ROLE_SLAVE);
    pair.fd = fd_of(pair.slave);
    CHECK_WITHIN(PATIENCE_MS, slave_attached(pair.master));
    CHECK(peer_alive(pair.slave));
    return pair;
}

static inline void pair_free(Pair pair) {
    close_end(pair.slave);
    close_end(pair.master);
}

#endif
