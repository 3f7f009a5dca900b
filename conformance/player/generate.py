"""Random tables, statements and connector options for the differential test, all drawn from one seed.

A round is a plain case: connector properties, converter options, a setup script and a stream script. What is drawn stays
inside what the original can do at all; its known mistakes are welcome, because the test runs with
compatibility.mode=strict. Left out are mistakes that strict does not repeat: ancient dates in arrays, generated
columns (case 135), labels added to an enum whose type the original keeps as it was at the start, the form
that the JDBC driver gives to geometric values as text, numerics of negative scale (2046 digits in the original), columns of
type name (null while streaming), arrays of domains (left out), that each message counts as a table of its own in the
metadata of a transaction, and defaults of infinity (Java's last instant under time.precision.mode=isostring). Where a transaction writes into a table before it alters it, the server itself decides
by chance whether it announces the table again.
"""

import random

from values import DEFAULTS, DOMAINS, KEY_TYPES, MOODS, NAMES, ODD_MOODS, SINGLE, TYPES, base, declared, key_value, large, mark, text_of

FENCE_TABLE = "public.zz_fence"
# Types whose form differs between the original's snapshot and its stream, where unknown types are shown.
GEOMETRIC = ("line", "lseg", "box", "path", "polygon", "circle")


def quote(text):
    """A literal on one line; the script's statements end at line ends."""
    if text is None:
        return "NULL"
    if any(c in text for c in "\\\n\r"):
        return "E'%s'" % (text.replace("\\", "\\\\").replace("'", "''").replace("\n", "\\n").replace("\r", "\\r"))
    return "'%s'" % text.replace("'", "''")


def name(text):
    return '"%s"' % text.replace('"', '""')


class Column:
    def __init__(self, label, kind, nullable=True, default=None, extra=""):
        self.label, self.kind, self.nullable, self.default, self.extra, self.key = label, kind, nullable, default, extra, False

    def definition(self):
        return " ".join(filter(None, [name(self.label), declared(self.kind), self.extra, "" if self.nullable else "not null",
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
        kind = base(self.kind)
        if kind in ("ltree[]", "tsvector[]", "pair[]", "int4multirange[]"):
            return "NULL" in value
        if kind == "varbit(1)":
            return not value
        if kind.endswith(("[]", "range")):
            return False
        if kind.startswith("timestamp"):
            return not "1700" < value < "2250"
        return kind.startswith("numeric") and ("N" in value or "I" in value)


class Table:
    def __init__(self, rng, number, kinds):
        self.rng, self.number, self.counter, self.added = rng, number, 0, 0
        self.keeps_key = False
        self.schema = rng.choice(["public", "public", "s2", "s2", "S 3"])
        self.label = "t%d" % number + rng.choice(["", "", "", "_x", " y", "Z", "-d", ".dot", "ü", "$", "_" + "l" * 59])
        self.columns = []
        labels = rng.sample(NAMES, len(NAMES))
        for at in range(rng.randint(1, 9)):
            kind = rng.choice(kinds)
            label = labels.pop() if labels and rng.random() < .15 else "c%d" % at
            label = mark(kind) + label
            nullable = kind == "bit(3)[]" or rng.random() < .7
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
            self.columns.insert(rng.randrange(len(self.columns) + 1), Column("seq", rng.choice(["serial", "bigserial", "smallserial"])))
        elif rng.random() < .1:
            self.columns.insert(rng.randrange(len(self.columns) + 1), Column("idn", "integer", extra="generated %s as identity" % rng.choice(["always", "by default"])))
        self.partitioned = self.key in ("pk", "composite") and self.identity != "nothing" and rng.random() < .12

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
            rows.append("constraint %s primary key (%s)" % (name("pk%d" % self.number), listed))
        yield "create table %s (%s)%s;" % (self.full_name, ", ".join(rows), " partition by hash (%s)" % name(self.keys[0].label) if self.partitioned else "")
        if self.key == "unique":
            yield "create unique index %s on %s (%s);" % (name("ux%d" % self.number), self.full_name, listed)
        for column in self.columns:
            if column.kind in ("text", "bytea", "jsonb", "text[]", "varchar"):
                yield "alter table %s alter column %s set storage external;" % (self.full_name, name(column.label))
        if self.partitioned:
            for part in range(2):
                leaf = "%s.%s" % (name(self.schema), name("t%d_p%d" % (self.number, part)))
                yield "create table %s partition of %s for values with (modulus 2, remainder %d);" % (leaf, self.full_name, part)
                if self.identity == "full":
                    yield "alter table %s replica identity full;" % leaf
        if self.identity == "index":
            yield "alter table %s replica identity using index %s;" % (self.full_name, name("ux%d" % self.number))
        elif self.identity != "default":
            yield "alter table %s replica identity %s;" % (self.full_name, self.identity)

    def writable(self):
        return [c for c in self.columns if not c.extra and not c.kind.endswith("serial")]

    def row(self):
        self.counter += 1
        return [c.value(self.rng, self.counter) for c in self.writable()]

    def insert(self):
        columns = self.writable()
        rows = ", ".join("(%s)" % ", ".join(
            "default" if c.default and self.rng.random() < .3 else quote(v) for c, v in zip(columns, self.row()))
            for _ in range(self.rng.choice([1, 1, 1, 2, 5])))
        return "insert into %s (%s) values %s%s;" % (self.full_name, ", ".join(name(c.label) for c in columns), rows, self.upsert(columns))

    def upsert(self, columns):
        """Sometimes what to do with a row whose key is there already; no key is, but the form of the record could differ."""
        if not self.identified or self.key not in ("pk", "composite") or self.rng.random() > .1:
            return ""
        column = self.rng.choice(columns)
        keys = ", ".join(name(k.label) for k in self.keys)
        return " on conflict (%s) do update set %s = excluded.%s" % (keys, name(column.label), name(column.label))

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
            where = "(tableoid, ctid) in (select tableoid, ctid from %s order by ctid, tableoid limit 1 offset %d)" % (
                self.full_name, self.rng.randrange(5))
        self.counter += 1
        if self.rng.random() < .08:
            column = self.rng.choice(self.writable())
            return "update %s set %s = %s;" % (self.full_name, name(column.label), name(column.label))
        pairs = ", ".join("%s = %s" % (name(c.label), "default" if c.default and self.rng.random() < .2 else quote(c.value(self.rng, self.counter)))
                          for c in changed)
        return "update %s set %s where %s;" % (self.full_name, pairs, where)

    def delete(self):
        return "delete from %s where %s;" % (self.full_name, self.some_rows())

    def dml(self):
        kind = self.rng.random()
        if not self.identified or kind < .45:
            return self.copy() if self.rng.random() < .15 else self.insert()
        if kind < .75:
            return self.update()
        if kind > .97:
            return "truncate %s%s;" % (self.full_name, self.rng.choice(["", "", " restart identity", " cascade"]))
        return self.delete()

    def alter(self, kinds, renamed=True):
        """One change of the table's form. Not renamed behind rows of the same transaction: the original looks their key up by
        the old name, finds no such table, and leaves the key out."""
        plain = [c for c in self.writable() if c not in self.keys]
        self.added += 1
        choice = self.rng.choice(["add", "add", "drop", "rename", "widen", "nullable", "identity", "default", "text", "key", "table", "noise"])
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
        changed = self.alter_more("noise" if choice == "table" and not renamed else choice, plain)
        if changed:
            return changed
        kind = self.rng.choice(kinds)
        default = self.rng.choice(DEFAULTS[kind]) if kind in DEFAULTS and self.rng.random() < .4 else None
        column = Column(mark(kind) + "n%d" % self.added, kind, True, default)
        self.columns.append(column)
        return "alter table %s add column %s;" % (self.full_name, column.definition())

    def alter_more(self, choice, plain):
        """The changes that concern more than a column's place and name; None where the choice does not fit."""
        # Updates of a table that could not be told apart come late: where it is published for that, the server refuses them.
        if choice == "identity" and not self.partitioned and self.identified:
            self.identity = self.rng.choice(["default"] * (self.key in ("pk", "composite")) + ["full", "full", "nothing"])
            return "alter table %s replica identity %s;" % (self.full_name, self.identity)
        if choice == "default" and plain:
            column = self.rng.choice(plain)
            column.default = self.rng.choice(DEFAULTS[column.kind]) if column.kind in DEFAULTS and self.rng.random() < .7 else None
            if column.default == "NULL" and not column.nullable:
                column.default = None
            change = "set default " + column.default if column.default else "drop default"
            return "alter table %s alter column %s %s;" % (self.full_name, name(column.label), change)
        if choice == "text" and plain:
            column = self.rng.choice(plain)
            if not column.default and not mark(column.kind):
                column.kind = "text"
                return "alter table %s alter column %s type text using %s::text;" % ((self.full_name,) + (name(column.label),) * 2)
        if choice == "key" and self.key == "pk" and not self.keeps_key and not self.partitioned and self.identity != "index":
            self.key = "none"
            return "alter table %s drop constraint %s;" % (self.full_name, name("pk%d" % self.number))
        if choice == "table" and not self.partitioned:
            old, self.label = self.full_name, self.label[:20] + "_r%d" % self.added
            return "alter table %s rename to %s;" % (old, name(self.label))
        if choice == "noise":
            return "comment on table %s is 'noise %d';" % (self.full_name, self.added)
        return None


# --------------------------------------------------------------------------- options

def options(rng, tables):
    """Connector properties and converter options of a round."""
    def maybe(chance, key, *values):
        if rng.random() < chance:
            properties[key] = rng.choice(values)
    properties = {"name": "differential", "topic.prefix": "d", "compatibility.mode": "strict", "extended.headers.enabled": rng.choice(["false", "false", "true"]),
                  "publication.autocreate.mode": rng.choice(["all_tables", "filtered"]), "plugin.name": "pgoutput"}
    maybe(.5, "time.precision.mode", "adaptive_time_microseconds", "connect", "isostring", "microseconds", "nanoseconds")
    maybe(.4, "decimal.handling.mode", "string", "double", "precise")
    maybe(.4, "binary.handling.mode", "base64", "base64-url-safe", "hex")
    maybe(.4, "interval.handling.mode", "string")
    maybe(.4, "hstore.handling.mode", "map")
    maybe(.3, "tombstones.on.delete", "false")
    maybe(.4, "skipped.operations", "none", "c", "u", "d", "t,d", "c,t", "u,d")
    if not any(column.kind in GEOMETRIC for table in tables for column in table.columns):
        maybe(.2, "include.unknown.datatypes", "true")
    maybe(.1, "topic.prefix", "d-1.x", "D_2")
    maybe(.1, "topic.delimiter", "_", "-")
    maybe(.1, "snapshot.isolation.mode", "repeatable_read", "read_committed")
    maybe(.1, "message.prefix.include.list", "p1", "p.*")
    maybe(.05, "topic.naming.strategy", "io.debezium.schema.SchemaUnicodeTopicNamingStrategy")
    if any(table.partitioned for table in tables):
        # With a publication of some tables the original waits without end for the partitioned one.
        properties["publication.autocreate.mode"] = "all_tables"
        maybe(.5, "publish.via.partition.root", "true")
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
    if out.label.isalnum() and not out.partitioned:
        full = "%s.%s" % (out.schema, out.label)
        if rng.random() < .08:
            properties["snapshot.include.collection.list"] = full.replace(".", r"\.").replace(" ", ".")
        elif rng.random() < .08 and " " not in full and not any(rule.startswith("column.") and rule.endswith("clude.list") for rule in properties):
            properties["snapshot.select.statement.overrides"] = full
            properties["snapshot.select.statement.overrides." + full] = "select * from %s %s" % (
                out.full_name, rng.choice(["where false", "order by ctid desc", "offset 1"]))
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
    if "column.exclude.list" not in properties and rng.random() < .04:
        listed = patterns(.6)
        if listed:
            properties["column.include.list"] = r"public\.zz_fence\..*," + listed
    if rng.random() < .15:
        properties["column.propagate.source.type"] = patterns(.5) or ".*"
    if rng.random() < .1:
        properties["datatype.propagate.source.type"] = rng.choice([".*", r".+\.int4,.+\.text", r".+\.(numeric|varchar|timestamp.*|_.*)"])
    if rng.random() < .15:
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
             'create schema "S 3";', "create type mood as enum (%s);" % ", ".join(quote(m) for m in MOODS),
             'create type "Mood X" as enum (%s);' % ", ".join(quote(m) for m in ODD_MOODS), "create type pair as (x int, y text);",
             *("create domain %s as %s;" % domain for domain in DOMAINS.items())]
    tables = [Table(rng, number, kinds) for number in range(1, rng.randint(2, 4))]
    for table in tables:
        setup += table.create()
        for _ in range(rng.randrange(4)):
            setup.append(table.insert())
    properties, converter = options(rng, tables)
    for table in tables:
        # Of a key that is dropped, the original forgets the columns that events do not show.
        table.keeps_key = "column.exclude.list" in properties
    messages = rng.random() < .6
    if not messages and rng.random() < .5:
        properties["provide.transaction.metadata"] = "true"
    stream = []
    for _ in range(rng.randint(8, 25)):
        kind = rng.random()
        if kind < .08:
            stream += ["--@ fence", rng.choice(tables).alter(kinds)]
        elif kind < .1:
            table = rng.choice(tables)
            stream += ["--@ fence", "begin;", table.alter(kinds), table.dml(), table.alter(kinds, renamed=False), table.dml(), "commit;", "--@ fence"]
        # A publication of some tables gets a new one late.
        elif kind < .12 and properties["publication.autocreate.mode"] == "all_tables":
            tables.append(Table(rng, len(tables) + 1, kinds))
            stream += ["--@ fence", *tables[-1].create()]
        elif kind < .14:
            stream += interleaved(rng, tables)
        elif kind < .17:
            stream += [message(rng)] if messages else []
        elif kind < .2:
            chosen = rng.sample(tables, rng.randint(1, len(tables)))
            stream.append("truncate %s;" % ", ".join(table.full_name for table in chosen))
        elif kind < .45:
            stream.append(rng.choice(tables).dml())
        else:
            stream += transaction(rng, tables, messages)
    return properties, converter, "\n".join(setup) + "\n", "\n".join(stream) + "\n"


def message(rng):
    """A logical message."""
    content = rng.choice(["%s::text" % quote(text_of(rng)), "'\\x00ff'::bytea"])
    return "select pg_logical_emit_message(%s, 'p%d', %s);" % (rng.choice(["true", "false"]), rng.randint(1, 3), content)


def interleaved(rng, tables):
    """Two transactions at the same time; inserts only, so that none waits for the other."""
    def inserts():
        return [rng.choice(tables).insert() for _ in range(rng.randint(1, 3))]
    first = ["begin;", *inserts(), "--@ session other", "begin;", *inserts(), "--@ session main", *inserts()]
    ends = [rng.choice(["commit;"] * 4 + ["rollback;"]) for _ in range(2)]
    if rng.random() < .5:
        return [*first, "--@ session other", *inserts(), ends[0], "--@ session main", *inserts(), ends[1]]
    return [*first, ends[0], "--@ session other", *inserts(), ends[1], "--@ session main"]


def transaction(rng, tables, messages):
    steps, open_points = ["begin;"], 0
    for _ in range(rng.choice([1, 2, 3, 6, 12])):
        kind = rng.random()
        if kind < .12:
            open_points += 1
            steps.append("savepoint p%d;" % open_points)
        elif kind < .2 and open_points:
            steps.append(rng.choice(["rollback to p%d;", "release p%d;"]) % open_points)
            open_points -= steps[-1].startswith("release")
        elif kind < .23 and messages:
            steps.append(message(rng))
        else:
            steps.append(rng.choice(tables).dml())
    end = rng.choice(["commit;"] * 8 + ["rollback;", "prepare transaction 'two';"])
    return steps + ([end, rng.choice(["commit", "commit", "rollback"]) + " prepared 'two';"] if end.startswith("prepare") else [end])
