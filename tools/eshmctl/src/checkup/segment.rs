//! One segment: why its two sides do not meet.

use super::{Check, PROTOCOL, Verdict};
use crate::{
    name::Name,
    obstacle::{Obstacle, PERMISSION},
    report::{self, Life, Report, Segment, Side},
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
    let mut checks = vec![Check::fine("the name", format!("{} is there", name.shown_path()))];
    checks.extend(permission(name));
    if let Some(segment) = &report.segment {
        checks.push(protocol(segment));
        checks.push(side("master", &segment.master, &report));
        checks.push(side("slave", &segment.slave, &report));
        checks.push(if segment.capacity == eshm::MAX_DATA_SIZE {
            Check::fine("capacity", format!("{} bytes, as this library's own", segment.capacity))
        } else {
            Check::note(
                "capacity",
                format!("{} bytes; this library creates {}", segment.capacity, eshm::MAX_DATA_SIZE),
                "our ends adapt to it; released ones need a build with ESHM_MAX_DATA_SIZE of this size",
            )
        });
    }
    report.findings.into_iter().for_each(|finding| take(&mut checks, Check::found(finding)));
    checks
}

/// Adds what was found, but for a check that says the same already: then the graver one stays.
fn take(checks: &mut Vec<Check>, found: Check) {
    match checks
        .iter_mut()
        .find(|check| check.subject == found.subject && check.verdict != Verdict::Fine)
    {
        Some(check) if check.verdict > found.verdict => {}
        Some(check) => *check = found,
        None => checks.push(found),
    }
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
    Check::fine(PROTOCOL, format!("{}; {whose}", segment.protocol))
}

/// What `show` finds out about a side that is not well takes the place of this.
fn side(label: &'static str, side: &Side, report: &Report) -> Check {
    let who = side.pid.map_or(String::new(), |pid| format!(", process {pid}"));
    match side.life {
        Life::Alive => Check::fine(label, format!("running{who}")),
        Life::Absent if report.orphan => Check::note(label, "not there", BOTH),
        Life::Dead if report.orphan => Check::note(label, format!("dead{who}"), BOTH),
        Life::Absent if label == "slave" => {
            Check::note(label, "not there", "start it under this very name")
        }
        Life::Absent => Check::wrong(label, "not there", "start it under this very name"),
        Life::Silent => {
            Check::wrong(label, format!("stale: it runs but does not beat{who}"), "let it run")
        }
        Life::Dead => Check::wrong(label, format!("dead{who}"), "start it again"),
        Life::Unknown => Check::wrong(label, format!("unknown{who}"), "look where it runs"),
    }
}

/// What to do about one end of an orphan.
const BOTH: &str = "see both ends below";

/// `None` where that is not what matters.
fn permission(name: &Name) -> Option<Check> {
    match Obstacle::of(name) {
        None => Some(Check::fine(PERMISSION, "this user may read and write it")),
        Some(Obstacle { subject: PERMISSION, what, cure }) => {
            Some(Check::wrong(PERMISSION, what, cure))
        }
        Some(_) => None,
    }
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
    fn a_fact_is_told_once_by_the_graver_check() {
        let mut checks =
            vec![Check::fine("a", "ok"), Check::note("b", "n", "x"), Check::wrong("c", "w", "x")];
        for found in [
            Check::note("a", "more", "y"),
            Check::wrong("b", "worse", "y"),
            Check::note("c", "less", "y"),
        ] {
            take(&mut checks, found);
        }
        let told: Vec<_> =
            checks.iter().map(|check| (check.subject, check.seen.as_str())).collect();
        assert_eq!(told, [("a", "ok"), ("b", "worse"), ("c", "w"), ("a", "more")]);
    }

    #[test]
    fn a_mistyped_name_is_near_and_another_is_not() {
        assert_eq!(distance("robot_arm", "robot_am"), 1);
        assert_eq!(distance(&plain("Robot-Arm"), "robot_arm"), 0);
        assert_eq!(distance("robot", "camera"), 6);
        assert_eq!(distance("a", "robot"), 3);
    }
}
