/* The encodings of tests/data/record-vectors.json. In C11 and C++11. */
#ifndef ESHM_TEST_VECTORS_H
#define ESHM_TEST_VECTORS_H

#include "check.h"

#include <stdint.h>

/* Calls `each` with the bytes of every vector in the file; checks that there are 44 and returns that. */
static inline int vectors_each(const char* path, void (*each)(const uint8_t* bytes, size_t size)) {
    static char text[1 << 16];
    static uint8_t bytes[4096];
    FILE* file = fopen(path, "r");
    CHECK(file != NULL);
    const size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    CHECK(length > 0 && length < sizeof text - 1);
    text[length] = '\0';
    int count = 0;
    for (const char* at = text; (at = strstr(at, "\"hex\": \"")) != NULL; count++) {
        size_t size = 0;
        unsigned byte;
        for (at += 8; sscanf(at, "%2x", &byte) == 1 && *at != '"'; at += 2) bytes[size++] = (uint8_t)byte;
        CHECK(*at == '"' && size >= 24);
        each(bytes, size);
    }
    CHECK_EQ(count, 44);
    return count;
}

#endif /* ESHM_TEST_VECTORS_H */
