//! In which versions a field is there, as Kafka's message schemas say (`versions`, `nullableVersions`, `tag`, `ignorable`).

use super::Version;

/// The rules of one field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    from: i16,
    to: i16,
    null_from: i16,
    tag: Option<u32>,
    ignorable: bool,
}

/// In every version.
pub(crate) const fn always() -> Rules {
    Rules { from: 0, to: i16::MAX, null_from: 0, tag: None, ignorable: false }
}

/// From this version on.
pub(crate) const fn since(from: i16) -> Rules {
    Rules { from, ..always() }
}

/// Up to and with this version.
pub(crate) const fn until(to: i16) -> Rules {
    Rules { to, ..always() }
}

impl Rules {
    /// Up to and with this version.
    pub(crate) const fn until(self, to: i16) -> Self {
        Rules { to, ..self }
    }

    /// Null can be said from this version on, not in every version that has the field.
    pub(crate) const fn nullable_since(self, null_from: i16) -> Self {
        Rules { null_from, ..self }
    }

    /// A value that the version cannot express may be left out.
    pub(crate) const fn ignorable(self) -> Self {
        Rules { ignorable: true, ..self }
    }

    /// A tagged field, if there is a tag.
    pub(crate) const fn tagged(self, tag: &[u32]) -> Self {
        match tag {
            [tag, ..] => Rules { tag: Some(*tag), ..self },
            [] => self,
        }
    }

    /// Its number among the tagged fields.
    pub(crate) const fn tag(&self) -> Option<u32> {
        self.tag
    }

    /// Whether the version has the field.
    pub(crate) const fn include(&self, version: Version) -> bool {
        self.from <= version.number && version.number <= self.to && (self.tag.is_none() || version.flexible)
    }

    /// Whether the version has the field in its place, not among the tagged ones.
    pub(crate) const fn place(&self, version: Version) -> bool {
        self.tag.is_none() && self.include(version)
    }

    /// Whether every version has the field in its place.
    pub(crate) const fn place_always(&self) -> bool {
        self.from == 0 && self.to == i16::MAX && self.tag.is_none()
    }

    /// Whether the version can say null.
    pub(crate) const fn nullable(&self, version: Version) -> bool {
        version.number >= self.null_from
    }

    /// Whether a value is dropped silently where the version lacks the field.
    pub(crate) const fn is_ignorable(&self) -> bool {
        self.ignorable
    }
}
