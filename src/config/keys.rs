//! The keys that exist, and reading a value by its key with what is allowed. Knows no defaults.

use std::path::{Path, PathBuf};

use config::{Map, Value, ValueKind};

use super::InvalidConfig;

/// Every key, with its section. A trailing `.*` takes any name.
pub(super) const KEYS: &[&str] = &[
    "service.instance",
    "service.http_listen",
    "service.workers",
    "service.drain_timeout_seconds",
    "log.kind",
    "log.embedded.path",
    "log.kafka.bootstrap_servers",
    "log.kafka.properties.*",
    "topics.prefix",
    "topics.partitions",
    "topics.replication_factor",
    "feeds.name",
    "feeds.topic",
    "feeds.format",
    "feeds.mapping",
    "feeds.corrections",
    "ingest.payload_bytes_max",
    "ingest.dead_letter_ratio_max",
    "ingest.dead_letter_window_records",
    "ingest.dead_letter_run_max",
    "assess.state_bytes_max",
    "snapshots.url",
    "snapshots.options.*",
    "snapshots.every_records",
    "snapshots.keep",
    "transactions.interval_ms",
    "transactions.records_max",
    "transactions.bytes_max",
    "schema_registry.url",
    "schema_registry.url_file",
    "schema_registry.username",
    "schema_registry.password",
    "schema_registry.password_file",
    "schema_registry.ca_file",
    "model.path",
    "reference.path",
];

/// Keys whose value is a path, relative to the file that sets it.
const PATHS: &[&str] = &[
    "log.embedded.path",
    "snapshots.url",
    "schema_registry.url_file",
    "schema_registry.password_file",
    "schema_registry.ca_file",
    "model.path",
    "reference.path",
    "feeds.mapping",
];

/// The name nearest to a wrong one, where one is near.
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let scored = known.into_iter().map(|name| (strsim::damerau_levenshtein(wrong, name), name));
    let (distance, name) = scored.min()?;
    (distance <= wrong.chars().count().max(6) / 2).then(|| name.to_owned())
}

/// The end of a message: what was probably meant.
pub(super) fn hint(nearest: &Option<String>) -> String {
    match nearest {
        Some(name) => format!("; did you mean {name}?"),
        None => "; config/entrepot.toml lists every key".to_owned(),
    }
}

/// Refuses keys that nothing reads, and values where tables belong.
pub(super) fn check(values: &Map<String, Value>, origin: impl Fn(&str) -> String) -> Result<(), InvalidConfig> {
    let mut found = Vec::new();
    leaves("", values, &mut found);
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (key, kind) in found {
        if is_section(&key) && !is_empty_table(kind) {
            let allowed = if key == "feeds" { FEEDS.to_owned() } else { format!("a table of keys, [{key}]") };
            return Err(InvalidConfig::Value { origin: origin(&key), value: shown(&key, kind), key, allowed });
        }
        if is_section(&key) || is_key(&key) {
            continue;
        }
        let (wrong, nearest) = explain_unknown(&key);
        return Err(InvalidConfig::UnknownKey { origin: origin(&wrong), key: wrong, nearest });
    }
    Ok(())
}

/// What `feeds` is.
const FEEDS: &str = "tables, each under [[feeds]]";

fn is_key(key: &str) -> bool {
    KEYS.iter().any(|known| *known == key || known.strip_suffix('*').is_some_and(|start| key.starts_with(start)))
}

fn is_section(key: &str) -> bool {
    KEYS.iter().any(|known| known.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')))
}

/// A section without keys, or a table of properties without entries: it sets nothing.
fn is_empty_table(kind: &ValueKind) -> bool {
    matches!(kind, ValueKind::Table(inner) if inner.is_empty())
}

/// The part of an unknown key that is wrong, and its neighbour: the section where no such section exists, else the whole key.
fn explain_unknown(key: &str) -> (String, Option<String>) {
    let sections: std::collections::BTreeSet<&str> = KEYS.iter().filter_map(|known| known.split('.').next()).collect();
    let first = key.split('.').next().unwrap_or(key);
    if !sections.contains(first) {
        return (first.to_owned(), nearest(first, sections));
    }
    let siblings = KEYS.iter().filter(|known| known.starts_with(&format!("{first}."))).map(|known| known.trim_end_matches(".*"));
    (key.to_owned(), nearest(key, siblings))
}

fn leaves<'v>(prefix: &str, values: &'v Map<String, Value>, found: &mut Vec<(String, &'v ValueKind)>) {
    for (key, value) in values {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match &value.kind {
            ValueKind::Table(inner) if !inner.is_empty() => leaves(&path, inner, found),
            ValueKind::Array(items) if path == "feeds" => {
                items.iter().for_each(|item| match &item.kind {
                    ValueKind::Table(inner) => leaves(&path, inner, found),
                    kind => found.push((path.clone(), kind)),
                });
            }
            kind => found.push((path, kind)),
        }
    }
}

/// Makes relative paths count from a folder.
pub(super) fn anchor(values: &mut Map<String, Value>, base: &Path) {
    anchor_below("", values, base);
}

fn anchor_below(prefix: &str, values: &mut Map<String, Value>, base: &Path) {
    for (key, value) in values.iter_mut() {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        let is_path = PATHS.contains(&path.as_str())
            || (path.starts_with("log.kafka.properties.") || path.starts_with("snapshots.options.")) && path.ends_with("_file");
        match &mut value.kind {
            ValueKind::Table(inner) => anchor_below(&path, inner, base),
            ValueKind::Array(items) => {
                for item in items {
                    if let ValueKind::Table(inner) = &mut item.kind {
                        anchor_below(&path, inner, base);
                    }
                }
            }
            ValueKind::String(text)
                if is_path && !text.is_empty() && !text.contains("://") && (path != "feeds.mapping" || names_a_file(text)) =>
            {
                *text = base.join(&*text).display().to_string();
            }
            _ => {}
        }
    }
}

/// Whether a mapping is named by its file rather than by its name.
pub(super) fn names_a_file(mapping: &str) -> bool {
    mapping.contains('/') || mapping.ends_with(".toml")
}

/// The merged values, read by key.
pub(super) struct Tree {
    origin: String,
    prefix: String,
    values: Map<String, Value>,
}

impl Tree {
    /// The merged values; `origin` names what is wrong where a value has no origin of its own.
    pub(super) fn new(origin: String, values: Map<String, Value>) -> Tree {
        Tree { origin, prefix: String::new(), values }
    }

    fn find(&self, key: &str) -> Option<&Value> {
        let mut parts = key.split('.');
        let mut value = self.values.get(parts.next()?)?;
        for part in parts {
            let ValueKind::Table(inner) = &value.kind else { return None };
            value = inner.get(part)?;
        }
        (!matches!(value.kind, ValueKind::Nil)).then_some(value)
    }

    /// The error of a value that is not allowed.
    pub(super) fn refuse(&self, key: &str, allowed: &str) -> InvalidConfig {
        let value = self.find(key);
        InvalidConfig::Value {
            origin: value.and_then(|value| value.origin()).unwrap_or(&self.origin).to_owned(),
            key: format!("{}{key}", self.prefix),
            value: value.map_or_else(|| "(absent)".to_owned(), |value| shown(key, &value.kind)),
            allowed: allowed.to_owned(),
        }
    }

    /// A text.
    pub(super) fn text(&self, key: &str) -> Result<Option<String>, InvalidConfig> {
        match self.find(key).map(|value| &value.kind) {
            None => Ok(None),
            Some(ValueKind::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(self.refuse(key, "a text in quotes")),
        }
    }

    /// A whole number inside a range.
    pub(super) fn whole(&self, key: &str, range: std::ops::RangeInclusive<u64>, default: u64) -> Result<u64, InvalidConfig> {
        let allowed = format!("a whole number from {} to {}", range.start(), range.end());
        let number = match self.find(key).map(|value| &value.kind) {
            None => return Ok(default),
            Some(ValueKind::I64(number)) => u64::try_from(*number).ok(),
            Some(ValueKind::U64(number)) => Some(*number),
            Some(_) => None,
        };
        number.filter(|number| range.contains(number)).ok_or_else(|| self.refuse(key, &allowed))
    }

    /// A fraction from 0 to 1.
    pub(super) fn fraction(&self, key: &str, default: f64) -> Result<f64, InvalidConfig> {
        let number = match self.find(key).map(|value| &value.kind) {
            None => return Ok(default),
            Some(ValueKind::Float(number)) => Some(*number),
            Some(ValueKind::I64(number)) => u8::try_from(*number).ok().map(f64::from),
            Some(_) => None,
        };
        number.filter(|number| (0.0..=1.0).contains(number)).ok_or_else(|| self.refuse(key, "a fraction from 0 to 1"))
    }

    /// Yes or no.
    pub(super) fn truth(&self, key: &str, default: bool) -> Result<bool, InvalidConfig> {
        match self.find(key).map(|value| &value.kind) {
            None => Ok(default),
            Some(ValueKind::Boolean(truth)) => Ok(*truth),
            Some(_) => Err(self.refuse(key, "true or false")),
        }
    }

    /// The entries of a table, as text.
    pub(super) fn entries(&self, key: &str) -> Result<Vec<(String, String)>, InvalidConfig> {
        let Some(value) = self.find(key) else { return Ok(Vec::new()) };
        let ValueKind::Table(inner) = &value.kind else { return Err(self.refuse(key, "a table")) };
        let mut entries = Vec::new();
        flatten("", inner, &mut entries);
        entries.sort();
        Ok(entries)
    }

    /// The tables of an array of tables.
    pub(super) fn tables(&self, key: &str) -> Result<Vec<Tree>, InvalidConfig> {
        let Some(value) = self.find(key) else { return Ok(Vec::new()) };
        let ValueKind::Array(items) = &value.kind else { return Err(self.refuse(key, FEEDS)) };
        let table = |item: &Value| match &item.kind {
            ValueKind::Table(values) => {
                let origin = item.origin().unwrap_or(&self.origin).to_owned();
                Ok(Tree { origin, prefix: format!("{key}."), values: values.clone() })
            }
            _ => Err(self.refuse(key, FEEDS)),
        };
        items.iter().map(table).collect()
    }

    /// A secret: the key itself, else the trimmed content of the file that `<key>_file` names.
    pub(super) fn secret(&self, key: &str) -> Result<Option<String>, InvalidConfig> {
        let file_key = format!("{key}_file");
        match self.text(&file_key)? {
            None => self.text(key),
            Some(file) => read_secret(&PathBuf::from(file)).map(Some).map_err(|why| self.refuse(&file_key, &why)),
        }
    }
}

/// A value as an error may show it: what may be a secret, or hold one, is not.
fn shown(key: &str, kind: &ValueKind) -> String {
    match kind {
        ValueKind::Table(_) => "(a table)".to_owned(),
        ValueKind::Array(_) => "(a list)".to_owned(),
        _ if key.ends_with("url") => super::shown::masked_url(&kind.to_string()),
        kind => super::shown::masked(key, &kind.to_string()),
    }
}

/// The trimmed content of a file, or what is allowed instead.
pub(super) fn read_secret(file: &Path) -> Result<String, String> {
    let text =
        std::fs::read_to_string(file).map_err(|error| format!("a readable file, and {} is none ({error})", file.display()))?;
    Ok(text.trim().to_owned())
}

fn flatten(prefix: &str, values: &Map<String, Value>, entries: &mut Vec<(String, String)>) {
    for (key, value) in values {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match &value.kind {
            ValueKind::Table(inner) => flatten(&path, inner, entries),
            kind => entries.push((path, kind.to_string())),
        }
    }
}
