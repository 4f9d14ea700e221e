// What a project puts around libeshm: it opens a channel and hears of the other side, on a thread of its own.
#include <eshm.h>

#include <thread>

#if PARENT_DEFINES != 1
#error "what a parent project defines for users of eshm did not arrive"
#endif

int heard_on_a_thread(const char* name) {
    int rc = ESHM_ERROR_TIMEOUT;
    std::thread([&] {
        const ESHMConfig config = eshm_default_config(name);
        ESHMHandle* handle = eshm_init(&config);
        if (handle == nullptr) return;
        char heard[16];
        // A message counts for those who are there when it is written, so it is repeated until the other has answered.
        for (int i = 0; i < 100 && rc == ESHM_ERROR_TIMEOUT; i++) {
            eshm_write(handle, "here", 5);
            rc = eshm_read_ex(handle, heard, sizeof heard, nullptr, 100);
        }
        eshm_write(handle, "here", 5);
        eshm_destroy(handle);
    }).join();
    return rc;
}
