//! Real PostgreSQL, witness reader, kill helpers for tests
