// Sends more than one message can hold to the other side in messages of full size, fetches it back and compares.
//
//   payload [NAME] [master|slave]
//
// A channel has one slot a direction, so pieces go one at a time: each is a request, repeated until its answer has come.
#include <eshm.hpp>

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <stdexcept>
#include <string_view>
#include <vector>

using namespace std::chrono_literals;

// As the Python side has it: three numbers, then bytes.
struct Chunk {
    std::uint32_t index; // 0 to count - 1: take it; count to 2 * count - 1: give it back
    std::uint32_t count;
    std::uint32_t size;
    std::uint8_t bytes[ESHM_MAX_DATA_SIZE - 12];
};
static_assert(sizeof(Chunk) == ESHM_MAX_DATA_SIZE);

static Chunk ask(eshm::Endpoint& end, const Chunk& request) {
    for (int i = 0; i < 200; i++) {
        std::error_code unsent; // a slave cannot write once its master has left, having answered
        end.write(request, unsent);
        const auto answer = end.read<Chunk>(100ms);
        if (answer && answer->index == request.index) return *answer;
    }
    throw std::runtime_error("no answer");
}

int main(int argc, char** argv) try {
    const bool master = argc > 2 && std::string_view(argv[2]) == "master";
    eshm::Endpoint end(argc > 1 ? argv[1] : "payload", master ? eshm::Role::master : eshm::Role::slave);

    std::vector<std::uint8_t> picture(100000);
    for (std::size_t i = 0; i < picture.size(); i++) picture[i] = static_cast<std::uint8_t>(i * i >> 3);
    const std::size_t room = sizeof Chunk::bytes;
    const auto count = static_cast<std::uint32_t>((picture.size() + room - 1) / room);

    for (std::uint32_t index = 0; index < count; index++) {
        const std::size_t begin = index * room, size = std::min(room, picture.size() - begin);
        Chunk chunk{index, count, static_cast<std::uint32_t>(size), {}};
        std::copy_n(picture.begin() + static_cast<std::ptrdiff_t>(begin), size, chunk.bytes);
        ask(end, chunk);
    }
    std::cout << "sent " << picture.size() << " bytes in " << count << " messages of " << sizeof(Chunk) << std::endl;

    std::vector<std::uint8_t> back;
    for (std::uint32_t index = count; index < 2 * count; index++) {
        const Chunk chunk = ask(end, {index, count, 0, {}});
        back.insert(back.end(), chunk.bytes, chunk.bytes + std::min<std::size_t>(chunk.size, room));
    }
    std::cout << back.size() << " bytes came back " << (back == picture ? "unchanged" : "CHANGED") << std::endl;
    return back == picture ? 0 : 1;
} catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
    return 1;
}
