//! Integer atomics: every operation goes to loom.

use super::Ordering::{self, AcqRel, Acquire, Relaxed, Release, SeqCst};
use super::memory::{Memory, Place, Rite, in_one_step};
use super::threads::{THREAD, effect, failure_order, load_order, locked_order, release_late};
use super::twins::{Action, broken};
use loom::sync::atomic;
use std::cell::UnsafeCell;
use std::panic::Location;
use std::sync::Arc;

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
                let memory = Arc::new(Memory::new(atomic::$name::new(value)));
                $name(UnsafeCell::new(Place { memory, switch: None }))
            }

            fn place(&self) -> Place<atomic::$name> {
                // SAFETY: no one replaces it meanwhile, see Sync.
                unsafe { (*self.0.get()).clone() }
            }

            pub(super) fn memory(&self) -> Arc<Memory<atomic::$name>> {
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
            pub(super) fn look(&self, access: impl Fn(&atomic::$name) -> $value) -> $value {
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
