// What a parent project adds to the target eshm: it may, and the library does not export it.
extern "C" int parent_added() { return 1; }
