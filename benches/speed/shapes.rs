//! Files as large as they come: a month of Eurostat's bulk file, and a year of US manifests in nine parts that are joined. The real binary
//! reads them to movements, feeds them to an embedded log and assesses them, beside the bare reader of `csv` over the same bytes.
//!
//! Rates go by time on a core, all threads of the process taken together, since what else runs on the machine does not count.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::files::{Parts, eurostat, manifests};
use crate::scale::status;
use crate::table::{Table, Target, say, timed, worked};

type Failure = Box<dyn std::error::Error>;

/// Megabytes of a file where nothing else is said.
const MEGABYTES: u64 = 400;
/// The memory that reading, feeding and assessing may take, whatever the size.
const MEBIBYTES_MAX: f64 = 512.0;
/// The share of the bare reader's rate that reading to movements should have.
const RATE_MIN: f64 = 0.3;

/// A file, or files that are joined.
struct Shape {
    name: &'static str,
    mapping: &'static str,
    write: fn(&mut Parts, u64) -> std::io::Result<u64>,
}

const SHAPES: [Shape; 2] = [
    Shape { name: "Eurostat month", mapping: "eurostat-bulk", write: eurostat },
    Shape { name: "AMS year, joined", mapping: "us-ams", write: manifests },
];

/// What a child took.
struct Took {
    wall: Duration,
    cpu: Duration,
    mebibytes: f64,
}

/// Measures both.
pub(crate) fn measure(megabytes: Option<u64>, table: &mut Table) -> Result<(), Failure> {
    let bytes = megabytes.unwrap_or(MEGABYTES) * 1_000_000;
    SHAPES.iter().try_for_each(|shape| one(shape, bytes, table))
}

fn one(shape: &Shape, bytes: u64, table: &mut Table) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let files = folder.path().join("files");
    let rows = fill(shape, &files, bytes)?;
    let name = shape.name;
    say(&format!("\n{name}: {rows} rows, {} MB", bytes / 1_000_000));
    // Before and after, so that a machine's moods strike both.
    let before = bare(&files)?;
    let nothing = ["--until", "1900-01-01"];
    let read = assess(shape, (&files, folder.path()), &nothing)?;
    let config = format!(
        "[log.embedded]\npath = \"log.db\"\n[[feeds]]\nname = \"shape\"\ntopic = \"shape\"\nmapping = \"{}\"\n",
        shape.mapping
    );
    std::fs::write(folder.path().join("entrepot.toml"), config)?;
    let mut feed = entrepot(folder.path());
    feed.args(["-q", "--config", "entrepot.toml", "feed"]).arg(&files).args(["--feed", "shape"]);
    let fed = took(&mut feed)?;
    let bare = before.min(bare(&files)?);
    let log = std::fs::metadata(folder.path().join("log.db"))?.len();
    for end in ["log.db", "log.db-wal", "log.db-shm"] {
        drop(std::fs::remove_file(folder.path().join(end)));
    }
    let ratio = |took: &Took| bare.as_secs_f64() / took.cpu.as_secs_f64().max(1e-9);
    let detail = |took: &Took| {
        let (wall, cpu) = (took.wall.as_secs_f64(), took.cpu.as_secs_f64());
        format!(
            "{cpu:.1} s on a core, {wall:.1} s in all, beside {:.2} s; {:.2} µs a row",
            bare.as_secs_f64(),
            cpu * 1e6 / rows as f64
        )
    };
    table.add(&format!("{name}: to movements / bare csv"), ratio(&read), Target::AtLeast(RATE_MIN), &detail(&read));
    table.add(&format!("{name}: to movements, peak MiB"), read.mebibytes, Target::AtMost(MEBIBYTES_MAX), "");
    let stands = format!("{}; the log is {:.2} times the file", detail(&fed), log as f64 / bytes as f64);
    table.add(&format!("{name}: feed / bare csv"), ratio(&fed), Target::None, &stands);
    table.add(&format!("{name}: feed, peak MiB"), fed.mebibytes, Target::AtMost(MEBIBYTES_MAX), "");
    let whole = assess(shape, (&files, folder.path()), &[])?;
    let summary: serde_json::Value = serde_json::from_slice(&std::fs::read(folder.path().join("summary.json"))?)?;
    let count = |key: &str| summary[key].as_u64().unwrap_or_default();
    if count("dead_letter") > 0 || count("accepted") == 0 {
        return Err(format!("{name}: the bench's rows keep the rules of their mapping, but: {summary}").into());
    }
    let detail = format!(
        "{} records, {} assessed, {} corridor-months; {:.1} s on a core",
        count("accepted"),
        count("assessed"),
        count("corridors"),
        whole.cpu.as_secs_f64()
    );
    table.add(&format!("{name}: assess, peak MiB"), whole.mebibytes, Target::AtMost(MEBIBYTES_MAX), &detail);
    Ok(())
}

fn fill(shape: &Shape, folder: &Path, bytes: u64) -> Result<u64, Failure> {
    std::fs::create_dir_all(folder)?;
    let mut parts = Parts::new(folder);
    let rows = (shape.write)(&mut parts, bytes)?;
    parts.finish()?;
    Ok(rows)
}

fn entrepot(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_entrepot"));
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn assess(shape: &Shape, (files, folder): (&Path, &Path), more: &[&str]) -> Result<Took, Failure> {
    let mut command = entrepot(folder);
    command.args(["-q", "assess"]).arg(files).args(["--as", shape.mapping, "--feed", "shape", "--summary", "summary.json"]);
    took(command.args(more))
}

/// Runs a child to its end, and looks at its memory meanwhile.
fn took(command: &mut Command) -> Result<Took, Failure> {
    let before = of_children()?;
    let (wall, outcome) = timed(|| -> Result<(bool, u64), Failure> {
        let mut child = command.spawn()?;
        let of = PathBuf::from(format!("/proc/{}/status", child.id()));
        let mut peak = 0;
        loop {
            // The mark only rises, so the last look is the one that counts.
            peak = status(&of, "VmHWM:").unwrap_or(0).max(peak);
            if let Some(ended) = child.try_wait()? {
                return Ok((ended.success(), peak));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let (well, peak) = outcome?;
    if !well {
        return Err(format!("{command:?} failed").into());
    }
    Ok(Took { wall, cpu: of_children()?.saturating_sub(before), mebibytes: peak as f64 / 1_048_576.0 })
}

/// Time on a core of all children that have ended.
fn of_children() -> Result<Duration, Failure> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    let rest = text.rsplit_once(')').map(|(_, rest)| rest).ok_or("the system tells no CPU time")?;
    let ticks: u64 = rest.split_whitespace().skip(13).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    // A hundredth of a second, on every Linux of today.
    Ok(Duration::from_millis(ticks * 10))
}

/// Every row of the files as byte records, which is the least that reading them costs.
fn bare(folder: &Path) -> Result<Duration, Failure> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    files.sort();
    let (time, outcome) = worked(|| -> Result<(), csv::Error> {
        let mut record = csv::ByteRecord::new();
        for file in &files {
            let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_path(file)?;
            while reader.read_byte_record(&mut record)? {
                divan::black_box(&record);
            }
        }
        Ok(())
    });
    outcome?;
    Ok(time)
}
