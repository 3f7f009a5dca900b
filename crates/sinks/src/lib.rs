//! The destinations: files in object storage, field-level change log
