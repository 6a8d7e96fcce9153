//! What was sent within the open transaction, as bytes in a row: handed back where it comes to nothing. Sends nothing.
//!
//! Thousands of messages of a dozen small allocations each, kept until the commit, cost more than all else about sending them.

use std::sync::Arc;

use super::super::Outgoing;
use crate::domain::{Header, Partition};

/// The messages of a transaction, in order.
#[derive(Default)]
pub(super) struct Sent {
    messages: Vec<Entry>,
    /// Keys, values and headers, one behind the other ...
    bytes: Vec<u8>,
    /// ... and how long each is.
    sizes: Vec<usize>,
}

struct Entry {
    topic: Arc<str>,
    partition: Partition,
    has_key: bool,
    has_value: bool,
    headers: usize,
}

impl Sent {
    /// Takes a message down, and the headers lent to it, which come first.
    pub(super) fn push(&mut self, lent: &[(&str, &[u8])], outgoing: &Outgoing, partition: Partition) {
        let Outgoing { topic, partition: _, key, value, headers } = outgoing;
        for piece in [key, value].into_iter().flatten() {
            self.piece(piece);
        }
        for (key, value) in lent {
            self.piece(key.as_bytes());
            self.piece(value);
        }
        for Header { key, value } in headers {
            self.piece(key.as_bytes());
            self.piece(value);
        }
        self.messages.push(Entry {
            topic: Arc::clone(topic),
            partition,
            has_key: key.is_some(),
            has_value: value.is_some(),
            headers: lent.len() + headers.len(),
        });
    }

    fn piece(&mut self, piece: &[u8]) {
        self.bytes.extend_from_slice(piece);
        self.sizes.push(piece.len());
    }

    /// Forgets them; the room stays for the next transaction.
    pub(super) fn clear(&mut self) {
        self.messages.clear();
        self.bytes.clear();
        self.sizes.clear();
    }

    /// Gives them back as they were.
    pub(super) fn take(&mut self) -> Vec<Outgoing> {
        let Sent { messages, bytes, sizes } = std::mem::take(self);
        let (mut bytes, mut sizes) = (bytes.as_slice(), sizes.into_iter());
        let mut piece = || {
            let (piece, rest) = bytes.split_at(sizes.next().expect("each piece has its size"));
            bytes = rest;
            piece.to_vec()
        };
        let give = |entry: Entry| {
            let Entry { topic, partition, has_key, has_value, headers } = entry;
            let (key, value) = (has_key.then(&mut piece), has_value.then(&mut piece));
            let text = |key: Vec<u8>| String::from_utf8(key).expect("it was text");
            let headers = (0..headers).map(|_| Header { key: text(piece()), value: piece() }).collect();
            Outgoing { topic, partition: Some(partition), key, value, headers }
        };
        messages.into_iter().map(give).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lent: &[(&str, &[u8])], key: Option<&[u8]>, value: Option<&[u8]>, own: &[(&str, &[u8])]) {
        let headers = |of: &[(&str, &[u8])]| -> Vec<Header> {
            of.iter().map(|(key, value)| Header { key: (*key).to_owned(), value: value.to_vec() }).collect()
        };
        let message = |headers| Outgoing {
            topic: "topic".into(),
            partition: Some(3),
            key: key.map(<[u8]>::to_vec),
            value: value.map(<[u8]>::to_vec),
            headers,
        };
        let wanted = message([headers(lent), headers(own)].concat());
        let mut sent = Sent::default();
        sent.push(&[], &message(headers(own)), 5);
        sent.clear();
        sent.push(lent, &message(headers(own)), 3);
        sent.push(lent, &message(headers(own)), 3);
        assert_eq!(sent.take(), [wanted.clone(), wanted]);
        assert_eq!(sent.take(), []);
    }

    #[test]
    fn comes_back_as_it_was() {
        check(&[], None, None, &[]);
        check(&[], Some(b""), Some(b""), &[]);
        check(&[], Some(b"key"), None, &[("own", b"\xff")]);
        check(&[("lent", b"1"), ("é", b"")], None, Some(b"value"), &[]);
        check(&[("lent", b"1")], Some(b"key"), Some(b"value"), &[("own", b"2"), ("own", b"3")]);
    }
}
