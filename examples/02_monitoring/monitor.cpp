// Watches the other end of a channel: whether it lives, its process, its heartbeat, and how many messages were written and
// read. Ends when the other end has left.
//
//   monitor [NAME] [master|slave]
#include <eshm.hpp>

#include <cstdint>
#include <iostream>
#include <string_view>
#include <thread>

using namespace std::chrono_literals;

int main(int argc, char** argv) try {
    const bool master = argc > 2 && std::string_view(argv[2]) == "master";
    eshm::Endpoint end(argc > 1 ? argv[1] : "monitoring", master ? eshm::Role::master : eshm::Role::slave);

    // Alive is not yet attached: a peer that never came counts as alive for the stale threshold, 100 ms.
    std::int32_t peer = 0;
    for (int i = 0; i < 2000 && peer == 0; i++) {
        const ESHMStats stats = end.stats();
        if (master ? stats.slave_alive : stats.master_alive) peer = master ? stats.slave_pid : stats.master_pid;
        std::this_thread::sleep_for(10ms);
    }
    if (peer == 0) throw std::runtime_error("nobody came");
    std::cout << "process " << peer << " is there" << std::endl;

    std::int32_t newest = 0;
    while (end.remote_alive()) {
        std::error_code none; // a slave has no statistics once its master has left
        const ESHMStats stats = end.stats(none);
        if (const auto value = end.read<std::int32_t>(0ms)) newest = *value;
        if (!none)
            std::cout << "alive, " << (master ? stats.slave_heartbeat_delta : stats.master_heartbeat_delta) << " heartbeats since, "
                      << (master ? stats.s2m_write_count : stats.m2s_write_count) << " values written, "
                      << (master ? stats.s2m_read_count : stats.m2s_read_count) << " read, the newest " << newest << std::endl;
        std::this_thread::sleep_for(100ms);
    }
    if (const auto value = end.read<std::int32_t>(0ms)) newest = *value; // what it wrote last stays readable
    std::cout << "process " << peer << " is gone; its last value was " << newest << std::endl;
    return 0;
} catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
    return 1;
}
