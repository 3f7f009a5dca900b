#!/usr/bin/env python3
"""Writes the cases that Oracle.java runs through a Connect worker: one JSON line each."""
import base64
import json

KAFKA = "org.apache.kafka.connect."
CONVERTERS = KAFKA + "converters."
STRING = KAFKA + "storage.StringConverter"
JSON = KAFKA + "json.JsonConverter"
AT = 1_795_211_133_976


def b64(data):
    if data is None:
        return None
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


def record(value, key="k", headers=(), at=AT):
    return {"timestamp": at, "key": b64(key), "value": b64(value), "headers": [[n, b64(v)] for n, v in headers]}


def case(name, records, converters=(), tolerance="all", context="true", queue=True, **config):
    """`converters`: of keys, values, headers."""
    full = {"key.converter": STRING, "value.converter": STRING, "errors.tolerance": tolerance, "errors.log.enable": "true",
            "errors.deadletterqueue.context.headers.enable": context}
    full |= dict(zip(["key.converter", "value.converter", "header.converter"], converters))
    full |= {n.replace("__", "."): v for n, v in config.items()}
    print(json.dumps({"name": name, "config": full, "queue": queue, "records": records}, separators=(",", ":")))


PLAIN = {"key__converter__schemas__enable": "false", "value__converter__schemas__enable": "false"}


def transform(kind, **options):
    return {"transforms": "t", "transforms.t.type": KAFKA + "transforms." + kind,
            **{"transforms.t." + n.replace("__", "."): v for n, v in options.items()}}


SCHEMA = '{"schema":%s,"payload":%s}'
case("value-not-json", [record('{"a":'), record('{"a":1}'), record("x")], [STRING, JSON], **PLAIN)
case("value-without-envelope", [record('{"a":1}'), record('{"schema":null}'), record("[1]"), record("7"),
     record(SCHEMA % ('{"type":"int32"}', "1"))], [STRING, JSON])
case("value-against-its-schema", [record(SCHEMA % ('{"type":"int32"}', '"x"')), record(SCHEMA % ('{"type":"string"}', "null")),
     record(SCHEMA % ('{"type":"nonsense"}', "1")), record(SCHEMA % ('{"type":"bytes"}', '"*"')),
     record(SCHEMA % ('{"type":"array"}', "[]")), record(SCHEMA % ('{"optional":true}', "1")),
     record(SCHEMA % ('{"type":"array","items":{"type":"int32"}}', "{}")),
     record(SCHEMA % ('{"type":"struct","fields":[{"field":"a","type":"int32"}]}', "{}"))], [STRING, JSON])
case("key-not-json", [record("v", "{"), record("v", None), record("v", '"k"')], [JSON], **PLAIN)
case("header-not-json", [record("v", headers=[("a", b"\x01"), ("h", "{")]), record("v", headers=[("n", None)])],
     [STRING, STRING, JSON], header__converter__schemas__enable="false")
for kind, good in [("Short", 2), ("Integer", 4), ("Long", 8), ("Float", 4), ("Double", 8), ("Boolean", 1)]:
    case("value-no-" + kind.lower(), [record(b"\0" * good), record(b"\1\2\3"), record(None), record("")],
         [STRING, CONVERTERS + kind + "Converter"])
case("key-no-integer", [record(None, b"\1", [("h", None), ("h", "2"), ("", "x"), ("e", "")], 0)],
     [CONVERTERS + "IntegerConverter"])
case("not-boolean", [record(b"\7"), record(b"\1")], [STRING, CONVERTERS + "BooleanConverter"])
case("not-utf-8", [record(b"\xff\xfe", b"\xff", [("h", b"\xc3\x28")])])
case("without-context", [record("x", headers=[("h", None)]), record("1")], [STRING, JSON], context="false", **PLAIN)
case("with-context-of-its-own", [record("x", headers=[("__connect.errors.topic", "first")])], [STRING, JSON], **PLAIN)
case("cast", [record('{"a":"abc"}'), record('{"a":"1"}')], [STRING, JSON], **PLAIN, **transform("Cast$Value", spec="a:int32"))
case("extract-from-text", [record("abc")], **transform("ExtractField$Value", field="a"))
case("extract-unknown", [record(SCHEMA % ('{"type":"struct","fields":[{"field":"b","type":"int32"}]}', '{"b":1}'))],
     [STRING, JSON], **transform("ExtractField$Value", field="a"))
case("timestamp-converter", [record('{"a":"x"}'), record('{"a":true}')], [STRING, JSON], **PLAIN,
     **transform("TimestampConverter$Value", field="a", target__type="Timestamp", format="yyyy"))
case("value-to-key", [record(SCHEMA % ('{"type":"struct","fields":[]}', "{}"))], [STRING, JSON],
     **transform("ValueToKey", fields="a"))
case("second-of-two", [record('{"a":"abc"}')], [STRING, JSON], **PLAIN,
     **(transform("HoistField$Value", field="h") | transform("Cast$Value", spec="h:int32") | {"transforms": "h,t",
        "transforms.h.type": KAFKA + "transforms.HoistField$Value", "transforms.h.field": "h"}))
case("no-queue", [record("x"), record("1")], [STRING, JSON], queue=False, **PLAIN)
case("log-messages", [record("x", "secret", [("h", "v")])], [STRING, JSON], **PLAIN, errors__log__include__messages="true")
case("log-none", [record("x")], [STRING, JSON], **PLAIN, errors__log__enable="false")
case("not-tolerated", [record("1"), record("x"), record("2")], [STRING, JSON], tolerance="none", **PLAIN)
case("not-tolerated-transform", [record('{"a":"abc"}')], [STRING, JSON], tolerance="none", **PLAIN,
     **transform("Cast$Value", spec="a:int32"))
