//! Bounds of this crate.

/// Largest batch that is written, in bytes with its header. Below the format's own limit (an `i32`), and below the
/// journal's largest frame by enough for the other batches of that frame.
pub const BATCH_MAX_BYTES: usize = 960 << 20;

/// What the first batch of a builder reserves: a narrow row with its envelope.
pub const FIRST_BYTES: usize = 1 << 10;

/// Spare buffers larger than this are not kept for the next batch: one huge value must not stay in memory.
pub const SPARE_MAX_BYTES: usize = 2 << 20;

/// Largest record, plain, that is compressed from its pieces, which are kept until its end. A batch with a larger one is
/// plain: such a record is mostly a value of its own, and its bytes are copied once then.
pub const PIECED_RECORD_BYTES: usize = 256 << 10;

/// Largest compressed batch, plain: what a reader has to take memory for.
pub const COMPRESSED_PLAIN_BYTES: usize = 16 << 20;

/// Bytes of a varying place that the next value of the same place is compared with: a quoted UUID.
pub const SLOT_BYTES: usize = 40;

/// Most memory that the elements of a message's arrays take, beyond the frame that they are read from: a byte of a frame
/// can stand for an element of a hundred bytes. What the strings among them hold comes on top, about as much again at
/// worst. Room for 100,000 partitions.
pub const DECODED_MAX_BYTES: usize = 16 << 20;

/// Byte strings from this length on are written by reference: a piece more in a vectored write costs about as much as
/// copying so much.
pub const SHARED_MIN_BYTES: usize = 1 << 10;

/// Longest request that carries records; Kafka's `socket.request.max.bytes`.
pub const PRODUCE_FRAME_MAX_BYTES: usize = 100 << 20;

/// Longest request that names any number of topics or partitions.
pub const FRAME_MAX_BYTES: usize = 4 << 20;

/// Longest request that names few things.
pub const SMALL_FRAME_MAX_BYTES: usize = 1 << 20;

/// Longest request of a peer that is not known yet, and longest token of SASL.
pub const EARLY_FRAME_MAX_BYTES: usize = 64 << 10;

/// Longest response that a client of ours takes.
pub const RESPONSE_FRAME_MAX_BYTES: usize = 128 << 20;

/// Most plain bytes of a compressed batch from outside.
pub const DECOMPRESSED_MAX_BYTES: usize = 64 << 20;

/// Most plain bytes per compressed byte, and how many plain bytes are allowed whatever the ratio.
pub const EXPANSION_MAX: usize = 500;
/// See [`EXPANSION_MAX`].
pub const EXPANSION_FREE_BYTES: usize = 4 << 20;

/// Records of a refused batch that are named to its producer.
pub const REFUSED_RECORDS: usize = 1_000;

/// Logarithm of the largest window of Zstandard: 32 MiB, of which only what is used is touched. Level 19 wants 8 MiB.
pub const ZSTD_WINDOW_LOG: u32 = 25;

/// Passages of a plan that are kept from record to record, by number, to be compared as a whole.
pub const PASSAGES: usize = 16;

/// Bytes of a passage that is kept. An envelope's are below 300.
pub const PASSAGE_BYTES: usize = 4 << 10;

/// Smallest buffer that is kept for the next batch; also the step of their sizes.
pub const BUFFER_MIN_BYTES: usize = 64 << 10;
/// Largest such buffer: a producer's large batch.
pub const BUFFER_MAX_BYTES: usize = 2 << 20;
/// Bytes of buffers that are kept.
pub const BUFFERS_IDLE_BYTES: usize = 8 << 20;
