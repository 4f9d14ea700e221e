//! The JSON that programs parse: it has the fields that README.md lists, and no others.

mod common;

use common::{ctl, json, orphan, start};
use eshm::{Role, records::Record};
use eshm_processes::{Name, open, until};
use serde_json::Value;

const README: &str = include_str!("../README.md");

const FILE: &str = "name kind size mode uid age_s age_of orphan findings";
const SEGMENT: &str = "protocol capacity stale_threshold_ms master_generation features \
                       layout_size window_ms master slave master_to_slave slave_to_master";
const SIDE: &str = "life pid command library flag lock heartbeat beats_per_second";
const CHANNEL: &str = "sequence stuck message_size writes reads missed writes_per_second \
                       reads_per_second wake_seq waiters reader_waiting";
const MESSAGE: &str = "size text hex record";

/// Holds an object against its fields, and these against the README.
#[track_caller]
fn has(object: &Value, fields: &str) {
    let mut wanted: Vec<&str> = fields.split_whitespace().collect();
    let mut found: Vec<&str> =
        object.as_object().expect("an object").keys().map(String::as_str).collect();
    wanted.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, wanted, "{object}");
    let part = README
        .split("## JSON")
        .nth(1)
        .and_then(|rest| rest.split("\n## ").next())
        .expect("a part about JSON");
    for field in wanted {
        let named = [format!("`{field}`"), format!("{{\"{field}\": [")];
        assert!(named.iter().any(|name| part.contains(name)), "README.md does not name {field}");
    }
}

#[track_caller]
fn line(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn segments() {
    let (live, dead, junk) = (Name::new(), Name::new(), Name::new());
    let (master, _slave) = (open(&live, Role::Master), open(&live, Role::Slave));
    master.write(b"a value").expect("written");
    orphan(&dead);
    std::fs::write(junk.path(), b"junk").expect("write the file");
    let all = json(&ctl(&["list", "--json"]));
    has(&all, "segments");
    let of = |name: &Name| {
        let all = all["segments"].as_array().expect("a list");
        all.iter().find(|segment| segment["name"] == name.as_str()).cloned().expect("it is listed")
    };
    for name in [&live, &dead] {
        let segment = of(name);
        has(&segment, &format!("{FILE} {SEGMENT}"));
        ["master", "slave"].into_iter().for_each(|side| has(&segment[side], SIDE));
        ["master_to_slave", "slave_to_master"]
            .into_iter()
            .for_each(|channel| has(&segment[channel], CHANNEL));
    }
    has(&of(&junk), FILE);
    has(&of(&dead)["findings"][0], "severity what advice");
    let shown = json(&ctl(&["show", live.as_str(), "--json"]));
    has(&shown, &format!("{FILE} {SEGMENT}"));
    has(&shown["master_to_slave"], &format!("{CHANNEL} message"));
    has(&shown["master_to_slave"]["message"], MESSAGE);
    has(&shown["slave_to_master"], CHANNEL);
}

#[test]
fn values() {
    let name = Name::new();
    let mut watch = start(&["watch", name.as_str(), "--json"]);
    watch.until_it_looks();
    let master = open(&name, Role::Master);
    let mut recv = start(&["recv", name.as_str(), "--as", "slave", "--json"]);
    until("the slave is there", || name.raw().get("slave_alive") == 1);
    master.write(&Record::from_iter([("a", 1.into())]).encode().expect("bytes")).expect("written");
    let seen = line(&watch.line());
    has(&seen, "unix_time writer missed message");
    has(&seen["message"], MESSAGE);
    let got = line(&recv.line());
    has(&got, MESSAGE);
    assert_eq!((&got["record"]["a"], &got["text"]), (&1.into(), &Value::Null));
}

#[test]
fn measurements_and_checks() {
    let name = Name::new();
    let _echo = start(&["echo", name.as_str(), "--as", "master"]);
    until("the segment is there", || name.exists());
    let ping = json(&ctl(&["ping", name.as_str(), "--as", "slave", "--count", "10", "--json"]));
    has(&ping, "size trips lost per_second p50_ns p90_ns p99_ns p99.9_ns max_ns");
    let bench = json(&ctl(&["bench", "--for", "0.4", "--json"]));
    has(&bench, "line_ns trips");
    has(&bench["trips"][0], "size trips lost per_second p50_ns p99_ns max_ns");
    let doctor = json(&ctl(&["doctor", "--json"]));
    has(&doctor, "checks");
    has(&doctor["checks"][0], "subject verdict seen advice");
}
