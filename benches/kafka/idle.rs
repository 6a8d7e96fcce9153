//! `run` on a Kafka that nobody writes to: how often its threads wake, by their names.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::broker::Broker;
use crate::table::{Table, Target, say};
use crate::{Failure, proc};

/// How long is counted.
const WINDOW: Duration = Duration::from_secs(20);
/// How long it has to calm down after its start.
const CALM: Duration = Duration::from_secs(10);
/// How long it has to start.
const START: Duration = Duration::from_secs(60);

/// Measures it.
pub(crate) fn measure(broker: &Broker, table: &mut Table) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let config = format!(
        "[service]\nhttp_listen = \"127.0.0.1:0\"\n[log]\nkind = \"kafka\"\n[log.kafka]\nbootstrap_servers = \"{}\"\n\
         [topics]\nprefix = \"idle.\"\nreplication_factor = 1\n[[feeds]]\nname = \"idle\"\nmapping = \"canonical\"\n",
        broker.bootstrap()
    );
    std::fs::write(folder.path().join("entrepot.toml"), config)?;
    let said = folder.path().join("run.log");
    let mut command = Command::new(env!("CARGO_BIN_EXE_entrepot"));
    command.args(["--log", "json", "run"]).current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::null());
    let service = Service(command.stderr(File::create(&said)?).spawn()?);
    wait_for(&said, "\"assess\"")?;
    std::thread::sleep(CALM);
    let pid = service.0.id();
    let (before, cpu) = (proc::wakes(pid)?, proc::cpu(pid)?);
    std::thread::sleep(WINDOW);
    let (after, cpu) = (proc::wakes(pid)?, proc::cpu(pid)?.saturating_sub(cpu));
    let seconds = WINDOW.as_secs_f64();
    let mut names: Vec<(f64, &str)> =
        after.iter().map(|(name, count)| ((count - before.get(name).unwrap_or(&0.0)) / seconds, name.as_str())).collect();
    names.sort_by(|a, b| b.0.total_cmp(&a.0));
    let count = std::fs::read_dir(format!("/proc/{pid}/task"))?.count();
    say(&format!(
        "\nidle: {count} threads; wakes a second, by name, and all of them on {:.2} % of a core",
        cpu.as_secs_f64() / seconds * 100.0
    ));
    for (wakes, name) in &names {
        say(&format!("  {name:<16} {wakes:>8.1}"));
    }
    let sum = names.iter().map(|(wakes, _)| wakes).sum();
    let detail = names.iter().take(8).map(|(wakes, name)| format!("{name} {wakes:.0}")).collect::<Vec<_>>().join(", ");
    table.add("idle service, wakes a second of all its threads", sum, Target::AtMost(50.0), &detail);
    Ok(())
}

/// Waits until both stages hold partitions.
fn wait_for(said: &Path, words: &str) -> Result<(), Failure> {
    let until = now() + START;
    loop {
        let text = std::fs::read_to_string(said)?;
        if text.lines().any(|line| line.contains("assigned") && line.contains(words)) {
            return Ok(());
        }
        if now() >= until {
            return Err(format!("the service does not start: {text}").into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Ends with the bench, whatever happens.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[expect(clippy::disallowed_methods, reason = "a bench is a clock")]
fn now() -> Instant {
    Instant::now()
}
