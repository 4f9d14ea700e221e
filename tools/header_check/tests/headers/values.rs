//! The numbers of the compiled Rust side.

use crate::facts::Facts;
use crate::segment::{channel, tail};
use eshm::ffi::eshm_data::{self, ESHMConfig, ESHMOptions, ESHMStats};
use eshm::ffi::{
    eshm_data_api::ESHMBinary,
    eshm_record::{ESHM_RECORD_NONE, ESHMRecordField},
};
use eshm::records::Type;
use eshm::{DisconnectBehavior, Error, LogLevel, Role, WakeupMode, error_text};
use std::mem::{align_of, offset_of, size_of};

/// All of them, under the names that [`Program`](crate::program::Program) prints.
pub fn facts() -> Facts {
    let mut facts = Facts::new();
    facts.extend(constants());
    facts.extend(enumerators());
    facts.extend(ERRORS.iter().filter_map(|(name, error, text)| Some(value(name, error_code(error.as_ref(), text)?))));
    facts.extend(layouts());
    facts
}

fn value(name: &str, value: impl Into<i64>) -> (String, i64) {
    (format!("value of {name}"), value.into())
}

fn constants() -> Vec<(String, i64)> {
    let capacity = eshm::MAX_DATA_SIZE as i64;
    let (channel, tail) = (channel(capacity), tail(capacity));
    vec![
        value("ESHM_MAGIC", eshm_data::ESHM_MAGIC),
        value("ESHM_VERSION", eshm_data::ESHM_VERSION),
        value("ESHM_FEATURE_FUTEX_WAKE", eshm_data::ESHM_FEATURE_FUTEX_WAKE),
        value("ESHM_TIMEOUT_INFINITE", eshm_data::ESHM_TIMEOUT_INFINITE),
        value("ESHM_SPIN_ADAPTIVE", eshm_data::ESHM_SPIN_ADAPTIVE),
        value("ESHM_RECORD_NONE", ESHM_RECORD_NONE),
        value("ESHM_MAX_DATA_SIZE", capacity),
        value("ESHM_HEARTBEAT_INTERVAL_MS", eshm::HEARTBEAT_INTERVAL_MS),
        value("ESHM_CHANNEL_SIZE_APPROX", 72 + capacity),
        value("ESHM_TOTAL_SIZE_APPROX", 64 + 2 * (72 + capacity)),
        value("ESHM_CHANNEL_SIZE", channel),
        value("ESHM_CHANNEL_TAIL_OFFSET", tail),
        value("ESHM_CHANNEL_PADDING", channel - tail - 28),
    ]
}

fn enumerators() -> Vec<(String, i64)> {
    vec![
        value("ESHM_ROLE_MASTER", Role::Master as i32),
        value("ESHM_ROLE_SLAVE", Role::Slave as i32),
        value("ESHM_ROLE_AUTO", Role::Auto as i32),
        value("ESHM_DISCONNECT_IMMEDIATELY", DisconnectBehavior::Immediately as i32),
        value("ESHM_DISCONNECT_ON_TIMEOUT", DisconnectBehavior::OnTimeout as i32),
        value("ESHM_DISCONNECT_NEVER", DisconnectBehavior::Never as i32),
        value("ESHM_WAKEUP_PUSH", WakeupMode::Push as i32),
        value("ESHM_WAKEUP_POLL", WakeupMode::Poll as i32),
        // One more than in Rust, where there is no number for "as it is".
        value("ESHM_LOG_DEFAULT", 0),
        value("ESHM_LOG_OFF", 1 + LogLevel::Off as i32),
        value("ESHM_LOG_ERROR", 1 + LogLevel::Error as i32),
        value("ESHM_LOG_WARN", 1 + LogLevel::Warn as i32),
        value("ESHM_LOG_INFO", 1 + LogLevel::Info as i32),
        value("ESHM_LOG_DEBUG", 1 + LogLevel::Debug as i32),
        value("ESHM_TYPE_INTEGER", Type::Integer as i32),
        value("ESHM_TYPE_BOOLEAN", Type::Boolean as i32),
        value("ESHM_TYPE_REAL", Type::Real as i32),
        value("ESHM_TYPE_STRING", Type::String as i32),
        value("ESHM_TYPE_BINARY", Type::Binary as i32),
        value("ESHM_TYPE_EVENT", Type::Event as i32),
        value("ESHM_TYPE_FUNCTION_CALL", Type::FunctionCall as i32),
        value("ESHM_TYPE_IMAGE_FRAME", Type::ImageFrame as i32),
        // Unused in C too, so there is nothing in Rust.
        value("ESHM_CHANNEL_EMPTY", 0),
        value("ESHM_CHANNEL_READY", 1),
        value("ESHM_CHANNEL_READ", 2),
    ]
}

/// Each code's name in C, the error that has it, if this library has one, and its text.
const ERRORS: &[(&str, Option<Error>, &str)] = &[
    ("ESHM_SUCCESS", None, "Success"),
    ("ESHM_ERROR_INVALID_PARAM", Some(Error::InvalidParameter(String::new())), "Invalid parameter"),
    ("ESHM_ERROR_SHM_CREATE", Some(Error::Create(String::new())), "Failed to create shared memory"),
    ("ESHM_ERROR_SHM_ATTACH", Some(Error::Attach(String::new())), "Failed to attach to shared memory"),
    ("ESHM_ERROR_SHM_DETACH", None, "Failed to detach from shared memory"),
    ("ESHM_ERROR_SHM_DELETE", None, "Failed to delete shared memory"),
    ("ESHM_ERROR_MUTEX_INIT", None, "Failed to initialize mutex"),
    ("ESHM_ERROR_MUTEX_LOCK", None, "Failed to lock mutex"),
    ("ESHM_ERROR_MUTEX_UNLOCK", None, "Failed to unlock mutex"),
    ("ESHM_ERROR_NO_DATA", Some(Error::NoData), "No data available"),
    ("ESHM_ERROR_TIMEOUT", Some(Error::Timeout), "Operation timed out"),
    ("ESHM_ERROR_MASTER_STALE", Some(Error::MasterStale), "Master is stale"),
    ("ESHM_ERROR_BUFFER_FULL", None, "Buffer is full"),
    ("ESHM_ERROR_BUFFER_TOO_SMALL", Some(Error::BufferTooSmall { size: 0, given: 0 }), "Buffer too small"),
    ("ESHM_ERROR_NOT_INITIALIZED", Some(Error::NotInitialized), "Not initialized"),
    ("ESHM_ERROR_ROLE_MISMATCH", Some(Error::RoleMismatch), "Role mismatch"),
];

/// The error's number; without an error the one whose text it is, if there is one.
fn error_code(error: Option<&Error>, text: &str) -> Option<i32> {
    error.map(Error::code).or_else(|| (-1000..1000).find(|&code| error_text(code) == text))
}

#[test]
fn every_error_code_has_its_text() {
    for (name, error, text) in ERRORS {
        assert_eq!(error_code(error.as_ref(), text).map(error_text), Some(*text), "{name}");
    }
}

#[test]
fn any_other_error_code_is_unknown() {
    for code in [i32::MIN, -1000, -16, 1, 2, 1000, i32::MAX] {
        assert_eq!(error_text(code), "Unknown error", "{code}");
    }
}

/// The size of the field that a function selects.
fn field_size<S, F>(_select: fn(&S) -> &F) -> usize {
    size_of::<F>()
}

macro_rules! layout {
    ($structure:ident { $($field:ident),* $(,)? }) => {{
        let name = stringify!($structure);
        let mut facts = vec![
            (format!("size of {name}"), size_of::<$structure>() as i64),
            (format!("alignment of {name}"), align_of::<$structure>() as i64),
        ];
        $(
            let field = stringify!($field);
            facts.push((format!("offset of {name}.{field}"), offset_of!($structure, $field) as i64));
            facts.push((format!("size of {name}.{field}"), field_size(|it: &$structure| &it.$field) as i64));
        )*
        facts
    }};
}

/// A field that is missing here is reported, as the headers' number for it then has no counterpart.
fn layouts() -> Vec<(String, i64)> {
    let mut facts = layout!(ESHMConfig {
        shm_name,
        role,
        disconnect_behavior,
        stale_threshold_ms,
        reconnect_wait_ms,
        reconnect_retry_interval_ms,
        max_reconnect_attempts,
        auto_cleanup,
        use_threads,
    });
    facts.extend(layout!(ESHMOptions {
        size,
        capacity,
        mode,
        wait_for_master_ms,
        spin_us,
        log_level,
        exact_capacity,
        first_value,
        huge_pages,
        prefault,
        reserved,
    }));
    facts.extend(layout!(ESHMStats {
        master_heartbeat,
        slave_heartbeat,
        master_pid,
        slave_pid,
        master_alive,
        slave_alive,
        stale_threshold,
        master_heartbeat_delta,
        slave_heartbeat_delta,
        m2s_write_count,
        m2s_read_count,
        s2m_write_count,
        s2m_read_count,
    }));
    facts.extend(layout!(ESHMBinary { data, len }));
    facts.extend(layout!(ESHMRecordField { key, key_size, data, size, integer, real, children, field_type }));
    facts
}
