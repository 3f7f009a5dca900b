//! What a source's writer around another leaves to that one.

/// The methods of a `SourceWriter` that are those of its field `inner`.
macro_rules! hand_on {
    () => {
        fn durable(&mut self) -> Result<tailwater_connector::Durable, tailwater_connector::Problem> {
            self.inner.durable()
        }

        fn entries(&self) -> std::collections::BTreeMap<String, bytes::Bytes> {
            self.inner.entries()
        }

        fn put_entries(&mut self, entries: &[(&str, &[u8])]) -> Result<(), tailwater_connector::Problem> {
            self.inner.put_entries(entries)
        }

        fn begin_era(&mut self, identity: &[u8]) -> Result<u32, tailwater_connector::Problem> {
            self.inner.begin_era(identity)
        }

        fn make_topics_by(&mut self, rules: tailwater_connector::transport::TopicRules) {
            self.inner.make_topics_by(rules);
        }

        fn progress(&mut self, position: &[u8]) -> Result<(), tailwater_connector::Problem> {
            self.inner.progress(position)
        }

        fn pending_bytes(&self) -> usize {
            self.inner.pending_bytes()
        }

        fn idle(&self) -> bool {
            self.inner.idle()
        }

        fn flush(&mut self) -> Result<(), tailwater_connector::Problem> {
            self.inner.flush()
        }

        fn sync(&mut self) -> Result<(), tailwater_connector::Problem> {
            self.inner.sync()
        }
    };
}
pub(super) use hand_on;
