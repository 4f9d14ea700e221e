// Sends 100 frames a second, each with a checksum, to a viewer that takes those it has time for.
//
//   camera [NAME] [master|slave] [WIDTH HEIGHT [FRAMES]]
#include <eshm.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

// As the Python side has it; three bytes for each pixel follow.
struct Head {
    std::uint64_t number; // from 1 on
    std::uint64_t left;   // frames still to come
    std::uint32_t width, height;
    std::uint32_t checksum; // Adler-32 of the pixels, as zlib has it
    std::uint32_t reserved;
};
static_assert(sizeof(Head) == 32);

// The viewer's answer to a frame.
struct Seen {
    std::uint64_t number; // 0: none yet, but the viewer is there
    std::uint64_t frames; // how many it saw
};

static std::uint32_t adler32(const std::uint8_t* bytes, std::size_t size) {
    std::uint32_t low = 1, high = 0;
    while (size > 0) {
        const std::size_t part = std::min<std::size_t>(size, 5552); // so many do not overflow 32 bits
        for (std::size_t i = 0; i < part; i++) high += low += bytes[i];
        low %= 65521, high %= 65521;
        bytes += part, size -= part;
    }
    return high << 16 | low;
}

// Rings that run outwards from the middle.
static void expose(std::uint8_t* pixels, const Head& head) {
    for (std::uint32_t y = 0; y < head.height; y++) {
        for (std::uint32_t x = 0; x < head.width; x++) {
            const std::uint32_t right = x - head.width / 2, down = y - head.height / 2; // modulo 2^32, as their squares
            const auto ring = static_cast<std::uint8_t>((right * right + down * down) / 16 - head.number * 4);
            *pixels++ = ring;
            *pixels++ = static_cast<std::uint8_t>(ring / 2);
            *pixels++ = static_cast<std::uint8_t>(~ring);
        }
    }
}

int main(int argc, char** argv) try {
    const auto number = [&](int index, unsigned long otherwise) {
        return argc > index ? std::strtoul(argv[index], nullptr, 10) : otherwise;
    };
    const bool master = argc > 2 && std::string_view(argv[2]) == "master";
    const std::uint64_t frames = number(5, 200);
    Head head{0, frames, static_cast<std::uint32_t>(number(3, 640)), static_cast<std::uint32_t>(number(4, 480)), 0, 0};
    const std::size_t size = std::size_t{head.width} * head.height * 3;

    eshm::Endpoint end(eshm::Options(argc > 1 ? argv[1] : "camera")
                           .role(master ? eshm::Role::master : eshm::Role::slave)
                           .stale_threshold(2s) // of whichever end creates: a busy machine may hold it up for longer than 100 ms
                           .capacity(sizeof head + size)
                           .exact_capacity(true)); // a slave of a master with less room has no use for it
    auto seen = end.read<Seen>(20s);
    if (!seen) throw std::runtime_error("no viewer came");

    std::vector<std::uint8_t> frame(sizeof head + size);
    auto due = std::chrono::steady_clock::now();
    while (head.left > 0) {
        head.number++;
        head.left--;
        expose(frame.data() + sizeof head, head);
        head.checksum = adler32(frame.data() + sizeof head, size);
        std::memcpy(frame.data(), &head, sizeof head);
        std::this_thread::sleep_until(due += 10ms);
        end.write(frame);
    }

    // The last stays readable; the viewer says when it has it.
    std::error_code lost; // a viewer that is master may have left by then, content
    while (seen->number < frames) {
        const auto more = end.read<Seen>(20s, lost);
        if (!more) throw std::runtime_error("the viewer has not seen the last frame");
        seen = more;
    }
    std::cout << "sent " << frames << " frames of " << size << " bytes; the viewer saw " << seen->frames << std::endl;
    return 0;
} catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
    return 1;
}
