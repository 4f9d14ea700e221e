// As C++11.
#include "released_source.inc.h"

int main() { return run(); }
