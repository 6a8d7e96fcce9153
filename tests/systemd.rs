//! What systemd hears of the real binary, over a real datagram socket: ready when `/readyz` is, alive until the end, stopping first.

#![allow(clippy::unwrap_used, reason = "a test that finds something else than it expects stops there")]

#[path = "support/house.rs"]
mod house;

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use house::House;

/// How long systemd waits for a sign of life; the service gives one in half of it.
const WATCHDOG_USEC: &str = "400000";
/// A sign that does not come within this time does not come.
const PATIENCE: Duration = Duration::from_secs(60);

/// The next datagram, its lines without their STATUS.
fn heard(socket: &UnixDatagram) -> Vec<String> {
    let mut datagram = [0; 1_024];
    let length = socket.recv(&mut datagram).expect("the service says something in time");
    let text = std::str::from_utf8(datagram.get(..length).unwrap()).unwrap();
    text.lines().filter(|line| !line.starts_with("STATUS=")).map(str::to_owned).collect()
}

#[test]
fn systemd_hears_ready_then_signs_of_life_then_stopping() {
    let house = House::new(&[("flows", "canonical")]);
    let path = house.path("notify.sock");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let environment = [("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", WATCHDOG_USEC)];
    let mut service = house.serve((&[], &environment));

    loop {
        let lines = heard(&socket);
        if lines.iter().any(|line| line == "READY=1") {
            break;
        }
        assert!(lines.iter().all(|line| line == "WATCHDOG=1" || line.starts_with("EXTEND_TIMEOUT_USEC=")), "{lines:?}");
    }
    assert!(service.get("/readyz").contains("\"ready\":true"));
    for _ in 0..3 {
        assert_eq!(heard(&socket), ["WATCHDOG=1"]);
    }
    service.end();
    let mut last = Vec::new();
    socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    while last != ["STOPPING=1"] {
        last = heard(&socket);
        assert!(last == ["WATCHDOG=1"] || last == ["STOPPING=1"], "{last:?}");
    }
}
