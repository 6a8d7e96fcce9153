//! One question to a schema registry over HTTP, and what its answer means. Keeps nothing and tries nothing twice.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use ureq::Agent;
use ureq::http::Uri;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

use super::{RegistryError, RegistrySettings};
use crate::decode::framed::{Answer, Framed, SchemaText, WriterSchema};

/// The longest answer that is read.
const ANSWER_BYTES_MAX: u64 = 4_000_000;
/// Schemas that one may refer to, directly or through others.
const REFERENCES_MAX: usize = 200;

/// How a registry says that it has no such subject, version or schema. Another 404 is a wrong address.
const NOT_FOUND: std::ops::RangeInclusive<u32> = 40401..=40403;

pub(super) struct Client {
    agent: Agent,
    url: String,
    authorization: Option<String>,
}

/// A schema as a registry tells it.
#[derive(Deserialize)]
struct Told {
    schema: String,
    #[serde(rename = "schemaType")]
    form: Option<String>,
    references: Option<Vec<Reference>>,
}

#[derive(Deserialize)]
struct Reference {
    name: String,
    subject: String,
    version: u32,
}

#[derive(Deserialize)]
struct Refused {
    error_code: u32,
}

/// What was asked for, or that it is not there.
enum Page<T> {
    Found(T),
    Absent,
}

impl Client {
    pub(super) fn new(settings: RegistrySettings) -> Result<Client, RegistryError> {
        let (url, user) = split_user(&settings.url)?;
        let named = settings.username.map(|name| format!("{name}:{}", settings.password.unwrap_or_default()));
        let authorization = named.or(user).map(|user| format!("Basic {}", STANDARD.encode(user)));
        // Said outright: with two of them built in, rustls would not choose.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = TlsConfig::builder().root_certs(roots(settings.ca)?).unversioned_rustls_crypto_provider(provider).build();
        let agent = Agent::config_builder()
            .tls_config(tls)
            .timeout_global(Some(settings.patience))
            // An answer of any kind is one to look at; elsewhere nobody is told our password; the environment is the configuration's.
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(concat!("entrepot/", env!("CARGO_PKG_VERSION")))
            .accept("application/vnd.schemaregistry.v1+json, application/json")
            .build()
            .new_agent();
        Ok(Client { agent, url, authorization })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Whether a registry answers, and lets us in: all know this page.
    pub(super) fn ping(&self) -> Result<(), RegistryError> {
        self.page::<Vec<String>>("/schemas/types").map(|_| ())
    }

    /// The schema of an id, with all that it refers to, compiled; or why there is none that can be used.
    pub(super) fn schema(&self, id: u32) -> Result<Answer, RegistryError> {
        let told = match self.page::<Told>(&format!("/schemas/ids/{id}"))? {
            Page::Found(told) => told,
            Page::Absent => return Ok(Answer::Unknown("the registry does not know it".to_owned())),
        };
        let form = match told.form.as_deref() {
            None | Some("AVRO") => Framed::Avro,
            Some("PROTOBUF") => Framed::Protobuf,
            Some(other) => return Ok(Answer::Unknown(format!("it is of the type {other}"))),
        };
        let mut references = Gathered::default();
        if let Err(why) = self.gather(told.references, &mut references)? {
            return Ok(Answer::Unknown(why));
        }
        let texts: Vec<SchemaText<'_>> = references.texts.iter().map(|(name, text)| SchemaText { name, text }).collect();
        Ok(match WriterSchema::compile(form, &told.schema, &texts) {
            Ok(schema) => Answer::Schema(Arc::new(schema)),
            Err(why) => Answer::Unknown(why),
        })
    }

    /// What a schema refers to, each after what it refers to itself.
    fn gather(&self, references: Option<Vec<Reference>>, all: &mut Gathered) -> Result<Result<(), String>, RegistryError> {
        for Reference { name, subject, version } in references.into_iter().flatten() {
            if !all.seen.insert(name.clone()) {
                continue;
            }
            if all.seen.len() > REFERENCES_MAX {
                return Ok(Err(format!("it refers to more than {REFERENCES_MAX} schemas")));
            }
            let told = match self.page::<Told>(&format!("/subjects/{}/versions/{version}", escaped(&subject)))? {
                Page::Found(told) => told,
                Page::Absent => {
                    return Ok(Err(format!("it refers to version {version} of {subject:?}, which the registry does not know")));
                }
            };
            if let Err(why) = self.gather(told.references, all)? {
                return Ok(Err(why));
            }
            all.texts.push((name, told.schema));
        }
        Ok(Ok(()))
    }

    fn page<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<Page<T>, RegistryError> {
        let away = |detail: String| RegistryError::Away { url: self.url.clone(), detail };
        let unread = |error: ureq::Error| away(error.to_string());
        let mut question = self.agent.get(format!("{}{path}", self.url));
        if let Some(authorization) = &self.authorization {
            question = question.header("authorization", authorization);
        }
        let mut answer = question.call().map_err(unread)?;
        let status = answer.status().as_u16();
        if matches!(status, 401 | 403) {
            return Err(RegistryError::Denied { url: self.url.clone(), path: path.to_owned(), status });
        }
        let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec().map_err(unread)?;
        match status {
            200 => {
                let found = serde_json::from_slice(&body);
                found.map(Page::Found).map_err(|error| away(format!("{path} answers what no registry does: {error}")))
            }
            404 if serde_json::from_slice(&body).is_ok_and(|refused: Refused| NOT_FOUND.contains(&refused.error_code)) => {
                Ok(Page::Absent)
            }
            _ => Err(away(format!("{path} answers {status}"))),
        }
    }
}

#[derive(Default)]
struct Gathered {
    seen: BTreeSet<String>,
    texts: Vec<(String, String)>,
}

/// An address without a slash at its end, and the `USER:PASSWORD` that stood in it.
fn split_user(url: &str) -> Result<(String, Option<String>), RegistryError> {
    // The address is not shown: a password may stand in it.
    let invalid = || RegistryError::Invalid { key: "url", detail: "is no http://HOST:PORT and no https://HOST".to_owned() };
    let (scheme, rest) = url.trim_end_matches('/').split_once("://").ok_or_else(invalid)?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user.to_owned()), host));
    let url = format!("{scheme}://{host}{path}");
    let parsed: Uri = url.parse().map_err(|_| invalid())?;
    let is_whole = matches!(scheme, "http" | "https") && parsed.host().is_some_and(|host| !host.is_empty());
    if is_whole && parsed.query().is_none() { Ok((url, user)) } else { Err(invalid()) }
}

fn roots(ca: Option<Vec<u8>>) -> Result<RootCerts, RegistryError> {
    let Some(pem) = ca else { return Ok(RootCerts::PlatformVerifier) };
    let certificate = |item: Result<PemItem<'static>, ureq::Error>| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    };
    let certificates: Vec<_> = parse_pem(&pem).filter_map(certificate).collect();
    if certificates.is_empty() {
        return Err(RegistryError::Invalid { key: "ca_file", detail: "holds no certificate in PEM".to_owned() });
    }
    Ok(certificates.into())
}

/// A name as one part of a path.
fn escaped(name: &str) -> String {
    let mut escaped = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            escaped.push(char::from(byte));
        } else {
            write!(escaped, "%{byte:02X}").expect("writing to a string does not fail");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart_and_its_password_kept_out() {
        let split = |url: &str| split_user(url).map_err(|error| error.to_string());
        assert_eq!(split("http://me:p@ss@host:8081/"), Ok(("http://host:8081".to_owned(), Some("me:p@ss".to_owned()))));
        assert_eq!(split("https://host/apis/v7"), Ok(("https://host/apis/v7".to_owned(), None)));
        for wrong in ["host:8081", "ftp://host", "http://", "http:///a", "http://me:hunter2@ho st", "http://host/?a=b"] {
            let said = split(wrong).unwrap_err();
            assert!(said.starts_with("[schema_registry] url: ") && !said.contains("hunter2"), "{said}");
        }
    }

    #[test]
    fn names_of_subjects_are_one_part_of_a_path() {
        assert_eq!(escaped("a/b c-é.proto"), "a%2Fb%20c-%C3%A9.proto");
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        let said = roots(Some(b"-----BEGIN NOTHING-----".to_vec())).unwrap_err();
        assert_eq!((said.exit_code(), said.to_string().as_str()), (78, "[schema_registry] ca_file: holds no certificate in PEM"));
    }
}
