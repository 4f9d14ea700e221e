/* Records in C: what the functions take and refuse, and that nothing is half handed out. */
#include "check.h"
#include "data_handler_c_api.h"
#include "endpoint.h"
#include "eshm_record.h"
#include "vectors.h"

#include <math.h>
#include <pthread.h>

/* Room for what is read. */
struct Slots {
    uint8_t types[8];
    char text[8][16];
    char* keys[8];
    void* values[8];
};

static void prepare(struct Slots* slots) {
    memset(slots, 0x55, sizeof *slots);
    for (int i = 0; i < 8; i++) slots->keys[i] = slots->text[i];
}

/* Nothing was written to any of the values. */
static void check_untouched(const struct Slots* slots) {
    struct Slots fresh;
    prepare(&fresh);
    CHECK_EQ(memcmp(slots->values, fresh.values, sizeof fresh.values), 0);
}

static int decode(void* handler, const uint8_t* bytes, int size, struct Slots* slots, int max_key, int max) {
    prepare(slots);
    return dh_decode(handler, bytes, size, slots->types, slots->keys, max_key, slots->values, max);
}

static int64_t whole = -129;
static bool flag = true;
static double real = 23.5;
static uint8_t octets[] = {1, 2, 255};
static ESHMBinary binary = {octets, sizeof octets};
static uint8_t types[] = {ESHM_TYPE_INTEGER, ESHM_TYPE_BOOLEAN, ESHM_TYPE_REAL, ESHM_TYPE_STRING, ESHM_TYPE_BINARY};
static const char* keys[] = {"i", "b", "r", "s", "x"};
static const void* values[] = {&whole, &flag, &real, "OK", &binary};

static void all_scalars_there_and_back(void) {
    void* handler = dh_create();
    CHECK(handler != NULL);
    uint8_t bytes[256];
    const int size = dh_encode(handler, types, keys, values, 5, bytes, sizeof bytes);
    CHECK_EQ(size, 81);
    CHECK_EQ(dh_encode(handler, types, keys, values, 5, bytes, size), size);
    CHECK_EQ(dh_encode(handler, types, keys, values, 5, bytes, size - 1), -1);
    CHECK_TEXT(dh_get_last_error(), "record of 81 bytes: does not fit");

    struct Slots slots;
    CHECK_EQ(dh_encode(handler, types, keys, values, 5, bytes, sizeof bytes), size);
    CHECK_EQ(decode(handler, bytes, size, &slots, 16, 8), 5);
    for (int i = 0; i < 5; i++) {
        CHECK_EQ(slots.types[i], types[i]);
        CHECK_TEXT(slots.keys[i], keys[i]);
    }
    CHECK_EQ(*(int64_t*)slots.values[0], whole);
    CHECK_EQ(*(bool*)slots.values[1], true);
    CHECK(*(double*)slots.values[2] == real);
    CHECK_TEXT((char*)slots.values[3], "OK");
    const ESHMBinary* got = slots.values[4];
    CHECK_EQ(got->len, sizeof octets);
    CHECK_EQ(memcmp(got->data, octets, sizeof octets), 0);
    for (int i = 0; i < 3; i++) free(slots.values[i]); /* as existing programs do */
    eshm_free_value(slots.values[3], slots.types[3]);
    eshm_data_free_value(slots.types[4], slots.values[4]);
    dh_free_value(ESHM_TYPE_STRING, NULL);
    dh_destroy(handler);
}

static void limits_are_exact(void) {
    void* handler = dh_create();
    uint8_t bytes[256];
    struct Slots slots;
    CHECK_EQ(dh_encode(handler, NULL, NULL, NULL, 0, bytes, sizeof bytes), 24);
    CHECK_EQ(dh_decode(handler, bytes, 24, NULL, NULL, 0, NULL, 0), 0);
    CHECK_EQ(decode(handler, bytes, 24, &slots, 16, 8), 0);

    const char* long_keys[] = {"h\xC3\xA9llo w\xC3\xB6rld and more", ""};
    const int size = dh_encode(handler, types, long_keys, values, 2, bytes, sizeof bytes);
    CHECK(size > 0);
    CHECK_EQ(decode(handler, bytes, size, &slots, 16, 1), -1); /* too many */
    CHECK_TEXT(dh_get_last_error(), "record of 2 items: room for 1 only");
    check_untouched(&slots);
    CHECK_EQ(decode(handler, bytes, size, &slots, 16, 2), 2);
    CHECK_TEXT(slots.keys[0], "h\xC3\xA9llo w\xC3\xB6rld a"); /* 15 bytes and the NUL */
    CHECK_TEXT(slots.keys[1], "");
    for (int i = 0; i < 2; i++) dh_free_value(slots.types[i], slots.values[i]);
    CHECK_EQ(decode(handler, bytes, size, &slots, 3, 2), 2);
    CHECK_TEXT(slots.keys[0], "h"); /* not half of the next */
    CHECK_EQ(slots.text[0][3], 0x55);
    for (int i = 0; i < 2; i++) dh_free_value(slots.types[i], slots.values[i]);
    CHECK_EQ(decode(handler, bytes, size, &slots, 1, 2), 2);
    CHECK_TEXT(slots.keys[0], "");
    for (int i = 0; i < 2; i++) dh_free_value(slots.types[i], slots.values[i]);
    CHECK_EQ(decode(handler, bytes, size, &slots, 0, 2), -1);

    /* Every part of a record is none. */
    for (int part = 0; part < size; part++) {
        CHECK_EQ(decode(handler, bytes, part, &slots, 16, 8), -1);
        check_untouched(&slots);
    }
    /* The values before the bad one are not handed out either. */
    bytes[size - 1] = 1, bytes[size - 2] = 0x7F;
    CHECK_EQ(decode(handler, bytes, size, &slots, 16, 8), -1);
    check_untouched(&slots);
    dh_destroy(handler);
}

static void what_is_refused(void) {
    void* handler = dh_create();
    uint8_t bytes[256];
    CHECK_EQ(dh_encode(NULL, types, keys, values, 1, bytes, sizeof bytes), -1);
    CHECK_EQ(dh_encode(handler, NULL, keys, values, 1, bytes, sizeof bytes), -1);
    CHECK_EQ(dh_encode(handler, types, NULL, values, 1, bytes, sizeof bytes), -1);
    CHECK_EQ(dh_encode(handler, types, keys, NULL, 1, bytes, sizeof bytes), -1);
    CHECK_EQ(dh_encode(handler, types, keys, values, -1, bytes, sizeof bytes), -1);
    CHECK_EQ(dh_encode(handler, types, keys, values, 1, NULL, sizeof bytes), -1);
    CHECK_EQ(dh_encode(handler, types, keys, values, 1, bytes, -1), -1);
    CHECK_TEXT(dh_get_last_error(), "an argument is NULL or negative");
    const char* null_key[] = {"a", NULL};
    const void* null_value[] = {&whole, NULL};
    CHECK_EQ(dh_encode(handler, types, null_key, values, 2, bytes, sizeof bytes), -1);
    CHECK_TEXT(dh_get_last_error(), "record: a NULL for a key or a value (at 1)");
    CHECK_EQ(dh_encode(handler, types, keys, null_value, 2, bytes, sizeof bytes), -1);
    const ESHMBinary hollow = {NULL, 3}, empty = {NULL, 0};
    const uint8_t binary_type[] = {ESHM_TYPE_BINARY};
    const void* bad[] = {&hollow};
    CHECK_EQ(dh_encode(handler, binary_type, keys, bad, 1, bytes, sizeof bytes), -1);
    bad[0] = &empty;
    CHECK_EQ(dh_encode(handler, binary_type, keys, bad, 1, bytes, sizeof bytes), 32);
    struct Slots slots;
    CHECK_EQ(decode(handler, bytes, 31, &slots, 16, 8), -1); /* cut off by one */
    for (uint8_t type = ESHM_TYPE_EVENT; type != 4; type++) { /* 5 to 255 and 0 to 3 */
        const uint8_t one[] = {type};
        if (type <= 3) continue;
        CHECK_EQ(dh_encode(handler, one, keys, values, 1, bytes, sizeof bytes), -1);
        CHECK_TEXT(dh_get_last_error(), type <= 7 ? "record: a type these functions do not carry: event, function call or image frame (at 0)"
                                                  : "record: an unknown type (at 0)");
    }

    const int size = dh_encode(handler, types, keys, values, 2, bytes, sizeof bytes);
    prepare(&slots);
    slots.keys[1] = NULL;
    CHECK_EQ(dh_decode(handler, bytes, size, slots.types, slots.keys, 16, slots.values, 8), -1);
    check_untouched(&slots);
    CHECK_EQ(dh_decode(NULL, bytes, size, slots.types, slots.keys, 16, slots.values, 8), -1);
    CHECK_EQ(dh_decode(handler, NULL, size, slots.types, slots.keys, 16, slots.values, 8), -1);
    CHECK_EQ(dh_decode(handler, bytes, -1, slots.types, slots.keys, 16, slots.values, 8), -1);
    CHECK_EQ(dh_decode(handler, bytes, size, NULL, slots.keys, 16, slots.values, 8), -1);
    CHECK_EQ(dh_decode(handler, bytes, size, slots.types, NULL, 16, slots.values, 8), -1);
    CHECK_EQ(dh_decode(handler, bytes, size, slots.types, slots.keys, 16, NULL, 8), -1);
    CHECK_EQ(dh_decode(handler, bytes, size, slots.types, slots.keys, 16, slots.values, -1), -1);
    dh_destroy(handler);
}

/* Keys and texts are bytes, and what follows a record in the buffer is none of it: programs pass their whole buffer. */
static void any_bytes_and_a_whole_buffer(void) {
    void* handler = dh_create();
    const uint8_t types[] = {ESHM_TYPE_STRING};
    const char* keys[] = {"caf\xE9"};
    const void* values[] = {"\xFF\xC3"};
    uint8_t bytes[512];
    memset(bytes, 0xEE, sizeof bytes);
    const int size = dh_encode(handler, types, keys, values, 1, bytes, sizeof bytes);
    CHECK(size > 0);
    struct Slots slots;
    CHECK_EQ(decode(handler, bytes, sizeof bytes, &slots, 16, 8), 1);
    CHECK_TEXT(slots.keys[0], "caf\xE9");
    CHECK_TEXT((const char*)slots.values[0], "\xFF\xC3");
    dh_free_value(slots.types[0], slots.values[0]);
    ESHMRecordField fields[2];
    size_t count;
    CHECK_EQ(eshm_record_decode(bytes, (size_t)size, fields, 2, &count), ESHM_ERROR_INVALID_PARAM); /* the strict one */
    /* Over a channel too. */
    char name[64];
    snprintf(name, sizeof name, "records_any_%d", (int)getpid());
    ESHMConfig config = eshm_default_config(name);
    config.role = ESHM_ROLE_MASTER;
    ESHMHandle* master = eshm_init(&config);
    config.role = ESHM_ROLE_SLAVE;
    ESHMHandle* slave = eshm_init(&config);
    CHECK(master != NULL && slave != NULL);
    for (int whole = 0; whole < 2; whole++) {
        if (whole) CHECK_EQ(eshm_write(master, bytes, sizeof bytes), ESHM_SUCCESS);
        else CHECK_EQ(eshm_write_data(master, types, keys, values, 1), size);
        prepare(&slots);
        int items = 0;
        CHECK_EQ(eshm_read_data(slave, slots.types, slots.keys, 16, slots.values, 8, &items, 20000), ESHM_SUCCESS);
        CHECK_EQ(items, 1);
        CHECK_TEXT(slots.keys[0], "caf\xE9");
        CHECK_TEXT((const char*)slots.values[0], "\xFF\xC3");
        eshm_free_value(slots.values[0], slots.types[0]);
    }
    eshm_destroy(slave);
    eshm_destroy(master);
    dh_destroy(handler);
}

/* An event, a function call and an image frame, which the functions for scalars refuse. */
static void all_types_and_json(void) {
    ESHMRecordField fields[13] = {{0}};
    size_t size, count, length;
    fields[0] = (ESHMRecordField){.key = "e", .key_size = 1, .data = "tick", .size = 4, .children = 1, .field_type = ESHM_TYPE_EVENT};
    fields[1] = (ESHMRecordField){.key = "n", .key_size = 1, .integer = 5, .field_type = ESHM_TYPE_INTEGER};
    fields[2] = (ESHMRecordField){.key = "f", .key_size = 1, .data = "add", .size = 3, .children = 3, .field_type = ESHM_TYPE_FUNCTION_CALL};
    fields[3] = (ESHMRecordField){.field_type = ESHM_RECORD_NONE};
    fields[4] = (ESHMRecordField){.real = 0.1, .field_type = ESHM_TYPE_REAL};
    fields[5] = (ESHMRecordField){.integer = 2, .field_type = ESHM_TYPE_BOOLEAN};
    fields[6] = (ESHMRecordField){.key = "m", .key_size = 1, .children = 5, .field_type = ESHM_TYPE_IMAGE_FRAME};
    for (int i = 7; i < 11; i++) fields[i] = (ESHMRecordField){.integer = i, .field_type = ESHM_TYPE_INTEGER};
    fields[11] = (ESHMRecordField){.data = octets, .size = 3, .field_type = ESHM_TYPE_BINARY};
    fields[12] = (ESHMRecordField){.key = "s", .key_size = 1, .data = "\"\n", .size = 2, .field_type = ESHM_TYPE_STRING};
    uint8_t bytes[512];
    CHECK_EQ(eshm_record_encode(fields, 13, bytes, sizeof bytes, &size), ESHM_SUCCESS);
    const size_t needed = size;
    CHECK_EQ(eshm_record_encode(fields, 13, NULL, 0, &size), ESHM_ERROR_BUFFER_TOO_SMALL);
    CHECK_EQ(size, needed);
    CHECK_EQ(eshm_record_encode(fields, 12, bytes + 400, 0, &size), ESHM_ERROR_BUFFER_TOO_SMALL);
    CHECK_EQ(eshm_record_encode(fields, 11, bytes, sizeof bytes, &size), ESHM_ERROR_INVALID_PARAM); /* an image without data */

    CHECK_EQ(eshm_record_encode(fields, 13, bytes, sizeof bytes, &size), ESHM_SUCCESS);
    ESHMRecordField got[13];
    CHECK_EQ(eshm_record_decode(bytes, size, got, 12, &count), ESHM_ERROR_BUFFER_TOO_SMALL);
    CHECK_EQ(count, 13);
    CHECK_EQ(eshm_record_decode(bytes, size, got, 13, &count), ESHM_SUCCESS);
    CHECK_EQ(count, 13);
    for (int i = 0; i < 13; i++) {
        CHECK_EQ(got[i].field_type, fields[i].field_type);
        CHECK_EQ(got[i].children, fields[i].children);
        CHECK_EQ(got[i].key_size, fields[i].key_size);
        CHECK_EQ(got[i].size, fields[i].size);
        CHECK(got[i].size == 0 || memcmp(got[i].data, fields[i].data, got[i].size) == 0);
        CHECK_EQ(got[i].integer, i == 5 ? 1 : fields[i].integer);
        CHECK(got[i].real == fields[i].real);
    }
    char json[512];
    const char* expected =
        "{\"e\": {\"event\": \"tick\", \"parameters\": {\"n\": 5}}, \"f\": {\"function\": \"add\", \"return\": null, "
        "\"arguments\": [0.1, true]}, \"m\": {\"width\": 7, \"height\": 8, \"channels\": 9, \"timestamp_ns\": 10, "
        "\"data\": \"0102ff\"}, \"s\": \"\\\"\\n\"}";
    CHECK_EQ(eshm_record_to_json(bytes, size, json, sizeof json, &length), ESHM_SUCCESS);
    CHECK_TEXT(json, expected);
    CHECK_EQ(length, strlen(expected));
    CHECK_EQ(eshm_record_to_json(bytes, size, json, length, &length), ESHM_ERROR_BUFFER_TOO_SMALL); /* no room for the NUL */
    CHECK_EQ(length, strlen(expected));
    CHECK_TEXT(json, "");
    CHECK_EQ(eshm_record_to_json(bytes, size, NULL, 0, &length), ESHM_ERROR_BUFFER_TOO_SMALL);
    CHECK_EQ(eshm_record_to_json(bytes, size - 1, json, sizeof json, &length), ESHM_ERROR_INVALID_PARAM);

    /* Numbers of an image that its fields do not hold; its time has the 64 bits of an unsigned one. */
    for (int i = 7; i < 10; i++) {
        const int64_t good = fields[i].integer, bad[] = {-1, INT64_MIN, 1LL << 32};
        for (int j = 0; j < 3; j++) {
            fields[i].integer = bad[j];
            CHECK_EQ(eshm_record_encode(fields, 13, bytes, sizeof bytes, &size), ESHM_ERROR_INVALID_PARAM);
            CHECK_EQ(size, 0);
        }
        fields[i].integer = UINT32_MAX;
        CHECK_EQ(eshm_record_encode(fields, 13, bytes, sizeof bytes, &size), ESHM_SUCCESS);
        fields[i].integer = -1;
        CHECK_EQ(eshm_record_encode(fields, 13, bytes, sizeof bytes, &size), ESHM_ERROR_INVALID_PARAM);
        CHECK_TEXT(eshm_data_get_last_error(), i == 7   ? "record: a number out of range (at 7)"
                                               : i == 8 ? "record: a number out of range (at 8)"
                                                        : "record: a number out of range (at 9)");
        fields[i].integer = good;
    }
    fields[10].integer = -1;
    CHECK_EQ(eshm_record_encode(fields, 13, bytes, sizeof bytes, &size), ESHM_SUCCESS);
    CHECK_EQ(eshm_record_decode(bytes, size, got, 13, &count), ESHM_SUCCESS);
    CHECK_EQ(got[10].integer, -1);
    fields[10].integer = 10;

    /* Fields that make no record. */
    fields[0].children = 2;
    CHECK_EQ(eshm_record_encode(fields, 2, bytes, sizeof bytes, &size), ESHM_ERROR_INVALID_PARAM);
    fields[0].children = UINT32_MAX;
    CHECK_EQ(eshm_record_encode(fields, 13, bytes, sizeof bytes, &size), ESHM_ERROR_INVALID_PARAM);
    fields[0].children = 1;
    fields[1].field_type = ESHM_TYPE_EVENT;
    CHECK_EQ(eshm_record_encode(fields, 2, bytes, sizeof bytes, &size), ESHM_ERROR_INVALID_PARAM);
    fields[1].field_type = ESHM_RECORD_NONE;
    CHECK_EQ(eshm_record_encode(fields, 2, bytes, sizeof bytes, &size), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_record_encode(NULL, 1, bytes, sizeof bytes, &size), ESHM_ERROR_INVALID_PARAM);

    struct Slots slots;
    void* handler = dh_create();
    CHECK_EQ(eshm_record_encode(fields + 2, 4, bytes, sizeof bytes, &size), ESHM_SUCCESS);
    CHECK_EQ(decode(handler, bytes, (int)size, &slots, 16, 8), -1);
    CHECK_TEXT(dh_get_last_error(), "record: a type these functions do not carry: event, function call or image frame (at 0)");
    check_untouched(&slots);
    dh_destroy(handler);
}

static int read_data(ESHMHandle* handle, struct Slots* slots, int max, int* count, uint32_t timeout) {
    prepare(slots);
    *count = 77;
    return eshm_read_data(handle, slots->types, slots->keys, 16, slots->values, max, count, timeout);
}

static void* read_without_limit(void* slave) {
    struct Slots slots;
    int count;
    CHECK_EQ(read_data(slave, &slots, 8, &count, ESHM_TIMEOUT_INFINITE), ESHM_SUCCESS);
    CHECK_EQ(count, 0);
    return NULL;
}

/* Asked again, the library waits for a newer message: a program that reads in a loop keeps no processor busy. */
static void check_a_refused_message_is_waited_out(ESHMHandle* master, ESHMHandle* slave) {
    struct Slots slots;
    int count;
    pthread_t reader;
    const double start = check_now();
    CHECK_EQ(read_data(slave, &slots, 8, &count, 30), ESHM_ERROR_INVALID_PARAM);
    CHECK(check_now() - start >= 0.03);
    CHECK_EQ(pthread_create(&reader, NULL, read_without_limit, slave), 0);
    CHECK_EQ(eshm_write_data(master, NULL, NULL, NULL, 0), 24);
    CHECK_EQ(pthread_join(reader, NULL), 0);
    CHECK_EQ(eshm_write(master, "no record", 10), ESHM_SUCCESS);
}

static void over_a_channel(void) {
    const char* name = segment_name("records");
    ESHMHandle* master = open_as(name, ESHM_ROLE_MASTER);
    ESHMHandle* slave = open_as(name, ESHM_ROLE_SLAVE);
    struct Slots slots;
    int count;
    CHECK_EQ(read_data(slave, &slots, 8, &count, 0), ESHM_ERROR_NO_DATA);
    CHECK_EQ(count, 0);
    CHECK_EQ(read_data(slave, &slots, 8, &count, 5), ESHM_ERROR_TIMEOUT);
    CHECK_EQ(eshm_write_data(master, types, keys, values, 5), 81);
    CHECK_EQ(read_data(slave, &slots, 8, &count, 1000), ESHM_SUCCESS);
    CHECK_EQ(count, 5);
    CHECK_EQ(*(int64_t*)slots.values[0], whole);
    for (int i = 0; i < count; i++) eshm_free_value(slots.values[i], slots.types[i]);
    CHECK_EQ(read_data(slave, &slots, 8, &count, 0), ESHM_ERROR_NO_DATA);

    /* What does not fit stays, until it is read or overwritten. */
    CHECK_EQ(eshm_write_data(master, types, keys, values, 3) > 0, true);
    for (int again = 0; again < 2; again++) {
        CHECK_EQ(read_data(slave, &slots, 2, &count, 0), ESHM_ERROR_BUFFER_TOO_SMALL);
        CHECK_EQ(count, 3);
        check_untouched(&slots);
    }
    CHECK_EQ(read_data(slave, &slots, 3, &count, 0), ESHM_SUCCESS);
    CHECK_EQ(count, 3);
    for (int i = 0; i < count; i++) eshm_free_value(slots.values[i], slots.types[i]);

    char text[64];
    CHECK_EQ(eshm_write(master, "no record", 10), ESHM_SUCCESS);
    CHECK_EQ(read_data(slave, &slots, 8, &count, 1000), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(count, 0);
    CHECK(strncmp(eshm_data_get_last_error(), "record: ", 8) == 0);
    check_untouched(&slots);
    check_a_refused_message_is_waited_out(master, slave);
    CHECK_EQ(eshm_read(slave, text, sizeof text), 10);
    CHECK_TEXT(text, "no record");
    CHECK_EQ(eshm_write(master, "", 0), ESHM_SUCCESS);
    CHECK_EQ(read_data(slave, &slots, 8, &count, 1000), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(read_data(slave, &slots, 8, &count, 0), ESHM_ERROR_NO_DATA);

    CHECK_EQ(eshm_write_data(master, NULL, NULL, NULL, 0), 24);
    CHECK_EQ(read_data(slave, &slots, 0, &count, 1000), ESHM_SUCCESS);
    CHECK_EQ(count, 0);

    /* As much as a segment holds, and a byte more. */
    uint8_t* large = calloc(1, ESHM_MAX_DATA_SIZE);
    ESHMBinary block = {large, 0};
    const uint8_t type[] = {ESHM_TYPE_BINARY};
    const void* value[] = {&block};
    CHECK(large != NULL);
    while (eshm_write_data(master, type, keys, value, 1) < ESHM_MAX_DATA_SIZE) block.len++;
    CHECK_EQ(eshm_write_data(master, type, keys, value, 1), ESHM_MAX_DATA_SIZE);
    block.len++;
    CHECK_EQ(eshm_write_data(master, type, keys, value, 1), ESHM_ERROR_BUFFER_TOO_SMALL);
    CHECK_EQ(read_data(slave, &slots, 8, &count, 1000), ESHM_SUCCESS);
    CHECK_EQ(((ESHMBinary*)slots.values[0])->len, block.len - 1);
    eshm_free_value(slots.values[0], slots.types[0]);
    free(large);

    CHECK_EQ(eshm_write_data(NULL, types, keys, values, 1), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_write_data(master, types, keys, values, -1), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(read_data(NULL, &slots, 8, &count, 0), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_read_data(slave, slots.types, slots.keys, 16, slots.values, 8, NULL, 0), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(count, 0);
    count = 77;
    CHECK_EQ(eshm_read_data(slave, slots.types, slots.keys, 0, slots.values, 8, &count, 0), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(count, 0);
    CHECK_EQ(eshm_read_data(slave, NULL, slots.keys, 16, slots.values, 8, &count, 0), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_read_data(slave, slots.types, NULL, 16, slots.values, 8, &count, 0), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_read_data(slave, slots.types, slots.keys, 16, NULL, 8, &count, 0), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_read_data(slave, slots.types, slots.keys, 16, slots.values, -1, &count, 0), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(eshm_read_data(slave, slots.types, slots.keys, -1, slots.values, 8, &count, 0), ESHM_ERROR_INVALID_PARAM);
    CHECK_EQ(count, 0);
    CHECK_EQ(eshm_destroy(slave), ESHM_SUCCESS);
    CHECK_EQ(eshm_destroy(master), ESHM_SUCCESS);
}

/* The released library's encodings: read, and written again to the same bytes. */
static void vector(const uint8_t* bytes, size_t size) {
    ESHMRecordField fields[16];
    uint8_t again[2048];
    size_t count, length;
    CHECK_EQ(eshm_record_decode(bytes, size, fields, 16, &count), ESHM_SUCCESS);
    CHECK_EQ(eshm_record_encode(fields, count, again, sizeof again, &length), ESHM_SUCCESS);
    CHECK_EQ(length, size);
    CHECK_EQ(memcmp(again, bytes, size), 0);
    for (size_t i = 0; i < count; i++) {
        if (fields[i].field_type > ESHM_TYPE_BINARY) return;
    }
    /* Scalars alone: the same through the functions for them. */
    char text[16][16];
    char* names[16];
    uint8_t kinds[16];
    void* got[16];
    for (int i = 0; i < 16; i++) names[i] = text[i];
    void* handler = dh_create();
    CHECK_EQ(dh_decode(handler, bytes, (int)size, kinds, names, 16, got, 16), count);
    CHECK_EQ(dh_encode(handler, kinds, (const char**)names, (const void**)got, (int)count, again, sizeof again), size);
    CHECK_EQ(memcmp(again, bytes, size), 0);
    for (size_t i = 0; i < count; i++) dh_free_value(kinds[i], got[i]);
}

int main(int argc, char** argv) {
    CHECK_EQ(argc, 2);
    printf("  %d vectors\n", vectors_each(argv[1], vector));
    RUN(all_scalars_there_and_back);
    RUN(limits_are_exact);
    RUN(what_is_refused);
    RUN(any_bytes_and_a_whole_buffer);
    RUN(all_types_and_json);
    RUN(over_a_channel);
    return 0;
}
