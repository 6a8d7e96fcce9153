//! What librdkafka counts, as ours. Its counts run from a client's birth, and a client is replaced now and then.

use rdkafka::Statistics;

use super::super::Vitals;

/// The counts of a client as last read.
#[derive(Default)]
pub(super) struct Counts {
    born: i64,
    retries: u64,
    timeouts: u64,
}

impl Counts {
    /// What was counted since.
    pub(super) fn vitals(&mut self, client: &'static str, statistics: &Statistics) -> Vitals {
        // In microseconds of the client's own clock, less its age: the same for as long as it lives, give or take a second.
        let born = statistics.ts - statistics.age;
        if (born - self.born).abs() > 1_000_000 {
            *self = Counts { born, ..Counts::default() };
        }
        let retries: u64 = statistics.brokers.values().map(|broker| broker.txretries).sum();
        let timeouts: u64 = statistics.brokers.values().map(|broker| broker.req_timeouts).sum();
        let answers = statistics.brokers.values().filter_map(|broker| broker.rtt.as_ref()).map(|rtt| rtt.p99);
        let fetched = statistics.topics.values().flat_map(|topic| topic.partitions.values()).map(|part| part.fetchq_cnt);
        let vitals = Vitals {
            client,
            retries: retries.saturating_sub(self.retries),
            timeouts: timeouts.saturating_sub(self.timeouts),
            answer_us: answers.max().unwrap_or(0),
            waiting: statistics.msg_cnt + fetched.map(|count| u64::try_from(count).unwrap_or(0)).sum::<u64>(),
        };
        (self.retries, self.timeouts) = (retries, timeouts);
        vitals
    }
}
