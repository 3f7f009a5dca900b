//! The run loop of the file-writing sinks.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tailwater_connector::{ConnectorState, Problem, Sink, SinkContext, Stop};

use super::delivery::{Delivery, Rest};
use super::destination::Destination;
use super::output::Output;
use super::{Encoder, Location, Settings};
use crate::limits::PASS_PAUSE;

/// Tells the time in microseconds since 1970.
pub(crate) type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The machine's clock.
pub(crate) fn system_clock() -> Clock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    })
}

/// A sink that writes files.
pub(crate) struct FileSink<E> {
    pub(crate) settings: Settings,
    pub(crate) encoder: E,
    pub(crate) clock: Clock,
}

impl<E: Encoder> Sink for FileSink<E> {
    fn preflight(&mut self) -> Vec<Problem> {
        let checked =
            Destination::open(&self.settings.location, &Stop::default()).and_then(|destination| destination.check());
        checked.err().into_iter().collect()
    }

    fn files(&self) -> Vec<(&'static str, PathBuf)> {
        match &self.settings.location {
            Location::Directory { root, property } => vec![(property, root.clone())],
            Location::Bucket(_) => Vec::new(),
        }
    }

    fn run(&mut self, context: &mut SinkContext) -> Result<(), Problem> {
        let topics = context.transport.reader();
        let mut delivery = Delivery {
            encoder: &mut self.encoder,
            selection: &self.settings.selection,
            roll: self.settings.roll.clone(),
            output: Output {
                connector: context.name.clone(),
                transport: Arc::clone(&context.transport),
                destination: Destination::open(&self.settings.location, &context.stop)?,
                layout: self.settings.layout.clone(),
                compression: self.settings.compression,
            },
            topics: Arc::clone(&topics),
            status: Arc::clone(&context.status),
            stop: context.stop.clone(),
            rest: Rest::default(),
            clock: &*self.clock,
            offsets: BTreeMap::new(),
            partitions: BTreeMap::new(),
        };
        delivery.recover()?;
        context.status.set(ConnectorState::Streaming);
        let mut seen = 0;
        loop {
            // Looked at before the pass: what was visible when the stop came is then delivered.
            let stopping = context.stop.is_set();
            delivery.pass()?;
            if stopping {
                return delivery.finish();
            }
            context.stop.wait(PASS_PAUSE);
            seen = topics.wait_unless(&context.stop, seen, delivery.idle_for());
        }
    }
}
