#!/usr/bin/env python3
"""play.py: one script of REST requests, answered by a real Kafka Connect worker with Debezium and by Tailwater.

  play.py --record              plays script.txt on a Connect worker (4.3.1, with Debezium 3.6.3) that it starts, and writes
                                recorded.jsonl; needs Java 17 and, once, mvn
  play.py --tailwater BINARY    plays it on `serve` and compares status, headers and JSON with recorded.jsonl
  play.py --write FILE          puts the differences that we want, with their reasons, into the table of a document

The script (script.txt): a line `## TEXT` starts a chapter, `# TEXT` is a comment, `[name]` starts a step. In a step comes
`METHOD PATH`, then headers as `> Name: value`, then instructions, then the body up to the next step:

  @until PATH = VALUE           ask again until the answer has this there (a minute at most)
  @once                         a worker that rebalances is not asked again
  @sql STATEMENT                run this first
  @only WORD                    compare only a part: `errors` what is wrong with which property, `names` which properties have
                                definitions, `classes` the plugins, `loggers` and `keys` which members there are
  @says PATTERN                 our answer must have this, whatever the worker said
  @differs PATH = VALUE | WHY   we answer otherwise there: VALUE (JSON), or, after `~`, a text that this pattern finds
  @differs * = VALUE | WHY      the same for the whole answer: its status and, after a blank, a pattern for its body

Before the first step `@differs` holds for every step whose answer has such a member, at any depth. Of the text of a faulty
configuration only this is compared: that every property which the worker blames is blamed by us; likewise in a validation.
`${host}`, `${port}` and the like stand for the private PostgreSQL of this run.
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

SCRIPT, RECORDED, LATER = (os.path.join(HERE, name) for name in ("script.txt", "recorded.jsonl", "later.txt"))
HEADERS = ("content-type", "location", "allow")
PATIENCE = 60
BEGIN, END = "<!-- begin: differences -->", "<!-- end: differences -->"
# What another run, worker or version has otherwise, wherever it stands.
MASKED = {"worker_id", "trace", "version", "commit", "kafka_cluster_id", "last_modified", "documentation", "display_name",
          "lsn", "lsn_proc", "lsn_commit", "txId", "ts_usec"}


class Step:
    def __init__(self, name, chapter):
        self.name, self.chapter, self.method, self.path = name, chapter, None, None
        self.headers, self.until, self.sql, self.only, self.once, self.says, self.differs, self.body = {}, [], [], None, False, [], [], []


class Difference:
    """One answer that we want otherwise: where, what it is, and why."""

    def __init__(self, text):
        claim, _, self.why = text.partition(" | ")
        self.path, self.holds, self.value = re.match(r"(\S+) ([=~]) (.*)", claim).groups()
        if not self.why:
            raise SystemExit("a difference without a reason: " + text)
        if self.holds == "=" and self.path != "*":
            self.value = json.loads(self.value)

    def met(self, value):
        if self.holds == "~":
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            return re.search(self.value, text, re.DOTALL) is not None
        return value == self.value

    def __str__(self):
        value = self.value if isinstance(self.value, str) else json.dumps(self.value, ensure_ascii=False)
        return value if self.path == "*" else "`%s` %s `%s`" % (self.path, "is" if self.holds == "=" else "has", value)


def read_script(path=SCRIPT):
    """The steps, and the differences of all of them."""
    steps, everywhere, chapter, step = [], [], "", None
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            line = line.rstrip("\n")
            if line.startswith("## "):
                chapter, step = line[3:], None
            elif line.startswith("# "):
                continue
            elif re.fullmatch(r"\[[a-z0-9-]+\]", line):
                step = Step(line[1:-1], chapter)
                steps.append(step)
            elif line.startswith("@"):
                word, _, rest = line[1:].partition(" ")
                if word == "differs":
                    (step.differs if step else everywhere).append(Difference(rest))
                elif word == "until":
                    step.until.append(rest.split(" = ", 1))
                elif word == "sql":
                    step.sql.append(rest)
                elif word == "says":
                    step.says.append(rest)
                elif word == "once":
                    step.once = True
                elif word == "only":
                    step.only = rest
                else:
                    raise SystemExit("there is no instruction @" + word)
            elif step is None:
                continue
            elif step.method is None:
                step.method, step.path = line.split(" ", 1)
            elif line.startswith("> "):
                name, _, value = line[2:].partition(": ")
                step.headers[name] = value
            elif line or step.body:
                step.body.append(line)
    names = [step.name for step in steps]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise SystemExit("two steps have one name: " + ", ".join(sorted(twice)))
    return steps, everywhere


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

    def fill(self, text):
        for word, value in self.words.items():
            text = text.replace("${%s}" % word, value)
        return text

    def stop(self):
        self.session.close()
        self.cluster.stop()


class Answer:
    def __init__(self, status, headers, text):
        self.status, self.headers, self.text = status, headers, text
        try:
            self.body = json.loads(text) if text else None
        except ValueError:
            self.body = {"<not JSON>": text}


def ask(base, step, database):
    """One request as it stands in the script."""
    where = urllib.parse.urlsplit(base)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=120)
    headers = dict(step.headers)
    body = database.fill("\n".join(step.body).rstrip("\n")).encode() if step.body else None
    if body == b"(empty)":
        body = b""
    if body is not None:
        headers.setdefault("Content-Type", "application/json")
    headers = {name: value for name, value in headers.items() if value != "(none)"}
    try:
        connection.request(step.method, step.path, body=body, headers=headers)
        answer = connection.getresponse()
        kept = {name: answer.getheader(name) for name in HEADERS if answer.getheader(name) is not None}
        return Answer(answer.status, kept, answer.read().decode("utf-8", "replace"))
    finally:
        connection.close()


def found(body, path):
    """The member of an answer that a path such as `tasks.0.state` means; None when there is none."""
    for part in path.split(".") if path != "." else []:
        part = part.replace("\\_", ".")
        if isinstance(body, list):
            body = body[int(part)] if part.isdigit() and int(part) < len(body) else None
        elif isinstance(body, dict):
            body = body.get(part)
        else:
            return None
    return body


def settled(answer, until):
    for path, wanted in until:
        value = answer.status if path == "status" and wanted.isdigit() else found(answer.body, path)
        if wanted == "(some)":
            if not value:
                return False
        elif (value if isinstance(value, str) else json.dumps(value)) != wanted:
            return False
    return True


def play_step(base, step, database):
    """The answer of a step, when it came to rest. A worker that rebalances is asked again."""
    for statement in step.sql:
        database.session.query(database.fill(statement))
    end = time.monotonic() + PATIENCE
    while True:
        answer = ask(base, step, database)
        busy = answer.status == 409 and ("rebalance" in answer.text or "stale configuration" in answer.text)
        if step.once or not busy and settled(answer, step.until) or time.monotonic() > end:
            return answer
        time.sleep(0.05)


def mask(value, words, name=None):
    """An answer without what every run has otherwise."""
    if name in MASKED and value is not None:
        return "<%s>" % name
    if isinstance(value, dict):
        return {key: mask(member, words, key) for key, member in value.items()}
    if isinstance(value, list):
        return [mask(member, words) for member in value]
    if isinstance(value, str):
        for text, word in words:
            value = value.replace(text, word)
        return re.sub(r"available connectors are: .*", "available connectors are: <connectors>", value, flags=re.DOTALL)
    return value


def part(step, body):
    """What of an answer is compared."""
    if step.only == "errors":
        wrong = [entry["value"] for entry in body.get("configs", []) if entry["value"]["errors"]]
        return {"name": body.get("name"), "error_count": body.get("error_count"),
                "wrong": {value["name"]: {"value": value["value"], "errors": value["errors"]} for value in wrong}}
    if step.only == "keys":
        first = body[0] if isinstance(body, list) and body else body
        return {"members": list(first) if isinstance(first, dict) else first}
    if step.only == "names":
        definitions = [entry.get("definition", entry) for entry in (body["configs"] if isinstance(body, dict) else body)]
        return {entry["name"]: True for entry in definitions}
    if step.only == "loggers":
        return {"root": sorted(body.get("root", {})), "each": sorted({member for entry in body.values() for member in entry})}
    if step.only == "classes":
        return sorted(entry["class"] + " " + entry["type"] for entry in body)
    return body


def seen(step, answer, base, database):
    """An answer as it is recorded and compared."""
    port = urllib.parse.urlsplit(base).netloc
    words = [(port, "<worker>"), (database.words["port"], "${port}"), (database.words["closed"], "${closed}")]
    body = part(step, answer.body) if answer.status < 400 else answer.body
    return {"status": answer.status, "headers": mask(answer.headers, words), "body": mask(body, words)}


def unlike(expected, actual, path="", free=False):
    """The places where two answers differ, as (path, expected, actual). Members of a configuration have no order."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in expected:
            place = (path + "." if path else "") + key.replace(".", "\\_")
            if key not in actual:
                yield place, expected[key], None
            else:
                yield from unlike(expected[key], actual[key], place, free or key in ("config", "body") and path != "")
        for key in actual:
            if key not in expected:
                yield (path + "." if path else "") + key.replace(".", "\\_"), None, actual[key]
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for number, (one, other) in enumerate(zip(expected, actual)):
            yield from unlike(one, other, "%s.%d" % (path, number))
    elif expected != actual:
        yield path, expected, actual


def blames_the_same(path, theirs, ours):
    """Whether two texts about a faulty configuration concern the same properties; the words are each one's own."""
    if re.search(r"body\.wrong\..*\.errors(\.\d+)?$", path):
        return bool(theirs and ours)
    if not (isinstance(theirs, str) and isinstance(ours, str)):
        return False
    frame = "Connector configuration is invalid and contains the following "
    if not (theirs.startswith(frame) and ours.startswith(frame)):
        return False
    blamed = set(re.findall(r"The '(\S+)' value|configuration ([\w.]+):|configuration \"([\w.]+)\"", theirs))
    return all(next(filter(None, names)) in ours for names in blamed)


def matches(pattern, path):
    """Whether the place of a difference is meant: the whole path, its end, or, with `*`, what begins so."""
    path = path.replace("\\_", ".")
    if pattern.endswith("*"):
        return ("." + pattern[:-1]) in path
    return path == pattern or path.endswith("." + pattern)


def compare(step, everywhere, expected, actual):
    """What is wrong with our answer, a line each."""
    text = json.dumps(actual["body"], ensure_ascii=False)
    unsaid = ["the answer does not say %r: %s" % (pattern, text[:400]) for pattern in step.says if not re.search(pattern, text)]
    whole = next((d for d in step.differs if d.path == "*"), None)
    if whole:
        status, _, pattern = whole.value.partition(" ")
        if str(actual["status"]) != status:
            return ["status %s, wanted otherwise: %s" % (actual["status"], status)]
        return unsaid if re.search(pattern, text) else unsaid + ["the answer has no %r: %s" % (pattern, text[:300])]
    if step.only == "names" and isinstance(actual["body"], dict):
        # What we know beyond it is no difference.
        actual = {**actual, "body": {name: True for name in actual["body"] if name in expected["body"]}}
    found_ones, lines = set(), unsaid
    for path, theirs, ours in unlike(expected, actual):
        if blames_the_same(path, theirs, ours):
            continue
        wanted = [d for d in step.differs + everywhere if matches(d.path, path)]
        met = [d for d in wanted if d.met(ours)]
        found_ones.update(id(d) for d in met)
        if not met:
            lines.append("%s: %s, we say %s" % (path, json.dumps(theirs, ensure_ascii=False)[:400],
                                                 json.dumps(ours, ensure_ascii=False)[:400]))
    for difference in step.differs:
        if id(difference) not in found_ones:
            lines.append("a declared difference is none: %s" % difference)
    return lines


def serve(binary, folder):
    """Tailwater with Connect's port; its process and address."""
    log = open(os.path.join(folder, "serve.log"), "ab")
    process = subprocess.Popen(
        [os.path.abspath(binary), "serve", "--data-dir", os.path.join(folder, "data"), "--kafka", "off",
         "--connect", "127.0.0.1:0", "--pg", "off", "--http", "127.0.0.1:0", "--json"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True)
    line = process.stdout.readline()
    try:
        return process, "http://" + json.loads(line)["connect"]
    except (ValueError, KeyError, TypeError):
        process.kill()
        raise SystemExit("no ready line with Connect's address from serve, but %r" % line)


def record(base, steps, database):
    with open(RECORDED + ".part", "w", encoding="utf-8") as out:
        for step in steps:
            answer = play_step(base, step, database)
            if not settled(answer, step.until):
                print("never came to rest: %s: %d %s" % (step.name, answer.status, answer.text[:300]), file=sys.stderr)
            line = {"step": step.name, **seen(step, answer, base, database)}
            out.write(json.dumps(line, ensure_ascii=False) + "\n")
            print("%s %d" % (step.name, answer.status), file=sys.stderr)
    os.rename(RECORDED + ".part", RECORDED)


def play(base, steps, everywhere, database, verbose):
    """Plays on ours; the number of steps that failed."""
    with open(RECORDED, encoding="utf-8") as lines:
        recorded = {line.pop("step"): line for line in map(json.loads, lines)}
    with open(LATER, encoding="utf-8") as lines:
        later = {line.split("#")[0].strip() for line in lines} - {""}
    failed = 0
    for step in steps:
        answer = play_step(base, step, database)
        lines = compare(step, everywhere, recorded[step.name], seen(step, answer, base, database))
        if not settled(answer, step.until):
            lines.insert(0, "never came to rest: %s" % answer.text[:300])
        if step.name in later:
            print("later rest %s" % step.name)
            if not lines:
                lines = ["it passes: take it off the list in %s" % os.path.basename(LATER)]
                print("FAIL rest %s" % step.name)
            elif not verbose:
                continue
        else:
            print("%s rest %s" % ("FAIL" if lines else "ok  ", step.name))
        for line in lines:
            print("       " + line)
        failed += bool(lines) and not (verbose and step.name in later)
    return failed


def write(path, steps, everywhere):
    """The table of wanted differences, one row for one reason."""
    rows = {}
    for difference in everywhere:
        rows.setdefault(difference.why, []).append("every answer: %s" % difference)
    for step in steps:
        for difference in step.differs:
            rows.setdefault(difference.why, []).append("%s `%s`: %s" % (step.method, step.path, difference))
    table = ["%d requests are compared." % len(steps), "", "| why | where, and what we answer |", "|---|---|"]
    for why, places in rows.items():
        table.append("| %s | %s |" % (why, "<br>".join(place.replace("|", "\\|") for place in places)))
    with open(path, encoding="utf-8") as document:
        before, _, rest = document.read().partition(BEGIN)
    after = rest.partition(END)[2]
    with open(path, "w", encoding="utf-8") as document:
        document.write("%s%s\n%s\n%s%s" % (before, BEGIN, "\n".join(table), END, after))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--tailwater", metavar="BINARY")
    parser.add_argument("--verbose", action="store_true", help="show what is wrong with the steps of later.txt, too")
    parser.add_argument("--write", metavar="FILE")
    options = parser.parse_args()
    steps, everywhere = read_script()
    if options.write:
        write(options.write, steps, everywhere)
    if not (options.record or options.tailwater):
        return
    with tempfile.TemporaryDirectory(prefix="tailwater-rest-") as folder:
        database, process, failed = Database(folder), None, 0
        try:
            if options.record:
                # Only here: what is played back needs no Java.
                from worker import Worker
                worker = Worker(folder)
                try:
                    record(worker.base, steps, database)
                finally:
                    worker.stop()
            if options.tailwater:
                began = time.monotonic()
                process, base = serve(options.tailwater, folder)
                failed = play(base, steps, everywhere, database, options.verbose)
                print("%d steps, %d failed, %.1f s" % (len(steps), failed, time.monotonic() - began))
                if failed:
                    with open(os.path.join(folder, "serve.log"), encoding="utf-8") as log:
                        print("".join(log.readlines()[-20:]), file=sys.stderr)
        finally:
            if process:
                process.terminate()
                process.wait(30)
            database.stop()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
