//! Who is connected: bounds in all and by address, with room made at the cost of those who have not said anything yet.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::limits::CONNECTIONS_PER_ADDRESS;

/// The connections of a listener.
pub(super) struct Connections {
    most: usize,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    last: u64,
    count: usize,
    by_address: HashMap<IpAddr, usize>,
    /// Connections without a valid request yet, oldest first.
    strangers: BTreeMap<u64, (IpAddr, Arc<Notify>)>,
}

/// A place for one connection, until it is dropped.
pub(super) struct Place {
    connections: Arc<Connections>,
    number: u64,
    address: IpAddr,
    /// Notified when another needs the place more.
    pub(super) evicted: Arc<Notify>,
}

impl Connections {
    /// At most so many at one time.
    pub(super) fn new(most: usize) -> Self {
        Connections { most, table: Mutex::default() }
    }

    /// A place for a connection from this address; `None` when all are taken by clients.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let here = table.by_address.get(&address).copied().unwrap_or(0);
        let address_full = !address.is_loopback() && here >= CONNECTIONS_PER_ADDRESS.min(self.most);
        if table.count >= self.most || address_full {
            let oldest = table.strangers.iter().find(|(_, (from, _))| !address_full || *from == address)?;
            let number = *oldest.0;
            if let Some((_, evicted)) = table.strangers.remove(&number) {
                evicted.notify_one();
            }
        }
        table.last += 1;
        table.count += 1;
        *table.by_address.entry(address).or_default() += 1;
        let (number, evicted) = (table.last, Arc::new(Notify::new()));
        table.strangers.insert(number, (address, evicted.clone()));
        metrics::gauge!("tailwater_kafka_connections").set(table.count as f64);
        Some(Place { connections: Arc::clone(self), number, address, evicted })
    }
}

impl Place {
    /// The connection has made a valid request: its place is its own.
    pub(super) fn known(&self) {
        let mut table = self.connections.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.strangers.remove(&self.number);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.connections.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.strangers.remove(&self.number);
        table.count = table.count.saturating_sub(1);
        if let Some(here) = table.by_address.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                table.by_address.remove(&self.address);
            }
        }
        metrics::gauge!("tailwater_kafka_connections").set(table.count as f64);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn full(most: usize) -> (Arc<Connections>, Vec<Place>) {
        let connections = Arc::new(Connections::new(most));
        let places = (0..most).map(|_| connections.admit(HERE).unwrap()).collect();
        (connections, places)
    }

    #[tokio::test]
    async fn a_full_house_makes_room_by_the_oldest_stranger() {
        let (connections, places) = full(3);
        places[0].known();
        let late = connections.admit(HERE).unwrap();
        places[1].evicted.notified().await;
        places.iter().skip(2).for_each(Place::known);
        late.known();
        assert!(connections.admit(HERE).is_none(), "all places are taken by clients");
    }

    #[test]
    fn a_place_is_free_again_when_its_connection_ends() {
        let (connections, mut places) = full(2);
        places.iter().for_each(Place::known);
        assert!(connections.admit(HERE).is_none());
        places.pop();
        assert!(connections.admit(HERE).is_some());
        drop(places);
        let table = connections.table.lock().unwrap();
        assert_eq!((table.count, table.strangers.len(), table.by_address.len()), (0, 0, 0));
    }

    #[test]
    fn one_foreign_address_cannot_take_all_places() {
        let far = IpAddr::from([192, 0, 2, 1]);
        let connections = Arc::new(Connections::new(CONNECTIONS_PER_ADDRESS + 10));
        let places: Vec<_> = (0..CONNECTIONS_PER_ADDRESS).map(|_| connections.admit(far).unwrap()).collect();
        places.iter().for_each(Place::known);
        assert!(connections.admit(far).is_none());
        assert!(connections.admit(IpAddr::from([192, 0, 2, 2])).is_some());
    }
}
