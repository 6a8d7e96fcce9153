//! What the system tells about a process: CPU, by process and by thread, and how often threads woke. Changes nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Failure;

/// The unit of CPU times in `/proc`, on every Linux of today.
const TICKS_PER_SECOND: f64 = 100.0;

/// User and system time of all threads of a process, ended ones as well.
pub(crate) fn cpu(pid: u32) -> Result<Duration, Failure> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name, which may hold anything, ends with the last bracket; times are fields 14 and 15, which are the 12th and 13th behind it.
    let rest = text.rsplit_once(')').map(|(_, rest)| rest).ok_or("the system tells no CPU time")?;
    let ticks: f64 = rest.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    Ok(Duration::from_secs_f64(ticks / TICKS_PER_SECOND))
}

/// A figure of each living thread, summed over those with the same name.
pub(crate) type ByName = BTreeMap<String, f64>;

/// Milliseconds that the threads of a process stood on a core, by their names.
pub(crate) fn threads(pid: u32) -> Result<ByName, Failure> {
    each_thread(pid, |task| {
        let text = std::fs::read_to_string(task.join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok().map(|nanoseconds| nanoseconds / 1e6)
    })
}

/// How often the threads of a process went to sleep by themselves, and so were woken, by their names.
pub(crate) fn wakes(pid: u32) -> Result<ByName, Failure> {
    each_thread(pid, |task| {
        let text = std::fs::read_to_string(task.join("status")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        line.trim().parse().ok()
    })
}

fn each_thread(pid: u32, figure: impl Fn(&Path) -> Option<f64>) -> Result<ByName, Failure> {
    let mut found = ByName::new();
    for task in std::fs::read_dir(PathBuf::from(format!("/proc/{pid}/task")))? {
        let task = task?.path();
        // A thread may end while we look.
        let Ok(name) = std::fs::read_to_string(task.join("comm")) else { continue };
        if let Some(figure) = figure(&task) {
            *found.entry(name.trim().to_owned()).or_default() += figure;
        }
    }
    Ok(found)
}
