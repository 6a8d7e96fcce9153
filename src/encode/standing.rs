//! What a verdict or an alert says apart from its numbers, so that what stands under a key can be compared with what another model or
//! bundle says of it. Decides nothing.

use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use crate::domain::{Band, Date, FamilyId};

/// The last output under a key, as far as its successor has to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its `revision`; of an alert its `sequence`.
    pub number: u32,
    /// The family it is of.
    pub family: FamilyId,
    /// What an alert says of its case.
    pub case: Option<CaseStanding>,
    /// Which fold, model and bundle it comes from, as [`made_by`] writes it.
    pub made_by: String,
    /// A hash of what it says: of all but its numbers, its `as_of`, and what made it.
    content: u64,
}

/// How a case stands after an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaseStanding {
    /// Its band.
    pub band: Band,
    /// Since when it is open, if it is.
    pub opened: Option<Date>,
}

/// What makes outputs besides movements, in words: two texts, two sets of outputs.
pub fn made_by(fold: impl std::fmt::Display, model: &str, reference: &str) -> String {
    format!("fold {fold}, model {model}, reference {reference}")
}

impl Standing {
    /// Reads an output; `None` where the bytes are no output of ours.
    pub fn of(value: &[u8]) -> Option<Standing> {
        let mut read: Value = serde_json::from_slice(value).ok()?;
        let case = case_of(&read);
        let output = read.as_object_mut()?;
        let number = output.remove(if case.is_some() { "sequence" } else { "revision" })?;
        output.remove("as_of");
        if let Some(corridor) = output.get_mut("corridor").and_then(Value::as_object_mut) {
            corridor.remove("revision");
        }
        let provenance = output.get_mut("provenance")?.as_object_mut()?;
        let mut made = |name: &str| provenance.remove(name);
        let (fold, model, reference) = (made("fold")?, made("model")?, made("reference")?);
        let family = match output.get("family") {
            Some(family) => family.as_str()?.to_owned(),
            None => output.get("case")?.as_str()?.split('/').next()?.to_owned(),
        };
        Some(Standing {
            number: u32::try_from(number.as_u64()?).ok()?,
            family: family.parse().ok()?,
            case,
            made_by: made_by(fold, model.as_str()?, reference.as_str()?),
            content: xxh3_64(&serde_json::to_vec(&read).ok()?),
        })
    }

    /// Whether both say the same, whatever their numbers.
    pub fn says_the_same(&self, other: &Standing) -> bool {
        self.content == other.content && self.family == other.family
    }
}

fn case_of(output: &Value) -> Option<CaseStanding> {
    let text = |name: &str| output.get(name).and_then(Value::as_str);
    text("case")?;
    let band = text("to")?;
    let is_open = output.get("open")?.as_bool()?;
    let opened: Date = text("opened")?.parse().ok()?;
    let band = Band::ALL.into_iter().find(|known| known.word() == band)?;
    Some(CaseStanding { band, opened: is_open.then_some(opened) })
}

/// An output with other numbers: fields by name, in the order in which they stand (`revision`, then that of its corridor). No other byte
/// changes; a field that is not there is passed over.
pub fn renumbered(value: &[u8], numbers: &[(&str, u32)]) -> Vec<u8> {
    let mut written = Vec::with_capacity(value.len() + 8);
    let mut rest = value;
    for (name, number) in numbers {
        // Within a text a quotation mark is escaped, so this is a field wherever it stands.
        let field = format!(",\"{name}\":");
        let Some(at) = rest.windows(field.len()).position(|window| window == field.as_bytes()) else { continue };
        let (before, after) = rest.split_at(at + field.len());
        written.extend_from_slice(before);
        written.extend_from_slice(number.to_string().as_bytes());
        let digits = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
        rest = after.split_at(digits).1;
    }
    written.extend_from_slice(rest);
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPMENT: &str = r#"{"kind":"assessment","id":"a:\",\"revision\":8","record_revision":5,"revision":12,"as_of":"2025-03-01","family":"SB","corridor":{"id":"SB/TH/US/2025-03","revision":3},"probability":0.4,"provenance":{"source":"a/0/1","fold":1,"model":"m","reference":"r"}}"#;

    fn check(change: (&str, &str), same: bool) {
        let changed = SHIPMENT.replace(change.0, change.1);
        assert_ne!(changed, SHIPMENT, "{change:?} changes nothing");
        let (one, other) = (Standing::of(SHIPMENT.as_bytes()).unwrap(), Standing::of(changed.as_bytes()).unwrap());
        assert_eq!(one.says_the_same(&other), same, "{change:?}");
    }

    #[test]
    fn numbers_dates_and_makers_are_not_what_it_says() {
        check((r#""revision":12"#, r#""revision":13"#), true);
        check((r#""revision":3}"#, r#""revision":4}"#), true);
        check(("2025-03-01", "2025-03-02"), true);
        check((r#""model":"m""#, r#""model":"n""#), true);
        check(("0.4", "0.5"), false);
        check((r#""record_revision":5"#, r#""record_revision":6"#), false);
        check(("a/0/1", "a/0/2"), false);
        check(("SB/TH/US/2025-03", "SB/TH/US/2025-04"), false);
    }

    #[test]
    fn its_own_number_and_its_corridors_alone_are_written_anew() {
        let written = String::from_utf8(renumbered(SHIPMENT.as_bytes(), &[("revision", 7), ("revision", 123)])).unwrap();
        assert_eq!(
            written,
            SHIPMENT.replace("\"revision\":12", "\"revision\":7").replace("\"revision\":3}", "\"revision\":123}")
        );
        assert_eq!(renumbered(SHIPMENT.as_bytes(), &[("revision", 12), ("sequence", 3)]), SHIPMENT.as_bytes());
        assert_eq!(Standing::of(written.as_bytes()).map(|standing| standing.number), Some(7));
    }

    #[test]
    fn an_alert_tells_how_its_case_stands() {
        let alert = r#"{"kind":"alert","case":"SB/TH/US/-","sequence":4,"to":"review","opened":"2025-03-01","open":true,"provenance":{"fold":1,"model":"m","reference":"r"}}"#;
        let standing = Standing::of(alert.as_bytes()).unwrap();
        assert_eq!((standing.number, standing.family.to_string().as_str()), (4, "SB"));
        let opened = Some(jiff::civil::date(2025, 3, 1));
        assert_eq!(standing.case, Some(CaseStanding { band: Band::Review, opened }));
        let closed = Standing::of(alert.replace("true", "false").as_bytes()).unwrap();
        assert_eq!(closed.case, Some(CaseStanding { band: Band::Review, opened: None }));
        assert_eq!(Standing::of(b"no output"), None);
    }
}
