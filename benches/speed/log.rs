//! The embedded log end to end beside a bare loop over the same rows, and a replay beside the live run.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use entrepot::assess::Assess;
use entrepot::decode::Decoder;
use entrepot::domain::Message;
use entrepot::encode::Topic;
use entrepot::replay::{Between, Gathered, Rerun, When};
use entrepot::stream::embedded::{EmbeddedLog, Share};
use entrepot::stream::{Beacon, FoldFactory, Log, NextOffsets, Observer, Outgoing, Report, Stage, Worker, WorkerSettings};
use rusqlite::{Connection, params};

use crate::table::{Table, Target, say, timed};
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

/// Measures them.
pub(crate) fn measure(raw: &[Message], table: &mut Table) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("log.db");
    let mut log = make(&path)?;
    let (live, commits) = timed(|| live(&mut log, raw));
    let commits = commits?;
    let (bare, rows) = bare(&path, &folder.path().join("bare.db"), commits)?;
    let records = raw.len();
    table.ratio("embedded log end to end / bare SQLite", (live, records), (bare, records), Target::AtLeast(0.4));
    say(&format!(
        "  {rows} rows; {} transactions of feed, {} of ingest, {} of assess",
        records.div_ceil(FED),
        commits[0],
        commits[1]
    ));
    let (again, outcome) = timed(|| replay(&mut log));
    let outputs = outcome?;
    table.ratio("replay --order log / end to end", (again, records), (live, records), Target::AtLeast(4.0));
    say(&format!("  {outputs} outputs replayed"));
    Ok(())
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
fn live(log: &mut EmbeddedLog, raw: &[Message]) -> Result<[u64; 2], Failure> {
    for messages in raw.chunks(FED) {
        for message in messages {
            let value = message.value.clone();
            log.send(Outgoing { topic: world::RAW.into(), partition: Some(0), key: None, value, headers: Vec::new() })?;
        }
        log.commit(&NextOffsets::new())?;
    }
    let stage = Arc::new(world::ingest("sim", Decoder::canonical(false)));
    let ingest: FoldFactory = Arc::new(move |_, _| Box::new(Arc::clone(&stage)));
    let knowledge = world::knowledge();
    let assess: FoldFactory = Arc::new(move |_, _| Box::new(Assess::new(knowledge.clone())));
    Ok([work(log, ("ingest", world::RAW, ingest))?, work(log, ("assess", MOVEMENTS, assess))?])
}

/// Runs a stage until it has consumed all there is. Gives its transactions.
fn work(log: &EmbeddedLog, (name, topic, folds): (&'static str, &str, FoldFactory)) -> Result<u64, Failure> {
    let mut handle = log.another()?;
    let wanted = u64::try_from(handle.end_offset(topic, 0)?)?;
    let group = format!("entrepot.{name}");
    handle.subscribe(&group, &[topic.to_owned()], Share { index: 0, of: 1 })?;
    let count = Arc::new(Count::default());
    let heard = Arc::clone(&count);
    let observer: Observer = Arc::new(move |report| {
        if let Report::Committed(batch) = report {
            heard.messages.fetch_add(batch.messages.values().sum(), Ordering::Relaxed);
            heard.commits.fetch_add(1, Ordering::Relaxed);
        }
    });
    let feeds = [(world::RAW.to_owned(), "sim".to_owned())].into();
    let stage = Stage { name, group, topics: vec![topic.to_owned()], stateful: name == "assess", feeds, folds };
    let mut worker = Worker::new(handle, (stage, WorkerSettings::default()), observer, Arc::new(Beacon::default()));
    while count.messages.load(Ordering::Relaxed) < wanted {
        worker.step()?;
    }
    Ok(count.commits.load(Ordering::Relaxed))
}

/// Folds `movements` again as they stand, and sorts and hashes what comes out. Gives how many outputs there were.
fn replay(log: &mut EmbeddedLog) -> Result<u64, Failure> {
    let mut gathered = Gathered::new(false);
    let knowledge = world::knowledge();
    let between = Between { from: When::Start, until: When::End, ends: None };
    let (mut read, mut lost) = (|_| {}, |_| Ok(()));
    Rerun { log, movements: MOVEMENTS.to_owned(), gathered: &mut gathered, read: &mut read, lost: &mut lost }
        .assess_as_logged(between, &|| Box::new(Assess::new(knowledge.clone())))?;
    gathered.settle()?;
    Ok(gathered.sums(&[Topic::Assessments, Topic::Corridors, Topic::Alerts])?.written.values().sum())
}

type Row = (i64, i64, i64, i64, Option<Vec<u8>>, Option<Vec<u8>>, Option<Vec<u8>>);

/// The same rows through bare SQLite: raw rows written, read; movements written, read; outputs written, in as many transactions.
fn bare(log: &Path, path: &Path, commits: [u64; 2]) -> Result<(Duration, usize), Failure> {
    let source = Connection::open(log)?;
    let of = |wanted: &str| -> Result<Vec<Row>, Failure> {
        let query = format!(
            "SELECT m.topic_id, m.partition, m.offset, m.timestamp_ms, m.key, m.value, m.headers FROM messages m \
             JOIN topics t ON t.id = m.topic_id WHERE t.name {wanted} ORDER BY 1, 2, 3"
        );
        let mut statement = source.prepare(&query)?;
        let rows = statement.query_map([], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?))
        })?;
        Ok(rows.collect::<Result<Vec<Row>, rusqlite::Error>>()?)
    };
    let parts = [of("= 'raw'")?, of("= 'entrepot.movements'")?, of("NOT IN ('raw', 'entrepot.movements')")?];
    let total = parts.iter().map(Vec::len).sum();
    let connection = Connection::open(path)?;
    for (pragma, value) in
        [("page_size", "8192"), ("journal_mode", "WAL"), ("synchronous", "NORMAL"), ("wal_autocheckpoint", "2000")]
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
    let [ingest, assess] = commits.map(|commits| usize::try_from(commits).unwrap_or(1).max(1));
    let transactions = [parts[0].len().div_ceil(FED), ingest, assess];
    let (time, done) = timed(|| -> rusqlite::Result<()> {
        for (rows, transactions) in parts.iter().zip(transactions) {
            for chunk in rows.chunks(rows.len().div_ceil(transactions).max(1)) {
                write(&connection, chunk)?;
            }
            if let Some(first) = rows.first() {
                read_all(&connection, first.0)?;
            }
        }
        Ok(())
    });
    done?;
    Ok((time, total))
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
