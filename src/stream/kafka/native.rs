//! The few calls of librdkafka that its binding lacks. The one place of unsafe code; each call says why it is sound.

#![allow(unsafe_code, reason = "librdkafka is C; the binding lacks these calls, or panics in them")]

use std::ffi::{CStr, CString, c_char, c_int};
use std::time::Duration;

use rdkafka::bindings as native;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::message::{BorrowedMessage, OwnedHeaders};
use rdkafka::producer::{BaseProducer, Producer};

use super::context::Context;
use super::members::{Members, assigned, kept_name};
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

/// What the brokers say of a topic: nothing more than its name where they do not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Described {
    pub(super) topic: String,
    pub(super) error: Option<Code>,
    /// Another for each topic that is made, under whichever name.
    pub(super) id: String,
    pub(super) partitions: usize,
    pub(super) may_read: bool,
}

/// What topics are, asked without waiting. The binding knows no ids of topics.
///
/// It belongs to the client that it was asked of, and has to go before it.
pub(super) struct Question {
    queue: *mut native::rd_kafka_queue_t,
}

// SAFETY: librdkafka's queues have locks of their own; this one is ours alone.
unsafe impl Send for Question {}

impl Question {
    /// Asks what topics are; `None` where the client cannot.
    pub(super) fn of_topics(consumer: &BaseConsumer<Context>, topics: &[String], patience: Duration) -> Option<Question> {
        let names: Vec<CString> = topics.iter().filter_map(|topic| CString::new(topic.as_str()).ok()).collect();
        let mut names: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
        let patience = c_int::try_from(patience.as_millis()).unwrap_or(c_int::MAX);
        let client = consumer.client().native_ptr();
        // SAFETY: the client lives as long as the consumer that is borrowed here, the names until they are copied; what is made is
        // destroyed once, after its use, and the queue with this question. Where an option is not taken its default holds.
        unsafe {
            let queue = native::rd_kafka_queue_new(client);
            let asked = Question { queue };
            let collection = native::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len());
            let options =
                native::rd_kafka_AdminOptions_new(client, native::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
            if queue.is_null() || collection.is_null() || options.is_null() {
                return None;
            }
            native::rd_kafka_AdminOptions_set_request_timeout(options, patience, std::ptr::null_mut(), 0);
            let refused = native::rd_kafka_AdminOptions_set_include_authorized_operations(options, 1);
            if !refused.is_null() {
                native::rd_kafka_error_destroy(refused);
            }
            native::rd_kafka_DescribeTopics(client, collection, options, queue);
            native::rd_kafka_AdminOptions_destroy(options);
            native::rd_kafka_TopicCollection_destroy(collection);
            Some(asked)
        }
    }

    /// What the topics are, where the answer comes within this time; without topics where the question failed.
    pub(super) fn topics(&self, timeout: Duration) -> Option<Vec<Described>> {
        let mut described = Vec::new();
        // SAFETY: the event lives as long as `heard` reads from it.
        unsafe {
            self.heard(timeout, |event| {
                let result = native::rd_kafka_event_DescribeTopics_result(event);
                let mut count = 0usize;
                let topics = native::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
                described.extend((0..count).map(|index| describe(*topics.add(index))));
            })
        }?;
        Some(described)
    }

    /// Waits so long for the answer, and has it read where it is no error.
    ///
    /// # Safety
    ///
    /// `read` gets an event that lives until it returns; it has to be of the kind that was asked for.
    unsafe fn heard(&self, timeout: Duration, read: impl FnOnce(*mut native::rd_kafka_event_t)) -> Option<()> {
        let timeout = c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX);
        // SAFETY: the queue is ours; the event lives until it is destroyed below, and all that is read lies within it and is copied.
        unsafe {
            let event = native::rd_kafka_queue_poll(self.queue, timeout);
            if event.is_null() {
                return None;
            }
            if native::rd_kafka_event_error(event) == native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                read(event);
            }
            native::rd_kafka_event_destroy(event);
        }
        Some(())
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        if !self.queue.is_null() {
            // SAFETY: it was made by `of_topics`, and nobody else knows it.
            unsafe { native::rd_kafka_queue_destroy(self.queue) }
        }
    }
}

/// # Safety
///
/// The text has to live, or be null.
unsafe fn owned(text: *const c_char) -> String {
    // SAFETY: librdkafka's texts end with a zero byte.
    if text.is_null() { String::new() } else { unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned() }
}

/// How a group stands. Waits for every broker, at most so long; without members where they do not say.
///
/// The older call, on purpose: what asks the group's coordinator (`DescribeConsumerGroups`) ends the process where a connection breaks at
/// the wrong moment (librdkafka issue 4605, pull request 5397). The binding's own loses memory wherever a broker is away.
pub(super) fn members(consumer: &BaseConsumer<Context>, group: &str, patience: Duration) -> Members {
    let Ok(name) = CString::new(group) else { return Members::default() };
    let patience = c_int::try_from(patience.as_millis()).unwrap_or(c_int::MAX);
    let mut list: *const native::rd_kafka_group_list = std::ptr::null();
    // SAFETY: client and name live as long as the call. Where it gives a list, that is ours, and destroyed once after it was copied; there
    // are as many groups and members as counted, an assignment has as many bytes, or is null.
    unsafe {
        native::rd_kafka_list_groups(consumer.client().native_ptr(), name.as_ptr(), &raw mut list, patience);
        if list.is_null() {
            return Members::default();
        }
        let groups = slice((*list).groups, (*list).group_cnt);
        let is_it = |found: &&native::rd_kafka_group_info| {
            owned(found.group) == group && found.err == native::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
        };
        let members = groups.iter().find(is_it).map(|found| Members {
            is_stable: owned(found.state) == "Stable",
            shares: slice(found.members, found.member_cnt)
                .iter()
                .map(|member| {
                    let assignment = slice(member.member_assignment.cast::<u8>(), member.member_assignment_size);
                    (kept_name(&owned(member.member_id)).to_owned(), assigned(assignment))
                })
                .collect(),
        });
        native::rd_kafka_group_list_destroy(list);
        members.unwrap_or_default()
    }
}

/// # Safety
///
/// So many elements have to live there, or it has to be null.
unsafe fn slice<'a, T>(first: *const T, count: c_int) -> &'a [T] {
    let count = usize::try_from(count).unwrap_or(0);
    // SAFETY: said above.
    if first.is_null() || count == 0 { &[] } else { unsafe { std::slice::from_raw_parts(first, count) } }
}

/// # Safety
///
/// The description has to live.
unsafe fn describe(topic: *const native::rd_kafka_TopicDescription_t) -> Described {
    // SAFETY: the description lives, and what the calls give lies within it; there are as many operations as counted.
    unsafe {
        let (mut partitions, mut rights) = (0usize, 0usize);
        native::rd_kafka_TopicDescription_partitions(topic, &raw mut partitions);
        let operations = native::rd_kafka_TopicDescription_authorized_operations(topic, &raw mut rights);
        let read = native::rd_kafka_AclOperation_t::RD_KAFKA_ACL_OPERATION_READ;
        let error = native::rd_kafka_TopicDescription_error(topic);
        let id = native::rd_kafka_TopicDescription_topic_id(topic);
        Described {
            topic: owned(native::rd_kafka_TopicDescription_name(topic)),
            error: (!error.is_null()).then(|| native::rd_kafka_error_code(error).into()),
            id: if id.is_null() { String::new() } else { owned(native::rd_kafka_Uuid_base64str(id)) },
            partitions,
            may_read: !operations.is_null() && (0..rights).any(|index| *operations.add(index) == read),
        }
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
