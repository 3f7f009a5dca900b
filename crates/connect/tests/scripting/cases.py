#!/usr/bin/env python3
"""Writes the cases that ../kafka_transforms/Oracle.java runs through Debezium's Filter and ContentBasedRouter: expressions over records.

  CP='<debezium-scripting, Groovy 4.0.17, GraalJS 23.0.9 and the jars of Debezium 3.6.3>/*'
  python3 cases.py | java -Duser.timezone=UTC -cp "$CP" ../kafka_transforms/Oracle.java | python3 cases.py pack > vectors.jsonl

`pack` writes the records first, then a line for each expression with an answer for each record: of Filter whether it goes on, of
ContentBasedRouter its topic, null for an error; or "refused" in place of all. debezium-scripting is 3.5.0, the last that was published
when this was recorded.
"""
import json
import sys

T = "io.debezium.time."
KAFKA = "org.apache.kafka.connect.data."


def schema(kind, optional=False, **more):
    return {"type": kind, "optional": optional, **more}


def struct(fields, optional=False, **more):
    return {"type": "struct", "fields": [{**s, "field": f} for f, s in fields], "optional": optional, **more}


def decimal(scale, optional=True):
    return schema("bytes", optional, name=KAFKA + "Decimal", version=1, parameters={"scale": str(scale)})


def typed(sch, payload):
    return {"schema": sch, "payload": payload}


COLUMNS = [
    ("id", schema("int32")), ("name", schema("string", True)), ("price", decimal(2)), ("total", decimal(0)), ("fine", decimal(20)),
    ("big", decimal(0)), ("active", schema("boolean", True)), ("qty", schema("int64", True)), ("small", schema("int16", True)),
    ("ratio", schema("double", True)), ("rate", schema("float", True)), ("n", schema("int32", True, default=7)),
    ("tags", {"type": "array", "items": schema("string", True), "optional": True}),
    ("nums", {"type": "array", "items": schema("int32", True), "optional": True}),
    ("attrs", {"type": "map", "keys": schema("string"), "values": schema("string", True), "optional": True}),
    ("country", struct([("value", schema("string", True)), ("set", schema("boolean"))], True)),
    ("created_at", schema("int64", True, name=T + "MicroTimestamp", version=1)),
    ("at", schema("string", True, name=T + "ZonedTimestamp", version=1)), ("day", schema("int32", True, name=T + "Date", version=1)),
    ("doc", schema("string", True, name="io.debezium.data.Json", version=1)), ("raw", schema("bytes", True)),
    ("status", schema("string", True)), ("schema", schema("string", True)), ("text", schema("string", True)),
]
SOURCE = [
    ("version", schema("string")), ("connector", schema("string")), ("name", schema("string")), ("ts_ms", schema("int64")),
    ("snapshot", schema("string", True, default="false")), ("db", schema("string")), ("sequence", schema("string", True)),
    ("schema", schema("string")), ("table", schema("string")), ("txId", schema("int64", True)), ("lsn", schema("int64", True)),
]
TRANSACTION = [("id", schema("string")), ("total_order", schema("int64")), ("data_collection_order", schema("int64"))]
FROM = {"version": "3", "connector": "postgresql", "name": "srv", "ts_ms": 1577880000123, "snapshot": "false", "db": "shop",
        "sequence": None, "schema": "public", "table": "orders", "txId": 7, "lsn": 99}
# price 19.99, total 100, fine 0.00000000000000000007, big 2^70
ANNA = dict(id=7, name="Anna", price="B88=", total="ZA==", fine="Bw==", big="QAAAAAAAAAAA", active=True, qty=5000000000, small=300, ratio=2.5,
            rate=0.1, n=None, tags=["a", "b"], nums=[1, 2, 3], attrs={"color": "red", "size": None}, country={"value": "UK", "set": True},
            created_at=1577872800000001, at="2020-07-01T10:00:00.120000Z", day=18262, doc="{\"a\": {\"b\": 5}}", raw="AQID", status="ACTIVE",
            schema="s1", text=" Grüße, \n\U0001f600 ")
BOB = dict(id=2, name="bob", price="AQ==", total="AA==", fine="AA==", big="/w==", active=False, qty=0, small=-1, ratio=0.0, rate=1e10, n=3,
           tags=[], nums=[None, -5], attrs={}, country={"value": None, "set": False}, created_at=-1, at=None, day=0, doc="not json", raw="",
           status="deleted", schema=None, text="")
NONE = dict.fromkeys(ANNA) | dict(id=0)


def envelope(op, before, after, tx=None, **source):
    row = lambda: struct(COLUMNS, True, name="srv.public.orders.Value")
    fields = [("before", row()), ("after", row()), ("source", struct(SOURCE, name="io.debezium.connector.postgresql.Source", version=1)),
              ("transaction", struct(TRANSACTION, True, name="event.block", version=1)), ("op", schema("string")),
              ("ts_ms", schema("int64", True))]
    value = {"before": before, "after": after, "source": FROM | source, "transaction": tx, "op": op, "ts_ms": 1577880000456}
    return typed(struct(fields, name="srv.public.orders.Envelope", version=2), value)


def record(value, key=7, topic="srv.public.orders", headers=None):
    key = typed(struct([("id", schema("int32"))], name="srv.public.orders.Key"), {"id": key}) if isinstance(key, int) else key
    known = {"topic": topic, "key": key, "value": value, "headers": headers}
    return {name: part for name, part in known.items() if part is not None}


def header(name, kind, payload):
    return {"key": name, "value": typed(schema(kind), payload)}


HEADERS = [header("idh", "int32", 10), header("tenant", "string", "acme"), header("tenant", "string", "acme2"), header("x-y", "boolean", True)]
HEARTBEAT = typed(struct([("ts_ms", schema("int64"))], name="io.debezium.connector.common.Heartbeat"), {"ts_ms": 1})
FLAT = typed(struct([("id", schema("int32")), ("status", schema("string")), ("__op", schema("string")), ("__deleted", schema("string"))],
                    name="srv.public.orders.Value"), {"id": 1, "status": "ACTIVE", "__op": "c", "__deleted": "false"})
TX = typed(struct([("status", schema("string")), ("id", schema("string")), ("event_count", schema("int64", True))],
                  name="io.debezium.connector.common.TransactionMetadataValue"), {"status": "BEGIN", "id": "7:99", "event_count": None})
RECORDS = [
    record(envelope("c", None, ANNA), headers=HEADERS),
    record(envelope("u", BOB, ANNA, {"id": "7:99", "total_order": 1, "data_collection_order": 2})),
    record(envelope("u", None, BOB), 2, "srv.public.users"),
    record(envelope("d", ANNA, None, table="audit", schema="sales")),
    record(envelope("r", None, NONE, snapshot="last"), 0),
    record(envelope("t", None, None), None),
    record(None),
    record(HEARTBEAT, None, "__debezium-heartbeat.srv"),
    record(TX, None, "srv.transaction"),
    record(FLAT, 1),
]

GROOVY = "jsr223.groovy"
JS = "jsr223.graal.js"
CASES = []


def each(kind, expression, language=GROOVY, **more):
    option = {"Filter": "condition", "ContentBasedRouter": "topic.expression"}[kind]
    config = {"language": language, option: expression, **{name.replace("_", "."): value for name, value in more.items()}}
    for at, rec in enumerate(RECORDS):
        CASES.append({"class": "io.debezium.transforms." + kind, "config": config, "at": at, "record": rec})


def lines(text):
    return [line.strip() for line in text.strip().splitlines() if line.strip()]


from expressions import CONDITIONS, JS_CONDITIONS, JS_TEXTS, OPTIONS, TEXTS, TOPICS  # noqa: E402

for line in lines(CONDITIONS):
    each("Filter", line)
for line in lines(TOPICS):
    each("ContentBasedRouter", line)
for line in lines(TEXTS):
    each("ContentBasedRouter", f"'=' + ({line})")
for line in lines(JS_CONDITIONS):
    each("Filter", line, JS)
for line in lines(JS_TEXTS):
    each("ContentBasedRouter", f"'=' + ({line})", JS)
for kind, expression, options in OPTIONS:
    each(kind, expression, **options)


def answer(vector):
    if "config_error" in vector:
        return "refused"
    if "error" in vector:
        return None
    if vector["class"].endswith("Filter"):
        return vector["result"] is not None
    return "dropped" if vector["result"] is None else vector["result"].get("topic", vector["record"]["topic"])


if __name__ == "__main__" and sys.argv[1:] == ["pack"]:
    for rec in RECORDS:
        print(json.dumps(rec, ensure_ascii=False))
    rows = {}
    for line in sys.stdin:
        if line.startswith("{"):
            vector = json.loads(line)
            rows.setdefault((vector["class"].rsplit(".", 1)[1], json.dumps(vector["config"])), {})[vector["at"]] = answer(vector)
    for (kind, config), answers in rows.items():
        assert len(answers) == len(RECORDS), config
        answers = [answers[at] for at in sorted(answers)]
        refused = "refused" in answers
        print(json.dumps({"class": kind, "config": json.loads(config), "answers": "refused" if refused else answers}, ensure_ascii=False))
elif __name__ == "__main__":
    for vector in CASES:
        print(json.dumps(vector))
