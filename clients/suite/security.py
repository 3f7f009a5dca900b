"""What every client library must be able to do with a server that wants TLS and a login. `cargo xtask clients` makes the users."""

import json

from records import plain
from scenarios import must, refused, same

USER, PASSWORD = "suite", "suite-secret"
# May read these topics of changes, and do what it likes with names that begin so.
CHANGES, ROWS, OWN = "guarded.public.auto", 230, "own-"


def login(at):
    """SCRAM and PLAIN over TLS; a wrong password is refused in words that say so."""
    topic = OWN + at.name("login")
    for first, mechanism in ((0, "SCRAM-SHA-512"), (10, "PLAIN")):
        one = at.known(mechanism, USER, PASSWORD)
        if first == 0:
            one.ask("create_topic", topic=topic, partitions=1, config={})
        one.produce(topic, plain(10, partitions=1, first=first), codec="none")
        same(plain(first + 10, partitions=1), one.fetch(topic, first + 10), "by %s:" % mechanism)
    # kafka-python and aiokafka say no more than that they could not begin.
    refused(lambda: at.known("SCRAM-SHA-512", USER, "wrong").ask("topics"), "authentication", "sasl", "unabletobootstrap", "nobrokers")


def rights(at):
    """Changes are read by grant and not written; topics are made by prefix."""
    one = at.known("SCRAM-SHA-512", USER, PASSWORD)
    seen = one.fetch(CHANGES, ROWS)
    ids = sorted(json.loads(record.value)["payload"]["after"]["id"] for record in seen)
    must(ids == [*range(1, 31), *range(51, 251)], "read", len(seen), "changes, others than those of the table")
    refused(lambda: one.produce(CHANGES, plain(1, partitions=1), codec="none"), "authoriz", "notauthorised")
    refused(lambda: one.ask("create_topic", topic=at.name("foreign"), partitions=1, config={}), "authoriz")
    topics = one.ask("topics")["topics"]
    must(CHANGES in topics and all(name.startswith((OWN, "guarded.")) for name in topics), "topics that may not be seen are listed:", topics)


ALL = [login, rights]
