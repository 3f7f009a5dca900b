//! Which relation of the stream is which captured table.

use std::collections::HashMap;

use crate::capture::Captured;

/// Relations by their number on this connection; `None` for tables that are not captured.
#[derive(Default)]
pub(super) struct Routes {
    by_oid: HashMap<u32, usize>,
    routes: Vec<Option<Captured>>,
    last: Option<(u32, usize)>,
}

impl Routes {
    pub fn set(&mut self, oid: u32, route: Option<Captured>) {
        self.last = None;
        match self.by_oid.get(&oid).and_then(|index| self.routes.get_mut(*index)) {
            Some(known) => *known = route,
            None => {
                self.by_oid.insert(oid, self.routes.len());
                self.routes.push(route);
            }
        }
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
