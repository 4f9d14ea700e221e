//! `top` on a pseudo-terminal of 80 columns and 24 lines, its screen captured.

mod common;

use common::{PROGRAM, ctl, scratch, start};
use eshm::Role;
use eshm_processes::{Name, open, until};
use std::{
    fs::{self, File},
    io::{Read, Write},
    os::fd::{FromRawFd, OwnedFd},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
};

/// `top` with its terminal.
struct Terminal {
    child: Child,
    keys: File,
    screen: Arc<Mutex<vt100::Parser>>,
}

impl Terminal {
    fn start() -> Terminal {
        let (mut ours, mut theirs) = (-1, -1);
        let size = libc::winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: two descriptors to fill in, and a size to read.
        let result = unsafe { libc::openpty(&mut ours, &mut theirs, std::ptr::null_mut(), std::ptr::null(), &size) };
        assert_eq!(result, 0);
        // SAFETY: new descriptors that nobody else owns.
        let (ours, theirs) = unsafe { (File::from_raw_fd(ours), OwnedFd::from_raw_fd(theirs)) };
        let mut command = Command::new(PROGRAM);
        command.args(["top", "--every", "100"]).env("TERM", "xterm-256color").env("ESHM_LOG", "off");
        command.stdin(Stdio::from(theirs.try_clone().expect("a second descriptor")));
        command.stdout(Stdio::from(theirs.try_clone().expect("a third"))).stderr(Stdio::from(theirs));
        let child = command.spawn().expect("start top");
        drop(command); // with it our copies of the terminal's other end
        let screen = Arc::new(Mutex::new(vt100::Parser::new(24, 80, 0)));
        let (mut output, filled) = (ours.try_clone().expect("a second descriptor"), screen.clone());
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(got @ 1..) = output.read(&mut bytes) {
                filled.lock().expect("the screen").process(&bytes[..got]);
            }
        });
        Terminal { child, keys: ours, screen }
    }

    fn text(&self) -> String {
        self.screen.lock().expect("the screen").screen().contents()
    }

    /// Waits until the screen shows something.
    #[track_caller]
    fn shows(&self, what: &str, shown: impl Fn(&str) -> bool) {
        until(what, || shown(&self.text()));
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("press keys");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The line of a segment.
fn line<'a>(screen: &'a str, name: &str) -> Option<&'a str> {
    let shown = &name[..name.len().min(14)];
    screen.lines().find(|line| line.starts_with(shown))
}

#[test]
fn it_shows_rates_freezes_and_opens_one() {
    let name = Name::from(format!("0top_{}", std::process::id())); // sorts first, whatever else is there
    let master = open(&name, Role::Master);
    let slave = start(&["recv", name.as_str(), "--as", "slave"]);
    let mut top = Terminal::start();
    let (stop, writer) = (Arc::new(Mutex::new(false)), master);
    let stopped = stop.clone();
    let writing = thread::spawn(move || {
        while !*stopped.lock().expect("a flag") {
            let _ = writer.write(b"value");
            thread::sleep(std::time::Duration::from_millis(1));
        }
    });
    top.shows("the heading", |screen| screen.contains("MASTER") && screen.contains("MISSED/s"));
    top.shows("both pids and a rate", |screen| {
        line(screen, name.as_str()).is_some_and(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            fields.get(1) == Some(&std::process::id().to_string().as_str())
                && fields.get(2) == Some(&slave.pid().to_string().as_str())
                && fields.get(3).and_then(|rate| rate.parse::<u32>().ok()) > Some(0)
        })
    });
    assert!(top.text().lines().all(|line| line.chars().count() <= 80));
    top.press("f");
    top.shows("it is frozen", |screen| screen.contains("FROZEN"));
    top.press("f");
    top.shows("it moves again", |screen| !screen.contains("FROZEN"));
    top.press("r");
    top.shows("another order", |screen| screen.contains("by rate"));
    top.press("n");
    top.shows("by name", |screen| screen.contains("by name"));
    top.press("k\r");
    top.shows("one is open", |screen| screen.contains("master to slave") && screen.contains("heartbeats a second"));
    top.shows("the right one", |screen| screen.contains(name.as_str()) && screen.contains("recv"));
    top.press("q");
    until("it ends", || top.child.try_wait().expect("its state").is_some());
    assert!(top.child.wait().expect("its end").success());
    *stop.lock().expect("a flag") = true;
    writing.join().expect("the writer");
}

#[test]
fn without_a_terminal_it_says_so_and_draws_a_picture_if_asked() {
    let done = ctl(&["top"]);
    assert!(done.code == Some(1) && done.err.contains("needs a terminal"), "{}", done.err);
    let name = Name::new();
    let _master = open(&name, Role::Master);
    let file = scratch(&name, "svg");
    assert_eq!(ctl(&["top", "--svg", file.to_str().expect("text"), "--every", "100"]).code, Some(0));
    let svg = fs::read_to_string(&file).expect("the picture");
    assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
    fs::remove_file(&file).expect("remove it");
}
