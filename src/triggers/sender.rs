//! Firing: number, encode, write.

use super::{Kind, message};
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::sync;
use std::sync::Mutex;

/// The number of the trigger fired last, with the memory it was written in. The lock keeps numbers in the order they are
/// written.
#[derive(Default)]
pub(super) struct Sender(pub(super) Mutex<(u64, Vec<u8>)>);

impl Sender {
    /// Fires one trigger. One that cannot be written has used no number, so it is no gap at the other side.
    pub(super) fn fire(&self, endpoint: &Endpoint, kind: Kind, name: &[u8]) -> Result<(), Error> {
        let mut sender = sync::hold(&self.0);
        let (last, bytes) = &mut *sender;
        let number = *last + 1;
        let size = message::encode(kind, name, number, bytes)?;
        endpoint.write_patiently(&bytes[..size])?;
        *last = number;
        Ok(())
    }
}
