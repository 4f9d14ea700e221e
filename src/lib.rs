//! Newest-value exchange between two Linux processes over POSIX shared memory: a drop-in `libeshm` for C and C++, and a
//! safe API for Rust.
//!
//! Two endpoints, a master and a slave, meet in `/dev/shm/eshm_NAME`. Each direction holds the newest message; a read
//! returns it once. Either side may be killed and restarted at any moment, and the other carries on.
//!
//! The house, from the door inwards:
//!
//! - `ffi`: the C functions; argument checks and the panic guard, nothing else.
//! - `endpoint`: what a handle is: roles, reading, writing, moving to another segment, closing.
//! - `triggers`: named calls and events over a channel of their own.
//! - `channel`: one direction: the sequence lock, the copy kernel, the wake-up.
//! - `liveness`: heartbeats, staleness, reconnection, and the one service thread.
//! - `segment`: from a name to mapped, validated memory.
//! - `records`: messages of named, typed values.
//! - `sys`: raw system calls. `sync`: the only place that names atomics. `models`: the lock-free parts under a model checker.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod channel;
mod config;
mod endpoint;
mod error;
#[cfg(eshm_failpoints)]
pub mod failpoint;
#[cfg(not(eshm_failpoints))]
mod failpoint;
pub mod ffi;
pub mod inspect;
mod liveness;
mod log;
#[cfg(all(test, loom))]
mod models;
pub mod records;
mod segment;
mod sync;
mod sys;
#[cfg(not(loom))]
mod triggers;

pub use config::{DisconnectBehavior, HEARTBEAT_INTERVAL_MS, MAX_DATA_SIZE, Role, WakeupMode};
pub use endpoint::{Builder, Endpoint, Stats};
pub use error::{Error, error_text};
pub use log::Level as LogLevel;
#[cfg(not(loom))]
#[doc(hidden)] // for the Python module, whose waits are made of shorter ones
pub use sys::clock::monotonic;
#[cfg(not(loom))]
pub use triggers::Rpc;
