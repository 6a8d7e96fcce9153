//! The thread that compresses and writes snapshots, so that no partition waits for a disk. Few wait at a time; a failure is a warning.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::file::{self, Header};
use super::{Observer, Report, SnapshotOutcome, Store};

/// How many states may wait: each is as large as a partition's state.
const WAITING_MAX: usize = 2;

/// A state to be written.
pub(super) struct Job {
    pub(super) place: String,
    pub(super) header: Header,
    pub(super) state: Vec<u8>,
    pub(super) stage: &'static str,
    pub(super) observer: Observer,
}

/// The thread, from outside.
pub(super) struct Writer {
    jobs: Sender<Job>,
    waiting: Arc<Waiting>,
}

/// How many states are not written yet.
#[derive(Default)]
struct Waiting {
    count: Mutex<usize>,
    fewer: Condvar,
}

impl Writer {
    pub(super) fn start(store: Arc<dyn Store>, keep: usize) -> io::Result<Writer> {
        let (jobs, work) = channel();
        let waiting = Arc::new(Waiting::default());
        let counted = Arc::clone(&waiting);
        std::thread::Builder::new().name("snapshots".to_owned()).spawn(move || write_all(&work, (&*store, keep), &counted))?;
        Ok(Writer { jobs, waiting })
    }

    /// Whether another state may wait, or may within this time.
    pub(super) fn has_room(&self, patience: Duration) -> bool {
        self.waiting.until(|count| count < WAITING_MAX, patience)
    }

    pub(super) fn put(&self, job: Job) {
        *held(&self.waiting.count) += 1;
        // The thread ends with this sender alone.
        if self.jobs.send(job).is_err() {
            self.waiting.one_less();
        }
    }

    pub(super) fn wait(&self, patience: Duration) {
        if !self.waiting.until(|count| count == 0, patience) {
            tracing::warn!("snapshots are still being written: the next start folds more messages again");
        }
    }
}

impl Waiting {
    fn until(&self, holds: impl Fn(usize) -> bool, patience: Duration) -> bool {
        let count = held(&self.count);
        let waited = self.fewer.wait_timeout_while(count, patience, |count| !holds(*count));
        let (count, _) = waited.unwrap_or_else(PoisonError::into_inner);
        holds(*count)
    }

    fn one_less(&self) {
        *held(&self.count) -= 1;
        self.fewer.notify_all();
    }
}

fn write_all(work: &Receiver<Job>, store: (&dyn Store, usize), waiting: &Waiting) {
    for job in work {
        let done = write(&job, store);
        let outcome = match &done {
            Ok(()) => SnapshotOutcome::Written,
            Err(why) => {
                tracing::warn!(stage = job.stage, place = job.place, why, "a snapshot could not be written");
                SnapshotOutcome::Failed
            }
        };
        (job.observer)(&Report::Snapshot { stage: job.stage, outcome });
        waiting.one_less();
    }
}

fn write(job: &Job, (store, keep): (&dyn Store, usize)) -> Result<(), String> {
    let bytes = file::write(&job.header, &job.state)?;
    let name = format!("{}/{}", job.place, file::name_of(job.header.next, &job.state));
    store.write(&name, &bytes).map_err(|error| error.to_string())?;
    tracing::debug!(stage = job.stage, name, bytes = bytes.len(), "snapshot written");
    // By age, not by offset: those of a log that was since made anew may have any offset.
    let mut names = store.list(&job.place).map_err(|error| error.to_string())?;
    names.truncate(names.len().saturating_sub(keep.max(1)));
    names.iter().try_for_each(|name| store.remove(name)).map_err(|error| error.to_string())
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
