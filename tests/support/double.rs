//! A schema registry on a loopback port, which answers as a test wants it to, slowly or not at all, and remembers what it was asked.

#![allow(dead_code, unreachable_pub, reason = "several tests share it, and none uses all of it")]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

/// What it does with whoever asks for anything but whether it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Answers.
    Well,
    /// Answers with this status, and a page that is no registry's.
    Failing(u16),
    /// Answers 200 with this.
    Talking(&'static str),
    /// Takes the question and never answers.
    Silent,
    /// Hangs up.
    Gone,
}

#[derive(Default)]
struct State {
    pages: BTreeMap<String, Value>,
    asked: Vec<String>,
    mood: Option<Mood>,
    user: Option<String>,
    /// Those who wait for an answer.
    held: Vec<TcpStream>,
}

pub struct Double {
    address: SocketAddr,
    scheme: &'static str,
    state: Arc<Mutex<State>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Double {
    pub fn new() -> Double {
        Double::begin(None)
    }

    /// One that speaks TLS.
    pub fn with_tls(config: ServerConfig) -> Double {
        Double::begin(Some(Arc::new(config)))
    }

    fn begin(tls: Option<Arc<ServerConfig>>) -> Double {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, scheme) = (listener.local_addr().unwrap(), if tls.is_some() { "https" } else { "http" });
        let state = Arc::new(Mutex::new(State::default()));
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, stopped) = (Arc::clone(&state), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Acquire) {
                    return;
                }
                // Who hangs up early has his reasons.
                drop(stream.and_then(|stream| serve(stream, &shared, tls.clone())));
            }
        });
        Double { address, scheme, state, stop, thread: Some(thread) }
    }

    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Registers a schema under an id.
    pub fn schema(&self, id: u32, form: &str, text: &str, references: Value) {
        self.page(&format!("/schemas/ids/{id}"), json!({"schemaType": form, "schema": text, "references": references}));
    }

    /// The same under a subject, for who refers to it.
    pub fn version(&self, subject: &str, form: &str, text: &str, references: Value) {
        let page = json!({"schemaType": form, "schema": text, "references": references, "subject": subject, "version": 1});
        self.page(&format!("/subjects/{subject}/versions/1"), page);
    }

    pub fn page(&self, path: &str, page: Value) {
        self.state().pages.insert(path.to_owned(), page);
    }

    /// From now on; who waits for an answer is hung up on.
    pub fn be(&self, mood: Mood) {
        let mut state = self.state();
        state.mood = Some(mood);
        state.held.clear();
    }

    /// Lets in this user alone, `NAME:PASSWORD`.
    pub fn ask_for(&self, user: Option<&str>) {
        self.state().user = user.map(str::to_owned);
    }

    /// How often a page was asked for.
    pub fn asked(&self, path: &str) -> usize {
        self.state().asked.iter().filter(|asked| *asked == path).count()
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        drop(TcpStream::connect(self.address));
        drop(self.thread.take().map(JoinHandle::join));
    }
}

fn serve(stream: TcpStream, state: &Mutex<State>, tls: Option<Arc<ServerConfig>>) -> std::io::Result<()> {
    let other = stream.try_clone()?;
    match tls {
        None => answer(stream, other, state),
        Some(tls) => {
            let connection = ServerConnection::new(tls).map_err(std::io::Error::other)?;
            answer(StreamOwned::new(connection, stream), other, state)
        }
    }
}

fn answer(mut stream: impl Read + Write, other: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).map_err(std::io::Error::other)?;
    let path = head.split(' ').nth(1).unwrap().to_owned();
    let told = head.lines().find_map(|line| line.to_lowercase().starts_with("authorization: ").then(|| line[15..].to_owned()));
    let (status, page) = {
        let mut state = state.lock().unwrap();
        state.asked.push(path.clone());
        let mood = if path == "/schemas/types" { None } else { state.mood.clone() };
        let wanted = state.user.as_ref().map(|user| format!("Basic {}", base64(user)));
        match mood {
            _ if wanted.is_some() && wanted != told => (401, json!({"error_code": 401, "message": "Unauthorized"}).to_string()),
            Some(Mood::Gone) => return Ok(()),
            Some(Mood::Silent) => {
                state.held.push(other);
                return Ok(());
            }
            Some(Mood::Failing(status)) => (status, "<html>somebody's page</html>".to_owned()),
            Some(Mood::Talking(page)) => (200, page.to_owned()),
            Some(Mood::Well) | None => match state.pages.get(&path) {
                Some(page) => (200, page.to_string()),
                None if path == "/schemas/types" => (200, json!(["AVRO", "PROTOBUF", "JSON"]).to_string()),
                None if path.starts_with("/schemas/ids/") => (404, json!({"error_code": 40403, "message": "no"}).to_string()),
                None if path.starts_with("/subjects/") => (404, json!({"error_code": 40401, "message": "no"}).to_string()),
                None => (404, json!({"error_code": 404, "message": "HTTP 404 Not Found"}).to_string()),
            },
        }
    };
    write!(
        stream,
        "HTTP/1.1 {status} X\r\ncontent-type: application/vnd.schemaregistry.v1+json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}",
        page.len()
    )?;
    stream.flush()
}

fn base64(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}
