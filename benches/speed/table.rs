//! The measures taken: a line each on the terminal, and all of them as JSON. Decides nothing but whether a target was reached.

use std::time::Duration;

use serde_json::{Value, json};

/// What a figure is held against.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// Reached by this much or more.
    AtLeast(f64),
    /// Reached by this much or less.
    AtMost(f64),
    /// Shown beside others; nothing was promised.
    None,
}

/// The measures of a run.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Value>,
}

impl Table {
    /// Takes a figure and prints it. `detail` says what it was made from.
    pub(crate) fn add(&mut self, name: &str, figure: f64, target: Target, detail: &str) {
        let (wanted, reached) = match target {
            Target::AtLeast(least) => (format!("≥ {least}"), Some(figure >= least)),
            Target::AtMost(most) => (format!("≤ {most}"), Some(figure <= most)),
            Target::None => (String::new(), None),
        };
        let word = reached.map_or("", |reached| if reached { "reached" } else { "NOT reached" });
        say(&format!("{name:<58} {figure:>10.3}  {wanted:<8} {word:<12} {detail}"));
        let bound = match target {
            Target::AtLeast(bound) | Target::AtMost(bound) => Some(bound),
            Target::None => None,
        };
        let kind = match target {
            Target::AtLeast(_) => "at_least",
            Target::AtMost(_) => "at_most",
            Target::None => "none",
        };
        self.rows.push(json!({
            "name": name, "figure": figure, "target": bound, "kind": kind, "reached": reached, "detail": detail
        }));
    }

    /// A rate beside a bare loop's over as many records: above 1 it is the faster one.
    pub(crate) fn ratio(&mut self, name: &str, ours: (Duration, usize), bare: (Duration, usize), target: Target) {
        let (ours, bare) = (each(ours), each(bare));
        self.add(name, bare / ours, target, &format!("{ours:.0} ns a record beside {bare:.0} ns"));
    }

    /// Writes all of it.
    pub(crate) fn write(&self, path: &std::path::Path, records: usize) -> std::io::Result<()> {
        let unreached = self.rows.iter().filter(|row| row["reached"] == false).count();
        say(&format!("\n{} measures, {unreached} targets not reached; {}", self.rows.len(), path.display()));
        std::fs::write(path, serde_json::to_vec_pretty(&json!({ "records": records, "measures": self.rows }))?)
    }
}

/// Nanoseconds a record.
pub(crate) fn each((time, records): (Duration, usize)) -> f64 {
    time.as_nanos() as f64 / records.max(1) as f64
}

/// Takes the time of one run.
#[expect(clippy::disallowed_methods, reason = "a bench is a clock")]
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let started = std::time::Instant::now();
    let made = divan::black_box(work());
    (started.elapsed(), made)
}

/// As above, in time that this thread stood on a core, where the system tells it: what else runs on the machine does not count.
pub(crate) fn worked<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let before = on_core();
    let (elapsed, made) = timed(work);
    let worked = before.zip(on_core()).map(|(before, after)| after.saturating_sub(before));
    (worked.unwrap_or(elapsed), made)
}

fn on_core() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// Runs two loops in turns, so that a machine's moods strike both, and gives the best time of each.
pub(crate) fn in_turns(rounds: usize, ours: &mut dyn FnMut(), bare: &mut dyn FnMut()) -> (Duration, Duration) {
    let mut best = (Duration::MAX, Duration::MAX);
    for _ in 0..rounds {
        best.0 = best.0.min(worked(&mut *ours).0);
        best.1 = best.1.min(worked(&mut *bare).0);
    }
    best
}

/// A line on the terminal.
#[expect(clippy::print_stdout, reason = "the table is the product")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}
