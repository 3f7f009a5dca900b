//! Kafka's protocol as bytes: record batches; pure, bounded decoding
