//! Where a peer is to die: one entry `NAME=kill@N`, as the library's failpoints have it. The steps of a released peer, which
//! is played here, are looked up in the same plan; their names begin with `old.`.

use std::{
    env,
    sync::{Mutex, PoisonError},
};

/// The step of a released peer to die at, and how often it is passed before.
static PLAN: Mutex<Option<(String, u64)>> = Mutex::new(None);

fn parse(text: &str) -> Option<(String, u64)> {
    let (name, rest) = text.split_once('=')?;
    let nth = rest.split_once('@').map_or(Some(1), |(_, nth)| nth.parse().ok())?;
    name.starts_with("old.").then(|| (name.to_owned(), nth))
}

fn set(plan: Option<(String, u64)>) {
    *PLAN.lock().unwrap_or_else(PoisonError::into_inner) = plan;
}

/// Takes over what the environment says; the library looks there itself.
pub(crate) fn from_environment() {
    set(env::var("ESHM_FAILPOINTS").ok().as_deref().and_then(parse));
}

/// Replaces the plan, of the library and of the played peer.
pub(crate) fn arm(text: &str) -> Result<(), String> {
    set(parse(text));
    #[cfg(eshm_failpoints)]
    return eshm::failpoint::arm(text);
    #[cfg(not(eshm_failpoints))]
    Ok(())
}

/// Whether the library was built with its failpoints.
pub(crate) const fn is_armed_build() -> bool {
    cfg!(eshm_failpoints)
}

/// A step of a released peer.
pub(crate) fn step(name: &str) {
    let mut plan = PLAN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((_, nth)) = plan.as_mut().filter(|(planned, _)| planned == name) else { return };
    *nth -= 1;
    if *nth == 0 {
        // SAFETY: takes no memory, and ends this process.
        unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
    }
}
