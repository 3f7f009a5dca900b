#!/usr/bin/env python3
"""differential.py --tailwater BINARY [--seed N] [--rounds N]: random tables and random changes through the real Debezium and
through the binary, on the same database at the same time, compared event by event.

Each round has a seed of its own (N, N+1, …) and is a case that `generate.py` draws from it. Both sides read the same log, so
that beyond what the cases compare, log positions, transaction numbers and times of streamed rows must be equal as they are.
A round that differs is kept as a case folder, and its smallest form that still differs is looked for with --shrink.
"""

import argparse
import json
import os
import shutil
import struct
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import compare  # noqa: E402
import engine_debezium  # noqa: E402
import engine_tailwater  # noqa: E402
import generate  # noqa: E402
import normalise  # noqa: E402
import pgmini  # noqa: E402
import servers  # noqa: E402
import values  # noqa: E402

PATIENCE = 60
FENCE_SQL = ("begin; insert into zz_fence values (%d, 1); update zz_fence set n = 2 where id = %d; "
             "delete from zz_fence where id = %d; commit;")


# More rounds than one in so many may not be cut short by the original: they would prove nothing.
STOPPED_AT_MOST = 10


class RoundError(RuntimeError):
    pass


class OriginalStopped(RoundError):
    """Debezium ended with an error of its own, so there is nothing to compare with."""


class Side:
    """One engine in one round, and how far its output was read."""

    def __init__(self, label, engine, folder):
        self.label, self.engine, self.folder = label, engine, os.path.join(folder, label)
        os.makedirs(self.folder)
        self.output = os.path.join(self.folder, "raw.jsonl")
        self.read, self.fences = 0, set()

    def start(self, connection, properties, converter):
        own = dict(connection, **properties)
        own.update({"slot.name": "slot_" + self.label, "publication.name": "pub_" + self.label})
        if self.label == "debezium":
            own.pop("compatibility.mode")
        self.engine.start(own, converter, self.folder, self.output)

    def check(self):
        ended = self.engine.ended()
        if ended is not None:
            log = self.engine.log_text() if self.label == "debezium" else ""
            errors = [line for line in log.splitlines() if " ERROR " in line]
            kind = OriginalStopped if self.label == "debezium" else RoundError
            raise kind("%s ended: %s %s" % (self.label, ended.rsplit(" | ", 1)[-1][:600], " / ".join(errors[:3])))

    def passed(self, number):
        """Whether the fence arrived."""
        if os.path.exists(self.output):
            with open(self.output, "rb") as handle:
                handle.seek(self.read)
                for line in handle:
                    if not line.endswith(b"\n"):
                        break
                    self.read += len(line)
                    if b"zz_fence" in line:
                        key = normalise.payload_of(json.loads(line)["key"])
                        self.fences.add(key["id"])
        return number in self.fences


class Round:
    def __init__(self, cluster, sides, database):
        self.cluster, self.sides, self.database, self.fence_number, self.sessions = cluster, sides, database, 0, {}

    def session(self, name):
        if name not in self.sessions:
            self.sessions[name] = self.cluster.client(self.database)
        return self.sessions[name]

    def wait(self, what, done):
        end = time.time() + PATIENCE
        while True:
            waiting = [side for side in self.sides if not done(side)]
            if not waiting:
                return
            for side in waiting:
                side.check()
            if time.time() > end:
                raise RoundError("%s: waited in vain for %s" % (waiting[0].label, what))
            time.sleep(0.02)

    def fence(self):
        """Returns when both sides delivered everything committed so far."""
        self.fence_number += 1
        self.session("main").query(FENCE_SQL % ((self.fence_number,) * 3))
        self.wait("fence %d" % self.fence_number, lambda side: side.passed(self.fence_number))

    def slot_active(self, side):
        return bool(self.session("control").query(
            "select 1 from pg_replication_slots where slot_name = 'slot_%s' and active" % side.label))

    def play(self, script):
        session = "main"
        for kind, first, second in pgmini.split_script(script):
            if kind == "directive":
                if first == "session":
                    session = second
                else:
                    self.fence()
                continue
            try:
                self.session(session).query(first, second)
            except pgmini.PgError as error:
                raise RoundError("the generator wrote what the server refuses: %s in: %s" % (error, first[:300]))

    def run(self, drawn):
        properties, converter, setup, stream = drawn
        connection = {
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
            "database.hostname": self.cluster.host, "database.port": str(self.cluster.port),
            "database.user": self.cluster.user, "database.password": "unused", "database.dbname": self.database}
        admin = self.cluster.client("postgres")
        admin.query("create database %s" % self.database)
        try:
            self.play(setup)
            for side in self.sides:
                side.start(connection, properties, converter)
            self.wait("the stream", lambda side: side.engine.ready("streaming", lambda: self.slot_active(side)))
            self.play(stream)
            self.fence()
        finally:
            for side in self.sides:
                try:
                    side.engine.stop()
                except (RuntimeError, OSError):
                    side.engine.kill()
            for client in self.sessions.values():
                client.close()
            pgmini.drop_database(admin, self.database)
            admin.close()
        return [self.before_last_fence(normalise.load_jsonl(side.output)) for side in self.sides]

    def before_last_fence(self, records):
        """The first record of the last fence ends the round, so an engine may be stopped before the others, and before the
        end of its transaction is written."""
        fences, ends = set(), set()
        for number, record in enumerate(records):
            if record["topic"].endswith("zz_fence") and record["key"] and normalise.payload_of(record["key"])["id"] == self.fence_number:
                fences.add(number)
                value = normalise.payload_of(record["value"]) if record["value"] else None
                if value:
                    ends.add("%s:" % value["source"]["txId"])

        def of_its_transaction(record):
            value = normalise.payload_of(record["value"]) if record["value"] else None
            return isinstance(value, dict) and "status" in value and value["id"].startswith(tuple(ends))
        return [record for number, record in enumerate(records) if number not in fences and not of_its_transaction(record)]


def differences(theirs, ours):
    """Lines that say where the two differ; empty when they are the same."""
    theirs, ours = settled(theirs), settled(ours)
    shown = {(r["topic"], name) for r in theirs for name in ("partition", "timestamp") if name in r}
    ours = [{k: v for k, v in r.items() if k not in ("partition", "timestamp") or (r["topic"], k) in shown} for r in ours]
    lines = ["raw value check: " + text for text in normalise.check_raw(ours)] + positions(theirs, ours)
    return compare.compare(normalise.normalise(theirs, {}), normalise.normalise(ours, {}), "all", "topic") + lines


def settled(node, mark=""):
    """Leaves out what the virtual machine decides: values of `real` columns are rounded to what a float holds, because Java
    before 19 prints wrong digits after the right ones, and the pairs of hstore values, which come as a hash table has them, are sorted."""
    if isinstance(node, dict):
        pairs = {name: settled(child, mark or next((m for m in (values.SINGLE, values.PAIRS) if name.startswith(m.rstrip())), ""))
                 for name, child in node.items()}
        return dict(sorted(pairs.items())) if mark == values.PAIRS else pairs
    if isinstance(node, list):
        return [settled(child, mark) for child in node]
    if mark == values.SINGLE and isinstance(node, float):
        return struct.unpack("<f", struct.pack("<f", node))[0]
    if mark == values.PAIRS and isinstance(node, str) and node.startswith('{"'):
        try:
            return json.dumps(settled(json.loads(node), mark))
        except ValueError:
            return node
    return node


def positions(theirs, ours):
    """Where log position, transaction or commit time of a streamed row differ, which both sides read from the same log."""
    def facts(records):
        by_topic = {}
        for record in records:
            value = normalise.payload_of(record.get("value"))
            source = value.get("source") if isinstance(value, dict) else None
            if source and source.get("snapshot") == "false":
                by_topic.setdefault(record["topic"], []).append(tuple(source.get(n) for n in ("lsn", "txId", "ts_us", "sequence")
                                                                      if n != "ts_us" or source.get("txId") is not None))
        return by_topic
    theirs, ours = facts(theirs), facts(ours)
    lines = []
    for topic, want in theirs.items():
        got = ours.get(topic, [])
        for place, (one, other) in enumerate(zip(want, got)):
            if one != other:
                lines.append("%s streamed row %d: (lsn, txId, ts_us, sequence) expected %s, got %s" % (topic, place + 1, one, other))
                break
    return lines


def keep(folder, seed, drawn, theirs=None, ours=None):
    """Writes the round as a case folder that run_cases.py can play."""
    properties, converter, setup, stream = drawn
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    case = {"title": "differential round", "proves": "seed %d" % seed, "verdict": "must", "tags": [], "snapshot": True, "extensions": [],
            "properties": {k: v for k, v in properties.items() if k != "compatibility.mode"}, "converter": converter}
    for name, text in (("case.json", json.dumps(case, indent=2)), ("setup.sql", setup), ("stream.sql", stream)):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as handle:
            handle.write(text)
    for name, records in (("expected.jsonl", theirs), ("actual.jsonl", ours)):
        if records is not None:
            normalise.dump_jsonl(normalise.normalise(records, {}), os.path.join(folder, name))


class Player:
    """Server, JVM and work folder of a whole run."""

    def __init__(self, options):
        self.work = tempfile.mkdtemp(prefix="tailwater-differential-")
        self.cluster = pgmini.Cluster(self.work, options.pg_bin)
        class_path = engine_debezium.prepare(options.debezium_version, options.cache)
        self.engines = {"debezium": engine_debezium.Engine(class_path, os.path.join(self.work, "jvm")),
                        "tailwater": engine_tailwater.Engine(options.tailwater)}
        self.number = 0

    def play(self, drawn):
        """(difference lines or, where Debezium itself stopped, None; records of Debezium; records of ours)."""
        self.number += 1
        folder = os.path.join(self.work, "round-%d" % self.number)
        sides = [Side(label, engine, folder) for label, engine in self.engines.items()]
        theirs = ours = None
        try:
            theirs, ours = Round(self.cluster, sides, "diff_%d" % self.number).run(drawn)
            lines = differences(theirs, ours)
        except OriginalStopped as stop:
            lines = None
            print("     %s" % str(stop)[:600].replace("\n", " "))
            self.engines["debezium"].quit()
        except (RoundError, RuntimeError, OSError, ValueError, KeyError, pgmini.PgError) as error:
            lines = ["%s: %s" % (type(error).__name__, error)]
            self.engines["debezium"].quit()
        shutil.rmtree(folder, ignore_errors=True)
        return lines, theirs, ours

    def shrink(self, drawn, attempts):
        """Leaves parts of the stream out, halves first, as long as a difference stays; at most so many rounds."""
        properties, converter, setup, stream = drawn
        blocks = transactions(stream)
        size = max(1, len(blocks) // 2)
        while attempts > 0 and blocks:
            at, removed = 0, False
            while at < len(blocks) and attempts > 0:
                fewer = blocks[:at] + blocks[at + size:]
                attempts -= 1
                lines, _, _ = self.play((properties, converter, setup, "".join(fewer)))
                if lines and not any("the generator wrote" in line for line in lines):
                    blocks, removed = fewer, True
                else:
                    at += size
            if size == 1 and not removed:
                break
            size = max(1, size // 2)
        return properties, converter, setup, "".join(blocks)

    def close(self):
        for engine in self.engines.values():
            engine.quit()
        self.cluster.stop()
        shutil.rmtree(self.work, ignore_errors=True)


def transactions(stream):
    """The stream cut where no transaction is open."""
    blocks, current, inside, copying = [], "", 0, False
    for line in stream.splitlines(keepends=True):
        current += line
        text = line.strip()
        if copying:
            copying = text != "\\."
        else:
            copying = text.startswith("copy ")
            inside += (text == "begin;") - (text in ("commit;", "rollback;") or text.startswith("prepare transaction"))
        if inside <= 0 and not copying and not text.startswith("--@"):
            blocks.append(current)
            current = ""
    return blocks + ([current] if current else [])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tailwater", metavar="BINARY", required=True)
    parser.add_argument("--seed", type=int, default=1, help="seed of the first round")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=int, help="start no further round after so many seconds")
    parser.add_argument("--types", help="only columns of these types, separated by ;")
    parser.add_argument("--shrink", type=int, default=0, metavar="N", help="up to N further rounds to make the first difference smaller")
    parser.add_argument("--keep", default="target/differential", help="folder for rounds that differ, as cases (default %(default)s)")
    parser.add_argument("--debezium-version", default=engine_debezium.DEFAULT_VERSION)
    parser.add_argument("--pg-bin", help="folder with initdb and postgres")
    parser.add_argument("--server", metavar="V", help="play on this version of PostgreSQL, downloaded once, instead of the installed one")
    parser.add_argument("--cache", default=os.path.join(os.path.expanduser("~"), ".cache", "tailwater-conformance"))
    options = parser.parse_args()
    if options.server:
        options.pg_bin = servers.bindir(options.server)
    families = options.types.split(";") if options.types else None

    shutil.rmtree(options.keep, ignore_errors=True)
    player, bad, stopped, began, played = Player(options), [], [], time.time(), 0
    try:
        for seed in range(options.seed, options.seed + options.rounds):
            if options.seconds and time.time() - began > options.seconds:
                break
            start, drawn = time.time(), generate.round_of(seed, families)
            lines, theirs, ours = player.play(drawn)
            played += 1
            verdict = "none" if lines is None else "FAIL" if lines else "ok"
            print("%-4s differential seed %d %5.1f s  %s records" % (
                verdict, seed, time.time() - start, len(theirs) if theirs is not None else "no"), flush=True)
            if lines is None:
                stopped.append(seed)
            if lines:
                bad.append(seed)
                folder = os.path.join(options.keep, "%03d-seed-%d" % (900 + len(bad) % 100, seed))
                if options.shrink and len(bad) == 1:
                    drawn = player.shrink(drawn, options.shrink)
                    lines, theirs, ours = player.play(drawn)
                keep(folder, seed, drawn, theirs, ours)
                print("     options: %s" % json.dumps({**drawn[0], **{"converter." + k: v for k, v in drawn[1].items()}}))
                print("\n".join("     " + line for line in lines[:12]))
                print("     kept in %s; again with: cargo xtask differential --seed %d --rounds 1" % (folder, seed), flush=True)
    finally:
        player.close()
    print("%d rounds, %d differ%s" % (played, len(bad), ": " + " ".join(map(str, bad)) if bad else ""))
    if stopped:
        print("%d without a verdict, as Debezium itself stopped: %s" % (len(stopped), " ".join(map(str, stopped))))
    if len(stopped) * STOPPED_AT_MOST > max(played, STOPPED_AT_MOST):
        print("FAIL differential: these are too many")
        return 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
