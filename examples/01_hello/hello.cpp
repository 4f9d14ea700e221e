// Two processes greet each other: whoever comes first is the master.
//
//   hello [NAME]
#include <eshm.hpp>

#include <iostream>
#include <string>
#include <unistd.h>

using namespace std::chrono_literals;

int main(int argc, char** argv) try {
    eshm::Endpoint end(argc > 1 ? argv[1] : "hello");
    const std::string role = end.role() == eshm::Role::master ? "master " : "slave ";
    const std::string greeting = role + std::to_string(getpid()) + " says hello from C++";

    // A message counts for those who are there when it is written, so it is repeated until the other has answered.
    std::optional<eshm::Message> heard;
    std::error_code unsent; // a slave cannot write once its master has left, content
    for (int i = 0; i < 200 && !heard; i++) {
        end.write(eshm::bytes_view::with_nul(greeting), unsent);
        heard = end.read(100ms);
    }
    end.write(eshm::bytes_view::with_nul(greeting), unsent);
    std::cout << (heard ? heard->text() : "nobody came") << std::endl;
    return heard ? 0 : 1;
} catch (const eshm::Error& error) {
    std::cerr << error.what() << std::endl;
    return 1;
}
