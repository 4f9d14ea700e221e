/* Started twice with the same name, the two exchange a record: for the checks of an installed libeshm.
 * Exit code 0 when the other's record was heard. */
#include <data_handler_c_api.h>
#include <eshm.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whether the message is the record that both send. */
static bool is_record(void* handler, const uint8_t* message, int size) {
    uint8_t type;
    char key[16];
    char* keys[] = {key};
    void* value = NULL;
    if (dh_decode(handler, message, size, &type, keys, sizeof key, &value, 1) != 1) return false;
    const bool same = type == 0 && strcmp(key, "count") == 0 && *(int64_t*)value == -42;
    dh_free_value(type, value);
    return same;
}

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    const ESHMConfig config = eshm_default_config(argv[1]);
    ESHMHandle* handle = eshm_init(&config);
    void* handler = dh_create();
    if (handle == NULL) return 1;

    const uint8_t type = 0;
    const int64_t count = -42;
    const char* key = "count";
    const void* value = &count;
    uint8_t record[64], heard[ESHM_MAX_DATA_SIZE];
    const int size = dh_encode(handler, &type, &key, &value, 1, record, sizeof record);

    /* A message counts for those who are there when it is written, so it is repeated until the other has answered. */
    size_t heard_size = 0;
    int rc = ESHM_ERROR_TIMEOUT;
    for (int i = 0; i < 100 && rc == ESHM_ERROR_TIMEOUT; i++) {
        eshm_write(handle, record, (size_t)size);
        rc = eshm_read_ex(handle, heard, sizeof heard, &heard_size, 100);
    }
    eshm_write(handle, record, (size_t)size);
    const bool passed = rc == ESHM_SUCCESS && is_record(handler, heard, (int)heard_size);
    printf("%s\n", passed ? "heard the record" : eshm_error_string(rc));
    dh_destroy(handler);
    eshm_destroy(handle);
    return passed ? 0 : 1;
}
