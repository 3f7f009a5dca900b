//! The transport over a journal of its own.

use std::path::Path;
use std::sync::Arc;

use tailwater_journal::fs::RealFs;
use tailwater_journal::{Journal, Options, SystemClock};
use tailwater_kafka::EmbeddedTransport;

/// A transport over the journal of a directory; closed when dropped.
pub struct Open {
    pub journal: Journal,
    pub transport: EmbeddedTransport,
}

impl Drop for Open {
    fn drop(&mut self) {
        let closed = self.journal.close();
        assert!(closed.is_ok() || std::thread::panicking(), "{closed:?}");
    }
}

/// Opens the journal of a directory.
pub fn open(dir: &Path) -> Open {
    let journal = Journal::open(Arc::new(RealFs), dir, Options::default(), Arc::new(SystemClock)).unwrap();
    Open { transport: EmbeddedTransport::new(journal.clone()), journal }
}
