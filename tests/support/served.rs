//! The service on a real Kafka, as a test starts, asks and ends it.

#![allow(dead_code, unreachable_pub, reason = "several tests share it, and none uses all of it")]

use std::process::{Child, Command, Stdio};

use entrepot::stream::Home;
use entrepot::stream::kafka::KafkaLog;

use super::house::{House, MOVEMENTS};
use super::kafka::{Broker, ended, wait_until};

/// What makes a house keep its log on a broker.
pub fn on(broker: &Broker) -> Vec<String> {
    let servers = format!("log.kafka.bootstrap_servers={}", broker.bootstrap());
    let set =
        ["log.kind=kafka", "topics.replication_factor=1", "transactions.records_max=50", "snapshots.url=snapshots", &servers];
    set.map(str::to_owned).to_vec()
}

pub fn set(settings: &[String]) -> Vec<&str> {
    settings.iter().flat_map(|set| ["--set", set.as_str()]).collect()
}

pub fn serve(house: &House, settings: &[String], instance: &str) -> Child {
    let own = format!("service.instance={instance}");
    let mut command = house.command(&[&set(settings)[..], &["--set", &own, "--log", "json", "run"]].concat());
    let said = std::fs::OpenOptions::new().append(true).create(true).open(house.path(&format!("{instance}.log"))).unwrap();
    command.stdout(Stdio::null()).stderr(said).spawn().unwrap()
}

/// What a service has said.
pub fn said(house: &House, instance: &str) -> String {
    std::fs::read_to_string(house.path(&format!("{instance}.log"))).unwrap()
}

pub fn lag(log: &mut KafkaLog) -> u64 {
    let raw = log.lag("entrepot.ingest", &["world".to_owned()]).unwrap();
    raw + log.lag("entrepot.assess", &[MOVEMENTS.to_owned()]).unwrap()
}

#[track_caller]
pub fn end(mut child: Child) -> Option<i32> {
    end_now(&mut child)
}

#[track_caller]
pub fn end_now(child: &mut Child) -> Option<i32> {
    signal(child, "TERM");
    ended("the end after SIGTERM", child)
}

#[track_caller]
pub fn signal(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap().success());
}

/// Waits for a line in what a service says.
#[track_caller]
pub fn wait_for(house: &House, instance: &str, words: &str) {
    wait_until(words, || said(house, instance).contains(words));
}

/// A record of the month.
pub fn flow(month: &str) -> String {
    format!(
        r#"{{"kind":"trade_flow","reporter":"US","partner":"TH","flow":"import","period":"{month}","hs":"282580","net_mass_kg":20000,"known_from":"2025-06-05T00:00:00Z"}}"#
    ) + "\n"
}

/// Deletes the messages of a partition before an offset.
#[track_caller]
pub fn delete_records(house: &House, broker: &Broker, (topic, partition): (&str, i32), before: i64) {
    let partitions = format!(r#"{{"version":1,"partitions":[{{"topic":"{topic}","partition":{partition},"offset":{before}}}]}}"#);
    let file = house.write("delete.json", partitions.as_bytes());
    broker.run("org.apache.kafka.tools.DeleteRecordsCommand", &["--offset-json-file", file.to_str().unwrap()]);
}
