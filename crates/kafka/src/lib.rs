//! Transports: embedded, over the journal
