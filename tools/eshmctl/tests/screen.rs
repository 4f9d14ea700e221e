//! `top` gives the terminal back on every way out.

mod common;

use common::terminal::Terminal;
use eshm_processes::until;

/// Back to the screen that was there before.
const BACK: &str = "\x1b[?1049l";
/// To one of its own.
const TAKEN: &str = "\x1b[?1049h";

fn started() -> Terminal {
    let top = Terminal::start(&["top", "--every", "100ms"], &[]);
    top.shows("the table", |screen| screen.contains("eshmctl top"));
    assert!(top.is_raw() && !top.written().contains(BACK));
    top
}

#[test]
fn whatever_signal_ends_it() {
    for signal in [
        libc::SIGINT,
        libc::SIGTERM,
        libc::SIGHUP,
        libc::SIGQUIT,
        libc::SIGBUS,
        libc::SIGSEGV,
        libc::SIGABRT,
        libc::SIGFPE,
        libc::SIGALRM,
        libc::SIGUSR1,
        libc::SIGUSR2,
        libc::SIGRTMIN(),
        libc::SIGRTMIN() + 15,
        libc::SIGRTMAX(),
    ] {
        let mut top = started();
        top.signal(signal);
        let code = top.code();
        let asked = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP].contains(&signal);
        assert_eq!(code, asked.then_some(0), "signal {signal}");
        assert!(!top.is_raw() && top.written().contains(BACK), "signal {signal}");
    }
}

#[test]
fn while_it_is_stopped() {
    let mut top = Terminal::start_as_a_job(&["top", "--every", "100ms"]);
    top.shows("the table", |screen| screen.contains("eshmctl top"));
    for key in [false, true] {
        let (taken, back) =
            (top.written().matches(TAKEN).count(), top.written().matches(BACK).count());
        match key {
            true => top.press("\x1a"), // Ctrl-Z
            false => top.signal(libc::SIGTSTP),
        }
        until("it is stopped", || top.is_stopped());
        until("the shell has the terminal", || {
            let written = top.written();
            let paused = written.rfind("paused") > written.rfind(BACK);
            !top.is_raw() && paused && written.matches(BACK).count() > back
        });
        top.press("\n");
        until("it goes on", || top.is_raw() && top.written().matches(TAKEN).count() > taken);
        top.shows("the table anew", |screen| screen.contains("eshmctl top"));
    }
    top.press("q");
    until("it has ended", || !top.is_raw());
}
