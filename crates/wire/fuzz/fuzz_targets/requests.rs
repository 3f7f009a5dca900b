//! Streams of frames at a listener: what is read as a request is written, and read again the same.

#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use tailwater_wire::api::{AnyRequest, RequestHeader};
use tailwater_wire::codec::{Reader, Writer};
use tailwater_wire::frame::{FrameKind, Next, next_frame};

fuzz_target!(|bytes: &[u8]| {
    request(Bytes::copy_from_slice(bytes));
    let mut buffer = BytesMut::from(bytes);
    while let Ok(Next::Frame(frame)) = next_frame(&mut buffer, FrameKind::Request) {
        request(frame);
    }
});

fn request(frame: Bytes) {
    let mut reader = Reader::new(frame);
    let Ok(header) = RequestHeader::read(&mut reader) else { return };
    let Ok(request) = AnyRequest::read(header.key, &mut reader, header.version) else { return };
    let mut writer = Writer::default();
    // A null that the version does not have is read, but not written.
    if request.write(&mut writer, header.version).is_ok() {
        let mut reader = Reader::new(writer.finish().into_bytes());
        let again = AnyRequest::read(header.key, &mut reader, header.version);
        assert_eq!(again.as_ref(), Ok(&request));
        assert_eq!(reader.left(), 0);
    }
}
