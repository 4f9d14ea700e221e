//! Watching segments for a moment: all of them at once, on this thread, without a file held open, so
//! that hundreds of them take no longer than one, and no limit on threads, files or memory matters.

use super::{AgeOf, Channel, Kind, Life, Report, Segment, Side, diagnose::diagnose};
use crate::{
    fault,
    name::Name,
    obstacle::Obstacle,
    process::{Mapped, command_line},
    processes::Processes,
};
use eshm::inspect::{self, ChannelFacts, Direction, FileFacts, Found, HeaderFacts, Sight, Watched};
use std::{
    cell::OnceCell,
    io, thread,
    time::{Duration, Instant, SystemTime},
};

const DIRECTIONS: [Direction; 2] = [Direction::MasterToSlave, Direction::SlaveToMaster];
const SIDES: [inspect::Side; 2] = [inspect::Side::Master, inspect::Side::Slave];

/// Everything about the segment `name`, watched for `window`; `None` if there is none.
pub fn collect(name: &Name, window: Duration) -> Option<Report> {
    collect_these(std::slice::from_ref(name), window).pop().flatten()
}

/// Everything about every segment, all watched at once for `window`; an error if /dev/shm cannot be
/// listed.
pub fn collect_all(window: Duration) -> io::Result<Vec<Report>> {
    Ok(collect_named(window)?.into_iter().map(|(_, report)| report).collect())
}

/// The same, each with its name as it is.
pub fn collect_named(window: Duration) -> io::Result<Vec<(Name, Report)>> {
    let names = super::names()?;
    let reports = collect_these(&names, window);
    // One that vanished meanwhile is not there.
    Ok(names.into_iter().zip(reports).filter_map(|(name, report)| Some((name, report?))).collect())
}

/// Those of these names, each `None` if there is none.
pub fn collect_these(names: &[Name], window: Duration) -> Vec<Option<Report>> {
    let start = Instant::now();
    let mut firsts: Vec<Option<First>> = names.iter().map(First::of).collect();
    thread::sleep(window.saturating_sub(start.elapsed()));
    for (name, first) in names.iter().zip(&mut firsts) {
        match first {
            Some(first) => first.look_again(name),
            None => *first = First::of(name), // its creator was at it
        }
    }
    watch_the_silent(names, &mut firsts);
    let processes = OnceCell::new();
    names.iter().zip(firsts).map(|(name, first)| report(name, first, &processes)).collect()
}

/// Between two looks at those that have not beaten yet.
const AGAIN: Duration = Duration::from_millis(10);

/// Goes on watching those that have not beaten until that means something.
fn watch_the_silent(names: &[Name], firsts: &mut [Option<First>]) {
    loop {
        let mut longest = Duration::ZERO;
        for (name, first) in names.iter().zip(firsts.iter_mut()) {
            let Some(first) = first.as_mut().filter(|first| first.is_silent()) else { continue };
            first.look_again(name);
            if first.is_silent() {
                longest = longest.max(first.header.watch().saturating_sub(first.at.elapsed()));
            }
        }
        if longest.is_zero() {
            return;
        }
        thread::sleep(longest.min(AGAIN));
    }
}

/// A first look: the file, and the words of that moment.
struct First {
    inode: u64,
    header: HeaderFacts,
    channels: [ChannelFacts; 2],
    at: Instant,
    /// The heartbeats that have moved since.
    beaten: [bool; 2],
}

impl First {
    fn of(name: &Name) -> Option<First> {
        let Ok(Sight { file: Some(file), found: Found::Segment(segment) }) = inspect::look(name)
        else {
            return None;
        };
        let at = Instant::now(); // before the words: the time that is waited is not too short
        let header = segment.header();
        let channels = DIRECTIONS.map(|d| segment.channel(d));
        Some(First { inode: file.inode, header, channels, at, beaten: [false; 2] })
    }

    /// Notes what has beaten since; another file, or none, begins anew.
    fn look_again(&mut self, name: &Name) {
        match First::of(name) {
            Some(now) if now.inode == self.inode => self.note(&now.header),
            Some(now) => *self = now,
            None => self.beaten = [true; 2], // there is nothing to be watched
        }
    }

    fn note(&mut self, now: &HeaderFacts) {
        for side in 0..2 {
            self.beaten[side] |= now.heartbeats[side] != self.header.heartbeats[side];
        }
    }

    /// Whether a side should beat, and was not seen to.
    fn is_silent(&self) -> bool {
        (0..2).any(|side| self.header.alive[side] && !self.beaten[side])
    }
}

fn report(name: &Name, first: Option<First>, processes: &OnceCell<Processes>) -> Option<Report> {
    let mut report = Report {
        name: name.to_string(),
        kind: Kind::Unreadable,
        size: 0,
        mode: String::new(),
        uid: 0,
        age_s: 0,
        age_of: AgeOf::Birth,
        orphan: false,
        watched: None,
        segment: None,
        findings: Vec::new(),
    };
    let (mut why, mut obstacle) = (None, None);
    match inspect::look(name) {
        Err(error) => {
            let error = error.to_string();
            obstacle = Obstacle::behind(name, &error);
            why = Some(error);
            if let Ok(file) = name.path().symlink_metadata() {
                fill(&mut report, &file.into());
            }
        }
        Ok(Sight { file, found }) => {
            if let Some(file) = &file {
                fill(&mut report, file);
            }
            match found {
                Found::Missing => return None,
                Found::Making => report.kind = Kind::HalfMade,
                Found::Invalid(reason) => {
                    report.kind = Kind::Invalid;
                    why = Some(reason);
                }
                Found::TooNew(version) => {
                    report.kind = Kind::TooNew;
                    why = Some(format!("its protocol is {version}"));
                }
                Found::Segment(segment) => {
                    report.kind = Kind::Segment;
                    let inode = file.map_or(0, |file| file.inode);
                    let first =
                        first.filter(|first| first.inode == inode).or_else(|| First::of(name))?;
                    let mapped = Mapped::new(name, inode);
                    report.segment = Some(since(&segment, &first, &mapped, processes));
                    report.watched = Some(Watched { inode, header: first.header, since: first.at });
                }
            }
        }
    }
    diagnose(&mut report, why, obstacle);
    Some(report)
}

fn fill(report: &mut Report, file: &FileFacts) {
    report.size = file.size;
    report.mode = format!("{:04o}", file.mode);
    report.uid = file.uid;
    report.age_of = if file.born.is_some() { AgeOf::Birth } else { AgeOf::Change };
    report.age_s = SystemTime::now()
        .duration_since(file.born.unwrap_or(file.changed))
        .unwrap_or_default()
        .as_secs();
}

/// Below this a rate would be made of nothing.
const SHORTEST: f64 = 1e-3;

/// What has become of a segment since `first`.
fn since(
    segment: &inspect::Segment,
    first: &First,
    mapped: &Mapped,
    processes: &OnceCell<Processes>,
) -> Segment {
    let (header, channels) = (segment.header(), DIRECTIONS.map(|d| segment.channel(d)));
    let still = first.at.elapsed();
    let seconds = still.as_secs_f64().max(SHORTEST);
    let side = |side: inspect::Side| {
        let index = side as usize;
        let beats = header.heartbeats[index].wrapping_sub(first.header.heartbeats[index]);
        let life = match beats {
            1.. if header.alive[index] => inspect::Life::Alive,
            0 => fault::looking(|| segment.judge_after(side, still)),
            _ => fault::looking(|| segment.judge(side)),
        };
        let pid = Some(header.pids[index]).filter(|&pid| pid != 0);
        let (life, doubt) = judged(life, side, &header, mapped, processes);
        let there = !matches!(life, Life::Dead | Life::Absent | Life::Unknown);
        Side {
            life,
            pid,
            command: pid.filter(|&pid| there && mapped.may_be_by(pid)).and_then(command_line),
            // Who has left took with him what tells the libraries apart.
            library: pid
                .filter(|_| life != Life::Absent)
                .map(|_| if header.is_ours(side) { "ours" } else { "released" }),
            flag: header.alive[index],
            lock: header.locks[index],
            heartbeat: header.heartbeats[index],
            beats_per_second: beats as f64 / seconds,
            doubt,
        }
    };
    let channel = |direction: Direction| {
        let (before, now) = (&first.channels[direction as usize], &channels[direction as usize]);
        Channel {
            sequence: now.sequence,
            stuck: now.sequence & 1 == 1 && now.sequence == before.sequence,
            message_size: now.data_size,
            writes: now.write_count,
            reads: now.read_count,
            missed: now.write_count.saturating_sub(now.read_count),
            writes_per_second: now.write_count.wrapping_sub(before.write_count) as f64 / seconds,
            reads_per_second: now.read_count.wrapping_sub(before.read_count) as f64 / seconds,
            wake_seq: now.wake_seq,
            waiters: now.waiters,
            reader_waiting: now.reader_waiting != 0,
            message: None,
        }
    };
    let [master, slave] = SIDES.map(side);
    Segment {
        protocol: header.version,
        capacity: segment.capacity(),
        stale_threshold_ms: if header.stale_threshold_ms == 0 {
            100
        } else {
            header.stale_threshold_ms
        },
        master_generation: header.master_generation,
        features: header.features,
        layout_size: header.layout_size,
        window_ms: (seconds * 1000.0) as u64,
        master,
        slave,
        master_to_slave: channel(Direction::MasterToSlave),
        slave_to_master: channel(Direction::SlaveToMaster),
    }
}

/// What a side is that was judged to be `life` by its heartbeat and by whether a process has its
/// number; and, if that is unknown, why.
pub fn judged(
    life: inspect::Life,
    side: inspect::Side,
    header: &HeaderFacts,
    mapped: &Mapped,
    processes: &OnceCell<Processes>,
) -> (Life, Option<String>) {
    let (pid, ours) = (header.pids[side as usize], header.is_ours(side));
    let stranger = !ours && life == inspect::Life::Silent && mapped.is_by_a_stranger(pid);
    if life != inspect::Life::Unknown && !stranger {
        return (life.into(), None);
    }
    if ours {
        let why = "its lock on the file is held, if only by a child that it forked";
        return (Life::Unknown, Some(why.to_owned()));
    }
    let processes = processes.get_or_init(Processes::look);
    if processes.lack(pid, mapped) {
        return (Life::Dead, None);
    }
    let why = processes.why_not(pid);
    let doubt = match stranger {
        true => format!(
            "a process of this number is here, but does not have the segment: it has taken the \
             number, or the one that is meant lives in another pid namespace; {why}"
        ),
        false => why,
    };
    (Life::Unknown, Some(doubt))
}
