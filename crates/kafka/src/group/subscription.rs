//! Which topics a group of consumers reads, from what its members tell their leader.

use super::Group;
use bytes::Bytes;
use std::collections::BTreeSet;
use tailwater_wire::api::consumer::{ConsumerProtocolSubscription, PROTOCOL_TYPE, read_member};

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
        self.protocol_type.as_deref() == Some(PROTOCOL_TYPE)
    }

    /// What the members of this generation read together; `None` when one of them cannot be understood.
    pub(super) fn subscribed(&self) -> Option<BTreeSet<String>> {
        if !self.is_of_consumers() {
            return None;
        }
        let Some(protocol) = self.protocol.as_deref() else { return Some(BTreeSet::new()) };
        let mut all = BTreeSet::new();
        for member in self.members.values() {
            all.extend(topics(member.metadata(protocol))?);
        }
        Some(all)
    }
}

/// Topics of a subscription.
fn topics(metadata: Bytes) -> Option<Vec<String>> {
    read_member::<ConsumerProtocolSubscription>(metadata).ok().map(|subscription| subscription.topics)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tailwater_wire::api::consumer::write_member;

    #[test]
    fn topics_of_a_subscription_are_read() {
        let topics_in = vec!["orders".to_owned(), "customers".to_owned()];
        let subscription = ConsumerProtocolSubscription { topics: topics_in.clone(), ..Default::default() };
        assert_eq!(topics(write_member(&subscription).unwrap()), Some(topics_in));
    }

    #[test]
    fn whatever_is_no_subscription_is_none() {
        for other in [&b""[..], b"topics", &[0, 0, 0x7f, 0xff, 0xff, 0xff]] {
            assert_eq!(topics(Bytes::copy_from_slice(other)), None);
        }
    }
}
