//! Where headers and Rust differ on purpose, and why. Nothing else may.

use crate::pairs::{Kind, Row};

/// A place is `function(parameter)`, `Struct.field`, or a struct's name. A place that does not need its row is an error.
pub const ROWS: &[Row] = &[
    Row {
        kind: Kind::Type { header: "enum ESHMRole", rust: "int32_t" },
        places: &["ESHMConfig.role", "eshm_get_role(role)", "eshm_rpc_create(role)"],
        why: "C may store any number in an enum; a Rust enum with a number it does not name is undefined behaviour",
    },
    Row {
        kind: Kind::Type { header: "enum ESHMDisconnectBehavior", rust: "int32_t" },
        places: &["ESHMConfig.disconnect_behavior"],
        why: "as for ESHMRole",
    },
    Row {
        kind: Kind::Type { header: "enum ESHMWakeupMode", rust: "int32_t" },
        places: &["eshm_set_wakeup_mode(mode)", "eshm_get_wakeup_mode(mode)"],
        why: "as for ESHMRole",
    },
    Row {
        kind: Kind::Type { header: "enum ESHMLogLevel", rust: "int32_t" },
        places: &["ESHMOptions.log_level"],
        why: "as for ESHMRole",
    },
    Row {
        kind: Kind::Type { header: "bool", rust: "uint8_t" },
        places: &[
            "ESHMConfig.auto_cleanup",
            "ESHMConfig.use_threads",
            "ESHMOptions.exact_capacity",
            "ESHMOptions.first_value",
            "ESHMOptions.huge_pages",
            "ESHMOptions.prefault",
        ],
        why: "a struct that C did not fill in may hold any byte; a Rust bool other than 0 and 1 is undefined behaviour",
    },
    Row {
        kind: Kind::Type { header: "bool", rust: "uint8_t" },
        places: &["ESHMStats.master_alive", "ESHMStats.slave_alive"],
        why: "the same as in ESHMConfig, so that both structs are read alike; only 0 and 1 are ever written",
    },
    Row {
        kind: Kind::Opaque,
        places: &["ESHMHandle", "EshmRpc"],
        why: "C sees pointers to it only; Rust has no incomplete types, so there it is a struct without content",
    },
    Row {
        kind: Kind::HeaderOnly,
        places: &["struct ESHMSeqLock", "struct ESHMChannel", "struct ESHMHeader", "struct ESHMData"],
        why: "the segment itself, which no function takes; Rust computes its offsets (checked in segment.rs)",
    },
];
