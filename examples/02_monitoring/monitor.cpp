// Watches the other end of a channel: whether it lives, its process, its heartbeat, and how many messages were written and
// read. Ends when the other end has left.
//
//   monitor [NAME] [master|slave]
#include <eshm.hpp>

#include <cstdint>
#include <iostream>
#include <stdexcept>
#include <string_view>
#include <thread>

using namespace std::chrono_literals;

// What the statistics say of the other end.
struct Peer {
    std::int32_t pid;
    bool attached;
    std::uint64_t heartbeats, since, written, read;
};

static Peer peer_of(const ESHMStats& s, bool of_master) {
    if (of_master)
        return {s.slave_pid, s.slave_alive, s.slave_heartbeat, s.slave_heartbeat_delta, s.s2m_write_count, s.s2m_read_count};
    return {s.master_pid, s.master_alive, s.master_heartbeat, s.master_heartbeat_delta, s.m2s_write_count, s.m2s_read_count};
}

int main(int argc, char** argv) try {
    const bool master = argc > 2 && std::string_view(argv[2]) == "master";
    // The creator's threshold counts, so both ends ask for the same: a busy machine may hold either up for longer than 100 ms.
    eshm::Endpoint end(eshm::Options(argc > 1 ? argv[1] : "monitoring")
                           .role(master ? eshm::Role::master : eshm::Role::slave)
                           .stale_threshold(2s));

    // Alive alone is not yet there: a peer that never came counts as alive for the stale threshold.
    Peer peer = peer_of(end.stats(), master);
    for (int i = 0; i < 2000 && !(peer.attached && peer.heartbeats > 0 && end.remote_alive()); i++) {
        std::this_thread::sleep_for(10ms);
        peer = peer_of(end.stats(), master);
    }
    if (!peer.attached) throw std::runtime_error("nobody came");
    std::cout << "process " << peer.pid << " is there" << std::endl;

    std::int32_t newest = 0;
    while (end.remote_alive()) {
        if (const auto value = end.read<std::int32_t>(0ms)) newest = *value;
        std::error_code detached; // a slave has no statistics once its master has left
        const ESHMStats stats = end.stats(detached);
        if (detached) break;
        peer = peer_of(stats, master);
        std::cout << "alive, " << peer.since << " heartbeats since, " << peer.written << " values written, " << peer.read
                  << " read, the newest " << newest << std::endl;
        std::this_thread::sleep_for(100ms);
    }
    if (const auto value = end.read<std::int32_t>(0ms)) newest = *value; // what it wrote last stays readable
    std::cout << "process " << peer.pid << " is gone; its last value was " << newest << std::endl;
    return 0;
} catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
    return 1;
}
