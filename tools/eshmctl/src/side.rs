//! Being one side of a segment.

use crate::{
    exit::Exit,
    failure::Failure,
    fault,
    name::Name,
    numbers,
    obstacle::Obstacle,
    process::Mapped,
    report::{self, Life},
    tell,
};
use clap::ValueEnum;
use eshm::{
    Endpoint, Error, Role,
    inspect::{self, Found, Side},
};
use std::{
    cell::OnceCell,
    io,
    time::{Duration, Instant},
};

/// Which side to be.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum As {
    /// Creates the segment.
    Master,
    /// Attaches to it.
    Slave,
    /// Slave of a live master, else master.
    Auto,
}

/// What every command that takes a side asks for.
#[derive(clap::Args, Debug)]
pub struct SideArgs {
    /// The segment, as `demo` or `eshm_demo`.
    pub name: Name,
    /// Bytes of the largest message, where the segment is created.
    #[arg(long, value_name = "BYTES", default_value_t = eshm::MAX_DATA_SIZE, value_parser = numbers::capacity)]
    pub capacity: usize,
    /// As master, take the place of a live one.
    #[arg(long)]
    pub replace: bool,
}

/// Opens a side; the error says what to do.
pub fn open(args: &SideArgs, side: As) -> Result<Endpoint, Failure> {
    open_to_read(args, side, false)
}

/// Opens a side whose first read returns a value that was written before, if `first_value` says so.
pub fn open_to_read(args: &SideArgs, side: As, first_value: bool) -> Result<Endpoint, Failure> {
    let role = match side {
        As::Master => Role::Master,
        As::Slave => Role::Slave,
        As::Auto => Role::Auto,
    };
    let before = Before::of(&args.name);
    if side == As::Master && !args.replace {
        before.leave_alone(&args.name)?;
    }
    let builder = Endpoint::builder(&args.name).role(role).capacity(args.capacity);
    // A tool waits for its peer until it is told to stop.
    let builder =
        builder.disconnect_behavior(eshm::DisconnectBehavior::Never).first_value(first_value);
    fault::uses(&args.name);
    let endpoint = builder.open().map_err(|error| refused(&args.name, role, &error))?;
    before.tell(&args.name, endpoint.role());
    Ok(endpoint)
}

/// A buffer for any message of this endpoint: as large as its creator says.
pub fn buffer(endpoint: &Endpoint, name: &Name) -> Result<Vec<u8>, Failure> {
    buffer_of(endpoint.capacity()?, name)
}

/// One for messages of so many bytes.
pub fn buffer_of(size: usize, name: &Name) -> Result<Vec<u8>, Failure> {
    // Asked for first, as an allocation that fails ends the process; zeroes are not touched before
    // they are used.
    Vec::<u8>::new().try_reserve_exact(size).map_err(|_| {
        Failure::new(format!(
            "{name}: no memory for messages of {size} bytes; raise the limit (ulimit -v), or have \
             its master started with a smaller --capacity"
        ))
    })?;
    Ok(vec![0; size])
}

/// A side's place, looked after while it only reads: a read waits on when another master has taken
/// the place.
pub struct Place<'a> {
    endpoint: &'a Endpoint,
    name: &'a Name,
    looked: Instant,
}

impl<'a> Place<'a> {
    /// That of this endpoint.
    pub fn of(endpoint: &'a Endpoint, name: &'a Name) -> Self {
        Place { endpoint, name, looked: Instant::now() }
    }

    /// Fails if another master has it; looks twice a second at most, since each look adds a
    /// heartbeat.
    pub fn check(&mut self) -> Result<(), Failure> {
        if self.looked.elapsed() < Duration::from_millis(500) {
            return Ok(());
        }
        self.looked = Instant::now();
        match self.endpoint.update_heartbeat() {
            Err(Error::RoleMismatch) => Err(Failure::from(Error::RoleMismatch).about(self.name)),
            _ => Ok(()), // a slave without its master waits for the next one
        }
    }
}

/// Why a side was not to be had, and what to do.
fn refused(name: &Name, role: Role, error: &Error) -> Failure {
    let there = name.path().symlink_metadata();
    if role == Role::Slave
        && there.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    {
        let advice =
            "start the master first, or say --as master; `eshmctl list` shows which there are";
        return Failure::new(format!("there is no segment '{name}'; {advice}"))
            .with_exit(Exit::Missing);
    }
    in_the_way(name, error)
}

/// What is said of a file that cannot be used, or looked at, with what to do.
pub fn in_the_way(name: &Name, error: &Error) -> Failure {
    let error = error.to_string();
    if let Some(obstacle) = Obstacle::behind(name, &error) {
        return obstacle.failure(name);
    }
    let advice = match name.path().symlink_metadata() {
        Ok(_) => "`eshmctl show` says more; a master that starts replaces what is no segment",
        _ => "`eshmctl doctor` checks the usual causes",
    };
    // An opening's error names the channel, a look's does not.
    let named =
        if error.starts_with("channel ") { error } else { format!("channel '{name}': {error}") };
    Failure::new(format!("{named}; {advice}"))
}

/// The live processes of both sides before this one came: a process alone cannot see that it is one
/// too many.
struct Before([Option<There>; 2]);

/// One of them.
#[derive(Clone)]
struct There {
    pid: i32,
    /// Why it is not known to live.
    doubt: Option<String>,
}

impl Before {
    /// Those of this segment. What cannot be looked at is told by the attempt to open it.
    fn of(name: &Name) -> Before {
        let Ok(inspect::Sight { file: Some(file), found: Found::Segment(segment) }) =
            inspect::look(name)
        else {
            return Before([None, None]);
        };
        let (header, mapped) = (segment.header(), Mapped::new(name, file.inode));
        let processes = OnceCell::new();
        Before([Side::Master, Side::Slave].map(|side| {
            let pid = header.pids[side as usize];
            let life = fault::looking(|| segment.judge(side));
            match report::judged(life, side, &header, &mapped, &processes) {
                (Life::Absent | Life::Dead, _) => None,
                (_, doubt) => Some(There { pid, doubt }),
            }
        }))
    }

    /// Refuses where a live master is: the library lets the later one win, which a tool must not do
    /// to a robot by a slip.
    fn leave_alone(&self, name: &Name) -> Result<(), Failure> {
        let Some(There { pid, doubt }) = &self.0[Side::Master as usize] else { return Ok(()) };
        Err(Failure::new(match doubt {
            None => format!(
                "{name}: it has a live master, process {pid}; end that first, use --as slave, or take its place with --replace"
            ),
            Some(doubt) => format!(
                "{name}: its master, process {pid}, does not beat, but may live: {doubt}; if it is dead, take its place with --replace"
            ),
        }))
    }

    /// Says what taking this side has done to a live process on it.
    fn tell(&self, name: &Name, role: Role) {
        match (role, &self.0) {
            (Role::Slave, [_, Some(There { pid, doubt: None })]) => tell!(
                "{name}: it has a live slave, process {pid}; this is a second slave, and the two overwrite each \
                 other's values: end one of them, or look on with `eshmctl watch {}`",
                name.typed()
            ),
            (Role::Master, [Some(There { pid, doubt: None }), _]) => {
                tell!("{name}: took the place of the live master, process {pid}")
            }
            _ => {}
        }
    }
}
