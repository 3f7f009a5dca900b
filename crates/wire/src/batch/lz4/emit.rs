//! Pieces to LZ4 sequences.

use std::ops::Range;

use bytes::BytesMut;

use super::{
    BLOCK_PLAIN_BYTES, END_LITERALS, END_MARK, END_MATCH_FREE, FORMAT_MIN_MATCH, FRAME_HEADER, LENGTH_BYTES, MIN_MATCH,
    TAIL, WINDOW,
};
use crate::batch::HEADER_BYTES;
use crate::limits::{SLOT_BYTES, SPARE_MAX_BYTES};

/// What the end of a batch takes at most beside literals that are known: a sequence cut, the last literals, the end mark.
const END_BYTES: usize = 32;

/// The compressed records of one batch, behind the place of its header.
#[derive(Debug, Default)]
pub(in crate::batch) struct Emitter {
    out: BytesMut,
    /// All literals of the batch, so that a state is gone back to by positions alone.
    literals: Vec<u8>,
    /// Where each fragment was last.
    fragments: Vec<u32>,
    /// What each slot had last.
    slots: Vec<Slot>,
    /// Where each passage was last.
    passages: Vec<u32>,
    now: State,
}

/// Everything that changes while records come, except what is only appended to. Positions are of the plain records; the
/// first byte has position 1, so that 0 is nowhere.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// Position of the next byte.
    at: u32,
    /// Position of the block's first byte.
    block: u32,
    /// Where the block's length is in the output.
    block_out: usize,
    /// Literals that are not written yet start here.
    literals: usize,
    /// A match which may still grow. While there is one, no literal follows it.
    held: Match,
    /// Where the literals before that match end.
    before_held: usize,
    /// The last literals that would be a match, were they longer.
    short: Match,
    /// The last sequence of the block, to be taken back where it would be too close to the block's end.
    last: Sequence,
    /// The last plain bytes.
    tail: [u8; TAIL],
}

#[derive(Clone, Copy, Debug, Default)]
struct Match {
    distance: u32,
    /// 0: no match.
    length: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sequence {
    out: usize,
    literals: (usize, usize),
    copy: Match,
}

/// The last plain bytes, collected from the end forwards: by them a match is cut at the end of a block.
#[derive(Clone, Copy, Debug)]
pub(in crate::batch) struct Tail {
    bytes: [u8; TAIL],
    missing: usize,
}

impl Default for Tail {
    fn default() -> Self {
        Tail { bytes: [0; TAIL], missing: TAIL }
    }
}

impl Tail {
    /// With as many of these bytes before it as it still takes.
    pub(in crate::batch) fn before(mut self, piece: &[u8]) -> Self {
        let taken = piece.len().min(self.missing);
        let from = self.missing - taken;
        self.bytes[from..self.missing].copy_from_slice(&piece[piece.len() - taken..]);
        self.missing = from;
        self
    }

    pub(in crate::batch) fn is_full(&self) -> bool {
        self.missing == 0
    }
}

/// A state to go back to.
#[derive(Clone, Copy, Debug)]
pub(in crate::batch) struct Snapshot {
    state: State,
    out: usize,
    literals: usize,
}

/// The front of what a slot had last, and whatever came behind it.
#[derive(Clone, Copy, Debug)]
struct Slot {
    at: u32,
    length: u32,
    bytes: [u8; SLOT_BYTES],
}

const NOWHERE: Slot = Slot { at: 0, length: 0, bytes: [0; SLOT_BYTES] };

impl Emitter {
    /// Starts a batch after `reset`; `expected` bytes are reserved for it.
    pub(in crate::batch) fn open(&mut self, expected: usize) {
        self.out.clear();
        self.out.reserve(expected);
        self.out.resize(HEADER_BYTES, 0);
        self.out.extend_from_slice(&FRAME_HEADER);
        self.now.at = 1;
        self.open_block();
    }

    /// Forgets the batch.
    pub(in crate::batch) fn reset(&mut self) {
        if self.out.capacity() > SPARE_MAX_BYTES {
            self.out = BytesMut::new();
        }
        if self.literals.capacity() > SPARE_MAX_BYTES {
            self.literals = Vec::new();
        }
        self.out.clear();
        self.literals.clear();
        self.fragments.fill(0);
        self.slots.fill(NOWHERE);
        self.passages.fill(0);
        self.now = State::default();
    }

    /// Fragments of the same numbers have other bytes from here on; there are `count` of them.
    pub(in crate::batch) fn forget_fragments(&mut self, count: usize) {
        self.fragments.clear();
        self.fragments.resize(count, 0);
        self.passages.clear();
    }

    /// A passage has other bytes from here on; gives the place where it had those from before.
    pub(in crate::batch) fn forget_passage(&mut self, id: usize) -> Option<u32> {
        self.passages.get_mut(id).map(std::mem::take).filter(|at| *at > 0)
    }

    /// A fragment, not empty, was here as part of a passage.
    pub(in crate::batch) fn fragment_was(&mut self, id: usize, at: u32) {
        if let Some(place) = self.fragments.get_mut(id) {
            *place = at.max(*place);
        }
    }

    /// The first `length` of these bytes were here, in a slot, as part of a passage.
    pub(in crate::batch) fn slot_was(&mut self, slot: usize, at: u32, padded: &[u8], length: usize) {
        if let Some(known) = self.slots.get_mut(slot).filter(|known| known.at < at) {
            let mut bytes = [0; SLOT_BYTES];
            let kept = length.min(SLOT_BYTES);
            bytes[..kept].copy_from_slice(&padded[..kept]);
            *known = Slot { at, length: length as u32, bytes };
        }
    }

    /// Plain bytes so far.
    pub(in crate::batch) fn plain_length(&self) -> usize {
        self.now.at.saturating_sub(1) as usize
    }

    /// Bytes of the batch if it ended here, or a few more.
    pub(in crate::batch) fn length(&self) -> usize {
        let (literals, held) = (self.literals.len() - self.now.literals, self.now.held.length as usize);
        self.out.len() + literals + literals / 255 + held / 255 + END_BYTES
    }

    /// The pieces of a record of this length follow.
    pub(in crate::batch) fn begin(&mut self, length: usize) {
        let used = (self.now.at - self.now.block) as usize;
        if used > 0 && used + length > BLOCK_PLAIN_BYTES {
            self.close_block();
            self.open_block();
        }
    }

    /// Ends a record, whose last bytes these are.
    pub(in crate::batch) fn end(&mut self, tail: Tail) {
        self.now.tail = tail.before(&self.now.tail).bytes;
    }

    /// Bytes that repeat.
    #[inline]
    pub(in crate::batch) fn fragment(&mut self, id: usize, bytes: &[u8]) {
        let Some(place) = self.fragments.get_mut(id) else { return self.literal(bytes) };
        if bytes.is_empty() {
            return;
        }
        let last = std::mem::replace(place, self.now.at);
        let distance = self.now.at - last;
        if last >= self.now.block && distance <= WINDOW { self.same(distance, bytes) } else { self.literal(bytes) }
    }

    /// A passage with the bytes that it had last, unless it was forgotten. Says whether it could be taken from there;
    /// else its pieces have to follow.
    #[inline]
    pub(in crate::batch) fn passage(&mut self, id: usize, bytes: &[u8]) -> bool {
        if id >= self.passages.len() {
            self.passages.resize(id + 1, 0);
        }
        let last = std::mem::replace(&mut self.passages[id], self.now.at);
        let distance = self.now.at - last;
        let reached = last >= self.now.block && distance <= WINDOW;
        if reached {
            self.same(distance, bytes);
        }
        reached
    }

    /// Bytes that vary, of a kind whose last ones are worth a look: the first `length` of `padded`. What is behind them
    /// there only spares the pieces of the comparison a length.
    #[inline]
    pub(in crate::batch) fn slot(&mut self, slot: usize, padded: &[u8], length: usize) {
        if slot >= self.slots.len() {
            self.slots.resize(slot + 1, NOWHERE);
        }
        let bytes = &padded[..length];
        let mut short = [0; SLOT_BYTES];
        let front = padded.first_chunk().unwrap_or_else(|| {
            short[..length].copy_from_slice(bytes);
            &short
        });
        let at = self.now.at;
        let known = &mut self.slots[slot];
        let distance = at - known.at;
        if known.at < self.now.block || distance > WINDOW {
            *known = Slot { at, length: length as u32, bytes: *front };
            return self.literal(bytes);
        }
        let last_length = known.length as usize;
        let prefix = common_front(&known.bytes, front).min(last_length).min(length);
        known.at = at;
        if prefix == length && length == last_length {
            return self.same(distance, bytes);
        }
        let last = std::mem::replace(known, Slot { at, length: length as u32, bytes: *front });
        self.same(distance, &bytes[..prefix]);
        let rest = &bytes[prefix..];
        if rest.is_empty() {
            return;
        }
        // What both end with lies at the distance of their ends, as does what follows.
        let behind = distance + length as u32 - last.length;
        let suffix = if last_length <= SLOT_BYTES && behind <= WINDOW {
            let pairs = last.bytes[prefix..last_length].iter().rev().zip(rest.iter().rev());
            pairs.take_while(|(last, new)| last == new).count()
        } else {
            0
        };
        let (differs, suffix) = rest.split_at(rest.len() - suffix);
        self.literal(differs);
        self.same(behind, suffix);
    }

    /// Bytes that equal those at a distance, within block and window.
    #[inline]
    fn same(&mut self, distance: u32, bytes: &[u8]) {
        let length = bytes.len() as u32;
        if length == 0 {
            return;
        }
        let now = &mut self.now;
        if now.held.length > 0 && now.held.distance == distance {
            now.held.length += length;
            now.at += length;
            return;
        }
        self.write_held();
        let now = &mut self.now;
        now.at += length;
        let before = if now.short.distance == distance { now.short.length } else { 0 };
        if before + length >= MIN_MATCH {
            now.before_held = self.literals.len() - before as usize;
            now.held = Match { distance, length: before + length };
            now.short = Match::default();
        } else {
            now.short = Match { distance, length: before + length };
            self.literals.extend_from_slice(bytes);
        }
    }

    /// Bytes of which nothing is known.
    #[inline]
    pub(in crate::batch) fn literal(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.write_held();
        self.literals.extend_from_slice(bytes);
        self.now.at += bytes.len() as u32;
        self.now.short = Match::default();
    }

    /// The state between two records.
    pub(in crate::batch) fn snapshot(&self) -> Snapshot {
        Snapshot { state: self.now, out: self.out.len(), literals: self.literals.len() }
    }

    /// Goes back to a state of this batch.
    pub(in crate::batch) fn restore(&mut self, snapshot: &Snapshot) {
        self.now = snapshot.state;
        self.literals.truncate(snapshot.literals);
        let Sequence { out, literals, copy } = self.now.last;
        if copy.length > 0 {
            // The end of a block may have taken it back.
            self.out.truncate(out);
            put_sequence(&mut self.out, &self.literals[literals.0..literals.1], copy);
        }
        self.out.truncate(snapshot.out);
        let at = self.now.at;
        self.fragments.iter_mut().filter(|place| **place >= at).for_each(|place| *place = 0);
        self.slots.iter_mut().filter(|slot| slot.at >= at).for_each(|slot| *slot = NOWHERE);
        self.passages.iter_mut().filter(|place| **place >= at).for_each(|place| *place = 0);
    }

    /// Completes the frame. Only `restore` and `reset` may follow.
    pub(in crate::batch) fn finish(&mut self) -> &mut BytesMut {
        self.close_block();
        self.out.extend_from_slice(&END_MARK);
        &mut self.out
    }

    fn open_block(&mut self) {
        self.now.block = self.now.at;
        self.now.block_out = self.out.len();
        self.now.last = Sequence::default();
        self.now.short = Match::default();
        self.out.extend_from_slice(&[0; LENGTH_BYTES]);
    }

    /// Writes the match that is held back with the literals before it.
    #[inline]
    fn write_held(&mut self) {
        let now = &mut self.now;
        if now.held.length == 0 {
            return;
        }
        let literals = (now.literals, now.before_held);
        now.last = Sequence { out: self.out.len(), literals, copy: now.held };
        put_sequence(&mut self.out, &self.literals[literals.0..literals.1], now.held);
        now.literals = self.literals.len();
        now.held.length = 0;
    }

    /// Ends the block by the format's rules.
    fn close_block(&mut self) {
        let State { held, before_held, last, literals, tail, block_out, .. } = self.now;
        let behind = (self.literals.len() - literals) as u32;
        let too_close = behind < END_LITERALS || last.copy.length + behind < END_MATCH_FREE;
        let (before, copy, behind): (Range<usize>, Match, u32) = if held.length > 0 {
            (literals..before_held, held, 0)
        } else if last.copy.length > 0 && too_close {
            self.out.truncate(last.out);
            (last.literals.0..last.literals.1, last.copy, behind)
        } else {
            (literals..self.literals.len(), Match::default(), 0)
        };
        // From the match to the end; when that is less than a tail, the match before it is far enough away.
        let from_match = copy.length + behind;
        if from_match as usize >= TAIL {
            let shorter = Match { length: from_match - END_MATCH_FREE, ..copy };
            put_sequence(&mut self.out, &self.literals[before], shorter);
            put_last(&mut self.out, &[], &tail[TAIL - END_MATCH_FREE as usize..]);
        } else {
            put_last(&mut self.out, &self.literals[before], &tail[TAIL - from_match as usize..]);
        }
        let length = (self.out.len() - block_out - LENGTH_BYTES) as u32;
        self.out[block_out..block_out + LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
        self.now.literals = self.literals.len();
        self.now.held.length = 0;
    }
}

/// Literals and a match.
#[inline]
fn put_sequence(out: &mut BytesMut, literals: &[u8], copy: Match) {
    let length = copy.length as usize - FORMAT_MIN_MATCH;
    let distance = (copy.distance as u16).to_le_bytes();
    out.extend_from_slice(&[nibble(literals.len()) << 4 | nibble(length)]);
    put_rest(out, literals.len());
    out.extend_from_slice(literals);
    out.extend_from_slice(&distance);
    put_rest(out, length);
}

/// The literals that end a block, in two parts.
fn put_last(out: &mut BytesMut, first: &[u8], second: &[u8]) {
    let length = first.len() + second.len();
    out.extend_from_slice(&[nibble(length) << 4]);
    put_rest(out, length);
    out.extend_from_slice(first);
    out.extend_from_slice(second);
}

/// What of a length stands in the token.
fn nibble(length: usize) -> u8 {
    length.min(15) as u8
}

/// What of a length follows.
#[inline]
fn put_rest(out: &mut BytesMut, length: usize) {
    let Some(rest) = length.checked_sub(15) else { return };
    if rest >= 255 {
        out.resize(out.len() + rest / 255, 255);
    }
    out.extend_from_slice(&[(rest % 255) as u8]);
}

/// How many bytes both begin with.
#[inline]
fn common_front(left: &[u8; SLOT_BYTES], right: &[u8; SLOT_BYTES]) -> usize {
    let words = left.as_chunks::<8>().0.iter().zip(right.as_chunks::<8>().0);
    for (number, (left, right)) in words.enumerate() {
        let differs = u64::from_le_bytes(*left) ^ u64::from_le_bytes(*right);
        if differs != 0 {
            return number * 8 + differs.trailing_zeros() as usize / 8;
        }
    }
    SLOT_BYTES
}

const _: () = assert!(SLOT_BYTES.is_multiple_of(8), "slots are compared in words");
