//! Snapshots: a cache of a partition's state at a committed offset, so that a start need not fold everything again. The log stays the
//! truth: a snapshot that is damaged, or of another log, model or bundle, is passed over, and the state is made from the messages.

mod file;
mod folder;
#[cfg(feature = "object-store")]
mod objects;
mod writer;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::part::Part;
use super::{Fold, Log, Observer, Range, Report};
use crate::domain::{Message, Offset, Partition, Timestamp};
use file::Header;
use writer::{Job, Writer};

pub(super) use file::hash_of;
pub use folder::Folder;
#[cfg(feature = "object-store")]
pub use objects::Objects;

/// Where snapshots are kept. Names have the form `<topic>/<partition>/<file>`.
pub trait Store: Send + Sync {
    /// What is in `<topic>/<partition>`, in the order in which it was written. Nothing where there is no such place.
    fn list(&self, place: &str) -> io::Result<Vec<String>>;

    /// All bytes under a name.
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;

    /// Keeps bytes under a name: all of them are there for good once it returns, or none.
    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// Removes a name; it is no error where there is none.
    fn remove(&self, name: &str) -> io::Result<()>;
}

/// How a stage keeps snapshots. All workers of a process share it.
#[derive(Clone)]
pub struct Snapshots {
    store: Arc<dyn Store>,
    /// Messages between two snapshots of a partition.
    every: u64,
    writer: Arc<Writer>,
}

/// A state was kept, was not, or was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SnapshotOutcome {
    /// It is in the store.
    Written,
    /// The store failed.
    Failed,
    /// At its last chance others still waited to be written: none was taken.
    PassedOver,
    /// A partition began with it.
    Restored,
    /// Its bytes are not those that were written.
    Damaged,
    /// It is of another log, model, bundle or version.
    Foreign,
}

impl SnapshotOutcome {
    /// All of them.
    pub const ALL: [SnapshotOutcome; 6] = [
        SnapshotOutcome::Written,
        SnapshotOutcome::Failed,
        SnapshotOutcome::PassedOver,
        SnapshotOutcome::Restored,
        SnapshotOutcome::Damaged,
        SnapshotOutcome::Foreign,
    ];

    /// Its word in metrics.
    pub fn word(self) -> &'static str {
        match self {
            SnapshotOutcome::Written => "written",
            SnapshotOutcome::Failed => "failed",
            SnapshotOutcome::PassedOver => "passed_over",
            SnapshotOutcome::Restored => "restored",
            SnapshotOutcome::Damaged => "damaged",
            SnapshotOutcome::Foreign => "foreign",
        }
    }
}

/// What a restored state stands for.
pub(super) struct Restored {
    /// Which offset is wanted next.
    pub(super) next: Offset,
    /// The hash of the message before it ...
    pub(super) last: u64,
    /// ... and when that was appended.
    pub(super) appended: Option<Timestamp>,
}

/// A partition, and who tells of it.
#[derive(Clone, Copy)]
pub(super) struct Of<'a> {
    pub(super) stage: &'static str,
    pub(super) topic: &'a str,
    pub(super) partition: Partition,
    pub(super) observer: &'a Observer,
}

impl Of<'_> {
    fn place(&self) -> String {
        format!("{}/{}", self.topic, self.partition)
    }

    fn tell(&self, outcome: SnapshotOutcome) {
        (self.observer)(&Report::Snapshot { stage: self.stage, outcome });
    }
}

impl Snapshots {
    /// Keeps the newest `keep` snapshots of a partition, one after every so many messages, written by a thread of their own.
    ///
    /// # Errors
    ///
    /// Where the thread cannot be started.
    pub fn new(store: Arc<dyn Store>, every: u64, keep: usize) -> io::Result<Snapshots> {
        let writer = Writer::start(Arc::clone(&store), keep)?;
        Ok(Snapshots { store, every: every.max(1), writer: Arc::new(writer) })
    }

    /// Whether a partition has folded enough since its last snapshot. Partitions take turns, so that not all are written at once.
    pub(super) fn is_due(&self, part: &Part, partition: Partition) -> bool {
        let turn = u64::try_from(partition).unwrap_or(0) % 8;
        part.since >= self.every + self.every / 16 * turn
    }

    /// Takes a snapshot of a partition of which nothing is uncommitted, and hands it to the writer. Where that is still at others, it is
    /// tried again after the next commit; at the last chance the writer is waited for.
    pub(super) fn keep(&self, of: Of<'_>, part: &mut Part, last_chance: Option<Duration>) {
        if part.since == 0 || part.folded > part.committed || part.going_on.is_some() {
            return;
        }
        // Whether it can be written is asked first: making the bytes keeps the partition from its messages.
        if !self.writer.has_room(last_chance.unwrap_or_default()) {
            return last_chance.iter().for_each(|_| of.tell(SnapshotOutcome::PassedOver));
        }
        let Some(state) = part.fold.snapshot() else { return };
        part.since = 0;
        let header = Header {
            made_by: part.fold.made_by(),
            topic: of.topic.to_owned(),
            partition: of.partition,
            next: part.folded,
            last: part.last,
        };
        self.writer.put(Job { place: of.place(), header, state, stage: of.stage, observer: Arc::clone(of.observer) });
    }

    /// Waits at most so long until all that was handed over is written.
    pub(super) fn wait(&self, patience: Duration) {
        self.writer.wait(patience);
    }

    /// Gives an empty fold the state of the newest snapshot that holds, up to what is committed.
    ///
    /// `None` where no snapshot holds, and the fold is as it was.
    pub(super) fn restore(&self, of: Of<'_>, log: &mut impl Log, (fold, committed): (&mut dyn Fold, Offset)) -> Option<Restored> {
        let mut names = match self.store.list(&of.place()) {
            Ok(names) => names,
            Err(error) => {
                tracing::warn!(stage = of.stage, topic = of.topic, partition = of.partition, %error, "snapshots cannot be listed");
                return None;
            }
        };
        names.retain(|name| file::offset_in(name).is_some_and(|next| next <= committed));
        names.sort_by_key(|name| std::cmp::Reverse(file::offset_in(name)));
        names.iter().find_map(|name| match self.try_restore((of, name), log, fold) {
            Ok(restored) => {
                of.tell(SnapshotOutcome::Restored);
                tracing::info!(stage = of.stage, name, committed, "state restored");
                Some(restored)
            }
            Err((outcome, why)) => {
                of.tell(outcome);
                tracing::warn!(stage = of.stage, name, why, "a snapshot is passed over");
                None
            }
        })
    }

    fn try_restore(
        &self,
        (of, name): (Of<'_>, &str),
        log: &mut impl Log,
        fold: &mut dyn Fold,
    ) -> Result<Restored, (SnapshotOutcome, String)> {
        let damaged = |why: String| (SnapshotOutcome::Damaged, why);
        let foreign = |why: &str| (SnapshotOutcome::Foreign, why.to_owned());
        let bytes = self.store.read(name).map_err(|error| damaged(error.to_string()))?;
        let (header, state) = file::read(&bytes).map_err(damaged)?;
        if (header.topic.as_str(), header.partition) != (of.topic, of.partition) || file::offset_in(name) != Some(header.next) {
            return Err(foreign("it is of another partition or offset"));
        }
        if header.made_by != fold.made_by() {
            return Err(foreign("it was made by another build, model or bundle"));
        }
        // A log that was made anew has other messages under the same offsets.
        let appended = match message_before(log, of, header.next) {
            Some(message) if file::hash_of(&message) == header.last => message.timestamp,
            _ => return Err(foreign("the message it ends with is another, or gone")),
        };
        fold.restore(&state).map_err(damaged)?;
        Ok(Restored { next: header.next, last: header.last, appended })
    }
}

fn message_before(log: &mut impl Log, of: Of<'_>, next: Offset) -> Option<Message> {
    let range = Range { topic: of.topic.to_owned(), partition: of.partition, from: next - 1, until: Some(next) };
    let found = log.range(&range).and_then(|mut messages| messages.next().transpose());
    found.unwrap_or_else(|error| {
        tracing::warn!(stage = of.stage, topic = of.topic, partition = of.partition, %error, "the message before a snapshot's end");
        None
    })
}
