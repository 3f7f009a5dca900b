"""What every client library must be able to do with the server. Each function is one scenario; its name is its name."""

import json
import time

from driver import Refused, Unsupported
from records import BEGIN, Record, compare, noise, numbers, plain, varied

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


class Failure(Exception):
    """The scenario did not come out as it must."""


def must(held, *reason):
    if not held:
        raise Failure(" ".join(map(str, reason)))


def same(sent, seen, what="", **options):
    difference = compare(sent, seen, **options)
    must(difference is None, what, difference)


def until(seconds, condition):
    """Asks until it holds; the last answer."""
    end = time.monotonic() + seconds
    while True:
        held = condition()
        if held or time.monotonic() > end:
            return held
        time.sleep(0.1)


def refused(act, *words):
    """Does what must be refused; the error must have one of the words."""
    try:
        act()
    except Refused as refusal:
        text = str(refusal).lower().replace("_", "").replace(" ", "")
        must(any(word.lower() in text for word in words), "refused otherwise than by", words, ":", refusal)
        return
    raise Failure("was not refused by %s" % (words,))


def topics(at):
    """Create, list, describe, alter, more partitions, delete."""
    topic = at.name("topics")
    one = at.driver()
    one.ask("create_topic", topic=topic, partitions=3, config={"retention.ms": "123456789"})
    must(until(10, lambda: topic in one.ask("topics")["topics"]), "a topic just made is not listed")
    must(one.ask("partitions", topic=topic)["count"] == 3, "not three partitions")
    refused(lambda: one.ask("create_topic", topic=topic, partitions=1, config={}), "exist")
    at.maybe(lambda: must(one.ask("config", topic=topic)["config"].get("retention.ms") == "123456789", "retention.ms is lost"))

    def alter():
        one.ask("alter_config", topic=topic, config={"retention.ms": "987654321"})
        must(until(10, lambda: one.ask("config", topic=topic)["config"].get("retention.ms") == "987654321"), "the alteration is lost")
    at.maybe(alter)

    def more():
        one.ask("add_partitions", topic=topic, count=5)
        must(until(10, lambda: one.ask("partitions", topic=topic)["count"] == 5), "not five partitions")
    at.maybe(more)
    one.ask("delete_topic", topic=topic)
    must(until(10, lambda: topic not in one.ask("topics")["topics"]), "a deleted topic is listed")


def records_of(codec):
    def scenario(at):
        topic = at.name("records-" + codec)
        one = at.driver()
        at.topic(one, topic, 3)
        sent = varied(300, one.about["lacks"])
        offsets = one.produce(topic, sent, codec=codec)
        for partition in range(3):
            given = [offset for offset, record in zip(offsets, sent) if record.partition == partition]
            must(given == list(range(100)), "acknowledged with offsets", given[:10])
        same(sent, one.fetch(topic, 300), "read back:")
        if at.reference:
            same(sent, at.reference.fetch(topic, 300), "read by %s:" % at.reference.about["client"])
            other = at.name("other-" + codec)
            at.topic(one, other, 3)
            at.reference.produce(other, sent, codec=codec)
            same(sent, one.fetch(other, 300), "written by %s:" % at.reference.about["client"])
    scenario.__name__ = "records_" + codec
    return scenario


def sizes(at):
    """Values from nothing to the limit; beyond it the server refuses, and what follows passes."""
    topic = at.name("sizes")
    one = at.driver()
    at.topic(one, topic, 1)
    least = 1 if "empty" in one.about["lacks"] else 0
    sent = [Record(0, b"%d" % size, noise(size), (), BEGIN) for size in (least, 1, 1000, 100_000, 900_000, 1_000_000, 10)]
    for record in sent:
        one.produce(topic, [record], codec="none")
    refused(lambda: one.produce(topic, [Record(0, b"big", noise(1_200_000))], codec="none"), "toolarge", "largerthan")
    sent.append(Record(0, b"after", b"after"))
    one.produce(topic, sent[-1:], codec="none")
    same(sent, one.fetch(topic, len(sent)))


def acks(at):
    """acks=1 and acks=0."""
    topic = at.name("acks")
    one = at.driver()
    at.topic(one, topic, 3)
    one.produce(topic, plain(60), codec="none", acks=1)
    one.produce(topic, plain(60, first=60), codec="none", acks=0)
    same(plain(120), one.fetch(topic, 120))


def idempotent(at):
    """Many small idempotent requests in flight: each once, in order."""
    topic = at.name("idempotent")
    one = at.driver()
    at.topic(one, topic, 3)
    for part in range(5):
        one.produce(topic, plain(200, first=part * 200), codec="none", idempotent=True)
    same(plain(1000), one.fetch(topic, 1000))


def offsets(at):
    """First, last, by time, in the middle, the records before an offset deleted."""
    topic = at.name("offsets")
    one = at.driver()
    at.topic(one, topic, 2)
    sent = [Record(0, b"%d" % i, b"%d" % i, (), BEGIN + i * 100) for i in range(50)]
    for start in range(0, 50, 10):
        one.produce(topic, sent[start:start + 10], codec="none")
    must(one.offset(topic, 0, "earliest") == 0, "earliest is not 0")
    must(one.offset(topic, 0, "latest") == 50, "latest is not 50")
    must(one.offset(topic, 1, "latest") == 0, "latest of an empty partition is not 0")

    def times():
        for timestamp, expected in ((0, 0), (BEGIN, 0), (BEGIN + 1, 1), (BEGIN + 2300, 23), (BEGIN + 2399, 24), (BEGIN + 4900, 49)):
            got = one.offset(topic, 0, timestamp)
            must(got == expected, "time", timestamp, "gave offset", got, "instead of", expected)
        beyond = one.offset(topic, 0, BEGIN + 4901)
        must(beyond in (None, -1, 50), "a time after the last gave", beyond)
    at.maybe(times)
    same(sent[17:], one.fetch(topic, 33, start={"0": 17}), "from 17:")
    same(sent[48:], one.fetch(topic, 2, start={"0": 48}), "the last two:")

    def delete():
        one.ask("delete_records", topic=topic, partition=0, before=25)
        must(until(10, lambda: one.offset(topic, 0, "earliest") == 25), "earliest after deletion is", one.offset(topic, 0, "earliest"))
        same(sent[25:], one.fetch(topic, 25), "after deletion:")
    at.maybe(delete)


def group(at):
    """A consumer commits, goes, and its successor goes on where it stood."""
    topic, name = at.name("group"), at.name("group")
    one = at.driver()
    at.topic(one, topic, 3)
    one.produce(topic, plain(300), codec="none")
    one.ask("join", group=name, topics=[topic])
    seen, assigned = one.poll(300)
    same(plain(300), seen, "first consumer:")
    must(assigned == [(topic, 0), (topic, 1), (topic, 2)], "assigned", assigned)
    one.ask("commit", offsets=[[topic, p, 100, "note %d" % p] for p in range(3)])
    one.ask("leave")
    one.ask("join", group=name, topics=[topic])
    seen, _ = one.poll(1, ms=2000)
    must(not seen, "read again after the commit:", len(seen))
    one.produce(topic, plain(30, first=300), codec="none")
    seen, _ = one.poll(30)
    same(plain(30, first=300), seen, "second consumer:")
    one.ask("leave")

    def committed():
        for partition in range(3):
            reply = one.ask("committed", group=name, topic=topic, partition=partition)
            must(reply["offset"] == 100, "committed offset", reply)
            must(reply.get("metadata") in (None, "note %d" % partition), "committed metadata", reply)
    at.maybe(committed)


def rebalance(at):
    """A second consumer takes its half; when it is killed the first takes all back. Nothing is lost."""
    topic, name = at.name("rebalance"), at.name("rebalance")
    one, two = at.driver(), at.driver()
    at.topic(one, topic, 4)
    one.ask("join", group=name, topics=[topic], session_ms=6000)
    until(30, lambda: len(one.poll(1, ms=500)[1]) == 4)
    two.ask("join", group=name, topics=[topic], session_ms=6000)

    def both():
        one.send("poll", count=1000, ms=500)
        two.send("poll", count=1000, ms=500)
        return one.answer(), two.answer()

    def split():
        first, second = both()
        return len(first["assigned"]) == 2 and len(second["assigned"]) == 2
    must(until(40, split), "two consumers of four partitions did not come to two each")
    one.produce(topic, plain(200, partitions=4), codec="none")
    got = {0: set(), 1: set()}

    def all_read():
        for at_which, reply in enumerate(both()):
            got[at_which] |= {r["partition"] * 1_000_000 + r["offset"] for r in reply["records"]}
        return len(got[0] | got[1]) == 200
    must(until(30, all_read), "read", len(got[0] | got[1]), "of 200")
    must(not got[0] & got[1], len(got[0] & got[1]), "records were read by both")
    one.ask("commit", offsets=None)
    two.ask("commit", offsets=None)
    two.kill()
    one.produce(topic, plain(80, partitions=4, first=200), codec="none")
    late = []

    def taken_over():
        seen, assigned = one.poll(1000, ms=500)
        late.extend(seen)
        return len(assigned) == 4 and len(set(numbers(late))) >= 80
    must(until(40, taken_over), "after the other was killed read", len(late), "of 80")
    # At least once: what was not committed when the partitions moved may come again.
    must(sorted(set(numbers(late))) == list(range(200, 280)), "after the other was killed read", numbers(late)[:10], "…")
    one.ask("leave")


def static_members(at):
    """A member with an instance id that is killed and comes back within its session has its partitions back, and the other
    keeps its own: nobody rebalances."""
    topic, name = at.name("static"), at.name("static")
    one, two, three = at.driver(), at.driver(), at.driver()
    at.topic(one, topic, 4)
    one.ask("join", group=name, topics=[topic], session_ms=12000, instance="one")
    until(30, lambda: len(one.poll(1, ms=500)[1]) == 4)
    two.ask("join", group=name, topics=[topic], session_ms=12000, instance="two")

    def shares(second):
        one.send("poll", count=1000, ms=500)
        second.send("poll", count=1000, ms=500)
        return [sorted(partition for _, partition in reply["assigned"]) for reply in (one.answer(), second.answer())]
    must(until(40, lambda: all(len(share) == 2 for share in shares(two))), "two members of four partitions did not come to two each")
    before = shares(two)
    two.kill()
    began = time.monotonic()
    three.ask("join", group=name, topics=[topic], session_ms=12000, instance="two")
    must(until(10, lambda: shares(three) == before), "after its return the shares are", shares(three), "instead of", before)
    must(time.monotonic() - began < 10, "its return took as long as a session")
    at.maybe(lambda: must(one.ask("group", group=name)["members"] == 2, "it came back as another member"))
    one.produce(topic, plain(40, partitions=4), codec="none")
    got = []

    def all_read():
        one.send("poll", count=1000, ms=500)
        three.send("poll", count=1000, ms=500)
        for reply in (one.answer(), three.answer()):
            got.extend((r["partition"], r["offset"]) for r in reply["records"])
        return len(got) >= 40
    must(until(20, all_read) and len(set(got)) == 40 == len(got), "read", len(set(got)), "of 40 and", len(got), "in all")
    one.ask("leave")
    three.ask("leave")


def groups(at):
    """List, describe and delete groups."""
    topic, name = at.name("groups"), at.name("groups")
    one = at.driver()
    at.topic(one, topic, 1)
    one.produce(topic, plain(3, partitions=1), codec="none")
    one.ask("join", group=name, topics=[topic])
    one.poll(3)
    at.maybe(lambda: must(name in one.ask("groups")["groups"], "the group is not listed"))

    def described():
        reply = one.ask("group", group=name)
        must(reply["state"].lower() == "stable" and reply["members"] == 1, "a group with one consumer is described as", reply)
    at.maybe(described)
    one.ask("commit", offsets=None)
    one.ask("leave")

    def deleted():
        one.ask("delete_group", group=name)
        must(until(10, lambda: name not in one.ask("groups")["groups"]), "a deleted group is listed")
    at.maybe(deleted)


def transactions(at):
    """Committed records are seen, aborted ones by read_uncommitted only; an open one holds read_committed back."""
    topic = at.name("tx")
    one = at.driver()
    at.topic(one, topic, 3)
    one.ask("tx_init", id=at.name("tx"))
    for part in range(6):
        one.ask("tx_begin")
        one.produce(topic, plain(30, first=part * 30), codec="none", tx=True)
        one.ask("tx_abort" if part % 2 else "tx_commit")
    kept = [r for part in (0, 2, 4) for r in plain(30, first=part * 30)]
    same(kept, one.fetch(topic, 90, committed=True), "read_committed:")
    same(plain(180), one.fetch(topic, 180, committed=False), "read_uncommitted:")
    two = at.driver()
    end = two.offset(topic, 0, "latest")
    one.ask("tx_begin")
    one.produce(topic, plain(30, first=180), codec="none", tx=True)
    two.produce(topic, plain(3, first=210), codec="none")
    same(kept, two.fetch(topic, 90, committed=True), "read_committed beside an open transaction:")
    at.maybe(lambda: must(two.offset(topic, 0, "latest", committed=True) == end, "the last stable offset is not", end))
    same([*plain(210), *plain(3, first=210)], two.fetch(topic, 213, committed=False), "read_uncommitted beside an open transaction:")
    one.ask("tx_commit")
    kept += plain(33, first=180)
    same(kept, two.fetch(topic, 123, committed=True), "after the commit:")


def exactly_once(at):
    """Read, transform, write, offsets in the same transaction: an abort leaves them, a commit moves them."""
    source, target, name = at.name("eos-in"), at.name("eos-out"), at.name("eos")
    one = at.driver()
    for topic in (source, target):
        at.topic(one, topic, 3)
    one.produce(source, plain(90), codec="none")
    one.ask("tx_init", id=name)
    one.ask("join", group=name, topics=[source], committed=True)
    seen, _ = one.poll(90)
    same(plain(90), seen, "consumed:")
    for end in ("tx_abort", "tx_commit"):
        one.ask("tx_begin")
        one.produce(target, plain(90), codec="none", tx=True)
        one.ask("tx_offsets", group=name, offsets=[[source, p, 30] for p in range(3)])
        if end == "tx_abort":
            one.ask(end)
            at.maybe(lambda: must(one.ask("committed", group=name, topic=source, partition=0)["offset"] in (None, -1), "an aborted transaction's offset counts"))
    one.ask("tx_commit")
    one.ask("leave")
    at.maybe(lambda: must(one.ask("committed", group=name, topic=source, partition=0)["offset"] == 30, "the transaction's offset is lost"))
    same(plain(90), one.fetch(target, 90, committed=True), "written:")
    one.ask("join", group=name, topics=[source], committed=True)
    seen, _ = one.poll(1, ms=2000)
    must(not seen, "consumed again after the commit")
    one.ask("leave")


def fencing(at):
    """A second producer of the same transactional id shuts the first out, whose open transaction is aborted."""
    topic, name = at.name("fencing"), at.name("fencing")
    old, new = at.driver(), at.driver()
    at.topic(old, topic, 1)
    old.ask("tx_init", id=name)
    old.ask("tx_begin")
    old.produce(topic, plain(5, partitions=1), codec="none", tx=True)
    new.ask("tx_init", id=name)
    new.ask("tx_begin")
    new.produce(topic, plain(5, partitions=1, first=5), codec="none", tx=True)
    new.ask("tx_commit")
    refused(lambda: old.ask("tx_commit"), "fenced", "epoch", "fatal", "code=90")
    same(plain(5, partitions=1, first=5), new.fetch(topic, 5, committed=True), "after the fence:")


def changes_of(compression):
    def scenario(at):
        topic = "shop.public." + compression
        expected = [one for one in at.changes if one["topic"] == topic]
        one = at.driver()
        if compression == "lz4" and "lz4" in one.about["lacks"]:
            raise Unsupported("it reads LZ4 only with a module of its own")
        at.reference.ask("alter_config", topic=topic, config={"compression.type": compression})
        seen = one.fetch(topic, len(expected))
        must(len(seen) == len(expected), len(seen), "changes instead of", len(expected))
        for record, change in zip(seen, expected):
            must(record.offset == change["offset"] and record.timestamp == change["timestamp"], "a record at", record.offset, "instead of", change["offset"])
            for what in ("key", "value"):
                text = getattr(record, what)
                must((None if text is None else json.loads(text)) == change[what], "the", what, "at", record.offset, "is another")
    scenario.__name__ = "changes_" + compression
    return scenario


def live_of(compression):
    """Changes that a connector writes while they are read: none is missed, and another client reads the same."""
    def scenario(at):
        topic, count = "shop.public.live_" + compression, 20
        one = at.driver()
        if compression == "lz4" and "lz4" in one.about["lacks"]:
            raise Unsupported("it reads LZ4 only with a module of its own")
        at.reference.ask("alter_config", topic=topic, config={"compression.type": compression})
        start = one.offset(topic, 0, "latest")
        seen = one.fetch(topic, count, start={"0": start}, quiet_ms=0)[:count]
        must([record.offset for record in seen] == list(range(start, start + count)), "read offsets", [record.offset for record in seen])
        first = json.loads(seen[0].value)["payload"]["after"]["id"]
        ids = [json.loads(record.value)["payload"]["after"]["id"] for record in seen]
        must(ids == list(range(first, first + count)), "read rows", ids)
        other = at.reference.fetch(topic, count, start={"0": start}, quiet_ms=0)[:count]
        must([(r.key, r.value, r.timestamp) for r in seen] == [(r.key, r.value, r.timestamp) for r in other], "another client read something else")
    scenario.__name__ = "live_" + compression
    return scenario


LIVE = [*map(live_of, ("auto", "lz4", "none"))]
CHANGES = [*map(changes_of, ("auto", "lz4", "none")), *LIVE]
# In the short tier these run with Kafka's own client and with librdkafka.
SLOW = [static_members, *LIVE]
ALL = [topics, *map(records_of, CODECS), sizes, acks, idempotent, offsets, group, rebalance, static_members, groups, transactions, exactly_once, fencing]
