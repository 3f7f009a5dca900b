//! Names of the entries that remember groups, offsets and transactional ids.
//!
//! A group may be called anything, so its name stands where nothing else can be meant: topics and numbers have no `/`.

/// An entry of the coordinator's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key<'a> {
    /// A group's generation and members.
    Group(&'a str),
    /// A committed offset: group, topic, partition.
    Offset(&'a str, &'a str, i32),
    /// A transactional id.
    Transaction(&'a str),
}

impl<'a> Key<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (kind, rest) = text.split_once('/')?;
        match kind {
            "group" => Some(Self::Group(rest)),
            "transaction" => Some(Self::Transaction(rest)),
            "offset" => {
                let (rest, partition) = rest.rsplit_once('/')?;
                let (group, topic) = rest.rsplit_once('/')?;
                Some(Self::Offset(group, topic, partition.parse().ok()?))
            }
            _ => None,
        }
    }
}

impl std::fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Group(name) => write!(f, "group/{name}"),
            Self::Offset(group, topic, partition) => write!(f, "offset/{group}/{topic}/{partition}"),
            Self::Transaction(id) => write!(f, "transaction/{id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{GROUP_NAME_MAX_BYTES, TRANSACTIONAL_ID_MAX_BYTES};

    #[test]
    fn a_key_reads_as_it_was_written_whatever_the_group_is_called() {
        for name in ["", "g", "offset/x/y/1", "a/b", "/", "é\n"] {
            for key in [Key::Group(name), Key::Offset(name, "to.pic_-1", 7), Key::Transaction(name)] {
                assert_eq!(Key::parse(&key.to_string()), Some(key));
            }
        }
        assert_eq!(Key::parse("cluster"), None);
        assert_eq!(Key::parse("user/me"), None);
        assert_eq!(Key::parse("offset/g/topic/x"), None);
    }

    #[test]
    fn the_longest_key_is_one_that_the_journal_takes() {
        let (name, topic) = ("g".repeat(GROUP_NAME_MAX_BYTES), "t".repeat(tailwater_journal::limits::NAME_MAX_BYTES));
        let id = "x".repeat(TRANSACTIONAL_ID_MAX_BYTES);
        for key in [Key::Group(&name), Key::Offset(&name, &topic, i32::MAX), Key::Transaction(&id)] {
            assert!(key.to_string().len() <= tailwater_journal::limits::KEY_MAX_BYTES);
        }
    }
}
