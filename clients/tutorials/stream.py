#!/usr/bin/env python3
"""The job that tutorials have for a topic of changes: Debezium's envelope from standard input, a value a line, to rows of CSV.

    kcat -b localhost:9092 -C -t debezium.commerce.products -e | stream.py id name price

As their Spark jobs do it: a schema of hand, every column a string; `before.*` and `after.*` beside each other, `op`, `ts_ms`;
what has no payload (a tombstone, an empty line) is filtered out. `clients/spark/scenarios.py` does the same in Spark.
"""

import csv
import json
import sys


def text(value):
    """A value as Spark's from_json gives it for a field that is declared a string."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"))


def rows(lines, columns):
    """A row for each change."""
    for line in lines:
        payload = json.loads(line)["payload"] if line.strip() else None
        if payload is None:
            continue
        sides = [payload[side] or {} for side in ("before", "after")]
        yield [*(text(side.get(column)) for side in sides for column in columns), payload["op"], payload["ts_ms"]]


if __name__ == "__main__":
    names = sys.argv[1:]
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow([*("%s_%s" % (side, name) for side in ("before", "after") for name in names), "op", "ts_ms"])
    out.writerows(rows(sys.stdin, names))
