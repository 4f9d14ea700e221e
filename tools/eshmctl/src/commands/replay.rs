//! `replay`: recorded values, at their times.

use crate::{
    capture::Reader,
    exit::Exit,
    failure::Failure,
    name::Name,
    numbers,
    progress::Progress,
    side::{self, As, SideArgs},
    standard, stop,
};
use clap::ValueEnum;
use eshm::{Endpoint, Error, inspect::Direction};
use std::{
    fs::File,
    io::{BufReader, Read},
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

/// Whose recorded values to play.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum From {
    /// The master's.
    Master,
    /// The slave's.
    Slave,
}

/// Play recorded values back, as one side of a segment.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// A file that `record` wrote; `-` for standard input.
    file: PathBuf,
    /// The segment, as `demo` or `eshm_demo`; without, the one that was recorded.
    name: Option<Name>,
    /// Bytes of the largest message, where the segment is created; at least what the recorded one had.
    #[arg(long, value_name = "BYTES", default_value_t = eshm::MAX_DATA_SIZE, value_parser = numbers::capacity)]
    capacity: usize,
    /// As master, take the place of a live one.
    #[arg(long)]
    replace: bool,
    /// Whose values.
    #[arg(long, value_name = "SIDE", default_value = "master")]
    from: From,
    /// Which side to be; by default the one whose values are played.
    #[arg(long = "as", value_name = "SIDE")]
    role: Option<As>,
    /// So many times as fast.
    #[arg(long, value_name = "FACTOR", default_value = "1", value_parser = numbers::factor)]
    speed: f64,
    /// Begin only once the other side is there.
    #[arg(long)]
    wait: bool,
}

/// Runs it.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    stop::prepare();
    let wrong = |why: Failure| Failure::new(format!("{}: {why}", args.file.display()));
    let input: Box<dyn Read> = match standard::is_meant(&args.file) {
        true => Box::new(standard::Input::new()?),
        false => Box::new(File::open(&args.file).map_err(|error| Failure::of_file(&args.file, &error))?),
    };
    let mut reader = Reader::new(BufReader::new(input)).map_err(wrong)?;
    let (direction, own) = match args.from {
        From::Master => (Direction::MasterToSlave, As::Master),
        From::Slave => (Direction::SlaveToMaster, As::Slave),
    };
    let name = args.name.clone().unwrap_or_else(|| Name::of_file(reader.name.clone()));
    let side = SideArgs { name, capacity: args.capacity.max(reader.capacity as usize), replace: args.replace };
    let endpoint = side::open(&side, args.role.unwrap_or(own))?;
    if args.wait {
        await_peer(&endpoint)?;
    }
    let (mut first, mut played, mut start) = (None, 0_u64, Instant::now());
    let mut progress = Progress::new();
    while let Some(frame) = reader.next().map_err(wrong)? {
        if stop::asked() {
            break;
        }
        if frame.direction != direction {
            continue;
        }
        let begin = *first.get_or_insert_with(|| {
            start = Instant::now();
            frame.time
        });
        let due = start + frame.time.saturating_sub(begin).div_f64(args.speed);
        while Instant::now() < due && !stop::asked() {
            thread::sleep(due.saturating_duration_since(Instant::now()).min(Duration::from_millis(50)));
        }
        write(&endpoint, &frame.value).map_err(|failure| failure.about(&side.name))?;
        played += 1;
        progress.tell(|| {
            format!("{played} played, at {:.1} s of the recording", frame.time.saturating_sub(begin).as_secs_f64())
        });
    }
    progress.done();
    println!("{played} played in {:.3} s", start.elapsed().as_secs_f64());
    Ok(Exit::Fine)
}

fn await_peer(endpoint: &Endpoint) -> Result<(), Failure> {
    // Before the threshold has passed for the first time a peer that never came counts as alive.
    let mut beats = [0; 2];
    while !stop::asked() {
        let stats = endpoint.stats();
        if let Ok(stats) = stats {
            let now = [stats.master_heartbeat, stats.slave_heartbeat];
            if stats.master_alive && stats.slave_alive && now[0] > beats[0] && now[1] > beats[1] && beats != [0; 2] {
                return Ok(());
            }
            beats = now;
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Writes one value; while the master is away, again.
fn write(endpoint: &Endpoint, value: &[u8]) -> Result<(), Failure> {
    loop {
        match endpoint.write(value) {
            Ok(()) => return Ok(()),
            Err(Error::Timeout) if !stop::asked() => thread::sleep(Duration::from_millis(5)),
            Err(error) => return Err(error.into()),
        }
    }
}
