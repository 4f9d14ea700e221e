//! Watching segments for a moment.

use super::{AgeOf, Channel, Kind, Life, Report, Segment, Side, diagnose::diagnose};
use crate::{
    name::Name,
    obstacle::Obstacle,
    process::{Mapped, command_line},
};
use eshm::inspect::{self, ChannelFacts, Direction, FileFacts, Found, HeaderFacts, Sight};
use std::{
    io, thread,
    time::{Duration, Instant, SystemTime},
};

const DIRECTIONS: [Direction; 2] = [Direction::MasterToSlave, Direction::SlaveToMaster];

/// Everything about the segment `name`, watched for `window`; `None` if there is none.
pub fn collect(name: &Name, window: Duration) -> Option<Report> {
    let mut sight = inspect::look(name);
    if matches!(&sight, Ok(Sight { found: Found::Making, .. })) {
        thread::sleep(window); // its creator may be at it
        sight = inspect::look(name);
    }
    if matches!(&sight, Ok(Sight { found: Found::Missing, .. })) {
        return None;
    }
    Some(report(name, sight, window))
}

/// Everything about every segment, all watched at once for `window`; an error if /dev/shm cannot be
/// listed.
pub fn collect_all(window: Duration) -> io::Result<Vec<Report>> {
    Ok(collect_named(window)?.into_iter().map(|(_, report)| report).collect())
}

/// The same, each with its name as it is.
pub fn collect_named(window: Duration) -> io::Result<Vec<(Name, Report)>> {
    let names = super::names()?;
    let reports: Vec<_> = thread::scope(|scope| {
        let watches: Vec<_> =
            names.iter().map(|name| scope.spawn(move || collect(name, window))).collect();
        watches.into_iter().map(|watch| watch.join().expect("no panic")).collect()
    });
    // One that vanished meanwhile is not there.
    Ok(names.into_iter().zip(reports).filter_map(|(name, report)| Some((name, report?))).collect())
}

/// A look, and the words of its first moment.
struct First {
    header: HeaderFacts,
    channels: [ChannelFacts; 2],
    at: Instant,
}

fn report(name: &Name, sight: Result<Sight, eshm::Error>, window: Duration) -> Report {
    let mut report = Report {
        name: name.to_string(),
        kind: Kind::Unreadable,
        size: 0,
        mode: String::new(),
        uid: 0,
        age_s: 0,
        age_of: AgeOf::Birth,
        orphan: false,
        segment: None,
        findings: Vec::new(),
    };
    let (mut why, mut obstacle) = (None, None);
    match sight {
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
                Found::Missing => {}
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
                    let first = First {
                        header: segment.header(),
                        channels: DIRECTIONS.map(|d| segment.channel(d)),
                        at: Instant::now(),
                    };
                    let mapped = Mapped::new(name, file.map_or(0, |file| file.inode));
                    report.segment = Some(watch(&segment, &first, window, &mapped));
                }
            }
        }
    }
    diagnose(&mut report, why, obstacle);
    report
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

/// Watches a mapped segment from `first` on.
fn watch(segment: &inspect::Segment, first: &First, window: Duration, mapped: &Mapped) -> Segment {
    thread::sleep(window.saturating_sub(first.at.elapsed()));
    let (header, channels) = (segment.header(), DIRECTIONS.map(|d| segment.channel(d)));
    let seconds = first.at.elapsed().as_secs_f64();
    let side = |side: inspect::Side| {
        let index = side as usize;
        let beats = header.heartbeats[index].wrapping_sub(first.header.heartbeats[index]);
        let life = match beats {
            0 => segment.judge(side).into(),
            _ if header.alive[index] => Life::Alive,
            _ => segment.judge(side).into(),
        };
        let pid = Some(header.pids[index]).filter(|&pid| pid != 0);
        Side {
            life,
            pid,
            command: pid
                .filter(|&pid| life != Life::Dead && life != Life::Absent && mapped.may_be_by(pid))
                .and_then(command_line),
            // Who has left took with him what tells the libraries apart.
            library: pid
                .filter(|_| life != Life::Absent)
                .map(|_| if segment.is_ours(side) { "ours" } else { "released" }),
            flag: header.alive[index],
            lock: header.locks[index],
            heartbeat: header.heartbeats[index],
            beats_per_second: beats as f64 / seconds,
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
        master: side(inspect::Side::Master),
        slave: side(inspect::Side::Slave),
        master_to_slave: channel(Direction::MasterToSlave),
        slave_to_master: channel(Direction::SlaveToMaster),
    }
}
