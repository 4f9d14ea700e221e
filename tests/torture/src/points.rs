//! Where victims die.

use crate::{port::Kind, random::Random};

/// When a victim comes by a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// As it opens its end, or with its first messages.
    Start,
    /// While both sides exchange messages.
    Traffic,
    /// On a clean exit.
    Leave,
    /// As it moves to another segment.
    Move,
}

/// What has to be there, or not, for a start to come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Nothing,
    /// No file under the name.
    NoName,
    /// A segment that nobody uses.
    Leftover,
    /// A file that is no segment.
    Junk,
    /// A message left half-written in the victim's direction.
    HalfWritten,
}

/// One of two sides, or either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    Both,
    Master,
    Slave,
}

/// A place to die at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    pub(crate) name: &'static str,
    pub(crate) when: When,
    of: Of,
    pub(crate) need: Need,
    /// It may be passed up to so many times before.
    passes: u64,
}

/// Killed by the killer after a random time from its launch on.
pub(crate) const EARLY: &str = "early";
/// Killed by the killer after a random time of traffic.
pub(crate) const RANDOM: &str = "random";
/// Killed by the killer while its reader is parked.
pub(crate) const PARKED: &str = "parked";

const fn point(name: &'static str, when: When, of: Of, need: Need, passes: u64) -> Point {
    Point { name, when, of, need, passes }
}

use {Need::*, Of::*, When::*};

/// The points of a peer on our library: failpoints, but for the three above.
const OURS: &[Point] = &[
    point(EARLY, Start, Both, Nothing, 0),
    point(RANDOM, Traffic, Both, Nothing, 0),
    point(PARKED, Traffic, Both, Nothing, 0),
    point("create.opened", Start, Master, NoName, 0),
    point("create.allocated", Start, Master, NoName, 0),
    point("create.stamped", Start, Master, NoName, 0),
    point("create.filled", Start, Master, NoName, 0),
    point("create.attached", Start, Master, NoName, 0),
    point("create.linked", Start, Master, NoName, 0),
    point("takeover.locked", Start, Master, Nothing, 0),
    point("takeover.judged", Start, Master, Nothing, 0),
    point("takeover.stamped", Start, Master, Nothing, 0),
    point("takeover.attached", Start, Master, Nothing, 0),
    point("replace.unlinked", Start, Master, Leftover, 0),
    point("replace.displaced", Start, Master, Leftover, 0),
    point("junk.judged", Start, Master, Junk, 0),
    point("junk.unlinked", Start, Master, Junk, 0),
    point("slave.judged", Start, Slave, Nothing, 0),
    point("slave.attached", Start, Slave, Nothing, 0),
    point("attach.heartbeat", Start, Both, Nothing, 0),
    point("attach.locked", Start, Both, Nothing, 0),
    point("attach.pid", Start, Both, Nothing, 0),
    point("attach.generation", Start, Both, Nothing, 0),
    point("attach.said", Start, Both, Nothing, 0),
    point("attach.alive", Start, Both, Nothing, 0),
    point("break.taken", Start, Both, HalfWritten, 0),
    point("write.odd", Traffic, Both, Nothing, 300),
    point("write.half", Traffic, Both, Nothing, 300),
    point("write.copied", Traffic, Both, Nothing, 300),
    point("write.sized", Traffic, Both, Nothing, 300),
    point("write.counted", Traffic, Both, Nothing, 300),
    point("write.signalled", Traffic, Both, Nothing, 300),
    point("write.even", Traffic, Both, Nothing, 300),
    point("write.done", Traffic, Both, Nothing, 300),
    point("read.copied", Traffic, Both, Nothing, 50),
    point("read.claimed", Traffic, Both, Nothing, 50),
    point("park.counted", Traffic, Both, Nothing, 8),
    point("park.looked", Traffic, Both, Nothing, 8),
    point("park.woken", Traffic, Both, Nothing, 8),
    point("tick.beaten", Traffic, Both, Nothing, 10),
    point("tick.judged", Traffic, Both, Nothing, 10),
    point("close.marked", Leave, Both, Nothing, 0),
    point("close.quiet", Leave, Both, Nothing, 0),
    point("close.decided", Leave, Both, Nothing, 0),
    point("close.judged", Leave, Both, Nothing, 0),
    point("close.unlinked", Leave, Both, Nothing, 0),
    point("detach.lock", Leave, Both, Nothing, 0),
    point("detach.flag", Leave, Both, Nothing, 0),
    point("detach.woken", Leave, Both, Nothing, 1),
    point("close.detached", Leave, Both, Nothing, 0),
    point("move.found", Move, Both, Nothing, 0),
    point("move.locked", Move, Both, Nothing, 0),
    point("move.left", Move, Both, Nothing, 0),
    point("move.placed", Move, Both, Nothing, 0),
    point("move.mapped", Move, Both, Nothing, 0),
    point("move.attached", Move, Both, Nothing, 0),
    point("move.announced", Move, Both, Nothing, 0),
    point("move.done", Move, Both, Nothing, 0),
];

/// The points of a played released peer.
const RELEASED: &[Point] = &[
    point(EARLY, Start, Both, Nothing, 0),
    point(RANDOM, Traffic, Both, Nothing, 0),
    point("old.opened", Start, Master, NoName, 0),
    point("old.truncated", Start, Master, NoName, 0),
    point("old.magic", Start, Master, NoName, 0),
    point("old.zeroed", Start, Master, NoName, 0),
    point("old.version", Start, Master, NoName, 0),
    point("old.filled", Start, Master, NoName, 0),
    point("old.pid", Start, Both, Nothing, 0),
    point("old.alive", Start, Both, Nothing, 0),
    point("old.odd", Traffic, Both, Nothing, 100),
    point("old.half", Traffic, Both, Nothing, 100),
    point("old.sized", Traffic, Both, Nothing, 100),
    point("old.even", Traffic, Both, Nothing, 100),
    point("old.counted", Traffic, Both, Nothing, 100),
    point("old.signalled", Traffic, Both, Nothing, 100),
    point("old.copied", Traffic, Both, Nothing, 30),
    point("old.flag", Leave, Both, Nothing, 0),
    point("old.unlinked", Leave, Both, Nothing, 0),
];

/// The points of a victim of some kind on a side, for a survivor of some kind.
pub(crate) fn points(kind: Kind, master: bool, survivor: Kind) -> Vec<Point> {
    let all = if kind.is_ours() { OURS } else { RELEASED };
    let fits = |point: &&Point| {
        let side = point.of == Both || (point.of == Master) == master;
        let ticks = kind != Kind::Threadless || !point.name.starts_with("tick.");
        let signals = kind != Kind::Released(2) || point.name != "old.signalled";
        // A slave moves when its master starts anew, which a played one does only in another process.
        let moves = point.when != Move || master || survivor.is_ours();
        // A clean exit of a slave unlinks nothing, and only a move over the old address passes every step.
        side && ticks && signals && moves
    };
    all.iter().filter(fits).copied().collect()
}

impl Point {
    /// The plan for a victim that is to die here.
    pub(crate) fn plan(&self, random: &mut Random) -> String {
        match self.name {
            EARLY | RANDOM | PARKED => String::new(),
            name => format!("{name}=kill@{}", 1 + random.below(self.passes + 1)),
        }
    }
}
