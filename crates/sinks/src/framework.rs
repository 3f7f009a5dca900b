//! Properties that Kafka Connect gives every sink, and how far they matter here.

use tailwater_connector::property::Form;
use tailwater_connector::{Property, Support};

/// The converter whose form the topics have.
pub(crate) const JSON_CONVERTER: &str = "org.apache.kafka.connect.json.JsonConverter";
/// Whether values carry the `{"schema", "payload"}` wrapper that lines leave out.
pub(crate) const VALUE_SCHEMAS: &str = "value.converter.schemas.enable";

const NO_KEYS: Support =
    Support::NoEffect("where keys and headers are written, they are written as the topic has them");
const ONE_TASK: Support = Support::NoEffect("one thread delivers all topics, each in its order");
const NO_TRANSFORMS: Support = Support::Refused("sinks have no transforms yet");

/// Declared before a sink's own properties.
pub(crate) const FRAMEWORK: &[Property] = &[
    Property::new("name", Form::Text, None, "the connector's name"),
    Property::new("connector.class", Form::Text, None, "which connector this is"),
    Property::new("tasks.max", Form::Integer(1, i32::MAX as i64), Some("1"), "tasks at most").support(ONE_TASK),
    Property::new("tasks.max.enforce", Form::Bool, Some("true"), "whether that is enforced").support(ONE_TASK),
    Property::new("value.converter", Form::OneOf(&[JSON_CONVERTER]), Some(JSON_CONVERTER), "the form of values"),
    Property::new(VALUE_SCHEMAS, Form::Bool, Some("true"), "whether a schema wrapper is taken off values"),
    Property::new("value.converter.*", Form::Text, None, "settings of the value converter")
        .support(Support::NoEffect("values are written as the topic has them")),
    Property::new("key.converter", Form::Text, Some(JSON_CONVERTER), "the form of keys").support(NO_KEYS),
    Property::new("key.converter.*", Form::Text, None, "settings of the key converter").support(NO_KEYS),
    Property::new("header.converter", Form::Text, None, "the form of headers").support(NO_KEYS),
    Property::new("header.converter.*", Form::Text, None, "settings of the header converter").support(NO_KEYS),
    Property::new("config.action.reload", Form::Text, Some("restart"), "what follows a changed secret")
        .support(Support::NoEffect("a connector file is applied again when its content changes")),
    Property::new("transforms", Form::Text, Some(""), "names of transforms").support(NO_TRANSFORMS),
    Property::new("transforms.*", Form::Text, None, "settings of transforms").support(NO_TRANSFORMS),
    Property::new("predicates", Form::Text, Some(""), "names of predicates").support(NO_TRANSFORMS),
    Property::new("predicates.*", Form::Text, None, "settings of predicates").support(NO_TRANSFORMS),
    Property::new("errors.tolerance", Form::OneOf(&["none", "all"]), Some("none"), "what follows a bad record")
        .support(Support::Refused("a record that cannot be delivered stops the sink, so that none is lost")),
    Property::new("errors.deadletterqueue.*", Form::Text, None, "where bad records go")
        .support(Support::Refused("there is no dead letter queue yet")),
    Property::new("errors.*", Form::Text, None, "retries and logging of errors")
        .support(Support::NoEffect("what may pass by itself is always retried and logged")),
    Property::new("consumer.override.*", Form::Text, None, "settings of the Kafka consumer")
        .support(Support::NoEffect("topics are read inside the process")),
];
