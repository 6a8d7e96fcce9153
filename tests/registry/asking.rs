//! What the registry is asked, how often, and what becomes of each kind of answer.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use entrepot::decode::framed::Answer;
use entrepot::stream::registry::{Registry, RegistryError, RegistrySettings};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;

use crate::double::{Double, Mood};
use crate::golden::Written;

const LINE: &str = r#"{"type":"record","name":"Line","fields":[{"name":"id","type":"string"}]}"#;

/// Quick to ask again, so that a test need not wait.
fn settings(double: &Double) -> RegistrySettings {
    RegistrySettings {
        again_after: Duration::from_millis(5),
        unknown_for: Duration::from_secs(2),
        ..RegistrySettings::at(&double.url())
    }
}

fn registry(double: &Double) -> Registry {
    Registry::new(settings(double)).unwrap()
}

/// Waits until something is so.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    #[expect(clippy::disallowed_methods, reason = "a test has an end")]
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "never came: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[track_caller]
fn answer(registry: &Registry, id: u32) -> Answer {
    let mut answer = None;
    wait_until(&registry.waiting_for(id), || {
        answer = registry.get(id);
        answer.is_some()
    });
    answer.unwrap()
}

#[track_caller]
fn unknown(registry: &Registry, id: u32) -> String {
    match answer(registry, id) {
        Answer::Unknown(why) => why,
        Answer::Schema(_) => panic!("schema {id} is known"),
    }
}

#[test]
fn a_schema_is_asked_for_once_whoever_needs_it() {
    let double = Double::new();
    double.schema(7, "AVRO", LINE, json!([]));
    let registry = registry(&double);
    assert!(registry.get(7).is_none(), "nobody waits for the answer");
    assert!(matches!(answer(&registry, 7), Answer::Schema(_)));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..50).for_each(|_| assert!(matches!(registry.get(7), Some(Answer::Schema(_))))));
        }
    });
    assert_eq!(double.asked("/schemas/ids/7"), 1);
}

#[test]
fn an_id_that_nobody_registered_is_remembered_for_a_while_and_asked_for_again() {
    let double = Double::new();
    let registry = registry(&double);
    assert_eq!(unknown(&registry, 9), "the registry does not know it");
    assert!(matches!(registry.get(9), Some(Answer::Unknown(_))));
    assert_eq!(double.asked("/schemas/ids/9"), 1);
    double.schema(9, "AVRO", LINE, json!(null));
    wait_until("the schema that was registered late", || matches!(registry.get(9), Some(Answer::Schema(_))));
    assert!(double.asked("/schemas/ids/9") >= 2);
}

#[test]
fn a_registry_that_does_not_answer_as_one_is_asked_again_until_it_does() {
    for (mood, said) in [
        (Mood::Failing(500), "/schemas/ids/7 answers 500"),
        (Mood::Failing(503), "/schemas/ids/7 answers 503"),
        (Mood::Failing(301), "/schemas/ids/7 answers 301"),
        (Mood::Failing(403), "refuses us: reading schemas (/schemas/ids/7) answers 403"),
        // Another server's 404 is no word about a schema.
        (Mood::Failing(404), "/schemas/ids/7 answers 404"),
        (Mood::Talking("<html>"), "answers what no registry does"),
        (Mood::Talking(r#"{"id":7}"#), "answers what no registry does"),
        (Mood::Silent, "timeout"),
        (Mood::Gone, "no schema registry answers at"),
    ] {
        let double = Double::new();
        double.schema(7, "AVRO", LINE, json!([]));
        double.be(mood.clone());
        let patience = if mood == Mood::Silent { Duration::from_millis(100) } else { Duration::from_secs(10) };
        let registry = Registry::new(RegistrySettings { patience, ..settings(&double) }).unwrap();
        wait_until("a third try", || {
            assert!(registry.get(7).is_none(), "{mood:?}");
            double.asked("/schemas/ids/7") > 2
        });
        let why = registry.waiting_for(7);
        assert!(why.starts_with("schema 7: ") && why.contains(said), "{mood:?}: {why}");
        double.be(Mood::Well);
        assert!(matches!(answer(&registry, 7), Answer::Schema(_)), "{mood:?}");
    }
}

#[test]
fn who_is_not_let_in_is_told_so_and_no_password_is_shown() {
    let double = Double::new();
    double.schema(7, "AVRO", LINE, json!([]));
    double.ask_for(Some("me:hunter2"));
    let with = |username: Option<&str>, password: &str| {
        let (username, password) = (username.map(str::to_owned), Some(password.to_owned()));
        Registry::new(RegistrySettings { username, password, ..settings(&double) }).unwrap()
    };
    assert_eq!(with(Some("me"), "hunter2").ping(), Ok(()));
    let in_url = double.url().replace("://", "://me:hunter2@");
    let by_url = Registry::new(RegistrySettings::at(&in_url)).unwrap();
    assert_eq!((by_url.ping(), by_url.url()), (Ok(()), double.url().as_str()));
    let refused = with(Some("me"), "hunter3");
    let error = refused.ping().unwrap_err();
    assert_eq!(error.exit_code(), 77);
    assert!(refused.get(7).is_none());
    wait_until("the refusal", || refused.waiting_for(7).contains("401"));
    for said in [error.to_string(), refused.waiting_for(7), format!("{:?}", settings(&double))] {
        assert!(!said.contains("hunter"), "{said}");
    }
    // Let in later, it goes on.
    double.ask_for(None);
    assert!(matches!(answer(&refused, 7), Answer::Schema(_)));
}

#[test]
fn whether_a_registry_is_there_is_told_at_once() {
    let double = Double::new();
    assert_eq!(registry(&double).ping(), Ok(()));
    let closed = double.url();
    drop(double);
    let error = Registry::new(RegistrySettings::at(&closed)).unwrap().ping().unwrap_err();
    assert_eq!(error.exit_code(), 69);
    assert!(error.to_string().starts_with(&format!("no schema registry answers at {closed}: ")), "{error}");
}

#[test]
fn references_are_followed_each_once_and_whatever_they_say() {
    let double = Double::new();
    let one = |name: &str, subject: &str| json!({"name": name, "subject": subject, "version": 1});
    let proto = |imports: &str, rest: &str| format!("syntax = \"proto3\"; {imports} {rest}");
    // Two ways lead to the last; its subject has signs that a path cannot have.
    double.version("a%2Fb", "PROTOBUF", &proto("import \"c.proto\";", "message B { C c = 1; }"), json!([one("c.proto", "c d")]));
    double.version("b2", "PROTOBUF", &proto("import \"c.proto\";", "message B2 { C c = 1; }"), json!([one("c.proto", "c d")]));
    double.version("c%20d", "PROTOBUF", &proto("", "message C { string n = 1; }"), json!([]));
    let text = proto("import \"b.proto\"; import \"b2.proto\";", "message A { B b = 1; B2 b2 = 2; }");
    double.schema(1, "PROTOBUF", &text, json!([one("b.proto", "a/b"), one("b2.proto", "b2")]));
    let registry = registry(&double);
    assert!(matches!(answer(&registry, 1), Answer::Schema(_)), "{}", registry.waiting_for(1));
    assert_eq!(double.asked("/subjects/c%20d/versions/1"), 1);

    // One that is not there, and two that refer to each other.
    double.schema(2, "PROTOBUF", &text, json!([one("b.proto", "nobody")]));
    assert_eq!(unknown(&registry, 2), "it refers to version 1 of \"nobody\", which the registry does not know");
    double.version("x", "AVRO", LINE, json!([one("Y", "y")]));
    double.version("y", "AVRO", LINE, json!([one("X", "x")]));
    double.schema(3, "AVRO", LINE, json!([one("X", "x")]));
    assert!(unknown(&registry, 3).contains("defined twice"));

    // As many as there are ids.
    for number in 0..300 {
        let next = one(&format!("T{}", number + 1), &format!("t{}", number + 1));
        double.version(&format!("t{number}"), "AVRO", LINE, json!([next]));
    }
    double.schema(4, "AVRO", LINE, json!([one("T0", "t0")]));
    assert_eq!(unknown(&registry, 4), "it refers to more than 200 schemas");
}

#[test]
fn schemas_that_cannot_be_used_are_unknown_and_say_why() {
    let double = Double::new();
    double.schema(1, "JSON", r#"{"type":"object"}"#, json!([]));
    double.schema(2, "AVRO", "{}", json!([]));
    double.schema(3, "PROTOBUF", "message", json!([]));
    let registry = registry(&double);
    assert_eq!(unknown(&registry, 1), "it is of the type JSON");
    assert!(unknown(&registry, 2).starts_with("no Avro schema: "));
    assert!(unknown(&registry, 3).starts_with("no Protobuf schema: "));
}

#[test]
fn schemas_of_other_implementations_come_through_the_registry() {
    for case in Written::all() {
        let double = Double::new();
        let mut references = Vec::new();
        for reference in &case.references {
            double.version(&reference.name, &case.form.to_uppercase(), &reference.text, json!([]));
            references.push(json!({"name": reference.name, "subject": reference.name, "version": 1}));
        }
        double.schema(5, &case.form.to_uppercase(), &case.schema, json!(references));
        case.check(answer(&registry(&double), 5));
    }
}

/// A certificate for loopback, and the authority that signed it.
fn certificates(folder: &std::path::Path) {
    for arguments in [
        "req -x509 -newkey rsa:2048 -nodes -subj /CN=authority -days 2 -keyout ca.key -out ca.pem",
        "req -newkey rsa:2048 -nodes -subj /CN=registry -addext subjectAltName=IP:127.0.0.1 -keyout own.key -out own.csr",
        "x509 -req -in own.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -copy_extensions copy -out own.pem",
    ] {
        let made = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output();
        let made = made.expect("scripts/install openssl installs what this test needs");
        assert!(made.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&made.stderr));
    }
}

#[test]
fn a_registry_behind_tls_is_believed_by_the_authority_that_is_named_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let file = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    let own = vec![CertificateDer::from_pem_slice(&file("own.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(&file("own.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth().with_single_cert(own, key);
    let double = Double::with_tls(config.unwrap());
    double.schema(7, "AVRO", LINE, json!([]));
    let named = Registry::new(RegistrySettings { ca: Some(file("ca.pem")), ..settings(&double) }).unwrap();
    assert_eq!(named.ping(), Ok(()));
    assert!(matches!(answer(&named, 7), Answer::Schema(_)));
    let error = registry(&double).ping().unwrap_err();
    assert!(matches!(&error, RegistryError::Away { detail, .. } if detail.contains("certificate")), "{error}");
}
