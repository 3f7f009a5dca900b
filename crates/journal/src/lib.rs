//! The durable log on local disk and the topics over it
