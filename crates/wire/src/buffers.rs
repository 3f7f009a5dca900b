//! Memory for batches, used again and again: of fresh memory the kernel clears every page, which takes longer than
//! filling it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::limits::{BUFFER_MAX_BYTES, BUFFER_MIN_BYTES, BUFFERS_IDLE_BYTES};

/// Buffers that nobody uses at the moment. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

/// A buffer that is in use; it goes back when the last slice of it has gone.
struct Lent {
    memory: Vec<u8>,
    length: usize,
    home: Buffers,
}

impl Buffers {
    /// So many bytes, as `fill` leaves them; what they were before is anything.
    ///
    /// # Errors
    /// Those of `fill`.
    pub fn filled<E>(&self, length: usize, fill: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<Bytes, E> {
        let mut lent = Lent { memory: self.take(length), length, home: self.clone() };
        if lent.memory.len() < length {
            lent.memory.resize(length, 0);
        }
        fill(lent.memory.get_mut(..length).unwrap_or_default())?;
        Ok(Bytes::from_owner(lent))
    }

    /// What `write` puts into an empty buffer with room for so many bytes.
    ///
    /// # Errors
    /// Those of `write`.
    pub fn written<E>(&self, room: usize, write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<Bytes, E> {
        let mut lent = Lent { memory: self.take(room), length: 0, home: self.clone() };
        lent.memory.clear();
        write(&mut lent.memory)?;
        lent.length = lent.memory.len();
        Ok(Bytes::from_owner(lent))
    }

    /// The newest that fits, whose memory is the likeliest to be near the processor.
    fn take(&self, room: usize) -> Vec<u8> {
        if !is_kept(room) {
            return vec![0; room];
        }
        let mut idle = self.idle();
        if let Some(at) = idle.iter().rposition(|buffer| (room..=2 * room).contains(&buffer.capacity())) {
            return idle.remove(at);
        }
        drop(idle);
        vec![0; room.next_multiple_of(BUFFER_MIN_BYTES)]
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        self.memory.get(..self.length).unwrap_or_default()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let memory = std::mem::take(&mut self.memory);
        if !is_kept(memory.capacity()) {
            return;
        }
        let mut idle = self.home.idle();
        idle.push(memory);
        // The oldest go: sizes that nobody asks for any more.
        let mut bytes: usize = idle.iter().map(Vec::capacity).sum();
        let surplus = idle.iter().take_while(|buffer| {
            let over = bytes > BUFFERS_IDLE_BYTES;
            bytes -= buffer.capacity();
            over
        });
        let surplus = surplus.count();
        let gone: Vec<_> = idle.drain(..surplus).collect();
        drop(idle);
        drop(gone);
    }
}

fn is_kept(bytes: usize) -> bool {
    (BUFFER_MIN_BYTES..=BUFFER_MAX_BYTES).contains(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(buffers: &Buffers, length: usize, with: u8) -> Bytes {
        let fill = |memory: &mut [u8]| -> Result<(), ()> {
            memory.fill(with);
            Ok(())
        };
        buffers.filled(length, fill).unwrap()
    }

    fn idle(buffers: &Buffers) -> Vec<usize> {
        buffers.idle().iter().map(Vec::capacity).collect()
    }

    #[test]
    fn memory_is_used_again_once_nobody_reads_it_and_never_before() {
        let buffers = Buffers::default();
        let first = filled(&buffers, 100_000, 1);
        let piece = first.slice(70_000..);
        drop(first);
        let second = filled(&buffers, 100_000, 2);
        assert!(piece.iter().all(|byte| *byte == 1) && piece.len() == 30_000);
        let place = piece.as_ptr().wrapping_sub(70_000);
        drop(piece);
        let third = filled(&buffers, 90_000, 3);
        assert_eq!(third.as_ptr(), place);
        assert!(second.iter().all(|byte| *byte == 2) && second.len() == 100_000);
    }

    #[test]
    fn what_is_idle_has_a_bound_and_small_and_huge_buffers_are_not_kept() {
        let buffers = Buffers::default();
        drop([filled(&buffers, 10, 1), filled(&buffers, BUFFER_MAX_BYTES + 1, 1)]);
        assert!(idle(&buffers).is_empty());
        let many: Vec<_> = (0..100).map(|_| filled(&buffers, 1_000_000, 1)).collect();
        drop(many);
        let bytes: usize = idle(&buffers).iter().sum();
        assert!(bytes <= BUFFERS_IDLE_BYTES && bytes > BUFFERS_IDLE_BYTES / 2, "{bytes}");
        drop(filled(&buffers, 100_000, 1));
        assert!(idle(&buffers).iter().sum::<usize>() <= BUFFERS_IDLE_BYTES);
        assert_eq!(idle(&buffers).last(), Some(&(2 * BUFFER_MIN_BYTES)));
    }

    #[test]
    fn what_is_written_begins_empty_and_what_is_filled_after_it_is_as_long_as_was_asked_for() {
        let buffers = Buffers::default();
        drop(filled(&buffers, 100_000, 1));
        let write = |memory: &mut Vec<u8>| -> Result<(), ()> {
            assert!(memory.is_empty() && memory.capacity() >= 90_000);
            memory.extend_from_slice(b"few");
            Ok(())
        };
        let written = buffers.written(90_000, write).unwrap();
        assert!(idle(&buffers).is_empty() && written == b"few"[..]);
        drop(written);
        assert!(filled(&buffers, 120_000, 2) == [2; 120_000][..]);
    }

    #[test]
    fn what_could_not_be_filled_gives_its_memory_back() {
        let buffers = Buffers::default();
        assert_eq!(buffers.filled(100_000, |_| Err("torn")), Err("torn"));
        assert_eq!(idle(&buffers).len(), 1);
    }
}
