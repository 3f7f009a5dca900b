//! Connector lifecycle: files, registry, supervisor
