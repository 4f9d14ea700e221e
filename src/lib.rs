//! Newest-value exchange between two Linux processes over POSIX shared memory: a drop-in `libeshm` for C and C++, and a
//! safe API for Rust.
//!
//! Two endpoints, a master and a slave, meet in `/dev/shm/eshm_NAME`, each in a process of its own. Each direction holds the
//! newest message; a read returns it once, and a message that nobody has read is replaced by the next. Either side may be
//! killed and restarted at any moment, and the other carries on.
//!
//! ```
//! use eshm::{Endpoint, Role};
//! use std::time::Duration;
//!
//! # let name = format!("doc_front_{}", std::process::id());
//! # let name = name.as_str();
//! let robot = Endpoint::builder(name).role(Role::Master).open()?; // in one process
//! let panel = Endpoint::builder(name).role(Role::Slave).open()?; // in the other
//! robot.write(b"speed 1.5")?;
//! let mut buffer = [0; 64];
//! let size = panel.read_timeout(&mut buffer, Duration::from_secs(1))?;
//! assert_eq!(&buffer[..size], b"speed 1.5");
//! # Ok::<(), eshm::Error>(())
//! ```
//!
//! # Roles
//! A master creates the segment, and removes its name at the end. A slave attaches to it: at once, or when the master comes
//! ([`Builder::wait_for_master`]). [`Role::Auto`], the default, is a slave where a master lives, and else the master. Both sides
//! write and read. One process needs one endpoint of a channel: any threads may use it at once.
//!
//! # Waiting
//! [`Endpoint::try_read`] never waits. [`Endpoint::read_timeout`] waits until a message comes or the time has passed, which is
//! [`Error::Timeout`]. A write does not wait for readers. [`Endpoint::event_fd`] is a descriptor for `poll`, `epoll` and event
//! loops, with an example; it is [`AsFd`](std::os::fd::AsFd) and [`AsRawFd`](std::os::fd::AsRawFd), as they ask for. An
//! [`Endpoint`] itself is not: there may be no descriptor left for it.
//!
//! # Errors
//! An [`Error`] says what happened and what to do, such as [`Error::Attach`] with "channel 'robot': there is no such segment; start
//! the master first". [`Error::code`] is the number that C gives. Nothing panics, and nothing is left half open.
//!
//! # When the peer dies
//! [`Endpoint::remote_alive`] turns false after about ten milliseconds where the kernel proves the death, and after the stale
//! threshold (100 ms) of silence where not. What it wrote last can still be read. A master goes on writing; the next slave finds
//! the newest. A slave looks for a new master for five seconds ([`Builder::reconnect_wait`], [`DisconnectBehavior`]); meanwhile its
//! writes are [`Error::Timeout`], and its reads go on waiting. After that it has given up: open a new one.
//!
//! ```
//! # use eshm::{Endpoint, Role};
//! # use std::time::{Duration, Instant};
//! # let name = format!("doc_dies_{}", std::process::id());
//! # let robot = Endpoint::builder(&name).role(Role::Master).open()?;
//! # let panel = Endpoint::builder(&name).role(Role::Slave).open()?;
//! robot.write(b"last words")?;
//! drop(robot);
//! # let end = Instant::now() + Duration::from_secs(60);
//! while panel.remote_alive()? {
//!     # assert!(Instant::now() < end);
//!     std::thread::sleep(Duration::from_millis(1));
//! }
//! let mut buffer = [0; 64];
//! assert_eq!(panel.try_read(&mut buffer)?, Some(10));
//! assert_eq!(panel.write(b"hello?"), Err(eshm::Error::Timeout));
//! # Ok::<(), eshm::Error>(())
//! ```
//!
//! # More
//! [`records`] are messages of named, typed values; [`Rpc`] calls handlers in the other process; [`inspect`] looks at segments
//! from outside. In C all of it is `eshm.h`; `ESHM_LOG` says how much goes to standard error ([`LogLevel`]).

// The house, from the door inwards:
//
// - `ffi`: the C functions; argument checks and the panic guard, nothing else.
// - `endpoint`: what a handle is: roles, reading, writing, moving to another segment, closing.
// - `triggers`: named calls and events over a channel of their own.
// - `channel`: one direction: the sequence lock, the copy kernel, the wake-up.
// - `liveness`: heartbeats, staleness, reconnection, and the one service thread.
// - `segment`: from a name to mapped, validated memory.
// - `records`: messages of named, typed values.
// - `sys`: raw system calls. `sync`: the only place that names atomics. `models`: the lock-free parts under a model checker.

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
