//! The made-up firms of a world, and the numbers of its bills. What either is called tells nothing of what it does: all numbers are drawn
//! alike, and honest trade too goes through few firms, of which now and then one is new.

use crate::domain::Country;

use super::goods::legal_form;
use super::lane::Lane;
use super::rng::Rng;

/// Firms that trade in anything.
const OF_ALL_TRADE: u64 = 900;
/// Of each trade, those that send its goods at a time.
const SENDERS: u64 = 3;
/// Beside them one that takes the place of another, and one for what nobody sent before.
const OF_ONE_TRADE: u64 = SENDERS + 2;
/// Numbers in names: more than a world has firms.
const NUMBERS: u64 = 10_000;

/// A firm, by its place among those of its world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Firm(u64);

impl Firm {
    /// One of those that trade in anything.
    pub(super) fn of_all_trade(drawn: u64) -> Firm {
        Firm(drawn % OF_ALL_TRADE)
    }

    /// One of the three of a country that deal in everyday goods.
    pub(super) fn everyday(country: Country, drawn: u64) -> Firm {
        let code = country.code().bytes().fold(0, |code, letter| code * 26 + u64::from(letter));
        Firm::of_all_trade(code * SENDERS + drawn % SENDERS)
    }

    /// What decided which it is, where it was drawn among all.
    pub(super) fn drawn(self) -> u64 {
        self.0
    }
}

/// The firms of one trade: of a lane, or of another source of a market.
#[derive(Clone, Copy, Debug)]
pub(super) struct Traders {
    /// Its place among all trades of the world.
    place: u64,
    seed: u64,
}

impl Traders {
    pub(super) fn of_lane(place: usize, seed: u64) -> Traders {
        Traders { place: place as u64, seed }
    }

    /// Of the other sources of a market: their places follow those of the lanes.
    pub(super) fn of_source(lanes: &[Lane], (market, source): (usize, usize), seed: u64) -> Traders {
        const SOURCES: usize = 4;
        Traders { place: (lanes.len() + market * SOURCES + source) as u64, seed: seed ^ source as u64 }
    }

    /// One of the three that send in a month. In a month that has nothing to do with the story of the trade, a firm that nobody saw before
    /// takes the place of one of them.
    pub(super) fn sender(self, drawn: u64, (month, months): (i32, i32)) -> Firm {
        let handover = Rng::new(self.seed, &[7]).below(u64::try_from(months).unwrap_or(0));
        let has_changed = u64::try_from(month).is_ok_and(|month| month >= handover);
        let place = drawn % SENDERS;
        self.firm(if place == 0 && has_changed { SENDERS } else { place })
    }

    /// The one that sends what nobody sent before.
    pub(super) fn unseen(self) -> Firm {
        self.firm(SENDERS + 1)
    }

    fn firm(self, number: u64) -> Firm {
        Firm(OF_ALL_TRADE + self.place * OF_ONE_TRADE + number)
    }
}

/// What the firms of a world are called.
#[derive(Debug)]
pub(super) struct Names(Vec<u64>);

impl Names {
    pub(super) fn new(seed: u64) -> Names {
        let mut numbers: Vec<u64> = (0..NUMBERS).collect();
        Rng::new(seed, &[7]).shuffle(&mut numbers);
        Names(numbers)
    }

    /// The number in a firm's name: no two have the same.
    pub(super) fn number(&self, firm: Firm) -> u64 {
        let place = usize::try_from(firm.0).unwrap_or(0);
        self.0.get(place).copied().expect("a world has fewer firms than there are numbers")
    }

    /// A firm's name in a country.
    pub(super) fn name(&self, firm: Firm, country: Country) -> String {
        let number = self.number(firm);
        let trades = ["Trading", "Metals", "Materials", "Resources", "Chemicals", "Logistics"];
        let trade = usize::try_from(number).ok().and_then(|number| trades.get(number % trades.len())).copied();
        format!("Example {} {number:04} {}", trade.unwrap_or("Trading"), legal_form(country))
    }
}

/// The number of a consignment's bill, or of a second one of the same box: of nine digits, each but once in a world, and in no order.
pub(super) fn bill(seed: u64, consignment: u64, is_second: bool) -> u64 {
    // Below a billion; multiplying by an odd number, adding and shifting into itself each map these bits one to one.
    const BITS: u64 = (1 << 29) - 1;
    (0..3).fold((consignment * 2 + u64::from(is_second)) & BITS, |number, round| {
        let mut key = Rng::new(seed, &[8, round]);
        let mixed = number.wrapping_mul(key.next() | 1).wrapping_add(key.next()) & BITS;
        mixed ^ (mixed >> 15)
    })
}
