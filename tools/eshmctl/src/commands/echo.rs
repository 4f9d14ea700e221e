//! `echo`: answers every value with itself.

use crate::{
    exit::Exit,
    failure::Failure,
    numbers,
    side::{self, As, Place, SideArgs},
    stop::{self, Limit},
};
use eshm::Error;
use std::time::Duration;

/// Answer every value with itself, for `ping`.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    side: SideArgs,
    /// Which side to be.
    #[arg(long = "as", value_name = "SIDE", default_value = "slave")]
    role: As,
    /// End after so many seconds.
    #[arg(long = "for", value_name = "SECONDS", value_parser = numbers::seconds)]
    time: Option<f64>,
}

/// Runs it.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    stop::prepare();
    let endpoint = side::open(&args.side, args.role)?;
    let limit = Limit::of_seconds(args.time);
    let mut buffer = vec![0; endpoint.capacity()?];
    let (mut answered, mut place) = (0_u64, Place::of(&endpoint, &args.side.name));
    loop {
        match endpoint.read_timeout(&mut buffer, Duration::from_millis(50)) {
            Ok(size) => match endpoint.write(&buffer[..size]) {
                Ok(()) => answered += 1,
                Err(Error::Timeout) => {} // the asker has gone meanwhile
                Err(error) => return Err(Failure::from(error).about(&args.side.name)),
            },
            Err(Error::Timeout) if limit.is_over() => break,
            Err(Error::Timeout) => place.check()?,
            Err(Error::BufferTooSmall { size }) => buffer.resize(size, 0),
            Err(error) => return Err(Failure::from(error).about(&args.side.name)),
        }
        // Busy or not: a look at the clock now and then.
        if answered % 1024 == 1023 && limit.is_over() {
            break;
        }
    }
    println!("{answered} answered");
    Ok(Exit::Fine)
}
