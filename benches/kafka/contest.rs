//! A contestant in a process of its own, so that its CPU is nobody else's: what it is to do, and what it tells when it has done it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::table::say;
use crate::{Failure, bare, proc, stages};

/// Where a process finds what it is to do: then it is a contestant, and no bench.
pub(crate) const JOB: &str = "ENTREPOT_BENCH_JOB";
/// What a contestant says once it holds its partitions.
const READY: &str = "ready";

/// Who runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// The bare loop, with a transaction each interval.
    Bare,
    /// The same, but what it writes is as many messages as ingest makes of the records, as long, with as many headers.
    Same,
    /// The bare loop without transactions.
    Plain,
    /// The ingest stage alone.
    Ingest,
    /// Both stages in one process.
    Both,
}

/// What a contestant is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    /// Who.
    pub(crate) kind: Kind,
    /// Where the broker is.
    pub(crate) bootstrap: String,
    /// The topic to read.
    pub(crate) raw: String,
    /// What its own topics, groups and ids begin with.
    pub(crate) prefix: String,
    /// How many records to do.
    pub(crate) records: u64,
}

/// What a contestant tells.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Told {
    /// Records done.
    pub(crate) records: u64,
    /// Of the whole run, from the first record in hand to the last commit.
    pub(crate) whole: Cost,
    /// Messages written.
    pub(crate) written: u64,
    /// Transactions.
    pub(crate) commits: u64,
    /// From the append of an input to the commit of its outputs, by stage, in milliseconds, sorted.
    pub(crate) latencies_ms: BTreeMap<String, Vec<i64>>,
    /// What became of records, and how often.
    pub(crate) outcomes: BTreeMap<String, u64>,
    /// CPU of each thread, in milliseconds, from its start.
    pub(crate) threads: proc::ByName,
}

/// What some records cost.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Cost {
    pub(crate) records: u64,
    pub(crate) seconds: f64,
    pub(crate) cpu_seconds: f64,
}

impl Cost {
    /// Records a second.
    pub(crate) fn rate(&self) -> f64 {
        self.records as f64 / self.seconds
    }

    /// CPU of a record, in microseconds.
    pub(crate) fn cpu_us(&self) -> f64 {
        self.cpu_seconds * 1e6 / self.records as f64
    }

    /// Records in a second of CPU.
    pub(crate) fn per_cpu_second(&self) -> f64 {
        self.records as f64 / self.cpu_seconds
    }
}

/// Takes the time while a contestant works.
#[derive(Debug, Default)]
pub(crate) struct Watch(Mutex<Marks>);

#[derive(Debug, Default)]
struct Marks {
    begin: Option<Mark>,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    at: std::time::Instant,
    cpu: Duration,
    records: u64,
}

impl Mark {
    #[expect(clippy::disallowed_methods, reason = "a bench is a clock")]
    fn now(records: u64) -> Mark {
        let cpu = proc::cpu(std::process::id()).unwrap_or_default();
        Mark { at: std::time::Instant::now(), cpu, records }
    }

    fn since(&self, earlier: &Mark) -> Cost {
        Cost {
            records: self.records.saturating_sub(earlier.records),
            seconds: self.at.saturating_duration_since(earlier.at).as_secs_f64(),
            cpu_seconds: self.cpu.saturating_sub(earlier.cpu).as_secs_f64(),
        }
    }
}

impl Watch {
    /// The first record is in hand.
    pub(crate) fn begin(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).begin.get_or_insert_with(|| Mark::now(0));
    }

    /// All are done: notes what the whole cost, and the threads, which all live still.
    pub(crate) fn end(&self, records: u64, told: &mut Told) -> Result<(), Failure> {
        let end = Mark::now(records);
        let begin = self.0.lock().unwrap_or_else(PoisonError::into_inner).begin;
        (told.records, told.whole) = (records, begin.map(|begin| end.since(&begin)).unwrap_or_default());
        told.threads = proc::threads(std::process::id())?;
        Ok(())
    }
}

/// Does the job this process was started for, if it was.
pub(crate) fn contest(job: &str) -> Result<(), Failure> {
    let job: Job = serde_json::from_str(job)?;
    let mut told = match job.kind {
        Kind::Bare | Kind::Same => bare::transactional(&job)?,
        Kind::Plain => bare::plain(&job)?,
        Kind::Ingest | Kind::Both => stages::run(&job)?,
    };
    told.latencies_ms.values_mut().for_each(|latencies| latencies.sort_unstable());
    say(&serde_json::to_string(&told)?);
    // All is committed; ending clients takes seconds and shows nothing.
    std::process::exit(0)
}

/// Says that the partitions are in hand.
pub(crate) fn ready() {
    say(READY);
}

/// A contestant at work.
pub(crate) struct Contestant {
    job: Job,
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Contestant {
    /// Starts one.
    pub(crate) fn start(job: &Job) -> Result<Contestant, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.env(JOB, serde_json::to_string(job)?).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let lines = BufReader::new(child.stdout.take().ok_or("the child has no output")?).lines();
        Ok(Contestant { job: job.clone(), child, lines })
    }

    /// Waits until it holds its partitions.
    pub(crate) fn wait_until_ready(&mut self) -> Result<(), Failure> {
        match self.lines.next() {
            Some(Ok(line)) if line == READY => Ok(()),
            said => Err(format!("{:?} is not ready, it says {said:?}", self.job.kind).into()),
        }
    }

    /// Waits until it is done.
    pub(crate) fn told(mut self) -> Result<Told, Failure> {
        let mut last = String::new();
        for line in &mut self.lines {
            last = line?;
        }
        let status = self.child.wait()?;
        let told = serde_json::from_str(&last);
        told.map_err(|error| format!("{:?} ended with {status}: {error}; it said {last:?}", self.job.kind).into())
    }
}

impl Drop for Contestant {
    /// A bench that fails leaves nothing running.
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs one from its start to its end.
pub(crate) fn run(job: &Job) -> Result<Told, Failure> {
    let mut contestant = Contestant::start(job)?;
    contestant.wait_until_ready()?;
    contestant.told()
}
