//! The Java exceptions that Kafka Connect would have met, for who reads them in the headers of a dead letter queue.

/// What converters and most transforms throw.
pub const DATA: &str = "org.apache.kafka.connect.errors.DataException";
const CONNECT: &str = "org.apache.kafka.connect.errors.ConnectException";
const SCHEMA: &str = "org.apache.kafka.connect.errors.SchemaBuilderException";
const DEBEZIUM: &str = "io.debezium.DebeziumException";

/// Debezium's classes that throw its own exception.
const DEBEZIUMS: [&str; 5] = [
    "PartitionRouting",
    "DecodeLogicalDecodingMessageContent",
    "HeaderToValue",
    "ExtractSchemaToNewRecord",
    "SwapGeometryCoordinates",
];

/// The class of what a transform throws where a record is refused for this cause.
pub fn exception_of(class: &str, cause: &str) -> &'static str {
    let simple = class.rsplit('.').next().unwrap_or(class);
    if DEBEZIUMS.contains(&simple) {
        return DEBEZIUM;
    }
    if cause.starts_with("Unknown field: ") {
        return "java.lang.IllegalArgumentException";
    }
    if cause.starts_with("Cannot create field because of field name duplication") {
        return SCHEMA;
    }
    let no_timestamp = cause.starts_with("Schema ") && cause.contains(" does not correspond to a known timestamp type");
    let of_outbox = simple == "EventRouter"
        && ["Unable to find ", "Unsupported field type "].iter().any(|start| cause.starts_with(start));
    if no_timestamp || of_outbox {
        return CONNECT;
    }
    if simple == "EventRouter" && cause.starts_with("Unexpected ") {
        return "java.lang.IllegalStateException";
    }
    DATA
}
