//! `record`: the values that pass by, into a file.

use crate::{
    capture::Writer,
    exit::Exit,
    failure::Failure,
    name::Name,
    progress::Progress,
    say, standard,
    stop::{self, Limit},
    tap::{self, Pace, Which},
    tell, time,
};
use std::{
    fs::File,
    io::{self, BufWriter, IsTerminal, Write},
    path::PathBuf,
    time::{Duration, Instant},
};

/// Write the values that pass by to a file, with their times.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The segment; waited for if there is none.
    name: Name,
    /// The file; `-` for standard output.
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
    /// End after this time; a bare number is seconds.
    #[arg(long = "for", value_name = time::VALUE, value_parser = time::seconds)]
    time: Option<Duration>,
    /// Look so often; a bare number is microseconds. What is overwritten in between is missed.
    /// Shorter catches more and costs the pair more.
    #[arg(
        long,
        value_name = time::VALUE,
        default_value = "200us",
        value_parser = time::microseconds(1..=10_000_000)
    )]
    every: Duration,
}

/// Runs it.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    stop::prepare();
    let limit = Limit::after(args.time);
    let piped = standard::is_meant(&args.output);
    let Some((segment, fresh)) = tap::await_segment(&args.name, limit, false)? else {
        close(0, 0, piped);
        tell!("there was no segment '{}'; nothing recorded", args.name);
        return Ok(Exit::Missing);
    };
    let wrong = |error: io::Error| Failure::of_file(&args.output, &error);
    let mut writer =
        Writer::new(open(args)?, args.name.as_ref(), segment.capacity()).map_err(wrong)?;
    drop(segment);
    let (start, mut progress) = (Instant::now(), Progress::new());
    let (mut values, mut missed) = (0_u64, 0_u64);
    tap::listen(&args.name, args.from, Pace::Steady(args.every), limit, fresh, |caught| {
        writer
            .add(caught.at - start, caught.direction, caught.missed, caught.message)
            .map_err(wrong)?;
        if piped {
            writer.flush().map_err(wrong)?; // its reader may play it at once
        }
        values += 1;
        missed += u64::from(caught.missed);
        progress.tell(|| format!("{values} recorded, {missed} missed"));
        Ok(args.count.is_none_or(|count| values < count))
    })?;
    writer.finish().map_err(wrong)?;
    progress.done();
    close(values, missed, piped);
    Ok(Exit::Fine)
}

/// Prints the closing line; beside what is recorded, where that goes to standard output.
fn close(values: u64, missed: u64, piped: bool) {
    let told = format_args!("{values} recorded, {missed} missed\n");
    if piped { say::beside(told) } else { say::out(told) }
}

/// Where the values go.
fn open(args: &Args) -> Result<Box<dyn Write>, Failure> {
    if standard::is_meant(&args.output) {
        if io::stdout().is_terminal() {
            return Err(Failure::new(
                "what is recorded is not for a terminal; name a file, or a pipe behind `-o -`",
            ));
        }
        return Ok(Box::new(BufWriter::new(io::stdout())));
    }
    let mut options = File::options();
    options.write(true).create(true).truncate(true).create_new(!args.force);
    let file = options.open(&args.output).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::new(format!(
            "{} exists; --force writes over it",
            standard::shown(&args.output, "it")
        )),
        _ => Failure::of_file(&args.output, &error),
    })?;
    Ok(Box::new(BufWriter::new(file)))
}
