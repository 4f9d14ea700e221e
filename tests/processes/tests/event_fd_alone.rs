//! One test in a process of its own: the pace of the service thread is that of its most demanding handle.

use eshm::Role;
use eshm_processes::{Name, Peer, open, read, until, wait::HANG};
use std::{os::fd::AsRawFd, time::Instant};

#[test]
fn a_value_is_heard_within_a_millisecond_while_the_service_thread_believes_itself_alone() {
    let name = Name::new();
    let master = open(&name, Role::Master);
    let mut slave = Peer::released("slave", &name, &["--protocol=3"]);
    // Stale from the threshold on: the service thread beats in tens, and what the peer writes is read all the same.
    slave.ok("beat off");
    let fd = master.event_fd().expect("a descriptor").as_raw_fd();
    let readable = |limit_ms: i32| {
        let mut entry = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        // SAFETY: one live struct.
        unsafe { libc::poll(&mut entry, 1, limit_ms) == 1 }
    };
    until("the slave is stale and nothing is readable", || master.remote_alive() == Ok(false) && !readable(0));
    let mut times = Vec::new();
    for turn in 0..100 {
        slave.write(&turn.to_string());
        let written = Instant::now();
        assert!(readable(HANG.as_millis() as i32));
        times.push(written.elapsed());
        assert_eq!(read(&master, 0), Ok(turn.to_string()));
    }
    assert_eq!(master.remote_alive(), Ok(false));
    times.sort();
    let (median, most) = (times[50], times[99]);
    println!("{median:?}, at most {most:?}");
    assert!(median.as_millis() < 2, "{times:?}");
}
