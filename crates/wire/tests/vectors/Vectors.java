// Writes frames of Apache Kafka's own Java client for crates/wire/tests/vectors.rs: every request and response that
// tailwater speaks, in every version, filled with seeded random values.
//
//   java -cp 'DIR/*' crates/wire/tests/vectors/Vectors.java > crates/wire/tests/vectors/kafka-4.3.0.txt
//
// DIR holds kafka-clients and its dependencies. A line: request or response, API key, version, frame without its length;
// or batch, codec, 2, batch. Frames and batches are in hexadecimal digits.

import java.lang.reflect.Method;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.message.ResponseHeaderData;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.EndTransactionMarker;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.common.utils.ImplicitLinkedHashCollection;

public class Vectors {
    /** API key, first and last version. */
    static final int[][] APIS = {
        {0, 3, 11}, {1, 4, 16}, {2, 1, 10}, {3, 0, 13}, {8, 2, 9}, {9, 1, 9}, {10, 0, 6}, {11, 0, 9}, {12, 0, 4},
        {13, 0, 5}, {14, 0, 5}, {15, 0, 6}, {16, 0, 5}, {17, 0, 1}, {18, 0, 4}, {19, 2, 7}, {20, 1, 6}, {21, 0, 2},
        {22, 0, 5}, {23, 2, 4}, {24, 0, 3}, {25, 0, 4}, {26, 0, 4}, {28, 0, 4}, {29, 1, 3}, {32, 1, 4}, {33, 0, 2},
        {35, 1, 4}, {36, 0, 2}, {37, 0, 3}, {42, 0, 2}, {44, 0, 1}, {46, 0, 0}, {47, 0, 0}, {48, 0, 1}, {50, 0, 0}, {51, 0, 0},
        {60, 0, 2}, {61, 0, 0}, {65, 0, 0}, {66, 0, 2},
    };

    static Random random;

    public static void main(String[] args) throws Exception {
        for (int[] api : APIS) {
            for (short version = (short) api[1]; version <= api[2]; version++) {
                print("request", api[0], version);
                print("response", api[0], version);
            }
        }
        batches();
    }

    /** The same records in each codec, and the marker of a committed transaction. */
    static void batches() {
        SimpleRecord[] records = new SimpleRecord[40];
        for (int n = 0; n < records.length; n++) {
            byte[] key = n % 3 == 0 ? null : ("key " + n).getBytes(StandardCharsets.UTF_8);
            byte[] value = n % 5 == 0 ? null : ("value " + n + " ").repeat(n).getBytes(StandardCharsets.UTF_8);
            Header[] headers = n % 7 == 0 ? new Header[] {new RecordHeader("h", null), new RecordHeader("i", new byte[n])} : new Header[0];
            records[n] = new SimpleRecord(1_000_000 - n, key, value, headers);
        }
        for (Compression codec : List.of(Compression.NONE, Compression.gzip().build(), Compression.snappy().build(),
                Compression.lz4().build(), Compression.zstd().build())) {
            printBatch(codec.type().name, MemoryRecords.withIdempotentRecords(codec, 4_000, (short) 3, 17, records));
        }
        printBatch("marker", MemoryRecords.withEndTransactionMarker(
            500, 1_000_000, 0, 4_000, (short) 3, new EndTransactionMarker(ControlRecordType.COMMIT, 9)));
    }

    static void printBatch(String name, MemoryRecords batch) {
        byte[] bytes = new byte[batch.sizeInBytes()];
        batch.buffer().get(bytes);
        System.out.println("batch " + name + " 2 " + HexFormat.of().formatHex(bytes));
    }

    static void print(String kind, int key, short version) throws Exception {
        ApiMessageType type = ApiMessageType.fromApiKey((short) key);
        boolean request = kind.equals("request");
        random = new Random(key * 1000L + version * 2L + (request ? 0 : 1));
        ApiMessage body = request ? type.newRequest() : type.newResponse();
        fill(body, body, version);
        ApiMessage header = request
            ? new RequestHeaderData().setRequestApiKey((short) key).setRequestApiVersion(version)
                .setCorrelationId(random.nextInt()).setClientId(random.nextInt(4) == 0 ? null : "client-ü")
            : new ResponseHeaderData().setCorrelationId(random.nextInt());
        short headerVersion = request ? type.requestHeaderVersion(version) : type.responseHeaderVersion(version);
        byte[] frame = concat(
            MessageUtil.toByteBufferAccessor(header, headerVersion).buffer(),
            MessageUtil.toByteBufferAccessor(body, version).buffer());
        System.out.println(kind + " " + key + " " + version + " " + HexFormat.of().formatHex(frame));
    }

    static byte[] concat(ByteBuffer first, ByteBuffer second) {
        ByteBuffer joined = ByteBuffer.allocate(first.remaining() + second.remaining());
        return joined.put(first).put(second).array();
    }

    /** Sets each field of a structure that the version takes. */
    static void fill(Message structure, ApiMessage body, short version) throws Exception {
        Method[] setters = structure.getClass().getMethods();
        Arrays.sort(setters, Comparator.comparing(Method::getName));
        for (Method setter : setters) {
            if (!setter.getName().startsWith("set") || setter.getParameterCount() != 1
                || setter.getName().equals("setNext") || setter.getName().equals("setPrev")) {
                continue;
            }
            String name = setter.getName().substring(3);
            Method getter = structure.getClass().getMethod(Character.toLowerCase(name.charAt(0)) + name.substring(1));
            Object before = getter.invoke(structure);
            boolean wasTaken = takes(structure, version);
            for (int attempt = 0; attempt < 4; attempt++) {
                setter.invoke(structure, value(setter.getGenericParameterTypes()[0], setter.getParameterTypes()[0], body, version));
                if (!wasTaken || takes(structure, version)) {
                    break;
                }
                setter.invoke(structure, before);
            }
        }
    }

    static boolean takes(Message structure, short version) {
        try {
            MessageUtil.toByteBufferAccessor(structure, version);
            return true;
        } catch (RuntimeException refused) {
            return false;
        }
    }

    static Object value(Type generic, Class<?> type, ApiMessage body, short version) throws Exception {
        if (type == boolean.class) return random.nextBoolean();
        if (type == byte.class) return (byte) random.nextInt();
        if (type == short.class) return (short) random.nextInt();
        if (type == int.class) return random.nextInt();
        if (type == long.class) return random.nextLong();
        if (type == double.class) return random.nextDouble();
        if (type == Uuid.class) return new Uuid(random.nextLong(), random.nextLong());
        if (type == String.class) return random.nextInt(5) == 0 ? null : text();
        if (type == byte[].class) return random.nextInt(5) == 0 ? null : text().getBytes(StandardCharsets.UTF_8);
        if (type.getSimpleName().equals("BaseRecords")) {
            return MemoryRecords.withRecords(Compression.NONE, new SimpleRecord(random.nextInt(1 << 30), text().getBytes(StandardCharsets.UTF_8)));
        }
        if (Message.class.isAssignableFrom(type)) {
            Message inner = (Message) type.getDeclaredConstructor().newInstance();
            fill(inner, body, version);
            return inner;
        }
        if (List.class.isAssignableFrom(type)) {
            Type element = ((ParameterizedType) generic).getActualTypeArguments()[0];
            List<Object> list = new ArrayList<>();
            int count = random.nextInt(3);
            for (int n = 0; n < count; n++) {
                Class<?> raw = element == Integer.class ? int.class : element == Long.class ? long.class
                    : element == Short.class ? short.class : element == Byte.class ? byte.class : (Class<?>) element;
                Object inner = value(element, raw, body, version);
                list.add(inner == null ? text() : inner);
            }
            return list;
        }
        if (ImplicitLinkedHashCollection.class.isAssignableFrom(type)) {
            @SuppressWarnings("unchecked")
            ImplicitLinkedHashCollection<ImplicitLinkedHashCollection.Element> collection =
                (ImplicitLinkedHashCollection<ImplicitLinkedHashCollection.Element>) type.getDeclaredConstructor().newInstance();
            Type element = ((ParameterizedType) type.getGenericSuperclass()).getActualTypeArguments()[0];
            int count = random.nextInt(3);
            for (int n = 0; n < count; n++) {
                Message inner = (Message) ((Class<?>) element).getDeclaredConstructor().newInstance();
                fill(inner, body, version);
                collection.add((ImplicitLinkedHashCollection.Element) inner);
            }
            return collection;
        }
        throw new IllegalStateException(generic.getTypeName());
    }

    static String text() {
        StringBuilder text = new StringBuilder();
        int length = random.nextInt(12) == 0 ? 140 : random.nextInt(6);
        for (int n = 0; n < length; n++) {
            text.append("aZ7-ü漢".charAt(random.nextInt(6)));
        }
        return text.toString();
    }
}
