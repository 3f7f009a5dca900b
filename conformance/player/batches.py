#!/usr/bin/env python3
"""batches.py --tailwater BINARY --segments TOOL [--seed N] [--rounds N]: what we store, read by Kafka's own Java classes.

Each round captures random tables (of `generate.py`) and some made for the compressor: wide and large rows, values beyond
the match window and beyond a block, many tables at once. The stored batches are written out as Kafka's log
segments (TOOL is the example `segments` of the journal's crate) and read by `Batches.java`: checksums, counts, LZ4 frames
and records are judged by Kafka's classes, and every record must be the one that `consume` shows.
"""

import argparse
import base64
import collections
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import engine_debezium  # noqa: E402
import engine_tailwater  # noqa: E402
import generate  # noqa: E402
import pgmini  # noqa: E402
import values  # noqa: E402

PATIENCE = 90


def made_for_lz4(rng):
    """Setup and stream: rows that repeat, rows that do not, and sizes around the window (64 KB) and the block (1 MB)."""
    wide = ", ".join("c%d text" % n for n in range(rng.choice([60, 300, 900])))
    setup = ("create table wide (id int primary key, %s);\n"
             "create table large (id int primary key, a text, b bytea, c text);\n"
             "alter table large alter column a set storage external;\n"
             "create table narrow (id int primary key, n int not null, t text not null);\n" % wide)
    setup += "".join("create table many%d (id int primary key, v text default 'd');\n" % n for n in range(12))
    rows = rng.choice([30, 3000, 20000])
    setup += "insert into narrow select g, g %% 7, 'row ' || md5(g::text) from generate_series(1, %d) g;\n" % rows
    stream = "insert into wide (id, c0, c59) select g, repeat('x', g), md5(g::text) from generate_series(1, %d) g;\n" % rng.choice([3, 40, 400])
    for number, size in enumerate(rng.sample([10, 60_000, 65_535, 65_536, 70_000, 200_000, 1_048_000, 1_050_000, 3_000_000], 5)):
        text = rng.choice(["repeat('ab', %d)" % (size // 2), "(select string_agg(md5(g::text), '') from generate_series(1, %d) g)" % (size // 32 + 1)])
        stream += "insert into large values (%d, %s, decode(md5('%d'), 'hex'), 'short');\n" % (number, text, number)
        stream += "update large set c = 'changed %d' where id = %d;\n" % (number, number)
    stream += "begin;\n" + "".join("insert into many%d values (%d, '%s');\n" % (rng.randrange(12), n, values.word_of(rng)) for n in range(300)) + "commit;\n"
    stream += "update narrow set n = n + 1;\ndelete from narrow where id %% %d = 0;\n" % rng.choice([2, 3, 50])
    for number in range(40):
        stream += "update narrow set t = t || 'x' where id = %d;\n" % (number + 1)
    return setup, stream


def capture(cluster, engine, folder, database, drawn):
    """Runs the round's scripts past the binary; returns what `consume` shows, as lines."""
    properties, converter, setup, stream = drawn
    admin = cluster.client("postgres")
    admin.query("create database " + database)
    session = cluster.client(database)
    output = os.path.join(folder, "raw.jsonl")
    try:
        play(session, setup)
        engine.start({"connector.class": "io.debezium.connector.postgresql.PostgresConnector", "database.hostname": cluster.host,
                      "database.port": str(cluster.port), "database.user": cluster.user, "database.password": "unused",
                      "database.dbname": database, **properties}, converter, folder, output)
        until(lambda: engine.ready("streaming", None), engine)
        play(session, stream)
        end = session.query("select pg_current_wal_insert_lsn()")[0][0]
        until(lambda: session.query("select 1 from pg_replication_slots where database = '%s' and confirmed_flush_lsn >= '%s'"
                                    % (database, end)), engine)
    finally:
        engine.stop()
        session.close()
        pgmini.drop_database(admin, database)
        admin.close()
    shown = subprocess.run([engine.binary, "consume", "--data-dir", engine.data, "--include", ".*", "--from-beginning", "--json", "--exit"],
                           stdout=subprocess.PIPE, check=True, timeout=PATIENCE)
    return shown.stdout.decode().rstrip("\n").split("\n")


def play(session, script):
    for _, statement, data in (step for step in pgmini.split_script(script) if step[0] == "sql"):
        session.query(statement, data)


def until(done, engine):
    end = time.time() + PATIENCE
    while not done():
        if engine.ended() is not None or time.time() > end:
            raise RuntimeError("the capture did not go on: %s" % engine.ended())
        time.sleep(0.05)


def as_shown(text):
    """Bytes as `consume` shows them: JSON where they are JSON, text where they are UTF-8."""
    if text is None:
        return None
    data = base64.b64decode(text)
    try:
        return json.loads(data)
    except ValueError:
        pass
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": text}


def compare(shown, read):
    """(difference or None, records, batches' compressions)."""
    kinds, ours = collections.Counter(), {}
    for line in shown:
        record = json.loads(line)
        ours["%s-%d.log" % (record["topic"], record["partition"]), record["offset"]] = record
    for line in read:
        theirs = json.loads(line)
        place = theirs["file"], theirs["offset"]
        kinds[theirs["compression"]] += 1
        record = ours.pop(place, None)
        if record is None:
            return "%s %d: consume does not show it" % place, kinds
        headers = [{"key": h["key"], "value": as_shown(h["value"])} for h in theirs["headers"]]
        for name, value in (("timestamp", theirs["timestamp"]), ("key", as_shown(theirs["key"])), ("value", as_shown(theirs["value"])), ("headers", headers)):
            if json.dumps(record[name]) != json.dumps(value):
                return "%s %d: another %s" % (*place, name), kinds
    return ("%s %d: Kafka does not see it" % next(iter(ours)) if ours else None), kinds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tailwater", metavar="BINARY", required=True)
    parser.add_argument("--segments", metavar="TOOL", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--debezium-version", default=engine_debezium.DEFAULT_VERSION)
    parser.add_argument("--pg-bin", help="folder with initdb and postgres")
    parser.add_argument("--cache", default=os.path.join(os.path.expanduser("~"), ".cache", "tailwater-conformance"))
    options = parser.parse_args()
    class_path = engine_debezium.prepare(options.debezium_version, options.cache, "Batches")
    work = tempfile.mkdtemp(prefix="tailwater-batches-")
    cluster, bad = pgmini.Cluster(work, options.pg_bin), 0
    engine = engine_tailwater.Engine(options.tailwater)
    try:
        for seed in range(options.seed, options.seed + options.rounds):
            folder = os.path.join(work, "round-%d" % seed)
            segments = os.path.join(folder, "segments")
            os.makedirs(segments)
            properties, converter, setup, stream = generate.round_of(seed)
            more_setup, more_stream = made_for_lz4(random.Random(seed))
            for name in ("table.include.list", "table.exclude.list", "schema.include.list", "schema.exclude.list", "skipped.operations"):
                properties.pop(name, None)
            shown = capture(cluster, engine, folder, "batches_%d" % seed, (properties, converter, setup + more_setup, stream + more_stream))
            subprocess.run([options.segments, engine.data, segments], check=True)
            files = [os.path.join(segments, name) for name in sorted(os.listdir(segments))]
            read = subprocess.run(["java", "-Xmx700m", "-cp", class_path, "Batches", *files], stdout=subprocess.PIPE, check=False)
            difference, kinds = compare(shown, read.stdout.decode().rstrip("\n").split("\n"))
            if read.returncode != 0:
                difference = "Kafka's classes refuse a batch"
            print("%-4s batches seed %d  records by compression: %s%s" % (
                "FAIL" if difference else "ok", seed, dict(kinds), "  " + difference if difference else ""), flush=True)
            bad += bool(difference)
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        engine.quit()
        cluster.stop()
        shutil.rmtree(work, ignore_errors=True)
    print("%d rounds, %d failed" % (options.rounds, bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
