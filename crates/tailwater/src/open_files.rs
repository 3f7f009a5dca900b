//! How many files and sockets this process may have open: as many as the system allows, most of them for clients.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::limits::RESERVED_FILES;

/// Raises the limit as far as it goes, and says how many sockets of clients fit into it, up to `most`: what the journal
/// and the connectors need is kept back.
pub fn for_sockets(most: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    let files = current.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX));
    files.saturating_sub(RESERVED_FILES).clamp(1, most.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_clients_and_no_more_than_asked_for() {
        let all = for_sockets(usize::MAX);
        assert!(all >= 1);
        assert_eq!(for_sockets(10), 10.min(all));
    }
}
