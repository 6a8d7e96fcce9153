//! The bundled sample: files and the feeds that read them, compiled in.

use crate::config::{Feed, MappingSource};
use crate::domain::FeedName;

/// A file of the sample.
pub(super) struct SampleFile {
    /// Its name.
    pub(super) name: &'static str,
    /// The feed that reads it.
    pub(super) feed: &'static str,
    /// How it is read.
    pub(super) mapping: &'static str,
    /// Its bytes.
    pub(super) bytes: &'static [u8],
}

/// The files, in the order in which they are fed.
pub(super) const FILES: &[SampleFile] = &[SampleFile {
    name: "antimony.ndjson",
    feed: "sample",
    mapping: "canonical",
    bytes: include_bytes!("../../config/sample/antimony.ndjson"),
}];

/// The feeds of the sample, each once.
pub(super) fn feeds() -> Vec<Feed> {
    let mut feeds: Vec<Feed> = Vec::new();
    for file in FILES {
        let name: FeedName = FeedName::from_stem(file.feed);
        if !feeds.iter().any(|feed| feed.name == name) {
            let topic = name.to_string();
            let mapping = MappingSource::from_text(file.mapping);
            feeds.push(Feed { name, topic, format: None, mapping, corrections: false });
        }
    }
    feeds
}
