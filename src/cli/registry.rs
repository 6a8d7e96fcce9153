//! The schema registry of the configuration, for the feeds that stand in its frame.

use std::sync::Arc;

use super::exit::{Exit, Exits, Failure};
use crate::config::{Config, Feed, FeedFormat};
use crate::stream::registry::{Registry, RegistryError, RegistrySettings};

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Failure {
        Failure { exit: Exit::from_code(error.exit_code()), error: error.into() }
    }
}

/// The registry, where one of these feeds needs it. Nobody has asked it anything yet.
pub(super) fn of_feeds(config: &Config, feeds: &[Feed]) -> Result<Option<Arc<Registry>>, Failure> {
    let is_needed = feeds.iter().any(|feed| feed.format.and_then(FeedFormat::framed).is_some());
    if is_needed { configured(config) } else { Ok(None) }
}

/// That of the configuration, where it names one.
pub(super) fn configured(config: &Config) -> Result<Option<Arc<Registry>>, Failure> {
    let set = &config.schema_registry;
    let Some(url) = set.url.as_deref() else { return Ok(None) };
    let ca = match &set.ca_file {
        None => None,
        Some(file) => {
            let read = std::fs::read(file).exits(Exit::Invalid);
            Some(read.map_err(|failure| failure.context(format!("schema_registry.ca_file: reading {}", file.display())))?)
        }
    };
    let settings =
        RegistrySettings { username: set.username.clone(), password: set.password.clone(), ca, ..RegistrySettings::at(url) };
    Ok(Some(Arc::new(Registry::new(settings)?)))
}

/// The same; it must answer.
pub(super) fn answering(config: &Config, feeds: &[Feed]) -> Result<Option<Arc<Registry>>, Failure> {
    let registry = of_feeds(config, feeds)?;
    if let Some(registry) = &registry {
        registry.ping()?;
    }
    Ok(registry)
}
