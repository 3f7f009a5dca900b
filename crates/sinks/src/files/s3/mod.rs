//! A bucket of an S3 server as a destination.

mod bucket;
mod connector;
mod problems;
mod store;

pub(crate) use bucket::{Bucket, Endpoint};
pub(crate) use store::S3;
