import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedWriter;
import java.io.File;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.record.internal.FileRecords;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.utils.BufferSupplier;
import org.apache.kafka.common.utils.CloseableIterator;

/**
 * Reads log segments with Kafka's own classes, as a broker and a consumer do, and prints a JSON line for each record:
 * file, compression, offset, timestamp, key, value and headers in base64. Ends with status 1 at a batch that is not valid.
 */
public final class Batches {
    private static final ObjectMapper JSON = new ObjectMapper();

    public static void main(String[] files) throws Exception {
        Writer out = new BufferedWriter(new OutputStreamWriter(System.out, StandardCharsets.UTF_8));
        for (String file : files) {
            try (FileRecords records = FileRecords.open(new File(file))) {
                long read = 0;
                for (RecordBatch batch : records.batches()) {
                    read += batch.sizeInBytes();
                    batch.ensureValid();
                    int count = 0;
                    try (CloseableIterator<Record> iterator = batch.streamingIterator(BufferSupplier.NO_CACHING)) {
                        while (iterator.hasNext()) {
                            Record record = iterator.next();
                            record.ensureValid();
                            out.write(JSON.writeValueAsString(line(file, batch, record)));
                            out.write('\n');
                            count++;
                        }
                    }
                    if (count != batch.countOrNull()) {
                        throw new IllegalStateException(file + ": a batch says " + batch.countOrNull() + " and has " + count);
                    }
                }
                if (read != records.sizeInBytes()) {
                    throw new IllegalStateException(file + ": bytes after the last batch");
                }
            }
        }
        out.flush();
    }

    private static ObjectNode line(String file, RecordBatch batch, Record record) {
        ObjectNode node = JSON.createObjectNode();
        node.put("file", new File(file).getName());
        node.put("compression", batch.compressionType().name);
        node.put("offset", record.offset());
        node.put("timestamp", record.timestamp());
        node.put("key", text(record.key()));
        node.put("value", text(record.value()));
        ArrayNode headers = node.putArray("headers");
        for (Header header : record.headers()) {
            ObjectNode one = headers.addObject();
            one.put("key", header.key());
            one.put("value", header.value() == null ? null : Base64.getEncoder().encodeToString(header.value()));
        }
        return node;
    }

    private static String text(ByteBuffer bytes) {
        if (bytes == null) {
            return null;
        }
        byte[] copy = new byte[bytes.remaining()];
        bytes.duplicate().get(copy);
        return Base64.getEncoder().encodeToString(copy);
    }
}
