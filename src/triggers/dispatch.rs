//! The dispatcher: a thread that waits for triggers and runs their handlers with no lock held.

use super::message::{self, Trigger};
use super::{Kind, Last, Rpc, Shared, registry::Handler};
use crate::endpoint::refusal::explain_thread;
use crate::error::Error;
use crate::liveness::service::PATIENCE;
use crate::log::{self, Level, Rate};
use crate::segment::name::quoted;
use crate::sync::{self, Ordering};
use crate::sys::{clock, thread};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

/// The thread's stack; handlers are the program's, and some run an interpreter.
const STACK: usize = 8 * 1024 * 1024;
/// Bytes a trigger is first read into.
const TRIGGER: usize = 512;
/// Bytes of memory that are kept for the next one.
const KEPT: usize = 64 * 1024;

/// Whether one of its handlers called us.
fn is_inside(shared: &Arc<Shared>) -> bool {
    shared.dispatcher.load(Ordering::Relaxed) == thread::own_number() // this thread's own store, if it is
}

/// See [`Rpc::start`].
pub(super) fn start(shared: &Arc<Shared>) -> Result<(), Error> {
    let mut state = shared.control.lock();
    if state.ended {
        return Err(Error::NotInitialized);
    }
    if state.wanted {
        return Ok(());
    }
    if !state.alive {
        if let Some(ended) = state.thread.take() {
            ended.join(clock::now() + PATIENCE); // past its last look at the state
        }
        let theirs = Rpc { shared: shared.clone(), owner: false };
        let spawned = thread::spawn(c"eshm_rpc", STACK, Box::new(move || run(&theirs)));
        state.thread = Some(spawned.map_err(|error| Error::Attach(explain_thread("the dispatcher", &error)))?);
        state.alive = true;
    }
    state.wanted = true;
    state.run += 1;
    shared.endpoint.core().resume();
    shared.control.announce(); // to those who wait for the end of the run before
    Ok(())
}

/// See [`Rpc::stop`].
pub(super) fn stop(shared: &Arc<Shared>) {
    let mut state = shared.control.lock();
    state.wanted = false;
    if is_inside(shared) {
        state.cut = true;
        return;
    }
    let run = state.run;
    if !state.alive {
        return;
    }
    drop(state);
    shared.endpoint.core().interrupt();
    let mut state = shared.control.lock();
    if state.wanted {
        shared.endpoint.core().resume(); // started anew before the interruption
    }
    // However long its handler runs: that may use what the program gives up after this.
    let mut patience = clock::now() + PATIENCE;
    while state.alive && state.run == run {
        shared.control.wait(state, patience);
        if clock::now() >= patience {
            patience = u64::MAX;
            log::warning!("{}: waits for a handler that does not return", shared.endpoint.core());
        }
        state = shared.control.lock();
    }
}

/// Stops for good and ends the channel: here, or in the dispatcher if a handler called us.
pub(super) fn end(shared: &Arc<Shared>) {
    let inside = is_inside(shared);
    shared.control.lock().ended = true; // or a handler could start it again, and the thread would not end
    shared.orphaned.store(inside, Ordering::Relaxed); // if so, by the very thread that looks at it
    stop(shared);
    let thread = shared.control.lock().thread.take();
    if inside {
        return;
    }
    if let Some(thread) = thread {
        thread.join(clock::now() + PATIENCE); // a stopped one ends
    }
    close(shared);
}

/// The last steps. Who is still in a call finds the channel closed: it stays in memory for a while.
pub(super) fn close(shared: &Arc<Shared>) {
    shared.endpoint.close(shared.clone());
    shared.registry.clear();
}

/// The thread.
fn run(rpc: &Rpc) {
    rpc.shared.dispatcher.store(thread::own_number(), Ordering::Relaxed); // see is_inside
    let leaving = Leaving(&rpc.shared);
    let mut dispatcher = Dispatcher { rpc, complaints: Rate::new() };
    let mut buffer = vec![0; TRIGGER];
    while dispatcher.is_wanted() {
        if buffer.len() > KEPT {
            buffer.truncate(TRIGGER);
            buffer.shrink_to_fit();
        }
        // Only the library itself could panic here.
        match catch_unwind(AssertUnwindSafe(|| dispatcher.turn(&mut buffer))) {
            Ok(handlers) => dispatcher.run(&handlers), // not caught: an exception of theirs is the C++ runtime's to name
            Err(_) => {
                rpc.shared.endpoint.core().say(Level::Error, format_args!("the dispatcher panicked; please report this"))
            }
        }
    }
    std::mem::forget(leaving); // all is in order, and start may hold the mutex as it waits for this thread
    leave(&rpc.shared);
}

/// Makes the buffer this large; false if there is no memory for that.
fn grow(buffer: &mut Vec<u8>, size: usize) -> bool {
    let more = size.saturating_sub(buffer.len());
    let has_room = buffer.try_reserve_exact(more).is_ok();
    if has_room {
        buffer.resize(size, 0);
    }
    has_room
}

/// Another thread may get this one's number. One that was not waited for may already run in its place.
fn leave(shared: &Shared) {
    let _ = shared.dispatcher.compare_exchange(thread::own_number(), 0, Ordering::Relaxed, Ordering::Relaxed);
}

/// If a handler ends the thread, by pthread_exit(3), nobody waits for it from then on.
struct Leaving<'a>(&'a Shared);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        leave(self.0);
        self.0.control.lock().alive = false;
        self.0.control.announce();
    }
}

struct Dispatcher<'a> {
    rpc: &'a Rpc,
    complaints: Rate,
}

impl Dispatcher<'_> {
    /// Whether to go on; if not, nobody counts on this thread from here on.
    fn is_wanted(&mut self) -> bool {
        let shared = &self.rpc.shared;
        let mut state = shared.control.lock();
        state.cut = false;
        state.alive = state.wanted;
        if !state.alive {
            shared.control.announce();
        }
        state.alive
    }

    /// Waits for one trigger; what is to run for it.
    fn turn(&mut self, buffer: &mut Vec<u8>) -> Vec<Handler> {
        let read = loop {
            match self.rpc.shared.endpoint.read_patiently(buffer) {
                Err(Error::BufferTooSmall { size, .. }) if grow(buffer, size) => {}
                read => break read,
            }
        };
        match read {
            Ok(size) => match message::decode(&buffer[..size]) {
                Some(trigger) => return self.take(&trigger),
                None => self.complain(format_args!("ignoring a message that is no trigger")),
            },
            Err(Error::Timeout) => {} // interrupted
            Err(error) => {
                // No memory, or none that is expected; whatever it is, it must not keep a processor busy.
                self.complain(format_args!("{error}"));
                clock::sleep(std::time::Duration::from_millis(10));
            }
        }
        Vec::new()
    }

    fn take(&mut self, trigger: &Trigger<'_>) -> Vec<Handler> {
        let shared = &self.rpc.shared;
        let core = shared.endpoint.core();
        // Another process, another start of it, or another segment: numbers begin anew.
        let peer = (core.writer_now(), core.epoch());
        let last = std::mem::replace(&mut *sync::hold(&shared.last), Last { number: trigger.number, peer });
        let same = last.number == 0 || last.peer == peer;
        let missed = if same { gap(last.number, trigger.number, shared.from_start) } else { 0 };
        if missed != 0 {
            shared.missed.fetch_add(missed, Ordering::Relaxed); // published by the count of handlers below
        }
        let handlers = shared.registry.find(trigger.kind, trigger.name);
        if handlers.is_empty() && trigger.kind == Kind::Call {
            self.complain(format_args!("nothing is registered for the call {}", quoted(trigger.name)));
        }
        handlers
    }

    fn run(&self, handlers: &[Handler]) {
        for handler in handlers {
            if self.rpc.shared.control.lock().cut {
                return;
            }
            self.rpc.shared.dispatched.fetch_add(1, Ordering::Release); // pairs with Rpc::dispatched
            handler(self.rpc);
        }
    }

    /// Writes a line that the peer is the cause of: what is said of the channel's own state is counted apart.
    fn complain(&mut self, what: std::fmt::Arguments<'_>) {
        self.complaints.line(Level::Warn, format_args!("{}: {what}", self.rpc.shared.endpoint.core()));
    }
}

/// Triggers that were fired between the last one taken (0 = none) and this one. A number that does not grow is a new peer's.
fn gap(last: u64, number: u64, from_start: bool) -> u64 {
    if number <= last || (last == 0 && !from_start) { 0 } else { number - last - 1 }
}

#[test]
fn a_buffer_grows_as_far_as_there_is_memory() {
    let mut buffer = vec![0; TRIGGER];
    // Under miri and the sanitizers an allocation that fails ends the run.
    assert!(cfg!(any(miri, eshm_sanitize)) || !grow(&mut buffer, usize::MAX / 4) && buffer.len() == TRIGGER);
    assert!(grow(&mut buffer, 2 * KEPT) && buffer.len() == 2 * KEPT);
}

#[test]
fn gaps_are_what_lies_between_and_restarts_are_none() {
    assert_eq!(gap(0, 1, true), 0);
    assert_eq!(gap(0, 5, true), 4);
    assert_eq!(gap(0, 5, false), 0);
    assert_eq!(gap(5, 6, true), 0);
    assert_eq!(gap(5, 9, false), 3);
    assert_eq!(gap(9, 1, true), 0);
    assert_eq!(gap(9, 9, true), 0);
    assert_eq!(gap(1, i64::MAX as u64, true), i64::MAX as u64 - 2);
}
