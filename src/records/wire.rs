//! Elements: tag, length, content. Nothing here knows what a record is.

use super::error::{Error, Reason};
use super::real;

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BINARY: u8 = 0x04;
pub(super) const NULL: u8 = 0x05;
pub(super) const REAL: u8 = 0x09;
pub(super) const TEXT: u8 = 0x0C;
pub(super) const SEQUENCE: u8 = 0x30;

/// A part of a message that is still to be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    /// Where in the message it begins.
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(message: &'a [u8]) -> Self {
        Reader { rest: message, at: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn position(&self) -> usize {
        self.at
    }

    pub(super) fn error(&self, reason: Reason) -> Error {
        Error::at(self.at, reason)
    }

    /// Nothing may be left.
    pub(super) fn finish(&self) -> Result<(), Error> {
        if self.is_empty() { Ok(()) } else { Err(self.error(Reason::TrailingBytes)) }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next element, which must be of this kind; its content.
    pub(super) fn element(&mut self, expected: u8) -> Result<Reader<'a>, Error> {
        let [tag, first, rest @ ..] = self.rest else { return Err(self.error(Reason::Truncated)) };
        // Peers written in Python say 0x10 for SEQUENCE: only the low five bits are its number.
        if *tag != expected && !(expected == SEQUENCE && tag & 0x1F == SEQUENCE & 0x1F) {
            return Err(self.error(Reason::UnexpectedTag));
        }
        let (length, content) = match first {
            0..=0x7F => (usize::from(*first), rest),
            0x81..=0x84 => {
                let count = usize::from(first & 0x7F);
                let Some((bytes, rest)) = rest.split_at_checked(count) else {
                    return Err(Error::at(self.at + 1, Reason::Truncated));
                };
                (bytes.iter().fold(0, |length: usize, &byte| length << 8 | usize::from(byte)), rest)
            }
            _ => return Err(Error::at(self.at + 1, Reason::BadLength)),
        };
        let Some((content, rest)) = content.split_at_checked(length) else {
            return Err(Error::at(self.at + 1, Reason::Truncated));
        };
        let end = self.at + (self.rest.len() - rest.len());
        *self = Reader { rest, at: end };
        Ok(Reader { rest: content, at: end - length })
    }

    pub(super) fn octets(&mut self) -> Result<&'a [u8], Error> {
        Ok(self.element(BINARY)?.rest)
    }

    pub(super) fn null(&mut self) -> Result<(), Error> {
        self.element(NULL)?.finish()
    }

    /// A text that may be any bytes.
    pub(super) fn loose_text(&mut self) -> Result<&'a [u8], Error> {
        Ok(self.element(TEXT)?.rest)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Error> {
        let content = self.element(TEXT)?;
        std::str::from_utf8(content.rest).map_err(|error| Error::at(content.at + error.valid_up_to(), Reason::NotUtf8))
    }

    pub(super) fn integer(&mut self) -> Result<i64, Error> {
        let content = self.element(INTEGER)?;
        signed(content.rest).ok_or_else(|| content.error(Reason::BadInteger))
    }

    /// An integer that the item keeps in 32 bits without sign.
    pub(super) fn unsigned(&mut self) -> Result<u32, Error> {
        let at = self.at;
        self.integer()?.try_into().map_err(|_| Error::at(at, Reason::OutOfRange))
    }

    pub(super) fn boolean(&mut self) -> Result<bool, Error> {
        let content = self.element(BOOLEAN)?;
        if let [byte] = content.rest { Ok(*byte != 0) } else { Err(content.error(Reason::BadBoolean)) }
    }

    pub(super) fn real(&mut self) -> Result<f64, Error> {
        let content = self.element(REAL)?;
        real::decode(content.rest).ok_or_else(|| content.error(Reason::BadReal))
    }
}

/// A big-endian two's complement number of 1 to 8 bytes.
pub(super) fn signed(bytes: &[u8]) -> Option<i64> {
    if bytes.len() > 8 {
        return None;
    }
    let sign = i64::from(*bytes.first()? as i8) >> 7;
    Some(bytes.iter().fold(sign, |number, &byte| number << 8 | i64::from(byte)))
}

/// Writes elements; beyond the end of the buffer it only counts.
pub(crate) struct Writer<'a> {
    buffer: &'a mut [u8],
    at: usize,
}

/// A SEQUENCE that was begun.
#[must_use]
pub(super) struct Open(usize);

impl<'a> Writer<'a> {
    pub(super) fn new(buffer: &'a mut [u8]) -> Self {
        Writer { buffer, at: 0 }
    }

    /// The bytes written, if they fitted and their number has a form.
    pub(super) fn finish(self) -> Result<usize, Error> {
        if self.at <= self.buffer.len() && u32::try_from(self.at).is_ok() {
            Ok(self.at)
        } else {
            Err(Error::at(0, Reason::TooLarge { needed: self.at }))
        }
    }

    pub(super) fn put(&mut self, bytes: &[u8]) {
        if let Some(place) = self.buffer.get_mut(self.at..).and_then(|rest| rest.get_mut(..bytes.len())) {
            place.copy_from_slice(bytes);
        }
        self.at = self.at.saturating_add(bytes.len());
    }

    fn element(&mut self, tag: u8, content: &[u8]) {
        let length = content.len();
        if length < 0x80 {
            self.put(&[tag, length as u8]);
        } else {
            let bytes = (length as u32).to_be_bytes(); // finish() refuses what does not fit
            let skip = (length as u32).leading_zeros() as usize / 8;
            self.put(&[tag, 0x80 | (4 - skip) as u8]);
            self.put(&bytes[skip.min(3)..]);
        }
        self.put(content);
    }

    /// Begins a SEQUENCE, whose length always has four bytes.
    pub(super) fn open(&mut self) -> Open {
        self.put(&[SEQUENCE, 0x84, 0, 0, 0, 0]);
        Open(self.at)
    }

    /// Ends it.
    pub(super) fn close(&mut self, Open(start): Open) {
        let length = ((self.at - start) as u32).to_be_bytes(); // as above
        if let Some(place) = self.buffer.get_mut(start - 4..start) {
            place.copy_from_slice(&length);
        }
    }

    pub(super) fn null(&mut self) {
        self.element(NULL, &[]);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.loose_text(text.as_bytes());
    }

    pub(super) fn loose_text(&mut self, text: &[u8]) {
        self.element(TEXT, text);
    }

    pub(super) fn octets(&mut self, octets: &[u8]) {
        self.element(BINARY, octets);
    }

    pub(super) fn boolean(&mut self, value: bool) {
        self.element(BOOLEAN, &[if value { 0xFF } else { 0 }]);
    }

    /// The shortest form.
    pub(super) fn integer(&mut self, value: i64) {
        let bytes = value.to_be_bytes();
        let sign_bits = (value ^ value >> 63).leading_zeros() as usize; // at least one
        self.element(INTEGER, &bytes[(sign_bits - 1) / 8..]);
    }

    pub(super) fn real(&mut self, value: f64) {
        if value.to_bits() == 0 {
            return self.element(REAL, &[]);
        }
        let mut content = [real::DOUBLE; 9];
        content[1..].copy_from_slice(&value.to_bits().to_be_bytes());
        self.element(REAL, &content);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
        let mut buffer = [0; 400];
        let mut writer = Writer::new(&mut buffer);
        write(&mut writer);
        let size = writer.finish().expect("it fits");
        buffer[..size].to_vec()
    }

    #[test]
    fn integers_take_the_shortest_form() {
        for (value, bytes) in [
            (0, &[2, 1, 0][..]),
            (-1, &[2, 1, 0xFF]),
            (127, &[2, 1, 0x7F]),
            (128, &[2, 2, 0, 0x80]),
            (-128, &[2, 1, 0x80]),
            (-129, &[2, 2, 0xFF, 0x7F]),
            (i64::MAX, &[2, 8, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]),
            (i64::MIN, &[2, 8, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        ] {
            assert_eq!(written(|w| w.integer(value)), bytes, "{value}");
            assert_eq!(Reader::new(bytes).integer(), Ok(value));
        }
        for shift in 0..63 {
            for value in [1 << shift, (1 << shift) - 1, -(1 << shift), -(1 << shift) - 1] {
                assert_eq!(Reader::new(&written(|w| w.integer(value))).integer(), Ok(value));
            }
        }
        assert_eq!(Reader::new(&[2, 2, 0xFF, 0x80]).integer(), Ok(-128), "longer than it need be");
    }

    #[test]
    fn lengths_take_the_shortest_form_and_any_is_read() {
        for (length, head) in [(127, &[4, 0x7F][..]), (128, &[4, 0x81, 0x80]), (256, &[4, 0x82, 1, 0])] {
            let bytes = written(|w| w.octets(&vec![7; length]));
            assert_eq!(&bytes[..head.len()], head);
            assert_eq!(Reader::new(&bytes).octets().map(<[u8]>::len), Ok(length));
        }
        assert_eq!(Reader::new(&[4, 0x84, 0, 0, 0, 1, 9]).octets(), Ok(&[9][..]));
        let mut writer = Writer::new(&mut []);
        writer.octets(&vec![0; 70_000]);
        assert_eq!(writer.finish(), Err(Error::at(0, Reason::TooLarge { needed: 70_005 })));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let mut reader = Reader::new(&[1, 1, 0, 2, 9, 0]);
        assert_eq!(reader.boolean(), Ok(false));
        assert_eq!(reader.integer(), Err(Error::at(4, Reason::Truncated)));
        assert_eq!(reader.real(), Err(Error::at(3, Reason::UnexpectedTag)));
        assert_eq!(reader.finish(), Err(Error::at(3, Reason::TrailingBytes)));
        for (bytes, at, reason) in [
            (&[2, 0][..], 2, Reason::BadInteger),
            (&[2, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0], 2, Reason::BadInteger),
            (&[2, 0x80, 0], 1, Reason::BadLength),
            (&[2, 0x85, 0, 0, 0, 0, 1, 0], 1, Reason::BadLength),
            (&[2, 0x82, 1], 1, Reason::Truncated),
            (&[2], 0, Reason::Truncated),
        ] {
            assert_eq!(Reader::new(bytes).integer(), Err(Error::at(at, reason)), "{bytes:?}");
        }
        assert_eq!(Reader::new(&[12, 3, b'a', b'b', 0xFF]).text(), Err(Error::at(4, Reason::NotUtf8)));
        assert_eq!(Reader::new(&[1, 2, 0, 0]).boolean(), Err(Error::at(2, Reason::BadBoolean)));
        assert_eq!(Reader::new(&[1, 1, 3]).boolean(), Ok(true));
        assert_eq!(Reader::new(&[5, 1, 3]).null(), Err(Error::at(2, Reason::TrailingBytes)));
        assert_eq!(Reader::new(&[2, 1, 0xFF]).unsigned(), Err(Error::at(0, Reason::OutOfRange)));
    }
}
