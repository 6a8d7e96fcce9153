//! The sections of the configuration as valid types, with their defaults. A module gets its own section, never the whole.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::feeds::{feeds, schema_registry};
use super::keys::{self, Tree};
use super::{Config, InvalidConfig};

/// `[service]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The name of this instance among others of the same log.
    pub instance: String,
    /// Where `/metrics` and the health pages are served.
    pub http_listen: SocketAddr,
    /// Worker threads a stage; 0: as many as the machine has cores, less one.
    pub workers: usize,
    /// How long a drain may take.
    pub drain_timeout: Duration,
}

/// `[log]`: where messages stand.
#[derive(Clone, PartialEq, Eq)]
pub enum LogHome {
    /// A file of SQLite on this machine.
    Embedded {
        /// The file.
        path: PathBuf,
    },
    /// Apache Kafka.
    Kafka {
        /// `host:port`, separated by commas.
        bootstrap_servers: String,
        /// librdkafka properties that entrepot does not own.
        properties: BTreeMap<String, String>,
    },
}

/// `[topics]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    /// What the names of our topics begin with.
    pub prefix: String,
    /// Of `movements` and the outputs; fixed for life.
    pub partitions: i32,
    /// Copies of a partition (Kafka only).
    pub replication_factor: i32,
}

/// `[ingest]`.
#[derive(Clone, Debug, PartialEq)]
pub struct IngestLimits {
    /// The largest message taken.
    pub payload_bytes_max: usize,
    /// The share of dead letters above which a feed pauses.
    pub dead_letter_ratio_max: f64,
    /// Over how many records that share is taken.
    pub dead_letter_window_records: u64,
    /// Dead letters one after another at which a feed pauses, however few records it has had; 0 for no such limit.
    pub dead_letter_run_max: u64,
}

/// `[assess]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssessLimits {
    /// The most memory that state may hold.
    pub state_bytes_max: u64,
}

/// Where the state of partitions is kept.
#[derive(Clone, PartialEq, Eq)]
pub enum SnapshotHome {
    /// Nowhere.
    None,
    /// A folder of this machine.
    Folder(PathBuf),
    /// An object store.
    Objects {
        /// Its URL.
        url: String,
        /// Its options, secrets read.
        options: BTreeMap<String, String>,
    },
}

/// `[snapshots]`: where and how often the state of partitions is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotPlan {
    /// Where.
    pub home: SnapshotHome,
    /// Movements of a partition between two of them.
    pub every_records: u64,
    /// How many of a partition are kept.
    pub keep: usize,
}

/// `[transactions]`: a batch commits at whichever comes first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transactions {
    /// The longest time between commits.
    pub interval: Duration,
    /// The most records in one.
    pub records_max: usize,
    /// The most bytes in one.
    pub bytes_max: usize,
}

/// Where the model or the reference bundle comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceOf {
    /// Compiled in.
    BuiltIn,
    /// A file (the model) or a folder (the bundle).
    Path(PathBuf),
}

impl SourceOf {
    fn from_text(text: Option<String>) -> SourceOf {
        match text.filter(|text| !text.is_empty()) {
            None => SourceOf::BuiltIn,
            Some(text) => SourceOf::Path(text.into()),
        }
    }
}

/// Reads every section.
pub(super) fn read(file: Option<PathBuf>, tree: Tree) -> Result<Config, InvalidConfig> {
    let tree = &tree;
    let topics = topics(tree)?;
    Ok(Config {
        file,
        service: service(tree)?,
        log: log_home(tree)?,
        feeds: feeds(tree, &topics.prefix)?,
        topics,
        ingest: IngestLimits {
            payload_bytes_max: size(tree.whole("ingest.payload_bytes_max", 1_000..=100_000_000, 1_000_000)?),
            dead_letter_ratio_max: tree.fraction("ingest.dead_letter_ratio_max", 0.2)?,
            dead_letter_window_records: tree.whole("ingest.dead_letter_window_records", 1..=1_000_000, 1_000)?,
            dead_letter_run_max: tree.whole("ingest.dead_letter_run_max", 0..=1_000_000, 500)?,
        },
        assess: AssessLimits { state_bytes_max: tree.whole("assess.state_bytes_max", 1_000_000..=1 << 50, 8_000_000_000)? },
        snapshots: snapshots(tree)?,
        transactions: Transactions {
            interval: Duration::from_millis(tree.whole("transactions.interval_ms", 1..=60_000, 100)?),
            records_max: size(tree.whole("transactions.records_max", 1..=1_000_000, 20_000)?),
            bytes_max: size(tree.whole("transactions.bytes_max", 1_000..=1_000_000_000, 8_000_000)?),
        },
        schema_registry: schema_registry(tree)?,
        model: SourceOf::from_text(tree.text("model.path")?),
        reference: SourceOf::from_text(tree.text("reference.path")?),
    })
}

fn snapshots(tree: &Tree) -> Result<SnapshotPlan, InvalidConfig> {
    let home = match tree.text("snapshots.url")?.as_deref() {
        Some("") => SnapshotHome::None,
        Some(url) => match url.split_once("://") {
            None => SnapshotHome::Folder(url.into()),
            Some(("file", path)) if path.starts_with('/') => SnapshotHome::Folder(path.into()),
            Some(("s3" | "gs" | "az" | "azure" | "abfs" | "abfss" | "https", _)) => {
                SnapshotHome::Objects { url: url.to_owned(), options: properties(tree, "snapshots.options")? }
            }
            Some(_) => {
                let allowed =
                    "a folder, file:///FOLDER, or a bucket by s3://, gs://, az://, abfss:// or https://; empty for none";
                return Err(tree.refuse("snapshots.url", allowed));
            }
        },
        // Beside the embedded log, which is on this machine as well.
        None => match log_home(tree)? {
            LogHome::Embedded { path } => SnapshotHome::Folder(path.with_extension("snapshots")),
            LogHome::Kafka { .. } => SnapshotHome::None,
        },
    };
    Ok(SnapshotPlan {
        home,
        every_records: tree.whole("snapshots.every_records", 1..=1_000_000_000, 500_000)?,
        keep: size(tree.whole("snapshots.keep", 1..=100, 3)?),
    })
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn service(tree: &Tree) -> Result<Service, InvalidConfig> {
    let instance = tree.text("service.instance")?.unwrap_or_else(|| "entrepot-0".to_owned());
    if !is_name(&instance) {
        return Err(tree.refuse("service.instance", "1 to 100 letters, digits, . _ and -"));
    }
    let listen = tree.text("service.http_listen")?.unwrap_or_else(|| "127.0.0.1:9464".to_owned());
    let unheard = || tree.refuse("service.http_listen", "an address and a port, such as 127.0.0.1:9464");
    Ok(Service {
        instance,
        http_listen: listen.parse().map_err(|_| unheard())?,
        workers: size(tree.whole("service.workers", 0..=1_024, 0)?),
        drain_timeout: Duration::from_secs(tree.whole("service.drain_timeout_seconds", 1..=3_600, 15)?),
    })
}

/// Whether a name has no sign that Kafka, a path or a log would stumble over.
pub(super) fn is_name(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    (1..=100).contains(&text.len()) && text.bytes().all(plain)
}

fn log_home(tree: &Tree) -> Result<LogHome, InvalidConfig> {
    match tree.text("log.kind")?.as_deref().unwrap_or("embedded") {
        "embedded" => {
            let path = tree.text("log.embedded.path")?.unwrap_or_else(|| "var/entrepot.db".to_owned());
            if path.is_empty() {
                return Err(tree.refuse("log.embedded.path", "the path of a file"));
            }
            Ok(LogHome::Embedded { path: path.into() })
        }
        "kafka" => {
            let servers = tree.text("log.kafka.bootstrap_servers")?.unwrap_or_else(|| "127.0.0.1:9092".to_owned());
            if servers.trim().is_empty() {
                return Err(tree.refuse("log.kafka.bootstrap_servers", "host:port of a broker, several separated by commas"));
            }
            Ok(LogHome::Kafka { bootstrap_servers: servers, properties: properties(tree, "log.kafka.properties")? })
        }
        _ => Err(tree.refuse("log.kind", "embedded or kafka")),
    }
}

/// A table of the user's own names; `<name>_file` names the file of a secret.
fn properties(tree: &Tree, key: &str) -> Result<BTreeMap<String, String>, InvalidConfig> {
    let mut properties = BTreeMap::new();
    for (name, value) in tree.entries(key)? {
        match name.strip_suffix("_file") {
            None => properties.insert(name, value),
            Some(secret) => {
                let content = keys::read_secret(&PathBuf::from(&value));
                let content = content.map_err(|why| tree.refuse(key, &format!("{why} for {name}")))?;
                properties.insert(secret.to_owned(), content)
            }
        };
    }
    Ok(properties)
}

fn topics(tree: &Tree) -> Result<Topics, InvalidConfig> {
    let prefix = tree.text("topics.prefix")?.unwrap_or_else(|| "entrepot.".to_owned());
    if !is_name(&prefix) {
        return Err(tree.refuse("topics.prefix", "1 to 100 letters, digits, . _ and -, such as entrepot."));
    }
    let whole = |key, default| Ok(i32::try_from(tree.whole(key, 1..=1_024, default)?).unwrap_or(i32::MAX));
    Ok(Topics { prefix, partitions: whole("topics.partitions", 12)?, replication_factor: whole("topics.replication_factor", 3)? })
}
