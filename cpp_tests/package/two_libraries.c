/* One program of two Rust static libraries: ours and other.rs. */
#include <eshm.h>

#include <stdio.h>

int other_twice(int number);

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    ESHMConfig config = eshm_default_config(argv[1]);
    config.role = ESHM_ROLE_MASTER;
    ESHMHandle* handle = eshm_init(&config);
    bool alive = true;
    const int refused = eshm_write(handle, NULL, 1), written = eshm_write(handle, "x", 1);
    const int before = other_twice(21), panicked = other_twice(-21), after = other_twice(4);
    const int asked = eshm_check_remote_alive(handle, &alive);
    eshm_destroy(handle);
    printf("%d %d %d %d %d %d\n", refused, written, before, panicked, after, asked);
    return refused == ESHM_ERROR_INVALID_PARAM && written == 0 && before == 42 && panicked == -1 && after == 8 && asked == 0 ? 0 : 1;
}
