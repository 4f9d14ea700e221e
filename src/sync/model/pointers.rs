//! Flags and pointers, in integers.

use super::Ordering;
use super::integers::{AtomicU32, AtomicUsize};
use std::cell::RefCell;
use std::collections::HashMap;
use std::marker::PhantomData;

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
