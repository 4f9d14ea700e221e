/* data_handler_c_api.h - records without a channel: values to bytes and back.
 *
 * Types and what values point to are those of eshm_data_api.h. Any threads may call any of the functions at once.
 */
#ifndef DATA_HANDLER_C_API_H
#define DATA_HANDLER_C_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What dh_create() returns. */
typedef void* DataHandlerHandle;

/* A handler for the functions below. It has no state, and this cannot fail. */
void* dh_create(void);

/* Ends it. */
void dh_destroy(void* handler);

/* Writes `count` values as a record to `out`. The number of bytes; -1 for a NULL, a negative number, a type other than 0 to 4,
 * or a record of more than out_size bytes. With a count of 0 the arrays may be NULL. */
int dh_encode(void* handler, const uint8_t* types, const char** keys, const void** values, int count, uint8_t* out,
              int out_size);

/* Reads the record that begins at buf; what follows it is not looked at. The number of values, each of which is to be
 * freed with dh_free_value(); -1, with nothing handed out, for a
 * NULL, a negative number, bytes that are no record, values of the types 5 to 7, or more than max_items. Keys as in
 * eshm_read_data(). */
int dh_decode(void* handler, const uint8_t* buf, int size, uint8_t* out_types, char** out_keys, int max_key_len,
              void** out_values, int max_items);

/* Frees a value that dh_decode() handed out, of this type; NULL is none. */
void dh_free_value(uint8_t type, void* value);

/* As eshm_data_get_last_error(). */
const char* dh_get_last_error(void);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* DATA_HANDLER_C_API_H */
