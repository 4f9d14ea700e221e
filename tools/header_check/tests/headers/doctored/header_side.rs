//! Headers that differ from Rust.

use super::{check, doctored_headers, new_differences, rust_view};
use crate::table;

/// test: file, [text => replacement], subject, words of the report, ...
macro_rules! headers_with {
    ($($test:ident: $file:literal, [$($from:literal => $to:literal),*], $subject:literal, $($words:literal),+;)*) => {
        $(
            #[test]
            fn $test() {
                let headers = doctored_headers($file, &[$(($from, $to)),*]);
                check(&new_differences(&headers, rust_view(), table::ROWS), $subject, &[$($words),+]);
            }
        )*
    };
}

headers_with! {
    another_parameter_type: "eshm.h", ["bytes_read, uint32_t timeout_ms" => "bytes_read, uint64_t timeout_ms"],
        "eshm_read_ex", "`timeout_ms` is of type `uint64_t`",
        "size_t, size_t *, uint32_t)`: 1 in Rust, 0 in the headers";
    a_type_that_is_the_same_only_here: "eshm.h", ["const void* data, size_t size" => "const void* data, uint64_t size"],
        "eshm_write", "`size` is of type `uint64_t`";
    a_parameter_without_const: "eshm.h", ["const void* data" => "void* data"],
        "eshm_write", "`data` is of type `void *`";
    a_parameter_of_another_enum: "eshm.h", ["enum ESHMRole* role" => "enum ESHMWakeupMode* role"],
        "eshm_get_role", "should be `enum ESHMRole *`";
    a_number_for_an_enum: "eshm.h", ["enum ESHMRole* role" => "int32_t* role"],
        "eshm_get_role", "is of type `int32_t *`";
    a_pointer_for_a_value: "eshm.h", ["enum ESHMWakeupMode mode)" => "enum ESHMWakeupMode* mode)"],
        "eshm_set_wakeup_mode", "is of type `enum ESHMWakeupMode *`";
    another_parameter_name: "eshm.h", ["size_t* bytes_read," => "size_t* length,"],
        "eshm_read_ex", "parameter 4 is `length`";
    swapped_parameters: "eshm.h", ["size_t* bytes_read, uint32_t timeout_ms" => "uint32_t timeout_ms, size_t* bytes_read"],
        "eshm_read_ex", "parameter 4 is `timeout_ms`";
    one_more_parameter: "eshm.h", ["eshm_destroy(ESHMHandle* handle)" => "eshm_destroy(ESHMHandle* handle, int how)"],
        "eshm_destroy", "parameter 2 `how` is not in Rust";
    one_parameter_less: "eshm.h", ["eshm_destroy(ESHMHandle* handle)" => "eshm_destroy(void)"],
        "eshm_destroy", "parameter 1 `handle` is not in the headers";
    another_result: "eshm.h", ["int eshm_destroy(" => "void eshm_destroy("],
        "eshm_destroy", "returns `void` in the headers";
    one_more_function: "eshm.h", ["int eshm_destroy(" => "int eshm_pause(ESHMHandle* handle);\nint eshm_destroy("],
        "eshm_pause", "function eshm_pause: not in Rust";
    one_function_less: "eshm.h", ["int eshm_update_heartbeat(ESHMHandle* handle);" => ""],
        "eshm_update_heartbeat", "function eshm_update_heartbeat: not in the headers";
    a_macro_for_a_function: "eshm.h",
        ["int eshm_update_heartbeat(ESHMHandle* handle);" => "#define eshm_update_heartbeat(handle) 0"],
        "eshm_update_heartbeat", "declaration #define eshm_update_heartbeat(handle) 0: not in Rust";
    a_variable: "eshm.h", ["int eshm_destroy(" => "extern int eshm_errors;\nint eshm_destroy("],
        "eshm_errors", "declaration extern int eshm_errors ;: not in Rust";
    a_handle_with_content: "eshm.h", ["struct ESHMHandle ESHMHandle;" => "struct ESHMHandle { int id; } ESHMHandle;"],
        "ESHMHandle", "size of ESHMHandle: missing in Rust, 4 in the headers";
    swapped_fields: "eshm_data.h",
        ["m2s_write_count;" => "first;", "m2s_read_count;" => "m2s_write_count;", " first;" => " m2s_read_count;"],
        "ESHMStats", "field 10 is `m2s_read_count`", "offset of ESHMStats.m2s_write_count: 48 in Rust, 56 in the headers";
    a_field_of_another_sign: "eshm_data.h", ["    uint32_t stale_threshold; " => "    int32_t stale_threshold; "],
        "ESHMStats", "`stale_threshold` is of type `int32_t`";
    a_field_of_another_width: "eshm_data.h", ["    uint64_t slave_heartbeat; " => "    uint32_t slave_heartbeat; "],
        "ESHMStats", "size of ESHMStats.slave_heartbeat: 8 in Rust, 4 in the headers";
    a_field_of_another_enum: "eshm_data.h", ["    enum ESHMRole role;" => "    enum ESHMChannelState role;"],
        "ESHMConfig", "should be `enum ESHMRole`";
    a_byte_for_a_bool: "eshm_data.h", ["    bool auto_cleanup;" => "    uint8_t auto_cleanup;"],
        "ESHMConfig", "`auto_cleanup` is of type `uint8_t`";
    an_array_for_a_field: "eshm_data.h", ["    bool slave_alive;" => "    bool slave_alive[2];"],
        "ESHMStats", "`slave_alive` is of type `bool [ 2 ]`";
    one_more_field: "eshm_data.h", ["    bool use_threads;" => "    bool use_threads; bool quiet;"],
        "ESHMConfig", "field 10 `quiet` is not in Rust";
    one_field_less: "eshm_data.h", ["    uint64_t s2m_read_count; " => ""],
        "ESHMStats", "size of ESHMStats: 80 in Rust, 72 in the headers";
    packed_fields: "eshm_data.h",
        ["typedef struct ESHMStats {" => "#pragma pack(1)\ntypedef struct ESHMStats {", "} ESHMStats;" => "} ESHMStats;\n#pragma pack()"],
        "ESHMStats", "offset of ESHMStats.stale_threshold: 28 in Rust, 26 in the headers";
    another_constant: "eshm_data.h", ["#define ESHM_VERSION 3" => "#define ESHM_VERSION 2"],
        "ESHM_VERSION", "value of ESHM_VERSION: 3 in Rust, 2 in the headers";
    a_constant_of_another_sign: "eshm_data.h", ["INFINITE 0xFFFFFFFF" => "INFINITE (-1)"],
        "ESHM_TIMEOUT_INFINITE", "4294967295 in Rust, -1 in the headers";
    one_more_constant: "eshm_data.h", ["#define ESHM_VERSION 3" => "#define ESHM_VERSION 3\n#define ESHM_FEATURE_MORE 2"],
        "ESHM_FEATURE_MORE", "value of ESHM_FEATURE_MORE: missing in Rust, 2 in the headers";
    one_constant_less: "eshm_data.h", ["#define ESHM_FEATURE_FUTEX_WAKE 0x1" => ""],
        "ESHM_FEATURE_FUTEX_WAKE", "constant ESHM_FEATURE_FUTEX_WAKE: not in the headers";
    another_enumerator: "eshm_data.h", ["ESHM_WAKEUP_POLL = 1" => "ESHM_WAKEUP_POLL = 2"],
        "ESHM_WAKEUP_POLL", "1 in Rust, 2 in the headers";
    another_error_code: "eshm_data.h", ["ESHM_ERROR_MUTEX_LOCK = -7" => "ESHM_ERROR_MUTEX_LOCK = -27"],
        "ESHM_ERROR_MUTEX_LOCK", "-7 in Rust, -27 in the headers";
    one_more_enumerator: "eshm_data.h", ["ESHM_WAKEUP_POLL = 1" => "ESHM_WAKEUP_POLL = 1, ESHM_WAKEUP_SPIN"],
        "ESHM_WAKEUP_SPIN", "missing in Rust, 2 in the headers";
    one_enumerator_less: "eshm_data.h", [",\n    ESHM_CHANNEL_READ = 2" => ""],
        "ESHM_CHANNEL_READ", "2 in Rust, missing in the headers";
    no_c_at_all: "eshm_data.h", ["typedef struct ESHMStats {" => "typedef strukt ESHMStats {"],
        "error:", "strukt";
}
