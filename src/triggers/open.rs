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

/// Opens `NAME_ctl`. `None` after a pause if a slave is to try again; `end` is when it has tried long enough, found out at the first
/// attempt, where it is 0.
pub(super) fn attempt(channel: &[u8], role: Role, end: &mut u64) -> Result<Option<Endpoint>, Error> {
    if channel.is_empty() {
        return Err(Error::InvalidParameter("a channel's name has at least one byte".to_owned()));
    }
    if *end == 0 {
        *end = clock::now() + PATIENCE;
    }
    let name = [channel, SUFFIX].concat();
    // A slave stays through any number of masters: its handlers are registered for good.
    let settings = Settings { role, behavior: DisconnectBehavior::Never, ..Settings::default() };
    match Endpoint::attempt(&name, &settings, &mut 0) {
        Err(Error::Attach(_)) if role == Role::Slave && clock::now() < *end => {
            clock::sleep(AGAIN);
            Ok(None)
        }
        result => result.map_err(|error| error.of_channel(&quoted(&name))),
    }
}
