//! A spin that is asked for holds up nobody: neither who ends the read, nor, for long, the processor.

use eshm::{Endpoint, Role, Rpc};
use eshm_processes::{Name, elapsed_ms, ms, open, tasks::own_processor_time, until};
use std::{
    sync::{
        Once,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

/// Five seconds for every handle of this process, which is more than a spin lasts.
fn spin_for_seconds() {
    static ONCE: Once = Once::new();
    // SAFETY: before the first handle, and no other thread of these tests looks at the environment before it has come here.
    ONCE.call_once(|| unsafe { std::env::set_var("ESHM_SPIN_US", "5000000") });
}

/// How often each is tried: if one took as long as a spin, all would take far longer than [`MOST`].
const TURNS: u32 = 20;
const MOST: u64 = 8000;

/// Ends a read that has begun to wait, several times.
#[track_caller]
fn end_reads(slave: &Endpoint, end: impl Fn()) {
    let (begun, ended) = (AtomicU32::new(0), AtomicU32::new(0));
    let (_, took) = elapsed_ms(|| {
        thread::scope(|scope| {
            for turn in 1..=TURNS {
                scope.spawn(|| {
                    begun.fetch_add(1, Ordering::SeqCst);
                    let _ = slave.read_timeout(&mut [0; 8], ms(20_000));
                    ended.fetch_add(1, Ordering::SeqCst);
                });
                until("it reads", || begun.load(Ordering::SeqCst) == turn);
                thread::sleep(ms(5)); // and spins
                end();
                until("the read has ended", || ended.load(Ordering::SeqCst) == turn);
                slave.resume();
            }
        });
    });
    assert!(took < MOST, "{TURNS} reads were ended in {took} ms");
}

#[test]
fn an_interruption_ends_a_spin() {
    spin_for_seconds();
    let name = Name::new();
    let _master = open(&name, Role::Master);
    let slave = open(&name, Role::Slave);
    end_reads(&slave, || slave.interrupt());
}

#[test]
fn stopping_a_dispatcher_of_triggers_does() {
    spin_for_seconds();
    let name = Name::new();
    let rpc = Rpc::open(name.as_str(), Role::Master).expect("a trigger channel");
    let (_, took) = elapsed_ms(|| {
        for _ in 0..TURNS {
            rpc.start().expect("start");
            thread::sleep(ms(5)); // and spins
            rpc.stop().expect("stop");
        }
    });
    assert!(took < MOST, "{TURNS} stops took {took} ms");
}

#[test]
fn closing_does() {
    spin_for_seconds();
    let name = Name::new();
    let _master = open(&name, Role::Master);
    let (_, took) = elapsed_ms(|| {
        for _ in 0..TURNS {
            let slave = eshm_processes::c::Handle::init(name.as_str(), 1).expect("a slave");
            let reader = thread::spawn(move || slave.read_ex(&mut [0; 8], 20_000));
            thread::sleep(ms(50)); // it reads, and spins
            assert_eq!(slave.destroy(), 0);
            assert_eq!(reader.join().expect("no panic").0, -14);
        }
    });
    assert!(took < MOST, "{TURNS} ends took {took} ms");
}

#[test]
fn a_spin_lasts_a_second_at_most() {
    spin_for_seconds();
    let name = Name::new();
    let _master = open(&name, Role::Master);
    let slave = open(&name, Role::Slave);
    for asked in [None, Some(Duration::from_secs(600))] {
        slave.set_spin(asked);
        let before = own_processor_time();
        assert!(slave.read_timeout(&mut [0; 8], ms(5000)).is_err());
        let used = own_processor_time() - before;
        assert!(used < ms(1500), "{asked:?}: {used:?}");
    }
}
