/* As C11. */
#include "released_source.inc.h"

int main(void) { return run(); }
