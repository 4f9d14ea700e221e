//! What a segment and its file say of themselves, as plain values.

use super::Direction;
use crate::config::Side;
use crate::segment::{name::Name, view::View};
use crate::sync::Ordering::Relaxed;
use std::{
    ffi::OsStr,
    fs::{self, File, Metadata},
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::{ffi::OsStrExt, fs::MetadataExt},
    },
    time::SystemTime,
};

/// The file of a segment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FileFacts {
    /// Bytes.
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// What tells it from another file that later bears its name.
    pub inode: u64,
    /// When it was last changed by a system call: stores into a mapping do not count.
    pub changed: SystemTime,
    /// When it was made, where the file system keeps that (tmpfs does since Linux 5.18).
    pub born: Option<SystemTime>,
}

impl FileFacts {
    pub(super) fn of(file: &OwnedFd) -> io::Result<FileFacts> {
        Ok(File::from(file.as_fd().try_clone_to_owned()?).metadata()?.into())
    }

    pub(super) fn under(name: &Name) -> io::Result<FileFacts> {
        Ok(fs::symlink_metadata(OsStr::from_bytes(name.path().to_bytes()))?.into())
    }
}

impl From<Metadata> for FileFacts {
    fn from(m: Metadata) -> Self {
        let changed = m.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let born = m.created().ok();
        FileFacts { size: m.len(), mode: m.mode() & 0o7777, uid: m.uid(), gid: m.gid(), inode: m.ino(), changed, born }
    }
}

/// The header of a segment; pairs are the master's, then the slave's.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct HeaderFacts {
    /// The protocol, 2 or 3.
    pub version: u32,
    /// Heartbeats since each side attached, about one a millisecond.
    pub heartbeats: [u64; 2],
    /// Process of each side in its own pid namespace; 0 = never one.
    pub pids: [i32; 2],
    /// Alive flags: set while attached, cleared by a clean exit, left set by a crash.
    pub alive: [bool; 2],
    /// Milliseconds of silence after which a side is stale, as the creator set it; 0 stands for 100.
    pub stale_threshold_ms: u32,
    /// Masters that have started on this segment.
    pub master_generation: u32,
    /// Bit 0: writers wake readers parked on the futex word.
    pub features: u32,
    /// Bytes of the segment by its own account; 0 in protocol 2.
    pub layout_size: u32,
    /// The master's generation and the slave's pid, while they hold the lock on their byte of the file; 0 = not one of ours.
    pub locks: [u32; 2],
    /// Bytes of a message by the header's account; 0 = a released creator.
    pub capacity: u32,
}

/// The words of one channel around its message.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ChannelFacts {
    /// Odd while a write is in progress, or was never finished.
    pub sequence: u32,
    /// Bytes of the current message.
    pub data_size: u32,
    /// Messages written.
    pub write_count: u64,
    /// Messages read.
    pub read_count: u64,
    /// Signals given: the futex word.
    pub wake_seq: u32,
    /// Readers parked on it.
    pub waiters: u32,
    /// A reader asks for a quiet moment.
    pub reader_waiting: u32,
}

impl HeaderFacts {
    pub(super) fn of(view: &View) -> HeaderFacts {
        let h = view.header();
        let sides = [Side::Master as usize, Side::Slave as usize];
        // Relaxed throughout: a snapshot of words that change on their own.
        HeaderFacts {
            version: h.version.load(Relaxed),
            heartbeats: sides.map(|side| h.heartbeat[side].load(Relaxed)),
            pids: sides.map(|side| h.pid[side].load(Relaxed)),
            alive: sides.map(|side| h.alive[side].load(Relaxed) != 0),
            stale_threshold_ms: h.stale_threshold.load(Relaxed),
            master_generation: h.master_generation.load(Relaxed),
            features: h.features.load(Relaxed),
            layout_size: h.layout_size.load(Relaxed),
            locks: sides.map(|side| h.lock[side].load(Relaxed)),
            capacity: h.capacity.load(Relaxed),
        }
    }
}

impl ChannelFacts {
    pub(super) fn of(view: &View, direction: Direction) -> ChannelFacts {
        let channel = view.channel(direction as usize);
        let (head, tail) = (channel.head, channel.tail);
        // Relaxed throughout, as above.
        ChannelFacts {
            sequence: head.sequence.load(Relaxed),
            data_size: head.data_size.load(Relaxed),
            write_count: tail.write_count.load(Relaxed),
            read_count: tail.read_count.load(Relaxed),
            wake_seq: tail.wake_seq.load(Relaxed),
            waiters: tail.waiters.load(Relaxed),
            reader_waiting: tail.reader_waiting.load(Relaxed),
        }
    }
}
