//! Kafka Streams doing the same work, in turns with both stages on one topic: records in a second of the client's CPU.
//!
//! Its sources stand beside the repository, in `../shared/peers/kafka-streams` or where `ENTREPOT_SHARED` says, and are built below `target`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::broker::Broker;
use crate::contest::{Job, Kind, Told, run};
use crate::table::{Table, Target, say};
use crate::{Failure, Plan, load, median, setting};

/// The topic that the peer reads, and those it writes; their names stand in its source.
const RAW: &str = "raw";
const OWN: [&str; 3] = ["movements", "assessments", "dead-letters"];
/// A virtual machine needs more records to warm up.
const MORE: u64 = 3;

/// Two runs of the peer, over half of the records and over all: records in a second of CPU, of all, and of what the second run had more.
/// That is warm, and whole: what a single run tells after its first records leaves most of ingest out, which has run ahead by then.
struct Streams {
    whole: f64,
    warm: f64,
}

/// Measures it, where the peer is at hand.
pub(crate) fn measure(broker: &Broker, (plan, table): (&Plan, &mut Table)) -> Result<(), Failure> {
    let Some(source) = source() else {
        say(
            "\nTHE KAFKA STREAMS PEER WAS NOT MEASURED: ../shared/peers/kafka-streams is absent, and ENTREPOT_SHARED names no other",
        );
        return Ok(());
    };
    let peer = Peer::build(&source)?;
    let records = plan.records * MORE;
    let half = records / 2;
    say(&format!("\nKafka Streams, {half} and {records} records"));
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..plan.rounds.min(2) {
        broker.make(&[RAW])?;
        let mut seconds = Vec::new();
        // It reads all that is there: the second half comes after the first run.
        for (seed, all) in [("7", half), ("8", records)] {
            peer.java(&[], "Generate", &[broker.bootstrap(), RAW, &half.to_string(), seed])?;
            seconds.push(peer.run(broker, all)?);
        }
        let [first, both] = seconds.as_slice() else { return Err("two runs".into()) };
        theirs.push(Streams { whole: records as f64 / both, warm: half as f64 / (both - first) });
        let told = entrepot(broker, round, records)?;
        say(&format!("  {}", load::line(Kind::Both, &told)));
        let outcomes: Vec<String> = told.outcomes.iter().map(|(name, count)| format!("{name} {count}")).collect();
        say(&format!("  {}", outcomes.join(", ")));
        ours.push(told);
        broker.delete(&[RAW])?;
    }
    let mut compare = |name: &str, ours: Vec<f64>, theirs: Vec<f64>, target: Target| {
        let ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs).collect();
        let list = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect::<Vec<_>>().join(", ");
        let [ours, theirs] = [ours, theirs].map(|figures| median(figures.into_iter()));
        let detail = format!("{ours:.0} beside {theirs:.0}; rounds {list}");
        table.add(
            &format!("both stages / Kafka Streams, records a CPU second, {name}"),
            median(ratios.into_iter()),
            target,
            &detail,
        );
    };
    // Ours needs no warming up.
    let ours: Vec<f64> = ours.iter().map(|told| told.whole.per_cpu_second()).collect();
    compare("warm", ours.clone(), theirs.iter().map(|run| run.warm).collect(), Target::AtLeast(3.0));
    compare("whole run", ours, theirs.iter().map(|run| run.whole).collect(), Target::AtLeast(5.0));
    Ok(())
}

fn entrepot(broker: &Broker, round: usize, records: u64) -> Result<Told, Failure> {
    let prefix = format!("p{round}.");
    broker.make_own(&prefix)?;
    let told = run(&Job {
        kind: Kind::Both,
        bootstrap: broker.bootstrap().to_owned(),
        raw: RAW.to_owned(),
        prefix: prefix.clone(),
        records,
    })?;
    broker.delete_own(&prefix)?;
    Ok(told)
}

fn source() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let named = setting("ENTREPOT_SHARED").map(PathBuf::from);
    let found = named.into_iter().chain([beside]).map(|folder| folder.join("peers/kafka-streams"));
    found.into_iter().find(|folder| folder.join("pom.xml").is_file())
}

/// The peer, built.
struct Peer {
    folder: PathBuf,
}

impl Peer {
    /// Builds it from its sources.
    fn build(source: &Path) -> Result<Peer, Failure> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peer");
        std::fs::create_dir_all(folder.join("classes"))?;
        std::fs::copy(source.join("pom.xml"), folder.join("pom.xml"))?;
        for tool in ["java", "maven"] {
            done(Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/install")).arg(tool))?;
        }
        let libraries = format!("-DoutputDirectory={}", folder.join("libs").display());
        let copy = ["-B", "-q", "dependency:copy-dependencies", "-DincludeScope=runtime", &libraries];
        done(Command::new("mvn").args(copy).current_dir(&folder))?;
        let mut javac = Command::new("javac");
        javac.args(["-d", "classes", "-cp", "libs/*"]).current_dir(&folder);
        for file in std::fs::read_dir(source.join("src/main/java/entrepot/peer"))? {
            javac.arg(file?.path());
        }
        done(&mut javac)?;
        Ok(Peer { folder })
    }

    /// Runs one of its classes; what it prints.
    fn java(&self, options: &[&str], class: &str, arguments: &[&str]) -> Result<String, Failure> {
        let mut java = Command::new("java");
        java.args(options).args(["-cp", "classes:libs/*", &format!("entrepot.peer.{class}")]).args(arguments);
        done(java.current_dir(&self.folder))
    }

    /// A run of both stages, on fresh topics. Gives the seconds of CPU.
    fn run(&self, broker: &Broker, records: u64) -> Result<f64, Failure> {
        broker.make(&OWN)?;
        let (bootstrap, records) = (format!("bs={}", broker.bootstrap()), format!("n={records}"));
        let arguments = [&bootstrap, &records, "threads=1", "commit=100", "store=rocksdb", "stages=both", "state=state"];
        let said = self.java(&["-Xmx2g"], "Peer", &arguments)?;
        broker.delete(&OWN)?;
        let line = said.lines().find(|line| line.starts_with("STREAMS")).ok_or_else(|| format!("the peer said {said:?}"))?;
        say(&format!("  {line}"));
        let seconds = line.split(" cpu ").nth(1).and_then(|after| after.split(' ').next()?.parse().ok());
        Ok(seconds.ok_or_else(|| format!("the peer said {line:?}"))?)
    }
}

/// What a command prints; it must go well.
fn done(command: &mut Command) -> Result<String, Failure> {
    let output = command.stdin(Stdio::null()).output()?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
