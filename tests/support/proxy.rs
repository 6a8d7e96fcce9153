//! A network between clients and a broker that can be hurt: answers that are lost, requests that are late, a line that is slow or silent.
//! It knows of Kafka's protocol that a request has a length, a kind and a number, and an answer a length and the number.

#![allow(dead_code, unreachable_pub, reason = "several tests share it, and none uses all of it")]
#![allow(clippy::disallowed_methods, reason = "a slow line is slow by the machine's time")]

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// The kind of the request that ends a transaction.
const END_TXN: [u8; 2] = [0, 26];

/// What is wrong with the network, for now.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Of so many ends of transactions the answer is lost, and the connection with it, once the broker has done it.
    pub lose_answers: u32,
    /// So many ends of transactions wait so long before the broker hears of them.
    pub hold: (u32, Duration),
    /// Everything takes so much longer, each way.
    pub delay: Duration,
    /// Nothing comes back from the broker.
    pub is_silent: bool,
    /// How many answers were lost, and how many ends were late.
    pub struck: (u32, u32),
}

/// The network. Clients know its address alone.
pub struct Proxy {
    address: SocketAddr,
    faults: Arc<Mutex<Faults>>,
    broker: Arc<Mutex<Option<SocketAddr>>>,
    lines: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    /// Listens, before there is a broker.
    pub fn new() -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Proxy {
            address: listener.local_addr().unwrap(),
            faults: Arc::default(),
            broker: Arc::default(),
            lines: Arc::default(),
        };
        let (faults, broker, lines) = (Arc::clone(&proxy.faults), Arc::clone(&proxy.broker), Arc::clone(&proxy.lines));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Some(broker) = *broker.lock().unwrap() else { continue };
                let Ok(server) = TcpStream::connect(broker) else { continue };
                lines.lock().unwrap().extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
                connect(client, server, &faults);
            }
        });
        proxy
    }

    /// HOST:PORT, for `advertised.listeners` and for clients.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Where the broker is.
    pub fn leads_to(&self, bootstrap: &str) {
        *self.broker.lock().unwrap() = Some(bootstrap.parse().unwrap());
    }

    /// Changes what is wrong.
    pub fn hurt(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.faults.lock().unwrap());
    }

    /// What is wrong, and has been.
    pub fn faults(&self) -> Faults {
        self.faults.lock().unwrap().clone()
    }

    /// Ends every connection.
    pub fn cut(&self) {
        self.lines.lock().unwrap().drain(..).for_each(|line| drop(line.shutdown(Shutdown::Both)));
    }
}

/// A line each way: who reads notes when a frame came, who writes waits until it is due.
fn connect(client: TcpStream, server: TcpStream, faults: &Arc<Mutex<Faults>>) {
    let lost: Arc<Mutex<BTreeSet<[u8; 4]>>> = Arc::default();
    let (to_server, due) = channel();
    write_to(server.try_clone().unwrap(), due);
    let (watched, asked, mut from) = (Arc::clone(faults), Arc::clone(&lost), client.try_clone().unwrap());
    thread::spawn(move || {
        while let Ok(frame) = frame(&mut from) {
            let mut due = Instant::now();
            if frame.get(4..6) == Some(&END_TXN) {
                let mut faults = watched.lock().unwrap();
                if faults.lose_answers > 0 {
                    faults.lose_answers -= 1;
                    faults.struck.0 += 1;
                    asked.lock().unwrap().extend(frame.get(8..12).map(|number| <[u8; 4]>::try_from(number).unwrap()));
                }
                if faults.hold.0 > 0 {
                    faults.hold.0 -= 1;
                    faults.struck.1 += 1;
                    due += faults.hold.1;
                }
            }
            due += watched.lock().unwrap().delay;
            if to_server.send((due, frame)).is_err() {
                break;
            }
        }
        drop(from.shutdown(Shutdown::Both));
    });
    let (to_client, due) = channel();
    write_to(client.try_clone().unwrap(), due);
    let (watched, mut from) = (Arc::clone(faults), server);
    thread::spawn(move || {
        while let Ok(frame) = frame(&mut from) {
            let number = frame.get(4..8).map(|number| <[u8; 4]>::try_from(number).unwrap());
            if number.is_some_and(|number| lost.lock().unwrap().remove(&number)) {
                break;
            }
            let faults = watched.lock().unwrap().clone();
            if faults.is_silent {
                continue;
            }
            if to_client.send((Instant::now() + faults.delay, frame)).is_err() {
                break;
            }
        }
        drop((from.shutdown(Shutdown::Both), client.shutdown(Shutdown::Both)));
    });
}

/// A length, and as many bytes.
fn frame(from: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; 4];
    from.read_exact(&mut frame)?;
    let length = u32::from_be_bytes([frame[0], frame[1], frame[2], frame[3]]);
    frame.resize(4 + length as usize, 0);
    from.read_exact(&mut frame[4..])?;
    Ok(frame)
}

fn write_to(mut to: TcpStream, due: Receiver<(Instant, Vec<u8>)>) {
    thread::spawn(move || {
        for (due, frame) in due {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&frame).is_err() {
                break;
            }
        }
        drop(to.shutdown(Shutdown::Both));
    });
}
