//! XML as JSON by one fixed rule, so that mappings read it as they read JSON: names without their namespaces, attributes as `@name`, text as
//! it stands or, beside attributes and elements, as `#text`; what stands several times is a list, and what the mapping says may do so always is.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Value};

use super::json::NESTING_MAX;

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

/// The document as JSON. `lists`: names of elements that are lists even where they stand alone.
pub(super) fn to_json(text: &str, lists: &[String]) -> Result<String, String> {
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().map_err(|error| format!("no XML: {error}"))? {
            Event::Start(start) => {
                // The first stands for the document around the root.
                if open.len() > NESTING_MAX {
                    return Err(format!("nested more than {NESTING_MAX} deep"));
                }
                open.push(element(&start)?);
            }
            Event::Empty(start) => {
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
            Event::DocType(_) => return Err("a document type is not taken".to_owned()),
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
        }
    }
    match (open.pop(), open.is_empty()) {
        (Some(document), true) if !document.members.is_empty() => Ok(Value::Object(document.members).to_string()),
        (Some(_), true) => Err("no XML: there is no element".to_owned()),
        _ => Err("no XML: the document is cut off".to_owned()),
    }
}

fn element(start: &BytesStart<'_>) -> Result<Element, String> {
    let name = local(start.local_name().as_ref())?;
    let mut members = Map::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| format!("no XML: {error}"))?;
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
        check("<r><![CDATA[a<b]]></r>", &[], expect![[r#"{"r":"a<b"}"#]]);
        check("<r>", &[], expect!["error: no XML: the document is cut off"]);
        check("text", &[], expect!["error: no XML: there is no element"]);
        check("<!DOCTYPE r [<!ENTITY a \"b\">]><r>&a;</r>", &[], expect!["error: a document type is not taken"]);
        check("<r>&unknown;</r>", &[], expect!["error: no XML: &unknown; is no sign"]);
        check(&"<r>".repeat(40), &[], expect!["error: nested more than 32 deep"]);
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
