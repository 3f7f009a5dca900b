#!/usr/bin/env python3
"""measure_debezium.py STEP --port N --name NAME --dir DIR [...]: one measured run of Debezium's engine, for the benchmark.

Records go through Kafka Connect's JSON converter and are counted and thrown away: there is no Kafka, no Connect worker and
no disk behind the engine, so the whole stack is slower. Prints one JSON line: wall seconds from the start of the JVM,
processor seconds of JVM and walsender, greatest resident memory in bytes; `probe` prints milliseconds, one commit each.

  settle            starts and stops, so that slot and publication stand
  drain --events N  until so many records were counted
  probe --events N  so many commits, one at a time, each until its record is counted
"""

import argparse
import json
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import engine_debezium  # noqa: E402
import pgmini  # noqa: E402

PATIENCE = 1800


def cpu_seconds(pid):
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii") as handle:
            fields = handle.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return 0.0


def peak_bytes(pid):
    with open("/proc/%d/status" % pid, encoding="ascii") as handle:
        return next(int(line.split()[1]) << 10 for line in handle if line.startswith("VmHWM"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("settle", "drain", "probe"))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--dir", required=True)
    parser.add_argument("--tables", required=True, help="table.include.list")
    parser.add_argument("--snapshot", default="no_data", help="snapshot.mode")
    parser.add_argument("--schemas", default="true")
    parser.add_argument("--events", type=int, default=0)
    parser.add_argument("--cache", default=os.path.join(os.path.expanduser("~"), ".cache", "tailwater-conformance"))
    options = parser.parse_args()
    class_path = engine_debezium.prepare(engine_debezium.DEFAULT_VERSION, options.cache)
    os.makedirs(options.dir, exist_ok=True)
    properties = {
        "name": options.name, "connector.class": "io.debezium.connector.postgresql.PostgresConnector", "plugin.name": "pgoutput",
        "database.hostname": "127.0.0.1", "database.port": str(options.port), "database.user": "postgres", "database.password": "unused",
        "database.dbname": "postgres", "topic.prefix": options.name, "slot.name": options.name + "_slot", "publication.name": options.name + "_pub",
        "publication.autocreate.mode": "filtered", "table.include.list": options.tables, "snapshot.mode": options.snapshot,
        "poll.interval.ms": "500"}
    control = pgmini.Client("127.0.0.1", options.port, "postgres", "postgres")
    engine = engine_debezium.Engine(class_path, options.dir, "-Xmx2g")

    def walsender():
        rows = control.query("select active_pid from pg_replication_slots where slot_name = '%s_slot' and active" % options.name)
        return int(rows[0][0]) if rows else 0

    begin, server_cpu, result = time.monotonic(), 0.0, {}
    engine.start(properties, {"schemas.enable": options.schemas}, options.dir, None)
    try:
        end = time.monotonic() + PATIENCE
        if options.step in ("settle", "probe"):
            while not engine.ready("streaming", lambda: walsender() > 0):
                check(engine, end)
                time.sleep(0.05)
        if options.step == "drain":
            while engine.count() < options.events:
                check(engine, end)
                server_cpu = max(server_cpu, cpu_seconds(walsender()))
                time.sleep(0.02)
            result = {"wall": time.monotonic() - begin, "cpu": cpu_seconds(engine.process.pid), "server_cpu": server_cpu,
                      "peak_bytes": peak_bytes(engine.process.pid)}
        if options.step == "probe":
            result = {"ms": probe(engine, control, options.events, end)}
    finally:
        engine.stop()
        engine.quit()
    print(json.dumps(result))


def probe(engine, control, probes, end):
    times = []
    for number in range(-5, probes):
        before = engine.count()
        control.query("insert into narrow values (%d, 0, 'probe')" % (-2_000_000_000 - number))
        acknowledged = time.monotonic()
        while engine.count() == before:
            check(engine, end)
        # The first ones wait for classes to be loaded.
        if number >= 0:
            times.append((time.monotonic() - acknowledged) * 1e3)
    return times


def check(engine, end):
    if engine.ended() is not None or time.monotonic() > end:
        raise SystemExit("Debezium did not go on: %s" % engine.ended())


if __name__ == "__main__":
    main()
