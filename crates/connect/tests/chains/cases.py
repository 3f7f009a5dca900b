#!/usr/bin/env python3
"""Writes chains of transforms as people publish them, over records; ../kafka_transforms/Oracle.java runs each through the real classes.

  CP='<debezium-scripting, Groovy 4.0.17, and the jars of Debezium 3.6.3 and Kafka Connect 4.3.1>/*'
  python3 cases.py | java -Duser.timezone=UTC -cp "$CP" ../kafka_transforms/Oracle.java | python3 cases.py pack > vectors.jsonl

`pack` writes the records first, then each chain with what became of each record: what changed, null, or "error"; or "refused" in place
of all. {"keep": n, ...} gives a schema a number, {"$": n} stands for it.
"""
import json
import sys

T = "io.debezium.time."
KAFKA = "org.apache.kafka.connect.data."


def schema(kind, optional=False, **more):
    return {"type": kind, "optional": optional, **more}


def struct(fields, optional=False, **more):
    return {"type": "struct", "fields": [{**s, "field": f} for f, s in fields], "optional": optional, **more}


def typed(sch, payload):
    return {"schema": sch, "payload": payload}


TEXT = schema("string", True)
CUSTOMER = [
    ("id", schema("int32")), ("name", TEXT), ("email", TEXT), ("phone", TEXT), ("ssn", TEXT), ("status", TEXT),
    ("region", TEXT), ("amount", schema("bytes", True, name=KAFKA + "Decimal", version=1, parameters={"scale": "2"})),
    ("quantity", schema("int32", True, default=1)), ("active", schema("boolean", True)),
    ("created_at", schema("int64", True, name=KAFKA + "Timestamp", version=1)),
    ("updated_at", schema("int64", True, name=T + "MicroTimestamp", version=1)), ("changed_at", schema("int64", True)),
    ("birth_date", schema("int32", True, name=T + "Date", version=1)), ("visit_date", schema("int32", True, name=KAFKA + "Date", version=1)),
    ("seen_at", schema("string", True, name=T + "ZonedTimestamp", version=1)), ("doc", schema("string", True, name="io.debezium.data.Json", version=1)),
    ("tenant", TEXT), ("aggregate_type", TEXT),
]
ANNA = dict(id=7, name="Anna", email="anna@example.com", phone="0123", ssn="1-2", status="ACTIVE", region="EU", amount="B88=", quantity=None,
            active=True, created_at=1577872800123, updated_at=1577872800000001, changed_at=1577872800123, birth_date=3652, visit_date=18262,
            seen_at="2020-07-01T10:00:00.120000Z", doc="{\"a\": 1}", tenant="t1", aggregate_type="Order1")
BOB = dict.fromkeys(ANNA) | dict(id=2, name="Bob", email="", status="DELETED", quantity=5, active=False, region="US")
OUTBOX = [
    ("id", schema("string", False, name="io.debezium.data.Uuid", version=1)), ("event_id", TEXT), ("aggregatetype", TEXT), ("aggregate_type", TEXT),
    ("aggregateid", TEXT), ("aggregate_id", TEXT), ("correlation_id", TEXT), ("partition_key", TEXT), ("message_key", TEXT), ("type", TEXT),
    ("event_type", TEXT), ("event_name", TEXT), ("payload", schema("string", True, name="io.debezium.data.Json", version=1)), ("data", TEXT),
    ("topic", TEXT), ("context_name", TEXT), ("created_at", schema("int64", True)), ("timestamp", schema("int64", True, name=T + "MicroTimestamp", version=1)),
    ("occurred_at", schema("string", True, name=T + "ZonedTimestamp", version=1)), ("source", TEXT), ("content_type", TEXT), ("traceparent", TEXT),
    ("tracestate", TEXT), ("tracingspancontext", TEXT), ("version", schema("int32", True)), ("part", schema("int32", True)),
]
EVENT = dict(id="59a42efd-b015-44a9-9dde-cb36d9002425", event_id="e1", aggregatetype="order", aggregate_type="Order", aggregateid="k1", aggregate_id="k2",
             correlation_id="c1", partition_key="p1", message_key="m1", type="OrderCreated", event_type="OrderPlaced", event_name="placed",
             payload="{\"id\": 1, \"total\": 2.5, \"lines\": [{\"sku\": \"a\", \"n\": 1}], \"note\": null}", data="plain data", topic="orders.v1",
             context_name="stock", created_at=1577872800123, timestamp=1577872800000001, occurred_at="2020-07-01T10:00:00.120000Z", source="/shop",
             content_type="application/json", traceparent="00-4bf9-01", tracestate=None, tracingspancontext="x=y", version=3, part=2)
EMPTY = EVENT | dict(payload=None, data=None)
PLAIN = EVENT | dict(payload="no json", aggregateid=None)
SOURCE = [
    ("version", schema("string")), ("connector", schema("string")), ("name", schema("string")), ("ts_ms", schema("int64")),
    ("snapshot", schema("string", True, name="io.debezium.data.Enum", version=1, parameters={"allowed": "true,last,false"}, default="false")),
    ("db", schema("string")), ("sequence", TEXT), ("ts_us", schema("int64", True)), ("ts_ns", schema("int64", True)), ("schema", schema("string")),
    ("table", schema("string")), ("txId", schema("int64", True)), ("lsn", schema("int64", True)), ("xmin", schema("int64", True)),
]
TRANSACTION = [("id", schema("string")), ("total_order", schema("int64")), ("data_collection_order", schema("int64"))]


def envelope(table, columns, op, before, after):
    row = lambda: struct(columns, True, name=f"srv.public.{table}.Value")
    source = {"version": "3.6.3.Final", "connector": "postgresql", "name": "srv", "ts_ms": 1577880000123, "snapshot": "false", "db": "shop",
              "sequence": "[null,\"99\"]", "ts_us": 1577880000123000, "ts_ns": 1577880000123000000, "schema": "public", "table": table, "txId": 7,
              "lsn": 99, "xmin": None}
    fields = [("before", row()), ("after", row()), ("source", struct(SOURCE, name="io.debezium.connector.postgresql.Source", version=1)),
              ("transaction", struct(TRANSACTION, True, name="event.block", version=1)), ("op", schema("string")), ("ts_ms", schema("int64", True)),
              ("ts_us", schema("int64", True)), ("ts_ns", schema("int64", True))]
    value = {"before": before, "after": after, "source": source, "transaction": None, "op": op, "ts_ms": 1577880000456, "ts_us": 1577880000456000,
             "ts_ns": 1577880000456000000}
    return typed(struct(fields, name=f"srv.public.{table}.Envelope", version=2), value)


def record(table, value, kind="int32", key=7):
    key = typed(struct([("id", schema(kind))], name=f"srv.public.{table}.Key"), {"id": key})
    return {"topic": f"srv.public.{table}", "timestamp": 1577880000456, "key": key, "value": value}


HEARTBEAT = {"topic": "__debezium-heartbeat.srv", "key": typed(struct([("serverName", schema("string"))], name="io.debezium.connector.common.ServerNameKey"), {"serverName": "srv"}),
             "value": typed(struct([("ts_ms", schema("int64"))], name="io.debezium.connector.common.Heartbeat", version=1), {"ts_ms": 1})}
customer = lambda op, before, after: record("customers", envelope("customers", CUSTOMER, op, before, after))
outbox = lambda op, before, after: record("outbox", envelope("outbox", OUTBOX, op, before, after), "string", EVENT["id"])
RECORDS = {
    "customers": [customer("c", None, ANNA), customer("u", BOB, ANNA), customer("r", None, BOB), customer("d", ANNA, None),
                  customer("t", None, None), record("customers", None), HEARTBEAT],
    "outbox": [outbox("c", None, EVENT), outbox("c", None, EMPTY), outbox("r", None, PLAIN), outbox("u", None, EVENT), outbox("d", EVENT, None),
               record("outbox", None, "string", EVENT["id"]), HEARTBEAT],
}


def chains():
    """Blocks with an empty line between them: the table, then `name=value` lines of the configuration, without `transforms.`."""
    with open(sys.path[0] + "/chains.txt", encoding="utf-8") as file:
        blocks = [block for block in file.read().split("\n\n") if block.strip()]
    for block in blocks:
        table, *lines = [line for line in block.strip().split("\n") if not line.startswith("#")]
        config = {}
        for line in lines:
            name, _, value = line.partition("=")
            config[name if name.startswith(("transforms", "predicates")) else "transforms." + name] = value.replace("\\n", "\n")
        yield table, config


def packed(node, known):
    """With a number in place of each schema; new ones are written first."""
    if isinstance(node, list):
        return [packed(part, known) for part in node]
    if not isinstance(node, dict):
        return node
    node = {name: packed(part, known) for name, part in node.items()}
    text = json.dumps(node, sort_keys=True)
    if "type" not in node or len(text) < 60:
        return node
    if text not in known:
        known[text] = len(known)
        print(json.dumps({"keep": known[text], "is": node}, ensure_ascii=False))
    return {"$": known[text]}


if sys.argv[1:] == ["pack"]:
    known = {}
    for table, records in RECORDS.items():
        print(json.dumps(packed({"table": table, "records": records}, known), ensure_ascii=False))
    rows = {}
    for line in sys.stdin:
        if line.startswith("{"):
            vector = json.loads(line)
            row = rows.setdefault(vector["number"], {"table": vector["table"], "config": vector["config"], "became": []})
            result = "error" if "error" in vector else vector.get("result")
            row["became"] = "refused" if "config_error" in vector else row["became"] + [result]
    for row in rows.values():
        print(json.dumps({**row, "became": packed(row["became"], known)}, ensure_ascii=False))
else:
    for number, (table, config) in enumerate(chains()):
        for rec in RECORDS[table]:
            print(json.dumps({"number": number, "table": table, "config": config, "record": rec}))
