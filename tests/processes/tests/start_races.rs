//! Two processes that start at the same instant: AUTO with AUTO and MASTER with MASTER, on nothing, on leftovers, and on a dead
//! master with a live slave. However it goes, in the end exactly one is master, and values flow both ways between it and a slave.
//!
//! `ESHM_RACE_ROUNDS` says how often; 30 by default, 300 with `make races`.

use eshm_processes::{Name, Peer};
use std::env;

/// The rounds of one pairing; how they ended.
#[track_caller]
fn rounds(role: &str, on: &str) -> [u64; 3] {
    let count: u64 = env::var("ESHM_RACE_ROUNDS").map_or(30, |text| text.parse().expect("a number of rounds"));
    let (name, options) = (Name::new(), [format!("--on={on}"), format!("--rounds={count}")]);
    let options = options.each_ref().map(String::as_str);
    let driver = Peer::start("races", role, &name, &options, "off");
    let mut line = driver.greeting.clone();
    while line.starts_with("round ") {
        line = driver.answer(); // which says why, if the driver died
    }
    let number = |key: &str| -> u64 {
        let found = line.split_whitespace().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
        found.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no {key} in {line:?}"))
    };
    assert_eq!(number("rounds"), count);
    let ends = ["master_slave", "ousted", "refused"].map(number);
    assert_eq!(ends.iter().sum::<u64>(), count);
    println!(
        "{role} with {role} on {on}: {count} rounds, {} master and slave, {} ousted, {} refused",
        ends[0], ends[1], ends[2]
    );
    ends
}

#[test]
fn two_starters_end_as_one_master_and_one_that_lost_to_it() {
    let (mut pairings, mut total) = (0, [0; 3]);
    for role in ["auto", "master"] {
        for on in ["nothing", "ours", "released", "slave"] {
            let ends = rounds(role, on);
            if role == "auto" {
                assert_eq!(ends[1..], [0, 0], "of two AUTOs each has its place");
            } else {
                assert_eq!(ends[0], 0, "a MASTER never becomes a slave");
            }
            pairings += 1;
            total = [total[0] + ends[0], total[1] + ends[1], total[2] + ends[2]];
        }
    }
    let [master_slave, ousted, refused] = total;
    let all = total.iter().sum::<u64>();
    println!(
        "races: {pairings} pairings, {all} rounds, each with one master: {master_slave} beside a slave, {ousted} ousted another, \
         {refused} refused another"
    );
}
