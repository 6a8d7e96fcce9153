//! Where the command line meets the core: loads model, bundle and mappings, and makes folds of them. The one place to touch when a
//! constructor of the core changes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::exit::{Exit, Exits, Failure, unknown};
use super::reading::Reading;
use super::sample;
use crate::assess::{Assess, FOLD, Knowledge as Known};
use crate::config::{Config, Feed, SourceOf};
use crate::domain::{Date, FeedName};
use crate::ingest::{Feed as IngestFeed, Ingest, IngestLimits};
use crate::reference::{Reference, known_days};
use crate::scoring::Model;
use crate::service::BuildInfo;
use crate::stream::registry::Registry;
use crate::stream::{Artifact, Fold, FoldFactory, FramedIngest, Home, LoggedIngest};

/// The model that is compiled in.
const MODEL: &str = include_str!("../../config/model.toml");

/// The model and the reference bundle of a run, parsed and as they stood.
#[derive(Clone)]
pub(super) struct Knowledge {
    known: Known,
    model_text: Arc<str>,
    tables: Arc<BTreeMap<String, String>>,
}

/// A feed as ingest reads it.
pub(super) struct FeedIn {
    /// Its name.
    pub(super) name: FeedName,
    /// Its raw topic, or the name of a file.
    pub(super) topic: String,
    /// How it is read.
    pub(super) reading: Reading,
}

impl Knowledge {
    /// Loads both, or takes those that are compiled in.
    pub(super) fn load(model: &SourceOf, reference: &SourceOf) -> Result<Knowledge, Failure> {
        let of = |key: &'static str| move |failure: Failure| failure.context(key);
        let (model_text, model_name) = match model {
            SourceOf::BuiltIn => (MODEL.to_owned(), "the model that is compiled in".to_owned()),
            SourceOf::Path(path) => (read_file(path).map_err(of("model.path"))?, path.display().to_string()),
        };
        let (tables, bundle_name) = match reference {
            SourceOf::BuiltIn => (Reference::built_in_files(), "the bundle that is compiled in".to_owned()),
            SourceOf::Path(path) => (read_folder(path).map_err(of("reference.path"))?, path.display().to_string()),
        };
        Knowledge::parse(model_text, tables).map_err(|failure| failure.context(format!("{model_name}; {bundle_name}")))
    }

    /// That of the configuration, or the model and the bundle that arguments name instead.
    pub(super) fn chosen(config: &Config, model: Option<&Path>, reference: Option<&Path>) -> Result<Knowledge, Failure> {
        let choose =
            |path: Option<&Path>, set: &SourceOf| path.map_or_else(|| set.clone(), |path| SourceOf::Path(path.to_owned()));
        Knowledge::load(&choose(model, &config.model), &choose(reference, &config.reference))
    }

    fn parse(model_text: String, tables: BTreeMap<String, String>) -> Result<Knowledge, Failure> {
        let model = Model::parse(&model_text).exits(Exit::Invalid)?;
        let reference = Reference::parse(&tables).map_err(|problems| {
            let shown: Vec<String> = problems.iter().take(20).map(ToString::to_string).collect();
            let more = problems.len().saturating_sub(shown.len());
            let more = if more > 0 { format!("\nand {more} more") } else { String::new() };
            Failure::new(Exit::Invalid, format!("the bundle breaks its rules:\n{}{more}", shown.join("\n")))
        })?;
        let known = Known::new(Arc::new(reference), Arc::new(model));
        Ok(Knowledge { known, model_text: model_text.into(), tables: Arc::new(tables) })
    }

    /// The bundle.
    pub(super) fn reference(&self) -> &Reference {
        &self.known.reference
    }

    /// The hash of the model.
    pub(super) fn model_hash(&self) -> String {
        self.known.model.fingerprint()
    }

    /// The last day of what the model was fitted to.
    pub(super) fn fitted_until(&self) -> Option<Date> {
        self.known.model.fitted_until
    }

    /// From which probabilities somebody is told, and a case is to be looked at.
    pub(super) fn told_and_found_from(&self) -> (f64, f64) {
        let bands = &self.known.model.bands;
        (f64::from(bands.watch) / 1000.0, f64::from(bands.review) / 1000.0)
    }

    /// When each row of the bundle became known, by `table/id`.
    pub(super) fn known_from(&self) -> BTreeMap<String, Date> {
        known_days(&self.tables)
    }

    /// What makes outputs besides movements.
    pub(super) fn made_by(&self) -> String {
        self.known.made_by()
    }

    /// Days after which a record of a file without `known_from` counts as known.
    pub(super) fn default_lag_days(&self) -> u16 {
        self.known.model.horizons.default_lag_days
    }

    /// Whether both read records alike: then both make the same movements.
    pub(super) fn reads_as(&self, other: &Knowledge) -> bool {
        let read_by = |of: &Knowledge| (of.reference().fingerprint().to_owned(), of.default_lag_days());
        read_by(self) == read_by(other)
    }

    /// Whether both home records alike: then each can fold what the other has keyed.
    pub(super) fn homes_as(&self, other: &Knowledge) -> bool {
        self.reference().family_map_fingerprint() == other.reference().family_map_fingerprint()
    }

    /// What runs.
    pub(super) fn build(&self) -> BuildInfo {
        BuildInfo {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            fold: FOLD.to_string(),
            model: self.model_hash(),
            reference: self.reference().fingerprint().to_owned(),
        }
    }

    /// Keeps both beside the log, by their hashes, for `explain`.
    pub(super) fn keep(&self, log: &mut dyn Home) -> Result<(), Failure> {
        let tables = serde_json::to_vec(&*self.tables).expect("text by text is JSON");
        let model = (self.model_hash(), "model", self.model_text.as_bytes().to_vec());
        let reference = (self.reference().fingerprint().to_owned(), "reference", tables);
        for (hash, kind, content) in [model, reference] {
            log.keep(&Artifact { hash, kind: kind.to_owned(), content })?;
        }
        Ok(())
    }

    /// This knowledge, or that of these hashes as it was kept beside the log; why not, where neither is.
    pub(super) fn at(self, log: &mut dyn Home, model: &str, reference: &str) -> Result<Result<Knowledge, String>, Failure> {
        if self.model_hash() == model && self.reference().fingerprint() == reference {
            return Ok(Ok(self));
        }
        let model_text = if self.model_hash() == model {
            self.model_text.to_string()
        } else {
            match log.artifact(model)? {
                Some(kept) => String::from_utf8_lossy(&kept.content).into_owned(),
                None => return Ok(Err(format!("model {model} is not kept beside this log"))),
            }
        };
        let tables = if self.reference().fingerprint() == reference {
            (*self.tables).clone()
        } else {
            match log.artifact(reference)? {
                Some(kept) => serde_json::from_slice(&kept.content).exits(Exit::Broken)?,
                None => return Ok(Err(format!("reference bundle {reference} is not kept beside this log"))),
            }
        };
        Knowledge::parse(model_text, tables).map(Ok)
    }

    /// Makes the folds of the first stage over a log, which share one; those of feeds in a registry's frame wait for its schemas.
    pub(super) fn ingests(&self, feeds: Vec<FeedIn>, payload_bytes_max: usize, registry: Option<Arc<Registry>>) -> FoldFactory {
        let ingest = self.stage(feeds, payload_bytes_max);
        match registry {
            None => Arc::new(move |_, _| Box::new(LoggedIngest(Arc::clone(&ingest)))),
            Some(registry) => Arc::new(move |_, _| Box::new(FramedIngest::of_log(Arc::clone(&ingest), Arc::clone(&registry)))),
        }
    }

    /// The first stage over a log as one fold, for a bounded run.
    pub(super) fn ingest(&self, feeds: Vec<FeedIn>, payload_bytes_max: usize, registry: Option<Arc<Registry>>) -> Box<dyn Fold> {
        (self.ingests(feeds, payload_bytes_max, registry))("", 0)
    }

    /// The first stage over a file.
    pub(super) fn ingest_file(&self, feed: FeedIn, payload_bytes_max: usize, registry: Option<Arc<Registry>>) -> Box<dyn Fold> {
        let ingest = self.stage(vec![feed], payload_bytes_max);
        match registry {
            None => Box::new(ingest),
            Some(registry) => Box::new(FramedIngest::of_files(ingest, registry)),
        }
    }

    fn stage(&self, feeds: Vec<FeedIn>, payload_bytes_max: usize) -> Arc<Ingest> {
        let feed = |feed: FeedIn| IngestFeed { name: feed.name, topic: feed.topic, decoder: feed.reading.decoder() };
        let limits = IngestLimits { payload_bytes_max, default_lag_days: self.default_lag_days() };
        Arc::new(Ingest::new(feeds.into_iter().map(feed).collect(), Arc::clone(&self.known.reference), limits))
    }

    /// The second stage, with an empty partition.
    pub(super) fn assess(&self) -> Box<dyn Fold> {
        Box::new(Assess::new(self.known.clone()))
    }
}

/// The feeds of the configuration; those of the bundled sample where none is configured, and beside them where they are asked for.
pub(super) fn feeds(config: &Config, with_sample: bool) -> Result<Vec<Feed>, Failure> {
    let mut feeds = config.feeds.clone();
    if with_sample || feeds.is_empty() {
        for feed in sample::feeds() {
            if !feeds.iter().any(|there| there.name == feed.name || there.topic == feed.topic) {
                feeds.push(feed);
            }
        }
    }
    Ok(feeds)
}

/// The feed with this name.
pub(super) fn feed_named(config: &Config, name: &str) -> Result<Feed, Failure> {
    let feeds = feeds(config, false)?;
    if let Some(feed) = feeds.iter().find(|feed| feed.name.as_str() == name) {
        return Ok(feed.clone());
    }
    let known: Vec<&str> = feeds.iter().map(|feed| feed.name.as_str()).collect();
    let message = unknown(&format!("--feed {name}: the configuration has no such feed"), name, &known);
    Err(Failure::new(Exit::Invalid, format!("{message}; a table [[feeds]] adds one")))
}

/// The text of a file that the configuration or an argument names.
pub(super) fn read_file(path: &Path) -> Result<String, Failure> {
    let read = std::fs::read_to_string(path).exits(Exit::Invalid);
    read.map_err(|failure| failure.context(format!("reading {}", path.display())))
}

/// The tables of a bundle's folder, by file name.
fn read_folder(folder: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let mut texts = BTreeMap::new();
    for name in Reference::file_names() {
        let path = folder.join(name);
        // A table that is missing is a problem of the bundle, which its own rules report.
        if path.exists() {
            texts.insert(name.to_owned(), read_file(&path)?);
        }
    }
    if texts.is_empty() {
        let message = format!("{}: holds no table of a reference bundle", folder.display());
        return Err(Failure::new(Exit::Invalid, message));
    }
    Ok(texts)
}
