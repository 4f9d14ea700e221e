//! Many channels whose masters put ever new segments without memory under their names: the process does no more work for all of
//! them together than for one, and what it leaves is let go of by one thread.

use eshm::{Endpoint, Role};
use eshm_processes::{Name, Peer, Raw, builder, open, raw::total_size, until};
use std::{
    fs,
    os::unix::fs::MetadataExt,
    process,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

const CHANNELS: usize = 32;
/// Bytes of a message.
const LARGE: usize = 4 << 20;
/// Bytes that a tick may reserve.
const TICK: u64 = 4 << 17;
/// Bytes that are reserved of each before anything of it is touched: three parts of 64 KiB.
const FIRST: u64 = CHANNELS as u64 * 3 * 65_536;

/// Puts a segment without memory in place of what has the name; its master seems to be the parent process.
fn put_sparse(name: &Name) -> Raw {
    let other = Name::new();
    let raw = Raw::stamped(&other, 3, LARGE);
    raw.set("capacity", LARGE as u64);
    raw.occupy("master", std::os::unix::process::parent_id());
    raw.set("master_alive", 1);
    fs::rename(other.path(), name.path()).expect("the place of the old one");
    raw
}

/// Bytes of memory that the files have.
fn memory(names: &[Name]) -> u64 {
    names.iter().map(|name| fs::metadata(name.path()).map_or(0, |file| file.blocks() * 512)).sum()
}

/// Threads of this process that free what was forsaken.
fn freeing() -> usize {
    let tasks = fs::read_dir(format!("/proc/{}/task", process::id())).expect("our own").flatten();
    tasks.filter(|task| fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name == "eshm_free\n")).count()
}

/// Ends who looks, however the test ends.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_tick_does_as_much_for_many_channels_as_for_one() {
    let honest = Name::new();
    let (_slave, master) = {
        let master = open(&honest, Role::Master);
        (open(&honest, Role::Slave), master)
    };
    let beats = || master.stats().expect("attached").master_heartbeat;
    let names: Vec<Name> = (0..CHANNELS).map(|_| Name::new()).collect();
    let slaves: Vec<Endpoint> = names
        .iter()
        .map(|name| {
            let _master = Peer::ours("master", name, &[]); // killed
            builder(name, Role::Slave).max_reconnect_attempts(0).open().expect("attach")
        })
        .collect();
    let ended = AtomicBool::new(false);
    let most = thread::scope(|scope| {
        let look = || {
            let mut most = 0;
            while !ended.load(Ordering::Relaxed) {
                most = most.max(freeing());
            }
            most
        };
        let (looking, end) = (scope.spawn(look), End(&ended));
        for _ in 0..3 {
            let raws: Vec<Raw> = names.iter().map(put_sparse).collect();
            let all = (CHANNELS * total_size(LARGE)) as u64;
            let again = || (beats(), memory(&names)); // beats first: none is missed
            let mut begin = again();
            until("all have memory", || {
                let (memory, beats) = (memory(&names), beats());
                let (done, ticks) = (memory.saturating_sub(begin.1), beats - begin.0);
                // What a look at a segment needs of it comes with the look, and is no piece.
                assert!(done <= (ticks + 2) * TICK + FIRST, "{done} bytes in {ticks} ticks");
                if ticks >= 4 {
                    begin = again();
                }
                memory >= all
            });
            until("all have moved", || slaves.iter().all(|slave| slave.capacity() == Ok(LARGE)));
            raws.iter().for_each(|raw| raw.set("master_alive", 0)); // and all look for another
        }
        drop(end);
        looking.join().expect("it looks")
    });
    assert!(most <= 2, "{most} threads, of which one may be about to end");
}
