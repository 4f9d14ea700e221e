// Sends 100,000 bytes to the other side in one message, gets them back in another and compares.
//
//   payload [NAME] [master|slave]
#include <eshm.hpp>

#include <algorithm>
#include <cstddef>
#include <iostream>
#include <stdexcept>
#include <string_view>
#include <vector>

using namespace std::chrono_literals;

int main(int argc, char** argv) try {
    std::vector<std::byte> picture(100000);
    for (std::size_t i = 0; i < picture.size(); i++) picture[i] = static_cast<std::byte>(i * i >> 3);

    // The creator's capacity counts: that of a keeper who is master may be another.
    const bool master = argc > 2 && std::string_view(argv[2]) == "master";
    eshm::Endpoint end(eshm::Options(argc > 1 ? argv[1] : "payload")
                           .role(master ? eshm::Role::master : eshm::Role::slave)
                           .capacity(picture.size()));
    end.write(picture); // throws if it is larger than the capacity
    std::cout << "sent " << picture.size() << " bytes in one message of up to " << end.capacity() << std::endl;

    const auto back = end.read(20s);
    if (!back) throw std::runtime_error("no answer");
    const bool same = std::equal(picture.begin(), picture.end(), back->data(), back->data() + back->size());
    std::cout << back->size() << " bytes came back " << (same ? "unchanged" : "CHANGED") << std::endl;
    return same ? 0 : 1;
} catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
    return 1;
}
