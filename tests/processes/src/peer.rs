//! A peer in a process of its own, driven over its standard input and output.

use crate::{Name, tasks, until, wait::HANG};
use std::{
    env,
    fmt::Display,
    fs::File,
    io::{BufRead, BufReader, Write},
    os::{
        fd::FromRawFd,
        unix::{fs::FileExt, process::ExitStatusExt},
    },
    path::PathBuf,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::Duration,
};

/// A running peer; killed on drop.
#[derive(Debug)]
pub struct Peer {
    child: Child,
    input: Option<ChildStdin>,
    answers: Receiver<String>,
    diagnostics: File,
    /// Its own number, where another program that started it is our child.
    pub(crate) inner: Option<u32>,
    /// The line it greeted with.
    pub greeting: String,
}

/// The `peer` program, which cargo builds next to the tests.
pub(crate) fn program() -> PathBuf {
    let test = env::current_exe().expect("the path of this test");
    let folder = test.parent().and_then(|deps| deps.parent()).expect("target/PROFILE/deps/TEST");
    folder.join("peer")
}

/// A file without a name, for another process's standard error.
fn nameless_file() -> File {
    // SAFETY: a NUL-terminated name; the descriptor is ours alone.
    unsafe {
        let fd = libc::memfd_create(c"stderr".as_ptr(), libc::MFD_CLOEXEC);
        assert!(fd >= 0);
        File::from_raw_fd(fd)
    }
}

impl Peer {
    /// Starts a peer of either kind, whatever comes of it; its first line is [`Peer::greeting`].
    ///
    /// It dies with the calling thread: that is the parent that Linux watches.
    #[track_caller]
    pub fn start(kind: &str, role: &str, name: &Name, options: &[&str], log: &str) -> Peer {
        let mut peer = Peer::launch(kind, role, name, options, log);
        peer.greeting = peer.answer();
        peer
    }

    /// Several peers of ours that start at the same moment.
    #[track_caller]
    pub fn race<const N: usize>(role: &str, name: &Name) -> [Peer; N] {
        let peers = [(); N].map(|()| Peer::launch("ours", role, name, &["--later"], "warn"));
        let greeted = peers.map(|mut peer| {
            assert_eq!(peer.answer(), "waiting");
            peer.send("go");
            peer
        });
        greeted.map(|mut peer| {
            peer.greeting = peer.answer();
            peer.ready()
        })
    }

    fn launch(kind: &str, role: &str, name: &Name, options: &[&str], log: &str) -> Peer {
        Peer::spawn(Command::new(program()), kind, role, name, options, log)
    }

    pub(crate) fn spawn(mut command: Command, kind: &str, role: &str, name: &Name, options: &[&str], log: &str) -> Peer {
        let diagnostics = nameless_file();
        let mut child = command
            .args([kind, role, name.as_str()])
            .args(options)
            .env("ESHM_LOG", log)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(diagnostics.try_clone().expect("a second descriptor"))
            .spawn()
            .expect("start the peer program");
        let (sender, answers) = channel();
        let output = BufReader::new(child.stdout.take().expect("its output"));
        thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let input = child.stdin.take();
        Peer { child, input, answers, diagnostics, inner: None, greeting: String::new() }
    }

    /// A peer on our library, with builder options such as `--threshold=2000`.
    #[track_caller]
    pub fn ours(role: &str, name: &Name, options: &[&str]) -> Peer {
        Peer::start("ours", role, name, options, "warn").ready()
    }

    /// A peer as the released libraries are, by raw bytes.
    #[track_caller]
    pub fn released(role: &str, name: &Name, options: &[&str]) -> Peer {
        Peer::start("released", role, name, options, "warn").ready()
    }

    /// A peer on our library that is to die or to stop by a plan of failpoints, whatever comes of it.
    #[track_caller]
    pub fn planned(role: &str, name: &Name, options: &[&str], plan: &str) -> Peer {
        let mut command = Command::new(program());
        command.env("ESHM_FAILPOINTS", plan);
        Peer::spawn(command, "ours", role, name, options, "warn")
    }

    /// Somebody who may only read the segment's file, with locks on it: see `reader` in the peer program.
    #[track_caller]
    pub fn reader(name: &Name, options: &[&str]) -> Peer {
        Peer::start("reader", "-", name, options, "off").ready()
    }

    /// Waits for the greeting of a peer that was started without.
    #[track_caller]
    pub fn greeted(mut self) -> Peer {
        self.greeting = self.answer();
        self.ready()
    }

    #[track_caller]
    fn ready(self) -> Peer {
        assert!(self.greeting.starts_with("ok"), "{}\n{}", self.greeting, self.log());
        self
    }

    /// Its process, by its number in this pid namespace.
    pub fn pid(&self) -> u32 {
        self.inner.unwrap_or(self.child.id())
    }

    /// Sends a command and does not wait for its answer.
    #[track_caller]
    pub fn send(&mut self, command: impl Display) {
        let input = self.input.as_mut().expect("its input is open");
        writeln!(input, "{command}").expect("the peer listens");
    }

    /// The next answer.
    #[track_caller]
    pub fn answer(&self) -> String {
        match self.answers.recv_timeout(HANG) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => panic!("the peer hangs\n{}", self.log()),
            Err(RecvTimeoutError::Disconnected) => panic!("the peer died\n{}", self.log()),
        }
    }

    /// The next answer, if it comes in time and the peer lives.
    pub fn answer_within(&self, limit: Duration) -> Option<String> {
        self.answers.recv_timeout(limit).ok()
    }

    /// Whether it has ended, by SIGKILL.
    #[track_caller]
    pub fn was_killed(&mut self) -> bool {
        let status = self.wait();
        // A shell between us and it tells by its exit code.
        status.signal() == Some(libc::SIGKILL) || status.code() == Some(128 + libc::SIGKILL)
    }

    /// Whether an answer has come.
    pub fn answered(&self) -> Option<String> {
        self.answers.try_recv().ok()
    }

    /// A command and its answer.
    #[track_caller]
    pub fn ask(&mut self, command: impl Display) -> String {
        self.send(command);
        self.answer()
    }

    /// A command that is to answer `ok`, and what follows that.
    #[track_caller]
    pub fn ok(&mut self, command: impl Display) -> String {
        let command = command.to_string();
        let answer = self.ask(&command);
        answer.strip_prefix("ok").unwrap_or_else(|| panic!("{command}: {answer}")).trim().to_owned()
    }

    /// The number after `key=` in what a command answers with.
    #[track_caller]
    pub fn number(&mut self, command: &str, key: &str) -> u64 {
        let answer = self.ok(command);
        let found = answer.split_whitespace().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
        found.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no {key} in {answer:?}"))
    }

    /// Writes a text, successfully.
    #[track_caller]
    pub fn write(&mut self, text: &str) {
        self.ok(format_args!("write {text}"));
    }

    /// Reads a text, or gives the error's code.
    #[track_caller]
    pub fn read(&mut self, timeout_ms: u64) -> Result<String, i32> {
        outcome(&self.ask(format_args!("read {timeout_ms}")))
    }

    /// The code of what a command answers with; 0 for `ok`.
    #[track_caller]
    pub fn code(&mut self, command: &str) -> i32 {
        outcome(&self.ask(command)).err().unwrap_or(0)
    }

    /// Whether it says that its remote is alive.
    #[track_caller]
    pub fn alive(&mut self) -> bool {
        self.ok("alive") == "true"
    }

    /// What it wrote to its standard error so far.
    pub fn log(&self) -> String {
        let size = self.diagnostics.metadata().map_or(0, |file| file.len() as usize);
        let mut text = vec![0; size];
        let read = self.diagnostics.read_at(&mut text, 0).unwrap_or(0);
        String::from_utf8_lossy(&text[..read]).into_owned()
    }

    /// How many lines with `text` it wrote.
    pub fn lines_with(&self, text: &str) -> usize {
        self.log().lines().filter(|line| line.contains(text)).count()
    }

    fn signal(&self, signal: i32) {
        // SAFETY: our own child, not yet waited for.
        unsafe { libc::kill(self.pid() as i32, signal) };
    }

    /// `kill -9`, and waits for the end. What it inherited to children stays open.
    pub fn kill(&mut self) {
        self.signal(libc::SIGKILL);
        self.child.wait().expect("wait for the peer");
    }

    /// `kill -9`, and leaves it a zombie.
    pub fn kill_unreaped(&self) {
        self.signal(libc::SIGKILL);
        // Its first thread may be the first to end.
        until("the peer is a zombie", || {
            tasks::state(self.pid()) == Some('Z') && tasks::other_threads(self.pid()).is_empty()
        });
    }

    /// Stops it, as a debugger or a suspended machine does.
    pub fn stop(&self) {
        self.signal(libc::SIGSTOP);
        until("the peer is stopped", || tasks::is_stopped(self.pid()));
    }

    /// Sends it a stop without waiting for the effect.
    pub fn stop_soon(&self) {
        self.signal(libc::SIGSTOP);
    }

    /// Lets it run on.
    pub fn resume(&self) {
        self.signal(libc::SIGCONT);
    }

    /// Ends it cleanly.
    #[track_caller]
    pub fn leave(&mut self) {
        self.ok("leave");
        self.wait();
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        until("the peer has ended", || {
            status = self.child.try_wait().expect("wait for the peer");
            status.is_some()
        });
        status.expect("it has ended")
    }

    /// Fails if it was ended by a signal.
    #[track_caller]
    pub fn assert_alive(&mut self) {
        if let Some(status) = self.child.try_wait().expect("ask for the peer") {
            panic!("the peer ended: {status}, signal {:?}\n{}", status.signal(), self.log());
        }
    }
}

/// `data TEXT` or `error CODE`, as a result.
#[track_caller]
pub fn outcome(answer: &str) -> Result<String, i32> {
    match answer.split_once(' ') {
        _ if answer == "data" => Ok(String::new()),
        Some(("data", text)) => Ok(text.to_owned()),
        Some(("error", rest)) => {
            let code = rest.split_whitespace().next().and_then(|code| code.parse().ok());
            Err(code.unwrap_or_else(|| panic!("{answer}")))
        }
        Some(("ok", text)) => Ok(text.to_owned()),
        None if answer == "ok" => Ok(String::new()),
        _ => panic!("{answer}"),
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.signal_if_running();
    }
}

impl Peer {
    fn signal_if_running(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill(); // it may just have ended
            let _ = self.child.wait();
        }
    }
}
