//! A source that writes records as JSON with schemas, through what is around it.

use std::sync::Arc;

use tailwater_connect::Registry;
use tailwater_connector::plugin::Instance;
use tailwater_connector::property::Form;
use tailwater_connector::{Config, Kind, Plugin, Problem, Property, Source, SourceContext, SourceWriter, Transaction};
use tailwater_event::connect::json::{JsonOptions, JsonWriter};
use tailwater_event::connect::{ConnectRecord, Typed};
use tailwater_event::{FragmentId, Fragments, SlotId};

use crate::memory::Memory;

/// What a source of this configuration writes to.
pub fn around(memory: &Memory, config: &Config) -> Box<dyn SourceWriter> {
    let plugin = Registry::new(vec![Arc::new(Json)]).find("test.Json").unwrap();
    let (instance, _) = plugin.configure(config).unwrap();
    let Instance::Source(mut source) = instance else { unreachable!("a source was asked for") };
    source.around(memory.writer())
}

/// Writes records through a source of this configuration, each a transaction; the first failure ends it.
pub fn write(memory: &Memory, config: &Config, records: &[ConnectRecord]) -> Result<(), Problem> {
    let mut writer = around(memory, config);
    let mut json = JsonWriter::new(JsonOptions { replace_null: false, ..JsonOptions::default() });
    let mut parts = |typed: &Typed| {
        let mut payload = Vec::new();
        json.write_payload(typed, &mut payload).unwrap().map(|open| (open, payload))
    };
    for record in records {
        let topic = writer.topic(&record.topic).unwrap();
        let headers: Vec<_> = record.headers.iter().map(|header| (&header.name, parts(&header.value))).collect();
        let all = [parts(&record.key), parts(&record.value)];
        let openings = all.iter().chain(headers.iter().map(|(_, parts)| parts));
        let mut fragments: Vec<_> =
            openings.map(|parts| parts.as_ref().map(|(open, _)| open.to_vec()).unwrap_or_default()).collect();
        fragments.push(b"}".to_vec());
        let close = FragmentId(fragments.len() as u16 - 1);
        let plan = writer.plan(&fragments.concat()).unwrap();
        let fragments = Fragments::new(fragments);
        let records = writer.records(topic, plan);
        records.prepare(&fragments);
        records.begin(record.timestamp_ms.unwrap());
        let mut begin = |at: usize, parts: &Option<(bytes::Bytes, Vec<u8>)>| {
            let Some((_, payload)) = parts else {
                if at > 1 {
                    records.null_header(headers[at - 2].0);
                }
                return;
            };
            match at {
                0 => records.key(),
                1 => records.value(),
                _ => records.header(headers[at - 2].0),
            }
            records.fragment(FragmentId(at as u16));
            records.literal(SlotId(at as u16), payload);
            records.fragment(close);
        };
        all.iter().chain(headers.iter().map(|(_, parts)| parts)).enumerate().for_each(|(at, part)| begin(at, part));
        records.end();
        writer.row_done().inspect_err(|_| writer.rollback().unwrap())?;
        writer.commit(Transaction::default(), b"").unwrap();
    }
    Ok(())
}

struct Json;

const OWN: &[Property] = &[
    Property::new("key.converter.schemas.enable", Form::Bool, Some("true"), ""),
    Property::new("value.converter.schemas.enable", Form::Bool, Some("true"), ""),
    Property::new("header.converter.schemas.enable", Form::Bool, Some("true"), ""),
];

impl Plugin for Json {
    fn classes(&self) -> &'static [&'static str] {
        &["test.Json"]
    }
    fn kind(&self) -> Kind {
        Kind::Source
    }
    fn properties(&self) -> &[Property] {
        OWN
    }
    fn configure(&self, _: &Config) -> Result<(Instance, Vec<Problem>), Vec<Problem>> {
        Ok((Instance::Source(Box::new(Json)), Vec::new()))
    }
}

impl Source for Json {
    fn preflight(&mut self) -> Vec<Problem> {
        Vec::new()
    }
    fn run(&mut self, _: &mut SourceContext) -> Result<(), Problem> {
        Ok(())
    }
    fn destroy(&mut self) -> Result<(), Problem> {
        Ok(())
    }
}
