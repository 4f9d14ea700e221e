//! A panic in the service thread costs one handle one tick, and the process nothing.

#[cfg(not(eshm_failpoints))]
#[test]
#[ignore = "SKIPPED: built without --cfg eshm_failpoints; make panics"]
fn a_panic_in_a_tick_costs_a_tick() {}

#[cfg(eshm_failpoints)]
mod injected {
    use eshm::{Role, failpoint};
    use eshm_panics::{ends, one_at_a_time};
    use eshm_processes::{Name, Peer, builder, ms, open, read, tasks, until};
    use std::process;

    /// The library's threads; those of the tests before may still be on their way out.
    fn service_threads() -> usize {
        let named = |&tid: &u32| tasks::status(process::id(), tid, "Name").as_deref() == Some("eshm");
        tasks::other_threads(process::id()).iter().filter(|tid| named(tid)).count()
    }

    /// Panics at `point`, in the next tick of some handle.
    fn panic_once(point: &str) {
        failpoint::arm(&format!("{point}=panic")).expect("a plan");
        until("a tick has panicked", || failpoint::count(point) > 0);
        failpoint::arm("").expect("an empty plan");
    }

    #[test]
    fn a_panic_in_a_tick_costs_a_tick() {
        let _one = one_at_a_time();
        for point in ["service.beat", "service.tick"] {
            let name = Name::new();
            let mut peer = Peer::ours("master", &name, &[]);
            let slave = builder(&name, Role::Slave)
                .reconnect_retry_interval(ms(1))
                .max_reconnect_attempts(0)
                .open()
                .expect("attach");
            until("there is one service thread", || service_threads() == 1);
            for round in 0..20 {
                panic_once(point);
                // The thread lives, and what it did for the handle goes on.
                let beats = slave.stats().expect("attached").slave_heartbeat;
                until("it beats on", || slave.stats().is_ok_and(|stats| stats.slave_heartbeat > beats));
                peer.write(&format!("message {round}"));
                assert_eq!(read(&slave, 1000), Ok(format!("message {round}")), "{point}");
                assert_eq!(service_threads(), 1, "{point}");
            }
            // It still finds a dead peer out, and a new one.
            peer.kill();
            until("it sees that the master is dead", || slave.remote_alive() == Ok(false));
            let mut peer = Peer::ours("master", &name, &[]);
            until("it has found the new master", || slave.write(b"to the new one").is_ok());
            assert_eq!(peer.read(1000), Ok("to the new one".into()), "{point}");
            ends("the end of the handle", move || drop(slave));
        }
    }

    /// The tick of a moving handle panics too: it moves with the next one.
    #[test]
    fn handles_that_share_the_thread_do_not_notice() {
        let _one = one_at_a_time();
        let names = [Name::new(), Name::new(), Name::new()];
        let masters = names.each_ref().map(|name| open(name, Role::Master));
        let beats = || masters.each_ref().map(|master| master.stats().expect("attached").master_heartbeat);
        for point in ["service.beat", "service.tick"] {
            panic_once(point);
            let before = beats();
            until("all of them beat on", || beats().iter().zip(&before).all(|(now, then)| now > then));
        }
        ends("the end of the handles", move || drop(masters));
        until("the thread is gone", || service_threads() == 0);
    }

    /// A fork waits for the tick that is going on; one that panicked is over.
    #[test]
    fn a_fork_after_it_works() {
        let _one = one_at_a_time();
        let name = Name::new();
        let master = open(&name, Role::Master);
        panic_once("service.tick");
        let status = ends("a fork", || {
            let mut status = -1;
            // SAFETY: the child does nothing but end.
            unsafe {
                let child = libc::fork();
                if child == 0 {
                    libc::_exit(7);
                }
                assert_eq!(libc::waitpid(child, &mut status, 0), child);
            }
            libc::WEXITSTATUS(status)
        });
        assert_eq!(status, 7);
        drop(master);
    }

    /// What the host's users see is a line that names the handle and asks for a report.
    #[test]
    fn it_is_said_on_stderr() {
        let _one = one_at_a_time();
        let name = Name::new();
        // SAFETY: no other thread of this test reads the environment now.
        unsafe { std::env::set_var("ESHM_FAILPOINTS", "service.tick=panic@5") };
        let mut peer = Peer::ours("master", &name, &[]);
        // SAFETY: as above.
        unsafe { std::env::remove_var("ESHM_FAILPOINTS") };
        until("it is said", || peer.lines_with("the service thread panicked") == 1);
        assert_eq!(peer.lines_with(&format!("'{}'", name.as_str())), 1, "{}", peer.log());
        peer.leave();
    }
}
