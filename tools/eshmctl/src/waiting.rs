//! Saying what is waited for, once, on standard error: a command that only waits looks like one
//! that hangs.

use crate::{name::Name, tell};
use eshm::{Endpoint, Role};
use std::time::{Duration, Instant};

/// So long a wait needs no words.
pub const SOON: Duration = Duration::from_secs(1);

/// One thing to say, if it is still to be said.
pub struct Notice {
    begun: Instant,
    said: bool,
}

impl Notice {
    /// The wait begins now.
    pub fn new() -> Notice {
        Notice { begun: Instant::now(), said: false }
    }

    /// Says it now, the first time.
    pub fn tell(&mut self, text: impl FnOnce() -> String) {
        if !self.said {
            self.said = true;
            tell!("{}", text());
        }
    }

    /// Says it once the wait has become long.
    pub fn tell_if_long(&mut self, text: impl FnOnce() -> String) {
        if self.begun.elapsed() >= SOON {
            self.tell(text);
        }
    }

    /// What was waited for has come: there is nothing to say any more.
    pub fn over(&mut self) {
        self.said = true;
    }
}

/// What a side that has read nothing yet waits for.
pub fn for_a_value(endpoint: &Endpoint, name: &Name) -> String {
    let Sides { own, other, there } = sides(endpoint);
    match there {
        Some(pid) => format!(
            "{name}: this is the {own}; waiting for the {other}, process {pid}, to write a value"
        ),
        None => format!("{name}: this is the {own}; waiting for a {other}, none is there yet"),
    }
}

/// What a side waits for whose values are to be answered by an echo.
pub fn for_an_echo(endpoint: &Endpoint, name: &Name) -> String {
    let Sides { own, other, there } = sides(endpoint);
    match there {
        Some(pid) => {
            format!("{name}: this is the {own}; waiting for the {other}, process {pid}, to echo")
        }
        None => {
            let typed = name.typed();
            format!(
                "{name}: this is the {own}; waiting for `eshmctl echo {typed}`, no {other} is there yet"
            )
        }
    }
}

/// What a side waits for that begins only once the other is there.
pub fn for_the_other(endpoint: &Endpoint, name: &Name) -> String {
    let Sides { own, other, .. } = sides(endpoint);
    format!("{name}: this is the {own}; waiting for a {other}, none is there yet")
}

/// What a side whose write is not taken waits for.
pub fn to_write(endpoint: &Endpoint, name: &Name) -> String {
    match endpoint.role() {
        Role::Slave => format!("{name}: the master has gone; waiting for the next one"),
        _ => format!("{name}: another writer is in the midst of a value; waiting for it to end"),
    }
}

/// What the sides are called, from here, and the other's live process.
struct Sides {
    own: &'static str,
    other: &'static str,
    there: Option<i32>,
}

fn sides(endpoint: &Endpoint) -> Sides {
    let stats = endpoint.stats().ok();
    let there = |pid, alive| Some(pid).filter(|&pid| alive && pid != 0);
    match endpoint.role() {
        Role::Master => Sides {
            own: "master",
            other: "slave",
            there: stats.and_then(|s| there(s.slave_pid, s.slave_alive)),
        },
        _ => Sides {
            own: "slave",
            other: "master",
            there: stats.and_then(|s| there(s.master_pid, s.master_alive)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_waited_for_is_who_is_there_now() {
        let bytes = format!("pt_{}_waiting", std::process::id()).into_bytes();
        let open = |role| Endpoint::builder(&bytes).role(role).open().expect("a side");
        let (name, master) = (Name::of_file(bytes.clone()), open(Role::Master));
        let process = format!("process {},", std::process::id());
        assert!(for_a_value(&master, &name).ends_with("waiting for a slave, none is there yet"));
        assert!(for_an_echo(&master, &name).ends_with("no slave is there yet"));
        let slave = open(Role::Slave);
        assert!(
            for_a_value(&master, &name).contains(&process)
                && for_an_echo(&master, &name).contains(&process)
        );
        assert!(
            for_a_value(&slave, &name)
                .contains(&format!("this is the slave; waiting for the master, {process}"))
        );
        drop(slave);
        assert!(
            for_a_value(&master, &name).ends_with("waiting for a slave, none is there yet"),
            "it has left"
        );
        assert!(to_write(&master, &name).contains("another writer"));
    }

    #[test]
    fn a_notice_is_said_once_and_not_after_its_end() {
        let (mut once, mut ended, mut said) = (Notice::new(), Notice::new(), 0);
        for _ in 0..3 {
            once.tell(|| {
                said += 1;
                "said".to_owned()
            });
        }
        ended.over();
        ended.tell(|| unreachable!("it is over"));
        assert_eq!(said, 1);
    }
}
