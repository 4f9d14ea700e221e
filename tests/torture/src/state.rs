//! What the loops have done so far, over all runs: a file with one line of JSON per kind of kill.

use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// Who died, where, and whom it left behind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) side: String,
    pub(crate) victim: String,
    pub(crate) survivor: String,
    pub(crate) point: String,
}

/// What came of such kills.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) kills: u64,
    /// Victims that came through without passing the point; they are killed all the same, and counted as `random`.
    pub(crate) missed: u64,
    /// Exchanges both ways after it, by the next peer that was to live.
    pub(crate) recoveries: u64,
    /// Of these, such as took longer than an interval plus 50 ms, and the longest of all in microseconds.
    pub(crate) overruns: u64,
    pub(crate) longest: u64,
    pub(crate) failures: u64,
}

/// All kinds.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) kinds: BTreeMap<Key, Tally>,
    file: Option<PathBuf>,
}

fn parse(line: &str) -> Option<(Key, Tally)> {
    let value: Value = serde_json::from_str(line).ok()?;
    let text = |field: &str| value[field].as_str().map(str::to_owned);
    let number = |field: &str| value[field].as_u64();
    let key = Key { side: text("side")?, victim: text("victim")?, survivor: text("survivor")?, point: text("point")? };
    let tally = Tally {
        kills: number("kills")?,
        missed: number("missed")?,
        recoveries: number("recoveries")?,
        overruns: number("overruns")?,
        longest: number("longest_us")?,
        failures: number("failures")?,
    };
    Some((key, tally))
}

impl State {
    /// Goes on from a file, if it is there; without one, nothing is kept.
    ///
    /// # Errors
    /// The system's, and a line that is not ours.
    pub(crate) fn open(file: Option<&Path>) -> io::Result<State> {
        let mut state = State { kinds: BTreeMap::new(), file: file.map(Path::to_owned) };
        let text = match file.map(fs::read_to_string) {
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Some(Ok(text)) => text,
            _ => return Ok(state),
        };
        for line in text.lines() {
            let (key, tally) = parse(line).ok_or_else(|| io::Error::other(format!("not a line of counts: {line}")))?;
            state.kinds.insert(key, tally);
        }
        Ok(state)
    }

    /// Brings the counts to the file, all of them or none.
    pub(crate) fn save(&self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let lines = self.kinds.iter().map(|(key, tally)| {
            let line = json!({
                "side": key.side, "victim": key.victim, "survivor": key.survivor, "point": key.point,
                "kills": tally.kills, "missed": tally.missed, "recoveries": tally.recoveries,
                "overruns": tally.overruns, "longest_us": tally.longest, "failures": tally.failures,
            });
            format!("{line}\n")
        });
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        let new = file.with_extension("new");
        fs::write(&new, lines.collect::<String>())?;
        fs::rename(&new, file)
    }

    /// The tally of one kind.
    pub(crate) fn at(&mut self, key: &Key) -> &mut Tally {
        self.kinds.entry(key.clone()).or_default()
    }

    /// A sum over all kinds that fit.
    pub(crate) fn sum(&self, fits: impl Fn(&Key) -> bool, of: impl Fn(&Tally) -> u64) -> u64 {
        self.kinds.iter().filter(|(key, _)| fits(key)).map(|(_, tally)| of(tally)).sum()
    }

    /// Kills on a side.
    pub(crate) fn kills_of(&self, side: &str) -> u64 {
        self.sum(|key| key.side == side, |tally| tally.kills)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_go_on_where_the_last_run_ended() {
        let file = std::env::temp_dir().join(format!("eshm_torture_{}.json", std::process::id()));
        let key = |point: &str| Key {
            side: "master".to_owned(),
            victim: "ours".to_owned(),
            survivor: "old2".to_owned(),
            point: point.to_owned(),
        };
        for run in 1..=3 {
            let mut state = State::open(Some(&file)).expect("open");
            state.at(&key("write.odd")).kills += 2;
            state.at(&key("random")).longest = run;
            state.save().expect("save");
            assert_eq!((state.kills_of("master"), state.kills_of("slave")), (2 * run, 0));
        }
        let text = fs::read_to_string(&file).expect("read");
        assert_eq!(text.lines().count(), 2, "one line per kind: {text}");
        fs::write(&file, "{}\n").expect("write");
        assert!(State::open(Some(&file)).is_err());
        fs::remove_file(&file).expect("remove");
    }
}
