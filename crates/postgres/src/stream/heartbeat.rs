//! Signs of life (`heartbeat.interval.ms`), and the statement that runs with each of them.
//!
//! The slot follows an idle table without them. The statement runs on a thread and a session of its own: a table that
//! somebody has locked must not hold up the stream.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use tailwater_connector::{Problem, SourceWriter};
use tailwater_event::debezium::FixedKind;

use crate::capture::now_ns;
use crate::client::{Client, ClientError, ConnectionSettings};
use crate::fixed_topic::FixedTopic;
use crate::limits::HEARTBEAT_STATEMENT_MS;
use crate::problem;
use crate::settings::Settings;

/// The code of the warning about a statement that failed.
pub(super) const QUERY_FAILED: &str = "HEARTBEAT_QUERY_FAILED";

/// Beats at an interval.
pub(super) struct Heartbeat {
    topic: FixedTopic,
    server: String,
    interval: Duration,
    due: Instant,
    query: Option<Query>,
}

/// The thread of the statement; it ends when this is dropped.
struct Query {
    _alive: Sender<()>,
    /// One answer a beat.
    answers: Receiver<Result<(), Problem>>,
}

impl Heartbeat {
    /// When beats are asked for.
    pub fn open(
        settings: &Settings,
        writer: &mut dyn SourceWriter,
        now: Instant,
    ) -> Result<Option<Heartbeat>, Problem> {
        let Some(asked) = &settings.heartbeat else { return Ok(None) };
        let query = asked.query.as_ref().map(|sql| Query::start(&settings.connection, sql, asked.interval));
        Ok(Some(Heartbeat {
            topic: FixedTopic::open(writer, &asked.topic, FixedKind::Heartbeat, &settings.encode)?,
            server: settings.encode.prefix.clone(),
            interval: asked.interval,
            due: now + asked.interval,
            query,
        }))
    }

    /// Time to the next beat.
    pub fn wait(&self, now: Instant) -> Duration {
        self.due.saturating_duration_since(now)
    }

    /// Writes a beat into the open transaction when one is due; gives whether it did.
    pub fn beat(&mut self, writer: &mut dyn SourceWriter, now: Instant) -> Result<bool, Problem> {
        if now < self.due {
            return Ok(false);
        }
        self.due = now + self.interval;
        let now_ms = now_ns().div_euclid(1_000_000);
        self.topic.write(writer, |plan, records| plan.heartbeat(&self.server, now_ms, records))?;
        Ok(true)
    }

    /// What became of the statement since the last look: nothing new, or how it went last.
    pub fn answer(&self) -> Option<Result<(), Problem>> {
        let answers = &self.query.as_ref()?.answers;
        let mut last = None;
        loop {
            match answers.try_recv() {
                Ok(answer) => last = Some(answer),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return last,
            }
        }
    }
}

impl Query {
    fn start(connection: &ConnectionSettings, sql: &str, interval: Duration) -> Query {
        let (alive, dropped) = mpsc::channel::<()>();
        let (sender, answers) = mpsc::channel();
        let (connection, sql) = (connection.clone(), sql.to_owned());
        thread::spawn(move || {
            let mut client = None;
            while matches!(dropped.recv_timeout(interval), Err(RecvTimeoutError::Timeout)) {
                let answer = run(&mut client, &connection, &sql).map_err(|error| failed(&error, &connection));
                if sender.send(answer).is_err() {
                    break;
                }
            }
        });
        Query { _alive: alive, answers }
    }
}

fn run(client: &mut Option<Client>, connection: &ConnectionSettings, sql: &str) -> Result<(), ClientError> {
    let session = match client {
        Some(session) => session,
        None => {
            let mut session = Client::connect(connection, false)?;
            session.execute(&format!("SET statement_timeout = {HEARTBEAT_STATEMENT_MS}"))?;
            client.insert(session)
        }
    };
    let result = session.execute(sql);
    if matches!(&result, Err(error) if error.sqlstate().is_none()) {
        *client = None;
    }
    result
}

/// As the original: a missing table stops the connector, a server that stops is tried again, all else is only told.
fn failed(error: &ClientError, connection: &ConnectionSettings) -> Problem {
    let cause = |why: &str| format!("the statement of 'heartbeat.action.query' fails: {why}");
    let remedy = "Correct 'heartbeat.action.query'; the slot follows an idle table without it.";
    match error.sqlstate() {
        Some("42P01") => Problem::config(QUERY_FAILED, cause("its table does not exist"), remedy),
        // Classes 22 and 23 quote values.
        Some(state) => Problem::config(QUERY_FAILED, cause(&format!("SQLSTATE {state}")), remedy).warning(),
        None => {
            let problem = problem::of(error, connection);
            Problem::config(QUERY_FAILED, cause(&problem.cause), remedy).warning()
        }
    }
}
