//! Calls that overlap with the end of their handle, with a fork and with an attach, held up at the very instruction by a
//! failpoint. In a build without failpoints there is nothing here; run it with
//! `RUSTFLAGS="--cfg eshm_failpoints" cargo test -p eshm-processes --test overlap --target-dir target/failpoints`.
#![cfg(eshm_failpoints)]

use eshm::{
    Endpoint, Role,
    failpoint::{arm, count},
};
use eshm_processes::{Name, Peer, Raw, builder, c, ms, open, read, tasks::is_stopped, until};
use std::{
    process, ptr,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::Instant,
};

/// Attempts at an overlap that a busy machine may spoil: the call that is held up was over before the other began.
const ATTEMPTS: u32 = 20;

/// There is one plan of failpoints in a process, so one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Disarms all points when a test ends, however it ends.
struct Armed;

impl Armed {
    fn with(plan: &str) -> Armed {
        arm(plan).expect("a plan");
        Armed
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        arm("").expect("an empty plan");
    }
}

fn until_at(point: &str) {
    until("a thread is at the failpoint", || count(point) > 0);
}

#[test]
fn a_write_that_its_answer_overtakes_finds_all_it_touches_still_there() {
    let _alone = alone();
    for _ in 0..ATTEMPTS {
        let name = Name::new();
        let handle = c::Handle::init(name.as_str(), 0).expect("open");
        let mut slave = Peer::ours("slave", &name, &[]);
        let _armed = Armed::with("write.even=sleep:300");
        let writer = thread::spawn(move || handle.write(b"message"));
        assert_eq!(slave.read(20_000), Ok("message".into()));
        assert_eq!(handle.destroy(), 0);
        let overtaken = !writer.is_finished();
        assert_eq!(writer.join().expect("no panic"), 0);
        if overtaken {
            return;
        }
    }
    panic!("no write was overtaken in {ATTEMPTS} attempts");
}

#[test]
fn a_slave_follows_a_master_that_moves_only_once_it_can_see_what_it_has_not_read() {
    let _alone = alone();
    let name = Name::new();
    // While it sleeps it is silent, and would be stale.
    let master = builder(&name, Role::Master).stale_threshold(ms(60_000)).open().expect("open");
    let mut slave = Peer::ours("slave", &name, &["--attempts=0", "--wait=0"]);
    master.write(b"in between").expect("write");
    let _armed = Armed::with("move.placed=sleep:300");
    name.remove();
    until_at("move.placed");
    until("it has followed", || name.raw().get("slave_pid") == u64::from(slave.pid()));
    assert_eq!(slave.read(10_000), Ok("in between".into()));
}

/// A master with its slave, which has heard it once.
fn met(name: &Name) -> (Endpoint, Peer) {
    // While it sleeps it is silent, and would be stale.
    let master = builder(name, Role::Master).stale_threshold(ms(60_000)).open().expect("open");
    let mut slave = Peer::ours("slave", name, &["--attempts=0", "--wait=0"]);
    slave.write("before");
    assert_eq!(read(&master, 10_000), Ok("before".into()));
    (master, slave)
}

#[test]
fn a_write_between_a_masters_last_look_at_its_old_segment_and_its_leave_is_read() {
    let _alone = alone();
    for _ in 0..ATTEMPTS {
        let name = Name::new();
        let (master, mut slave) = met(&name);
        let old = name.raw();
        let armed = Armed::with("move.placed=sleep:300,move.left=pass");
        name.remove();
        until_at("move.placed");
        slave.write("late");
        let in_between = count("move.left") == 0 && old.get("s2m.write_count") == 2;
        assert_eq!(read(&master, 10_000), Ok("late".into()));
        drop(armed);
        if in_between {
            return;
        }
    }
    panic!("no write came in between in {ATTEMPTS} attempts");
}

#[test]
fn a_write_that_a_master_moves_away_from_is_read_once_it_is_done() {
    let _alone = alone();
    let name = Name::new();
    let (master, mut slave) = met(&name);
    let old = name.raw();
    slave.ok("arm write.half=stop");
    slave.send("write halfway");
    until("it is stopped at the failpoint", || is_stopped(slave.pid()));
    name.remove();
    until("the master has left", || old.get("master_alive") == 0);
    until("it is in the new segment", || name.exists() && master.try_read(&mut [0; 64]) == Ok(None));
    slave.resume();
    assert_eq!(slave.answer(), "ok");
    assert_eq!(read(&master, 10_000), Ok("halfway".into()));
    assert_eq!((old.get("s2m.sequence"), old.get("s2m.write_count")), (4, 2), "it was written there");
    until("they have met again", || slave.code("write next") == 0 && read(&master, 100) == Ok("next".into()));
}

#[test]
fn a_write_that_is_held_up_for_long_is_whole_in_the_segment_it_began_in() {
    let _alone = alone();
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let builder = builder(&name, Role::Slave).reconnect_retry_interval(ms(1)).reconnect_wait(ms(0));
    let slave = builder.max_reconnect_attempts(0).open().expect("open");
    until("they have met", || slave.remote_alive() == Ok(true) && name.raw().get("slave_heartbeat") > 5);
    let old = name.raw();
    thread::scope(|scope| {
        let _armed = Armed::with("write.copied=sleep:1000");
        let writer = scope.spawn(|| slave.write(b"late"));
        until_at("write.copied");
        master.leave();
        master = Peer::ours("master", &name, &[]);
        assert_eq!(writer.join().expect("no panic"), Ok(()));
    });
    // The move takes the lock there for an instant.
    until("it is whole, and the lock given back", || (old.get("s2m.sequence"), old.get("s2m.write_count")) == (2, 1));
    assert_eq!(old.data("s2m", 4), b"late");
    until("they have met again", || slave.write(b"next").is_ok() && master.read(100) == Ok("next".into()));
}

#[test]
fn destroy_returns_only_after_the_reads_that_waited_are_out_of_the_handle() {
    let _alone = alone();
    let name = Name::new();
    let handle = c::Handle::init(name.as_str(), 0).expect("open");
    let _armed = Armed::with("park.counted=sleep:300,park.woken=pass");
    let reader = thread::spawn(move || handle.read_ex(&mut [0; 64], c::INFINITE).0);
    until_at("park.counted");
    assert_eq!(handle.destroy(), 0);
    assert_eq!(count("park.woken"), 1, "it is still on its way to its sleep");
    assert!(reader.join().expect("no panic") < 0);
}

/// Reads that wait, begun one after the other.
fn park(handle: c::Handle, name: &Name, count: u64) -> Vec<thread::JoinHandle<i32>> {
    (1..=count)
        .map(|number| {
            let reader = thread::spawn(move || handle.read_ex(&mut [0; 64], c::INFINITE).0);
            until("it is parked", || name.raw().get("s2m.waiters") == number);
            reader
        })
        .collect()
}

#[test]
fn destroy_waits_for_any_number_of_reads() {
    let _alone = alone();
    let name = Name::new();
    let handle = c::Handle::init(name.as_str(), 0).expect("open");
    let mut readers = park(handle, &name, 10);
    let _armed = Armed::with("park.counted=sleep:300,park.woken=pass");
    readers.push(thread::spawn(move || handle.read_ex(&mut [0; 64], c::INFINITE).0));
    until_at("park.counted");
    assert_eq!(handle.destroy(), 0);
    assert_eq!(count("park.woken"), 11, "one is still on its way to its sleep");
    readers.into_iter().for_each(|reader| assert!(reader.join().expect("no panic") < 0));
}

#[test]
fn a_read_that_is_about_to_sleep_as_the_handle_is_closed_does_not_sleep_for_long() {
    let _alone = alone();
    let soon = (0..ATTEMPTS).any(|_| {
        let name = Name::new();
        let handle = c::Handle::init(name.as_str(), 0).expect("open");
        let armed = Armed::with("park.looked=sleep:100");
        let reader = thread::spawn(move || handle.read_ex(&mut [0; 64], c::INFINITE).0);
        until_at("park.looked");
        drop(armed); // it sleeps once
        let start = Instant::now();
        assert_eq!(handle.destroy(), 0);
        assert!(reader.join().expect("no panic") < 0);
        start.elapsed() < ms(900) // its sleep has an end after a second
    });
    assert!(soon, "it was woken before its sleep alone");
}

#[test]
fn destroy_does_not_wait_for_ever_for_the_service_thread() {
    let _alone = alone();
    let name = Name::new();
    let master = builder(&name, Role::Master).stale_threshold(ms(60_000)).open().expect("open");
    let armed = Armed::with("move.placed=sleep:8000,move.done=pass");
    name.remove();
    until_at("move.placed");
    drop(master);
    assert_eq!(count("move.done"), 0, "it was waited for");
    until("it goes on in peace", || count("move.done") == 1);
    drop(armed);
    drop(open(&name, Role::Master)); // and there is another one for the next
}

#[test]
fn no_process_is_copied_in_the_midst_of_a_tick() {
    let _alone = alone();
    let name = Name::new();
    let _master = open(&name, Role::Master);
    let _armed = Armed::with("tick.beaten=sleep:300,tick.judged=pass");
    until_at("tick.beaten");
    // SAFETY: the child does nothing but end.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: ends the child at once, with nothing of the parent's run.
        unsafe { libc::_exit(0) };
    }
    let ended = count("tick.judged");
    // SAFETY: our own child; the status is not asked for.
    unsafe { libc::waitpid(child, ptr::null_mut(), 0) };
    assert!(ended > 0, "the fork did not wait for the tick");
}

#[test]
fn on_attach_the_alive_flag_comes_last_and_the_lock_field_never_names_another_pid() {
    let _alone = alone();
    let ours = u64::from(process::id());
    // At each point of the order: the fields as they must be by then, the flag not yet.
    for (point, heartbeat, lock, pid) in [
        ("attach.heartbeat", 0, 77, 77),
        ("attach.locked", 0, 77, 77),
        ("attach.pid", 0, 0, ours),
        ("attach.generation", 0, 0, ours),
        ("attach.said", 0, ours, ours),
    ] {
        let seen = (0..ATTEMPTS).find_map(|_| seen_at(point)).expect("a look in time");
        assert_eq!(seen, [heartbeat, lock, pid, 0], "at {point}");
    }
}

/// The fields of a side whose last holder had pid 77, as a slave of ours that attaches comes by `point`; `None` if the look
/// came too late.
fn seen_at(point: &str) -> Option<[u64; 4]> {
    let name = Name::new();
    let raw = Raw::stamped(&name, 3, 4096);
    for (field, value) in [("slave_heartbeat", 5), ("slave_lock", 77), ("slave_pid", 77)] {
        raw.set(field, value);
    }
    let _armed = Armed::with(&format!("{point}=sleep:300,slave.attached=pass"));
    thread::scope(|scope| {
        let opener = scope.spawn(|| open(&name, Role::Slave));
        until_at(point);
        let seen = ["slave_heartbeat", "slave_lock", "slave_pid", "slave_alive"].map(|field| raw.get(field));
        let in_time = count("slave.attached") == 0;
        drop(opener.join().expect("no panic"));
        in_time.then_some(seen)
    })
}

/// A thread of a slave has taken the lock, and is held up before it says so. Meanwhile the slave finds that message to be nobody's,
/// and moves. Another slave takes the new segment's lock, at the same sequence.
#[test]
fn a_lock_that_was_taken_before_a_move_is_not_looked_for_in_the_new_segment() {
    let _alone = alone();
    for _ in 0..ATTEMPTS {
        let name = Name::new();
        let (mut first, slave) = (Peer::ours("master", &name, &[]), open(&name, Role::Slave));
        let _armed = Armed::with("write.odd=sleep:3000");
        let is_over = thread::scope(|scope| {
            let writer = scope.spawn(|| slave.write(b"of a thread that is held up"));
            until_at("write.odd");
            first.leave();
            let mut master = Peer::ours("master", &name, &[]);
            let raw = name.raw();
            until("it has moved", || raw.get("slave_pid") == u64::from(process::id()));
            let mut other = Peer::ours("slave", &name, &[]);
            other.ok("arm write.copied=stop");
            other.send("write of another");
            other.until_stopped();
            if writer.is_finished() {
                return false;
            }
            assert_eq!(raw.get("s2m.sequence"), 1, "as in the old one");
            let _ = writer.join().expect("no panic");
            assert_eq!(raw.get("s2m.sequence"), 1, "its lock is the other's");
            other.resume();
            assert_eq!(other.answer_within(ms(20_000)).as_deref(), Some("ok"));
            assert_eq!(master.read(20_000), Ok("of another".into()));
            true
        });
        if is_over {
            return;
        }
    }
    panic!("no write was held up for long enough in {ATTEMPTS} attempts");
}
