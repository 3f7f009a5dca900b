#!/usr/bin/env python3
"""play.py: scripts of REST requests, answered by a real Kafka Connect worker with Debezium and by Tailwater.

  play.py --record [SCRIPT…]              plays the scripts on a Connect worker (4.3.1, with Debezium 3.6.3) that it starts, and
                                          writes its answers into recorded/; needs Java 17 and, once, mvn
  play.py --tailwater BINARY [SCRIPT…]    plays them on `serve` and compares status, headers and JSON with recorded/
  play.py --write FILE                    puts the differences that we want, with their reasons, into the table of a document

Without SCRIPT, all of scripts/, each on a worker and a PostgreSQL of its own. script.py says how a script is written. Of the text
of a faulty configuration only this is compared: that every property which the worker blames is blamed by us; likewise in a
validation.
"""

import argparse
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, os.pardir, "player"))
import pgmini  # noqa: E402
import script  # noqa: E402
from answers import compare, seen, settled  # noqa: E402

LATER = os.path.join(HERE, "later.txt")
HEADERS = ("content-type", "location", "allow")
PATIENCE = 60
BEGIN, END = "<!-- begin: differences -->", "<!-- end: differences -->"


class Database:
    """The private PostgreSQL that the connectors of the script capture, and the words that stand for it."""

    def __init__(self, folder):
        self.cluster = pgmini.Cluster(folder)
        admin = self.cluster.client("postgres")
        admin.query("create database shop")
        admin.query("create role watcher login replication password 'sesame'")
        admin.query("create role nobody_special login password 'sesame'")
        admin.close()
        self.session = self.cluster.client("shop")
        for statement in ("create schema bank",
                          "create table bank.holding (id int primary key, amount numeric(10,2))",
                          "alter table bank.holding replica identity full",
                          "insert into bank.holding values (1, 10.50), (2, 20)",
                          "create table bank.note (id int primary key, text text)"):
            self.session.query(statement)
        # Passwords are asked of one role only: those of the others do not matter here.
        with open(os.path.join(self.cluster.data, "pg_hba.conf"), "r+", encoding="utf-8") as rules:
            old = rules.read()
            rules.seek(0)
            rules.write("host all watcher all scram-sha-256\n" + old)
        self.session.query("select pg_reload_conf()")
        self.words = {"host": self.cluster.host, "port": str(self.cluster.port), "closed": str(pgmini.free_port())}

    def stop(self):
        self.session.close()
        self.cluster.stop()


class Side:
    """Who is asked: the worker or ours. `sink` are the properties that make a sink of it."""

    def __init__(self, base, database, sink):
        self.base, self.database, self.sink = base, database, sink
        where, kind = urllib.parse.urlsplit(base), sink["connector.class"]
        members = ",".join("%s:%s" % (json.dumps(name), json.dumps(value)) for name, value in sink.items())
        self.words = {**database.words, "sink": members, "sink-class": kind}
        self.host, self.port = where.hostname, where.port
        # What stands in answers for what only this run has.
        self.hidden = [("%s:%d" % (self.host, self.port), "<worker>"), (self.words["port"], "${port}"),
                       (self.words["closed"], "${closed}"), (kind, "<sink>"), (kind.removesuffix("Connector") + "Task", "<sink>Task")]

    def fill(self, text):
        for word, value in self.words.items():
            text = text.replace("${%s}" % word, value)
        return text


class Answer:
    def __init__(self, status, headers, text):
        self.status, self.headers, self.text = status, headers, text
        try:
            self.body = json.loads(text) if text else None
        except ValueError:
            self.body = {"<not JSON>": text}


def ask(side, step):
    """One request as it stands in the script."""
    connection = http.client.HTTPConnection(side.host, side.port, timeout=120)
    headers = dict(step.headers)
    body = side.fill("\n".join(step.body).rstrip("\n")).encode() if step.body else None
    if body is not None:
        body = b"" if body == b"(empty)" else re.sub(rb"\\x\{([0-9a-f]+)\}", lambda hexed: bytes.fromhex(hexed[1].decode()), body)
        headers.setdefault("Content-Type", "application/json")
    headers = {name: value for name, value in headers.items() if value != "(none)"}
    try:
        connection.request(step.method, side.fill(step.path), body=body, headers=headers)
        answer = connection.getresponse()
        kept = {name: answer.getheader(name) for name in HEADERS if answer.getheader(name) is not None}
        return Answer(answer.status, kept, answer.read().decode("utf-8", "replace"))
    finally:
        connection.close()


def play_step(side, step):
    """The answer of a step, when it came to rest. A worker that rebalances is asked again."""
    for statement in step.sql:
        side.database.session.query(side.fill(statement))
    end = time.monotonic() + PATIENCE
    while True:
        answer = ask(side, step)
        busy = answer.status in (409, 500) and ("rebalance" in answer.text or "stale configuration" in answer.text)
        if step.once or not busy and settled(answer, step.until) or time.monotonic() > end:
            return answer
        time.sleep(0.05)


def serve(binary, folder):
    """Tailwater with Connect's port; its process and address."""
    log = open(os.path.join(folder, "serve.log"), "ab")
    process = subprocess.Popen(
        [os.path.abspath(binary), "serve", "--data-dir", os.path.join(folder, "data"), "--kafka", "off",
         "--connect", "127.0.0.1:0", "--connect-files-allowed", folder, "--pg", "off", "--http", "127.0.0.1:0", "--json"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True)
    line = process.stdout.readline()
    try:
        return process, "http://" + json.loads(line)["connect"]
    except (ValueError, KeyError, TypeError):
        process.kill()
        raise SystemExit("no ready line with Connect's address from serve, but %r" % line)


def recorded(name):
    """Where a script's answers are."""
    return os.path.join(HERE, "recorded", name + ".jsonl")


def record(side, name):
    path = recorded(name)
    with open(path + ".part", "w", encoding="utf-8") as out:
        for step in script.read(name):
            answer = play_step(side, step)
            if not settled(answer, step.until):
                print("never came to rest: %s: %d %s" % (step.name, answer.status, answer.text[:300]), file=sys.stderr)
            out.write(json.dumps({"step": step.name, **seen(step, answer, side)}) + "\n")
            print("%s %d" % (step.name, answer.status), file=sys.stderr)
    os.rename(path + ".part", path)


def play(side, name, everywhere, verbose):
    """Plays on ours; how many steps there were, and how many failed."""
    with open(recorded(name), encoding="utf-8") as lines:
        answers = {line.pop("step"): line for line in map(json.loads, lines)}
    with open(LATER, encoding="utf-8") as lines:
        later = {line.split("#")[0].strip() for line in lines} - {""}
    steps, failed = script.read(name), 0
    for step in steps:
        place = "%s/%s" % (name, step.name)
        answer = play_step(side, step)
        lines = compare(step, everywhere, answers[step.name], seen(step, answer, side))
        if not settled(answer, step.until):
            lines.insert(0, "never came to rest: %s" % answer.text[:300])
        if place in later:
            print("later rest %s" % place)
            if not lines:
                lines = ["it passes: take it off the list in %s" % os.path.basename(LATER)]
                print("FAIL rest %s" % place)
            elif not verbose:
                continue
        else:
            print("%s rest %s" % ("FAIL" if lines else "ok  ", place))
        for line in lines:
            print("       " + line)
        failed += bool(lines) and not (verbose and place in later)
    return len(steps), failed


def write(path, everywhere):
    """The table of wanted differences, one row for one reason."""
    rows, count = {}, 0
    for difference in everywhere:
        rows.setdefault(difference.why, []).append("every answer: %s" % difference)
    for name in script.names():
        for step in script.read(name):
            count += 1
            for difference in step.differs:
                rows.setdefault(difference.why, []).append("%s `%s`: %s" % (step.method, step.path, difference))
    table = ["%d requests are compared." % count, "", "| why | where, and what we answer |", "|---|---|"]
    for why, places in rows.items():
        told = [place.replace("|", "\\|") for place in dict.fromkeys(places)]
        table.append("| %s | %s |" % (why, "<br>".join(told)))
    with open(path, encoding="utf-8") as document:
        before, _, rest = document.read().partition(BEGIN)
    after = rest.partition(END)[2]
    with open(path, "w", encoding="utf-8") as document:
        document.write("%s%s\n%s\n%s%s" % (before, BEGIN, "\n".join(table), END, after))


def record_one(name):
    # Only here: what is played back needs no Java.
    from worker import Worker
    with tempfile.TemporaryDirectory(prefix="tailwater-rest-") as folder:
        database = Database(folder)
        try:
            worker = Worker(folder)
            try:
                sink = {"connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector",
                        "file": os.path.join(folder, "sink.txt")}
                record(Side(worker.base, database, sink), name)
            finally:
                worker.stop()
        finally:
            database.stop()


def play_one(binary, name, everywhere, verbose):
    with tempfile.TemporaryDirectory(prefix="tailwater-rest-") as folder:
        database, process, failed = Database(folder), None, 0
        try:
            process, base = serve(binary, folder)
            sink = {"connector.class": "io.confluent.connect.s3.S3SinkConnector", "s3.bucket.name": "shop",
                    "store.url": "file://" + os.path.join(folder, "bucket"), "flush.size": "1"}
            count, failed = play(Side(base, database, sink), name, everywhere, verbose)
            if failed:
                with open(os.path.join(folder, "serve.log"), encoding="utf-8") as log:
                    print("".join(log.readlines()[-20:]), file=sys.stderr)
            return count, failed
        finally:
            if process:
                process.terminate()
                process.wait(30)
            database.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--tailwater", metavar="BINARY")
    parser.add_argument("--verbose", action="store_true", help="show what is wrong with the steps of later.txt, too")
    parser.add_argument("--write", metavar="FILE")
    parser.add_argument("script", nargs="*", default=script.names())
    options = parser.parse_args()
    everywhere = script.everywhere()
    # Halves of surrogate pairs are among what is asked and answered.
    sys.stdout.reconfigure(errors="backslashreplace")
    if options.write:
        write(options.write, everywhere)
    if options.record:
        for name in options.script:
            record_one(name)
    if options.tailwater:
        began = time.monotonic()
        played = [play_one(options.tailwater, name, everywhere, options.verbose) for name in options.script]
        count, failed = map(sum, zip(*played))
        print("%d steps, %d failed, %.1f s" % (count, failed, time.monotonic() - began))
        sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
