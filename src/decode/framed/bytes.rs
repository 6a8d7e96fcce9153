//! Bytes read from the front, with the numbers that Avro and Confluent's frame share: zigzag varints.

/// What is left of a message.
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    /// The next bytes.
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let cut = || format!("cut off: {length} bytes should follow, {} do", self.0.len());
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(cut)?;
        self.0 = rest;
        Ok(taken)
    }

    /// The next bytes, as many as fit.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        self.take(N)?.try_into().map_err(|_| "cut off".to_owned())
    }

    /// A zigzag varint of at most 64 bits.
    pub(super) fn long(&mut self) -> Result<i64, String> {
        let mut value = 0u64;
        for place in 0..10u32 {
            let [byte] = self.array::<1>()?;
            // The tenth byte has room for one bit.
            if place == 9 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                return Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
            }
        }
        Err("a number has more than 64 bits".to_owned())
    }

    /// A length or an index: a zigzag varint that is not negative.
    pub(super) fn size(&mut self, what: &str) -> Result<usize, String> {
        let value = self.long()?;
        usize::try_from(value).map_err(|_| format!("the {what} is {value}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(value: i64) -> Vec<u8> {
        let mut rest = (value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned();
        let mut bytes = Vec::new();
        while rest > 0x7f {
            bytes.push(u8::try_from(rest & 0x7f).unwrap() | 0x80);
            rest >>= 7;
        }
        bytes.push(u8::try_from(rest).unwrap());
        bytes
    }

    proptest! {
        #[test]
        fn numbers_are_read_as_they_were_written(value: i64, shift in 0u32..64) {
            let value = value >> shift;
            let bytes = written(value);
            let mut read = Bytes(&bytes);
            prop_assert_eq!(read.long(), Ok(value));
            prop_assert!(read.0.is_empty());
        }
    }

    #[test]
    fn numbers_end_within_the_bytes_and_64_bits() {
        // The specification of Avro has these.
        for (value, bytes) in [(0, vec![0]), (-1, vec![1]), (1, vec![2]), (-64, vec![0x7f]), (64, vec![0x80, 1])] {
            assert_eq!(Bytes(&bytes).long(), Ok(value));
        }
        assert_eq!(Bytes(&written(i64::MIN)).long(), Ok(i64::MIN));
        assert!(Bytes(&[0x80]).long().is_err());
        assert!(Bytes(&[0xff; 11]).long().is_err());
        assert!(Bytes(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 2]).long().is_err());
        assert!(Bytes(&[1]).size("length").is_err());
    }
}
