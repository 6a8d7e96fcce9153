//! `topics`: what there should be, making it, comparing.

use super::args::{TopicsAction, TopicsArgs};
use super::exit::{Exit, Failure, Outcome};
use super::log;
use super::print::line;
use super::wiring::feeds;
use crate::config::Config;
use crate::stream::{Home, LogError, TopicPlan};

/// Runs it.
pub(super) fn run(config: &Config, args: &TopicsArgs) -> Outcome {
    let planned = log::planned(config, &feeds(config, false)?);
    match args.action {
        TopicsAction::Plan => {
            let width = planned.iter().map(|topic| topic.name.len()).max().unwrap_or(0);
            line(&format!("{:width$}  PARTITIONS  {:28}  HOLDS", "TOPIC", "POLICY"))?;
            for topic in &planned {
                line(&format!("{:width$}  {:>10}  {:28}  {}", topic.name, topic.partitions, topic.policy, topic.holds))?;
            }
            Ok(Exit::Done)
        }
        TopicsAction::Create => {
            let mut log = log::create(config)?;
            let new = log::create_topics(&mut *log, &planned)?;
            new.iter().try_for_each(|name| line(&format!("created {name}")))?;
            tracing::info!(created = new.len(), there_before = planned.len() - new.len(), "topics are in place");
            Ok(Exit::Done)
        }
        TopicsAction::Verify => {
            let mut log = log::open(config)?;
            let mut exit = Exit::Done;
            for topic in &planned {
                let name = &topic.name;
                match log.faults(topic) {
                    Ok(faults) if faults.is_empty() => line(&format!("ok       {name}"))?,
                    Ok(faults) => {
                        line(&format!("differs  {name}: {}", faults.join("; ")))?;
                        exit = Exit::No;
                    }
                    Err(LogError::UnknownTopic { .. }) => {
                        line(&format!("missing  {name}: {}", missing(&mut *log, topic)?))?;
                        exit = Exit::No;
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            Ok(exit)
        }
    }
}

/// What is to be done about a topic that is missing.
pub(super) fn missing(log: &mut dyn Home, topic: &TopicPlan) -> Result<String, Failure> {
    match log.may_create(topic) {
        Ok(()) => Ok("`entrepot topics create` makes it".to_owned()),
        Err(error @ (LogError::Unmakeable { .. } | LogError::Denied { .. })) => Ok(error.to_string()),
        Err(error) => Err(error.into()),
    }
}
