//! `record`: the values that pass by, into a file.

use crate::{
    capture::Writer,
    exit::Exit,
    failure::Failure,
    name::Name,
    numbers,
    progress::Progress,
    stop::{self, Limit},
    tap::{self, Pace, Which},
};
use eshm::inspect::{self, Found};
use std::{
    fs::File,
    io::{self, BufWriter},
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

/// Write the values that pass by to a file, with their times.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The segment; waited for if there is none.
    name: Name,
    /// The file.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Write over an existing file.
    #[arg(long)]
    force: bool,
    /// Whose values.
    #[arg(long, value_name = "SIDE", default_value = "both")]
    from: Which,
    /// End after so many values.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// End after so many seconds.
    #[arg(long = "for", value_name = "SECONDS", value_parser = numbers::seconds)]
    time: Option<f64>,
    /// Look every so many microseconds: what is overwritten in between is missed. Shorter catches more and costs the pair more.
    #[arg(long, value_name = "US", default_value = "200", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    every: u64,
}

/// Runs it.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    stop::prepare();
    let limit = Limit::of_seconds(args.time);
    let Some(capacity) = await_capacity(args, limit)? else {
        eprintln!("eshmctl: there was no segment '{}'; nothing recorded", args.name);
        return Ok(Exit::Missing);
    };
    let wrong = |error: io::Error| Failure::of_file(&args.output, &error);
    let mut options = File::options();
    options.write(true).create(true).truncate(true).create_new(!args.force);
    let file = options.open(&args.output).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::new(format!("{} exists; --force writes over it", args.output.display())),
        _ => wrong(error),
    })?;
    let mut writer = Writer::new(BufWriter::new(file), args.name.as_ref(), capacity).map_err(wrong)?;
    let (start, mut progress) = (Instant::now(), Progress::new());
    let (mut values, mut missed) = (0_u64, 0_u64);
    tap::listen(&args.name, args.from, Pace::Steady(Duration::from_micros(args.every)), limit, |caught| {
        writer.add(caught.at - start, caught.direction, caught.missed, caught.message).map_err(wrong)?;
        values += 1;
        missed += u64::from(caught.missed);
        progress.tell(|| format!("{values} recorded, {missed} missed"));
        Ok(args.count.is_none_or(|count| values < count))
    })?;
    writer.finish().map_err(wrong)?;
    progress.done();
    println!("{values} recorded, {missed} missed");
    Ok(Exit::Fine)
}

fn await_capacity(args: &Args, limit: Limit) -> Result<Option<usize>, Failure> {
    while !limit.is_over() {
        if let Found::Segment(segment) = inspect::look(&args.name)?.found {
            return Ok(Some(segment.capacity()));
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(None)
}
