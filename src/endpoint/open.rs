//! Role negotiation: which side of which segment a new handle gets (protocol.md, "Roles at `eshm_init`").
//!
//! Every decision that unlinks or takes over is made under the segment file's decision lock, and only while the name
//! still leads to that file; else everything begins again. So of two that start at once, one decides on what the other
//! left behind, never on what the other is doing.

use super::attach::{Attachment, attach, detach, forget_parked};
use super::refusal::{explain, explain_absence, explain_removal};
use crate::config::{Role, Settings, Side};
use crate::error::Error;
use crate::failpoint::failpoint;
use crate::liveness::service;
use crate::log::{self, Level};
use crate::segment::{
    Decision, Segment, create,
    find::{Found, find},
    layout::Layout,
    name::Name,
    peer::{LONGEST_WATCH, Signs, Verdict},
};
use crate::sync::Ordering;
use crate::sys::{
    clock::{self, MS},
    file::{self, FileId},
};
use std::{io, os::fd::OwnedFd, time::Duration};

/// How long a half-made file is waited for before it counts as not valid, in nanoseconds.
const MAKING: u64 = 100 * MS;
/// How long another starter's decision is waited for: a little longer than it may watch two heartbeats.
const DECIDING: Duration = Duration::from_millis(2 * LONGEST_WATCH + 1000);
/// Beginnings after which two starters chase each other no longer; each takes two system calls to lose.
const ROUNDS: u32 = 1000;
/// How long one opening begins anew, in nanoseconds: for as long as a decision may take, and to act on what came of it. Who
/// judges a predecessor at its end still does so, for two thresholds.
const OPENING: u64 = 15_000 * MS;
/// Between two looks of a slave for its master.
const AGAIN: Duration = Duration::from_millis(5);
/// How long a predecessor's heartbeat is watched before its parked readers are forgotten.
const PREDECESSOR: Duration = Duration::from_millis(5);

/// A segment with our side taken.
pub(crate) struct Opened {
    pub(crate) segment: Segment,
    pub(crate) side: Side,
    pub(crate) attachment: Attachment,
    /// A slave found its master's alive flag 0, or its master proven dead.
    pub(crate) master_gone: bool,
}

/// A half-made file that is being waited for.
type Waiting = Option<(FileId, u64)>;

/// One opening: when it begins anew no longer, and what it has to say of the files it finds.
struct Opening {
    end: u64,
    lines: log::Rate,
}

/// Opens `name` in the role asked for; `None` after a pause if a slave is to try again, as it waits for its master. `end` is when
/// it has waited long enough, found out at the first attempt, where it is 0.
pub(crate) fn attempt(name: &Name, settings: &Settings, end: &mut u64) -> Result<Option<Opened>, Error> {
    if *end == 0 {
        *end = match settings.wait_for_master_ms {
            u32::MAX => u64::MAX,
            ms => clock::now() + u64::from(ms) * MS,
        };
    }
    let mut absent = false;
    match open_now(name, settings, &mut absent) {
        Err(_) if absent && clock::now() < *end => {
            clock::sleep(AGAIN);
            Ok(None)
        }
        result => result.map(Some),
    }
}

/// Opens `name` in the role asked for; `absent` says that a slave failed for want of a master.
#[inline(never)]
fn open_now(name: &Name, settings: &Settings, absent: &mut bool) -> Result<Opened, Error> {
    let mut waiting: Waiting = None;
    let opening = Opening { end: clock::now() + OPENING, lines: log::Rate::new() };
    for round in 0..ROUNDS {
        // The second always: in the first we may have been stopped for long.
        if round > 1 && clock::now() >= opening.end {
            break;
        }
        let found = find(name, settings.capacity).map_err(|error| refusal(name, settings, &error))?;
        let opened = match found {
            Found::TooNew(version) => {
                return Err(Error::Attach(format!("its protocol {version} is newer than this library's")));
            }
            Found::Missing if settings.role == Role::Slave => {
                *absent = true;
                return Err(Error::Attach(explain_absence(name)));
            }
            Found::Missing => create_master(name, settings, None)?,
            Found::Making(_, id) if patient(&mut waiting, id) => None,
            Found::Making(file, id) => unusable(name, settings, &file, id, "it was never finished", (absent, &opening))?,
            Found::Invalid(file, id, why) => unusable(name, settings, &file, id, &why, (absent, &opening))?,
            // Only if asked to wait: a slave may well attach to what its last master left.
            Found::Valid(segment)
                if settings.role == Role::Slave
                    && settings.wait_for_master_ms != 0
                    && segment.judge(Side::Master, Duration::MAX) != Verdict::Alive =>
            {
                *absent = true;
                return Err(Error::Attach("its master is gone, and no other came".to_owned()));
            }
            Found::Valid(segment) => valid(name, settings, segment, &opening)?,
        };
        if let Some(opened) = opened {
            return Ok(opened);
        }
    }
    *absent = settings.role == Role::Slave;
    let path = name.path().to_string_lossy();
    Err(Error::Attach(format!("its name leads to another file again and again: find who makes and removes {path}")))
}

fn refusal(name: &Name, settings: &Settings, error: &io::Error) -> Error {
    let why = explain(name, error);
    if settings.role == Role::Slave { Error::Attach(why) } else { Error::Create(why) }
}

/// Waits a little for a file that is being made; false once its time is up.
fn patient(waiting: &mut Waiting, id: FileId) -> bool {
    let now = clock::now();
    match *waiting {
        Some((same, since)) if same == id && now.saturating_sub(since) > MAKING => return false,
        Some((same, _)) if same == id => {}
        _ => *waiting = Some((id, now)),
    }
    clock::sleep(Duration::from_millis(1));
    true
}

/// A fresh segment with us as its master; `None` if someone else was faster. It goes on from an `old` one, if that is given: a
/// released slave of that will follow.
fn create_master(name: &Name, settings: &Settings, old: Option<&Segment>) -> Result<Option<Opened>, Error> {
    let Some(opened) = begin_master(name, settings, old)? else { return Ok(None) };
    let segment = &opened.segment;
    if let Err(error) = create::reserve_rest(segment, Side::Master) {
        abandon(name, segment, opened.attachment, DECIDING);
        return Err(no_room(name, segment.view.layout, &error));
    }
    go_on(segment, old, true);
    Ok(Some(opened))
}

/// The same, but memory is reserved for its state alone, unless it is small.
pub(crate) fn begin_master(name: &Name, settings: &Settings, old: Option<&Segment>) -> Result<Option<Opened>, Error> {
    let Some(layout) = Layout::new(settings.capacity) else { return Err(Error::NotInitialized) }; // checked at open
    // A file whose name was not to be had is attached to in vain; then nobody has seen it.
    let mut attached: Vec<(FileId, Attachment)> = Vec::new();
    let take = |segment: &Segment| {
        go_on(segment, old, false);
        attached.push((segment.id, attach(segment, Side::Master, false, segment.mark_or_name(Side::Master))));
    };
    let made = create::create(name, layout, settings, take);
    let kept = if matches!(made, Ok(Some(_))) { attached.pop() } else { None };
    for (id, _) in attached {
        service::remove_side(id, Side::Master);
    }
    let made = made.map_err(|error| no_room(name, layout, &error))?;
    let Some((segment, (_, attachment))) = made.zip(kept) else { return Ok(None) };
    Ok(Some(Opened { segment, side: Side::Master, attachment, master_gone: false }))
}

/// Has a fresh segment go on from an old one: first with its count, and with its message once there is `room` for that.
#[inline(never)]
fn go_on(segment: &Segment, old: Option<&Segment>, room: bool) {
    let Some(old) = old else { return };
    let (new, last) = (segment.view.channel(Side::Master.writes()), old.view.channel(Side::Master.writes()));
    if room { new.settle_after(last, old.view.is_ours(Side::Master)) } else { new.begin_after(last) }
}

pub(crate) fn no_room(name: &Name, layout: Layout, error: &io::Error) -> Error {
    Error::Create(format!("{}, for a segment of {} bytes in /dev/shm", explain(name, error), layout.total()))
}

/// Takes a segment away again for which there is no memory: a slave may have come, which finds its master gone. Another's decision
/// is waited for up to `limit`.
pub(crate) fn abandon(name: &Name, segment: &Segment, attachment: Attachment, limit: Duration) {
    let _decision = Decision::wait(&segment.file, limit);
    let ours = segment.view.header().master_generation.load(Ordering::Relaxed) == attachment.generation; // under that lock
    if ours {
        if segment.is_named(name) {
            let _ = file::unlink(name.path()); // gone already is as good
        }
        detach(&segment.view, Side::Master, attachment.holds_lock);
    }
    service::remove_side(segment.id, Side::Master);
    segment.end_membership(Side::Master, attachment.mark);
}

/// The decision lock of `file`, if the name still leads to it then.
#[inline(never)]
fn decision<'a>(name: &Name, file: &'a OwnedFd, id: FileId, opening: &Opening) -> Result<Option<Decision<'a>>, Error> {
    let limit = DECIDING.min(Duration::from_millis(opening.end.saturating_sub(clock::now()) / MS));
    let why = match Decision::wait(file, limit).and_then(|lock| Ok((lock, file::lookup(name.path())?))) {
        Ok((Some(lock), now)) => return Ok((now == Some(id)).then_some(lock)),
        Ok((None, _)) => format!("another process has been deciding about it for {} ms", limit.as_millis()),
        Err(error) => explain(name, &error),
    };
    Err(Error::Attach(why))
}

/// A file that is no segment: in a slave's way, and replaced by a master.
fn unusable(
    name: &Name,
    settings: &Settings,
    file: &OwnedFd,
    id: FileId,
    why: &str,
    (absent, opening): (&mut bool, &Opening),
) -> Result<Option<Opened>, Error> {
    if settings.role == Role::Slave {
        *absent = true;
        return Err(Error::Attach(format!("the file is no segment: {why}")));
    }
    let Some(decision) = decision(name, file, id, opening)? else { return Ok(None) };
    // It may have been finished while we waited for the lock.
    if matches!(find(name, settings.capacity), Ok(Found::Valid(_) | Found::TooNew(_))) {
        return Ok(None);
    }
    failpoint!("junk.judged");
    if !decision.stands_at(name, id) {
        return Ok(None);
    }
    remove(name)?;
    failpoint!("junk.unlinked");
    opening.lines.line(Level::Warn, format_args!("{name}: replaced a file that is no segment: {why}"));
    create_master(name, settings, None)
}

fn remove(name: &Name) -> Result<(), Error> {
    match file::unlink(name.path()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::Create(explain_removal(name, &error))),
        _ => Ok(()), // a released library removes names without asking
    }
}

fn valid(name: &Name, settings: &Settings, segment: Segment, opening: &Opening) -> Result<Option<Opened>, Error> {
    if settings.role == Role::Slave {
        return attach_slave(name, settings, segment);
    }
    // The judgement itself is under the lock: what it finds stays so until it is acted on.
    let file = segment.file.try_clone().map_err(|error| Error::Attach(explain(name, &error)))?;
    let Some(decision) = decision(name, &file, segment.id, opening)? else { return Ok(None) };
    failpoint!("takeover.locked");
    let master = segment.judge(Side::Master, Duration::MAX);
    if settings.role == Role::Auto && master == Verdict::Alive {
        let own = service::count_side(segment.id, Side::Master) > 0;
        let opened = attach_slave(name, settings, segment);
        if own && matches!(opened, Ok(Some(_))) {
            log::warning!("{name}: both ends of this channel are in this process now: open one, or say which is the slave");
        }
        return opened;
    }
    as_master(name, settings, segment, master, (opening, &decision))
}

/// Attaches as a slave; `None` if the name meanwhile leads elsewhere.
fn attach_slave(name: &Name, settings: &Settings, segment: Segment) -> Result<Option<Opened>, Error> {
    let capacity = segment.view.layout.capacity;
    if !settings.accepts(capacity) {
        let asked = settings.capacity;
        return Err(Error::Attach(format!("its capacity is {capacity} bytes, not the {asked} asked for")));
    }
    // Of who may have been stopped in the midst of a message more has to be known.
    let limit = if segment.is_half_written(Side::Slave) { Duration::MAX } else { PREDECESSOR };
    let dead = segment.judge(Side::Slave, limit) != Verdict::Alive;
    if dead {
        forget_parked(&segment, Side::Slave);
    }
    failpoint!("slave.judged");
    let attachment = attach(&segment, Side::Slave, dead, segment.mark_or_name(Side::Slave));
    failpoint!("slave.attached");
    if !segment.is_named(name) {
        detach(&segment.view, Side::Slave, attachment.holds_lock);
        service::remove_side(segment.id, Side::Slave);
        segment.end_membership(Side::Slave, attachment.mark);
        return Ok(None);
    }
    // A flag of 0 is a clean exit; a free lock is a crash.
    let master_gone = match segment.signs(Side::Master) {
        Signs::Absent => true,
        Signs::LockFree => segment.judge(Side::Master, Duration::MAX) != Verdict::Alive,
        _ => false,
    };
    Ok(Some(Opened { segment, side: Side::Slave, attachment, master_gone }))
}

/// Said once the decision has succeeded: a refusal is one line.
fn warn_of_rival(name: &Name, alive: bool, opening: &Opening) {
    if alive {
        opening.lines.line(Level::Warn, format_args!("{name}: another live master has this name; taking its place"));
    }
}

/// Takes a valid segment over, or replaces it; the caller holds the decision lock.
fn as_master(
    name: &Name,
    settings: &Settings,
    segment: Segment,
    master: Verdict,
    (opening, decision): (&Opening, &Decision<'_>),
) -> Result<Option<Opened>, Error> {
    let slave = segment.judge(Side::Slave, Duration::MAX);
    let (alive, ours) = (master == Verdict::Alive, segment.view.is_ours(Side::Master));
    // A message that is left half-written is repaired only where its writer has been proven dead, and no other of ours is left.
    let dead = matches!(master, Verdict::Dead { .. });
    let sequence = segment.view.channel(Side::Master.writes()).head.sequence.load(Ordering::Acquire); // pairs with publish
    let odd = if sequence & 1 == 1 { sequence } else { 0 };
    let gone = dead && segment.lock_is_free(Side::Master) && !segment.has_other_writers(Side::Master, odd, None, false);
    let abandoned = gone || odd == 0;
    let fits = settings.accepts(segment.view.layout.capacity);
    let in_place = slave == Verdict::Alive && (!alive || ours) && abandoned && fits;
    let remembers = slave == Verdict::Alive && !in_place && segment.has_released_slave(Duration::MAX);
    failpoint!("takeover.judged");
    if !decision.stands_at(name, segment.id) {
        return Ok(None);
    }
    if in_place {
        if !alive {
            forget_parked(&segment, Side::Master);
        }
        create::stamp(&segment.view);
        failpoint!("takeover.stamped");
        let attachment = attach(&segment, Side::Master, gone, segment.mark_or_name(Side::Master));
        failpoint!("takeover.attached");
        warn_of_rival(name, alive, opening);
        let capacity = segment.view.layout.capacity;
        let number = attachment.generation;
        log::warning!(
            "{name}: took over the segment of a live slave as master {number}, with its capacity of {capacity} bytes"
        );
        return Ok(Some(Opened { segment, side: Side::Master, attachment, master_gone: false }));
    }
    remove(name)?;
    failpoint!("replace.unlinked");
    warn_of_rival(name, alive, opening);
    // So that a live loser of ours sees that the generation is no longer its own. After the name is gone: killed between
    // the two, we leave no name behind whose master has been told to stop.
    segment.view.header().master_generation.fetch_add(1, Ordering::Relaxed);
    failpoint!("replace.displaced");
    let opened = create_master(name, settings, remembers.then_some(&segment))?;
    if !alive || ours {
        // Who still maps it looks for us, and finds us by now. A living released master is none of ours to end.
        segment.view.header().alive[Side::Master as usize].store(0, Ordering::Release); // pairs with the remote's watch
    }
    Ok(opened)
}

#[cfg(all(test, not(loom), not(miri)))]
mod tests;
