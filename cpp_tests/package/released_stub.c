/* A released library as far as the linker sees it: its functions, which no program of ours may reach. Compiled with
 * -DSTUB_eshm or -DSTUB_eshm_data. */
#include <stdlib.h>

#define RELEASED_NOTHING(name)
#define RELEASED_STUB(name)                                                                                                  \
    void name(void);                                                                                                         \
    void name(void) { abort(); }
#ifdef STUB_eshm
#define RELEASED_IN_eshm RELEASED_STUB
#define RELEASED_IN_eshm_data RELEASED_NOTHING
#else
#define RELEASED_IN_eshm RELEASED_NOTHING
#define RELEASED_IN_eshm_data RELEASED_STUB
#endif
#define RELEASED(library, result, name, parameters) RELEASED_IN_##library(name)

#include "released.h"

RELEASED_FUNCTIONS
