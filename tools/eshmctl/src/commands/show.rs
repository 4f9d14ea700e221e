//! `show`: one segment in full.

use crate::{
    exit::Exit,
    failure::Failure,
    name::Name,
    numbers,
    paint::{Painted, Tone},
    payload::{self, Form, Message},
    report::{self, AgeOf, Channel, Life, Report, Severity, Side},
    say, say_part, tell, text, time,
};
use eshm::inspect::{self, Direction, Found, Sight};
use std::time::{Duration, Instant};

/// Show one segment: all fields, both channels, what is wrong with it.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The segment, as `demo` or `eshm_demo`.
    name: Name,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Print the current messages in hexadecimal, whole; by default as text, as a record or in
    /// hexadecimal, as they are, and of text or bytes the first 64.
    #[arg(long)]
    hex: bool,
    /// Print them as records; exit code 3 if one is none.
    #[arg(long, conflicts_with = "hex")]
    record: bool,
    /// Measure rates over this time; a bare number is milliseconds.
    #[arg(
        long,
        value_name = time::VALUE,
        default_value = "200ms",
        value_parser = time::milliseconds(1..=60_000)
    )]
    over: Duration,
}

/// Runs it.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let Some(mut report) = report::collect(&args.name, args.over) else {
        tell!("there is no segment '{}'; `eshmctl list` shows which there are", args.name);
        return Ok(Exit::Missing);
    };
    let messages = messages(&args.name);
    if let Some(segment) = &mut report.segment {
        segment.master_to_slave.message = messages[0].as_deref().map(Message::of);
        segment.slave_to_master.message = messages[1].as_deref().map(Message::of);
    }
    if args.json {
        say!("{}", text::json(&serde_json::to_string_pretty(&report)?));
    } else {
        whole(&report, args, &messages);
    }
    let no_record =
        args.record && messages.iter().flatten().any(|message| !payload::is_record(message));
    let wrong = report.findings.iter().any(|finding| finding.severity >= Severity::Warning);
    Ok(if wrong || no_record { Exit::Findings } else { Exit::Fine })
}

fn whole(report: &Report, args: &Args, messages: &[Option<Vec<u8>>; 2]) {
    say!("{}  {}", Painted(Tone::Bold, &report.name), args.name.shown_path());
    let age = match report.age_of {
        AgeOf::Birth => format!("{} s old", report.age_s),
        AgeOf::Change => format!(
            "changed {} s ago (its file system does not say when it was made)",
            report.age_s
        ),
    };
    say!("  file        {} bytes, mode {}, owner {}, {age}", report.size, report.mode, report.uid);
    if let Some(segment) = &report.segment {
        let woken = if segment.features & 1 == 1 { "writers wake readers" } else { "readers poll" };
        say!("  protocol    {}, {woken} (features {:#x})", segment.protocol, segment.features);
        let account = match segment.layout_size {
            0 => "not said, as in protocol 2".to_owned(),
            size => format!("{size} bytes"),
        };
        say!(
            "  capacity    {} bytes a message; the segment by its own account: {account}",
            segment.capacity
        );
        say!("  stale after {} ms of silence", segment.stale_threshold_ms);
        say!("  masters     {} so far", segment.master_generation);
        side("master", &segment.master);
        side("slave", &segment.slave);
        let channels = [
            ("master to slave", &segment.master_to_slave),
            ("slave to master", &segment.slave_to_master),
        ];
        for ((label, channel), message) in channels.into_iter().zip(messages) {
            one_channel(label, channel);
            say!(
                "    message   {}",
                message
                    .as_deref()
                    .map_or_else(|| why_none(channel), |message| shown(message, args))
            );
        }
    }
    for finding in &report.findings {
        let (tone, word) = match finding.severity {
            Severity::Note => (Tone::Dim, "note"),
            Severity::Warning => (Tone::Warn, "warning"),
            Severity::Problem => (Tone::Bad, "problem"),
        };
        say!("{}: {}\n    {}", Painted(tone, word), finding.what, finding.advice);
    }
    if report.findings.is_empty() {
        say!("{}", Painted(Tone::Good, "nothing is wrong"));
    }
}

fn side(label: &str, side: &Side) {
    let life = match side.life {
        Life::Absent => Painted(Tone::Dim, "not there"),
        Life::Alive => Painted(Tone::Good, "alive"),
        Life::Silent => Painted(Tone::Warn, "silent"),
        Life::Dead => Painted(Tone::Bad, "dead"),
        Life::Unknown => Painted(Tone::Warn, "unknown"),
    };
    say_part!("  {label:11} {life}");
    if let Some(pid) = side.pid {
        say_part!(", process {pid}");
    }
    match side.library {
        Some("released") => say_part!(", a released library"),
        Some(_) => say_part!(", this library"),
        None => {}
    }
    say!(", {:.0} beats a second, {} in all", side.beats_per_second, side.heartbeat);
    if side.pid.is_some() {
        let flag = match (side.flag, side.life) {
            (false, _) => "clear: left",
            (true, Life::Dead) => "set: never left",
            (true, Life::Unknown) => "set: attached, or never left",
            (true, _) => "set: attached",
        };
        let lock = match side.lock {
            0 => "none: judged by heartbeat and process".to_owned(),
            word => format!("{word}: judged by its lock on the file"),
        };
        say!("              alive flag {flag}; lock {lock}");
    }
    if let Some(command) = &side.command {
        say!("              {}", text::shown(command));
    }
}

fn one_channel(label: &str, channel: &Channel) {
    say!("  {}", Painted(Tone::Bold, label));
    say!("    written   {} ({:.0} a second)", channel.writes, channel.writes_per_second);
    say!(
        "    read      {} ({:.0} a second), {} never read",
        channel.reads,
        channel.reads_per_second,
        channel.missed
    );
    let state = if channel.sequence & 1 == 0 { "whole" } else { "being written" };
    say_part!(
        "    sequence  {}, {state}; {}, {} parked",
        channel.sequence,
        numbers::count(channel.wake_seq, "signal"),
        channel.waiters
    );
    say!("{}", if channel.reader_waiting { "; a reader asks for a quiet moment" } else { "" });
}

/// How long a message is tried for between two writes.
const PATIENCE: Duration = Duration::from_millis(250);
/// Characters of a text, or bytes, that are shown unless all are asked for.
const SHOWN: usize = 64;

/// The current messages of both channels, as far as there are any that can be had; what cannot be
/// looked at has none.
fn messages(name: &Name) -> [Option<Vec<u8>>; 2] {
    let Ok(Sight { found: Found::Segment(segment), .. }) = inspect::look(name) else {
        return [None, None];
    };
    [Direction::MasterToSlave, Direction::SlaveToMaster].map(|direction| {
        let (mut bytes, end) = (Vec::new(), Instant::now() + PATIENCE);
        loop {
            let state = segment.channel(direction);
            let size = state.data_size as usize;
            if state.sequence == 0 || size > payload::LARGEST.min(segment.capacity()) {
                return None;
            }
            if segment.message(direction, None, &mut bytes).is_some() {
                return Some(bytes);
            }
            if Instant::now() >= end {
                return None;
            }
        }
    })
}

/// Why there is no message to be shown.
fn why_none(channel: &Channel) -> String {
    match channel {
        Channel { sequence: 0, .. } => "none".to_owned(),
        Channel { message_size: size, .. } if *size as usize > payload::LARGEST => {
            payload::too_large(*size as usize)
        }
        Channel { sequence, .. } if sequence & 1 == 1 => "none that is whole".to_owned(),
        _ => {
            "none to be had: it is written anew all the time, damaged, or too large for the memory \
              there is"
                .to_owned()
        }
    }
}

/// Its size and its bytes, as text, as a record or in hexadecimal.
fn shown(message: &[u8], args: &Args) -> String {
    let size = message.len();
    let text = std::str::from_utf8(message).ok().filter(|_| !args.hex && !args.record);
    match text {
        // The tags of a short record are control characters: what has some may be one.
        Some(text) if payload::is_plain(text) => format!("{size} bytes: {}", quoted(text)),
        _ if !args.hex && payload::is_record(message) => {
            format!("{size} bytes, a record: {}", payload::show(message, Form::Record))
        }
        _ if args.record => format!("{size} bytes, {}", payload::show(message, Form::Record)),
        Some(text) => format!("{size} bytes: {}", quoted(text)),
        None => {
            let most = if args.hex { size } else { SHOWN };
            let digits: Vec<String> =
                message.iter().take(most).map(|byte| format!("{byte:02x}")).collect();
            format!("{size} bytes: {}{}", digits.join(" "), if size > most { " ..." } else { "" })
        }
    }
}

/// The beginning of a text, with what is not printable escaped.
fn quoted(text: &str) -> String {
    let part = text.char_indices().nth(SHOWN).map_or(text, |(end, _)| &text[..end]);
    format!("\"{}\"{}", text::shown(part), if part.len() < text.len() { " ..." } else { "" })
}
