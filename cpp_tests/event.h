/* How processes of a test tell each other how far they are, instead of sleeping: a pipe that carries bytes. */
#ifndef ESHM_EVENT_H
#define ESHM_EVENT_H

#include "check.h"

#include <poll.h>
#include <stdbool.h>

/* Each byte sent is received once, by one process. Made before the child is started, which inherits it. */
typedef struct Event {
    int out, in;
} Event;

static inline Event event_new(void) {
    int ends[2];
    Event event;
    CHECK_EQ(pipe(ends), 0);
    event.out = ends[0];
    event.in = ends[1];
    return event;
}

static inline void event_free(Event event) {
    close(event.out);
    close(event.in);
}

static inline void event_send(Event event, char byte) {
    CHECK_EQ(write(event.in, &byte, 1), 1);
}

static inline bool event_pending(Event event) {
    struct pollfd ready = {event.out, POLLIN, 0};
    return poll(&ready, 1, 0) == 1;
}

static inline char event_receive(Event event) {
    struct pollfd ready = {event.out, POLLIN, 0};
    char byte = 0;
    int rc;
    do rc = poll(&ready, 1, PATIENCE_MS);
    while (rc < 0); /* a signal came between */
    if (rc == 0) check_fail(__FILE__, __LINE__, "an event that another process should send");
    CHECK_EQ(read(event.out, &byte, 1), 1);
    return byte;
}

static inline void event_signal(Event event) {
    event_send(event, '!');
}

static inline void event_wait(Event event) {
    (void)event_receive(event);
}

#endif /* ESHM_EVENT_H */
