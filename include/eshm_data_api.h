/* eshm_data_api.h - named, typed values over a channel.
 *
 *     const uint8_t types[] = {ESHM_TYPE_REAL, ESHM_TYPE_STRING};
 *     const char* keys[] = {"temperature", "status"};
 *     const double temperature = 23.5;
 *     const void* values[] = {&temperature, "OK"};
 *     eshm_write_data(handle, types, keys, values, 2);
 *
 * A value is a pointer, by its type: to an int64_t, a bool, a double, a NUL-terminated text, or an ESHMBinary. Texts and keys are
 * any bytes; UTF-8 is what others expect. eshm_read_data() and eshm_free_value() are in eshm.h. These
 * functions carry the five scalar types; eshm_record.h has those for the others. Any threads may call any of them at once.
 */
#ifndef ESHM_DATA_API_H
#define ESHM_DATA_API_H

#include "eshm.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The types of values. */
enum ESHMDataType {
    ESHM_TYPE_INTEGER = 0,       /* int64_t */
    ESHM_TYPE_BOOLEAN = 1,       /* bool */
    ESHM_TYPE_REAL = 2,          /* double */
    ESHM_TYPE_STRING = 3,        /* NUL-terminated char */
    ESHM_TYPE_BINARY = 4,        /* ESHMBinary */
    ESHM_TYPE_EVENT = 5,         /* this and the following: eshm_record.h */
    ESHM_TYPE_FUNCTION_CALL = 6,
    ESHM_TYPE_IMAGE_FRAME = 7
};

/* The value of an ESHM_TYPE_BINARY. */
typedef struct ESHMBinary {
    uint8_t* data; /* may be NULL when len is 0; is not when it was read */
    size_t len;    /* bytes */
} ESHMBinary;

/* Publishes `count` values as the newest message. With a count of 0 that is an empty record, and the arrays may be NULL.
 * The number of bytes written, or
 *
 *   ESHM_ERROR_INVALID_PARAM      a NULL, a negative count, a type other than 0 to 4
 *   ESHM_ERROR_BUFFER_TOO_SMALL   the record is over the segment's capacity
 *   and what eshm_write() returns. Nothing was written then. */
int eshm_write_data(ESHMHandle* handle, const uint8_t* types, const char** keys, const void** values, int count);

/* eshm_free_value() of eshm.h; mind the order. */
void eshm_data_free_value(uint8_t type, void* value);

/* Why the last of the functions eshm_write_data(), eshm_read_data(), dh_...() and eshm_record_...() that failed in this thread
 * did so; "" if none did. The text is this thread's, until its next failure. Never NULL. */
const char* eshm_data_get_last_error(void);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* ESHM_DATA_API_H */
