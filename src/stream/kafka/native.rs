//! The few calls of librdkafka that its binding lacks. The one place of unsafe code; each call says why it is sound.

#![allow(unsafe_code, reason = "librdkafka is C; the binding lacks these calls, or panics in them")]

use std::ffi::{CStr, c_char, c_int};
use std::time::Duration;

use rdkafka::bindings as native;
use rdkafka::message::{BorrowedMessage, OwnedHeaders};
use rdkafka::producer::{BaseProducer, Producer};

use super::context::Context;
use crate::domain::Header;

/// Waits until everything sent is delivered or has failed; `false` where the time was over first.
///
/// The binding's own `flush` sleeps a tenth of a second at a time (rust-rdkafka pull request 777); librdkafka wakes at the last answer.
pub(super) fn flush(producer: &BaseProducer<Context>, timeout: Duration) -> bool {
    let timeout = c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX);
    // SAFETY: the client lives as long as the producer that is borrowed here; the call takes nothing else.
    let answer = unsafe { native::rd_kafka_flush(producer.client().native_ptr(), timeout) };
    answer == native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
}

/// The headers of a message. The binding's own reader panics at a key that is no UTF-8, which any writer can send.
pub(super) fn headers(message: &BorrowedMessage<'_>) -> Vec<Header> {
    let mut found = Vec::new();
    let mut list: *mut native::rd_kafka_headers_t = std::ptr::null_mut();
    // SAFETY: the message is borrowed, so it and its headers live; librdkafka fills `list` where it answers without an error.
    if unsafe { native::rd_kafka_message_headers(message.ptr(), &raw mut list) }
        != native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
    {
        return found;
    }
    loop {
        let (mut key, mut value, mut size) = (std::ptr::null(), std::ptr::null(), 0usize);
        // SAFETY: as above; past the last header the call answers with an error and fills nothing.
        let answer = unsafe { native::rd_kafka_header_get_all(list, found.len(), &raw mut key, &raw mut value, &raw mut size) };
        if answer != native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return found;
        }
        // SAFETY: key ends with a zero byte, value has `size` bytes; both live as long as the message, and are copied here.
        let (key, value) = unsafe {
            let value = if value.is_null() { &[] } else { std::slice::from_raw_parts(value.cast::<u8>(), size) };
            (CStr::from_ptr(key).to_bytes(), value.to_vec())
        };
        found.push(Header { key: text(key), value });
    }
}

/// Adds a header, with the key's bytes as [`headers`] found them.
pub(super) fn add_header(headers: &OwnedHeaders, key: &str, value: &[u8]) {
    let key = bytes(key);
    let list = std::ptr::from_ref(headers.as_borrowed()).cast_mut().cast::<native::rd_kafka_headers_t>();
    let size = |length: usize| isize::try_from(length).unwrap_or(isize::MAX);
    // SAFETY: the list is owned by `headers`, which is borrowed; key and value are copied by the call, their sizes are theirs.
    unsafe {
        native::rd_kafka_header_add(
            list,
            key.as_ptr().cast::<c_char>(),
            size(key.len()),
            value.as_ptr().cast(),
            size(value.len()),
        );
    }
}

/// Where bytes that are no UTF-8 stand in a text, so that they come back as they were: the last plane of private use.
const ESCAPE: u32 = 0x10_FF00;

/// A key as text. Bytes that are no UTF-8 become characters of private use, one each, and so do such characters' own bytes.
fn text(key: &[u8]) -> String {
    let mut text = String::with_capacity(key.len());
    let escape = |text: &mut String, bytes: &[u8]| {
        text.extend(bytes.iter().filter_map(|byte| char::from_u32(ESCAPE + u32::from(*byte))));
    };
    for chunk in key.utf8_chunks() {
        for character in chunk.valid().chars() {
            if u32::from(character) >= ESCAPE {
                escape(&mut text, character.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                text.push(character);
            }
        }
        escape(&mut text, chunk.invalid());
    }
    text
}

fn bytes(key: &str) -> std::borrow::Cow<'_, [u8]> {
    if key.chars().all(|character| u32::from(character) < ESCAPE) {
        return key.as_bytes().into();
    }
    let mut bytes = Vec::with_capacity(key.len());
    for character in key.chars() {
        match u32::from(character).checked_sub(ESCAPE).and_then(|byte| u8::try_from(byte).ok()) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_key_comes_back_as_it_was() {
        for key in [&b"traceparent"[..], b"", b"\xff\xfe", "é€𝄞".as_bytes(), "\u{10FF41}x".as_bytes(), b"a\xf4\x8f\xbd", b"\xc3"]
        {
            assert_eq!(&*bytes(&text(key)), key, "{key:?}");
        }
        assert_eq!(text(b"plain"), "plain");
    }
}
