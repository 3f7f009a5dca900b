//! What stands before every request and response, and whole frames of both.
//!
//! | request header | when | response header | when |
//! |---|---|---|---|
//! | 1: key, version, correlation id, client id | not flexible | 0: correlation id | not flexible, and `ApiVersions` |
//! | 2: the same and tagged fields | flexible | 1: the same and tagged fields | flexible |
//!
//! The client id is never compact, so that a request of an unknown version can be answered (KIP-511); for that same
//! reason the response to `ApiVersions` always has header 0.

use bytes::Bytes;

use super::api_versions::{ApiVersion, ApiVersionsResponse};
use super::{ApiKey, Request, Response};
use crate::codec::{Malformed, Reader, Segments, Unencodable, Version, Wire, Writer};
use crate::error_code::ErrorCode;

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

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::api::api_versions::ApiVersionsRequest;
    use crate::api::heartbeat::{HeartbeatRequest, HeartbeatResponse};
    use crate::codec::Flaw;
    use crate::frame::{FrameKind, Next, next_frame};

    fn frame(segments: Segments, kind: FrameKind) -> Bytes {
        let mut buffer = BytesMut::from(&segments.into_bytes()[..]);
        let next = next_frame(&mut buffer, kind).unwrap();
        assert!(buffer.is_empty());
        if let Next::Frame(frame) = next { frame } else { Bytes::new() }
    }

    #[test]
    fn a_request_and_its_response_go_there_and_back_in_each_version() {
        let request = HeartbeatRequest { group_id: "readers".into(), generation_id: 7, ..HeartbeatRequest::default() };
        let response =
            HeartbeatResponse { error_code: ErrorCode::REBALANCE_IN_PROGRESS, ..HeartbeatResponse::default() };
        for number in ApiKey::Heartbeat.versions() {
            let version = ApiKey::Heartbeat.version(number).unwrap();
            let sent = request_frame(version, 99, "kcat", &request).unwrap();
            let mut reader = Reader::new(frame(sent, FrameKind::Request));
            let header = RequestHeader::read(&mut reader).unwrap();
            let client_id = Some("kcat".to_owned());
            let expected = RequestHeader { key: ApiKey::Heartbeat, version, correlation_id: 99, client_id };
            assert_eq!(header, expected);
            assert_eq!(HeartbeatRequest::read(&mut reader, version).as_ref(), Ok(&request));
            let answered = frame(response_frame(&header, &response).unwrap(), FrameKind::Response);
            assert_eq!(read_response::<HeartbeatRequest>(answered, version), Ok((99, response.clone())));
        }
    }

    #[test]
    fn a_request_of_an_unknown_version_of_api_versions_is_answered_in_version_0() {
        // Key 18, version 77, correlation id 5, and what nobody knows.
        let request = Bytes::from_static(&[0, 18, 0, 77, 0, 0, 0, 5, 0xFF, 0xFF, 0xFF]);
        let refused = RequestHeader::read(&mut Reader::new(request));
        let key = ApiKey::ApiVersions;
        assert_eq!(refused, Err(HeaderError::UnsupportedVersion { key, version: 77, correlation_id: 5 }));
        let answer = unsupported_api_versions_frame(5).unwrap().into_bytes();
        // Length, correlation id, error 35, one API: 18, from 0 to 4.
        assert_eq!(answer, &[0, 0, 0, 16, 0, 0, 0, 5, 0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 4][..]);
    }

    #[test]
    fn the_response_to_api_versions_has_no_tagged_fields_in_its_header() {
        let version = ApiKey::ApiVersions.version(3).unwrap();
        let header = RequestHeader { key: ApiKey::ApiVersions, version, correlation_id: 1, client_id: None };
        let response = ApiVersionsResponse::default();
        let bytes = frame(response_frame(&header, &response).unwrap(), FrameKind::Response);
        // Correlation id, no error, no APIs, no throttling, no tagged fields of the body.
        assert_eq!(bytes, &[0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0][..]);
        assert_eq!(read_response::<ApiVersionsRequest>(bytes, version), Ok((1, response)));
    }

    #[test]
    fn other_unknown_requests_are_refused_by_what_they_are() {
        let header = |bytes: &'static [u8]| RequestHeader::read(&mut Reader::new(Bytes::from_static(bytes)));
        let key = ApiKey::Produce;
        let unsupported = HeaderError::UnsupportedVersion { key, version: 2, correlation_id: 1 };
        assert_eq!(header(&[0, 0, 0, 2, 0, 0, 0, 1, 0xFF, 0xFF]), Err(unsupported));
        assert_eq!(header(&[0, 4, 0, 2, 0, 0, 0, 1, 0xFF, 0xFF]), Err(HeaderError::UnknownApi(4)));
        let short = Malformed { field: "request header", at: 8, flaw: Flaw::Short };
        assert_eq!(header(&[0, 18, 0, 0, 0, 0, 0, 1]), Err(HeaderError::Malformed(short)));
    }
}
