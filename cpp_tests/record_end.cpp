/* The C++ end of scripts/test_records.py: exchanges one record of all five scalar types each way.
 *
 *     record_end master|slave NAME
 *
 * Says "open"; the master then waits for a line on standard input. Ends with "ok" and where the peer's record came from. */
#include "eshm_data_api.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            std::fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition, eshm_data_get_last_error()); \
            std::exit(1); \
        } \
    } while (0)

namespace {

enum { ITEMS = 9, KEY = 16 };
const uint8_t TYPES[ITEMS] = {0, 0, 1, 1, 2, 2, 3, 4, 3};
const char* KEYS[ITEMS] = {"i", "least", "b", "c", "r", "e", "s", "x", "from"};
const int64_t I = -129, LEAST = INT64_MIN;
const bool B = true, C = false;
const double R = -0.0, E = 1e-300;
const char* const S = "h\xC3\xA9llo \xE2\x9C\x93";
uint8_t OCTETS[] = {0, 1, 255};
const ESHMBinary X = {OCTETS, sizeof OCTETS};

void write_record(ESHMHandle* handle) {
    const void* values[ITEMS] = {&I, &LEAST, &B, &C, &R, &E, S, &X, "cpp"};
    CHECK(eshm_write_data(handle, TYPES, KEYS, values, ITEMS) > 0);
}

std::string read_record(ESHMHandle* handle) {
    uint8_t types[ITEMS];
    char keys[ITEMS][KEY];
    char* key_pointers[ITEMS];
    void* values[ITEMS];
    for (int i = 0; i < ITEMS; i++) key_pointers[i] = keys[i];
    int count = 0;
    CHECK(eshm_read_data(handle, types, key_pointers, KEY, values, ITEMS, &count, 20000) == ESHM_SUCCESS);
    CHECK(count == ITEMS);
    CHECK(std::memcmp(types, TYPES, ITEMS) == 0);
    for (int i = 0; i < ITEMS; i++) CHECK(std::strcmp(keys[i], KEYS[i]) == 0);
    CHECK(*static_cast<int64_t*>(values[0]) == I);
    CHECK(*static_cast<int64_t*>(values[1]) == LEAST);
    CHECK(*static_cast<bool*>(values[2]) == B);
    CHECK(*static_cast<bool*>(values[3]) == C);
    CHECK(*static_cast<double*>(values[4]) == 0.0 && std::signbit(*static_cast<double*>(values[4])));
    CHECK(*static_cast<double*>(values[5]) == E);
    CHECK(std::strcmp(static_cast<char*>(values[6]), S) == 0);
    const ESHMBinary* octets = static_cast<ESHMBinary*>(values[7]);
    CHECK(octets->len == X.len && std::memcmp(octets->data, X.data, X.len) == 0);
    const std::string from = static_cast<char*>(values[8]);
    for (int i = 0; i < ITEMS; i++) eshm_free_value(values[i], types[i]);
    return from;
}

void await_line() {
    int c;
    do c = std::getchar();
    while (c != '\n' && c != EOF);
}

} // namespace

int main(int argc, char** argv) {
    CHECK(argc == 3);
    const bool is_master = std::strcmp(argv[1], "master") == 0;
    ESHMConfig config = eshm_default_config(argv[2]);
    config.role = is_master ? ESHM_ROLE_MASTER : ESHM_ROLE_SLAVE;
    ESHMHandle* handle = eshm_init(&config);
    CHECK(handle != NULL);
    std::puts("open");
    std::fflush(stdout);

    if (is_master) {
        await_line();
        write_record(handle);
    }
    const std::string from = read_record(handle);
    if (!is_master) write_record(handle);
    std::printf("ok %s\n", from.c_str());
    std::fflush(stdout);
    if (!is_master) await_line(); /* what it wrote is read by then */
    eshm_destroy(handle);
}
