//! The one service thread of a process: started with the first handle, gone with the last. It ticks on absolute
//! deadlines, every heartbeat interval while some peer is alive, every third while the program's own threads read so fast that they
//! beat themselves, and ten times as slowly while no peer is alive. While some handle has an event descriptor it also looks for
//! values twice a millisecond, whatever its pace: a load or two for each such handle.
//!
//! After a fork the child has none of it: [`forget_after_fork`] drops the pointer, and the child's first handle begins anew.

use super::{
    forsaken::{Forsaken, Held, KEPT, settle},
    tick::Pace,
    work::WORK,
};
use crate::config::{HEARTBEAT_INTERVAL_MS, Side};
use crate::endpoint::core::Core;
use crate::endpoint::event::News;
use crate::failpoint::failpoint;
use crate::log::Level;
use crate::segment::view::View;
use crate::sync::{self, AtomicBool, AtomicU32, Mutex, Ordering, statics};
use crate::sys::{
    clock::{self, MS},
    file::FileId,
    fork, futex,
    thread::{self, Thread},
};
use std::{
    collections::VecDeque,
    io,
    mem::ManuallyDrop,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
    sync::Arc,
};

/// Nanoseconds between two ticks.
const PERIOD: u64 = HEARTBEAT_INTERVAL_MS as u64 * MS;
/// Ticks in one while no peer is alive.
const SLOW: u64 = 10;
/// Ticks in one while reading threads beat: no more than a look may count as silence.
const RELIEVED: u64 = SILENCE;
/// Ticks that one look adds to a remote's silence at most, however late it comes.
const SILENCE: u64 = 3;
/// Between two looks for values that event descriptors are raised for: half of what is promised, the rest is the scheduler's.
const LOOK: u64 = MS / 2;
/// The thread's stack; its deepest call maps a segment and writes a line.
const STACK: usize = 128 * 1024;

/// The longest that closing waits for a thread that holds it up, in nanoseconds.
pub(crate) const PATIENCE: u64 = 5000 * MS;

/// Ticks between two tries for a thread that frees what is forsaken.
const FREE_AGAIN: u64 = 128;

/// Closed handles kept.
const GRAVES: usize = 16;

/// What the process shares.
struct Service {
    state: Mutex<State>,
    /// Futex: moves when the thread should look before its deadline.
    kick: AtomicU32,
    /// Moves with each change of `State::handles`, under the mutex.
    version: AtomicU32,
    /// Handles with an event descriptor.
    watched: AtomicU32,
    /// Empty where a service is dropped.
    forsaken: ManuallyDrop<Mutex<Forsaken>>,
    /// When its ticks are counted from, in nanoseconds.
    start: u64,
}

#[derive(Default)]
struct State {
    /// Replaced with each change, so that the thread takes it over without an allocation.
    handles: Arc<Vec<Arc<Core>>>,
    thread: Option<(Thread, Arc<AtomicBool>)>,
    /// The sides that handles of this process hold, with or without threads.
    sides: Vec<(FileId, Side)>,
    /// The handles closed last.
    buried: VecDeque<Grave>,
}

/// A closed handle, the addresses it used, and what it belonged to.
type Grave = (Arc<Core>, Vec<Arc<View>>, Option<Owner>);

/// What a handle belongs to, and calls come through.
pub(crate) type Owner = Arc<dyn Send + Sync>;

static CURRENT: statics::AtomicPtr<Service> = statics::AtomicPtr::new(ptr::null_mut());
/// The parent's service after a fork: unusable, its mutex may be locked, but not lost.
static INHERITED: statics::AtomicPtr<Service> = statics::AtomicPtr::new(ptr::null_mut());

/// Drops the parent's service in a new child, whose only thread this is.
pub(crate) fn forget_after_fork() {
    let old = CURRENT.swap(ptr::null_mut(), Ordering::Relaxed); // one thread, nothing to order
    INHERITED.store(old, Ordering::Relaxed);
    #[cfg(loom)]
    if !old.is_null() {
        // SAFETY: from a box, and nobody of the execution that used it is left.
        drop(unsafe { Box::from_raw(INHERITED.swap(ptr::null_mut(), Ordering::Relaxed)) });
    }
}

fn current() -> &'static Service {
    let existing = CURRENT.load(Ordering::Acquire); // pairs with the exchange below
    if !existing.is_null() {
        // SAFETY: set below from a leaked box, never freed.
        return unsafe { &*existing };
    }
    let fresh = Box::into_raw(Box::new(Service {
        state: Mutex::default(),
        kick: AtomicU32::new(0),
        version: AtomicU32::new(0),
        watched: AtomicU32::new(0),
        forsaken: ManuallyDrop::default(),
        start: clock::now(),
    }));
    match CURRENT.compare_exchange(ptr::null_mut(), fresh, Ordering::AcqRel, Ordering::Acquire) {
        // SAFETY: leaked just now.
        Ok(_) => unsafe { &*fresh },
        Err(other) => {
            // SAFETY: `fresh` was never shared; `other` is a leaked box as above.
            unsafe {
                drop(Box::from_raw(fresh));
                &*other
            }
        }
    }
}

/// Whether a handle of this process holds this side of this file.
pub(crate) fn has_side(id: FileId, side: Side) -> bool {
    count_side(id, side) > 0
}

/// How many handles of this process hold this side of this file.
pub(crate) fn count_side(id: FileId, side: Side) -> usize {
    sync::hold(&current().state).sides.iter().filter(|&&held| held == (id, side)).count()
}

/// Says that a handle of this process holds this side of this file.
pub(crate) fn add_side(id: FileId, side: Side) {
    sync::hold(&current().state).sides.push((id, side));
}

/// Takes one [`add_side`] back.
pub(crate) fn remove_side(id: FileId, side: Side) {
    let Some(mut state) = sync::hold_until(&current().state, clock::now() + PATIENCE) else { return };
    if let Some(at) = state.sides.iter().position(|&held| held == (id, side)) {
        state.sides.swap_remove(at);
    }
}

/// Runs `action` while the process's list of handles is not to be had.
#[cfg(all(test, not(loom), not(miri)))]
pub(crate) fn while_held(action: impl FnOnce()) {
    let _state = sync::hold(&current().state);
    action();
}

/// Keeps a closed handle and its addresses until some more are closed: a call that it overtook may still touch them. They
/// hold no file, and no memory but the handle's and its owner's.
pub(crate) fn bury(core: Arc<Core>, views: Vec<Arc<View>>, owner: Option<Owner>) {
    if views.is_empty() {
        return; // inherited by fork: nobody else is here
    }
    let Some(mut state) = sync::hold_until(&current().state, clock::now() + PATIENCE) else {
        return std::mem::forget((core, views, owner));
    };
    state.buried.push_back((core, views, owner));
    let oldest = if state.buried.len() > GRAVES { state.buried.pop_front() } else { None };
    drop(state); // unmapping needs no lock
    match oldest {
        // Nobody knows when they come out, or whether.
        Some(grave) if grave.0.is_occupied() => std::mem::forget(grave),
        oldest => drop(oldest),
    }
}

/// Has the thread look after `core` from now on.
pub(crate) fn register(core: Arc<Core>) -> io::Result<()> {
    let service = current();
    let mut state = sync::hold(&service.state);
    let mut handles = state.handles.to_vec();
    handles.push(core);
    let handles = Arc::new(handles);
    if state.thread.is_none() {
        let stop = Arc::new(AtomicBool::new(false));
        // It begins with what it is given, so that it need not wait for the mutex.
        let (seen, first, version) =
            (stop.clone(), handles.clone(), service.version.load(Ordering::Relaxed).wrapping_add(1));
        let thread = thread::spawn(c"eshm", STACK, Box::new(move || run(service, first, version, &seen)))?;
        state.thread = Some((thread, stop));
        replace(service, &mut state, handles);
        return Ok(());
    }
    replace(service, &mut state, handles);
    drop(state);
    kick(service);
    Ok(())
}

/// Replaces the list; the thread takes it over at its next tick.
fn replace(service: &Service, state: &mut State, handles: Arc<Vec<Arc<Core>>>) {
    state.handles = handles;
    service.version.fetch_add(1, Ordering::Release); // pairs with run's load; the mutex orders the list itself
}

/// Lets go of a large segment in the thread for that.
pub(super) fn forsake(held: Held) {
    settle(&current().forsaken, Some(held), KEPT);
}

/// Runs `action` on every handle that the thread looks after.
pub(crate) fn for_each(action: impl Fn(&Core)) {
    sync::hold(&current().state).handles.iter().for_each(|core| action(core));
}

/// Beats for every handle that the thread looks after, where that thread may be held up for long.
pub(crate) fn beat() {
    let now = clock::now();
    for_each(|core| core.catch_up(now));
}

/// Ends it; with the last handle the thread is gone on return, unless it is held up until `end`: a handle that it still has is
/// closed for it, and kept.
pub(crate) fn unregister(core: &Core, end: u64) {
    let service = current();
    let Some(mut state) = sync::hold_until(&service.state, end) else { return };
    let Some(at) = state.handles.iter().position(|held| ptr::eq(Arc::as_ptr(held), core)) else { return };
    let mut handles = state.handles.to_vec();
    handles.swap_remove(at);
    replace(service, &mut state, Arc::new(handles));
    if !state.handles.is_empty() {
        return;
    }
    let thread = state.thread.take();
    drop(state);
    if let Some((thread, stop)) = thread {
        stop.store(true, Ordering::Release); // pairs with run's load
        kick(service);
        let _ = thread.join(end);
    }
}

fn kick(service: &Service) {
    service.kick.fetch_add(1, Ordering::SeqCst); // pairs with the load before run sleeps
    futex::wake(&service.kick, futex::Scope::Private);
}

/// One more handle has an event descriptor.
pub(crate) fn watch() {
    let service = current();
    service.watched.fetch_add(1, Ordering::Relaxed); // the kick orders it
    kick(service);
}

/// One less.
pub(crate) fn unwatch() {
    current().watched.fetch_sub(1, Ordering::Relaxed); // a look more or less does not matter
}

/// The number of the tick that is due at `now`.
pub(crate) fn ticks_at(now: u64) -> u64 {
    now.saturating_sub(current().start) / PERIOD
}

/// When a tick is due.
pub(crate) fn begin_of(tick: u64) -> u64 {
    current().start + tick * PERIOD
}

/// The thread.
fn run(service: &'static Service, mut handles: Arc<Vec<Arc<Core>>>, mut version: u32, stop: &AtomicBool) {
    let mut now = clock::now();
    let mut done = ticks_at(now);
    loop {
        let kicked = service.kick.load(Ordering::SeqCst); // before the look at anything that comes with a kick
        if stop.load(Ordering::Acquire) {
            return settle(&service.forsaken, None, 0); // pairs with unregister
        }
        let latest = service.version.load(Ordering::Acquire); // pairs with replace
        if (latest.wrapping_sub(version) as i32) > 0 {
            version = latest;
            handles.clone_from(&sync::lock(&service.state).handles);
        }
        clock::not_before(now); // set back while this thread was awake
        now = clock::now();
        let elapsed = ticks_at(now).saturating_sub(done);
        done += elapsed;
        if done / FREE_AGAIN > (done - elapsed) / FREE_AGAIN {
            settle(&service.forsaken, None, KEPT);
        }
        let pace = if elapsed > 0 { tick(&handles, elapsed, now) } else { Pace::Fast };
        let next = done
            + match pace {
                Pace::Fast => 1,
                Pace::Relieved => RELIEVED,
                Pace::Slow => SLOW,
            };
        sleep(service, &handles, kicked, service.start + next * PERIOD);
    }
}

/// Sleeps until `end` or a kick, but for looks at the channels of handles with an event descriptor.
fn sleep(service: &Service, handles: &[Arc<Core>], kicked: u32, end: u64) {
    while service.watched.load(Ordering::Relaxed) != 0 && service.kick.load(Ordering::Relaxed) == kicked {
        // Relaxed: both come with a kick, which ends the wait below at once.
        let passed = clock::now().saturating_sub(service.start);
        let look = service.start + passed - passed % LOOK + LOOK;
        if look >= end {
            break;
        }
        futex::wait(&service.kick, kicked, Some(look), futex::Scope::Private);
        let _gate = fork::NoFork::new();
        each(handles, &mut |core| core.settle(News::Value));
    }
    // At most a slow tick, whatever became of the clock meanwhile.
    futex::wait(&service.kick, kicked, Some(end.min(clock::now() + SLOW * PERIOD)), futex::Scope::Private);
}

/// One tick of all handles: every heartbeat goes out before any remote is judged, so that two processes that were stopped
/// together do not find each other stale.
fn tick(handles: &[Arc<Core>], ticks: u64, now: u64) -> Pace {
    let _gate = fork::NoFork::new();
    each(handles, &mut |core| core.beat_from_service(now));
    failpoint!("tick.beaten");
    let elapsed = ticks.min(SILENCE) * PERIOD / MS;
    let mut pace = Pace::Slow;
    let next = WORK.begin();
    let (last, first) = handles.split_at(handles.iter().position(|core| Arc::as_ptr(core).addr() == next).unwrap_or(0));
    for part in [first, last] {
        each(part, &mut |core| {
            let others = std::mem::replace(&mut pace, Pace::Fast); // that of a handle that panics
            pace = others.min(core.tick_from_service(elapsed, now));
        });
    }
    failpoint!("tick.judged");
    pace
}

/// Runs each handle's part of a tick: if one panics, this handle misses a tick, and no other does.
fn each(handles: &[Arc<Core>], part: &mut dyn FnMut(&Core)) {
    for core in handles {
        if let Err(_panic) = catch_unwind(AssertUnwindSafe(|| part(core))) {
            core.say(Level::Error, format_args!("the service thread panicked; please report this"));
            #[cfg(loom)]
            std::panic::resume_unwind(_panic); // what a model found
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::{Endpoint, Role};
    use std::time::Duration;

    /// A pair in this process whose threshold is what one tick counts for, given to `check` and closed.
    fn with_pair(name: &str, check: impl FnOnce(&Arc<Core>, &Arc<Core>)) {
        let name = format!("{name}_{}", std::process::id());
        let threshold = Duration::from_millis(SILENCE);
        let [master, slave] = [Role::Master, Role::Slave].map(|role| {
            let builder = Endpoint::builder(&name).role(role).threads(false).stale_threshold(threshold);
            // SAFETY: as into_raw made it; given back below.
            unsafe { Arc::from_raw(builder.open().expect("open").into_raw()) }
        });
        check(&master, &slave);
        for core in [slave, master] {
            // SAFETY: as above.
            drop(unsafe { Endpoint::from_raw(Arc::into_raw(core)) });
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "needs shared memory")]
    fn every_heartbeat_goes_out_before_any_remote_is_judged() {
        with_pair("unit_beat_first", |master, slave| {
            let mut now = clock::now();
            for order in [[slave, master], [master, slave]] {
                // As if the process had been stopped: both were silent for as long as one tick can count.
                now += 100 * PERIOD;
                let blocked = thread::SignalsBlocked::new(); // as on the service thread
                tick(&order.map(Arc::clone), 100, now);
                drop(blocked);
                let alive = [master, slave].map(|core| core.remote_alive.load(Ordering::Acquire)); // stored by this thread
                assert_eq!(alive, [true, true]);
            }
        });
    }
}
