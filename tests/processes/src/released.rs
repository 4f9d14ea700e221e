//! A peer that behaves as the released libraries do, by raw bytes, and wrong on request.
//!
//! ```text
//! write TEXT | half-write TEXT   half: all but the last step, the sequence stays odd
//! die-mid-write TEXT             the same, and dies
//! read MS                        data TEXT | error -10
//! write-bytes COUNT BYTE         so many of that one
//! half-write-bytes COUNT BYTE
//! read-bytes MS                  of such a message: ok count=N byte=N | mixed | error -10
//! park MS                        protocol 3: one park on the futex: ok woken=0|1
//! get FIELD | set FIELD VALUE    header fields, and m2s.FIELD, s2m.FIELD
//! beat on|off                    the heartbeat of a millisecond
//! signal on|off                  whether writes signal (as protocol 3 does, and 2 does not)
//! flood MS SIZE | drain MS       as in `ours`
//! finish                         a file made with --until is completed
//! reattach                       opens the name again, as at start
//! follow                         the same, but remembers the count last read, as 1.0 does
//! leave                          alive flag to 0, and a master unlinks
//! die                            exit, leaving everything
//! ```
//!
//! A master creates; with `--takeover` it uses the segment that is there, and with `--replace` it unlinks it first.

use crate::{answer, die, options::Options, released_io::Channel, serve};
use eshm_processes::{
    Name, Raw, THRESHOLD,
    raw::{MAGIC, total_size},
};
use std::{
    fs::OpenOptions,
    mem::ManuallyDrop,
    process,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

/// What a released peer is told at its start, and what its threads share.
struct Peer {
    name: ManuallyDrop<Name>,
    master: bool,
    protocol: u64,
    capacity: usize,
    threshold: u64,
    /// Held over each beat, so that nothing beats after `leave` has taken it.
    segment: Mutex<Option<Arc<Raw>>>,
    beating: AtomicBool,
}

/// How far a creator goes before it waits for `finish`.
#[derive(PartialEq, PartialOrd)]
enum Stage {
    Open,
    Size,
    Magic,
    Version,
    Done,
}

impl Peer {
    fn side(&self) -> &'static str {
        if self.master { "master" } else { "slave" }
    }

    fn own(&self, field: &str) -> String {
        format!("{}_{field}", self.side())
    }

    /// Creates the file, up to a stage: truncated first, the magic before the rest.
    fn create(&self, until: &Stage) -> Option<Arc<Raw>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(self.name.path()).expect("create the file");
        if *until < Stage::Size {
            return None;
        }
        file.set_len(total_size(self.capacity) as u64).expect("set its size");
        let raw = Arc::new(Raw::map(file, self.capacity).expect("map it"));
        if *until >= Stage::Magic {
            raw.set("magic", MAGIC);
            for offset in 4..raw.size() {
                raw.set_byte(offset, 0);
            }
        }
        if *until >= Stage::Version {
            raw.set("version", self.protocol);
        }
        if *until >= Stage::Done {
            if self.protocol == 3 {
                raw.set("features", 1);
                raw.set("layout_size", raw.size() as u64);
            }
            raw.set("stale_threshold", self.threshold);
        }
        Some(raw)
    }

    /// Opens what is there. Protocol 2 looks at nothing; protocol 3 refuses what is not its own layout.
    fn attach(&self) -> Result<Arc<Raw>, String> {
        let raw = Raw::open(&self.name, self.capacity).map_err(|error| error.to_string())?;
        if raw.get("magic") != MAGIC {
            return Err("magic".to_owned());
        }
        if self.protocol == 3 && (raw.get("version") != 3 || raw.get("layout_size") != raw.size() as u64) {
            return Err(format!("version {} layout {}", raw.get("version"), raw.get("layout_size")));
        }
        Ok(Arc::new(raw))
    }

    /// Takes the side.
    fn settle(&self, raw: &Arc<Raw>) {
        if self.master {
            raw.add("master_generation", 1);
        }
        raw.set(&self.own("heartbeat"), 0);
        raw.set(&self.own("pid"), process::id().into());
        raw.set(&self.own("alive"), 1);
        *self.segment.lock().expect("no panic") = Some(raw.clone());
    }

    fn beat_for_ever(&self) {
        let field = self.own("heartbeat");
        loop {
            thread::sleep(Duration::from_millis(1));
            if let Some(raw) = self.segment.lock().expect("no panic").as_ref().filter(|_| self.beating.load(SeqCst)) {
                raw.add(&field, 1);
            }
        }
    }

    fn leave(&self) -> ! {
        let mut segment = self.segment.lock().expect("no panic");
        if let Some(raw) = segment.take() {
            raw.set(&self.own("alive"), 0);
        }
        if self.master {
            self.name.remove();
        }
        answer("ok");
        die()
    }

    fn channels(&self, raw: &Arc<Raw>) -> (Channel, Channel) {
        let (out, inn) = if self.master { ("m2s", "s2m") } else { ("s2m", "m2s") };
        (Channel::new(raw, out, self.protocol == 3), Channel::new(raw, inn, self.protocol == 3))
    }
}

fn stage(options: &Options) -> Stage {
    match options.get("until") {
        Some("open") => Stage::Open,
        Some("size") => Stage::Size,
        Some("magic") => Stage::Magic,
        Some("version") => Stage::Version,
        None => Stage::Done,
        Some(other) => panic!("no stage {other:?}"),
    }
}

/// Runs until its input ends or it is told to leave.
pub(crate) fn run(role: &str, name: &str, options: &Options) -> ! {
    let peer: &Peer = Box::leak(Box::new(Peer {
        // Leaving the file is the test's business.
        name: ManuallyDrop::new(Name::from(name.to_owned())),
        master: role == "master",
        protocol: options.number("protocol").unwrap_or(2),
        capacity: options.number("capacity").unwrap_or(4096) as usize,
        threshold: options.number("threshold").unwrap_or(THRESHOLD),
        segment: Mutex::new(None),
        beating: AtomicBool::new(!options.has("no-heartbeat")),
    }));
    let creates = peer.master && !options.has("takeover");
    if creates && options.has("replace") {
        peer.name.remove();
    }
    let mut raw = if creates {
        peer.create(&stage(options)).filter(|_| stage(options) == Stage::Done)
    } else {
        Some(peer.attach().unwrap_or_else(|error| {
            answer(&format!("error -3 {error}"));
            process::exit(1)
        }))
    };
    if let Some(raw) = &raw {
        peer.settle(raw);
    }
    let mut channels = raw.as_ref().map(|raw| peer.channels(raw));
    thread::spawn(|| peer.beat_for_ever());
    answer("ok");
    serve(|verb, rest| {
        match verb {
            "finish" | "reattach" | "follow" => {
                let result = if verb == "finish" { Ok(peer.create(&Stage::Done)) } else { peer.attach().map(Some) };
                let Ok(new) = result else { return Some("error -3".to_owned()) };
                raw = new;
                let new = raw.as_ref().expect("a segment");
                peer.settle(new);
                let remembered = channels.take().and_then(|(_, inn)| inn.seen).filter(|_| verb == "follow");
                let (out, mut inn) = peer.channels(new);
                inn.seen = remembered;
                channels = Some((out, inn));
                return Some("ok".to_owned());
            }
            "leave" => peer.leave(),
            "die" => return None,
            _ => {}
        }
        let (raw, (out, inn)) = (raw.as_ref().expect("a segment"), channels.as_mut().expect("a segment"));
        let (first, second) = rest.split_once(' ').unwrap_or((rest, ""));
        Some(match verb {
            "write" => out.write(rest.as_bytes()),
            "half-write" => out.half_write(rest.as_bytes()),
            "die-mid-write" => {
                out.half_write(rest.as_bytes());
                return None;
            }
            "write-bytes" | "half-write-bytes" => {
                let (count, byte) = (first.parse().expect("a count"), second.parse::<u8>().expect("a byte"));
                let message = vec![byte; count];
                if verb == "write-bytes" { out.write(&message) } else { out.half_write(&message) }
            }
            "read-bytes" => inn.read_bytes(rest.parse().expect("milliseconds")),
            "read" => inn.read_text(rest.parse().expect("milliseconds")),
            "park" => inn.park(rest.parse().expect("milliseconds")),
            "get" => format!("ok value={}", raw.get(rest)),
            "set" => {
                raw.set(first, second.parse().expect("a number"));
                "ok".to_owned()
            }
            "beat" => {
                peer.beating.store(rest == "on", SeqCst);
                // Once this is had, no beat is under way.
                drop(peer.segment.lock().expect("no panic"));
                "ok".to_owned()
            }
            "signal" => {
                out.signals = rest == "on";
                "ok".to_owned()
            }
            "flood" => out.flood(first.parse().expect("milliseconds"), second.parse().expect("a size")),
            "drain" => inn.drain(rest.parse().expect("milliseconds")),
            _ => format!("no command {verb:?}"),
        })
    })
}
