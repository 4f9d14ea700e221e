//! A trigger's bytes: a record of `k` (0 call, 1 event), `n` (name, any bytes) and `s` (number, from 1).

use super::Kind;
use crate::error::Error;
use crate::records::{self, Items, Loose, Reason, encode_parts};

/// One trigger.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Trigger<'a> {
    pub(super) kind: Kind,
    pub(super) name: &'a [u8],
    pub(super) number: u64,
}

/// Writes one to the front of `bytes`, which grows where it must; the size.
pub(super) fn encode(kind: Kind, name: &[u8], number: u64, bytes: &mut Vec<u8>) -> Result<usize, Error> {
    let items = [
        (&b"k"[..], Loose::Integer(kind as i64)),
        (b"n", Loose::String(name)),
        (b"s", Loose::Integer(number as i64)), // one a nanosecond reach the sign in 292 years
    ];
    let mut part = |item: usize, which| {
        let (key, value) = items[item];
        Ok([Loose::Integer(value.kind() as i64), Loose::String(key), value][which as usize])
    };
    loop {
        match encode_parts(items.len(), bytes, &mut part) {
            Ok(size) => return Ok(size),
            Err(records::Error { reason: Reason::TooLarge { needed }, .. }) if needed > bytes.len() => {
                bytes.resize(needed, 0)
            }
            Err(_) => return Err(Error::InvalidParameter("a name too long for any message".to_owned())),
        }
    }
}

/// Reads one; `None` if it is none. Bytes after it are not looked at.
pub(super) fn decode(message: &[u8]) -> Option<Trigger<'_>> {
    let (mut kind, mut name, mut number) = (None, None, None);
    let mut items = Items::loose(message).ok()?;
    while let Some(item) = items.next_loose().ok()? {
        match item {
            (b"k", Some(Loose::Integer(0))) => kind = Some(Kind::Call),
            (b"k", Some(Loose::Integer(1))) => kind = Some(Kind::Event),
            (b"n", Some(Loose::String(text))) => name = Some(text),
            (b"s", Some(Loose::Integer(counted))) if counted > 0 => number = Some(counted as u64),
            (b"k" | b"n" | b"s", _) => return None,
            _ => {} // of a later release
        }
    }
    Some(Trigger { kind: kind?, name: name?, number: number? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::{CallRef, ValueRef, encode_into};

    fn record(items: &[(&str, ValueRef<'_>)]) -> Vec<u8> {
        let mut bytes = vec![0; 256];
        let size = encode_into(items, &mut bytes).unwrap();
        bytes.truncate(size);
        bytes
    }

    #[test]
    fn the_released_form() {
        let mut bytes = Vec::new();
        let size = encode(Kind::Event, b"go", 258, &mut bytes).unwrap();
        let expected = [
            &[0x30, 0x84, 0, 0, 0, 0x2F][..],
            &[0x30, 0x84, 0, 0, 0, 9, 2, 1, 0, 2, 1, 3, 2, 1, 0],
            &[0x30, 0x84, 0, 0, 0, 9, 0xC, 1, b'k', 0xC, 1, b'n', 0xC, 1, b's'],
            &[0x30, 0x84, 0, 0, 0, 11, 2, 1, 1, 0xC, 2, b'g', b'o', 2, 2, 1, 2],
        ];
        assert_eq!(bytes[..size], expected.concat());
    }

    #[test]
    fn what_is_written_is_read() {
        let mut bytes = Vec::new();
        for (kind, name, number) in [
            (Kind::Call, &b""[..], 1),
            (Kind::Event, "häuser".as_bytes(), 128),
            (Kind::Event, b"h\xE4user", 129),
            (Kind::Call, b"x", i64::MAX as u64),
        ] {
            let size = encode(kind, name, number, &mut bytes).unwrap();
            assert_eq!(decode(&bytes[..size]), Some(Trigger { kind, name, number }));
            for cut in 0..size {
                assert_eq!(decode(&bytes[..cut]), None);
            }
        }
    }

    #[test]
    fn fields_in_any_order_with_others_between() {
        let (k, n, s) = (("k", ValueRef::Integer(0)), ("n", ValueRef::String("go")), ("s", ValueRef::Integer(7)));
        let expected = Some(Trigger { kind: Kind::Call, name: b"go", number: 7 });
        let call = ValueRef::FunctionCall(CallRef { name: "f", result: None, arguments: [][..].into() });
        let mut bytes = record(&[s.clone(), ("t", ValueRef::Real(1.5)), ("c", call), n.clone(), k.clone()]);
        assert_eq!(decode(&bytes), expected);
        bytes.extend_from_slice(b"after it");
        assert_eq!(decode(&bytes), expected);
        for missing in [[&k, &n], [&k, &s], [&n, &s]] {
            assert_eq!(decode(&record(&missing.map(Clone::clone))), None);
        }
    }

    #[test]
    fn fields_of_no_meaning() {
        let good = [("k", ValueRef::Integer(1)), ("n", ValueRef::String("go")), ("s", ValueRef::Integer(7))];
        assert!(decode(&record(&good)).is_some());
        for (at, value) in [
            (0, ValueRef::Integer(2)),
            (0, ValueRef::Integer(-1)),
            (0, ValueRef::Boolean(true)),
            (1, ValueRef::Binary(b"go")),
            (2, ValueRef::Integer(0)),
            (2, ValueRef::Integer(-5)),
            (2, ValueRef::Real(7.0)),
        ] {
            let mut bad = good.clone();
            bad[at].1 = value;
            assert_eq!(decode(&record(&bad)), None, "{bad:?}");
        }
        assert_eq!(decode(b"hello"), None);
    }
}
