//! One row → one record: selection, branch, fields, quantities, lists. The rules of the contract come after it, in the draft.

use std::borrow::Cow;

use super::condition::Condition;
use super::countries::Countries;
use super::evaluate::{Cells, Place};
use super::field::{Rule, Stop};
use super::figures::Figures;
use super::reader::{MappingError, Section, nearest};
use super::value::{self, Columns, Value};
use super::{Branch, Mapping, Selection};
use crate::decode::canonical::role;
use crate::decode::draft::{Draft, Kind, Times, error, malformed};
use crate::decode::json::Pointer;
use crate::decode::{DecodeError, Row, Surroundings, units};
use crate::domain::{BillOfLading, Container, DeadLetterReason, Decimal, Degrade, Grams, Party, Quantity, Role};
use crate::reference::Codes;

/// A number with its unit: a mass where the unit is one, else a quantity.
#[derive(Clone, Debug)]
pub(super) struct Quantities {
    pub(super) value: Value,
    pub(super) unit: Value,
    figures: Figures,
    gross: bool,
    /// Where the mapping says the unit.
    pub(super) origin: MappingError,
}

impl Quantities {
    /// A section of `quantities`.
    pub(super) fn read(section: Section<'_>, branches: &[Branch], columns: &mut Columns) -> Result<Quantities, MappingError> {
        let absent = |key| section.error(key, "is missing: a column's name, or a table with a source");
        let value = section.item("value").ok_or_else(|| absent("value"))?;
        let value = value::read_item(&value, columns)?;
        let unit = section.item("unit").ok_or_else(|| absent("unit"))?;
        let (origin, unit) = (unit.error(""), value::read_item(&unit, columns)?);
        let figures = Figures::beside(&section, &value)?;
        let gross = match section.text("mass")?.as_deref() {
            None | Some("net") => false,
            Some("gross") if branches.iter().any(|branch| branch.kind == Kind::Shipment) => true,
            Some("gross") => return Err(section.error("mass", "a trade_flow has no gross mass, a shipment has")),
            Some(other) => return Err(section.error("mass", format!("{other:?} is no mass; allowed are net, gross"))),
        };
        section.finish()?;
        Ok(Quantities { value, unit, figures, gross, origin })
    }

    fn apply(&self, place: &Place<'_>, draft: &mut Draft) -> Result<(), DecodeError> {
        let (text, told) = (place.told(&self.value, "quantity.value")?, place.told(&self.unit, "quantity.unit")?);
        let (Some(text), Some(told)) = (text, told) else { return Ok(()) };
        // A unit that nobody knows tells neither mass nor quantity: the record is taken without, and says so.
        let Some(unit) = units::read(&told, &place.mapping.units) else {
            draft.quality.insert(Degrade::UnitUnknown);
            draft.unknown_unit.get_or_insert_with(|| format!("nobody knows the unit {told:?}: add it under [units]"));
            return Ok(());
        };
        let number = self.figures.number(&text).filter(|number| !number.is_sign_negative() || number.is_zero());
        let field = || format!("quantity (from {})", place.shown(&self.value));
        let number = number.ok_or_else(|| malformed(&field(), format_args!("{text:?} is no number from 0")))?;
        let Some(grams) = unit.grams() else {
            draft.quantity.get_or_insert(Quantity { value: number, unit });
            return Ok(());
        };
        let kilograms = grams.checked_mul(number).and_then(|grams| grams.checked_div(Decimal::ONE_THOUSAND));
        let mass = kilograms.and_then(|kilograms| Grams::from_kilograms(kilograms).ok());
        let mass = mass.ok_or_else(|| malformed(&field(), format_args!("{text:?} {unit} is no mass in kg (0 to 10^15)")))?;
        let slot = if self.gross { &mut draft.gross_mass } else { &mut draft.net_mass };
        slot.get_or_insert(mass);
        Ok(())
    }
}

/// Boxes, parties and the bill, each from columns of its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Lists {
    master: Option<Value>,
    house: Option<Value>,
    containers: Vec<ContainerRule>,
    pub(super) parties: Vec<PartyRule>,
    transit_ports: Vec<Value>,
}

/// The list of which each element gives one; absent where the row itself does.
type Of = Option<Pointer>;

#[derive(Clone, Debug)]
struct ContainerRule {
    of: Of,
    number: Value,
    seal: Option<Value>,
}

#[derive(Clone, Debug)]
pub(super) struct PartyRule {
    of: Of,
    role: Role,
    name: Option<Value>,
    identifier: Option<Value>,
    country: Option<(Value, Countries)>,
}

impl Lists {
    /// The sections `bill_of_lading`, `containers`, `parties` and the list `transit_ports`.
    pub(super) fn read(root: &Section<'_>, columns: &mut Columns) -> Result<Lists, MappingError> {
        let mut lists = Lists::default();
        if let Some(section) = root.section("bill_of_lading")? {
            lists.master = optional(&section, "master", columns)?;
            lists.house = optional(&section, "house", columns)?;
            section.finish()?;
        }
        for section in root.sections("containers")? {
            lists.containers.push(of(&section, columns, ContainerRule::read)?);
            section.finish()?;
        }
        for section in root.sections("parties")? {
            lists.parties.push(of(&section, columns, PartyRule::read)?);
            section.finish()?;
        }
        if let Some(item) = root.item("transit_ports") {
            lists.transit_ports = item.list()?.iter().map(|item| value::read_item(item, columns)).collect::<Result<_, _>>()?;
        }
        Ok(lists)
    }

    fn apply(&self, place: &Place<'_>, codes: &Codes, draft: &mut Draft) -> Result<(), Stop> {
        let master = owned(place, &self.master, "bill_of_lading.master")?;
        let bill = BillOfLading { master, house: owned(place, &self.house, "bill_of_lading.house")? };
        draft.bill_of_lading = (bill != BillOfLading::default()).then_some(bill);
        for rule in &self.containers {
            each(&rule.of, place, &mut |place| {
                let Some(number) = place.told(&rule.number, "containers.number")? else { return Ok(()) };
                let number = number.parse().map_err(|cause| malformed("containers.number", cause))?;
                let seal = owned(place, &rule.seal, "containers.seal")?;
                draft.containers.push(Container { number, seal, packages: None, empty: None });
                Ok(())
            })?;
        }
        for rule in &self.parties {
            each(&rule.of, place, &mut |place| {
                draft.parties.extend(rule.party(place, codes)?);
                Ok(())
            })?;
        }
        for value in &self.transit_ports {
            let Some(text) = place.told(value, "transit_ports")? else { continue };
            match text.parse() {
                Ok(port) => draft.transit_ports.push(port),
                Err(_) => draft.quality.insert(Degrade::PortUnknown),
            }
        }
        Ok(())
    }
}

/// The text of a value that a list may do without.
fn owned(place: &Place<'_>, value: &Option<Value>, field: &str) -> Result<Option<String>, DecodeError> {
    let Some(value) = value else { return Ok(None) };
    Ok(place.told(value, field)?.map(Cow::into_owned))
}

/// Reads a section whose columns are those of the elements under `of`, where it has one.
fn of<T>(
    section: &Section<'_>,
    columns: &mut Columns,
    read: fn(&Section<'_>, Of, &mut Columns) -> Result<T, MappingError>,
) -> Result<T, MappingError> {
    let Some(text) = section.text("of")? else { return read(section, None, columns) };
    let refuse = |problem: String| section.error("of", problem);
    columns.readable.check("of").map_err(|problem| refuse(problem.to_owned()))?;
    let list = columns.pointer("of", &text).map_err(refuse)?;
    let outside = columns.enter(&list).map_err(refuse)?;
    let rule = read(section, Some(list), columns)?;
    columns.leave(outside);
    Ok(rule)
}

/// Takes the row, or each object of a list in it as a row.
fn each(of: &Of, place: &Place<'_>, take: &mut dyn FnMut(&Place<'_>) -> Result<(), DecodeError>) -> Result<(), DecodeError> {
    let Some(pointer) = of else { return take(place) };
    // What holds nothing gives none: null, and in XML an empty element.
    let mut elements = place.list(pointer).into_iter().filter(|at| !matches!(at.text(), "null" | "\"\""));
    elements.try_for_each(|at| match at.is_object() {
        true => take(&place.inner(Cells::Json(at), None)),
        false => Err(malformed(&pointer.to_string(), "an element of the list under `of` is no object")),
    })
}

fn optional(section: &Section<'_>, key: &'static str, columns: &mut Columns) -> Result<Option<Value>, MappingError> {
    section.item(key).map(|item| value::read_item(&item, columns)).transpose()
}

impl ContainerRule {
    fn read(section: &Section<'_>, of: Of, columns: &mut Columns) -> Result<ContainerRule, MappingError> {
        let number = optional(section, "number", columns)?;
        let number = number.ok_or_else(|| section.missing("number", "the column of the container's number"))?;
        Ok(ContainerRule { of, number, seal: optional(section, "seal", columns)? })
    }
}

impl PartyRule {
    fn read(section: &Section<'_>, of: Of, columns: &mut Columns) -> Result<PartyRule, MappingError> {
        let word = section.required_text("role", "shipper, consignee, notify_party, importer_of_record or manufacturer")?;
        let names = ["shipper", "consignee", "notify_party", "importer_of_record", "manufacturer"];
        let role =
            role(&word).ok_or_else(|| section.error("role", format!("{word:?} is no role; {}", nearest(&word, &names))))?;
        let country = match section.item("country") {
            None => None,
            Some(item) if item.as_text().is_some() => Some((value::read_item(&item, columns)?, Countries::read(None)?)),
            Some(item) => {
                let inner = item.section()?;
                let country = (value::read(&inner, columns)?, Countries::read(Some(&inner))?);
                inner.finish()?;
                Some(country)
            }
        };
        let (name, identifier) = (optional(section, "name", columns)?, optional(section, "identifier", columns)?);
        if name.is_none() && identifier.is_none() {
            return Err(section.error("name", "must be there, or identifier: a party has a name or an identifier"));
        }
        Ok(PartyRule { of, role, name, identifier, country })
    }

    /// The party, where the row names one. A country of a party that nobody knows costs the country alone.
    fn party(&self, place: &Place<'_>, codes: &Codes) -> Result<Option<Party>, DecodeError> {
        let name = owned(place, &self.name, "parties.name")?;
        let identifier = owned(place, &self.identifier, "parties.identifier")?;
        if name.is_none() && identifier.is_none() {
            return Ok(None);
        }
        let country = match &self.country {
            None => None,
            Some((value, countries)) => place.told(value, "parties.country")?.and_then(|text| {
                countries.country(|| "parties.country".to_owned(), &text, codes).ok().filter(|country| country.is_known())
            }),
        };
        Ok(Some(Party { role: self.role, name, identifier, country }))
    }
}

impl Selection {
    /// Whether a row is taken; else why it is left out.
    pub(super) fn check(all: &[Selection], place: &Place<'_>) -> Result<(), Stop> {
        match all.iter().find(|selection| place.holds(&selection.when) != selection.keep) {
            None => Ok(()),
            Some(selection) => Err(Stop::Excluded(selection.reason.clone())),
        }
    }
}

impl Mapping {
    /// What becomes of one row: a record, or why it gives none; several where every branch that fits gives one.
    pub(super) fn records(&self, place: &Place<'_>, around: &Surroundings<'_>, give: &mut dyn FnMut(Row, Option<&Branch>)) {
        let branches = match self.branches_of(place) {
            Ok(branches) => branches,
            Err(stop) => return give(place.missed(stop).stop.into(), None),
        };
        for branch in branches {
            let row = match self.draft(branch, place, around.reference.codes()) {
                Ok(draft) => {
                    let (timestamp, default_lag_days) = (place.message.timestamp, around.default_lag_days);
                    let times = Times { timestamp, default_lag_days, families: around.reference.families() };
                    draft.finish(branch.kind, times)
                }
                Err(stop) => stop.into(),
            };
            let row = if let Row::Failed(error) = row { place.missed(error).stop.into() } else { row };
            give(row, Some(branch));
        }
    }

    fn draft(&self, branch: &Branch, place: &Place<'_>, codes: &Codes) -> Result<Draft, Stop> {
        let holds = |condition: &Option<Condition>| condition.as_ref().is_some_and(|condition| place.holds(condition));
        let meaning = &self.meaning;
        if holds(&meaning.partial_amendment) {
            let detail = "the row carries only what changed of an earlier record; send the record whole";
            return Err(error(DeadLetterReason::PartialAmendment, detail).into());
        }
        let mut draft = Draft { known_after_days: meaning.known_after_days, complete: meaning.complete, ..Draft::default() };
        draft.cancelled = holds(&meaning.cancelled);
        branch.rules.iter().try_for_each(|rule: &Rule| rule.apply(place, codes, &mut draft))?;
        self.quantities.iter().try_for_each(|rule| rule.apply(place, &mut draft))?;
        self.lists.apply(place, codes, &mut draft)?;
        let notes = [
            (&meaning.mass_estimated, Degrade::MassEstimated),
            (&meaning.mass_shared, Degrade::MassShared),
            (&meaning.incomplete, Degrade::IncompleteAnswer),
        ];
        for (condition, note) in notes {
            let concerns_mass = note != Degrade::IncompleteAnswer;
            let has_mass = draft.net_mass.is_some() || draft.gross_mass.is_some();
            if holds(condition) && (has_mass || !concerns_mass) {
                draft.quality.insert(note);
            }
        }
        for check in &self.checks {
            if check.fails(place)? {
                draft.quality.insert(Degrade::CheckFailed);
            }
        }
        Ok(draft)
    }

    /// The branches that a row takes: the first whose condition holds, or every one.
    pub(super) fn branches_of(&self, place: &Place<'_>) -> Result<Vec<&Branch>, Stop> {
        Selection::check(&self.select, place)?;
        let holds = |branch: &&Branch| branch.when.as_ref().is_none_or(|when| place.holds(when));
        let most = if self.every_branch { usize::MAX } else { 1 };
        let found: Vec<&Branch> = self.branches.iter().filter(holds).take(most).collect();
        match &self.otherwise {
            _ if !found.is_empty() => Ok(found),
            Some(reason) => Err(Stop::Excluded(reason.clone())),
            None => {
                let detail = "no branch of the mapping takes the row; add one, or say under otherwise why such rows are left out";
                Err(error(DeadLetterReason::UnknownSchema, detail).into())
            }
        }
    }
}
