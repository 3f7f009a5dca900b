#!/usr/bin/env python3
"""Writes the cases that ../kafka_transforms/Oracle.java runs through Debezium's transforms: one JSON line each.

  CP='<directory of the jars of Debezium 3.6.3>/*'
  python3 cases.py | java -Duser.timezone=UTC -cp "$CP" ../kafka_transforms/Oracle.java | python3 cases.py pack > vectors.jsonl

`pack` leaves out lines of the log, and writes records and schemas once: {"keep": n, ...} gives one a number, {"$": n} stands for it.
"""
import json
import sys

T = "io.debezium.time."


def schema(kind, optional=False, **more):
    return {"type": kind, "optional": optional, **more}


def struct(fields, optional=False, **more):
    return {"type": "struct", "fields": [{**s, "field": f} for f, s in fields], "optional": optional, **more}


def typed(sch, payload):
    return {"schema": sch, "payload": payload}


COLUMNS = [
    ("id", schema("int32")),
    ("a", schema("string", True)),
    ("b", schema("int32", True, default=3)),
    ("ts", schema("int64", True, name=T + "MicroTimestamp", version=1)),
    ("ms", schema("int64", True, name=T + "Timestamp", version=1)),
    ("tz", schema("string", True, name=T + "ZonedTimestamp", version=1)),
    ("d", schema("int32", True, name=T + "Date", version=1)),
]
SOURCE = [
    ("version", schema("string")), ("connector", schema("string")), ("name", schema("string")), ("ts_ms", schema("int64")),
    ("snapshot", schema("string", True, default="false")), ("db", schema("string")), ("sequence", schema("string", True)),
    ("schema", schema("string")), ("table", schema("string")), ("txId", schema("int64", True)), ("lsn", schema("int64", True)),
]
TRANSACTION = [("id", schema("string")), ("total_order", schema("int64")), ("data_collection_order", schema("int64"))]
SOURCE_VALUE = {"version": "3", "connector": "postgresql", "name": "srv", "ts_ms": 1577880000123, "snapshot": "false", "db": "d",
                "sequence": None, "schema": "public", "table": "t", "txId": 7, "lsn": 99}
X = {"id": 1, "a": "x", "b": None, "ts": 1577872800000001, "ms": 1577872800123, "tz": "2020-07-01T10:00:00.120000Z", "d": 18262}
Y = {"id": 2, "a": "y", "b": 5, "ts": -1, "ms": None, "tz": None, "d": None}
TX = {"id": "7:99", "total_order": 1, "data_collection_order": 2}


def envelope(op, before, after, columns=COLUMNS, tx=None, name="srv.public.t", more=()):
    row = lambda: struct(columns, True, name=name + ".Value")
    fields = [("before", row()), ("after", row()), ("source", struct(SOURCE, name="io.debezium.connector.postgresql.Source", version=1)),
              ("transaction", struct(TRANSACTION, True, name="event.block", version=1)), ("op", schema("string")),
              ("ts_ms", schema("int64", True)), *[(f, s) for f, s, _ in more]]
    value = {"before": before, "after": after, "source": SOURCE_VALUE, "transaction": tx, "op": op, "ts_ms": 1577880000456,
             **{f: v for f, _, v in more}}
    return typed(struct(fields, name=name + ".Envelope", version=2), value)


def key(value=1):
    return typed(struct([("id", schema("int32"))], name="srv.public.t.Key"), {"id": value})


def record(value, k=None, **more):
    known = {"topic": "srv.public.t", "key": key() if k is None else k, "value": value, **more}
    return {name: part for name, part in known.items() if part is not None}


def header(name, sch, payload):
    return {"key": name, "value": typed(sch, payload)}


HEARTBEAT = typed(struct([("ts_ms", schema("int64"))], name="io.debezium.connector.common.Heartbeat"), {"ts_ms": 1})
CHANGES = [
    envelope("c", None, X), envelope("r", None, Y), envelope("u", X, Y), envelope("u", None, Y, tx=TX), envelope("d", X, None),
    envelope("d", Y, None, tx=TX), envelope("t", None, None), None, HEARTBEAT, typed(schema("string"), "plain"),
]
CASES = []


def case(cls, config, rec):
    CASES.append({"class": "io.debezium." + cls, "config": {k: str(v) for k, v in config.items()}, "record": rec})


def each(cls, config, changes=CHANGES, **more):
    for change in changes:
        case(cls, config, record(change, **more))


# ExtractNewRecordState
UNWRAP = "transforms.ExtractNewRecordState"
MODE = "delete.tombstone.handling.mode"
for mode in ("tombstone", "drop", "rewrite", "rewrite-with-tombstone", "delete-to-tombstone"):
    for replace in ("true", "false"):
        each(UNWRAP, {MODE: mode, "replace.null.with.default": replace})
    each(UNWRAP, {MODE: mode, "add.fields": "op,table,lsn,source.ts_ms:at,before.a,after.id,transaction.id,id:tx,total_order,snapshot,nope,source.nope",
                  "add.headers": "op,ts_ms,db,before.b,source.snapshot,transaction.id:t"})
    each(UNWRAP, {MODE: mode, "route.by.field": "a"})
for prefixes in ({"add.fields.prefix": "cdc.", "add.headers.prefix": ""}, {"add.fields.prefix": "", "add.headers.prefix": "h-"}):
    each(UNWRAP, {"add.fields": "op,source.db", "add.headers": "op,source.db", **prefixes})
for field in ("id", "zz"):
    each(UNWRAP, {"route.by.field": field}, CHANGES[:5])
case(UNWRAP, {"route.by.field": "a"}, record(envelope("c", None, {**X, "a": ""})))
case(UNWRAP, {"route.by.field": "a"}, record(envelope("c", None, {**X, "a": None})))
NAMES = {"type": "array", "items": schema("string"), "optional": False}
for compatible in ("true", "false"):
    for from_key in ("true", "false"):
        for names in (["a", "b"], ["a", "id"], [], ["zz"], ["__op", "b"]):
            config = {"drop.fields.header.name": "drop", "drop.fields.keep.schema.compatible": compatible,
                      "drop.fields.from.key": from_key, MODE: "rewrite", "add.fields": "op"}
            each(UNWRAP, config, [CHANGES[0], CHANGES[2], CHANGES[4]], headers=[header("drop", NAMES, names)])
each(UNWRAP, {"drop.fields.header.name": "drop"}, CHANGES[:5], headers=[header("drop", NAMES, ["a"])])
each(UNWRAP, {"drop.fields.header.name": "drop"}, CHANGES[:5])
each(UNWRAP, {"add.fields": "op,extra"}, [envelope("c", None, X, more=[("extra", schema("string", True), "e")])])
each(UNWRAP, {MODE: "nope"}, CHANGES[:1])
each(UNWRAP, {"add.fields": "op:a:b"}, CHANGES[:1])

# outbox.EventRouter
OUTBOX = "transforms.outbox.EventRouter"
OUT = [
    ("id", schema("string", name="io.debezium.data.Uuid", version=1)), ("aggregatetype", schema("string")),
    ("aggregateid", schema("string")), ("type", schema("string")), ("payload", schema("string", True, name="io.debezium.data.Json", version=1)),
    ("us", schema("int64", True, name=T + "MicroTimestamp", version=1)), ("ns", schema("int64", True, name=T + "NanoTimestamp", version=1)),
    ("ms", schema("int64", True, name=T + "Timestamp", version=1)), ("tenant", schema("string", True, default="none")),
    ("shard", schema("int32", True)), ("plain", schema("int64", True)),
]


def outbox(payload, op="c", **more):
    row = {"id": "11111111-0000-0000-0000-000000000001", "aggregatetype": "order", "aggregateid": "o-1", "type": "Created", "payload": payload,
           "us": 1714979289123456, "ns": 1714979289123456789, "ms": 1714979289123, "tenant": None, "shard": 3, "plain": 5, **more}
    return envelope(op, None if op != "d" else row, None if op in "dt" else row, OUT, name="srv.public.outbox")


PAYLOADS = ['{"id": 1, "total": 9.5, "lines": [{"sku": "a", "qty": 2}], "note": null}', "plain", "", "  ", None, "{}", "{broken"]
for payload in PAYLOADS:
    for tombstones in ("true", "false"):
        case(OUTBOX, {"route.tombstone.on.empty.payload": tombstones}, record(outbox(payload)))
        case(OUTBOX, {"route.tombstone.on.empty.payload": tombstones, "table.fields.additional.placement": "type:envelope"}, record(outbox(payload)))
for op in "rudt":
    for behaviour in ("warn", "error", "fatal"):
        case(OUTBOX, {"table.op.invalid.behavior": behaviour}, record(outbox("{}", op)))
for other in (None, HEARTBEAT, CHANGES[0]):
    case(OUTBOX, {}, record(other))
for column in ("us", "ns", "ms", "plain", "tenant", "zz"):
    case(OUTBOX, {"table.field.event.timestamp": column}, record(outbox("{}")))
for name in ("id", "key", "payload"):
    case(OUTBOX, {"table.field.event." + name: "tenant"}, record(outbox("{}")))
    case(OUTBOX, {"table.field.event." + name: "zz"}, record(outbox("{}")))
for placement in ("type:header", "type:header:kind,tenant:header", "shard:partition", "tenant:envelope:org,type:envelope", "plain:partition",
                  "zz:header", "zz:envelope", "type", "type:nope", "type:header,shard:partition,us:envelope:at"):
    for missing in ("error", "ignore"):
        case(OUTBOX, {"table.fields.additional.placement": placement, "table.field.additional.missing": missing}, record(outbox("{}")))
case(OUTBOX, {"table.fields.additional.placement": "type:envelope", "table.field.event.schema.version": "shard"}, record(outbox("{}")))
for field, regex, replacement in (("type", "(.*)(ed)", "ev.$1.$2"), ("type", "x", "y"), ("tenant", "(.*)", "$1"), ("shard", "(.*)", "$1"),
                                  ("aggregatetype", "(?<routedByValue>o).*", "${routedByValue}!")):
    case(OUTBOX, {"route.by.field": field, "route.topic.regex": regex, "route.topic.replacement": replacement}, record(outbox("{}")))
JSONS = PAYLOADS[:1] + PAYLOADS[5:] + [
    '{"z": 1, "a": 3000000000, "m": 1.5, "t": true, "s": "x", "o": {"q": {"r": 1}}, "e": [], "n": null}',
    '{"l": [1, 2, null]}', '{"l": [[1], [2]]}', '{"l": ["a", null]}', '{"l": [true, false]}',
    '{"l": [{"a": {"b": 1}}]}', '{"l": [{"a": 1}, {"a": 2}]}', '{"e": {}}', '{"a": -1, "a": 2}', '{"f": 1e3, "g": 1.0}',
    '{"l": [{"a": 1, "n": null}, {"a": 2, "n": null}]}',
]
for payload in JSONS:
    for nulls in ("ignore", "optional_bytes"):
        case(OUTBOX, {"table.expand.json.payload": "true", "table.json.payload.null.behavior": nulls}, record(outbox(payload)))
case(OUTBOX, {"table.expand.json.payload": "true", "table.fields.additional.placement": "type:envelope"}, record(outbox(PAYLOADS[0])))

# ByLogicalTableRouter
LOGICAL = "transforms.ByLogicalTableRouter"
ROUTE = {"topic.regex": r"(.*)\.t", "topic.replacement": "$1.all-t"}
for more in ({}, {"key.enforce.uniqueness": "false"}, {"key.field.name": "from"}, {"schema.name.adjustment.mode": "avro"},
             {"key.field.regex": r"(.*)\.(.*)", "key.field.replacement": "$2"}, {"key.field.regex": "x", "key.field.replacement": "y"},
             {"topic.regex": "x"}, {"topic.replacement": ""}, {"key.field.regex": "x"}, {"topic.regex": "("}):
    each(LOGICAL, {**ROUTE, **more}, [CHANGES[2], CHANGES[4], None, HEARTBEAT])
case(LOGICAL, {}, record(CHANGES[0]))

# PartitionRouting
PARTITION = "transforms.partitions.PartitionRouting"
for function in ("java", "murmur"):
    for fields in ("change.id", "change.a", "before.id,after.id", "after.b", "source.table,op", "source.snapshot", "after.zz", "change.ts", "zz.y", "transaction.id", "op"):
        each(PARTITION, {"partition.payload.fields": fields, "partition.topic.num": 7, "partition.hash.function": function})
for config in ({}, {"partition.payload.fields": "op"}, {"partition.payload.fields": "op", "partition.topic.num": 0}):
    case(PARTITION, config, record(CHANGES[0]))

# ExtractChangedRecordState
CHANGED = "transforms.ExtractChangedRecordState"
for config in ({}, {"header.changed.name": "Changed"}, {"header.unchanged.name": "Same"}, {"header.changed.name": "C", "header.unchanged.name": "S"}):
    each(CHANGED, config)
    each(CHANGED, config, [envelope("u", X, X), envelope("u", X, {**X, "b": 3}), envelope("u", {**X, "a": None}, X)])

# HeaderToValue
TO_VALUE = "transforms.HeaderToValue"
HEADERS = [header("h1", schema("int32"), 1), header("h2", NAMES, ["q"]), header("x", schema("string"), "s")]
for operation in ("move", "copy"):
    for fields in ("one,two", "one,source.two"):
        each(TO_VALUE, {"headers": "h1,h2", "fields": fields, "operation": operation}, CHANGES[:9], headers=HEADERS)
    each(TO_VALUE, {"headers": "nope", "fields": "f", "operation": operation}, CHANGES[:2], headers=HEADERS)
for config in ({}, {"headers": "a,b", "fields": "a", "operation": "move"}, {"headers": "a", "fields": "a", "operation": "x"},
               {"headers": "h1", "fields": "zz.a", "operation": "copy"}, {"headers": "h1", "fields": "op.a", "operation": "copy"}):
    case(TO_VALUE, config, record(CHANGES[0], headers=HEADERS))

# TimezoneConverter
ZONE = "transforms.TimezoneConverter"
for zone in ("Asia/Tokyo", "+09:00", "-09:30", "UTC", "America/New_York", "Mars/Olympus", "+9", "GMT"):
    each(ZONE, {"converted.timezone": zone}, CHANGES[:6] + [None, HEARTBEAT])
for lists in ({"include.list": "source:t"}, {"include.list": "source:other"}, {"include.list": "topic:srv.public.t:tz"},
              {"include.list": "source:t:after.ts"}, {"include.list": "t:source.ts_ms"}, {"include.list": "source:other,t"},
              {"exclude.list": "source:t"}, {"exclude.list": "source:other"}, {"exclude.list": "topic:srv.public.t:tz"},
              {"exclude.list": "t:before.ts"}, {"include.list": "a:b:c:d"}, {"include.list": "source:t", "exclude.list": "source:t"}):
    each(ZONE, {"converted.timezone": "+05:30", **lists}, [CHANGES[2]])
case(ZONE, {}, record(CHANGES[0]))


def micro(text):
    from datetime import datetime, timezone
    return int(datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()) * 1000000 + 1


for text in ("2020-03-08T01:30:00", "2020-03-08T02:30:00", "2020-03-08T03:30:00", "2020-03-08T06:30:00", "2020-03-08T07:30:00", "2020-11-01T00:30:00",
             "2020-11-01T01:30:00", "2020-11-01T02:30:00", "2020-11-01T05:30:00", "2020-11-01T06:30:00"):
    row = {**X, "ts": micro(text), "ms": micro(text) // 1000, "tz": text + "Z"}
    case(ZONE, {"converted.timezone": "America/New_York"}, record(envelope("c", None, row)))

# HeaderToValue on nulls of fields with a default
FLAT = typed(struct(COLUMNS, name="srv.public.t.Value"), X)
NESTED = typed(struct([("k", schema("int32", True, default=9)), ("inner", struct(COLUMNS, True)), ("other", struct(COLUMNS, True))]),
               {"k": None, "inner": X, "other": X})
for value, fields in ((FLAT, "one"), (NESTED, "one"), (NESTED, "inner.one"), (NESTED, "new.one")):
    case(TO_VALUE, {"headers": "h1", "fields": fields, "operation": "copy"}, record(value, headers=HEADERS))
for fields in ("after.one", "before.deep.one"):
    each(TO_VALUE, {"headers": "h1", "fields": fields, "operation": "copy"}, CHANGES[:7], headers=HEADERS)

# Payloads of the outbox
PAYLOADS = [
    '[1,2]', '[]', '{"n":12345678901234567890}', '{"n":1e400}', '{"a":[1,2.5]}', '{"a":[1,5000000000]}', '{"a":[[1],[2]]}',
    '{"a":[null]}', '{"a":[null,1]}', '{"a":[]}', '{"a":{}}', '{"a":null}', '{}', '{"a.b":1}', '{"a":1,"a":2}', '"x"', '1', 'null', 'true', ' {"a":1}',
    '{"a":1} x', '{"a":"\\u0000"}', '{"a":1.10}', '{"a":-0.0}', '{"a":-0}', '{"a":0.1e1}', '{"a":1E5}', '{"a":[1,"x"]}', '{"a":[true,false]}',
    '{"a":[{"b":null},{"b":1}]}', '{"a":[{"b":[]},{"b":[1]}]}', '{"a":[{"b":1},{"b":"x"}]}', '{"a":[{"b":1},null]}', '{"a":[[],[1]]}', '{"":1}', '{"a":' * 60 + '1' + '}' * 60,
]
PAYLOAD_COLUMNS = [("id", schema("string")), ("aggregatetype", schema("string")), ("aggregateid", schema("string")), ("type", schema("string")),
                   ("payload", schema("string", True, name="io.debezium.data.Json", version=1))]
for text in PAYLOADS:
    for more in ({}, {"table.json.payload.null.behavior": "optional_bytes", "table.json.payload.empty.array.behavior": "optional_string"}):
        event = envelope("c", None, {"id": "1", "aggregatetype": "o", "aggregateid": "k", "type": "t", "payload": text}, PAYLOAD_COLUMNS)
        case("transforms.outbox.EventRouter", {"table.expand.json.payload": "true", **more}, record(event))

# DecodeLogicalDecodingMessageContent
DECODE = "connector.postgresql.transforms.DecodeLogicalDecodingMessageContent"


def message(content, kind="bytes"):
    inner = struct([("prefix", schema("string", True)), ("content", schema(kind, True))], name="io.debezium.connector.postgresql.Message", version=1)
    fields = [("op", schema("string")), ("ts_ms", schema("int64", True)), ("source", struct(SOURCE, name="io.debezium.connector.postgresql.Source")), ("message", inner)]
    payload = {"op": "m", "ts_ms": 1, "source": SOURCE_VALUE, "message": {"prefix": "p", "content": content}}
    return typed(struct(fields, name="io.debezium.connector.postgresql.MessageValue", version=1), payload)


def base64(text):
    import base64
    return base64.b64encode(text.encode()).decode()


for nulls in ("true", "false"):
    for text in ('{"id": 1, "n": null, "o": {"l": [{"a": 1}]}}', "plain", "{broken"):
        case(DECODE, {"fields.null.include": nulls}, record(message(base64(text))))
case(DECODE, {}, record(message("{}", "string")))
case(DECODE, {}, record(CHANGES[0]))

# VectorToJsonConverter
VECTOR = "transforms.VectorToJsonConverter"
ARRAY = lambda kind, name: {"type": "array", "items": schema(kind), "optional": True, "name": "io.debezium.data." + name, "version": 1}
V = [("id", schema("int32")), ("f", ARRAY("float", "FloatVector")), ("d", ARRAY("double", "DoubleVector"))]
for row in ({"id": 1, "f": [1, -0.5, 0.25, 20000000000, 0.000125], "d": [0.1, 1e300, 123456.789, 0.0]}, {"id": 1, "f": None, "d": []}):
    case(VECTOR, {}, record(envelope("c", None, row, V)))
    case(VECTOR, {}, record(typed(struct(V, name="flat"), row)))
each(VECTOR, {}, CHANGES[:2] + [None])

# ExtractSchemaToNewRecord
SCHEMA = "transforms.ExtractSchemaToNewRecord"


def told(name, kind, length=None, scale=None, comment=None, **more):
    known = {"column.type": kind, "column.name": name, "column.length": length, "column.scale": scale, "column.comment": comment}
    return {"parameters": {"__debezium.source." + k: v for k, v in known.items() if v is not None}, **more}


TOLD = [("id", schema("int32", **told("id", "INT4", "10", "0"))), ("a", schema("string", True, **told("A", "VARCHAR", "20", comment="what")))]
for config in ({}, {"schema.name.adjustment.mode": "avro"}):
    for change in (("c", None, {"id": 1, "a": "x"}), ("d", {"id": 1, "a": None}, None), ("t", None, None)):
        case(SCHEMA, config, record(envelope(*change, TOLD)))
each(SCHEMA, {}, [CHANGES[0], None, HEARTBEAT])

# SwapGeometryCoordinates
SWAP = "transforms.SwapGeometryCoordinates"
GEOMETRY = struct([("wkb", schema("bytes")), ("srid", schema("int32", True))], True, name="io.debezium.data.geometry.Geometry", version=1)


def wkb(code, *parts):
    import struct as binary
    out = b"\x01" + binary.pack("<I", code)
    for part in parts:
        out += part if isinstance(part, bytes) else binary.pack("<I" if isinstance(part, int) else "<d", part)
    return out


def geometry(bytes_, srid=4326):
    import base64
    return {"wkb": base64.b64encode(bytes_).decode(), "srid": srid}


POINT = wkb(1, 1.5, 2.5)
SHAPES = [POINT, wkb(2, 2, 1.0, 2.0, 3.0, 4.0), wkb(3, 1, 4, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 0.0, 1.0), wkb(4, 2, POINT, POINT),
          wkb(5, 1, wkb(2, 2, 1.0, 2.0, 3.0, 4.0)), wkb(7, 1, POINT), wkb(0x20000001, 4326, 1.5, 2.5), wkb(0x80000001, 1.0, 2.0, 3.0),
          wkb(1001, 1.0, 2.0, 3.0), wkb(0xA0000001, 4326, 1.0, 2.0, 3.0), wkb(6, 1, wkb(3, 1, 3, 0.0, 1.0, 2.0, 3.0, 0.0, 1.0))]
for shape in SHAPES:
    for srid in (4326, 5, None):
        case(SWAP, {}, record(typed(struct([("g", GEOMETRY)]), {"g": geometry(shape, srid)})))
case(SWAP, {"srids": "5"}, record(envelope("c", None, {"id": 1, "g": geometry(POINT, 5)}, [("id", schema("int32")), ("g", GEOMETRY)])))
case(SWAP, {"srids": "x"}, record(CHANGES[0]))


# What is no change event, through all of them
TX_VALUE = typed(struct([("status", schema("string")), ("id", schema("string")), ("event_count", schema("int64", True)), ("ts_ms", schema("int64"))],
                        name="io.debezium.connector.common.TransactionMetadataValue", version=1), {"status": "END", "id": "7:99", "event_count": 2, "ts_ms": 1})
OTHERS = [TX_VALUE, HEARTBEAT, message(base64("{}")), typed(None, {"op": "c", "after": {"id": 1}}), typed(None, "text"), typed(None, [1, 2]), typed(schema("int64"), 5),
          typed(struct([("id", schema("int32"))], name="plain"), {"id": 1}), typed(struct([("id", schema("int32"))], True, name="srv.public.t.Envelope"), None),
          typed(struct([("op", schema("string"))], name="srv.public.t.Envelope"), {"op": "c"}), None]
for cls, config in ((UNWRAP, {}), (UNWRAP, {"delete.tombstone.handling.mode": "rewrite-with-tombstone", "add.fields": "op", "add.headers": "op"}), (OUTBOX, {}),
                    (CHANGED, {"header.changed.name": "C"}), (TO_VALUE, {"headers": "h1", "fields": "one", "operation": "move"}),
                    (ZONE, {"converted.timezone": "Asia/Tokyo"}), (VECTOR, {}), (SCHEMA, {}), (DECODE, {}),
                    ("transforms.ByLogicalTableRouter", {"topic.regex": "(.*)", "topic.replacement": "all"}),
                    ("transforms.partitions.PartitionRouting", {"partition.payload.fields": "change.id", "partition.topic.num": 3}),
                    ("transforms.SwapGeometryCoordinates", {}), ("transforms.SchemaChangeEventFilter", {"schema.change.event.exclude.list": "DATABASE"})):
    each(cls, config, OTHERS, headers=[header("h1", schema("int32"), 1)])
    case(cls, config, {"topic": "srv.public.t", "value": CHANGES[0]})
    case(cls, config, {"topic": "srv.public.t", "key": typed(schema("string"), "k"), "value": CHANGES[0]})
    case(cls, config, {"topic": "srv.public.t", "key": typed(None, {"id": 1}), "value": CHANGES[0]})


def pack(node, known):
    """The node with numbers for what was printed before."""
    if isinstance(node, list):
        return [pack(part, known) for part in node]
    if not isinstance(node, dict):
        return node
    node = {name: pack(part, known) for name, part in node.items()}
    if node.get("type") != "struct" and "topic" not in node:
        return node
    text = json.dumps(node, ensure_ascii=False, separators=(",", ":"))
    if len(text) < 100:
        return node
    if text not in known:
        known[text] = len(known)
        print('{"keep":%d,"is":%s}' % (known[text], text))
    return {"$": known[text]}


if sys.argv[1:] == ["pack"]:
    KNOWN = {}
    for line in sys.stdin:
        if line.startswith("{"):
            vector = pack(json.loads(line), KNOWN)
            print(json.dumps(vector, ensure_ascii=False, separators=(",", ":")))
else:
    for line in CASES:
        print(json.dumps(line, ensure_ascii=False))
