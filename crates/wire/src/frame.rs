//! Frames: a length of four bytes, and so many bytes. The caller feeds bytes; nothing is read from anywhere.
//!
//! How long a frame may be depends on what it asks for: a batch of records takes megabytes, the names of topics do not.
//! So the API's number is looked at before the rest of the frame is waited for.

use bytes::{Bytes, BytesMut};

use crate::api::ApiKey;
use crate::limits::{EARLY_FRAME_MAX_BYTES, RESPONSE_FRAME_MAX_BYTES};

/// Bytes of a frame's length.
const LENGTH_BYTES: usize = 4;
/// Bytes up to the end of the API's number.
const KEY_END: usize = 6;

/// What the frames of a connection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// Requests, from a peer that may ask for anything.
    Request,
    /// Requests, from a peer that has to say who it is: small ones, of the APIs that serve that.
    EarlyRequest,
    /// Bare tokens of SASL, which follow version 0 of `SaslHandshake`.
    SaslToken,
    /// Responses, at a client.
    Response,
}

/// What the front of a buffer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// A frame without its length, taken off the buffer.
    Frame(Bytes),
    /// The buffer has to have so many bytes before there is more to say. Not more than the bound of the frame's kind, but
    /// only claimed: memory is better taken as the bytes come.
    Needs(usize),
}

/// Bytes that are no frame. The connection is of no use then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Another protocol.
    #[error("the peer speaks {0}, not Kafka's protocol")]
    Foreign(&'static str),
    /// A negative length.
    #[error("the frame claims a length of {0}")]
    Length(i32),
    /// Longer than is allowed.
    #[error("the frame claims {length} bytes; {limit} are allowed for it")]
    TooLarge {
        /// Bytes behind the length.
        length: usize,
        /// Most bytes of such a frame.
        limit: usize,
    },
    /// A request of an API that is not spoken here.
    #[error("API {0} is not known")]
    UnknownApi(i16),
    /// A request that wants a peer who is known.
    #[error("{0} was asked for before authentication")]
    Early(ApiKey),
}

/// Takes the first frame off a buffer, or says how many bytes that wants.
///
/// # Errors
/// See [`FrameError`].
pub fn next_frame(buffer: &mut BytesMut, kind: FrameKind) -> Result<Next, FrameError> {
    let Some(field) = buffer.first_chunk::<LENGTH_BYTES>() else { return Ok(Next::Needs(LENGTH_BYTES)) };
    let claimed = i32::from_be_bytes(*field);
    if let Some(protocol) = foreign(*field) {
        return Err(FrameError::Foreign(protocol));
    }
    let length = usize::try_from(claimed).map_err(|_| FrameError::Length(claimed))?;
    let limit = match kind {
        FrameKind::SaslToken => EARLY_FRAME_MAX_BYTES,
        FrameKind::Response => RESPONSE_FRAME_MAX_BYTES,
        FrameKind::Request | FrameKind::EarlyRequest => {
            let Some(&[.., high, low]) = buffer.first_chunk::<KEY_END>() else { return Ok(Next::Needs(KEY_END)) };
            let number = i16::from_be_bytes([high, low]);
            let key = ApiKey::from_number(number).ok_or(FrameError::UnknownApi(number))?;
            if kind == FrameKind::Request {
                key.max_frame_bytes()
            } else if key.precedes_authentication() {
                EARLY_FRAME_MAX_BYTES
            } else {
                return Err(FrameError::Early(key));
            }
        }
    };
    if length > limit {
        return Err(FrameError::TooLarge { length, limit });
    }
    let end = LENGTH_BYTES + length;
    if buffer.len() < end {
        return Ok(Next::Needs(end));
    }
    let mut frame = buffer.split_to(end).freeze();
    Ok(Next::Frame(frame.split_off(LENGTH_BYTES)))
}

/// The protocol whose first bytes these are. As a length, each would be far beyond every bound.
fn foreign(first: [u8; LENGTH_BYTES]) -> Option<&'static str> {
    match &first {
        b"GET " | b"HEAD" | b"POST" | b"PUT " | b"DELE" | b"OPTI" | b"PATC" | b"CONN" | b"TRAC" | b"PRI " => {
            Some("HTTP")
        }
        b"SSH-" => Some("SSH"),
        [0x16, 0x03, ..] => Some("TLS"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(bytes: &[u8], kind: FrameKind) -> Result<Next, FrameError> {
        next_frame(&mut BytesMut::from(bytes), kind)
    }

    #[test]
    fn frames_are_taken_one_by_one_as_their_bytes_come() {
        let frames = [0, 0, 0, 3, 0, 3, 9, 0, 0, 0, 2, 0, 18];
        let mut buffer = BytesMut::new();
        let mut taken = vec![];
        for byte in frames {
            buffer.extend_from_slice(&[byte]);
            match next_frame(&mut buffer, FrameKind::Request).unwrap() {
                Next::Frame(frame) => taken.push(frame.to_vec()),
                Next::Needs(bytes) => assert!(bytes > buffer.len()),
            }
        }
        assert_eq!(taken, [vec![0, 3, 9], vec![0, 18]]);
    }

    #[test]
    fn a_frame_shares_the_memory_of_its_buffer() {
        let mut buffer = BytesMut::from(&[0, 0, 0, 2, 0, 18][..]);
        let range = buffer.as_ptr_range();
        let taken = next_frame(&mut buffer, FrameKind::Request);
        assert!(matches!(taken, Ok(Next::Frame(frame)) if range.contains(&frame.as_ptr())));
    }

    #[test]
    fn the_bound_of_a_frame_is_that_of_its_api() {
        let claim = |length: i32, key: u8| [&length.to_be_bytes()[..], &[0, key]].concat();
        let limit = ApiKey::Metadata.max_frame_bytes();
        let metadata = ApiKey::Metadata.number() as u8;
        assert_eq!(next(&claim(limit as i32, metadata), FrameKind::Request), Ok(Next::Needs(limit + LENGTH_BYTES)));
        let refused = FrameError::TooLarge { length: limit + 1, limit };
        assert_eq!(next(&claim(limit as i32 + 1, metadata), FrameKind::Request), Err(refused));
        assert!(matches!(next(&claim(100 << 20, 0), FrameKind::Request), Ok(Next::Needs(_))));
        assert_eq!(next(&claim(8, 7), FrameKind::Request), Err(FrameError::UnknownApi(7)));
        assert_eq!(next(&claim(-8, 0), FrameKind::Request), Err(FrameError::Length(-8)));
    }

    #[test]
    fn before_authentication_frames_are_small_and_serve_it() {
        assert_eq!(next(&[0, 0, 0, 9, 0, 0], FrameKind::EarlyRequest), Err(FrameError::Early(ApiKey::Produce)));
        assert_eq!(next(&[0, 0, 0, 9, 0, 18], FrameKind::EarlyRequest), Ok(Next::Needs(13)));
        for kind in [FrameKind::EarlyRequest, FrameKind::SaslToken] {
            let refused = next(&[0, 16, 0, 0, 0, 18], kind);
            assert!(matches!(refused, Err(FrameError::TooLarge { .. })), "{kind:?}");
        }
    }

    #[test]
    fn other_protocols_are_named() {
        assert_eq!(next(b"GET / HTTP/1.1\r\n", FrameKind::Request), Err(FrameError::Foreign("HTTP")));
        assert_eq!(next(&[0x16, 0x03, 0x01, 0x02, 0x00], FrameKind::EarlyRequest), Err(FrameError::Foreign("TLS")));
    }
}
