// Runs the cases of cases.py through a real Connect worker with a FileStreamSink and writes what comes to the dead letter
// queue, what the sink gets, and what the worker logs: vectors.jsonl.
//
//   CP='<directory of kafka connect jars>/*'     # of a worker that listens on 127.0.0.1:PORT and logs to FILE
//   python3 cases.py | java -cp "$CP" Oracle.java BROKER http://127.0.0.1:PORT FILE > vectors.jsonl
//
// Recorded with Kafka 4.3.1. The tests need only the recorded lines.
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class Oracle {
    static final ObjectMapper JSON = new ObjectMapper();
    static final HttpClient HTTP = HttpClient.newHttpClient();

    public static void main(String[] args) throws Exception {
        Map<String, Object> broker = Map.of("bootstrap.servers", args[0]);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        try (Admin admin = Admin.create(broker);
                KafkaProducer<byte[], byte[]> producer =
                        new KafkaProducer<>(broker, new ByteArraySerializer(), new ByteArraySerializer());
                KafkaConsumer<byte[], byte[]> consumer =
                        new KafkaConsumer<>(broker, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            for (String line; (line = in.readLine()) != null; ) {
                ObjectNode vector = (ObjectNode) JSON.readTree(line);
                run(vector, args[1], Path.of(args[2]), admin, producer, consumer);
                System.out.println(JSON.writeValueAsString(vector));
            }
        }
    }

    static void run(ObjectNode vector, String worker, Path log, Admin admin, KafkaProducer<byte[], byte[]> producer,
            KafkaConsumer<byte[], byte[]> consumer) throws Exception {
        String name = vector.get("name").asText();
        String queue = name + ".dead";
        admin.createTopics(List.of(new NewTopic(name, 1, (short) 1), new NewTopic(queue, 1, (short) 1))).all().get();
        for (JsonNode record : vector.get("records")) {
            List<Header> headers = new ArrayList<>();
            for (JsonNode header : record.path("headers")) {
                headers.add(new RecordHeader(header.get(0).asText(), bytes(header.get(1))));
            }
            producer.send(new ProducerRecord<>(name, 0, record.get("timestamp").asLong(), bytes(record.get("key")),
                    bytes(record.get("value")), headers)).get();
        }
        Path file = Files.createTempFile("sink", ".txt");
        ObjectNode config = ((ObjectNode) vector.get("config")).deepCopy();
        config.put("name", name).put("connector.class", "FileStreamSink").put("tasks.max", "1").put("topics", name);
        config.put("file", file.toString()).put("errors.deadletterqueue.topic.replication.factor", "1");
        if (vector.path("queue").asBoolean(true)) {
            config.put("errors.deadletterqueue.topic.name", queue);
        }
        int logged = Files.readAllLines(log).size();
        call("PUT", worker + "/connectors/" + name + "/config", JSON.writeValueAsString(config));
        String status = settled(worker, name, admin, vector.get("records").size());
        JsonNode task = JSON.readTree(status).get("tasks").get(0);
        if (task.get("state").asText().equals("FAILED")) {
            vector.put("trace", withoutFrames(task.get("trace").asText()));
        }
        ArrayNode letters = vector.putArray("letters");
        TopicPartition partition = new TopicPartition(queue, 0);
        consumer.assign(List.of(partition));
        consumer.seekToBeginning(List.of(partition));
        long end = consumer.endOffsets(List.of(partition)).get(partition);
        while (consumer.position(partition) < end) {
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofSeconds(1))) {
                ObjectNode letter = letters.addObject().put("timestamp", record.timestamp());
                letter.put("key", text(record.key())).put("value", text(record.value()));
                ArrayNode headers = letter.putArray("headers");
                for (Header header : record.headers()) {
                    boolean trace = header.key().equals("__connect.errors.exception.stacktrace");
                    byte[] value = trace ? withoutFrames(new String(header.value())).getBytes() : header.value();
                    headers.addArray().add(header.key()).add(text(value));
                }
            }
        }
        call("DELETE", worker + "/connectors/" + name, null);
        ArrayNode delivered = vector.putArray("delivered");
        Files.readAllLines(file).forEach(delivered::add);
        Files.delete(file);
        ArrayNode lines = vector.putArray("log");
        Files.readAllLines(log).stream().skip(logged).filter(l -> l.contains("Error encountered in task"))
                .forEach(l -> lines.add(l.substring(l.indexOf("Error encountered"))));
    }

    /** The status once the task has failed or has committed all offsets. */
    static String settled(String worker, String name, Admin admin, long records) throws Exception {
        for (;;) {
            Thread.sleep(200);
            String status = call("GET", worker + "/connectors/" + name + "/status", null);
            JsonNode tasks = status == null ? null : JSON.readTree(status).get("tasks");
            if (tasks == null || tasks.isEmpty()) {
                continue;
            }
            var offsets = admin.listConsumerGroupOffsets("connect-" + name).partitionsToOffsetAndMetadata().get();
            var offset = offsets.get(new TopicPartition(name, 0));
            boolean all = offset != null && offset.offset() >= records;
            if (all || tasks.get(0).get("state").asText().equals("FAILED")) {
                return status;
            }
        }
    }

    static String call(String method, String uri, String body) throws Exception {
        var publisher = body == null ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofString(body);
        var request = HttpRequest.newBuilder(URI.create(uri)).header("Content-Type", "application/json");
        var response = HTTP.send(request.method(method, publisher).build(), HttpResponse.BodyHandlers.ofString());
        if (response.statusCode() >= 400 && !method.equals("GET")) {
            throw new IllegalStateException(response.body());
        }
        return response.statusCode() == 200 ? response.body() : null;
    }

    /** A stack trace without its places. */
    static String withoutFrames(String trace) {
        return trace.replaceAll("(?m)^\\s+(at |\\.\\.\\. ).*\\n", "");
    }

    static byte[] bytes(JsonNode node) {
        return node == null || node.isNull() ? null : Base64.getDecoder().decode(node.asText());
    }

    static String text(byte[] bytes) {
        return bytes == null ? null : Base64.getEncoder().encodeToString(bytes);
    }
}
