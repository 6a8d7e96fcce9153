//! What `run --sample` does beside serving: feeds the bundled files once, waits until both stages have drained, closes the days, and
//! prints what was found.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::exit::Failure;
use super::feed::Feeder;
use super::log;
use super::print::{line, table};
use super::sample;
use super::wiring::feeds;
use crate::config::Config;
use crate::domain::Date;
use crate::encode::{Output, Topic};
use crate::replay::{Gathered, Stamp, stamp_of};
use crate::service::Running;
use crate::stream::{Range, write_ticks};

/// Rows of each kind in the table: what a terminal shows at once.
const ROWS_MAX: usize = 12;
const OUTPUTS: [Topic; 3] = [Topic::Assessments, Topic::Corridors, Topic::Alerts];

type Watch<'a> = (&'a Config, &'a AtomicBool);

/// Does all of it; returns early where it is told to stop.
pub(super) fn show(watch: Watch<'_>, running: &mut Running) -> Result<(), Failure> {
    let (config, stop) = watch;
    for feed in feeds(config, true)? {
        for file in sample::files().iter().filter(|file| file.feed == feed.name.as_str()) {
            let handle = running.log().another()?;
            Feeder::new(handle, config, (&feed, None))?.bytes(&file.path, file.bytes())?;
        }
    }
    drain(watch, running)?;
    close_days(watch, running)?;
    if stop.load(Ordering::Acquire) {
        return Ok(());
    }
    table(&found(config, running)?, None, None, ROWS_MAX)?;
    line("")?;
    let page = String::from_utf8_lossy(&running.pages().metrics.render()).into_owned();
    line(&books(&page, "ingest", "consumed", &["accepted", "excluded", "dead_letter"]))?;
    let assessed = ["assessed", "context", "duplicate", "superseded", "cancelled", "tick"];
    line(&books(&page, "assess", "movements", &assessed))?;
    if let Some(address) = running.address() {
        line("")?;
        line(&format!("http://{address}/metrics  http://{address}/healthz  http://{address}/readyz  http://{address}/version"))?;
    }
    line(
        "running until Ctrl-C; try `entrepot explain ID` with a shipment of the table, or FAMILY/CORRIDOR/MONTH, in another terminal",
    )
}

/// Waits until neither stage has anything left to read.
fn drain((config, stop): Watch<'_>, running: &mut Running) -> Result<(), Failure> {
    let prefix = &config.topics.prefix;
    let raw: Vec<String> = feeds(config, true)?.into_iter().map(|feed| feed.topic).collect();
    let movements = [log::full(config, Topic::Movements)];
    let (ingest, assess) = (format!("{prefix}ingest"), format!("{prefix}assess"));
    while !stop.load(Ordering::Acquire) {
        // In this order: what ingest has committed is in movements before its lag is read.
        let left = running.log().lag(&ingest, &raw)? + running.log().lag(&assess, &movements)?;
        if left == 0 {
            return Ok(());
        }
        running.look()?;
        let (is_live, _) = running.pages().health.live(now());
        if !is_live {
            // Its end is reported by the wait that follows.
            stop.store(true, Ordering::Release);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Ends the last day of the sample, until nothing is left over.
fn close_days(watch: Watch<'_>, running: &mut Running) -> Result<(), Failure> {
    let movements = log::full(watch.0, Topic::Movements);
    let Some(closing) = highest_known(running, &movements)?.and_then(|date| date.tomorrow().ok()) else { return Ok(()) };
    loop {
        let before = ends(watch.0, running)?;
        write_ticks(running.log(), &movements, closing)?;
        drain(watch, running)?;
        if ends(watch.0, running)? == before || watch.1.load(Ordering::Acquire) {
            return Ok(());
        }
    }
}

fn highest_known(running: &mut Running, movements: &str) -> Result<Option<Date>, Failure> {
    let mut highest = None;
    for range in partitions(running, movements)? {
        for message in running.log().range(&range)? {
            if let Ok(Stamp::Known(known_from)) = stamp_of(&message?.value.unwrap_or_default()) {
                highest = highest.max(Some(known_from.to_zoned(jiff::tz::TimeZone::UTC).date()));
            }
        }
    }
    Ok(highest)
}

fn ends(config: &Config, running: &mut Running) -> Result<i64, Failure> {
    let mut sum = 0;
    for topic in OUTPUTS {
        let name = log::full(config, topic);
        for range in partitions(running, &name)? {
            sum += running.log().end_offset(&name, range.partition)?;
        }
    }
    Ok(sum)
}

fn partitions(running: &mut Running, topic: &str) -> Result<Vec<Range>, Failure> {
    let described = running.log().topics()?;
    let found = described.iter().find(|found| found.name == topic);
    let count = found.map_or(0, |found| found.partitions);
    Ok((0..count).map(|partition| Range { topic: topic.to_owned(), partition, from: 0, until: None }).collect())
}

/// The last revision of every verdict in the log.
fn found(config: &Config, running: &mut Running) -> Result<Gathered, Failure> {
    let mut gathered = Gathered::new(false);
    for topic in [Topic::Assessments, Topic::Corridors] {
        for range in partitions(running, &log::full(config, topic))? {
            for message in running.log().range(&range)? {
                let message = message?;
                let (Some(key), Some(value)) = (message.key, message.value) else { continue };
                gathered.push(&Output { topic, partition: None, key, value, headers: Vec::new() })?;
            }
        }
    }
    gathered.settle()?;
    Ok(gathered)
}

/// One balance of the books, from the metrics page: so that what is shown is what is counted.
fn books(page: &str, stage: &str, whole: &str, outcomes: &[&str]) -> String {
    let label = format!("stage=\"{stage}\"");
    let sum = |name: &str, outcome: Option<&str>| -> u64 {
        let outcome = outcome.map(|outcome| format!("outcome=\"{outcome}\""));
        let counts = page
            .lines()
            .filter(|line| line.starts_with(name) && line.contains(&label))
            .filter(|line| outcome.as_ref().is_none_or(|outcome| line.contains(outcome)));
        counts.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).map(|count| count as u64).sum()
    };
    let consumed = sum("entrepot_records_consumed_total{", None);
    let parts: Vec<(String, u64)> =
        outcomes.iter().map(|outcome| ((*outcome).to_owned(), sum("entrepot_records_processed_total{", Some(outcome)))).collect();
    let told: u64 = parts.iter().map(|(_, count)| count).sum();
    let shown: Vec<String> = parts.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
    let verdict = if told == consumed { "balanced" } else { "NOT BALANCED" };
    format!("{stage:<8}{consumed} {whole} = {}   {verdict}", shown.join(" + "))
}

#[expect(clippy::disallowed_methods, reason = "health goes by the machine's time")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_books_are_read_from_the_metrics_page() {
        let page = "entrepot_records_consumed_total{stage=\"ingest\",topic=\"a\"} 7\n\
                    entrepot_records_consumed_total{stage=\"ingest\",topic=\"b\"} 3\n\
                    entrepot_records_consumed_total{stage=\"assess\",topic=\"m\"} 4\n\
                    entrepot_records_processed_total{outcome=\"accepted\",stage=\"ingest\"} 8\n\
                    entrepot_records_processed_total{outcome=\"excluded\",stage=\"ingest\"} 2\n";
        let shown = books(page, "ingest", "consumed", &["accepted", "excluded"]);
        assert_eq!(shown, "ingest  10 consumed = 8 accepted + 2 excluded   balanced");
        assert!(books(page, "ingest", "consumed", &["accepted"]).ends_with("NOT BALANCED"));
    }
}
