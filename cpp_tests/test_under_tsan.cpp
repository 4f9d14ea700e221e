// A C++ program under ThreadSanitizer that uses libeshm, which is not built for it: two threads share each handle, values and
// plain memory go from thread to thread by way of a channel, a handler runs on the library's thread, handles end under reads.
#include "check.h"
#include "endpoint.h"
#include "eshm_rpc.h"

#include <string>
#include <thread>
#include <vector>

// What orders two threads within libeshm, where the sanitizer does not see it: said before the call and after.
#if defined(__SANITIZE_THREAD__)
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
static void before_a_message(void* handle) { __tsan_release(handle); }
static void after_a_message(void* handle) { __tsan_acquire(handle); }
#else
static void before_a_message(void*) {}
static void after_a_message(void*) {}
#endif

static std::vector<std::string> texts(200);
static int runs; // of a handler

struct Ends {
    ESHMHandle *master, *slave;
};

static Ends open_both(const char* name) {
    ESHMHandle* master = open_as(name, ESHM_ROLE_MASTER);
    return {master, open_as(name, ESHM_ROLE_SLAVE)};
}

// What `send` wrote to plain memory before a message, `take` may read after it: the channel orders the two.
static void a_message_orders_what_is_around_it() {
    const Ends ends = open_both(segment_name("tsan_order"));
    std::thread send([&] {
        for (uint32_t at = 0; at < texts.size(); at++) {
            texts[at] = "text " + std::to_string(at);
            before_a_message(ends.master);
            CHECK_EQ(eshm_write(ends.master, &at, sizeof at), ESHM_SUCCESS);
            uint32_t taken = 0;
            CHECK_EQ(eshm_read_ex(ends.master, &taken, sizeof taken, nullptr, PATIENCE_MS), ESHM_SUCCESS);
            CHECK_EQ(taken, at);
        }
    });
    for (size_t count = 0; count < texts.size(); count++) {
        uint32_t at = 0;
        CHECK_EQ(eshm_read_ex(ends.slave, &at, sizeof at, nullptr, PATIENCE_MS), ESHM_SUCCESS);
        after_a_message(ends.master);
        CHECK(texts.at(at) == "text " + std::to_string(at));
        CHECK_EQ(eshm_write(ends.slave, &at, sizeof at), ESHM_SUCCESS);
    }
    send.join();
    close_end(ends.slave);
    close_end(ends.master);
}

static void threads_share_a_handle() {
    const Ends ends = open_both(segment_name("tsan_shared"));
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; i++) {
        threads.emplace_back([&] {
            for (int round = 0; round < 2000; round++) {
                char buffer[300] = {};
                CHECK_EQ(eshm_write(ends.master, buffer, sizeof buffer), ESHM_SUCCESS);
                (void)eshm_read_ex(ends.slave, buffer, sizeof buffer, nullptr, round % 2);
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    close_end(ends.slave);
    close_end(ends.master);
}

static void a_handler_runs_on_the_librarys_thread() {
    const std::string name = segment_name("tsan_rpc");
    segment_adopt((name + "_ctl").c_str());
    EshmRpc* robot = eshm_rpc_create(name.c_str(), ESHM_ROLE_MASTER);
    EshmRpc* panel = eshm_rpc_create(name.c_str(), ESHM_ROLE_SLAVE);
    CHECK(robot != nullptr && panel != nullptr);
    const auto count = [](void* rpc) {
        runs++;
        before_a_message(rpc);
    };
    CHECK_EQ(eshm_rpc_on_call(robot, "count", count, robot), ESHM_SUCCESS);
    CHECK_EQ(eshm_rpc_start(robot), ESHM_SUCCESS);
    while (eshm_rpc_dispatched(robot) < 20) CHECK_EQ(eshm_rpc_call(panel, "count"), ESHM_SUCCESS);
    CHECK_EQ(eshm_rpc_stop(robot), ESHM_SUCCESS);
    after_a_message(robot);
    CHECK(runs >= 20);
    eshm_rpc_destroy(panel);
    eshm_rpc_destroy(robot);
}

static void handles_end_under_reads() {
    for (int round = 0; round < 20; round++) {
        const std::string name = segment_name("tsan_end");
        const Ends ends = open_both(name.c_str());
        const int file = open(("/dev/shm/eshm_" + name).c_str(), O_RDONLY);
        void* memory = mmap(nullptr, sizeof(ESHMData), PROT_READ, MAP_SHARED, file, 0);
        CHECK(memory != MAP_FAILED);
        close(file);
        std::thread reader([&] {
            char buffer[64];
            CHECK_EQ(eshm_read_ex(ends.slave, buffer, sizeof buffer, nullptr, ESHM_TIMEOUT_INFINITE), ESHM_ERROR_NOT_INITIALIZED);
        });
        CHECK_WITHIN(PATIENCE_MS, static_cast<ESHMData*>(memory)->master_to_slave.waiters != 0); // it waits
        close_end(ends.slave);
        reader.join();
        close_end(ends.master);
        munmap(memory, sizeof(ESHMData));
    }
}

int main(int argc, char**) {
    RUN(a_message_orders_what_is_around_it);
    RUN(threads_share_a_handle);
    RUN(a_handler_runs_on_the_librarys_thread);
    RUN(handles_end_under_reads);
    static int unguarded = 0;
    if (argc > 1) { // a race of the program's own, which must be reported
        std::thread other([] { unguarded++; });
        unguarded++;
        other.join();
    }
    printf("ok\n");
    return 0;
}
