// Proves the binary contract to a C++ compiler, from C++11 on; compiling it is the test.
#define LAYOUT_ASSERT(condition, text) static_assert(condition, text)
#include "layout_checks.h"

#include <type_traits>

static_assert(std::is_standard_layout<ESHMConfig>::value && std::is_standard_layout<ESHMStats>::value, "C structs");
static_assert(std::is_standard_layout<ESHMData>::value, "C struct");
static_assert(std::is_same<decltype(ESHMConfig::role), enum ESHMRole>::value, "roles are read back into the enum");
static_assert(std::is_same<decltype(ESHMConfig::disconnect_behavior), enum ESHMDisconnectBehavior>::value, "real enum");
static_assert(std::is_same<decltype(ESHMConfig::shm_name), const char*>::value, "string");
static_assert(std::is_same<decltype(ESHMConfig::auto_cleanup), bool>::value, "bool");

// Programs that poll a mapped segment rely on volatile fields, and copy the message with memcpy.
static_assert(std::is_volatile<decltype(ESHMSeqLock::sequence)>::value, "volatile");
static_assert(!std::is_volatile<decltype(ESHMHeader::magic)>::value, "not volatile");
static_assert(!std::is_volatile<decltype(ESHMHeader::version)>::value, "not volatile");
static_assert(std::is_volatile<decltype(ESHMHeader::master_pid)>::value, "volatile");
static_assert(std::is_volatile<decltype(ESHMHeader::stale_threshold)>::value, "volatile");
static_assert(std::is_volatile<decltype(ESHMHeader::master_generation)>::value, "volatile");
static_assert(std::is_volatile<decltype(ESHMHeader::master_heartbeat)>::value, "volatile");
static_assert(std::is_volatile<decltype(ESHMHeader::slave_alive)>::value, "volatile");
static_assert(std::is_volatile<decltype(ESHMChannel::data_size)>::value, "volatile");
static_assert(std::is_same<decltype(ESHMChannel::data), uint8_t[ESHM_MAX_DATA_SIZE]>::value, "not volatile");
static_assert(alignof(ESHMHeader) == 64 && alignof(ESHMChannel) == 64 && alignof(ESHMData) == 64, "aligned(64)");
struct Monitor { int id; ESHMHeader header; };
static_assert(offsetof(Monitor, header) == 64 && sizeof(Monitor) == 192, "the layout of a struct around it");
static_assert(std::is_volatile<decltype(ESHMChannel::write_count)>::value, "volatile");
static_assert(std::is_volatile<decltype(ESHMChannel::waiters)>::value, "volatile");

// The prototypes, exactly.
static_assert(std::is_same<decltype(&eshm_init), ESHMHandle* (*)(const ESHMConfig*)>::value, "eshm_init");
static_assert(std::is_same<decltype(&eshm_destroy), int (*)(ESHMHandle*)>::value, "eshm_destroy");
static_assert(std::is_same<decltype(&eshm_write), int (*)(ESHMHandle*, const void*, size_t)>::value, "eshm_write");
static_assert(std::is_same<decltype(&eshm_read), int (*)(ESHMHandle*, void*, size_t)>::value, "eshm_read");
static_assert(std::is_same<decltype(&eshm_read_ex), int (*)(ESHMHandle*, void*, size_t, size_t*, uint32_t)>::value,
              "eshm_read_ex");
static_assert(std::is_same<decltype(&eshm_update_heartbeat), int (*)(ESHMHandle*)>::value, "eshm_update_heartbeat");
static_assert(std::is_same<decltype(&eshm_check_remote_alive), int (*)(ESHMHandle*, bool*)>::value,
              "eshm_check_remote_alive");
static_assert(std::is_same<decltype(&eshm_get_stats), int (*)(ESHMHandle*, ESHMStats*)>::value, "eshm_get_stats");
static_assert(std::is_same<decltype(&eshm_get_role), int (*)(ESHMHandle*, enum ESHMRole*)>::value, "eshm_get_role");
static_assert(std::is_same<decltype(&eshm_error_string), const char* (*)(int)>::value, "eshm_error_string");
static_assert(std::is_same<decltype(&eshm_set_wakeup_mode), int (*)(ESHMHandle*, enum ESHMWakeupMode)>::value,
              "eshm_set_wakeup_mode");
static_assert(std::is_same<decltype(&eshm_get_wakeup_mode), int (*)(ESHMHandle*, enum ESHMWakeupMode*)>::value,
              "eshm_get_wakeup_mode");
