//! The APIs of Kafka that are spoken here, one file each; their numbers, versions and bounds in one table.
//!
//! Structures and fields have the names of Kafka's message schemas, so that what is known of those holds here.

pub mod api_versions;
pub mod fetch;
mod header;
pub mod leader;
pub mod list_offsets;
pub mod metadata;
pub mod produce;

#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::RangeInclusive;

pub use header::{
    HeaderError, RequestHeader, read_response, request_frame, response_frame, unsupported_api_versions_frame,
};

use crate::codec::{Malformed, Reader, Unencodable, Version, Wire, Writer};
use crate::limits::{FRAME_MAX_BYTES, PRODUCE_FRAME_MAX_BYTES, SMALL_FRAME_MAX_BYTES};

/// A request.
pub trait Request: Wire {
    /// The API it belongs to.
    const KEY: ApiKey;
    /// What answers it.
    type Response: Response;
}

/// A response.
pub trait Response: Wire {
    /// The API it belongs to.
    const KEY: ApiKey;
}

/// What the table says of an API.
#[derive(Clone, Copy, Debug)]
struct Entry {
    name: &'static str,
    /// The versions that are read and written.
    versions: (i16, i16),
    /// The first flexible version (KIP-482).
    flexible: i16,
    /// Most bytes of a request.
    frame: usize,
}

macro_rules! apis {
    ($(
        $Key:ident = $number:literal, $module:ident :: $Request:ident / $Response:ident,
        $from:literal - $to:literal, flexible $flexible:expr, $frame:expr;
    )*) => {
        /// An API, by the number that requests carry.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(i16)]
        pub enum ApiKey {
            $(
                #[doc = concat!(
                    "Number ", stringify!($number), ", versions ", stringify!($from), " to ", stringify!($to), "."
                )]
                $Key = $number,
            )*
        }

        impl ApiKey {
            /// All of them, by number.
            pub const ALL: &[ApiKey] = &[$(ApiKey::$Key),*];

            const fn entry(self) -> Entry {
                match self {
                    $(ApiKey::$Key => Entry {
                        name: stringify!($Key),
                        versions: ($from, $to),
                        flexible: $flexible,
                        frame: $frame,
                    },)*
                }
            }
        }

        $(
            impl Request for $module::$Request {
                const KEY: ApiKey = ApiKey::$Key;
                type Response = $module::$Response;
            }

            impl Response for $module::$Response {
                const KEY: ApiKey = ApiKey::$Key;
            }
        )*

        /// A request of whichever API.
        #[derive(Clone, Debug, PartialEq)]
        pub enum AnyRequest {
            $(
                #[doc = concat!("Of [`ApiKey::", stringify!($Key), "`].")]
                $Key($module::$Request),
            )*
        }

        impl AnyRequest {
            /// Reads the body of a request, which follows its header.
            ///
            /// # Errors
            /// The bytes are not such a request.
            pub fn read(key: ApiKey, reader: &mut Reader, version: Version) -> Result<Self, Malformed> {
                match key {
                    $(ApiKey::$Key => Wire::read(reader, version).map(AnyRequest::$Key),)*
                }
            }

            /// Appends the body.
            ///
            /// # Errors
            /// The version cannot express it.
            pub fn write(&self, writer: &mut Writer, version: Version) -> Result<(), Unencodable> {
                match self {
                    $(AnyRequest::$Key(request) => request.write(writer, version),)*
                }
            }

            #[cfg(test)]
            fn random(key: ApiKey, source: &mut crate::codec::random::Source, version: Version) -> Self {
                match key {
                    $(ApiKey::$Key => AnyRequest::$Key(Wire::random(source, version)),)*
                }
            }
        }

        /// A response of whichever API.
        #[derive(Clone, Debug, PartialEq)]
        pub enum AnyResponse {
            $(
                #[doc = concat!("Of [`ApiKey::", stringify!($Key), "`].")]
                $Key($module::$Response),
            )*
        }

        impl AnyResponse {
            /// Reads the body of a response, which follows its header.
            ///
            /// # Errors
            /// The bytes are not such a response.
            pub fn read(key: ApiKey, reader: &mut Reader, version: Version) -> Result<Self, Malformed> {
                match key {
                    $(ApiKey::$Key => Wire::read(reader, version).map(AnyResponse::$Key),)*
                }
            }

            /// Appends the body.
            ///
            /// # Errors
            /// The version cannot express it.
            pub fn write(&self, writer: &mut Writer, version: Version) -> Result<(), Unencodable> {
                match self {
                    $(AnyResponse::$Key(response) => response.write(writer, version),)*
                }
            }

            #[cfg(test)]
            fn random(key: ApiKey, source: &mut crate::codec::random::Source, version: Version) -> Self {
                match key {
                    $(ApiKey::$Key => AnyResponse::$Key(Wire::random(source, version)),)*
                }
            }

            #[cfg(test)]
            fn default_of(key: ApiKey) -> Self {
                match key {
                    $(ApiKey::$Key => AnyResponse::$Key($module::$Response::default()),)*
                }
            }
        }
    };
}

apis! {
    Produce = 0, produce::ProduceRequest / ProduceResponse, 3-11, flexible 9, PRODUCE_FRAME_MAX_BYTES;
    Fetch = 1, fetch::FetchRequest / FetchResponse, 4-16, flexible 12, FRAME_MAX_BYTES;
    ListOffsets = 2, list_offsets::ListOffsetsRequest / ListOffsetsResponse, 1-10, flexible 6, FRAME_MAX_BYTES;
    Metadata = 3, metadata::MetadataRequest / MetadataResponse, 0-13, flexible 9, FRAME_MAX_BYTES;
    ApiVersions = 18, api_versions::ApiVersionsRequest / ApiVersionsResponse, 0-4, flexible 3, SMALL_FRAME_MAX_BYTES;
}

impl ApiKey {
    /// The API of this number, if it is spoken here.
    pub fn from_number(number: i16) -> Option<Self> {
        ApiKey::ALL.iter().copied().find(|key| key.number() == number)
    }

    /// Its number.
    pub const fn number(self) -> i16 {
        self as i16
    }

    /// Its name in Kafka's schemas, without `Request`.
    pub const fn name(self) -> &'static str {
        self.entry().name
    }

    /// The versions that are read and written.
    pub const fn versions(self) -> RangeInclusive<i16> {
        let (from, to) = self.entry().versions;
        from..=to
    }

    /// The versions that `ApiVersions` shows. Produce starts at 0 although 0 to 2 are refused, as Kafka itself has it
    /// (KAFKA-18659): librdkafka up to 2.11 silently stops compressing otherwise.
    pub const fn advertised(self) -> RangeInclusive<i16> {
        let (from, to) = self.entry().versions;
        match self {
            ApiKey::Produce => 0..=to,
            _ => from..=to,
        }
    }

    /// A version, if it is among [`versions`](Self::versions).
    pub fn version(self, number: i16) -> Option<Version> {
        self.versions().contains(&number).then(|| Version { number, flexible: number >= self.entry().flexible })
    }

    /// The greatest version in a range that a peer speaks.
    pub fn common_version(self, peer: RangeInclusive<i16>) -> Option<Version> {
        let greatest = *self.versions().end().min(peer.end());
        if greatest < *peer.start() { None } else { self.version(greatest) }
    }

    /// Most bytes of a request behind its length.
    pub const fn max_frame_bytes(self) -> usize {
        self.entry().frame
    }

    /// Whether a request may come before its sender is authenticated.
    pub const fn precedes_authentication(self) -> bool {
        matches!(self, ApiKey::ApiVersions)
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
