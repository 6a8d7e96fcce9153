//! Builders of trade for tests: dull books, to which a test adds what it is about. No formula.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::domain::{Country, Date, FamilyId, Grams, HsSubheading, Month, Period};
use crate::ledger::{Account, Books, CellRef, Leg, Line, RecordFacts, Series};
use crate::reference::{Content, FamilyClass, MaterialStage, Measure, MeasureKind, Production};

use super::parameters::Parameters;
use super::subject::{Subject, Wedge, World};

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

/// A corridor's trade, its world and the clock.
#[derive(Clone, Debug)]
pub(crate) struct Trade {
    pub(crate) books: Books,
    pub(crate) world: World,
}

/// Which leg a test adds to.
#[derive(Clone, Copy, Debug)]
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
        let corridor = format!("SB/{m}/{d}/{last}").parse().unwrap();
        let books = Books {
            corridor,
            months: 1,
            out: Rc::default(),
            first: Rc::default(),
            direct: Rc::default(),
            supply: Rc::default(),
            sources: Rc::default(),
        };
        // Content fractions of the materials table: oxide by stoichiometry, metal by trade grade, ore of trade typical 0.1 to
        // 0.65.
        let content = |low, mid, high, stage| Content { low, mid, high, stage, shared: false, row: "materials/SB".to_owned() };
        let contents = BTreeMap::from([
            (code("261710"), content(0.1, 0.55, 0.65, MaterialStage::Ore)),
            (code("282580"), content(0.82, 0.8354, 0.836, MaterialStage::Oxide)),
            (code("811010"), content(0.99, 0.9965, 0.9999, MaterialStage::Metal)),
        ]);
        let world = World {
            family: corridor.family,
            on: month(last).last_day(),
            measures: Vec::new(),
            contents,
            // MCS lists the world's producers of antimony; the smallest listed makes 20 t.
            production: Production::Unlisted { at_most: 20.0, row: "production/SB".to_owned() },
            production_before: Production::Unlisted { at_most: 20.0, row: "production/SB".to_owned() },
            secondary: Production::Unknown,
            capacity: None,
            wedges: BTreeMap::new(),
            class: FamilyClass::Bulk,
        };
        Trade { books, world }
    }

    /// Announcements 33/2024 (licence) and 46/2024 (ban to the US); the oxide line also holds goods outside of the list.
    pub(crate) fn controlled(mut self) -> Trade {
        self.world.measures = vec![
            measure("controls/CN-2024-33", MeasureKind::ExportLicence, ("2024-08-15", "2024-09-15")),
            measure("controls/CN-2024-46", MeasureKind::ExportBan, ("2024-12-03", "2024-12-03")),
        ];
        self.world.measures.iter_mut().for_each(|measure| measure.partial = true);
        self
    }

    /// Tonnes of a subheading in every month from a first to a last; `None` tells the months without mass.
    pub(crate) fn tell(mut self, way: Way, account: Account, goods: (&str, Option<f64>), span: (&str, &str)) -> Trade {
        let corridor = self.books.corridor;
        let china = country("CN");
        let (m, d) = (corridor.intermediary, corridor.destination);
        let (from, to) = match way {
            Way::Out => (m, d),
            Way::First => (china, m),
            Way::Direct => (china, d),
            Way::Supply(code) => (country(code), m),
            Way::Source(code) => (country(code), d),
        };
        let books = &mut self.books;
        let leg = match way {
            Way::Out => Rc::make_mut(&mut books.out),
            Way::First => Rc::make_mut(&mut books.first),
            Way::Direct => Rc::make_mut(&mut books.direct),
            Way::Supply(_) => of_country(Rc::make_mut(&mut books.supply), from),
            Way::Source(_) => of_country(Rc::make_mut(&mut books.sources), from),
        };
        let series = match account {
            Account::ImporterFlow => &mut leg.importer,
            Account::MirrorFlow => &mut leg.exporter,
            Account::Shipments => &mut leg.shipments,
        };
        let (hs6, tonnes) = (code(goods.0), goods.1);
        let (mut at, last) = (month(span.0), month(span.1));
        while at <= last {
            let lines = series.months.entry(at).or_default();
            if tonnes != Some(0.0) {
                let cell = CellRef { account, from, to, period: Period::month(at), hs6 };
                let mass = tonnes.map(|tonnes| Grams((tonnes * 1e6) as u64));
                lines.retain(|line| line.hs6 != hs6);
                lines.push(Line { hs6, mass, value_cents: Some(100_000_000), cell });
            }
            at = at.plus(1);
        }
        self
    }

    /// The importer's account.
    pub(crate) fn imports(self, way: Way, goods: (&str, f64), span: (&str, &str)) -> Trade {
        self.tell(way, Account::ImporterFlow, (goods.0, Some(goods.1)), span)
    }

    /// The exporter's account.
    pub(crate) fn exports(self, way: Way, goods: (&str, f64), span: (&str, &str)) -> Trade {
        self.tell(way, Account::MirrorFlow, (goods.0, Some(goods.1)), span)
    }

    pub(crate) fn wedge(mut self, hs6: &str, rate: f64) -> Trade {
        self.world.wedges.insert(code(hs6), Wedge { rate, rows: vec!["tariffs/CN".to_owned()] });
        self
    }

    pub(crate) fn subject<'a>(&'a self, parameters: &'a Parameters) -> Subject<'a> {
        Subject { books: &self.books, world: &self.world, parameters }
    }

    /// The same trade and world as another family: every figure but the name.
    pub(crate) fn family(mut self, family: &str) -> Trade {
        let family: FamilyId = family.parse().unwrap();
        self.books.corridor.family = family;
        self.world.family = family;
        self
    }
}

fn of_country(legs: &mut Vec<(Country, Leg)>, country: Country) -> &mut Leg {
    if !legs.iter().any(|(known, _)| *known == country) {
        legs.push((country, Leg::default()));
        legs.sort_by_key(|(country, _)| *country);
    }
    let found = legs.iter_mut().find(|(known, _)| *known == country);
    &mut found.unwrap().1
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
pub(crate) fn shipment() -> RecordFacts {
    RecordFacts {
        id: "us-ams:MAEU123456789/1".to_owned(),
        event_date: date("2025-03-14"),
        hs6: code("282580"),
        country_of_origin: Some(country("TH")),
        country_of_consignment: Some(country("TH")),
        intermediary: country("TH"),
        destination: country("US"),
        place_of_receipt: None,
        port_of_lading: Some("THLCH".parse().unwrap()),
        country_of_lading: None,
        transit_ports: Vec::new(),
        mass: Some(Grams(20_455_000)),
        quality: Default::default(),
    }
}

/// A series told in quarters, for a leg whose months nobody told.
pub(crate) fn quarters(hs6: &str, tonnes: f64, periods: &[&str]) -> Series {
    let line = |text: &str| {
        let period: Period = text.parse().unwrap();
        let cell = CellRef { account: Account::ImporterFlow, from: country("TH"), to: country("US"), period, hs6: code(hs6) };
        let mass = Some(Grams((tonnes * 1e6) as u64));
        (period, vec![Line { hs6: code(hs6), mass, value_cents: None, cell }])
    };
    Series { months: BTreeMap::new(), longer: periods.iter().map(|text| line(text)).collect() }
}
