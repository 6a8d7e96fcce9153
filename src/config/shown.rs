//! What was resolved, to be shown: as TOML again, secrets masked.

use std::collections::BTreeMap;
use std::fmt::{Debug, Formatter, Write as _};

use super::{Config, LogHome, SchemaRegistry, SnapshotHome, SourceOf};

impl Config {
    /// What was resolved, as TOML, secrets masked.
    pub fn resolved(&self) -> String {
        let mut text = String::new();
        self.write_resolved(&mut text).expect("writing to a string does not fail");
        text
    }

    fn write_resolved(&self, text: &mut String) -> std::fmt::Result {
        let service = &self.service;
        writeln!(text, "[service]\ninstance = {:?}\nhttp_listen = \"{}\"", service.instance, service.http_listen)?;
        writeln!(text, "workers = {}\ndrain_timeout_seconds = {}\n", service.workers, service.drain_timeout.as_secs())?;
        match &self.log {
            LogHome::Embedded { path } => {
                writeln!(text, "[log]\nkind = \"embedded\"\n\n[log.embedded]\npath = {:?}\n", path.display().to_string())?;
            }
            LogHome::Kafka { bootstrap_servers, properties } => {
                writeln!(text, "[log]\nkind = \"kafka\"\n\n[log.kafka]\nbootstrap_servers = {bootstrap_servers:?}\n")?;
                write_table(text, "log.kafka.properties", properties)?;
            }
        }
        let topics = &self.topics;
        writeln!(text, "[topics]\nprefix = {:?}\npartitions = {}", topics.prefix, topics.partitions)?;
        writeln!(text, "replication_factor = {}\n", topics.replication_factor)?;
        for feed in &self.feeds {
            writeln!(text, "[[feeds]]\nname = \"{}\"\ntopic = {:?}", feed.name, feed.topic)?;
            if let Some(format) = feed.format {
                writeln!(text, "format = {:?}", format.word())?;
            }
            writeln!(text, "mapping = {:?}\ncorrections = {}\n", feed.mapping.to_string(), feed.corrections)?;
        }
        let ingest = &self.ingest;
        writeln!(text, "[ingest]\npayload_bytes_max = {}", ingest.payload_bytes_max)?;
        writeln!(text, "dead_letter_ratio_max = {:?}", ingest.dead_letter_ratio_max)?;
        writeln!(text, "dead_letter_window_records = {}", ingest.dead_letter_window_records)?;
        writeln!(text, "dead_letter_run_max = {}\n", ingest.dead_letter_run_max)?;
        writeln!(text, "[assess]\nstate_bytes_max = {}\n", self.assess.state_bytes_max)?;
        let (url, options) = match &self.snapshots.home {
            SnapshotHome::None => (String::new(), None),
            SnapshotHome::Folder(folder) => (folder.display().to_string(), None),
            SnapshotHome::Objects { url, options } => (masked_url(url), Some(options)),
        };
        writeln!(text, "[snapshots]\nurl = {url:?}\nevery_records = {}", self.snapshots.every_records)?;
        writeln!(text, "keep = {}\n", self.snapshots.keep)?;
        if let Some(options) = options {
            write_table(text, "snapshots.options", options)?;
        }
        let transactions = &self.transactions;
        writeln!(text, "[transactions]\ninterval_ms = {}", transactions.interval.as_millis())?;
        writeln!(text, "records_max = {}\nbytes_max = {}\n", transactions.records_max, transactions.bytes_max)?;
        let registry = &self.schema_registry;
        let url = masked_url(registry.url.as_deref().unwrap_or_default());
        let user = registry.username.as_deref().unwrap_or_default();
        let password = registry.password.as_ref().map_or("", |_| "***");
        let ca = registry.ca_file.as_ref().map(|file| file.display().to_string()).unwrap_or_default();
        writeln!(text, "[schema_registry]\nurl = {url:?}\nusername = {user:?}\npassword = {password:?}\nca_file = {ca:?}\n")?;
        writeln!(text, "[model]\npath = {:?}\n\n[reference]\npath = {:?}", shown(&self.model), shown(&self.reference))
    }
}

/// What is printed of a section in passing, by a panic for one, says no secret either.
impl Debug for LogHome {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            LogHome::Embedded { path } => f.debug_struct("Embedded").field("path", path).finish(),
            LogHome::Kafka { bootstrap_servers, properties } => {
                let properties = masked_all(properties);
                f.debug_struct("Kafka").field("bootstrap_servers", bootstrap_servers).field("properties", &properties).finish()
            }
        }
    }
}

impl Debug for SnapshotHome {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            SnapshotHome::None => f.write_str("None"),
            SnapshotHome::Folder(folder) => f.debug_tuple("Folder").field(folder).finish(),
            SnapshotHome::Objects { url, options } => {
                f.debug_struct("Objects").field("url", &masked_url(url)).field("options", &masked_all(options)).finish()
            }
        }
    }
}

impl Debug for SchemaRegistry {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SchemaRegistry").field("url", &self.url.as_deref().map(masked_url)).finish_non_exhaustive()
    }
}

fn masked_all(entries: &BTreeMap<String, String>) -> BTreeMap<&str, String> {
    entries.iter().map(|(name, value)| (name.as_str(), masked(name, value))).collect()
}

/// A table of the user's own names.
fn write_table(text: &mut String, key: &str, entries: &BTreeMap<String, String>) -> std::fmt::Result {
    writeln!(text, "[{key}]")?;
    for (name, value) in entries {
        writeln!(text, "{name:?} = {:?}", masked(name, value))?;
    }
    writeln!(text)
}

fn shown(source: &SourceOf) -> String {
    match source {
        SourceOf::BuiltIn => String::new(),
        SourceOf::Path(path) => path.display().to_string(),
    }
}

pub(super) fn masked(name: &str, value: &str) -> String {
    // The path of a secret's file is none.
    let secret = ["password", "secret", "token", "key", "credential", "jaas"].iter().any(|word| name.contains(word));
    let secret = secret && !name.ends_with("_file");
    if secret { "***".to_owned() } else { value.to_owned() }
}

/// An address without the user and password that may stand in it.
pub(super) fn masked_url(url: &str) -> String {
    match url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1))) {
        Some((scheme, host)) => format!("{scheme}://***@{host}"),
        None => url.to_owned(),
    }
}
