/* What C and C++ sources of earlier releases do with eshm.h alone and with data_handler_c_api.h; included by one of each language. */
#include "data_handler_c_api.h"
#include "eshm.h"

#include "check.h"

struct Monitor {
    int id;
    struct ESHMHeader header; /* embedded: begins at 64 */
};

static int run(void) {
    static struct ESHMData mapped;
    uint8_t copy[16], types[4];
    char key[4][8];
    char* keys[4] = {key[0], key[1], key[2], key[3]};
    void* values[4];
    int count = -1;
    mapped.master_to_slave.data[3] = 7;
    memcpy(copy, mapped.master_to_slave.data, sizeof copy);
    CHECK_EQ(copy[3], 7);
    CHECK_EQ(offsetof(struct Monitor, header), 64);
    CHECK_EQ(eshm_read_data(NULL, types, keys, 8, values, 4, &count, 0), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(count, 0);
    eshm_free_value(NULL, 0);
    DataHandlerHandle handler = dh_create();
    CHECK(handler != NULL);
    CHECK_EQ(dh_encode(handler, NULL, NULL, NULL, 0, copy, 1), -1);
    dh_destroy(handler);
    return 0;
}
