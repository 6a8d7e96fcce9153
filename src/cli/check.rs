//! `check`: configuration, model, bundle and mappings; of files, what becomes of their rows. Writes nothing.

use std::path::Path;

use super::args::CheckArgs;
use super::exit::{Exit, Failure, Outcome};
use super::input::{Input, inputs};
use super::log;
use super::print::line;
use super::reading::Reading;
use super::registry;
use super::run;
use super::topics::missing;
use super::wiring::{Knowledge, feeds, read_file};
use crate::config::{Config, FeedFormat, SourceOf};
use crate::decode::{Excerpt, Surroundings, is_canonical, propose};
use crate::stream::{Log, LogError};

/// Rows read of a file where no number is given.
const ROWS: usize = 10;
/// Bytes of a file that a draft of a mapping is made from.
const DRAFT_BYTES_MAX: u64 = 16 << 20;

/// Runs it.
pub(super) fn run(config: &Config, args: &CheckArgs) -> Outcome {
    let knowledge = Knowledge::load(&config.model, &config.reference)?;
    if args.paths.is_empty() {
        whole(config, &knowledge)?;
    }
    let mut exit = Exit::Done;
    for path in &args.paths {
        let found = named(config, &knowledge, args, path)?;
        exit = if found == Exit::Done { exit } else { found };
    }
    if args.online {
        let found = online(config)?;
        exit = if found == Exit::Done { exit } else { found };
    }
    Ok(exit)
}

/// Everything that the configuration names.
fn whole(config: &Config, knowledge: &Knowledge) -> Result<(), Failure> {
    let file = config.file.as_ref().map_or_else(|| "built-in defaults".to_owned(), |file| file.display().to_string());
    line(&format!("# configuration: {file}, as resolved\n{}", config.resolved().trim_end()))?;
    let build = knowledge.build();
    line(&format!("\n# version {}, fold {}", build.version, build.fold))?;
    line(&format!("# model {} {}", shown(&config.model), build.model))?;
    line(&format!("# reference {} {}", shown(&config.reference), build.reference))?;
    for (table, date) in knowledge.reference().published() {
        line(&format!("#   {table}: newest fact known from {date}"))?;
    }
    for name in Reading::names() {
        let said = Reading::named(&name)?.prove(knowledge.reference())?;
        line(&format!("# mapping {}", said.replace('\n', "\n# ")))?;
    }
    let feeds = feeds(config, false)?;
    for feed in &feeds {
        Reading::of_feed(feed)?.prove(knowledge.reference())?;
        let framed = feed.format.and_then(FeedFormat::framed);
        let format = framed.map(|framed| format!("{} by the schema registry, ", framed.word())).unwrap_or_default();
        line(&format!("# feed {}: topic {}, {format}mapping {}: ok", feed.name, feed.topic, feed.mapping))?;
    }
    // Whatever `run` would refuse before it asks anybody.
    registry::configured(config)?;
    run::store(config)?;
    log::validate(config)
}

fn shown(source: &SourceOf) -> String {
    match source {
        SourceOf::BuiltIn => "(compiled in)".to_owned(),
        SourceOf::Path(path) => path.display().to_string(),
    }
}

/// One thing that an argument names: a bundle's folder, a model, a mapping, or a file of records.
fn named(config: &Config, knowledge: &Knowledge, args: &CheckArgs, path: &Path) -> Outcome {
    let name = path.display();
    if path.is_dir() && args.mapping.is_none() {
        let checked = Knowledge::load(&config.model, &SourceOf::Path(path.to_owned()))?;
        line(&format!("{name}: reference bundle, {}: ok", checked.reference().fingerprint()))?;
        return Ok(Exit::Done);
    }
    if path.extension().is_some_and(|extension| extension == "toml") {
        if !path.exists() {
            return Err(Failure::new(Exit::NotThere, format!("{name}: there is no such file")));
        }
        if is_model(&read_file(path)?) {
            let checked = Knowledge::load(&SourceOf::Path(path.to_owned()), &config.reference)?;
            line(&format!("{name}: model, {}: ok", checked.model_hash()))?;
        } else {
            let named = if path.components().count() > 1 { path.to_owned() } else { Path::new(".").join(path) };
            let said = Reading::named(&named.display().to_string())?.prove(knowledge.reference());
            let said = said.map_err(|failure| failure.context(path.display().to_string()))?;
            line(&format!("{name}: mapping {said}"))?;
        }
        return Ok(Exit::Done);
    }
    let mapping = args.mapping.as_deref().unwrap_or("canonical");
    let reading = Reading::named(mapping).map_err(|failure| failure.context("--as"))?;
    let may_draft = args.mapping.is_none() && args.sample.is_some();
    let mut exit = Exit::Done;
    for input in inputs(&[path.to_owned()], &reading)? {
        let limits = (args.sample.unwrap_or(ROWS), config.ingest.payload_bytes_max);
        let found = sample(&input, (&reading, may_draft), knowledge, limits)?;
        exit = if found == Exit::Done { exit } else { found };
    }
    Ok(exit)
}

/// A model has the tables of ours, also where its TOML is broken; a mapping has others.
fn is_model(text: &str) -> bool {
    let tables = ["calibration", "bands", "prior"];
    match text.parse::<toml::Table>() {
        Ok(table) => tables.iter().any(|name| table.contains_key(*name)),
        Err(_) => text.lines().any(|line| tables.iter().any(|name| line.trim().starts_with(&format!("[{name}]")))),
    }
}

/// What becomes of the first rows of a file, in one form for canonical JSON and for every mapping. Where none is named and the file is
/// no canonical JSON, a first draft of a mapping instead, and nothing else on stdout.
fn sample(
    input: &Input,
    (reading, may_draft): (&Reading, bool),
    knowledge: &Knowledge,
    (rows, bytes_max): (usize, usize),
) -> Outcome {
    let around = Surroundings {
        reference: knowledge.reference(),
        default_lag_days: knowledge.default_lag_days(),
        file_name: Some(&input.name),
    };
    if may_draft {
        let bytes = input.glance(reading, rows, DRAFT_BYTES_MAX + 1)?;
        if !is_canonical(&bytes) {
            return draft(input, &bytes, (rows, &around));
        }
    }
    input.suits(reading)?;
    let bytes = input.glance(reading, rows, u64::MAX)?;
    line(&format!("{}: the first {rows} rows", input.shown()))?;
    let sample = reading.decoder().sample_within(&bytes, (rows, bytes_max), &around);
    line(sample.to_string().trim_end())?;
    let fits = |name: &String| name == "taken" || name.starts_with("excluded");
    Ok(if sample.counts.keys().any(fits) { Exit::Done } else { Exit::NothingDecoded })
}

/// Prints a first draft of a mapping.
fn draft(input: &Input, bytes: &[u8], (rows, around): (usize, &Surroundings<'_>)) -> Outcome {
    let limit = usize::try_from(DRAFT_BYTES_MAX).unwrap_or(usize::MAX);
    let excerpt = Excerpt { bytes: bytes.get(..limit).unwrap_or(bytes), whole: bytes.len() <= limit };
    let drafted = propose(excerpt, rows, around);
    let drafted = drafted.map_err(|why| Failure::new(Exit::NothingDecoded, format!("{}: no draft: {why}", input.shown())))?;
    let drafted = if input.is_parquet() {
        // What was looked at are its rows as they stand in a message.
        drafted.replacen("format = \"ndjson\"", "format = \"parquet\"", 1)
    } else {
        drafted
    };
    line(drafted.trim_end())?;
    Ok(Exit::Done)
}

fn online(config: &Config) -> Outcome {
    if let Some(registry) = registry::answering(config, &feeds(config, false)?)? {
        line(&format!("schema registry {}: answers", registry.url()))?;
    }
    let mut log = log::open(config)?;
    let mut exit = Exit::Done;
    for topic in log::planned(config, &feeds(config, false)?) {
        let fault = match log.faults(&topic) {
            Ok(faults) if faults.is_empty() => continue,
            Ok(faults) => faults.join("; "),
            Err(LogError::UnknownTopic { .. }) => format!("missing; {}", missing(&mut *log, &topic)?),
            Err(error) => return Err(error.into()),
        };
        line(&format!("topic {}: {fault}", topic.name))?;
        exit = Exit::No;
    }
    let found = log.topics()?;
    line(&format!("log {}: {} topics", log.location(), found.len()))?;
    Ok(exit)
}
