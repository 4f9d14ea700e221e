/* The C++ end of the Python module's trigger tests: answers each call "ping" with an event "pong", until the call "end".
 *
 *     rpc_end master|slave CHANNEL
 *
 * Says "open", and at the end how many handlers ran and how many triggers were missed. */
#include "eshm_rpc.h"

#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <mutex>

namespace {

struct End {
    EshmRpc* rpc;
    std::mutex mutex;
    std::condition_variable changed;
    bool over;
};

void answer(void* user) {
    if (eshm_rpc_emit(static_cast<End*>(user)->rpc, "pong") != ESHM_SUCCESS) std::fputs(eshm_rpc_get_last_error(), stderr);
}

void finish(void* user) {
    End* end = static_cast<End*>(user);
    const std::lock_guard<std::mutex> lock(end->mutex);
    end->over = true;
    end->changed.notify_one();
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    End end;
    end.over = false;
    end.rpc = eshm_rpc_create(argv[2], std::strcmp(argv[1], "master") == 0 ? ESHM_ROLE_MASTER : ESHM_ROLE_SLAVE);
    if (end.rpc == NULL) return 1;
    eshm_rpc_on_call(end.rpc, "ping", answer, &end);
    eshm_rpc_on_call(end.rpc, "end", finish, &end);
    if (eshm_rpc_start(end.rpc) != ESHM_SUCCESS) return 1;
    std::puts("open");
    std::fflush(stdout);
    {
        std::unique_lock<std::mutex> lock(end.mutex);
        while (!end.over) end.changed.wait(lock);
    }
    std::printf("(%llu, %llu)\n", (unsigned long long)eshm_rpc_dispatched(end.rpc), (unsigned long long)eshm_rpc_missed(end.rpc));
    std::fflush(stdout);
    eshm_rpc_destroy(end.rpc);
    return 0;
}
