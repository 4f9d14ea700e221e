//! The count of parked readers in the segment, when others change it under them.

use eshm::Role;
use eshm_processes::{Name, Peer, open, until};

/// A slave that comes sets the count to 0, for readers that died while they were parked; one that lives does not take it below.
#[test]
fn a_reader_whose_place_in_the_count_was_taken_away_leaves_it_at_0() {
    let name = Name::new();
    let master = open(&name, Role::Master);
    let mut slave = Peer::ours("slave", &name, &[]);
    let raw = name.raw();
    for text in ["one", "two"] {
        slave.send("read inf");
        until("it is parked", || raw.get("m2s.waiters") == 1);
        raw.set("m2s.waiters", 0);
        master.write(text.as_bytes()).expect("write");
        assert_eq!(slave.answer(), format!("data {text}"));
        assert_eq!(raw.get("m2s.waiters"), 0);
    }
}
