// What consumer.c does, from C++17 with the C++ headers.
#include <data_handler.h>
#include <eshm.hpp>

#include <cstdint>
#include <cstdio>
#include <variant>
#include <vector>

using shm_protocol::DataHandler;

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    const eshm::Endpoint end(argv[1]);
    ESHMHandle* handle = end.handle();

    DataHandler handler;
    const std::vector<uint8_t> record = handler.encodeDataBuffer({DataHandler::createInteger("count", -42)});

    std::vector<uint8_t> heard(ESHM_MAX_DATA_SIZE);
    size_t heard_size = 0;
    int rc = ESHM_ERROR_TIMEOUT;
    for (int i = 0; i < 100 && rc == ESHM_ERROR_TIMEOUT; i++) {
        eshm_write(handle, record.data(), record.size());
        rc = eshm_read_ex(handle, heard.data(), heard.size(), &heard_size, 100);
    }
    eshm_write(handle, record.data(), record.size());
    heard.resize(heard_size);

    bool passed = false;
    if (rc == ESHM_SUCCESS) {
        const auto items = handler.decodeDataBuffer(heard);
        passed = items.size() == 1 && items[0].key == "count" && std::get<int64_t>(items[0].value) == -42;
    }
    std::printf("%s\n", passed ? "heard the record" : eshm_error_string(rc));
    return passed ? 0 : 1;
}
