//! What a segment and its file say of themselves, as plain values.

use crate::config::Side;
use crate::segment::{
    layout::{CHANNELS, Header, Tail},
    name::Name,
};
use std::{
    ffi::OsStr,
    fs::{self, File, Metadata},
    io,
    mem::{offset_of, size_of},
    os::{
        fd::BorrowedFd,
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
    pub(super) fn of(file: BorrowedFd<'_>) -> io::Result<FileFacts> {
        Ok(File::from(file.try_clone_to_owned()?).metadata()?.into())
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

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

impl HeaderFacts {
    /// Those of a header's bytes.
    pub(super) fn of(header: &[u8; CHANNELS]) -> HeaderFacts {
        let word = |at| u32_at(header, at);
        let pair = |at: usize| [word(at), word(at + 4)];
        let heartbeats = offset_of!(Header, heartbeat);
        HeaderFacts {
            version: word(offset_of!(Header, version)),
            heartbeats: [heartbeats, heartbeats + 8].map(|at| u64_at(header, at)),
            pids: pair(offset_of!(Header, pid)).map(|pid| pid as i32),
            alive: pair(offset_of!(Header, alive)).map(|flag| flag != 0),
            stale_threshold_ms: word(offset_of!(Header, stale_threshold)),
            master_generation: word(offset_of!(Header, master_generation)),
            features: word(offset_of!(Header, features)),
            layout_size: word(offset_of!(Header, layout_size)),
            locks: pair(offset_of!(Header, lock)),
            capacity: word(offset_of!(Header, capacity)),
        }
    }

    /// Whether a side is held by a process on this library, and not a released one: its lock field is that of the master or
    /// slave that the header names.
    pub fn is_ours(&self, side: Side) -> bool {
        let named = match side {
            Side::Master => self.master_generation,
            Side::Slave => self.pids[1] as u32,
        };
        self.locks[side as usize] != 0 && self.locks[side as usize] == named
    }
}

impl ChannelFacts {
    /// Those of a channel's first words, and of the bytes after its message.
    pub(super) fn of(sequence: u32, data_size: u32, tail: &[u8; size_of::<Tail>()]) -> ChannelFacts {
        ChannelFacts {
            sequence,
            data_size,
            write_count: u64_at(tail, offset_of!(Tail, write_count)),
            read_count: u64_at(tail, offset_of!(Tail, read_count)),
            wake_seq: u32_at(tail, offset_of!(Tail, wake_seq)),
            waiters: u32_at(tail, offset_of!(Tail, waiters)),
            reader_waiting: u32_at(tail, offset_of!(Tail, reader_waiting)),
        }
    }
}
