// Runs Kafka's own transforms over the cases of cases.py and writes what they give: vectors.jsonl.
//
//   CP='<directory of kafka connect jars>/*'
//   python3 cases.py | java -Duser.timezone=UTC -cp "$CP" Oracle.java > vectors.jsonl
//
// Recorded with connect-transforms 4.3.1. The tests need only the recorded lines.
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.connect.connector.ConnectRecord;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.header.ConnectHeaders;
import org.apache.kafka.connect.header.Header;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.transforms.Transformation;

public class Oracle {
    static final ObjectMapper JSON = new ObjectMapper();
    static final JsonConverter CONVERTER = new JsonConverter();
    static String keptFor;
    @SuppressWarnings("rawtypes")
    static Transformation keptTransform;

    public static void main(String[] args) throws Exception {
        CONVERTER.configure(Map.of("schemas.enable", "true", "replace.null.with.default", "false"), false);
        PrintStream out = new PrintStream(System.out, false, "UTF-8");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
        for (String line; (line = in.readLine()) != null; ) {
            ObjectNode vector = (ObjectNode) JSON.readTree(line);
            try {
                run(vector);
                out.println(JSON.writeValueAsString(vector));
            } catch (Exception e) {
                System.err.println("left out, as no record can be made: " + line + ": " + e);
            }
        }
        out.flush();
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    static void run(ObjectNode vector) throws Exception {
        Map<String, String> config = new HashMap<>();
        vector.get("config").fields().forEachRemaining(e -> config.put(e.getKey(), e.getValue().asText()));
        if (!vector.has("class")) {
            chain(vector, config);
            return;
        }
        String name = vector.get("class").asText();
        name = name.startsWith("io.") ? name : "org.apache.kafka.connect.transforms." + name;
        // Expressions are compiled once for all records.
        boolean kept = vector.has("at") && (name + config).equals(keptFor);
        Transformation transform = kept ? keptTransform : (Transformation) Class.forName(name).getDeclaredConstructor().newInstance();
        try {
            if (!kept) {
                transform.configure(config);
            }
            keptFor = name + config;
            keptTransform = transform;
        } catch (Exception e) {
            vector.put("config_error", String.valueOf(e.getMessage()));
            return;
        }
        ConnectRecord record = record(vector.get("record"));
        try {
            ConnectRecord result = transform.apply(record);
            vector.set("result", result == null ? JSON.nullNode() : changes(vector.get("record"), json(result)));
        } catch (Exception e) {
            vector.put("error", e.getClass().getSimpleName() + ": " + e.getMessage());
        }
    }

    /** All transforms of a connector, with their predicates, as Connect applies them. */
    @SuppressWarnings({"unchecked", "rawtypes"})
    static void chain(ObjectNode vector, Map<String, String> config) throws Exception {
        java.util.List<Transformation> transforms = new java.util.ArrayList<>();
        java.util.List<org.apache.kafka.connect.transforms.predicates.Predicate> predicates = new java.util.ArrayList<>();
        java.util.List<Boolean> negated = new java.util.ArrayList<>();
        try {
            for (String name : config.get("transforms").split(",")) {
                Map<String, String> options = below(config, "transforms." + name.trim() + ".");
                String predicate = options.remove("predicate");
                negated.add("true".equals(options.remove("negate")));
                predicates.add(predicate == null ? null : (org.apache.kafka.connect.transforms.predicates.Predicate) made(
                        below(config, "predicates." + predicate + ".")));
                transforms.add((Transformation) made(options));
            }
        } catch (Exception e) {
            vector.put("config_error", String.valueOf(e.getMessage()));
            return;
        }
        ConnectRecord record = record(vector.get("record"));
        try {
            for (int i = 0; i < transforms.size() && record != null; i++) {
                if (predicates.get(i) == null || predicates.get(i).test(record) != negated.get(i)) {
                    record = transforms.get(i).apply(record);
                }
            }
            vector.set("result", record == null ? JSON.nullNode() : changes(vector.get("record"), json(record)));
        } catch (Exception e) {
            vector.put("error", e.getClass().getSimpleName() + ": " + e.getMessage());
        }
    }

    static Object made(Map<String, String> options) throws Exception {
        Object made = Class.forName(options.remove("type")).getDeclaredConstructor().newInstance();
        ((org.apache.kafka.common.Configurable) made).configure(options);
        return made;
    }

    static Map<String, String> below(Map<String, String> config, String prefix) {
        Map<String, String> options = new HashMap<>();
        config.forEach((name, value) -> {
            if (name.startsWith(prefix)) {
                options.put(name.substring(prefix.length()), value);
            }
        });
        return options;
    }

    static ConnectRecord record(JsonNode node) throws Exception {
        SchemaAndValue key = typed(node.get("key"));
        SchemaAndValue value = typed(node.get("value"));
        Integer partition = node.hasNonNull("partition") ? node.get("partition").asInt() : null;
        Long timestamp = node.hasNonNull("timestamp") ? node.get("timestamp").asLong() : null;
        String topic = node.get("topic").asText();
        ConnectHeaders headers = new ConnectHeaders();
        if (node.has("headers")) {
            for (JsonNode header : node.get("headers")) {
                headers.add(header.get("key").asText(), typed(header.get("value")));
            }
        }
        if (node.hasNonNull("offset")) {
            return new SinkRecord(topic, partition, key.schema(), key.value(), value.schema(), value.value(),
                    node.get("offset").asLong(), timestamp, org.apache.kafka.common.record.TimestampType.CREATE_TIME, headers);
        }
        return new SourceRecord(Map.of(), Map.of(), topic, partition, key.schema(), key.value(), value.schema(),
                value.value(), timestamp, headers);
    }

    static SchemaAndValue typed(JsonNode node) throws Exception {
        if (node == null || node.isNull()) {
            return SchemaAndValue.NULL;
        }
        return CONVERTER.toConnectData("t", JSON.writeValueAsBytes(node));
    }

    /** What is not as it was in the record. */
    static ObjectNode changes(JsonNode before, ObjectNode after) {
        ObjectNode changes = JSON.createObjectNode();
        after.fields().forEachRemaining(e -> {
            JsonNode old = before.has(e.getKey()) ? before.get(e.getKey()) : JSON.nullNode();
            boolean none = old.isNull() && e.getValue().isArray() && e.getValue().isEmpty();
            if (!none && !old.toString().equals(e.getValue().toString())) {
                changes.set(e.getKey(), e.getValue());
            }
        });
        return changes;
    }

    static ObjectNode json(ConnectRecord<?> record) throws Exception {
        ObjectNode node = JSON.createObjectNode();
        node.put("topic", record.topic());
        node.put("partition", record.kafkaPartition());
        node.put("timestamp", record.timestamp());
        node.set("key", json(record.keySchema(), record.key()));
        node.set("value", json(record.valueSchema(), record.value()));
        ArrayNode headers = node.putArray("headers");
        for (Header header : record.headers()) {
            headers.addObject().put("key", header.key()).set("value", json(header.schema(), header.value()));
        }
        return node;
    }

    static JsonNode json(Schema schema, Object value) throws Exception {
        byte[] bytes = CONVERTER.fromConnectData("t", schema, value);
        return bytes == null ? JSON.nullNode() : JSON.readTree(bytes);
    }
}
