import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.utils.AppInfoParser;

/** Driver for Kafka's own Java clients, from 3.4 on. Its first argument is the bootstrap address. */
public class Driver {
    private static final ObjectMapper JSON = new ObjectMapper();
    private final String bootstrap;
    private final Map<String, KafkaProducer<byte[], byte[]>> producers = new HashMap<>();
    private Admin admin;
    private KafkaProducer<byte[], byte[]> transactional;
    private KafkaConsumer<byte[], byte[]> member;

    /** The library has no way to do it. */
    private static final class Unsupported extends Exception {
        Unsupported(String what) {
            super(what);
        }
    }

    /** TLS and a login, where the suite wants them: mechanism, user, password, ca. */
    private final JsonNode login;

    private Driver(String bootstrap) throws Exception {
        this.bootstrap = bootstrap;
        String wanted = System.getenv("SUITE_LOGIN");
        this.login = wanted == null ? null : JSON.readTree(wanted);
    }

    public static void main(String[] arguments) throws Exception {
        PrintStream out = System.out;
        System.setOut(System.err);
        Driver driver = new Driver(arguments[0]);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            ObjectNode reply = JSON.createObjectNode();
            try {
                driver.answer(JSON.readTree(line), reply);
            } catch (Unsupported lack) {
                reply.removeAll().put("unsupported", lack.getMessage());
            } catch (Exception error) {
                Throwable cause = error instanceof ExecutionException ? error.getCause() : error;
                reply.removeAll().put("error", cause.getClass().getSimpleName() + " " + cause.getMessage());
            }
            out.println(JSON.writeValueAsString(reply));
            out.flush();
        }
        driver.close();
    }

    private void close() {
        if (member != null) {
            member.close();
        }
        producers.values().forEach(KafkaProducer::close);
        if (admin != null) {
            admin.close();
        }
        // A transaction that is still open must not hold the end up.
        Runtime.getRuntime().halt(0);
    }

    private void answer(JsonNode command, ObjectNode reply) throws Exception {
        String topic = command.path("topic").asText();
        switch (command.get("do").asText()) {
            case "hello" -> {
                reply.put("client", "java").put("version", AppInfoParser.getVersion());
                reply.putArray("lacks");
            }
            case "create_topic" -> {
                Map<String, String> config = JSON.convertValue(command.get("config"), JSON.getTypeFactory().constructMapType(Map.class, String.class, String.class));
                NewTopic wanted = new NewTopic(topic, command.get("partitions").asInt(), (short) 1).configs(config);
                admin().createTopics(List.of(wanted)).all().get();
            }
            case "delete_topic" -> admin().deleteTopics(List.of(topic)).all().get();
            case "topics" -> admin().listTopics().names().get().forEach(reply.putArray("topics")::add);
            case "partitions" -> reply.put("count", admin().describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size());
            case "add_partitions" -> admin().createPartitions(Map.of(topic, NewPartitions.increaseTo(command.get("count").asInt()))).all().get();
            case "config" -> {
                ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
                ObjectNode config = reply.putObject("config");
                admin().describeConfigs(List.of(resource)).all().get().get(resource).entries().forEach(entry -> config.put(entry.name(), entry.value()));
            }
            case "alter_config" -> {
                List<AlterConfigOp> wanted = new ArrayList<>();
                command.get("config").fields().forEachRemaining(one ->
                    wanted.add(new AlterConfigOp(new ConfigEntry(one.getKey(), one.getValue().asText()), AlterConfigOp.OpType.SET)));
                admin().incrementalAlterConfigs(Map.of(new ConfigResource(ConfigResource.Type.TOPIC, topic), wanted)).all().get();
            }
            case "delete_records" -> {
                TopicPartition place = new TopicPartition(topic, command.get("partition").asInt());
                Map<TopicPartition, RecordsToDelete> wanted = Map.of(place, RecordsToDelete.beforeOffset(command.get("before").asLong()));
                reply.put("low", admin().deleteRecords(wanted).lowWatermarks().get(place).get().lowWatermark());
            }
            case "produce" -> produce(command, topic, reply.putArray("offsets"));
            case "tx_init" -> {
                transactional = new KafkaProducer<>(settings("transactional.id", command.get("id").asText(), "linger.ms", "2"));
                transactional.initTransactions();
            }
            case "tx_begin" -> transactional.beginTransaction();
            case "tx_offsets" -> {
                Map<TopicPartition, OffsetAndMetadata> positions = new HashMap<>();
                command.get("offsets").forEach(one -> positions.put(new TopicPartition(one.get(0).asText(), one.get(1).asInt()), new OffsetAndMetadata(one.get(2).asLong())));
                transactional.sendOffsetsToTransaction(positions, member.groupMetadata());
            }
            case "tx_commit" -> transactional.commitTransaction();
            case "tx_abort" -> transactional.abortTransaction();
            case "fetch" -> fetch(command, topic, reply.putArray("records"));
            case "offsets" -> offset(command, topic, reply);
            case "join" -> {
                String session = command.path("session_ms").asText("10000");
                String instance = command.path("instance").asText("");
                member = consumer(command.path("committed").asBoolean(), instance.isEmpty() ? "client.id" : "group.instance.id", instance, "group.id", command.get("group").asText(), "session.timeout.ms", session,
                    "heartbeat.interval.ms", String.valueOf(Integer.parseInt(session) / 6));
                List<String> topics = new ArrayList<>();
                command.get("topics").forEach(one -> topics.add(one.asText()));
                member.subscribe(topics);
            }
            case "poll" -> {
                take(member, command.get("count").asInt(), command.get("ms").asLong(), reply.putArray("records"));
                ArrayNode assigned = reply.putArray("assigned");
                member.assignment().forEach(one -> assigned.addArray().add(one.topic()).add(one.partition()));
            }
            case "commit" -> {
                Map<TopicPartition, OffsetAndMetadata> positions = new HashMap<>();
                command.get("offsets").forEach(one -> positions.put(new TopicPartition(one.get(0).asText(), one.get(1).asInt()),
                    new OffsetAndMetadata(one.get(2).asLong(), one.get(3).asText())));
                if (command.get("offsets").isNull()) {
                    member.commitSync();
                } else {
                    member.commitSync(positions);
                }
            }
            case "committed" -> {
                TopicPartition place = new TopicPartition(topic, command.get("partition").asInt());
                OffsetAndMetadata found = admin().listConsumerGroupOffsets(command.get("group").asText()).partitionsToOffsetAndMetadata().get().get(place);
                reply.put("offset", found == null ? null : found.offset()).put("metadata", found == null ? null : found.metadata());
            }
            case "leave" -> {
                member.close();
                member = null;
            }
            case "groups" -> {
                ArrayNode groups = reply.putArray("groups");
                admin().listConsumerGroups().all().get().forEach(one -> groups.add(one.groupId()));
            }
            case "group" -> {
                String group = command.get("group").asText();
                var found = admin().describeConsumerGroups(List.of(group)).all().get().get(group);
                reply.put("state", found.state().toString()).put("members", found.members().size());
            }
            case "delete_group" -> admin().deleteConsumerGroups(List.of(command.get("group").asText())).all().get();
            default -> throw new Unsupported("java has no " + command.get("do").asText() + " here");
        }
    }

    private Admin admin() {
        if (admin == null) {
            admin = Admin.create(settings());
        }
        return admin;
    }

    private Properties settings(String... pairs) {
        Properties all = new Properties();
        all.put("bootstrap.servers", bootstrap);
        all.put("key.serializer", ByteArraySerializer.class.getName());
        all.put("value.serializer", ByteArraySerializer.class.getName());
        all.put("key.deserializer", ByteArrayDeserializer.class.getName());
        all.put("value.deserializer", ByteArrayDeserializer.class.getName());
        if (login != null) {
            String module = login.get("mechanism").asText().equals("PLAIN") ? "plain.PlainLoginModule" : "scram.ScramLoginModule";
            all.put("security.protocol", "SASL_SSL");
            all.put("ssl.truststore.type", "PEM");
            all.put("ssl.truststore.location", login.get("ca").asText());
            all.put("sasl.mechanism", login.get("mechanism").asText());
            all.put("sasl.jaas.config", String.format("org.apache.kafka.common.security.%s required username=\"%s\" password=\"%s\";",
                module, login.get("user").asText(), login.get("password").asText()));
        }
        for (int at = 0; at < pairs.length; at += 2) {
            all.put(pairs[at], pairs[at + 1]);
        }
        return all;
    }

    private void produce(JsonNode command, String topic, ArrayNode offsets) throws Exception {
        String codec = command.path("codec").asText("none");
        String acks = command.path("acks").asText("-1");
        boolean idempotent = command.path("idempotent").asBoolean();
        KafkaProducer<byte[], byte[]> producer = command.path("tx").asBoolean() ? transactional
            : producers.computeIfAbsent(codec + acks + idempotent, kind -> new KafkaProducer<>(settings("compression.type", codec, "acks", acks,
                "enable.idempotence", String.valueOf(idempotent), "max.in.flight.requests.per.connection", idempotent ? "5" : "1",
                "linger.ms", "2", "batch.size", "4000", "max.request.size", "4000000")));
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        for (JsonNode one : command.get("records")) {
            List<Header> headers = new ArrayList<>();
            one.get("headers").forEach(header -> headers.add(new RecordHeader(header.get(0).asText(), decode(header.get(1)))));
            Long timestamp = one.get("timestamp").isNull() ? null : one.get("timestamp").asLong();
            sent.add(producer.send(new ProducerRecord<>(topic, one.get("partition").asInt(), timestamp, decode(one.get("key")), decode(one.get("value")), headers)));
        }
        producer.flush();
        for (Future<RecordMetadata> one : sent) {
            offsets.add(one.get().offset());
        }
    }

    private KafkaConsumer<byte[], byte[]> consumer(boolean committed, String... pairs) {
        Properties all = settings(pairs);
        all.put("enable.auto.commit", "false");
        all.put("auto.offset.reset", "earliest");
        all.put("isolation.level", committed ? "read_committed" : "read_uncommitted");
        return new KafkaConsumer<>(all);
    }

    private void fetch(JsonNode command, String topic, ArrayNode records) {
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(command.path("committed").asBoolean())) {
            Map<TopicPartition, Long> start = new HashMap<>();
            command.get("start").fields().forEachRemaining(one -> start.put(new TopicPartition(topic, Integer.parseInt(one.getKey())), one.getValue().asLong()));
            List<TopicPartition> chosen = new ArrayList<>(start.keySet());
            if (chosen.isEmpty()) {
                consumer.partitionsFor(topic).forEach(one -> chosen.add(new TopicPartition(topic, one.partition())));
            }
            consumer.assign(chosen);
            consumer.seekToBeginning(chosen);
            start.forEach(consumer::seek);
            take(consumer, command.get("count").asInt(), 30_000, records);
            take(consumer, records.size() + 1, command.get("quiet_ms").asLong(), records);
        }
    }

    /** Polls until `records` has `count` or the time is over. */
    private static void take(KafkaConsumer<byte[], byte[]> consumer, int count, long millis, ArrayNode records) {
        long end = System.currentTimeMillis() + millis;
        while (records.size() < count && System.currentTimeMillis() < end) {
            for (ConsumerRecord<byte[], byte[]> one : consumer.poll(Duration.ofMillis(100))) {
                ObjectNode record = records.addObject();
                record.put("topic", one.topic()).put("partition", one.partition()).put("offset", one.offset()).put("timestamp", one.timestamp());
                record.put("key", encode(one.key())).put("value", encode(one.value()));
                ArrayNode headers = record.putArray("headers");
                one.headers().forEach(header -> headers.addArray().add(header.key()).add(encode(header.value())));
            }
        }
    }

    private void offset(JsonNode command, String topic, ObjectNode reply) throws Exception {
        TopicPartition place = new TopicPartition(topic, command.get("partition").asInt());
        String at = command.get("at").asText();
        OffsetSpec spec = at.equals("earliest") ? OffsetSpec.earliest() : at.equals("latest") ? OffsetSpec.latest() : OffsetSpec.forTimestamp(Long.parseLong(at));
        IsolationLevel isolation = command.path("committed").asBoolean() ? IsolationLevel.READ_COMMITTED : IsolationLevel.READ_UNCOMMITTED;
        reply.put("offset", admin().listOffsets(Map.of(place, spec), new ListOffsetsOptions(isolation)).partitionResult(place).get().offset());
    }

    private static String encode(byte[] bytes) {
        return bytes == null ? null : Base64.getEncoder().encodeToString(bytes);
    }

    private static byte[] decode(JsonNode text) {
        return text.isNull() ? null : Base64.getDecoder().decode(text.asText());
    }
}
