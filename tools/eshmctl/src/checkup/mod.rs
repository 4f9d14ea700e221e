//! What `doctor` looks at.

mod machine;
mod segment;

pub use machine::machine;
pub use segment::segment;

use crate::report::{Finding, Severity};
use serde::Serialize;

/// How a check came out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Fine,
    /// May matter.
    Note,
    /// Stands in the way.
    Wrong,
}

/// The subject of all that the protocol decides.
pub const PROTOCOL: &str = "protocol";

/// One thing looked at.
#[derive(Clone, Serialize, Debug)]
pub struct Check {
    /// What was looked at.
    pub subject: &'static str,
    /// How it came out.
    pub verdict: Verdict,
    /// What was seen.
    pub seen: String,
    /// What to do, where something is to be done.
    pub advice: Option<String>,
}

impl Check {
    fn fine(subject: &'static str, seen: impl Into<String>) -> Check {
        Check { subject, verdict: Verdict::Fine, seen: seen.into(), advice: None }
    }

    fn note(subject: &'static str, seen: impl Into<String>, advice: impl Into<String>) -> Check {
        Check { subject, verdict: Verdict::Note, seen: seen.into(), advice: Some(advice.into()) }
    }

    fn wrong(subject: &'static str, seen: impl Into<String>, advice: impl Into<String>) -> Check {
        Check { subject, verdict: Verdict::Wrong, seen: seen.into(), advice: Some(advice.into()) }
    }

    /// What `show` has found.
    fn found(finding: Finding) -> Check {
        let Finding { subject, severity, what, advice } = finding;
        match severity {
            Severity::Note | Severity::Warning => Check::note(subject, what, advice),
            Severity::Problem => Check::wrong(subject, what, advice),
        }
    }
}
