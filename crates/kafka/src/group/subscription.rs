//! Which topics a group of consumers reads, from what its members tell their leader.

use super::Group;
use std::collections::BTreeSet;

/// The kind of group whose subscriptions can be read.
const CONSUMER: &str = "consumer";

impl<W> Group<W> {
    /// The group reads this topic, as far as is known: a consumer group whose subscriptions cannot be read may.
    pub fn reads(&self, topic: &str) -> bool {
        match &self.topics {
            Some(topics) => topics.contains(topic),
            None => self.is_of_consumers(),
        }
    }

    /// Its members speak the consumers' protocol.
    pub fn is_of_consumers(&self) -> bool {
        self.protocol_type.as_deref() == Some(CONSUMER)
    }

    /// What the members of this generation read together; `None` when one of them cannot be understood.
    pub(super) fn subscribed(&self) -> Option<BTreeSet<String>> {
        if !self.is_of_consumers() {
            return None;
        }
        let Some(protocol) = self.protocol.as_deref() else { return Some(BTreeSet::new()) };
        let mut all = BTreeSet::new();
        for member in self.members.values() {
            all.extend(topics(&member.metadata(protocol))?);
        }
        Some(all)
    }
}

/// Topics of a subscription. All versions begin as version 0 does: version, then the names.
fn topics(metadata: &[u8]) -> Option<Vec<String>> {
    let (_version, rest) = metadata.split_first_chunk::<2>()?;
    let (count, mut rest) = rest.split_first_chunk::<4>()?;
    let count = usize::try_from(i32::from_be_bytes(*count)).ok()?;
    // Each name has a length of two bytes: a count beyond that is no count.
    let mut names = Vec::with_capacity(count.min(rest.len() / 2));
    for _ in 0..count {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let length = usize::try_from(i16::from_be_bytes(*length)).ok()?;
        let (name, after) = after.split_at_checked(length)?;
        names.push(std::str::from_utf8(name).ok()?.to_owned());
        rest = after;
    }
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscription(names: &[&str]) -> Vec<u8> {
        let mut bytes = vec![0, 3];
        bytes.extend(i32::try_from(names.len()).unwrap().to_be_bytes());
        for name in names {
            bytes.extend(i16::try_from(name.len()).unwrap().to_be_bytes());
            bytes.extend(name.as_bytes());
        }
        bytes
    }

    #[test]
    fn topics_of_a_subscription_of_any_version_are_read() {
        let mut bytes = subscription(&["orders", "customers"]);
        bytes.extend([0xff; 9]);
        assert_eq!(topics(&bytes), Some(vec!["orders".to_owned(), "customers".to_owned()]));
    }

    #[test]
    fn whatever_is_no_subscription_is_none() {
        let whole = subscription(&["orders", "customers"]);
        for length in 0..whole.len() {
            assert_eq!(topics(&whole[..length]), None, "{length} bytes");
        }
        assert_eq!(topics(&[0, 0, 0x7f, 0xff, 0xff, 0xff]), None);
        assert_eq!(topics(&[0, 0, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
