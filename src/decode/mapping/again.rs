//! Rows of a sample that speak of what another row speaks of, and which of the two counts. The ledger decides it; here it is only told.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::domain::{Claim, Record};

/// Examples of a line that are shown.
const SHOWN: usize = 5;

/// A row that speaks of the same shipment or flow as one before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Again {
    /// Which.
    pub row: u64,
    /// The one before.
    pub first: u64,
    /// The id of both: of a flow `reporter/flow/partner/hs/period`.
    pub id: String,
    /// Which of the two counts.
    pub counts: Counts,
}

/// Which of two rows counts that speak of the same, by the order of versions: revision, knowledge, content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// Both say the same.
    Either,
    /// This one, which became known later.
    Row(u64),
    /// Both became known at the same time: neither the earlier nor the later counts, but what a hash of their content decides.
    ByContent,
}

/// Each version of a record that was told, and the first row that told it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told(BTreeMap<(String, u32), (u64, Claim)>);

impl Told {
    /// Whether a row before it spoke of the same. Another revision of a shipment is another version of it, and meant to be one.
    pub(super) fn take(&mut self, row: u64, claim: &Claim) -> Option<Again> {
        let revision = if let Record::Shipment(shipment) = &claim.record { shipment.revision } else { 1 };
        match self.0.entry((claim.id.clone(), revision)) {
            Entry::Vacant(none) => {
                none.insert((row, claim.clone()));
                None
            }
            Entry::Occupied(told) => {
                let (first, told) = told.get();
                // To the microsecond, as the ledger does.
                let counts = match claim.known_from.as_microsecond().cmp(&told.known_from.as_microsecond()) {
                    _ if told.record == claim.record => Counts::Either,
                    Ordering::Less => Counts::Row(*first),
                    Ordering::Equal => Counts::ByContent,
                    Ordering::Greater => Counts::Row(row),
                };
                Some(Again { row, first: *first, id: claim.id.clone(), counts })
            }
        }
    }
}

/// How many rows speak of the same as others, with examples: a line for each way in which one of them counts.
pub(super) fn lines(again: &[Again]) -> impl Iterator<Item = String> {
    let other = "something else of a shipment or flow than another row";
    let later = format!("{other}; what became known later replaces the other");
    let by_content = format!(
        "{other}, known at the same time: neither the earlier nor the later counts, but what a hash of their content decides; \
         known_from or revision settles it"
    );
    let [mut of_rows, mut of_content, mut alike] = [const { Vec::new() }; 3];
    for again in again {
        match again.counts {
            Counts::Row(_) => &mut of_rows,
            Counts::ByContent => &mut of_content,
            Counts::Either => &mut alike,
        }
        .push(again);
    }
    let all = [(of_rows, later), (of_content, by_content), (alike, "again what another row says".to_owned())];
    all.into_iter().filter(|(again, _)| !again.is_empty()).map(|(again, what)| line(&again, &what))
}

fn line(again: &[&Again], what: &str) -> String {
    let shown = again.iter().take(SHOWN).map(|Again { row, first, id, counts }| match counts {
        Counts::Row(wins) => format!("row {wins} that of row {} ({id})", if wins == row { first } else { row }),
        Counts::Either | Counts::ByContent => format!("row {row} as row {first} ({id})"),
    });
    let mut shown: Vec<String> = shown.collect();
    shown.extend((again.len() > SHOWN).then(|| "…".to_owned()));
    let rows = if again.len() == 1 { "row says" } else { "rows say" };
    format!("{} {rows} {what}: {}", again.len(), shown.join(", "))
}
