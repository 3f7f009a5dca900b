"""The records that every client must carry unchanged, and how two lists of them are compared."""

import base64
import random
import time

# Timestamps begin an hour ago: retention by time takes old records away, in Kafka as here.
BEGIN = (int(time.time()) - 3600) * 1000


def encode(value):
    return None if value is None else base64.b64encode(value).decode()


class Record:
    """What is produced."""

    def __init__(self, partition, key, value, headers=(), timestamp=None):
        self.partition, self.key, self.value = partition, key, value
        self.headers = list(headers)
        self.timestamp = timestamp

    def wire(self):
        return {"partition": self.partition, "key": encode(self.key), "value": encode(self.value), "timestamp": self.timestamp,
                "headers": [[name, encode(value)] for name, value in self.headers]}


def varied(count, lacks=(), partitions=3):
    """Records with everything that may differ: null and empty keys and values, headers that repeat, are empty or null,
    timestamps that fall, bytes that are no text. `lacks`: what the library cannot send."""
    made, empty = [], b"?" if "empty" in lacks else b""
    for i in range(count):
        key = None if i % 5 == 0 else empty if i % 17 == 2 else b"key %d" % (i % 7)
        value = None if i % 11 == 3 else empty if i % 13 == 4 else ("value %d " % i + "é" * (i % 50)).encode() + bytes([i % 256])
        headers = []
        if i % 4:
            headers = [("number", b"%d" % i), ("twice", b"a"), ("twice", b"b"), ("empty", empty)]
        if key is None and value is None and "null-records" in lacks:
            key = b"not null"
        if i % 4 == 2 and "null-headers" not in lacks:
            headers.append(("null", None))
        made.append(Record(i % partitions, key, value, headers, BEGIN + i * 1000 - (i % 3) * 1500))
    return made


def plain(count, partitions=3, first=0, size=0):
    """Numbered records: the value says which it is."""
    return [Record(i % partitions, b"%d" % i, b"%d" % i + b"." * size, (), BEGIN + i) for i in range(first, first + count)]


def noise(size, seed=1):
    """Bytes that do not compress."""
    return random.Random(seed).randbytes(size)


def compare(sent, seen, timestamps=True):
    """None when `seen` is exactly `sent`, each once and in the order of its partition; else the first difference."""
    if len(seen) != len(sent):
        return "%d records instead of %d" % (len(seen), len(sent))
    for partition in sorted({r.partition for r in sent}):
        expected = [r for r in sent if r.partition == partition]
        got = [r for r in seen if r.partition == partition]
        if len(expected) != len(got):
            return "partition %d: %d records instead of %d" % (partition, len(got), len(expected))
        for at, (one, other) in enumerate(zip(expected, got)):
            for what in ("key", "value", "headers", *(("timestamp",) if timestamps else ())):
                want, have = getattr(one, what), getattr(other, what)
                if want != have and not (what == "timestamp" and want is None):
                    return "partition %d, record %d: %s %.80r instead of %.80r" % (partition, at, what, have, want)
        offsets = [r.offset for r in got]
        if offsets != sorted(set(offsets)):
            return "partition %d: offsets repeat or fall: %s" % (partition, offsets[:20])
    return None


def numbers(seen):
    """The numbers of `plain` records, sorted."""
    return sorted(int(r.key) for r in seen)
