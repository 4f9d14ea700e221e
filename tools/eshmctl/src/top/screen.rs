//! The terminal while `top` has it. It is given back on every way out: the end, an error, a panic, a
//! signal that ends or stops the process.

use crate::stop;
use ratatui::DefaultTerminal;
use std::{
    io,
    mem::zeroed,
    ptr,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

/// Its settings before, and while `top` has it.
static BEFORE: OnceLock<libc::termios> = OnceLock::new();
static OURS: OnceLock<libc::termios> = OnceLock::new();
/// It is to be given back.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// It was given back and taken again: all is to be drawn anew.
static RESUMED: AtomicBool = AtomicBool::new(false);

/// To the screen that was there before, with a cursor; and to another one, without.
const BACK: &[u8] = b"\x1b[?1049l\x1b[?25h";
const ANOTHER: &[u8] = b"\x1b[?1049h\x1b[?25l";

/// Signals that end a process unless it handles them, as those for real time do, but for those that ask `top` to end, SIGBUS
/// (see `fault`), SIGPIPE (ignored), and SIGKILL.
const FATAL: [libc::c_int; 17] = [
    libc::SIGQUIT,
    libc::SIGABRT,
    libc::SIGSEGV,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGSYS,
    libc::SIGALRM,
    libc::SIGVTALRM,
    libc::SIGPROF,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGXCPU,
    libc::SIGXFSZ,
    libc::SIGIO,
    libc::SIGPWR,
    libc::SIGSTKFLT,
];
/// Those that ask it to.
const ASKING: [libc::c_int; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];

/// The terminal; given back when dropped.
pub struct Screen(pub DefaultTerminal);

impl Screen {
    /// Takes it.
    pub fn take() -> io::Result<Screen> {
        let before = settings();
        let terminal = ratatui::try_init()?;
        if let (Some(before), Some(ours)) = (before, settings()) {
            let _ = (BEFORE.set(before), OURS.set(ours)); // once a process
        }
        TAKEN.store(true, Ordering::Relaxed); // for handlers alone
        let fatal = FATAL.into_iter().chain(libc::SIGRTMIN()..=libc::SIGRTMAX());
        fatal.for_each(|signal| handle(signal, end_by));
        ASKING.into_iter().for_each(|signal| handle(signal, asked_by));
        handle(libc::SIGTSTP, pause_by);
        Ok(Screen(terminal))
    }

    /// Whether all is to be drawn anew, as the terminal was somebody else's meanwhile.
    pub fn has_resumed(&self) -> bool {
        RESUMED.swap(false, Ordering::Relaxed) // a flag alone
    }

    /// The same, asked only.
    pub fn resumes(&self) -> bool {
        RESUMED.load(Ordering::Relaxed) // a flag alone
    }

    /// Stops this process as Ctrl-Z does where `top` does not take the keys.
    pub fn pause(&self) {
        // SAFETY: a signal for this process, whose handler is above.
        unsafe { libc::raise(libc::SIGTSTP) };
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
        TAKEN.store(false, Ordering::Relaxed); // for handlers alone
    }
}

/// Gives the terminal back, if it was taken: for handlers, by system calls alone.
pub fn leave() {
    if TAKEN.swap(false, Ordering::Relaxed) {
        put(BACK, &BEFORE);
    }
}

fn put(screen: &[u8], settings: &OnceLock<libc::termios>) {
    // SAFETY: bytes and settings that live over the calls.
    unsafe {
        libc::write(libc::STDOUT_FILENO, screen.as_ptr().cast(), screen.len());
        if let Some(settings) = settings.get() {
            libc::tcsetattr(libc::STDOUT_FILENO, libc::TCSANOW, settings);
        }
    }
}

fn settings() -> Option<libc::termios> {
    // SAFETY: plain numbers, filled in by the call.
    unsafe {
        let mut settings = zeroed();
        (libc::tcgetattr(libc::STDOUT_FILENO, &mut settings) == 0).then_some(settings)
    }
}

/// Has a signal handled, unless this process was started so that it ignores it.
fn handle(signal: libc::c_int, handler: extern "C" fn(libc::c_int)) {
    // SAFETY: valid actions; the handlers make system calls alone, and touch atomics.
    unsafe {
        let mut before: libc::sigaction = zeroed();
        libc::sigaction(signal, ptr::null(), &mut before);
        if before.sa_sigaction != libc::SIG_IGN {
            let mut action: libc::sigaction = zeroed();
            action.sa_sigaction = handler as libc::sighandler_t;
            // Not deferred: a handler raises its own signal anew.
            action.sa_flags = libc::SA_ONSTACK | libc::SA_NODEFER;
            libc::sigaction(signal, &action, ptr::null_mut());
        }
    }
}

/// The signal's own doing.
fn raise_as_ever(signal: libc::c_int) {
    // SAFETY: one signal's disposition, then that signal.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}

extern "C" fn end_by(signal: libc::c_int) {
    leave();
    raise_as_ever(signal);
}

/// The first one is a wish; a second one ends at once.
extern "C" fn asked_by(signal: libc::c_int) {
    if stop::asked() {
        end_by(signal);
    }
    stop::ask();
}

extern "C" fn pause_by(signal: libc::c_int) {
    leave();
    raise_as_ever(signal); // returns once it is continued
    handle(signal, pause_by);
    put(ANOTHER, &OURS);
    TAKEN.store(true, Ordering::Relaxed); // for handlers alone
    RESUMED.store(true, Ordering::Relaxed); // a flag alone
}
