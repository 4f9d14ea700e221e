/* A program of libeshm's release 1.1: compiled with its header, linked to its libraries. Started twice with the same name, the
 * two exchange a record. Exit code 0 when the other's record was heard. */
#include "released.h"

#include <stdio.h>
#include <string.h>

#define RELEASED(library, result, name, parameters) result name parameters;
RELEASED_FUNCTIONS
#undef RELEASED

/* Every function is asked of the loader. */
typedef void (*Function)(void);
#define RELEASED(library, result, name, parameters) (Function) name,
static const volatile Function functions[] = {RELEASED_FUNCTIONS};

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        if (functions[i] == NULL) return 3;
    }
    const ESHMConfig config = {argv[1], 2, 1, 100, 5000, 100, 50, true, true};
    ESHMHandle* handle = eshm_init(&config);
    void* handler = dh_create();
    if (handle == NULL) return 1;

    const uint8_t type = 2;
    const double pi = 3.14159;
    const char* key = "pi";
    const void* value = &pi;
    uint8_t record[64], heard[4096];
    const int size = dh_encode(handler, &type, &key, &value, 1, record, sizeof record);

    size_t heard_size = 0;
    int rc = -10;
    for (int i = 0; i < 100 && rc == -10; i++) {
        eshm_write(handle, record, (size_t)size);
        rc = eshm_read_ex(handle, heard, sizeof heard, &heard_size, 100);
    }
    eshm_write(handle, record, (size_t)size);

    int role = -1;
    ESHMStats stats;
    memset(&stats, 0, sizeof stats);
    const bool passed = rc == 0 && heard_size == (size_t)size && memcmp(heard, record, heard_size) == 0 &&
                        eshm_get_role(handle, &role) == 0 && (role == 0 || role == 1) &&
                        strcmp(eshm_error_string(-10), "Operation timed out") == 0;
    /* The other may have gone by now, and the handle be detached. */
    if (eshm_get_stats(handle, &stats) == 0 && stats.stale_threshold != 100) return 4;
    printf("%s\n", passed ? "heard the record" : eshm_error_string(rc));
    dh_destroy(handler);
    eshm_destroy(handle);
    return passed ? 0 : 1;
}
