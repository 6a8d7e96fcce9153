//! Bytes of a declared encoding ↔ text. Strict: a byte that does not fit is an error, never a replacement sign.

use std::borrow::Cow;

use encoding_rs::Encoding;

/// The encoding of a feed's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TextEncoding(&'static Encoding);

/// The encodings by the names a mapping may use.
const NAMES: [(&str, &Encoding); 11] = [
    ("utf-8", encoding_rs::UTF_8),
    ("gb18030", encoding_rs::GB18030),
    ("gbk", encoding_rs::GB18030),
    ("windows-1252", encoding_rs::WINDOWS_1252),
    ("latin-1", encoding_rs::WINDOWS_1252),
    ("windows-1250", encoding_rs::WINDOWS_1250),
    ("windows-1251", encoding_rs::WINDOWS_1251),
    ("windows-1254", encoding_rs::WINDOWS_1254),
    ("shift-jis", encoding_rs::SHIFT_JIS),
    ("utf-16le", encoding_rs::UTF_16LE),
    ("utf-16be", encoding_rs::UTF_16BE),
];

impl TextEncoding {
    /// UTF-8, with or without a byte order mark.
    pub(super) const UTF_8: TextEncoding = TextEncoding(encoding_rs::UTF_8);

    /// The names a mapping may use.
    pub(super) fn names() -> Vec<&'static str> {
        NAMES.iter().map(|(name, _)| *name).collect()
    }

    /// The encoding of this name.
    pub(super) fn named(name: &str) -> Option<TextEncoding> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, encoding)| TextEncoding(encoding))
    }

    /// The encoding's name.
    pub(super) fn name(self) -> &'static str {
        NAMES.iter().find(|(_, encoding)| *encoding == self.0).map_or("utf-8", |(name, _)| name)
    }

    /// How many bytes a code unit has, and whether the first is the high one.
    pub(super) fn unit(self) -> (usize, bool) {
        match self.name() {
            "utf-16le" => (2, false),
            "utf-16be" => (2, true),
            _ => (1, false),
        }
    }

    /// The text, without its byte order mark; `None` where a byte does not fit.
    pub(super) fn decode(self, bytes: &[u8]) -> Option<Cow<'_, str>> {
        if self.0 == encoding_rs::UTF_8 {
            let text = std::str::from_utf8(bytes).ok()?;
            return Some(Cow::Borrowed(text.strip_prefix('\u{feff}').unwrap_or(text)));
        }
        let text = self.0.decode_without_bom_handling_and_without_replacement(bytes)?;
        Some(match text.strip_prefix('\u{feff}') {
            Some(rest) => Cow::Owned(rest.to_owned()),
            None => text,
        })
    }

    /// The bytes of a text in this encoding; `None` where it has no sign for a character.
    pub(super) fn encode(self, text: &str) -> Option<Vec<u8>> {
        match self.name() {
            "utf-16le" => Some(text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
            "utf-16be" => Some(text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
            _ => {
                let (bytes, _, unmappable) = self.0.encode(text);
                (!unmappable).then(|| bytes.into_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_read_back_what_they_wrote() {
        for name in TextEncoding::names() {
            let encoding = TextEncoding::named(name).unwrap();
            let texts = ["数据年月,\"美元\"", "é,x", "Я,x"];
            let text = texts.into_iter().find(|text| encoding.encode(text).is_some()).unwrap();
            assert_eq!(encoding.decode(&encoding.encode(text).unwrap()).as_deref(), Some(text), "{name}");
        }
        assert_eq!(TextEncoding::UTF_8.decode(b"\xef\xbb\xbfa").as_deref(), Some("a"));
        assert_eq!(TextEncoding::UTF_8.decode(b"\xff"), None);
        assert_eq!(TextEncoding::named("gb18030").unwrap().decode(b"\x81"), None);
    }
}
