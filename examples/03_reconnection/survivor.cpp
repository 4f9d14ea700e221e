// Talks to a peer that is killed and started again, and outlives it: acknowledges each message until "end" comes.
//
//   survivor [NAME] [master|slave]
#include <eshm.hpp>

#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>

using namespace std::chrono_literals;

int main(int argc, char** argv) try {
    const bool master = argc > 2 && std::string_view(argv[2]) == "master";
    eshm::Endpoint end(eshm::Options(argc > 1 ? argv[1] : "reconnection")
                           .role(master ? eshm::Role::master : eshm::Role::slave)
                           .max_reconnect_attempts(0) // no limit: however long the other side is away
                           .reconnect_retry_interval(10ms));
    std::string last;
    for (bool heard = true; heard;) {
        heard = false;
        // Ends when the peer is gone, and when nothing has come for so long.
        for (const eshm::Message& message : end.values(20s)) {
            // A slave between two masters cannot write; the other side asks again.
            std::error_code unsent;
            end.write(message, unsent);
            if (message.text() == "end") {
                std::cout << "the other side says it is done" << std::endl;
                return 0;
            }
            heard = true;
            if (message.text() == last) continue; // asked again
            last = message.text();
            std::cout << last << std::endl;
        }
        if (!end.remote_alive()) std::cout << "the other side is gone; waiting for it" << std::endl;
    }
    throw std::runtime_error("nothing came for 20 s");
} catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
    return 1;
}
