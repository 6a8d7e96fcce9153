//! What every M imports, kept from one evaluation to the next. Knows what is stale; sums nothing.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::domain::Country;

use super::balance::Sources;
use super::subject::Subject;

/// What every M imports, kept; a source of which something else is told now is read again.
#[derive(Debug, Default)]
pub(crate) struct Imports(RefCell<BTreeMap<Country, Rc<Sources>>>);

impl Imports {
    /// The imports of the corridor's M.
    pub(super) fn of(&self, subject: &Subject<'_>) -> Rc<Sources> {
        subject.books.rest_on_supply();
        let mut held = self.0.borrow_mut();
        let sources = held.entry(subject.m()).or_insert_with(|| Rc::new(Sources::of(subject)));
        if sources.is_stale() {
            Rc::make_mut(sources).read_again(subject);
        }
        Rc::clone(sources)
    }

    /// The trade of a source with a country has changed, China standing for its three.
    pub(crate) fn change(&self, to: Country, from: Country) {
        if let Some(sources) = self.0.borrow_mut().get_mut(&to) {
            Rc::make_mut(sources).change(from);
        }
    }

    /// China's trade with every country has.
    pub(crate) fn change_from_china(&self) {
        self.0.borrow_mut().values_mut().for_each(|sources| Rc::make_mut(sources).change(Country::CHINA));
    }

    /// The trade of every source with a country has.
    pub(crate) fn forget(&self, country: Country) {
        self.0.borrow_mut().remove(&country);
    }
}
