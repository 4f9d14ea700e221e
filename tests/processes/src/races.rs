//! Two processes that start at the same instant, round after round.
//!
//! ```text
//! peer races auto|master NAME --on=nothing|ours|released|slave --rounds=N
//!     on nothing, on a dead master's leftover (one of ours, a released one), on a dead master with a live slave.
//!     Prints "round N" now and then, and at last: ok rounds=N master_slave=N ousted=N refused=N
//! ```

use crate::{
    actor::{Stage, Verb, kill, mortal_master},
    answer, die,
    options::Options,
};
use eshm_processes::{Name, Raw, tasks::free_pid, until};
use std::mem;

const MASTER: i32 = 0;
const SLAVE: i32 = 1;
const ROLE_MISMATCH: i32 = -15;
/// The actor that is a slave before the race.
const BYSTANDER: usize = 2;

/// How rounds ended.
#[derive(Default)]
struct Ends {
    master_slave: u32,
    ousted: u32,
    refused: u32,
}

/// Microseconds by which the starters miss the instant: 0 for each second round, else up to 400, on either side.
fn delays(round: u32) -> [u32; 2] {
    let some = round.wrapping_mul(2_654_435_761) >> 16;
    match round % 4 {
        1 => [some % 400, 0],
        3 => [0, some % 400],
        _ => [0, 0],
    }
}

fn prepare(stage: &Stage, name: &Name, on: &str, absent: u32) {
    match on {
        "nothing" => {}
        "ours" => kill(mortal_master(name.as_str())),
        "released" => {
            let raw = Raw::stamped(name, 3, 4096);
            raw.set("stale_threshold", 20); // its heartbeat must be watched for so long
            raw.occupy("master", absent);
        }
        "slave" => {
            let master = mortal_master(name.as_str());
            assert_eq!(stage.ask(BYSTANDER, Verb::Open, SLAVE as u32), SLAVE);
            kill(master);
        }
        other => panic!("races on {other:?}?"),
    }
}

/// Writes from one actor until the other has read it: a slave may still be on its way to its new master.
fn flows(stage: &Stage, from: usize, to: usize, number: u32) {
    until("a value has come", || {
        let written = stage.ask(from, Verb::Write, number);
        assert_ne!(written, ROLE_MISMATCH, "the writer was ousted after all");
        written == 0 && stage.ask(to, Verb::Read, number) == 0
    });
}

fn round(stage: &Stage, name: &Name, role: &str, on: &str, number: u32, ends: &mut Ends) {
    let asked = if role == "auto" { 2 } else { 0 };
    let roles = stage.race(asked, delays(number));
    // In the end there is one that can beat as a master, and stays so until the end of the round.
    let believers = || -> Vec<usize> {
        (0..2).filter(|&actor| roles[actor] == MASTER && stage.ask(actor, Verb::Beat, 0) == 0).collect()
    };
    until("one master is left", || believers().len() == 1);
    let winner = believers()[0];
    let loser = 1 - winner;
    stage.tell(loser, Verb::Write, number);
    stage.tell(winner, Verb::Write, number);
    let (lost, won) = (stage.result(loser), stage.result(winner));
    assert_eq!(won, 0, "the winner {roles:?} cannot write");
    match roles[loser] {
        MASTER => {
            assert_eq!(lost, ROLE_MISMATCH, "two masters write");
            ends.ousted += 1;
        }
        SLAVE => ends.master_slave += 1,
        code => {
            assert!(code < 0 && asked == 0, "an AUTO failed with {code}");
            ends.refused += 1;
        }
    }
    assert_eq!(name.raw().get("master_pid"), stage.pid(winner) as u64, "the name leads to another's segment");
    if roles[loser] != SLAVE {
        assert_eq!(stage.ask(loser, Verb::Close, 0), 0);
        assert!(name.exists(), "the loser removed the winner's segment");
        assert_eq!(stage.ask(loser, Verb::Open, SLAVE as u32), SLAVE);
    }
    let slaves: &[usize] = if on == "slave" { &[loser, BYSTANDER] } else { &[loser] };
    for &slave in slaves {
        flows(stage, winner, slave, number | 1 << 30);
        flows(stage, slave, winner, number | 1 << 29 | (slave as u32) << 24);
    }
    assert_eq!(stage.ask(winner, Verb::Beat, 0), 0, "who won lost it again");
    // Which of them is the first to leave must not matter.
    let order = if number.is_multiple_of(2) { [winner, loser] } else { [loser, winner] };
    for actor in order.into_iter().chain([BYSTANDER]) {
        assert_eq!(stage.ask(actor, Verb::Close, 0), 0);
    }
    assert!(!name.exists(), "a round left its segment behind");
}

/// Runs all rounds, prints the outcome and ends the process.
pub(crate) fn run(role: &str, name: &str, options: &Options) -> ! {
    let name = Name::from(name.to_owned());
    let (on, rounds) = (options.get("on").expect("--on="), options.number("rounds").expect("--rounds=") as u32);
    let (stage, absent) = (Stage::new(name.as_str(), 3), free_pid());
    let mut ends = Ends::default();
    for number in 1..=rounds {
        prepare(&stage, &name, on, absent);
        round(&stage, &name, role, on, number, &mut ends);
        answer(&format!("round {number}"));
    }
    answer(&format!(
        "ok rounds={rounds} master_slave={} ousted={} refused={}",
        ends.master_slave, ends.ousted, ends.refused
    ));
    mem::drop(name);
    die()
}
