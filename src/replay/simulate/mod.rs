//! Seeded worlds with known truth. Knows trade, public control dates and how records are published; nothing of how verdicts are made.
//!
//! A world holds markets (one good into one destination) and lanes (that good by way of one intermediary). Most lanes tell an honest story;
//! under a scheme some pass Chinese goods on as the intermediary's after a control binds the direct trade. Countries are drawn
//! from lists by the seed, so none is favoured. Everything is integers: a seed gives the same bytes on every machine.
//!
//! A *plain* world has the scheme `relabel` and six honest stories; a *wide* one, which has a mix, knows every scheme and look-alike.

mod absent;
mod bundles;
mod firms;
mod flows;
mod goods;
mod labels;
mod lane;
pub mod mix;
mod rng;
mod shipments;
mod stories;

pub use absent::{Absent, Missed, absent, missed};
pub(super) use rng::Rng;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::decode::canonical_record;
use crate::domain::{Claim, Month, Timestamp};

use lane::{Kind, Plan};
use mix::Mix;
use shipments::Draft;

/// The first year of a world: records of an earlier one are refused wherever they are read.
pub const FIRST_YEAR: i16 = 1988;
/// The last year of a world: what is published of it half a year later can still be read.
pub const LAST_YEAR: i16 = 2199;

/// The most records of a world. Those of two to three months are held at a time, a kilobyte each: of a shorter world all.
pub const RECORDS_MAX: u64 = 10_000_000;

/// What world to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct World {
    /// Another seed gives another world.
    pub seed: u64,
    /// How many records, exactly. Of a world too small for one lane's statistics, the records known last are left out.
    pub records: u64,
    /// The first month of trade.
    pub from: Month,
    /// The month after the last.
    pub until: Month,
    /// What is planted; empty is an honest world. A plain world knows `relabel` alone.
    pub schemes: Vec<Scheme>,
    /// How a wide world is mixed; none makes a plain one.
    pub mix: Option<Mix>,
}

/// A way of passing goods on as another country's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// Chinese goods are shipped to an intermediary, given new papers there and sent on as its own.
    Relabel,
    /// A small step is done there, too small to make them its own: oxide from metal, magnets from blanks.
    MinorProcessing,
    /// They come in under one code and leave under another, untouched.
    CodeChange,
    /// They leave in one box with the intermediary's everyday goods, under two bills.
    CrossStuffing,
    /// All of it goes through one firm that nobody saw before the control.
    NewFirm,
    /// Relabelled in one intermediary, and after some months in another.
    Hopping,
    /// Mixed with other material at a share.
    CoMingling,
}

impl Scheme {
    /// Every one.
    pub const ALL: &[Scheme] = &[
        Scheme::Relabel,
        Scheme::MinorProcessing,
        Scheme::CodeChange,
        Scheme::CrossStuffing,
        Scheme::NewFirm,
        Scheme::Hopping,
        Scheme::CoMingling,
    ];

    /// The word on the command line and in `truth.ndjson`.
    pub fn word(self) -> &'static str {
        match self {
            Scheme::Relabel => "relabel",
            Scheme::MinorProcessing => "minor_processing",
            Scheme::CodeChange => "code_change",
            Scheme::CrossStuffing => "cross_stuffing",
            Scheme::NewFirm => "new_firm",
            Scheme::Hopping => "hopping",
            Scheme::CoMingling => "co_mingling",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Scheme {
    type Err = UnknownScheme;

    fn from_str(text: &str) -> Result<Scheme, UnknownScheme> {
        Scheme::ALL.iter().copied().find(|scheme| scheme.word() == text).ok_or_else(|| UnknownScheme(text.to_owned()))
    }
}

/// The word names no scheme.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no scheme (relabel, minor_processing, code_change, cross_stuffing, new_firm, hopping, co_mingling; all, or none for \
     an honest world)"
)]
pub struct UnknownScheme(pub String);

/// A record with its truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Simulated {
    /// The record, canonical JSON without line end.
    pub record: Vec<u8>,
    /// Its truth, one JSON object; none where an earlier record of the same id has told it.
    pub truth: Option<String>,
}

/// What is true of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Truth {
    scheme: Option<Scheme>,
    kind: Kind,
    /// Thousandths of its mass that are of Chinese origin.
    chinese_permille: u64,
}

impl Truth {
    fn line(&self, id: &str) -> String {
        let scheme = self.scheme.map_or("none", Scheme::word);
        let share = self.chinese_permille.min(1000);
        format!(
            r#"{{"id":"{id}","scheme":"{scheme}","kind":"{}","chinese_share":{}.{:03}}}"#,
            self.kind.word(),
            share / 1000,
            share % 1000
        )
    }
}

/// The records of a world, in the order in which they became known.
pub fn simulate(world: &World) -> Simulation {
    let plan = Plan::new(world);
    let months = u64::try_from(world.until.since(world.from)).unwrap_or(0);
    let flows = months * flows::rows_per_month(&plan);
    Simulation {
        plan,
        records_left: world.records,
        shipments_left: world.records.saturating_sub(flows),
        next_month: 0,
        queue: Queue::default(),
        shipments_made: 0,
        known_last: None,
    }
}

/// An iterator over a world's records. Holds two to three months of them at a time.
#[derive(Debug)]
pub struct Simulation {
    plan: Plan,
    records_left: u64,
    shipments_left: u64,
    next_month: i32,
    queue: Queue,
    shipments_made: u64,
    known_last: Option<Timestamp>,
}

/// Records that are made and wait for their day.
#[derive(Debug, Default)]
struct Queue {
    waiting: BTreeMap<(Timestamp, u64), (Claim, Option<Truth>)>,
    sequence: u64,
}

impl Queue {
    fn push(&mut self, claim: Claim, truth: Option<Truth>) {
        self.waiting.insert((claim.known_from, self.sequence), (claim, truth));
        self.sequence += 1;
    }
}

impl Simulation {
    /// Labels of every lane, known from the day of the last record that came: of a world without records the header alone.
    fn labels(&self) -> String {
        labels::table(&self.plan, self.known_last)
    }

    fn make_month(&mut self) {
        let index = self.next_month;
        self.next_month += 1;
        for row in flows::month(&self.plan, index) {
            // A row published again comes on top of the statistics, so it is taken out of the shipments' number.
            let again = self.shipments_left > 0 && row.revised.is_some();
            self.queue.push(row.claim, Some(row.truth));
            if let (true, Some(revised)) = (again, row.revised) {
                self.shipments_left -= 1;
                self.queue.push(revised, None);
            }
        }
        let months_left = u64::try_from(self.plan.months - index).unwrap_or(1).max(1);
        let mut quota = self.shipments_left / months_left;
        self.shipments_left -= quota;
        let month = shipments::MonthOfLanes::new(&self.plan, index);
        while quota > 0 {
            self.shipments_made += 1;
            let Draft { claim, truth, later, companions } = month.shipment(self.shipments_made);
            quota -= 1;
            self.queue.push(claim, Some(truth));
            if let (Some(later), true) = (later, quota > 0) {
                quota -= 1;
                self.queue.push(later, None);
            }
            for (claim, truth) in companions {
                if quota > 0 {
                    quota -= 1;
                    self.queue.push(claim, Some(truth));
                }
            }
        }
    }
}

impl Iterator for Simulation {
    type Item = Simulated;

    fn next(&mut self) -> Option<Simulated> {
        if self.records_left == 0 {
            return None;
        }
        // Nothing of a month is known before its first day.
        while self.next_month < self.plan.months {
            let horizon = flows::midnight(self.plan.month(self.next_month).first_day(), 0);
            if self.queue.waiting.first_key_value().is_some_and(|((known_from, _), _)| *known_from < horizon) {
                break;
            }
            self.make_month();
        }
        let ((known_from, _), (claim, truth)) = self.queue.waiting.pop_first()?;
        self.records_left -= 1;
        self.known_last = Some(known_from);
        let truth = truth.map(|truth| truth.line(&claim.id));
        Some(Simulated { record: canonical_record(&claim), truth })
    }
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// `records.ndjson`.
    pub records: PathBuf,
    /// `truth.ndjson`: `{"id","scheme","kind","chinese_share"}` for every id of the records.
    pub truth: PathBuf,
    /// `labels.csv`: the same by lane, as `backtest --labels` reads it.
    pub labels: PathBuf,
    /// How many records.
    pub count: u64,
}

/// Why a world could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A file of that name is there already.
    #[error("{} exists already (name another folder with --out, or remove it)", .0.display())]
    Exists(PathBuf),
    /// The folder or a file cannot be made or written.
    #[error("{} cannot be written: {cause}", .path.display())]
    Unwritable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
}

/// Writes `records.ndjson`, `truth.ndjson` and `labels.csv` into a folder, which is made where it is not there. Overwrites
/// nothing. Each bears its name once all are whole: what was not written to its end is not there.
pub fn write(world: &World, out_dir: &Path) -> Result<Written, WriteError> {
    let paths = ["records.ndjson", "truth.ndjson", "labels.csv"].map(|name| out_dir.join(name));
    // Before any is made: a refused folder is left as it was.
    if let Some(there) = paths.iter().find(|path| path.symlink_metadata().is_ok()) {
        return Err(WriteError::Exists(there.clone()));
    }
    std::fs::create_dir_all(out_dir).map_err(|cause| WriteError::Unwritable { path: out_dir.to_owned(), cause })?;
    let unfinished = paths.each_ref().map(|path| path.with_extension("unfinished"));
    let count = fill(world, &unfinished).inspect_err(|_| unfinished.iter().for_each(|path| drop(std::fs::remove_file(path))))?;
    for (path, unfinished) in paths.iter().zip(&unfinished) {
        std::fs::rename(unfinished, path).map_err(|cause| WriteError::Unwritable { path: path.clone(), cause })?;
    }
    let [records, truth, labels] = paths;
    Ok(Written { records, truth, labels, count })
}

/// Writes all of it into these files. Gives how many records there are.
fn fill(world: &World, [records, truth, labels]: &[PathBuf; 3]) -> Result<u64, WriteError> {
    let (mut records, mut truth, mut labels) = (Sink::create(records)?, Sink::create(truth)?, Sink::create(labels)?);
    let mut simulation = simulate(world);
    let mut count = 0;
    for simulated in simulation.by_ref() {
        count += 1;
        records.line(&simulated.record)?;
        if let Some(line) = &simulated.truth {
            truth.line(line.as_bytes())?;
        }
    }
    simulation.labels().lines().try_for_each(|line| labels.line(line.as_bytes()))?;
    [records, truth, labels].into_iter().try_for_each(Sink::close)?;
    Ok(count)
}

struct Sink {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Sink {
    /// In the place of what an earlier one may have left unfinished.
    fn create(path: &Path) -> Result<Sink, WriteError> {
        let path = path.to_owned();
        match File::create(&path) {
            Ok(file) => Ok(Sink { path, file: BufWriter::with_capacity(1 << 20, file) }),
            Err(cause) => Err(WriteError::Unwritable { path, cause }),
        }
    }

    fn line(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        let written = self.file.write_all(bytes).and_then(|()| self.file.write_all(b"\n"));
        written.map_err(|cause| WriteError::Unwritable { path: self.path.clone(), cause })
    }

    fn close(mut self) -> Result<(), WriteError> {
        self.file.flush().map_err(|cause| WriteError::Unwritable { path: self.path, cause })
    }
}

#[cfg(test)]
mod tests;
