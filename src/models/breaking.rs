//! Breaking a lock that has stood for long, while threads of the very handle may hold it: they may be slow, they are not dead.

use super::Model;
use super::sequence_lock::{Guard, SIZE, message, read, write_guarded};
use crate::channel::{Barrier, HeldLock, Lock, heap::Owned};
use crate::sync::Ordering;
use loom::thread;
use std::sync::Arc;

/// One handle's threads: `writers` that write once, and one that breaks `times` times whatever lock it finds, as if it had stood for
/// 20 ms.
fn threads_of_one_handle(writers: u8, times: u32) -> impl Fn() + Send + Sync + 'static {
    move || {
        let (owned, held, guard) = (Arc::new(Owned::new(SIZE)), Arc::new(HeldLock::default()), Arc::new(Guard::default()));
        let writers: Vec<_> = (1..=writers)
            .map(|byte| {
                let (owned, held, guard) = (owned.clone(), held.clone(), guard.clone());
                thread::spawn(move || write_guarded(&owned, &held, &guard, byte))
            })
            .collect();
        let (mut broken, mut written) = (0, 0);
        for _ in 0..times {
            let channel = owned.channel();
            let odd = channel.head.sequence.load(Ordering::Relaxed);
            if odd & 1 == 1
                && let Lock::Taken(next) = channel.try_break(&held, odd)
            {
                guard.enter();
                channel.publish(next, &message(9), &held, || Barrier::Reader);
                broken += 1;
            }
        }
        for writer in writers {
            written += u32::from(writer.join().expect("a writer"));
        }
        let channel = owned.channel();
        let (sequence, writes) =
            (channel.head.sequence.load(Ordering::Relaxed), channel.tail.write_count.load(Ordering::Relaxed));
        assert_eq!(sequence & 1, 0, "left locked");
        assert_eq!(writes, u64::from(broken + written), "a count was lost");
        assert!(sequence >= 2 * (broken + written) + 2 * broken, "the sequence went back");
        assert!(written + broken == 0 || read(&owned, 0).is_some());
    }
}

#[test]
fn a_lock_of_the_same_handle() {
    let model = Model::new("breaking, one writer of the same handle", threads_of_one_handle(1, 2)).barrier_in_process();
    model.holds();
}

#[test]
fn a_late_store_and_a_live_writer() {
    let model = Model::new("breaking, a late thread and a writer of the same handle", threads_of_one_handle(2, 2));
    model.barrier_in_process().preemptions(3).holds();
}
