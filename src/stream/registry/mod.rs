//! The schemas of a registry by their ids: each asked for once, on a thread of its own, and kept. Nobody waits here: who needs one
//! that is still on its way asks again. A schema never changes under its id; that an id is unknown is asked again after a while.

mod client;

use std::collections::BTreeMap;
use std::fmt::{Debug, Formatter};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::clock::now;
use crate::decode::framed::Answer;
use client::Client;

/// Ids that are remembered. Each may be of a message that anybody wrote.
const IDS_MAX: usize = 10_000;

/// Where a registry is, who asks, and with how much patience.
#[derive(Clone, PartialEq, Eq)]
pub struct RegistrySettings {
    /// `http://HOST:PORT` or `https://HOST`, perhaps with a path and `USER:PASSWORD@`.
    pub url: String,
    /// The user, where the registry asks for one.
    pub username: Option<String>,
    /// Its password.
    pub password: Option<String>,
    /// Certificates in PEM that the registry's is signed by; else those that the system trusts.
    pub ca: Option<Vec<u8>>,
    /// How long an answer may take.
    pub patience: Duration,
    /// How long after a question without an answer the next is asked.
    pub again_after: Duration,
    /// How long an id that the registry does not know is not asked for again.
    pub unknown_for: Duration,
}

impl RegistrySettings {
    /// A registry that anybody may ask.
    pub fn at(url: &str) -> RegistrySettings {
        RegistrySettings {
            url: url.to_owned(),
            username: None,
            password: None,
            ca: None,
            patience: Duration::from_secs(10),
            again_after: Duration::from_secs(2),
            unknown_for: Duration::from_secs(60),
        }
    }
}

/// Never with what is secret in it.
impl Debug for RegistrySettings {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegistrySettings").field("patience", &self.patience).finish_non_exhaustive()
    }
}

/// Why a registry gave no answer, or cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Nobody answers, or not as a registry does.
    #[error("no schema registry answers at {url}: {detail} ([schema_registry] url)")]
    Away {
        /// Its address, without user and password.
        url: String,
        /// What happened.
        detail: String,
    },
    /// It refuses us.
    #[error(
        "the schema registry at {url} refuses us: reading schemas ({path}) answers {status} ([schema_registry] username, password_file)"
    )]
    Denied {
        /// Its address.
        url: String,
        /// What was asked for.
        path: String,
        /// 401 or 403.
        status: u16,
    },
    /// Its settings are wrong.
    #[error("[schema_registry] {key}: {detail}")]
    Invalid {
        /// The key.
        key: &'static str,
        /// What is wrong.
        detail: String,
    },
    /// The system gives no thread.
    #[error("the system refuses a thread: {detail}")]
    NoThread {
        /// What it says.
        detail: String,
    },
}

impl RegistryError {
    /// The process's exit code, where this ends it.
    pub fn exit_code(&self) -> u8 {
        match self {
            RegistryError::Away { .. } => 69,
            RegistryError::Denied { .. } => 77,
            RegistryError::Invalid { .. } => 78,
            RegistryError::NoThread { .. } => 75,
        }
    }
}

/// A registry, shared by all folds of a process.
pub struct Registry {
    shared: Arc<Shared>,
    asking: Sender<u32>,
    thread: JoinHandle<()>,
}

struct Shared {
    client: Client,
    again_after: Duration,
    unknown_for: Duration,
    ids: Mutex<BTreeMap<u32, Id>>,
}

/// What is known of an id.
enum Id {
    /// The question is on its way; why the one before came to nothing.
    Asked(Option<String>),
    /// It came to nothing.
    Failed { why: String, again: Instant },
    /// The answer, and until when it holds.
    Answered { answer: Answer, until: Option<Instant> },
}

impl Registry {
    /// Nothing is asked yet.
    pub fn new(settings: RegistrySettings) -> Result<Registry, RegistryError> {
        let RegistrySettings { again_after, unknown_for, .. } = settings;
        let shared = Arc::new(Shared { client: Client::new(settings)?, again_after, unknown_for, ids: Mutex::default() });
        let (asking, asked) = channel();
        let asks = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("schema-registry".to_owned()).spawn(move || asks.serve(&asked));
        let thread = thread.map_err(|error| RegistryError::NoThread { detail: error.to_string() })?;
        Ok(Registry { shared, asking, thread })
    }

    /// Whether a registry answers there, and lets us in. Waits for it.
    pub fn ping(&self) -> Result<(), RegistryError> {
        self.shared.client.ping()
    }

    /// Its address, without user and password.
    pub fn url(&self) -> &str {
        self.shared.client.url()
    }

    /// What is known of an id. `None`: it has been asked for, and the answer is not there yet.
    pub fn get(&self, id: u32) -> Option<Answer> {
        let (now, mut ids) = (now(), self.shared.ids());
        let before = match ids.get(&id) {
            Some(Id::Answered { answer, until }) if until.is_none_or(|until| now < until) => return Some(answer.clone()),
            Some(Id::Asked(_)) => {
                // Else the feed would wait for ever without a word.
                assert!(!self.thread.is_finished(), "the thread that asks the registry lives as long as it does");
                return None;
            }
            Some(Id::Failed { again, .. }) if now < *again => return None,
            Some(Id::Failed { why, .. }) => Some(why.clone()),
            _ => None,
        };
        if ids.len() >= IDS_MAX {
            // It is a cache: what is needed is asked for again.
            ids.retain(|_, known| matches!(known, Id::Asked(_)));
        }
        ids.insert(id, Id::Asked(before));
        self.asking.send(id).expect("the thread that asks the registry lives as long as it does");
        None
    }

    /// What a message waits for that was written by a schema without an answer yet.
    pub fn waiting_for(&self, id: u32) -> String {
        let ids = self.shared.ids();
        match ids.get(&id) {
            Some(Id::Asked(Some(why)) | Id::Failed { why, .. }) => format!("schema {id}: {why}"),
            _ => format!("schema {id}: no answer yet from {}", self.url()),
        }
    }
}

impl Shared {
    fn ids(&self) -> MutexGuard<'_, BTreeMap<u32, Id>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for one id after another, until the registry is dropped.
    fn serve(&self, asked: &Receiver<u32>) {
        for id in asked {
            let known = match self.client.schema(id) {
                Ok(answer) => {
                    let until = matches!(answer, Answer::Unknown(_)).then(|| now() + self.unknown_for);
                    Id::Answered { answer, until }
                }
                Err(error) => Id::Failed { why: error.to_string(), again: now() + self.again_after },
            };
            self.ids().insert(id, known);
        }
    }
}
