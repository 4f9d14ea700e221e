//! Files that somebody is making right now.

use eshm::Role;
use eshm_processes::{Name, Peer, Raw, THRESHOLD, builder, code, elapsed_ms, pause, raw::total_size};
use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    thread,
    time::{Duration, Instant},
};

/// How far a released creator has come: size 0, magic 0, version 0, and for protocol 3 `layout_size` 0.
const STAGES: [&str; 4] = ["--until=open", "--until=size", "--until=magic", "--until=version"];

#[test]
fn a_file_in_the_making_is_waited_for_and_then_used() {
    for role in [Role::Slave, Role::Auto] {
        for stage in STAGES {
            // An attempt tells nothing if the machine was too slow for it: then the next one does.
            let conclusive = (0..8).any(|_| {
                let name = Name::new();
                let mut maker = Peer::released("master", &name, &["--protocol=3", stage]);
                let (opened, took) = thread::scope(|scope| {
                    let opener = scope.spawn(|| elapsed_ms(|| builder(&name, role).open().map(|endpoint| endpoint.role())));
                    pause(25);
                    maker.ok("finish");
                    opener.join().expect("no panic")
                });
                match opened {
                    Ok(Role::Slave) => took >= 15,
                    // It was complete and its master not there yet.
                    Ok(Role::Master) if role == Role::Auto && took >= 15 => false,
                    _ if took < 80 => panic!("{role:?} at {stage}: {opened:?} after {took} ms only"),
                    _ => false,
                }
            });
            assert!(conclusive, "{role:?} at {stage}: never waited for");
        }
    }
}

#[test]
fn after_about_100_ms_it_counts_as_not_valid() {
    for stage in STAGES {
        for role in [Role::Slave, Role::Master, Role::Auto] {
            let name = Name::new();
            let mut maker = Peer::released("master", &name, &["--protocol=3", stage]);
            maker.kill(); // it will never be finished
            let inode = name.inode();
            let (opened, took) = elapsed_ms(|| builder(&name, role).open());
            assert!((50..5000).contains(&took), "{role:?} at {stage}: {took} ms");
            if role == Role::Slave {
                assert_eq!((code(opened), name.inode()), (-3, inode), "{stage}");
            } else {
                assert_eq!(opened.expect("replace it").role(), Role::Master, "{stage}");
                assert!(!name.exists(), "it was its own by then");
            }
        }
    }
}

#[test]
fn a_complete_protocol_2_segment_is_not_waited_for() {
    let name = Name::new();
    let _raw = Raw::stamped(&name, 2, 4096); // its layout_size is 0, as it should be
    let fastest = (0..5).map(|_| elapsed_ms(|| builder(&name, Role::Slave).open().expect("attach")).1).min();
    assert!(fastest < Some(50), "{fastest:?} ms");
}

#[test]
fn a_file_of_the_wrong_size_is_an_error_and_no_bus_error() {
    for size in [1u64, 7, 56, 127, 128, 200, 4095, 4096, 4352, 8575] {
        let name = Name::new();
        let raw = Raw::stamped(&name, 3, 4096);
        raw.file().set_len(size).expect("cut it");
        assert_eq!(code(builder(&name, Role::Slave).open()), -3, "{size} bytes");
    }
}

#[test]
fn a_protocol_3_layout_that_is_not_the_files_size_is_not_valid() {
    for layout in [1u64, 8575, 8640, u32::MAX.into()] {
        let name = Name::new();
        let raw = Raw::stamped(&name, 3, 4096);
        raw.set("layout_size", layout);
        assert_eq!(code(builder(&name, Role::Slave).open()), -3, "layout_size {layout}");
    }
}

#[test]
fn nobody_sees_half_of_a_segment_of_ours() {
    let name = Name::new();
    let mut peer = Peer::ours("master", &name, &[]);
    let stop = Instant::now() + Duration::from_millis(600);
    let (path, size) = (name.path(), total_size(4096));
    let seen = thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut seen = 0;
            while Instant::now() < stop {
                let Ok(file) = File::open(path) else { continue };
                let mut header = [0; 68];
                assert_eq!(file.metadata().expect("its size").len(), size as u64);
                file.read_exact_at(&mut header, 0).expect("a whole header");
                let word = |at: usize| u32::from_ne_bytes(header[at..at + 4].try_into().expect("4 bytes"));
                assert_eq!((word(0), word(4), word(48), word(52)), (0x4553_484D, 3, 1, size as u32));
                assert_eq!((word(64), word(40)), (4096, THRESHOLD as u32));
                assert!(word(24) != 0 && word(44) != 0, "a master with its pid and generation is in it");
                seen += 1;
            }
            seen
        });
        while Instant::now() < stop {
            peer.ok("close");
            peer.ok(format_args!("open master {}", name.as_str()));
        }
        watcher.join().expect("a complete segment, whenever there is one")
    });
    assert!(seen > 0);
}

#[test]
fn a_master_killed_at_any_moment_of_its_start_leaves_nothing_that_stops_the_next() {
    let name = Name::new();
    for round in 0..25 {
        let mut peer = Peer::start("ours", "master", &name, &["--later"], "warn");
        peer.send("go");
        let start = Instant::now();
        while start.elapsed() < Duration::from_micros(round * 40) {
            std::hint::spin_loop();
        }
        peer.kill();
        let (opened, took) = elapsed_ms(|| builder(&name, Role::Auto).open().expect("start"));
        assert_eq!(opened.role(), Role::Master);
        assert!(took < 5000, "{took} ms");
    }
    let own = name.path().file_name().expect("a name").to_string_lossy().into_owned();
    let left = fs::read_dir("/dev/shm").expect("list").flatten().filter(|entry| {
        let file = entry.file_name().to_string_lossy().into_owned();
        // Not another test's name that only begins like this one.
        file.find(&own).is_some_and(|at| !file[at + own.len()..].starts_with(|c: char| c.is_ascii_digit()))
    });
    assert_eq!(left.count(), 0);
}
