//! `echo`: answers every value with itself.

use crate::{
    exit::Exit,
    failure::Failure,
    say,
    side::{self, As, Place, SideArgs},
    stop::{self, Limit},
    tap, tell, time,
    waiting::{self, Notice},
};
use eshm::{Endpoint, Error};
use std::time::Duration;

/// Answer every value with itself, for `ping`.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    side: SideArgs,
    /// Which side to be; by default the slave, also of a master that is yet to come.
    #[arg(long = "as", value_name = "SIDE")]
    role: Option<As>,
    /// End after this time; a bare number is seconds.
    #[arg(long = "for", value_name = time::VALUE, value_parser = time::seconds)]
    time: Option<Duration>,
}

/// Runs it.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    stop::prepare();
    let limit = Limit::after(args.time);
    let Some(endpoint) = open(args, limit)? else {
        say!("0 answered");
        tell!("there was no segment '{}'; nothing answered", args.side.name);
        return Ok(Exit::Missing);
    };
    let mut buffer = side::buffer(&endpoint, &args.side.name)?;
    let (mut answered, mut place) = (0_u64, Place::of(&endpoint, &args.side.name));
    let mut notice = Notice::new();
    loop {
        match endpoint.read_timeout(&mut buffer, Duration::from_millis(50)) {
            Ok(size) => match endpoint.write(&buffer[..size]) {
                Ok(()) => {
                    answered += 1;
                    notice.over();
                }
                Err(Error::Timeout) => {} // the asker has gone meanwhile
                Err(error) => return Err(Failure::from(error).about(&args.side.name)),
            },
            Err(Error::Timeout) if limit.is_over() => break,
            Err(Error::Timeout) => {
                place.check()?;
                notice.tell_if_long(|| waiting::for_a_value(&endpoint, &args.side.name));
            }
            Err(Error::BufferTooSmall { size, .. }) => {
                buffer = side::buffer_of(size, &args.side.name)?;
            }
            Err(error) => return Err(Failure::from(error).about(&args.side.name)),
        }
        // Busy or not: a look at the clock now and then.
        if answered % 1024 == 1023 && limit.is_over() {
            break;
        }
    }
    say!("{answered} answered");
    Ok(Exit::Fine)
}

/// Opens its side; by default once there is a master to be the slave of. `None` if the time passes
/// first.
fn open(args: &Args, limit: Limit) -> Result<Option<Endpoint>, Failure> {
    if let Some(role) = args.role {
        return side::open(&args.side, role).map(Some);
    }
    while tap::await_segment(&args.side.name, limit, false)?.is_some() {
        match side::open(&args.side, As::Slave) {
            Err(failure) if failure.exit() == Exit::Missing => {} // it has gone meanwhile
            opened => return opened.map(Some),
        }
    }
    Ok(None)
}
