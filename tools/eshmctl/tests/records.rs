//! Records: shown by `watch`, `show` and `recv`, sent by `send`.

mod common;

use common::{ctl, ctl_with_input, json, start};
use eshm::{Endpoint, Role, records::Record};
use eshm_processes::{Name, open, until};
use serde_json::Value;

const SHOWN: &str = r#"{"speed": 1.5, "on": true, "name": "arm", "speed": 2}"#;

fn record() -> Record {
    Record::from_iter([("speed", 1.5.into()), ("on", true.into()), ("name", "arm".into()), ("speed", 2.into())])
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
    assert!(shown.out.contains(&format!("a record: {SHOWN}")) && shown.out.contains("6 bytes: \"a text\""), "{}", shown.out);
    assert_eq!(shown.code, Some(0), "{}", shown.out);
    let shown = ctl(&["show", name.as_str(), "--hex"]);
    assert!(shown.out.contains("bytes: 30 84 00") && shown.out.contains("6 bytes: 61 20 74"), "{}", shown.out);
    let shown = ctl(&["show", name.as_str(), "--record"]);
    assert!(shown.out.contains("6 bytes, no record: an element"), "{}", shown.out);
    assert_eq!(shown.code, Some(3), "one is no record");
    let shown = json(&ctl(&["show", name.as_str(), "--json"]));
    assert_eq!(shown["master_to_slave"]["message"]["record"]["name"], "arm");
    assert_eq!(shown["slave_to_master"]["message"]["record"], Value::Null);
    assert_eq!(shown["slave_to_master"]["message"]["text"], "a text");
}

#[test]
fn records_are_sent_as_typed_and_replies_are_shown_likewise() {
    let name = Name::new();
    let master = open(&name, Role::Master);
    let mut send = start(&["send", name.as_str(), SHOWN, "--record", "--as", "slave", "--linger", "30"]);
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
