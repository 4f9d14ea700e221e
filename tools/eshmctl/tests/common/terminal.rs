//! A pseudo-terminal with the program on it.

use super::PROGRAM;
use eshm_processes::until;
use std::{
    fs::File,
    io::{Read, Write},
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::process::CommandExt,
    },
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
};

/// One that runs on a pseudo-terminal of 24 lines, and of 80 columns by default.
pub struct Terminal {
    child: Child,
    /// Of the program, the child itself or the shell's.
    pid: u32,
    keys: File,
    screen: Arc<Mutex<vt100::Parser>>,
    output: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Terminal {
    pub fn start(args: &[&str], variables: &[(&str, &str)]) -> Terminal {
        Terminal::start_with_columns(80, args, variables)
    }

    /// Started by a shell that waits for it as for a job: once it is stopped, the shell takes the
    /// terminal back and says `paused`, and a line typed then brings it to the front again; twice.
    pub fn start_as_a_job(args: &[&str]) -> Terminal {
        let mut shell = Command::new("bash");
        // No loop: a shell leaves a loop in which a job is stopped.
        let script = "set -m; \"$0\" \"$@\"; echo paused; read -r; fg; echo paused; read -r; fg";
        shell.args(["-c", script, PROGRAM]);
        let mut terminal = Terminal::run(80, shell, args, &[]);
        let children = format!("/proc/{0}/task/{0}/children", terminal.pid);
        until("the shell has started it", || {
            let found = std::fs::read_to_string(&children).unwrap_or_default();
            found.trim().parse().is_ok_and(|pid| {
                terminal.pid = pid;
                true
            })
        });
        terminal
    }

    pub fn start_with_columns(columns: u16, args: &[&str], variables: &[(&str, &str)]) -> Terminal {
        Terminal::run(columns, Command::new(PROGRAM), args, variables)
    }

    fn run(
        columns: u16,
        mut command: Command,
        args: &[&str],
        variables: &[(&str, &str)],
    ) -> Terminal {
        let (mut ours, mut theirs) = (-1, -1);
        let size = libc::winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: two descriptors to fill in, and a size to read.
        let result = unsafe {
            libc::openpty(&mut ours, &mut theirs, std::ptr::null_mut(), std::ptr::null(), &size)
        };
        assert_eq!(result, 0);
        // SAFETY: new descriptors that nobody else owns.
        let (ours, theirs) = unsafe { (File::from_raw_fd(ours), OwnedFd::from_raw_fd(theirs)) };
        command
            .args(args)
            .env("TERM", "xterm-256color")
            .env("ESHM_LOG", "off")
            .env_remove("NO_COLOR");
        command.envs(variables.iter().copied());
        command.stdin(Stdio::from(theirs.try_clone().expect("a second descriptor")));
        command
            .stdout(Stdio::from(theirs.try_clone().expect("a third")))
            .stderr(Stdio::from(theirs));
        // SAFETY: between fork and exec only system calls: a session of its own, on this terminal,
        // so that Ctrl-C is a signal.
        unsafe {
            command.pre_exec(|| {
                libc::setsid();
                libc::ioctl(0, libc::TIOCSCTTY, 0);
                Ok(())
            })
        };
        super::end_by_signals(&mut command);
        let child = command.spawn().expect("start eshmctl");
        drop(command); // with it our copies of the terminal's other end
        let screen = Arc::new(Mutex::new(vt100::Parser::new(24, columns, 0)));
        let output = Arc::new(Mutex::new(Vec::new()));
        let (mut from, filled, all) =
            (ours.try_clone().expect("a second descriptor"), screen.clone(), output.clone());
        let reader = thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(got @ 1..) = from.read(&mut bytes) {
                filled.lock().expect("the screen").process(&bytes[..got]);
                all.lock().expect("the output").extend_from_slice(&bytes[..got]);
            }
        });
        Terminal { pid: child.id(), child, keys: ours, screen, output, reader: Some(reader) }
    }

    pub fn text(&self) -> String {
        self.screen.lock().expect("the screen").screen().contents()
    }

    /// Waits until the screen shows something.
    #[track_caller]
    pub fn shows(&self, what: &str, shown: impl Fn(&str) -> bool) {
        until(what, || shown(&self.text()));
    }

    /// All that it has written, as it wrote it: what has left the screen too, and each line in one.
    pub fn written(&self) -> String {
        String::from_utf8_lossy(&self.output.lock().expect("the output")).replace('\r', "")
    }

    /// Whether it has ever written this, be it on the screen still or not.
    pub fn has_written(&self, text: &str) -> bool {
        self.written().contains(text)
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("press keys");
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: i32) {
        // SAFETY: a child of ours, or of our shell, that has not been waited for.
        unsafe { libc::kill(self.pid as i32, signal) };
    }

    /// Whether a signal has stopped it.
    pub fn is_stopped(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid));
        stat.is_ok_and(|stat| stat.contains(") T "))
    }

    /// Whether it takes the terminal's keys one by one, without an echo.
    pub fn is_raw(&self) -> bool {
        // SAFETY: settings to fill in.
        unsafe {
            let mut settings = std::mem::zeroed::<libc::termios>();
            assert_eq!(libc::tcgetattr(self.keys.as_raw_fd(), &mut settings), 0);
            settings.c_lflag & (libc::ECHO | libc::ICANON) == 0
        }
    }

    /// Waits for its end and all its output.
    #[track_caller]
    pub fn code(&mut self) -> Option<i32> {
        until("it ends", || self.child.try_wait().expect("its state").is_some());
        if let Some(reader) = self.reader.take() {
            reader.join().expect("its output");
        }
        self.child.wait().expect("its end").code()
    }

    /// Whether it has set a foreground colour of the first eight (SGR 30 to 37, or 38;5;0 to
    /// 38;5;7).
    pub fn has_coloured(&self) -> bool {
        let output = String::from_utf8_lossy(&self.output.lock().expect("the output")).into_owned();
        output.split("\x1b[").skip(1).any(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(0);
            let colour = rest[..end].rsplit(';').next().and_then(|last| last.parse::<u32>().ok());
            rest[end..].starts_with('m')
                && match rest[..end].strip_prefix("38;5;") {
                    Some(_) => true,
                    None => colour.is_some_and(|colour| (30..38).contains(&colour)),
                }
        })
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
