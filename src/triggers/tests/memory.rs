//! How large a message is, is the peer's choice.

use super::*;
use crate::sys::fork::succeeds_in_child;

/// Bytes of a message that there is no memory for.
const HUGE: usize = 64 << 20;

#[test]
fn a_message_that_memory_does_not_suffice_for_does_not_end_the_dispatcher() {
    assert!(succeeds_in_child(|| {
        let (name, huge, mut bytes) = (name("memory"), vec![7; HUGE], Vec::new());
        let peer = Endpoint::builder(format!("{name}_ctl")).role(Role::Master).capacity(HUGE).open().expect("open");
        let rpc = Rpc::open(&name, Role::Slave).expect("open");
        let (said, words) = mpsc::channel();
        rpc.on_call("go", say(&said, "went"));
        rpc.start().expect("a thread");
        let mut fire = |number| {
            let size = message::encode(Kind::Call, b"go", number, &mut bytes).expect("it fits");
            peer.write(&bytes[..size]).expect("write");
            assert_eq!(hear(&words), "went");
        };
        fire(1);
        let before = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
        let little = libc::rlimit { rlim_cur: 1, ..before };
        // SAFETY: structs to read.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &little) }, 0);
        let waiters = &peer.core().tx().tail.waiters;
        let parked = |count| {
            while waiters.load(Ordering::Relaxed) != count {
                thread::sleep(Duration::from_millis(1));
            }
        };
        parked(1);
        peer.write(&huge).expect("write");
        parked(0);
        thread::sleep(Duration::from_millis(50)); // it has looked
        // SAFETY: as above.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &before) }, 0);
        fire(2);
        true
    }));
}
