//! What statistics offices publish of a simulated month: both reporters, each with its lag, its rounding and its gaps.

use crate::domain::{
    Claim, Country, Currency, Date, Decimal, FlowKind, Grams, HsVersion, Money, Month, Period, QualitySet, Record, Timestamp,
    TradeFlow, Valuation,
};

use super::Truth;
use super::goods::{Good, publication_lag_days};
use super::lane::{Kind, Lane, Levels, Market, Plan, direct_kg, other_kg};
use super::rng::Rng;

/// A published row, with the row that takes its place later on.
pub(super) struct Row {
    pub(super) claim: Claim,
    pub(super) truth: Truth,
    pub(super) revised: Option<Claim>,
}

/// A row before it is published.
struct Told {
    reporter: Country,
    partner: Country,
    flow: FlowKind,
    hs: &'static str,
    kg: u64,
    cents_per_kg: u64,
    truth: Truth,
}

/// Midnight UTC that many days after a date.
pub(super) fn midnight(date: Date, days: u64) -> Timestamp {
    let days = i64::try_from(days).unwrap_or(0);
    Timestamp::from_second(days * 86_400 + seconds(date)).expect("simulated dates lie in the calendar")
}

fn seconds(date: Date) -> i64 {
    date.to_zoned(jiff::tz::TimeZone::UTC).expect("every date has a midnight in UTC").timestamp().as_second()
}

/// Cents a kilogram in a month: higher once a control binds.
pub(super) fn price(market: &Market, good: &Good, month: i32) -> u64 {
    let dearer = market.event.is_some_and(|event| month >= event);
    if dearer { good.cents_per_kg * 17 / 10 } else { good.cents_per_kg }
}

/// How many rows a month has, whatever the month.
pub(super) fn rows_per_month(plan: &Plan) -> u64 {
    let of_markets: usize = plan.markets.iter().map(|market| 2 + market.others.len()).sum();
    let of_lanes: u64 = plan.lanes.iter().map(|lane| lane_rows(lane, plan.market(lane))).sum();
    of_markets as u64 + of_lanes
}

fn has_ore(lane: &Lane, market: &Market) -> bool {
    market.good.ore.is_some() && matches!(lane.kind, Kind::Producer | Kind::OreSmelted)
}

fn lane_rows(lane: &Lane, market: &Market) -> u64 {
    let input = lane.story.as_ref().and_then(|story| story.input).map_or(0, |input| if input.from.is_china() { 2 } else { 1 });
    4 + lane.suppliers.len() as u64 + u64::from(has_ore(lane, market)) + u64::from(lane.kind == Kind::HonestTransit) + input
}

/// The rows of a month, counted from the world's first.
pub(super) fn month(plan: &Plan, index: i32) -> Vec<Row> {
    let mut told = Vec::new();
    for market in &plan.markets {
        tell_market(market, index, &mut told);
    }
    for lane in &plan.lanes {
        tell_lane(lane, plan, index, &mut told);
    }
    let mut rng = Rng::new(plan.seed, &[5, u64::try_from(index).unwrap_or(0)]);
    let publish = |told: Told| publish(&told, plan.month(index), plan.noise_permille, &mut rng);
    let mut rows: Vec<Row> = told.into_iter().map(publish).collect();
    // What comes first of what is published on a day tells nothing of it.
    Rng::new(plan.seed, &[9, u64::try_from(index).unwrap_or(0)]).shuffle(&mut rows);
    rows
}

fn honest(kind: Kind, chinese_permille: u64) -> Truth {
    Truth { scheme: None, kind, chinese_permille }
}

fn tell_market(market: &Market, month: i32, told: &mut Vec<Told>) {
    let (china, here) = (Country::CHINA, market.destination);
    let (hs, cents_per_kg) = (market.good.hs, price(market, market.good, month));
    let truth = honest(Kind::Direct, 1000);
    told.push(Told {
        reporter: china,
        partner: here,
        flow: FlowKind::Export,
        hs,
        kg: direct_kg(market, month),
        cents_per_kg,
        truth,
    });
    let kg = arriving(|month| direct_kg(market, month), month);
    told.push(Told { reporter: here, partner: china, flow: FlowKind::Import, hs, kg, cents_per_kg, truth });
    for (number, source) in market.others.iter().enumerate() {
        let kg = other_kg(market, number as u64, month);
        let truth = honest(Kind::OtherSource, 30);
        told.push(Told { reporter: here, partner: *source, flow: FlowKind::Import, hs, kg, cents_per_kg, truth });
    }
}

/// What arrives in a month: most of what left in it, and the rest of what left the month before.
fn arriving(leaving: impl Fn(i32) -> u64, month: i32) -> u64 {
    (leaving(month) * 65 + leaving(month - 1) * 35) / 100
}

fn tell_lane(lane: &Lane, plan: &Plan, month: i32, told: &mut Vec<Told>) {
    let market = plan.market(lane);
    let (china, through, here) = (Country::CHINA, lane.intermediary, market.destination);
    let (hs, cents_per_kg) = (market.good.hs, price(market, market.good, month));
    let at = |month| lane.levels(market, month, plan.months);
    let levels = at(month);
    let mut tell =
        |reporter, partner, flow, hs, kg, truth| told.push(Told { reporter, partner, flow, hs, kg, cents_per_kg, truth });
    let (first_leg, own) = (honest(lane.kind, 1000), outward_truth(lane, &levels));
    tell(china, through, FlowKind::Export, hs, levels.first_leg - levels.hidden, first_leg);
    // The intermediary's customs see more of it than China admits.
    let seen = |levels: Levels| levels.first_leg - levels.hidden / 2;
    tell(through, china, FlowKind::Import, hs, arriving(|month| seen(at(month)), month), first_leg);
    for (number, supplier) in lane.suppliers.iter().enumerate() {
        let part = [50, 30, 20].get(number).copied().unwrap_or(0);
        tell(through, *supplier, FlowKind::Import, hs, levels.supply * part / 100, honest(Kind::OtherSource, 30));
    }
    if let (Some(ore), Some(supplier), true) = (market.good.ore, lane.suppliers.first(), has_ore(lane, market)) {
        tell(through, *supplier, FlowKind::Import, ore, levels.ore, honest(Kind::OtherSource, 0));
    }
    tell(through, here, FlowKind::Export, hs, levels.outward, own);
    let arrived = arriving(|month| at(month).outward, month);
    tell(here, through, FlowKind::Import, hs, arrived, own);
    if lane.kind == Kind::HonestTransit {
        tell(through, here, FlowKind::ReExport, hs, levels.transit, first_leg);
    }
    tell_input(lane, at, month, told);
}

/// Goods of another code that come in for a lane's story.
fn tell_input(lane: &Lane, at: impl Fn(i32) -> Levels, month: i32, told: &mut Vec<Told>) {
    let Some(input) = lane.story.as_ref().and_then(|story| story.input) else { return };
    let (hs, cents_per_kg) = (input.good.hs, input.good.cents_per_kg);
    let (reporter, partner) = (lane.intermediary, input.from);
    let truth = honest(lane.kind, if partner.is_china() { 1000 } else { 0 });
    if partner.is_china() {
        let levels = at(month);
        let kg = levels.input - levels.input_hidden;
        told.push(Told { reporter: partner, partner: reporter, flow: FlowKind::Export, hs, kg, cents_per_kg, truth });
    }
    let seen = |levels: Levels| levels.input - levels.input_hidden / 2;
    let kg = arriving(|month| seen(at(month)), month);
    told.push(Told { reporter, partner, flow: FlowKind::Import, hs, kg, cents_per_kg, truth });
}

fn outward_truth(lane: &Lane, levels: &Levels) -> Truth {
    let scheme = lane.scheme().filter(|_| levels.relabelled > 0);
    Truth { scheme, kind: lane.kind, chinese_permille: levels.chinese * 1000 / levels.outward.max(1) }
}

fn publish(told: &Told, month: Month, noise_permille: u64, rng: &mut Rng) -> Row {
    let kg = rng.around(told.kg, noise_permille);
    // Importers count freight and insurance.
    let cents_per_kg = if told.flow.is_import() { told.cents_per_kg * 106 / 100 } else { told.cents_per_kg };
    let cents = kg * rng.around(cents_per_kg, 60);
    let days = publication_lag_days(told.reporter) + rng.below(4);
    let without_mass = rng.permille(12) && kg > 0;
    let claim = claim(told, month, (kg, cents), days);
    let revised = rng.permille(20).then(|| {
        let kg = rng.around(kg, 30);
        self::claim(told, month, (kg, cents), days + rng.between(28, 150))
    });
    Row { claim: if without_mass { massless(claim) } else { claim }, truth: told.truth, revised }
}

fn claim(told: &Told, month: Month, (kg, cents): (u64, u64), days: u64) -> Claim {
    let flow = TradeFlow {
        reporter: told.reporter,
        partner: told.partner,
        consignment_partner: None,
        flow: told.flow,
        period: Period::month(month),
        hs: told.hs.parse().expect("the tables of the simulator hold HS codes"),
        hs_version: HsVersion::in_force(month.first_day()),
        net_mass: Some(Grams(kg * 1000)),
        quantity: None,
        customs_value: Some(dollars(cents)),
        valuation: Some(if told.flow.is_import() { Valuation::Cif } else { Valuation::Fob }),
    };
    Claim {
        id: flow.id(),
        record: Record::TradeFlow(Box::new(flow)),
        known_from: midnight(month.last_day(), days),
        quality: QualitySet::default(),
        complete: false,
    }
}

fn massless(mut claim: Claim) -> Claim {
    if let Record::TradeFlow(flow) = &mut claim.record {
        flow.net_mass = None;
    }
    claim
}

/// Whole dollars.
pub(super) fn dollars(cents: u64) -> Money {
    Money { amount: Decimal::from(cents / 100), currency: Currency::USD }
}
