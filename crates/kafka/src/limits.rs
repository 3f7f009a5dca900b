//! Bounds of this crate.

use std::num::NonZeroU32;
use std::time::Duration;

use tailwater_wire::limits::DECOMPRESSED_MAX_BYTES;

/// A batch takes no more rows beyond this size: half of what Kafka's consumers fetch from a partition at once.
pub const BATCH_BYTES: usize = 512 << 10;

/// A batch takes no more rows beyond this size of its records, uncompressed: what a reader has in memory at least. With
/// the largest record that is compressed it stays within one block of an LZ4 frame, so nothing starts from scratch in it.
pub const BATCH_PLAIN_BYTES: usize = 760 << 10;

/// Uncompressed bytes that are expected of one stored byte: by a read that asks the journal for batches, and of a producer.
pub const READ_EXPANSION: usize = 8;

/// Committed bytes beyond which a frame goes to the journal without being asked.
pub const PENDING_BYTES: usize = 4 << 20;

/// Bytes of an open transaction beyond which it goes to the journal in parts.
pub const OPEN_TRANSACTION_BYTES: usize = 8 << 20;

/// Most bytes of a buffer that is kept for the keys of records that have their partition from it.
pub const KEPT_KEY_BYTES: usize = 64 << 10;

/// Builders kept with their buffers for the batches of the next frame.
pub const SPARE_BUILDERS: usize = 8;

/// How long a waiting `sync` sleeps before it looks whether the journal has run out of space.
pub const PAUSE_CHECK: Duration = Duration::from_millis(250);

/// Members of a group, and ids given to clients that have not come back with them.
pub const GROUP_MEMBERS_MAX: usize = 2_000;

/// What the members of a group tell and are told, together: subscriptions and assignments. It goes to the leader in one
/// answer, and into one entry of the journal.
pub const GROUP_BYTES_MAX: usize = 4 << 20;

/// The same of all groups.
pub const GROUPS_BYTES_MAX: usize = 64 << 20;

/// What a member costs besides what it tells, and an id that nobody has come back with.
pub const MEMBER_COST_BYTES: usize = 1 << 10;

/// What a member's id has of its client's.
pub const MEMBER_ID_STEM_BYTES: usize = 200;

/// Longest name of a group: with a topic and a partition it is a key of an entry in the journal.
pub const GROUP_NAME_MAX_BYTES: usize = 700;

/// Longest text that a client keeps beside an offset; Kafka's `offset.metadata.max.bytes`.
pub const OFFSET_METADATA_MAX_BYTES: usize = 4_096;

/// Groups, those without members included as long as they have offsets.
pub const GROUPS_MAX: usize = 10_000;

/// What a committed offset costs besides the text beside it.
pub const OFFSET_COST_BYTES: usize = 192;

/// Committed offsets of all groups.
pub const OFFSETS_BYTES_MAX: usize = 256 << 20;

/// Longest transactional id: it is part of a key of an entry in the journal.
pub const TRANSACTIONAL_ID_MAX_BYTES: usize = 700;

/// Transactional ids.
pub const TRANSACTIONS_MAX: usize = 50_000;

/// What an open transaction has touched, as the entry that remembers it; with the offsets that it commits it goes into
/// one frame of the journal.
pub const TRANSACTION_BYTES_MAX: usize = 2 << 20;

/// The same of all open transactions.
pub const TRANSACTIONS_BYTES_MAX: usize = 64 << 20;

/// Partitions of one transaction: each gets a marker in the frame that ends it.
pub const TRANSACTION_PARTITIONS_MAX: usize = 20_000;

/// `transaction.max.timeout.ms`, Kafka's default.
pub const TRANSACTION_TIMEOUT_MAX_MS: u64 = 900_000;

/// `transactional.id.expiration.ms`, Kafka's default.
pub const TRANSACTIONAL_ID_RETENTION_MS: u64 = 7 * 86_400_000;

/// `offsets.retention.minutes`, Kafka's default.
pub const OFFSETS_RETENTION_MS: u64 = 7 * 86_400_000;

/// How often offsets and transactional ids are looked at that may have expired.
pub const EXPIRY_CHECK: Duration = Duration::from_secs(600);

/// How often transactions are looked at that may have been open for too long.
pub const TRANSACTION_CHECK: Duration = Duration::from_secs(1);

/// Connections at one time, unless the settings say less: each costs a few kilobytes while it is idle.
pub const CONNECTIONS: usize = 20_000;

/// Connections at one time from one address that is not loopback: one host cannot take them all.
pub const CONNECTIONS_PER_ADDRESS: usize = 4_000;

/// What a connection reads at once while it does not know how long a request is, and holds while it is idle.
pub const READ_BYTES: usize = 512;

/// A longer request gets its memory in steps: this much first, then as much again as has arrived.
pub const REQUEST_STEP_BYTES: usize = 64 << 10;

/// Bytes of requests that are being read or answered and have come in steps, all connections together.
pub const REQUESTS_TOTAL_BYTES: usize = 48 << 20;

/// Bytes besides these for requests that found no room for their next step: each of them gets room for all the rest.
pub const REQUEST_RESTS_TOTAL_BYTES: usize = 16 << 20;

/// Who has room for the whole rest of a request moves one such part of it at least in each [`PRESSED_STALL_TIMEOUT`]
/// while others wait for it.
pub const REST_PARTS: usize = 10;

/// Bytes of answers on their way to clients, all connections together. A connection has one such answer at a time.
pub const ANSWERS_TOTAL_BYTES: usize = 64 << 20;

/// Bytes that compressed batches of producers may become while they are looked through, all connections together: the
/// largest that is taken, so that each gets its turn.
pub const UNPACKED_TOTAL_BYTES: usize = DECOMPRESSED_MAX_BYTES;

/// A batch that may be larger than this, uncompressed, is looked through beside the threads that serve connections.
pub const LOOK_INLINE_BYTES: usize = 1 << 20;

/// Lookups by time that go on at one time; each entry of a request waits for its turn.
pub const LOOKUPS: usize = 4;

/// Batches that a lookup by time reads in one turn.
pub const LOOKUP_BATCHES: usize = 64;

/// Partitions that one request may make; Kafka's bound.
pub const REQUEST_PARTITIONS: u32 = 10_000;

/// Topics of one CreateTopics whose settings are told in the answer: some kilobytes each.
pub const CREATED_TOPICS_TOLD: usize = 1_000;

/// Requests of one connection that wait for their answers; beyond it nothing more is read.
pub const PENDING_REQUESTS: usize = 128;

/// Answers that go out in one write when they are ready together.
pub const GATHERED_BYTES: usize = 64 << 10;

/// Pieces of one vectored write; the system takes up to 1,024.
pub const GATHERED_PIECES: usize = 64;

/// How long a connection may take until its first request is whole.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection may be silent between requests; Kafka's `connections.max.idle.ms`.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(600);

/// How long a peer may neither send the rest of a request nor take anything of an answer.
pub const STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// The same while others wait for the memory that it holds.
pub const PRESSED_STALL_TIMEOUT: Duration = Duration::from_secs(1);

/// What a peer must move in that time while others wait for the memory that it holds.
pub const PRESSED_BYTES: usize = 64 << 10;

/// Answers up to this size are not counted.
pub const SMALL_ANSWER_BYTES: usize = 1 << 10;

/// How long answers are still written after the last request was read.
pub const LINGER: Duration = Duration::from_secs(2);

/// The same when the process ends.
pub const CLOSE_LINGER: Duration = Duration::from_millis(300);

/// Pause before the next connection is taken when the system has no more of them.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Lines that the log takes at once about connections that went wrong, and per minute after that.
pub const COMPLAINTS: u32 = 20;

/// Threads that serve connections, where the machine has as many.
pub const THREADS: usize = 8;

/// Most bytes of records in an answer to Fetch, whatever the client asks for.
pub const FETCH_BYTES: usize = 16 << 20;

/// Bytes that an answer to Fetch may have when memory is short.
pub const FETCH_LEAST_BYTES: usize = 64 << 10;

/// How long a Fetch that found some bytes, but fewer than it wants, waits before it looks again.
pub const FETCH_PAUSE: Duration = Duration::from_millis(2);

/// Longest wait of a Fetch for data.
pub const FETCH_WAIT: Duration = Duration::from_secs(30 * 60);

/// Incremental fetch sessions that are kept (KIP-227); Kafka's `max.incremental.fetch.session.cache.slots`.
pub const FETCH_SESSIONS: usize = 1_000;

/// Partitions in all of them together.
pub const FETCH_SESSION_PARTITIONS: usize = 200_000;

/// A fetch session that was not used for so long makes room for others.
pub const FETCH_SESSION_IDLE: Duration = Duration::from_secs(120);

/// How long a topic's settings and partitions are believed before they are looked up again.
pub const TOPICS_FRESH: Duration = Duration::from_secs(1);

/// Least time that a producer is given for an fsync, whatever timeout it asks for.
pub const PRODUCE_WAIT_LEAST: Duration = Duration::from_secs(1);

/// How long the command line's client waits for a connection.
pub const CLIENT_CONNECT: Duration = Duration::from_secs(5);

/// How long it waits for an answer.
pub const CLIENT_TIMEOUT: Duration = Duration::from_secs(30);

/// How long it waits for a topic that comes into being because it was asked for.
pub const CLIENT_TOPIC_WAIT: Duration = Duration::from_secs(2);

/// How often it looks for news.
pub const CLIENT_POLL: Duration = Duration::from_millis(50);

/// Most rounds of PBKDF2 that a broker may want of the command line's client: a second or two of a processor.
pub const CLIENT_ITERATIONS_MOST: NonZeroU32 = rounds(1_000_000);

/// Rounds of PBKDF2 for passwords that are set here: some milliseconds for who logs in.
pub const ITERATIONS: NonZeroU32 = rounds(8_192);

/// Least rounds of PBKDF2 that a credential may have; Kafka's bound (RFC 7677).
pub const ITERATIONS_LEAST: NonZeroU32 = rounds(4_096);

/// Most rounds; Kafka's bound. A password that is checked here costs as many.
pub const ITERATIONS_MOST: NonZeroU32 = rounds(16_384);

/// Salt of passwords that are set here.
pub const SALT_BYTES: usize = 16;

/// Longest salt.
pub const SALT_MAX_BYTES: usize = 256;

/// Longest nonce of a client.
pub const SCRAM_NONCE_MAX_BYTES: usize = 256;

/// Longest token of SASL.
pub const SASL_TOKEN_BYTES: usize = 4 << 10;

/// Longest name of a user.
pub const USER_NAME_MAX_BYTES: usize = 255;

/// Longest prefix of a grant: as long as names of topics are.
pub const PREFIX_MAX_BYTES: usize = 249;

/// Grants of one user.
pub const GRANTS_MAX: usize = 1_000;

/// Users.
pub const USERS_MAX: usize = 10_000;

/// How long a change of users may wait for the disk.
pub const USERS_DURABLE_WAIT: Duration = Duration::from_secs(30);

/// Requests that a client may make before it has said who it is.
pub const EARLY_REQUESTS: usize = 16;

/// Passwords that are checked at one time: each takes milliseconds of a processor.
pub const PASSWORD_CHECKS: usize = 2;

/// How long a client waits for hearing that its password is wrong.
pub const WRONG_PASSWORD_DELAY: Duration = Duration::from_secs(1);

/// A number of rounds, which is never 0.
const fn rounds(count: u32) -> NonZeroU32 {
    match NonZeroU32::new(count) {
        Some(count) => count,
        None => NonZeroU32::MIN,
    }
}
