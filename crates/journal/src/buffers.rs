//! Memory for what is read from files, used again and again: of fresh memory the kernel clears every page, which takes
//! longer than reading into it.

use crate::limits::{BUFFER_MAX_BYTES, BUFFER_MIN_BYTES, BUFFERS_IDLE_BYTES};
use crate::shared::lock;
use bytes::Bytes;
use std::sync::{Arc, Mutex};

/// Buffers that nobody uses at the moment. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

/// A buffer that is in use; it goes back when the last slice of it has gone.
struct Lent {
    memory: Vec<u8>,
    length: usize,
    home: Buffers,
}

impl Buffers {
    /// So many bytes, as `fill` leaves them; what they were before is anything.
    pub(crate) fn filled<E>(&self, length: usize, fill: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<Bytes, E> {
        let mut lent = Lent { memory: self.take(length), length, home: self.clone() };
        fill(lent.memory.get_mut(..length).unwrap_or_default())?;
        Ok(Bytes::from_owner(lent))
    }

    /// The newest that fits, whose memory is the likeliest to be near the processor.
    fn take(&self, length: usize) -> Vec<u8> {
        if (BUFFER_MIN_BYTES..=BUFFER_MAX_BYTES).contains(&length) {
            let mut idle = lock(&self.0);
            if let Some(at) = idle.iter().rposition(|buffer| (length..=2 * length).contains(&buffer.len())) {
                return idle.remove(at);
            }
            drop(idle);
            return vec![0; length.next_multiple_of(BUFFER_MIN_BYTES)];
        }
        vec![0; length]
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
        if !(BUFFER_MIN_BYTES..=BUFFER_MAX_BYTES).contains(&memory.len()) {
            return;
        }
        let mut idle = lock(&self.home.0);
        idle.push(memory);
        // The oldest go: sizes that nobody asks for any more.
        let mut bytes: usize = idle.iter().map(Vec::len).sum();
        let surplus = idle.iter().take_while(|buffer| {
            let over = bytes > BUFFERS_IDLE_BYTES;
            bytes -= buffer.len();
            over
        });
        let surplus = surplus.count();
        let gone: Vec<_> = idle.drain(..surplus).collect();
        drop(idle);
        drop(gone);
    }
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
        lock(&buffers.0).iter().map(Vec::len).collect()
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
    fn what_could_not_be_filled_gives_its_memory_back() {
        let buffers = Buffers::default();
        assert_eq!(buffers.filled(100_000, |_| Err("torn")), Err("torn"));
        assert_eq!(idle(&buffers).len(), 1);
    }
}
