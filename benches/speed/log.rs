//! The embedded log end to end beside a bare loop over the same rows, and a replay beside the live run; both without folds as well.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use entrepot::assess::Assess;
use entrepot::decode::Decoder;
use entrepot::domain::Message;
use entrepot::encode::{Effects, Topic};
use entrepot::replay::{Between, Gathered, Rerun, When};
use entrepot::stream::embedded::{EmbeddedLog, Share};
use entrepot::stream::{
    Beacon, Fold, FoldFactory, Folder, Log, NextOffsets, Observer, Outgoing, Range, Report, Snapshots, Stage, Worker,
    WorkerSettings,
};
use rusqlite::{Connection, params};

use crate::table::{Table, Target, each, say, timed, worked};
use crate::world;

const MOVEMENTS: &str = "entrepot.movements";
/// Messages in a transaction of `feed`.
const FED: usize = 1_000;

type Failure = Box<dyn std::error::Error>;

/// How many messages a stage has consumed, in how many transactions.
#[derive(Debug, Default)]
struct Count {
    messages: AtomicU64,
    commits: AtomicU64,
}

/// The folds of both stages.
struct Folds {
    ingest: FoldFactory,
    assess: FoldFactory,
}

/// Messages of the second measure, which holds all they cause in memory.
const WITHOUT_FOLDS: usize = 20_000;

/// Measures them.
pub(crate) fn measure(raw: &[Message], table: &mut Table) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("log.db");
    let mut log = make(&path)?;
    let (live, commits) = timed(|| live(&mut log, raw, real()));
    let commits = commits?;
    let rows = rows(&path)?;
    let file = bare_file(&folder.path().join("bare.db"))?;
    let (bare, done) = timed(|| bare(&rows, &file, commits));
    done?;
    let records = raw.len();
    table.ratio("embedded log end to end / bare SQLite", (live, records), (bare, records), Target::AtLeast(0.4));
    say(&format!(
        "  {} rows, {} MB; {} transactions of feed, {} of ingest, {} of assess",
        rows.iter().map(Vec::len).sum::<usize>(),
        rows.iter().flatten().map(bytes).sum::<usize>() / 1_000_000,
        records.div_ceil(FED),
        commits[0],
        commits[1]
    ));
    drop(rows);
    let (again, outcome) = timed(|| replay(&mut log, &real().assess));
    let outputs = outcome?;
    table.ratio("replay --order log / end to end", (again, records), (live, records), Target::AtLeast(4.0));
    say(&format!("  {outputs} outputs replayed"));
    restart(&log, (&folder.path().join("snapshots"), records), table)
}

/// A start from a snapshot beside a start from the messages, until the state is that of all that is committed.
fn restart(log: &EmbeddedLog, (folder, records): (&Path, usize), table: &mut Table) -> Result<(), Failure> {
    let kept = Snapshots::new(Arc::new(Folder::new(folder)), u64::MAX, 1)?;
    let (folded, from_messages) = timed(|| begin(log, None));
    drop(from_messages?);
    // Takes the state, and lets it be written; none was there to begin from.
    begin(log, Some(kept.clone()))?.drain()?;
    let (restored, from_snapshot) = timed(|| begin(log, Some(kept)));
    drop(from_snapshot?);
    let files = std::fs::read_dir(folder.join(MOVEMENTS).join("0"))?.flatten();
    let bytes: u64 = files.filter_map(|file| file.metadata().ok()).map(|about| about.len()).sum();
    table.ratio("restore a snapshot / fold the same records", (restored, records), (folded, records), Target::AtLeast(20.0));
    say(&format!("  {} bytes a record in the file", bytes / records.max(1) as u64));
    Ok(())
}

/// A worker of assess whose state is that of all that is committed.
fn begin(log: &EmbeddedLog, snapshots: Option<Snapshots>) -> Result<Worker<EmbeddedLog>, Failure> {
    let mut handle = log.another()?;
    let wanted = handle.end_offset(MOVEMENTS, 0)?;
    let mut stage = stage(("assess", MOVEMENTS, real().assess));
    stage.snapshots = snapshots;
    handle.subscribe(&stage.group, &stage.topics, Share { index: 0, of: 1 })?;
    let observer: Observer = Arc::new(|_: &Report<'_>| {});
    let mut worker = Worker::new(handle, (stage, WorkerSettings::default()), observer, Arc::new(Beacon::default()));
    while !worker.standing().values().any(|(next, _)| *next >= wanted) {
        worker.step()?;
    }
    Ok(worker)
}

fn stage((name, topic, folds): (&'static str, &str, FoldFactory)) -> Stage {
    let feeds = [(world::RAW.to_owned(), "sim".to_owned())].into();
    let (group, topics) = (format!("entrepot.{name}"), vec![topic.to_owned()]);
    Stage { name, group, topics, stateful: name == "assess", feeds, folds, snapshots: None, predecessors: None }
}

/// The same with folds that cost nothing, since what they return was made before: what is left is the log's and the loop's own share.
pub(crate) fn without_folds(raw: &[Message], table: &mut Table) -> Result<(), Failure> {
    let raw = raw.get(..WITHOUT_FOLDS).unwrap_or(raw);
    let records = raw.len();
    let folder = tempfile::tempdir()?;
    let first = folder.path().join("first.db");
    let mut log = make(&first)?;
    live(&mut log, raw, real())?;
    let rows = rows(&first)?;
    let mut best = [Duration::MAX; 3];
    for round in 0..3 {
        let path = folder.path().join(format!("{round}.db"));
        let ingest = echo(&caused(&mut log, world::RAW, &real().ingest)?);
        let effects = caused(&mut log, MOVEMENTS, &real().assess)?;
        let (again, assess) = (echo(&effects), echo(&effects));
        drop(effects);
        let mut log = make(&path)?;
        let (time, outcome) = worked(|| live(&mut log, raw, Folds { ingest, assess }));
        let commits = outcome?;
        best[0] = best[0].min(time);
        let file = bare_file(&folder.path().join(format!("bare-{round}.db")))?;
        let (time, outcome) = worked(|| bare(&rows, &file, commits));
        outcome?;
        best[1] = best[1].min(time);
        let (time, outcome) = worked(|| replay(&mut log, &again));
        outcome?;
        best[2] = best[2].min(time);
        std::fs::remove_file(path)?;
    }
    let [live, bare, again] = best;
    table.ratio("log without folds / bare SQLite", (live, records), (bare, records), Target::AtLeast(0.7));
    table.ratio("replay without folds / log without folds", (again, records), (live, records), Target::AtLeast(4.0));
    Ok(())
}

fn real() -> Folds {
    let stage = Arc::new(world::ingest("sim", Decoder::canonical(false)));
    let knowledge = world::knowledge();
    Folds {
        ingest: Arc::new(move |_, _| Box::new(Arc::clone(&stage))),
        assess: Arc::new(move |_, _| Box::new(Assess::new(knowledge.clone()))),
    }
}

/// Gives what it was given, message by message.
struct Echo(Vec<Effects>);

impl Fold for Echo {
    fn apply(&mut self, message: &Message) -> Effects {
        let offset = usize::try_from(message.position.offset).unwrap_or(usize::MAX);
        self.0.get_mut(offset).map(std::mem::take).unwrap_or_default()
    }

    fn state_bytes(&self) -> u64 {
        0
    }
}

/// One fold that gives these.
fn echo(effects: &[Effects]) -> FoldFactory {
    let once = Mutex::new(effects.to_vec());
    Arc::new(move |_, _| Box::new(Echo(once.lock().map(|mut effects| std::mem::take(&mut *effects)).unwrap_or_default())))
}

/// What the messages of a topic cause.
fn caused(log: &mut EmbeddedLog, topic: &str, folds: &FoldFactory) -> Result<Vec<Effects>, Failure> {
    let mut fold = folds(topic, 0);
    let range = Range { topic: topic.to_owned(), partition: 0, from: 0, until: None };
    let mut all = Vec::new();
    for message in log.range(&range)? {
        all.push(fold.apply(&message?));
    }
    Ok(all)
}

fn make(path: &Path) -> Result<EmbeddedLog, Failure> {
    let mut log = EmbeddedLog::create(path)?;
    for topic in [world::RAW, MOVEMENTS, "entrepot.assessments", "entrepot.corridors", "entrepot.alerts", "entrepot.dead-letters"]
    {
        log.create_topic(topic, 1)?;
    }
    Ok(log)
}

/// Feeds, ingests and assesses, one after the other on one thread. Gives the transactions of both stages.
fn live(log: &mut EmbeddedLog, raw: &[Message], folds: Folds) -> Result<[u64; 2], Failure> {
    let (fed, done) = worked(|| feed(log, raw));
    done?;
    let (ingested, first) = worked(|| work(log, ("ingest", world::RAW, folds.ingest)));
    let (assessed, second) = worked(|| work(log, ("assess", MOVEMENTS, folds.assess)));
    let parts = [fed, ingested, assessed].map(|time| format!("{:.0}", each((time, raw.len()))));
    say(&format!("  feed {} ns a record, ingest {}, assess {}", parts[0], parts[1], parts[2]));
    Ok([first?, second?])
}

fn feed(log: &mut EmbeddedLog, raw: &[Message]) -> Result<(), Failure> {
    for messages in raw.chunks(FED) {
        for message in messages {
            let value = message.value.clone();
            log.send(Outgoing { topic: world::RAW.into(), partition: Some(0), key: None, value, headers: Vec::new() })?;
        }
        log.commit(&NextOffsets::new())?;
    }
    Ok(())
}

/// Runs a stage until it has consumed all there is. Gives its transactions.
fn work(log: &EmbeddedLog, (name, topic, folds): (&'static str, &str, FoldFactory)) -> Result<u64, Failure> {
    let mut handle = log.another()?;
    let wanted = u64::try_from(handle.end_offset(topic, 0)?)?;
    let stage = stage((name, topic, folds));
    handle.subscribe(&stage.group, &stage.topics, Share { index: 0, of: 1 })?;
    let count = Arc::new(Count::default());
    let heard = Arc::clone(&count);
    let observer: Observer = Arc::new(move |report| {
        if let Report::Committed(batch) = report {
            heard.messages.fetch_add(batch.messages.values().sum(), Ordering::Relaxed);
            heard.commits.fetch_add(1, Ordering::Relaxed);
        }
    });
    let mut worker = Worker::new(handle, (stage, WorkerSettings::default()), observer, Arc::new(Beacon::default()));
    while count.messages.load(Ordering::Relaxed) < wanted {
        worker.step()?;
    }
    Ok(count.commits.load(Ordering::Relaxed))
}

/// Folds `movements` again as they stand, and sorts and hashes what comes out. Gives how many outputs there were.
fn replay(log: &mut EmbeddedLog, folds: &FoldFactory) -> Result<u64, Failure> {
    let mut gathered = Gathered::new(true);
    let between = Between { from: When::Start, until: When::End, ends: None };
    let (mut read, mut lost) = (|_| {}, |_| Ok(()));
    Rerun { log, movements: MOVEMENTS.to_owned(), gathered: &mut gathered, read: &mut read, lost: &mut lost }
        .assess_as_logged(between, &|| folds(MOVEMENTS, 0))?;
    gathered.settle()?;
    Ok(gathered.sums(&[Topic::Assessments, Topic::Corridors, Topic::Alerts])?.written.values().sum())
}

type Row = (i64, i64, i64, i64, Option<Vec<u8>>, Option<Vec<u8>>, Option<Vec<u8>>);

/// Raw rows, movements, outputs.
type Parts = [Vec<Row>; 3];

fn bytes((_, _, _, _, key, value, headers): &Row) -> usize {
    [key, value, headers].into_iter().flatten().map(Vec::len).sum()
}

/// All rows of a log, in the order in which they were written.
fn rows(log: &Path) -> Result<Parts, Failure> {
    let source = Connection::open(log)?;
    let of = |wanted: &str| -> Result<Vec<Row>, Failure> {
        let query = format!(
            "SELECT m.topic_id, m.partition, m.offset, m.timestamp_ms, m.key, m.value, m.headers FROM messages m \
             JOIN topics t ON t.id = m.topic_id WHERE t.name {wanted} ORDER BY 4, 1, 2, 3"
        );
        let mut statement = source.prepare(&query)?;
        let rows = statement.query_map([], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?))
        })?;
        Ok(rows.collect::<Result<Vec<Row>, rusqlite::Error>>()?)
    };
    Ok([of("= 'raw'")?, of("= 'entrepot.movements'")?, of("NOT IN ('raw', 'entrepot.movements')")?])
}

/// The same rows through bare SQLite: raw rows written, read; movements written, read; outputs written, in as many transactions.
fn bare(parts: &Parts, connection: &Connection, commits: [u64; 2]) -> Result<(), Failure> {
    let [ingest, assess] = commits.map(|commits| usize::try_from(commits).unwrap_or(1).max(1));
    let transactions = [parts[0].len().div_ceil(FED), ingest, assess];
    for (index, (rows, transactions)) in parts.iter().zip(transactions).enumerate() {
        for chunk in rows.chunks(rows.len().div_ceil(transactions).max(1)) {
            write(connection, chunk)?;
        }
        // Nobody reads the outputs.
        if let Some(first) = rows.first().filter(|_| index < 2) {
            read_all(connection, first.0)?;
        }
    }
    Ok(())
}

/// A file for the bare loop, set as the log is.
fn bare_file(path: &Path) -> Result<Connection, Failure> {
    let connection = Connection::open(path)?;
    for (pragma, value) in
        [("page_size", "16384"), ("journal_mode", "WAL"), ("synchronous", "NORMAL"), ("wal_autocheckpoint", "1000")]
    {
        connection.pragma_update_and_check(None, pragma, value, |_| Ok(())).or_else(|error| match error {
            rusqlite::Error::QueryReturnedNoRows => Ok(()),
            other => Err(other),
        })?;
    }
    connection.pragma_update(None, "cache_size", -16_000)?;
    connection.execute_batch(
        "CREATE TABLE messages (topic_id INTEGER NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL, \
         timestamp_ms INTEGER NOT NULL, key BLOB, value BLOB, headers BLOB, PRIMARY KEY (topic_id, partition, offset)) WITHOUT ROWID",
    )?;
    Ok(connection)
}

fn write(connection: &Connection, rows: &[Row]) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    {
        let mut insert = transaction.prepare_cached("INSERT INTO messages VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
        for (topic, partition, offset, at, key, value, headers) in rows {
            insert.execute(params![topic, partition, offset, at, key, value, headers])?;
        }
    }
    transaction.commit()
}

fn read_all(connection: &Connection, topic: i64) -> rusqlite::Result<()> {
    let query = "SELECT offset, timestamp_ms, key, value, headers FROM messages WHERE topic_id = ?1 ORDER BY partition, offset";
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query([topic])?;
    while let Some(row) = rows.next()? {
        divan::black_box((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        for column in 2..5 {
            divan::black_box(row.get::<_, Option<Vec<u8>>>(column)?);
        }
    }
    Ok(())
}
