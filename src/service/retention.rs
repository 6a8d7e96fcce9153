//! Lets go, at start and once a day, what the policies of topics say. On a thread of its own: it may take its time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{Clock, ServiceError};
use crate::domain::Date;
use crate::stream::{Home, TopicPlan};

/// How often the day is looked at.
const LOOK: Duration = Duration::from_secs(60);

/// The thread that does it, with a handle on the log of its own.
pub(super) struct Retention {
    handle: JoinHandle<()>,
    /// Dropping it ends the thread's rest.
    rest: Sender<()>,
}

/// Begins it, where there are such topics. It works on until the flag is up.
pub(super) fn begin(
    log: &dyn Home,
    topics: Vec<TopicPlan>,
    clock: Clock,
    stop: Arc<AtomicBool>,
) -> Result<Option<Retention>, ServiceError> {
    if topics.is_empty() {
        return Ok(None);
    }
    let mut log = log.another()?;
    let (rest, resting) = channel::<()>();
    let body = move || {
        let mut done = None;
        while !stop.load(Ordering::Acquire) {
            let today = (clock.today)();
            if done != Some(today) {
                done = Some(today);
                topics.iter().for_each(|topic| let_go(&mut *log, topic, today, &stop));
            }
            if resting.recv_timeout(LOOK) != Err(RecvTimeoutError::Timeout) {
                break;
            }
        }
    };
    let spawned = std::thread::Builder::new().name("retention".to_owned()).spawn(body);
    let handle = spawned.map_err(|error| ServiceError::NoThreads { detail: error.to_string() })?;
    Ok(Some(Retention { handle, rest }))
}

impl Retention {
    /// Waits for its end once the flag is up, so that its handle on the log is closed; at most until then.
    pub(super) fn end(self, clock: &Clock, deadline: Instant) {
        drop(self.rest);
        while !self.handle.is_finished() && (clock.now)() < deadline {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
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
