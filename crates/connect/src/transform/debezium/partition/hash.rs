//! Hashes of values as the original has them: Java's `hashCode` of the objects that Connect makes of values, and Infinispan's
//! MurmurHash3 over texts and over hash codes.

use tailwater_event::connect::{Schema, Value};

const DECIMAL: &str = "org.apache.kafka.connect.data.Decimal";
const DATE: &str = "org.apache.kafka.connect.data.Date";
const DATES: [&str; 2] = ["org.apache.kafka.connect.data.Time", "org.apache.kafka.connect.data.Timestamp"];
const DAY_MS: i64 = 86_400_000;
const MURMUR_SEED: u64 = 9001;

/// Java's `hashCode`. For structs, where it also depends on the schema's memory, the hash of their values.
pub(super) fn java(schema: &Schema, value: &Value) -> i32 {
    match value {
        Value::Null => 0,
        Value::Boolean(value) => {
            if *value {
                1231
            } else {
                1237
            }
        }
        Value::Int8(value) => i32::from(*value),
        Value::Int16(value) => i32::from(*value),
        Value::Int32(days) if schema.is_named(DATE) => long(i64::from(*days) * DAY_MS),
        Value::Int32(value) if DATES.iter().any(|name| schema.is_named(name)) => long(i64::from(*value)),
        Value::Int32(value) => *value,
        Value::Int64(value) => long(*value),
        Value::Float32(value) => value.to_bits().cast_signed(),
        Value::Float64(value) => long(value.to_bits().cast_signed()),
        Value::Text(text) => {
            text.encode_utf16().fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
        }
        Value::Bytes(bytes) if schema.is_named(DECIMAL) => {
            let scale = schema.parameter("scale").and_then(|scale| scale.parse().ok()).unwrap_or(0);
            big_integer(bytes).wrapping_mul(31).wrapping_add(scale)
        }
        Value::Bytes(bytes) => bytes
            .iter()
            .rev()
            .fold(1i32, |hash, byte| hash.wrapping_mul(31).wrapping_add(i32::from(byte.cast_signed()))),
        Value::Array(elements) => {
            let inner = match &schema.kind {
                tailwater_event::connect::Kind::Array(inner) => inner,
                _ => schema,
            };
            list(elements.iter().map(|element| java(inner, element)))
        }
        Value::Struct(values) => {
            list(schema.fields().iter().zip(values).map(|(field, value)| java(&field.schema, value)))
        }
        Value::Map(entries) => {
            entries.iter().fold(0i32, |sum, (key, value)| sum.wrapping_add(java(schema, key) ^ java(schema, value)))
        }
    }
}

/// MurmurHash3 of a text's UTF-8, or of the four bytes of any other value's hash code.
pub(super) fn murmur(schema: &Schema, value: &Value) -> i32 {
    match value {
        Value::Text(text) => murmur_bytes(text.as_bytes()),
        _ => murmur_bytes(&java(schema, value).to_le_bytes()),
    }
}

fn long(value: i64) -> i32 {
    let bits = value.cast_unsigned();
    low(bits ^ (bits >> 32)).cast_signed()
}

fn list(hashes: impl Iterator<Item = i32>) -> i32 {
    hashes.fold(1, |hash, element| hash.wrapping_mul(31).wrapping_add(element))
}

fn low(bits: u64) -> u32 {
    (bits & u64::from(u32::MAX)) as u32
}

/// `BigInteger.hashCode` of a two's complement number: over the 32-bit digits of its magnitude, with its sign.
fn big_integer(bytes: &[u8]) -> i32 {
    let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    let mut magnitude = bytes.to_vec();
    if negative {
        let mut carry = true;
        for byte in magnitude.iter_mut().rev() {
            (*byte, carry) = (!*byte).overflowing_add(u8::from(carry));
        }
    }
    let digits =
        magnitude.rchunks(4).rev().map(|chunk| chunk.iter().fold(0u32, |digit, byte| digit << 8 | u32::from(*byte)));
    let hash = digits.fold(0u32, |hash, digit| hash.wrapping_mul(31).wrapping_add(digit)).cast_signed();
    if negative { hash.wrapping_neg() } else { hash }
}

/// The state of Infinispan's early form of the 128-bit hash, of which the upper half of the first word is taken.
struct Murmur {
    h1: u64,
    h2: u64,
    c1: u64,
    c2: u64,
}

fn murmur_bytes(bytes: &[u8]) -> i32 {
    let mut state = Murmur {
        h1: 0x9368_e53c_2f6a_f274 ^ MURMUR_SEED,
        h2: 0x586d_cd20_8f7c_d3fd ^ MURMUR_SEED,
        c1: 0x87c3_7b91_1142_53d5,
        c2: 0x4cf5_ad43_2745_937f,
    };
    let blocks = bytes.chunks_exact(16);
    let rest = blocks.remainder();
    for block in blocks {
        let word = |half: &[u8]| half.iter().rev().fold(0u64, |word, byte| word << 8 | u64::from(*byte));
        state.mix(word(block.get(..8).unwrap_or_default()), word(block.get(8..).unwrap_or_default()));
    }
    // Bytes of the rest count with their sign.
    let word = |half: &[u8]| {
        let signed = |(at, byte): (usize, &u8)| i64::from(byte.cast_signed()).cast_unsigned() << (8 * at);
        half.iter().enumerate().map(signed).fold(0, |word, byte| word ^ byte)
    };
    if !rest.is_empty() {
        let (first, second) = rest.split_at(rest.len().min(8));
        state.mix(word(first), word(second));
    }
    let Murmur { mut h1, mut h2, .. } = state;
    h2 ^= bytes.len() as u64;
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    low(finish(h1).wrapping_add(finish(h2)) >> 32).cast_signed()
}

impl Murmur {
    fn mix(&mut self, k1: u64, k2: u64) {
        self.h1 ^= k1.wrapping_mul(self.c1).rotate_left(23).wrapping_mul(self.c2);
        self.h1 = self.h1.wrapping_add(self.h2);
        self.h2 = self.h2.rotate_left(41);
        self.h2 ^= k2.wrapping_mul(self.c2).rotate_left(23).wrapping_mul(self.c1);
        self.h2 = self.h2.wrapping_add(self.h1);
        self.h1 = self.h1.wrapping_mul(3).wrapping_add(0x52dc_e729);
        self.h2 = self.h2.wrapping_mul(3).wrapping_add(0x3849_5ab5);
        self.c1 = self.c1.wrapping_mul(5).wrapping_add(0x7b7d_159c);
        self.c2 = self.c2.wrapping_mul(5).wrapping_add(0x6bce_6396);
    }
}

fn finish(mut word: u64) -> u64 {
    for factor in [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53] {
        word = (word ^ (word >> 33)).wrapping_mul(factor);
    }
    word ^ (word >> 33)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tailwater_event::connect::Kind;

    use super::*;

    /// Values with what Debezium 3.6.3 on Java 17 has for them.
    #[test]
    fn hashes_are_those_of_the_original() {
        let text = |text: &str| (Schema::new(Kind::Text), Value::Text(text.into()));
        let plain = |value: Value| (Schema::new(Kind::Text), value);
        let decimal = |scale: &str, bytes: &[u8]| {
            let parameters = vec![("scale".into(), scale.into())];
            (Schema { parameters, ..Schema::new(Kind::Bytes).named(DECIMAL) }, Value::Bytes(bytes.to_vec().into()))
        };
        let large = 12_345_678_901_234_567_890_123_456_789_012_i128.to_be_bytes();
        let numbers = Schema::new(Kind::Array(Arc::new(Schema::new(Kind::Int32))));
        for ((schema, value), in_java, in_murmur) in [
            (plain(Value::Int32(1)), 1, -1_931_162_451),
            (plain(Value::Int32(-7)), -7, -1_990_014_637),
            (plain(Value::Int32(1_000_000)), 1_000_000, -720_196_541),
            (plain(Value::Int64(5)), 5, -837_177_610),
            (plain(Value::Int64(-5)), 4, 1_233_385_530),
            (plain(Value::Int64(3_000_000_000)), -1_294_967_296, -801_826_389),
            (text(""), 0, 89_125_410),
            (text("abc"), 96_354, 1_809_745_788),
            (text("Änne 🎉"), 1_112_669_164, -24_549_939),
            (text("a longer text than sixteen bytes"), -1_310_573_501, -1_765_451_673),
            (plain(Value::Boolean(true)), 1231, -1_891_831_265),
            (plain(Value::Boolean(false)), 1237, -682_375_457),
            (plain(Value::Float64(1.5)), 1_073_217_536, -1_122_085_266),
            (plain(Value::Float64(-0.0)), -2_147_483_648, -797_218_156),
            (plain(Value::Float32(2.5)), 1_075_838_976, -1_391_618_071),
            (plain(Value::Int16(3)), 3, 1_701_980_596),
            (plain(Value::Int8(-3)), -3, -1_765_749_021),
            (decimal("3", &[0xcf, 0xc7]), -382_692, -587_659_212),
            (decimal("2", &large), -1_747_325_893, -102_512_819),
            (plain(Value::Bytes(vec![1, 0xfe, 3].into())), 32_613, -1_459_025_727),
            ((numbers, Value::Array([1, 2, 3].map(Value::Int32).to_vec())), 30_817, -1_265_998_787),
        ] {
            assert_eq!((java(&schema, &value), murmur(&schema, &value)), (in_java, in_murmur), "{value:?}");
        }
    }

    #[test]
    fn dates_hash_as_the_milliseconds_that_java_makes_of_them() {
        let date = Schema::new(Kind::Int32).named(DATE);
        assert_eq!(java(&date, &Value::Int32(1)), 86_400_000);
    }
}
