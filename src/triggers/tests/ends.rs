//! Starting, stopping and dropping, from anywhere.

use super::*;
use crate::sys::fork::succeeds_in_child;

#[test]
fn start_and_stop_may_be_repeated() {
    let (master, slave) = pair("repeated");
    let (said, words) = mpsc::channel();
    master.on_call("go", say(&said, "go"));
    master.stop().unwrap();
    for round in 0..100 {
        master.start().unwrap();
        master.start().unwrap();
        if round % 2 == 0 {
            slave.call("go").unwrap();
            assert_eq!(hear(&words), "go");
        }
        master.stop().unwrap();
        master.stop().unwrap();
        slave.call("go").unwrap(); // while stopped: kept for the next start
        assert!(words.try_recv().is_err());
        master.start().unwrap();
        assert_eq!(hear(&words), "go");
        master.stop().unwrap();
    }
    assert_eq!((master.dispatched(), master.missed()), (150, 0));
}

#[test]
fn stop_wakes_a_dispatcher_that_waits() {
    let (master, _slave) = pair("stop_wakes");
    let soon = (0..20).any(|_| {
        master.start().unwrap();
        thread::sleep(Duration::from_millis(20)); // it is about to wait
        let start = std::time::Instant::now();
        master.stop().unwrap();
        start.elapsed() < Duration::from_millis(500) // its sleep has an end after a second
    });
    assert!(soon, "it went on sleeping");
}

#[test]
fn stop_waits_for_the_handler_that_runs() {
    let (master, slave) = pair("stop_waits");
    let (said, words) = mpsc::channel();
    let (go_on, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let ended = Arc::new(Mutex::new(false));
    let theirs = ended.clone();
    master.on_event("e", move |rpc| {
        say(&said, "begun")(rpc);
        unlock(&gate).recv_timeout(HANG).unwrap();
        *unlock(&theirs) = true;
    });
    master.start().unwrap();
    slave.emit("e").unwrap();
    assert_eq!(hear(&words), "begun");
    assert_eq!(master.dispatched(), 1); // it has begun
    thread::scope(|scope| {
        let stoppers = [(); 2].map(|()| scope.spawn(|| (master.stop().unwrap(), *unlock(&ended)).1));
        while master.shared.control.lock().wanted {
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(Duration::from_millis(50)); // time in which a stop that does not wait would return
        assert!(stoppers.iter().all(|stopper| !stopper.is_finished()));
        go_on.send(()).unwrap();
        for stopper in stoppers {
            assert!(stopper.join().unwrap(), "stop returned while a handler ran");
        }
    });
}

#[test]
fn a_handler_may_stop_and_start_again() {
    let (master, slave) = pair("stop_inside");
    let (said, words) = mpsc::channel();
    let tell = said.clone();
    master.on_event("stop", move |master| {
        master.stop().unwrap();
        say(&tell, "stopped")(master);
    });
    master.on_event("stop", say(&said, "too late"));
    let tell = said.clone();
    master.on_event("restart", move |master| {
        master.stop().unwrap();
        master.start().unwrap();
        say(&tell, "restarted")(master);
    });
    master.start().unwrap();
    slave.emit("stop").unwrap();
    assert_eq!(hear(&words), "stopped");
    master.stop().unwrap(); // waits for the handler's end
    slave.emit("restart").unwrap();
    assert!(words.try_recv().is_err());
    for _ in 0..3 {
        master.start().unwrap();
        assert_eq!(hear(&words), "restarted");
        slave.emit("restart").unwrap();
    }
    assert_eq!(hear(&words), "restarted");
}

#[test]
fn a_handler_may_drop_its_rpc() {
    let (master, slave) = pair("drop_inside");
    let file = format!("/dev/shm/eshm_{}_ctl", name("drop_inside"));
    let (said, words) = mpsc::channel();
    let holder = Arc::new(Mutex::new(None));
    let (theirs, tell, path) = (holder.clone(), said.clone(), file.clone());
    let tracker = Arc::new(());
    let tracked = tracker.clone();
    master.on_event("end", move |rpc| {
        let _in_the_closure = &tracked;
        drop(unlock(&theirs).take());
        assert_eq!(rpc.dispatched(), 1); // still there
        say(&tell, if Path::new(&path).exists() { "dropped" } else { "freed too early" })(rpc);
    });
    master.on_event("end", say(&said, "too late"));
    *unlock(&holder) = Some(master);
    unlock(&holder).as_ref().unwrap().start().unwrap();
    slave.emit("end").unwrap();
    assert_eq!(hear(&words), "dropped");
    let end = std::time::Instant::now() + HANG;
    while Path::new(&file).exists() || Arc::strong_count(&tracker) != 1 {
        assert!(std::time::Instant::now() < end, "never freed");
        thread::sleep(Duration::from_millis(1));
    }
    assert!(words.try_recv().is_err());
}

#[test]
fn many_threads_start_stop_and_fire() {
    let (master, slave) = pair("threads");
    master.on_event("e", |_| {});
    slave.on_event("e", |_| {});
    thread::scope(|scope| {
        for number in 0..4 {
            let (master, slave) = (&master, &slave);
            scope.spawn(move || {
                for round in 0..300 {
                    let end = if (number + round) % 2 == 0 { master } else { slave };
                    match round % 3 {
                        0 => end.start().unwrap(),
                        1 => end.stop().unwrap(),
                        _ => end.emit("e").unwrap(),
                    }
                }
            });
        }
    });
    // Whatever they left behind, it works.
    let (said, words) = mpsc::channel();
    master.stop().unwrap();
    master.on_call("go", say(&said, "go"));
    master.start().unwrap();
    slave.call("go").unwrap();
    assert_eq!(hear(&words), "go");
}

/// Dropping wins against a handler that starts its end over and over.
#[test]
fn a_handler_does_not_start_what_is_being_dropped() {
    let (master, slave) = pair("start_dropped");
    let (said, words) = mpsc::channel();
    let tell = say(&said, "runs");
    master.on_event("e", move |rpc| {
        tell(rpc);
        while rpc.start().is_ok() {
            thread::yield_now();
        }
        tell(rpc);
    });
    master.start().unwrap();
    slave.emit("e").unwrap();
    assert_eq!(hear(&words), "runs");
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        drop(master);
        done.send(())
    });
    let start = std::time::Instant::now();
    is_done.recv_timeout(HANG).expect("dropping ends");
    assert!(start.elapsed() < Duration::from_secs(4), "it ended by its bound alone");
    assert_eq!(hear(&words), "runs");
}

#[test]
fn a_forked_child_registers_nothing_and_does_not_wait_for_a_thread_of_its_parent() {
    let (master, _slave) = pair("fork_register");
    // That another thread may be in the midst of registering shows in the child as a lock that is held.
    let ended = master.shared.registry.while_held(|| {
        succeeds_in_child(|| {
            master.on_call("x", |_| {});
            master.on_event("x", |_| {});
            true
        })
    });
    assert!(ended, "the child hangs");
}
