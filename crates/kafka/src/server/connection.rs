//! One connection: requests are read while earlier ones are being answered; answers go out in the order of requests.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf, Bytes};
use tailwater_wire::api::ApiKey;
use tailwater_wire::codec::Segments;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::Shared;
use super::connections::Place;
use super::dispatch::{self, Refused};
use super::frames::{Fault, Frames};
use super::memory::{Held, Memory, Pace};
use super::session::Session;
use crate::limits::{
    CLOSE_LINGER, GATHERED_BYTES, GATHERED_PIECES, LINGER, PENDING_REQUESTS, PRESSED_BYTES, PRESSED_STALL_TIMEOUT,
    STALL_TIMEOUT,
};

/// An answer that is ready to go out.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Its frame; `None` where the request has no answer (Produce with `acks=0`).
    pub(super) segments: Option<Segments>,
    /// What it counts among the answers, until it has gone.
    pub(super) held: Held,
}

/// What becomes an answer.
pub(super) type Work = Pin<Box<dyn Future<Output = Result<Answer, Refused>> + Send>>;

/// A request on its way to an answer.
struct Pending {
    work: Work,
    /// Whether its work begins with its turn; else it has begun when it was read.
    in_turn: bool,
}

/// Why a connection ended other than by its peer.
enum End {
    Fault(Fault),
    Refused(Refused),
    Write(io::Error),
    Evicted,
}

/// Serves a connection until it ends.
pub(super) async fn serve(
    (read, write): (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    session: Session,
    place: Place,
    shared: Arc<Shared>,
    mut stop: watch::Receiver<bool>,
) {
    let (peer, session) = (session.peer, Arc::new(session));
    let (queue, pending) = mpsc::channel(PENDING_REQUESTS);
    let in_turn = AtomicUsize::new(0);
    let mut reading = Box::pin(read_requests(read, &shared, &session, &place, queue, &in_turn));
    let mut writing = pin!(write_answers(write, &shared.answers, pending, &in_turn));
    let (end, linger) = tokio::select! {
        end = &mut reading => (end.err(), LINGER),
        written = &mut writing => (written.err(), Duration::ZERO),
        () = place.evicted.notified() => (Some(End::Evicted), Duration::ZERO),
        _ = stop.wait_for(|stop| *stop) => (None, CLOSE_LINGER),
    };
    // What was read is answered even when no more can be read, within bounds of time.
    drop(reading);
    let end = match linger {
        Duration::ZERO => end,
        linger => end.or(timeout(linger, writing).await.ok().and_then(Result::err)),
    };
    let complain = |why: &dyn fmt::Display| shared.complaints.closed(peer, why);
    match end {
        None | Some(End::Fault(Fault::Idle)) => {}
        // Somebody who looked whether the port is open.
        Some(End::Fault(Fault::Handshake) | End::Evicted) => tracing::debug!(%peer, "a connection said nothing"),
        Some(End::Fault(fault)) => complain(&fault),
        Some(End::Refused(refused)) => complain(&refused),
        Some(End::Write(error)) if is_gone(&error) => {}
        Some(End::Write(error)) => complain(&format_args!("its answers cannot be written: {error}")),
    }
}

/// Reads requests until there are no more, and begins what may begin before its turn.
async fn read_requests(
    read: impl AsyncRead + Unpin,
    shared: &Arc<Shared>,
    session: &Arc<Session>,
    place: &Place,
    queue: mpsc::Sender<Pending>,
    in_turn: &AtomicUsize,
) -> Result<(), End> {
    let mut frames = Frames::new(read, &shared.requests);
    let mut stranger = true;
    frames.expect(session.authentication.frames());
    loop {
        let frame = match frames.next().await {
            Ok(Some(frame)) => frame,
            Ok(None) => break,
            // Who waits for an answer may be silent for longer.
            Err(Fault::Idle) if in_turn.load(Ordering::Acquire) > 0 => continue,
            Err(fault) => return Err(End::Fault(fault)),
        };
        if !session.authentication.is_done() {
            let answer = dispatch::answer_early(shared, session, frame).await.map_err(End::Refused)?;
            let work = Box::pin(std::future::ready(Ok(answer)));
            if queue.send(Pending { work, in_turn: false }).await.is_err() {
                break;
            }
            if let Some(failed) = session.authentication.failed() {
                return Err(End::Refused(Refused::Authentication(failed)));
            }
            frames.expect(session.authentication.frames());
            if let Some(user) = session.authentication.user() {
                tracing::debug!(peer = %session.peer, user, "a Kafka client has authenticated");
                frames.introduced();
                place.known();
                stranger = false;
            }
            continue;
        }
        let greets = frame.bytes.starts_with(&ApiKey::ApiVersions.number().to_be_bytes());
        // Produce may begin early, unless something before it could make a difference to it.
        let early = in_turn.load(Ordering::Acquire) == 0;
        let begun = dispatch::begin(shared, session, frame, early).await.map_err(End::Refused)?;
        if stranger {
            frames.introduced();
        }
        // Who has only asked what is spoken here makes room for others.
        if stranger && !greets {
            place.known();
            stranger = false;
        }
        if begun.in_turn {
            in_turn.fetch_add(1, Ordering::AcqRel);
        }
        let pending = Pending { work: begun.work, in_turn: begun.in_turn };
        if queue.send(pending).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// Writes answers in the order of requests; those that are ready together go together.
async fn write_answers(
    mut write: impl AsyncWrite + Unpin,
    memory: &Memory,
    mut queue: mpsc::Receiver<Pending>,
    in_turn: &AtomicUsize,
) -> Result<(), End> {
    let mut next = None;
    let mut gathered = Gathered::default();
    loop {
        let pending = match next.take() {
            Some(pending) => Some(pending),
            None => queue.recv().await,
        };
        let Some(mut pending) = pending else {
            // Whoever has gone already needs no farewell.
            let _ = write.shutdown().await;
            return Ok(());
        };
        let mut refused = gathered.take(pending.work.as_mut().await, pending.in_turn, in_turn).err();
        drop(pending);
        while refused.is_none() && gathered.bytes < GATHERED_BYTES {
            let Ok(mut pending) = queue.try_recv() else { break };
            match std::future::poll_fn(|context| Poll::Ready(pending.work.as_mut().poll(context))).await {
                Poll::Ready(done) => refused = gathered.take(done, pending.in_turn, in_turn).err(),
                Poll::Pending => {
                    next = Some(pending);
                    break;
                }
            }
        }
        gathered.write(&mut write, memory).await.map_err(End::Write)?;
        if let Some(refused) = refused {
            return Err(End::Refused(refused));
        }
    }
}

/// Answers that go out together.
#[derive(Default)]
struct Gathered {
    parts: VecDeque<Bytes>,
    bytes: usize,
    held: Vec<Held>,
}

impl Gathered {
    /// Adds an answer, or says why the connection ends.
    fn take(&mut self, done: Result<Answer, Refused>, was_in_turn: bool, in_turn: &AtomicUsize) -> Result<(), Refused> {
        if was_in_turn {
            in_turn.fetch_sub(1, Ordering::AcqRel);
        }
        let answer = done?;
        if let Some(segments) = answer.segments {
            self.bytes += segments.length;
            self.parts.extend(segments.parts);
            self.held.push(answer.held);
        }
        Ok(())
    }

    /// Writes them all. A peer that takes nothing for long is given up, sooner when others wait for the memory.
    async fn write(&mut self, write: &mut (impl AsyncWrite + Unpin), memory: &Memory) -> io::Result<()> {
        let mut silent = Duration::ZERO;
        let mut pace = Pace::begin(PRESSED_BYTES);
        let unread = || io::Error::new(io::ErrorKind::TimedOut, "the peer does not read them");
        while !self.parts.is_empty() {
            let mut pieces = [IoSlice::new(&[]); GATHERED_PIECES];
            let count = self.parts.len().min(GATHERED_PIECES);
            for (piece, part) in pieces.iter_mut().zip(&self.parts) {
                *piece = IoSlice::new(part);
            }
            let written = match timeout(PRESSED_STALL_TIMEOUT, write.write_vectored(&pieces[..count])).await {
                Ok(written) => written?,
                Err(_) => {
                    silent += PRESSED_STALL_TIMEOUT;
                    if silent >= STALL_TIMEOUT || memory.is_pressed() {
                        return Err(unread());
                    }
                    continue;
                }
            };
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            silent = Duration::ZERO;
            metrics::counter!("tailwater_kafka_sent_bytes_total").increment(written as u64);
            self.written(written);
            if !self.parts.is_empty() && pace.is_too_slow(written, memory.is_pressed()) {
                return Err(unread());
            }
        }
        self.bytes = 0;
        self.held.clear();
        write.flush().await
    }

    /// So many bytes have gone.
    fn written(&mut self, mut bytes: usize) {
        while let Some(part) = self.parts.front_mut() {
            if bytes < part.len() {
                part.advance(bytes);
                return;
            }
            bytes -= part.len();
            self.parts.pop_front();
        }
    }
}

/// Whether the peer just went away.
fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected)
}
