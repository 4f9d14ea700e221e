//! One segment: why its two sides do not meet.

use super::{Check, FINDINGS};
use crate::{
    name::Name,
    report::{self, Kind, Life, Segment, Severity, Side},
};
use std::time::Duration;

/// All checks of the segment `name`.
pub fn segment(name: &Name) -> Vec<Check> {
    let Some(report) = report::collect(name, Duration::from_millis(200)) else {
        return vec![missing(name)];
    };
    if let Err(error) = name.path().symlink_metadata() {
        return vec![Check::wrong(
            "the name",
            format!("cannot be looked for: {error}"),
            "see /dev/shm above",
        )];
    }
    let mut checks =
        vec![Check::fine("the name", format!("{} is there", name.shown_path())), permission(name)];
    match (&report.segment, report.kind) {
        (Some(segment), _) => {
            checks.push(protocol(segment));
            checks.push(side("master", &segment.master));
            checks.push(side("slave", &segment.slave));
            checks.push(if segment.capacity == eshm::MAX_DATA_SIZE {
                Check::fine(
                    "capacity",
                    format!("{} bytes, as this library's own", segment.capacity),
                )
            } else {
                Check::note(
                    "capacity",
                    format!(
                        "{} bytes; this library creates {}",
                        segment.capacity,
                        eshm::MAX_DATA_SIZE
                    ),
                    "our ends adapt to it; released ones need a build with ESHM_MAX_DATA_SIZE of \
                     this size",
                )
            });
        }
        (None, Kind::TooNew) => {
            checks.push(Check::wrong("protocol", "a later one", "update this library"))
        }
        (None, _) => {}
    }
    for finding in report.findings {
        checks.push(match finding.severity {
            Severity::Note => Check::note(FINDINGS[0], finding.what, finding.advice),
            Severity::Warning => Check::note(FINDINGS[1], finding.what, finding.advice),
            Severity::Problem => Check::wrong(FINDINGS[2], finding.what, finding.advice),
        });
    }
    checks
}

fn protocol(segment: &Segment) -> Check {
    let released = [("master", &segment.master), ("slave", &segment.slave)]
        .into_iter()
        .filter(|(_, side)| side.library == Some("released") && side.life != Life::Absent)
        .map(|(label, _)| label)
        .collect::<Vec<_>>();
    let whose = match released.is_empty() {
        true => "all its ends are this library's".to_owned(),
        false => format!("a released library is its {}", released.join(" and its ")),
    };
    Check::fine("protocol", format!("{}; {whose}", segment.protocol))
}

fn side(label: &'static str, side: &Side) -> Check {
    let who = side.pid.map_or(String::new(), |pid| format!(", process {pid}"));
    match side.life {
        Life::Alive => Check::fine(label, format!("running{who}")),
        Life::Absent if label == "slave" => {
            Check::note(label, "not there", "start it under this very name")
        }
        Life::Absent => Check::wrong(label, "not there", "start it under this very name"),
        Life::Silent => {
            Check::wrong(label, format!("stale: it runs but does not beat{who}"), "see below")
        }
        Life::Dead => Check::wrong(label, format!("dead{who}"), "see below"),
    }
}

fn permission(name: &Name) -> Check {
    const SUBJECT: &str = "permission";
    if name.may_be_used() {
        return Check::fine(SUBJECT, "this user may read and write it");
    }
    Check::wrong(
        SUBJECT,
        "this user may not read and write it",
        "run both sides as one user, or start the creator with umask 0; `ls -l /dev/shm` shows \
         owner and mode",
    )
}

fn missing(name: &Name) -> Check {
    let wanted = name.to_string();
    let seen = format!("there is no segment '{wanted}'");
    let names: Vec<String> = match report::names() {
        Ok(names) => names.iter().map(Name::to_string).collect(),
        Err(_) => return Check::wrong("the name", seen, "see /dev/shm above"),
    };
    let near = names
        .iter()
        .filter(|other| distance(&plain(&wanted), &plain(other)) <= 2)
        .min_by_key(|other| distance(&wanted, other));
    let advice = match near {
        Some(near) => {
            format!("there is '{near}': do both sides use the same name, letter by letter?")
        }
        None if names.is_empty() => "there is no segment at all: start the master first".to_owned(),
        None => {
            format!("start the master first, under this very name; there are: {}", names.join(", "))
        }
    };
    Check::wrong("the name", seen, advice)
}

/// A name without what people mix up.
fn plain(name: &str) -> String {
    name.to_lowercase().replace(['-', ' '], "_")
}

/// Letters to insert, delete or change (Levenshtein 1966), as far as 3.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > 2 {
        return 3;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let change = corner + usize::from(from != to);
            corner = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(corner + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_name_is_near_and_another_is_not() {
        assert_eq!(distance("robot_arm", "robot_am"), 1);
        assert_eq!(distance(&plain("Robot-Arm"), "robot_arm"), 0);
        assert_eq!(distance("robot", "camera"), 6);
        assert_eq!(distance("a", "robot"), 3);
    }
}
