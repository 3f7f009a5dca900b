//! What stands before every request and response, and whole frames of both.
//!
//! | request header | when | response header | when |
//! |---|---|---|---|
//! | 1: key, version, correlation id, client id | not flexible | 0: correlation id | not flexible, and `ApiVersions` |
//! | 2: the same and tagged fields | flexible | 1: the same and tagged fields | flexible |
//!
//! The client id is never compact, so that a request of an unknown version can be answered (KIP-511); for that same
//! reason the response to `ApiVersions` always has header 0.

use super::api_versions::{ApiVersion, ApiVersionsResponse};
use super::{ApiKey, Request, Response};
use crate::codec::{Malformed, Reader, Segments, Unencodable, Version, Wire, Writer};
use crate::error_code::ErrorCode;
use bytes::Bytes;

/// How the numbers before the tagged fields are written, whatever the version.
const RIGID: Version = Version { number: 0, flexible: false };

/// The header of a request that is spoken here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHeader {
    /// The API.
    pub key: ApiKey,
    /// The version of request and response.
    pub version: Version,
    /// Given back with the response.
    pub correlation_id: i32,
    /// What the client calls itself.
    pub client_id: Option<String>,
}

/// Why a request cannot be looked at further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The bytes are no header.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// An API that is not spoken here. Kafka closes the connection then.
    #[error("API {0} is not known")]
    UnknownApi(i16),
    /// A version that is not spoken here. Kafka closes the connection then, but answers `ApiVersions`
    /// ([`unsupported_api_versions_frame`]).
    #[error("version {version} of {key} is not supported")]
    UnsupportedVersion {
        /// The API.
        key: ApiKey,
        /// The version asked for.
        version: i16,
        /// To be given back.
        correlation_id: i32,
    },
}

impl RequestHeader {
    /// Reads the header of a request; its body follows.
    ///
    /// # Errors
    /// See [`HeaderError`].
    pub fn read(reader: &mut Reader) -> Result<Self, HeaderError> {
        let named = |error: Malformed| error.within("request header");
        let number = i16::read(reader, RIGID).map_err(named)?;
        let version = i16::read(reader, RIGID).map_err(named)?;
        let correlation_id = i32::read(reader, RIGID).map_err(named)?;
        let key = ApiKey::from_number(number).ok_or(HeaderError::UnknownApi(number))?;
        let unsupported = HeaderError::UnsupportedVersion { key, version, correlation_id };
        let version = key.version(version).ok_or(unsupported)?;
        let client_id = Option::<String>::read(reader, RIGID).map_err(named)?;
        if version.flexible {
            reader.tagged(|_, _| Ok(false)).map_err(named)?;
        }
        Ok(RequestHeader { key, version, correlation_id, client_id })
    }

    fn write(&self, writer: &mut Writer) -> Result<(), Unencodable> {
        self.key.number().write(writer, RIGID)?;
        self.version.number.write(writer, RIGID)?;
        self.correlation_id.write(writer, RIGID)?;
        self.client_id.write(writer, RIGID).map_err(|error| error.within("request header"))?;
        if self.version.flexible {
            writer.put_unsigned(0);
        }
        Ok(())
    }
}

/// The frame that answers a request.
///
/// # Errors
/// The version of the request cannot express the response.
pub fn response_frame<R: Response>(request: &RequestHeader, response: &R) -> Result<Segments, Unencodable> {
    let mut writer = Writer::frame();
    request.correlation_id.write(&mut writer, RIGID)?;
    if has_tagged_response_header(R::KEY, request.version) {
        writer.put_unsigned(0);
    }
    response.write(&mut writer, request.version)?;
    writer.finish_frame()
}

/// The frame that answers an `ApiVersions` request of a version that is not spoken here: by version 0 of the response,
/// with the versions that are (KIP-511).
///
/// # Errors
/// None in fact.
pub fn unsupported_api_versions_frame(correlation_id: i32) -> Result<Segments, Unencodable> {
    let key = ApiKey::ApiVersions;
    let versions = key.advertised();
    let (api_key, min_version, max_version) = (key.number(), *versions.start(), *versions.end());
    let response = ApiVersionsResponse {
        error_code: ErrorCode::UNSUPPORTED_VERSION,
        api_keys: vec![ApiVersion { api_key, min_version, max_version }],
        ..ApiVersionsResponse::default()
    };
    response_frame(&RequestHeader { key, version: RIGID, correlation_id, client_id: None }, &response)
}

/// The frame of a request, for a client.
///
/// # Errors
/// The version cannot express the request.
pub fn request_frame<R: Request>(
    version: Version,
    correlation_id: i32,
    client_id: &str,
    request: &R,
) -> Result<Segments, Unencodable> {
    let mut writer = Writer::frame();
    let header = RequestHeader { key: R::KEY, version, correlation_id, client_id: Some(client_id.to_owned()) };
    header.write(&mut writer)?;
    request.write(&mut writer, version)?;
    writer.finish_frame()
}

/// Reads the response to a request of this version from its frame without the length; and the correlation id.
///
/// # Errors
/// The bytes are not such a response.
pub fn read_response<R: Request>(frame: Bytes, version: Version) -> Result<(i32, R::Response), Malformed> {
    let mut reader = Reader::new(frame);
    let named = |error: Malformed| error.within("response header");
    let correlation_id = i32::read(&mut reader, RIGID).map_err(named)?;
    if has_tagged_response_header(R::KEY, version) {
        reader.tagged(|_, _| Ok(false)).map_err(named)?;
    }
    Ok((correlation_id, R::Response::read(&mut reader, version)?))
}

fn has_tagged_response_header(key: ApiKey, version: Version) -> bool {
    version.flexible && key != ApiKey::ApiVersions
}
