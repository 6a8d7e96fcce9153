//! `check`: configuration, model, bundle and mappings; of files, what becomes of their rows. Writes nothing.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use super::args::CheckArgs;
use super::exit::{Exit, Exits, Failure, Outcome};
use super::input::{Input, each_message, inputs};
use super::log;
use super::print::line;
use super::reading::Reading;
use super::wiring::{Knowledge, feeds, read_file};
use crate::config::{Config, SourceOf};
use crate::decode::{Decoded, Decoder, Row, Surroundings};
use crate::domain::{Claim, Record};
use crate::scoring::Model;
use crate::stream::Log;

/// Rows read of a file where no number is given.
const ROWS: usize = 10;

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
    for feed in feeds(config, false)? {
        Reading::of_feed(&feed)?.prove(knowledge.reference())?;
        line(&format!("# feed {}: topic {}, mapping {}: ok", feed.name, feed.topic, feed.mapping))?;
    }
    Ok(())
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
    if path.is_dir() {
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
            let said = Reading::named(&named.display().to_string())?.prove(knowledge.reference())?;
            line(&format!("{name}: mapping {said}"))?;
        }
        return Ok(Exit::Done);
    }
    let reading = Reading::named(&args.mapping).map_err(|failure| failure.context("--as"))?;
    let mut exit = Exit::Done;
    for input in inputs(&[path.to_owned()])? {
        let found = sample(&input, &reading, knowledge, args.sample.unwrap_or(ROWS))?;
        exit = if found == Exit::Done { exit } else { found };
    }
    Ok(exit)
}

/// A model has the tables of ours; a mapping has others.
fn is_model(text: &str) -> bool {
    let Ok(table) = text.parse::<toml::Table>() else { return Model::parse(text).is_ok() };
    table.contains_key("calibration") || table.contains_key("bands") || table.contains_key("prior")
}

/// What became of the first rows of a file.
#[derive(Default)]
struct Sampled {
    taken: u64,
    excluded: BTreeMap<String, u64>,
    failed: BTreeMap<String, u64>,
    degraded: BTreeMap<&'static str, u64>,
    fields: BTreeMap<&'static str, u64>,
}

fn sample(input: &Input, reading: &Reading, knowledge: &Knowledge, rows: usize) -> Outcome {
    let decoder = reading.decoder();
    let around = Surroundings {
        reference: knowledge.reference(),
        default_lag_days: knowledge.default_lag_days(),
        file_name: Some(&input.name),
    };
    line(&format!("{}: the first {rows} rows", input.shown()))?;
    if !reading.is_canonical() {
        return sample_mapped(input, &decoder, (&around, rows));
    }
    let mut sampled = Sampled::default();
    let mut left = rows;
    each_message(input, reading, &mut |message| {
        if left == 0 {
            return Ok(());
        }
        left -= 1;
        let position = message.position.to_string();
        match decoder.decode(&message, &around) {
            Decoded::Unreadable(error) => sampled.failed(&position, error.reason.code(), &error.detail),
            Decoded::Rows(rows) => rows.into_iter().try_for_each(|row| match row {
                Row::Claim(claim) => sampled.taken(&position, &claim),
                Row::Excluded(reason) => {
                    *sampled.excluded.entry(reason.code().to_owned()).or_default() += 1;
                    line(&format!("  {position}  excluded  {}", reason.code()))
                }
                Row::Failed(error) => sampled.failed(&position, error.reason.code(), &error.detail),
            }),
        }
    })?;
    sampled.sum_up()
}

/// The same through a mapping, which knows the source of each field.
fn sample_mapped(input: &Input, decoder: &Decoder, (around, rows): (&Surroundings<'_>, usize)) -> Outcome {
    let mut bytes = Vec::new();
    let read = input.open()?.read_to_end(&mut bytes).exits(Exit::NotThere);
    read.map_err(|failure| failure.context(format!("reading {}", input.shown())))?;
    let Some(sample) = decoder.sample(&bytes, rows, around) else { return Ok(Exit::Done) };
    line(sample.to_string().trim_end())?;
    let fits = |name: &String| name == "taken" || name.starts_with("excluded");
    let nothing = !sample.counts.is_empty() && !sample.counts.keys().any(fits);
    Ok(if nothing { Exit::NothingDecoded } else { Exit::Done })
}

impl Sampled {
    fn taken(&mut self, position: &str, claim: &Claim) -> Result<(), Failure> {
        self.taken += 1;
        claim.quality.iter().for_each(|reason| *self.degraded.entry(reason.code()).or_default() += 1);
        present(claim).into_iter().for_each(|field| *self.fields.entry(field).or_default() += 1);
        let quality: Vec<&str> = claim.quality.iter().map(|reason| reason.code()).collect();
        line(format!("  {position}  taken     {} {}", claim.id, quality.join(" ")).trim_end())
    }

    fn failed(&mut self, position: &str, reason: &str, detail: &str) -> Result<(), Failure> {
        *self.failed.entry(reason.to_owned()).or_default() += 1;
        line(&format!("  {position}  failed    {reason}: {detail}"))
    }

    fn sum_up(&self) -> Outcome {
        let counts = |counts: &BTreeMap<String, u64>| {
            counts.iter().map(|(name, count)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
        };
        line(&format!(
            "taken {}; excluded: {}; failed: {}",
            self.taken,
            or_none(counts(&self.excluded)),
            or_none(counts(&self.failed))
        ))?;
        if !self.degraded.is_empty() {
            let degraded: Vec<String> = self.degraded.iter().map(|(name, count)| format!("{count} {name}")).collect();
            line(&format!("taken with evidence withheld or marked: {}", degraded.join(", ")))?;
        }
        if self.taken > 0 {
            let fields: Vec<String> = self.fields.iter().map(|(name, count)| format!("{name} {count}")).collect();
            line(&format!("fields filled, in rows of {}: {}", self.taken, fields.join(", ")))?;
            for (layer, supported) in self.layers() {
                line(&format!("layer {layer}: {supported}"))?;
            }
        }
        let nothing = self.taken == 0 && self.excluded.is_empty() && !self.failed.is_empty();
        Ok(if nothing { Exit::NothingDecoded } else { Exit::Done })
    }

    /// Which layers of evidence such records can carry.
    fn layers(&self) -> [(&'static str, &'static str); 4] {
        let has = |field: &str| self.fields.contains_key(field);
        let route = has("place_of_receipt") || has("port_of_lading") || has("transit_ports") || has("country_of_lading");
        let record = if route && has("country_of_origin") {
            "supported: route beside a declared origin"
        } else {
            "not supported: needs country_of_origin, and a place of receipt, port of lading or transit port"
        };
        let entity =
            if has("parties") { "parties are kept; its signals come with a later release" } else { "not supported: no parties" };
        let corridor = if has("mass") {
            "supported: masses enter the balance"
        } else {
            "not supported: needs net_mass_kg, gross_mass_kg or a quantity of mass"
        };
        let time = if has("mass") || has("customs_value") { "supported" } else { "not supported: needs mass or customs_value" };
        [("record", record), ("entity", entity), ("corridor", corridor), ("time", time)]
    }
}

fn or_none(text: String) -> String {
    if text.is_empty() { "none".to_owned() } else { text }
}

/// The fields that a record fills and evidence reads.
fn present(claim: &Claim) -> Vec<&'static str> {
    let filled: Vec<(&'static str, bool)> = match &claim.record {
        Record::Shipment(shipment) => vec![
            ("description", shipment.description.is_some()),
            ("country_of_origin", shipment.country_of_origin.is_some()),
            ("country_of_consignment", shipment.country_of_consignment.is_some()),
            ("place_of_receipt", shipment.place_of_receipt.is_some()),
            ("port_of_lading", shipment.port_of_lading.is_some()),
            ("country_of_lading", shipment.country_of_lading.is_some()),
            ("transit_ports", !shipment.transit_ports.is_empty()),
            ("mass", shipment.net_mass.is_some() || shipment.gross_mass.is_some()),
            ("quantity", shipment.quantity.is_some()),
            ("customs_value", shipment.customs_value.is_some()),
            ("containers", !shipment.containers.is_empty()),
            ("parties", !shipment.parties.is_empty()),
        ],
        Record::TradeFlow(flow) => vec![
            ("consignment_partner", flow.consignment_partner.is_some()),
            ("mass", flow.net_mass.is_some()),
            ("quantity", flow.quantity.is_some()),
            ("customs_value", flow.customs_value.is_some()),
        ],
    };
    filled.into_iter().filter(|(_, filled)| *filled).map(|(name, _)| name).collect()
}

fn online(config: &Config) -> Outcome {
    let mut log = log::open(config)?;
    let found = log.topics()?;
    let mut exit = Exit::Done;
    for topic in log::planned(config, &feeds(config, false)?) {
        match found.iter().find(|found| found.name == topic.name) {
            Some(there) if there.partitions == topic.partitions => {}
            Some(there) => {
                line(&format!("topic {}: {} partitions, wanted {}", topic.name, there.partitions, topic.partitions))?;
                exit = Exit::No;
            }
            None => {
                line(&format!("topic {}: missing; `entrepot topics create` makes it", topic.name))?;
                exit = Exit::No;
            }
        }
    }
    line(&format!("log {}: {} topics", log.path().display(), found.len()))?;
    Ok(exit)
}
