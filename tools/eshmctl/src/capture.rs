//! Files of recorded values; docs/CAPTURES.md describes the format. `capture.py` beside this crate
//! reads the same.

use crate::{failure::Failure, tell};
use eshm::inspect::Direction;
use std::{
    io::{self, Read, Write},
    time::{Duration, SystemTime},
};

const MARK: &[u8; 8] = b"ESHMCAP\n";
const VERSION: u32 = 1;
/// No value is larger: the limit of a capacity.
const LARGEST: u32 = 1 << 30;
/// No name is longer: the limit of a file's name.
const LONGEST: u32 = 255;

/// One recorded value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// Since the beginning.
    pub time: Duration,
    /// Whose it is.
    pub direction: Direction,
    /// Values missed before it.
    pub missed: u32,
    /// Its bytes.
    pub value: Vec<u8>,
}

/// Writes a file.
pub struct Writer<W> {
    out: W,
}

impl<W: Write> Writer<W> {
    /// Begins one.
    pub fn new(mut out: W, name: &[u8], capacity: usize) -> io::Result<Self> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut head = MARK.to_vec();
        head.extend_from_slice(&VERSION.to_le_bytes());
        head.extend_from_slice(&(capacity as u32).to_le_bytes());
        head.extend_from_slice(&(now.as_nanos() as u64).to_le_bytes());
        head.extend_from_slice(&(name.len() as u32).to_le_bytes());
        head.extend_from_slice(name);
        let sum = crc32fast::hash(&head);
        head.extend_from_slice(&sum.to_le_bytes());
        out.write_all(&head)?;
        Ok(Writer { out })
    }

    /// Adds a value.
    pub fn add(
        &mut self,
        time: Duration,
        direction: Direction,
        missed: u32,
        value: &[u8],
    ) -> io::Result<()> {
        let mut frame = Vec::with_capacity(20);
        frame.extend_from_slice(&(time.as_nanos() as u64).to_le_bytes());
        frame.extend_from_slice(&[direction as u8, 0, 0, 0]);
        frame.extend_from_slice(&missed.to_le_bytes());
        frame.extend_from_slice(&(value.len() as u32).to_le_bytes());
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&frame);
        hasher.update(value); // not copied: it may be as large as the memory there is
        self.out.write_all(&frame)?;
        self.out.write_all(value)?;
        self.out.write_all(&hasher.finalize().to_le_bytes())
    }

    /// Passes on what is written so far.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Ends it.
    pub fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Reads a file.
pub struct Reader<R> {
    input: R,
    /// The segment's name.
    pub name: Vec<u8>,
    /// Bytes of the segment's largest message.
    pub capacity: u32,
    /// Frames read.
    frames: u64,
}

/// Fills `buffer` as far as the input goes.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match input.read(&mut buffer[got..]) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}

/// The next `size` bytes, fewer at the end: memory is taken as they come, not as the file says.
fn bytes(input: &mut impl Read, size: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(size as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

impl<R: Read> Reader<R> {
    /// Reads the beginning.
    pub fn new(mut input: R) -> Result<Self, Failure> {
        let mut head = vec![0; 28];
        let got = fill(&mut input, &mut head)?;
        if got < 12 || &head[..8] != MARK {
            return Err(Failure::new(
                "not a file that `eshmctl record` wrote; `eshmctl record NAME -o FILE` writes one",
            ));
        }
        let version = u32_at(&head, 8);
        if version != VERSION {
            return Err(Failure::new(format!(
                "its format is version {version}; this eshmctl reads {VERSION}: use the release \
                 that recorded it"
            )));
        }
        let damaged = || Failure::new("its header is damaged; record it again");
        let length = u32_at(&head, 24);
        if got < head.len() || length > LONGEST {
            return Err(damaged());
        }
        let mut rest = vec![0; length as usize + 4];
        if fill(&mut input, &mut rest)? < rest.len() {
            return Err(damaged());
        }
        let (name, sum) = rest.split_at(length as usize);
        head.extend_from_slice(name);
        if crc32fast::hash(&head) != u32_at(sum, 0) {
            return Err(damaged());
        }
        Ok(Reader { input, name: name.to_vec(), capacity: u32_at(&head, 12), frames: 0 })
    }

    /// The next value; `None` at the end.
    pub fn next(&mut self) -> Result<Option<Frame>, Failure> {
        let mut head = [0; 20];
        match fill(&mut self.input, &mut head)? {
            0 => return Ok(None),
            got if got < head.len() => return Ok(self.cut()),
            _ => {}
        }
        let (number, size) = (self.frames + 1, u32_at(&head, 16));
        let damaged = |what: &str| {
            Failure::new(format!(
                "value {number} is damaged: {what}; those before it were whole, record it again \
                 for the rest"
            ))
        };
        if size > LARGEST || head[8] > 1 || head[9..12] != [0; 3] {
            return Err(damaged("its header cannot be"));
        }
        let rest = bytes(&mut self.input, size as usize + 4)?;
        if rest.len() < size as usize + 4 {
            return Ok(self.cut());
        }
        let (value, sum) = rest.split_at(size as usize);
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&head);
        hasher.update(value);
        if hasher.finalize() != u32_at(sum, 0) {
            return Err(damaged("its checksum is wrong"));
        }
        self.frames = number;
        Ok(Some(Frame {
            time: Duration::from_nanos(u64::from_le_bytes(
                head[..8].try_into().expect("eight bytes"),
            )),
            direction: if head[8] == 0 {
                Direction::MasterToSlave
            } else {
                Direction::SlaveToMaster
            },
            missed: u32_at(&head, 12),
            value: value.to_vec(),
        }))
    }

    fn cut(&self) -> Option<Frame> {
        tell!(
            "the file ends in the midst of value {}; the recorder was killed, it seems",
            self.frames + 1
        );
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes, b"demo", 4096).unwrap();
        writer.add(Duration::from_nanos(5), Direction::MasterToSlave, 0, b"one").unwrap();
        writer.add(Duration::from_nanos(9), Direction::SlaveToMaster, 7, b"").unwrap();
        writer.finish().unwrap();
        bytes
    }

    /// Bytes of its header.
    const HEAD: usize = 28 + 4 + 4;

    fn read(bytes: &[u8]) -> Result<Vec<Frame>, Failure> {
        let mut reader = Reader::new(bytes)?;
        assert_eq!((reader.name.as_slice(), reader.capacity), (b"demo".as_slice(), 4096));
        let mut frames = Vec::new();
        while let Some(frame) = reader.next()? {
            frames.push(frame);
        }
        Ok(frames)
    }

    #[test]
    fn what_was_written_is_read() {
        let frames = read(&file()).unwrap();
        assert_eq!((frames[0].value.as_slice(), frames[0].time.as_nanos()), (b"one".as_slice(), 5));
        assert_eq!(
            (frames[1].direction, frames[1].missed, frames[1].value.len()),
            (Direction::SlaveToMaster, 7, 0)
        );
    }

    #[test]
    fn a_cut_file_is_read_up_to_there_and_a_changed_byte_is_noticed() {
        let whole = file();
        for end in 0..whole.len() {
            match read(&whole[..end]) {
                Ok(frames) => assert!(end >= HEAD && frames.len() < 2, "cut at {end}"),
                Err(_) => assert!(end < HEAD, "cut at {end}"),
            }
        }
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x40;
            // A size that was changed to a larger one looks like a cut file.
            assert!(
                read(&changed).is_ok_and(|frames| at >= HEAD && frames.len() < 2)
                    || read(&changed).is_err(),
                "byte {at}"
            );
        }
    }
}
