"""Random values of every type, as PostgreSQL's input text, for the rounds of `generate.py`."""

import struct
import uuid

SINGLE = "single "  # how the names of columns of type real begin
PAIRS = "pairs "  # and of those of type hstore
ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def mark(kind):
    """What the comparison must know about a column, as the beginning of its name."""
    return SINGLE if kind.startswith("real") else PAIRS if kind.startswith("hstore") else ""


def text_of(rng, longest=24):
    pieces = ["a", "Z", " ", "'", '"', "\\", "\n", "\t", "\r", "é", "ß", "漢", "😀", "\u2028", "\x7f", "\x01", "</s>", "{}", ",",
              "null", "%", "\\N", "0"]
    return "".join(rng.choice(pieces) for _ in range(rng.randrange(longest)))


def word_of(rng):
    return "".join(rng.choice(ALPHABET) for _ in range(rng.randint(1, 10)))


def whole(low, high):
    def draw(rng):
        if rng.random() < 0.3:
            return str(rng.choice([low, high, 0, 1, -1 if low < 0 else 1]))
        return str(rng.randint(low, high) >> rng.randrange(0, 40) if high > 2 ** 33 else rng.randint(low, high))
    return draw


def real(code, size):
    def draw(rng):
        if rng.random() < 0.3:
            return rng.choice(["NaN", "Infinity", "-Infinity", "-0", "0", "1e-5", "0.001", "1e7", "9999999", "12345678", "1e21",
                               "0.1", "3.0e10", "1.1754944e-38", "3.4028235e38"])
        while True:
            number = struct.unpack(code, bytes(rng.randrange(256) for _ in range(size)))[0]
            if rng.random() < 0.5:
                number = float("%.*g" % (rng.randint(1, 8), rng.uniform(-1e6, 1e6)))
            if number == number and abs(number) != float("inf"):
                return repr(number)
    return draw


def numeric(precision, scale):
    def draw(rng):
        digits = "".join(rng.choice("0123456789") for _ in range(rng.randint(1, precision))).zfill(scale + 1)
        digits = digits[-precision:] if len(digits) > precision else digits
        before, after = digits[:len(digits) - scale] or "0", digits[len(digits) - scale:] if scale else ""
        return rng.choice(["", "", "-"]) + before + ("." + after if after else "")
    return draw


def any_numeric(rng):
    if rng.random() < 0.15:
        return rng.choice(["NaN", "Infinity", "-Infinity", "0", "-0", "0.00", "1e30", "1e-30", "100", "1.10"])
    return numeric(rng.randint(1, 60), 0)(rng) + ("." + str(rng.randrange(10 ** 8)).zfill(rng.randint(1, 12)) if rng.random() < .6 else "")


def money(rng):
    return "%s%d.%02d" % (rng.choice(["", "-"]), rng.choice([0, rng.randrange(1000), rng.randrange(92233720368547758)]), rng.randrange(100))


def bits(length, varying=False):
    def draw(rng):
        return "".join(rng.choice("01") for _ in range(rng.randint(0, length) if varying else length))
    return draw


def bytea(rng):
    return "\\x" + bytes(rng.randrange(256) for _ in range(rng.choice([0, 1, 2, 3, 20, 100]))).hex()


def date(rng):
    if rng.random() < 0.1:
        return rng.choice(["1970-01-01", "0001-01-01", "9999-12-31", "1582-10-15", "2000-02-29", "1900-02-28"])
    return "%04d-%02d-%02d" % (rng.randint(1583, 9999) if rng.random() < .2 else rng.randint(1900, 2100), rng.randint(1, 12), rng.randint(1, 28))


def modern(rng):
    return "%04d-%02d-%02d" % (rng.randint(1583, 9999), rng.randint(1, 12), rng.randint(1, 28))


def clock(rng, midnight=True):
    if midnight and rng.random() < 0.08:
        return rng.choice(["24:00:00", "00:00:00", "23:59:59.999999"])
    return "%02d:%02d:%02d%s" % (rng.randrange(24), rng.randrange(60), rng.randrange(60), rng.choice(
        ["", ".%06d" % rng.randrange(10 ** 6), ".%03d" % rng.randrange(1000), ".5"]))


def timetz(rng):
    return clock(rng, False) + rng.choice(["+00", "-08", "+05:30", "+13:45", "-12"])


def timestamp(rng):
    return date(rng) + " " + clock(rng, False)


def timestamptz(rng):
    if rng.random() < 0.05:
        return rng.choice(["infinity", "-infinity", "0044-03-15 01:02:03+00 BC", "12345-06-07 08:09:10+00"])
    return timestamp(rng) + rng.choice(["+00", "-08", "+05:30"])


def interval(rng):
    parts = ["%d %s" % (rng.randint(-20, 20), unit) for unit in ("years", "mons", "days") if rng.random() < .5]
    if rng.random() < .7 or not parts:
        parts.append(rng.choice(["", "-"]) + clock(rng, False))
    return " ".join(parts)


def json_text(rng, depth=0):
    kind = rng.randrange(7 if depth < 3 else 5)
    if kind == 0:
        return rng.choice(["null", "true", "false"])
    if kind == 1:
        return rng.choice(["0", "-1", "1.50", "1e5", "123456789012345678901234567890"])
    if kind < 5:
        return '"%s"' % rng.choice(["", "x", "\\u00e9", "a\\nb", "\\\"q\\\"", "漢", "/"])
    if kind == 5:
        return "[%s]" % rng.choice([",", ", "]).join(json_text(rng, depth + 1) for _ in range(rng.randrange(4)))
    return "{%s}" % ", ".join('"%s": %s' % (word_of(rng), json_text(rng, depth + 1)) for _ in range(rng.randrange(4)))


def inet(rng):
    return rng.choice(["10.%d.0.1" % rng.randrange(256), "192.168.0.1/24", "::1", "2001:db8::/32", "10.0.0.0/8"])


def cidr(rng):
    return rng.choice(["10.%d.0.0/16" % rng.randrange(256), "2001:db8::/32", "0.0.0.0/0", "192.168.1.7/32"])


def mac(size):
    return lambda rng: ":".join("%02x" % rng.randrange(256) for _ in range(size))


def range_of(draw, key):
    def bounds(rng):
        if rng.random() < 0.15:
            return rng.choice(["empty", "(,)"])
        low, high = sorted((draw(rng), draw(rng)), key=key)
        return '%s"%s","%s"%s' % (rng.choice("[("), low, high, rng.choice(")]"))
    return bounds


def point(rng):
    return "(%s,%s)" % (round(rng.uniform(-1e3, 1e3), rng.randrange(6)), rng.choice(["0", "-0.5", "1e10", "7"]))


def hstore(rng):
    def quoted(text):
        return '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"')
    pairs = {word_of(rng): None if rng.random() < .2 else text_of(rng, 6).replace("\x01", "") for _ in range(rng.randrange(4))}
    return ", ".join("%s=>%s" % (quoted(k), "NULL" if v is None else quoted(v)) for k, v in pairs.items())


def array_of(draw, nulls=True):
    def elements(rng):
        def one():
            if nulls and rng.random() < .15:
                return "NULL"
            return '"%s"' % draw(rng).replace("\\", "\\\\").replace('"', '\\"')
        return "{%s}" % ",".join(one() for _ in range(rng.choice([0, 1, 2, 3, 8])))
    return elements


def chosen(*texts):
    return lambda rng: rng.choice(texts)


def uuid_text(rng):
    return str(uuid.UUID(int=rng.getrandbits(128)))


def nested(draw):
    """Arrays, some with lower bounds of their own or of two dimensions."""
    plain = array_of(draw)

    def value(rng):
        kind = rng.random()
        if kind < .06:
            return "[2:3]={%s,%s}" % (draw(rng), draw(rng))
        return "{{%s,%s},{%s,NULL}}" % (draw(rng), draw(rng), draw(rng)) if kind < .12 else plain(rng)
    return value


def composite(rng):
    return rng.choice(['(1,"a, b")', "(,)", '(-5,"q""q")'])


MOODS = ["sad", "ok", "happy", "very ok", "it's"]
ODD_MOODS = ["a,b", 'c"d', "", "ü", "{x}", "NULL", "back\\slash"]
DOMAINS = {"positive": "integer check (value > 0)", "label": "varchar(8)", "price": "numeric(8,3)", "ints": "integer[]", "texts": "text[]",
           "short": "label", "flag": "boolean", "day": "date", "stamp": "timestamptz", "uid": "uuid", "doc": "jsonb", "raw": "bytea",
           "amount": "numeric", "span": "interval", "within": "int4range"}
TYPES = {
    "boolean": chosen("t", "f"), "smallint": whole(-2 ** 15, 2 ** 15 - 1), "integer": whole(-2 ** 31, 2 ** 31 - 1),
    "bigint": whole(-2 ** 63, 2 ** 63 - 1), "oid": whole(0, 2 ** 32 - 1),
    "real": real("<f", 4), "double precision": real("<d", 8),
    "numeric": any_numeric, "numeric(5,2)": numeric(5, 2), "numeric(38,10)": numeric(38, 10), "numeric(10)": numeric(10, 0),
    "numeric(1,0)": numeric(1, 0), "money": money,
    "text": text_of, "varchar": text_of, "varchar(40)": lambda rng: text_of(rng, 10), "char(5)": lambda rng: word_of(rng)[:5], "bpchar": word_of,
    '"char"': chosen("a", "Z", " "), "citext": text_of,
    "bytea": bytea, "bit(1)": bits(1), "bit(5)": bits(5), "bit(24)": bits(24), "varbit(10)": bits(10, True), "varbit": bits(40, True),
    "date": date, "time": clock, "time(0)": clock, "time(3)": clock, "timetz": timetz, "timestamp": timestamp,
    "timestamp(0)": timestamp, "timestamp(3)": timestamp, "timestamptz": timestamptz, "timestamptz(0)": timestamptz,
    "timestamptz(3)": timestamptz, "interval": interval,
    "json": json_text, "jsonb": json_text, "xml": lambda rng: "<a b='1'>%s</a>" % word_of(rng), "uuid": uuid_text,
    "inet": inet, "cidr": cidr, "macaddr": mac(6), "macaddr8": mac(8),
    "int4range": range_of(whole(-1000, 1000), int), "int8range": range_of(whole(-1000, 1000), int),
    "numrange": range_of(numeric(6, 2), float), "daterange": range_of(date, str), "tsrange": range_of(timestamp, str),
    "tstzrange": range_of(lambda rng: timestamp(rng) + "+00", str), "int4multirange": chosen("{}", "{[1,3),[5,9)}"),
    "point": point, "pg_lsn": chosen("16/B374D848"), "tsquery": chosen("fat & rat"),
    "tsvector": chosen("", "'cat':2A 'fat':1", "'a' 'b'"), "ltree": chosen("Top.Science", "", "a.b.c"), "hstore": hstore,
    "mood": lambda rng: rng.choice(MOODS), "positive": lambda rng: str(rng.randint(1, 2 ** 31 - 1)),
    "label": lambda rng: word_of(rng)[:8], "price": numeric(8, 3),
    "smallint[]": array_of(whole(-99, 99)), "integer[]": nested(whole(-2 ** 31, 2 ** 31 - 1)), "bigint[]": array_of(whole(-2 ** 63, 2 ** 63 - 1)),
    "text[]": array_of(lambda rng: text_of(rng, 8)), "varchar(20)[]": array_of(word_of), "char(3)[]": array_of(lambda rng: word_of(rng)[:3]),
    "boolean[]": array_of(chosen("t", "f")), "real[]": array_of(real("<f", 4)), "double precision[]": array_of(real("<d", 8)),
    "numeric[]": array_of(lambda rng: numeric(12, 3)(rng)), "numeric(6,2)[]": array_of(numeric(6, 2)), "uuid[]": array_of(uuid_text),
    # In arrays the original counts days before 1582-10-15 by another calendar than in columns; that mistake is not repeated.
    "date[]": array_of(lambda rng: modern(rng)), "timestamp[]": array_of(lambda rng: modern(rng) + " " + clock(rng, False)),
    "timestamptz[]": array_of(lambda rng: modern(rng) + " " + clock(rng, False) + "+00"),
    "json[]": array_of(json_text), "jsonb[]": array_of(json_text), "bytea[]": array_of(bytea), "inet[]": array_of(inet),
    "mood[]": array_of(lambda rng: rng.choice(MOODS), nulls=False), "int4range[]": array_of(range_of(whole(-99, 99), int)),
    "xid": whole(0, 2 ** 32 - 1), "regclass": chosen("pg_class", "pg_type"), "varchar(1)": lambda rng: word_of(rng)[:1],
    "jsonpath": chosen('$."a"'), "line": chosen("{1,2,3}"), "lseg": chosen("[(0,0),(1,1.5)]"), "box": chosen("(1,1),(0,-2)"),
    "path": chosen("((0,0),(1,1),(2,0))", "[(0,0),(1,1)]"), "polygon": chosen("((0,0),(1,1),(2,0))"), "circle": chosen("<(1,2),3>"),
    "numeric(38,0)": numeric(38, 0), "numeric(2,4)": lambda rng: "0.00%02d" % rng.randrange(100),
    "interval year to month": interval, "interval(0)": interval, "timetz(0)": timetz, "timetz(3)": timetz, "time(1)": clock, "time(6)": clock,
    "timestamp(1)": timestamp, "timestamp(6)": timestamp, "timestamptz(1)": timestamptz, "varbit(1)": bits(1, True), "bit(8)": bits(8),
    "bit(64)": bits(64), "nummultirange": chosen("{}", "{[1.5,2.5),[7,8]}"), "datemultirange": chosen("{[2020-01-01,2020-02-01)}"),
    "pair": composite, "pair[]": array_of(composite), "Mood X": lambda rng: rng.choice(ODD_MOODS), "ints": nested(whole(-99, 99)),
    "texts": array_of(word_of), "short": lambda rng: word_of(rng)[:8], "flag": chosen("t", "f"), "day": date, "stamp": timestamptz, "uid": uuid_text,
    "doc": json_text, "raw": bytea, "amount": any_numeric, "span": interval, "within": range_of(whole(-1000, 1000), int),
    "time[]": array_of(clock), "timetz[]": array_of(timetz), "oid[]": array_of(whole(0, 2 ** 32 - 1)), "cidr[]": array_of(cidr),
    "macaddr[]": array_of(mac(6)), "xml[]": array_of(lambda rng: "<a>%s</a>" % word_of(rng)), "ltree[]": array_of(chosen("Top.Science", "a.b")),
    "bit(3)[]": array_of(bits(3)), "varbit[]": array_of(bits(9, True)), "point[]": array_of(point), "tsvector[]": array_of(chosen("'a' 'b'")),
    "numrange[]": array_of(range_of(numeric(6, 2), float)), "tsrange[]": array_of(range_of(timestamp, str)),
    "daterange[]": array_of(range_of(date, str)), "int8range[]": array_of(range_of(whole(-99, 99), int)),
    "int4multirange[]": array_of(chosen("{}", "{[1,3)}")),
    "Mood X[]": array_of(lambda rng: rng.choice(ODD_MOODS), nulls=False),
    "hstore[]": array_of(hstore), "citext[]": array_of(word_of), "money[]": array_of(money), "interval[]": array_of(interval),
}
# Defaults as the catalog shows them; the original understands constants only.
DEFAULTS = {
    "boolean": ["true", "false"], "smallint": ["7", "'-3'"], "integer": ["0", "42", "-1", "1 + 2"], "bigint": ["9007199254740993"],
    "real": ["1.5", "'NaN'"], "double precision": ["2.25", "'-1'", "1e3", "random()", "'Infinity'"], "numeric(5,2)": ["1.50", "0"], "numeric(38,10)": ["12.5"], "numeric": ["3.14"],
    "text": ["''", "'it''s'", "'a\"b'", "upper('x')", "NULL"], "varchar(40)": ["'v'"], "char(5)": ["'ab'"], "uuid": ["gen_random_uuid()"],
    "date": ["'2020-02-29'", "current_date"], "timestamp": ["'2020-03-04 05:06:07.891'", "now()"], "timestamptz": ["'2020-01-01 00:00:00+00'", "now()"],
    "time": ["'13:14:15.5'"], "interval": ["'1 day'"], "json": ["'{}'"], "jsonb": ["'{\"a\": 1}'"], "bytea": ["'\\x00ff'"], "mood": ["'ok'"],
    "bit(5)": ["B'10101'"], "bit(1)": ["B'1'"], "inet": ["'10.0.0.1'"], "money": ["1.25"], "integer[]": ["'{}'", "'{1,2}'"], "text[]": ["'{}'"],
    "varchar": ["''", "'x)y'", "E'line\\nbreak'", "'a' || 'b'", "current_user", "'::text'", "gen_random_uuid()::text"], "oid": ["7"],
    "timestamp(3)": ["'2020-03-04 05:06:07.8919'", "localtimestamp", "'1999-01-08'", "(now() at time zone 'utc')"], "time(3)": ["'13:14:15.5555'", "localtime"],
    "timetz": ["'13:14:15.5+02'", "current_time"], "timestamptz(3)": ["'2020-01-01 00:00:00.1234+05:30'", "current_timestamp"],
    "numeric(10)": ["-7"], "bytea[]": ["'{}'"], "cidr": ["'10.0.0.0/8'"], "macaddr": ["'08:00:2b:01:02:03'"], "int4range": ["'[1,3)'"],
    "hstore": ["'a=>1'"], "ltree": ["'a.b'"], "xml": ["'<a/>'"], "varbit": ["B'101'"], "bit(24)": ["B'101010101010101010101010'"],
    "Mood X": ["'a,b'", "'c\"d'"], "tsvector": ["'a b'"], "numrange": ["'[1.5,2)'"], "stamp": ["now()", "'2020-01-01 00:00:00+00'"], "flag": ["true"],
    "day": ["'2020-02-29'"], "uid": ["gen_random_uuid()"], "ints": ["'{1,2}'"], "texts": ["'{a}'"], "short": ["'sh'"], "amount": ["1.50"],
    "mood[]": ["'{ok}'"], "uuid[]": ["'{}'"], "numeric[]": ["'{1.5}'"], "boolean[]": ["'{t}'"], "interval(0)": ["'1 year 2 mons 3 days 04:05:06'"],
    '"char"': ["'x'"], "bpchar": ["'b'"], "json[]": ["'{}'"], "double precision[]": ["'{1.5}'"],
    "positive": ["5"], "price": ["9.5"], "label": ["'none'"], "citext": ["'c'"], "point": ["'(1,2)'"],
}
KEY_TYPES = ["integer", "integer", "bigint", "bigint", "smallint", "text", "varchar(40)", "uuid", "numeric(38,10)", "date", "timestamp",
             "timestamptz", "char(5)", "bytea", "mood", "numeric", "positive"]
NAMES = ["Mixed Case", "ünï", "select", "with-dash", "a.b", "order", "UPPER", "dollar$", "trailing_", "1st", "q\"uote",
         "l" * 63, "漢字", "😀", "a,b", "per%cent", "ti'ck", "back\\slash", "before", "op", "__deleted", " lead", "null"]


def declared(kind):
    """A type's name as SQL has it."""
    return '"Mood X"' + kind[6:] if kind.startswith("Mood X") else kind


def base(kind):
    """The type under a domain."""
    while kind in DOMAINS:
        kind = DOMAINS[kind].split(" check")[0]
    return kind


def key_value(kind, rng, counter):
    """Keys never repeat, so that no insert fails."""
    if kind in ("text", "varchar(40)"):
        return "%d:%s" % (counter, text_of(rng, 8))
    if kind == "uuid":
        return str(uuid.UUID(int=(rng.getrandbits(64) << 64) | counter))
    if kind == "bytea":
        return "\\x%08x" % counter
    if kind == "date":
        return "%04d-%02d-%02d" % (1990 + counter // 336, 1 + counter // 28 % 12, 1 + counter % 28)
    if kind in ("timestamp", "timestamptz"):
        return "2001-01-01 %02d:%02d:%02d.%06d" % (counter // 3600, counter // 60 % 60, counter % 60, rng.randrange(10 ** 6))
    if kind == "numeric":
        return "%d.%03d" % (counter, rng.randrange(1000))
    return str(counter)


def large(kind, rng):
    """A value that does not compress and so goes out of line."""
    letters = "".join(rng.choice(ALPHABET + "0123456789") for _ in range(9000))
    return {"jsonb": '{"v": "%s"}' % letters, "bytea": "\\x" + letters.encode().hex(), "text[]": "{%s}" % letters}.get(kind, letters)
