import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLXML;
import java.sql.Statement;
import java.sql.Types;
import java.util.*;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.json.JsonConverter;

/**
 * What Kafka Connect's JSON converter makes of rows as PostgreSQL's JDBC driver describes and gives them. The rules from
 * JDBC types to Connect schemas are stated here anew, from the connector's documentation.
 * Arguments: URL, query, struct name ("-" for none), numeric.mapping, schemas.enable, decimal.format, db.timezone.
 */
public final class Record {
    interface Get { Object of(ResultSet rs) throws Exception; }

    public static void main(String[] a) throws Exception {
        TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
        String mapping = a[3];
        TimeZone zone = TimeZone.getTimeZone(a[6]);
        try (Connection c = DriverManager.getConnection(a[0]); Statement s = c.createStatement(); ResultSet rs = s.executeQuery(a[1])) {
            ResultSetMetaData m = rs.getMetaData();
            SchemaBuilder b = SchemaBuilder.struct();
            if (!a[2].equals("-")) b.name(a[2]);
            Map<String, Get> gets = new LinkedHashMap<>();
            for (int i = 1; i <= m.getColumnCount(); i++) {
                final int col = i;
                String name = m.getColumnLabel(i);
                boolean opt = m.isNullable(i) != ResultSetMetaData.columnNoNulls;
                int p = m.getPrecision(i), sc = m.getScale(i);
                SchemaBuilder f = null; Get g = null;
                switch (m.getColumnType(i)) {
                    case Types.BIT:
                        if (p <= 1) { f = SchemaBuilder.bool(); g = r -> r.getBoolean(col); }
                        else if (p <= 8) { f = SchemaBuilder.int8(); g = r -> r.getByte(col); }
                        else { f = SchemaBuilder.bytes(); g = r -> r.getBytes(col); }
                        break;
                    case Types.SMALLINT: f = SchemaBuilder.int16(); g = r -> r.getShort(col); break;
                    case Types.INTEGER: f = SchemaBuilder.int32(); g = r -> r.getInt(col); break;
                    case Types.BIGINT: f = SchemaBuilder.int64(); g = r -> r.getLong(col); break;
                    case Types.REAL: f = SchemaBuilder.float32(); g = r -> r.getFloat(col); break;
                    case Types.DOUBLE: f = SchemaBuilder.float64(); g = r -> r.getDouble(col); break;
                    case Types.NUMERIC: {
                        boolean whole = sc < 1 && sc >= -84, fits = p <= 18;
                        boolean integer = switch (mapping) {
                            case "precision_only" -> sc == 0 && fits;
                            case "best_fit", "best_fit_eager_double" -> whole && fits;
                            default -> false;
                        };
                        boolean dbl = switch (mapping) {
                            case "best_fit" -> sc > 0 && fits;
                            case "best_fit_eager_double" -> sc > 0;
                            default -> false;
                        };
                        if (integer) {
                            if (p > 9) { f = SchemaBuilder.int64(); g = r -> r.getLong(col); }
                            else if (p > 4) { f = SchemaBuilder.int32(); g = r -> r.getInt(col); }
                            else if (p > 2) { f = SchemaBuilder.int16(); g = r -> r.getShort(col); }
                            else { f = SchemaBuilder.int8(); g = r -> r.getByte(col); }
                        } else if (dbl) { f = SchemaBuilder.float64(); g = r -> r.getDouble(col); }
                        else {
                            final int scale = sc == -127 ? 127 : sc;
                            f = org.apache.kafka.connect.data.Decimal.builder(scale).parameter("connect.decimal.precision", Integer.toString(p));
                            g = r -> r.getBigDecimal(col, scale);
                        }
                        break;
                    }
                    case Types.CHAR: case Types.VARCHAR: case Types.LONGVARCHAR:
                        f = SchemaBuilder.string(); g = r -> r.getString(col); break;
                    case Types.SQLXML: f = SchemaBuilder.string(); g = r -> { SQLXML x = r.getSQLXML(col); return x == null ? null : x.getString(); }; break;
                    case Types.BINARY: f = SchemaBuilder.bytes(); g = r -> r.getBytes(col); break;
                    case Types.DATE: f = org.apache.kafka.connect.data.Date.builder(); g = r -> r.getDate(col, in(TimeZone.getTimeZone("UTC"))); break;
                    case Types.TIME: f = org.apache.kafka.connect.data.Time.builder(); g = r -> r.getTime(col, in(zone)); break;
                    case Types.TIMESTAMP: f = org.apache.kafka.connect.data.Timestamp.builder(); g = r -> r.getTimestamp(col, in(zone)); break;
                    case Types.OTHER: {
                        String t = m.getColumnTypeName(i);
                        if (t.equals("json") || t.equals("jsonb") || m.getColumnClassName(i).equals(UUID.class.getName())) {
                            f = SchemaBuilder.string(); g = r -> r.getString(col);
                        }
                        break;
                    }
                    default: break;
                }
                if (f == null) continue;
                if (opt) f.optional();
                b.field(name, f.build());
                gets.put(name, g);
            }
            Schema schema = b.build();
            JsonConverter j = new JsonConverter();
            j.configure(Map.of("schemas.enable", a[4], "decimal.format", a[5]), false);
            while (rs.next()) {
                Struct st = new Struct(schema);
                for (var e : gets.entrySet()) {
                    Object v = e.getValue().of(rs);
                    st.put(e.getKey(), rs.wasNull() ? null : v);
                }
                System.out.write(j.fromConnectData("t", schema, st));
                System.out.println();
            }
            if (j.fromConnectData("t", null, null) != null) throw new IllegalStateException("a null key has bytes");
        }
    }

    static Calendar in(TimeZone zone) { return new GregorianCalendar(zone); }
}
