//! Measuring every segment from one refresh to the next.

use crate::{
    name::Name,
    process::{self, Mapped, command_line},
};
use eshm::inspect::{self, ChannelFacts, Direction, Found, HeaderFacts, Segment, Side, Sight};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// One segment since the last refresh.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Bytes of a message.
    pub capacity: usize,
    /// The master and the slave.
    pub sides: [Peer; 2],
    /// Messages a second from the master and from the slave.
    pub rates: [f64; 2],
    /// Messages a second that nobody read, likewise.
    pub missed: [f64; 2],
    /// Readers parked, likewise.
    pub waiters: [u32; 2],
    /// Messages written in all, likewise.
    pub written: [u64; 2],
}

/// One side of it.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// 0 = never one.
    pub pid: i32,
    /// It beats.
    pub beating: bool,
    /// Its alive flag.
    pub flag: bool,
    /// Heartbeats a second.
    pub beats: f64,
    /// How far, in milliseconds, its heartbeats of a short while strayed from one a millisecond,
    /// at most.
    pub jitter: f64,
    /// Percent of a processor, if its process can be seen.
    pub cpu: Option<f64>,
    /// Its command line, likewise.
    pub command: Option<String>,
}

/// A segment that is watched.
struct Watched {
    inode: u64,
    mapped: Mapped,
    header: HeaderFacts,
    channels: [ChannelFacts; 2],
    /// Processor time of both sides, in ticks of the kernel.
    time: [Option<u64>; 2],
    /// The heartbeats of the last short look, when that was, and the farthest they strayed since
    /// the last refresh.
    last: ([u64; 2], Instant),
    strayed: [f64; 2],
}

/// All segments.
pub struct Board {
    watched: BTreeMap<Vec<u8>, Watched>,
    at: Instant,
    /// Files that have a segment's name and are none, or cannot be looked at.
    pub others: usize,
}

/// A segment and its file's inode. None is held open: there may be more than there are descriptors.
fn look(name: &[u8]) -> Option<(Segment, u64)> {
    match inspect::look(name).ok()? {
        Sight { file: Some(file), found: Found::Segment(segment) } => Some((segment, file.inode)),
        _ => None,
    }
}

/// The longest a short look may be late and still be held against the heartbeats: above it is our
/// own lateness that shows.
const LATE: Duration = Duration::from_millis(200);

impl Board {
    /// An empty one.
    pub fn new() -> Board {
        Board { watched: BTreeMap::new(), at: Instant::now(), others: 0 }
    }

    /// A short look, for the jitter: some times between two refreshes.
    pub fn glance(&mut self) {
        for (name, watched) in &mut self.watched {
            if let Some((segment, _)) = look(name).filter(|(_, inode)| *inode == watched.inode) {
                watched.glance(&segment);
            }
        }
    }

    /// The rows since the last refresh; a segment seen for the first time has none yet, as nothing
    /// of it is measured.
    pub fn refresh(&mut self) -> Vec<Row> {
        let seconds = self.at.elapsed().as_secs_f64().max(1e-6);
        self.at = Instant::now();
        let names = inspect::names().unwrap_or_default(); // without the folder there are none
        self.watched.retain(|name, _| names.contains(name));
        let mut rows = Vec::new();
        self.others = 0;
        for name in names {
            let Some((segment, inode)) = look(&name) else {
                self.others += 1;
                continue;
            };
            let known = self.watched.remove(&name).filter(|watched| watched.inode == inode);
            let shown = Name::of_file(name.clone());
            let watched = match known {
                Some(mut watched) => {
                    rows.push(watched.row(&segment, shown.to_string(), seconds));
                    watched
                }
                None => Watched::new(&segment, inode, Mapped::new(&shown, inode)),
            };
            self.watched.insert(name, watched);
        }
        rows
    }
}

fn channels(segment: &Segment) -> [ChannelFacts; 2] {
    [segment.channel(Direction::MasterToSlave), segment.channel(Direction::SlaveToMaster)]
}

impl Watched {
    fn new(segment: &Segment, inode: u64, mapped: Mapped) -> Watched {
        let header = segment.header();
        Watched {
            inode,
            mapped,
            channels: channels(segment),
            time: header.pids.map(process::processor_time),
            last: (header.heartbeats, Instant::now()),
            strayed: [0.0; 2],
            header,
        }
    }

    fn glance(&mut self, segment: &Segment) {
        let (beats, elapsed) = (segment.header().heartbeats, self.last.1.elapsed());
        if elapsed < LATE {
            let due = elapsed.as_secs_f64() * 1000.0;
            for (strayed, (now, before)) in
                self.strayed.iter_mut().zip(beats.iter().zip(self.last.0))
            {
                *strayed = strayed.max((now.wrapping_sub(before) as f64 - due).abs());
            }
        }
        self.last = (beats, Instant::now());
    }

    fn row(&mut self, segment: &Segment, name: String, seconds: f64) -> Row {
        let (header, channels, time) = (
            segment.header(),
            channels(segment),
            segment.header().pids.map(process::processor_time),
        );
        let side = |side: Side| {
            let i = side as usize;
            let pid = header.pids[i];
            let beats = header.heartbeats[i].wrapping_sub(self.header.heartbeats[i]);
            let used = match (self.time[i], time[i]) {
                (Some(before), Some(now)) if pid == self.header.pids[i] => {
                    Some(now.saturating_sub(before))
                }
                _ => None,
            };
            let beating = beats > 0;
            let seen = pid > 0 && self.mapped.may_be_by(pid);
            Peer {
                pid,
                beating,
                flag: header.alive[i],
                beats: beats as f64 / seconds,
                jitter: if beating { self.strayed[i] } else { 0.0 },
                cpu: used
                    .filter(|_| seen)
                    .map(|ticks| 100.0 * ticks as f64 / process::ticks_a_second() / seconds),
                command: (seen && beating).then(|| command_line(pid)).flatten(),
            }
        };
        let per_second = |now: u64, before: u64| now.saturating_sub(before) as f64 / seconds;
        let each = |f: &dyn Fn(&ChannelFacts, &ChannelFacts) -> f64| {
            [0, 1].map(|i: usize| f(&channels[i], &self.channels[i]))
        };
        let row = Row {
            name,
            capacity: segment.capacity(),
            sides: [side(Side::Master), side(Side::Slave)],
            rates: each(&|now, before| per_second(now.write_count, before.write_count)),
            missed: each(&|now, before| {
                let (written, read) = (
                    now.write_count - before.write_count.min(now.write_count),
                    now.read_count.saturating_sub(before.read_count),
                );
                written.saturating_sub(read) as f64 / seconds
            }),
            waiters: [0, 1].map(|i: usize| channels[i].waiters),
            written: [0, 1].map(|i: usize| channels[i].write_count),
        };
        self.strayed = [0.0; 2];
        (self.header, self.channels, self.time) = (header, channels, time);
        row
    }
}
