#!/usr/bin/env python3
"""Spark Structured Streaming: sink, earliest, latest, by time, headers, the job of a tutorial, and on from a checkpoint after the server's restart.

Runs in two phases, `before` and `after` a restart of the server, with the same --state folder.
"""

import argparse
import os
import sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import col, from_json
from pyspark.sql.types import StringType, StructField, StructType

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "suite"))
from scenarios import Failure, must  # noqa: E402

ROWS = 5000


class At:
    def __init__(self, options):
        self.bootstrap, self.state, self.topic = options.bootstrap, options.state, "spark"
        self.spark = (SparkSession.builder.master("local[2]").config("spark.jars", options.jars).config("spark.ui.enabled", "false")
                      .config("spark.sql.shuffle.partitions", "2").config("spark.driver.bindAddress", "127.0.0.1")
                      .config("spark.driver.host", "127.0.0.1").config("spark.log.level", "ERROR").getOrCreate())

    def source(self, reader, topic, **options):
        return reader.format("kafka").option("kafka.bootstrap.servers", self.bootstrap).option("subscribe", topic).options(**options).load()

    def write(self, topic, first, count):
        """Rows `first` … as records, through the Kafka sink."""
        numbers = self.spark.range(first, first + count)
        records = numbers.selectExpr("cast(id % 50 as string) as key", "concat('value ', id) as value",
                                     "array(struct('number' as key, cast(cast(id as string) as binary) as value)) as headers")
        records.write.format("kafka").option("kafka.bootstrap.servers", self.bootstrap).option("topic", topic).option("includeHeaders", "true").save()

    def follow(self, name, topic, **options):
        """Reads what is there through a stream with the checkpoint `name`; the values of this run."""
        seen = []
        stream = self.source(self.spark.readStream, topic, **options).selectExpr("cast(value as string) as value")
        query = stream.writeStream.foreachBatch(lambda rows, _: seen.extend(row.value for row in rows.collect()))
        query.option("checkpointLocation", os.path.join(self.state, name)).trigger(availableNow=True).start().awaitTermination()
        return seen


def values(first, count):
    return sorted("value %d" % i for i in range(first, first + count))


def sink_and_batch(at):
    """The sink, and a batch over everything: keys, values, headers, offsets without gap."""
    at.write(at.topic, 0, ROWS)
    rows = at.source(at.spark.read, at.topic, includeHeaders="true").collect()
    must(sorted(row.value.decode() for row in rows) == values(0, ROWS), "read back", len(rows), "rows")
    must(all(row.headers[0].key == "number" and b"value " + row.headers[0].value == row.value for row in rows), "headers are lost")
    for partition in {row.partition for row in rows}:
        offsets = sorted(row.offset for row in rows if row.partition == partition)
        must(offsets == list(range(len(offsets))), "offsets of partition", partition, "have gaps")


def earliest(at):
    """A stream from the first record, in limited batches, leaving a checkpoint."""
    seen = at.follow("earliest", at.topic, startingOffsets="earliest", maxOffsetsPerTrigger="700")
    must(sorted(seen) == values(0, ROWS), "read", len(seen), "rows")


def latest(at):
    """A stream from the end sees only what comes after."""
    must(not at.follow("latest", at.topic, startingOffsets="latest"), "a stream from the end read what was there")
    at.write(at.topic, ROWS, 300)
    must(sorted(at.follow("latest", at.topic, startingOffsets="latest")) == values(ROWS, 300), "not the new rows")


def by_time(at):
    """startingTimestamp."""
    rows = at.source(at.spark.read, at.topic).selectExpr("max(timestamp) as last").collect()
    last = int(rows[0].last.timestamp() * 1000)
    batch = at.source(at.spark.read, at.topic, startingTimestamp=str(last)).count()
    must(0 < batch < ROWS, "from the last time on there are", batch)


def checkpoint(at):
    """After the restart of the server both streams go on where they stood."""
    at.write(at.topic, ROWS + 300, 500)
    seen = at.follow("earliest", at.topic, startingOffsets="earliest")
    must(sorted(seen) == values(ROWS, 800), "the first stream read", len(seen), "rows")
    seen = at.follow("latest", at.topic, startingOffsets="latest")
    must(sorted(seen) == values(ROWS + 300, 500), "the second stream read", len(seen), "rows")


def pipe(at):
    """From one topic to another, stream to sink."""
    stream = at.source(at.spark.readStream, at.topic, startingOffsets="earliest").select("key", "value")
    query = stream.writeStream.format("kafka").option("kafka.bootstrap.servers", at.bootstrap).option("topic", at.topic + "-copy")
    query.option("checkpointLocation", os.path.join(at.state, "pipe")).trigger(availableNow=True).start().awaitTermination()
    rows = at.source(at.spark.read, at.topic + "-copy").selectExpr("cast(value as string) as value").collect()
    must(sorted(row.value for row in rows) == values(0, ROWS + 800), "copied", len(rows), "rows")


def tutorial(at):
    """The job of a tutorial: changes to columns, written as files (`clients/tutorials/stream.py` is the same without Spark)."""
    columns = ("id", "name", "description", "price")
    side = StructType([StructField(name, StringType()) for name in columns])
    fields = [StructField("before", side), StructField("after", side), StructField("op", StringType()), StructField("ts_ms", StringType())]
    envelope = StructType([StructField("payload", StructType(fields))])
    stream = at.source(at.spark.readStream, "debezium.commerce.products", startingOffsets="earliest")
    parsed = stream.select(from_json(col("value").cast("string"), envelope).alias("value")).select("value.payload.*").where("op is not null")
    flat = parsed.select(*(col("%s.%s" % (s, name)).alias("%s_%s" % (s, name)) for s in ("before", "after") for name in columns), "op", "ts_ms")
    place = os.path.join(at.state, "products")
    query = flat.writeStream.format("csv").option("header", "true").option("checkpointLocation", place + "-checkpoint")
    query.trigger(availableNow=True).start(place).awaitTermination()
    rows = [tuple(row)[:-1] for row in at.spark.read.option("header", "true").csv(place).collect()]
    tea, dearer, none = ("1", "tea", "green", "2.5"), ("1", "tea", "green", "3.0"), (None,) * 4
    expected = [(*none, *tea, "r"), (*tea, *dearer, "u"), (*dearer, *none, "d")]
    must(set(rows) == set(expected) and len(rows) == 3, "the job wrote", rows)


PHASES = {"before": [sink_and_batch, earliest, latest, by_time], "after": [checkpoint, pipe]}


def main():
    parser = argparse.ArgumentParser()
    for name in ("bootstrap", "jars", "state"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--phase", required=True, choices=PHASES)
    parser.add_argument("--changes", help="the server has topics of changes")
    options = parser.parse_args()
    at, failed = At(options), False
    for scenario in PHASES[options.phase] + ([tutorial] if options.changes and options.phase == "before" else []):
        name = scenario.__name__.replace("_", "-")
        try:
            scenario(at)
            print("ok %s" % name, flush=True)
        except Failure as failure:
            failed = True
            print("FAIL %s: %s" % (name, failure), flush=True)
        except Exception as error:  # Spark's own errors are long: the first line says what
            failed = True
            print("FAIL %s: %s" % (name, str(error).strip().splitlines()[0]), flush=True)
    at.spark.stop()
    sys.exit(failed)


if __name__ == "__main__":
    main()
