//! `replay`: recorded values, at their times.

use crate::{
    capture::Reader,
    delivery::Delivery,
    exit::Exit,
    failure::Failure,
    name::Name,
    numbers,
    progress::Progress,
    say,
    side::{self, As, SideArgs},
    standard,
    stop::{self, Limit},
    tap, tell,
    waiting::{self, Notice},
};
use clap::ValueEnum;
use eshm::{Endpoint, Error, inspect::Direction};
use std::{
    io::BufReader,
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
    /// Bytes of the largest message, where the segment is created; at least what the recorded one
    /// had.
    #[arg(
        long,
        value_name = "BYTES",
        default_value_t = eshm::MAX_DATA_SIZE,
        value_parser = numbers::capacity
    )]
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
    /// Begin only once the other side is there; as slave, wait for the segment too.
    #[arg(long)]
    wait: bool,
}

/// How long the last value may take to be read.
const PATIENCE: Duration = Duration::from_secs(1);

/// Runs it.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    stop::prepare();
    let wrong = |why: Failure| {
        Failure::new(format!("{}: {why}", standard::shown(&args.file, standard::INPUT)))
    };
    let mut reader = match Reader::new(BufReader::new(standard::Input::open(&args.file)?)) {
        Ok(reader) => reader,
        Err(_) if stop::asked() => return Ok(ended(0, Instant::now())), // while nothing came
        Err(why) => return Err(wrong(why)),
    };
    let (direction, own) = match args.from {
        From::Master => (Direction::MasterToSlave, As::Master),
        From::Slave => (Direction::SlaveToMaster, As::Slave),
    };
    let name = match &args.name {
        Some(name) => name.clone(),
        None => Name::recorded(&reader.name)
            .map_err(|error| wrong(Failure::new(format!("{error}; name one after the file"))))?,
    };
    let side = SideArgs {
        name,
        capacity: args.capacity.max(reader.capacity as usize),
        replace: args.replace,
    };
    let role = args.role.unwrap_or(own);
    if args.wait
        && role == As::Slave
        && tap::await_segment(&side.name, Limit::after(None), false)?.is_none()
    {
        return Ok(ended(0, Instant::now()));
    }
    let endpoint = side::open(&side, role)?;
    if args.wait {
        await_peer(&endpoint, &side.name)?;
    }
    let mut delivery = Delivery::new(&side.name, endpoint.role());
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
            thread::sleep(
                due.saturating_duration_since(Instant::now()).min(Duration::from_millis(50)),
            );
        }
        if !write(&endpoint, &side.name, &frame.value, &mut delivery)
            .map_err(|failure| failure.about(&side.name))?
        {
            break;
        }
        played += 1;
        progress.tell(|| {
            format!(
                "{played} played, at {:.1} s of the recording",
                frame.time.saturating_sub(begin).as_secs_f64()
            )
        });
    }
    progress.done();
    let end = Instant::now() + PATIENCE; // what is read is not lost with the segment
    while played > 0 && !delivery.was_read() && Instant::now() < end && !stop::asked() {
        thread::sleep(Duration::from_millis(5));
    }
    let exit = ended(played, start);
    if played > 0 && !delivery.was_read() {
        tell!("{}", delivery.unread(played, PATIENCE, "--wait begins only once it is there"));
        return Ok(Exit::TimedOut);
    }
    Ok(exit)
}

/// Prints the closing line.
fn ended(played: u64, start: Instant) -> Exit {
    say!("{played} played in {:.3} s", start.elapsed().as_secs_f64());
    Exit::Fine
}

fn await_peer(endpoint: &Endpoint, name: &Name) -> Result<(), Failure> {
    // Before the threshold has passed for the first time a peer that never came counts as alive.
    let (mut beats, mut notice) = ([0; 2], Notice::new());
    while !stop::asked() {
        let stats = endpoint.stats();
        if let Ok(stats) = stats {
            let now = [stats.master_heartbeat, stats.slave_heartbeat];
            if stats.master_alive
                && stats.slave_alive
                && now[0] > beats[0]
                && now[1] > beats[1]
                && beats != [0; 2]
            {
                return Ok(());
            }
            beats = now;
        }
        notice.tell_if_long(|| waiting::for_the_other(endpoint, name));
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Writes one value; while the master is away, again. False if a signal ended that.
fn write(
    endpoint: &Endpoint,
    name: &Name,
    value: &[u8],
    delivery: &mut Delivery,
) -> Result<bool, Failure> {
    let mut notice = Notice::new();
    loop {
        delivery.begin();
        match endpoint.write(value) {
            Ok(()) => return Ok(true),
            Err(Error::Timeout) if stop::asked() => return Ok(false),
            Err(Error::Timeout) => {
                notice.tell_if_long(|| waiting::to_write(endpoint, name));
                thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(error.into()),
        }
    }
}
