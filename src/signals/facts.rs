//! What the world has published about one family: asked once, then kept until a day on which that changes. Decides nothing.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use crate::domain::{Country, Date, FamilyId, HsSubheading, Month};
use crate::reference::{AsOf, Content, FamilyClass, Measure, MembersOfEu, Production};

/// Answers of the bundle about a family. They hold as long as the bundle does not change for it (`Reference::changes`); then they are
/// asked for again.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) family: FamilyId,
    pub(super) class: FamilyClass,
    contents: Rc<Contents>,
    pub(super) members_of_eu: Arc<MembersOfEu>,
    /// Every day on which the bundle changes for the family, ascending.
    changes: Vec<Date>,
    measures: Kept<Country, Rc<Vec<Measure>>>,
    made: Kept<(Country, i16), Rc<Made>>,
    wedges: Kept<(Country, Country, HsSubheading, Date), Option<Rc<Wedge>>>,
}

type Kept<K, V> = RefCell<BTreeMap<K, V>>;

/// What the subheadings of a material contain of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contents {
    of: Vec<(HsSubheading, Content)>,
    divided: Vec<(HsSubheading, Vec<HsSubheading>)>,
}

impl Contents {
    /// What is not by mass, or not of the family, is left out.
    pub(crate) fn new(of: impl Iterator<Item = (HsSubheading, Content)>) -> Contents {
        Contents { of: of.collect(), divided: Vec::new() }
    }

    /// Which of them are codes of an older edition, and what they became.
    pub(crate) fn dividing(self, divided: impl Iterator<Item = (HsSubheading, Vec<HsSubheading>)>) -> Contents {
        Contents { divided: divided.collect(), ..self }
    }

    /// The same.
    pub(super) fn divided(&self) -> &[(HsSubheading, Vec<HsSubheading>)] {
        &self.divided
    }

    /// A family has a dozen codes, so that looking through them is the quickest way.
    pub(super) fn of(&self, code: HsSubheading) -> Option<&Content> {
        self.of.iter().find(|(known, _)| *known == code).map(|(_, content)| content)
    }

    /// Whether other materials share one of them.
    pub(super) fn any_shared(&self) -> bool {
        self.of.iter().any(|(_, content)| content.shared)
    }
}

/// What a country makes of a family's element.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Made {
    /// Its own production in the month's year.
    pub(crate) production: Production,
    /// The same, two years before.
    pub(crate) production_before: Production,
    /// Its recycling.
    pub(crate) secondary: Production,
    /// Documented capacity of its plants, tonnes a year, and its row.
    pub(crate) capacity: Option<(f64, String)>,
}

impl Default for Made {
    fn default() -> Made {
        let unknown = || Production::Unknown;
        Made { production: unknown(), production_before: unknown(), secondary: unknown(), capacity: None }
    }
}

/// What Chinese goods owe more than goods of M.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wedge {
    /// Rate on Chinese goods less rate on M's, as a fraction of the value; `None` where M's is unknown.
    pub(crate) rate: Option<f64>,
    /// The rows of the Chinese rate; empty where none tells it.
    pub(crate) rows: Vec<String>,
}

impl Facts {
    /// Nothing has been asked yet.
    pub(crate) fn new(reference: &AsOf<'_>, family: FamilyId) -> Facts {
        let contents = Contents::new(reference.contents(family).map(|(code, content)| (code, content.clone())));
        let codes = reference.contents(family).map(|(code, _)| (code, reference.successors(code).to_vec()));
        Facts {
            family,
            class: reference.class(family),
            contents: Rc::new(contents.dividing(codes.filter(|(_, into)| !into.is_empty()))),
            members_of_eu: Arc::clone(reference.codes().members_of_eu()),
            changes: reference.changes(family),
            measures: RefCell::default(),
            made: RefCell::default(),
            wedges: RefCell::default(),
        }
    }

    /// What has been asked so far: which changes of the bundle bear on anything follows from it, so it is part of the state.
    pub(crate) fn asked(&self) -> Asked {
        let wedges = self.wedges.borrow();
        Asked {
            measures: self.measures.borrow().keys().copied().collect(),
            made: self.made.borrow().keys().copied().collect(),
            wedges: wedges.keys().map(|(m, d, code, on)| (*m, *d, *code, On(*on))).collect(),
        }
    }

    /// Asks the same again.
    pub(crate) fn ask(&self, reference: &AsOf<'_>, asked: &Asked) {
        for destination in &asked.measures {
            self.measures(reference, *destination);
        }
        for (country, year) in &asked.made {
            self.made(reference, *country, *year);
        }
        let mut wedges = self.wedges.borrow_mut();
        wedges.extend(
            asked.wedges.iter().map(|(m, d, code, On(on))| ((*m, *d, *code, *on), wedge(reference, (*m, *d), (*code, *on)))),
        );
    }

    /// The days after `after`, up to and with `until`, on which the bundle changes for the family.
    pub(crate) fn changes(&self, after: Date, until: Date) -> Vec<Date> {
        let first = self.changes.partition_point(|date| *date <= after);
        self.changes.iter().skip(first).take_while(|date| **date <= until).copied().collect()
    }

    /// Asks again, on a day on which the bundle changes, and tells which answers are others than before.
    pub(crate) fn renew(&mut self, reference: &AsOf<'_>) -> Renewed {
        let family = self.family;
        let measures = renew(self.measures.get_mut(), |destination| Rc::new(reference.measures(family, *destination)));
        let made = renew(self.made.get_mut(), |(country, year)| Rc::new(made(reference, family, (*country, *year))));
        let wedges = renew(self.wedges.get_mut(), |(m, d, code, on)| wedge(reference, (*m, *d), (*code, *on)));
        Renewed {
            destinations: measures.into_iter().collect(),
            makers: made.into_iter().collect(),
            pairs: wedges.into_iter().map(|(m, d, ..)| (m, d)).collect(),
        }
    }

    pub(super) fn contents(&self) -> Rc<Contents> {
        Rc::clone(&self.contents)
    }

    pub(super) fn measures(&self, reference: &AsOf<'_>, destination: Country) -> Rc<Vec<Measure>> {
        kept(&self.measures, destination, || Rc::new(reference.measures(self.family, destination)))
    }

    pub(super) fn made(&self, reference: &AsOf<'_>, country: Country, year: i16) -> Rc<Made> {
        kept(&self.made, (country, year), || Rc::new(made(reference, self.family, (country, year))))
    }

    pub(super) fn wedge(
        &self,
        reference: &AsOf<'_>,
        (intermediary, destination): (Country, Country),
        (code, on): (HsSubheading, Date),
    ) -> Option<Rc<Wedge>> {
        // Between two changes the rates are those of the day of the first.
        let since = self.changes.partition_point(|date| *date <= on);
        let on = since.checked_sub(1).and_then(|index| self.changes.get(index)).copied().unwrap_or(Date::MIN);
        let question = (intermediary, destination, code, on);
        kept(&self.wedges, question, || wedge(reference, (intermediary, destination), (code, on)))
    }
}

/// Questions that were asked of the bundle, without their answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Asked {
    measures: Vec<Country>,
    made: Vec<(Country, i16)>,
    wedges: Vec<(Country, Country, HsSubheading, On)>,
}

/// The day that rates are asked of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct On(#[serde(with = "crate::domain::kept::date")] Date);

/// Which answers a change of the bundle made others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Renewed {
    destinations: BTreeSet<Country>,
    makers: BTreeSet<(Country, i16)>,
    pairs: BTreeSet<(Country, Country)>,
}

impl Renewed {
    /// Whether anything that bears on the corridor-month is another.
    pub(crate) fn touches(&self, (intermediary, destination, month): (Country, Country, Month)) -> bool {
        self.destinations.contains(&destination)
            || self.makers.contains(&(intermediary, month.year()))
            || self.pairs.contains(&(intermediary, destination))
    }
}

fn made(reference: &AsOf<'_>, family: FamilyId, (country, year): (Country, i16)) -> Made {
    Made {
        production: reference.production(family, country, year),
        production_before: reference.production(family, country, year.saturating_sub(2)),
        secondary: reference.secondary(family, country, year),
        capacity: reference.capacity(family, country),
    }
}

fn wedge(
    reference: &AsOf<'_>,
    (intermediary, destination): (Country, Country),
    (code, on): (HsSubheading, Date),
) -> Option<Rc<Wedge>> {
    let successors = reference.successors(code);
    if !successors.is_empty() {
        // What goods owe more that may be any of these is at least the least; an unknown one may be less than any.
        let least = |wedge: &Wedge| wedge.rate.unwrap_or(f64::NEG_INFINITY);
        let wedges = successors.iter().map(|part| wedge(reference, (intermediary, destination), (*part, on)));
        return wedges.collect::<Option<Vec<_>>>()?.into_iter().min_by(|left, right| least(left).total_cmp(&least(right)));
    }
    let chinese = reference.duty(Country::CHINA, destination, code, on)?;
    let declared = reference.duty(intermediary, destination, code, on);
    Some(Rc::new(Wedge { rate: declared.map(|declared| chinese.rate - declared.rate), rows: chinese.rows }))
}

/// The questions whose answers are others now.
fn renew<K: Clone, V: PartialEq>(answers: &mut BTreeMap<K, V>, ask: impl Fn(&K) -> V) -> Vec<K> {
    let mut others = Vec::new();
    for (question, answer) in answers {
        let now = ask(question);
        if now != *answer {
            *answer = now;
            others.push(question.clone());
        }
    }
    others
}

fn kept<K: Ord, V: Clone>(answers: &Kept<K, V>, question: K, ask: impl FnOnce() -> V) -> V {
    answers.borrow_mut().entry(question).or_insert_with(ask).clone()
}
