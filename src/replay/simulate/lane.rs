//! The stories of a simulated world: which lanes it has, and how much goes over them each month. Masses only; papers are made elsewhere.

use crate::domain::{Country, Month};

use super::firms::{Names, Traders};
use super::goods::{DESTINATIONS, GOODS, Good, TRADERS};
use super::rng::Rng;
use super::stories::{self, Story};
use super::{Scheme, World};

/// What a record is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Chinese goods passed on as the intermediary's.
    Planted(Scheme),
    /// Mine and smelter of its own, running fuller when prices rise.
    Producer,
    /// Ore of third countries, really smelted.
    OreSmelted,
    /// A re-export hub that declares Chinese origin.
    HonestTransit,
    /// Plants that move in over two years, on Chinese inputs.
    Relocation,
    /// More demand from every source.
    DemandShock,
    /// Stocks laid in before a control, used up after it.
    StockBuilding,
    /// Made from the residues of a host metal's ore, as much as the smelter can.
    ByProduct,
    /// Stocks laid in and worked up long before a control, sold after it.
    StockReleased,
    /// China's own sales to a destination.
    Direct,
    /// Other sources of a destination.
    OtherSource,
    /// Everyday goods without a material.
    Ordinary,
}

impl Kind {
    pub(super) fn word(self) -> &'static str {
        match self {
            Kind::Planted(scheme) => scheme.word(),
            Kind::Producer => "producer",
            Kind::OreSmelted => "ore_smelted",
            Kind::HonestTransit => "honest_transit",
            Kind::Relocation => "relocation",
            Kind::DemandShock => "demand_shock",
            Kind::StockBuilding => "stock_building",
            Kind::ByProduct => "by_product",
            Kind::StockReleased => "stock_released",
            Kind::Direct => "direct",
            Kind::OtherSource => "other_source",
            Kind::Ordinary => "ordinary",
        }
    }
}

/// The honest stories of a plain world.
pub(super) const HONEST: &[Kind] =
    &[Kind::Producer, Kind::OreSmelted, Kind::HonestTransit, Kind::Relocation, Kind::DemandShock, Kind::StockBuilding];

/// A good into one destination.
#[derive(Clone, Debug)]
pub(super) struct Market {
    pub(super) good: &'static Good,
    pub(super) destination: Country,
    /// Four sources beside China and the lanes.
    pub(super) others: Vec<Country>,
    /// The month from which China's control binds, counted from the world's first.
    pub(super) event: Option<i32>,
    /// The month from which demand rises.
    pub(super) shock: Option<i32>,
    pub(super) seed: u64,
}

/// That good by way of one intermediary.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    /// Its place among the plan's lanes.
    pub(super) place: usize,
    /// That of its market among the plan's markets.
    pub(super) market: usize,
    pub(super) intermediary: Country,
    pub(super) kind: Kind,
    /// Who else supplies the intermediary.
    pub(super) suppliers: Vec<Country>,
    /// Usual monthly mass, in kg.
    pub(super) base_kg: u64,
    /// How many times `base_kg` is added once the story begins.
    pub(super) surge: u64,
    /// Months between the control and its beginning.
    pub(super) delay: i32,
    pub(super) seed: u64,
    /// What only a wide world has.
    pub(super) story: Option<Story>,
}

/// A month's masses of a lane, in kg.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Levels {
    /// Intermediary to destination, declared as the intermediary's.
    pub(super) outward: u64,
    /// Of `outward`, what was passed on with new papers.
    pub(super) relabelled: u64,
    /// Of `outward`, what is Chinese in content.
    pub(super) chinese: u64,
    /// Intermediary to destination, declared Chinese.
    pub(super) transit: u64,
    /// China to the intermediary.
    pub(super) first_leg: u64,
    /// Other countries to the intermediary, the same good.
    pub(super) supply: u64,
    /// Other countries to the intermediary, ore.
    pub(super) ore: u64,
    /// Goods of another code to the intermediary, for its story.
    pub(super) input: u64,
    /// Of `first_leg` and of `input`, what China's statistics leave out.
    pub(super) hidden: u64,
    pub(super) input_hidden: u64,
}

/// All of a world that does not change from month to month.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) from: Month,
    pub(super) months: i32,
    /// Whether it has the stories, papers and noise of a wide world.
    pub(super) wide: bool,
    /// Thousandths by which a published mass may miss the true one.
    pub(super) noise_permille: u64,
    pub(super) names: Names,
    pub(super) markets: Vec<Market>,
    pub(super) lanes: Vec<Lane>,
}

/// Records of statistics that a lane takes each month, with its part of a market.
const ROWS_PER_LANE: u64 = 11;

pub(super) fn country(code: &str) -> Country {
    code.parse().expect("the tables of the simulator hold ISO codes")
}

impl Plan {
    pub(super) fn new(world: &World) -> Plan {
        let months = world.until.since(world.from).max(0);
        let mut rng = Rng::new(world.seed, &[1]);
        // Statistics take about half of the records, shipments the rest.
        let affordable = world.records / 2 / ROWS_PER_LANE / u64::try_from(months).unwrap_or(0).max(1);
        let places: Vec<(&'static Good, &'static str)> =
            GOODS.iter().flat_map(|good| DESTINATIONS.iter().map(move |d| (good, *d))).collect();
        let lanes_max = places.len() as u64 * 5;
        let wanted = usize::try_from(affordable.clamp(1, lanes_max)).unwrap_or(1);
        let noise_permille = 120 + world.mix.map_or(0, |mix| 180 * mix.difficulty.permille() / 1000);
        let mut plan = Plan {
            seed: world.seed,
            from: world.from,
            months,
            wide: world.mix.is_some(),
            noise_permille,
            names: Names::new(world.seed),
            markets: Vec::new(),
            lanes: Vec::new(),
        };
        plan.markets = markets(&plan, places, wanted.div_ceil(2), &mut rng);
        plan.lanes = match &world.mix {
            Some(mix) => stories::lanes(&plan, wanted, world, mix, &mut rng),
            None => lanes(&plan, wanted, world.schemes.contains(&Scheme::Relabel), &mut rng),
        };
        plan.choose_other_sources();
        for lane in plan.lanes.iter().filter(|lane| lane.kind == Kind::DemandShock) {
            if let Some(market) = plan.markets.get_mut(lane.market) {
                market.shock = Some(market.event.unwrap_or(months / 2));
            }
        }
        plan
    }

    pub(super) fn month(&self, index: i32) -> Month {
        self.from.plus(index)
    }

    pub(super) fn market(&self, lane: &Lane) -> &Market {
        self.markets.get(lane.market).expect("lanes are made for markets of their plan")
    }
}

fn markets(plan: &Plan, mut places: Vec<(&'static Good, &'static str)>, wanted: usize, rng: &mut Rng) -> Vec<Market> {
    rng.shuffle(&mut places);
    // One market of every good first, so that a small world holds many families.
    let mut seen = Vec::new();
    places.sort_by_cached_key(|(good, _)| {
        seen.push(good.hs);
        seen.iter().filter(|hs| **hs == good.hs).count()
    });
    let market = |(good, destination): (&'static Good, &'static str)| {
        let own = good.control_into.filter(|(into, _)| *into == destination).map(|(_, when)| when);
        let event = own.or(good.control).map(|(year, number)| {
            let date = jiff::civil::date(year, number, 1);
            Month::of(date).since(plan.from)
        });
        Market {
            good,
            destination: country(destination),
            others: Vec::new(),
            event: event.filter(|event| (6..plan.months - 2).contains(event)),
            shock: None,
            seed: rng.next(),
        }
    };
    places.into_iter().take(wanted).map(market).collect()
}

fn lanes(plan: &Plan, wanted: usize, relabel: bool, rng: &mut Rng) -> Vec<Lane> {
    let mut lanes: Vec<Lane> = Vec::new();
    let mut honest = HONEST.to_vec();
    rng.shuffle(&mut honest);
    for number in 0..wanted {
        let market_index = number % plan.markets.len().max(1);
        let Some(market) = plan.markets.get(market_index) else { break };
        // Every good has one lane an intermediary: the first leg of two lanes could not be told apart.
        let same = |good: &Good| good.hs == market.good.hs || good.ore.is_some() && good.ore == market.good.ore;
        let taken = |code: &&str| lanes.iter().any(|lane| lane.intermediary.code() == *code && same(plan.market(lane).good));
        let free: Vec<&str> = TRADERS.iter().copied().filter(|code| !taken(code)).collect();
        if free.is_empty() {
            continue;
        }
        let intermediary = country(rng.pick::<&str>(&free));
        let planted =
            relabel && market.event.is_some() && number % 5 != 1 && (number / plan.markets.len().max(1)).is_multiple_of(2);
        let kind = if planted {
            Kind::Planted(Scheme::Relabel)
        } else {
            honest.get(number % honest.len()).copied().unwrap_or(Kind::Producer)
        };
        let mut suppliers: Vec<&str> = TRADERS.iter().copied().filter(|code| *code != intermediary.code()).collect();
        rng.shuffle(&mut suppliers);
        lanes.push(Lane {
            place: lanes.len(),
            market: market_index,
            intermediary,
            kind,
            suppliers: suppliers.into_iter().take(3).map(country).collect(),
            base_kg: rng.around(market.good.month_kg, 500),
            surge: rng.between(5, 20),
            delay: i32::try_from(rng.between(0, 2)).unwrap_or(0),
            seed: rng.next(),
            story: None,
        });
    }
    lanes
}

impl Plan {
    /// Chooses each market's other sources among countries that no lane of its good uses.
    fn choose_other_sources(&mut self) {
        let used: Vec<(&'static str, Country)> =
            self.lanes.iter().map(|lane| (self.market(lane).good.hs, lane.intermediary)).collect();
        for market in &mut self.markets {
            let free = |code: &&&str| !used.contains(&(market.good.hs, country(code)));
            let mut free: Vec<&str> = TRADERS.iter().filter(free).copied().collect();
            Rng::new(market.seed, &[2]).shuffle(&mut free);
            market.others = free.into_iter().take(4).map(country).collect();
        }
    }
}

/// Thousandths by which demand of a market stands above its usual level.
pub(super) fn demand_permille(market: &Market, month: i32) -> u64 {
    match market.shock {
        Some(shock) if month >= shock => 2400,
        _ => 1000,
    }
}

/// China's own sales to the destination of a market, in kg.
pub(super) fn direct_kg(market: &Market, month: i32) -> u64 {
    let usual = market.good.month_kg * 20 * demand_permille(market, month) / 1000;
    let permille = match market.event {
        // Buyers lay in stocks when a control is in the air.
        Some(event) if (event - 2..event).contains(&month) => 1300,
        Some(event) if month >= event => Rng::new(market.seed, &[3]).below(90),
        _ => 1000,
    };
    usual * permille / 1000
}

/// One other source's sales to the destination of a market, in kg.
pub(super) fn other_kg(market: &Market, source: u64, month: i32) -> u64 {
    let share = Rng::new(market.seed, &[4, source]).between(1500, 6000);
    market.good.month_kg * share / 1000 * demand_permille(market, month) / 1000
}

impl Lane {
    /// What is planted on it, if anything.
    pub(super) fn scheme(&self) -> Option<Scheme> {
        match self.kind {
            Kind::Planted(scheme) => Some(scheme),
            _ => None,
        }
    }

    /// Who sends its goods.
    pub(super) fn traders(&self) -> Traders {
        Traders::of_lane(self.place, self.seed)
    }

    /// The masses of a month, counted from the world's first.
    pub(super) fn levels(&self, market: &Market, month: i32, months: i32) -> Levels {
        match &self.story {
            Some(story) => story.levels(self, market, month, months),
            None => self.plain_levels(market, month, months),
        }
    }

    /// A month without a story.
    pub(super) fn usual(&self) -> Levels {
        let base = self.base_kg;
        Levels { outward: base, chinese: base / 10, first_leg: base * 2, supply: base * 3 / 2, ..Levels::default() }
    }

    /// The masses of a month in a plain world.
    pub(super) fn plain_levels(&self, market: &Market, month: i32, months: i32) -> Levels {
        let base = self.base_kg;
        let since = market.event.map(|event| month - event);
        let usual = self.usual();
        match self.kind {
            Kind::Planted(_) => self.relabelled(usual, since),
            Kind::Producer => {
                let fuller = if since.is_some_and(|since| since >= 0) { 1350 } else { 1000 };
                let outward = base * 8 * fuller / 1000;
                Levels { outward, chinese: outward / 50, first_leg: base / 2, supply: base, ore: base * 2, ..usual }
            }
            Kind::OreSmelted => {
                let added = self.added(since, 0);
                // A tonne of metal takes nearly two of concentrate, bought a month before.
                let ore = base + self.added(since, 1) * 19 / 10;
                Levels { outward: base + added, ore, supply: if market.good.ore.is_some() { usual.supply } else { ore }, ..usual }
            }
            Kind::HonestTransit => Levels { transit: base * 8, first_leg: base * 11, ..usual },
            Kind::Relocation => {
                let begun = u64::try_from((month - months / 6).clamp(0, 20)).unwrap_or(0);
                let outward = base + base * begun * self.surge.min(8) / 20;
                Levels { outward, chinese: outward / 2, first_leg: base + outward * 55 / 100, ..usual }
            }
            Kind::DemandShock => {
                let outward = base * 4 * demand_permille(market, month) / 1000;
                Levels { outward, supply: outward, first_leg: base * 2 * (1000 + demand_permille(market, month)) / 2000, ..usual }
            }
            _ => self.stocked(usual, since),
        }
    }

    fn relabelled(&self, usual: Levels, since: Option<i32>) -> Levels {
        let relabelled = self.added(since, 0);
        let first_leg = usual.first_leg + self.added(since, 1) * 103 / 100;
        Levels { outward: usual.outward + relabelled, relabelled, chinese: usual.chinese + relabelled, first_leg, ..usual }
    }

    fn stocked(&self, usual: Levels, since: Option<i32>) -> Levels {
        let (first_leg, outward) = match since {
            Some(-2 | -1) => (usual.first_leg * 5, usual.outward),
            Some(0..=6) => (usual.first_leg * 3 / 10, usual.outward * 13 / 10),
            Some(7..) => (usual.first_leg * 7 / 10, usual.outward),
            _ => (usual.first_leg, usual.outward),
        };
        Levels { first_leg, outward, ..usual }
    }

    /// What a story adds to the usual mass `ahead` months later: nothing, then half, then all, for as long as the world lasts.
    fn added(&self, since: Option<i32>, ahead: i32) -> u64 {
        let permille = match since.map(|since| since + ahead - self.delay) {
            Some(0) => 500,
            Some(1..) => 1000,
            _ => 0,
        };
        self.base_kg * self.surge * permille / 1000
    }
}
