"""Random tables, statements and connector options for the differential test, all drawn from one seed.

A round is a plain case: connector properties, converter options, a setup script and a stream script. What is drawn stays
inside what the original can do at all; its known mistakes are welcome, because the test runs with
compatibility.mode=strict. Left out are mistakes that strict does not repeat: ancient dates in arrays, generated
columns (case 135), labels added to an enum whose type the original keeps as it was at the start, and the form
that the JDBC driver gives to geometric values as text.
"""

import random
import struct
import uuid

FENCE_TABLE = "public.zz_fence"
SINGLE = "single "  # how the names of columns of type real begin
PAIRS = "pairs "  # and of those of type hstore
ALPHABET = "abcdefghijklmnopqrstuvwxyz"


# --------------------------------------------------------------------------- values: PostgreSQL's input text

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


MOODS = ["sad", "ok", "happy", "very ok", "it's"]
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
    "smallint[]": array_of(whole(-99, 99)), "integer[]": array_of(whole(-2 ** 31, 2 ** 31 - 1)), "bigint[]": array_of(whole(-2 ** 63, 2 ** 63 - 1)),
    "text[]": array_of(lambda rng: text_of(rng, 8)), "varchar(20)[]": array_of(word_of), "char(3)[]": array_of(lambda rng: word_of(rng)[:3]),
    "boolean[]": array_of(chosen("t", "f")), "real[]": array_of(real("<f", 4)), "double precision[]": array_of(real("<d", 8)),
    "numeric[]": array_of(lambda rng: numeric(12, 3)(rng)), "numeric(6,2)[]": array_of(numeric(6, 2)), "uuid[]": array_of(uuid_text),
    # In arrays the original counts days before 1582-10-15 by another calendar than in columns; that mistake is not repeated.
    "date[]": array_of(lambda rng: modern(rng)), "timestamp[]": array_of(lambda rng: modern(rng) + " " + clock(rng, False)),
    "timestamptz[]": array_of(lambda rng: modern(rng) + " " + clock(rng, False) + "+00"),
    "json[]": array_of(json_text), "jsonb[]": array_of(json_text), "bytea[]": array_of(bytea), "inet[]": array_of(inet),
    "mood[]": array_of(lambda rng: rng.choice(MOODS), nulls=False), "int4range[]": array_of(range_of(whole(-99, 99), int)),
    "hstore[]": array_of(hstore), "citext[]": array_of(word_of), "money[]": array_of(money), "interval[]": array_of(interval),
}
# Defaults as the catalog shows them; the original understands constants only.
DEFAULTS = {
    "boolean": ["true", "false"], "smallint": ["7", "'-3'"], "integer": ["0", "42", "-1", "1 + 2"], "bigint": ["9007199254740993"],
    "real": ["1.5"], "double precision": ["2.25", "'-1'"], "numeric(5,2)": ["1.50", "0"], "numeric(38,10)": ["12.5"], "numeric": ["3.14"],
    "text": ["''", "'it''s'", "'a\"b'", "upper('x')", "NULL"], "varchar(40)": ["'v'"], "char(5)": ["'ab'"], "uuid": ["gen_random_uuid()"],
    "date": ["'2020-02-29'", "current_date"], "timestamp": ["'2020-03-04 05:06:07.891'", "now()"], "timestamptz": ["'2020-01-01 00:00:00+00'", "now()"],
    "time": ["'13:14:15.5'"], "interval": ["'1 day'"], "json": ["'{}'"], "jsonb": ["'{\"a\": 1}'"], "bytea": ["'\\x00ff'"], "mood": ["'ok'"],
    "bit(5)": ["B'10101'"], "bit(1)": ["B'1'"], "inet": ["'10.0.0.1'"], "money": ["1.25"], "integer[]": ["'{}'", "'{1,2}'"], "text[]": ["'{}'"],
    "positive": ["5"], "price": ["9.5"], "label": ["'none'"], "citext": ["'c'"], "point": ["'(1,2)'"],
}
KEY_TYPES = ["integer", "integer", "bigint", "bigint", "smallint", "text", "varchar(40)", "uuid", "numeric(38,10)", "date", "timestamp",
             "timestamptz", "char(5)", "bytea", "mood", "numeric", "positive"]
NAMES = ["Mixed Case", "ünï", "select", "with-dash", "a.b", "order", "UPPER", "dollar$", "trailing_", "1st", "q\"uote"]


def quote(text):
    """A literal on one line; the script's statements end at line ends."""
    if text is None:
        return "NULL"
    if any(c in text for c in "\\\n\r"):
        return "E'%s'" % (text.replace("\\", "\\\\").replace("'", "''").replace("\n", "\\n").replace("\r", "\\r"))
    return "'%s'" % text.replace("'", "''")


def mark(kind):
    """What the comparison must know about a column, as the beginning of its name."""
    return SINGLE if kind.startswith("real") else PAIRS if kind.startswith("hstore") else ""


def name(text):
    return '"%s"' % text.replace('"', '""')


class Column:
    def __init__(self, label, kind, nullable=True, default=None, extra=""):
        self.label, self.kind, self.nullable, self.default, self.extra, self.key = label, kind, nullable, default, extra, False

    def definition(self):
        return " ".join(filter(None, [name(self.label), self.kind, self.extra, "" if self.nullable else "not null",
                                      "default " + self.default if self.default else ""]))

    def value(self, rng, counter):
        if self.key:
            return key_value(self.kind, rng, counter)
        if self.nullable and rng.random() < 0.2:
            return None
        if self.kind in ("text", "jsonb", "bytea", "text[]", "varchar") and rng.random() < 0.03:
            return large(self.kind, rng)
        while True:
            value = TYPES[self.kind](rng)
            if self.nullable or not self.without_form(value):
                return value

    def without_form(self, value):
        """Whether the original makes null of the value, and so fails where null is not allowed."""
        if self.kind.endswith(("[]", "range")):
            return False
        if self.kind.startswith("timestamp"):
            return not "1700" < value < "2250"
        return self.kind.startswith("numeric") and ("N" in value or "I" in value)


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


class Table:
    def __init__(self, rng, number, kinds):
        self.rng, self.number, self.counter, self.added = rng, number, 0, 0
        self.schema = rng.choice(["public", "public", "s2"])
        self.label = "t%d" % number + rng.choice(["", "", "_x", " y", "Z"])
        self.columns = []
        labels = rng.sample(NAMES, len(NAMES))
        for at in range(rng.randint(1, 9)):
            kind = rng.choice(kinds)
            label = labels.pop() if labels and rng.random() < .15 else "c%d" % at
            label = mark(kind) + label
            nullable = rng.random() < .7
            default = rng.choice(DEFAULTS[kind]) if kind in DEFAULTS and rng.random() < .3 else None
            if default == "NULL":
                nullable = True
            self.columns.append(Column(label, kind, nullable, default))
        self.key = rng.choice(["pk", "pk", "pk", "composite", "unique", "none"])
        self.identity = rng.choice(["default", "default", "default", "full", "full", "nothing"])
        wanted = {"pk": 1, "composite": rng.randint(2, 3), "unique": 1, "none": 0}[self.key]
        keys = []
        for at in range(wanted):
            kind = rng.choice([k for k in KEY_TYPES if k != "mood"] if at == 0 else KEY_TYPES)
            column = Column("k%d" % at, kind, False)
            column.key = kind != "mood"
            keys.append(column)
            self.columns.insert(rng.randrange(len(self.columns) + 1), column)
        rng.shuffle(keys)
        self.keys = keys
        if self.key == "unique" and rng.random() < .5:
            self.identity = "index"
        if rng.random() < .15:
            self.columns.insert(rng.randrange(len(self.columns) + 1), Column("seq", rng.choice(["serial", "bigserial"])))

    @property
    def full_name(self):
        return "%s.%s" % (name(self.schema), name(self.label))

    @property
    def identified(self):
        """Whether the server allows updates and deletes while the table is published."""
        return self.identity in ("full", "index") or (self.identity == "default" and self.key in ("pk", "composite"))

    def create(self):
        rows = [column.definition() for column in self.columns]
        listed = ", ".join(name(k.label) for k in self.keys)
        if self.key in ("pk", "composite"):
            rows.append("primary key (%s)" % listed)
        yield "create table %s (%s);" % (self.full_name, ", ".join(rows))
        if self.key == "unique":
            yield "create unique index %s on %s (%s);" % (name("ux%d" % self.number), self.full_name, listed)
        for column in self.columns:
            if column.kind in ("text", "bytea", "jsonb", "text[]", "varchar"):
                yield "alter table %s alter column %s set storage external;" % (self.full_name, name(column.label))
        if self.identity == "index":
            yield "alter table %s replica identity using index %s;" % (self.full_name, name("ux%d" % self.number))
        elif self.identity != "default":
            yield "alter table %s replica identity %s;" % (self.full_name, self.identity)

    def writable(self):
        return [c for c in self.columns if not c.extra and c.kind not in ("serial", "bigserial")]

    def row(self):
        self.counter += 1
        return [c.value(self.rng, self.counter) for c in self.writable()]

    def insert(self):
        columns = self.writable()
        rows = ", ".join("(%s)" % ", ".join(
            "default" if c.default and self.rng.random() < .3 else quote(v) for c, v in zip(columns, self.row()))
            for _ in range(self.rng.choice([1, 1, 1, 2, 5])))
        return "insert into %s (%s) values %s;" % (self.full_name, ", ".join(name(c.label) for c in columns), rows)

    def copy(self):
        def field(value):
            if value is None:
                return "\\N"
            return value.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
        lines = ["\t".join(field(v) for v in self.row()) for _ in range(self.rng.randint(1, 30))]
        columns = ", ".join(name(c.label) for c in self.writable())
        return "copy %s (%s) from stdin;\n%s\n\\." % (self.full_name, columns, "\n".join(lines))

    def some_rows(self):
        return "ctid in (select ctid from %s order by ctid limit %d offset %d)" % (
            self.full_name, self.rng.choice([1, 1, 2, 5]), self.rng.randrange(6))

    def update(self):
        plain = [c for c in self.writable() if c not in self.keys] or self.writable()
        changed = self.rng.sample(plain, self.rng.randint(1, min(3, len(plain))))
        where = self.some_rows()
        if any(c.key for c in changed) or (self.keys and self.rng.random() < .2):
            changed = [c for c in changed if c not in self.keys] + [c for c in self.keys if c.key][:1]
            where = "ctid in (select ctid from %s order by ctid limit 1 offset %d)" % (self.full_name, self.rng.randrange(5))
        self.counter += 1
        pairs = ", ".join("%s = %s" % (name(c.label), quote(c.value(self.rng, self.counter))) for c in changed)
        return "update %s set %s where %s;" % (self.full_name, pairs, where)

    def delete(self):
        return "delete from %s where %s;" % (self.full_name, self.some_rows())

    def dml(self):
        kind = self.rng.random()
        if not self.identified or kind < .45:
            return self.copy() if self.rng.random() < .15 else self.insert()
        if kind < .75:
            return self.update()
        return "truncate %s;" % self.full_name if kind > .97 else self.delete()

    def alter(self, kinds):
        """One change of the table's form."""
        plain = [c for c in self.writable() if c not in self.keys]
        self.added += 1
        choice = self.rng.choice(["add", "add", "drop", "rename", "widen", "nullable"])
        if choice == "drop" and len(plain) > 1:
            column = self.rng.choice(plain)
            self.columns.remove(column)
            return "alter table %s drop column %s;" % (self.full_name, name(column.label))
        if choice == "rename" and plain:
            column, old = self.rng.choice(plain), None
            old, column.label = column.label, mark(column.kind) + "r%d" % self.added
            return "alter table %s rename column %s to %s;" % (self.full_name, name(old), name(column.label))
        if choice == "widen":
            for column in plain:
                wider = {"smallint": "integer", "integer": "bigint", "real": "double precision", "varchar(40)": "text",
                         "numeric(5,2)": "numeric(38,10)", "time(0)": "time"}.get(column.kind)
                if wider and not column.default and not column.label.startswith(SINGLE):
                    column.kind = wider
                    return "alter table %s alter column %s type %s;" % (self.full_name, name(column.label), wider)
        if choice == "nullable":
            for column in plain:
                if not column.nullable:
                    column.nullable = True
                    return "alter table %s alter column %s drop not null;" % (self.full_name, name(column.label))
        kind = self.rng.choice(kinds)
        default = self.rng.choice(DEFAULTS[kind]) if kind in DEFAULTS and self.rng.random() < .4 else None
        column = Column(mark(kind) + "n%d" % self.added, kind, True, default)
        self.columns.append(column)
        return "alter table %s add column %s;" % (self.full_name, column.definition())


# --------------------------------------------------------------------------- options

def options(rng, tables):
    """Connector properties and converter options of a round."""
    def maybe(chance, key, *values):
        if rng.random() < chance:
            properties[key] = rng.choice(values)
    properties = {"name": "differential", "topic.prefix": "d", "compatibility.mode": "strict", "extended.headers.enabled": rng.choice(["false", "false", "true"]),
                  "publication.autocreate.mode": rng.choice(["all_tables", "filtered"]), "plugin.name": "pgoutput"}
    maybe(.5, "time.precision.mode", "adaptive_time_microseconds", "connect", "isostring", "microseconds", "nanoseconds")
    maybe(.4, "decimal.handling.mode", "string", "double")
    maybe(.4, "binary.handling.mode", "base64", "base64-url-safe", "hex")
    maybe(.4, "interval.handling.mode", "string")
    maybe(.4, "hstore.handling.mode", "map")
    maybe(.3, "tombstones.on.delete", "false")
    maybe(.4, "skipped.operations", "none", "c", "u", "d", "t,d", "c,t", "u,d")
    maybe(.2, "include.unknown.datatypes", "true")
    maybe(.2, "snapshot.mode", "no_data", "always", "when_needed")
    maybe(.15, "money.fraction.digits", "0", "3")
    maybe(.2, "unavailable.value.placeholder", "gone", "hex:676f6e65")
    keyed = rng.choice(tables)
    if rng.random() < .25:
        plain = [c.label for c in keyed.writable() if c.label.isalnum() and not c.kind.endswith("[]")]
        if plain and keyed.label.isalnum():
            properties["message.key.columns"] = "%s.%s:%s" % (keyed.schema, keyed.label, ",".join(rng.sample(plain, min(len(plain), 2))))
    out = rng.choice(tables)
    choice = rng.random()
    if choice < .2:
        properties["table.exclude.list"] = r"%s\.%s" % (out.schema, out.label.replace(" ", "."))
    elif choice < .4:
        properties["table.include.list"] = r"public\.zz_fence,%s\.%s" % (out.schema, out.label[:2] + ".*")
    elif choice < .5:
        properties["schema.include.list"] = "public"
    elif choice < .6:
        properties["schema.exclude.list"] = "s2"
    shaping(rng, tables, properties)
    converter = {}
    if rng.random() < .4:
        converter["schemas.enable"] = "false"
    if rng.random() < .2:
        converter["decimal.format"] = "NUMERIC"
    if rng.random() < .2:
        converter["replace.null.with.default"] = "false"
    return properties, converter


def shaping(rng, tables, properties):
    """Column rules and names. Two rules of one kind never meet on a column: which one counts is chance in the original."""
    columns = [(table, column) for table in tables for column in table.columns]

    def patterns(chance):
        chosen = [(t, c) for t, c in columns if rng.random() < chance]
        plain = lambda text: "".join(c if c.isascii() and c.isalnum() else "." for c in text)  # noqa: E731
        return ",".join(r"%s\.%s\.%s" % (t.schema, plain(t.label), plain(c.label)) for t, c in chosen)

    rules = {
        "column.truncate.to.%d.chars" % rng.choice([1, 2, 5, 40]): .15,
        "column.mask.with.%d.chars" % rng.choice([0, 1, 12]): .15,
        "column.mask.hash.%s.with.salt.Pe.pper" % rng.choice(["MD5", "SHA-1", "SHA-256"]): .15,
        "column.mask.hash.v2.%s.with.salt.Salt" % rng.choice(["SHA-256", "SHA-512", "SHA3-256"]): .15,
        "column.exclude.list": .1,
    }
    for rule, chance in rules.items():
        listed = patterns(chance) if rng.random() < .2 else ""
        if listed:
            properties[rule] = listed
    if rng.random() < .1:
        properties["skip.messages.without.change"] = "true"
    if rng.random() < .1:
        properties["schema.name.adjustment.mode"] = rng.choice(["avro", "avro_unicode"])
    if rng.random() < .1 and not any(mark(column.kind) for _, column in columns):
        properties["field.name.adjustment.mode"] = "avro_unicode"


def round_of(seed, families=None):
    """Everything of one round: (properties, converter, setup script, stream script)."""
    rng = random.Random(seed)
    kinds = [kind for kind in TYPES if not families or kind in families]
    setup = ["create extension if not exists citext;", "create extension if not exists hstore;", "create extension if not exists ltree;",
             "create schema s2;", "create table %s (id int primary key, n int not null);" % FENCE_TABLE,
             "create type mood as enum (%s);" % ", ".join(quote(m) for m in MOODS),
             "create domain positive as integer check (value > 0);", "create domain label as varchar(8);",
             "create domain price as numeric(8,3);"]
    tables = [Table(rng, number, kinds) for number in range(1, rng.randint(2, 4))]
    for table in tables:
        setup += table.create()
        for _ in range(rng.randrange(4)):
            setup.append(table.insert())
    properties, converter = options(rng, tables)
    stream = []
    for _ in range(rng.randint(8, 25)):
        kind = rng.random()
        if kind < .08:
            stream += ["--@ fence", rng.choice(tables).alter(kinds)]
        elif kind < .45:
            stream.append(rng.choice(tables).dml())
        else:
            stream += transaction(rng, tables)
    return properties, converter, "\n".join(setup) + "\n", "\n".join(stream) + "\n"


def transaction(rng, tables):
    steps, open_points = ["begin;"], 0
    for _ in range(rng.choice([1, 2, 3, 6, 12])):
        kind = rng.random()
        if kind < .12:
            open_points += 1
            steps.append("savepoint p%d;" % open_points)
        elif kind < .2 and open_points:
            steps.append(rng.choice(["rollback to p%d;", "release p%d;"]) % open_points)
            open_points -= steps[-1].startswith("release")
        else:
            steps.append(rng.choice(tables).dml())
    return steps + [rng.choice(["commit;"] * 6 + ["rollback;"])]
