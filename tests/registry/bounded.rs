//! Commands without a service: they wait for the registry too, and files of such a feed hold a message each.

use std::process::Stdio;

use serde_json::json;

use crate::asking::wait_until;
use crate::double::{Double, Mood};
use crate::framed::{FLOW, flow};
use crate::house::messages;
use crate::serving::{house, send};

#[test]
fn a_replay_waits_for_the_registry_and_takes_every_message() {
    let double = Double::new();
    double.schema(1, "AVRO", FLOW, json!([]));
    let house = house(&double);
    send(&mut house.log(), "bills", &[Some(flow(1, "2025-01")), Some(flow(9, "2025-01")), Some(flow(1, "2025-02"))]);
    double.be(Mood::Failing(503));
    let mut replay = house.command(&["-q", "replay", "--from", "start", "--stage", "ingest", "--out", "out"]);
    let mut replay = replay.stdout(Stdio::piped()).spawn().unwrap();
    wait_until("a second question", || double.asked("/schemas/ids/1") > 1);
    assert!(replay.try_wait().unwrap().is_none(), "it waits");
    double.be(Mood::Well);
    let output = replay.wait_with_output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        (&report["read"], &report["written"]["movements"], &report["written"]["dead-letters"]),
        (&json!(3), &json!(2), &json!(1))
    );
}

#[test]
fn a_file_of_such_a_feed_is_one_message() {
    let double = Double::new();
    double.schema(10, "AVRO", FLOW, json!([]));
    let house = house(&double);
    // The id is a line feed, where rows of text would be cut.
    let bytes = flow(10, "2025-01");
    let file = house.write("bill.bin", &bytes);
    house.feed(&file, "bills");
    let fed: Vec<_> = messages(&mut house.log(), "bills").into_iter().map(|message| message.value).collect();
    assert_eq!(fed, [Some(bytes)]);

    let assess = ["-q", "assess", "bill.bin", "--feed", "bills", "--only"];
    let corridors = house.done(&[&assess[..], &["corridors"]].concat());
    assert!(corridors.contains("SB/TH/US/2025-01"), "{corridors}");
    house.write("other.bin", &flow(11, "2025-01"));
    let (code, stdout, _) = house.run(&["-q", "assess", "other.bin", "--feed", "bills", "--only", "dead-letters"]);
    let letter: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        (code, &letter["reason"], &letter["detail"]),
        (65, &json!("unknown_schema"), &json!("schema 11: the registry does not know it"))
    );
    drop(double);
    assert_eq!(house.run(&[&assess[..], &["corridors"]].concat()).0, 69);
}

#[test]
fn the_bytes_of_a_message_are_no_line_ends() {
    let double = Double::new();
    // The id is a carriage return, and no line feed is there, as on old Macintoshes.
    double.schema(13, "AVRO", FLOW, json!([]));
    let house = house(&double);
    house.write("bill.bin", &flow(13, "2025-01"));
    house.write("flows.toml", MAPPING.as_bytes());
    let config = std::fs::read_to_string(house.path("entrepot.toml")).unwrap();
    house.write("entrepot.toml", config.replacen("\"canonical\"", "\"flows.toml\"", 1).as_bytes());
    house.feed(&house.path("bill.bin"), "bills");
    let corridors = house.done(&["-q", "assess", "bill.bin", "--feed", "bills", "--only", "corridors"]);
    assert!(corridors.contains("SB/TH/US/2025-01"), "{corridors}");
    assert_eq!(messages(&mut house.log(), "bills").len(), 1);
}

/// Reads what `FLOW` tells.
const MAPPING: &str = r#"version = 1
name = "flows"
kind = "trade_flow"
[envelope]
format = "ndjson"
[fields]
reporter = "reporter"
partner = "partner"
flow = "flow"
period = "period"
hs = "hs"
[[quantities]]
value = "net_mass_kg"
unit = { const = "KGM" }
mass = "net"
"#;

#[test]
fn check_shows_the_registry_without_its_password_and_asks_it_online() {
    let double = Double::new();
    double.ask_for(Some("me:hunter2"));
    let house = house(&double);
    house.write("password", b"hunter2\n");
    let set = ["--set", "schema_registry.username=me", "--set", "schema_registry.password_file=password"];
    let shown = house.done(&[&set[..], &["check"]].concat());
    let expected =
        format!("[schema_registry]\nurl = \"{}\"\nusername = \"me\"\npassword = \"***\"\nca_file = \"\"\n", double.url());
    assert!(shown.contains(&expected) && !shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("# feed bills: topic bills, avro by the schema registry, mapping canonical: ok"), "{shown}");
    let online = house.done(&[&set[..], &["check", "--online"]].concat());
    assert!(online.contains(&format!("schema registry {}: answers", double.url())), "{online}");
    assert_eq!(house.run(&["check", "--online"]).0, 77);
}

#[test]
fn a_container_file_is_refused_whatever_was_to_be_done_with_it() {
    let house = house(&Double::new());
    house.write("bills.avro", b"Obj\x01\x04\x16avro.schema\x0e\"bytes\"\n\n");
    for arguments in [
        &["feed", "bills.avro", "--feed", "bills"][..],
        &["feed", "bills.avro", "--feed", "plain"],
        &["assess", "bills.avro"],
        &["check", "bills.avro"],
        &["check", "bills.avro", "--sample", "5"],
    ] {
        let (code, _, stderr) = house.run(arguments);
        assert!(code == 65 && stderr.contains("bills.avro: an Avro container file, which is not read"), "{code} {stderr}");
    }
    let mut log = house.log();
    assert!(messages(&mut log, "bills").is_empty() && messages(&mut log, "plain").is_empty());
}
