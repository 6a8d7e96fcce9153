//! Which partition a key belongs to, as the Java client has it. Pure arithmetic.

use crate::domain::Partition;

const SEED: u32 = 0x9747_b28c;
const M: u32 = 0x5bd1_e995;

/// The 32-bit murmur2 hash of Kafka's Java client (`org.apache.kafka.common.utils.Utils.murmur2`).
pub fn murmur2(bytes: &[u8]) -> i32 {
    let length = u32::try_from(bytes.len() & 0xffff_ffff).unwrap_or(u32::MAX);
    let mut hash = SEED ^ length;
    let mut words = bytes.chunks_exact(4);
    for word in &mut words {
        let word = word.try_into().map(u32::from_le_bytes).unwrap_or(0);
        let mut k = word.wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        for (index, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * index);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^= hash >> 15;
    hash.cast_signed()
}

/// The partition of a key among `partitions` (at least one).
pub fn partition_of(key: &[u8], partitions: Partition) -> Partition {
    (murmur2(key) & 0x7fff_ffff) % partitions.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors of the Java client's own `UtilsTest.testMurmur2`.
    #[test]
    fn hashes_as_the_java_client_does() {
        let vectors: [(&str, i32); 7] = [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
            ("", 275_646_681),
        ];
        for (text, hash) in vectors {
            assert_eq!(murmur2(text.as_bytes()), hash, "{text:?}");
        }
    }

    #[test]
    fn a_partition_is_always_there() {
        for key in 0..2_000_u32 {
            let partition = partition_of(&key.to_be_bytes(), 12);
            assert!((0..12).contains(&partition));
            assert_eq!(partition_of(&key.to_be_bytes(), 1), 0);
            assert_eq!(partition_of(&key.to_be_bytes(), 0), 0);
        }
    }
}
