//! What tests need of the real world: a private PostgreSQL, a witness that reads its log by another way, an S3 server, and
//! processes that can be killed.
//!
//! Fixtures are synchronous and fail by panicking with the reason: a test that cannot have its server has failed, it is
//! never skipped. Everything that is started here ends with the test, also when the test panics or is killed.
#![expect(clippy::panic, reason = "a fixture reports its failure to the test by panicking")]

mod http;
mod install;
mod minio;
mod postgres;
mod process;
mod random;
mod serve;
mod session;
mod witness;

use std::fmt::Display;
use std::net::TcpListener;
use std::time::{Duration, Instant};

pub use http::{get, post, send};
pub use minio::Minio;
pub use postgres::{Builder, Postgres, StopMode};
pub use process::{Process, cpu_seconds, cpu_seconds_with_children, peak_rss_bytes, rss_bytes};
pub use random::Random;
pub use serve::{Serve, write_connector};
pub use session::Session;
pub use witness::{Change, Column, Witness};

/// A TCP port of the loopback interface that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = must("bind a free port", TcpListener::bind(("127.0.0.1", 0)));
    must("read the port", listener.local_addr()).port()
}

/// Asks `condition` every few milliseconds until it holds; false when `deadline` passed without it.
#[must_use]
pub fn wait_until(deadline: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + deadline;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The value, or a panic that says what could not be done.
fn must<T, E: Display>(what: &str, result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("testkit could not {what}: {error}"),
    }
}
