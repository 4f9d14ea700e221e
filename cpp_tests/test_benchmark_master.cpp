// Messages a second when both sides do nothing else: the master writes a message and reads the ACK, the slave reads and
// answers. Prints a line every INTERVAL messages, until SIGINT or SIGTERM, or after COUNT messages.
//
//   test_benchmark_master master|slave [NAME] [INTERVAL] [COUNT]   one side; the other may be any ESHM program that answers
//   test_benchmark_master pair [NAME] [INTERVAL] [COUNT]           both, in two processes
//
// Fails if it ends before COUNT.
#include "child.h"
#include "endpoint.h"
#include "until_signal.h"

#include <string>

namespace {

struct Options {
    std::string side = "", name = "eshm1";
    unsigned long interval = 100000, count = 0; // count 0: without end
};

// Counts messages and prints the rate now and then.
class Meter {
public:
    Meter(const Options& o) : options(o), start(check_now()), last(start) {}
    void count() {
        total++;
        if (total % options.interval != 0) return;
        const double now = check_now();
        printf("[%8lu] Total: %6.1fs, %.1f msg/s | Interval: %.1f msg/s\n", total, now - start, total / (now - start),
               options.interval / (now - last));
        fflush(stdout);
        last = now;
    }
    void summary(const char* who) const {
        const double took = check_now() - start;
        printf("[%s] %lu messages in %.1f s: %.1f msg/s\n", who, total, took, total / took);
        fflush(stdout);
    }
    bool more() const { return !told_to_end && !ferror(stdout) && (options.count == 0 || total < options.count); }
    unsigned long total = 0;

private:
    const Options& options;
    double start, last;
};

ESHMHandle* open_side(const Options& options, enum ESHMRole role) {
    const ESHMConfig config = settings(options.name.c_str(), role);
    return eshm_init(&config);
}

bool usual(int rc) {
    if (rc != ESHM_SUCCESS && rc != ESHM_ERROR_TIMEOUT) fprintf(stderr, "%s\n", eshm_error_string(rc));
    return rc == ESHM_SUCCESS || rc == ESHM_ERROR_TIMEOUT;
}

int finish(ESHMHandle* handle, const Meter& meter, const char* who, const Options& options) {
    meter.summary(who);
    close_end(handle);
    return options.count != 0 && meter.total < options.count;
}

int run_master(ESHMHandle* master, const Options& options) {
    if (master == nullptr) return 1;
    Meter meter(options);
    char text[64], answer[ESHM_MAX_DATA_SIZE];
    while (meter.more()) {
        const int size = snprintf(text, sizeof text, "Benchmark message #%lu", meter.total) + 1;
        int rc = eshm_write(master, text, static_cast<size_t>(size));
        if (usual(rc)) rc = eshm_read_ex(master, answer, sizeof answer, nullptr, 100);
        if (!usual(rc)) break;
        if (rc == ESHM_SUCCESS) meter.count(); // else there is no slave yet, or a new one: say it again
    }
    return finish(master, meter, "MASTER", options);
}

int run_slave(ESHMHandle* slave, const Options& options) {
    if (slave == nullptr) return 1;
    Meter meter(options);
    char text[ESHM_MAX_DATA_SIZE];
    while (meter.more()) {
        int rc = eshm_read_ex(slave, text, sizeof text, nullptr, 100);
        if (rc == ESHM_SUCCESS) {
            rc = eshm_write(slave, "ACK", 4);
            if (rc == ESHM_SUCCESS) meter.count();
        }
        if (!usual(rc)) break;
    }
    return finish(slave, meter, "SLAVE", options);
}

// The slave of a pair answers until its master has gone, so that no last message stays unanswered.
void answer_all(Scene* scene) {
    end_on_signals();
    ESHMHandle* slave = open_as(scene->name, ESHM_ROLE_SLAVE);
    char text[ESHM_MAX_DATA_SIZE];
    while (peer_alive(slave))
        if (eshm_read_ex(slave, text, sizeof text, nullptr, 50) == ESHM_SUCCESS) eshm_write(slave, "ACK", 4);
    close_end(slave);
}

int run_pair(const Options& options) {
    Scene scene = {};
    snprintf(scene.name, sizeof scene.name, "%s", options.name.c_str());
    ESHMHandle* master = open_side(options, ESHM_ROLE_MASTER);
    if (master == nullptr) return 1;
    const pid_t child = CHILD_START(answer_all, &scene);
    const int result = run_master(master, options);
    child_join(child);
    return result;
}

bool parse(int argc, char** argv, Options& options) {
    if (argc < 2 || argc > 5) return false;
    options.side = argv[1];
    if (argc > 2) options.name = argv[2];
    unsigned long* const numbers[] = {&options.interval, &options.count};
    for (int i = 3; i < argc; i++) {
        char* end = nullptr;
        *numbers[i - 3] = strtoul(argv[i], &end, 10);
        if (end == argv[i] || *end != '\0' || *argv[i] == '-') return false;
    }
    return options.interval > 0 && (options.side == "master" || options.side == "slave" || options.side == "pair");
}

} // namespace

int main(int argc, char** argv) {
    const ChildBody bodies[] = {CHILD_BODY(answer_all)};
    CHILD_MAIN(argc, argv, bodies);
    Options options;
    if (!parse(argc, argv, options)) {
        fprintf(stderr, "usage: test_benchmark_master master|slave|pair [NAME] [INTERVAL] [COUNT]\n");
        return 2;
    }
    if (options.name == "-") options.name = segment_name("bench"); // a test: a name of its own, and a limit of time
    end_on_signals();
    if (options.side == "pair") return run_pair(options);
    if (options.side == "master") return run_master(open_side(options, ESHM_ROLE_MASTER), options);
    return run_slave(open_side(options, ESHM_ROLE_SLAVE), options);
}
