//! What is known of a model's threads: their numbers, when they die, what they held back.

use super::Ordering::{self, AcqRel, Acquire, Relaxed, SeqCst};
use super::twins::{Action, broken};
use loom::sync::atomic;
use std::cell::{Cell, RefCell};
use std::panic::{Location, resume_unwind};

thread_local! {
    static NUMBERED: Cell<usize> = const { Cell::new(0) };
}

/// What is known of a thread of a model.
#[derive(Default)]
pub(super) struct Thread {
    /// Which of the execution it is, by its first access.
    number: Option<usize>,
    /// Effects until it dies.
    left: Option<u32>,
    /// A store that a twin holds back.
    pub(super) late: Option<Box<dyn FnOnce()>>,
    /// What it loaded last.
    pub(super) loaded: u64,
}

loom::thread_local! {
    pub(super) static THREAD: RefCell<Thread> = RefCell::default();
}

/// The threads of a model, but for those that only start and await others.
pub(super) const THREADS: usize = 4;

/// Before an execution: its threads are numbered from 0.
pub(super) fn begin() {
    NUMBERED.set(0);
}

/// Numbers the threads of an execution.
pub(super) fn thread_number() -> usize {
    let number = THREAD.try_with(|thread| {
        *thread.borrow_mut().number.get_or_insert_with(|| {
            NUMBERED.set(NUMBERED.get() + 1);
            NUMBERED.get() - 1
        })
    });
    number.unwrap_or(0)
}

/// What a thread that died unwinds with.
pub(crate) struct Died;

/// Has this thread die after so many more effects; `None` = not at all.
pub(crate) fn die_after(effects: Option<u32>) {
    THREAD.with(|thread| thread.borrow_mut().left = effects);
}

/// This thread is about to do something that others can see.
pub(super) fn effect() {
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
pub(super) fn release_late() {
    let late = THREAD.try_with(|thread| thread.borrow_mut().late.take());
    if let Ok(Some(late)) = late {
        effect();
        late();
    }
}

pub(super) fn load_order(at: &Location<'_>, order: Ordering) -> Ordering {
    if broken(at, Action::Relax) {
        return Relaxed;
    }
    if order == SeqCst {
        atomic::fence(SeqCst);
        return Acquire;
    }
    order
}

pub(super) fn locked_order(at: &Location<'_>, order: Ordering) -> Ordering {
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
pub(super) fn failure_order(at: &Location<'_>, order: Ordering) -> Ordering {
    match order {
        _ if broken(at, Action::Relax) => Relaxed,
        SeqCst => Acquire,
        order => order,
    }
}
