//! The fields of the draft: which column fills which, with which keys, and what is left to ask.

use super::Found;
use super::figures::{masses, value};
use super::looks::{Looks, flow, parts};
use super::meaning::Role;
use super::sections::{Lines, TODO};
use super::text::{list, quoted};
use crate::decode::draft::Kind;

/// How many container numbers of a cell are read.
const CONTAINERS_MAX: usize = 5;

/// Writes `[fields]` and what follows it.
pub(super) fn write(found: &Found<'_>, kind: Kind, lines: &mut Lines) {
    let mut quantities = Lines::default();
    lines.line("[fields]");
    match kind {
        Kind::Shipment => shipment(found, lines),
        Kind::TradeFlow => trade_flow(found, lines),
    }
    goods(found, lines);
    masses(found, kind, lines, &mut quantities);
    value(found, lines);
    known_from(found, lines);
    if !quantities.text().is_empty() {
        lines.line(quantities.text().trim_end());
    }
    lines.read.append(&mut quantities.read);
    if kind == Kind::Shipment {
        lists(found, lines);
    }
    meaning(found, kind, lines);
}

impl Lines {
    /// A field that is read from a column.
    pub(super) fn field(&mut self, field: &str, (found, at, keys): (&Found<'_>, usize, &str)) {
        self.say(&format!("{field} = {}", found.value_of(at, keys)), &found.why(at));
        self.read.push(at);
    }

    /// A field that only its author can fill.
    fn ask(&mut self, field: &str, question: &str) {
        self.say(&format!("{field} = {{ const = \"{TODO}\" }}"), &format!("TODO: {question}"));
    }
}

pub(super) fn looks<'f>(found: &'f Found<'_>, at: usize) -> Option<&'f Looks<'f>> {
    found.looks.get(at)
}

fn trade_flow(found: &Found<'_>, lines: &mut Lines) {
    country(found, lines, ("reporter", Role::Reporter), Some("the country whose statistics these are, as ISO code such as US"));
    direction(found, lines, true);
    if let Some((from, to)) = both_ways(found) {
        let branch = |way: &str, at: usize| {
            let partner = found.value_of(at, "");
            format!(
                "[[branches]] when = the flow is an {way}, fields = {{ flow = {{ const = \"{way}\" }}, partner = {partner} }}"
            )
        };
        lines.comment(&format!("{}; {}", found.why(from), found.why(to)));
        lines.missing.push("partner: imports and exports have it in different columns".to_owned());
        lines.ask(
            "partner",
            "of an import where it comes from, of an export where it goes: a branch for each, and no partner here",
        );
        lines.comment(&branch("import", from));
        lines.comment(&branch("export", to));
        return period(found, lines);
    }
    let partner =
        [Role::Partner, Role::Origin, Role::Consignment, Role::Destination].into_iter().find(|role| found.sure(*role).is_some());
    country(
        found,
        lines,
        ("partner", partner.unwrap_or(Role::Partner)),
        Some("the country traded with, as ISO code, or the column that tells it"),
    );
    period(found, lines);
}

/// Where one table tells imports and exports, and no column the partner of both: whence goods come, and where they go.
fn both_ways(found: &Found<'_>) -> Option<(usize, usize)> {
    let flows = looks(found, found.sure(Role::Flow)?)?;
    let (from, to) = (found.sure(Role::Origin).or(found.sure(Role::Consignment))?, found.sure(Role::Destination)?);
    let tells = |way: &str| flows.distinct.iter().any(|text| flow(text) == Some(way));
    (found.sure(Role::Partner).is_none() && (tells("import") == tells("export"))).then_some((from, to))
}

fn shipment(found: &Found<'_>, lines: &mut Lines) {
    identity(found, lines);
    if let Some(at) = found.sure(Role::Day) {
        let keys = day_keys(found, lines, at);
        lines.field("event_date", (found, at, &keys));
    }
    country(found, lines, ("reporter", Role::Reporter), None);
    direction(found, lines, false);
    country(found, lines, ("country_of_origin", Role::Origin), None);
    country(found, lines, ("country_of_consignment", Role::Consignment), None);
    country(found, lines, ("country_of_lading", Role::Lading), None);
    country(found, lines, ("destination", Role::Destination), Some("the country the goods go to, as ISO code such as US"));
    for (field, role) in [
        ("place_of_receipt", Role::PlaceOfReceipt),
        ("port_of_lading", Role::PortOfLading),
        ("port_of_unlading", Role::PortOfUnlading),
    ] {
        let Some(at) = found.sure(role) else { continue };
        match looks(found, at).and_then(|looks| looks.port) {
            Some("unlocode") => lines.field(field, (found, at, "")),
            Some(system) => lines.field(field, (found, at, &format!("codes = \"{system}\""))),
            None => lines.comment(&format!(
                "{field} = {}: {}, but no list of ports knows its values",
                found.value_of(at, ""),
                found.why(at)
            )),
        }
    }
    if found.sure(Role::Origin).is_none() {
        lines.missing.push("country of origin: nothing can be said of one that was never claimed".to_owned());
    }
    let route = [Role::Consignment, Role::Lading, Role::PortOfLading, Role::PlaceOfReceipt];
    if !route.into_iter().any(|role| found.sure(role).is_some()) {
        lines.missing.push("a route (dispatch, receipt or lading): where the goods came from stays unknown".to_owned());
    }
    if let Some(at) = found.sure(Role::Description) {
        lines.field("description", (found, at, ""));
    }
}

fn day_keys(found: &Found<'_>, lines: &mut Lines, at: usize) -> String {
    let days: &[&str] = looks(found, at).map_or(&[], |looks| &looks.days);
    match days {
        [_, _, ..] => {
            // Which one is meant decides every date: the mapping is refused until its author says it.
            lines.comment(&format!("TODO: which form is it? Each of these reads the values: {}", days.join(" ")));
            format!("formats = [\"{TODO}\"]")
        }
        days => format!("formats = {}", list(days.iter().copied())),
    }
}

fn identity(found: &Found<'_>, lines: &mut Lines) {
    let named = [Role::Id, Role::HouseBill, Role::MasterBill].into_iter().find_map(|role| found.sure(role));
    let Some(at) = named else {
        lines.missing.push("id: without one an amendment cannot be told from another record".to_owned());
        return lines.say("id = \"TODO\"", "TODO: the column whose value names the record, or a concat of several");
    };
    let repeats = looks(found, at).is_some_and(|looks| looks.distinct.len() < looks.filled);
    match (found.sure(Role::Item), repeats) {
        (Some(item), _) => {
            let concat =
                format!("id = {{ concat = [{}, {}], separator = \"/\" }}", found.value_of(at, ""), found.value_of(item, ""));
            lines.say(&concat, &format!("{}; the line tells the rows of one apart", found.why(at)));
            lines.read.extend([at, item]);
        }
        (None, repeats) => {
            if repeats {
                lines.comment("The value stands on several rows: add what tells them apart, with concat.");
            }
            lines.field("id", (found, at, ""));
        }
    }
}

/// A country of a record; where no column tells it, `question` asks for it.
fn country(found: &Found<'_>, lines: &mut Lines, (field, role): (&str, Role), question: Option<&str>) {
    let Some((at, looks)) = found.sure(role).and_then(|at| Some((at, looks(found, at)?))) else {
        if let Some(at) = found.maybe(role) {
            lines.comment(&format!("{field} = {}: perhaps; {}", found.value_of(at, ""), found.why(at)));
        }
        if let Some(question) = question {
            lines.missing.push(format!("{field}: every record needs it"));
            lines.ask(field, question);
        }
        return;
    };
    let [(name, system, known)] = looks.countries.as_slice() else {
        let systems: Vec<&str> = looks.countries.iter().map(|(name, ..)| *name).collect();
        lines.comment(&format!("TODO: whose codes are these? They are known to {}", systems.join(", ")));
        return lines.field(field, (found, at, &format!("codes = \"{TODO}\"")));
    };
    let plain = looks.distinct.len() - looks.totals.len();
    lines.comment(&format!("{known} of {plain} different values are known to {name}"));
    let is_stranger =
        |text: &&&str| found.around.reference.codes().country(*system, text) == crate::reference::CountryCode::Unknown;
    let strangers: Vec<&str> =
        looks.distinct.iter().filter(|text| !looks.totals.contains(text)).filter(is_stranger).copied().collect();
    if !strangers.is_empty() {
        let texts = list(strangers.iter().take(20).copied());
        lines.comment(&format!("not known to {name}: {texts}; leave them out with [[select]], or say what they mean with words"));
    }
    let keys = if *name == "iso2" { String::new() } else { format!("codes = \"{name}\"") };
    lines.field(field, (found, at, &keys));
}

fn direction(found: &Found<'_>, lines: &mut Lines, is_required: bool) {
    let Some(at) = found.sure(Role::Flow) else {
        if let Some(word) = ["import", "export"].into_iter().find(|word| found.file_says(word)) {
            return lines.say(&format!("flow = {{ const = \"{word}\" }}"), "the name of the file says it, and no column does");
        }
        if is_required {
            lines.missing.push("flow: every record needs it".to_owned());
            lines.ask("flow", "import, export or re_export; no column and no name tells it");
        }
        return;
    };
    let distinct = looks(found, at).map_or(&[][..], |looks| &looks.distinct);
    let sure = distinct.iter().all(|text| flow(text).is_some());
    let pair = |text: &&str| format!("{} = \"{}\"", quoted(text), flow(text).unwrap_or(TODO));
    let pairs: Vec<String> = distinct.iter().filter(|text| flow(text) != Some(**text)).map(pair).collect();
    if !sure {
        lines.comment("TODO: what each stands for, import, export or re_export: offices number them differently");
    }
    let keys = if pairs.is_empty() { String::new() } else { format!("words = {{ {} }}", pairs.join(", ")) };
    lines.field("flow", (found, at, &keys));
}

fn period(found: &Found<'_>, lines: &mut Lines) {
    let (year, month) = (found.sure(Role::Year), found.sure(Role::MonthPart));
    if let Some((at, form)) = found.sure(Role::Period).and_then(|at| Some((at, looks(found, at)?.months.first()?))) {
        lines.field("period", (found, at, &format!("formats = [\"{form}\"]")));
    } else if let (Some(year), Some(month)) = (year, month) {
        let form = looks(found, month).and_then(|looks| looks.month_part).unwrap_or("%m");
        let concat = format!("concat = [{}, {}], separator = \"-\"", found.value_of(year, ""), found.value_of(month, ""));
        let line = format!("period = {{ {concat}, formats = [\"%Y-{form}\"] }}");
        lines.say(&line, &format!("{}; {}", found.why(year), found.why(month)));
        lines.read.extend([year, month]);
    } else if let (Some(year), Some(at)) = (year, found.sure(Role::Quarter)) {
        let between = looks(found, at).and_then(Looks::quarter).unwrap_or("-");
        let concat =
            format!("concat = [{}, {}], separator = {}", found.value_of(year, ""), found.value_of(at, ""), quoted(between));
        lines
            .say(&format!("period = {{ {concat}, formats = [\"period\"] }}"), &format!("{}; {}", found.why(year), found.why(at)));
        lines.read.extend([year, at]);
    } else if let Some(at) = year {
        lines.comment("years alone feed balances, and no test of events");
        lines.field("period", (found, at, "formats = [\"%Y\"]"));
    } else if let Some(at) = found.sure(Role::Day) {
        lines.comment("a date stands for its month");
        let keys = day_keys(found, lines, at);
        lines.field("period", (found, at, &keys));
    } else {
        if let Some(at) = found.maybe(Role::Period).or(found.maybe(Role::Day)) {
            lines.comment(&format!("perhaps {}: {}", found.value_of(at, ""), found.why(at)));
        }
        lines.missing.push("period: every flow needs it".to_owned());
        lines.say("period = \"TODO\"", "TODO: the column that tells the month or year, or { const = \"2025-01\" }");
    }
}

fn goods(found: &Found<'_>, lines: &mut Lines) {
    let Some((at, looks)) = found.sure(Role::Goods).and_then(|at| Some((at, looks(found, at)?))) else {
        if let Some(at) = found.maybe(Role::Goods) {
            lines.comment(&format!("perhaps {}: {}", found.value_of(at, ""), found.why(at)));
        }
        lines.missing.push("HS code: what was traded".to_owned());
        return lines.say("hs = \"TODO\"", "TODO: the column with the HS code");
    };
    if looks.goods.keys().any(|length| *length < 6) {
        lines.comment("codes of less than 6 digits are left out as hs_too_short: they name many goods");
    }
    if looks.goods.keys().any(|length| length % 2 == 1) {
        lines.comment("an odd number of digits: leading zeros may be lost; if so, text = { pad_left = [8, \"0\"] }");
    }
    let keys = if looks.goods_with_text { format!("text = {{ regex = {} }}", quoted("^'?([0-9.]+)")) } else { String::new() };
    lines.field("hs", (found, at, &keys));
}

fn known_from(found: &Found<'_>, lines: &mut Lines) {
    let Some(at) = found.sure(Role::KnownFrom) else { return };
    let keys = day_keys(found, lines, at);
    lines.field("known_from", (found, at, &keys));
}

/// Bills and boxes; firms stay a comment, since their names may be persons'.
fn lists(found: &Found<'_>, lines: &mut Lines) {
    let (master, house) = (found.sure(Role::MasterBill), found.sure(Role::HouseBill));
    if master.or(house).is_some() {
        lines.line("\n[bill_of_lading]");
        for (key, at) in [("master", master), ("house", house)] {
            if let Some(at) = at {
                lines.field(key, (found, at, ""));
            }
        }
    }
    if let Some((at, looks)) = found.sure(Role::Container).and_then(|at| Some((at, looks(found, at)?))) {
        let sign = looks.distinct.iter().find(|cell| parts(cell).count() > 1);
        let sign = sign.and_then(|cell| [",", ";", " "].into_iter().find(|sign| cell.contains(sign)));
        for place in 0..looks.containers.min(CONTAINERS_MAX) {
            let split = sign.map(|sign| format!("text = [{{ split = {}, take = {place} }}, \"trim\"]", quoted(sign)));
            lines.line("\n[[containers]]");
            lines.field("number", (found, at, &split.unwrap_or_default()));
        }
    }
    let mut said = false;
    for (at, meaning) in found.meanings.iter().enumerate() {
        let Role::Party(role) = meaning.role else { continue };
        if !said {
            lines.line("");
            lines.comment("Firms, if they may be read (and then no longer stand under never): signals about firms need them.");
        }
        said = true;
        lines.comment(&format!(
            "[[parties]] role = \"{role}\", name or identifier = {}: {}",
            found.value_of(at, ""),
            meaning.why
        ));
    }
    if !said {
        lines.missing.push("parties: nothing can be said about firms".to_owned());
    }
}

fn meaning(found: &Found<'_>, kind: Kind, lines: &mut Lines) {
    lines.line("\n[meaning]");
    if kind == Kind::TradeFlow {
        let told = [(Role::Origin, "origin"), (Role::Consignment, "consignment"), (Role::Destination, "destination")];
        let is_told = |role| both_ways(found).is_none() && found.sure(Role::Partner).is_none() && found.sure(role).is_some();
        let told = told.into_iter().find(|(role, _)| is_told(*role));
        match told {
            Some((_, word)) => lines.say(&format!("partner = \"{word}\""), "the name of the column says what the partner is"),
            None => lines.comment("partner = \"origin\", \"consignment\" or \"destination\": what the source means by a partner"),
        }
    } else {
        lines.comment("complete = true: only where the source says that all shipments are there");
    }
    if found.sure(Role::KnownFrom).is_none() {
        lines.comment("known_after_days = 45: how long after its period or date a row was published; no column tells it");
        lines
            .missing
            .push("when it was known: a replay of the past cannot tell what was known then; say known_after_days".to_owned());
    }
}
