//! `explain`: a stored verdict laid out for a reader, and whether it comes out the same again.

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::args::{ExplainArgs, ExplainFormat};
use super::exit::{Exit, Failure, Outcome};
use super::layout;
use super::log;
use super::print::line;
use super::wiring::Knowledge;
use crate::config::Config;
use crate::domain::Message;
use crate::encode::Topic;
use crate::replay::explain::{Named, Which, derive_again, find, named};
use crate::stream::{Home, others_published};

/// What was found, for the layouts.
pub(super) struct Explained {
    /// Where it stands.
    pub(super) position: String,
    /// The movement that caused it.
    pub(super) input: String,
    /// The value.
    pub(super) value: Value,
    /// What the comparison found, in a sentence.
    pub(super) comparison: String,
    /// Whether it came out the same, byte for byte.
    pub(super) equal: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    kind: &'static str,
    position: &'a str,
    input: &'a str,
    equal: bool,
    comparison: &'a str,
    value: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    derived: Option<&'a RawValue>,
}

/// Runs it.
pub(super) fn run(config: &Config, args: &ExplainArgs) -> Outcome {
    let id = named(&args.id).ok_or_else(|| {
        let allowed = "a record (FEED:ID), a corridor (SB/TH/US/2025-03), a case (SB/TH/US/-) or TOPIC/PARTITION/OFFSET";
        Failure::new(Exit::Usage, format!("{:?} is no id; allowed is {allowed}", args.id))
    })?;
    if matches!(id, Named::Place(_)) && (args.revision.is_some() || args.as_of.is_some()) {
        let message = format!("{} is one message: --revision and --as-of choose among those of a key", args.id);
        return Err(Failure::new(Exit::Usage, message));
    }
    let mut log = log::open(config)?;
    let which = Which { revision: args.revision, as_of: args.as_of };
    let stored = find(&mut *log, &config.topics.prefix, &id, which)?;
    let outputs = [Topic::Assessments, Topic::Corridors, Topic::Alerts].map(|topic| log::full(config, topic));
    if !outputs.iter().any(|topic| **topic == *stored.position.topic) {
        let message = format!("{} is no verdict; verdicts stand in {}", stored.position, outputs.join(", "));
        return Err(Failure::new(Exit::NotThere, message));
    }
    let bytes = stored.value.clone().unwrap_or_default();
    // An altered byte may leave no JSON at all: it is shown as text then, and differs below.
    let value: Value =
        serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
    let (derived, goes_on) = derive(config, &mut *log, (&stored, &value))?;
    let equal = derived.as_deref() == Ok(&bytes);
    let comparison = match &derived {
        Ok(derived) if *derived == bytes && goes_on => {
            "derived again from the log: the same, byte for byte, its numbers going on from another model, bundle or build"
                .to_owned()
        }
        Ok(derived) if *derived == bytes => "derived again from the log: the same, byte for byte".to_owned(),
        Ok(derived) => format!("derived again from the log: differs from byte {} on", first_difference(derived, &bytes)),
        Err(why) => why.clone(),
    };
    let input = stored.header("entrepot-input").unwrap_or("?").to_owned();
    let explained = Explained { position: stored.position.to_string(), input, value, comparison, equal };
    match args.format {
        ExplainFormat::Json => line(&json(&explained, &bytes, derived.as_ref().ok()))?,
        ExplainFormat::Text => line(&layout::text(&explained))?,
        ExplainFormat::Markdown => line(&layout::markdown(&explained))?,
        ExplainFormat::Html => line(&layout::html(&explained))?,
    }
    Ok(if equal { Exit::Done } else { Exit::No })
}

/// The bytes as they come out now, or why they do not; and whether others have published on this log.
fn derive(
    config: &Config,
    log: &mut dyn Home,
    (stored, value): (&Message, &Value),
) -> Result<(Result<Vec<u8>, String>, bool), Failure> {
    let hash = |name: &str| value.pointer(&format!("/provenance/{name}")).and_then(Value::as_str);
    let current = Knowledge::load(&config.model, &config.reference)?;
    let knowledge = match (hash("model"), hash("reference")) {
        (Some(model), Some(reference)) => current.at(log, model, reference)?,
        _ => Ok(current),
    };
    let knowledge = match knowledge {
        Ok(knowledge) => knowledge,
        Err(why) => return Ok((Err(format!("not derived again: {why}")), false)),
    };
    let goes_on = others_published(log, &knowledge.made_by())?;
    let derived = derive_again(log, stored, &mut *knowledge.assess(), goes_on)?;
    let nothing = "derived again from the log: nothing comes out under this key at that place".to_owned();
    Ok((derived.ok_or(nothing), goes_on))
}

fn first_difference(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).position(|(one, other)| one != other).unwrap_or_else(|| one.len().min(other.len()))
}

fn json(explained: &Explained, bytes: &[u8], derived: Option<&Vec<u8>>) -> String {
    let raw = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let quoted = serde_json::to_string(&text).expect("text is JSON");
        RawValue::from_string(text).or_else(|_| RawValue::from_string(quoted)).expect("a quoted text is JSON")
    };
    let (value, derived) = (raw(bytes), derived.filter(|_| !explained.equal).map(|bytes| raw(bytes)));
    let line = Line {
        kind: "explanation",
        position: &explained.position,
        input: &explained.input,
        equal: explained.equal,
        comparison: &explained.comparison,
        value: &value,
        derived: derived.as_deref(),
    };
    serde_json::to_string(&line).expect("text is JSON")
}
