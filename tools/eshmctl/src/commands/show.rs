//! `show`: one segment in full.

use crate::{
    exit::Exit,
    name::Name,
    paint::{Painted, Tone},
    report::{self, Channel, Failure, Life, Report, Severity, Side},
};
use eshm::inspect::{self, Direction, Found};
use std::time::Duration;

/// Show one segment: all fields, both channels, what is wrong with it.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The segment, as `demo` or `eshm_demo`.
    name: Name,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Print the current messages in hexadecimal.
    #[arg(long)]
    hex: bool,
    /// Measure rates over this many milliseconds.
    #[arg(long, value_name = "MS", default_value = "200", value_parser = clap::value_parser!(u64).range(1..=60_000))]
    over: u64,
}

/// Runs it.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let Some(report) = report::collect(&args.name, Duration::from_millis(args.over))? else {
        eprintln!("eshmctl: there is no segment '{}'; `eshmctl list` shows which there are", args.name);
        return Ok(Exit::Missing);
    };
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        text(&report, args)?;
    }
    let wrong = report.findings.iter().any(|finding| finding.severity >= Severity::Warning);
    Ok(if wrong { Exit::Findings } else { Exit::Fine })
}

fn text(report: &Report, args: &Args) -> Result<(), Failure> {
    println!("{}  {}", Painted(Tone::Bold, &report.name), inspect::path(&args.name)?.display());
    println!("  file        {} bytes, mode {}, owner {}, {} s old", report.size, report.mode, report.uid, report.age_s);
    if let Some(segment) = &report.segment {
        println!(
            "  protocol    {}{}",
            segment.protocol,
            if segment.features & 1 == 1 { ", writers wake readers" } else { "" }
        );
        println!("  capacity    {} bytes a message", segment.capacity);
        println!("  stale after {} ms of silence", segment.stale_threshold_ms);
        println!("  masters     {} so far", segment.master_generation);
        side("master", &segment.master);
        side("slave", &segment.slave);
        for (label, channel, direction) in [
            ("master to slave", &segment.master_to_slave, Direction::MasterToSlave),
            ("slave to master", &segment.slave_to_master, Direction::SlaveToMaster),
        ] {
            one_channel(label, channel);
            message(args, direction)?;
        }
    }
    for finding in &report.findings {
        let (tone, word) = match finding.severity {
            Severity::Note => (Tone::Dim, "note"),
            Severity::Warning => (Tone::Warn, "warning"),
            Severity::Problem => (Tone::Bad, "problem"),
        };
        println!("{}: {}\n    {}", Painted(tone, word), finding.what, finding.advice);
    }
    if report.findings.is_empty() {
        println!("{}", Painted(Tone::Good, "nothing is wrong"));
    }
    Ok(())
}

fn side(label: &str, side: &Side) {
    let life = match side.life {
        Life::Absent => Painted(Tone::Dim, "not there"),
        Life::Alive => Painted(Tone::Good, "alive"),
        Life::Silent => Painted(Tone::Warn, "silent"),
        Life::Dead => Painted(Tone::Bad, "dead"),
    };
    print!("  {label:11} {life}");
    if let Some(pid) = side.pid {
        print!(", process {pid}");
    }
    match side.library {
        Some("released") => print!(", a released library"),
        Some(_) => print!(", this library"),
        None => {}
    }
    println!(", {:.0} beats a second, {} in all", side.beats_per_second, side.heartbeat);
    if let Some(command) = &side.command {
        println!("              {}", command.escape_debug());
    }
}

fn one_channel(label: &str, channel: &Channel) {
    println!("  {}", Painted(Tone::Bold, label));
    println!("    written   {} ({:.0} a second)", channel.writes, channel.writes_per_second);
    println!("    read      {} ({:.0} a second), {} never", channel.reads, channel.reads_per_second, channel.missed);
    let state = if channel.sequence & 1 == 0 { "whole" } else { "being written" };
    println!("    sequence  {}, {state}; {} signals, {} parked", channel.sequence, channel.wake_seq, channel.waiters);
}

/// Looks tried for a message between two writes.
const TRIES: u32 = 10_000;
/// Bytes of a message shown.
const SHOWN: usize = 64;

fn message(args: &Args, direction: Direction) -> Result<(), Failure> {
    let Found::Segment(segment) = inspect::look(&args.name)?.found else { return Ok(()) };
    let mut bytes = Vec::new();
    if !(0..TRIES).any(|_| segment.message(direction, None, &mut bytes).is_some()) {
        println!("    message   none");
        return Ok(());
    }
    let more = if bytes.len() > SHOWN { " ..." } else { "" };
    let part = &bytes[..bytes.len().min(SHOWN)];
    let shown = match std::str::from_utf8(part) {
        Ok(text) if !args.hex => format!("\"{}\"", text.escape_debug()),
        _ => part.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "),
    };
    println!("    message   {} bytes: {shown}{more}", bytes.len());
    Ok(())
}
