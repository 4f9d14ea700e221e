//! The program under test as a process.
#![allow(dead_code, reason = "each test file uses its part")]

pub mod terminal;

use eshm_processes::{Name, Raw, until};
use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Read, pipe},
    os::unix::process::CommandExt,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
};

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_eshmctl");

/// How a run ended.
#[derive(Debug)]
pub struct Done {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

fn command(args: &[impl AsRef<OsStr>]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(args).env("ESHM_LOG", "off").env_remove("NO_COLOR").stdin(Stdio::null());
    end_by_signals(&mut command);
    command
}

/// Has it end by these also where the tests themselves ignore them: nohup(1), a shell's background.
pub fn end_by_signals(command: &mut Command) {
    // SAFETY: between fork and exec only a system call.
    unsafe {
        command.pre_exec(|| {
            for signal in [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT] {
                libc::signal(signal, libc::SIG_DFL);
            }
            Ok(())
        })
    };
}

/// Runs it to its end.
pub fn ctl(args: &[impl AsRef<OsStr>]) -> Done {
    done(&mut command(args))
}

/// The same, with all that the library says.
pub fn ctl_loud(args: &[impl AsRef<OsStr>]) -> Done {
    done(command(args).env("ESHM_LOG", "debug"))
}

/// The same, without what root may do in spite of a file's mode.
pub fn ctl_bound_by_modes(args: &[&str]) -> Done {
    let mut command = command(args);
    bind_by_modes(&mut command);
    done(&mut command)
}

/// The same, by a shell that has run `script`, and killed where it does not end: its code is 137
/// then. Longer than anything takes that ends.
pub fn ctl_in_time_by(script: &str, args: &[impl AsRef<OsStr>]) -> Done {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{script} exec timeout -s KILL 60 \"$0\" \"$@\"")).arg(PROGRAM);
    command.args(args).env("ESHM_LOG", "off").env_remove("NO_COLOR").stdin(Stdio::null());
    done(&mut command)
}

/// The same without a script.
pub fn ctl_in_time(args: &[impl AsRef<OsStr>]) -> Done {
    ctl_in_time_by("", args)
}

/// The same as `ctl_bound_by_modes`, after `script`, a shell's, has arranged mounts that it alone sees. `None`,
/// said aloud, where that is not permitted.
pub fn ctl_with_mounts(script: &str, args: &[&str]) -> Option<Done> {
    const UNSHARE: [&str; 4] = ["--mount", "--propagation=private", "sh", "-c"];
    let permitted =
        Command::new("unshare").args(UNSHARE).arg("mount -t tmpfs none /dev/shm").output();
    if !permitted.is_ok_and(|tried| tried.status.success()) {
        eshm_processes::sandbox::skipped("another /dev/shm: mounts of its own are not permitted");
        return None;
    }
    let script = format!("{{ {script}; }} && exec \"$0\" \"$@\"");
    let mut command = Command::new("unshare");
    command
        .args(UNSHARE)
        .arg(script)
        .arg(PROGRAM)
        .args(args)
        .env("ESHM_LOG", "off")
        .stdin(Stdio::null());
    bind_by_modes(&mut command);
    Some(done(&mut command))
}

/// Takes from the program to be started what root may do in spite of a file's mode
/// (capabilities(7)).
fn bind_by_modes(command: &mut Command) {
    const OVERRIDES: [libc::c_ulong; 2] = [1, 2]; // CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    // SAFETY: between fork and exec only system calls; whoever may not make these has nothing to
    // lose.
    unsafe {
        command.pre_exec(|| {
            for capability in OVERRIDES {
                libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0);
            }
            Ok(())
        })
    };
}

fn done(command: &mut Command) -> Done {
    let output = command.output().expect("run eshmctl");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Done { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// Runs it to its end with this as its standard output.
pub fn ctl_writing_to(args: &[&str], output: Stdio) -> std::process::Output {
    command(args)
        .stdout(output)
        .stderr(Stdio::piped())
        .spawn()
        .and_then(Child::wait_with_output)
        .expect("run eshmctl")
}

/// One that runs until it is dropped.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
}

/// Starts it.
pub fn start(args: &[&str]) -> Running {
    started(command(args), false)
}

/// Starts it, with what it says on standard error among its lines.
pub fn start_with_errors(args: &[&str]) -> Running {
    started(command(args), true)
}

/// Starts it by a shell that has run `script`.
pub fn start_by(script: &str, args: &[&str]) -> Running {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{script}; exec \"$0\" \"$@\"")).arg(PROGRAM).args(args);
    command.env("ESHM_LOG", "off").stdin(Stdio::null());
    started(command, false)
}

/// Starts it with a standard input that stays open until it is dropped.
pub fn start_with_input(args: &[&str]) -> (Running, ChildStdin) {
    started_with_input(args, false)
}

/// The same, with what it says on standard error among its lines.
pub fn start_with_input_and_errors(args: &[&str]) -> (Running, ChildStdin) {
    started_with_input(args, true)
}

fn started_with_input(args: &[&str], errors: bool) -> (Running, ChildStdin) {
    let mut command = command(args);
    command.stdin(Stdio::piped());
    let mut running = started(command, errors);
    let input = running.child.stdin.take().expect("its input");
    (running, input)
}

fn started(mut command: Command, errors: bool) -> Running {
    let (ours, theirs) = pipe().expect("a pipe");
    command.stderr(if errors {
        theirs.try_clone().expect("its other end").into()
    } else {
        Stdio::null()
    });
    let child = command.stdout(theirs).spawn().expect("start eshmctl");
    drop(command); // with it our copies of the pipe's other end
    let (sender, lines) = channel();
    let out = BufReader::new(ours);
    thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    Running { child, lines }
}

impl Running {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it sleeps between two looks: it has its signals in hand, and the kernel says so.
    #[track_caller]
    pub fn until_it_looks(&self) {
        until("it looks", || {
            let status =
                std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
            let field = |name: &str| {
                status
                    .lines()
                    .find_map(|line| line.strip_prefix(name))
                    .unwrap_or("")
                    .trim()
                    .to_owned()
            };
            let handled = u64::from_str_radix(&field("SigCgt:"), 16).unwrap_or(0);
            handled >> (libc::SIGINT - 1) & 1 == 1 && field("State:").starts_with('S')
        });
    }

    /// Its next line.
    #[track_caller]
    pub fn line(&mut self) -> String {
        self.lines.recv_timeout(eshm_processes::ms(20_000)).expect("a line in time")
    }

    /// The rest of its lines, once it has ended by itself.
    pub fn rest(&mut self) -> String {
        self.end_code();
        self.lines.iter().collect::<Vec<_>>().join("\n")
    }

    /// Its next line, if there is one already.
    pub fn try_line(&mut self) -> Option<String> {
        self.lines.try_recv().ok()
    }

    /// Kills it; nothing is cleaned up.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits for it to end by itself; its code.
    pub fn end_code(&mut self) -> Option<i32> {
        until("it ends", || self.child.try_wait().expect("its state").is_some());
        self.child.wait().expect("its end").code()
    }

    /// Asks it to end, and waits; its code and the rest of its lines.
    #[track_caller]
    pub fn end(self) -> (Option<i32>, Vec<String>) {
        self.end_by(libc::SIGINT)
    }

    /// The same, by this signal.
    #[track_caller]
    pub fn end_by(mut self, signal: i32) -> (Option<i32>, Vec<String>) {
        // SAFETY: a child of ours that has not been waited for.
        unsafe { libc::kill(self.child.id() as i32, signal) };
        let code = self.end_code();
        (code, self.lines.iter().collect())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs it with this on its standard input.
pub fn ctl_with_input(args: &[&str], input: &str) -> Done {
    use std::io::Write;
    let mut child = command(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("start eshmctl");
    child.stdin.take().expect("its input").write_all(input.as_bytes()).expect("write its input");
    let (mut out, mut err) = (String::new(), String::new());
    child.stdout.take().expect("its output").read_to_string(&mut out).expect("text");
    child.stderr.take().expect("its errors").read_to_string(&mut err).expect("text");
    Done { code: child.wait().expect("its end").code(), out, err }
}

/// JSON that a run printed.
#[track_caller]
pub fn json(done: &Done) -> serde_json::Value {
    serde_json::from_str(&done.out)
        .unwrap_or_else(|error| panic!("{error}: {}\n{}", done.out, done.err))
}

/// A segment whose two ends were killed.
pub fn orphan(name: &eshm_processes::Name) {
    let mut master = start(&["recv", name.as_str(), "--as", "master"]);
    until("the master is there", || name.exists());
    let mut slave = start(&["recv", name.as_str(), "--as", "slave"]);
    until("the slave is there", || name.raw().get("slave_alive") == 1);
    master.kill();
    slave.kill();
}

/// A path for a file of this test alone.
pub fn scratch(name: &eshm_processes::Name, what: impl AsRef<OsStr>) -> std::path::PathBuf {
    let mut file = std::ffi::OsString::from(name.as_str());
    file.push(".");
    file.push(what.as_ref());
    std::env::temp_dir().join(file)
}

/// A recording of one value, `recorded`, in a file.
pub fn recording() -> String {
    let name = eshm_processes::Name::new();
    let file = scratch(&name, "cap").to_str().expect("text").to_owned();
    let mut record = start_with_errors(&["record", name.as_str(), "-o", &file, "--count", "1"]);
    assert!(record.line().contains("waiting for it"));
    let master = eshm_processes::open(&name, eshm::Role::Master);
    master.write(b"recorded").expect("written");
    assert_eq!(record.end_code(), Some(0));
    file
}

/// The largest threshold there is: 49 days.
pub const ENDLESS: u64 = u32::MAX as u64;

/// The id of a process that has ended.
pub fn dead_pid() -> u32 {
    let mut child = Command::new("true").spawn().expect("start true");
    child.wait().expect("its end");
    child.id()
}

/// One whose both sides are there by their flags, and never beat.
pub fn silent(name: &Name, threshold: u64, capacity: usize, pid: u32) -> Raw {
    let raw = Raw::stamped(name, 3, capacity);
    raw.set("stale_threshold", threshold);
    ["master", "slave"].into_iter().for_each(|side| raw.occupy(side, pid));
    raw
}
