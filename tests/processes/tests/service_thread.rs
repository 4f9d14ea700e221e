//! One thread of a process beats and checks for all its handles.

use eshm_processes::{Name, Peer, Raw, eventually, pause, tasks, until, wait::HANG};
use std::time::Instant;

#[test]
fn there_is_one_for_any_number_of_handles_and_it_goes_with_the_last() {
    let names: Vec<Name> = (0..12).map(|_| Name::new()).collect();
    let mut peer = Peer::ours("master", &names[0], &[]);
    for name in &names[1..] {
        peer.ok(format_args!("also master {}", name.as_str()));
    }
    assert_eq!(tasks::other_threads(peer.pid()).len(), 1);
    peer.ok("close");
    until("the thread is gone", || tasks::other_threads(peer.pid()).is_empty());
    peer.ok(format_args!("open master {}", names[0].as_str()));
    assert_eq!(tasks::other_threads(peer.pid()).len(), 1, "and it comes back");
}

#[test]
fn it_beats_for_all_of_them() {
    let names: Vec<Name> = (0..12).map(|_| Name::new()).collect();
    let mut peer = Peer::ours("master", &names[0], &[]);
    for name in &names[1..] {
        peer.ok(format_args!("also master {}", name.as_str()));
    }
    let raws: Vec<Raw> = names.iter().map(Name::raw).collect();
    let before: Vec<u64> = raws.iter().map(|raw| raw.get("master_heartbeat")).collect();
    until("each has moved", || raws.iter().zip(&before).all(|(raw, before)| raw.get("master_heartbeat") > before + 50));
}

/// Checks that `field` advances by one each millisecond, with wide limits: a loaded machine makes up at most 100.
#[track_caller]
fn assert_1000_a_second(raw: &Raw, field: &str) {
    // Of what a stall of the machine takes only 100 are made up: the best of three counts.
    let enough = (0..3).any(|_| {
        let (start, before) = (Instant::now(), raw.get(field));
        pause(1500);
        let (beats, time) = (raw.get(field) - before, start.elapsed().as_millis() as u64);
        println!("{field}: {beats} in {time} ms");
        assert!(beats <= time + time / 10 + 120, "{field}: {beats} in {time} ms");
        beats >= time / 2
    });
    assert!(enough, "{field} is slow");
}

#[test]
fn it_beats_1000_times_a_second_on_both_sides() {
    let name = Name::new();
    let (mut master, mut slave) = (Peer::ours("master", &name, &[]), Peer::ours("slave", &name, &[]));
    until("they have met", || master.alive() && slave.alive());
    let raw = name.raw();
    std::thread::scope(|scope| {
        scope.spawn(|| assert_1000_a_second(&raw, "master_heartbeat"));
        assert_1000_a_second(&raw, "slave_heartbeat");
    });
}

#[test]
fn alone_it_may_tick_slowly_but_the_heartbeat_is_the_same() {
    let name = Name::new();
    let _master = Peer::ours("master", &name, &[]);
    assert_1000_a_second(&name.raw(), "master_heartbeat");
}

#[test]
fn ticks_it_missed_are_made_up_but_at_most_100() {
    for alone in [true, false] {
        let name = Name::new();
        let mut master = Peer::ours("master", &name, &[]);
        let _slave = (!alone).then(|| Peer::ours("slave", &name, &[]));
        if !alone {
            until("they have met", || master.alive());
        }
        let raw = name.raw();
        master.stop();
        let before = raw.get("master_heartbeat");
        pause(1500);
        assert_eq!(raw.get("master_heartbeat"), before);
        let start = Instant::now();
        master.resume();
        until("it goes on", || raw.get("master_heartbeat") > before + 1);
        let (beats, since) = (raw.get("master_heartbeat") - before, start.elapsed().as_millis() as u64);
        assert!(beats <= 100 + since + 30, "{beats} beats within {since} ms");
    }
}

#[test]
fn it_blocks_all_signals_but_the_synchronous_ones() {
    let name = Name::new();
    let peer = Peer::ours("master", &name, &[]);
    name.raw().until_looked("master"); // a thread that has only just started may still have all of them blocked
    let threads = tasks::other_threads(peer.pid());
    let blocked = tasks::status(peer.pid(), threads[0], "SigBlk").expect("its mask");
    let blocked = u64::from_str_radix(&blocked, 16).expect("a number");
    let is_blocked = |signal: i32| blocked & (1 << (signal - 1)) != 0;
    for signal in [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP] {
        assert!(!is_blocked(signal), "signal {signal} is synchronous");
    }
    for signal in [1, 2, 3, 6, 10, 12, 13, 14, 15, 17, 18, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 31, 34, 40, 64] {
        assert!(is_blocked(signal), "signal {signal} may be delivered to it");
    }
}

#[test]
fn a_signal_handler_of_the_program_never_runs_on_it() {
    let name = Name::new();
    let mut peer = Peer::ours("master", &name, &[]);
    peer.ok("block-usr1"); // now only the service thread could take it
    for _ in 0..20 {
        // SAFETY: a signal that the peer has a handler for.
        unsafe { libc::kill(peer.pid() as i32, libc::SIGUSR1) };
        pause(2);
    }
    assert_eq!(peer.number("usr1", "count"), 0);
    peer.assert_alive();
}

#[test]
fn it_costs_little_while_nobody_is_there() {
    let names: Vec<Name> = (0..8).map(|_| Name::new()).collect();
    let mut peer = Peer::ours("master", &names[0], &[]);
    for name in &names[1..] {
        peer.ok(format_args!("also master {}", name.as_str()));
    }
    let thread = tasks::other_threads(peer.pid())[0];
    let before = tasks::sleeps(peer.pid(), thread);
    pause(500);
    let wakes = tasks::sleeps(peer.pid(), thread) - before;
    assert!(wakes <= 800, "{wakes} wake-ups in half a second: more than one a millisecond for all handles together");
}

/// Watches thread `thread` of `peer` for a moment: how often it woke up, and of how many milliseconds the process worked how many.
fn watch(peer: &Peer, thread: u32) -> (f64, f64, f64) {
    let look = || (tasks::sleeps(peer.pid(), thread), Instant::now(), tasks::processor_time(peer.pid()));
    let before = look();
    pause(500);
    let after = look();
    ((after.0 - before.0) as f64, (after.1 - before.1).as_secs_f64() * 1e3, (after.2 - before.2).as_secs_f64() * 1e3)
}

#[test]
fn a_thread_that_reads_flat_out_beats_for_it_and_lets_it_sleep() {
    let name = Name::new();
    let (mut master, mut slave) = (Peer::ours("master", &name, &[]), Peer::ours("slave", &name, &[]));
    let thread = tasks::other_threads(slave.pid())[0];
    master.send("flood 60000 32");
    slave.send("drain 60000");
    // Less often, but while the reader waits for a processor.
    let mut judged = false;
    let relieved = eventually(HANG, || {
        let (wakes, all, worked) = watch(&slave, thread);
        let at_work = worked > all / 5.0;
        judged |= at_work;
        at_work && wakes < all - worked / 2.0
    });
    if !relieved && !judged {
        return eprintln!("SKIPPED: this machine is too busy: the reader hardly ran");
    }
    assert!(relieved, "it wakes up as often as ever");
    assert_1000_a_second(&name.raw(), "slave_heartbeat");
    drop(master);
    until("it is as watchful as ever", || {
        let (wakes, all, _) = watch(&slave, thread);
        wakes > all / 2.0
    });
}

#[test]
fn closing_one_handle_leaves_the_others_beating() {
    let (first, second) = (Name::new(), Name::new());
    let mut peer = Peer::ours("master", &first, &[]);
    peer.ok(format_args!("also master {}", second.as_str()));
    let third = Name::new();
    peer.ok(format_args!("open master {}", third.as_str())); // ends the first one
    assert!(!first.exists());
    let raw = second.raw();
    let before = raw.get("master_heartbeat");
    until("the second one beats", || raw.get("master_heartbeat") > before + 30);
}
