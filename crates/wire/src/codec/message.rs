//! The macro that makes structures, and their codec both ways, of one description of their fields.

/// Describes structures of a message as Kafka's schema does: fields in the order of the wire, each with its type, its
/// default (that of the type, unless given), and its rules (in every version, unless given; see [`super::rules`]).
/// `name @tag:` is a tagged field.
macro_rules! message {
    ($(
        $(#[$about:meta])*
        struct $Name:ident {
            $( $(#[$doc:meta])* $field:ident $(@ $tag:literal)? : $type:ty $(= $default:expr)? $(, $rules:expr)? ; )*
        }
    )*) => {$(
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $Name {
            $(
                $(#[$doc])*
                #[doc = concat!(
                    "\n\nKafka's field `", stringify!($field), "`"
                    $(, ", `", stringify!($rules), "`")? $(, ", default `", stringify!($default), "`")? , "."
                )]
                pub $field: $type,
            )*
        }

        impl Default for $Name {
            fn default() -> Self {
                $Name { $( $field: $crate::codec::message::default!($($default)?), )* }
            }
        }

        impl $crate::codec::Wire for $Name {
            const MIN_BYTES: usize = {
                let sum = 0 $( + {
                    const RULES: $crate::codec::rules::Rules = $crate::codec::message::rules!([$($tag)?] $($rules)?);
                    if RULES.place_always() { <$type as $crate::codec::Wire>::MIN_BYTES } else { 0 }
                } )*;
                // Flexible versions have a byte for the count of tagged fields.
                if sum == 0 { 1 } else { sum }
            };

            fn read(
                reader: &mut $crate::codec::Reader,
                version: $crate::codec::Version,
            ) -> Result<Self, $crate::codec::Malformed> {
                let mut out = Self::default();
                $({
                    const RULES: $crate::codec::rules::Rules = $crate::codec::message::rules!([$($tag)?] $($rules)?);
                    if RULES.place(version) {
                        out.$field = $crate::codec::Wire::read(reader, version)
                            .map_err(|error| error.within(concat!(stringify!($Name), ".", stringify!($field))))?;
                    }
                })*
                if version.flexible {
                    reader
                        .tagged(|reader, tag| {
                            $({
                                const RULES: $crate::codec::rules::Rules =
                                    $crate::codec::message::rules!([$($tag)?] $($rules)?);
                                if RULES.tag() == Some(tag) && RULES.include(version) {
                                    out.$field = $crate::codec::Wire::read(reader, version).map_err(|error| {
                                        error.within(concat!(stringify!($Name), ".", stringify!($field)))
                                    })?;
                                    return Ok(true);
                                }
                            })*
                            Ok(false)
                        })
                        .map_err(|error| error.within(concat!(stringify!($Name), ", tagged fields")))?;
                }
                Ok(out)
            }

            fn write(
                &self,
                writer: &mut $crate::codec::Writer,
                version: $crate::codec::Version,
            ) -> Result<(), $crate::codec::Unencodable> {
                let mut tagged = 0u32;
                $({
                    const RULES: $crate::codec::rules::Rules = $crate::codec::message::rules!([$($tag)?] $($rules)?);
                    let is_default = || {
                        let default: $type = $crate::codec::message::default!($($default)?);
                        self.$field == default
                    };
                    let unfit = |unfit| $crate::codec::Unencodable {
                        field: concat!(stringify!($Name), ".", stringify!($field)),
                        version: version.number,
                        unfit,
                    };
                    if !RULES.include(version) {
                        if !RULES.is_ignorable() && !is_default() {
                            return Err(unfit($crate::codec::Unfit::Absent));
                        }
                    } else if $crate::codec::Wire::is_null(&self.$field) && !RULES.nullable(version) {
                        return Err(unfit($crate::codec::Unfit::Null));
                    } else if RULES.place(version) {
                        $crate::codec::Wire::write(&self.$field, writer, version)
                            .map_err(|error| error.within(unfit(error.unfit).field))?;
                    } else if !is_default() {
                        tagged += 1;
                    }
                })*
                if version.flexible {
                    writer.put_unsigned(tagged);
                    $({
                        const RULES: $crate::codec::rules::Rules =
                            $crate::codec::message::rules!([$($tag)?] $($rules)?);
                        let is_default = || {
                            let default: $type = $crate::codec::message::default!($($default)?);
                            self.$field == default
                        };
                        if let Some(tag) = RULES.tag()
                            && RULES.include(version)
                            && !is_default()
                        {
                            writer.put_tagged(tag, |writer| {
                                $crate::codec::Wire::write(&self.$field, writer, version).map_err(|error| {
                                    error.within(concat!(stringify!($Name), ".", stringify!($field)))
                                })
                            })?;
                        }
                    })*
                }
                Ok(())
            }

            #[cfg(test)]
            fn random(source: &mut $crate::codec::random::Source, version: $crate::codec::Version) -> Self {
                let mut out = Self::default();
                $({
                    const RULES: $crate::codec::rules::Rules = $crate::codec::message::rules!([$($tag)?] $($rules)?);
                    if RULES.include(version) {
                        out.$field = $crate::codec::Wire::random(source, version);
                        while $crate::codec::Wire::is_null(&out.$field) && !RULES.nullable(version) {
                            out.$field = $crate::codec::Wire::random(source, version);
                        }
                    }
                })*
                let _ = (source, version);
                out
            }
        }
    )*};
}

/// A field's default.
macro_rules! default {
    () => {
        ::std::default::Default::default()
    };
    ($default:expr) => {
        $default
    };
}

/// A field's rules.
macro_rules! rules {
    ([$($tag:literal)?]) => {
        $crate::codec::rules::always().tagged(&[$($tag)?])
    };
    ([$($tag:literal)?] $rules:expr) => {
        $rules.tagged(&[$($tag)?])
    };
}

pub(crate) use {default, message, rules};
