//! Responses at a client: the first bytes choose API and version; what is read is written, and read again the same.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use tailwater_wire::api::{AnyResponse, ApiKey};
use tailwater_wire::codec::{Reader, Writer};

fuzz_target!(|bytes: &[u8]| {
    let [key, version, body @ ..] = bytes else { return };
    let key = ApiKey::ALL[usize::from(*key) % ApiKey::ALL.len()];
    let Some(version) = key.version(i16::from(*version)) else { return };
    let Ok(response) = AnyResponse::read(key, &mut Reader::new(Bytes::copy_from_slice(body)), version) else { return };
    let mut writer = Writer::default();
    if response.write(&mut writer, version).is_ok() {
        let mut reader = Reader::new(writer.finish().into_bytes());
        assert_eq!(AnyResponse::read(key, &mut reader, version).as_ref(), Ok(&response));
        assert_eq!(reader.left(), 0);
    }
});
