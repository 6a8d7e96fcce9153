//! Lets go, at start and once a day, what the policies of topics say. On a thread of its own: it may take its time, and nothing waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{Clock, ServiceError};
use crate::domain::Date;
use crate::stream::{Home, TopicPlan};

/// How often the day is looked at.
const LOOK: Duration = Duration::from_secs(60);

/// Begins it, where there are such topics. It ends by itself once the flag is up, within [`LOOK`]; nobody need wait for it.
pub(super) fn begin(log: &dyn Home, topics: Vec<TopicPlan>, clock: Clock, stop: Arc<AtomicBool>) -> Result<(), ServiceError> {
    if topics.is_empty() {
        return Ok(());
    }
    let mut log = log.another()?;
    let body = move || {
        let mut done = None;
        while !stop.load(Ordering::Acquire) {
            let today = (clock.today)();
            if done != Some(today) {
                done = Some(today);
                topics.iter().for_each(|topic| let_go(&mut *log, topic, today, &stop));
            }
            std::thread::sleep(LOOK);
        }
    };
    let spawned = std::thread::Builder::new().name("retention".to_owned()).spawn(body);
    spawned.map(drop).map_err(|error| ServiceError::NoThreads { detail: error.to_string() })
}

/// What cannot be removed today is removed tomorrow.
fn let_go(log: &mut dyn Home, topic: &TopicPlan, today: Date, stop: &AtomicBool) {
    let Ok(midnight) = today.to_zoned(jiff::tz::TimeZone::UTC) else { return };
    match log.let_go(topic, midnight.timestamp(), stop) {
        Ok(0) => {}
        Ok(removed) => tracing::info!(topic = topic.name, removed, policy = %topic.policy, "old messages removed"),
        Err(error) => tracing::warn!(topic = topic.name, %error, "old messages stay for now"),
    }
}
