/* eshm_record.h - records of all eight types, without allocation; and any record as JSON. New in 1.3.
 *
 * A record is a row of fields. A scalar is one field. Others are followed by their children, which have a `children` of 0:
 *
 *   EVENT           data is its name; the children are its parameters, scalars with keys
 *   FUNCTION_CALL   data is its name; the first child is what it returned, or of type ESHM_RECORD_NONE; then the arguments
 *   IMAGE_FRAME     five children: width, height, channels, timestamp_ns (INTEGER), data (BINARY)
 *
 * Each function returns ESHM_SUCCESS, ESHM_ERROR_INVALID_PARAM with the reason in eshm_data_get_last_error(), or
 * ESHM_ERROR_BUFFER_TOO_SMALL with what is needed in its last argument.
 */
#ifndef ESHM_RECORD_H
#define ESHM_RECORD_H

#include "eshm_data_api.h"

#ifdef __cplusplus
extern "C" {
#endif

/* As a field's type: a function call has not returned. */
#define ESHM_RECORD_NONE 255

/* One field; what its type does not use is not looked at. */
typedef struct ESHMRecordField {
    const char* key;    /* UTF-8, not NUL-terminated */
    size_t key_size;    /* its bytes */
    const void* data;   /* STRING (UTF-8), BINARY; the name of an EVENT or FUNCTION_CALL */
    size_t size;        /* its bytes */
    int64_t integer;    /* INTEGER; BOOLEAN: any number but 0 is true */
    double real;        /* REAL */
    uint32_t children;  /* fields after this one that belong to it */
    uint8_t field_type; /* enum ESHMDataType, or ESHM_RECORD_NONE */
} ESHMRecordField;

/* Writes a record of `count` fields, children included, to `out`; its bytes are *size. */
int eshm_record_encode(const ESHMRecordField* fields, size_t count, void* out, size_t out_size, size_t* size);

/* Reads a record into at most `max` fields, which point into `message`; there are *count. */
int eshm_record_decode(const void* message, size_t message_size, ESHMRecordField* fields, size_t max, size_t* count);

/* Shows a record as JSON in `out`, NUL-terminated; *length is without the NUL. An object of the values by their keys, in which
 * scalars are themselves, and the others objects: {"binary": "00ff"}, {"event": ..., "parameters": {...}}, {"function": ...,
 * "return": ..., "arguments": [...]}, {"width": ..., "height": ..., "channels": ..., "timestamp_ns": ..., "data": "00ff"}. */
int eshm_record_to_json(const void* message, size_t message_size, char* out, size_t out_size, size_t* length);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* ESHM_RECORD_H */
