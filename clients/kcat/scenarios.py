#!/usr/bin/env python3
"""kcat as people use it: -L, -P with every codec, -C with every way to say where, -G, -Q, -J, -e."""

import json
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "suite"))
from scenarios import must, until  # noqa: E402
from script import main  # noqa: E402
from security import CHANGES, OWN, PASSWORD, ROWS, USER  # noqa: E402

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


def kcat(at, *words, **options):
    return at.run(["kcat", "-b", at.bootstrap, "-q", *words], **options)


def produce(at, topic, lines, *words):
    kcat(at, "-P", "-t", topic, *words, given="".join(line + "\n" for line in lines).encode())


def consume(at, topic, *words):
    """Everything up to the end, as the objects of -J."""
    text = kcat(at, "-C", "-t", topic, "-e", "-J", *words)
    return [json.loads(line) for line in text.splitlines()]


def metadata(at):
    """-L of all topics and of one, as text and as JSON; a topic made by being asked for."""
    topic = at.name("kcat-metadata")
    produce(at, topic, ["x"])
    text = kcat(at, "-L")
    must("1 brokers:" in text and 'topic "%s" with 1 partitions:' % topic in text, "-L says", text[:300])
    must("(controller)" in text, "-L names no controller:", text[:300])
    found = json.loads(kcat(at, "-L", "-J", "-t", topic))
    must(len(found["brokers"]) == 1 and found["controllerid"] == found["brokers"][0]["id"], "-L -J says", found)
    partitions = found["topics"][0]["partitions"]
    must(partitions == [{"partition": 0, "leader": found["controllerid"], "replicas": [{"id": found["controllerid"]}], "isrs": [{"id": found["controllerid"]}]}],
         "-L -J says of the partition", partitions)


def codec_of(codec):
    def scenario(at):
        topic = at.name("kcat-" + codec)
        lines = ["key %d:value %d %s" % (i, i, "é" * (i % 80)) for i in range(500)]
        produce(at, topic, lines, "-K:", "-z", codec, "-H", "one=1", "-H", "two=", "-H", "null")
        seen = consume(at, topic)
        must(["%s:%s" % (r["key"], r["payload"]) for r in seen] == lines, "read back %d records that are not those sent" % len(seen))
        must([r["offset"] for r in seen] == list(range(500)), "offsets are not 0 to 499")
        must(all(r["headers"] == ["one", "1", "two", "", "null", None] for r in seen), "headers are", seen[0].get("headers"))
        now = time.time() * 1000
        must(all(r["tstype"] == "create" and abs(r["ts"] - now) < 600_000 for r in seen), "timestamps are", seen[0]["ts"], seen[0]["tstype"])
    scenario.__name__ = "codec_" + codec
    return scenario


def nulls(at):
    """-Z: empty is null, for keys and values; -D: another delimiter."""
    topic = at.name("kcat-nulls")
    kcat(at, "-P", "-t", topic, "-Z", "-K:", "-D;", given=b"a:1;b:;:2;a:x\ny")
    seen = [(r["key"], r["payload"]) for r in consume(at, topic)]
    must(seen == [("a", "1"), ("b", None), (None, "2"), ("a", "x\ny")], "read back", seen)


def format_string(at):
    """-f with its fields."""
    topic = at.name("kcat-format")
    produce(at, topic, ["k:v", "k:"], "-K:", "-Z", "-H", "h=1")
    text = kcat(at, "-C", "-t", topic, "-e", "-f", "%t|%p|%o|%k|%K|%s|%S|%h\n")
    must(text.splitlines() == ["%s|0|0|k|1|v|1|h=1" % topic, "%s|0|1|k|1||-1|h=1" % topic], "-f gave", text)


def offsets(at):
    """-o beginning, end, N, -N, @time, s@ and e@; -c; -Q."""
    topic = at.name("kcat-offsets")
    produce(at, topic, ["a%d" % i for i in range(10)])
    time.sleep(0.05)
    between = int(time.time() * 1000)
    time.sleep(0.05)
    produce(at, topic, ["b%d" % i for i in range(10)])
    everything = ["a%d" % i for i in range(10)] + ["b%d" % i for i in range(10)]
    for words, expected in ((("-o", "beginning"), everything), (("-o", "end"), []), (("-o", "7"), everything[7:]), (("-o", "-3"), everything[-3:]),
                            (("-o", "s@%d" % between), everything[10:]), (("-o", "s@%d" % between, "-o", "e@%d" % (between + 3_600_000)), everything[10:]),
                            (("-o", "s@0", "-o", "e@%d" % between), everything[:10]), (("-o", "5", "-c", "4"), everything[5:9])):
        seen = [r["payload"] for r in consume(at, topic, *words)]
        must(seen == expected, " ".join(words), "gave", seen)
    for time_of, expected in ((0, 0), (between, 10), (between + 3_600_000, 20), (-2, 0), (-1, 20)):
        answer = kcat(at, "-Q", "-t", "%s:0:%d" % (topic, time_of)).strip()
        given = int(answer.rsplit(" ", 1)[1])
        must(given == expected or (time_of > 0 and expected == 20 and given == -1), "-Q", time_of, "gave", answer)


def partitions(at):
    """-p: one partition of a topic with several, each with an order of its own."""
    topic = at.name("kcat-partitions")
    # kcat makes no topics with several partitions: the keys of one partition tell what can be told with one.
    produce(at, topic, ["one", "two"], "-p", "0")
    must([r["payload"] for r in consume(at, topic, "-p", "0")] == ["one", "two"], "-p 0 gave something else")
    at.run(["kcat", "-b", at.bootstrap, "-q", "-C", "-t", topic, "-p", "7", "-e"], fails=True)


def idempotent(at):
    """enable.idempotence, and acks by -X."""
    topic = at.name("kcat-idempotent")
    lines = ["%d" % i for i in range(5000)]
    produce(at, topic, lines, "-X", "enable.idempotence=true", "-X", "batch.num.messages=100")
    produce(at, topic, lines, "-X", "acks=1")
    produce(at, topic, lines, "-X", "acks=0")
    seen = [r["payload"] for r in consume(at, topic)]
    must(seen == lines * 3, "read back %d records that are not those sent" % len(seen))


def group(at):
    """-G: two members share, offsets are kept, a third run reads only what is new."""
    topic, name = at.name("kcat-group"), at.name("kcat-group")
    produce(at, topic, ["%d" % i for i in range(100)])
    options = ("-X", "auto.offset.reset=earliest", "-G", name)
    first = kcat(at, "-e", *options, topic).split()
    must(first == ["%d" % i for i in range(100)], "-G gave %d records" % len(first))
    produce(at, topic, ["%d" % i for i in range(100, 130)])
    second = kcat(at, "-e", *options, topic).split()
    must(second == ["%d" % i for i in range(100, 130)], "-G a second time gave", second[:40])


def following(at):
    """A consumer that waits gets what is produced, and ends by a signal in good order."""
    topic = at.name("kcat-following")
    produce(at, topic, ["before"])
    waiting = at.start(["kcat", "-b", at.bootstrap, "-q", "-u", "-C", "-t", topic, "-o", "beginning"])
    try:
        must(waiting.stdout.readline() == b"before\n", "the first record did not come")
        for number in range(20):
            produce(at, topic, ["%d" % number])
            must(waiting.stdout.readline() == b"%d\n" % number, "record", number, "did not come")
        waiting.send_signal(signal.SIGINT)
        must(until(10, lambda: waiting.poll() is not None), "kcat did not end")
    finally:
        waiting.kill()


def regex(at):
    """-G with a pattern of topics."""
    base = at.name("kcat-regex")
    for number in range(3):
        produce(at, "%s-%d" % (base, number), ["%d" % number])
    seen = kcat(at, "-e", "-X", "auto.offset.reset=earliest", "-G", base, "^%s-.*" % base).split()
    must(sorted(seen) == ["0", "1", "2"], "a pattern gave", seen)


def login(at):
    """SASL over TLS by -X: SCRAM and PLAIN, a wrong password, changes read and not written."""
    def known(mechanism, *words, password=PASSWORD, **options):
        login = {"security.protocol": "SASL_SSL", "ssl.ca.location": at.options.ca, "sasl.mechanism": mechanism, "sasl.username": USER, "sasl.password": password}
        return at.run(["kcat", "-b", at.options.guarded, *(word for name, value in login.items() for word in ("-X", "%s=%s" % (name, value))), *words], **options)
    topic = OWN + at.name("kcat-login")
    known("SCRAM-SHA-512", "-P", "-t", topic, given=b"one\n")
    known("PLAIN", "-P", "-t", topic, given=b"two\n")
    must(known("SCRAM-SHA-256", "-C", "-t", topic, "-e") == "one\ntwo\n", "read back something else")
    must(len(known("SCRAM-SHA-512", "-C", "-t", CHANGES, "-e").splitlines()) == ROWS, "not all changes were read")
    text = known("SCRAM-SHA-512", "-P", "-t", CHANGES, given=b"x\n", fails=True)
    must("authorization failed" in text, "a record among changes was refused by", text)
    text = known("SCRAM-SHA-512", "-L", "-m", "3", password="wrong", fails=True)
    must("authentication" in text.lower(), "a wrong password was refused by", text)


if __name__ == "__main__":
    main([metadata, *map(codec_of, CODECS), nulls, format_string, offsets, partitions, idempotent, group, following, regex], guarded=[login])
