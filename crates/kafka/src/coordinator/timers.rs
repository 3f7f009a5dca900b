//! When which group has to be looked at.

use std::collections::{BTreeSet, HashMap};

/// The next deadline of each group that has one. It may be too early, when a member has spoken since; never too late.
#[derive(Debug, Default)]
pub(super) struct Timers {
    due: BTreeSet<(u64, String)>,
    of: HashMap<String, u64>,
}

impl Timers {
    /// A group wants to be looked at, at this time or before. True when that is the first of all.
    pub(super) fn set(&mut self, group: &str, deadline: u64) -> bool {
        match self.of.get(group) {
            Some(known) if *known <= deadline => return false,
            Some(known) => drop(self.due.remove(&(*known, group.to_owned()))),
            None => {}
        }
        self.of.insert(group.to_owned(), deadline);
        self.due.insert((deadline, group.to_owned()));
        self.due.first().is_some_and(|(first, name)| *first == deadline && name == group)
    }

    /// A group whose time has come.
    pub(super) fn pop(&mut self, now: u64) -> Option<String> {
        let (_, group) = self.due.first().filter(|(deadline, _)| *deadline <= now)?;
        self.of.remove(group);
        self.due.pop_first().map(|(_, group)| group)
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<u64> {
        self.due.first().map(|(deadline, _)| *deadline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_deadline_of_each_group_counts() {
        let mut timers = Timers::default();
        assert!(timers.set("a", 50));
        assert!(!timers.set("b", 70));
        assert!(!timers.set("a", 60), "later than what is known");
        assert!(timers.set("b", 40));
        assert_eq!(timers.next(), Some(40));
        assert_eq!(timers.pop(39), None);
        assert_eq!([timers.pop(60), timers.pop(60), timers.pop(60)], [Some("b".into()), Some("a".into()), None]);
        assert!(timers.set("a", 60), "once it was looked at, it may be later");
    }
}
