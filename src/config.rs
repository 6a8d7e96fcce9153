//! What one installation is set to: one TOML file, the environment and `--set`, read once into types that are valid.
//!
//! The only place that reads the environment. Nothing set here can change a verdict: that lives in the model, the reference bundle
//! and the mappings.

mod feeds;
mod keys;
mod sections;
mod shown;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use config::{Map, Source, Value, ValueKind};

pub use feeds::{Feed, FeedFormat, MappingSource, SchemaRegistry};
pub use keys::nearest;
pub use sections::{AssessLimits, IngestLimits, LogHome, Service, SnapshotHome, SnapshotPlan, SourceOf, Topics, Transactions};

/// Everything that is set, valid.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it came from; `None` where only the built-in defaults, the environment and `--set` spoke.
    pub file: Option<PathBuf>,
    /// `[service]`.
    pub service: Service,
    /// `[log]`.
    pub log: LogHome,
    /// `[topics]`.
    pub topics: Topics,
    /// `[[feeds]]`, in the order of the file.
    pub feeds: Vec<Feed>,
    /// `[ingest]`.
    pub ingest: IngestLimits,
    /// `[assess]`.
    pub assess: AssessLimits,
    /// `[snapshots]`.
    pub snapshots: SnapshotPlan,
    /// `[transactions]`.
    pub transactions: Transactions,
    /// `[schema_registry]`.
    pub schema_registry: SchemaRegistry,
    /// `[model]`.
    pub model: SourceOf,
    /// `[reference]`.
    pub reference: SourceOf,
}

/// Why a configuration cannot be taken: where it stands, which key, what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConfig {
    /// The file cannot be read.
    #[error("{file}: cannot be read: {why}; name an existing file with --config or $ENTREPOT_CONFIG, or leave both out")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system said.
        why: String,
    },
    /// It is no TOML.
    #[error("{origin}: is no TOML: {why}")]
    NotToml {
        /// The file, or the argument.
        origin: String,
        /// What the parser said, with line and column.
        why: String,
    },
    /// A key that nothing reads.
    #[error("{origin}: unknown key {key}{hint}", hint = keys::hint(nearest))]
    UnknownKey {
        /// Where it stands.
        origin: String,
        /// The key, with its section.
        key: String,
        /// The known key nearest to it.
        nearest: Option<String>,
    },
    /// A value outside of what is allowed.
    #[error("{origin}: {key} = {value}: allowed is {allowed}")]
    Value {
        /// Where it stands.
        origin: String,
        /// The key, with its section.
        key: String,
        /// The value, as set.
        value: String,
        /// What is allowed.
        allowed: String,
    },
}

/// One place that sets values: a file, the environment, the arguments.
#[derive(Clone, Debug)]
struct Layer {
    values: Map<String, Value>,
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        Ok(self.values.clone())
    }
}

/// Reads the configuration: `--config`, else `$ENTREPOT_CONFIG`, else `./entrepot.toml`, else the built-in defaults; then the
/// environment; then `--set`.
///
/// # Errors
///
/// [`InvalidConfig`], which names where the key stands.
pub fn load(file: Option<&Path>, set: &[String]) -> Result<Config, InvalidConfig> {
    let beside = PathBuf::from("entrepot.toml");
    let named = file.map(Path::to_owned).or_else(|| variable("ENTREPOT_CONFIG").map(PathBuf::from));
    let file = named.or_else(|| beside.is_file().then_some(beside));
    let mut layers = Vec::new();
    if let Some(file) = &file {
        layers.push(file_layer(file)?);
    }
    layers.push(environment_layer(std::env::vars_os())?);
    layers.push(argument_layer(set)?);
    merge(file, layers)
}

/// A variable of the environment; an empty one is as good as none.
fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Whether the user asked for plain text (<https://no-color.org>).
pub fn no_color() -> bool {
    variable("NO_COLOR").is_some()
}

/// What `RUST_LOG` asks of the log, where it is set.
pub fn log_filter() -> Option<String> {
    variable("RUST_LOG").and_then(|value| value.into_string().ok())
}

fn file_layer(file: &Path) -> Result<Layer, InvalidConfig> {
    let origin = file.display().to_string();
    let text = std::fs::read_to_string(file)
        .map_err(|error| InvalidConfig::Unreadable { file: origin.clone(), why: error.to_string() })?;
    let values = parse(&origin, &text)?;
    let mut layer = Layer { values };
    keys::check(&layer.values, |key| located(&origin, &text, key))?;
    let base = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    keys::anchor(&mut layer.values, base);
    Ok(layer)
}

/// `FILE:LINE` of a key, by its last part: close enough to put the cursor there.
fn located(origin: &str, text: &str, key: &str) -> String {
    let last = key.rsplit('.').next().unwrap_or(key);
    let stands = |line: &str| {
        let line = line.trim_start().trim_start_matches('[').trim_start_matches('"');
        line.strip_prefix(last).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    };
    match text.lines().position(stands) {
        Some(line) => format!("{origin}:{}", line + 1),
        None => origin.to_owned(),
    }
}

fn parse(origin: &str, text: &str) -> Result<Map<String, Value>, InvalidConfig> {
    // Parsed by `toml` itself for its message and place; `config` only layers. The line itself is not shown: a secret may stand in it.
    let table: toml::Table = toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let (line, column) = (before.matches('\n').count() + 1, before.chars().rev().take_while(|c| *c != '\n').count() + 1);
        InvalidConfig::NotToml { origin: format!("{origin}:{line}:{column}"), why: error.message().to_owned() }
    })?;
    Ok(table.into_iter().map(|(key, value)| (key, valued(origin, value))).collect())
}

fn valued(origin: &str, value: toml::Value) -> Value {
    let kind = match value {
        toml::Value::String(text) => ValueKind::String(text),
        toml::Value::Integer(number) => ValueKind::I64(number),
        toml::Value::Float(number) => ValueKind::Float(number),
        toml::Value::Boolean(truth) => ValueKind::Boolean(truth),
        toml::Value::Datetime(instant) => ValueKind::String(instant.to_string()),
        toml::Value::Array(items) => ValueKind::Array(items.into_iter().map(|item| valued(origin, item)).collect()),
        toml::Value::Table(table) => ValueKind::Table(table.into_iter().map(|(key, item)| (key, valued(origin, item))).collect()),
    };
    Value::new(Some(&origin.to_owned()), kind)
}

fn environment_layer(variables: impl Iterator<Item = (std::ffi::OsString, std::ffi::OsString)>) -> Result<Layer, InvalidConfig> {
    let mut layer = Layer { values: Map::new() };
    let ours: BTreeMap<String, String> = variables
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with("ENTREPOT__"))
        .collect();
    for (name, value) in ours {
        let path: Vec<String> = name.split("__").skip(1).map(str::to_lowercase).collect();
        let origin = format!("${name}");
        put(&mut layer, &path, scalar(&origin, &value))?;
    }
    Ok(layer)
}

fn argument_layer(set: &[String]) -> Result<Layer, InvalidConfig> {
    let mut layer = Layer { values: Map::new() };
    for argument in set {
        let origin = "--set".to_owned();
        let Some((key, value)) = argument.split_once('=') else {
            let allowed = "KEY=VALUE, such as --set service.workers=2".to_owned();
            return Err(InvalidConfig::Value { origin, key: argument.clone(), value: "(no =)".to_owned(), allowed });
        };
        // librdkafka's own names have dots: everything after `log.kafka.properties.` is one key.
        let path: Vec<String> = match key.trim().strip_prefix("log.kafka.properties.") {
            Some(property) => ["log", "kafka", "properties", property].map(str::to_owned).to_vec(),
            None => key.trim().split('.').map(str::to_owned).collect(),
        };
        put(&mut layer, &path, scalar(&origin, value.trim()))?;
    }
    Ok(layer)
}

/// A value from the environment or the arguments: TOML where it reads as TOML, else text as it stands.
fn scalar(origin: &str, text: &str) -> Value {
    let parsed = toml::from_str::<toml::Table>(&format!("value = {text}")).ok().and_then(|mut table| table.remove("value"));
    valued(origin, parsed.unwrap_or_else(|| toml::Value::String(text.to_owned())))
}

/// Sets one value, which may be a whole section.
fn put(layer: &mut Layer, path: &[String], value: Value) -> Result<(), InvalidConfig> {
    let origin = value.origin().unwrap_or_default().to_owned();
    let mut alone = Map::new();
    insert(&mut alone, path, value.clone());
    keys::check(&alone, |_| origin.clone())?;
    insert(&mut layer.values, path, value);
    Ok(())
}

fn insert(values: &mut Map<String, Value>, path: &[String], value: Value) {
    match path {
        [] => {}
        [last] => {
            values.insert(last.clone(), value);
        }
        [first, rest @ ..] => {
            let empty = || Value::new(None, ValueKind::Table(Map::new()));
            let entry = values.entry(first.clone()).or_insert_with(empty);
            if !matches!(entry.kind, ValueKind::Table(_)) {
                *entry = empty();
            }
            if let ValueKind::Table(inner) = &mut entry.kind {
                insert(inner, rest, value);
            }
        }
    }
}

fn merge(file: Option<PathBuf>, layers: Vec<Layer>) -> Result<Config, InvalidConfig> {
    let origin = file.as_ref().map_or_else(|| "configuration".to_owned(), |file| file.display().to_string());
    let wrong = |error: config::ConfigError| InvalidConfig::NotToml { origin: origin.clone(), why: error.to_string() };
    let builder = layers.into_iter().fold(config::Config::builder(), |builder, layer| builder.add_source(layer));
    let merged = builder.build().and_then(|merged| merged.collect()).map_err(wrong)?;
    sections::read(file, keys::Tree::new(origin, merged))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_text(text: &str, set: &[&str]) -> Result<Config, InvalidConfig> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("entrepot.toml");
        std::fs::write(&file, text).unwrap();
        let set: Vec<String> = set.iter().map(|text| (*text).to_owned()).collect();
        let layers = vec![file_layer(&file)?, argument_layer(&set)?];
        merge(Some(file), layers)
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let message = from_text(text, &[]).unwrap_err().to_string();
        assert!(message.contains(expected), "{message:?} lacks {expected:?}");
    }

    #[test]
    fn the_defaults_are_those_of_the_contract() {
        let config = merge(None, Vec::new()).unwrap();
        assert_eq!(config.service.instance, "entrepot-0");
        assert_eq!(config.service.http_listen.to_string(), "127.0.0.1:9464");
        assert_eq!(config.log, LogHome::Embedded { path: "var/entrepot.db".into() });
        assert_eq!((config.topics.prefix.as_str(), config.topics.partitions), ("entrepot.", 12));
        assert_eq!((config.ingest.payload_bytes_max, config.assess.state_bytes_max), (1_000_000, 8_000_000_000));
        assert_eq!((config.transactions.records_max, config.model.clone()), (20_000, SourceOf::BuiltIn));
        assert_eq!(config.snapshots.home, SnapshotHome::Folder("var/entrepot.snapshots".into()));
    }

    #[test]
    fn an_unknown_key_names_its_line_and_its_neighbour() {
        check("[service]\ninstanse = \"a\"", "entrepot.toml:2: unknown key service.instanse; did you mean service.instance?");
        check("[servise]\nworkers = 1", "unknown key servise; did you mean service?");
        check("[[feeds]]\nname = \"a\"\nmaping = \"canonical\"", "did you mean feeds.mapping?");
    }

    #[test]
    fn what_is_set_in_one_piece_is_looked_at_key_by_key() {
        let set = |argument: &str| from_text("", &[argument]).map(|config| config.feeds.len()).map_err(|error| error.to_string());
        let unknown = "--set: unknown key feeds.topics; did you mean feeds.topic?";
        assert_eq!(set("feeds=[{name=\"a\",topics=\"x\"}]"), Err(unknown.to_owned()));
        assert_eq!(set("feeds=[{name=\"a\",topic=\"x\"}]"), Ok(1));
        let no_table = |key: &str, value: &str| Err(format!("--set: {key} = {value}: allowed is a table of keys, [{key}]"));
        assert_eq!(set("service=1"), no_table("service", "1"));
        assert_eq!(set("topics=x"), no_table("topics", "x"));
        assert_eq!(set("log.kafka=5"), no_table("log.kafka", "5"));
        check("log = 5", "entrepot.toml:1: log = 5: allowed is a table of keys, [log]");
        check("feeds = 5", "feeds = 5: allowed is tables, each under [[feeds]]");
        check("[log.kafka]\nproperties = 5", "log.kafka.properties = 5: allowed is a table of keys, [log.kafka.properties]");
        check("[[service]]\nworkers = 1", "service = (a list): allowed is a table of keys, [service]");
        assert!(from_text("[service]\n[log.kafka.properties]\n", &[]).is_ok(), "empty tables set nothing");
    }

    #[test]
    fn snapshots_stand_in_a_folder_beside_the_embedded_log_and_nowhere_else_unless_told() {
        let home = |text: &str| from_text(text, &[]).unwrap().snapshots.home;
        assert_eq!(home("[log]\nkind = \"kafka\""), SnapshotHome::None);
        assert_eq!(home("[snapshots]\nurl = \"\""), SnapshotHome::None);
        assert_eq!(home("[snapshots]\nurl = \"file:///var/snapshots\""), SnapshotHome::Folder("/var/snapshots".into()));
        assert!(matches!(home("[snapshots]\nurl = \"kept\""), SnapshotHome::Folder(folder) if folder.ends_with("kept")));
        let bucket = "[snapshots]\nurl = \"s3://bucket/kept\"\n[snapshots.options]\naws_secret_access_key = \"hunter2\"";
        let config = from_text(bucket, &[]).unwrap();
        assert!(matches!(&config.snapshots.home, SnapshotHome::Objects { options, .. } if options.len() == 1));
        assert!(!config.resolved().contains("hunter2"), "{}", config.resolved());
        check("[snapshots]\nurl = \"ftp://host/a\"", "snapshots.url = ftp://host/a: allowed is a folder");
    }

    #[test]
    fn a_value_out_of_range_says_what_is_allowed() {
        check("[topics]\npartitions = 0", "topics.partitions = 0: allowed is a whole number from 1 to 1024");
        check("[service]\nhttp_listen = \"here\"", "service.http_listen = here: allowed is an address and a port");
        check("[log]\nkind = \"files\"", "log.kind = files: allowed is embedded or kafka");
        let no_broker = "[log]\nkind = \"kafka\"\n[log.kafka]\nbootstrap_servers = \"\"";
        check(no_broker, "log.kafka.bootstrap_servers = : allowed is host:port of a broker, several separated by commas");
        check("[[feeds]]\nname = \"Com Trade\"", "feeds.name = Com Trade: allowed is");
        let registry = "feeds.format = avro: allowed is avro and protobuf where schema_registry.url names a registry";
        check("[[feeds]]\nname = \"a\"\nformat = \"avro\"", registry);
        check("[[feeds]]\nname = \"a\"\n[[feeds]]\nname = \"a\"", "feeds.name = a: allowed is a name once");
        let ours = "[topics]\nprefix = \"t.\"\n[[feeds]]\nname = \"a\"\ntopic = ";
        check(
            &format!("{ours}\"t.dead-letters\""),
            "feeds.topic = t.dead-letters: allowed is a topic of the feed's own: t.dead-letters is one",
        );
        for none in [".", ".."] {
            check(&format!("{ours}\"{none}\""), "and neither . nor .. alone");
        }
        check(&format!("{ours}\"t.kept\""), "feeds.topic = t.kept: allowed is a topic of the feed's own");
        assert!(from_text(&format!("{ours}\"t.raw\""), &[]).is_ok());
    }

    #[test]
    fn relative_paths_count_from_the_file() {
        let config = from_text("[log.embedded]\npath = \"x/y.db\"\n[model]\npath = \"m.toml\"", &[]).unwrap();
        let folder = config.file.unwrap().parent().unwrap().to_owned();
        assert_eq!(config.log, LogHome::Embedded { path: folder.join("x/y.db") });
        assert_eq!(config.model, SourceOf::Path(folder.join("m.toml")));
    }

    #[test]
    fn arguments_win_over_the_file() {
        let config = from_text("[service]\nworkers = 3", &["service.workers=5", "topics.prefix=t."]).unwrap();
        assert_eq!((config.service.workers, config.topics.prefix.as_str()), (5, "t."));
        let wrong = from_text("", &["service.worker=5"]).unwrap_err().to_string();
        assert_eq!(wrong, "--set: unknown key service.worker; did you mean service.workers?");
    }

    #[test]
    fn the_environment_speaks_in_capitals() {
        let pair = |name: &str, value: &str| (name.into(), value.into());
        let variables =
            [pair("ENTREPOT__LOG__KAFKA__BOOTSTRAP_SERVERS", "a:1,b:2"), pair("ENTREPOT_CONFIG", "x"), pair("HOME", "/")];
        let kind = argument_layer(&["log.kind=kafka".to_owned()]).unwrap();
        let config = merge(None, vec![environment_layer(variables.into_iter()).unwrap(), kind]).unwrap();
        let LogHome::Kafka { bootstrap_servers, .. } = config.log else { panic!("kafka was set") };
        assert_eq!(bootstrap_servers, "a:1,b:2");
    }

    #[test]
    fn secrets_come_from_files_and_are_masked() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("password"), "hunter2\n").unwrap();
        let path = folder.path().join("password").display().to_string();
        let text = format!("[log]\nkind = \"kafka\"\n[log.kafka.properties]\n\"sasl.password_file\" = \"{path}\"\n");
        let config = from_text(&text, &[]).unwrap();
        let LogHome::Kafka { properties, .. } = &config.log else { panic!("kafka was set") };
        assert_eq!(properties.get("sasl.password").map(String::as_str), Some("hunter2"));
        let shown = config.resolved();
        assert!(shown.contains("\"sasl.password\" = \"***\"") && !shown.contains("hunter2"), "{shown}");
        let others = "[snapshots]\nurl = \"s3://me:hunter2@bucket\"\noptions = { aws_secret_access_key = \"hunter2\" }\n\
                      [schema_registry]\nurl = \"http://me:hunter2@host\"\nusername = \"me\"\npassword = \"hunter2\"\n";
        let others = from_text(others, &[]).unwrap();
        assert_eq!(others.schema_registry.password.as_deref(), Some("hunter2"));
        let printed = format!("{config:?} {others:?} {}", others.resolved());
        assert!(printed.contains("sasl.password") && printed.contains("@bucket") && !printed.contains("hunter2"), "{printed}");
    }

    #[test]
    fn the_file_of_a_secret_that_is_not_there_is_named() {
        let text = "[log]\nkind = \"kafka\"\n[log.kafka.properties]\n\"sasl.password_file\" = \"/no/such/password\"";
        check(text, "allowed is a readable file, and /no/such/password is none (No such file or directory (os error 2))");
    }

    #[test]
    fn no_error_shows_a_secret() {
        let missing = "[log]\nkind = \"kafka\"\n[log.kafka]\nproperties = { \"sasl.password\" = \"hunter2\", \"ssl.key.password_file\" = \"x\" }";
        let broken = "[log.kafka]\nproperties = { \"sasl.password\" = \"hunter2\nx";
        let url = "[schema_registry]\nurl = [\"http://me:hunter2@host\"]";
        for (text, place) in [(missing, "ssl.key.password_file"), (broken, "entrepot.toml:3:1:"), (url, "schema_registry.url")] {
            let message = from_text(text, &[]).unwrap_err().to_string();
            assert!(message.contains(place) && !message.contains("hunter2"), "{message}");
        }
    }

    #[test]
    fn the_shipped_file_sets_the_defaults() {
        let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/config/entrepot.toml"));
        let shipped = merge(None, vec![file_layer(file).unwrap()]).unwrap();
        let built_in = merge(None, Vec::new()).unwrap();
        assert_eq!((shipped.service, shipped.topics), (built_in.service, built_in.topics));
        assert_eq!(
            (shipped.ingest, shipped.assess, shipped.transactions, shipped.snapshots.every_records, shipped.snapshots.keep),
            (built_in.ingest, built_in.assess, built_in.transactions, built_in.snapshots.every_records, built_in.snapshots.keep)
        );
    }
}
