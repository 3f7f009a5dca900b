//! The pivot sink's properties.

use std::sync::LazyLock;

use tailwater_connector::property::Form;
use tailwater_connector::{Config, Property};

use super::row::Options;
use crate::files::{FILE_PROPERTIES, SELECTION};
use crate::framework::{FRAMEWORK, NO_TRANSFORMS};

const CARRY: &str = "pivot.carry";
const FIELDS: &str = "pivot.fields";
const UNCHANGED: &str = "pivot.unchanged";
const SNAPSHOT: &str = "pivot.snapshot";

const OWN: &[Property] = &[
    Property::new("topics.dir", Form::Text, Some("pivot"), "the directory above the topics'"),
    Property::new(CARRY, Form::Text, Some(""), "columns that every row repeats beside the key, such as the owner's id"),
    Property::new(FIELDS, Form::Text, Some(""), "columns to follow; all but key and carried ones when empty"),
    Property::new(UNCHANGED, Form::OneOf(&["skip", "emit"]), Some("skip"), "rows for fields an update left alone"),
    Property::new(SNAPSHOT, Form::OneOf(&["skip", "emit"]), Some("skip"), "rows for what the snapshot read"),
];

/// All of them.
pub(super) fn all() -> &'static [Property] {
    static ALL: LazyLock<Vec<Property>> =
        LazyLock::new(|| [FRAMEWORK, NO_TRANSFORMS, SELECTION, FILE_PROPERTIES, OWN].concat());
    &ALL
}

/// From checked properties.
pub(super) fn options(config: &Config) -> Options {
    let emit = |name| config.text(name).trim().eq_ignore_ascii_case("emit");
    Options {
        carry: config.list(CARRY),
        fields: config.list(FIELDS),
        unchanged: emit(UNCHANGED),
        snapshot: emit(SNAPSHOT),
    }
}
