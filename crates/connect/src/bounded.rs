//! A map that does not grow without end.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

/// What is kept to be found again, up to a number of entries; it starts anew when it is full and another one comes.
#[derive(Debug)]
pub(crate) struct Bounded<K, V> {
    bound: usize,
    entries: HashMap<K, V>,
}

impl<K: Hash + Eq, V> Bounded<K, V> {
    /// An empty one.
    pub(crate) fn new(bound: usize) -> Self {
        Bounded { bound, entries: HashMap::new() }
    }

    pub(crate) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.entries.get(key)
    }

    pub(crate) fn get_mut<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.entries.get_mut(key)
    }

    /// What is kept, or was made now. An error of `make` is not kept.
    pub(crate) fn get_or_make<E>(&mut self, key: K, make: impl FnOnce() -> Result<V, E>) -> Result<&mut V, E> {
        self.make_room(&key);
        Ok(match self.entries.entry(key) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(make()?),
        })
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.make_room(&key);
        self.entries.insert(key, value);
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    fn make_room(&mut self, key: &K) {
        if self.entries.len() >= self.bound && !self.entries.contains_key(key) {
            self.entries.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn it_starts_anew_when_it_is_full_and_keeps_no_errors() {
        let mut kept = Bounded::new(100);
        for n in 0..1_000 {
            kept.insert(n, ());
            let Ok::<_, Infallible>(()) = kept.get_or_make(n + 1, || Ok(())).map(|found| *found);
            assert!(kept.entries.len() <= 100);
        }
        assert_eq!(kept.get_or_make(-1, || Err("no")), Err("no"));
        assert_eq!(kept.get(&-1), None);
        assert_eq!(kept.get_mut(&1_000), Some(&mut ()));
        kept.clear();
        assert_eq!(kept.get(&1_000), None);
    }
}
