//! Headers in one column: `12:content-type=16:application/json`, a line each. Lengths make any byte safe; an eye can read it.

use super::LogError;
use crate::domain::Header;

/// `None` where there are none.
pub(super) fn encode(headers: &[Header]) -> Option<Vec<u8>> {
    if headers.is_empty() {
        return None;
    }
    let mut bytes = Vec::with_capacity(headers.iter().map(|header| header.key.len() + header.value.len() + 10).sum());
    for header in headers {
        bytes.extend_from_slice(format!("{}:", header.key.len()).as_bytes());
        bytes.extend_from_slice(header.key.as_bytes());
        bytes.extend_from_slice(format!("={}:", header.value.len()).as_bytes());
        bytes.extend_from_slice(&header.value);
        bytes.push(b'\n');
    }
    Some(bytes)
}

/// Headers as they were.
pub(super) fn decode(bytes: Option<&[u8]>) -> Result<Vec<Header>, LogError> {
    let mut rest = bytes.unwrap_or_default();
    let mut headers = Vec::new();
    while !rest.is_empty() {
        let corrupt = || LogError::Corrupt { detail: "headers of a message are cut".to_owned() };
        let (key, after_key) = counted(rest).ok_or_else(corrupt)?;
        let after_equals = after_key.strip_prefix(b"=").ok_or_else(corrupt)?;
        let (value, after_value) = counted(after_equals).ok_or_else(corrupt)?;
        rest = after_value.strip_prefix(b"\n").ok_or_else(corrupt)?;
        let key = String::from_utf8(key.to_vec()).map_err(|_| corrupt())?;
        headers.push(Header { key, value: value.to_vec() });
    }
    Ok(headers)
}

fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = bytes.iter().position(|byte| *byte == b':')?;
    let length: usize = std::str::from_utf8(bytes.get(..colon)?).ok()?.parse().ok()?;
    bytes.get(colon + 1..)?.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_header_comes_back_as_it_was() {
        let header = |key: &str, value: &[u8]| Header { key: key.to_owned(), value: value.to_vec() };
        let all = [header("", b""), header("a=1:b", b"\n3:x=\xff\x00"), header("é", "ß:".as_bytes()), header("a=1:b", b"again")];
        for count in 0..=all.len() {
            let headers = &all[..count];
            assert_eq!(decode(encode(headers).as_deref()).unwrap(), headers);
        }
    }

    #[test]
    fn cut_headers_are_an_error() {
        let bytes = encode(&[Header { key: "key".to_owned(), value: b"value".to_vec() }]).unwrap();
        for length in 1..bytes.len() {
            assert!(decode(Some(&bytes[..length])).is_err(), "{length}");
        }
    }
}
