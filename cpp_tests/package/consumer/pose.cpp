// The peer of the README's program for C++17: hears its pose, and has another one echoed.
//
//   pose NAME
#include <eshm.hpp>

#include <cstdio>

struct Pose { double x, y, heading; };

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    constexpr auto patience = std::chrono::seconds(20);
    // Whoever comes first: a pose that was there before this process is the first to be read.
    eshm::Endpoint peer(eshm::Options(argv[1]).first_value(true));
    const auto greeting = peer.read<Pose>(patience);
    if (!greeting || greeting->x != 1.5 || greeting->heading != 0.25) {
        std::puts("no pose came, or another");
        return 1;
    }
    peer.write(Pose{7.0, 8.0, 9.0});
    const auto echo = peer.read<Pose>(patience);
    if (!echo || echo->x != 7.0 || echo->heading != 9.0) {
        std::puts("the pose did not come back");
        return 1;
    }
}
