//! How large a message may be: chosen by the creator, found out by whoever attaches.

use eshm::{Error, Role};
use eshm_processes::{Name, Peer, Raw, builder, code, open, raw::total_size, read, sandbox::skipped, until, wait::HANG};
use std::fs;

fn capacity_found(name: &Name, asked: Option<usize>) -> usize {
    let slave = builder(name, Role::Slave);
    let slave = asked.map_or(slave.clone(), |bytes| slave.capacity(bytes)).open().expect("attach");
    slave.capacity().expect("attached")
}

#[test]
fn the_file_has_exactly_the_layouts_size() {
    for capacity in [1, 55, 56, 57, 64, 960, 1000, 4096, 4100, 65_536] {
        let name = Name::new();
        let _master = builder(&name, Role::Master).capacity(capacity).open().expect("create");
        assert_eq!(fs::metadata(name.path()).expect("the file").len(), total_size(capacity) as u64, "{capacity}");
        let raw = name.raw_of(capacity);
        assert_eq!(raw.get("layout_size"), total_size(capacity) as u64);
        assert_eq!(raw.get("capacity"), capacity as u64);
    }
    assert_eq!(total_size(4096), 8576);
}

#[test]
fn messages_of_every_capacity_go_both_ways_at_their_full_size() {
    for capacity in [1, 7, 57, 1000, 100_000] {
        let name = Name::new();
        let master = builder(&name, Role::Master).capacity(capacity).open().expect("create");
        let slave = open(&name, Role::Slave);
        let message = vec![b'm'; capacity];
        let mut buffer = vec![0; capacity];
        for (from, to) in [(&master, &slave), (&slave, &master)] {
            from.write(&message).expect("write");
            assert_eq!(to.try_read(&mut buffer), Ok(Some(capacity)));
            assert_eq!(buffer, message);
            assert_eq!(
                from.write(&vec![b'm'; capacity + 1]),
                Err(Error::BufferTooSmall { size: capacity, given: capacity + 1 })
            );
        }
    }
}

#[test]
fn an_existing_segment_keeps_its_own_capacity_whatever_is_asked() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &["--capacity=1000"]);
    assert_eq!(capacity_found(&name, None), 1000);
    assert_eq!(capacity_found(&name, Some(64)), 1000);
    assert_eq!(capacity_found(&name, Some(1 << 20)), 1000);
    assert_eq!(master.ok("capacity"), "1000");
}

#[test]
fn the_field_counts_if_it_fits_the_files_size() {
    let name = Name::new();
    let raw = Raw::stamped(&name, 3, 4096);
    raw.set("capacity", 4100); // 72 + 4100 rounds up to the same 4224
    assert_eq!(capacity_found(&name, None), 4100);
}

#[test]
fn a_field_that_does_not_fit_the_files_size_does_not_count() {
    let name = Name::new();
    let raw = Raw::stamped(&name, 3, 4096);
    for wrong in [1, 1 << 20, u32::MAX as u64, i32::MAX as u64] {
        raw.set("capacity", wrong);
        assert_eq!(capacity_found(&name, None), 4096, "field {wrong}");
    }
}

#[test]
fn without_the_field_the_capacity_asked_for_counts_if_its_layout_fits() {
    let name = Name::new();
    let _raw = Raw::stamped(&name, 3, 1000);
    assert_eq!(capacity_found(&name, Some(1000)), 1000);
}

#[test]
fn without_the_field_the_built_in_capacity_counts_if_its_layout_fits() {
    let name = Name::new();
    let _raw = Raw::stamped(&name, 2, 4096);
    assert_eq!(capacity_found(&name, None), 4096);
    assert_eq!(capacity_found(&name, Some(1000)), 4096);
}

#[test]
fn otherwise_it_is_the_channels_size_less_128() {
    for multiple in [64, 960, 8192, 1 << 20] {
        let name = Name::new();
        let _raw = Raw::stamped(&name, 3, multiple);
        assert_eq!(capacity_found(&name, None), multiple);
    }
}

#[test]
fn a_released_peer_of_another_capacity_is_met_in_both_roles() {
    let name = Name::new();
    let mut master = Peer::released("master", &name, &["--protocol=3", "--capacity=16384"]);
    let slave = open(&name, Role::Slave);
    let text = "x".repeat(10_000);
    master.write(&text);
    assert_eq!(read(&slave, 1000), Ok(text.clone()));
    assert_eq!(code(slave.write(text.as_bytes())), 0);

    let name = Name::new();
    let master = builder(&name, Role::Master).capacity(16_384).open().expect("create");
    let mut slave = Peer::released("slave", &name, &["--protocol=3", "--capacity=16384"]);
    slave.write(&text);
    assert_eq!(read(&master, 1000), Ok(text));
}

#[test]
fn a_released_peer_of_each_capacity_gets_and_gives_messages_of_the_full_size() {
    for capacity in [1, 7, 55, 57, 64, 1000, 4096, 4100, 100_000, 1920 * 1080 * 3, 64 << 20] {
        let (option, mut buffer) = (format!("--capacity={capacity}"), vec![0; capacity]);
        for ours in [Role::Master, Role::Slave] {
            let name = Name::new();
            let (ours, mut theirs) = if ours == Role::Master {
                let master = builder(&name, Role::Master).capacity(capacity).open().expect("create");
                (master, Peer::released("slave", &name, &["--protocol=3", &option]))
            } else {
                let theirs = Peer::released("master", &name, &["--protocol=3", &option]);
                (builder(&name, Role::Slave).capacity(capacity).open().expect("attach"), theirs)
            };
            assert_eq!(ours.capacity(), Ok(capacity));
            assert_eq!(theirs.code("read-bytes 0"), -10, "its baseline");
            let large = capacity > 1 << 20; // the played peer takes its time for each byte
            for byte in if large { &[200_u8][..] } else { &[3, 200] }.iter().copied() {
                theirs.ok(format_args!("write-bytes {capacity} {byte}"));
                assert_eq!(ours.read_timeout(&mut buffer, HANG), Ok(capacity));
                assert!(buffer.iter().all(|got| *got == byte));
                ours.write(&vec![byte + 1; capacity]).expect("write");
                assert_eq!(theirs.ok("read-bytes 20000"), format!("count={capacity} byte={}", byte + 1));
            }
        }
    }
}

#[test]
fn a_peer_that_insists_on_another_capacity_is_refused_by_both_numbers() {
    let name = Name::new();
    let mut master = Peer::ours("master", &name, &["--capacity=1000"]);
    for role in [Role::Slave, Role::Auto] {
        let refused = builder(&name, role).capacity(2000).exact_capacity(true).open().expect_err("another capacity");
        let why = format!("channel '{}': its capacity is 1000 bytes, not the 2000 asked for", name.as_str());
        assert_eq!(refused, Error::Attach(why));
    }
    assert_eq!(
        builder(&name, Role::Slave).capacity(1000).exact_capacity(true).open().map(|slave| slave.capacity()),
        Ok(Ok(1000))
    );
    assert_eq!(master.ok("capacity"), "1000");
}

#[test]
fn a_master_that_insists_replaces_a_live_slaves_segment_and_a_slave_that_does_stays_away() {
    let name = Name::new();
    let mut old = Peer::ours("master", &name, &["--capacity=1000"]);
    let mut any = Peer::ours("slave", &name, &["--behavior=never", "--retry=5"]);
    let mut strict = Peer::ours("slave", &name, &["--behavior=never", "--retry=5", "--capacity=1000", "--exact-capacity"]);
    old.kill();
    let mut new = Peer::ours("master", &name, &["--capacity=2000", "--exact-capacity"]);
    assert_eq!(new.ok("capacity"), "2000");
    until("the one follows", || any.ok("capacity") == "2000");
    until("the other says why not", || strict.lines_with("capacity is 2000 bytes, not the 1000 asked for") == 1);
    assert_eq!(strict.code("write x"), -10);
    new.leave();
    let _again = Peer::ours("master", &name, &["--capacity=1000"]);
    until("it has what it wants", || strict.ask("write x") == "ok");
}

#[test]
fn more_than_dev_shm_holds_is_refused_with_the_size_and_the_place() {
    let name = Name::new();
    let Some(mut peer) = Peer::faults_with_mounts(&name, "mount -t tmpfs -o size=1m tmpfs /dev/shm") else {
        return skipped("no mounts of one's own here");
    };
    let answer = peer.ask(format_args!("why master {}", 64 << 20));
    let beginning = format!("code -2 channel '{}': No space left on device", name.as_str());
    assert!(answer.starts_with(&beginning), "{answer}");
    assert!(answer.ends_with(", for a segment of 134218112 bytes in /dev/shm"), "{answer}");
    peer.ok("init master");
}

#[test]
fn a_message_over_the_capacity_is_refused_and_changes_nothing() {
    let name = Name::new();
    let master = builder(&name, Role::Master).capacity(100).open().expect("create");
    let slave = open(&name, Role::Slave);
    master.write(b"before").expect("write");
    assert_eq!(master.write(&[0; 101]), Err(Error::BufferTooSmall { size: 100, given: 101 }));
    assert_eq!(name.raw_of(100).get("m2s.write_count"), 1);
    assert_eq!(read(&slave, 0), Ok("before".into()));
}

#[test]
fn a_capacity_of_nothing_or_beyond_a_gibibyte_is_refused() {
    for capacity in [0, (1 << 30) + 1, usize::MAX] {
        let name = Name::new();
        assert_eq!(code(builder(&name, Role::Master).capacity(capacity).open()), -1, "{capacity}");
        assert!(!name.exists());
    }
}
