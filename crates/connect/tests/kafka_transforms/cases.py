#!/usr/bin/env python3
"""Writes the cases that Oracle.java runs through Kafka's transforms: one JSON line each, the same on every run."""
import json
import random

RANDOM = random.Random(6)
KAFKA = "org.apache.kafka.connect.data."


def schema(kind, optional=False, **more):
    return {"type": kind, "optional": optional, **more}


def logical(kind, name, optional=False, **more):
    return schema(kind, optional, name=KAFKA + name, version=1, **more)


def struct(fields, optional=False, **more):
    return {"type": "struct", "fields": [{**s, "field": f} for f, s in fields], "optional": optional, **more}


INNER = [("x", schema("int32")), ("y", schema("string", True)), ("z", schema("int32", True, default=7))]
FIELDS = [
    ("b", schema("boolean")),
    ("i8", schema("int8")),
    ("i16", schema("int16", True)),
    ("i32", schema("int32", True, default=3)),
    ("i64", schema("int64", doc="a long")),
    ("f32", schema("float")),
    ("f64", schema("double", True)),
    ("s", schema("string", True)),
    ("n", schema("string", True)),
    ("bin", schema("bytes", True)),
    ("dec", logical("bytes", "Decimal", True, parameters={"scale": "2", "connect.decimal.precision": "10"})),
    ("date", logical("int32", "Date", True)),
    ("time", logical("int32", "Time", True)),
    ("ts", logical("int64", "Timestamp", True)),
    ("micro", schema("int64", True, name="io.debezium.time.MicroTimestamp", version=1)),
    ("day", schema("int32", True, name="io.debezium.time.Date", version=1)),
    ("inner", struct(INNER, True, name="inner")),
    ("list", {"type": "array", "items": schema("int32"), "optional": True}),
    ("map", {"type": "map", "keys": schema("string"), "values": schema("int32"), "optional": True}),
]
ROWS = [
    dict(b=True, i8=5, i16=300, i32=None, i64=5000000000, f32=1.5, f64=-2.75, s="12", n="x", bin="AQID", dec="BNI=",
         date=18262, time=43200123, ts=1577880000123, micro=1577872800000000, day=18262,
         inner={"x": 1, "y": None, "z": None}, list=[1, 2], map={"k": 1}),
    dict(b=False, i8=-1, i16=None, i32=70000, i64=-1, f32=0.1, f64=1e20, s="true", n=None, bin=None, dec=None,
         date=None, time=None, ts=None, micro=None, day=None, inner=None, list=None, map=None),
    dict(b=False, i8=127, i16=-32768, i32=-5, i64=0, f32=1e10, f64=123456.0, s="2020-02-30 10:11:12", n="", bin="",
         dec="hQ==", date=1, time=0, ts=1577836800000, micro=1, day=2, inner={"x": -4, "y": "why", "z": 9}, list=[], map={}),
]
PLAIN = [
    {"a": 1, "b": True, "s": "12", "d": 2.5, "n": None, "o": {"x": 1, "y": {"z": None, "q": "deep"}}, "l": [1, "a"]},
    {"s": "2021-03-04T05:06:07", "t": 1614834367000},
    {"a.b": 1, "o": {"x.y": 2}},
]


def record(value, key=None, **more):
    known = {"topic": "srv.public.t", "key": key, "value": value, **more}
    return {name: part for name, part in known.items() if part is not None}


def typed(sch, payload):
    return {"schema": sch, "payload": payload}


def rows(names=None, **more):
    fields = [(f, s) for f, s in FIELDS if names is None or f in names]
    sch = struct(fields, name="srv.public.t.Value", version=2, doc="row", **more)
    return [typed(sch, {f: row[f] for f, _ in fields}) for row in ROWS]


def key():
    return typed(struct([("id", schema("int32")), ("s", schema("string", True, default="d"))], name="srv.Key"), {"id": 4, "s": None})


CASES = []


def case(cls, config, rec):
    CASES.append({"class": cls, "config": {k: str(v) for k, v in config.items()}, "record": rec})


def case_everywhere(cls, config, values):
    """The value variant over values, the key variant over the first."""
    for value in values:
        case(cls + "$Value", config, record(value, key()))
    case(cls + "$Key", config, record(None, values[0]))


TOMBSTONE = None
NULL_STRUCT = typed(struct([("a", schema("int32"))], True), None)
INT = typed(schema("int32"), 5)
SIMPLE = [f for f, s in FIELDS if s["type"] not in ("struct", "array", "map")]
ODD = [TOMBSTONE, NULL_STRUCT, INT, typed(None, {"a": 1}), typed(None, 5), typed(None, [1])]

# Cast
TYPES = ["int8", "int16", "int32", "int64", "float32", "float64", "boolean", "string"]
NUMBERS = ["b", "i8", "i16", "i32", "i64", "f32", "f64", "dec", "date", "time", "ts"]
for t in TYPES:
    for value in rows(NUMBERS):
        case("Cast$Value", {"spec": ",".join(f"{f}:{t}" for f in NUMBERS)}, record(value))
    for field in ("s", "bin", "inner", "list"):
        for value in rows([field]):
            case("Cast$Value", {"spec": f"{field}:{t}"}, record(value))
    for text in ("5", "+5", "-5", "5.5", "1e3", " 5", "NaN", "Infinity", "1.5f", "300", "99999999999", "", "TRUE", "0x1"):
        case("Cast$Value", {"spec": t}, record(typed(schema("string", True, default="1"), text)))
    for number in (0, -1, 200, 2 ** 31, 2 ** 63 - 1, -2 ** 63):
        case("Cast$Value", {"spec": t}, record(typed(schema("int64"), number)))
    for number in (0.0, 0.5, -1.5, 1e-5, 1e7, 12345678.9, 3e9, -3e9, 1e19, 1e300, 0.001, 1.0E-3, 100.0):
        case("Cast$Value", {"spec": t}, record(typed(schema("double"), number)))
    case("Cast$Key", {"spec": "id:" + t}, record(None, key()))
    case("Cast$Value", {"spec": f"a:{t}, s:{t}, zz:{t}"}, record(typed(None, PLAIN[0])))
    case("Cast$Value", {"spec": t}, record(typed(None, 5)))
for value in ODD:
    case("Cast$Value", {"spec": "a:int64"}, record(value))
    case("Cast$Value", {"spec": "string"}, record(value))
for spec in ("", "foo", "a:foo", "a:bytes", "a:int8:x", "int8,a:int8", "a:INT8", "a : string", "struct"):
    case("Cast$Value", {"spec": spec}, record(typed(struct([("a", schema("int32"))]), {"a": 6})))
for value in rows(["i32", "s"]):
    case("Cast$Value", {"spec": "s:string", "replace.null.with.default": "false"}, record(value))
for days in (0, 1, 365, 19000):
    case("Cast$Value", {"spec": "d:string"}, record(typed(struct([("d", logical("int32", "Date"))]), {"d": max(days, 1)})))
case("Cast$Value", {"spec": "a:string"}, record(typed(struct([("a", schema("int32", default=4))], True), {"a": 5})))

# DropHeaders, HeaderFrom, InsertHeader
HEADERS = [{"key": k, "value": typed(schema("string"), k)} for k in ("a", "b", "a", "c")]
for names in ("a", "b,c", "zz", "a,b,c", " a , c "):
    case("DropHeaders", {"headers": names}, record(INT, None, headers=HEADERS))
case("DropHeaders", {}, record(INT))
for operation in ("move", "copy"):
    for replace in ("true", "false"):
        config = {"fields": "i32,inner,ts", "headers": "h1,h2,h2", "operation": operation, "replace.null.with.default": replace}
        case_everywhere("HeaderFrom", config, rows(["i32", "inner", "ts", "s"]))
    config = {"fields": "a,zz", "headers": "h1,h2", "operation": operation}
    case("HeaderFrom$Value", config, record(typed(None, PLAIN[0]), None, headers=HEADERS))
    for value in (TOMBSTONE, NULL_STRUCT, INT, typed(None, 5)):
        case("HeaderFrom$Value", {"fields": "a", "headers": "h", "operation": operation}, record(value))
    case("HeaderFrom$Value", {"fields": "s,s", "headers": "h,g", "operation": operation}, record(rows(["s", "n"])[0]))
for config in ({}, {"fields": "a", "headers": "b"}, {"fields": "a,b", "headers": "c", "operation": "move"},
               {"fields": "a", "headers": "b", "operation": "swap"}):
    case("HeaderFrom$Value", config, record(INT))
LITERALS = ["true", "false", "TRUE", "1", "-1", "+1", "127", "128", "-129", "32768", "2147483648", "9223372036854775808", "1.5", "1.0",
            "-0.1", "1e3", "1E400", "NaN", "0x10", "007", "1.", ".5", "  12 ", " a", "abc", "\"abc\"", "null", "", "[1,2]", "[1,128]",
            "[1,1.5]", "{\"a\":1}", "[[1],[2]]", "[\"a\",\"b\"]", "[true,false]", "{\"a\":\"x\",\"b\":\"y\"}", "2020-01-01",
            "12:00:00.000Z", "2020-01-01T10:00:00.000Z", "2020-13-01", "2020-01-01T00:00:00Z", "a,b", "a:b", "pg-1", "1-2",
            "http://x:80/y", "1 2", "true x", "3.4028236e38", "0.1", "1e-400", "-", "1_000", "0.5f", "1L", "é", "0.10",
            "100000000000000000000", "12.50", "1e18", "1e19", "{\"a\":[1,2]}", "[1", "a\"b"]
for literal in LITERALS:
    case("InsertHeader", {"header": "h", "value.literal": literal}, record(INT, None, headers=HEADERS[:1]))
for config in ({}, {"header": "h"}, {"value.literal": "x"}):
    case("InsertHeader", config, record(INT))

# ExtractField
for field in ("i32", "s", "inner", "list", "zz", "inner.x"):
    for replace in ("true", "false"):
        case_everywhere("ExtractField", {"field": field, "replace.null.with.default": replace}, rows(["i32", "s", "inner", "list"]))
for field in ("inner.x", "inner.z", "inner.zz", "inner", "s.x", "`inner`.x", "inner.`x`", "zz.x"):
    for value in rows(["s", "inner"]):
        case("ExtractField$Value", {"field": field, "field.syntax.version": "V2"}, record(value))
for field in ("a", "o", "o.x", "o.y.q", "zz", "o.y.z.w", "a.x", "`a.b`", "o.`x.y`", "a.b"):
    for version in ("V1", "V2"):
        for value in PLAIN:
            case("ExtractField$Value", {"field": field, "field.syntax.version": version}, record(typed(None, value)))
for value in ODD:
    case("ExtractField$Value", {"field": "a"}, record(value))
case("ExtractField$Value", {"field": "`a", "field.syntax.version": "v2"}, record(INT))
case("ExtractField$Value", {"field": "a", "field.syntax.version": "V3"}, record(INT))
case("ExtractField$Value", {}, record(INT))

# Filter
case("Filter", {}, record(INT))

# Flatten
for delimiter in (None, "_", ""):
    config = {} if delimiter is None else {"delimiter": delimiter}
    case_everywhere("Flatten", config, rows(["i32", "s", "inner", "list", "dec", "ts"]))
    for value in PLAIN:
        case("Flatten$Value", config, record(typed(None, value)))
case("Flatten$Value", {}, record(rows(["map"])[0]))
for value in ODD:
    case("Flatten$Value", {}, record(value))
DEEP = struct([("a", struct([("b", struct(INNER, False, name="in")), ("c", schema("int32"))], True)),
               ("d", struct(INNER, True))], True, name="deep", version=3)
for payload in ({"a": {"b": {"x": 1, "y": None, "z": None}, "c": 9}, "d": None}, {"a": None, "d": {"x": 3, "y": None, "z": None}}):
    case("Flatten$Value", {"delimiter": "."}, record(typed(DEEP, payload)))
case("Flatten$Value", {"delimiter": "_"}, record(typed(struct([("a_b", schema("int32")), ("a", struct([("b", schema("int32"))]))]), {"a_b": 1, "a": {"b": 2}})))

# HoistField
for value in rows(["i32", "inner"]) + ODD:
    case("HoistField$Value", {"field": "h"}, record(value, key()))
case("HoistField$Key", {"field": "magic"}, record(INT, key()))
case("HoistField$Key", {"field": "magic"}, record(INT, typed(schema("int32"), 42)))
case("HoistField$Value", {}, record(INT))

# InsertField
PLACES = [dict(partition=3, offset=77, timestamp=1577880000123), dict(partition=None, timestamp=None), dict(partition=1, timestamp=5)]
for place in PLACES:
    for config in ({"topic.field": "tp"}, {"partition.field": "p?", "timestamp.field": "at"}, {"static.field": "st", "static.value": "v"},
                   {"offset.field": "o"}, {"topic.field": "tp!", "static.field": "st?", "static.value": ""},
                   {"timestamp.field": "at!"} if place["timestamp"] else {"topic.field": "t2"}):
        for value in rows(["i32", "s"])[:2] + [typed(None, PLAIN[0]), TOMBSTONE, INT, NULL_STRUCT]:
            case("InsertField$Value", config, record(value, key(), **place))
        case("InsertField$Key", config, record(INT, key(), **place))
case("InsertField$Value", {"topic.field": "s"}, record(rows(["s"])[0]))
case("InsertField$Value", {"topic.field": "s"}, record(typed(None, PLAIN[0])))
case("InsertField$Value", {"topic.field": "tp", "replace.null.with.default": "false"}, record(rows(["i32"])[0]))
case("InsertField$Value", {}, record(INT))
case("InsertField$Value", {"static.field": "x"}, record(INT))

# MaskField
for field in SIMPLE + ["inner", "list", "zz"]:
    for value in rows([field, "n"]):
        if field == "dec":
            continue
        case("MaskField$Value", {"fields": field}, record(value))
for replacement in ("7", "5.9", "x", "300", "-1", "1e2", " 8 ", "99999999999999999999"):
    for field in ("i8", "i16", "i32", "i64", "f32", "f64", "s", "b", "date", "bin", "list"):
        case("MaskField$Value", {"fields": field, "replacement": replacement}, record(rows([field])[0]))
for value in ODD + [typed(None, PLAIN[0])]:
    case("MaskField$Value", {"fields": "a,s,zz"}, record(value))
case("MaskField$Key", {"fields": "id,s"}, record(INT, key()))
case("MaskField$Key", {"fields": "id,s", "replace.null.with.default": "false"}, record(INT, key()))
case("MaskField$Value", {"fields": "a", "replacement": ""}, record(INT))
case("MaskField$Value", {}, record(INT))

# RegexRouter
for regex, replacement in ((r"([^.]+)\.([^.]+)\.([^.]+)", "$3"), (r"srv\.(.*)", "x-$1"), ("public", "x"), (".*", "all"), ("(.*)", "$1$1"),
                           (r"(?<db>[a-z]+)\.(.*)", "${db}_$2"), (r"srv.public.(t|tt)", r"\$$1\\$10"), ("srv|srv.public.t", "y"),
                           ("(s)(r)?.*", "[$2]"), ("(x)?.*", "[$1]")):
    case("RegexRouter", {"regex": regex, "replacement": replacement}, record(INT, key(), partition=2, headers=HEADERS))
case("RegexRouter", {}, record(INT))
case("RegexRouter", {"regex": "(", "replacement": "x"}, record(INT))

# ReplaceField
for config in ({"exclude": "s"}, {"include": "i32,s"}, {"renames": "s:text,i32:number"}, {"include": "s,n", "exclude": "n", "renames": "s:text"},
               {}, {"exclude": "zz"}, {"include": "zz"}, {"renames": "s:n"}, {"exclude": "n", "renames": "s:n"},
               {"exclude": "s", "replace.null.with.default": "false"}):
    case_everywhere("ReplaceField", config, rows(["i32", "s", "n", "inner"]))
    case("ReplaceField$Value", config, record(typed(None, {"s": 1, "i32": None, "n": 3, "other": {"s": 1}})))
for value in ODD:
    case("ReplaceField$Value", {"exclude": "a"}, record(value))
case("ReplaceField$Value", {"renames": "a:b:c"}, record(INT))
case("ReplaceField$Value", {"renames": "a"}, record(INT))
case("ReplaceField$Value", {"exclude": "s"}, record(rows(["s", "n"], optional=True)[0]))

# SetSchemaMetadata
for config in ({"schema.name": "com.example.U"}, {"schema.version": "7"}, {"schema.name": "n", "schema.version": "1", "replace.null.with.default": "false"}):
    case_everywhere("SetSchemaMetadata", config, rows(["i32", "s", "list", "map"]))
    for value in ODD:
        case("SetSchemaMetadata$Value", config, record(value))
case("SetSchemaMetadata$Value", {}, record(INT))
case("SetSchemaMetadata$Value", {"schema.version": "x"}, record(INT))

# TimestampConverter
PATTERNS = ["yyyy-MM-dd", "yyyy-MM-dd'T'HH:mm:ss.SSSX", "yyyy-MM-dd HH:mm:ss", "EEE, dd MMM yyyy HH:mm:ss z", "dd/MM/yy", "MM/dd/yyyy hh:mm a",
            "yyyyMMddHHmmss", "yyyyMMddHHmmssSSS", "HH:mm:ss", "yyyy'-o''clock-'k K h H", "d.M.y", "MMMM d, yyyy", "yyyy-MM-dd'T'HH:mm:ssZ",
            "yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "EEEE", "ssS", "yyy y yyyyy"]
MOMENTS = [0, 1577880000123, 951782399999, -1, -86400000, 1614834367000, 4102444800000, 43200000]
for target in ("string", "unix", "Date", "Time", "Timestamp"):
    base = {"target.type": target, "format": "yyyy-MM-dd HH:mm:ss"}
    for field in ("date", "time", "ts", "micro", "i64", "zz", "i32", "inner"):
        for value in rows([field, "n", "i32"]):
            case("TimestampConverter$Value", {**base, "field": field}, record(value))
    for unit in ("seconds", "milliseconds", "microseconds", "nanoseconds"):
        for number in (0, 1577880000, -1, 1577880000123456, 1577880000123456789, -1577880000123456, 43200):
            if target in ("Date", "Timestamp") and unit == "seconds" and number > 10 ** 10:
                continue
            if target == "Date" and (number > 10 ** 15 and unit in ("milliseconds", "seconds") or number < 0 and unit == "milliseconds" and number < -1000):
                continue
            case("TimestampConverter$Value", {**base, "unix.precision": unit}, record(typed(schema("int64"), number)))
    for text in ("2020-01-01 10:11:12", "1999-12-31 23:59:60", "2020-13-45 25:61:61", "bad", "", "2020-1-1 1:1:1", " 2020-01-01 00:00:00",
                 "2020-01-01 10:11:12.5 rest", "2020-01-01T10:11:12"):
        case("TimestampConverter$Value", base, record(typed(schema("string", True), text)))
        case("TimestampConverter$Value", {**base, "field": "f"}, record(typed(struct([("f", schema("string")), ("g", schema("int32", True, default=1))], True), {"f": text, "g": None})))
    for value in ODD:
        case("TimestampConverter$Value", base, record(value))
        if target not in ("Date", "Time", "Timestamp"):
            case("TimestampConverter$Value", {**base, "field": "a"}, record(value))
    for field in ("t", "s", "zz", "l"):
        if target not in ("Date", "Time", "Timestamp"):
            case("TimestampConverter$Value", {"target.type": target, "format": "yyyy-MM-dd'T'HH:mm:ss", "field": field}, record(typed(None, PLAIN[1])))
    case("TimestampConverter$Value", {"target.type": target, "field": "s"}, record(rows(["s"])[1]))
    case("TimestampConverter$Key", {"target.type": target, "format": "yyyy"}, record(INT, typed(logical("int64", "Timestamp"), 1577880000123)))
for pattern in PATTERNS:
    for moment in MOMENTS:
        case("TimestampConverter$Value", {"target.type": "string", "format": pattern}, record(typed(logical("int64", "Timestamp"), moment)))
READINGS = [("yyyy-MM-dd", "2020-02-29"), ("yyyy-MM-dd", "20-02-29"), ("yyyy-MM-dd", "2020-2-9x"), ("dd/MM/yy", "01/02/20"), ("dd/MM/yy", "01/02/99"),
            ("dd/MM/yy", "01/02/2020"), ("MM/dd/yyyy hh:mm a", "12/31/2020 12:30 AM"), ("MM/dd/yyyy hh:mm a", "12/31/2020 12:30 pm"),
            ("MM/dd/yyyy hh:mm a", "12/31/2020 01:30 PM"), ("yyyyMMddHHmmss", "20200102030405"), ("yyyyMMddHHmmssSSS", "20200102030405678"),
            ("MMM d yyyy", "jan 5 2020"), ("MMM d yyyy", "January 5 2020"), ("MMMM d, yyyy", "Sep 1, 2021"), ("yyyy-MM-dd'T'HH:mm:ssX", "2020-01-01T00:00:00Z"),
            ("yyyy-MM-dd'T'HH:mm:ssX", "2020-01-01T00:00:00+02"), ("yyyy-MM-dd'T'HH:mm:ssXXX", "2020-01-01T00:00:00-05:30"),
            ("yyyy-MM-dd'T'HH:mm:ssZ", "2020-01-01T00:00:00+0100"), ("yyyy-MM-dd HH:mm:ss z", "2020-01-01 00:00:00 UTC"),
            ("yyyy-MM-dd HH:mm:ss z", "2020-01-01 00:00:00 GMT+02:00"), ("yyyy-MM-dd HH:mm:ss.SSS", "2020-01-01 00:00:00.5"),
            ("yyyy-MM-dd HH:mm:ss.SSS", "2020-01-01 00:00:00.123"), ("kk:mm", "24:00"), ("KK:mm a", "11:05 PM"), ("HH:mm", "7:5"), ("yyyy", "-5"),
            ("yyyy 'at' HH", "2020 at 7"), ("yyyy''HH", "2020'7"), ("M/d", "2/30"), ("EEE, dd MMM yyyy", "Wed, 01 Jan 2020"), ("yyyy-MM-dd", "2020/01/01"),
            ("yyyy-MM", "2020-00"), ("HHmm", "0745"), ("Hmm", "745")]
for pattern, text in READINGS:
    case("TimestampConverter$Value", {"target.type": "unix", "format": pattern}, record(typed(schema("string"), text)))
for config in ({}, {"target.type": "string"}, {"target.type": "x"}, {"target.type": "string", "format": "foo"},
               {"target.type": "unix", "unix.precision": "days"}, {"target.type": "string", "format": "yyyy 'x"}):
    case("TimestampConverter$Value", config, record(INT))

# TimestampRouter
for config in ({}, {"topic.format": "foo-${timestamp}"}, {"topic.format": "${topic}${topic}", "timestamp.format": "HH"},
               {"topic.format": "${timestamp}/${topic}", "timestamp.format": "yyyy-MM-dd-HHmmss"}):
    for timestamp in (1577880000123, 0, None):
        case("TimestampRouter", config, record(INT, key(), timestamp=timestamp))

# ValueToKey
for fields in ("i32", "s,inner", "zz", "s,s"):
    for replace in ("true", "false"):
        for value in rows(["i32", "s", "inner"]):
            case("ValueToKey", {"fields": fields, "replace.null.with.default": replace}, record(value, key()))
    case("ValueToKey", {"fields": fields}, record(typed(None, PLAIN[0])))
for value in ODD:
    case("ValueToKey", {"fields": "a"}, record(value))
case("ValueToKey", {}, record(INT))
case("ValueToKey", {"fields": ""}, record(INT))

# Numbers of any size through casts, seeded; of so few digits that every reader of JSON reads them exactly.
for _ in range(120):
    number = RANDOM.choice([RANDOM.uniform(-1, 1), RANDOM.uniform(-1e9, 1e9), RANDOM.uniform(-1, 1) * 10 ** RANDOM.randint(-9, 20)])
    number = float(f"{number:.12g}")
    case("Cast$Value", {"spec": RANDOM.choice(TYPES)}, record(typed(schema("double"), number)))
for _ in range(40):
    case("Cast$Value", {"spec": RANDOM.choice(TYPES)}, record(typed(schema("int64"), RANDOM.randint(-2 ** 63, 2 ** 63 - 1))))
for _ in range(60):
    moment = RANDOM.randint(-10 ** 12, 10 ** 13)
    case("TimestampConverter$Value", {"target.type": "string", "format": RANDOM.choice(PATTERNS)}, record(typed(logical("int64", "Timestamp"), moment)))

# Where we differ.
for name, kind in (("Date", "int32"), ("Timestamp", "int64")):
    case("Cast$Value", {"spec": "int64"}, record(typed(logical(kind, name), 5)))
case("Cast$Value", {"spec": "string"}, record(typed(schema("int64", name="io.debezium.time.MicroTimestamp", version=1), 5)))
for moment in (-1, -86400000, 5):
    case("Cast$Value", {"spec": "ts:string"}, record(typed(struct([("ts", logical("int64", "Timestamp"))]), {"ts": moment})))
for replacement in (None, "5.2"):
    config = {"fields": "dec"} if replacement is None else {"fields": "dec", "replacement": replacement}
    case("MaskField$Value", config, record(rows(["dec"])[0]))
for literal in ("12:00", "1,2", "[1,\"a\"]", "[]"):
    case("InsertHeader", {"header": "h", "value.literal": literal}, record(INT))
case("ReplaceField$Value", {"renames": "a:b"}, record(typed(struct([("b", schema("int32"))]), {"b": 1})))
case("ReplaceField$Value", {"whitelist": "a"}, record(typed(struct([("a", schema("int32")), ("b", schema("int32"))]), {"a": 1, "b": 1})))
case("HeaderFrom$Value", {"fields": "zz", "headers": "h", "operation": "copy"}, record(rows(["s"])[0]))
case("TimestampConverter$Value", {"target.type": "unix", "format": "yyyy-MM-dd HH:mm:ss.SSSSSS"}, record(typed(schema("string"), "2020-01-01 00:00:00.123456")))

for line in CASES:
    print(json.dumps(line, ensure_ascii=False))
