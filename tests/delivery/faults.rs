//! The loop against a log that fails by a seed. Two mutants of the loop show that these tests can fail.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use entrepot::domain::{Message, Partition, Position};
use entrepot::encode::Effects;
use entrepot::stream::{
    BatchReport, Beacon, Fold, Log, Observer, Outgoing, Recycle, Report, Snapshots, Stage, Worker, WorkerError,
};

use crate::support::faulty::{Broker, FaultyLog, Forgetful};
use crate::support::store::Rotting;
use crate::support::{Chain, Chance, Echo, assess, ingest, settings, stage};

const INPUT: &str = "input";
const PARTITIONS: usize = 3;
const OUTPUTS: [&str; 4] = ["entrepot.assessments", "entrepot.corridors", "entrepot.movements", "entrepot.dead-letters"];

type Contents = Vec<Vec<Vec<(Vec<u8>, Vec<u8>)>>>;

/// A world with messages in it, of a number and content that the seed says.
fn world(seed: u64) -> Arc<Mutex<Broker>> {
    let mut chance = Chance(seed);
    let mut broker = Broker::default();
    broker.began_ms = i64::try_from(seed).unwrap() * 1_000_000;
    broker.topic(INPUT, PARTITIONS);
    for topic in OUTPUTS {
        broker.topic(topic, PARTITIONS);
    }
    for index in 0..30 + chance.below(90) {
        let word = ["a", "b", "skip", "bad", "c"][chance.below(5) as usize];
        broker.append(Outgoing {
            topic: INPUT.into(),
            partition: Some(Partition::try_from(chance.below(PARTITIONS as u64)).unwrap()),
            key: Some(vec![b'k', chance.below(4) as u8]),
            value: Some(format!("{word}{index}").into_bytes()),
            headers: Vec::new(),
        });
    }
    Arc::new(Mutex::new(broker))
}

/// How a run is to go wrong.
#[derive(Clone, Copy)]
struct Trouble {
    faults: u64,
    members: usize,
    kills: u64,
}

const NONE: Trouble = Trouble { faults: 0, members: 1, kills: 0 };

/// Runs a stage over a world until all input is committed; with trouble at first, then in peace. Gives the outputs and the books.
fn run<L: Log>(
    seed: u64,
    trouble: Trouble,
    stage: &Stage,
    home: impl Fn(FaultyLog) -> L,
) -> (Contents, Vec<BatchReport>, Arc<Mutex<Broker>>) {
    let broker = world(seed);
    let mut chance = Chance(seed ^ 0xfau64);
    let books = Arc::new(Mutex::new(Vec::new()));
    let mut settings = settings();
    settings.records_max = 1 + chance.below(12) as u32;
    for partition in 0..PARTITIONS {
        let place = (INPUT.to_owned(), Partition::try_from(partition).unwrap());
        broker.lock().unwrap().give(place, partition % trouble.members);
    }
    let start = |member: usize, chance: &mut Chance, faults: u64| {
        let log = FaultyLog::new(&broker, (member, trouble.members), Chance(chance.next()), faults);
        let (kept, struck) = (Arc::clone(&books), Arc::clone(&broker));
        let observer: Observer = Arc::new(move |report: &Report<'_>| match report {
            Report::Committed(batch) => kept.lock().unwrap().push((*batch).clone()),
            Report::Snapshot { outcome, .. } => {
                *struck.lock().unwrap().struck.entry(outcome.word()).or_default() += 1;
            }
            _ => {}
        });
        Worker::new(home(log), (stage.clone(), settings.clone()), observer, Arc::new(Beacon::default()))
    };
    let mut workers: Vec<_> = (0..trouble.members).map(|member| start(member, &mut chance, trouble.faults)).collect();
    let troubled = if trouble.faults + trouble.kills > 0 { 200 + chance.below(400) } else { 0 };
    for _ in 0..troubled {
        let member = chance.below(trouble.members as u64) as usize;
        workers[member].step().unwrap();
        if chance.below(1_000) < trouble.kills {
            // As kill -9 does it: nothing is said, nothing is committed, all state is gone.
            workers[member] = start(member, &mut chance, trouble.faults);
        }
    }
    // Peace: members come back, and take up what is committed.
    let mut workers: Vec<_> = (0..trouble.members).map(|member| start(member, &mut chance, 0)).collect();
    let ends: usize = broker.lock().unwrap().topics[INPUT].iter().map(Vec::len).sum();
    for _ in 0..3_000 {
        workers.iter_mut().for_each(|worker| worker.step().unwrap());
        let read: i64 = workers.iter().flat_map(|worker| worker.standing().into_values()).map(|(next, _)| next).sum();
        if read == ends as i64 {
            break;
        }
    }
    workers.iter_mut().for_each(|worker| worker.drain().unwrap());
    let outputs = OUTPUTS.map(|topic| broker.lock().unwrap().contents(topic)).to_vec();
    let books = books.lock().unwrap().clone();
    (outputs, books, broker)
}

/// Outputs of keyed topics as a reader sees them: the order of different keys may differ, since partitions of the input interleave.
fn by_key(contents: &Contents) -> BTreeMap<(usize, usize, Vec<u8>), Vec<Vec<u8>>> {
    let mut keyed: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (topic, partitions) in contents.iter().enumerate() {
        for (partition, messages) in partitions.iter().enumerate() {
            for (key, value) in messages {
                keyed.entry((topic, partition, key.clone())).or_default().push(value.clone());
            }
        }
    }
    keyed
}

/// The outcome of ingest has no order across input partitions: as a multiset.
fn sorted(contents: &Contents) -> Contents {
    let mut sorted = contents.clone();
    sorted.iter_mut().flatten().for_each(|messages| messages.sort());
    sorted
}

#[test]
fn a_thousand_schedules_of_faults_leave_the_outputs_of_a_stateful_stage_as_they_are() {
    let mut struck: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in 0..1_000 {
        let trouble = Trouble { faults: 5 + seed % 40, members: 1 + (seed % 3) as usize, kills: seed % 30 };
        let (calm, ..) = run(seed, NONE, &assess(INPUT), |log| log);
        let (rough, _, broker) = run(seed, trouble, &assess(INPUT), |log| log);
        assert_eq!(by_key(&rough), by_key(&calm), "seed {seed}");
        for (fault, times) in &broker.lock().unwrap().struck {
            *struck.entry(fault).or_default() += times;
        }
    }
    for fault in ["lost", "unheard", "late", "late but there", "revoked", "taken", "refused"] {
        assert!(struck.get(fault).is_some_and(|times| *times > 100), "{fault} hardly struck: {struck:?}");
    }
}

/// A stage that keeps its state after every so many messages.
fn keeping(store: &Arc<Rotting>, every: u64) -> Stage {
    let store: Arc<Rotting> = Arc::clone(store);
    Stage { snapshots: Some(Snapshots::new(store, every, 2).unwrap()), ..assess(INPUT) }
}

#[test]
fn a_thousand_schedules_with_snapshots_that_fail_and_rot_leave_the_outputs_as_they_are() {
    let mut struck: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in 30_000..31_000 {
        let trouble = Trouble { faults: 5 + seed % 40, members: 1 + (seed % 3) as usize, kills: 10 + seed % 30 };
        let (calm, ..) = run(seed, NONE, &assess(INPUT), |log| log);
        let store = Arc::new(Rotting::new(seed, seed % 30));
        let (rough, _, broker) = run(seed, trouble, &keeping(&store, 1 + seed % 7), |log| log);
        assert_eq!(by_key(&rough), by_key(&calm), "seed {seed}");
        for (fault, times) in &broker.lock().unwrap().struck {
            *struck.entry(fault).or_default() += times;
        }
    }
    for outcome in ["written", "restored", "failed", "damaged", "passed_over", "lost", "taken"] {
        assert!(struck.get(outcome).is_some_and(|times| *times > 100), "{outcome} hardly came: {struck:?}");
    }
}

#[test]
fn snapshots_of_a_log_that_was_made_anew_are_of_no_use_to_it() {
    let mut foreign = 0;
    for seed in 0..50 {
        let store = Arc::new(Rotting::new(seed, 0));
        run(seed, NONE, &keeping(&store, 3), |log| log);
        // The same topics and offsets, other messages; with kills, since a first start has nothing committed and restores nothing.
        let (calm, ..) = run(seed + 1_000, NONE, &assess(INPUT), |log| log);
        let kills = Trouble { kills: 30, ..NONE };
        let (again, _, broker) = run(seed + 1_000, kills, &keeping(&store, 1_000), |log| log);
        assert_eq!(by_key(&again), by_key(&calm), "seed {seed}");
        foreign += broker.lock().unwrap().struck.get("foreign").copied().unwrap_or(0);
    }
    assert!(foreign > 20, "{foreign}");
}

#[test]
fn five_hundred_schedules_of_faults_leave_the_outputs_of_a_stateless_stage_as_they_are() {
    for seed in 10_000..10_500 {
        let trouble = Trouble { faults: 5 + seed % 40, members: 1 + (seed % 3) as usize, kills: seed % 30 };
        let (calm, ..) = run(seed, NONE, &ingest(INPUT), |log| log);
        let (rough, ..) = run(seed, trouble, &ingest(INPUT), |log| log);
        assert_eq!(sorted(&rough), sorted(&calm), "seed {seed}");
    }
}

/// Echoes a message once the seed lets it, which it asks each time anew.
struct Hesitant {
    chance: Chance,
    ready: Option<Position>,
}

impl Fold for Hesitant {
    fn waits_for(&mut self, message: &Message) -> Option<String> {
        self.ready = (!self.chance.percent(40)).then(|| message.position.clone());
        self.ready.is_none().then(|| "the seed".to_owned())
    }
    fn apply(&mut self, message: &Message) -> Effects {
        assert_eq!(self.ready.take(), Some(message.position.clone()), "it was asked, and said yes, right before");
        Echo.apply(message)
    }
    fn state_bytes(&self) -> u64 {
        0
    }
}

#[test]
fn messages_that_have_to_wait_under_faults_are_neither_lost_nor_doubled() {
    for seed in 40_000..40_300 {
        let trouble = Trouble { faults: 5 + seed % 40, members: 1 + (seed % 3) as usize, kills: seed % 30 };
        let folds = move |_: &str, partition: Partition| -> Box<dyn Fold> {
            Box::new(Hesitant { chance: Chance(seed ^ partition.unsigned_abs() as u64), ready: None })
        };
        let hesitant = stage("ingest", INPUT, (false, Arc::new(folds)));
        let (calm, ..) = run(seed, NONE, &ingest(INPUT), |log| log);
        for trouble in [NONE, trouble] {
            let (waited, ..) = run(seed, trouble, &hesitant, |log| log);
            assert_eq!(sorted(&waited), sorted(&calm), "seed {seed}");
        }
    }
}

#[test]
fn books_balance_and_count_each_message_once_though_commits_go_unheard() {
    for seed in 20_000..20_200 {
        let trouble = Trouble { faults: 5 + seed % 40, members: 1, kills: 0 };
        for stage in [ingest(INPUT), assess(INPUT)] {
            // One life only, faults or not: what a process that was killed had counted died with it.
            let broker = world(seed);
            (0..3).for_each(|partition| broker.lock().unwrap().give((INPUT.to_owned(), partition), 0));
            let sums = Arc::new(Mutex::new((0, 0)));
            let kept = Arc::clone(&sums);
            let observer: Observer = Arc::new(move |report: &Report<'_>| {
                if let Report::Committed(batch) = report {
                    let mut sums = kept.lock().unwrap();
                    sums.0 += batch.consumed.values().sum::<u64>();
                    sums.1 += batch.outcomes.values().sum::<u64>();
                }
            });
            let log = FaultyLog::new(&broker, (0, 1), Chance(seed), trouble.faults);
            let mut worker = Worker::new(log, (stage, settings()), observer, Arc::new(Beacon::default()));
            for _ in 0..600 {
                worker.step().unwrap();
            }
            worker.log().faults = 0;
            for _ in 0..600 {
                worker.step().unwrap();
            }
            worker.drain().unwrap();
            let (consumed, processed) = *sums.lock().unwrap();
            let messages: usize = broker.lock().unwrap().topics[INPUT].iter().map(Vec::len).sum();
            assert_eq!((consumed, processed), (messages as u64, messages as u64), "seed {seed}");
        }
    }
}

#[test]
fn a_loop_that_forgets_to_rewind_is_caught() {
    let caught = (0..100).filter(|seed| {
        let trouble = Trouble { faults: 30, members: 1, kills: 0 };
        let forgetful = |log| Forgetful { log, forgotten: BTreeMap::new() };
        let (calm, ..) = run(*seed, NONE, &assess(INPUT), |log| log);
        let (rough, ..) = run(*seed, trouble, &assess(INPUT), forgetful);
        by_key(&rough) != by_key(&calm)
    });
    assert!(caught.count() > 50);
}

#[test]
fn a_loop_that_keeps_the_state_of_a_recycled_transaction_is_caught() {
    /// A fold that outlives the loop's forgetting.
    struct Kept(Arc<Mutex<Chain>>);
    impl Fold for Kept {
        fn apply(&mut self, message: &Message) -> Effects {
            self.0.lock().unwrap().apply(message)
        }
        fn state_bytes(&self) -> u64 {
            self.0.lock().unwrap().state_bytes()
        }
    }
    let caught = (0..100).filter(|seed| {
        let kept: Mutex<BTreeMap<Partition, Arc<Mutex<Chain>>>> = Mutex::default();
        let folds = move |_: &str, partition| -> Box<dyn Fold> {
            Box::new(Kept(Arc::clone(kept.lock().unwrap().entry(partition).or_default())))
        };
        let mutant = stage("assess", INPUT, (true, Arc::new(folds)));
        let (calm, ..) = run(*seed, NONE, &assess(INPUT), |log| log);
        let (rough, ..) = run(*seed, Trouble { faults: 30, members: 1, kills: 0 }, &mutant, |log| log);
        by_key(&rough) != by_key(&calm)
    });
    assert!(caught.count() > 50);
}

#[test]
fn a_feed_rests_no_longer_where_nothing_of_it_is_read_any_more() {
    let broker = Arc::new(Mutex::new(Broker::default()));
    let place = |partition: usize| (INPUT.to_owned(), Partition::try_from(partition).unwrap());
    {
        let mut broker = broker.lock().unwrap();
        [INPUT].iter().chain(&OUTPUTS).for_each(|topic| broker.topic(topic, PARTITIONS));
        for index in 0..30 {
            let (topic, partition) = (INPUT.into(), Some(place(index % PARTITIONS).1));
            let value = Some(format!("bad{index}").into_bytes());
            broker.append(Outgoing { topic, partition, key: None, value, headers: Vec::new() });
        }
        (0..PARTITIONS).for_each(|partition| broker.give(place(partition), 0));
    }
    let rests = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&rests);
    let observer: Observer = Arc::new(move |report: &Report<'_>| {
        if let Report::Paused { feed, paused } = report {
            told.lock().unwrap().push((feed.to_string(), *paused));
        }
    });
    let mut settings = settings();
    settings.dead_letter_run_max = 5;
    let log = FaultyLog::new(&broker, (0, 2), Chance(1), 0);
    let mut worker = Worker::new(log, (ingest(INPUT), settings), observer, Arc::new(Beacon::default()));
    let mut said = || {
        (0..100).for_each(|_| worker.step().unwrap());
        rests.lock().unwrap().clone()
    };
    let told = |paused| ("test-feed".to_owned(), paused);
    assert_eq!(said(), [told(true)]);
    (1..PARTITIONS).for_each(|partition| broker.lock().unwrap().give(place(partition), 1));
    assert_eq!(said(), [told(true)], "one partition of it is left");
    broker.lock().unwrap().give(place(0), 1);
    assert_eq!(said(), [told(true), told(false)]);
}

/// How a worker ends none of whose transactions is committed, which may have three of them; and how many were recycled.
fn ended_by(why: Recycle) -> (Option<WorkerError>, u64) {
    let broker = world(1);
    (0..3).for_each(|partition| broker.lock().unwrap().give((INPUT.to_owned(), partition), 0));
    let mut log = FaultyLog::new(&broker, (0, 1), Chance(1), 100);
    log.why = why;
    let mut settings = settings();
    settings.recycles_max = 3;
    let recycled = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&recycled);
    let observer: Observer = Arc::new(move |report: &Report<'_>| {
        count.fetch_add(u64::from(matches!(report, Report::Recycled { .. })), Ordering::Relaxed);
    });
    let mut worker = Worker::new(log, (assess(INPUT), settings), observer, Arc::new(Beacon::default()));
    let error = (0..10_000).find_map(|_| worker.step().err());
    (error, recycled.load(Ordering::Relaxed))
}

#[test]
fn a_spent_recycle_budget_ends_the_worker_with_75() {
    let (error, recycled) = ended_by(Recycle::Trouble);
    let error = error.expect("every commit fails");
    assert!(error.exit_code() == 75 && recycled == 4, "{recycled}: {error}");
}

#[test]
fn rebalances_do_not_spend_the_recycle_budget() {
    let (error, recycled) = ended_by(Recycle::Rebalance);
    assert!(error.is_none() && recycled > 10, "{recycled}: {error:?}");
}
