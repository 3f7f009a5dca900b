//! Batches of a hostile producer, whose CRC is right: whatever is taken can be read, written anew, and read the same.

#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use tailwater_wire::batch::{
    Batch, Codec, HeaderMut, Marker, ProduceRules, check_produced, check_records, recompress, retain,
};

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = BytesMut::from(bytes);
    if bytes.len() < 61 {
        return;
    }
    let length = (bytes.len() - 12) as i32;
    bytes[8..12].copy_from_slice(&length.to_be_bytes());
    bytes[16] = 2;
    if let Ok(header) = HeaderMut::new(&mut bytes) {
        header.seal();
    }
    let bytes = bytes.freeze();
    if let Ok(batch) = Batch::read(&mut bytes.clone()) {
        let _ = Marker::of(&batch);
        let _ = retain(&batch, Some(1), |record| record.offset % 2 == 0);
    }
    let timestamps = (i64::MIN, i64::MAX);
    let rules = ProduceRules { version: 9, max_bytes: bytes.len(), keys_required: false, timestamps };
    let Ok(batch) = check_produced(&bytes, &rules) else { return };
    if check_records(&batch, &rules).is_err() {
        return;
    }
    let records = |batch: &Batch| batch.records().map(|records| records.collect::<Vec<_>>());
    let codecs = [Codec::None, Codec::Lz4];
    for codec in codecs {
        let Ok(again) = recompress(&batch, codec) else { panic!("{codec:?}") };
        let Ok(again) = Batch::read(&mut Bytes::from(again)) else { panic!("{codec:?}") };
        assert_eq!(records(&again), records(&batch));
    }
});
