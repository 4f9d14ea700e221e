//! The killer's end of a peer in a process of its own.

use crate::port::Opening;
use eshm_processes::tasks::{self, Resources};
use std::{
    env,
    fs::File,
    io::{BufRead, BufReader, Write},
    os::{
        fd::FromRawFd,
        unix::{fs::FileExt, process::CommandExt},
    },
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

/// Longest wait for an answer: it tells a hang from a busy machine, no more.
const HANG: Duration = Duration::from_secs(30);

/// Between the last word of a process and its end.
const SOON: Duration = Duration::from_secs(10);

/// A started peer; killed when dropped.
pub(crate) struct Process {
    child: Child,
    input: Option<ChildStdin>,
    answers: Receiver<String>,
    diagnostics: File,
    pub(crate) opening: Opening,
    pub(crate) author: u64,
    /// When its end was open, by the machine's monotonic clock.
    pub(crate) opened: u64,
    /// Its number here; another program may have started it.
    pid: u32,
    over: bool,
}

fn nameless_file() -> File {
    // SAFETY: a NUL-terminated name; the descriptor is ours alone.
    unsafe {
        let fd = libc::memfd_create(c"stderr".as_ptr(), libc::MFD_CLOEXEC);
        assert!(fd >= 0, "{}", std::io::Error::last_os_error());
        File::from_raw_fd(fd)
    }
}

/// This program, to be started in a pid namespace of its own if so many processes are to have been there before.
fn program(before: Option<u64>) -> Command {
    let own = env::current_exe().expect("this program's path");
    let Some(before) = before else { return Command::new(own) };
    // The shell is the first process there: it is not stopped or killed by signals from within.
    let script = format!("for n in $(seq {before}); do /bin/true; done; \"$0\" \"$@\"; exit $?");
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--kill-child=SIGKILL", "sh", "-c", &script]).arg(own);
    command
}

impl Process {
    /// Starts a peer and does not wait for anything. `plan` is where it is to die from its start on.
    pub(crate) fn launch(opening: &Opening, author: u64, threads: usize, plan: &str) -> Process {
        let diagnostics = nameless_file();
        let mut command = program(opening.apart);
        command.arg("peer").args([opening.kind.name(), &opening.role, &opening.name]);
        command.arg(format!("--author={author}")).arg(format!("--retry={}", opening.retry));
        command.arg(format!("--threads={threads}"));
        command.args(opening.poll.then_some("--poll")).args(opening.fresh.then_some("--fresh"));
        command.arg(format!("--capacity={}", opening.capacity)).args(opening.beside.then_some("--beside"));
        command.env("ESHM_FAILPOINTS", plan).env("ESHM_LOG", "info").stdin(Stdio::piped()).stdout(Stdio::piped());
        command.process_group(0); // a Ctrl-C is for the killer alone
        command.stderr(diagnostics.try_clone().expect("a second descriptor"));
        let mut child = command.spawn().expect("start a peer");
        let (sender, answers) = channel();
        let output = BufReader::new(child.stdout.take().expect("its output"));
        thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let (input, pid, opening) = (child.stdin.take(), child.id(), opening.clone());
        Process { child, input, answers, diagnostics, opening, author, opened: 0, pid, over: false }
    }

    /// Waits for its greeting: true if it is open, false if it died on the way.
    pub(crate) fn greeted(&mut self) -> Result<bool, String> {
        match self.answers.recv_timeout(HANG) {
            Ok(line) => {
                let opened = line.strip_prefix("ok ").and_then(|text| text.parse().ok());
                self.opened = opened.ok_or_else(|| format!("{} did not open: {line}", self.describe()))?;
                self.pid = tasks::innermost(self.pid);
                Ok(true)
            }
            Err(_) if self.dies_within(SOON) => Ok(false),
            Err(_) => Err(format!("{} hangs as it opens", self.describe())),
        }
    }

    /// A command and its answer; `None` if it is dead.
    pub(crate) fn try_ask(&mut self, command: &str) -> Option<String> {
        self.send(command)?;
        self.answers.recv_timeout(HANG).ok()
    }

    /// Sends a command; `None` if it is dead.
    pub(crate) fn send(&mut self, command: &str) -> Option<()> {
        writeln!(self.input.as_mut()?, "{command}").ok()
    }

    /// A command to one that is to live, and its answer.
    pub(crate) fn ask(&mut self, command: &str) -> Result<String, String> {
        match self.try_ask(command) {
            Some(answer) => Ok(answer),
            None if self.dies_within(SOON) => Err(format!("{} died unasked, at {command:?}", self.describe())),
            None => Err(format!("{} hangs at {command:?}", self.describe())),
        }
    }

    /// What its traffic has seen.
    pub(crate) fn status(&mut self) -> Result<String, String> {
        self.ask("status")
    }

    pub(crate) fn describe(&self) -> String {
        format!("the {} {} (pid {})", self.opening.kind.name(), self.opening.role, self.pid)
    }

    /// Whether it has ended; it is no zombie after that.
    pub(crate) fn has_died(&mut self) -> bool {
        self.over = self.over || !matches!(self.child.try_wait(), Ok(None));
        self.over
    }

    /// Waits up to `limit` for its end.
    pub(crate) fn dies_within(&mut self, limit: Duration) -> bool {
        let start = Instant::now();
        while !self.has_died() {
            if start.elapsed() >= limit {
                return false;
            }
            thread::sleep(Duration::from_micros(200));
        }
        true
    }

    /// Sends a signal.
    pub(crate) fn signal(&mut self, signal: i32) {
        if !self.has_died() {
            // SAFETY: our own child, not yet waited for.
            unsafe { libc::kill(self.pid as i32, signal) };
        }
    }

    /// SIGKILL, and waits for the end; false if it was over before.
    pub(crate) fn kill(&mut self) -> bool {
        if self.has_died() {
            return false;
        }
        self.signal(libc::SIGKILL);
        let _ = self.child.wait(); // it was running an instant ago
        self.over = true;
        true
    }

    /// Whether it died of SIGKILL.
    pub(crate) fn was_killed(&mut self) -> bool {
        use std::os::unix::process::ExitStatusExt;
        matches!(self.child.try_wait(), Ok(Some(status)) if status.signal() == Some(libc::SIGKILL))
    }

    pub(crate) fn resources(&self) -> Resources {
        tasks::resources(self.pid)
    }

    /// How many messages it found torn, and how many repeated: it says so at once, as it may not live to be asked.
    pub(crate) fn found_bad(&self) -> (u64, u64) {
        let size = self.diagnostics.metadata().map_or(0, |file| file.len() as usize);
        let mut text = vec![0; size];
        let read = self.diagnostics.read_at(&mut text, 0).unwrap_or(0);
        let text = String::from_utf8_lossy(&text[..read]);
        let count = |word: &str| text.lines().filter(|line| line.starts_with(word)).count() as u64;
        (count("torn:"), count("repeated:"))
    }

    /// The end of what it wrote to its standard error.
    pub(crate) fn log(&self) -> String {
        let size = self.diagnostics.metadata().map_or(0, |file| file.len());
        let from = size.saturating_sub(3000);
        let mut text = vec![0; (size - from) as usize];
        let read = self.diagnostics.read_at(&mut text, from).unwrap_or(0);
        String::from_utf8_lossy(&text[..read]).into_owned()
    }
}

/// The number after `key=` in an answer; 0 without.
pub(crate) fn value(answer: &str, key: &str) -> i64 {
    let found = answer.split_whitespace().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    found.and_then(|text| text.parse().ok()).unwrap_or(0)
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
