//! What can go wrong between us and a log, and the exit code of each. Never about the content of a message.

use crate::domain::{Offset, Partition};

/// A log failed, or refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// There is no log.
    #[error("no log at {path} (`entrepot topics create` makes one; [log.embedded] path says where)")]
    NoLog {
        /// Where it was looked for.
        path: String,
    },
    /// There is something, but it cannot be opened.
    #[error("the log at {path} cannot be opened: {detail}")]
    CannotOpen {
        /// Where.
        path: String,
        /// What the system says.
        detail: String,
    },
    /// Another process holds the lease.
    #[error(
        "lease {lease:?} of the log is held by {instance:?} (process {pid} on {host}, last heartbeat {age_seconds} s ago): stop it, or wait"
    )]
    LeaseHeld {
        /// The lease's name.
        lease: String,
        /// The instance that holds it.
        instance: String,
        /// Its process.
        pid: u32,
        /// Its machine.
        host: String,
        /// How old its last heartbeat is.
        age_seconds: i64,
    },
    /// The lease was ours and is another's now.
    #[error("lease {lease:?} was lost: {instance:?} (process {pid}) has taken it over")]
    LeaseLost {
        /// The lease's name.
        lease: String,
        /// Who has it.
        instance: String,
        /// Its process.
        pid: u32,
    },
    /// The lease was ours and is nobody's now.
    #[error("lease {lease:?} was lost: no sign came from here for too long, and another process had it meanwhile")]
    LeaseGone {
        /// The lease's name.
        lease: String,
    },
    /// The file that is being served is no longer the one at its path.
    #[error(
        "the log at {path} was removed or replaced under a running service: what others write there is never read. Put the file back, and its -wal with it, then start again"
    )]
    Replaced {
        /// Where it was.
        path: String,
    },
    /// What lies beside the file was written after another state of it.
    #[error(
        "{path}-wal does not go on from {path}, and would tear it apart: was another copy of the file put back beside it? Put back the copy that belongs to the -wal; or, to begin from the file as it is, remove {path}-wal and {path}-shm"
    )]
    OtherWal {
        /// Where the file is.
        path: String,
    },
    /// The topic is not there.
    #[error("no topic {topic:?} in the log (`entrepot topics create` makes those of the configuration)")]
    UnknownTopic {
        /// Its name.
        topic: String,
    },
    /// The topic has no such partition.
    #[error("topic {topic:?} has {partitions} partitions, there is no partition {partition}")]
    UnknownPartition {
        /// The topic.
        topic: String,
        /// The partition asked for.
        partition: Partition,
        /// How many there are.
        partitions: Partition,
    },
    /// The topic has another number of partitions than is wanted.
    #[error(
        "topic {topic:?} has {found} partitions, the configuration wants {wanted}: keys would move and state would split; set {found}, or start a new log"
    )]
    Repartitioned {
        /// The topic.
        topic: String,
        /// What it has.
        found: Partition,
        /// What was asked for.
        wanted: Partition,
    },
    /// A topic of ours has got more partitions than it was made with.
    #[error(
        "topic {topic:?} has {found} partitions, but the log was made with {made}: new messages of a key would come to another partition than its state. Partitions cannot be taken back: start a new log under another topics.prefix"
    )]
    Grown {
        /// The topic.
        topic: String,
        /// What it has.
        found: Partition,
        /// What it had when the log was made.
        made: Partition,
    },
    /// A topic was deleted, and one of its name was made.
    #[error(
        "topic {topic:?} was deleted and made again since group {group} read it: its offsets are of other messages. Start a new log under another topics.prefix; of a raw topic, kafka-consumer-groups --reset-offsets --to-earliest takes all that it holds"
    )]
    MadeAgain {
        /// The topic.
        topic: String,
        /// The group.
        group: String,
    },
    /// A topic that is being read was deleted.
    #[error(
        "topic {topic:?} was deleted while group {group} read it: start a new log under another topics.prefix; of a raw topic, take its feed out of the configuration"
    )]
    Deleted {
        /// The topic.
        topic: String,
        /// The group.
        group: String,
    },
    /// A committed offset lies behind the end.
    #[error(
        "{topic}/{partition} ends at {end}, but {committed} is committed: the log was truncated or made again; start a new log under another topics.prefix. Of a raw topic, kafka-consumer-groups --reset-offsets --to-earliest takes all that it holds"
    )]
    Truncated {
        /// The topic.
        topic: String,
        /// The partition.
        partition: Partition,
        /// What was committed.
        committed: Offset,
        /// Where it ends.
        end: Offset,
    },
    /// A position of the embedded log lies behind the end.
    #[error(
        "{topic}/{partition} ends at {end}, but {committed} is committed: the file was changed by other hands; put a copy of it back, or start a new log ([log.embedded] path) and feed again"
    )]
    Inconsistent {
        /// The topic.
        topic: String,
        /// The partition.
        partition: Partition,
        /// What was committed.
        committed: Offset,
        /// Where it ends.
        end: Offset,
    },
    /// The keys of `movements` were made by another family map.
    #[error(
        "movements of this log are keyed by family map {found}, the reference bundle has {wanted}: use the old bundle, or ingest the raw topics into a new log; a bounded run can read them anew, with replay --stage all --order known"
    )]
    FamilyMapChanged {
        /// What the log was made with.
        found: String,
        /// What the bundle has.
        wanted: String,
    },
    /// The file was written by another version.
    #[error("the log has format {found}, this build reads {supported}")]
    Format {
        /// What it says.
        found: String,
        /// What we read.
        supported: u32,
    },
    /// Scratch space failed.
    #[error("scratch space in {folder} failed while {doing}: {detail}; free some, or set TMPDIR")]
    Scratch {
        /// The folder.
        folder: String,
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        detail: String,
    },
    /// Others kept the log busy for too long.
    #[error("the log stayed busy while {doing}: another process holds its write lock")]
    Busy {
        /// What we were at.
        doing: &'static str,
    },
    /// The brokers did not do in time what was asked of them.
    #[error("{doing} came to nothing within {seconds} s: topic {topic:?}, brokers {servers}")]
    InVain {
        /// What we were at.
        doing: &'static str,
        /// The topic.
        topic: String,
        /// The brokers.
        servers: String,
        /// How long we were at it.
        seconds: u64,
    },
    /// The store failed: disk full, I/O error.
    #[error("the log failed while {doing}: {detail}")]
    Store {
        /// What we were at.
        doing: &'static str,
        /// What the store says.
        detail: String,
    },
    /// A property of the client that cannot be taken.
    #[error("log.kafka.properties: {property}: {why}")]
    Property {
        /// Its name.
        property: String,
        /// Why not.
        why: String,
    },
    /// No broker answers.
    #[error("no broker of {servers} answers: {detail} ([log.kafka] bootstrap_servers says where)")]
    Unreachable {
        /// Where it was looked for.
        servers: String,
        /// What the client says.
        detail: String,
    },
    /// A right is missing, or the login failed.
    #[error("{resource}: the broker refuses {right}: {detail}")]
    Denied {
        /// What is not allowed: `Read`, `Write`, `login`.
        right: &'static str,
        /// On what: `topic entrepot.movements`, `group entrepot.assess`.
        resource: String,
        /// What the broker says.
        detail: String,
    },
    /// Another process works under our name.
    #[error("another process runs as instance {instance:?} of this log: give each its own [service] instance ({detail})")]
    Fenced {
        /// The name.
        instance: String,
        /// What the broker says.
        detail: String,
    },
    /// A group's committed offset is gone, though work was done.
    #[error(
        "{topic}/{partition}: group {group} has no committed offset, but had committed {known}: set it to {known} with kafka-consumer-groups --reset-offsets --to-offset {known}, or, where the topic was made again, to --to-earliest; or start a new log under another topics.prefix"
    )]
    OffsetsGone {
        /// The group.
        group: String,
        /// The topic.
        topic: String,
        /// The partition.
        partition: Partition,
        /// What was committed last.
        known: Offset,
    },
    /// A group's committed offset was moved by other hands, and its stage would publish twice, or never.
    #[error(
        "{topic}/{partition}: the offset of group {group} was set {} to {committed}, it had committed {known}: verdicts would be {}. Set it to {known} with kafka-consumer-groups --reset-offsets --to-offset {known}, or start a new log under another topics.prefix",
        if committed < known { "back" } else { "forward" },
        if committed < known { "published twice" } else { "missing" }
    )]
    Moved {
        /// The group.
        group: String,
        /// The topic.
        topic: String,
        /// The partition.
        partition: Partition,
        /// What is committed.
        committed: Offset,
        /// What was committed last by the group itself.
        known: Offset,
    },
    /// A topic of ours that lasts was deleted: what stood in it is published no more.
    #[error(
        "topic {topic:?} was deleted under a running service, and what was published to it is gone: start a new log under another topics.prefix"
    )]
    Gone {
        /// The topic.
        topic: String,
    },
    /// The messages from which state has to be rebuilt are gone.
    #[error(
        "{topic}/{partition} begins at {start}, but is needed from {wanted} on: messages were deleted; restore them, or start a new log under another topics.prefix. Of a raw topic, kafka-consumer-groups --reset-offsets --to-earliest goes on without them"
    )]
    StartsLater {
        /// The topic.
        topic: String,
        /// The partition.
        partition: Partition,
        /// From where it is needed.
        wanted: Offset,
        /// Where it begins.
        start: Offset,
    },
    /// A topic that would lose or change what is written to it.
    #[error("topic {topic:?} is not safe: {faults} (`entrepot topics verify` lists all of them; change it, then start again)")]
    Unsafe {
        /// Its name.
        topic: String,
        /// What it is and what it has to be.
        faults: String,
    },
    /// A topic that the brokers will not have as the configuration wants it.
    #[error("topic {topic:?} cannot be made: {why}: change {keys} (the brokers say {detail:?})")]
    Unmakeable {
        /// Its name.
        topic: String,
        /// What is wrong with it.
        why: String,
        /// The keys of the configuration that say so.
        keys: &'static str,
        /// What the brokers say.
        detail: String,
    },
    /// A message that its topic does not take.
    #[error(
        "topic {topic:?} takes no message so large: {} bytes are sent at most (ingest.payload_bytes_max and room for headers), max.message.bytes of the topic is {}",
        sent_max, topic_max.as_deref().unwrap_or("not known")
    )]
    TooLarge {
        /// The topic.
        topic: String,
        /// Its `max.message.bytes`, where the brokers tell.
        topic_max: Option<String>,
        /// The largest message that is sent.
        sent_max: u64,
    },
    /// Bytes in the log that we never write.
    #[error("the log holds what was never written to it: {detail}")]
    Corrupt {
        /// Where and what.
        detail: String,
    },
}

impl LogError {
    /// The process's exit code (the table of the command line).
    pub fn exit_code(&self) -> u8 {
        match self {
            LogError::NoLog { .. } | LogError::CannotOpen { .. } | LogError::Unreachable { .. } => 69,
            LogError::LeaseHeld { .. }
            | LogError::LeaseLost { .. }
            | LogError::LeaseGone { .. }
            | LogError::Busy { .. }
            | LogError::InVain { .. }
            | LogError::Store { .. }
            | LogError::Fenced { .. } => 75,
            LogError::UnknownTopic { .. } | LogError::UnknownPartition { .. } => 66,
            LogError::Repartitioned { .. }
            | LogError::Grown { .. }
            | LogError::MadeAgain { .. }
            | LogError::Deleted { .. }
            | LogError::Truncated { .. }
            | LogError::Inconsistent { .. }
            | LogError::FamilyMapChanged { .. }
            | LogError::OffsetsGone { .. }
            | LogError::Moved { .. }
            | LogError::Gone { .. }
            | LogError::Replaced { .. }
            | LogError::OtherWal { .. }
            | LogError::StartsLater { .. }
            | LogError::Unsafe { .. }
            | LogError::TooLarge { .. }
            | LogError::Format { .. } => 76,
            LogError::Scratch { .. } => 73,
            LogError::Denied { .. } => 77,
            LogError::Property { .. } | LogError::Unmakeable { .. } => 78,
            LogError::Corrupt { .. } => 70,
        }
    }
}
