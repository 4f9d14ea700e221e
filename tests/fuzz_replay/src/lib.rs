//! What the fuzz targets in `fuzz/` do with their input. The same functions replay the committed inputs in `cargo test`, on
//! the stable toolchain and without libFuzzer.
//!
//! Each input is a program: [`input::Input`] hands its bytes out as choices. Each target leaves the process and `/dev/shm` as it
//! found them, and [`leftovers`] checks that.

pub mod api_calls;
pub mod buffers;
pub mod handle;
pub mod hostile_segment;
pub mod input;
pub mod leftovers;
pub mod message;
pub mod mutating;
pub mod names;
pub mod options;
pub mod record_bytes;
pub mod record_calls;
pub mod trigger_calls;

/// A target: runs one input, and panics if the library did what it must not.
pub type Target = fn(&[u8]);

/// All targets by name; each has a file in `fuzz/fuzz_targets` and a folder in `fuzz/corpus`.
pub const TARGETS: [(&str, Target); 7] = [
    ("api_calls", api_calls::run),
    ("hostile_segment", hostile_segment::run),
    ("mutating", mutating::run),
    ("names", names::run),
    ("record_bytes", record_bytes::run),
    ("record_calls", record_calls::run),
    ("trigger_calls", trigger_calls::run),
];

/// Runs one input of a target, and checks that nothing is left of it.
pub fn checked(target: Target, bytes: &[u8]) {
    let before = leftovers::descriptors();
    target(bytes);
    leftovers::check(before);
}
