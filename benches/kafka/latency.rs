//! At half load: from the append of a record to the commit of what it caused, beside the same of the bare loop, in turns.

use std::time::{Duration, Instant};

use crate::broker::{Broker, Feeder};
use crate::contest::{Contestant, Job, Kind, Told};
use crate::table::{Table, Target, say};
use crate::{Failure, Plan, load, median, world};

/// For how long records come.
const SECONDS: f64 = 10.0;
/// How often the feeder looks which records are due.
const BEAT: Duration = Duration::from_millis(2);

const KINDS: [(Kind, &[&str]); 2] = [(Kind::Bare, &["bare"]), (Kind::Both, &["ingest", "assess"])];

/// Measures it at half of what both stages do of records that come as the world made them, which is less than of a topic that lies there:
/// that is read partition by partition, so days are not gone through one by one. `most` is what they do of such a topic.
pub(crate) fn measure(broker: &Broker, most: f64, (plan, table): (&Plan, &mut Table)) -> Result<(), Failure> {
    let all: Vec<Vec<u8>> = world::records((most * SECONDS) as usize).collect();
    let rate = paced(broker, (Kind::Both, "most."), (&all, most))?.whole.rate() / 2.0;
    let records = all.get(..(rate * SECONDS) as usize).unwrap_or(&all);
    say(&format!("\n{rate:.0} records a second, half of what both stages do of records as they come, for {SECONDS} s"));
    let mut rounds: Vec<Vec<(f64, f64)>> = vec![Vec::new(); 3];
    for round in 0..plan.rounds {
        for (index, (kind, stages)) in KINDS.into_iter().enumerate() {
            let prefix = format!("l{round}-{index}.");
            let told = paced(broker, (kind, &prefix), (records, rate))?;
            say(&format!("  round {round}: {}", load::line(kind, &told)));
            for (place, stage) in stages.iter().enumerate() {
                let latencies = told.latencies_ms.get(*stage).map(Vec::as_slice).unwrap_or_default();
                let found = (quantile(latencies, 0.5), quantile(latencies, 0.99));
                say(&format!("  round {round}: {stage}: median {} ms, p99 {} ms", found.0, found.1));
                rounds.get_mut(index + place).ok_or("three stages in all")?.push(found);
            }
        }
    }
    let [bare, stages @ ..] = rounds.as_slice() else { return Err("three stages in all".into()) };
    for (name, stage) in ["ingest", "assess"].into_iter().zip(stages) {
        let mut compare = |what: &str, of: &dyn Fn(&(f64, f64)) -> f64, target: Target| {
            let ratios: Vec<f64> = stage.iter().zip(bare).map(|(ours, theirs)| of(ours) / of(theirs)).collect();
            let list = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect::<Vec<_>>().join(", ");
            let figures = [median(stage.iter().map(of)), median(bare.iter().map(of))];
            let detail = format!("{:.0} ms beside {:.0}; rounds {list}", figures[0], figures[1]);
            table.add(&format!("{name}: append to commit / bare loop, {what}"), median(ratios.into_iter()), target, &detail);
        };
        compare("median", &|(median, _)| *median, Target::AtMost(3.0));
        compare("p99", &|(_, late)| *late, Target::AtMost(5.0));
    }
    Ok(())
}

/// One contestant on an empty topic, while records come at a rate.
fn paced(broker: &Broker, (kind, prefix): (Kind, &str), (records, rate): (&[Vec<u8>], f64)) -> Result<Told, Failure> {
    let raw = format!("{prefix}raw");
    broker.make(&[&raw])?;
    broker.make_own(prefix)?;
    let mut contestant = Contestant::start(&Job {
        kind,
        bootstrap: broker.bootstrap().to_owned(),
        raw: raw.clone(),
        prefix: prefix.to_owned(),
        records: records.len() as u64,
    })?;
    contestant.wait_until_ready()?;
    let feeder = Feeder::new(broker.bootstrap(), &raw)?;
    let begun = now();
    let mut sent = 0;
    while sent < records.len() {
        let due = (begun.elapsed().as_secs_f64() * rate) as usize;
        for record in records.iter().take(due).skip(sent) {
            feeder.send(sent as u64, record)?;
            sent += 1;
        }
        feeder.poll(BEAT);
    }
    feeder.finish()?;
    let told = contestant.told()?;
    broker.delete_own(prefix)?;
    broker.delete(&[&raw])?;
    Ok(told)
}

/// Of sorted figures, the one below which that share of them lies.
fn quantile(sorted: &[i64], share: f64) -> f64 {
    let place = (sorted.len() as f64 * share) as usize;
    sorted.get(place.min(sorted.len().saturating_sub(1))).map_or(f64::NAN, |figure| *figure as f64)
}

#[expect(clippy::disallowed_methods, reason = "a bench is a clock")]
fn now() -> Instant {
    Instant::now()
}
