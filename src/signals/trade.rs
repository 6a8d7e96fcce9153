//! Builders of trade for tests: dull books, to which a test adds what it is about. No formula.

use std::rc::Rc;
use std::sync::Arc;

use crate::domain::{CorridorId, Country, Date, FamilyId, FlowFacts, FlowKind, Grams, HsSubheading, Month, Period};
use crate::ledger::{Account, Books, FlowVersion, RecordFacts, Ways};
use crate::reference::{Content, FamilyClass, MaterialStage, Measure, MeasureKind, Production, Reference};

use super::Lookups;
use super::facts::{Contents, Made, Wedge};
use super::incentive::traded;
use super::parameters::Parameters;
use super::subject::{Subject, World};

pub(crate) fn country(code: &str) -> Country {
    code.parse().unwrap()
}

pub(crate) fn month(text: &str) -> Month {
    text.parse().unwrap()
}

pub(crate) fn code(text: &str) -> HsSubheading {
    text.parse().unwrap()
}

pub(crate) fn date(text: &str) -> Date {
    text.parse().unwrap()
}

/// A corridor's trade and its world. Trade is told in any order and laid out when it is looked at.
#[derive(Clone, Debug)]
pub(crate) struct Trade {
    pub(crate) corridor: CorridorId,
    /// How the corridor-month was told.
    pub(crate) months: u8,
    pub(crate) world: World,
    /// What bills of the month are of, in tonnes where they say so.
    pub(crate) bills: Vec<(HsSubheading, Option<f64>)>,
    told: Vec<Row>,
    /// Rows of exports that are re-exports.
    re_exported: Vec<Row>,
    /// By how many months it is moved back.
    earlier: i32,
}

/// A month's trade, as one side tells it.
#[derive(Clone, Copy, Debug)]
struct Row {
    way: Way,
    account: Account,
    goods: (HsSubheading, Option<f64>),
    period: Period,
}

impl Row {
    fn value_cents(&self) -> Option<u64> {
        Some(if self.goods.1 == Some(0.0) { 0 } else { 100_000_000 })
    }
}

/// Which leg a test adds to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Out,
    First,
    Direct,
    Supply(&'static str),
    Source(&'static str),
}

impl Trade {
    /// Antimony from M to D in a month; nothing is told, nothing is known.
    pub(crate) fn antimony(m: &str, d: &str, last: &str) -> Trade {
        let corridor: CorridorId = format!("SB/{m}/{d}/{last}").parse().unwrap();
        // Content fractions of the materials table: oxide by stoichiometry, metal by trade grade, ore of trade typical 0.1 to
        // 0.65.
        let content = |low, mid, high, stage| Content { low, mid, high, stage, shared: false, row: "materials/SB".to_owned() };
        let contents = Contents::new(
            [
                (code("261710"), content(0.1, 0.55, 0.65, MaterialStage::Ore)),
                (code("282580"), content(0.82, 0.8354, 0.836, MaterialStage::Oxide)),
                (code("811010"), content(0.99, 0.9965, 0.9999, MaterialStage::Metal)),
            ]
            .into_iter(),
        );
        // MCS lists the world's producers of antimony; the smallest listed makes 20 t.
        let unlisted = || Production::Unlisted { at_most: 20.0, row: "production/SB".to_owned() };
        let world = World {
            family: corridor.family,
            on: month(last).last_day(),
            measures: Rc::default(),
            contents: Rc::new(contents),
            made: Rc::new(Made { production: unlisted(), production_before: unlisted(), ..Made::default() }),
            wedges: Vec::new(),
            members_of_eu: Arc::default(),
            shown: Vec::new(),
            class: FamilyClass::Bulk,
        };
        Trade { corridor, months: 1, world, bills: Vec::new(), told: Vec::new(), re_exported: Vec::new(), earlier: 0 }
    }

    /// What M makes, to be changed.
    pub(crate) fn made(&mut self) -> &mut Made {
        Rc::make_mut(&mut self.world.made)
    }

    /// The measures, to be changed.
    pub(crate) fn measures(&mut self) -> &mut Vec<Measure> {
        Rc::make_mut(&mut self.world.measures)
    }

    /// Announcements 33/2024 (licence) and 46/2024 (ban to the US); the oxide line also holds goods outside of the list.
    pub(crate) fn controlled(mut self) -> Trade {
        *self.measures() = vec![
            measure("controls/CN-2024-33", MeasureKind::ExportLicence, ("2024-08-15", "2024-09-15")),
            measure("controls/CN-2024-46", MeasureKind::ExportBan, ("2024-12-03", "2024-12-03")),
        ];
        self.measures().iter_mut().for_each(|measure| measure.partial = true);
        self
    }

    /// Tonnes of a subheading in every month from a first to a last; `None` tells the months without mass, 0 that there was none.
    pub(crate) fn tell(mut self, (way, account): (Way, Account), goods: (&str, Option<f64>), span: (&str, &str)) -> Trade {
        let goods = (code(goods.0), goods.1);
        let (mut at, last) = (month(span.0), month(span.1));
        while at <= last {
            self = self.tell_period((way, account), goods, Period::month(at));
            at = at.plus(1);
        }
        self
    }

    /// The same for one period, whatever its length. What was told of it before is forgotten.
    pub(crate) fn tell_period(
        mut self,
        (way, account): (Way, Account),
        goods: (HsSubheading, Option<f64>),
        period: Period,
    ) -> Trade {
        self.told.retain(|row| (row.way, row.account, row.goods.0, row.period) != (way, account, goods.0, period));
        self.told.push(Row { way, account, goods, period });
        self
    }

    /// The same trade so many months earlier.
    pub(crate) fn earlier(self, months: i32) -> Trade {
        Trade { earlier: months, ..self }
    }

    /// Nothing of a way is told any more.
    pub(crate) fn without(mut self, way: Way) -> Trade {
        self.told.retain(|row| row.way != way);
        self
    }

    fn ways(&self) -> Ways {
        let mut ways = Ways::default();
        let china = country("CN");
        let (m, d) = (self.corridor.intermediary, self.corridor.destination);
        let told = self.told.iter().map(|row| (row, false)).chain(self.re_exported.iter().map(|row| (row, true)));
        for (number, (row, is_re_export)) in told.enumerate() {
            let (from, to) = match row.way {
                Way::Out => (m, d),
                Way::First => (china, m),
                Way::Direct => (china, d),
                Way::Supply(code) => (country(code), m),
                Way::Source(code) => (country(code), d),
            };
            let (hs6, tonnes) = row.goods;
            let mass = tonnes.map(|tonnes| Grams((tonnes * 1e6) as u64));
            let months_earlier = |month: Month| Period::month(month.plus(-self.earlier));
            let period = if row.period.months() == 1 { months_earlier(row.period.last()) } else { row.period };
            if row.account.is_of_shipments() {
                let flow = if row.account == Account::ImporterShipments { FlowKind::Import } else { FlowKind::Export };
                ways.count((from, to, period.last()), (flow, "feed"), (hs6, (mass, row.value_cents())), 1);
                continue;
            }
            let (reporter, partner, flow) = match row.account {
                Account::ImporterFlow => (to, from, FlowKind::Import),
                _ if is_re_export => (from, to, FlowKind::ReExport),
                _ => (from, to, FlowKind::Export),
            };
            let hs = hs6.to_string().parse().unwrap();
            let facts = FlowFacts { reporter, partner, flow, period, hs };
            let content = number as u64;
            let version = FlowVersion { known_from: 0, content, mass, value_cents: row.value_cents() };
            ways.fold((&facts, true), (hs6, "feed"), version);
        }
        for (hs6, tonnes) in &self.bills {
            let month = self.corridor.month.plus(-self.earlier);
            ways.note_bill((m, d, month), (*hs6, (tonnes.map(|tonnes| Grams((tonnes * 1e6) as u64)), None)), 1);
        }
        ways
    }

    /// The importer's account.
    pub(crate) fn imports(self, way: Way, goods: (&str, f64), span: (&str, &str)) -> Trade {
        self.tell((way, Account::ImporterFlow), (goods.0, Some(goods.1)), span)
    }

    /// The exporter's account.
    pub(crate) fn exports(self, way: Way, goods: (&str, f64), span: (&str, &str)) -> Trade {
        self.tell((way, Account::MirrorFlow), (goods.0, Some(goods.1)), span)
    }

    /// What of the exporter's account it calls re-exports.
    pub(crate) fn re_exports(mut self, way: Way, goods: (&str, f64), span: (&str, &str)) -> Trade {
        let goods = (code(goods.0), Some(goods.1));
        let (first, last) = (month(span.0), month(span.1));
        let months = (0..).map(|ahead| first.plus(ahead)).take_while(|at| *at <= last);
        self.re_exported.extend(months.map(|at| Row { way, account: Account::MirrorFlow, goods, period: Period::month(at) }));
        self
    }

    pub(crate) fn wedge(mut self, hs6: &str, rate: f64) -> Trade {
        self.world.wedges.retain(|(known, _)| *known != code(hs6));
        self.world.wedges.push((code(hs6), Rc::new(Wedge { rate: Some(rate), rows: vec!["tariffs/CN".to_owned()] })));
        self
    }

    /// Looks at the trade as signals do.
    pub(crate) fn see<T>(&self, parameters: &Parameters, look: impl FnOnce(&Subject<'_>) -> T) -> T {
        let ways = self.ways();
        let month = self.corridor.month.plus(-self.earlier);
        let books = Books::new(CorridorId { month, ..self.corridor }, self.months, &ways);
        let world = World { on: self.world.on.min(month.last_day()), ..self.world.clone() };
        let traded = traded(&books, &world, parameters);
        let lookups = Lookups::new(&Reference::default().as_of(world.on), world.family);
        look(&Subject { books: &books, world: &world, parameters, lookups: &lookups, traded: &traded })
    }

    /// The same trade and world as another family: every figure but the name.
    pub(crate) fn family(mut self, family: &str) -> Trade {
        let family: FamilyId = family.parse().unwrap();
        self.corridor.family = family;
        self.world.family = family;
        self
    }
}

pub(crate) fn measure(row: &str, kind: MeasureKind, (announced, effective): (&str, &str)) -> Measure {
    Measure {
        row: row.to_owned(),
        kind,
        announced: date(announced),
        effective: date(effective),
        suspended: None,
        ended: None,
        subheadings: Vec::new(),
        partial: false,
        weightless: false,
    }
}

/// The American side of the antimony story, in oxide. Reported: Thailand at least 3,366 t from December 2024 to May 2025, 27
/// times a year before (press, 2025-07-09); direct trade zero after the ban. Derived: 561 t a month against 20.8 t. Assumed:
/// the same a month before as a year before, and 150 t a month of direct trade.
pub(crate) fn antimony_story(m: &str, d: &str, last: &str) -> Trade {
    Trade::antimony(m, d, last)
        .controlled()
        .imports(Way::Out, ("282580", 20.8), ("2022-06", "2024-11"))
        .imports(Way::Out, ("282580", 561.0), ("2024-12", last))
        .imports(Way::Direct, ("282580", 150.0), ("2022-06", "2024-11"))
        .imports(Way::Direct, ("282580", 0.0), ("2024-12", last))
}

/// M books Chinese oxide as it sells it on.
pub(crate) fn with_chinese_oxide(trade: Trade, last: &str) -> Trade {
    trade.imports(Way::First, ("282580", 25.0), ("2022-06", "2024-11")).imports(Way::First, ("282580", 590.0), ("2024-12", last))
}

/// M books Burmese ore of the same contained mass and no Chinese goods.
pub(crate) fn with_burmese_ore(trade: Trade, last: &str) -> Trade {
    trade
        .imports(Way::First, ("282580", 0.0), ("2022-06", last))
        .imports(Way::Supply("MM"), ("261710", 40.0), ("2022-06", "2024-11"))
        .imports(Way::Supply("MM"), ("261710", 920.0), ("2024-12", last))
}

/// A dull shipment of antimony oxide made and laden in Thailand, for the US.
pub(crate) fn shipment() -> RecordFacts<'static> {
    RecordFacts {
        id: "us-ams:MAEU123456789/1",
        event_date: date("2025-03-14"),
        hs6: code("282580"),
        country_of_origin: Some(country("TH")),
        country_of_consignment: Some(country("TH")),
        intermediary: country("TH"),
        destination: country("US"),
        place_of_receipt: None,
        port_of_lading: Some("THLCH".parse().unwrap()),
        country_of_lading: None,
        transit_ports: &[],
        mass: Some(Grams(20_455_000)),
        quality: Default::default(),
    }
}
