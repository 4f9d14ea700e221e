//! Segments and messages so large that what is done with them takes a while: the other channels of the process do not wait for that.
//! What is asserted is how much is done at a time; how long that takes is the machine's choice.

use eshm::{Endpoint, Role};
use eshm_processes::{Name, Peer, Raw, builder, ms, open, raw::total_size, until};
use std::{fs, os::unix::fs::MetadataExt};

/// Bytes of a message, more than any tick gets done.
const HUGE: usize = 256 << 20;
const MIB: u64 = 1 << 20;

/// Bytes of memory that the file of a name has.
fn memory(name: &Name) -> u64 {
    fs::metadata(name.path()).map_or(0, |file| file.blocks() * 512)
}

/// Puts a segment without memory in place of what has the name; its master, if its flag is 1, seems to be the parent process.
fn put_sparse(name: &Name, flag: u64) -> Raw {
    let other = Name::new();
    let raw = Raw::stamped(&other, 3, HUGE);
    raw.set("capacity", HUGE as u64);
    raw.occupy("master", std::os::unix::process::parent_id());
    raw.set("master_alive", flag);
    fs::rename(other.path(), name.path()).expect("the place of the old one");
    raw
}

/// A slave without threads whose master has died.
fn bereaved(name: &Name) -> Endpoint {
    let master = Peer::ours("master", name, &[]);
    let slave = builder(name, Role::Slave).threads(false).max_reconnect_attempts(0).open().expect("attach");
    drop(master); // killed
    slave
}

#[test]
fn a_read_without_threads_reserves_a_sparse_segment_piece_by_piece() {
    let name = Name::new();
    let slave = bereaved(&name);
    let raw = put_sparse(&name, 1);
    until("it has found it", || {
        let before = memory(&name);
        assert_eq!(slave.read_timeout(&mut [0; 100], ms(10)).map_err(|error| error.code()), Err(-10));
        let done = memory(&name) - before;
        assert!(done < 128 * MIB, "{done} bytes in a read of 10 ms");
        memory(&name) > MIB && before > MIB
    });
    until("it has moved there", || {
        let _ = slave.read_timeout(&mut [0; 100], ms(10));
        slave.capacity() == Ok(HUGE)
    });
    assert!(memory(&name) >= total_size(HUGE) as u64, "nobody writes to what a full file system cannot give");
    raw.set("m2s.data_size", 5);
    raw.set_data("m2s", b"hello");
    raw.add("m2s.write_count", 1);
    raw.add("m2s.sequence", 2);
    assert_eq!(slave.read_timeout(&mut [0; 100], ms(20_000)), Ok(5));
}

/// Forks, and waits for the child, which ends at once.
fn fork() {
    // SAFETY: the child makes no call but its end.
    unsafe {
        let child = libc::fork();
        if child == 0 {
            libc::_exit(0);
        }
        assert_eq!(libc::waitpid(child, &mut 0, 0), child);
    }
}

#[test]
fn a_fork_does_not_wait_until_a_sparse_segment_is_reserved() {
    let name = Name::new();
    let master = Peer::ours("master", &name, &[]);
    let slave = builder(&name, Role::Slave).max_reconnect_attempts(0).open().expect("attach");
    drop(master); // killed
    let raw = put_sparse(&name, 1);
    let mut meanwhile = 0;
    until("it has moved there", || {
        let before = memory(&name);
        fork();
        meanwhile += u32::from(before > MIB && memory(&name) < raw.size() as u64);
        slave.capacity() == Ok(HUGE)
    });
    assert!(meanwhile > 0, "each fork waited for all of it");
}

#[test]
fn a_segment_whose_master_has_left_gets_no_memory() {
    let name = Name::new();
    let master = Peer::ours("master", &name, &[]);
    let slave = builder(&name, Role::Slave).max_reconnect_attempts(0).open().expect("attach");
    drop(master); // killed
    let raw = put_sparse(&name, 0);
    let touched = memory(&name);
    eshm_processes::pause(500); // some attempts
    assert!(memory(&name) <= touched, "{} bytes", memory(&name));
    raw.set("master_alive", 1);
    until("it has moved there", || slave.capacity() == Ok(HUGE));
}

#[test]
fn a_master_whose_name_was_removed_makes_a_huge_segment_anew_piece_by_piece() {
    let name = Name::new();
    let master = builder(&name, Role::Master).capacity(HUGE).threads(false).open().expect("create");
    let size = memory(&name);
    name.remove();
    until("there is a fresh one", || {
        master.update_heartbeat().expect("a tick");
        name.exists()
    });
    assert!(memory(&name) < size / 2, "all of it in one tick");
    let slave = open(&name, Role::Slave); // which reserves all of it
    let before = slave.stats().expect("attached").master_heartbeat;
    until("the master has moved there", || {
        master.update_heartbeat().expect("a tick");
        slave.write(b"up").expect("write");
        master.try_read(&mut [0; 10]) == Ok(Some(2))
    });
    assert!(slave.stats().expect("attached").master_heartbeat > before, "it beats there meanwhile");
    assert_eq!(memory(&name), size);
    master.write(b"down").expect("write");
    assert_eq!(slave.read_timeout(&mut [0; 10], ms(20_000)), Ok(4));
}
