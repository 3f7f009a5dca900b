//! Properties that Kafka Connect gives every sink, and how far they matter here.

use tailwater_connector::property::Form;
use tailwater_connector::{Property, Support};

/// The converter whose form the topics have.
pub(crate) const JSON_CONVERTER: &str = "org.apache.kafka.connect.json.JsonConverter";
/// The converter that leaves values as the bytes that they are.
pub(crate) const BYTES_CONVERTER: &str = "org.apache.kafka.connect.converters.ByteArrayConverter";
/// Whether values carry the `{"schema", "payload"}` wrapper that lines leave out.
pub(crate) const VALUE_SCHEMAS: &str = "value.converter.schemas.enable";

const NO_KEYS: Support =
    Support::NoEffect("where keys and headers are written, they are written as the topic has them");
const ROWS: Support = Support::Refused("rows are read back from events as the source wrote them, untransformed");
const ONE_TASK: Support = Support::NoEffect("one thread delivers all topics, each in its order");

/// Declared by sinks that take what converters and transforms make of records.
pub(crate) const CONVERTED: &[Property] = &[Property::new(
    "value.converter",
    Form::OneOf(&[JSON_CONVERTER, BYTES_CONVERTER]),
    Some(JSON_CONVERTER),
    "the form of values",
)];

/// Declared by sinks that take rows back out of the records of a source.
pub(crate) const NO_TRANSFORMS: &[Property] = &[
    Property::new("value.converter", Form::Text, Some(JSON_CONVERTER), "the form of values").support(ROWS),
    Property::new("transforms", Form::Text, Some(""), "names of transforms").support(ROWS),
    Property::new("transforms.*", Form::Text, None, "settings of transforms").support(ROWS),
    Property::new("predicates", Form::Text, Some(""), "names of predicates").support(ROWS),
    Property::new("predicates.*", Form::Text, None, "settings of predicates").support(ROWS),
];

/// Declared before a sink's own properties.
pub(crate) const FRAMEWORK: &[Property] = &[
    Property::new("name", Form::Text, None, "the connector's name"),
    Property::new("connector.class", Form::Text, None, "which connector this is"),
    Property::new("tasks.max", Form::Integer(1, i32::MAX as i64), Some("1"), "tasks at most").support(ONE_TASK),
    Property::new("tasks.max.enforce", Form::Bool, Some("true"), "whether that is enforced").support(ONE_TASK),
    Property::new(VALUE_SCHEMAS, Form::Bool, Some("true"), "whether a schema wrapper is taken off values"),
    Property::new("value.converter.*", Form::Text, None, "settings of the value converter")
        .support(Support::NoEffect("values are written as the topic has them")),
    Property::new("key.converter", Form::Text, Some(JSON_CONVERTER), "the form of keys").support(NO_KEYS),
    Property::new("key.converter.*", Form::Text, None, "settings of the key converter").support(NO_KEYS),
    Property::new("header.converter", Form::Text, None, "the form of headers").support(NO_KEYS),
    Property::new("header.converter.*", Form::Text, None, "settings of the header converter").support(NO_KEYS),
    Property::new(
        "config.action.reload",
        Form::OneOf(&["none", "restart"]),
        Some("restart"),
        "what follows a changed secret",
    )
    .support(Support::NoEffect("a connector file is applied again when its content changes")),
    Property::new("consumer.override.*", Form::Text, None, "settings of the Kafka consumer")
        .support(Support::NoEffect("topics are read inside the process")),
];
