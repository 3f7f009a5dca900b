//! Topics of changes: written by a source in this process, read by clients.

use tailwater_connector::transport::TopicHandle;
use tailwater_connector::{PlanId, Problem, ProblemKind, SourceWriter, Transaction, Transport};
use tailwater_event::{FragmentId, Fragments, SlotId};
use tailwater_kafka::EmbeddedTransport;
use tailwater_wire::api::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use tailwater_wire::api::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use tailwater_wire::batch::{Batch, Codec};
use tailwater_wire::error_code::ErrorCode;

use crate::client::{Broker, Client, batch, values};

/// Writes some rows, each a transaction of its own.
fn write(
    writer: &mut dyn SourceWriter,
    topic: TopicHandle,
    plan: PlanId,
    rows: std::ops::Range<u32>,
) -> Result<(), Problem> {
    let constant = "the part of an event that is the same every time ".repeat(20);
    let fragments = Fragments::new(vec![constant.into_bytes()]);
    for n in rows {
        let records = writer.records(topic, plan);
        records.prepare(&fragments);
        records.begin(1_000 + i64::from(n));
        records.value();
        records.fragment(FragmentId(0));
        records.literal(SlotId(0), n.to_string().as_bytes());
        records.end();
        writer.row_done().unwrap();
        let lsn = u64::from(n + 1) * 100;
        let transaction = Transaction { xid: n + 1, commit_lsn: lsn, end_lsn: lsn + 8, commit_time_us: 0 };
        writer.commit(transaction, b"p").unwrap();
    }
    writer.sync()
}

fn codec(client: &mut Client) -> Codec {
    let data = client.fetch("changes", 0, 0);
    let mut bytes = data.records.clone().unwrap().into_bytes();
    assert_eq!(values(&data).len(), 100);
    Batch::read(&mut bytes).unwrap().codec()
}

fn set(client: &mut Client, value: &str) {
    let change = AlterableConfig { name: "compression.type".into(), config_operation: 0, value: Some(value.into()) };
    let resource = AlterConfigsResource { resource_type: 2, resource_name: "changes".into(), configs: vec![change] };
    let request = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false };
    assert_eq!(client.call(1, &request).responses[0].error_code, ErrorCode::NONE);
}

#[test]
fn changes_go_out_as_stored_or_plain_with_the_same_records() {
    let broker = Broker::start();
    let transport = EmbeddedTransport::new(broker.journal.clone());
    let mut writer = transport.open_source("shop").unwrap();
    let (topic, plan) = (writer.topic("changes").unwrap(), writer.plan(b"plan").unwrap());
    write(&mut *writer, topic, plan, 0..100).unwrap();
    let mut java = broker.named_client("apache-kafka-java");
    let mut python = broker.named_client("kafka-python");
    let mut unnamed = broker.client();
    assert_eq!(codec(&mut java), Codec::Lz4);
    assert_eq!(codec(&mut python), Codec::None);
    assert_eq!(codec(&mut unnamed), Codec::None);
    let (stored, plain) = (java.fetch("changes", 0, 0), python.fetch("changes", 0, 0));
    assert_eq!(values(&stored), values(&plain));
    assert!(stored.records.unwrap().len() * 5 < plain.records.unwrap().len());
    set(&mut java, "none");
    assert_eq!(codec(&mut java), Codec::None);
    set(&mut java, "lz4");
    assert_eq!(codec(&mut python), Codec::Lz4);
}

#[test]
fn clients_may_add_to_a_topic_of_changes_and_the_source_goes_on() {
    let broker = Broker::start();
    let transport = EmbeddedTransport::new(broker.journal.clone());
    let mut writer = transport.open_source("shop").unwrap();
    let (topic, plan) = (writer.topic("changes").unwrap(), writer.plan(b"plan").unwrap());
    write(&mut *writer, topic, plan, 0..1).unwrap();
    let mut client = broker.named_client("librdkafka");
    assert_eq!(client.produce("changes", 0, batch(&[(1, None, "mine")])).base_offset, 1);
    write(&mut *writer, topic, plan, 1..2).unwrap();
    let read = values(&client.fetch("changes", 0, 0));
    assert_eq!(read.iter().map(|(offset, _)| *offset).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(read[1].1, "mine");
}

#[test]
fn a_topic_that_a_client_deletes_is_made_again_by_its_source() {
    let broker = Broker::start();
    let transport = EmbeddedTransport::new(broker.journal.clone());
    let mut writer = transport.open_source("shop").unwrap();
    let (topic, plan) = (writer.topic("changes").unwrap(), writer.plan(b"plan").unwrap());
    write(&mut *writer, topic, plan, 0..3).unwrap();
    let mut client = broker.named_client("librdkafka");
    let gone = DeleteTopicState { name: Some("changes".into()), ..DeleteTopicState::default() };
    let deleted = client.call(6, &DeleteTopicsRequest { topics: vec![gone], ..DeleteTopicsRequest::default() });
    assert_eq!(deleted.responses[0].error_code, ErrorCode::NONE);
    let refused = write(&mut *writer, topic, plan, 3..5).unwrap_err();
    assert_eq!((refused.kind, refused.code.as_str()), (ProblemKind::Retry, "TOPIC_DELETED"));
    // The source starts again from what is durable.
    assert_eq!(writer.durable().unwrap().position, b"p");
    assert_eq!(writer.topic("changes").unwrap(), topic);
    write(&mut *writer, topic, plan, 3..5).unwrap();
    let read = values(&client.fetch("changes", 0, 0));
    assert_eq!(read.iter().map(|(offset, _)| *offset).collect::<Vec<_>>(), [0, 1]);
}
