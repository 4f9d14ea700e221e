// Start it twice with the same name: the first becomes the master, the second the slave, and they greet each other.
#include <eshm.h>

#include <cstdio>
#include <string>
#include <unistd.h>

int main(int argc, char** argv) {
    const ESHMConfig config = eshm_default_config(argc > 1 ? argv[1] : "hello");
    ESHMHandle* handle = eshm_init(&config);
    if (handle == nullptr) return 1;

    enum ESHMRole role = ESHM_ROLE_AUTO;
    eshm_get_role(handle, &role);
    const std::string greeting =
        std::string(role == ESHM_ROLE_MASTER ? "master " : "slave ") + std::to_string(getpid()) + " says hello";

    // A message counts for those who are there when it is written, so it is repeated until the other has answered.
    char heard[128] = "";
    int rc = ESHM_ERROR_TIMEOUT;
    for (int i = 0; i < 100 && rc == ESHM_ERROR_TIMEOUT; i++) {
        eshm_write(handle, greeting.c_str(), greeting.size() + 1);
        rc = eshm_read_ex(handle, heard, sizeof heard, nullptr, 100);
    }
    eshm_write(handle, greeting.c_str(), greeting.size() + 1);
    std::printf("%s\n", rc == ESHM_SUCCESS ? heard : eshm_error_string(rc));
    eshm_destroy(handle);
    return rc == ESHM_SUCCESS ? 0 : 1;
}
