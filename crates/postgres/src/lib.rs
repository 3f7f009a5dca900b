//! The PostgreSQL source: preflight, snapshot, log capture
