// Reads texts by Kafka's simple header converter and writes what it makes of them, and their text when they are written again:
// vectors.jsonl.
//
//   CP='<directory of kafka connect jars>/*'
//   python3 cases.py | java -Duser.timezone=UTC -cp "$CP" Oracle.java > vectors.jsonl
//
// Recorded with connect-api 4.3.1. The tests need only the recorded lines.
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.storage.SimpleHeaderConverter;

public class Oracle {
    public static void main(String[] args) throws Exception {
        ObjectMapper json = new ObjectMapper();
        JsonConverter converter = new JsonConverter();
        converter.configure(Map.of("schemas.enable", "true"), false);
        SimpleHeaderConverter simple = new SimpleHeaderConverter();
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = in.readLine()) != null; ) {
            String text = json.readTree(line).asText();
            ObjectNode vector = json.createObjectNode().put("text", text);
            SchemaAndValue read = null;
            try {
                read = simple.toConnectHeader("t", "h", text.getBytes(StandardCharsets.UTF_8));
                // As `ConnectHeaders.add` takes it.
                read = read == null ? SchemaAndValue.NULL : read;
                byte[] bytes = converter.fromConnectData("t", read.schema(), read.value());
                vector.set("read", bytes == null ? json.nullNode() : json.readTree(bytes));
            } catch (Exception e) {
                vector.put("error", e.getClass().getSimpleName() + ": " + e.getMessage());
                if (read != null) {
                    vector.put("java", read.schema() + " " + read.value());
                }
            }
            try {
                byte[] written = read == null ? null : simple.fromConnectHeader("t", "h", read.schema(), read.value());
                vector.put("written", written == null ? null : new String(written, StandardCharsets.UTF_8));
            } catch (Exception e) {
                vector.put("unwritten", e.getClass().getSimpleName() + ": " + e.getMessage());
            }
            out.println(json.writeValueAsString(vector));
        }
        out.flush();
    }
}
