//! At full load: the stages beside the bare loop, each in a process of its own, in turns over the same records.

use std::collections::BTreeMap;

use crate::broker::Broker;
use crate::contest::{Job, Kind, Told, run};
use crate::table::{Table, Target, say};
use crate::{Failure, Plan, median};

const KINDS: [Kind; 5] = [Kind::Bare, Kind::Same, Kind::Ingest, Kind::Both, Kind::Plain];

/// Measures it on a topic that holds so many records. Gives the records a second of both stages.
pub(crate) fn measure(broker: &Broker, raw: &str, (plan, table): (&Plan, &mut Table)) -> Result<f64, Failure> {
    let mut rounds: BTreeMap<usize, Vec<Told>> = BTreeMap::new();
    // The first round warms the broker and does not count.
    for round in 0..=plan.rounds {
        for (index, kind) in KINDS.into_iter().enumerate() {
            let prefix = format!("r{round}-{index}.");
            broker.make_own(&prefix)?;
            let job = Job {
                kind,
                bootstrap: broker.bootstrap().to_owned(),
                raw: raw.to_owned(),
                prefix: prefix.clone(),
                records: plan.records,
            };
            let told = run(&job)?;
            broker.delete_own(&prefix)?;
            say(&format!("  round {round}: {}", line(kind, &told)));
            if round > 0 {
                rounds.entry(index).or_default().push(told);
            }
        }
    }
    let of = |index: usize| rounds.get(&index).map(Vec::as_slice).unwrap_or_default();
    let (bare, same, ingest, both, plain) = (of(0), of(1), of(2), of(3), of(4));
    let rate = |told: &Told| told.whole.rate();
    let cpu = |told: &Told| told.whole.cpu_us();
    let mut compare = |name: &str, figures: (&[Told], &[Told]), of: &dyn Fn(&Told) -> f64, target: Target, unit: &str| {
        let ratios: Vec<f64> = figures.0.iter().zip(figures.1).map(|(ours, theirs)| of(ours) / of(theirs)).collect();
        let list = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect::<Vec<_>>().join(", ");
        let both = [figures.0, figures.1].map(|told| median(told.iter().map(of)));
        let detail = format!("{:.1} {unit} beside {:.1}; rounds {list}", both[0], both[1]);
        table.add(name, median(ratios.iter().copied()), target, &detail);
    };
    compare("ingest / bare loop, records a second", (ingest, bare), &rate, Target::AtLeast(0.8), "/s");
    compare("ingest / bare loop that writes as much, records a second", (ingest, same), &rate, Target::AtLeast(0.8), "/s");
    compare("ingest / bare loop that writes as much, client CPU", (ingest, same), &cpu, Target::AtMost(2.0), "µs");
    compare("ingest / bare loop without transactions, client CPU", (ingest, plain), &cpu, Target::AtMost(2.0), "µs");
    compare("ingest / bare loop with transactions, client CPU", (ingest, bare), &cpu, Target::None, "µs");
    compare("both stages / bare loop, records a second", (both, bare), &rate, Target::AtLeast(0.5), "/s");
    compare("both stages / bare loop that writes as much, records a second", (both, same), &rate, Target::AtLeast(0.5), "/s");
    compare("both stages / bare loop, client CPU", (both, bare), &cpu, Target::None, "µs");
    compare("bare loop without transactions / with, records a second", (plain, bare), &rate, Target::None, "/s");
    Ok(median(both.iter().map(rate)))
}

/// A run in a line.
pub(crate) fn line(kind: Kind, told: &Told) -> String {
    let whole = told.whole;
    let mut threads: Vec<_> = told.threads.iter().collect();
    threads.sort_by(|a, b| b.1.total_cmp(a.1));
    let threads: Vec<String> = threads.into_iter().take(6).map(|(name, ms)| format!("{name} {ms:.0}")).collect();
    format!(
        "{kind:?}: {} records in {:.2} s, {:.0}/s, {:.1} µs of CPU each, {} written, {} commits; CPU ms: {}",
        whole.records,
        whole.seconds,
        whole.rate(),
        whole.cpu_us(),
        told.written,
        told.commits,
        threads.join(", ")
    )
}
