//! The build settings of `eshm_config.h`, and what makes the shared library the original's double: its soname, and `nodelete`,
//! because a library with a service thread cannot be unloaded soundly.

use std::{env, fs, path::PathBuf};

/// One integer setting from the environment, within its bounds.
fn setting(name: &str, default: u64, bounds: std::ops::RangeInclusive<u64>) -> u64 {
    println!("cargo:rerun-if-env-changed={name}");
    let Ok(text) = env::var(name) else { return default };
    match text.trim().parse() {
        Ok(value) if bounds.contains(&value) => value,
        _ => {
            println!("cargo::error={name} is {text:?}: expected a whole number from {} to {}", bounds.start(), bounds.end());
            std::process::exit(1)
        }
    }
}

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let capacity = setting("ESHM_MAX_DATA_SIZE", 4096, 1..=1 << 30);
    let interval = setting("ESHM_HEARTBEAT_INTERVAL_MS", 1, 1..=1000);
    let text = format!(
        "/// Bytes a message may have in a segment that this build creates (`ESHM_MAX_DATA_SIZE`).\n\
         pub const MAX_DATA_SIZE: usize = {capacity};\n\
         /// Milliseconds between two heartbeats (`ESHM_HEARTBEAT_INTERVAL_MS`).\n\
         pub const HEARTBEAT_INTERVAL_MS: u32 = {interval};\n"
    );
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join("settings.rs"), text).expect("OUT_DIR is writable");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libeshm.so.1");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
