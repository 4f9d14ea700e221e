/* What encoding and decoding a record of ten fields costs in C, in nanoseconds a call: the typed row of eshm_record.h, and the
 * arrays of data_handler_c_api.h, whose values are allocated. Prints "NAME ENCODE DECODE" for each.
 * usage: records CALLS */
#include "data_handler_c_api.h"
#include "eshm_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FIELDS = 10, ROOM = 512 };

static const char* keys[FIELDS] = {"x", "y", "z", "temperature", "step", "time_ns", "faults", "enabled", "status", "mode"};
static const double reals[] = {0.25, -1.5, 3.0625, 23.5};
static const int64_t integers[] = {42, 1790000000000000000, -7};
static const bool enabled = true;
static const char* const texts[] = {"OK", "following the path"};

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e9 + time.tv_nsec;
}

static void need(bool holds, const char* what) {
    if (!holds) {
        fprintf(stderr, "%s: %s\n", what, eshm_data_get_last_error());
        exit(1);
    }
}

static void fields(long calls) {
    ESHMRecordField row[FIELDS], back[FIELDS];
    memset(row, 0, sizeof row);
    for (int i = 0; i < FIELDS; i++) {
        row[i].key = keys[i];
        row[i].key_size = strlen(keys[i]);
        if (i < 4) {
            row[i].field_type = ESHM_TYPE_REAL;
            row[i].real = reals[i];
        } else if (i < 7) {
            row[i].field_type = ESHM_TYPE_INTEGER;
            row[i].integer = integers[i - 4];
        } else if (i == 7) {
            row[i].field_type = ESHM_TYPE_BOOLEAN;
            row[i].integer = enabled;
        } else {
            row[i].field_type = ESHM_TYPE_STRING;
            row[i].data = texts[i - 8];
            row[i].size = strlen(texts[i - 8]);
        }
    }
    uint8_t bytes[ROOM];
    size_t size = 0, count = 0;
    double start = now();
    for (long i = 0; i < calls; i++) need(eshm_record_encode(row, FIELDS, bytes, ROOM, &size) == ESHM_SUCCESS, "encode");
    const double encode = now() - start;
    start = now();
    for (long i = 0; i < calls; i++) need(eshm_record_decode(bytes, size, back, FIELDS, &count) == ESHM_SUCCESS, "decode");
    const double decode = now() - start;
    need(count == FIELDS && back[3].real == reals[3], "what was written");
    printf("eshm_record %.1f %.1f\n", encode / calls, decode / calls);
}

static void arrays(long calls) {
    uint8_t types[FIELDS], out_types[FIELDS], bytes[ROOM];
    const void* values[FIELDS];
    char room[FIELDS][32], *out_keys[FIELDS];
    void* out[FIELDS];
    for (int i = 0; i < FIELDS; i++) {
        types[i] = i < 4 ? ESHM_TYPE_REAL : i < 7 ? ESHM_TYPE_INTEGER : i == 7 ? ESHM_TYPE_BOOLEAN : ESHM_TYPE_STRING;
        values[i] = i < 4 ? (const void*)&reals[i] : i < 7 ? (const void*)&integers[i - 4] : i == 7 ? (const void*)&enabled : texts[i - 8];
        out_keys[i] = room[i];
    }
    void* handler = dh_create();
    int size = 0;
    double start = now();
    for (long i = 0; i < calls; i++) need((size = dh_encode(handler, types, keys, values, FIELDS, bytes, ROOM)) > 0, "dh_encode");
    const double encode = now() - start;
    start = now();
    for (long i = 0; i < calls; i++) {
        need(dh_decode(handler, bytes, size, out_types, out_keys, 32, out, FIELDS) == FIELDS, "dh_decode");
        for (int j = 0; j < FIELDS; j++) dh_free_value(out_types[j], out[j]);
    }
    const double decode = now() - start;
    dh_destroy(handler);
    printf("dh %.1f %.1f\n", encode / calls, decode / calls);
}

int main(int argc, char** argv) {
    const long calls = argc > 1 ? atol(argv[1]) : 100000;
    fields(calls);
    arrays(calls);
    return 0;
}
