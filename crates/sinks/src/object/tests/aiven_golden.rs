//! Names and bytes of files against what Aiven's own code made of the same records (`aiven-golden.json`).

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use tailwater_connector::{Config, Header};

use super::super::like_aivens;
use crate::Surroundings;
use crate::framework::JSON_CONVERTER;
use crate::testing::{Memory, PLAN, clock, deliver, record};

#[derive(Deserialize)]
struct Golden {
    records: BTreeMap<String, Vec<Given>>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Given {
    key: Option<String>,
    value: Option<String>,
    ts: i64,
    #[serde(default)]
    headers: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct Case {
    records: String,
    config: BTreeMap<String, String>,
    #[serde(default)]
    files: BTreeMap<String, String>,
    refused: Option<String>,
}

#[test]
fn files_are_those_of_aivens_sink_byte_for_byte() {
    let golden = golden();
    let mut compared = 0;
    for case in &golden.cases {
        let files = written(&golden, case, false);
        if let Some(refused) = &case.refused {
            assert!(files.is_err(), "Aiven's refuses {:?}: {refused}", case.config);
            continue;
        }
        assert_eq!(files.unwrap(), case.files, "{:?}", case.config);
        compared += case.files.len();
    }
    assert!(compared > 12, "{compared}");
}

/// Aiven's sink writes no texts between commas, bytes alone; here a text is written as the bytes that it was read from.
#[test]
fn texts_are_written_between_commas_as_bytes_are() {
    let golden = golden();
    let cases = golden.cases.iter().filter(|case| case.records == "texts");
    let compared = cases.map(|case| assert_eq!(written(&golden, case, true).unwrap(), case.files, "{:?}", case.config));
    assert_eq!(compared.count(), 2);
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("aiven-golden.json")).unwrap()
}

/// Files of a case by name; `texts` says that values are read by `StringConverter`. What that converter reads comes to the
/// sink as texts of JSON.
fn written(golden: &Golden, case: &Case, texts: bool) -> Result<BTreeMap<String, String>, String> {
    let dir = tempfile::tempdir().unwrap();
    let mut config: Config = case.config.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    config.set("topics", "s.public.t");
    config.set("aws.s3.endpoint", &format!("file://{}", dir.path().display()));
    if texts {
        config.set("value.converter", JSON_CONVERTER);
        config.set("value.converter.schemas.enable", "false");
    }
    let (mut sink, _) =
        like_aivens(&config, &Surroundings::default(), clock(&Arc::default())).map_err(|p| format!("{p:?}"))?;
    let read = |part: &Option<String>, as_text: bool| {
        part.clone().map(|part| if as_text { serde_json::Value::from(part).to_string() } else { part }).map(Bytes::from)
    };
    let text_keys = config.text("key.converter").ends_with("StringConverter");
    let memory = Memory::default();
    for given in &golden.records[&case.records] {
        let mut record = record(None, Some(PLAN), given.ts);
        record.key = read(&given.key, text_keys);
        record.value = read(&given.value, texts);
        let header =
            |(name, value): &(String, String)| Header { name: name.clone(), value: Some(value.clone().into()) };
        record.headers = given.headers.iter().map(header).collect();
        memory.append("s.public.t", 0, record);
    }
    deliver(&mut sink, &memory).1.unwrap();
    Ok(unpacked(dir.path()))
}

/// Files by name; those of gzip as what is in them.
fn unpacked(root: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            let mut text = String::new();
            if bytes.starts_with(&[0x1f, 0x8b]) {
                flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
            } else {
                text = String::from_utf8(bytes).unwrap();
            }
            files.insert(path.strip_prefix(root).unwrap().display().to_string(), text);
        }
    }
    files
}
