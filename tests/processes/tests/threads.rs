//! Any threads may call any functions on one handle at once.

use eshm::Role;
use eshm_processes::{Name, Peer, THRESHOLD, c, code, elapsed_ms, ms, open, pause, until};
use std::{
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

#[test]
fn all_functions_at_once_while_masters_come_and_go() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let mut slave = Peer::ours("slave", &name, &["--retry=1", "--attempts=0", "--wait=0"]);
    slave.send("crowd 1500");
    let start = Instant::now();
    let mut round = 0;
    while start.elapsed() < ms(1400) {
        master.ok("crowd 60");
        if round % 2 == 0 {
            master.kill()
        } else {
            master.leave()
        }
        // Another capacity now and then, so that the mapping moves.
        let capacity = format!("--capacity={}", [4096, 100, 70_000][round % 3]);
        master = Peer::ours("master", &name, &[&capacity]);
        round += 1;
    }
    assert!(slave.answer().starts_with("ok reads="));
    slave.assert_alive();
    until("they are together again", || {
        slave.code("write back together") == 0 && master.read(100) == Ok("back together".into())
    });
}

#[test]
fn statistics_during_restarts_are_whole_or_refused() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let slave = eshm_processes::builder(&name, Role::Slave)
        .reconnect_retry_interval(ms(1))
        .max_reconnect_attempts(0)
        .open()
        .expect("attach");
    let (start, good) = (Instant::now(), AtomicU32::new(0));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while start.elapsed() < ms(700) {
                    match slave.stats() {
                        Ok(stats) => {
                            assert_eq!(u64::from(stats.stale_threshold_ms), THRESHOLD);
                            good.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(error) => assert_eq!(error.code(), -14),
                    }
                }
            });
        }
        while start.elapsed() < ms(600) {
            master.leave();
            master = Peer::ours("master", &name, &[]);
            pause(20);
        }
    });
    assert!(good.into_inner() > 0);
}

#[test]
fn several_threads_write_and_read_one_handle_without_loss_of_the_last_value() {
    let name = Name::new();
    let (master, slave) = (open(&name, Role::Master), open(&name, Role::Slave));
    thread::scope(|scope| {
        for writer in 0..4u8 {
            let master = &master;
            scope.spawn(move || {
                for _ in 0..500 {
                    // A timeout is a loaded machine's, with nothing changed.
                    until("it is written", || master.write(&[writer; 100]).is_ok());
                }
            });
        }
    });
    assert_eq!(master.stats().expect("attached").m2s_write_count, 2000);
    let mut buffer = [0; 100];
    assert_eq!(slave.try_read(&mut buffer), Ok(Some(100)));
    assert!(buffer.iter().all(|byte| *byte == buffer[0]));
    assert_eq!(slave.try_read(&mut buffer), Ok(None));
}

#[test]
fn destroy_wakes_the_reads_that_wait_and_they_return_an_error() {
    for (role, other) in [(0, "slave"), (1, "master")] {
        let name = Name::new();
        let early = (other == "master").then(|| Peer::ours("master", &name, &[]));
        let handle = c::Handle::init(name.as_str(), role).expect("open");
        let readers: Vec<_> = (0..3)
            .map(|_| {
                thread::spawn(move || {
                    let mut buffer = [0; 64];
                    handle.read_ex(&mut buffer, c::INFINITE).0
                })
            })
            .collect();
        pause(100); // they must wait already: nothing shows that from outside
        let (result, took) = elapsed_ms(|| handle.destroy());
        assert_eq!(result, 0);
        assert!(took < 5000, "{took} ms");
        for reader in readers {
            until("the read returns", || reader.is_finished());
            assert!(reader.join().expect("no panic") < 0);
        }
        drop(early);
    }
}

#[test]
fn destroy_with_readers_again_and_again_touches_no_freed_memory() {
    let name = Name::new();
    for _ in 0..40 {
        let handle = c::Handle::init(name.as_str(), 0).expect("open");
        let readers: Vec<_> = (0..3).map(|_| thread::spawn(move || handle.read_ex(&mut [0; 64], c::INFINITE).0)).collect();
        pause(10); // they must wait already
        assert_eq!(handle.destroy(), 0);
        for reader in readers {
            assert!(reader.join().expect("no panic") < 0);
        }
        assert!(!name.exists());
    }
}

#[test]
fn a_read_that_waits_holds_up_no_other_call() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &[]);
    let slave = open(&name, Role::Slave);
    thread::scope(|scope| {
        let reader = scope.spawn(|| slave.read_timeout(&mut [0; 64], Duration::MAX));
        pause(300);
        assert!(!reader.is_finished());
        slave.write(b"others go on").expect("write");
        assert_eq!(code(slave.stats()), 0);
        assert_eq!(master.read(5000), Ok("others go on".into()));
        master.write("done");
        until("the read returns", || reader.is_finished());
        assert_eq!(reader.join().expect("no panic"), Ok(4));
    });
}

#[test]
fn a_write_that_the_end_of_its_handle_overtakes_is_no_crash() {
    // The peer has the value and answers by closing, while the writer is still on its way out of the call.
    for _ in 0..300 {
        let name = Name::new();
        let master = c::Handle::init(name.as_str(), 0).expect("a master");
        let slave = c::Handle::init(name.as_str(), 1).expect("a slave");
        thread::scope(|scope| {
            scope.spawn(|| assert_eq!(master.write(b"over"), 0));
            assert_eq!(slave.read(&mut [0; 8]), 4);
            assert_eq!(master.destroy(), 0);
        });
        assert_eq!(slave.destroy(), 0);
    }
}
