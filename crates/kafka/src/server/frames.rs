//! Requests as frames: a length and so many bytes, read with bounds on size, memory and time.

use std::fmt;
use std::io;

use bytes::{BufMut, Bytes, BytesMut};
use tailwater_wire::frame::{FrameError, FrameKind, Next, next_frame};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, timeout, timeout_at};

use super::request_memory::{RequestMemory, Room};
use crate::limits::{
    HANDSHAKE_TIMEOUT, IDLE_TIMEOUT, PRESSED_STALL_TIMEOUT, READ_BYTES, REQUEST_STEP_BYTES, STALL_TIMEOUT,
};

/// Bytes of a frame's length.
const LENGTH_BYTES: usize = 4;
/// The least request: API, version, correlation id, and a client id that is null.
const REQUEST_MIN_BYTES: i32 = 10;

/// A request, whole, behind its length.
pub(super) struct Frame {
    /// Its bytes; nobody else has them unless they are few.
    pub(super) bytes: Bytes,
    /// What they count.
    pub(super) room: Room,
}

/// The requests of one connection, as they come.
pub(super) struct Frames<'m, R> {
    read: R,
    memory: &'m RequestMemory,
    /// What was read and not taken yet.
    buffer: BytesMut,
    /// What is expected.
    kind: FrameKind,
    /// When the first request must be whole; `None` once it was a valid one.
    handshake: Option<Instant>,
}

/// Why there are no more requests.
#[derive(Debug)]
pub(super) enum Fault {
    /// The socket failed.
    Socket(io::Error),
    /// What came is no request.
    Frame(FrameError),
    /// The first request did not come in time.
    Handshake,
    /// The rest of a request did not come in time.
    Stalled,
    /// The peer ended the connection inside a request.
    Cut,
    /// Nothing was asked for a long time.
    Idle,
}

impl<'m, R: AsyncRead + Unpin> Frames<'m, R> {
    /// Of a new connection.
    pub(super) fn new(read: R, memory: &'m RequestMemory) -> Self {
        let handshake = Some(Instant::now() + HANDSHAKE_TIMEOUT);
        Frames { read, memory, buffer: BytesMut::new(), kind: FrameKind::Request, handshake }
    }

    /// The first request was a valid one: from now on larger ones may come, and pauses between them.
    pub(super) fn introduced(&mut self) {
        self.handshake = None;
    }

    /// What the next frames are.
    pub(super) fn expect(&mut self, kind: FrameKind) {
        self.kind = kind;
    }

    /// The next request; `None` when the peer has ended the connection.
    pub(super) async fn next(&mut self) -> Result<Option<Frame>, Fault> {
        loop {
            self.check_claim()?;
            let bytes = match next_frame(&mut self.buffer, self.kind).map_err(Fault::Frame)? {
                Next::Frame(frame) => {
                    if self.buffer.is_empty() {
                        self.buffer = BytesMut::new();
                    }
                    return Ok(Some(Frame { bytes: frame, room: Room::default() }));
                }
                Next::Needs(bytes) => bytes,
            };
            if bytes > READ_BYTES {
                let mut room = Room::default();
                let bytes = self.large(bytes - LENGTH_BYTES, &mut room).await?;
                return Ok(Some(Frame { bytes, room }));
            }
            self.buffer.reserve(READ_BYTES);
            let idle = self.buffer.is_empty();
            let read = self.read.read_buf(&mut self.buffer);
            let read = match (self.handshake, idle) {
                (Some(until), _) => timeout_at(until, read).await.map_err(|_| Fault::Handshake)?,
                (None, true) => timeout(IDLE_TIMEOUT, read).await.map_err(|_| Fault::Idle)?,
                (None, false) => timeout(STALL_TIMEOUT, read).await.map_err(|_| Fault::Stalled)?,
            };
            match read {
                Ok(0) if idle => return Ok(None),
                Ok(0) => return Err(Fault::Cut),
                Ok(_) => {}
                // A peer that went away without a word; of TLS, without its farewell.
                Err(error) if idle && is_gone(&error) => return Ok(None),
                Err(error) => return Err(Fault::Socket(error)),
            }
        }
    }

    /// Refuses a length that is shorter than any request, without waiting for what does not come.
    fn check_claim(&self) -> Result<(), Fault> {
        let least = if self.kind == FrameKind::SaslToken { 0 } else { REQUEST_MIN_BYTES };
        match self.buffer.first_chunk::<LENGTH_BYTES>().map(|field| i32::from_be_bytes(*field)) {
            Some(claimed) if claimed < least => Err(Fault::Frame(FrameError::Length(claimed))),
            _ => Ok(()),
        }
    }

    /// A request beyond what was read already, into memory of its own that grows with what arrives.
    async fn large(&mut self, length: usize, room: &mut Room) -> Result<Bytes, Fault> {
        let mut frame = Vec::new();
        let head = self.buffer.split();
        self.buffer = BytesMut::new();
        self.grow(&mut frame, length.min(REQUEST_STEP_BYTES), length, room).await?;
        frame.extend_from_slice(&head[LENGTH_BYTES..]);
        let mut pace = room.pace();
        while frame.len() < length {
            if frame.len() == frame.capacity() {
                let rest = length - frame.len();
                let step = frame.len().min(rest);
                self.grow(&mut frame, step, rest, room).await?;
                // It was we who let it wait.
                pace = room.pace();
            }
            let missing = (length - frame.len()).min(frame.capacity() - frame.len());
            let until = self.handshake.unwrap_or_else(|| Instant::now() + STALL_TIMEOUT);
            let late = if self.handshake.is_some() { Fault::Handshake } else { Fault::Stalled };
            let read = loop {
                let slice = PRESSED_STALL_TIMEOUT.min(until.saturating_duration_since(Instant::now()));
                // Reading is given up between bytes only: `read_buf` takes all or nothing.
                match timeout(slice, self.read.read_buf(&mut (&mut frame).limit(missing))).await {
                    Ok(read) => break read.map_err(Fault::Socket)?,
                    Err(_) if Instant::now() >= until => return Err(late),
                    Err(_) if pace.is_too_slow(0, self.memory.is_pressed()) => return Err(Fault::Stalled),
                    Err(_) => {}
                }
            };
            if read == 0 {
                return Err(Fault::Cut);
            }
            if frame.len() < length && pace.is_too_slow(read, self.memory.is_pressed()) {
                return Err(Fault::Stalled);
            }
        }
        Ok(Bytes::from(frame))
    }

    async fn grow(&self, frame: &mut Vec<u8>, step: usize, rest: usize, room: &mut Room) -> Result<(), Fault> {
        let grown = timeout(STALL_TIMEOUT, self.memory.grow(room, step, rest)).await;
        frame.reserve_exact(grown.map_err(|_| Fault::Stalled)?);
        Ok(())
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof)
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Socket(error) => write!(f, "{error}"),
            Fault::Frame(error) => write!(f, "{error}"),
            Fault::Handshake => write!(f, "no request within {} s", HANDSHAKE_TIMEOUT.as_secs()),
            Fault::Stalled => write!(f, "the rest of a request did not come in time"),
            Fault::Cut => write!(f, "it ended inside a request"),
            Fault::Idle => write!(f, "no request for {} s", IDLE_TIMEOUT.as_secs()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::{Context, Poll};
    use std::time::Duration;

    use tailwater_wire::api::ApiKey;
    use tokio::io::AsyncWriteExt;
    use tokio::io::ReadBuf;

    use super::*;

    fn frame(api: i16, length: usize) -> Vec<u8> {
        let mut bytes = (length as i32).to_be_bytes().to_vec();
        bytes.extend_from_slice(&api.to_be_bytes());
        bytes.resize(LENGTH_BYTES + length, 7);
        bytes
    }

    /// Whose socket fails.
    struct Failing(io::ErrorKind);

    impl AsyncRead for Failing {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Err(self.0.into()))
        }
    }

    #[tokio::test]
    async fn a_peer_that_goes_without_a_word_between_requests_is_no_fault() {
        let memory = RequestMemory::new(1 << 20, 1 << 20);
        for kind in [io::ErrorKind::ConnectionReset, io::ErrorKind::UnexpectedEof] {
            assert!(matches!(Frames::new(Failing(kind), &memory).next().await, Ok(None)), "{kind}");
        }
        let failed = Frames::new(Failing(io::ErrorKind::InvalidData), &memory).next().await;
        assert!(matches!(failed, Err(Fault::Socket(_))));
    }

    async fn first_fault(sent: &[u8], introduced: bool) -> Fault {
        let memory = RequestMemory::new(1 << 20, 1 << 20);
        let mut frames = Frames::new(sent, &memory);
        if introduced {
            frames.introduced();
        }
        frames.next().await.err().unwrap()
    }

    #[tokio::test]
    async fn small_and_large_requests_come_whole_and_in_order_however_they_are_cut() {
        let sizes = [10, 300, 20, 70_000, 11, 200_000, 65_536, 506, 507, 508];
        let sent: Vec<u8> = sizes.iter().flat_map(|size| frame(3, *size)).collect();
        for step in [1, 7, 511, 4_096, usize::MAX] {
            let (mut peer, ours) = tokio::io::duplex(100_000);
            let bytes = sent.clone();
            let sender = tokio::spawn(async move {
                for piece in bytes.chunks(step.min(bytes.len())) {
                    peer.write_all(piece).await.unwrap();
                }
            });
            let memory = RequestMemory::new(1 << 20, 1 << 20);
            let mut frames = Frames::new(ours, &memory);
            frames.introduced();
            for size in sizes {
                let frame = frames.next().await.unwrap().unwrap();
                assert_eq!(frame.bytes.len(), size, "in pieces of {step}");
                assert!(frame.bytes[2..].iter().all(|byte| *byte == 7));
            }
            assert!(frames.next().await.unwrap().is_none());
            assert_eq!(memory.free(), (1 << 20, 1 << 20));
            sender.await.unwrap();
        }
    }

    #[tokio::test]
    async fn strangers_are_told_by_their_first_four_bytes() {
        for (sent, said) in [
            (&b"GET / HTTP/1.1\r\n"[..], "HTTP"),
            (&[0x16, 3, 1, 2, 0, 1, 0][..], "TLS"),
            (&b"SSH-2.0-x\r\n"[..], "SSH"),
            (&[0xFF; 8][..], "length of -1"),
            (&[0, 0, 0, 9][..], "length of 9"),
            (&[0x7F, 0xFF, 0xFF, 0xFF, 0, 3][..], "claims 2147483647 bytes"),
            (&[0, 0, 0, 10, 0x70, 0][..], "API 28672"),
        ] {
            let fault = first_fault(sent, false).await;
            assert!(matches!(fault, Fault::Frame(_)) && fault.to_string().contains(said), "{fault}");
        }
    }

    #[tokio::test]
    async fn the_bound_of_a_request_depends_on_what_it_is() {
        let claim = |api, length| frame(api, length)[..12].to_vec();
        // Clients that are told a version in their settings begin with Produce.
        assert!(matches!(first_fault(&claim(0, ApiKey::Produce.max_frame_bytes()), false).await, Fault::Cut));
        assert!(matches!(first_fault(&claim(0, ApiKey::Produce.max_frame_bytes() + 1), false).await, Fault::Frame(_)));
        let metadata = ApiKey::Metadata.max_frame_bytes();
        assert!(matches!(first_fault(&claim(3, metadata + 1), true).await, Fault::Frame(_)));
        assert!(matches!(first_fault(&claim(0, ApiKey::Produce.max_frame_bytes()), true).await, Fault::Cut));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_a_connection_before_and_inside_a_request() {
        let memory = RequestMemory::new(1 << 20, 1 << 20);
        let (mut peer, ours) = tokio::io::duplex(1_000);
        let mut frames = Frames::new(ours, &memory);
        assert!(matches!(frames.next().await, Err(Fault::Handshake)));
        frames.introduced();
        peer.write_all(&frame(3, 700)[..600]).await.unwrap();
        assert!(matches!(frames.next().await, Err(Fault::Stalled)));
        frames.buffer.clear();
        assert!(matches!(frames.next().await, Err(Fault::Idle)));
    }

    #[tokio::test(start_paused = true)]
    async fn who_claims_much_and_sends_little_holds_little() {
        let memory = RequestMemory::new(1 << 20, 1 << 20);
        let (mut peer, ours) = tokio::io::duplex(1_000);
        peer.write_all(&frame(0, 50 << 20)[..900]).await.unwrap();
        let mut frames = Frames::new(ours, &memory);
        frames.introduced();
        let reading = frames.next();
        assert!(timeout(Duration::from_secs(5), reading).await.is_err(), "it waits for the rest");
        assert_eq!(memory.free(), (1 << 20, 1 << 20));
    }

    /// A budget that some requests of 256 KiB exhaust, each with its first step.
    const REQUEST: usize = 256 << 10;
    const MANY: usize = 16;

    fn scarce() -> Arc<RequestMemory> {
        Arc::new(RequestMemory::new(MANY * REQUEST_STEP_BYTES, REQUEST))
    }

    /// Reads one request; how long it took.
    async fn read_one(ours: tokio::io::DuplexStream, memory: Arc<RequestMemory>) -> Result<Duration, Fault> {
        let begun = Instant::now();
        let mut frames = Frames::new(ours, &memory);
        frames.introduced();
        frames.next().await.map(|frame| {
            assert_eq!(frame.unwrap().bytes.len(), REQUEST);
            begun.elapsed()
        })
    }

    #[tokio::test(start_paused = true)]
    async fn large_requests_that_come_at_once_do_not_wait_for_each_other() {
        let memory = scarce();
        let mut peers = Vec::new();
        let mut reads = Vec::new();
        for _ in 0..2 * MANY {
            let (peer, ours) = tokio::io::duplex(REQUEST_STEP_BYTES);
            peers.push(peer);
            reads.push(tokio::spawn(read_one(ours, Arc::clone(&memory))));
        }
        let bytes = frame(0, REQUEST);
        let (heads, rests) = bytes.split_at(REQUEST_STEP_BYTES);
        // Each of the first ones has its step before any has more.
        for peer in &mut peers[..MANY] {
            peer.write_all(heads).await.unwrap();
        }
        while memory.free().0 > 0 {
            tokio::task::yield_now().await;
        }
        for (n, mut peer) in peers.into_iter().enumerate() {
            let bytes = if n < MANY { rests } else { &bytes[..] }.to_vec();
            tokio::spawn(async move { peer.write_all(&bytes).await.map(|()| peer) });
        }
        for read in reads {
            assert_eq!(read.await.unwrap().unwrap(), Duration::ZERO);
        }
        assert_eq!(memory.free(), (MANY * REQUEST_STEP_BYTES, REQUEST));
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_room_for_all_and_sends_little_makes_place_for_who_waits() {
        let memory = scarce();
        let mut others = Room::default();
        memory.grow(&mut others, (MANY - 2) * REQUEST_STEP_BYTES, 0).await;
        let bytes = frame(0, REQUEST);
        let (mut liar, ours) = tokio::io::duplex(2 * REQUEST);
        liar.write_all(&bytes[..REQUEST_STEP_BYTES + LENGTH_BYTES]).await.unwrap();
        let lied = tokio::spawn(read_one(ours, Arc::clone(&memory)));
        let mut more = Room::default();
        memory.grow(&mut more, REQUEST_STEP_BYTES, 0).await;
        while memory.free().1 == REQUEST {
            tokio::task::yield_now().await;
        }
        drop(more);
        let (mut honest, ours) = tokio::io::duplex(2 * REQUEST);
        honest.write_all(&bytes).await.unwrap();
        let read = tokio::spawn(read_one(ours, Arc::clone(&memory)));
        assert!(read.await.unwrap().unwrap() <= 2 * PRESSED_STALL_TIMEOUT);
        assert!(matches!(lied.await.unwrap(), Err(Fault::Stalled)));
    }
}
