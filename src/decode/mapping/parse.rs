//! TOML → mapping: the sections of the grammar, each read by its own function. What a section means stands where it is used.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use toml::de::DeTable;

use super::checks::Check;
use super::condition::condition;
use super::examples::Example;
use super::explode::Explode;
use super::field::{Field, Rule};
use super::gather::Gather;
use super::head::Head;
use super::join::Join;
use super::reader::{MappingError, Section, nearest};
use super::record::{Lists, Quantities};
use super::shape::shape;
use super::value::{Columns, Readable, Source, Value};
use super::{Branch, Envelope, Format, Limits, Mapping, Meaning, Preamble, Selection, Unit};
use crate::decode::delimited::Dialect;
use crate::decode::draft::Kind;
use crate::decode::encoding::TextEncoding;
use crate::decode::json::Pointer;
use crate::decode::units;
use crate::domain;

impl Mapping {
    /// Reads a mapping. An error names line and key, what is allowed and, for an unknown key, the nearest name.
    pub fn parse(text: &str) -> Result<Mapping, MappingError> {
        let table = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let line = text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
            MappingError { line, key: "mapping".to_owned(), problem: format!("is no TOML: {}", error.message()) }
        })?;
        let root = Section::root(text, &table);
        match root.number("version", 1..1000)? {
            Some(1) => {}
            Some(other) => {
                return Err(root.error("version", format!("{other} is no version of the mapping language; this release reads 1")));
            }
            None => return Err(root.error("version", "is missing: version = 1")),
        }
        let mapping = Mapping { shape: shape(text), ..mapping(&root)? };
        mapping.prove(&root)?;
        root.finish()?;
        Ok(mapping)
    }
}

fn mapping(root: &Section<'_>) -> Result<Mapping, MappingError> {
    let name = root.required_text("name", "a short name, a-z, 0-9 and -")?;
    if name.parse::<crate::domain::FeedName>().is_err() {
        return Err(root.error("name", format!("{name:?} is no name (a-z, 0-9 and -)")));
    }
    let title = root.text("title")?.unwrap_or_else(|| name.clone());
    let envelope = root.section("envelope")?.ok_or_else(|| root.missing("envelope", "[envelope] with format"))?;
    let mut envelope = read_envelope(envelope)?;
    let head = root.section("columns")?.map(Head::read).transpose()?.unwrap_or_default();
    head.check_positions(root, &envelope)?;
    head.check_csv(root, &envelope)?;
    envelope.fixed.clone_from(&head.positions);
    (envelope.header, envelope.notes) = (head.header.clone(), head.notes.clone());
    let join = root.section("join")?.map(|section| Join::read(section, &head)).transpose()?;
    if join.is_some() && envelope.format != Format::Ndjson {
        return Err(root.error("join", "a join gives lines of JSON: envelope.format = \"ndjson\""));
    }
    let readable = Readable::of(envelope.format);
    let mut gather = root.section("gather")?.map(|section| Gather::read(section, &head, readable)).transpose()?;
    let readable = if gather.is_some() { readable.gathered() } else { readable };
    let mut columns = Columns::new(&head, readable).joined(join.as_ref());
    let explode: Vec<Explode> =
        root.sections("explode")?.into_iter().map(|section| Explode::read(section, &mut columns)).collect::<Result<_, _>>()?;
    columns.pivots = explode.iter().flat_map(Explode::names).map(str::to_owned).collect();
    let select =
        root.sections("select")?.into_iter().map(|section| selection(section, &mut columns)).collect::<Result<_, _>>()?;
    let (branches, otherwise) = branches(root, &mut columns)?;
    let every_branch = match root.text("branching")?.as_deref() {
        None | Some("first") => false,
        Some("every") => true,
        Some(other) => {
            return Err(root.error("branching", format!("{other:?} is none; allowed are first, every")));
        }
    };
    let units = root.section("units")?.map(own_units).transpose()?.unwrap_or_default();
    let read = |section, columns: &mut Columns| Quantities::read(section, &branches, columns);
    let quantities =
        root.sections("quantities")?.into_iter().map(|section| read(section, &mut columns)).collect::<Result<_, _>>()?;
    let lists = Lists::read(root, &mut columns)?;
    let checks =
        root.sections("checks")?.into_iter().map(|section| Check::read(section, &mut columns)).collect::<Result<_, _>>()?;
    let meaning = root.section("meaning")?.map(|section| meaning(section, &mut columns)).transpose()?.unwrap_or_default();
    let limits = limits(root.section("limits")?)?;
    let examples = root.sections("examples")?.into_iter().map(Example::read).collect::<Result<_, _>>()?;
    let required = settle(root, &head, (&mut gather, &branches, &mut columns), &envelope)?;
    Ok(Mapping {
        name,
        title,
        envelope,
        columns,
        names: head.names,
        required,
        never: head.never,
        nulls: head.nulls,
        join,
        gather,
        explode,
        select,
        branches,
        every_branch,
        otherwise,
        quantities,
        units,
        lists,
        checks,
        meaning,
        limits,
        examples,
        shape: String::new(),
        memo: OnceLock::new(),
    })
}

/// What is gathered, and the columns without which a file is another schema, once all columns are known.
fn settle(
    root: &Section<'_>,
    head: &Head,
    (gather, branches, columns): (&mut Option<Gather>, &[Branch], &mut Columns),
    envelope: &Envelope,
) -> Result<Vec<usize>, MappingError> {
    let named = |columns: &mut Columns, names: &[String]| names.iter().map(|name| columns.slot(vec![name.clone()])).collect();
    let names = head.required.as_deref().unwrap_or_default();
    // What the author requires comes to what no record can do without: naming a header's columns must not lift that guard.
    let (mut required, decisive): (Vec<usize>, Vec<usize>) = match &mut *gather {
        None => (named(columns, names), decisive(branches)),
        Some(gather) if head.required.is_none() => (Vec::new(), gather.decisive()),
        Some(gather) => {
            let read = decisive(branches).into_iter().filter_map(|slot| columns.slots.get(slot));
            let behind = read.flat_map(|column| gather.behind(column)).collect();
            (named(&mut gather.columns, names), behind)
        }
    };
    let more: Vec<usize> = decisive.into_iter().filter(|slot| !required.contains(slot)).collect();
    required.extend(more);
    match (&gather, envelope.unit) {
        (None, Unit::Group) => {
            return Err(root.error("envelope", "message = \"group\" needs [gather], whose columns under by tell groups apart"));
        }
        (Some(_), Unit::Row) => {
            let problem =
                "puts rows of one message together, and message = \"row\" has one: group (of csv) or file under envelope";
            return Err(root.error("gather", problem));
        }
        _ => {}
    }
    if let Some(gather) = gather.as_mut() {
        gather.settle(&columns.slots, head.names).map_err(|problem| root.error("gather", problem))?;
    }
    head.check_named(root, gather.as_ref().map_or(&columns.slots, |gather| &gather.columns.slots))?;
    if required.is_empty() && matches!(envelope.format, Format::Csv(_, Preamble::UntilHeader)) {
        return Err(root.error("columns", "a preamble until the header needs columns.required, to know the header by"));
    }
    let mut pointers = std::iter::once(&envelope.records).chain(&envelope.error);
    pointers.try_for_each(|pointer| head.never.check(pointer)).map_err(|problem| root.error("envelope", problem))?;
    let before = gather.iter().flat_map(|gather| &gather.columns.slots);
    let read = columns.slots.iter().chain(before).flat_map(|column| column.names.iter());
    if let Some(name) = read.into_iter().find(|name| head.never.holds(name)) {
        return Err(root.error("columns", format!("the column {name:?} is read, and listed under never")));
    }
    Ok(required)
}

/// The columns that the required fields of a record read directly: without them a file is another schema.
fn decisive(branches: &[Branch]) -> Vec<usize> {
    let is_decisive = |field| matches!(field, Field::Hs | Field::EventDate | Field::Period | Field::Partner | Field::Id);
    let rules = branches.iter().flat_map(|branch| &branch.rules).filter(|rule| is_decisive(rule.field));
    direct(rules.map(|rule| &rule.value))
}

/// The columns that values read as they stand, or add up.
pub(super) fn direct<'v>(values: impl Iterator<Item = &'v Value>) -> Vec<usize> {
    let slots = |value: &Value| match &value.source {
        Source::Column(slot) => vec![*slot],
        Source::Sum(parts, _) => direct(parts.iter()),
        _ => Vec::new(),
    };
    let slots: BTreeSet<usize> = values.flat_map(slots).collect();
    slots.into_iter().collect()
}

fn read_envelope(section: Section<'_>) -> Result<Envelope, MappingError> {
    let format = section.required_text("format", "csv, json, json-table, ndjson, parquet or fixed")?;
    let encoding = match section.text("encoding")? {
        None => TextEncoding::UTF_8,
        Some(name) => TextEncoding::named(&name).ok_or_else(|| {
            section.error("encoding", format!("{name:?} is no encoding; {}", nearest(&name, &TextEncoding::names())))
        })?,
    };
    let format = match format.as_str() {
        "csv" => Format::Csv(dialect(&section)?, preamble(&section)?),
        "json" => Format::Json,
        "json-table" => Format::JsonTable,
        "ndjson" => Format::Ndjson,
        "parquet" => Format::Parquet,
        "fixed" => Format::Fixed,
        other => {
            let allowed = nearest(other, &["csv", "json", "json-table", "ndjson", "parquet", "fixed"]);
            return Err(section.error("format", format!("{other:?} is no form of a message; {allowed}")));
        }
    };
    if encoding != TextEncoding::UTF_8 && !matches!(format, Format::Csv(..) | Format::Fixed) {
        return Err(section.error("encoding", "JSON is UTF-8"));
    }
    let foreign: &[&str] = match format {
        Format::Json => &[],
        Format::JsonTable => &["lists"],
        _ => &["records", "error", "lists"],
    };
    if let Some(key) = foreign.iter().find(|key| section.has(key)) {
        return Err(section.error(key, "is of JSON documents: records and error of json and json-table, lists of json"));
    }
    let unit = match section.text("message")?.as_deref() {
        None | Some("row") => Unit::Row,
        Some("file") if format == Format::Parquet => {
            return Err(section.error("message", "a row of Parquet is a message: leave message out"));
        }
        Some("file") => Unit::File,
        Some("group") if matches!(format, Format::Csv(..)) => Unit::Group,
        Some("group") => return Err(section.error("message", "groups are of csv alone")),
        Some(other) => return Err(section.error("message", format!("{other:?} is no message; allowed are row, file, group"))),
    };
    let pointer = |key| match section.text(key)? {
        None => Ok(None),
        Some(text) => Pointer::parse(&text).map(Some).map_err(|problem| section.error(key, problem)),
    };
    let (records, error) = (pointer("records")?.unwrap_or_default(), pointer("error")?);
    let lists = section.texts("lists")?.unwrap_or_default();
    section.finish()?;
    Ok(Envelope { format, unit, encoding, records, error, lists, header: None, notes: None, fixed: Vec::new() })
}

pub(super) fn dialect(section: &Section<'_>) -> Result<Dialect, MappingError> {
    let sign = |key| match section.text(key)? {
        None => Ok(None),
        Some(text) => match text.as_bytes() {
            [sign] if sign.is_ascii() && !matches!(sign, b'\n' | b'\r') => Ok(Some(Some(*sign))),
            [] if key == "quote" => Ok(Some(None)),
            _ => Err(section.error(key, format!("{text:?} is not one ASCII sign"))),
        },
    };
    let delimiter = sign("delimiter")?.flatten().unwrap_or(b',');
    let quote = sign("quote")?.unwrap_or(Some(b'"'));
    if quote == Some(delimiter) {
        return Err(section.error("delimiter", "is the quote as well; quote = \"\" for none"));
    }
    Ok(Dialect { delimiter, quote })
}

fn preamble(section: &Section<'_>) -> Result<Preamble, MappingError> {
    let Some(item) = section.item("preamble") else { return Ok(Preamble::Records(0)) };
    match item.as_text() {
        Some("until-header") => Ok(Preamble::UntilHeader),
        Some(other) => Err(item.error(format!("{other:?} is no preamble; it is a number of lines, or \"until-header\""))),
        None => Ok(Preamble::Records(usize::try_from(item.number(0..50)?).unwrap_or(0))),
    }
}

pub(super) fn selection(section: Section<'_>, columns: &mut Columns) -> Result<Selection, MappingError> {
    let why = || section.missing("reason", "why these rows are left out, a-z, 0-9 and _");
    let reason = section.reason("reason")?.ok_or_else(why)?;
    let (keep, drop) = (section.section("keep")?, section.section("drop")?);
    let (keep, when) = match (keep, drop) {
        (Some(when), None) => (true, when),
        (None, Some(when)) => (false, when),
        _ => return Err(section.error("keep", "must have one of keep and drop")),
    };
    let when = condition(when, columns)?;
    section.finish()?;
    Ok(Selection { reason, keep, when })
}

fn kind(section: &Section<'_>) -> Result<Option<Kind>, MappingError> {
    match section.text("kind")?.as_deref() {
        None => Ok(None),
        Some("shipment") => Ok(Some(Kind::Shipment)),
        Some("trade_flow") => Ok(Some(Kind::TradeFlow)),
        Some("sighting" | "firm_link") => {
            Err(section.error("kind", "must be shipment or trade_flow: this kind of record is not supported in this release"))
        }
        Some(other) => {
            Err(section.error("kind", format!("{other:?} is no kind; {}", nearest(other, &["shipment", "trade_flow"]))))
        }
    }
}

/// Fields of records of these kinds, in the order of the contract.
fn rules(section: Option<Section<'_>>, kinds: &[Kind], columns: &mut Columns) -> Result<Vec<Rule>, MappingError> {
    let Some(section) = section else { return Ok(Vec::new()) };
    let mut rules: Vec<Rule> =
        section.entries().iter().map(|(name, item)| Rule::read((name, item), kinds, columns)).collect::<Result<_, _>>()?;
    rules.sort_by_key(|rule| rule.field);
    Ok(rules)
}

/// The branches; a mapping without any is one branch for all rows. A branch's fields stand before the common ones.
fn branches(root: &Section<'_>, columns: &mut Columns) -> Result<(Vec<Branch>, Option<String>), MappingError> {
    let common_kind = kind(root)?;
    let otherwise = root.reason("otherwise")?;
    let sections = root.sections("branches")?;
    let no_kind = |section: &Section<'_>| section.error("kind", "is missing: shipment or trade_flow");
    let kind_of = |section: &Section<'_>| kind(section)?.or(common_kind).ok_or_else(|| no_kind(section));
    let kinds: Vec<Kind> = match sections.as_slice() {
        [] => vec![kind_of(root)?],
        sections => sections.iter().map(kind_of).collect::<Result<_, _>>()?,
    };
    let common = rules(root.section("fields")?, &kinds, columns)?;
    let lists = ["bill_of_lading", "containers", "parties", "transit_ports"];
    if let Some(key) = lists.into_iter().find(|key| root.has(key) && !kinds.contains(&Kind::Shipment)) {
        return Err(root.error(key, "a trade_flow has none, a shipment has"));
    }
    if sections.is_empty() {
        if let Some(key) = ["otherwise", "branching"].into_iter().find(|key| root.has(key)) {
            return Err(root.error(key, "is of [[branches]], and there are none"));
        }
        let kind = kind_of(root)?;
        check_fields(root, kind, &common)?;
        return Ok((vec![Branch { when: None, kind, rules: common }], otherwise));
    }
    let mut branches = Vec::new();
    for (section, kind) in sections.into_iter().zip(kinds) {
        let when = section.section("when")?.ok_or_else(|| section.error("when", "is missing: the condition of the branch"))?;
        let when = Some(condition(when, columns)?);
        let mut rules = rules(section.section("fields")?, &[kind], columns)?;
        let own: Vec<Field> = rules.iter().map(|rule| rule.field).collect();
        rules.extend(common.iter().filter(|rule| !own.contains(&rule.field)).cloned());
        rules.sort_by_key(|rule| rule.field);
        check_fields(&section, kind, &rules)?;
        section.finish()?;
        branches.push(Branch { when, kind, rules });
    }
    Ok((branches, otherwise))
}

/// A mapping that can never give a record is refused when it is read, not row by row.
fn check_fields(section: &Section<'_>, kind: Kind, rules: &[Rule]) -> Result<(), MappingError> {
    let required: &[Field] = match kind {
        Kind::Shipment => &[Field::Id, Field::EventDate, Field::Destination],
        Kind::TradeFlow => &[Field::Reporter, Field::Partner, Field::Flow, Field::Period, Field::Hs],
    };
    let absent = required.iter().find(|field| !rules.iter().any(|rule| rule.field == **field));
    match absent {
        Some(field) => Err(section.error("fields", format!("a {} needs the field {}", kind.word(), field.name()))),
        None => Ok(()),
    }
}

fn own_units(section: Section<'_>) -> Result<BTreeMap<String, domain::Unit>, MappingError> {
    let unit = |(text, item): (String, super::reader::Item<'_>)| {
        let code = item.text()?;
        units::listed(&code).map(|unit| (text, unit)).map_err(|problem| item.error(problem))
    };
    section.entries().into_iter().map(unit).collect()
}

fn meaning(section: Section<'_>, columns: &mut Columns) -> Result<Meaning, MappingError> {
    let partner = section.text("partner")?;
    if let Some(word) = partner.as_deref().filter(|word| !["origin", "consignment", "destination"].contains(word)) {
        return Err(section.error("partner", format!("{word:?} is no meaning; allowed are origin, consignment, destination")));
    }
    let days = section.number("known_after_days", 0..4000)?;
    let mut when = |key| section.section(key)?.map(|part| condition(part, columns)).transpose();
    let meaning = Meaning {
        mass_estimated: when("mass_estimated")?,
        mass_shared: when("mass_shared")?,
        incomplete: when("incomplete")?,
        cancelled: when("cancelled")?,
        partial_amendment: when("partial_amendment")?,
        complete: section.flag("complete")?,
        known_after_days: days.and_then(|days| u16::try_from(days).ok()),
        partner,
    };
    section.finish()?;
    Ok(meaning)
}

fn limits(section: Option<Section<'_>>) -> Result<Limits, MappingError> {
    let Some(section) = section else { return Ok(Limits { rows: 100_000, cells: 1_000, nesting: 32, exploded: 10_000 }) };
    let size = |key, default: i64, most: i64| {
        let number = section.number(key, 1..most + 1)?.unwrap_or(default);
        Ok(usize::try_from(number).unwrap_or(usize::MAX))
    };
    let limits = Limits {
        rows: size("rows_max", 100_000, 10_000_000)?,
        cells: size("cells_max", 1_000, 100_000)?,
        nesting: size("nesting_max", 32, 64)?,
        exploded: size("exploded_max", 10_000, 1_000_000)?,
    };
    section.finish()?;
    Ok(limits)
}
