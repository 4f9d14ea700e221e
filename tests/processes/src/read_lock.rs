//! Read locks of somebody who may only read a segment's file.

use crate::{Name, Peer, Raw, builder, elapsed_ms, eventually, ms, read, until};
use eshm::{Endpoint, Role};
use std::time::Duration;

/// In which everything is to be done beside such a lock: far less than another process's decision
/// is waited for, more than a heartbeat is watched.
pub const LIMIT: Duration = ms(5000);

/// A lock may be an open file's or a process's.
pub const OWNERS: [&str; 2] = ["--owner=file", "--owner=process"];

/// A read lock that can be had.
#[derive(Clone, Copy, Debug)]
pub struct ReadLock {
    /// As the reader's option has it.
    pub bytes: &'static str,
    /// One of [`OWNERS`].
    pub owner: &'static str,
}

impl ReadLock {
    /// Locks of either owner on some bytes.
    pub fn on(bytes: &[&'static str]) -> Vec<ReadLock> {
        OWNERS.iter().flat_map(|owner| bytes.iter().map(move |bytes| ReadLock { bytes, owner })).collect()
    }

    /// All: on the byte of either side, on that of decisions, on the whole file.
    pub fn everywhere() -> Vec<ReadLock> {
        ReadLock::on(&["0", "1", "2", "whole"])
    }

    /// A process that holds it until it is dropped.
    #[track_caller]
    pub fn take(self, name: &Name) -> Peer {
        Peer::reader(name, &[&format!("--bytes={}", self.bytes), self.owner])
    }

    /// An opening beside it that must succeed soon.
    #[track_caller]
    pub fn opens(self, name: &Name, role: Role) -> Endpoint {
        let (opened, took) = elapsed_ms(|| builder(name, role).open());
        let endpoint = opened.unwrap_or_else(|error| panic!("{role:?} beside {self:?} after {took} ms: {error}"));
        assert!(took < LIMIT.as_millis() as u64, "{role:?} beside {self:?}: {took} ms");
        endpoint
    }
}

/// Leaves what a master and a slave leave that are killed.
pub fn killed_pair(name: &Name) {
    let mut pair = [Peer::ours("master", name, &[]), Peer::ours("slave", name, &[])];
    until_locked_in(&name.raw());
    pair.iter_mut().for_each(Peer::kill);
}

/// Messages go both ways, also if the slave is on its way to a new segment yet.
#[track_caller]
pub fn flows_both_ways(master: &Endpoint, slave: &mut Peer, lock: ReadLock) {
    let came = eventually(LIMIT, || master.write(b"down").is_ok() && slave.read(100) == Ok("down".into()));
    assert!(came, "nothing comes from the master beside {lock:?}");
    let came = eventually(LIMIT, || slave.code("write up") == 0 && read(master, 100) == Ok("up".into()));
    assert!(came, "nothing comes from the slave beside {lock:?}");
}

/// Waits until both sides hold their locks and say so.
#[track_caller]
pub fn until_locked_in(raw: &Raw) {
    until("both are locked in", || raw.get("slave_lock") != 0 && raw.get("master_lock") != 0);
}
