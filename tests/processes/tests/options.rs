//! What an endpoint may be opened with beside its role: file mode, waiting for the master, the first value.

use eshm::{Error, LogLevel, Role};
use eshm_processes::{Name, Peer, builder, code, ms, open, read, until};
use std::{fs, os::unix::fs::PermissionsExt, thread, time::Instant};

#[test]
fn a_mode_is_the_files_whatever_the_umask_also_of_the_next_segment() {
    for mode in [0o600, 0o666, 0o777] {
        let name = Name::new();
        let _master = builder(&name, Role::Master).mode(mode).open().expect("create");
        let now = || fs::metadata(name.path()).map(|file| file.permissions().mode() & 0o7777);
        assert_eq!(now().expect("the file"), mode);
        fs::remove_file(name.path()).expect("remove the name");
        until("the master made it anew", || now().is_ok());
        assert_eq!(now().expect("the file"), mode);
    }
    let name = Name::new();
    let refused = builder(&name, Role::Master).mode(0o1000).open().expect_err("no permission bits");
    let why = format!("channel '{}': the mode (0777 is 511) is 512: 0 to 511 are allowed", name.as_str());
    assert_eq!(refused, Error::InvalidParameter(why));
    assert!(!name.exists());
}

#[test]
fn a_slave_waits_for_its_master() {
    let name = Name::new();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| builder(&name, Role::Slave).wait_for_master(ms(60_000)).open());
        let mut master = Peer::ours("master", &name, &[]);
        let slave = waiting.join().expect("no panic").expect("a master came");
        slave.write(b"here").expect("attached");
        assert_eq!(master.read(1000), Ok("here".into()));
    });
}

#[test]
fn a_slave_that_waits_does_not_take_a_dead_master_for_one() {
    for how in ["kill", "released"] {
        let name = Name::new();
        let mut old = if how == "kill" {
            Peer::ours("master", &name, &[])
        } else {
            Peer::released("master", &name, &["--protocol=3"])
        };
        old.kill();
        let start = Instant::now();
        let refused = builder(&name, Role::Slave).wait_for_master(ms(50)).open().expect_err("no master");
        let why = format!("channel '{}': its master is gone, and no other came", name.as_str());
        assert_eq!(refused, Error::Attach(why), "{how}");
        assert!(start.elapsed() >= ms(50));
        thread::scope(|scope| {
            let waiting = scope.spawn(|| builder(&name, Role::Slave).wait_for_master(ms(60_000)).open());
            let _new = Peer::ours("master", &name, &[]);
            assert_eq!(waiting.join().expect("no panic").expect("a master came").remote_alive(), Ok(true), "{how}");
        });
    }
}

#[test]
fn without_waiting_all_is_as_it_was() {
    let name = Name::new();
    assert_eq!(code(builder(&name, Role::Slave).open()), -3);
    Peer::ours("master", &name, &[]).kill();
    assert_eq!(code(builder(&name, Role::Slave).open()), 0, "a slave may attach to what a dead master left");
}

#[test]
fn the_value_that_is_current_is_the_first_one_if_asked_for_and_only_once() {
    for (released, options) in [(false, &[][..]), (true, &["--protocol=3"]), (true, &["--protocol=2"])] {
        let name = Name::new();
        let mut master =
            if released { Peer::released("master", &name, options) } else { Peer::ours("master", &name, options) };
        let early = builder(&name, Role::Slave).first_value(true).open().expect("attach");
        assert_eq!(read(&early, 0), Err(-9), "there was none yet");
        drop(early);
        master.write("one");
        master.write("current");
        assert_eq!(read(&open(&name, Role::Slave), 0), Err(-9));
        let slave = builder(&name, Role::Slave).first_value(true).open().expect("attach");
        assert_eq!(read(&slave, 1000), Ok("current".into()), "{options:?}");
        assert_eq!(read(&slave, 0), Err(-9));
        master.write("next");
        assert_eq!(read(&slave, 1000), Ok("next".into()));
    }
}

#[test]
fn what_only_concerns_speed_changes_no_message() {
    let name = Name::new();
    let fast = |role| builder(&name, role).capacity(1 << 22).huge_pages(true).prefault(true).spin(Some(ms(0)));
    let master = fast(Role::Master).log_level(LogLevel::Warn).open().expect("create");
    let slave = fast(Role::Slave).open().expect("attach");
    master.write(b"x").expect("write");
    assert_eq!(read(&slave, 1000), Ok("x".into()));
}
