//! Whether the process lives and is ready, from its workers' light signals. Never waits for a worker.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::{Offset, Partition};
use crate::stream::{Beacon, Report};

/// A partition of a stage.
pub(super) type Place = (&'static str, String, Partition);

/// What is known of the workers.
pub struct Health {
    workers: Vec<(&'static str, usize, Arc<Beacon>)>,
    stuck_after: Duration,
    /// Next and end offset of each partition that is being rebuilt.
    restoring: Mutex<BTreeMap<Place, (Offset, Offset)>>,
}

impl Health {
    /// Over the beacons of all workers: stage, number in the stage, beacon.
    pub fn new(workers: Vec<(&'static str, usize, Arc<Beacon>)>, stuck_after: Duration) -> Health {
        Health { workers, stuck_after, restoring: Mutex::default() }
    }

    /// Takes note of partitions that are being rebuilt.
    pub fn observe(&self, report: &Report<'_>) {
        let mut restoring = self.restoring.lock().unwrap_or_else(PoisonError::into_inner);
        match report {
            Report::Progress { stage, topic, partition, next, end, restoring: true, .. } => {
                restoring.insert((stage, (*topic).to_owned(), *partition), (*next, *end));
            }
            Report::Progress { stage, topic, partition, .. } | Report::Revoked { stage, topic, partition } => {
                restoring.remove(&(*stage, (*topic).to_owned(), *partition));
            }
            _ => {}
        }
    }

    /// Workers that gave no sign for too long: stage, number, how long, and the message in hand.
    pub fn stuck(&self, now: Instant) -> Option<(&'static str, usize, Duration, Arc<Beacon>)> {
        self.workers.iter().find_map(|(stage, number, beacon)| {
            let silence = beacon.silence(now);
            let is_stuck = silence > self.stuck_after && !beacon.ended.load(Ordering::Acquire);
            is_stuck.then(|| (*stage, *number, silence, Arc::clone(beacon)))
        })
    }

    /// `/healthz`: whether all workers are alive, and the body.
    pub fn live(&self, now: Instant) -> (bool, String) {
        let mut missing = Vec::new();
        for (stage, number, beacon) in &self.workers {
            if beacon.ended.load(Ordering::Acquire) {
                missing.push(format!("worker {stage}-{number} has ended"));
            } else if beacon.silence(now) > self.stuck_after {
                missing.push(format!("worker {stage}-{number} gives no sign since {} s", beacon.silence(now).as_secs()));
            }
        }
        let body =
            format!("{{\"live\":{},\"workers\":{},\"missing\":{}}}", missing.is_empty(), self.workers.len(), list(&missing));
        (missing.is_empty(), body)
    }

    /// `/readyz`: whether everything is assigned and restored, and what is missing.
    pub fn ready(&self, now: Instant) -> (bool, String) {
        let (live, _) = self.live(now);
        let mut missing = Vec::new();
        for (stage, number, beacon) in &self.workers {
            if !beacon.started.load(Ordering::Acquire) {
                missing.push(format!("worker {stage}-{number} has no partitions"));
            }
        }
        let restoring = self.restoring.lock().unwrap_or_else(PoisonError::into_inner);
        let partitions: Vec<String> = restoring
            .iter()
            .map(|((stage, topic, partition), (next, end))| {
                format!(
                    "{{\"stage\":\"{stage}\",\"topic\":{},\"partition\":{partition},\"next_offset\":{next},\"end_offset\":{end}}}",
                    quote(topic)
                )
            })
            .collect();
        if !live {
            missing.push("a worker is not alive (see /healthz)".to_owned());
        }
        if !partitions.is_empty() {
            missing.push(format!("{} partitions are being restored", partitions.len()));
        }
        let counts = self.workers.iter().map(|(_, _, beacon)| beacon.assigned.load(Ordering::Relaxed)).sum::<usize>();
        let restoring_now: usize = self.workers.iter().map(|(_, _, beacon)| beacon.restoring.load(Ordering::Acquire)).sum();
        let ready = missing.is_empty() && restoring_now == 0;
        let body = format!(
            "{{\"ready\":{ready},\"assigned\":{counts},\"missing\":{},\"restoring\":[{}]}}",
            list(&missing),
            partitions.join(",")
        );
        (ready, body)
    }
}

fn list(texts: &[String]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| quote(text)).collect();
    format!("[{}]", quoted.join(","))
}

/// A JSON string.
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
