//! XML as JSON by one fixed rule, so that mappings read it as they read JSON: names without their namespaces, attributes as `@name`, text as
//! it stands or, beside attributes and elements, as `#text`; what stands several times is a list, and what the mapping says may do so always is.

use std::borrow::Cow;
use std::collections::BTreeSet;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Value};

use super::json::NESTING_MAX;

/// The first line of a document is no longer than this.
const DECLARATION_BYTES_MAX: usize = 1_000;

/// What an element holds so far.
#[derive(Default)]
struct Element {
    name: String,
    members: Map<String, Value>,
    text: String,
}

/// Whether a text looks like XML rather than JSON.
pub(super) fn is_xml(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').trim_start().starts_with('<')
}

/// The text of a document in an encoding of its own, which its first bytes or its first line say; `None` where it is none, says nothing else
/// than UTF-8, or says what its bytes are not.
pub(super) fn in_own_encoding(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let encoding = match bytes {
        [0xff, 0xfe, b'<', 0, ..] | [b'<', 0, ..] => UTF_16LE,
        [0xfe, 0xff, 0, b'<', ..] | [0, b'<', ..] => UTF_16BE,
        _ => declared(bytes).filter(|encoding| *encoding != UTF_8)?,
    };
    let (text, has_errors) = encoding.decode_with_bom_removal(bytes);
    (!has_errors).then_some(text)
}

/// The encoding that the first line names. It was read as ASCII: one that is not like ASCII is said of what was encoded anew since.
fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = bytes.trim_ascii_start().strip_prefix(b"<?xml")?;
    let head = head.get(..DECLARATION_BYTES_MAX).unwrap_or(head);
    let end = head.windows(2).position(|two| two == b"?>")?;
    let (_, value) = std::str::from_utf8(head.get(..end)?).ok()?.split_once("encoding")?;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|sign| matches!(sign, '"' | '\''))?;
    let label = value.get(1..)?.split(quote).next()?;
    Encoding::for_label(label.as_bytes()).filter(|encoding| encoding.is_ascii_compatible())
}

/// Why a text is no document that is taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoDocument {
    #[error("nested more than {NESTING_MAX} deep")]
    TooDeep,
    #[error("{0}")]
    Malformed(String),
}

impl From<String> for NoDocument {
    fn from(cause: String) -> NoDocument {
        NoDocument::Malformed(cause)
    }
}

impl From<&str> for NoDocument {
    fn from(cause: &str) -> NoDocument {
        NoDocument::Malformed(cause.to_owned())
    }
}

/// The document as JSON. `lists`: names of elements that are lists even where they stand alone.
pub(super) fn to_json(text: &str, lists: &[String]) -> Result<String, NoDocument> {
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().map_err(|error| format!("no XML: {error}"))? {
            Event::Start(start) => {
                // The first stands for the document around the root.
                if open.len() > NESTING_MAX {
                    return Err(NoDocument::TooDeep);
                }
                alone(&open)?;
                open.push(element(&start)?);
            }
            Event::Empty(start) => {
                alone(&open)?;
                let element = element(&start)?;
                close(&mut open, element, lists);
            }
            Event::End(_) => {
                let element = open.pop().ok_or("an element ends that never began")?;
                close(&mut open, element, lists);
            }
            Event::Text(text) => {
                let text = text.decode().map_err(|error| format!("no XML: {error}"))?;
                open.iter_mut().next_back().ok_or("text stands outside")?.text.push_str(&text);
            }
            Event::CData(text) => {
                let text = text.decode().map_err(|error| format!("no XML: {error}"))?;
                open.iter_mut().next_back().ok_or("text stands outside")?.text.push_str(&text);
            }
            Event::GeneralRef(reference) => {
                let sign = resolve(&reference)?;
                open.iter_mut().next_back().ok_or("text stands outside")?.text.push_str(&sign);
            }
            Event::Eof => break,
            // Whoever writes its own entities is not read: nothing is fetched and nothing grows.
            Event::DocType(_) => return Err("a document type is not taken".into()),
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
        }
    }
    match (open.pop(), open.is_empty()) {
        (Some(document), true) if document.members.is_empty() => Err("no XML: there is no element".into()),
        (Some(document), true) if !document.text.trim().is_empty() => Err("no XML: text stands outside of the root".into()),
        (Some(document), true) => Ok(Value::Object(document.members).to_string()),
        _ => Err("no XML: the document is cut off".into()),
    }
}

/// Whether an element that begins here has no other beside it, where it is the root.
fn alone(open: &[Element]) -> Result<(), NoDocument> {
    match open {
        [document] if !document.members.is_empty() => Err("no XML: a second element stands beside the root".into()),
        _ => Ok(()),
    }
}

fn element(start: &BytesStart<'_>) -> Result<Element, String> {
    let name = local(start.local_name().as_ref())?;
    let (mut members, mut seen) = (Map::new(), BTreeSet::new());
    // The reader itself would compare each with all before it.
    for attribute in start.attributes().with_checks(false) {
        let attribute = attribute.map_err(|error| format!("no XML: {error}"))?;
        if !seen.insert(attribute.key) {
            return Err(format!("no XML: the attribute {} stands twice", String::from_utf8_lossy(attribute.key.as_ref())));
        }
        // Namespaces are dropped, and so is what declares them or says where their schemas lie.
        let full = attribute.key.as_ref();
        if full == b"xmlns" || full.starts_with(b"xmlns:") || full.starts_with(b"xsi:") {
            continue;
        }
        let value = attribute.unescape_value().map_err(|error| format!("no XML: {error}"))?;
        members.insert(format!("@{}", local(attribute.key.local_name().as_ref())?), Value::String(value.into_owned()));
    }
    Ok(Element { name, members, text: String::new() })
}

fn local(name: &[u8]) -> Result<String, String> {
    std::str::from_utf8(name).map(str::to_owned).map_err(|_| "no XML: a name is no UTF-8".to_owned())
}

/// The signs that XML itself names, and those given by number.
fn resolve(reference: &quick_xml::events::BytesRef<'_>) -> Result<String, String> {
    if let Some(sign) = reference.resolve_char_ref().map_err(|error| format!("no XML: {error}"))? {
        return Ok(sign.to_string());
    }
    let name = reference.decode().map_err(|error| format!("no XML: {error}"))?;
    quick_xml::escape::resolve_predefined_entity(&name).map(str::to_owned).ok_or_else(|| format!("no XML: &{name}; is no sign"))
}

/// Puts a whole element into the one around it.
fn close(open: &mut [Element], element: Element, lists: &[String]) {
    let Element { name, mut members, text } = element;
    let text = text.trim();
    let value = if members.is_empty() {
        Value::String(text.to_owned())
    } else {
        if !text.is_empty() {
            members.insert("#text".to_owned(), Value::String(text.to_owned()));
        }
        Value::Object(members)
    };
    let Some(around) = open.last_mut() else { return };
    match around.members.get_mut(&name) {
        Some(Value::Array(known)) => known.push(value),
        Some(known) => {
            let first = known.take();
            *known = Value::Array(vec![first, value]);
        }
        None if lists.contains(&name) => {
            around.members.insert(name, Value::Array(vec![value]));
        }
        None => {
            around.members.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(xml: &str, lists: &[&str], expected: Expect) {
        let lists: Vec<String> = lists.iter().map(|name| (*name).to_owned()).collect();
        expected.assert_eq(&to_json(xml, &lists).unwrap_or_else(|error| format!("error: {error}")));
    }

    #[test]
    fn one_rule_for_all_documents() {
        check(
            "\u{feff}<?xml version=\"1.0\"?><a:r xmlns:a=\"urn:x\" xsi:schemaLocation=\"y\"><a:n>1</a:n><n/><w u=\"KG\"> 5 &lt;&#233; </w><!-- c --></a:r>",
            &[],
            expect![[r##"{"r":{"n":["1",""],"w":{"#text":"5 <é","@u":"KG"}}}"##]],
        );
        check("<r><i>1</i></r>", &["i"], expect![[r#"{"r":{"i":["1"]}}"#]]);
        check("<r><i>1</i><i/><i>3</i></r>", &["i"], expect![[r#"{"r":{"i":["1","","3"]}}"#]]);
        check("<r><i>1</i><i/><i>3</i></r>", &[], expect![[r#"{"r":{"i":["1","","3"]}}"#]]);
        check("<r><![CDATA[a<b]]></r>", &[], expect![[r#"{"r":"a<b"}"#]]);
        check("<r>", &[], expect!["error: no XML: the document is cut off"]);
        check("text", &[], expect!["error: no XML: there is no element"]);
        check("<!DOCTYPE r [<!ENTITY a \"b\">]><r>&a;</r>", &[], expect!["error: a document type is not taken"]);
        check("<r>&unknown;</r>", &[], expect!["error: no XML: &unknown; is no sign"]);
        check(&"<r>".repeat(40), &[], expect!["error: nested more than 32 deep"]);
        check("<r a=\"1\" b=\"2\" a=\"3\"/>", &[], expect!["error: no XML: the attribute a stands twice"]);
        check("<r/><r/>", &[], expect!["error: no XML: a second element stands beside the root"]);
        check("<r>1</r><s>2</s>", &[], expect!["error: no XML: a second element stands beside the root"]);
        check("<r/>x", &[], expect!["error: no XML: text stands outside of the root"]);
    }

    #[test]
    fn a_document_says_its_encoding_itself() {
        let text = |head: &str| format!("{head}<r>é</r>");
        let latin = |head: &str| encoding_rs::WINDOWS_1252.encode(&text(head)).0.into_owned();
        let wide = |text: String| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        let high = |text: String| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>();
        let found = |bytes: &[u8]| in_own_encoding(bytes).map(Cow::into_owned);
        for head in [
            "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>",
            "<?xml version='1.0' encoding = 'windows-1252' ?>",
            "\n<?xml version=\"1.0\" encoding=\"latin1\" standalone=\"yes\"?>",
        ] {
            assert_eq!(found(&latin(head)), Some(text(head)));
        }
        let head = "<?xml version=\"1.0\" encoding=\"UTF-16\"?>";
        for bytes in
            [wide(text(head)), wide(format!("\u{feff}{}", text(head))), high(text("")), high(format!("\u{feff}{}", text(head)))]
        {
            assert!(found(&bytes).unwrap().ends_with("<r>é</r>"), "{bytes:?}");
        }
        // Written as UTF-8 after its first line was: what the line says is no longer so.
        for head in
            ["", "<?xml version=\"1.0\"?>", "<?xml version=\"1.0\" encoding=\"utf-8\"?>", head, "<?xml encoding=\"EBCDIC-XY\"?>"]
        {
            assert_eq!(found(text(head).as_bytes()), None, "{head}");
        }
        assert_eq!(found(b"{\"r\":1}"), None);
    }

    proptest! {
        #[test]
        fn any_text_gives_json_or_an_error(text in "(<|>|/|r|\"|&|;|#|=| |é|<!--|]]>){0,40}") {
            if let Ok(json) = to_json(&text, &[]) {
                prop_assert!(serde_json::from_str::<Value>(&json).is_ok());
            }
        }
    }
}
