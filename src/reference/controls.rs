//! Export controls, bans and duties on Chinese goods, each as it was known on a date.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Country, Date, FamilyId, HsSubheading};

use super::codes::MembersOfEu;
use super::families::Families;
use super::table::{KnownFamilies, Problems, Row, rows, subheading};
use super::{Measure, MeasureKind};

/// The measures of controls.csv that bind Chinese goods.
#[derive(Debug, Default)]
pub(super) struct Controls {
    controls: Vec<Control>,
    by_family: BTreeMap<FamilyId, Vec<usize>>,
}

#[derive(Debug)]
struct Control {
    row: String,
    title: String,
    kind: MeasureKind,
    /// `None`: all goods.
    families: Option<BTreeSet<FamilyId>>,
    named: Vec<Named>,
    partial: BTreeSet<HsSubheading>,
    /// `None`: all destinations.
    destinations: Option<BTreeSet<Country>>,
    announced: Date,
    effective: Date,
    suspension: Option<Suspension>,
    /// From when its end was known, and the end.
    end: Option<(Date, Date)>,
    known_from: Date,
    weightless: bool,
}

/// A subheading that a control names, and whose goods under it it means: a shared code is named for one of its materials.
#[derive(Clone, Copy, Debug)]
struct Named {
    code: HsSubheading,
    of: Whose,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// All goods under the code.
    All,
    /// Those of one family.
    Family(FamilyId),
    /// Goods of no family that the bundle knows.
    Other,
}

#[derive(Clone, Copy, Debug)]
struct Suspension {
    known_from: Date,
    from: Date,
    until: Option<Date>,
}

impl Controls {
    pub(super) fn measures(&self, families: &Families, family: FamilyId, (destination, date): (Country, Date)) -> Vec<Measure> {
        let mut measures = Vec::new();
        for control in self.of(family) {
            let binds = control.destinations.as_ref().is_none_or(|countries| countries.contains(&destination));
            if !binds || control.known_from > date {
                continue;
            }
            let named = control.named_of(families, family);
            // What names codes, and none of the family's, does not bind it.
            if named.is_empty() && !control.named.is_empty() {
                continue;
            }
            // Under a basket stand goods outside every list.
            let in_part = |code: &HsSubheading| !family.is_material() || control.partial.contains(code);
            let (mut partial, mut whole): (Vec<HsSubheading>, Vec<HsSubheading>) = named.into_iter().partition(in_part);
            // A code of an older edition is named whole where all that it became is, else in part.
            for (code, into) in families.divided_of(family) {
                if into.iter().all(|part| whole.contains(part)) {
                    whole.push(code);
                } else if into.iter().any(|part| whole.contains(part) || partial.contains(part)) {
                    partial.push(code);
                }
            }
            if !whole.is_empty() || partial.is_empty() {
                measures.push(control.measure(whole, false, date));
            }
            if !partial.is_empty() {
                measures.push(control.measure(partial, true, date));
            }
        }
        measures
    }

    /// Every date on which a measure of the family is announced, begins, is suspended, resumes or ends.
    pub(super) fn dates(&self, family: FamilyId) -> BTreeSet<Date> {
        let mut dates = BTreeSet::new();
        for control in self.of(family) {
            dates.extend([control.known_from, control.announced, control.effective]);
            if let Some(Suspension { known_from, from, until }) = control.suspension {
                dates.extend([known_from, from]);
                dates.extend(until);
            }
            if let Some((known_from, end)) = control.end {
                dates.extend([known_from, end]);
            }
        }
        dates
    }

    /// What a row is called.
    pub(super) fn title(&self, row: &str) -> Option<&str> {
        self.controls.iter().find(|control| control.row == row).map(|control| control.title.as_str())
    }

    /// The measures that bind the family, by announcement.
    fn of(&self, family: FamilyId) -> impl Iterator<Item = &Control> {
        let of_material = self.by_family.get(&family).map(Vec::as_slice).unwrap_or_default();
        let of_material = of_material.iter().filter_map(|index| self.controls.get(*index));
        // A basket or a heading is bound by what names its code, and by what binds all goods.
        let of_codes = self.controls.iter().filter(move |control| {
            !family.is_material()
                && (control.families.is_none() || control.named.iter().any(|named| is_under(named.code, family)))
        });
        of_material.chain(of_codes)
    }
}

fn is_under(code: HsSubheading, family: FamilyId) -> bool {
    FamilyId::basket(code) == family || FamilyId::heading(code) == family
}

impl Control {
    /// The subheadings it names of the family.
    fn named_of(&self, families: &Families, family: FamilyId) -> Vec<HsSubheading> {
        if !family.is_material() {
            let codes = self.named.iter().map(|named| named.code).filter(|code| is_under(*code, family));
            return codes.collect::<BTreeSet<_>>().into_iter().collect();
        }
        let codes = families.hs6_of(family);
        let own = self.named.iter().filter(|named| matches!(named.of, Whose::All) || named.of == Whose::Family(family));
        let mut own: Vec<HsSubheading> = own.map(|named| named.code).filter(|code| codes.contains(code)).collect();
        own.sort_unstable();
        own
    }

    fn measure(&self, subheadings: Vec<HsSubheading>, partial: bool, date: Date) -> Measure {
        let suspension = self.suspension.filter(|suspension| suspension.known_from <= date);
        Measure {
            row: self.row.clone(),
            kind: self.kind,
            announced: self.announced,
            effective: self.effective,
            suspended: suspension.map(|suspension| (suspension.from, suspension.until)),
            ended: self.end.filter(|(known_from, _)| *known_from <= date).map(|(_, end)| end),
            subheadings,
            partial,
            weightless: self.weightless,
        }
    }
}

const COLUMNS: &[&str] = &[
    "id",
    "kind",
    "title",
    "families",
    "hs6",
    "origins",
    "destinations",
    "announced",
    "effective",
    "suspended_from",
    "suspended_until",
    "suspension_known_from",
    "ended",
    "ended_known_from",
    "partial_hs6",
    "rule",
    "known_from",
    "weightless",
    "source",
    "confidence",
    "certainty",
];

/// Reads the measures; rows of kind `other` and rows that do not bind Chinese goods are checked and left out.
pub(super) fn read(
    files: &BTreeMap<String, String>,
    known: &KnownFamilies,
    (map, members_of_eu): (&Families, &MembersOfEu),
    problems: &mut Problems,
) -> (Controls, Option<Date>) {
    let mut controls = Vec::new();
    let mut newest = None;
    for row in rows(files, "controls.csv", COLUMNS, problems) {
        newest = newest.max(row.text("known_from").parse().ok());
        let control = control(&row, known, map, problems);
        controls.extend(control.map(|mut control| {
            if let Some(named) = &mut control.destinations
                && named.contains(&Country::EU)
            {
                // What binds in the European Union binds in each of its members.
                named.extend(members_of_eu.staying());
            }
            control
        }));
    }
    controls.sort_by(|a, b| (a.announced, &a.row).cmp(&(b.announced, &b.row)));
    let mut by_family: BTreeMap<FamilyId, Vec<usize>> = BTreeMap::new();
    for (index, control) in controls.iter().enumerate() {
        for family in control.families.as_ref().unwrap_or(known) {
            by_family.entry(*family).or_default().push(index);
        }
    }
    (Controls { controls, by_family }, newest)
}

fn control(row: &Row, known: &KnownFamilies, map: &Families, problems: &mut Problems) -> Option<Control> {
    let kind = match row.text("kind") {
        "ban" => Some(MeasureKind::ExportBan),
        "licence" => Some(MeasureKind::ExportLicence),
        "duty" => Some(MeasureKind::Duty),
        "other" => None,
        _ => {
            row.wrong("kind", "is no kind (ban, licence, duty or other)", problems);
            None
        }
    };
    let origins = row.countries("origins", problems);
    let destinations = row.countries("destinations", problems);
    let families = families(row, known, problems);
    let named = named(row, known, problems);
    let partial: BTreeSet<HsSubheading> = row.subheadings("partial_hs6", problems).into_iter().collect();
    check_codes(row, (families.as_ref(), map), (&named, &partial), problems);
    let announced = row.date("announced", problems);
    let effective = if kind.is_some() { row.date("effective", problems) } else { row.open_date("effective", problems) };
    let suspension = suspension(row, problems);
    let ended = row.open_date("ended", problems);
    row.more_of("ended", &["ended_known_from"], problems);
    let end = if ended.is_some() { row.date("ended_known_from", problems).zip(ended) } else { None };
    let of_measure = ("the measure was announced", announced);
    row.known_after(("suspension_known_from", suspension.map(|suspension| suspension.known_from)), of_measure, problems);
    row.known_after(("ended_known_from", end.map(|(known_from, _)| known_from)), of_measure, problems);
    row.ordered(("effective", effective), ("ended", ended), problems);
    let known_from = row.date("known_from", problems);
    row.known_after(("known_from", known_from), ("it was announced", announced), problems);
    let weightless = row.flag("weightless", problems) || !row.weighs();
    let binds_china = origins.is_none_or(|origins| origins.contains(&Country::CHINA));
    if !binds_china {
        return None;
    }
    Some(Control {
        row: row.name(),
        title: row.text("title").to_owned(),
        kind: kind?,
        families,
        named,
        partial,
        destinations,
        announced: announced?,
        effective: effective?,
        suspension,
        end,
        known_from: known_from?,
        weightless,
    })
}

/// `*` is all goods.
fn families(row: &Row, known: &KnownFamilies, problems: &mut Problems) -> Option<BTreeSet<FamilyId>> {
    if row.text("families") == "*" {
        return None;
    }
    let names = row.list("families");
    let families: BTreeSet<FamilyId> = names.iter().filter_map(|name| name.parse().ok()).filter(|f| known.contains(f)).collect();
    if families.len() != names.len() || (names.is_empty() && row.text("kind") != "other") {
        row.wrong(
            "families",
            "holds something other than families of families.csv (; between them, or * for all goods)",
            problems,
        );
    }
    Some(families)
}

/// `811292`: all goods under the code; `GA:811292`: those of the family; `*:811292`: those of none.
fn named(row: &Row, known: &KnownFamilies, problems: &mut Problems) -> Vec<Named> {
    let parts = row.list("hs6");
    let read = |part: &&str| {
        let (of, code) = match part.split_once(':') {
            None => (Whose::All, *part),
            Some(("*", code)) => (Whose::Other, code),
            Some((family, code)) => (Whose::Family(family.parse().ok().filter(|family| known.contains(family))?), code),
        };
        Some(Named { code: subheading(code)?, of })
    };
    let named: Vec<Named> = parts.iter().filter_map(read).collect();
    if named.len() != parts.len() {
        let rule = "holds something other than subheadings of chapters 01 to 97 (282580, GA:811292 or *:381800, ; between them)";
        row.wrong("hs6", rule, problems);
    }
    named
}

/// Codes that would bind nothing.
fn check_codes(
    row: &Row,
    (families, map): (Option<&BTreeSet<FamilyId>>, &Families),
    (named, partial): (&[Named], &BTreeSet<HsSubheading>),
    problems: &mut Problems,
) {
    let lists = |family: FamilyId, code: HsSubheading| map.hs6_of(family).contains(&code);
    for Named { code, of } in named {
        if let Whose::Family(family) = *of
            && !lists(family, *code)
        {
            row.wrong("hs6", &format!("names {code} for {family}, which materials.csv does not list there"), problems);
        }
    }
    let is_of = |named: &Named, family: FamilyId| match named.of {
        Whose::All => lists(family, named.code),
        Whose::Family(of) => of == family,
        Whose::Other => false,
    };
    let families = families.filter(|families| !families.is_empty() && !named.is_empty());
    if families.is_some_and(|families| !families.iter().any(|family| named.iter().any(|named| is_of(named, *family)))) {
        row.wrong("hs6", "names no code that materials.csv lists for a family of the row (empty: all of theirs)", problems);
    }
    for code in partial.iter().filter(|code| !named.iter().any(|named| named.code == **code)) {
        row.wrong("partial_hs6", &format!("holds {code}, which does not stand in hs6"), problems);
    }
}

fn suspension(row: &Row, problems: &mut Problems) -> Option<Suspension> {
    row.more_of("suspended_from", &["suspended_until", "suspension_known_from"], problems);
    let from = row.open_date("suspended_from", problems);
    let until = row.open_date("suspended_until", problems);
    row.ordered(("suspended_from", from), ("suspended_until", until), problems);
    let from = from?;
    Some(Suspension { known_from: row.date("suspension_known_from", problems)?, from, until })
}
