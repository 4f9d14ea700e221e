//! A process whose /dev/shm becomes another one after it has opened a channel: by chroot(2), or by a mount over it. What it has
//! open it keeps, and what stands under its name over there is none of its business.

use eshm::{Endpoint, Role};
use eshm_processes::{
    Name, Peer, Raw, open, read,
    sandbox::{is_root, skipped},
    until,
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// What a line says of it.
const LINE: &str = "/dev/shm is another one now";

/// A folder that becomes somebody's root; removed with all that is in it.
struct Root(PathBuf);

impl Root {
    fn new(name: &Name) -> Root {
        let root = std::env::temp_dir().join(format!("root_{}", name.as_str()));
        fs::create_dir_all(&root).expect("a folder");
        Root(root)
    }

    /// Its own /dev/shm, and the file of this name there.
    fn file(&self, name: &Name) -> PathBuf {
        let folder = self.0.join("dev/shm");
        fs::create_dir_all(&folder).expect("a folder");
        folder.join(name.path().file_name().expect("a name"))
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0); // what is left is in a temporary folder
    }
}

/// What may stand in the other root, where `file` is the name's place.
type Arrange = fn(file: &Path, name: &Name);

const ROOTS: [(&str, Arrange); 4] = [
    ("no /dev/shm", |file, _| fs::remove_dir(file.parent().expect("a folder")).expect("remove it")),
    ("an empty /dev/shm", |_, _| ()),
    ("a file that is no segment", |file, _| fs::write(file, "not ours").expect("write")),
    ("a segment with a master", |file, name| {
        fs::copy(name.path(), file).expect("copy");
        let copied = fs::OpenOptions::new().read(true).write(true).open(file).expect("open");
        let copied = Raw::map(copied, 4096).expect("map");
        copied.set("master_lock", 0); // as a released one, whose process is there: this one
        copied.set("master_pid", std::process::id().into());
    }),
];

/// A master looks at its name once a second: it has done so, twice.
fn until_it_has_looked(raw: &Raw) {
    let before = raw.get("master_heartbeat");
    until("it has beaten for two seconds", || raw.get("master_heartbeat") > before + 2500);
}

/// The pair works, in the very segment that it was opened in.
#[track_caller]
fn goes_on(what: &str, name: &Name, inode: Option<u64>, master: &mut Peer, slave: &Endpoint) {
    assert_eq!(name.inode(), inode, "{what}: the name leads where it did\n{}", master.log());
    assert_eq!(master.code("write down"), 0, "{what}\n{}", master.log());
    assert_eq!(read(slave, 10_000), Ok("down".into()), "{what}\n{}", master.log());
    slave.write(b"up").expect("write");
    assert_eq!(master.read(10_000), Ok("up".into()), "{what}\n{}", master.log());
}

#[test]
fn a_master_stays_with_its_slave_and_touches_nothing_in_its_new_root() {
    if !is_root() {
        return skipped("chroot is not permitted here");
    }
    for (what, arrange) in ROOTS {
        let name = Name::new();
        let root = Root::new(&name);
        let mut master = Peer::ours("master", &name, &[]);
        let slave = open(&name, Role::Slave);
        let file = root.file(&name);
        arrange(&file, &name);
        let (inode, foreign) = (name.inode(), fs::read(&file).ok());
        master.ok(format_args!("chroot {}", root.0.display()));
        until_it_has_looked(&name.raw());
        goes_on(what, &name, inode, &mut master, &slave);
        assert_eq!(master.lines_with(LINE), 1, "{what}: told once\n{}", master.log());
        master.leave();
        assert_eq!(fs::read(&file).ok(), foreign, "{what}: it left what is not its own");
        until("the slave is told that it has left", || slave.remote_alive() == Ok(false));
    }
}

#[test]
fn a_master_whose_folder_was_mounted_over_stays_too_and_looks_again_once_it_is_back() {
    let name = Name::new();
    let Some(mut master) = Peer::faults_with_mounts(&name, "true") else {
        return skipped("no mounts of one's own here");
    };
    master.ok("init master");
    let (raw, inode) = (name.raw(), name.inode());
    let slave = open(&name, Role::Slave);
    master.ok("sh mount -t tmpfs tmpfs /dev/shm");
    until_it_has_looked(&raw);
    assert_eq!((name.inode(), slave.remote_alive()), (inode, Ok(true)), "{}", master.log());
    assert_eq!(master.lines_with(LINE), 1, "{}", master.log());
    master.ok("sh umount /dev/shm");
    until_it_has_looked(&raw);
    assert_eq!((master.lines_with(LINE), name.inode()), (1, inode), "{}", master.log());
    name.remove();
    until("it makes its name anew", || name.inode().is_some_and(|new| Some(new) != inode));
}
