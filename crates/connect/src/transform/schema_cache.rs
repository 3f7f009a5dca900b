//! What a transform derived from a schema, kept for the next record of the same schema.
//!
//! Records of one shape share one schema, so the `Arc`'s address is the key. The cache holds the schema too: an address is
//! never given to another schema while its entry stands.

use std::collections::HashMap;
use std::sync::Arc;

use tailwater_event::connect::{Kind, Schema};

use crate::limits::{SCHEMA_CACHE_ENTRIES, SCHEMA_CACHE_FIELDS};

/// Up to [`SCHEMA_CACHE_ENTRIES`] derived values (an output schema, a plan), by input schema, of schemas with up to
/// [`SCHEMA_CACHE_FIELDS`] fields together: what clients write may have a new schema with every record. When it is full it starts
/// anew.
#[derive(Debug)]
pub struct SchemaCache<T> {
    entries: HashMap<usize, (Arc<Schema>, T)>,
    /// Of all schemas that are kept.
    fields: usize,
}

impl<T> Default for SchemaCache<T> {
    fn default() -> Self {
        SchemaCache { entries: HashMap::new(), fields: 0 }
    }
}

impl<T> SchemaCache<T> {
    /// What was derived from this schema, derived now when it is new. An error of `derive` is not kept.
    pub fn get<E>(&mut self, schema: &Arc<Schema>, derive: impl FnOnce(&Arc<Schema>) -> Result<T, E>) -> Result<&T, E> {
        self.get_fit(schema, |_| true, derive)
    }

    /// The same where something else than the schema counts, too: what is kept but does not fit is derived anew.
    pub fn get_fit<E>(
        &mut self,
        schema: &Arc<Schema>,
        fits: impl FnOnce(&T) -> bool,
        derive: impl FnOnce(&Arc<Schema>) -> Result<T, E>,
    ) -> Result<&T, E> {
        let address = Arc::as_ptr(schema).addr();
        let full = self.entries.len() >= SCHEMA_CACHE_ENTRIES || self.fields >= SCHEMA_CACHE_FIELDS;
        if full && !self.entries.contains_key(&address) {
            self.entries.clear();
            self.fields = 0;
        }
        match self.entries.entry(address) {
            std::collections::hash_map::Entry::Occupied(entry) => {
                let kept = &mut entry.into_mut().1;
                if !fits(kept) {
                    *kept = derive(schema)?;
                }
                Ok(kept)
            }
            std::collections::hash_map::Entry::Vacant(entry) => {
                let derived = derive(schema)?;
                self.fields = self.fields.saturating_add(fields(schema));
                Ok(&entry.insert((Arc::clone(schema), derived)).1)
            }
        }
    }
}

/// How many fields a schema has, at any depth, with itself.
fn fields(schema: &Schema) -> usize {
    match &schema.kind {
        Kind::Array(element) => 1 + fields(element),
        Kind::Map(key, value) => 1 + fields(key) + fields(value),
        Kind::Struct(inner) => 1 + inner.iter().map(|field| fields(&field.schema)).sum::<usize>(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tailwater_event::connect::Field;

    use super::*;

    #[test]
    fn a_schema_is_derived_from_once_and_an_error_is_not_kept() {
        let mut cache = SchemaCache::default();
        let schema = Arc::new(Schema::new(Kind::Text));
        assert_eq!(cache.get(&schema, |_| Err::<i32, _>("no")), Err("no"));
        assert_eq!(cache.get(&schema, |_| Ok::<_, &str>(1)), Ok(&1));
        assert_eq!(cache.get(&schema, |_| Err("not asked")), Ok(&1));
        let same_shape = Arc::new(Schema::new(Kind::Text));
        assert_eq!(cache.get(&same_shape, |_| Ok::<_, &str>(2)), Ok(&2));
    }

    #[test]
    fn what_does_not_fit_is_derived_anew() {
        let mut cache = SchemaCache::default();
        let schema = Arc::new(Schema::new(Kind::Text));
        for (wanted, derived) in [(1, Ok(1)), (1, Err("not asked")), (2, Ok(2)), (2, Err("not asked"))] {
            assert_eq!(cache.get_fit(&schema, |kept| *kept == wanted, |_| derived), Ok(&wanted));
        }
    }

    #[test]
    fn a_full_cache_starts_anew_and_holds_the_schemas_of_its_entries() {
        let mut cache = SchemaCache::default();
        for n in 0..=SCHEMA_CACHE_ENTRIES {
            // Dropped here: only the cache keeps the address from being used again.
            let schema = Arc::new(Schema::new(Kind::Text));
            assert_eq!(cache.get(&schema, |_| Ok::<_, Infallible>(n)), Ok(&n));
        }
        assert_eq!(cache.entries.len(), 1);
    }

    #[test]
    fn schemas_with_many_fields_are_not_kept_without_end() {
        let wide = |n: usize| {
            let field = |at| Field::new(format!("f{at}"), Schema::new(Kind::Array(Schema::new(Kind::Text).into())));
            Arc::new(Schema::new(Kind::Struct((0..5_000).map(field).collect())).named(format!("s{n}")))
        };
        let mut cache = SchemaCache::default();
        for n in 0..100 {
            assert_eq!(cache.get(&wide(n), |_| Ok::<_, Infallible>(n)), Ok(&n));
            assert!(cache.entries.len() <= SCHEMA_CACHE_FIELDS / 10_001 + 1);
        }
    }
}
