//! What the codec allocates: nothing to encode or to iterate, and to decode never more than the bytes at hand account for.

use eshm::records::{Items, Record, ScalarRef, ValueRef, encode_into};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Counts what the calling thread allocates.
struct Counting;

thread_local! {
    static CALLS: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: the system's allocator, with a count.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.set(CALLS.get() + 1);
        BYTES.set(BYTES.get() + layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Calls of the allocator and bytes asked for while `run` runs.
fn counted<T>(run: impl FnOnce() -> T) -> (usize, usize, T) {
    let before = (CALLS.get(), BYTES.get());
    let result = run();
    (CALLS.get() - before.0, BYTES.get() - before.1, result)
}

fn ten_fields() -> Record {
    let value = |n: i64| match n % 5 {
        0 => n.into(),
        1 => true.into(),
        2 => 23.5.into(),
        3 => "OK".into(),
        _ => vec![7; 20].into(),
    };
    (0..10).map(|n| (format!("field{n}"), value(n))).collect()
}

#[test]
fn encoding_and_iterating_do_not_allocate() {
    let record = ten_fields();
    let mut out = [0; 1024];
    assert!(counted(|| vec![0; 10]).0 == 1, "the count works");
    let (calls, _, size) = counted(|| record.encode_into(&mut out).expect("it fits"));
    assert_eq!(calls, 0, "Record::encode_into");
    let items = [("a", ValueRef::Integer(1)), ("b", ScalarRef::String("text").into())];
    let mut small = [0; 64];
    let (calls, _, _) = counted(|| encode_into(&items, &mut small).expect("it fits"));
    assert_eq!(calls, 0, "encode_into");
    let (calls, _, count) =
        counted(|| Items::new(&out[..size]).expect("a record").inspect(|item| assert!(item.is_ok())).count());
    assert_eq!((calls, count), (0, 10), "Items");
}

/// Each byte of a message in turn takes values that make lengths and counts huge.
#[test]
fn decoding_allocates_no_more_than_the_bytes_account_for() {
    let original = ten_fields().encode().expect("it has a form");
    let mut most = 0;
    for at in 0..original.len() {
        for value in [0x00, 0x7F, 0x81, 0x82, 0x84, 0xFF] {
            for length in [original.len(), at + 1] {
                let mut bytes = original[..length].to_vec();
                bytes[at] = value;
                let (_, allocated, _) = counted(|| Record::decode(&bytes));
                most = most.max(allocated);
            }
        }
    }
    println!("{most} bytes allocated at most for {}", original.len());
    // A key and a value with their vectors take some 100 bytes of memory for 7 of the message, and a growing vector doubles.
    assert!(most < 40 * original.len(), "{most} bytes for {}", original.len());
}
