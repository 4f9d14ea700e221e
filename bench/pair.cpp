// Measures a libeshm through its C interface, always in two processes where two are meant. Which library is measured is the
// loader's choice (LD_LIBRARY_PATH). One JSON object on standard output.
//
//   pair trip SIZE SECONDS [ECHO...]   round trips with a process that sends each message back: this program, or the
//                                      command ECHO with the channel's name and the size appended
//   pair wake MILLISECONDS COUNT       from a write to the return of a reader that has been waiting so long
//   pair stream SIZE SECONDS           a writer that does nothing else, and a reader: values a second, written and read
//   pair idle HANDLES none|live        the processor's share for idle masters, alone or each with a slave; opening and closing
//   pair blocked READERS               the same for threads that wait, each in a read of its own channel
//   pair reconnect COUNT               from the start of a new master to its first message at the slave of a killed one
//   pair limit                         no library: two processes that pass one cache line back and forth
#include "eshm.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <time.h>
#include <unistd.h>
#include <vector>

namespace {

uint8_t buffer[1 << 16];

uint64_t nanoseconds() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<uint64_t>(t.tv_sec) * 1000000000 + static_cast<uint64_t>(t.tv_nsec);
}

[[noreturn]] void fail(const std::string& what) {
    fprintf(stderr, "pair: %s\n", what.c_str());
    exit(1);
}

std::string channel_name() {
    return "0bench_" + std::to_string(getpid()); // first on the screen of `eshmctl top`, however many there are
}

ESHMHandle* open_end(const std::string& name, enum ESHMRole role) {
    ESHMConfig config = eshm_default_config(name.c_str());
    config.role = role;
    config.reconnect_wait_ms = 0;
    config.max_reconnect_attempts = 0;
    config.reconnect_retry_interval_ms = 20;
    for (int tries = 0; tries < 500; tries++, usleep(2000)) // a slave may be started before its master is there
        if (ESHMHandle* handle = eshm_init(&config)) return handle;
    fail("cannot open " + name);
}

// A process that ends with this one.
class Child {
public:
    explicit Child(std::vector<std::string> command) {
        pid = fork();
        if (pid != 0) return;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        std::vector<char*> arguments;
        for (std::string& word : command) arguments.push_back(&word[0]);
        arguments.push_back(nullptr);
        execvp(arguments[0], arguments.data());
        perror(arguments[0]);
        _exit(127);
    }
    ~Child() {
        kill(pid, SIGKILL);
        waitpid(pid, nullptr, 0);
    }
    Child(const Child&) = delete;

private:
    pid_t pid;
};

std::vector<std::string> self(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "/proc/self/exe");
    return arguments;
}

// Percentiles of times in nanoseconds, and how many there were of each size: the key is the logarithm, in steps of a tenth.
void print_times(const std::string& unit, double scale, std::vector<uint64_t>& times) {
    std::sort(times.begin(), times.end());
    const auto at = [&](double share) {
        return static_cast<double>(times[std::min(times.size() - 1, static_cast<size_t>(times.size() * share))]) * scale;
    };
    printf("\"p50_%s\": %.3f, \"p99_%s\": %.3f, \"p99.9_%s\": %.3f, \"max_%s\": %.3f, \"histogram\": {", unit.c_str(), at(0.5),
           unit.c_str(), at(0.99), unit.c_str(), at(0.999), unit.c_str(), at(1));
    std::map<int, size_t> buckets;
    for (uint64_t time : times) buckets[static_cast<int>(std::lround(10 * std::log10(time + 1.0)))]++;
    bool first = true;
    for (const auto& bucket : buckets) {
        printf("%s\"%d\": %zu", first ? "" : ", ", bucket.first, bucket.second);
        first = false;
    }
    printf("}");
}

void trip(size_t size, double seconds, std::vector<std::string> echo) {
    const std::string name = channel_name();
    ESHMHandle* master = open_end(name, ESHM_ROLE_MASTER);
    size_t got = 0;
    eshm_read_ex(master, buffer, sizeof buffer, &got, 0); // a release takes its baseline at the first read
    if (echo.empty()) echo = self({"echo"});
    echo.insert(echo.end(), {name, std::to_string(size)});
    const Child child(echo);
    uint32_t number = 0;
    uint64_t lost = 0;
    const auto exchange = [&] {
        number++;
        for (int tries = 0; tries < 100; tries++) {
            memcpy(buffer, &number, sizeof number);
            if (eshm_write(master, buffer, size) != ESHM_SUCCESS) fail("cannot write");
            uint32_t answer = 0;
            while (eshm_read_ex(master, buffer, sizeof buffer, &got, 100) == ESHM_SUCCESS) {
                memcpy(&answer, buffer, sizeof answer);
                if (answer == number) return;
            }
            lost++;
        }
        fail("no echo");
    };
    exchange();
    for (const uint64_t end = nanoseconds() + 200000000; nanoseconds() < end;) exchange();
    lost = 0;
    uint64_t clock = UINT64_MAX;
    for (int i = 0; i < 1000; i++) {
        const uint64_t begin = nanoseconds();
        clock = std::min(clock, nanoseconds() - begin);
    }
    std::vector<uint64_t> times;
    times.reserve(1 << 22);
    const uint64_t start = nanoseconds(), end = start + static_cast<uint64_t>(seconds * 1e9);
    uint64_t now = start;
    while (now < end) { // one look at the clock a trip, taken off again
        exchange();
        const uint64_t then = nanoseconds();
        times.push_back(then - now > clock ? then - now - clock : 0);
        now = then;
    }
    const auto slow = std::count_if(times.begin(), times.end(), [](uint64_t time) { return time > 20000; });
    printf("{\"per_second\": %.0f, \"over_20us_ppm\": %.1f, \"lost\": %lu, ", times.size() / ((now - start) * 1e-9),
           slow * 1e6 / times.size(), static_cast<unsigned long>(lost));
    print_times("us", 1e-3, times);
    printf("}\n");
    eshm_destroy(master);
}

void echo(const std::string& name) {
    ESHMHandle* slave = open_end(name, ESHM_ROLE_SLAVE);
    for (size_t got = 0;;)
        if (eshm_read_ex(slave, buffer, sizeof buffer, &got, 100) == ESHM_SUCCESS) eshm_write(slave, buffer, got);
}

void wake(unsigned pause_ms, size_t count) {
    const std::string name = channel_name();
    ESHMHandle* master = open_end(name, ESHM_ROLE_MASTER);
    size_t got = 0;
    eshm_read_ex(master, buffer, sizeof buffer, &got, 0);
    const Child child(self({"stamp", name, std::to_string(pause_ms)}));
    std::vector<uint64_t> times;
    while (times.size() < count + 5) {
        if (eshm_read_ex(master, buffer, sizeof buffer, &got, 5000) != ESHM_SUCCESS) fail("never woken");
        const uint64_t now = nanoseconds();
        uint64_t sent;
        memcpy(&sent, buffer, sizeof sent);
        times.push_back(now - sent);
    }
    times.erase(times.begin(), times.begin() + 5); // the reader learns what to expect
    printf("{");
    print_times("us", 1e-3, times);
    printf("}\n");
    eshm_destroy(master);
}

[[noreturn]] void stamp(const std::string& name, unsigned pause_ms) {
    ESHMHandle* slave = open_end(name, ESHM_ROLE_SLAVE);
    for (;;) {
        usleep(pause_ms * 1000);
        const uint64_t now = nanoseconds();
        eshm_write(slave, &now, sizeof now);
    }
}

struct Tally {
    std::atomic<uint64_t> read, torn;
    std::atomic<bool> done;
};

void stream(size_t size, double seconds) {
    void* memory = mmap(nullptr, sizeof(Tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    Tally* tally = new (memory) Tally();
    const std::string name = channel_name();
    ESHMHandle* master = open_end(name, ESHM_ROLE_MASTER);
    const pid_t pid = fork(); // the reader opens an end of its own
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        ESHMHandle* slave = open_end(name, ESHM_ROLE_SLAVE);
        size_t got = 0;
        while (eshm_read_ex(slave, buffer, sizeof buffer, &got, 100) != ESHM_SUCCESS) {}
        for (const uint64_t end = nanoseconds() + static_cast<uint64_t>(seconds * 1e9); nanoseconds() < end;)
            for (int i = 0; i < 20; i++)
                if (eshm_read_ex(slave, buffer, sizeof buffer, &got, 10) == ESHM_SUCCESS) {
                    tally->read++;
                    tally->torn += memcmp(buffer, buffer + 1, got - 1) != 0;
                }
        tally->done = true;
        _exit(0);
    }
    uint64_t written = 0;
    const uint64_t start = nanoseconds();
    while (!tally->done)
        for (int i = 0; i < 50; i++) {
            memset(buffer, static_cast<int>(++written & 0xff), size);
            eshm_write(master, buffer, size);
        }
    const double took = (nanoseconds() - start) * 1e-9;
    waitpid(pid, nullptr, 0);
    printf("{\"written_per_second\": %.0f, \"read_per_second\": %.0f, \"torn\": %lu}\n", written / took, tally->read / seconds,
           static_cast<unsigned long>(tally->torn));
    eshm_destroy(master);
}

double processor_seconds() {
    rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

double share_over(double seconds) {
    const double before = processor_seconds();
    const uint64_t start = nanoseconds();
    usleep(static_cast<useconds_t>(seconds * 1e6));
    return (processor_seconds() - before) / ((nanoseconds() - start) * 1e-9) * 100;
}

std::vector<ESHMHandle*> open_many(const std::string& name, int count, enum ESHMRole role) {
    rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    std::vector<ESHMHandle*> handles;
    for (int i = 0; i < count; i++) handles.push_back(open_end(name + "_" + std::to_string(i), role));
    return handles;
}

void idle(int count, bool live) {
    const std::string name = channel_name();
    const uint64_t opening = nanoseconds();
    const std::vector<ESHMHandle*> handles = open_many(name, count, ESHM_ROLE_MASTER);
    const double open_us = (nanoseconds() - opening) * 1e-3 / count;
    double share;
    {
        const Child child(live ? self({"hold", name, std::to_string(count)}) : std::vector<std::string>{"true"});
        usleep(700000);
        share = share_over(2);
    }
    const uint64_t closing = nanoseconds();
    for (ESHMHandle* handle : handles) eshm_destroy(handle);
    printf("{\"cpu_percent\": %.3f, \"open_us\": %.1f, \"close_us\": %.1f}\n", share, open_us,
           (nanoseconds() - closing) * 1e-3 / count);
}

void blocked(int count) {
    const std::vector<ESHMHandle*> handles = open_many(channel_name(), count, ESHM_ROLE_MASTER);
    std::vector<std::thread> readers;
    for (ESHMHandle* handle : handles)
        readers.emplace_back([handle] {
            char byte;
            eshm_read_ex(handle, &byte, 1, nullptr, 3000);
        });
    usleep(500000);
    printf("{\"cpu_percent\": %.3f}\n", share_over(2));
    for (std::thread& reader : readers) reader.join();
    for (ESHMHandle* handle : handles) eshm_destroy(handle);
}

[[noreturn]] void beacon(const std::string& name) {
    ESHMHandle* master = open_end(name, ESHM_ROLE_MASTER);
    for (;; usleep(1000)) {
        const uint64_t now = nanoseconds();
        eshm_write(master, &now, sizeof now);
    }
}

void reconnect(int count) {
    const std::string name = channel_name();
    std::unique_ptr<Child> master(new Child(self({"beacon", name})));
    ESHMHandle* slave = open_end(name, ESHM_ROLE_SLAVE);
    std::vector<uint64_t> times;
    size_t got = 0;
    for (int i = 0; i < count; i++) {
        eshm_read_ex(slave, buffer, sizeof buffer, &got, 500);
        master.reset();
        usleep(150000); // well past the threshold
        const uint64_t begin = nanoseconds();
        master.reset(new Child(self({"beacon", name})));
        for (uint64_t sent = 0; sent < begin;) {
            if (nanoseconds() - begin > 5000000000) fail("never back");
            if (eshm_read_ex(slave, buffer, sizeof buffer, &got, 50) == ESHM_SUCCESS) memcpy(&sent, buffer, sizeof sent);
        }
        times.push_back(nanoseconds() - begin);
    }
    printf("{");
    print_times("ms", 1e-6, times);
    printf("}\n");
    master.reset();
    eshm_destroy(slave);
    unlink(("/dev/shm/eshm_" + name).c_str());
}

void relax() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

struct alignas(128) Line {
    std::atomic<uint64_t> value;
};

void limit() {
    void* memory = mmap(nullptr, 2 * sizeof(Line), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    Line* lines = new (memory) Line[2]();
    const uint64_t trips = 300000;
    const auto side = [&](int own) {
        for (uint64_t i = 1; i <= trips; i++) {
            if (own == 0) lines[0].value.store(i, std::memory_order_release);
            while (lines[1 - own].value.load(std::memory_order_acquire) < i) relax();
            if (own == 1) lines[1].value.store(i, std::memory_order_release);
        }
    };
    double best = 1e9;
    for (int run = 0; run < 5; run++) {
        lines[0].value = lines[1].value = 0;
        const pid_t pid = fork();
        if (pid == 0) {
            side(1);
            _exit(0);
        }
        const uint64_t start = nanoseconds();
        side(0);
        best = std::min(best, static_cast<double>(nanoseconds() - start) / trips);
        waitpid(pid, nullptr, 0);
    }
    printf("{\"ns\": %.1f}\n", best);
}

} // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    const std::string mode = words.empty() ? "" : words[0];
    const auto text = [&](size_t at) { return words.size() > at ? words[at] : std::string("0"); };
    const auto number = [&](size_t at) { return atof(text(at).c_str()); };
    memset(buffer, 1, sizeof buffer);
    if (mode == "trip" && words.size() >= 3)
        trip(static_cast<size_t>(number(1)), number(2), {words.begin() + 3, words.end()});
    else if (mode == "echo") echo(text(1));
    else if (mode == "wake") wake(static_cast<unsigned>(number(1)), static_cast<size_t>(number(2)));
    else if (mode == "stamp") stamp(text(1), static_cast<unsigned>(number(2)));
    else if (mode == "stream") stream(static_cast<size_t>(number(1)), number(2));
    else if (mode == "idle") idle(static_cast<int>(number(1)), text(2) == "live");
    else if (mode == "hold") {
        open_many(text(1), static_cast<int>(number(2)), ESHM_ROLE_SLAVE);
        for (;;) pause();
    } else if (mode == "blocked") blocked(static_cast<int>(number(1)));
    else if (mode == "reconnect") reconnect(static_cast<int>(number(1)));
    else if (mode == "beacon") beacon(text(1));
    else if (mode == "limit") limit();
    else fail("usage: pair trip|wake|stream|idle|blocked|reconnect|limit ...");
}
