//! What the statistics say.

use eshm::Role;
use eshm_processes::{Name, Peer, builder, ms, open, read, until};
use std::process;

#[test]
fn they_are_the_segments_fields() {
    let name = Name::new();
    let master = builder(&name, Role::Master).stale_threshold(ms(4321)).open().expect("create");
    let mut slave = Peer::ours("slave", &name, &[]);
    for _ in 0..3 {
        master.write(b"down").expect("write");
    }
    assert_eq!(slave.read(1000), Ok("down".into()));
    slave.write("up");
    assert_eq!(read(&master, 1000), Ok("up".into()));
    let stats = master.stats().expect("attached");
    assert_eq!((stats.master_pid, stats.slave_pid), (process::id() as i32, slave.pid() as i32));
    assert!(stats.master_alive && stats.slave_alive);
    assert_eq!(stats.stale_threshold_ms, 4321);
    assert_eq!((stats.m2s_write_count, stats.m2s_read_count), (3, 1));
    assert_eq!((stats.s2m_write_count, stats.s2m_read_count), (1, 1));
}

#[test]
fn deltas_are_since_this_handles_previous_ones_and_since_0_for_the_first() {
    let name = Name::new();
    let (master, slave) = (open(&name, Role::Master), open(&name, Role::Slave));
    until("both have beaten", || slave.stats().is_ok_and(|s| s.master_heartbeat > 20 && s.slave_heartbeat > 20));
    let first = master.stats().expect("attached");
    assert_eq!((first.master_heartbeat_delta, first.slave_heartbeat_delta), (first.master_heartbeat, first.slave_heartbeat));
    until("they have beaten on", || name.raw().get("slave_heartbeat") > first.slave_heartbeat + 10);
    let second = master.stats().expect("attached");
    assert_eq!(second.master_heartbeat_delta, second.master_heartbeat - first.master_heartbeat);
    assert_eq!(second.slave_heartbeat_delta, second.slave_heartbeat - first.slave_heartbeat);
}

#[test]
fn a_crashed_sides_flag_stays_and_a_clean_exits_does_not() {
    let name = Name::new();
    let master = open(&name, Role::Master);
    let mut slave = Peer::ours("slave", &name, &[]);
    slave.kill();
    assert!(master.stats().expect("attached").slave_alive);
    let mut slave = Peer::ours("slave", &name, &[]);
    slave.leave();
    assert!(!master.stats().expect("attached").slave_alive);
}

#[test]
fn a_read_that_gave_nothing_is_not_counted() {
    let name = Name::new();
    let (master, slave) = (open(&name, Role::Master), open(&name, Role::Slave));
    assert_eq!((read(&slave, 0), read(&slave, 5)), (Err(-9), Err(-10)));
    master.write(b"too long").expect("write");
    assert!(slave.try_read(&mut [0; 2]).is_err());
    assert_eq!(master.stats().expect("attached").m2s_read_count, 0);
    assert!(read(&slave, 0).is_ok());
    assert_eq!(master.stats().expect("attached").m2s_read_count, 1);
}
