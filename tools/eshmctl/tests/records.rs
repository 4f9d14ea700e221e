//! Records: shown by `watch`, `show` and `recv`, sent by `send`.

mod common;

use common::{ctl, ctl_with_input, json, start};
use eshm::{Endpoint, Role, records::Record};
use eshm_processes::{Name, open, until};
use serde_json::Value;

const SHOWN: &str = r#"{"speed": 1.5, "on": true, "name": "arm", "speed": 2}"#;

fn record() -> Record {
    Record::from_iter([
        ("speed", 1.5.into()),
        ("on", true.into()),
        ("name", "arm".into()),
        ("speed", 2.into()),
    ])
}

fn write(endpoint: &Endpoint) {
    endpoint.write(&record().encode().expect("bytes")).expect("written");
}

#[test]
fn watch_shows_records_and_says_what_is_none() {
    let name = Name::new();
    let mut watch = start(&["watch", name.as_str(), "--record", "--count", "1"]);
    let mut lines = start(&["watch", name.as_str(), "--json", "--count", "1"]);
    watch.until_it_looks();
    lines.until_it_looks();
    let master = open(&name, Role::Master);
    write(&master);
    let line = watch.line();
    assert!(line.ends_with(SHOWN) && line.contains("master"), "{line}");
    assert!(watch.line().starts_with("1 caught"));
    assert_eq!(watch.end_code(), Some(0));
    let line = lines.line();
    // As it stands in the message: in order, and with the key that comes twice.
    assert!(line.contains(&format!("\"record\":{SHOWN}")), "{line}");

    let mut watch = start(&["watch", name.as_str(), "--record", "--count", "1", "--every", "100"]);
    watch.until_it_looks();
    master.write(b"a text").expect("written");
    let line = watch.line();
    assert!(line.contains("no record: an element that does not belong here (at 0)"), "{line}");
    assert!(watch.line().starts_with("1 caught"));
    assert_eq!(watch.end_code(), Some(3));
}

#[test]
fn show_takes_a_message_for_what_it_is() {
    let name = Name::new();
    let (master, slave) = (open(&name, Role::Master), open(&name, Role::Slave));
    write(&master);
    slave.write(b"a text").expect("written");
    let shown = ctl(&["show", name.as_str()]);
    assert!(
        shown.out.contains(&format!("a record: {SHOWN}"))
            && shown.out.contains("6 bytes: \"a text\""),
        "{}",
        shown.out
    );
    assert_eq!(shown.code, Some(0), "{}", shown.out);
    let shown = ctl(&["show", name.as_str(), "--hex"]);
    assert!(
        shown.out.contains("bytes: 30 84 00") && shown.out.contains("6 bytes: 61 20 74"),
        "{}",
        shown.out
    );
    let shown = ctl(&["show", name.as_str(), "--record"]);
    assert!(shown.out.contains("6 bytes, no record: an element"), "{}", shown.out);
    assert_eq!(shown.code, Some(3), "one is no record");
    let shown = json(&ctl(&["show", name.as_str(), "--json"]));
    assert_eq!(shown["master_to_slave"]["message"]["record"]["name"], "arm");
    assert_eq!(shown["slave_to_master"]["message"]["record"], Value::Null);
    assert_eq!(shown["slave_to_master"]["message"]["text"], "a text");
}

/// A record as peers write it that say 0x10 for a sequence and give each length in one byte:
/// nothing but ASCII.
fn in_short_form(long: &[u8]) -> Vec<u8> {
    let (mut short, mut rest) = (Vec::new(), long);
    while let [tag, first, after @ ..] = rest {
        let more = usize::from(first.saturating_sub(0x80));
        let length = after[..more].iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        let (content, next) =
            after[more..].split_at(if more == 0 { usize::from(*first) } else { length });
        let content = if *tag == 0x30 { in_short_form(content) } else { content.to_vec() };
        short.extend_from_slice(&[
            if *tag == 0x30 { 0x10 } else { *tag },
            u8::try_from(content.len()).expect("a short one"),
        ]);
        short.extend(content);
        rest = next;
    }
    short
}

#[test]
fn a_record_that_is_text_as_well_is_shown_as_a_record() {
    let name = Name::new();
    let (master, slave) = (open(&name, Role::Master), open(&name, Role::Slave));
    let short = in_short_form(&Record::from_iter([("a", 1.into())]).encode().expect("bytes"));
    assert!(short.is_ascii(), "{short:?}");
    master.write(&short).expect("written");
    slave.write(b"\x10 is no record").expect("written");
    let shown = ctl(&["show", name.as_str()]);
    assert!(
        shown.out.contains("a record: {\"a\": 1}")
            && shown.out.contains("\"\\u{10} is no record\""),
        "{}",
        shown.out
    );
}

#[test]
fn long_messages_are_cut_after_64_characters_unless_all_is_asked_for() {
    let name = Name::new();
    let (master, slave) = (open(&name, Role::Master), open(&name, Role::Slave));
    let (fits, long) = ("\u{e9}".repeat(64), [0xFF; 100]);
    master.write(fits.as_bytes()).expect("written");
    slave.write(&long).expect("written");
    let shown = ctl(&["show", name.as_str()]);
    assert!(
        shown.out.contains(&format!("128 bytes: \"{fits}\"\n")),
        "nothing is left out: {}",
        shown.out
    );
    assert!(
        shown.out.contains(&format!("100 bytes: {} ...\n", ["ff"; 64].join(" "))),
        "{}",
        shown.out
    );
    let shown = ctl(&["show", name.as_str(), "--hex"]);
    assert!(
        shown.out.contains(&format!("100 bytes: {}\n", ["ff"; 100].join(" "))),
        "{}",
        shown.out
    );
    assert!(
        shown.out.contains(&format!("128 bytes: {}\n", ["c3 a9"; 64].join(" "))),
        "{}",
        shown.out
    );
    master.write(format!("{fits}x").as_bytes()).expect("written");
    let shown = ctl(&["show", name.as_str()]);
    assert!(shown.out.contains(&format!("129 bytes: \"{fits}\" ...\n")), "{}", shown.out);
}

#[test]
fn records_are_sent_as_typed_and_replies_are_shown_likewise() {
    let name = Name::new();
    let master = open(&name, Role::Master);
    let mut send =
        start(&["send", name.as_str(), SHOWN, "--record", "--as", "slave", "--linger", "30"]);
    let mut buffer = vec![0; 4096];
    let size = master.read_timeout(&mut buffer, eshm_processes::ms(20_000)).expect("a record");
    assert_eq!(Record::decode(&buffer[..size]).expect("a record"), record());
    write(&master);
    assert_eq!(send.line(), SHOWN);
    assert_eq!(send.end().0, Some(0));
    let done = ctl_with_input(
        &["send", name.as_str(), "--record", "--as", "slave", "--linger", "0.01"],
        "{\"a\": 1}\n{\"a\": [1]}\n",
    );
    assert_eq!(done.code, Some(1));
    assert!(done.err.contains("no record in JSON: \"a\": a value is a number"), "{}", done.err);
}

#[test]
fn recv_shows_records() {
    let name = Name::new();
    let mut recv = start(&["recv", name.as_str(), "--as", "slave", "--record", "--count", "2"]);
    assert_eq!(recv.end_code(), Some(4), "there is no master");
    let master = open(&name, Role::Master);
    let mut recv = start(&["recv", name.as_str(), "--as", "slave", "--record", "--count", "2"]);
    until("the slave is there", || name.raw().get("slave_alive") == 1);
    write(&master);
    assert_eq!(recv.line(), SHOWN);
    master.write(b"\x30\x84").expect("written");
    assert_eq!(recv.line(), "no record: cut off (at 1)");
    assert_eq!(recv.end_code(), Some(3));
}
