/* Proves the binary contract to a C11 compiler; compiling it is the test. */
#define LAYOUT_ASSERT(condition, text) _Static_assert(condition, text)
#include "layout_checks.h"

#include <string.h>

struct monitor { int id; struct ESHMHeader header; };
LAYOUT_ASSERT(offsetof(struct monitor, header) == 64, "the layout of a struct around it");
LAYOUT_ASSERT(_Alignof(struct ESHMChannel) == 64 && _Alignof(struct ESHMData) == 64, "aligned(64)");

/* Every name in the way C callers use it. */
int layout_use_from_c(void);
int layout_use_from_c(void) {
    ESHMConfig config = eshm_default_config("layout");
    ESHMOptions options = eshm_default_options();
    ESHMStats stats;
    enum ESHMRole role = config.role;
    enum ESHMDisconnectBehavior behavior = config.disconnect_behavior;
    enum ESHMChannelState state = ESHM_CHANNEL_EMPTY;
    enum ESHMWakeupMode mode = ESHM_WAKEUP_PUSH;
    enum ESHMError error = ESHM_SUCCESS;
    static struct ESHMData data;
    volatile uint32_t* sequence = &data.slave_to_master.seqlock.sequence;
    const uint8_t* bytes = data.master_to_slave.data;
    size_t got = 0;
    bool alive = false;
    uint8_t byte = 0;
    enum ESHMLogLevel level = options.log_level;
    ESHMHandle* handle = byte ? eshm_init(&config) : eshm_init_ex(&config, &options);

    memset(&stats, 0, sizeof stats);
    return eshm_write(handle, "x", 1) + eshm_read(handle, &byte, 1) + eshm_read_ex(handle, &byte, 1, &got, 0) +
           eshm_update_heartbeat(handle) + eshm_check_remote_alive(handle, &alive) + eshm_get_stats(handle, &stats) +
           eshm_get_role(handle, &role) + eshm_set_wakeup_mode(handle, mode) + eshm_get_wakeup_mode(handle, &mode) +
           eshm_set_spin_us(handle, ESHM_SPIN_ADAPTIVE) + eshm_get_event_fd(handle) + (int)eshm_capacity(handle) + eshm_last_error()[0] +
           eshm_has_given_up(handle) +
           eshm_version()[0] + (int)level +
           eshm_destroy(handle) + eshm_error_string(error)[0] + (int)*sequence + bytes[0] + (int)behavior + (int)state;
}
