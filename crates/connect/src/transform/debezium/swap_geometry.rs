//! `SwapGeometryCoordinates`: x and y of geometries change places, between the axis orders of EPSG and of most programs.

use tailwater_connector::property::{Form, check};
use tailwater_connector::{Config, Problem, Property};
use tailwater_event::connect::{ConnectRecord, Kind, Schema, Value};

use crate::limits::GEOMETRY_DEPTH;
use crate::transform::schema_cache::SchemaCache;
use crate::transform::{Transform, TransformClass};

use super::envelope::fill;
use super::{Configured, finish, invalid, strict};

/// The class.
pub(super) const CLASS: TransformClass = TransformClass {
    names: &["io.debezium.transforms.SwapGeometryCoordinates"],
    properties: PROPERTIES,
    repeats_mistakes: true,
    configure,
};

const GEOMETRY: &str = "io.debezium.data.geometry.Geometry";

const PROPERTIES: &[Property] = &[Property::new(
    "srids",
    Form::Text,
    Some("4326,3857,4269"),
    "identifiers of the reference systems whose geometries are changed",
)];

struct Swap {
    /// Whether nulls become their fields' defaults, as in Debezium.
    strict: bool,
    srids: Vec<i32>,
    /// Whether values of a schema hold geometries.
    schemas: SchemaCache<bool>,
}

impl Transform for Swap {
    fn apply(&mut self, mut record: ConnectRecord) -> Result<Option<ConnectRecord>, Problem> {
        if let (true, Some(schema), Value::Struct(values)) =
            (self.strict, &record.value.schema, &mut record.value.value)
        {
            fill(schema.fields(), values);
        }
        if let Some(schema) = &record.value.schema
            && *self.schemas.get(schema, |schema| Ok::<_, Problem>(holds(schema)))?
        {
            swap(schema, &mut record.value.value, &self.srids)?;
        }
        Ok(Some(record))
    }
}

fn holds(schema: &Schema) -> bool {
    match &schema.kind {
        Kind::Struct(fields) => schema.is_named(GEOMETRY) || fields.iter().any(|field| holds(&field.schema)),
        Kind::Array(element) => holds(element),
        Kind::Map(_, value) => holds(value),
        _ => false,
    }
}

fn swap(schema: &Schema, value: &mut Value, srids: &[i32]) -> Result<(), Problem> {
    match (&schema.kind, value) {
        (Kind::Struct(_), Value::Struct(parts)) if schema.is_named(GEOMETRY) => {
            let place = |name: &str| schema.field(name).map(|(at, _)| at);
            let srid = place("srid").and_then(|at| parts.get(at));
            if !matches!(srid, Some(Value::Int32(srid)) if srids.contains(srid)) {
                return Ok(());
            }
            if let Some(Value::Bytes(wkb)) = place("wkb").and_then(|at| parts.get_mut(at)) {
                let mut bytes = wkb.to_vec();
                geometry(&mut Wkb { bytes: &mut bytes, at: 0 }, 0).ok_or_else(malformed)?;
                *wkb = bytes.into();
            }
            Ok(())
        }
        (Kind::Struct(fields), Value::Struct(parts)) => {
            fields.iter().zip(parts).try_for_each(|(field, part)| swap(&field.schema, part, srids))
        }
        (Kind::Array(element), Value::Array(elements)) => {
            elements.iter_mut().try_for_each(|value| swap(element, value, srids))
        }
        (Kind::Map(_, inner), Value::Map(entries)) => {
            entries.iter_mut().try_for_each(|(_, value)| swap(inner, value, srids))
        }
        _ => Ok(()),
    }
}

fn malformed() -> Problem {
    Problem::config(
        "GEOMETRY_MALFORMED",
        "A geometry is not well-known binary of points, lines, polygons and collections of them",
        "Leave the column out ('column.exclude.list'), or the transform.",
    )
}

/// Well-known binary, PostGIS's form (flags for z, m and the reference system) or ISO's (thousands).
struct Wkb<'a> {
    bytes: &'a mut [u8],
    at: usize,
}

/// Swaps one geometry where it stands. `None` when the bytes are none.
fn geometry(wkb: &mut Wkb<'_>, depth: usize) -> Option<()> {
    let little = match wkb.take::<1>()? {
        [1] => true,
        [0] => false,
        _ => return None,
    };
    let code = wkb.number(little)?;
    let (mut plain, flags) = (code & 0x0fff_ffff, code >> 28);
    let iso = plain / 1000;
    plain %= 1000;
    let extra = |flag: u32, thousands: [u32; 2]| usize::from(flags & flag != 0 || thousands.contains(&iso));
    let size = 8 * (2 + extra(8, [1, 3]) + extra(4, [2, 3]));
    if flags & 2 != 0 {
        wkb.number(little)?;
    }
    match plain {
        1 => wkb.points(1, size),
        // Lines, also of arcs.
        2 | 8 => {
            let count = wkb.number(little)?;
            wkb.points(count, size)
        }
        // Polygons and triangles: rings.
        3 | 17 => {
            for _ in 0..wkb.number(little)? {
                let count = wkb.number(little)?;
                wkb.points(count, size)?;
            }
            Some(())
        }
        4..=7 | 9..=12 | 15 | 16 if depth < GEOMETRY_DEPTH => {
            for _ in 0..wkb.number(little)? {
                geometry(wkb, depth + 1)?;
            }
            Some(())
        }
        _ => None,
    }
}

impl Wkb<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let taken = self.bytes.get(self.at..)?.first_chunk::<N>()?;
        self.at += N;
        Some(*taken)
    }

    fn number(&mut self, little: bool) -> Option<u32> {
        let bytes = self.take()?;
        Some(if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    /// So many points of this size, x and y first.
    fn points(&mut self, count: u32, size: usize) -> Option<()> {
        let end = usize::try_from(count).ok()?.checked_mul(size)?.checked_add(self.at)?;
        for point in self.bytes.get_mut(self.at..end)?.chunks_exact_mut(size) {
            let (x, rest) = point.split_first_chunk_mut::<8>()?;
            std::mem::swap(x, rest.first_chunk_mut::<8>()?);
        }
        self.at = end;
        Some(())
    }
}

fn configure(_: &str, config: &Config) -> Configured {
    let (config, strict) = strict(config);
    let (config, mut problems) = check(&config, PROPERTIES);
    let srids: Result<Vec<i32>, _> = config.list("srids").iter().map(|srid| srid.parse()).collect();
    if srids.is_err() {
        problems.push(invalid("srids", "a list of numbers is expected", "Write it as in 4326,3857"));
    }
    finish(srids.ok().map(|srids| Swap { strict, srids, schemas: SchemaCache::default() }), problems)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tailwater_event::connect::{Field, Typed};

    use super::super::sample::{Table, built, configured};
    use super::*;

    /// A little-endian geometry: code and 32-bit numbers, then coordinates.
    fn wkb(head: &[u32], coordinates: &[f64]) -> Vec<u8> {
        let head = head.iter().flat_map(|number| number.to_le_bytes());
        std::iter::once(1).chain(head).chain(coordinates.iter().flat_map(|c| c.to_le_bytes())).collect()
    }

    fn swapped(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
        geometry(&mut Wkb { bytes: &mut bytes, at: 0 }, 0).map(|()| bytes)
    }

    #[test]
    fn points_of_every_kind_are_swapped_and_other_dimensions_stay() {
        assert_eq!(swapped(wkb(&[1], &[1.0, 2.0])), Some(wkb(&[1], &[2.0, 1.0])));
        let big = [&[0u8, 0, 0, 0, 1][..], &1f64.to_be_bytes(), &2f64.to_be_bytes()].concat();
        assert_eq!(swapped(big).unwrap()[5..13], 2f64.to_be_bytes());
        for line in [0x8000_0002, 1002, 0x4000_0002, 2002] {
            let points = swapped(wkb(&[line, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
            assert_eq!(points, Some(wkb(&[line, 2], &[2.0, 1.0, 3.0, 5.0, 4.0, 6.0])), "{line}");
        }
        assert_eq!(
            swapped(wkb(&[0xe000_0001, 4326], &[1.0, 2.0, 3.0, 4.0])),
            Some(wkb(&[0xe000_0001, 4326], &[2.0, 1.0, 3.0, 4.0]))
        );
        let polygon = wkb(&[3, 1, 2], &[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(swapped(polygon), Some(wkb(&[3, 1, 2], &[2.0, 1.0, 4.0, 3.0])));
        let collection = |x, y| [wkb(&[7, 2], &[]), wkb(&[1], &[x, y]), wkb(&[4, 1], &[]), wkb(&[1], &[x, y])].concat();
        assert_eq!(swapped(collection(1.0, 2.0)), Some(collection(2.0, 1.0)));
    }

    #[test]
    fn bytes_that_are_no_geometry_are_refused() {
        let nested: Vec<u8> = (0..100).flat_map(|_| wkb(&[7, 1], &[])).collect();
        for bytes in [
            vec![],
            vec![2],
            wkb(&[1], &[1.0]),
            wkb(&[2, u32::MAX], &[1.0]),
            wkb(&[99], &[]),
            wkb(&[7, 9], &[]),
            nested,
        ] {
            assert_eq!(swapped(bytes), None);
        }
    }

    #[test]
    fn only_geometries_of_the_listed_systems_are_touched() {
        let point = Schema::new(Kind::Struct(vec![
            Field::new("wkb", Schema::new(Kind::Bytes)),
            Field::new("srid", Schema::new(Kind::Int32).optional()),
        ]));
        let list = Schema::new(Kind::Array(point.optional().named(GEOMETRY).into()));
        let schema: Arc<Schema> = Schema::new(Kind::Struct(vec![Field::new("g", list)])).into();
        let geometry = |x: f64, y: f64, srid: Value| Value::Struct(vec![Value::Bytes(wkb(&[1], &[x, y]).into()), srid]);
        let record = |x: f64, y: f64| {
            let points = vec![
                geometry(x, y, Value::Int32(4326)),
                geometry(1.0, 2.0, Value::Int32(5)),
                geometry(1.0, 2.0, Value::Null),
            ];
            let value = Typed { schema: Some(Arc::clone(&schema)), value: Value::Struct(vec![Value::Array(points)]) };
            ConnectRecord { value, ..Table::new().tombstone(1) }
        };
        assert_eq!(built(&CLASS, &[]).apply(record(1.0, 2.0)).unwrap(), Some(record(2.0, 1.0)));
        assert_eq!(configured(&CLASS, &[("srids", "x")]).err().unwrap()[0].code, "PROPERTY_INVALID");
    }
}
