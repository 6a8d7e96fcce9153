//! Whether dumped movements stand in the families that a bundle gives their goods: a dump does not say which family map made it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::ReplayError;
use crate::decode::movement::{OnMovements, read};
use crate::domain::{Country, Degrade, FamilyId, HsCode, HsSubheading, Movement, MovementBody, Standing, Status};
use crate::ingest::{Goods, homes_of};
use crate::reference::Reference;

/// Movements beside the families of a bundle.
#[derive(Debug)]
pub struct Homed<'a> {
    reference: &'a Reference,
    /// Where each code stood first, and in which families.
    codes: BTreeMap<HsSubheading, (String, BTreeSet<FamilyId>)>,
}

/// What of a record the fold does not read, and its home rests on.
#[derive(Deserialize)]
struct Whole<'a> {
    #[serde(borrow)]
    record: Recorded<'a>,
}

#[derive(Deserialize)]
struct Recorded<'a> {
    hs: &'a str,
    #[serde(default)]
    reporter: Option<&'a str>,
    #[serde(default, borrow)]
    description: Option<Cow<'a, str>>,
}

impl Homed<'_> {
    /// None yet.
    pub fn new(reference: &Reference) -> Homed<'_> {
        Homed { reference, codes: BTreeMap::new() }
    }

    /// Takes a movement. What is none is left to the fold, which says so.
    ///
    /// # Errors
    ///
    /// [`ReplayError::OtherFamilyMap`] where its goods do not stand in its family.
    pub fn take(&mut self, position: &str, value: &[u8]) -> Result<(), ReplayError> {
        let Ok(OnMovements::Movement(movement)) = read(value) else { return Ok(()) };
        let (code, family) = (movement.hs6, movement.family);
        // What withdraws a shipment stands wherever that may be at home, which says nothing of other goods under the code.
        let withdraws = withdraws(&movement);
        if !withdraws {
            let (_, seen) = self.codes.entry(code).or_insert_with(|| (position.to_owned(), BTreeSet::new()));
            seen.insert(family);
        }
        let Some((hs, home)) = self.home(value, code, movement.quality.contains(Degrade::HsSplit)) else { return Ok(()) };
        let is_there = match movement.standing {
            Standing::Home => home == family,
            Standing::Context => home != family && self.reference.families().context(code).contains(&family),
        };
        if is_there || (withdraws && homes_of(hs.subheading(), self.reference).get(&family) == Some(&code)) {
            return Ok(());
        }
        let standing = movement.standing.word();
        let why = format!("{code} stands in family {family} ({standing}), and this bundle counts it in {home}");
        Err(ReplayError::OtherFamilyMap { position: position.to_owned(), why })
    }

    /// Refuses movements of which some are missing: a family that is there has all codes that it lists, of whatever home.
    ///
    /// # Errors
    ///
    /// [`ReplayError::OtherFamilyMap`].
    pub fn end(self) -> Result<(), ReplayError> {
        let there: BTreeSet<FamilyId> = self.codes.values().flat_map(|(_, families)| families.iter().copied()).collect();
        for (code, (position, seen)) in self.codes {
            let lacks =
                self.reference.families().context(code).iter().find(|family| there.contains(family) && !seen.contains(family));
            if let Some(family) = lacks {
                let why = format!("{code} stands nowhere in family {family}, where this bundle lists it");
                return Err(ReplayError::OtherFamilyMap { position, why });
            }
        }
        Ok(())
    }

    /// The code as declared, and its home.
    fn home(&self, value: &[u8], hs6: HsSubheading, is_split: bool) -> Option<(HsCode, FamilyId)> {
        let Whole { record } = serde_json::from_slice(value).ok()?;
        let hs: HsCode = record.hs.parse().ok()?;
        let issuer: Option<Country> = record.reporter.and_then(|reporter| reporter.parse().ok());
        let goods = Goods { hs6, is_split, hs, issuer, description: record.description.as_deref() };
        Some((hs, goods.home(self.reference.families())))
    }
}

fn withdraws(movement: &Movement) -> bool {
    matches!(&movement.body, MovementBody::Shipment(facts) if facts.status == Status::Cancelled)
}
