// eshm_demo: a master and a slave that greet each other 1000 times a second, until SIGINT or SIGTERM.
//
//   eshm_demo master|slave|auto [NAME]      NAME is eshm1 if not given
//
// Shows how a program uses the library: the public header and nothing else. The first ten messages each way are printed,
// then a line of totals each second, and whenever the peer is lost or back.
#include "eshm.h"
#include "until_signal.h"

#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <time.h>
#include <vector>

namespace {

const long kPeriodNs = 1000000; // 1000 messages a second
const unsigned long kShown = 10;
const uint32_t kReadMs = 100;   // how long a read may keep us from noticing a signal

long long now_ns() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

// One end of the channel and what happened on it. The master uses it from two threads.
class Side {
public:
    Side(ESHMHandle* h, enum ESHMRole role)
        : handle(h), is_master(role == ESHM_ROLE_MASTER), message(ESHM_MAX_DATA_SIZE + 1) {}

    // Prints a line at once; ends the program if nobody listens any more.
    void say(const char* format, ...) const __attribute__((format(printf, 2, 3))) {
        char line[512];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(line, sizeof line, format, arguments);
        va_end(arguments);
        if (printf("[%s] %s\n", is_master ? "MASTER" : "SLAVE", line) < 0 || fflush(stdout) != 0) told_to_end = true;
    }

    // Sends "GREETING #number" with its NUL, as C programs expect it. False when there is no point in going on.
    bool send(const char* greeting) {
        char text[64];
        const int length = snprintf(text, sizeof text, "%s #%lu", greeting, number);
        const int rc = eshm_write(handle, text, static_cast<size_t>(length) + 1);
        if (rc == ESHM_SUCCESS) {
            if (number++ < kShown) say("Sent: %s", text);
            sent++;
        } else if (rc != ESHM_ERROR_TIMEOUT) { // a slave without master cannot write; that passes
            say("Cannot send: %s", eshm_error_string(rc));
            failed = true;
            return false;
        }
        return true;
    }

    // Waits a little for a message. True if one came.
    bool receive() {
        char* const text = message.data();
        size_t size = 0;
        const int rc = eshm_read_ex(handle, text, ESHM_MAX_DATA_SIZE, &size, kReadMs);
        if (rc == ESHM_SUCCESS) {
            text[size] = '\0'; // it may come from a language that sends none
            if (received++ < kShown) {
                if (is_master) say("Received: %s", text);
                else say("Received (%zu bytes): %s", strlen(text), text);
            }
            return true;
        }
        if (rc != ESHM_ERROR_TIMEOUT) {
            say("Cannot receive: %s", eshm_error_string(rc));
            failed = true;
            told_to_end = true;
        }
        return false;
    }

    // Tells when the peer has come, is lost, or is back; and once a second, how many messages went by.
    void report() {
        const long long now = now_ns();
        watch_peer();
        if (now - last_report < 1000000000LL) return;
        const double seconds = static_cast<double>(now - last_report) / 1e9;
        const unsigned long s = sent, r = received;
        say("Total: %lu sent (%.0f/s), %lu received (%.0f/s)", s, static_cast<double>(s - last_sent) / seconds, r,
            static_cast<double>(r - last_received) / seconds);
        last_report = now;
        last_sent = s;
        last_received = r;
    }

    bool failed_for_good() const { return failed; }

private:
    void watch_peer() {
        bool alive = false;
        ESHMStats stats;
        eshm_check_remote_alive(handle, &alive);
        // A peer that never came counts as alive for the first moments; its flag tells.
        alive = alive && eshm_get_stats(handle, &stats) == ESHM_SUCCESS &&
                (is_master ? stats.slave_alive : stats.master_alive);
        if (alive == peer_there) return;
        const char* peer = is_master ? "Slave" : "Master";
        say(alive ? (peer_seen ? "%s is back" : "%s is there") : "%s is lost", peer);
        peer_there = alive;
        peer_seen = true;
    }

    ESHMHandle* const handle;
    const bool is_master;
    std::vector<char> message; // the receiving thread's
    unsigned long number = 0;
    std::atomic<unsigned long> sent{0}, received{0};
    std::atomic<bool> failed{false};
    long long last_report = now_ns();
    unsigned long last_sent = 0, last_received = 0;
    bool peer_there = false, peer_seen = false;
};

// Sends on absolute deadlines, so that no delay adds up, while a thread listens.
void run_master(Side& side) {
    std::thread listener([&side] {
        while (!told_to_end) side.receive();
    });
    for (long long due = now_ns(); !told_to_end; due += kPeriodNs) {
        const long long now = now_ns();
        if (now - due > 100 * kPeriodNs) due = now; // was stopped: what is long past need not be sent
        timespec at;
        at.tv_sec = static_cast<time_t>(due / 1000000000LL);
        at.tv_nsec = static_cast<long>(due % 1000000000LL);
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr);
        if (!side.send("Hello from master")) told_to_end = true;
        side.report();
    }
    listener.join();
}

// Answers each message; the master sets the pace.
void run_slave(Side& side) {
    while (!told_to_end) {
        if (side.receive() && !side.send("ACK from slave")) break;
        side.report();
    }
}

int usage() {
    fprintf(stderr, "usage: eshm_demo master|slave|auto [NAME]\n");
    return 2;
}

} // namespace

int main(int argc, char** argv) {
    const std::string wanted = argc > 1 ? argv[1] : "";
    if (argc > 3 || (wanted != "master" && wanted != "slave" && wanted != "auto")) return usage();

    ESHMConfig config = eshm_default_config(argc > 2 ? argv[2] : "eshm1");
    config.role = wanted == "master" ? ESHM_ROLE_MASTER : wanted == "slave" ? ESHM_ROLE_SLAVE : ESHM_ROLE_AUTO;
    config.max_reconnect_attempts = 0; // a demo waits for its master as long as one watches it
    config.reconnect_wait_ms = 0;

    end_on_signals();
    const char* const label = wanted == "master" ? "MASTER" : wanted == "slave" ? "SLAVE" : "AUTO";
    printf("[%s] Starting high-performance %s process...\n", label, wanted.c_str());
    fflush(stdout);

    ESHMHandle* handle = eshm_init(&config);
    if (handle == nullptr) {
        fprintf(stderr, "[%s] Cannot open '%s'%s\n", label, config.shm_name,
                config.role == ESHM_ROLE_SLAVE ? ": is a master running?" : "");
        return 1;
    }
    enum ESHMRole role = config.role;
    eshm_get_role(handle, &role);

    bool failed;
    {
        Side side(handle, role);
        side.say("Initialized with role: %s", role == ESHM_ROLE_MASTER ? "MASTER" : "SLAVE");
        if (role == ESHM_ROLE_MASTER) run_master(side);
        else run_slave(side);
        side.say("Stopped");
        failed = side.failed_for_good();
    }
    eshm_destroy(handle);
    return failed ? 1 : 0;
}
