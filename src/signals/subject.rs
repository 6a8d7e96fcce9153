//! What signals may see: the books of a corridor-month beside the world's facts, read once. No signal asks the bundle itself.

use std::collections::BTreeMap;

use crate::domain::{Country, Date, FamilyId, HsSubheading, Month};
use crate::ledger::{Books, Leg, RecordFacts};
use crate::reference::{AsOf, Content, FamilyClass, MaterialStage, Measure, MeasureKind, Production};

use super::parameters::Parameters;

/// A corridor-month as signals see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    /// What the ledger knows.
    pub(crate) books: &'a Books,
    /// What the world has published.
    pub(crate) world: &'a World,
    /// The model's numbers.
    pub(crate) parameters: &'a Parameters,
}

impl Subject<'_> {
    /// M's two letters.
    pub(super) fn m(&self) -> Country {
        self.books.corridor.intermediary
    }

    /// D's two letters.
    pub(super) fn d(&self) -> Country {
        self.books.corridor.destination
    }

    /// Decimals with which tonnes are printed.
    pub(super) fn decimals(&self) -> u8 {
        match self.world.class {
            FamilyClass::Bulk => 1,
            FamilyClass::Minor => 3,
        }
    }

    /// The corridor's month.
    pub(super) fn month(&self) -> Month {
        self.books.corridor.month
    }
}

/// The facts of the world that bear on one corridor, as known on a date.
#[derive(Clone, Debug)]
pub(crate) struct World {
    /// The family.
    pub(crate) family: FamilyId,
    /// The day at which measures and duties are read: the last of the corridor's month, at most the clock.
    pub(crate) on: Date,
    /// China → D, by announcement.
    pub(crate) measures: Vec<Measure>,
    /// What subheadings contain; empty for baskets and headings.
    pub(crate) contents: BTreeMap<HsSubheading, Content>,
    /// M's own production in the month's year.
    pub(crate) production: Production,
    /// The same, two years before.
    pub(crate) production_before: Production,
    /// M's recycling.
    pub(crate) secondary: Production,
    /// Documented capacity of M's plants, tonnes a year, and its row.
    pub(crate) capacity: Option<(f64, String)>,
    /// What Chinese goods owe at D beside what M's owe, by subheading; absent where D has no table.
    pub(crate) wedges: BTreeMap<HsSubheading, Wedge>,
    /// How large the family's trade is.
    pub(crate) class: FamilyClass,
}

/// What Chinese goods owe more than goods of M.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wedge {
    /// Rate on Chinese goods less rate on M's, as a fraction of the value.
    pub(crate) rate: f64,
    /// The rows of the Chinese rate.
    pub(crate) rows: Vec<String>,
}

impl World {
    /// Reads all that the corridor's signals need.
    pub(crate) fn of_corridor(reference: &AsOf<'_>, books: &Books) -> World {
        let corridor = books.corridor;
        let on = corridor.month.last_day().min(reference.date());
        let mut world = World::of(reference, corridor.family, (corridor.intermediary, corridor.destination), on);
        let mut codes = Vec::new();
        collect(&books.out, &mut codes);
        for code in codes.iter().copied() {
            world.add_wedge(reference, (corridor.intermediary, corridor.destination), code);
        }
        collect(&books.first, &mut codes);
        books.supply.iter().for_each(|(_, leg)| collect(leg, &mut codes));
        books.sources.iter().for_each(|(_, leg)| collect(leg, &mut codes));
        collect(&books.direct, &mut codes);
        if corridor.family.is_material() {
            let content = |code| reference.content(corridor.family, code).map(|content| (code, content));
            world.contents = codes.into_iter().filter_map(content).collect();
            let year = corridor.month.year();
            world.production = reference.production(corridor.family, corridor.intermediary, year);
            world.production_before = reference.production(corridor.family, corridor.intermediary, year.saturating_sub(2));
            world.secondary = reference.secondary(corridor.family, corridor.intermediary, year);
            world.capacity = reference.capacity(corridor.family, corridor.intermediary);
        }
        world
    }

    /// Reads what the prior of a single shipment needs.
    pub(crate) fn of_record(reference: &AsOf<'_>, family: FamilyId, facts: &RecordFacts) -> World {
        let pair = (facts.intermediary, facts.destination);
        let mut world = World::of(reference, family, pair, facts.event_date.min(reference.date()));
        world.add_wedge(reference, pair, facts.hs6);
        world
    }

    fn of(reference: &AsOf<'_>, family: FamilyId, (_, destination): (Country, Country), on: Date) -> World {
        World {
            family,
            on,
            measures: reference.measures(family, destination),
            contents: BTreeMap::new(),
            production: Production::Unknown,
            production_before: Production::Unknown,
            secondary: Production::Unknown,
            capacity: None,
            wedges: BTreeMap::new(),
            class: reference.class(family),
        }
    }

    fn add_wedge(&mut self, reference: &AsOf<'_>, (intermediary, destination): (Country, Country), code: HsSubheading) {
        let chinese = reference.duty(Country::CHINA, destination, code, self.on);
        let declared = reference.duty(intermediary, destination, code, self.on);
        if let (Some(chinese), Some(declared)) = (chinese, declared) {
            self.wedges.insert(code, Wedge { rate: chinese.rate - declared.rate, rows: chinese.rows });
        }
    }

    /// The stage of a subheading; `None` also for the goods of baskets and headings, which have no stages.
    pub(super) fn stage(&self, code: HsSubheading) -> Option<MaterialStage> {
        self.contents.get(&code).map(|content| content.stage)
    }

    /// Whether the measure is in force on the day, its suspension aside, and may carry weight on the line.
    pub(super) fn in_force(&self, measure: &Measure, code: HsSubheading) -> bool {
        let covers = measure.subheadings.is_empty() || measure.subheadings.contains(&code);
        let running = measure.effective <= self.on && measure.ended.is_none_or(|ended| self.on < ended);
        // A duty gives a motive only by what Chinese goods owe more than M's.
        let binds = measure.kind != MeasureKind::Duty || self.wedges.get(&code).is_some_and(|wedge| wedge.rate > 0.0);
        covers && running && binds && !measure.weightless
    }

    /// Whether the measure is suspended on the day.
    pub(super) fn is_suspended(&self, measure: &Measure) -> bool {
        measure.suspended.is_some_and(|(from, until)| from <= self.on && until.is_none_or(|until| self.on < until))
    }

    /// Whether a control on exports from China binds one of the lines on the day.
    pub(super) fn export_control(&self, codes: &[HsSubheading]) -> bool {
        let controls = |measure: &&Measure| measure.kind != MeasureKind::Duty && !self.is_suspended(measure);
        self.measures.iter().filter(controls).any(|measure| codes.iter().any(|code| self.in_force(measure, *code)))
    }
}

/// The subheadings of a leg, each once.
fn collect(leg: &Leg, codes: &mut Vec<HsSubheading>) {
    for series in [&leg.importer, &leg.exporter, &leg.shipments] {
        let longer = series.longer.iter().map(|(_, lines)| lines);
        for line in series.months.values().chain(longer).flatten() {
            if !codes.contains(&line.hs6) {
                codes.push(line.hs6);
            }
        }
    }
}
