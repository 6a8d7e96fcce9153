//! Headers in one column: `12:content-type=16:application/json`, a line each. Lengths make any byte safe; an eye can read it.

use super::LogError;
use crate::domain::Header;

/// Writes one header behind others.
pub(super) fn encode(key: &str, value: &[u8], into: &mut Vec<u8>) {
    into.reserve(key.len() + value.len() + 12);
    length(key.len(), into);
    into.extend_from_slice(key.as_bytes());
    into.push(b'=');
    length(value.len(), into);
    into.extend_from_slice(value);
    into.push(b'\n');
}

/// A length and its colon. Most are below a hundred, and formatting is felt where each message has a dozen of them.
fn length(length: usize, into: &mut Vec<u8>) {
    let digit = |number: usize| b'0' + u8::try_from(number % 10).unwrap_or_default();
    if length >= 100 {
        into.extend_from_slice(length.to_string().as_bytes());
    } else {
        if length >= 10 {
            into.push(digit(length / 10));
        }
        into.push(digit(length));
    }
    into.push(b':');
}

/// Headers as they were.
pub(super) fn decode(bytes: Option<&[u8]>) -> Result<Vec<Header>, LogError> {
    let mut rest = bytes.unwrap_or_default();
    if rest.is_empty() {
        return Ok(Vec::new());
    }
    // Outputs of ours have five.
    let mut headers = Vec::with_capacity(6);
    while !rest.is_empty() {
        let corrupt = || LogError::Corrupt { detail: "headers of a message are cut".to_owned() };
        let (key, after_key) = counted(rest).ok_or_else(corrupt)?;
        let after_equals = after_key.strip_prefix(b"=").ok_or_else(corrupt)?;
        let (value, after_value) = counted(after_equals).ok_or_else(corrupt)?;
        rest = after_value.strip_prefix(b"\n").ok_or_else(corrupt)?;
        let key = std::str::from_utf8(key).map_err(|_| corrupt())?;
        headers.push(Header { key: key.to_owned(), value: value.to_vec() });
    }
    Ok(headers)
}

fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut length: usize = 0;
    for (index, byte) in bytes.iter().enumerate() {
        match byte {
            b'0'..=b'9' => length = length.checked_mul(10)?.checked_add(usize::from(byte - b'0'))?,
            b':' if index > 0 => return bytes.get(index + 1..)?.split_at_checked(length),
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(headers: &[Header]) -> Vec<u8> {
        let mut bytes = Vec::new();
        headers.iter().for_each(|header| encode(&header.key, &header.value, &mut bytes));
        bytes
    }

    #[test]
    fn any_header_comes_back_as_it_was() {
        let header = |key: &str, value: &[u8]| Header { key: key.to_owned(), value: value.to_vec() };
        let all = [
            header("", b""),
            header("a=1:b", b"\n3:x=\xff\x00"),
            header("long", &[b'1'; 12_345]),
            header("9", &[b':'; 99]),
            header("é", "ß:".as_bytes()),
            header("a=1:b", b"again"),
        ];
        for count in 0..=all.len() {
            let headers = &all[..count];
            assert_eq!(decode(Some(&encoded(headers))).unwrap(), headers);
        }
    }

    #[test]
    fn cut_headers_are_an_error() {
        let bytes = encoded(&[Header { key: "key".to_owned(), value: b"value".to_vec() }]);
        for length in 1..bytes.len() {
            assert!(decode(Some(&bytes[..length])).is_err(), "{length}");
        }
    }
}
