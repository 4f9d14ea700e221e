//! Raw system calls, each behind a safe or documented-unsafe function; nothing outside this folder calls libc.

pub(crate) mod clock;
pub(crate) mod decimal;
pub(crate) mod eventfd;
pub(crate) mod file;
pub(crate) mod fork;
pub(crate) mod futex;
pub(crate) mod identity;
pub(crate) mod lock;
pub(crate) mod map;
#[cfg(not(loom))]
pub(crate) mod membarrier;
pub(crate) mod process;
pub(crate) mod thread;
