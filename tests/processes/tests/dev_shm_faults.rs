//! What may be wrong with `/dev/shm` at a start: full, read-only, missing, another user's. Each is one clear line and NULL, leaves
//! nothing behind, and is over with its cause.

use eshm_processes::{
    Name, Peer, eventually, ms,
    sandbox::{is_root, refused, skipped, works},
};

/// Segments in the peer's `/dev/shm`, with or without a name.
#[track_caller]
fn assert_no_file(peer: &mut Peer) {
    assert_eq!(peer.ok("sh ls -A /dev/shm | grep eshm || true"), "");
}

/// A peer whose `/dev/shm` is arranged by `script`, or a word on why not.
fn with_mounts(name: &Name, script: &str) -> Option<Peer> {
    let peer = Peer::faults_with_mounts(name, script);
    if peer.is_none() {
        skipped("no mounts of one's own here");
    }
    peer
}

#[test]
fn a_full_dev_shm_is_a_refusal_and_no_sigbus() {
    let name = Name::new();
    let Some(mut peer) = with_mounts(&name, "mount -t tmpfs -o size=8k tmpfs /dev/shm") else { return };
    for role in ["master", "auto"] {
        refused(&mut peer, role, "No space left on device (os error 28): ");
        assert!(peer.log().contains("/dev/shm is full: remove what is not used, enlarge it"), "{}", peer.log());
        assert_no_file(&mut peer);
    }
    peer.ok("sh mount -o remount,size=64k /dev/shm");
    works(&mut peer, "master");
    // Full because of others' files.
    peer.ask("sh cat /dev/zero > /dev/shm/filler 2>/dev/null");
    refused(&mut peer, "master", "No space left on device");
    peer.ok("sh rm /dev/shm/filler");
    works(&mut peer, "auto");
    assert_no_file(&mut peer);
}

#[test]
fn a_segment_that_was_never_given_its_memory_is_a_refusal_on_a_full_dev_shm() {
    let name = Name::new();
    let Some(mut peer) = with_mounts(&name, "mount -t tmpfs -o size=64k tmpfs /dev/shm") else { return };
    let file = format!("/dev/shm/eshm_{}", name.as_str());
    // As a released creator leaves it: a magic, a version, a size, and no pages behind them.
    peer.ok(format_args!("sh printf '\\115\\110\\123\\105\\002\\000\\000\\000' > {file} && truncate -s 8576 {file}"));
    peer.ask("sh cat /dev/zero > /dev/shm/filler 2>/dev/null");
    refused(&mut peer, "slave", "No space left on device");
    peer.ok("sh rm /dev/shm/filler");
    peer.ok("init slave");
    assert_eq!(peer.ask("end"), "code 0");
}

#[test]
fn no_inode_left_is_a_refusal() {
    let name = Name::new();
    let Some(mut peer) = with_mounts(&name, "mount -t tmpfs -o nr_inodes=2 tmpfs /dev/shm && touch /dev/shm/one") else {
        return;
    };
    refused(&mut peer, "master", "No space left on device");
    peer.ok("sh rm /dev/shm/one");
    works(&mut peer, "master");
    assert_no_file(&mut peer);
}

#[test]
fn a_read_only_dev_shm_is_a_refusal() {
    let name = Name::new();
    let Some(mut peer) = with_mounts(&name, "mount -t tmpfs -o ro tmpfs /dev/shm") else { return };
    refused(&mut peer, "master", "/dev/shm is mounted read-only: mount it writable");
    refused(&mut peer, "slave", "there is no such segment");
    peer.ok("sh mount -o remount,rw /dev/shm");
    works(&mut peer, "master");
}

#[test]
fn what_is_no_file_in_the_place_of_one_is_a_refusal_that_says_so() {
    for (make, remove, why) in [
        ("mkdir", "rmdir", "a folder is in the place of the file: remove it, or choose another name"),
        ("ln -s /dev/null", "rm", "a symbolic link is in the place of the file, and is not followed: remove it"),
        ("mkfifo", "rm", "what has this name is no regular file: "),
        ("mkfifo", "rm", "; no segment can be there: remove it, or choose another name"),
    ] {
        let name = Name::new();
        let mut peer = Peer::faults(&name);
        peer.ok(format_args!("sh {make} {}", name.path().display()));
        for role in ["master", "slave", "auto"] {
            refused(&mut peer, role, why);
        }
        peer.ok(format_args!("sh {remove} {}", name.path().display()));
        works(&mut peer, "master");
    }
}

#[test]
fn without_a_dev_shm_it_is_a_refusal() {
    let name = Name::new();
    let script = "mount -t tmpfs tmpfs /dev && mknod -m 666 /dev/null c 1 3";
    let Some(mut peer) = with_mounts(&name, script) else { return };
    refused(&mut peer, "master", "/dev/shm is not there: mount a tmpfs on it");
    refused(&mut peer, "slave", "/dev/shm is not there: mount a tmpfs on it");
    peer.ok("sh mkdir -m 1777 /dev/shm");
    works(&mut peer, "master");
}

#[test]
fn another_users_segment_is_a_refusal_until_he_lets_one_write() {
    if !is_root() {
        return skipped("only root can be somebody else");
    }
    for umask in ["022", "077"] {
        let name = Name::new();
        let mut owner = Peer::faults(&name);
        owner.ok(format_args!("umask {umask}"));
        owner.ok("init master");
        let mut other = Peer::faults(&name);
        other.ok("user 65534");
        for role in ["slave", "auto", "master"] {
            refused(&mut other, role, "of user 0, mode ");
        }
        owner.ok(format_args!("sh chmod 666 {}", name.path().display()));
        other.ok("init slave");
        assert_eq!((owner.ask("write down"), other.ask("read 5000")), ("code 0".into(), "data down".into()));
        assert_eq!((other.ask("write up"), owner.ask("read 5000")), ("code 0".into(), "data up".into()));
        assert_eq!(other.ask("end"), "code 0");
        // In a sticky folder only the owner may remove his leftover.
        owner.kill();
        refused(&mut other, "master", "is of user 0, who alone may remove it");
        name.remove();
        works(&mut other, "auto");
    }
}

#[test]
fn with_a_umask_that_lets_both_write_two_users_are_a_pair() {
    if !is_root() {
        return skipped("only root can be somebody else");
    }
    let name = Name::new();
    let mut owner = Peer::faults(&name);
    owner.ok("umask 0");
    owner.ok("init master");
    let mut other = Peer::faults(&name);
    other.ok("user 65534");
    other.ok("init auto");
    assert_eq!((owner.ask("write down"), other.ask("read 5000")), ("code 0".into(), "data down".into()));
    assert_eq!(other.ask("end"), "code 0");
    assert_eq!(owner.ask("end"), "code 0");
    assert!(!eventually(ms(50), || name.exists()));
}
