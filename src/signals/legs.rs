//! What accounts told of ways, kept from one evaluation to the next and read again where it changed. Sums nothing.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::domain::{Country, Month};
use crate::ledger::{Account, Series};

use super::mass::{Scope, Told};
use super::subject::World;

/// What ways told: by destination and source, then account and scope. Kept, and read again from the month on that changed.
#[derive(Debug, Default)]
pub(crate) struct Legs(RefCell<BTreeMap<(Country, Country), Vec<Kept>>>);

#[derive(Debug)]
struct Kept {
    account: Account,
    scope: Scope,
    told: Rc<Told>,
    /// From which month on it is to be read again.
    stale: Option<Month>,
}

impl Legs {
    /// What a series told in scope.
    pub(super) fn told(&self, series: Series<'_>, scope: Scope, world: &World) -> Rc<Told> {
        let mut legs = self.0.borrow_mut();
        let of_way = legs.entry(series.way()).or_default();
        if let Some(kept) = of_way.iter_mut().find(|kept| (kept.account, kept.scope) == (series.account, scope)) {
            if let Some(since) = kept.stale.take() {
                Rc::make_mut(&mut kept.told).read(series, (scope, world), since);
            }
            return Rc::clone(&kept.told);
        }
        let told = Rc::new(Told::of(series, scope, world));
        of_way.push(Kept { account: series.account, scope, told: Rc::clone(&told), stale: None });
        told
    }

    /// What an account tells of a way has changed from a month on.
    pub(super) fn change(&self, way: (Country, Country), account: Account, since: Month) {
        self.0.borrow_mut().get_mut(&way).into_iter().flatten().for_each(|kept| kept.change(account, since));
    }

    /// What an importer tells of every way into it has changed from a month on.
    pub(super) fn change_into(&self, to: Country, since: Month) {
        let mut legs = self.0.borrow_mut();
        let changed = legs.range_mut((to, Country::FIRST)..=(to, Country::LAST)).flat_map(|(_, kept)| kept);
        changed.for_each(|kept| kept.change(Account::ImporterFlow, since));
    }

    /// What China tells of every way from it has changed from a month on.
    pub(super) fn change_from_china(&self, since: Month) {
        let mut legs = self.0.borrow_mut();
        let changed = legs.iter_mut().filter(|((_, from), _)| *from == Country::CHINA).flat_map(|(_, kept)| kept);
        changed.for_each(|kept| kept.change(Account::MirrorFlow, since));
    }
}

impl Legs {
    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> u64 {
        let of = |kept: &Kept| size_of::<Kept>() + kept.told.bytes();
        self.0.borrow().values().flatten().map(of).sum::<usize>() as u64
    }
}

impl Kept {
    /// Statistics are filled up with the shipments of their side.
    fn change(&mut self, account: Account, since: Month) {
        if self.account == account || self.account.filled_by() == Some(account) {
            self.stale = Some(self.stale.map_or(since, |stale| stale.min(since)));
        }
    }
}
