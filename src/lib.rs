//! Newest-value exchange between two Linux processes over POSIX shared memory: a drop-in `libeshm` for C and C++, and a
//! safe API for Rust.
//!
//! Two endpoints, a master and a slave, meet in `/dev/shm/eshm_NAME`. Each direction holds the newest message; a read
//! returns it once. Either side may be killed and restarted at any moment, and the other carries on.
//!
//! # A pair
//!
//! ```
//! use eshm::{Endpoint, Role};
//! use std::time::Duration;
//!
//! # let name = format!("doc_front_{}", std::process::id());
//! // In one process: creates /dev/shm/eshm_NAME.
//! let robot = Endpoint::builder(&name).role(Role::Master).open()?;
//! // In another: attaches to it.
//! let policy = Endpoint::builder(&name).role(Role::Slave).open()?;
//!
//! robot.write(b"joint angles")?;
//! let mut buffer = vec![0; policy.capacity()?];
//! let size = policy.read_timeout(&mut buffer, Duration::from_secs(1))?;
//! assert_eq!(&buffer[..size], b"joint angles");
//! policy.write(b"torques")?;
//! # Ok::<(), eshm::Error>(())
//! ```
//!
//! # What to know
//!
//! - **Roles.** A [`Role::Master`] creates the segment, a [`Role::Slave`] attaches to it ([`Builder::wait_for_master`] says how
//!   long it waits for one), and [`Role::Auto`] is what is missing.
//! - **Values.** A read gives the newest value that was written since this end opened, and gives it once. What is written in
//!   between is overwritten. [`Builder::first_value`] also gives what was there before.
//! - **Waiting.** [`Endpoint::read_timeout`] waits, [`Endpoint::try_read`] does not, and [`Endpoint::event_fd`] is a descriptor
//!   for poll(2) and event loops.
//! - **Errors.** [`Error::NoData`] and [`Error::Timeout`] are part of normal operation. A refused opening says what, where and
//!   what to do; each [`Error`] is documented.
//! - **Death.** A killed peer is noticed within 10 ms ([`Endpoint::remote_alive`]). A slave reconnects by itself as often as
//!   [`Builder::max_reconnect_attempts`] says, or does what its [`DisconnectBehavior`] asks for. A stopped or killed process
//!   never leaves the other one blocked.
//! - **Threads and forks.** An [`Endpoint`] is for any number of threads. A forked child opens its own.
//! - **Others.** The peer may be C, C++ or Python, on this library or on a released `libeshm`.
//!
//! [`Rpc`] calls functions and tells events by name over a channel; [`records`] makes messages of named, typed values;
//! [`inspect`] looks at segments from outside. `docs/ARCHITECTURE.md` has the inside of this crate.

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
