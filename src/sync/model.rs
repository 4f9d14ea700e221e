//! What stands in for atomics, fences and the kernel's waiting under `cfg(loom)`, so that models run the real code.
//!
//! Every operation goes to loom, which tries all interleavings and all values that the memory model lets a load return. On
//! top of it:
//!
//! - **Twins.** A model can have one line of the real code broken: its fence or barrier left out, its ordering relaxed, its
//!   store made after the next one. The line is named by its text ([`Twin`]); operations know theirs by `#[track_caller]`. So
//!   the code itself carries no trace of it.
//! - **Death.** A thread can be stopped for good before its k-th effect (store, locked operation or wake-up): [`die_after`].
//! - **`SeqCst` accesses** are one total order in C++, which loom does not model. A full fence before each such load or locked
//!   operation, and acquire and release, stand for it.
//! - **`membarrier`** is a full fence on both sides: the contract of the kernel's interrupt, at the place of the compiler fence.
//!   That is more than the light side is, so only models that need it have it ([`Barriers`]).
//! - **Aliases.** An atomic can be made to name another's memory, as all addresses of a mapping do after `mremap`.
//! - **futex, clock**: see the functions.

pub(crate) use core::sync::atomic::Ordering;
pub(crate) use loom::hint::spin_loop;
pub(crate) use loom::sync::{Mutex, MutexGuard};

use Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use loom::sync::{Condvar, atomic};
use std::cell::{Cell, OnceCell, RefCell, UnsafeCell};
use std::collections::HashMap;
use std::marker::PhantomData;
use std::panic::{Location, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

/// How a line is broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    /// Its fences, barriers, stores, additions, exchanges and wake-ups are not made; its loads give 0.
    Skip,
    /// Its loads, stores and locked operations are relaxed.
    Relax,
    /// Its stores are made after the thread's next one.
    Late,
}

/// One broken line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Twin {
    pub(crate) file: &'static str,
    pub(crate) line: u32,
    pub(crate) action: Action,
}

// All models of a test run on the thread that began them, whatever loom's threads are.
thread_local! {
    static TWIN: Cell<Option<Twin>> = const { Cell::new(None) };
    static HITS: Cell<u64> = const { Cell::new(0) };
    static BARRIERS: Cell<Barriers> = const { Cell::new(Barriers { in_process: false, between: false }) };
    static SLEEPS: Cell<fn(u64) -> bool> = const { Cell::new(|_| true) };
    static TICKS: Cell<u32> = const { Cell::new(0) };
    static NUMBERED: Cell<usize> = const { Cell::new(0) };
    static CLOCK: Cell<u64> = const { Cell::new(0) };
}

/// Chooses the line to break from now on.
pub(crate) fn choose(twin: Option<Twin>) {
    TWIN.set(twin);
    HITS.set(0);
}

/// How often the broken line was come by.
pub(crate) fn hits() -> u64 {
    HITS.get()
}

/// Whether the twin does `action` to the line that is being executed.
fn broken(at: &Location<'_>, action: Action) -> bool {
    let hit = TWIN.get().is_some_and(|t| t.action == action && t.line == at.line() && t.file == at.file());
    if hit {
        HITS.set(HITS.get() + 1);
    }
    hit
}

/// What is known of a thread of a model.
#[derive(Default)]
struct Thread {
    /// Which of the execution it is, by its first access.
    number: Option<usize>,
    /// Effects until it dies.
    left: Option<u32>,
    /// A store that a twin holds back.
    late: Option<Box<dyn FnOnce()>>,
    /// What it loaded last.
    loaded: u64,
}

loom::thread_local! {
    static THREAD: RefCell<Thread> = RefCell::default();
}

/// The threads of a model, but for those that only start and await others.
const THREADS: usize = 4;

/// Numbers the threads of an execution.
fn thread_number() -> usize {
    let number = THREAD.try_with(|thread| {
        *thread.borrow_mut().number.get_or_insert_with(|| {
            NUMBERED.set(NUMBERED.get() + 1);
            NUMBERED.get() - 1
        })
    });
    number.unwrap_or(0)
}

fn marks() -> Vec<atomic::AtomicU32> {
    (0..THREADS).map(|_| atomic::AtomicU32::new(0)).collect()
}

/// What a thread that died unwinds with.
pub(crate) struct Died;

/// Has this thread die after so many more effects; `None` = not at all.
pub(crate) fn die_after(effects: Option<u32>) {
    THREAD.with(|thread| thread.borrow_mut().left = effects);
}

/// This thread is about to do something that others can see.
fn effect() {
    let dead = THREAD.try_with(|thread| match &mut thread.borrow_mut().left {
        Some(0) => true,
        Some(left) => {
            *left -= 1;
            false
        }
        None => false,
    });
    if dead.unwrap_or(false) && !std::thread::panicking() {
        resume_unwind(Box::new(Died));
    }
}

/// Makes the store held back.
fn release_late() {
    let late = THREAD.try_with(|thread| thread.borrow_mut().late.take());
    if let Ok(Some(late)) = late {
        effect();
        late();
    }
}

fn load_order(at: &Location<'_>, order: Ordering) -> Ordering {
    if broken(at, Action::Relax) {
        return Relaxed;
    }
    if order == SeqCst {
        atomic::fence(SeqCst);
        return Acquire;
    }
    order
}

fn locked_order(at: &Location<'_>, order: Ordering) -> Ordering {
    effect();
    if broken(at, Action::Relax) {
        return Relaxed;
    }
    if order == SeqCst {
        atomic::fence(SeqCst);
        return AcqRel;
    }
    order
}

/// For the failure of an exchange, which is a load that has had its fence.
fn failure_order(at: &Location<'_>, order: Ordering) -> Ordering {
    match order {
        _ if broken(at, Action::Relax) => Relaxed,
        SeqCst => Acquire,
        order => order,
    }
}

/// The memory of an atomic, and who sleeps on it.
struct Memory<A> {
    atomic: A,
    /// One for each thread: stored to before that thread loads and before others store, and never loaded, so
    /// that it orders nothing. Loom looks for races with the last access alone: a load would hide those of other threads from a
    /// store that the same thread makes next, and interleavings would be left out.
    marks: Vec<atomic::AtomicU32>,
    queue: OnceCell<Queue>,
}

/// Where an atomic has its memory.
struct Place<A> {
    memory: Arc<Memory<A>>,
    /// That of the mapping it belongs to, if that can be exchanged.
    switch: Option<Switch>,
}

impl<A> Clone for Place<A> {
    fn clone(&self) -> Self {
        Place { memory: self.memory.clone(), switch: self.switch.clone() }
    }
}

/// What is done to each atomic of a segment, one by one, with no other thread's step between.
pub(crate) enum Rite {
    /// From now on it names the memory of another; a switch tells when that is done again.
    Alias(Option<Switch>),
    /// Nobody uses it any more.
    End,
}

/// The exchange of the memory behind a mapping, as mremap(2) makes it: one step, before which all accesses of all threads go to
/// the old memory, and after which they go to the new. The kernel has the old translation out of every processor before it
/// returns, so an access that has begun is over by then. Each access here looks at the switch, a step that conflicts with
/// nothing but the turn, and then finds its memory and is done in it with no other thread's step between.
#[derive(Clone)]
pub(crate) struct Switch(Arc<Memory<atomic::AtomicU32>>);

// SAFETY: as for the atomics: loom runs all threads of a model on one.
unsafe impl Send for Switch {}
// SAFETY: as above.
unsafe impl Sync for Switch {}

impl std::fmt::Debug for Switch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Switch")
    }
}

impl Switch {
    pub(crate) fn new() -> Switch {
        let switch = atomic::AtomicU32::new(0);
        switch.store(0, SeqCst); // a SeqCst load gives the newest SeqCst store: no look is at an old one
        Switch(Arc::new(Memory { atomic: switch, marks: marks(), queue: OnceCell::new() }))
    }

    fn look(&self) {
        self.0.mark_load();
        self.0.atomic.load(SeqCst);
    }

    /// The exchange follows at once.
    pub(crate) fn turn(&self) {
        self.0.mark_store();
        self.0.atomic.store(1, SeqCst);
    }
}

/// Runs `step`, locked operations or stores, with no other thread's step before them.
fn in_one_step<T>(step: impl FnOnce() -> T) -> T {
    loom::stop_exploring();
    let result = step();
    loom::explore();
    result
}

macro_rules! integers {
    ($($name:ident: $value:ty;)*) => {$(
        /// See the module.
        pub(crate) struct $name(UnsafeCell<Place<atomic::$name>>);

        // SAFETY: loom runs all threads of a model on one, one at a time.
        unsafe impl Send for $name {}
        // SAFETY: as above; the cell is replaced between two operations only.
        unsafe impl Sync for $name {}

        #[allow(dead_code)] // not every type has a use for every operation
        impl $name {
            pub(crate) fn new(value: $value) -> Self {
                let memory = Arc::new(Memory { atomic: atomic::$name::new(value), marks: marks(), queue: OnceCell::new() });
                $name(UnsafeCell::new(Place { memory, switch: None }))
            }

            fn place(&self) -> Place<atomic::$name> {
                // SAFETY: no one replaces it meanwhile, see Sync.
                unsafe { (*self.0.get()).clone() }
            }

            fn memory(&self) -> Arc<Memory<atomic::$name>> {
                self.place().memory
            }

            /// An access that changes something: the memory is found and changed in one step.
            fn change<T>(&self, access: impl FnOnce(&atomic::$name) -> T) -> T {
                let access = || {
                    let memory = self.memory();
                    memory.mark_store();
                    access(&memory.atomic)
                };
                let Some(switch) = self.place().switch else { return access() };
                switch.look();
                in_one_step(access)
            }

            /// One that only looks: done again if the memory was exchanged meanwhile.
            fn look(&self, access: impl Fn(&atomic::$name) -> $value) -> $value {
                loop {
                    if let Some(switch) = self.place().switch {
                        switch.look();
                    }
                    let memory = self.memory();
                    memory.mark_load();
                    let value = access(&memory.atomic);
                    if Arc::ptr_eq(&memory, &self.memory()) {
                        return value;
                    }
                }
            }

            /// Does `rite` to this atomic; `other` is the one in the same place of another segment.
            pub(crate) fn undergo(&self, other: &Self, rite: &Rite) {
                match rite {
                    Rite::Alias(switch) => {
                        let place = Place { memory: other.memory(), switch: switch.clone() };
                        // SAFETY: no one looks at it meanwhile, see Sync.
                        drop(unsafe { self.0.get().replace(place) });
                    }
                    Rite::End => self.end(),
                }
            }

            /// Nobody uses it from now on: who did must have come before, in the memory model's sense; who does is a violation.
            pub(crate) fn end(&self) {
                let memory = self.memory();
                // SAFETY: loom keeps the value; it only checks that no other access is concurrent. See Sync for the reference.
                unsafe { (*Arc::as_ptr(&memory).cast_mut()).atomic.with_mut(|_| ()) };
            }

            #[track_caller]
            pub(crate) fn load(&self, order: Ordering) -> $value {
                let at = Location::caller();
                if broken(at, Action::Skip) {
                    return 0;
                }
                let order = load_order(at, order);
                let value = self.look(|atomic| atomic.load(order));
                let _ = THREAD.try_with(|thread| thread.borrow_mut().loaded = value as u64);
                value
            }

            #[track_caller]
            pub(crate) fn store(&self, value: $value, order: Ordering) {
                let at = Location::caller();
                if broken(at, Action::Skip) {
                    return;
                }
                effect();
                let order = if broken(at, Action::Relax) { Relaxed } else if order == SeqCst { Release } else { order };
                if broken(at, Action::Late) {
                    let memory = self.memory();
                    let late: Box<dyn FnOnce()> = Box::new(move || memory.atomic.store(value, order));
                    return THREAD.with(|thread| thread.borrow_mut().late = Some(late));
                }
                self.change(|atomic| atomic.store(value, order));
                release_late();
            }

            #[track_caller]
            fn update(&self, order: Ordering, mut change: impl FnMut($value) -> $value) -> $value {
                let order = locked_order(Location::caller(), order);
                let load = if matches!(order, AcqRel | Acquire) { Acquire } else { Relaxed };
                let old = self.change(|atomic| atomic.fetch_update(order, load, |value| Some(change(value))));
                release_late();
                old.expect("always changed")
            }

            #[track_caller]
            pub(crate) fn swap(&self, value: $value, order: Ordering) -> $value {
                let at = Location::caller();
                if broken(at, Action::Skip) {
                    return self.look(|atomic| atomic.load(Relaxed));
                }
                let order = locked_order(at, order);
                let old = self.change(|atomic| atomic.swap(value, order));
                release_late();
                old
            }

            #[track_caller]
            pub(crate) fn fetch_add(&self, value: $value, order: Ordering) -> $value {
                let at = Location::caller();
                if broken(at, Action::Skip) {
                    return self.look(|atomic| atomic.load(Relaxed));
                }
                let order = locked_order(at, order);
                let old = self.change(|atomic| atomic.fetch_add(value, order));
                release_late();
                old
            }

            #[track_caller]
            pub(crate) fn fetch_sub(&self, value: $value, order: Ordering) -> $value {
                let at = Location::caller();
                if broken(at, Action::Skip) {
                    return self.look(|atomic| atomic.load(Relaxed));
                }
                let order = locked_order(at, order);
                let old = self.change(|atomic| atomic.fetch_sub(value, order));
                release_late();
                old
            }

            #[track_caller]
            pub(crate) fn fetch_max(&self, value: $value, order: Ordering) -> $value {
                let at = Location::caller();
                if broken(at, Action::Skip) {
                    return self.look(|atomic| atomic.load(Relaxed));
                }
                let order = locked_order(at, order);
                let old = self.change(|atomic| atomic.fetch_max(value, order));
                release_late();
                old
            }

            #[track_caller]
            pub(crate) fn compare_exchange(
                &self, current: $value, new: $value, success: Ordering, failure: Ordering,
            ) -> Result<$value, $value> {
                let at = Location::caller();
                if broken(at, Action::Skip) {
                    let now = self.look(|atomic| atomic.load(Relaxed));
                    return if now == current { Ok(now) } else { Err(now) };
                }
                let (success, failure) = (locked_order(at, success), failure_order(at, failure));
                let result = self.change(|atomic| atomic.compare_exchange(current, new, success, failure));
                release_late();
                result
            }

            #[track_caller]
            pub(crate) fn fetch_update(
                &self, set: Ordering, fetch: Ordering, change: impl FnMut($value) -> Option<$value>,
            ) -> Result<$value, $value> {
                let at = Location::caller();
                if broken(at, Action::Skip) {
                    return Err(self.look(|atomic| atomic.load(Relaxed)));
                }
                let (set, fetch) = (locked_order(at, set), failure_order(at, fetch));
                let result = self.change(|atomic| atomic.fetch_update(set, fetch, change));
                release_late();
                result
            }

            /// Where the stand-in lies, for what is only compared.
            pub(crate) fn as_ptr(&self) -> *mut $value {
                std::ptr::from_ref(self).cast_mut().cast()
            }
        }

        impl Default for $name {
            fn default() -> Self {
                $name::new(0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    )*};
}

integers! {
    AtomicU32: u32;
    AtomicU64: u64;
    AtomicI32: i32;
    AtomicUsize: usize;
}

/// A flag in an integer.
pub(crate) struct AtomicBool(AtomicU32);

#[allow(dead_code)]
impl AtomicBool {
    pub(crate) fn new(value: bool) -> Self {
        AtomicBool(AtomicU32::new(value.into()))
    }

    #[track_caller]
    pub(crate) fn load(&self, order: Ordering) -> bool {
        self.0.load(order) != 0
    }

    #[track_caller]
    pub(crate) fn store(&self, value: bool, order: Ordering) {
        self.0.store(value.into(), order);
    }

    #[track_caller]
    pub(crate) fn swap(&self, value: bool, order: Ordering) -> bool {
        self.0.swap(value.into(), order) != 0
    }
}

/// A pointer in an integer.
pub(crate) struct AtomicPtr<T>(AtomicUsize, PhantomData<*mut T>);

// SAFETY: it is a number; what is made of it is up to the user, as with the standard one.
unsafe impl<T> Send for AtomicPtr<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for AtomicPtr<T> {}

#[allow(dead_code)]
impl<T> AtomicPtr<T> {
    pub(crate) fn new(pointer: *mut T) -> Self {
        AtomicPtr(AtomicUsize::new(pointer.expose_provenance()), PhantomData)
    }

    #[track_caller]
    pub(crate) fn load(&self, order: Ordering) -> *mut T {
        std::ptr::with_exposed_provenance_mut(self.0.load(order))
    }

    #[track_caller]
    pub(crate) fn store(&self, pointer: *mut T, order: Ordering) {
        self.0.store(pointer.expose_provenance(), order);
    }

    #[track_caller]
    pub(crate) fn swap(&self, pointer: *mut T, order: Ordering) -> *mut T {
        std::ptr::with_exposed_provenance_mut(self.0.swap(pointer.expose_provenance(), order))
    }
}

/// A pointer in a static: each thread that runs models has one of its own.
pub(crate) struct StaticPtr<T>(PhantomData<*mut T>);

// SAFETY: it holds nothing.
unsafe impl<T> Sync for StaticPtr<T> {}

thread_local! {
    /// By the address of the static.
    static POINTERS: RefCell<HashMap<usize, usize>> = RefCell::default();
}

impl<T> StaticPtr<T> {
    pub(crate) const fn new(_null: *mut T) -> Self {
        StaticPtr(PhantomData)
    }

    pub(crate) fn load(&self, _: Ordering) -> *mut T {
        let pointer = POINTERS.with_borrow(|pointers| pointers.get(&std::ptr::from_ref(self).addr()).copied());
        std::ptr::with_exposed_provenance_mut(pointer.unwrap_or(0))
    }

    pub(crate) fn swap(&self, pointer: *mut T, order: Ordering) -> *mut T {
        let old = self.load(order);
        POINTERS.with_borrow_mut(|pointers| pointers.insert(std::ptr::from_ref(self).addr(), pointer.expose_provenance()));
        old
    }

    pub(crate) fn store(&self, pointer: *mut T, order: Ordering) {
        self.swap(pointer, order);
    }

    pub(crate) fn compare_exchange(&self, old: *mut T, new: *mut T, order: Ordering, _: Ordering) -> Result<*mut T, *mut T> {
        let now = self.load(order);
        if now == old { Ok(self.swap(new, order)) } else { Err(now) }
    }
}

/// A fence.
#[track_caller]
pub(crate) fn fence(order: Ordering) {
    if !broken(Location::caller(), Action::Skip) {
        atomic::fence(order);
    }
}

/// Which asymmetric barriers a model has.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Barriers {
    pub(crate) in_process: bool,
    pub(crate) between: bool,
}

/// Chooses them. A light side without its heavy one is nothing at all, so that it stands in for no other fence.
pub(crate) fn choose_barriers(barriers: Barriers) {
    BARRIERS.set(barriers);
}

#[track_caller]
pub(crate) fn light_barrier() {
    if BARRIERS.get().in_process {
        fence(SeqCst); // pairs with heavy_barrier
    }
}

#[track_caller]
pub(crate) fn light_barrier_between() {
    if BARRIERS.get().between {
        fence(SeqCst); // pairs with heavy_barrier_between
    }
}

#[track_caller]
pub(crate) fn heavy_barrier() {
    assert!(BARRIERS.get().in_process, "the model was not told of this barrier");
    fence(SeqCst); // pairs with light_barrier
}

#[track_caller]
pub(crate) fn heavy_barrier_between() {
    assert!(BARRIERS.get().between, "the model was not told of this barrier");
    fence(SeqCst); // pairs with light_barrier_between
}

/// Threads of a model.
pub(crate) mod thread {
    pub(crate) use loom::thread::{Builder, JoinHandle, yield_now};
}

/// Sleepers on one futex word.
struct Queue {
    state: Mutex<Sleepers>,
    moved: Condvar,
}

#[derive(Default)]
struct Sleepers {
    count: u32,
    /// +1 with each wake-up.
    round: u64,
}

impl<A> Memory<A> {
    fn mark_load(&self) {
        self.marks[thread_number()].store(0, Relaxed);
    }

    fn mark_store(&self) {
        let own = thread_number();
        self.marks.iter().enumerate().filter(|mark| mark.0 != own).for_each(|mark| mark.1.store(0, Relaxed));
    }

    fn queue(&self) -> &Queue {
        self.queue.get_or_init(|| Queue { state: Mutex::new(Sleepers::default()), moved: Condvar::new() })
    }
}

/// The kernel's futex: words are known by their memory, comparing and going to sleep is one step, a sleeper is woken by
/// [`futex_wake`] alone. A lost wake-up thus is a deadlock, which loom reports: what real timeouts would cover is not covered.
pub(crate) fn futex_wait(word: &AtomicU32, expected: u32, deadline: Option<u64>) {
    let memory = word.memory();
    let queue = memory.queue();
    let mut state = super::lock(&queue.state);
    if word.look(|atomic| atomic.load(Relaxed)) != expected {
        return;
    }
    if !SLEEPS.get()(THREAD.with(|thread| thread.borrow().loaded)) {
        drop(state);
        return thread::yield_now();
    }
    if let Some(end) = deadline.filter(|_| expires()) {
        return CLOCK.set(CLOCK.get().max(end));
    }
    state.count += 1;
    let round = state.round;
    while state.round == round {
        state = queue.moved.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
    }
}

/// Has so many of the service thread's sleeps end by their deadline, each at some time before its thread does anything else.
pub(crate) fn let_tick(times: u32) {
    TICKS.set(times);
}

/// Whether this sleep is one of them.
fn expires() -> bool {
    let left = TICKS.get();
    let ticks = left > 0 && loom::thread::current().name() == Some("eshm");
    if ticks {
        TICKS.set(left - 1);
    }
    ticks
}

/// Wakes all sleepers; how many there were.
#[track_caller]
pub(crate) fn futex_wake(word: &AtomicU32) -> u32 {
    if broken(Location::caller(), Action::Skip) {
        return 0;
    }
    effect();
    let memory = word.memory();
    let queue = memory.queue();
    let mut state = super::lock(&queue.state);
    let woken = std::mem::take(&mut state.count);
    state.round += 1;
    queue.moved.notify_all();
    woken
}

/// Lets a sleep last until the wake-up only if `lasts` says so of the value that the sleeper loaded last; another ends at once, as
/// one does that a timeout or a tick ends.
pub(crate) fn sleep_through(lasts: fn(u64) -> bool) {
    SLEEPS.set(lasts);
}

/// Nanoseconds that pass between two readings of the clock.
const READING: u64 = 1_000;
/// Where it begins.
const START: u64 = 1_000_000_000;

/// Before an execution.
pub(crate) fn begin() {
    NUMBERED.set(0);
    CLOCK.set(START);
    SLEEPS.set(|_| true);
    TICKS.set(0);
}

/// Reads the clock, which moves only as it is read and slept by: no model depends on the machine's speed.
pub(crate) fn clock() -> u64 {
    CLOCK.set(CLOCK.get() + READING);
    CLOCK.get()
}

/// Lets time pass, and other threads run.
pub(crate) fn sleep(time: Duration) {
    CLOCK.set(CLOCK.get() + time.as_nanos() as u64);
    thread::yield_now();
}
