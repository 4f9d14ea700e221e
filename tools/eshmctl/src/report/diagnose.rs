//! What is wrong with a segment, in plain words, and what to do.

use super::{Channel, Finding, Kind, Life, Report, Segment, Severity, Side};
use crate::{
    checkup::PROTOCOL,
    obstacle::{Obstacle, PERMISSION},
};

use eshm::inspect::LONGEST_WATCH;

/// Subjects of findings that others do not share.
const FILE: &str = "the file";
const MESSAGES: &str = "messages";

/// Fills in the findings and whether the segment is an orphan; `why` is what the look itself said,
/// `obstacle` what it was refused for.
pub fn diagnose(report: &mut Report, why: Option<String>, obstacle: Option<Obstacle>) {
    let mut findings = Vec::new();
    let mut add = |severity, subject, what: String, advice: &str| {
        findings.push(Finding { severity, subject, what, advice: advice.to_owned() });
    };
    let why = why.unwrap_or_default();
    match report.kind {
        Kind::Unreadable => match obstacle {
            Some(Obstacle { subject, what, cure }) => add(Severity::Problem, subject, what, cure),
            None => add(
                Severity::Problem,
                FILE,
                format!("it cannot be looked at: {why}"),
                "`eshmctl doctor` checks the usual causes",
            ),
        },
        Kind::HalfMade => add(
            Severity::Problem,
            FILE,
            "it is half made: its creator is at it right now, or died there".to_owned(),
            "look again; if it stays, start the master again, which replaces it",
        ),
        Kind::Invalid => add(
            Severity::Problem,
            FILE,
            format!("it is no segment: {why}"),
            "start a master, which replaces it; remove the file by hand if it is not eshm's",
        ),
        Kind::TooNew => add(
            Severity::Problem,
            PROTOCOL,
            format!("it is of a later release: {why}"),
            "update this library, or run both ends with the same release",
        ),
        Kind::Segment => {}
    }
    if let Some(segment) = &report.segment {
        let gone = |side: &Side| matches!(side.life, Life::Absent | Life::Dead);
        report.orphan = gone(&segment.master) && gone(&segment.slave);
        if report.orphan {
            add(
                Severity::Problem,
                "both ends",
                "both its ends are gone".to_owned(),
                "`eshmctl clean` removes it; a master that starts replaces it just the same",
            );
        } else {
            sides(segment, &mut add);
        }
        for (channel, from, to, writer, reader) in [
            (&segment.master_to_slave, "master", "slave", &segment.master, &segment.slave),
            (&segment.slave_to_master, "slave", "master", &segment.slave, &segment.master),
        ] {
            messages(segment, channel, (from, writer), (to, reader), &mut add);
        }
        if segment.protocol == 2 {
            add(
                Severity::Note,
                PROTOCOL,
                "it is of protocol 2 (releases 0.9 and 1.0): readers poll every 100 us instead of being woken".to_owned(),
                "run the master with a later release",
            );
        }
        if report.mode.ends_with("00") || report.mode.ends_with("40") || report.mode.ends_with("44")
        {
            add(
                Severity::Note,
                PERMISSION,
                format!("mode {}: other users cannot attach", report.mode),
                "that is the creator's umask; start it with a umask of 0 if another user is to attach",
            );
        }
    }
    report.findings = findings;
}

/// What is wrong with who is there.
fn sides(segment: &Segment, add: &mut impl FnMut(Severity, &'static str, String, &str)) {
    for (side, name, other) in
        [(&segment.master, "master", "slave"), (&segment.slave, "slave", "master")]
    {
        let pid = side.pid.unwrap_or(0);
        match side.life {
            Life::Dead => add(
                Severity::Problem,
                name,
                format!("the {name} (process {pid}) was killed and is not back"),
                &format!("start the {name} again; the {other} carries on by itself"),
            ),
            Life::Unknown => add(
                Severity::Problem,
                name,
                format!(
                    "whether the {name} (process {pid}) lives is unknown: it does not beat, and {}",
                    side.doubt.as_deref().unwrap_or("nothing proves that it is dead")
                ),
                "look where it runs, in its container, or as root outside of all containers: it may be paused. If it is dead, \
                 start it again, or remove the segment by `eshmctl clean --force` with its name",
            ),
            Life::Silent => add(
                Severity::Problem,
                name,
                format!(
                    "the {name} (process {pid}) runs but has not beaten for {} ms",
                    segment.stale_threshold_ms.min(LONGEST_WATCH.as_millis() as u32)
                ),
                &format!(
                    "it is stopped (Ctrl-Z, a debugger), starved of processor time, or was opened without threads and does \
                     not call often enough; a larger stale_threshold_ms on the creating side bears longer pauses. If process \
                     {pid} is another program, look as a user who may read /proc/{pid}/maps, as root outside of all containers"
                ),
            ),
            Life::Absent if name == "master" => add(
                Severity::Warning,
                name,
                "the master has left; the slave waits for it".to_owned(),
                "start the master again, under the very same name",
            ),
            Life::Absent => add(
                Severity::Note,
                name,
                "no slave is attached".to_owned(),
                "start one under the very same name; if you did, `eshmctl list` shows which name it took",
            ),
            Life::Alive if side.command.is_none() => add(
                Severity::Note,
                name,
                format!(
                    "the {name} beats, but no process {pid} that uses it is to be seen from here"
                ),
                "it runs in another container or pid namespace; `ps` there shows it",
            ),
            Life::Alive => {}
        }
    }
}

/// What is wrong with what is exchanged.
fn messages(
    segment: &Segment,
    channel: &Channel,
    (from, writer): (&'static str, &Side),
    (to, reader): (&str, &Side),
    add: &mut impl FnMut(Severity, &'static str, String, &str),
) {
    if channel.message_size as usize > segment.capacity {
        add(
            Severity::Problem,
            MESSAGES,
            format!(
                "the {from}'s message says it has {} bytes; the capacity is {}",
                channel.message_size, segment.capacity
            ),
            "the segment is damaged: restart both sides",
        );
    }
    if channel.stuck && channel.writes_per_second > 0.0 {
        add(
            Severity::Problem,
            MESSAGES,
            format!(
                "the {from}'s sequence stays odd while it writes: a released writer was killed in the midst of a message"
            ),
            "restart the master after stopping both sides, which replaces the segment",
        );
    } else if channel.stuck {
        add(
            if writer.life == Life::Alive { Severity::Warning } else { Severity::Note },
            MESSAGES,
            format!("the {from} never finished its last message"),
            "its next message mends that; nothing of the unfinished one is ever read",
        );
    }
    if channel.waiters > 0 && matches!(reader.life, Life::Absent | Life::Dead) {
        add(
            Severity::Note,
            MESSAGES,
            format!("{} reader of the {to} was killed while it waited", channel.waiters),
            "harmless: the next one that attaches sets that right",
        );
    }
}
