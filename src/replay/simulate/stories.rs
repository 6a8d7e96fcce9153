//! The stories of a wide world: schemes and look-alikes, and how hard they are to tell apart. Masses only; papers are made elsewhere.

use crate::domain::Country;

use super::firms::Firm;
use super::goods::{Good, HOST_ORE, MACHINES, TRADERS, codes, related};
use super::lane::{HONEST, Kind, Lane, Levels, Market, Plan, country};
use super::mix::Mix;
use super::rng::Rng;
use super::{Scheme, World};

/// The honest stories: those of a plain world and two more.
const LOOK_ALIKES: &[Kind] = &[Kind::ByProduct, Kind::StockReleased];

/// What a lane of a wide world has beside a plain one's.
#[derive(Clone, Debug)]
pub(super) struct Story {
    /// Other goods that come in for it.
    pub(super) input: Option<Input>,
    /// The one firm through which it all goes; many where none.
    pub(super) firm: Option<Firm>,
    /// Thousandths of what a scheme passes on that are Chinese.
    pub(super) chinese_permille: u64,
    /// Thousandths of a scheme's shipments and tonnes that the papers admit.
    pub(super) honesty: u64,
    /// Monthly mass of what is added at its full height, in kg.
    full_kg: u64,
    /// Months until it is that high.
    ramp: u64,
    /// The month in which plants begin to work, of a relocation.
    opening: i32,
    hop: Option<Hop>,
}

/// Goods that come into the intermediary under another code than they leave it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input {
    pub(super) good: &'static Good,
    pub(super) from: Country,
    /// Of it, for a thousand of what is made.
    permille: u64,
}

/// From one intermediary to the next.
#[derive(Clone, Copy, Debug)]
struct Hop {
    /// Months after the scheme began.
    at: u64,
    to: bool,
}

impl Story {
    /// What is added to the usual mass that many months after the control.
    fn added(&self, lane: &Lane, since: Option<i32>) -> u64 {
        let Some(Ok(step)) = since.map(|since| u64::try_from(since - lane.delay)) else { return 0 };
        let all = self.full_kg * (step + 1).min(self.ramp + 1) / (self.ramp + 1);
        let Some(hop) = self.hop else { return all };
        // The two lanes of a hop add up to what one alone would carry.
        let gone = all * (step + 1).saturating_sub(hop.at).min(2) / 2;
        if hop.to { gone } else { all - gone }
    }

    /// The masses of a month, counted from the world's first.
    pub(super) fn levels(&self, lane: &Lane, market: &Market, month: i32, months: i32) -> Levels {
        let base = lane.base_kg;
        let since = market.event.map(|event| month - event);
        match lane.kind {
            Kind::Planted(scheme) => self.planted(lane, scheme, since),
            Kind::Relocation => self.relocated(lane, month),
            Kind::ByProduct => {
                let outward = base * 4 + self.added(lane, since);
                let input = self.input.map_or(0, |input| outward * input.permille / 1000);
                Levels { outward, chinese: outward / 50, first_leg: base / 4, supply: base / 2, input, ..Levels::default() }
            }
            Kind::StockReleased => {
                let (outward, first_leg, supply) = match month - market.event.unwrap_or(months / 2) {
                    -10..=-1 => (base / 10, base * 3, base * 5),
                    0..=11 => (base * 6, base / 20, base / 20),
                    _ => (base / 2, base / 4, base / 2),
                };
                Levels { outward, chinese: outward * 3 / 8, first_leg, supply, ..Levels::default() }
            }
            _ => lane.plain_levels(market, month, months),
        }
    }

    fn planted(&self, lane: &Lane, scheme: Scheme, since: Option<i32>) -> Levels {
        let usual = lane.usual();
        let passed_on = self.added(lane, since);
        // What leaves next month comes in this month.
        let coming = self.added(lane, since.map(|since| since + 1));
        let chinese = usual.chinese + passed_on * self.chinese_permille / 1000;
        let leg = coming * self.chinese_permille / 1000;
        let levels = Levels { outward: usual.outward + passed_on, relabelled: passed_on, chinese, ..usual };
        if let Some(input) = self.input {
            let leg = leg * input.permille / 1000;
            return Levels { input: leg, input_hidden: self.hidden(leg), ..levels };
        }
        let leg = leg * 103 / 100;
        let mixed_in = if scheme == Scheme::CoMingling { coming * (1000 - self.chinese_permille) / 1000 } else { 0 };
        Levels { first_leg: usual.first_leg + leg, hidden: self.hidden(leg), supply: usual.supply + mixed_in, ..levels }
    }

    fn hidden(&self, kg: u64) -> u64 {
        kg * (1000 - self.honesty) / 1000
    }

    /// Machines first, then a slow rise, while inputs are bought ever less from China.
    fn relocated(&self, lane: &Lane, month: i32) -> Levels {
        const MONTHS: u64 = 24;
        let base = lane.base_kg;
        let grown = u64::try_from(month - self.opening).unwrap_or(0).min(MONTHS);
        let outward = base + base * lane.surge.min(8) * grown / MONTHS;
        let chinese = outward * (800 - 550 * grown / MONTHS) / 1000;
        let machines = (self.opening - 9..self.opening).contains(&month);
        Levels {
            outward,
            chinese,
            first_leg: chinese + base / 2,
            supply: outward - chinese + base / 2,
            input: if machines { 5 * MACHINES.lot_kg } else { 0 },
            ..Levels::default()
        }
    }
}

/// The lanes of a wide world: honest ones, of which some are then given to schemes.
pub(super) fn lanes(plan: &Plan, wanted: usize, world: &World, mix: &Mix, rng: &mut Rng) -> Vec<Lane> {
    let mut honest = [HONEST, LOOK_ALIKES].concat();
    rng.shuffle(&mut honest);
    let mut lanes: Vec<Lane> = Vec::new();
    for number in 0..wanted {
        let market_index = number % plan.markets.len().max(1);
        let Some(market) = plan.markets.get(market_index) else { break };
        // No two lanes of an intermediary share a code, of whatever stage: their flows could not be told apart.
        let shared = |lane: &Lane| codes(plan.market(lane).good).iter().any(|hs| codes(market.good).contains(hs));
        let taken = |code: &&str| lanes.iter().any(|lane| lane.intermediary.code() == *code && shared(lane));
        let free: Vec<&str> = TRADERS.iter().copied().filter(|code| !taken(code)).collect();
        if free.is_empty() {
            continue;
        }
        let intermediary = country(rng.pick::<&str>(&free));
        // Machines and host ores are of no family: one lane of an intermediary takes them.
        let told = |kind: Kind| {
            let one_only = matches!(kind, Kind::Relocation | Kind::ByProduct);
            one_only && lanes.iter().any(|lane| lane.intermediary == intermediary && lane.kind == kind)
        };
        // What nobody mines under a code of its own, nobody smelts.
        let lacks_ore = |kind: Kind| matches!(kind, Kind::Producer | Kind::OreSmelted) && market.good.ore.is_none();
        let turn = honest.iter().cycle().skip(number % honest.len()).take(honest.len());
        let kind = turn.copied().find(|kind| !told(*kind) && !lacks_ore(*kind)).unwrap_or(Kind::DemandShock);
        let place = lanes.len();
        lanes.push(Lane { place, ..lane(plan, (market_index, intermediary, kind), mix, rng) });
    }
    plant(plan, &mut lanes, world, mix, rng);
    lanes
}

fn lane(plan: &Plan, (market, intermediary, kind): (usize, Country, Kind), mix: &Mix, rng: &mut Rng) -> Lane {
    let (good, event) = plan.markets.get(market).map(|market| (market.good, market.event)).expect("a lane lies in a market");
    let mut suppliers: Vec<&str> = TRADERS.iter().copied().filter(|code| *code != intermediary.code()).collect();
    rng.shuffle(&mut suppliers);
    let suppliers: Vec<Country> = suppliers.into_iter().take(3).map(country).collect();
    let hard = mix.difficulty.permille();
    let base_kg = rng.around(good.month_kg, 500);
    let surge = rng.between(5 - 4 * hard / 1000, 20 - 16 * hard / 1000);
    let room = event.map_or(0, |event| u64::try_from(plan.months - event).unwrap_or(0));
    let delay = i32::try_from(rng.between(0, 2 + 4 * hard / 1000).min(room / 4)).unwrap_or(0);
    let opening = plan.months / 3 + i32::try_from(rng.below(6)).unwrap_or(0);
    let input = match kind {
        Kind::Relocation => Some(Input { good: &MACHINES, from: Country::CHINA, permille: 0 }),
        Kind::ByProduct => suppliers.first().map(|from| Input { good: &HOST_ORE, from: *from, permille: 12_000 }),
        _ => None,
    };
    let story = Story {
        input,
        firm: None,
        chinese_permille: 1000,
        honesty: mix.honesty.permille(),
        full_kg: if kind == Kind::ByProduct { base_kg * 3 } else { base_kg * surge },
        ramp: (1 + 8 * hard / 1000).min(room / 3),
        opening,
        hop: None,
    };
    Lane { place: 0, market, intermediary, kind, suppliers, base_kg, surge, delay, seed: rng.next(), story: Some(story) }
}

/// Gives a share of the lanes to schemes, each scheme in turn.
fn plant(plan: &Plan, lanes: &mut [Lane], world: &World, mix: &Mix, rng: &mut Rng) {
    let mut schemes = world.schemes.clone();
    schemes.sort_unstable();
    schemes.dedup();
    rng.shuffle(&mut schemes);
    let markets: Vec<usize> = lanes.iter().map(|lane| lane.market).collect();
    let bears = |(_, lane): &(usize, &Lane)| plan.market(lane).event.is_some();
    let mut free: Vec<usize> = lanes.iter().enumerate().filter(bears).map(|(place, _)| place).collect();
    rng.shuffle(&mut free);
    let wanted = mix.wanted(markets.len());
    let mut planted = 0;
    while planted < wanted && !schemes.is_empty() {
        let Some(first) = free.pop() else { break };
        let second = free.iter().position(|other| markets.get(*other) == markets.get(first));
        // A hop takes two lanes of one market, and two of what is left to plant; where nothing else is asked for there are two at least.
        let has_two = second.is_some() && (wanted - planted >= 2 || planted == 0 && schemes.len() == 1);
        let fits = |scheme: &Scheme| *scheme != Scheme::Hopping || has_two;
        let Some(turn) = schemes.iter().position(fits) else { continue };
        let scheme = schemes.remove(turn);
        schemes.push(scheme);
        planted += 1;
        begin(plan, lanes, first, scheme, rng);
        if let (Scheme::Hopping, Some(second)) = (scheme, second) {
            planted += 1;
            hop(plan, lanes, (first, free.swap_remove(second)));
        }
    }
}

fn begin(plan: &Plan, lanes: &mut [Lane], place: usize, scheme: Scheme, rng: &mut Rng) {
    let Some(lane) = lanes.get_mut(place) else { return };
    let good = plan.market(lane).good;
    lane.kind = Kind::Planted(scheme);
    let unseen = lane.traders().unseen();
    let Some(story) = &mut lane.story else { return };
    story.full_kg = lane.base_kg * lane.surge;
    let related = related(good).expect("every good that is controlled has related goods");
    story.input = match scheme {
        Scheme::MinorProcessing => Some(Input { good: &related.before, from: Country::CHINA, permille: related.permille }),
        Scheme::CodeChange => Some(Input { good: &related.beside, from: Country::CHINA, permille: 1030 }),
        _ => None,
    };
    match scheme {
        Scheme::CoMingling => story.chinese_permille = rng.between(250, 700),
        Scheme::NewFirm | Scheme::Hopping => story.firm = Some(unseen),
        _ => {}
    }
}

/// The trade of the first lane goes over to the second, with its firm.
fn hop(plan: &Plan, lanes: &mut [Lane], (first, second): (usize, usize)) {
    let Some(from) = lanes.get_mut(first) else { return };
    let room = plan.market(from).event.map_or(0, |event| plan.months - event - from.delay);
    let at = u64::try_from(room / 2).unwrap_or(0).clamp(1, 9);
    let (kind, delay) = (from.kind, from.delay);
    let Some(story) = &mut from.story else { return };
    let going = Story { hop: Some(Hop { at, to: true }), ..story.clone() };
    story.hop = Some(Hop { at, to: false });
    if let Some(to) = lanes.get_mut(second) {
        *to = Lane { kind, delay, story: Some(going), ..to.clone() };
    }
}
