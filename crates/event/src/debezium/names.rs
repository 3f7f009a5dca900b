//! Schema and field names made valid for Avro (`schema.name.adjustment.mode`, `field.name.adjustment.mode`).

use std::fmt::Write;

/// How names are adjusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NameAdjustment {
    /// As they are.
    #[default]
    None,
    /// Characters that Avro does not allow become `_`.
    Avro,
    /// They, and `_` itself, become `_uXXXX`, the hexadecimal UTF-16 unit.
    AvroUnicode,
}

impl NameAdjustment {
    /// The name of a schema; dots separate its parts and stay.
    pub fn schema(self, name: &str) -> String {
        self.adjust(name, true)
    }

    /// The name of a field.
    pub fn field(self, name: &str) -> String {
        self.adjust(name, false)
    }

    /// The original looks at UTF-16 units one by one.
    fn adjust(self, name: &str, dots: bool) -> String {
        if self == NameAdjustment::None {
            return name.to_owned();
        }
        let mut out = String::with_capacity(name.len() + 8);
        for (at, unit) in name.encode_utf16().enumerate() {
            let c = char::from_u32(u32::from(unit)).unwrap_or('\u{FFFD}');
            let letter = c.is_ascii_alphabetic() || (c == '_' && self == NameAdjustment::Avro);
            let later = at > 0 && (c.is_ascii_digit() || (c == '.' && dots));
            if letter || later {
                out.push(c);
            } else if self == NameAdjustment::AvroUnicode {
                push_unicode(unit, &mut out);
            } else {
                out.push('_');
                // Names that differ only in a leading digit stay apart.
                if at == 0 && c.is_numeric() {
                    out.push(c);
                }
            }
        }
        out
    }
}

/// `_uXXXX`; one and two digits get two zeros before them, three digits none, as in the original.
pub(crate) fn push_unicode(unit: u16, out: &mut String) {
    let zeros = if unit < 0x100 { "00" } else { "" };
    // Writing to a String does not fail.
    let _ = write!(out, "_u{zeros}{unit:x}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_those_of_the_recorded_cases() {
        for (name, avro, unicode) in [
            ("1 id", "_1_id", "_u0031_u0020id"),
            ("a-b", "a_b", "a_u002db"),
            ("ä_b", "__b", "_u00e4_u005fb"),
            ("😀", "__", "_ud83d_ude00"),
            ("_x", "_x", "_u005fx"),
            ("x1", "x1", "x1"),
            ("a.b", "a_b", "a_u002eb"),
        ] {
            assert_eq!(NameAdjustment::Avro.field(name), avro);
            assert_eq!(NameAdjustment::AvroUnicode.field(name), unicode);
            assert_eq!(NameAdjustment::None.field(name), name);
        }
    }

    #[test]
    fn schema_names_keep_their_dots() {
        let name = "srv-1.s-1.1st_t.Key";
        assert_eq!(NameAdjustment::Avro.schema(name), "srv_1.s_1.1st_t.Key");
        assert_eq!(NameAdjustment::AvroUnicode.schema(name), "srv_u002d1.s_u002d1.1st_u005ft.Key");
    }
}
