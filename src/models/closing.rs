//! Closing a handle under reads that wait and ticks that are going on: afterwards nobody is in it, and nobody touches the segment.

use super::{
    Model,
    handle::{self, SIZE},
};
use crate::config::Side;
use crate::endpoint::{
    self, Endpoint,
    core::{Core, State},
    read::Timeout,
};
use crate::error::Error;
use crate::liveness::service;
use crate::segment::view::View;
use crate::sync::model::{
    self,
    Action::{Relax, Skip},
};
use crate::sync::{Ordering, thread::yield_now};
use crate::sys::clock;
use loom::thread;
use std::mem::MaybeUninit;
use std::sync::Arc;

const CLOSE: &str = "src/endpoint/close.rs";
const CORE: &str = "src/endpoint/core.rs";
const WAIT: &str = "src/endpoint/wait.rs";
const SERVICE: &str = "src/liveness/service.rs";

/// A slave's handle, and its mapping of the file.
fn open() -> (Arc<Core>, Arc<View>) {
    let segment = handle::mapped(&handle::view(), 1);
    let view = segment.view.clone();
    (handle::handle(segment, Side::Slave), view)
}

/// A thread that waits for a message without end.
fn reader(core: &Arc<Core>) -> thread::JoinHandle<Result<usize, Error>> {
    let core = core.clone();
    // SAFETY: the Arc keeps the handle's memory; what is done in it is checked by `end`.
    thread::spawn(move || unsafe {
        endpoint::read_rest(Arc::as_ptr(&core), &mut [MaybeUninit::uninit(); SIZE], Timeout::Infinite)
    })
}

/// Waits until a thread is in the handle: a destroy that comes earlier is its caller's error.
fn until_inside(core: &Core) {
    while core.inside.load(Ordering::Relaxed) == 0 {
        yield_now();
    }
}

/// `eshm_destroy`.
fn destroy(core: &Arc<Core>) {
    // SAFETY: the count of this Arc is the one that into_raw would have given.
    drop(unsafe { Endpoint::from_raw(Arc::into_raw(core.clone())) });
}

/// After this whoever touches the segment through the handle, or anything of the handle but its door, violates the model.
fn end(core: &Core, view: &View) {
    view.memory.end();
    core.end();
}

#[test]
fn a_parked_read_returns_its_error_before_destroy_does() {
    let model = Model::new("close, a parked read", || {
        let (core, view) = open();
        let reader = reader(&core);
        until_inside(&core);
        destroy(&core);
        end(&core, &view);
        core.inside.end();
        assert_eq!(reader.join().expect("the reader"), Err(Error::NotInitialized));
    })
    .barrier_between()
    .preemptions(3);
    model.holds();
    model.fails(CLOSE, "(*core).inside.fetch_sub(1, Ordering::Release)", Relax);
    model.fails(CLOSE, "while self.inside.load(Ordering::SeqCst) != 0", Skip);
    model.fails(CLOSE, "self.inside.fetch_add(1, Ordering::SeqCst);", Skip);
    model.fails(WAIT, "self.parked.fetch_add(1, Ordering::SeqCst);", Skip);
    model.fails(CORE, "tail.wake_seq, futex::Scope::Shared);", Skip);
    model.fails(CORE, "self.state.fetch_update(Ordering::SeqCst, Ordering::SeqCst, open);", Skip);
}

#[test]
fn a_read_that_waits_for_its_master_returns_its_error_before_destroy_does() {
    let model = Model::new("close, a read of a detached slave", || {
        let (core, view) = open();
        core.set_state(State::Reconnecting);
        let reader = reader(&core);
        until_inside(&core);
        destroy(&core);
        end(&core, &view);
        core.inside.end();
        assert_eq!(reader.join().expect("the reader"), Err(Error::NotInitialized));
    })
    .barrier_between()
    .preemptions(3);
    model.holds();
    model.fails(CORE, "futex::wake(&self.event, futex::Scope::Private);", Skip);
}

#[test]
fn a_read_at_the_door_is_refused_or_waited_for() {
    let model = Model::new("close, a read at the door", || {
        let (core, view) = open();
        let reader = reader(&core);
        destroy(&core);
        end(&core, &view);
        assert_eq!(reader.join().expect("the reader"), Err(Error::NotInitialized));
    })
    .barrier_between()
    .preemptions(3);
    model.holds();
    model.fails(CLOSE, "self.inside.fetch_add(1, Ordering::SeqCst);", Skip);
    model.fails(CLOSE, "while self.inside.load(Ordering::SeqCst) != 0", Skip);
    model.fails(CORE, "State::from(self.state.load(Ordering::SeqCst))", Relax);
}

#[test]
fn a_tick_that_comes_late_finds_nothing() {
    let model = Model::new("close, a late tick", || {
        let (core, view) = open();
        let ticker = core.clone();
        let ticker = thread::spawn(move || {
            let now = clock::now() + 5 * clock::MS;
            ticker.beat_from_service(now);
            ticker.tick_from_service(1, now);
        });
        destroy(&core);
        end(&core, &view);
        ticker.join().expect("the ticker");
    })
    .preemptions(3);
    model.holds();
}

#[test]
fn the_service_thread_is_gone_with_the_last_handle() {
    let model = Model::new("close, the service thread", || {
        model::let_tick(2);
        let (core, view) = open();
        service::register(core.clone()).expect("a thread");
        destroy(&core);
        end(&core, &view);
        core.inside.end();
    })
    .preemptions(3);
    model.holds();
    model.fails(SERVICE, "service.kick.fetch_add(1, Ordering::SeqCst);", Skip);
    model.fails(SERVICE, "futex::wake(&service.kick, futex::Scope::Private);", Skip);
    model.fails(SERVICE, "stop.store(true, Ordering::Release);", Skip);
}

#[test]
fn a_parked_read_and_the_service_thread_are_both_out_when_destroy_returns() {
    let model = Model::new("close, the service thread and a parked read", || {
        model::let_tick(1);
        let (core, view) = open();
        service::register(core.clone()).expect("a thread");
        let reader = reader(&core);
        until_inside(&core);
        destroy(&core);
        end(&core, &view);
        core.inside.end();
        assert_eq!(reader.join().expect("the reader"), Err(Error::NotInitialized));
    })
    .barrier_between()
    .preemptions(1);
    model.holds();
}
