//! Which relation of the stream is which captured table.

use std::collections::HashMap;

use crate::capture::Captured;
use crate::pgoutput::Relation;

/// Relations by their number on this connection; `None` for tables that are not captured.
#[derive(Default)]
pub(super) struct Routes {
    by_oid: HashMap<u32, usize>,
    routes: Vec<Option<Captured>>,
    last: Option<(u32, usize)>,
    /// As the server announced them last.
    announced: HashMap<u32, Relation>,
}

impl Routes {
    pub fn set(&mut self, relation: &Relation, route: Option<Captured>) {
        self.last = None;
        let oid = relation.oid;
        match &route {
            Some(_) => self.announced.insert(oid, relation.clone()),
            None => self.announced.remove(&oid),
        };
        match self.by_oid.get(&oid).and_then(|index| self.routes.get_mut(*index)) {
            Some(known) => *known = route,
            None => {
                self.by_oid.insert(oid, self.routes.len());
                self.routes.push(route);
            }
        }
    }

    /// How the server announced a captured relation.
    pub fn announced(&self, oid: u32) -> Option<&Relation> {
        self.announced.get(&oid)
    }

    /// Rows of one table come in a row, so the last answer is usually the next one, too.
    pub fn get(&mut self, oid: u32) -> Option<&mut Option<Captured>> {
        let index = match self.last {
            Some((last, index)) if last == oid => index,
            _ => *self.by_oid.get(&oid)?,
        };
        self.last = Some((oid, index));
        self.routes.get_mut(index)
    }
}
