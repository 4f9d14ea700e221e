//! Places at which a test has this process killed, stopped, slowed down or made to panic. They exist only in a build with
//! `RUSTFLAGS="--cfg eshm_failpoints"`; in any other, [`failpoint!`] is nothing at all.
//!
//! A plan is a list of `NAME=ACTION[@N]`, separated by commas: at the `N`-th time (the first, without `@N`) that a thread comes
//! by the point NAME, ACTION is carried out. Actions: `kill` (SIGKILL), `stop` (SIGSTOP), `panic`, `sleep:MS`, and `pass`, which
//! only counts. The environment variable `ESHM_FAILPOINTS` holds the first plan; [`arm`] replaces it.

/// Marks a place by its name.
macro_rules! failpoint {
    ($name:expr) => {
        #[cfg(eshm_failpoints)]
        $crate::failpoint::reached($name);
    };
}
pub(crate) use failpoint;

#[cfg(eshm_failpoints)]
pub(crate) use armed::reached;
#[cfg(eshm_failpoints)]
pub use armed::{arm, count, is_planned};

#[cfg(eshm_failpoints)]
mod armed {
    use std::{
        env, process,
        sync::{Mutex, MutexGuard, Once, PoisonError},
        thread,
        time::Duration,
    };

    /// What happens at a point.
    #[derive(Clone, Copy, Debug)]
    enum Action {
        Kill,
        Stop,
        Panic,
        Sleep(Duration),
        Pass,
    }

    /// One entry of a plan.
    #[derive(Debug)]
    struct Point {
        name: String,
        action: Action,
        /// At which time.
        nth: u64,
        /// How often threads came by.
        count: u64,
    }

    static PLAN: Mutex<Vec<Point>> = Mutex::new(Vec::new());

    fn plan() -> MutexGuard<'static, Vec<Point>> {
        static FIRST: Once = Once::new();
        FIRST.call_once(|| {
            if let Ok(text) = env::var("ESHM_FAILPOINTS") {
                *PLAN.lock().unwrap_or_else(PoisonError::into_inner) = parse(&text).unwrap_or_else(|error| {
                    eprintln!("ESHM_FAILPOINTS: {error}");
                    process::exit(2)
                });
            }
        });
        PLAN.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the plan.
    ///
    /// # Errors
    /// With what is wrong in `text`, if it is no plan; the old one stays.
    pub fn arm(text: &str) -> Result<(), String> {
        let points = parse(text)?;
        *plan() = points;
        Ok(())
    }

    /// How often threads came by the point `name` since it was armed; 0 if it is not in the plan.
    pub fn count(name: &str) -> u64 {
        plan().iter().find(|point| point.name == name).map_or(0, |point| point.count)
    }

    /// Whether the point `name` is in the plan.
    pub fn is_planned(name: &str) -> bool {
        plan().iter().any(|point| point.name == name)
    }

    fn parse(text: &str) -> Result<Vec<Point>, String> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        entries.map(|entry| point(entry).ok_or_else(|| format!("{entry:?} is not NAME=ACTION[@N]"))).collect()
    }

    fn point(entry: &str) -> Option<Point> {
        let (name, rest) = entry.split_once('=')?;
        let (action, nth) = match rest.split_once('@') {
            Some((action, nth)) => (action, nth.parse().ok()?),
            None => (rest, 1),
        };
        let action = match action.split_once(':') {
            Some(("sleep", ms)) => Action::Sleep(Duration::from_millis(ms.parse().ok()?)),
            None if action == "kill" => Action::Kill,
            None if action == "stop" => Action::Stop,
            None if action == "panic" => Action::Panic,
            None if action == "pass" => Action::Pass,
            _ => return None,
        };
        Some(Point { name: name.to_owned(), action, nth, count: 0 })
    }

    /// A thread comes by.
    pub(crate) fn reached(name: &str) {
        let mut points = plan();
        let Some(point) = points.iter_mut().find(|point| point.name == name) else { return };
        point.count += 1;
        if point.count != point.nth {
            return;
        }
        let action = point.action;
        drop(points);
        match action {
            Action::Kill => signal(libc::SIGKILL),
            Action::Stop => signal(libc::SIGSTOP),
            Action::Panic => panic!("failpoint {name}"),
            Action::Sleep(time) => thread::sleep(time),
            Action::Pass => {}
        }
    }

    fn signal(number: libc::c_int) {
        // SAFETY: takes no memory.
        unsafe { libc::kill(libc::getpid(), number) };
    }
}
