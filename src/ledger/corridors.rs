//! The corridor-months of a family that exist, and how each was told. Keeps; judges nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::books::{Account, Read};
use super::family::CorridorMonth;
use crate::domain::{Country, Grams, Month};

/// Corridor-months in which trade M → D was told.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Corridors {
    by_pair: BTreeMap<(Country, Country), Past>,
    /// The same pairs, by destination.
    #[serde(skip)]
    by_destination: BTreeSet<(Country, Country)>,
}

/// What was told of a pair, by month. A list, since a tree has room for eleven months where one was told.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
struct Past(Vec<(Month, Told)>);

impl Past {
    fn place(&self, month: Month) -> Result<usize, usize> {
        self.0.binary_search_by_key(&month, |(month, _)| *month)
    }

    fn get(&self, month: Month) -> Option<&Told> {
        self.place(month).ok().and_then(|at| self.0.get(at)).map(|(_, told)| told)
    }

    fn get_mut(&mut self, month: Month) -> Option<&mut Told> {
        self.place(month).ok().and_then(|at| self.0.get_mut(at)).map(|(_, told)| told)
    }

    fn open(&mut self, month: Month) {
        if let Err(at) = self.place(month) {
            // They grow by a month at a time: doubling would leave half of it empty.
            if self.0.len() == self.0.capacity() {
                self.0.reserve_exact(1 + self.0.len() / 8);
            }
            self.0.insert(at, (month, Told::default()));
        }
    }

    /// From a month on.
    fn since(&self, month: Month) -> &[(Month, Told)] {
        let (Ok(at) | Err(at)) = self.place(month);
        self.0.get(at..).unwrap_or_default()
    }
}

/// How trade of a corridor-month was told.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Told {
    by_month: bool,
    /// The longest period that ended there.
    longest_period: u8,
    /// What of its books the last evaluation read.
    read: Read,
    /// Grams and US cents that each account told of it, in all versions: what was said once stays, in whatever order it came.
    sizes: [(u64, u64); Account::COUNT],
}

impl Corridors {
    /// Notes that trade of a corridor-month was told; says whether that changes what is known of the corridor-month itself.
    pub(super) fn open(&mut self, (from, to, month): CorridorMonth, months: u8) -> bool {
        if from.is_china() || to.is_china() || from == to || !from.is_known() || !to.is_known() {
            return false;
        }
        let of_pair = self.by_pair.entry((from, to)).or_insert_with(|| {
            self.by_destination.insert((to, from));
            Past::default()
        });
        of_pair.open(month);
        let Some(told) = of_pair.get_mut(month) else { return false };
        let before = (told.by_month, told.longest_period);
        told.by_month |= months == 1;
        told.longest_period = told.longest_period.max(months);
        before != (told.by_month, told.longest_period)
    }

    /// Makes again what follows from the rest and is not kept in a snapshot.
    pub(super) fn complete(&mut self) {
        self.by_destination = self.by_pair.keys().map(|(from, to)| (*to, *from)).collect();
    }

    fn get(&self, (from, to, month): CorridorMonth) -> Option<&Told> {
        self.by_pair.get(&(from, to))?.get(month)
    }

    fn get_mut(&mut self, (from, to, month): CorridorMonth) -> Option<&mut Told> {
        self.by_pair.get_mut(&(from, to))?.get_mut(month)
    }

    pub(super) fn exists(&self, corridor: CorridorMonth) -> bool {
        self.get(corridor).is_some()
    }

    /// How many months the corridor-month was told as: 1, or the longest period where no month was told.
    pub(super) fn told_months(&self, corridor: CorridorMonth) -> u8 {
        self.get(corridor).map_or(1, |told| if told.by_month { 1 } else { told.longest_period.max(1) })
    }

    /// Grams and US cents by account, all versions.
    pub(super) fn sizes(&self, corridor: CorridorMonth) -> [(u64, u64); Account::COUNT] {
        self.get(corridor).map(|told| told.sizes).unwrap_or_default()
    }

    /// Adds what a version of an account's told.
    pub(super) fn grow(&mut self, corridor: CorridorMonth, account: Account, (mass, cents): (Option<Grams>, Option<u64>)) {
        let size = self.get_mut(corridor).and_then(|told| told.sizes.get_mut(account as usize));
        if let Some((grams, value)) = size {
            *grams = grams.saturating_add(mass.map_or(0, |mass| mass.0));
            *value = value.saturating_add(cents.unwrap_or(0));
        }
    }

    /// What of its books the last evaluation of a corridor-month read.
    pub(super) fn read(&self, corridor: CorridorMonth) -> Read {
        self.get(corridor).map(|told| told.read).unwrap_or_default()
    }

    pub(super) fn note_read(&mut self, corridor: CorridorMonth, read: Read) {
        if let Some(told) = self.get_mut(corridor) {
            told.read = read;
        }
    }

    /// The intermediaries that send into a country.
    pub(super) fn into(&self, to: Country) -> impl Iterator<Item = Country> + '_ {
        self.by_destination.range((to, Country::FIRST)..=(to, Country::LAST)).map(|(_, from)| *from)
    }

    /// The destinations of an intermediary.
    pub(super) fn out_of(&self, from: Country) -> impl Iterator<Item = Country> + '_ {
        self.by_pair.range((from, Country::FIRST)..=(from, Country::LAST)).map(|((_, to), _)| *to)
    }

    /// Every pair.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (Country, Country)> + '_ {
        self.by_pair.keys().copied()
    }

    /// Every corridor-month, in order.
    pub(super) fn all(&self) -> impl Iterator<Item = CorridorMonth> + '_ {
        self.by_pair.iter().flat_map(|((from, to), past)| past.0.iter().map(|(month, _)| (*from, *to, *month)))
    }

    /// The corridor-months of a pair from a month on, with what their last evaluation read.
    pub(super) fn since(&self, (from, to): (Country, Country), month: Month) -> impl Iterator<Item = (CorridorMonth, Read)> + '_ {
        let months = self.by_pair.get(&(from, to)).into_iter().flat_map(move |past| past.since(month));
        months.map(move |(month, told)| ((from, to, *month), told.read))
    }

    /// Bytes of state.
    pub(super) fn bytes(&self) -> u64 {
        let months: usize = self.by_pair.values().map(|past| past.0.capacity()).sum();
        (months * size_of::<(Month, Told)>() + self.by_pair.len() * size_of::<((Country, Country), Past)>()) as u64
    }
}
