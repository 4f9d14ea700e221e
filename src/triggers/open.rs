//! Opening the trigger channel.

use crate::config::{DisconnectBehavior, Role, Settings};
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::segment::name::quoted;
use crate::sys::clock::{self, MS};
use std::time::Duration;

/// What is added to the name.
const SUFFIX: &[u8] = b"_ctl";
/// How long a slave waits for its master, in nanoseconds.
const PATIENCE: u64 = 5000 * MS;
/// Between two attempts.
const AGAIN: Duration = Duration::from_millis(10);

/// Opens `NAME_ctl`; a slave tries for a while.
pub(super) fn open(channel: &[u8], role: Role) -> Result<Endpoint, Error> {
    if channel.is_empty() {
        return Err(Error::InvalidParameter("a channel's name has at least one byte".to_owned()));
    }
    let name = [channel, SUFFIX].concat();
    let end = clock::now() + PATIENCE;
    loop {
        // A slave stays through any number of masters: its handlers are registered for good.
        let settings = Settings { role, behavior: DisconnectBehavior::Never, ..Settings::default() };
        match Endpoint::open(&name, settings) {
            Err(Error::Attach(_)) if role == Role::Slave && clock::now() < end => clock::sleep(AGAIN),
            result => return result.map_err(|error| error.of_channel(&quoted(&name))),
        }
    }
}
