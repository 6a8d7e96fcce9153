//! Canonical JSON as it stands on the wire, borrowed from the message. Text and numbers only; what they mean is decided elsewhere.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::scan::{Scan, Scanned};

/// A string, borrowed where it holds no escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text<'a>, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

/// A value as written: where it is a number, none of its digits is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number<'a>(pub(super) &'a str);

impl<'de: 'a, 'a> Deserialize<'de> for Number<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Number<'a>, D::Error> {
        <&RawValue>::deserialize(deserializer).map(|raw| Number(raw.get()))
    }
}

/// What a member looks like, as a JSON Schema.
pub(super) trait Shape {
    fn shape() -> Value;
}

impl Shape for Text<'_> {
    fn shape() -> Value {
        json!({ "type": "string" })
    }
}

impl Shape for Number<'_> {
    fn shape() -> Value {
        json!({ "type": "number" })
    }
}

impl Shape for bool {
    fn shape() -> Value {
        json!({ "type": "boolean" })
    }
}

impl<T: Shape> Shape for Vec<T> {
    fn shape() -> Value {
        json!({ "type": "array", "items": T::shape() })
    }
}

/// A member that does not fit: the field, and the value as written.
pub(super) struct Fault {
    pub(super) field: &'static str,
    pub(super) cause: String,
}

/// A struct of optional members that notices unknown and repeated ones.
macro_rules! wire {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Default, PartialEq)]
        pub(super) struct $name<'a> {
            $(pub(super) $field: Option<$type>,)*
            /// A member that nothing reads was there.
            pub(super) unknown: bool,
        }

        impl<'de: 'a, 'a> Deserialize<'de> for $name<'a> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name<'a>, D::Error> {
                #[expect(non_camel_case_types, reason = "a key is named as its member")]
                #[derive(serde::Deserialize)]
                #[serde(field_identifier)]
                enum Key {
                    $($field,)*
                    #[serde(other)]
                    Unknown,
                }
                struct Members;
                impl<'de> Visitor<'de> for Members {
                    type Value = $name<'de>;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<$name<'de>, A::Error> {
                        let mut wire = $name::default();
                        while let Some(key) = map.next_key::<Key>()? {
                            match key {
                                $(Key::$field => {
                                    if wire.$field.is_some() {
                                        return Err(de::Error::duplicate_field(stringify!($field)));
                                    }
                                    wire.$field = map.next_value()?;
                                })*
                                Key::Unknown => {
                                    map.next_value::<IgnoredAny>()?;
                                    wire.unknown = true;
                                }
                            }
                        }
                        Ok(wire)
                    }
                }
                deserializer.deserialize_map(Members)
            }
        }

        impl<'a> $name<'a> {
            /// The schema of each member.
            pub(super) fn members() -> Vec<(String, Value)> {
                vec![$((stringify!($field).to_owned(), <$type as Shape>::shape()),)*]
            }
        }

        impl Shape for $name<'_> {
            fn shape() -> Value {
                let properties: serde_json::Map<String, Value> = Self::members().into_iter().collect();
                json!({ "type": "object", "properties": properties })
            }
        }

        impl<'a> Scanned<'a> for $name<'a> {
            fn scan(scan: &mut Scan<'a>) -> Option<$name<'a>> {
                let mut wire = $name::default();
                scan.sign(b'{')?;
                let mut name = scan.name()?;
                // Members mostly come in the order of the contract: then one round takes them all.
                loop {
                    let mut taken = false;
                    $(if name == stringify!($field) {
                        if wire.$field.is_some() {
                            return None;
                        }
                        if !scan.word("null") {
                            wire.$field = Some(Scanned::scan(scan)?);
                        }
                        if !scan.goes_on(b'}')? {
                            return Some(wire);
                        }
                        name = scan.name()?;
                        taken = true;
                    })*
                    if !taken {
                        return None;
                    }
                }
            }
        }

        impl<'a> $name<'a> {
            /// The first member that does not fit, among the members of an object.
            #[allow(dead_code, reason = "of the outermost object alone a single member is named")]
            pub(super) fn fault(members: &[(Cow<'a, str>, &'a RawValue)]) -> Option<Fault> {
                $(
                    let mut seen = false;
                    for (_, raw) in members.iter().filter(|(name, _)| name == stringify!($field)) {
                        if seen {
                            return Some(Fault { field: stringify!($field), cause: "it stands there twice".to_owned() });
                        }
                        seen = true;
                        if let Err(error) = serde_json::from_str::<Option<$type>>(raw.get()) {
                            return Some(Fault { field: stringify!($field), cause: shown(stringify!($field), raw.get(), &error) });
                        }
                    }
                )*
                None
            }
        }
    };
}

/// Value and cause, without the position inside the value, which would mislead. Names of parties are told to nobody.
fn shown(field: &str, value: &str, error: &serde_json::Error) -> String {
    if field == "parties" {
        return "they do not fit: a list of objects is meant, with role, name, identifier and country as texts".to_owned();
    }
    let cause = error.to_string();
    let cause = cause.split(" at line ").next().unwrap_or_default();
    let short: String = value.chars().take(60).collect();
    format!("{short} does not fit: {cause}")
}

wire! {
    /// A shipment or a trade flow.
    WireRecord {
        kind: Text<'a>,
        id: Text<'a>,
        revision: Number<'a>,
        status: Text<'a>,
        event_date: Text<'a>,
        period: Text<'a>,
        known_from: Text<'a>,
        flow: Text<'a>,
        reporter: Text<'a>,
        partner: Text<'a>,
        consignment_partner: Text<'a>,
        hs: Text<'a>,
        hs_version: Text<'a>,
        description: Text<'a>,
        marks: Text<'a>,
        country_of_origin: Text<'a>,
        country_of_consignment: Text<'a>,
        destination: Text<'a>,
        place_of_receipt: Text<'a>,
        port_of_lading: Text<'a>,
        country_of_lading: Text<'a>,
        transit_ports: Vec<Text<'a>>,
        port_of_unlading: Text<'a>,
        net_mass_kg: Number<'a>,
        gross_mass_kg: Number<'a>,
        quantity: WireQuantity<'a>,
        customs_value: WireMoney<'a>,
        valuation: Text<'a>,
        bill_of_lading: WireBill<'a>,
        containers: Vec<WireContainer<'a>>,
        parties: Vec<WireParty<'a>>,
    }
}

wire! {
    /// `{"value":20,"unit":"TNE"}`.
    WireQuantity {
        value: Number<'a>,
        unit: Text<'a>,
    }
}

wire! {
    /// `{"amount":"512300.00","currency":"USD"}`.
    WireMoney {
        amount: Text<'a>,
        currency: Text<'a>,
    }
}

wire! {
    /// `{"master":"…","house":"…"}`.
    WireBill {
        master: Text<'a>,
        house: Text<'a>,
    }
}

wire! {
    /// A box.
    WireContainer {
        number: Text<'a>,
        seal: Text<'a>,
        packages: Number<'a>,
        empty: bool,
    }
}

wire! {
    /// A party.
    WireParty {
        role: Text<'a>,
        name: Text<'a>,
        identifier: Text<'a>,
        country: Text<'a>,
    }
}
