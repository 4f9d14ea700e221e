//! A trigger's bytes: a record of `k` (0 call, 1 event), `n` (name) and `s` (number, from 1).

use super::Kind;
use crate::error::Error;
use crate::records::{self, Item, Items, Reason, ValueRef, encode_into};

/// One trigger.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Trigger<'a> {
    pub(super) kind: Kind,
    pub(super) name: &'a str,
    pub(super) number: u64,
}

/// Writes one to the front of `bytes`, which grows where it must; the size.
pub(super) fn encode(kind: Kind, name: &str, number: u64, bytes: &mut Vec<u8>) -> Result<usize, Error> {
    let items = [
        ("k", ValueRef::Integer(kind as i64)),
        ("n", ValueRef::String(name)),
        ("s", ValueRef::Integer(number as i64)), // one a nanosecond reach the sign in 292 years
    ];
    loop {
        match encode_into(&items, bytes) {
            Ok(size) => return Ok(size),
            Err(records::Error { reason: Reason::TooLarge { needed }, .. }) if needed > bytes.len() => {
                bytes.resize(needed, 0)
            }
            Err(_) => return Err(Error::InvalidParameter("a name too long for any message".to_owned())),
        }
    }
}

/// Reads one; `None` if it is none.
pub(super) fn decode(message: &[u8]) -> Option<Trigger<'_>> {
    let (mut kind, mut name, mut number) = (None, None, None);
    for item in Items::new(message).ok()? {
        match item.ok()? {
            Item { key: "k", value: ValueRef::Integer(0) } => kind = Some(Kind::Call),
            Item { key: "k", value: ValueRef::Integer(1) } => kind = Some(Kind::Event),
            Item { key: "n", value: ValueRef::String(text) } => name = Some(text),
            Item { key: "s", value: ValueRef::Integer(counted) } if counted > 0 => number = Some(counted as u64),
            Item { key: "k" | "n" | "s", .. } => return None,
            _ => {} // of a later release
        }
    }
    Some(Trigger { kind: kind?, name: name?, number: number? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(items: &[(&str, ValueRef<'_>)]) -> Vec<u8> {
        let mut bytes = vec![0; 256];
        let size = encode_into(items, &mut bytes).unwrap();
        bytes.truncate(size);
        bytes
    }

    #[test]
    fn the_released_form() {
        let mut bytes = Vec::new();
        let size = encode(Kind::Event, "go", 258, &mut bytes).unwrap();
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
        for (kind, name, number) in [(Kind::Call, "", 1), (Kind::Event, "häuser", 128), (Kind::Call, "x", i64::MAX as u64)]
        {
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
        let expected = Some(Trigger { kind: Kind::Call, name: "go", number: 7 });
        assert_eq!(decode(&record(&[s.clone(), ("t", ValueRef::Real(1.5)), n.clone(), k.clone()])), expected);
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
