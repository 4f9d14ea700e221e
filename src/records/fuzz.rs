//! The decoder against the encoder, and against bytes that are no record; the same in every run.

use super::{Call, Error, Event, Image, Items, Reason, Record, Scalar, Value, to_json};

/// xorshift64*.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 11) % limit
    }

    fn octets(&mut self) -> Vec<u8> {
        let length = if self.below(20) == 0 { self.below(400) } else { self.below(12) };
        (0..length).map(|_| self.next() as u8).collect()
    }

    fn text(&mut self) -> String {
        let length = if self.below(20) == 0 { self.below(300) } else { self.below(8) };
        (0..length).map(|_| ['a', '"', '\\', '\0', 'é', '✓', '🤖'][self.below(7) as usize]).collect()
    }

    fn scalar(&mut self) -> Scalar {
        match self.below(5) {
            0 => {
                let shift = self.below(64);
                Scalar::Integer(self.next() as i64 >> shift)
            }
            1 => Scalar::Boolean(self.below(2) == 1),
            2 => Scalar::Real(
                [0.0, -0.0, 1.5, f64::INFINITY, f64::from_bits(self.next() & !(1 << 62))][self.below(5) as usize],
            ),
            3 => Scalar::String(self.text()),
            _ => Scalar::Binary(self.octets()),
        }
    }

    fn value(&mut self) -> Value {
        match self.below(9) {
            5 => Value::Event(Event {
                name: self.text(),
                parameters: (0..self.below(4)).map(|_| (self.text(), self.scalar())).collect(),
            }),
            6 => Value::FunctionCall(Call {
                name: self.text(),
                result: (self.below(2) == 0).then(|| self.scalar()),
                arguments: (0..self.below(4)).map(|_| self.scalar()).collect(),
            }),
            7 => Value::ImageFrame(Image {
                width: self.next() as u32,
                height: self.below(300) as u32,
                channels: self.below(5) as u32,
                timestamp_ns: self.next(),
                data: self.octets(),
            }),
            _ => self.scalar().into(),
        }
    }

    fn record(&mut self) -> Record {
        (0..self.below(7)).map(|_| (self.text(), self.value())).collect()
    }

    /// Changes a few bytes: one bit, one byte, a cut, an insertion, a length made huge.
    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len() as u64 + 1) as usize;
            match self.below(6) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, self.next() as u8),
                2 if at + 4 < bytes.len() => {
                    bytes[at..at + 4].copy_from_slice(&(self.next() as u32 | 1 << 31).to_be_bytes())
                }
                3 if at < bytes.len() => {
                    bytes[at] = [0, 1, 2, 5, 9, 12, 0x10, 0x30, 0x7F, 0x80, 0x84, 0xFF][self.below(12) as usize]
                }
                4 if at < bytes.len() => drop(bytes.remove(at)),
                _ if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                _ => {}
            }
        }
    }
}

#[test]
fn what_is_encoded_is_decoded() {
    let mut random = Random(7);
    for _ in 0..20_000 {
        let record = random.record();
        let bytes = record.encode().expect("it has a form");
        assert_eq!(Record::decode(&bytes).as_ref(), Ok(&record));
        let mut exact = vec![0; bytes.len()];
        assert_eq!(record.encode_into(&mut exact), Ok(bytes.len()));
        assert_eq!(exact, bytes);
        exact.pop();
        let needed = bytes.len();
        assert_eq!(record.encode_into(&mut exact), Err(Error::at(0, Reason::TooLarge { needed })));
        assert!(Record::decode(&bytes[..random.below(needed as u64) as usize]).is_err(), "a part is no record");
    }
}

/// A million records with a few bytes changed. Whatever is still accepted, encodes to bytes that give the same again.
#[test]
fn a_million_mutated_records() {
    let count = if cfg!(miri) { 300 } else { 1_000_000 };
    let (mut random, mut accepted, mut bytes) = (Random(42), 0, Vec::new());
    let mut original = Vec::new();
    for round in 0..count {
        if round % 16 == 0 {
            original = random.record().encode().expect("it has a form");
        }
        bytes.clone_from(&original);
        random.mutate(&mut bytes);
        let checked = Items::new(&bytes).and_then(Items::check);
        match &checked {
            Ok(_) => {
                accepted += 1;
                let record = Record::decode(&bytes).expect("the same bytes");
                assert_eq!(checked, Ok(record.len()));
                let again = record.encode().expect("it has a form");
                // Compared as bytes, as a NaN equals nothing.
                assert_eq!(Record::decode(&again).and_then(|record| record.encode()), Ok(again));
                assert!(to_json(&bytes).is_ok());
            }
            Err(error) => {
                assert!(error.position <= bytes.len(), "{error} of {} bytes", bytes.len());
                if round % 64 == 0 {
                    assert_eq!(Record::decode(&bytes).as_ref(), Err(error));
                    assert_eq!(to_json(&bytes).as_ref(), Err(error));
                }
            }
        }
    }
    println!("{count} mutated records, {accepted} of them still records");
    assert!(accepted > count / 100 && accepted < count, "the mutations are too wild or too tame: {accepted}");
}
