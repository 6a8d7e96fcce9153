//! Masses, quantities and money of the draft: how figures are printed, and of what unit or currency they are.

use super::Found;
use super::fields::looks;
use super::meaning::Role;
use super::money::Times;
use super::sections::{Lines, TODO};
use super::text::quoted;
use crate::decode::draft::Kind;

/// How the figures of a column are printed, as keys.
fn print_keys(found: &Found<'_>, lines: &mut Lines, at: usize) -> Vec<String> {
    let Some(print) = looks(found, at).and_then(|looks| looks.print) else { return Vec::new() };
    // A guess would be wrong by a thousand: the mapping is refused until its author says it.
    match print.unsure {
        Some(',') => lines.comment(
            "TODO: do its commas stand between thousands (decimal_comma = false) or end the whole (true, without grouping)?",
        ),
        Some(_) => lines.comment(
            "TODO: do its points end the whole (decimal_comma = false) or stand between thousands (true, with grouping = \".\")?",
        ),
        None => {}
    }
    let grouping = print.grouping.map(|sign| format!("grouping = {}", quoted(&sign.to_string())));
    let comma = match print.unsure {
        Some(_) => Some(format!("decimal_comma = \"{TODO}\"")),
        None => print.decimal_comma.then(|| "decimal_comma = true".to_owned()),
    };
    grouping.into_iter().chain(comma).collect()
}

/// Whether the name of a column says that it weighs in kilograms, or in tonnes: what one of them weighs, as noughts behind a one.
fn kilograms(found: &Found<'_>, at: usize) -> Option<&'static str> {
    if found.named(at, &["kg", "100kg", "kgs", "kilogram", "kilograms", "netweightkg", "quilos", "千克"]) {
        return Some("");
    }
    found.named(at, &["t", "mt", "tonne", "tonnes", "tons"]).then_some("000")
}

/// The key that says how many each figure stands for, beside what one of them is.
fn scale(found: &Found<'_>, lines: &mut Lines, (at, noughts): (usize, &str)) -> Option<String> {
    let many = match found.times(at) {
        Times::One if found.named(at, &["100kg"]) => "100".to_owned(),
        Times::One => "1".to_owned(),
        Times::Many(many) => {
            lines.comment(&format!("each of its figures stands for {many}, as its name says"));
            many
        }
        Times::Unsure(word) => {
            lines.comment(&format!("TODO: for how many does one of its figures stand? Its name says {word:?}"));
            return Some(format!("scale = \"{TODO}\""));
        }
    };
    let many = many + noughts;
    (many != "1").then(|| format!("scale = \"{many}\""))
}

/// Masses and quantities, with the units that their names or other columns tell.
pub(super) fn masses(found: &Found<'_>, kind: Kind, lines: &mut Lines, quantities: &mut Lines) {
    let mut has = Vec::new();
    let is_bill = found.sure(Role::HouseBill).or(found.sure(Role::MasterBill)).is_some();
    // A unit without a quantity beside it is that of the mass.
    let only_unit = found.sure(Role::Unit).filter(|_| found.sure(Role::Quantity).is_none());
    for role in [Role::NetMass, Role::GrossMass, Role::Mass] {
        for at in found.all(role) {
            let (is_gross, why) = match role {
                Role::Mass if kind == Kind::TradeFlow => {
                    (false, "statistics tell the net mass where they say nothing else (IMTS 2010)")
                }
                Role::Mass if is_bill => (true, "a bill of lading tells the gross mass"),
                Role::Mass => {
                    lines.comment(&format!(
                        "{}: net or gross? net_mass_kg or gross_mass_kg = {}",
                        found.why(at),
                        found.value_of(at, "")
                    ));
                    continue;
                }
                role => (role == Role::GrossMass, "its name says which"),
            };
            if is_gross && kind == Kind::TradeFlow {
                lines.comment(&format!("{}: a trade_flow has no gross mass", found.why(at)));
                continue;
            }
            let field = if is_gross { "gross_mass_kg" } else { "net_mass_kg" };
            if has.contains(&field) {
                lines.comment(&format!("{}: another {field}; one is read", found.why(at)));
                continue;
            }
            if let Some(noughts) = kilograms(found, at) {
                let mut keys = print_keys(found, lines, at);
                keys.extend(scale(found, lines, (at, noughts)));
                lines.comment(why);
                lines.field(field, (found, at, &keys.join(", ")));
            } else if let Some(unit) = found.sure(Role::MassUnit).or(only_unit) {
                let mut keys = print_keys(found, quantities, at);
                keys.extend(scale(found, quantities, (at, "")));
                let more = if is_gross { vec!["mass = \"gross\"".to_owned()] } else { Vec::new() };
                quantity(found, quantities, (at, unit), &[more, keys].concat());
            } else {
                lines.comment(&format!("{}: in which unit? {field} = {}", found.why(at), found.value_of(at, "")));
                continue;
            }
            has.push(field);
        }
    }
    let bare = |at: usize| {
        let words = found.words(at);
        words.split(' ').filter(|word| !["quantity", "qty", "unit", "units", "uom"].contains(word)).collect::<Vec<_>>().join(" ")
    };
    let (amounts, units) = (found.all(Role::Quantity), found.all(Role::Unit));
    for at in &amounts {
        let lone = (amounts.len() == 1 && units.len() == 1).then(|| units.first()).flatten();
        match units.iter().find(|unit| bare(**unit) == bare(*at)).or(lone) {
            Some(unit) => {
                let mut keys = print_keys(found, quantities, *at);
                keys.extend(scale(found, quantities, (*at, "")));
                quantity(found, quantities, (*at, *unit), &keys);
                has.push("quantity");
            }
            None => lines.comment(&format!("{}: of which unit? See [[quantities]]", found.why(*at))),
        }
    }
    if has.is_empty() {
        lines.missing.push("mass: without one there is no balance and no price of a kilogram".to_owned());
    }
}

fn quantity(found: &Found<'_>, lines: &mut Lines, (value, unit): (usize, usize), keys: &[String]) {
    lines.line("");
    lines.comment(&format!("{}; {}. A unit of mass gives a mass, any other a quantity", found.why(value), found.why(unit)));
    lines.line("[[quantities]]");
    lines.line(&format!("value = {}", found.value_of(value, "")));
    lines.line(&format!("unit = {}", found.value_of(unit, "")));
    keys.iter().for_each(|key| lines.line(key));
    lines.read.extend([value, unit]);
}

/// The value of the goods, with its currency.
pub(super) fn value(found: &Found<'_>, lines: &mut Lines) {
    let all = found.all(Role::Value);
    let money = |at: usize| found.money(at);
    let best = all.iter().copied().find(|at| money(*at) == Some("USD")).or(all.iter().copied().find(|at| money(*at).is_some()));
    let Some(at) = best.or(all.first().copied()) else {
        if let Some(at) = found.maybe(Role::Value) {
            lines.comment(&format!("customs_value = {}: perhaps; {}", found.value_of(at, ""), found.why(at)));
        }
        return lines.missing.push("customs value: without one there is no price of a kilogram".to_owned());
    };
    for other in all.iter().filter(|other| **other != at) {
        lines.comment(&format!("{}: another value; one is read", found.why(*other)));
    }
    let mut keys = print_keys(found, lines, at);
    keys.extend(scale(found, lines, (at, "")));
    keys.push(match (money(at), found.sure(Role::Currency)) {
        (Some(code), _) => {
            lines.comment(&format!("the currency is told by the column's name: {code}"));
            format!("currency = {{ const = \"{code}\" }}")
        }
        (None, Some(column)) => {
            lines.comment(&format!("the currency: {}", found.why(column)));
            lines.read.push(column);
            format!("currency = {}", found.value_of(column, ""))
        }
        (None, None) => {
            lines.missing.push("currency: nothing tells it".to_owned());
            lines.comment("TODO: the currency, as ISO 4217 code such as USD");
            format!("currency = {{ const = \"{TODO}\" }}")
        }
    });
    lines.field("customs_value", (found, at, &keys.join(", ")));
    if let Some(word) = ["cif", "fob"].into_iter().find(|word| found.named(at, &[word])) {
        lines.say(&format!("valuation = {{ const = \"{word}\" }}"), "the name of the column with the value says it");
    }
}
