//! The source's plans: by them its records are read back, whose schemas stand in the plan's fragments.

use std::sync::Arc;

use tailwater_connector::PlanId;
use tailwater_event::connect::Schema;
use tailwater_event::connect::json::JsonReader;
use tailwater_event::{FragmentId, Fragments};

use super::chain::Chain;
use crate::bounded::Bounded;
use crate::limits::CONVERTED_TOPICS;

/// Plans by the numbers that the source has for them. Of more than [`CONVERTED_TOPICS`] the older ones share a place, and are
/// prepared anew whenever they come.
pub(super) struct Plans {
    numbers: Bounded<Vec<u8>, PlanId>,
    next: u32,
    places: Vec<Plan>,
    at: usize,
    /// Until one is chosen.
    none: Plan,
}

/// What the records of one plan have in common.
pub(super) struct Plan {
    id: PlanId,
    pub(super) fragments: Fragments,
    /// Fragments that open an envelope.
    openings: Vec<Option<Opening>>,
    pub(super) reader: JsonReader,
}

pub(super) struct Opening {
    pub(super) schema: Option<Arc<Schema>>,
    /// Where the payload begins.
    pub(super) payload: usize,
    /// Whether a field need not be read, where it is a value's, by its place.
    pub(super) skip: Vec<bool>,
}

impl Default for Plan {
    fn default() -> Self {
        Plan::new(PlanId(0))
    }
}

impl Plan {
    fn new(id: PlanId) -> Self {
        Plan { id, fragments: Fragments::default(), openings: Vec::new(), reader: JsonReader::new(true) }
    }

    /// Registers fragments. Cheap when they are those of before.
    pub(super) fn prepare(&mut self, fragments: &Fragments, chain: &Chain) {
        if self.fragments.same(fragments) {
            return;
        }
        self.fragments = fragments.clone();
        let opening = |fragment: &Arc<[u8]>| {
            let (schema, payload) = self.reader.opening(fragment)?;
            let mut skip = Vec::new();
            if let Some(schema) = &schema {
                let unused = chain.unused(schema);
                skip = (0..schema.fields().len()).map(|at| unused.contains(&at)).collect();
            }
            Some(Opening { schema, payload, skip })
        };
        self.openings = fragments.shared().iter().map(opening).collect();
    }

    /// The envelope that a fragment opens.
    pub(super) fn opening(&self, id: FragmentId) -> Option<&Opening> {
        self.openings.get(usize::from(id.0))?.as_ref()
    }
}

impl Default for Plans {
    fn default() -> Self {
        let numbers = Bounded::new(CONVERTED_TOPICS);
        Plans { numbers, next: 0, places: Vec::new(), at: 0, none: Plan::default() }
    }
}

impl Plans {
    /// The number of a plan. The same descriptor has the same number as long as it is known.
    pub(super) fn number(&mut self, descriptor: &[u8]) -> PlanId {
        if let Some(id) = self.numbers.get(descriptor) {
            return *id;
        }
        let id = PlanId(self.next);
        self.next = self.next.wrapping_add(1);
        self.numbers.insert(descriptor.to_vec(), id);
        id
    }

    /// The plan of the records that follow.
    pub(super) fn choose(&mut self, id: PlanId) {
        self.at = usize::try_from(id.0).unwrap_or(usize::MAX) % CONVERTED_TOPICS;
        if self.places.len() <= self.at {
            self.places.resize_with(self.at + 1, Plan::default);
        }
        if let Some(place) = self.places.get_mut(self.at)
            && place.id != id
        {
            *place = Plan::new(id);
        }
    }

    /// The plan that was chosen last.
    pub(super) fn current(&mut self) -> &mut Plan {
        self.places.get_mut(self.at).unwrap_or(&mut self.none)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_without_end_take_a_bounded_place_and_are_told_apart() {
        let mut plans = Plans::default();
        let opened = |n: usize| Fragments::new(vec![format!("{{\"schema\":null,\"payload\":{n}").into_bytes()]);
        for n in 0..3 * CONVERTED_TOPICS {
            let id = plans.number(n.to_string().as_bytes());
            assert_eq!(id, plans.number(n.to_string().as_bytes()));
            plans.choose(id);
            assert!(plans.current().fragments.is_empty(), "a plan in the place of another begins anew");
            plans.current().prepare(&opened(n), &Chain::default());
            assert_eq!(plans.current().opening(FragmentId(0)).map(|opening| opening.payload), Some(25));
        }
        assert!(plans.places.len() <= CONVERTED_TOPICS);
    }
}
