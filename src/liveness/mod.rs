//! Heartbeats, staleness, reconnection. The rules are pure state machines ([`remote`], [`reconnect`], [`signalling`], [`doubt`]);
//! [`tick`] and [`follow`] feed them from a segment once a millisecond, [`service`] is the one thread that does so for all handles.

pub(crate) mod doubt;
pub(crate) mod follow;
pub(crate) mod forsaken;
pub(crate) mod monitor;
pub(crate) mod parity;
pub(crate) mod reconnect;
pub(crate) mod remote;
pub(crate) mod service;
pub(crate) mod signalling;
pub(crate) mod strangers;
pub(crate) mod tick;
pub(crate) mod work;
