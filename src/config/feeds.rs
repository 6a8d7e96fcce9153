//! `[[feeds]]`, what each reads, and `[schema_registry]`, which some of them need.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::keys::{self, Tree};
use super::sections::is_name;
use super::{Config, InvalidConfig};
use crate::decode::framed::Framed;
use crate::domain::FeedName;
use crate::encode::Topic;
use crate::stream::topic_name;

/// One of `[[feeds]]`: a raw topic and how it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// Its name, the first part of its records' ids.
    pub name: FeedName,
    /// Its raw topic; the name where none is set.
    pub topic: String,
    /// The format of its messages, where it is set; else the mapping's.
    pub format: Option<FeedFormat>,
    /// How its records are read.
    pub mapping: MappingSource,
    /// Whether a null value withdraws the record of its key.
    pub corrections: bool,
}

/// The envelope of a feed's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedFormat {
    /// Avro in the frame of a schema registry.
    Avro,
    /// Comma separated, first row the header.
    Csv,
    /// One JSON document.
    Json,
    /// An array of arrays, first row the header.
    JsonTable,
    /// A JSON document a line.
    Ndjson,
    /// Protobuf in the frame of a schema registry.
    Protobuf,
}

impl FeedFormat {
    const ALL: [FeedFormat; 6] =
        [FeedFormat::Avro, FeedFormat::Csv, FeedFormat::Json, FeedFormat::JsonTable, FeedFormat::Ndjson, FeedFormat::Protobuf];

    /// The word in configuration and mappings.
    pub fn word(self) -> &'static str {
        match self {
            FeedFormat::Csv => "csv",
            FeedFormat::Json => "json",
            FeedFormat::JsonTable => "json-table",
            FeedFormat::Ndjson => "ndjson",
            FeedFormat::Avro => Framed::Avro.word(),
            FeedFormat::Protobuf => Framed::Protobuf.word(),
        }
    }

    /// In what messages are written that stand in a registry's frame.
    pub fn framed(self) -> Option<Framed> {
        match self {
            FeedFormat::Avro => Some(Framed::Avro),
            FeedFormat::Protobuf => Some(Framed::Protobuf),
            FeedFormat::Csv | FeedFormat::Json | FeedFormat::JsonTable | FeedFormat::Ndjson => None,
        }
    }
}

/// A mapping, by name or by file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MappingSource {
    /// `canonical`, or one that is compiled in.
    Named(String),
    /// A file.
    File(PathBuf),
}

impl MappingSource {
    /// A file where the text has a `/` or ends with `.toml`, else a name.
    pub fn from_text(text: &str) -> MappingSource {
        if keys::names_a_file(text) { MappingSource::File(text.into()) } else { MappingSource::Named(text.to_owned()) }
    }
}

impl std::fmt::Display for MappingSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            MappingSource::Named(name) => f.write_str(name),
            MappingSource::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// `[schema_registry]`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SchemaRegistry {
    /// Its address, where there is one.
    pub url: Option<String>,
    /// The user, where it asks for one.
    pub username: Option<String>,
    /// The password, read from its file.
    pub password: Option<String>,
    /// The file of the certificates that its own is signed by; else those that the system trusts.
    pub ca_file: Option<PathBuf>,
}

/// Reads `[schema_registry]`.
pub(super) fn schema_registry(tree: &Tree) -> Result<SchemaRegistry, InvalidConfig> {
    let told = |text: Option<String>| text.filter(|text| !text.is_empty());
    Ok(SchemaRegistry {
        url: told(tree.secret("schema_registry.url")?),
        username: told(tree.text("schema_registry.username")?),
        password: told(tree.secret("schema_registry.password")?),
        ca_file: told(tree.text("schema_registry.ca_file")?).map(PathBuf::from),
    })
}

/// Reads `[[feeds]]`, where the names of our own topics begin with that.
pub(super) fn feeds(tree: &Tree, prefix: &str) -> Result<Vec<Feed>, InvalidConfig> {
    let mut names = BTreeSet::new();
    let mut topics = BTreeSet::new();
    let mut feeds = Vec::new();
    let has_registry = schema_registry(tree)?.url.is_some();
    for table in tree.tables("feeds")? {
        let feed = feed(&table)?;
        if feed.format.and_then(FeedFormat::framed).is_some() && !has_registry {
            return Err(table.refuse("format", "avro and protobuf where schema_registry.url names a registry"));
        }
        if !names.insert(feed.name.clone()) {
            return Err(table.refuse("name", "a name once"));
        }
        if !topics.insert(feed.topic.clone()) {
            return Err(table.refuse("topic", "a topic of its own for every feed"));
        }
        // It would read what it writes, without an end.
        if Topic::ALL.iter().any(|ours| feed.topic.strip_prefix(prefix) == Some(topic_name(*ours))) {
            let allowed = format!("a topic of the feed's own: {} is one that entrepot writes (topics.prefix)", feed.topic);
            return Err(table.refuse("topic", &allowed));
        }
        feeds.push(feed);
    }
    Ok(feeds)
}

/// The forms of messages.
const FORMATS: &str = "avro, csv, json, json-table, ndjson or protobuf";

fn feed(table: &Tree) -> Result<Feed, InvalidConfig> {
    let name = table.text("name")?.unwrap_or_default();
    let name: FeedName = name.parse().map_err(|_| table.refuse("name", "1 to 64 of a-z, 0-9 and -"))?;
    let topic = table.text("topic")?.unwrap_or_else(|| name.to_string());
    // No broker has a topic of these names.
    if !is_name(&topic) || matches!(topic.as_str(), "." | "..") {
        return Err(table.refuse("topic", "1 to 100 letters, digits, . _ and -, and neither . nor .. alone"));
    }
    let format = table.text("format")?;
    let known = |word: &str| FeedFormat::ALL.into_iter().find(|format| format.word() == word);
    let format = match format.as_deref() {
        None => None,
        Some("parquet") => {
            let allowed = format!(
                "{FORMATS}: it is the form of messages, and none is Parquet, since `feed` makes a JSON object of each row; \
                 envelope.format = \"parquet\" in the mapping says what the files are"
            );
            return Err(table.refuse("format", &allowed));
        }
        Some(word) => Some(known(word).ok_or_else(|| table.refuse("format", FORMATS))?),
    };
    let mapping = MappingSource::from_text(table.text("mapping")?.as_deref().unwrap_or("canonical"));
    Ok(Feed { name, topic, format, mapping, corrections: table.truth("corrections", false)? })
}

impl Config {
    /// The feed with this name.
    pub fn feed(&self, name: &str) -> Option<&Feed> {
        self.feeds.iter().find(|feed| feed.name.as_str() == name)
    }
}
