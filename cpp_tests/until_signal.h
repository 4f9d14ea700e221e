// SIGINT and SIGTERM as a request to end, for the programs that run until they are told to.
#ifndef ESHM_UNTIL_SIGNAL_H
#define ESHM_UNTIL_SIGNAL_H

#include <atomic>
#include <csignal>

static std::atomic<bool> told_to_end(false); // set by a signal, read by any thread

static inline void on_end(int) {
    told_to_end = true;
}

// A closed stdout (`| head`) must not kill the process before it has left its channel, so SIGPIPE is a failed write.
static inline void end_on_signals() {
    struct sigaction action = {};
    action.sa_handler = on_end;
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
}

#endif // ESHM_UNTIL_SIGNAL_H
