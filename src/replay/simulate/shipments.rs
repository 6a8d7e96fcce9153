//! Single consignments of a simulated month: papers, routes, boxes, parties with made-up names. No real firm appears.

use crate::domain::{
    BillOfLading, Claim, Container, ContainerNumber, Country, Date, FlowKind, Grams, HsVersion, Party, Port, QualitySet, Record,
    Role, Shipment, Status, Valuation,
};

use super::Truth;
use super::bundles::companions;
use super::firms::{Firm, Traders, bill};
use super::flows::{dollars, midnight, price};
use super::goods::{Good, ORDINARY, TRADERS, ports};
use super::lane::{Kind, Lane, Levels, Market, Plan, direct_kg, other_kg};
use super::rng::Rng;
use super::stories::Input;

/// A shipment, its truth, and maybe the same shipment again: amended, withdrawn, or told twice.
pub(super) struct Draft {
    pub(super) claim: Claim,
    pub(super) truth: Truth,
    pub(super) later: Option<Claim>,
    /// What travels with it, of ids of its own.
    pub(super) companions: Vec<(Claim, Truth)>,
}

/// A month's legs with their weights.
pub(super) struct MonthOfLanes<'a> {
    plan: &'a Plan,
    index: i32,
    /// Sums of weights up to and with each leg.
    legs: Vec<(u64, Leg<'a>)>,
}

#[derive(Clone, Copy)]
enum Leg<'a> {
    Outward(&'a Lane, Levels),
    Inward(&'a Lane),
    Input(&'a Lane, Input),
    Transit(&'a Lane),
    Direct(&'a Market),
    Other(&'a Market, Country, Traders),
}

/// What the papers say of a consignment, and what is true of it.
pub(super) struct Papers {
    pub(super) good: &'static Good,
    pub(super) origin: Country,
    pub(super) consignment: Country,
    pub(super) destination: Country,
    pub(super) receipt: Option<&'static str>,
    pub(super) lading: Option<&'static str>,
    pub(super) transit: Option<&'static str>,
    pub(super) cents_per_kg: u64,
    pub(super) shipper: Firm,
    pub(super) consignee: Firm,
    pub(super) truth: Truth,
}

impl<'a> MonthOfLanes<'a> {
    pub(super) fn new(plan: &'a Plan, index: i32) -> MonthOfLanes<'a> {
        let mut legs = Vec::new();
        let mut sum = 0;
        let mut add = |kg: u64, good: &Good, leg| {
            sum += kg * 100 / good.month_kg.max(1);
            legs.push((sum, leg));
        };
        for lane in &plan.lanes {
            let market = plan.market(lane);
            let levels = lane.levels(market, index, plan.months);
            add(levels.outward, market.good, Leg::Outward(lane, levels));
            add(levels.first_leg, market.good, Leg::Inward(lane));
            add(levels.transit, market.good, Leg::Transit(lane));
            if let Some(input) = lane.story.as_ref().and_then(|story| story.input) {
                // Machines and host ores weigh more than the goods made with them: they count as one usual month.
                let kg = if lane.scheme().is_some() { levels.input } else { levels.input.min(market.good.month_kg) };
                add(kg, market.good, Leg::Input(lane, input));
            }
        }
        for (place, market) in plan.markets.iter().enumerate() {
            // Of the direct trade, a part: manifests in reach cover it less well.
            add(direct_kg(market, index) / 6, market.good, Leg::Direct(market));
            for (number, source) in market.others.iter().enumerate() {
                let traders = Traders::of_source(&plan.lanes, (place, number), market.seed);
                add(other_kg(market, number as u64, index) / 3, market.good, Leg::Other(market, *source, traders));
            }
        }
        MonthOfLanes { plan, index, legs }
    }

    /// The shipment with this number.
    pub(super) fn shipment(&self, number: u64) -> Draft {
        let mut rng = Rng::new(self.plan.seed, &[6, number]);
        let papers = if rng.permille(180) { self.ordinary(&mut rng) } else { self.of_a_leg(&mut rng) };
        let day = i8::try_from(rng.between(1, 28)).unwrap_or(1);
        let event_date = self.plan.month(self.index).first_day().with().day(day).build().expect("every month has 28 days");
        let first = (bill(self.plan.seed, number, false), event_date);
        let mut claim = claim((self.plan, &papers), first, &mut rng);
        let companions = if self.plan.wide {
            companions((self.plan, &papers), &mut claim, (number, event_date), &mut rng)
        } else {
            Vec::new()
        };
        let later = match rng.below(1000) {
            0..12 => Some(amended(&claim, event_date, &mut rng)),
            12..22 => Some(Claim { known_from: midnight(event_date, rng.between(15, 20)), ..claim.clone() }),
            22..26 => Some(withdrawn(&claim, event_date, &mut rng)),
            _ => None,
        };
        Draft { claim, truth: papers.truth, later, companions }
    }

    fn of_a_leg(&self, rng: &mut Rng) -> Papers {
        let drawn = rng.below(self.legs.last().map_or(0, |(sum, _)| *sum));
        let place = self.legs.partition_point(|(sum, _)| *sum <= drawn);
        let china = Country::CHINA;
        let truth = |kind, chinese_permille| Truth { scheme: None, kind, chinese_permille };
        match self.legs.get(place).map(|(_, leg)| *leg) {
            Some(Leg::Outward(lane, levels)) => self.outward(lane, &levels, rng),
            Some(Leg::Inward(lane)) => {
                let papers = self.plain(self.plan.market(lane), (china, china, lane.intermediary), rng);
                let consignee = self.importer(lane, &papers, rng);
                Papers { shipper: Firm::of_all_trade(lane.seed), consignee, truth: truth(lane.kind, 1000), ..papers }
            }
            Some(Leg::Input(lane, input)) => {
                let papers = self.plain(self.plan.market(lane), (input.from, input.from, lane.intermediary), rng);
                let (good, consignee) = (input.good, self.importer(lane, &papers, rng));
                let truth = truth(lane.kind, if input.from.is_china() { 1000 } else { 0 });
                let shipper = Firm::of_all_trade(lane.seed);
                Papers { good, cents_per_kg: good.cents_per_kg, shipper, consignee, truth, ..papers }
            }
            Some(Leg::Transit(lane)) => {
                let market = self.plan.market(lane);
                let papers = self.plain(market, (china, lane.intermediary, market.destination), rng);
                let receipt = rng.permille(500).then(|| port(china, rng)).flatten();
                Papers { receipt, truth: truth(lane.kind, 1000), ..papers }
            }
            Some(Leg::Direct(market)) => {
                let papers = self.plain(market, (china, china, market.destination), rng);
                Papers { truth: truth(Kind::Direct, 1000), ..papers }
            }
            Some(Leg::Other(market, source, traders)) => {
                let papers = self.plain(market, (source, source, market.destination), rng);
                let shipper = self.sender(traders, papers.shipper.drawn());
                through_a_chinese_port(Papers { shipper, truth: truth(Kind::OtherSource, 30), ..papers }, rng)
            }
            None => self.ordinary(rng),
        }
    }

    fn outward(&self, lane: &Lane, levels: &Levels, rng: &mut Rng) -> Papers {
        let market = self.plan.market(lane);
        let papers = self.plain(market, (lane.intermediary, lane.intermediary, market.destination), rng);
        let papers = Papers { shipper: self.sender(lane.traders(), papers.shipper.drawn()), ..papers };
        let of_planted = lane.story.as_ref().map_or(1000, |story| story.chinese_permille);
        if rng.below(levels.outward.max(1)) >= levels.relabelled {
            let own = levels.outward - levels.relabelled;
            let chinese_permille = (levels.chinese - levels.relabelled * of_planted / 1000) * 1000 / own.max(1);
            let truth = Truth { scheme: None, kind: lane.kind, chinese_permille };
            return through_a_chinese_port(Papers { truth, ..papers }, rng);
        }
        let truth = Truth { scheme: lane.scheme(), kind: lane.kind, chinese_permille: of_planted };
        // Some papers still show where the goods came from; most do not.
        let shown = lane.story.as_ref().map_or(400, |story| story.honesty);
        let drawn = rng.below(1000);
        let (receipt, lading) = if drawn < shown * 3 / 4 {
            (port(Country::CHINA, rng), papers.lading)
        } else if drawn < shown {
            (None, port(Country::CHINA, rng))
        } else {
            (papers.receipt, papers.lading)
        };
        // The firms that send the lane's own goods, for those that buy them: names tell nothing. Unless it all goes through one.
        let one_of_some = self.sender(lane.traders(), rng.below(3));
        let shipper = lane.story.as_ref().and_then(|story| story.firm).unwrap_or(one_of_some);
        Papers { receipt, lading, shipper, truth, ..papers }
    }

    /// Who buys what comes in for a lane: as often as not one of the firms that send its goods, whatever its story.
    fn importer(&self, lane: &Lane, papers: &Papers, rng: &mut Rng) -> Firm {
        let drawn = papers.shipper.drawn();
        let one_of_some = self.sender(lane.traders(), drawn / 2);
        let usual = if drawn.is_multiple_of(2) { one_of_some } else { papers.consignee };
        // Who passes goods on buys them itself, more often than not, and nothing before there is something to pass on.
        let is_own = lane.scheme().is_some() && rng.permille(600);
        let is_idle = || lane.levels(self.plan.market(lane), self.index + 1, self.plan.months).relabelled == 0;
        if !is_own || is_idle() {
            return usual;
        }
        lane.story.as_ref().and_then(|story| story.firm).unwrap_or(one_of_some)
    }

    fn sender(&self, traders: Traders, drawn: u64) -> Firm {
        traders.sender(drawn, (self.index, self.plan.months))
    }

    /// Papers from origin by way of a country to a destination, as an honest trader would write them.
    fn plain(&self, market: &Market, (origin, consignment, destination): (Country, Country, Country), rng: &mut Rng) -> Papers {
        let lading = port(consignment, rng);
        Papers {
            good: market.good,
            origin,
            consignment,
            destination,
            receipt: lading.filter(|_| rng.permille(400)),
            lading,
            transit: None,
            cents_per_kg: price(market, market.good, self.index),
            shipper: Firm::of_all_trade(rng.below(900)),
            consignee: Firm::of_all_trade(market.seed % 600 + rng.below(6)),
            truth: Truth { scheme: None, kind: Kind::Ordinary, chinese_permille: 0 },
        }
    }

    fn ordinary(&self, rng: &mut Rng) -> Papers {
        let good = rng.pick(ORDINARY);
        let trader: Country = rng.pick(TRADERS).parse().expect("the tables of the simulator hold ISO codes");
        let destination = rng.pick(super::goods::DESTINATIONS).parse().expect("the tables of the simulator hold ISO codes");
        let (origin, consignment) = match rng.below(10) {
            0..4 => (Country::CHINA, Country::CHINA),
            4..6 => (Country::CHINA, trader),
            _ => (trader, trader),
        };
        let lading = port(consignment, rng);
        let papers = Papers {
            good,
            origin,
            consignment,
            destination,
            receipt: lading.filter(|_| rng.permille(400)),
            lading,
            transit: None,
            cents_per_kg: good.cents_per_kg,
            shipper: Firm::everyday(consignment, rng.below(900)),
            consignee: Firm::everyday(destination, rng.below(900)),
            truth: Truth { scheme: None, kind: Kind::Ordinary, chinese_permille: if origin.is_china() { 1000 } else { 200 } },
        };
        if origin.is_china() { papers } else { through_a_chinese_port(papers, rng) }
    }
}

/// Honest goods too change vessel at a great port, or are loaded there.
fn through_a_chinese_port(papers: Papers, rng: &mut Rng) -> Papers {
    match rng.below(1000) {
        0..40 => Papers { transit: port(Country::CHINA, rng), ..papers },
        40..52 => Papers { lading: port(Country::CHINA, rng), ..papers },
        _ => papers,
    }
}

fn port(country: Country, rng: &mut Rng) -> Option<&'static str> {
    let ports = ports(country);
    (!ports.is_empty()).then(|| *rng.pick(ports))
}

/// A consignment's bill.
pub(super) fn claim((plan, papers): (&Plan, &Papers), (bill, event_date): (u64, Date), rng: &mut Rng) -> Claim {
    let kg = rng.around(papers.good.lot_kg, 150).max(1);
    let boxes = kg / 24_000 + 1;
    let gross = kg + kg / 80 + boxes * 20;
    let origin_told = rng.permille(960);
    let weighed = rng.permille(985);
    let master = format!("EXAM{bill:09}");
    let digits = if rng.permille(500) { "0000" } else { "" };
    let located =
        |code: Option<&'static str>| code.map(|code| code.parse::<Port>().expect("the tables of the simulator hold UN/LOCODEs"));
    let shipment = Shipment {
        revision: 1,
        status: Status::Active,
        event_date,
        flow: FlowKind::Import,
        reporter: None,
        hs: format!("{}{digits}", papers.good.hs).parse().expect("the tables of the simulator hold HS codes"),
        hs_version: HsVersion::in_force(event_date),
        description: Some(papers.good.description.to_owned()),
        marks: None,
        country_of_origin: Some(papers.origin).filter(|_| origin_told),
        country_of_consignment: Some(papers.consignment),
        destination: papers.destination,
        place_of_receipt: located(papers.receipt),
        port_of_lading: located(papers.lading),
        country_of_lading: None,
        transit_ports: located(papers.transit).into_iter().collect(),
        port_of_unlading: located(port(papers.destination, rng)),
        net_mass: Some(Grams(kg * 1000)).filter(|_| weighed),
        gross_mass: Some(Grams(gross * 1000)).filter(|_| weighed),
        quantity: None,
        customs_value: rng.permille(700).then(|| dollars(kg * rng.around(papers.cents_per_kg, 120))),
        valuation: None,
        bill_of_lading: Some(BillOfLading { master: Some(master.clone()), house: None }),
        containers: (0..boxes).map(|_| container(rng)).collect(),
        parties: vec![
            party(plan, Role::Shipper, (papers.shipper, papers.consignment)),
            party(plan, Role::Consignee, (papers.consignee, papers.destination)),
        ],
    };
    let shipment = Shipment { valuation: shipment.customs_value.map(|_| Valuation::Fob), ..shipment };
    Claim {
        id: format!("{master}/1"),
        record: Record::Shipment(Box::new(shipment)),
        known_from: midnight(event_date, rng.between(3, 14)),
        quality: QualitySet::default(),
        complete: false,
    }
}

fn party(plan: &Plan, role: Role, (firm, country): (Firm, Country)) -> Party {
    Party { role, name: Some(plan.names.name(firm, country)), identifier: None, country: Some(country) }
}

/// A box of an owner that does not exist, with the check digit of ISO 6346.
fn container(rng: &mut Rng) -> Container {
    let body = format!("{}{:06}", rng.pick(&["EXAU", "EXBU", "EXCU", "EXDU"]), rng.below(1_000_000));
    let numbers = (0..10).filter_map(|digit| format!("{body}{digit}").parse::<ContainerNumber>().ok());
    let number = numbers.into_iter().find(ContainerNumber::check_digit_holds).expect("one of ten digits is the check digit");
    let packages = u32::try_from(rng.between(8, 24)).unwrap_or(20);
    Container { number, seal: Some(format!("X{:06}", rng.below(1_000_000))), packages: Some(packages), empty: Some(false) }
}

fn amended(claim: &Claim, event_date: Date, rng: &mut Rng) -> Claim {
    let mut amended = Claim { known_from: midnight(event_date, rng.between(15, 50)), ..claim.clone() };
    if let Record::Shipment(shipment) = &mut amended.record {
        shipment.revision = 2;
        shipment.net_mass = shipment.net_mass.map(|mass| Grams(rng.around(mass.0 / 1000, 40) * 1000));
        shipment.gross_mass = shipment.net_mass.map(|mass| Grams(mass.0 + mass.0 / 80_000 * 1000));
    }
    amended
}

fn withdrawn(claim: &Claim, event_date: Date, rng: &mut Rng) -> Claim {
    let mut withdrawn = Claim { known_from: midnight(event_date, rng.between(15, 50)), ..claim.clone() };
    if let Record::Shipment(shipment) = &mut withdrawn.record {
        shipment.revision = 2;
        shipment.status = Status::Cancelled;
    }
    withdrawn
}
