//! Records as the recorders of Connect's and Debezium's answers write them.

use std::sync::Arc;

use serde_json::Value as Json;
use tailwater_event::connect::json::JsonReader;
use tailwater_event::connect::{ConnectHeader, ConnectRecord, Typed};

/// The record; key, value and headers are JSON with schemas.
pub fn record(from: &Json) -> ConnectRecord {
    let reader = &mut JsonReader::new(true);
    let mut typed = |from: &Json| match from {
        Json::Null => Typed::NULL,
        from => reader.read(Some(from.to_string().as_bytes())).unwrap(),
    };
    ConnectRecord {
        topic: Arc::from(from["topic"].as_str().unwrap()),
        partition: None,
        offset: None,
        timestamp_ms: from["timestamp"].as_i64(),
        key: typed(&from["key"]),
        value: typed(&from["value"]),
        headers: from["headers"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|header| ConnectHeader {
                name: header["key"].as_str().unwrap().into(),
                value: typed(&header["value"]),
            })
            .collect(),
    }
}
