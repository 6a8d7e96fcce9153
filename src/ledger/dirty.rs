//! What was touched since the last evaluation, and which corridor-months that may change. Judges nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::books::{Account, Read};
use super::corridors::Corridors;
use super::family::CorridorMonth;
use super::ways::Ways;
use crate::domain::{Country, Month};

/// What was touched since the last evaluation.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Dirty {
    /// Corridor-months to be evaluated whatever else was touched.
    pub(super) corridors: BTreeSet<CorridorMonth>,
    /// Accounts of ways that changed, by destination, then source, from that month on.
    ways: BTreeMap<AccountOfWay, Month>,
    /// Countries that reported imports of a month for the first time: partners of whom they said nothing are zeros from now on.
    importers: BTreeMap<Country, Month>,
    /// Likewise exports.
    exporters: BTreeMap<Country, Month>,
}

/// Destination, source, whose account.
pub type AccountOfWay = (Country, Country, Account);

/// What an evaluation has to look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Corridor-months whose verdict may have changed, in key order.
    pub corridors: BTreeSet<CorridorMonth>,
    /// Accounts of ways that changed, China standing for its three, from that month on.
    pub ways: BTreeMap<AccountOfWay, Month>,
    /// Countries whose inbound trade changed on every way from a month on: they told imports of it for the first time.
    pub importers: BTreeMap<Country, Month>,
    /// China spoke of a month for the first time: the trade of every way from it changed.
    pub from_china: Option<Month>,
}

/// From which month on the trade into a country changed, by source.
#[derive(Clone, Debug, Default)]
struct Inbound {
    china: Option<Month>,
    others: BTreeMap<Country, Month>,
    /// Every source.
    all: Option<Month>,
}

impl Dirty {
    /// What an account tells of a way changed, from a month on.
    pub(super) fn touch(&mut self, (from, to): (Country, Country), account: Account, month: Month) {
        earlier(self.ways.entry((to, from, account)).or_insert(month), month);
    }

    /// A reporter spoke of a month for the first time.
    pub(super) fn first_report(&mut self, reporter: Country, is_import: bool, month: Month) {
        let reporters = if is_import { &mut self.importers } else { &mut self.exporters };
        earlier(reporters.entry(reporter).or_insert(month), month);
    }

    /// The corridor-months that exist and read something that changed.
    pub(super) fn resolve(self, ways: &Ways, corridors: &Corridors) -> Touched {
        let mut touched = Touched::default();
        let mut inbound: BTreeMap<Country, Inbound> = BTreeMap::new();
        for ((to, from, account), month) in self.ways {
            inbound.entry(to).or_default().touch(from, month);
            touched.note((to, from, account), month);
        }
        for (to, month) in self.importers {
            inbound.entry(to).or_default().all = Some(month);
        }
        let mut china: Option<Month> = None;
        for (from, month) in self.exporters {
            if from.is_china() {
                china = Some(china.map_or(month, |known| known.min(month)));
            }
            for to in ways.destinations_of(from) {
                inbound.entry(to).or_default().touch(from, month);
                touched.note((to, from, Account::MirrorFlow), month);
            }
        }
        touched.corridors = self.corridors;
        touched.corridors.retain(|corridor| corridors.exists(*corridor));
        let add = |touched: &mut Touched, pair, month: Option<Month>, reads: fn(Read) -> bool| {
            let since = month.into_iter().flat_map(|month| corridors.since(pair, month));
            touched.corridors.extend(since.filter(|(_, read)| reads(*read)).map(|(corridor, _)| corridor));
        };
        // China's silence becomes a zero on every way from it, told or not.
        for pair in corridors.pairs().take_while(|_| china.is_some()) {
            add(&mut touched, pair, china, |read| read.supply || read.direct);
        }
        for (country, changed) in &inbound {
            for to in corridors.out_of(*country) {
                add(&mut touched, (*country, to), changed.since(), |read| read.supply);
            }
            for from in corridors.into(*country) {
                let pair = (from, *country);
                add(&mut touched, pair, least([changed.others.get(&from).copied(), changed.all]), |_| true);
                add(&mut touched, pair, least([changed.china, changed.all]), |read| read.direct);
                add(&mut touched, pair, changed.others_since(from), |read| read.sources);
            }
        }
        touched.importers = inbound.into_iter().filter_map(|(to, changed)| Some((to, changed.all?))).collect();
        touched.from_china = china;
        touched
    }
}

impl Touched {
    fn note(&mut self, (to, from, account): AccountOfWay, month: Month) {
        let from = if from.is_china() { Country::CHINA } else { from };
        earlier(self.ways.entry((to, from, account)).or_insert(month), month);
    }
}

impl Inbound {
    fn touch(&mut self, from: Country, month: Month) {
        if from.is_china() {
            earlier(self.china.get_or_insert(month), month);
        } else {
            earlier(self.others.entry(from).or_insert(month), month);
        }
    }

    /// From which month on anything changed.
    fn since(&self) -> Option<Month> {
        least([self.china, self.others.values().copied().min(), self.all])
    }

    /// From which month on the trade of other countries than one changed, China's aside.
    fn others_since(&self, but: Country) -> Option<Month> {
        let others = self.others.iter().filter(|(from, _)| **from != but).map(|(_, month)| *month);
        least([others.min(), self.all])
    }
}

fn earlier(known: &mut Month, month: Month) {
    *known = (*known).min(month);
}

fn least<const N: usize>(months: [Option<Month>; N]) -> Option<Month> {
    months.into_iter().flatten().min()
}
