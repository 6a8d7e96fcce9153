//! What signals may see: the books of a corridor-month beside the world's facts, read once. No signal asks the bundle itself.

use std::rc::Rc;
use std::sync::Arc;

use crate::domain::{Country, Date, FamilyId, HsSubheading, Month};
use crate::ledger::{Books, RecordFacts, Series};
use crate::reference::{AsOf, Content, FamilyClass, MaterialStage, Measure, MeasureKind, MembersOfEu};

use super::Lookups;
use super::facts::{Contents, Facts, Made, Wedge};
use super::incentive::traded;
use super::mass::{Scope, Sum, Window, began_to_weigh};
use super::parameters::Parameters;

/// A corridor-month as signals see it.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    /// What the ledger knows.
    pub(crate) books: &'a Books<'a>,
    /// What the world has published.
    pub(crate) world: &'a World,
    /// The model's numbers.
    pub(crate) parameters: &'a Parameters,
    /// What has been looked up.
    pub(crate) lookups: &'a Lookups,
    /// The subheadings that went from M to D lately, with their weight.
    pub(crate) traded: &'a [(HsSubheading, f64)],
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

    /// Sums a window of a series, and the longer periods that lie in it whole where `longer` says so.
    pub(super) fn sum(&self, series: Series<'_>, window: Window, (scope, longer): (Scope, bool)) -> Sum {
        self.lookups.legs.told(series, scope, self.world).sum(window, longer)
    }

    /// Whether what had no mass in a window has one after it: then what is told anew looks like growth.
    pub(super) fn began_to_weigh(&self, series: Series<'_>, windows: (Window, Window), (scope, earlier): (Scope, Sum)) -> bool {
        let lacks = earlier.unweighed_dollars() * 5.0 > earlier.dollars();
        lacks && began_to_weigh(series, windows, scope, self.world)
    }

    /// Sums two windows of a series, before and after something, month by month. Where what had no mass before has one after, the first
    /// is not told.
    pub(super) fn sums(&self, series: Series<'_>, (before, after): (Window, Window), scope: Scope) -> (Sum, Sum) {
        let told = self.lookups.legs.told(series, scope, self.world);
        let (earlier, later) = (told.sum(before, false), told.sum(after, false));
        if self.began_to_weigh(series, (before, after), (scope, earlier)) { (Sum::default(), later) } else { (earlier, later) }
    }

    /// Tonnes a month before something, to be held against the months told after it, and whether only the same months of the year
    /// count: where they hold more than all months do, and enough of them are told, it was the season that began.
    pub(super) fn mean_before(&self, series: Series<'_>, (before, after): (Window, Window), scope: Scope) -> (f64, bool) {
        let told = self.lookups.legs.told(series, scope, self.world);
        let of_month = |month: Month| told.sum(Window { first: month, last: month }, false);
        let none_told = told.sum(after, false).months == 0;
        let mut season = Sum::default();
        for month in after.each().filter(|month| none_told || of_month(*month).months > 0) {
            let same = before.each().filter(|earlier| month.since(*earlier) % 12 == 0);
            season = same.map(of_month).fold(season, Sum::add);
        }
        let whole = told.sum(before, false);
        let in_season = season.months >= self.parameters.episodes.after_months_min && season.is_more_a_month_than(whole);
        (if in_season { season.mean() } else { whole.mean() }, in_season)
    }

    /// The subheadings that went from M to D lately.
    pub(super) fn codes(&self) -> Vec<HsSubheading> {
        self.traded.iter().map(|(code, _)| *code).collect()
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
    pub(crate) measures: Rc<Vec<Measure>>,
    /// What subheadings contain; empty for baskets and headings.
    pub(crate) contents: Rc<Contents>,
    /// What M makes.
    pub(crate) made: Rc<Made>,
    /// What Chinese goods owe at D beside what M's owe, by subheading; absent where D has no table.
    pub(crate) wedges: Vec<(HsSubheading, Rc<Wedge>)>,
    /// Who is of the European Union.
    pub(crate) members_of_eu: Arc<MembersOfEu>,
    /// Rows of duty on Chinese goods at D that are shown without weight.
    pub(crate) shown: Vec<String>,
    /// How large the family's trade is.
    pub(crate) class: FamilyClass,
}

impl World {
    /// Reads all that the corridor's signals need. With it the subheadings that were traded.
    pub(crate) fn of_corridor(
        (facts, reference): (&Facts, &AsOf<'_>),
        books: &Books<'_>,
        parameters: &Parameters,
    ) -> (World, Vec<(HsSubheading, f64)>) {
        let corridor = books.corridor;
        let on = corridor.month.last_day().min(reference.date());
        let pair = (corridor.intermediary, corridor.destination);
        let mut world = World::of((facts, reference), pair, on);
        let traded = traded(books, &world, parameters);
        for (code, _) in &traded {
            world.add_wedge((facts, reference), pair, *code);
        }
        if corridor.family.is_material() {
            world.made = facts.made(reference, corridor.intermediary, corridor.month.year());
        }
        (world, traded)
    }

    /// Reads what the prior of a single shipment needs.
    pub(crate) fn of_record((facts, reference): (&Facts, &AsOf<'_>), record: &RecordFacts<'_>) -> World {
        let pair = (record.intermediary, record.destination);
        let mut world = World::of((facts, reference), pair, record.event_date.min(reference.date()));
        world.add_wedge((facts, reference), pair, record.hs6);
        world
    }

    fn of((facts, reference): (&Facts, &AsOf<'_>), (_, destination): (Country, Country), on: Date) -> World {
        World {
            family: facts.family,
            on,
            measures: facts.measures(reference, destination),
            contents: facts.contents(),
            made: Rc::default(),
            wedges: Vec::new(),
            members_of_eu: Arc::clone(&facts.members_of_eu),
            shown: Vec::new(),
            class: facts.class,
        }
    }

    fn add_wedge(&mut self, (facts, reference): (&Facts, &AsOf<'_>), pair: (Country, Country), code: HsSubheading) {
        self.wedges.extend(facts.wedge(reference, pair, (code, self.on)).map(|wedge| (code, wedge)));
        self.shown.extend(reference.duties_without_weight(Country::CHINA, pair.1, code, self.on));
    }

    /// What a subheading contains.
    pub(super) fn content(&self, code: HsSubheading) -> Option<&Content> {
        self.contents.of(code)
    }

    /// The stage of a subheading; `None` also for the goods of baskets and headings, which have no stages.
    pub(super) fn stage(&self, code: HsSubheading) -> Option<MaterialStage> {
        self.content(code).map(|content| content.stage)
    }

    fn wedge(&self, code: HsSubheading) -> Option<&Wedge> {
        self.wedges.iter().find(|(of, _)| *of == code).map(|(_, wedge)| wedge.as_ref())
    }

    /// What Chinese goods are known to owe more than M's, and the rows that say so.
    pub(super) fn tariff(&self, code: HsSubheading) -> Option<(f64, &[String])> {
        let wedge = self.wedge(code)?;
        wedge.rate.filter(|rate| *rate > 0.0).map(|rate| (rate, wedge.rows.as_slice()))
    }

    /// Whether any row tells what Chinese goods owe.
    fn is_rate_told(&self, code: HsSubheading) -> bool {
        self.wedge(code).is_some_and(|wedge| !wedge.rows.is_empty())
    }

    /// The duties on Chinese goods of the line whose rate no row tells: that they owe more is known, and not how much.
    pub(super) fn untold_duties(&self, code: HsSubheading) -> impl Iterator<Item = &Measure> {
        let untold = !self.is_rate_told(code);
        let binds = move |measure: &&Measure| measure.kind == MeasureKind::Duty && self.in_force(measure, code);
        self.measures.iter().filter(move |_| untold).filter(binds).filter(|measure| !self.is_suspended(measure))
    }

    /// Whether the measure is in force on the day, its suspension aside, and may carry weight on the line.
    pub(super) fn in_force(&self, measure: &Measure, code: HsSubheading) -> bool {
        let running = measure.effective <= self.on && measure.ended.is_none_or(|ended| self.on < ended);
        // A duty gives a motive by what Chinese goods owe more than M's, or by being there where its rate is not told.
        let owes_more = || self.tariff(code).is_some() || !self.is_rate_told(code);
        let binds = measure.kind != MeasureKind::Duty || owes_more();
        measure.names(code) && running && binds && !measure.weightless
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

#[cfg(test)]
mod tests {
    use super::super::trade::{code, country, date};
    use super::*;
    use crate::reference::Reference;

    /// The duties of the shipped bundle that bind a line, and those of them whose rate it does not tell.
    fn duties(family: &str, (m, d): (&str, &str), (hs6, on): (&str, &str)) -> [Vec<String>; 2] {
        let (pair, hs6, on) = ((country(m), country(d)), code(hs6), date(on));
        let reference = Reference::built_in().as_of(on);
        let facts = Facts::new(&reference, family.parse().unwrap());
        let mut world = World::of((&facts, &reference), pair, on);
        world.add_wedge((&facts, &reference), pair, hs6);
        let is_duty = |measure: &&Measure| measure.kind == MeasureKind::Duty && world.in_force(measure, hs6);
        let rows = |measures: &mut dyn Iterator<Item = &Measure>| measures.map(|measure| measure.row.clone()).collect();
        [rows(&mut world.measures.iter().filter(is_duty)), rows(&mut world.untold_duties(hs6))]
    }

    #[test]
    fn a_duty_binds_whether_its_rate_is_told_or_not() {
        let of = |rows: &[&str]| rows.iter().map(|row| (*row).to_owned()).collect::<Vec<_>>();
        let silicon = of(&["controls/EU-AD-SI"]);
        assert_eq!(duties("SI", ("KR", "EU"), ("280469", "2004-08-31")), [silicon.clone(), silicon]);
        assert_eq!(duties("SI", ("KR", "EU"), ("280469", "2004-02-29")), [of(&[]), of(&[])]);
        assert_eq!(duties("SI", ("KR", "EU"), ("280461", "2004-08-31")), [of(&[]), of(&[])]);
        let plywood = of(&["controls/US-ADCVD-PLY"]);
        assert_eq!(duties("WOOD", ("KH", "US"), ("441239", "2018-06-30")), [plywood.clone(), plywood.clone()]);
        // From here on a row tells what Chinese goods owe.
        assert_eq!(duties("WOOD", ("KH", "US"), ("441239", "2018-10-31")), [plywood, of(&[])]);
        // What Chinese goods owe is told, and not what those of M do.
        assert_eq!(duties("H8471", ("KZ", "US"), ("847130", "2025-08-31")), [of(&[]), of(&[])]);
        let all = of(&["controls/US-IEEPA-FENT"]);
        assert_eq!(duties("H8471", ("VN", "US"), ("847130", "2025-08-31")), [all, of(&[])]);
    }
}
