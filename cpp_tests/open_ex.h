/* Opening with options, and the reason that a call gave. */
#ifndef ESHM_TESTS_OPEN_EX_H
#define ESHM_TESTS_OPEN_EX_H

#include "endpoint.h"

static inline ESHMHandle* try_open(const char* name, enum ESHMRole role, const ESHMOptions* options) {
    const ESHMConfig config = settings(name, role);
    return eshm_init_ex(&config, options);
}

static inline ESHMHandle* open_ex(const char* name, enum ESHMRole role, const ESHMOptions* options) {
    ESHMHandle* handle = try_open(name, role, options);
    if (handle == NULL) fprintf(stderr, "%s\n", eshm_last_error());
    CHECK(handle != NULL);
    return handle;
}

static inline void expect_reason(const char* part) {
    if (strstr(eshm_last_error(), part) == NULL) {
        fprintf(stderr, "\"%s\" is not in \"%s\"\n", part, eshm_last_error());
        check_fail(__FILE__, __LINE__, "the reason");
    }
}

#endif
