//! Processes that one driver moves through shared memory: a call costs microseconds, and two can be made at the same instant.
//!
//! They are forked before the driver has used the library, which it never does itself.

use crate::{die, die_with_parent};
use eshm::{Endpoint, Role};
use eshm_processes::{code, ms, until};
use std::{
    mem::size_of,
    ptr, slice,
    sync::atomic::{AtomicI32, AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

/// What an actor does with its one handle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub(crate) enum Verb {
    /// Opens as master (0), slave (1) or auto (2), once all that are to start together are there: role got, or error code.
    Open,
    /// `update_heartbeat`: its code.
    Beat,
    /// Writes the number: the code.
    Write,
    /// Reads until the number comes, for 50 ms: 0, or the code of the last read.
    Read,
    /// Ends the handle: 0.
    Close,
}

const VERBS: [Verb; 5] = [Verb::Open, Verb::Beat, Verb::Write, Verb::Read, Verb::Close];

/// What driver and actor share; all of it is passed on by `asked` and `done`, release to acquire.
struct Shared {
    asked: AtomicU32,
    done: AtomicU32,
    verb: AtomicU32,
    argument: AtomicU32,
    /// Microseconds to wait after the gate, before the call.
    delay: AtomicU32,
    result: AtomicI32,
}

/// Where actors that are to open at the same instant wait for each other.
struct Gate {
    arrived: AtomicU32,
    expected: AtomicU32,
}

/// Several actors and their gate.
pub(crate) struct Stage {
    gate: &'static Gate,
    actors: &'static [Shared],
    pids: Vec<i32>,
}

/// Zeroed memory that children share with us, for the life of the process.
fn shared<T>(count: usize) -> &'static [T] {
    // SAFETY: fresh anonymous pages, never unmapped, zeroed; T is made of atomics, for which zero is a value.
    unsafe {
        let (access, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
        let at = libc::mmap(ptr::null_mut(), count * size_of::<T>(), access, flags, -1, 0);
        assert_ne!(at, libc::MAP_FAILED);
        slice::from_raw_parts(at.cast(), count)
    }
}

impl Stage {
    /// Starts `count` actors on the segment `name`.
    pub(crate) fn new(name: &str, count: usize) -> Stage {
        let (gate, actors) = (&shared::<Gate>(1)[0], shared::<Shared>(count));
        let start = |own: &'static Shared| {
            // SAFETY: this process has one thread, so the child may do anything.
            let pid = unsafe { libc::fork() };
            assert!(pid >= 0);
            if pid == 0 {
                die_with_parent();
                act(own, gate, name)
            }
            pid
        };
        Stage { gate, actors, pids: actors.iter().map(start).collect() }
    }

    /// Has an actor begin something.
    pub(crate) fn tell(&self, actor: usize, verb: Verb, argument: u32) {
        let own = &self.actors[actor];
        own.verb.store(verb as u32, Ordering::Relaxed);
        own.argument.store(argument, Ordering::Relaxed);
        own.asked.fetch_add(1, Ordering::Release);
    }

    /// The result of what it was told to do.
    pub(crate) fn result(&self, actor: usize) -> i32 {
        let own = &self.actors[actor];
        until("an actor has answered", || {
            // SAFETY: our own child.
            let ended = unsafe { libc::waitpid(self.pids[actor], ptr::null_mut(), libc::WNOHANG) };
            assert_eq!(ended, 0, "actor {actor} died");
            own.done.load(Ordering::Acquire) == own.asked.load(Ordering::Relaxed)
        });
        own.result.load(Ordering::Relaxed)
    }

    /// Both at once.
    pub(crate) fn ask(&self, actor: usize, verb: Verb, argument: u32) -> i32 {
        self.gate.arrived.store(0, Ordering::Relaxed);
        self.gate.expected.store(1, Ordering::Relaxed);
        self.tell(actor, verb, argument);
        self.result(actor)
    }

    /// The first two actors open in the same role at the same instant, or `delays` microseconds after it.
    pub(crate) fn race(&self, role: u32, delays: [u32; 2]) -> [i32; 2] {
        self.gate.arrived.store(0, Ordering::Relaxed);
        self.gate.expected.store(2, Ordering::Relaxed);
        for (actor, delay) in delays.into_iter().enumerate() {
            self.actors[actor].delay.store(delay, Ordering::Relaxed);
            self.tell(actor, Verb::Open, role);
        }
        [self.result(0), self.result(1)]
    }

    /// The process of an actor.
    pub(crate) fn pid(&self, actor: usize) -> i32 {
        self.pids[actor]
    }
}

/// An actor's life: until its driver ends.
fn act(own: &Shared, gate: &Gate, name: &str) -> ! {
    let (mut endpoint, mut seen): (Option<Endpoint>, u32) = (None, 0);
    loop {
        let asked = own.asked.load(Ordering::Acquire);
        if asked == seen {
            thread::sleep(Duration::from_micros(50));
            continue;
        }
        seen = asked;
        let argument = own.argument.load(Ordering::Relaxed);
        let verb = VERBS[own.verb.load(Ordering::Relaxed) as usize];
        let result = match (verb, &endpoint) {
            (Verb::Open, _) => {
                drop(endpoint.take());
                gate.arrived.fetch_add(1, Ordering::AcqRel);
                while gate.arrived.load(Ordering::Acquire) < gate.expected.load(Ordering::Relaxed) {
                    thread::yield_now();
                }
                let (start, delay) = (Instant::now(), u64::from(own.delay.swap(0, Ordering::Relaxed)));
                while start.elapsed() < Duration::from_micros(delay) {}
                let opened = open(name, argument);
                let result = opened.as_ref().map_or_else(|code| *code, |endpoint| endpoint.role() as i32);
                endpoint = opened.ok();
                result
            }
            (Verb::Close, _) => {
                endpoint = None;
                0
            }
            (_, None) => -14,
            (Verb::Beat, Some(endpoint)) => code(endpoint.update_heartbeat()),
            (Verb::Write, Some(endpoint)) => code(endpoint.write(&argument.to_ne_bytes())),
            (Verb::Read, Some(endpoint)) => read_until(endpoint, argument),
        };
        own.result.store(result, Ordering::Relaxed);
        own.done.store(seen, Ordering::Release);
    }
}

fn open(name: &str, role: u32) -> Result<Endpoint, i32> {
    let role = [Role::Master, Role::Slave, Role::Auto][role as usize];
    let builder = Endpoint::builder(name).role(role).max_reconnect_attempts(0).reconnect_wait(ms(0));
    builder.reconnect_retry_interval(ms(5)).open().map_err(|error| error.code())
}

fn read_until(endpoint: &Endpoint, number: u32) -> i32 {
    let (start, mut buffer, mut last) = (Instant::now(), [0; 64], -9);
    while start.elapsed() < ms(50) {
        match endpoint.read_timeout(&mut buffer, ms(10)) {
            Ok(4) if buffer[..4] == number.to_ne_bytes() => return 0,
            Ok(_) => {}
            Err(error) => last = error.code(),
        }
    }
    last
}

/// A master of `name` that is there when this returns, in a process of its own.
pub(crate) fn mortal_master(name: &str) -> i32 {
    let there = &shared::<AtomicU32>(1)[0];
    // SAFETY: this process has one thread, so the child may do anything.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        die_with_parent();
        let endpoint = open(name, 0);
        there.store(if endpoint.is_ok() { 1 } else { 2 }, Ordering::Release);
        loop {
            thread::sleep(Duration::from_secs(1));
            if there.load(Ordering::Relaxed) == 3 {
                die()
            }
        }
    }
    until("the master that is to die has opened", || there.load(Ordering::Acquire) != 0);
    assert_eq!(there.load(Ordering::Relaxed), 1, "the master that is to die cannot open");
    pid
}

/// SIGKILL, and waits for the end.
pub(crate) fn kill(pid: i32) {
    // SAFETY: our own child.
    unsafe {
        libc::kill(pid, libc::SIGKILL);
        libc::waitpid(pid, ptr::null_mut(), 0);
    }
}
