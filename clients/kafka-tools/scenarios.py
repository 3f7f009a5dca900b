#!/usr/bin/env python3
"""Kafka's own Java tools, of 3.4 to 4.x, as its documentation calls them."""

import glob
import json
import os
import re
import sys
import tempfile
import time
import zipfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "suite"))
from scenarios import Failure, must, until  # noqa: E402
from script import main  # noqa: E402
from security import OWN, PASSWORD, USER  # noqa: E402

# Where a tool is now, and where it was before tools moved out of Kafka's core, one by one, in 3.x and 4.x.
TOOLS = {
    "topics": ("org.apache.kafka.tools.TopicCommand", "kafka.admin.TopicCommand"),
    "console-producer": ("org.apache.kafka.tools.ConsoleProducer", "kafka.tools.ConsoleProducer"),
    "console-consumer": ("org.apache.kafka.tools.consumer.ConsoleConsumer", "kafka.tools.ConsoleConsumer"),
    "consumer-groups": ("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", "kafka.admin.ConsumerGroupCommand"),
    "get-offsets": ("org.apache.kafka.tools.GetOffsetShell", "kafka.tools.GetOffsetShell"),
    "delete-records": ("org.apache.kafka.tools.DeleteRecordsCommand", "kafka.admin.DeleteRecordsCommand"),
    "log-dirs": ("org.apache.kafka.tools.LogDirsCommand", "kafka.admin.LogDirsCommand"),
    "api-versions": ("org.apache.kafka.tools.BrokerApiVersionsCommand", "kafka.admin.BrokerApiVersionsCommand"),
    "configs": ("org.apache.kafka.tools.ConfigCommand", "kafka.admin.ConfigCommand"),
    "consumer-perf": ("org.apache.kafka.tools.ConsumerPerformance", "kafka.tools.ConsumerPerformance"),
    "end-to-end-latency": ("org.apache.kafka.tools.EndToEndLatency", "kafka.tools.EndToEndLatency"),
    "producer-perf": ("org.apache.kafka.tools.ProducerPerformance",),
    "verifiable-producer": ("org.apache.kafka.tools.VerifiableProducer",),
    "verifiable-consumer": ("org.apache.kafka.tools.VerifiableConsumer",),
    "transactional-copier": ("org.apache.kafka.tools.TransactionalMessageCopier",),
    "client-compatibility": ("org.apache.kafka.tools.ClientCompatibilityTest",),
    "transactions": ("org.apache.kafka.tools.TransactionsCommand",),
}
CLASSES = set()


def command(at, name, *words):
    """The command line of a tool of this version."""
    if not CLASSES:
        for jar in glob.glob(os.path.join(os.path.dirname(at.options.java[-1]), "kafka*.jar")):
            CLASSES.update(zipfile.ZipFile(jar).namelist())
    for main_class in TOOLS[name]:
        if main_class.replace(".", "/") + ".class" in CLASSES:
            return [*at.options.java, main_class, *words]
    raise Failure("this version has no %s" % name)


def tool(at, name, *words, **options):
    where = ("--bootstrap-server", at.bootstrap)
    return at.run(command(at, name, *where, *words), **options)


def create(at, topic, partitions=1, *words):
    tool(at, "topics", "--create", "--topic", topic, "--partitions", partitions, *words)


def produce(at, topic, lines, *words):
    tool(at, "console-producer", "--topic", topic, *words, given="".join(line + "\n" for line in lines).encode())


def consume(at, topic, count, *words):
    text = tool(at, "console-consumer", "--topic", topic, "--from-beginning", "--max-messages", count, "--timeout-ms", "20000", *words)
    return [line for line in text.splitlines() if not line.startswith("Option --property is deprecated")]


def topics(at):
    """kafka-topics: create, refuse a second time, list, describe, more partitions, delete."""
    topic = at.name("tools-topics")
    create(at, topic, 3, "--config", "retention.ms=1234567", "--config", "cleanup.policy=compact")
    must("already exists" in tool(at, "topics", "--create", "--topic", topic, fails=True), "a topic was made twice")
    must(topic in tool(at, "topics", "--list").split(), "not listed")
    text = tool(at, "topics", "--describe", "--topic", topic)
    must("PartitionCount: 3" in text and "ReplicationFactor: 1" in text, "described as", text)
    must("retention.ms=1234567" in text and "cleanup.policy=compact" in text, "described without its configs:", text)
    must(len(re.findall(r"Partition: \d\s+Leader: (\d+)\s+Replicas: \1\s+Isr: \1", text)) == 3, "partitions described as", text)
    tool(at, "topics", "--alter", "--topic", topic, "--partitions", 5)
    must("PartitionCount: 5" in tool(at, "topics", "--describe", "--topic", topic), "not five partitions")
    tool(at, "topics", "--delete", "--topic", topic)
    must(until(20, lambda: topic not in tool(at, "topics", "--list").split()), "listed after its deletion")


def console(at):
    """kafka-console-producer and -consumer: keys, headers, nulls, a codec, one partition from an offset."""
    topic = at.name("tools-console")
    create(at, topic)
    lines = ["a:1,b:2\tkey %d\tvalue %d" % (i, i) for i in range(200)]
    produce(at, topic, [*lines, "a:1\tgone\tNULL"], "--property", "parse.key=true", "--property", "parse.headers=true", "--property", "null.marker=NULL",
            "--compression-codec", "zstd")
    show = [word for name in ("key", "headers", "offset", "partition") for word in ("--property", "print.%s=true" % name)]
    seen = consume(at, topic, 201, *show)
    must(seen == ["Partition:0\tOffset:%d\t%s" % (i, line) for i, line in enumerate([*lines, "a:1\tgone\tnull"])], "read back", seen[:3], "…", seen[-1:])
    words = ("--topic", topic, "--partition", "0", "--offset", "198", "--max-messages", "2", "--timeout-ms", "20000")
    must(tool(at, "console-consumer", *words).splitlines() == ["value 198", "value 199"], "from offset 198 read something else")


def consumer_groups(at):
    """kafka-consumer-groups: list, describe, reset by every way, delete offsets, delete."""
    topic, group = at.name("tools-groups"), at.name("tools-groups")
    create(at, topic, 2)
    produce(at, topic, ["%d:%d" % (i, i) for i in range(50)], "--property", "parse.key=true", "--property", "key.separator=:")
    must(sorted(map(int, consume(at, topic, 50, "--group", group))) == list(range(50)), "a group did not read all")
    must(group in tool(at, "consumer-groups", "--list").split(), "not listed")

    def lag():
        text = tool(at, "consumer-groups", "--describe", "--group", group)
        rows = [line.split() for line in text.splitlines() if line.startswith(group)]
        return {int(row[2]): (row[3], row[4], row[5]) for row in rows}, text
    found, text = lag()
    must(sorted(found) == [0, 1] and all(at_end == end and left == "0" for at_end, end, left in found.values()), "described as", text)
    ends = {partition: int(end) for partition, (_, end, _) in found.items()}
    must(sum(ends.values()) == 50, "described as", text)
    must("Empty" in tool(at, "consumer-groups", "--describe", "--group", group, "--state"), "its state is not Empty")
    for words, expected in ((("--to-earliest",), lambda end: 0), (("--to-latest",), lambda end: end), (("--shift-by", "-5"), lambda end: end - 5),
                            (("--to-offset", "3"), lambda end: 3), (("--to-datetime", "2020-01-01T00:00:00.000"), lambda end: 0)):
        tool(at, "consumer-groups", "--reset-offsets", "--group", group, "--topic", topic, *words, "--execute")
        found, text = lag()
        must({p: int(where[0]) for p, where in found.items()} == {p: expected(end) for p, end in ends.items()}, " ".join(words), "gave", text)
    must(len(consume(at, topic, 50, "--group", group)) == 50, "after a reset not all came again")
    tool(at, "consumer-groups", "--delete-offsets", "--group", group, "--topic", topic)
    tool(at, "consumer-groups", "--delete", "--group", group)
    must(group not in tool(at, "consumer-groups", "--list").split(), "listed after its deletion")


def configs(at):
    """kafka-configs: describe and alter topics; describe the broker."""
    topic = at.name("tools-configs")
    create(at, topic)
    of_topic = ("--entity-type", "topics", "--entity-name", topic)
    tool(at, "configs", *of_topic, "--alter", "--add-config", "retention.ms=7654321,max.message.bytes=2000000")
    text = tool(at, "configs", *of_topic, "--describe")
    must("retention.ms=7654321" in text and "max.message.bytes=2000000" in text, "described as", text)
    tool(at, "configs", *of_topic, "--alter", "--delete-config", "retention.ms")
    text = tool(at, "configs", *of_topic, "--describe")
    must("retention.ms" not in text and "max.message.bytes=2000000" in text, "described as", text)
    text = tool(at, "configs", *of_topic, "--describe", "--all")
    must("retention.ms=604800000" in text and "cleanup.policy=delete" in text, "all of it described as", text)
    tool(at, "configs", *of_topic, "--alter", "--add-config", "no.such.thing=1", fails=True)
    must("log.retention" in tool(at, "configs", "--entity-type", "brokers", "--entity-name", "1", "--describe", "--all"), "the broker has no configs")


def get_offsets(at):
    """kafka-get-offsets with names and times; kafka-delete-records; kafka-log-dirs."""
    topic = at.name("tools-offsets")
    create(at, topic)
    produce(at, topic, ["%d" % i for i in range(10)])
    time.sleep(0.05)
    between = int(time.time() * 1000)

    def at_time(name):
        return int(tool(at, "get-offsets", "--topic", topic, "--time", name).strip().rpartition(":")[2] or -1)
    must(at_time("earliest") == 0 and at_time("-2") == 0, "earliest is", at_time("earliest"))
    must(at_time("latest") == 10 and at_time("-1") == 10, "latest is", at_time("latest"))
    must(at_time("max-timestamp") in range(10), "the offset of the greatest timestamp is", at_time("max-timestamp"))
    must(at_time(0) == 0, "of time 0 is", at_time(0))
    beyond = at_time(between)
    must(beyond in (-1, 10), "of a time after the last is", beyond)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as wanted:
        json.dump({"version": 1, "partitions": [{"topic": topic, "partition": 0, "offset": 4}]}, wanted)
        wanted.flush()
        text = tool(at, "delete-records", "--offset-json-file", wanted.name)
    must("error" not in text, "deletion of records says", text)
    must(at_time("earliest") == 4, "earliest after deletion is", at_time("earliest"))
    text = tool(at, "log-dirs", "--describe", "--topic-list", topic)
    found = json.loads(text[text.index("{"):])
    names = {one["partition"] for one in found["brokers"][0]["logDirs"][0]["partitions"]}
    must(names == {"%s-0" % topic}, "log dirs say", found)


def api_versions(at):
    """kafka-broker-api-versions, and ClientCompatibilityTest with everything supported."""
    text = tool(at, "api-versions")
    for name in ("Produce", "Fetch", "JoinGroup", "EndTxn", "DescribeCluster"):
        must("%s(" % name in text, name, "is not among the APIs:", text[:200])
    topic = at.name("tools-compatibility")
    create(at, topic)
    flags = [word for name in ("offsets-for-times", "cluster-id", "create-topics", "describe-acls", "describe-configs", "idempotent-producer")
             for word in ("--%s-supported" % name, "True")]
    flags += ["--expect-record-too-large-exception", "False"]
    # It makes this topic and leaves it there.
    tool(at, "topics", "--delete", "--topic", "newtopic", "--if-exists")
    text = at.run(command(at, "client-compatibility", "--bootstrap-server", at.bootstrap, "--topic", topic, "--num-cluster-nodes", 1, *flags))
    must("SUCCESS" in text, "it says", text[-300:])


def verifiable(at):
    """VerifiableProducer and VerifiableConsumer: what was acknowledged is what is consumed."""
    topic = at.name("tools-verifiable")
    create(at, topic, 3)
    text = at.run(command(at, "verifiable-producer", "--bootstrap-server", at.bootstrap, "--topic", topic, "--max-messages", 2000, "--acks", "-1"))
    sent = sorted(int(event["value"]) for event in map(json.loads, text.splitlines()) if event["name"] == "producer_send_success")
    must(sent == list(range(2000)), "acknowledged", len(sent))
    text = at.run(command(at, "verifiable-consumer", "--bootstrap-server", at.bootstrap, "--topic", topic, "--group-id", topic, "--max-messages", 2000,
                          "--verbose", "--reset-policy", "earliest"))
    seen = sorted(int(event["value"]) for event in map(json.loads, text.splitlines()) if event["name"] == "record_data")
    must(seen == sent, "consumed", len(seen), "of", len(sent))


def transactional_copier(at):
    """TransactionalMessageCopier, with random aborts: every record once; kafka-transactions knows it."""
    source, target, name = at.name("tools-copy-in"), at.name("tools-copy-out"), at.name("tools-copy")
    create(at, source)
    create(at, target)
    produce(at, source, ["%d" % i for i in range(1000)])
    at.run(command(at, "transactional-copier", "--broker-list", at.bootstrap, "--input-topic", source, "--input-partition", 0, "--output-topic", target,
                   "--max-messages", 1000, "--consumer-group", name, "--transaction-size", 100, "--transactional-id", name, "--enable-random-aborts"))
    seen = consume(at, target, 1000, "--isolation-level", "read_committed")
    must(seen == ["%d" % i for i in range(1000)], "copied", len(seen), "records, first", seen[:3])
    where = ("--bootstrap-server", at.bootstrap)
    text = at.run(command(at, "transactions", *where, "list"))
    must(any(line.split()[:1] == [name] and "CompleteCommit" in line for line in text.splitlines()), "transactions listed:", text)
    text = at.run(command(at, "transactions", *where, "describe-producers", "--topic", target, "--partition", 0))
    must(len(text.splitlines()) == 2, "producers described:", text)


def perf(at):
    """kafka-producer-perf-test, kafka-consumer-perf-test and end-to-end latency run through."""
    topic = at.name("tools-perf")
    create(at, topic, 2)
    text = at.run(command(at, "producer-perf", "--topic", topic, "--num-records", 200_000, "--record-size", 100, "--throughput", -1,
                          "--producer-props", "bootstrap.servers=" + at.bootstrap, "acks=all"))
    must("200000 records sent" in text, "it says", text[-200:])
    text = tool(at, "consumer-perf", "--topic", topic, "--messages", 200_000)
    must(re.search(r"\b200000\b", text), "consumed something else:", text[-300:])
    text = at.run(command(at, "end-to-end-latency", at.bootstrap, topic, 2000, "all", 100))
    must("Avg latency" in text and "Percentiles" in text, "the latency tool says", text[-300:])


def login(at):
    """--command-config with TLS and SCRAM: users made, shown and removed by kafka-configs; what they may do."""
    where = ("--bootstrap-server", at.options.guarded)

    def known(folder, user, password):
        path = os.path.join(folder, user + ".properties")
        module = "org.apache.kafka.common.security.scram.ScramLoginModule"
        with open(path, "w", encoding="utf-8") as properties:
            properties.write("security.protocol=SASL_SSL\nssl.truststore.type=PEM\nssl.truststore.location=%s\nsasl.mechanism=SCRAM-SHA-512\n"
                             'sasl.jaas.config=%s required username="%s" password="%s";\n' % (at.options.ca, module, user, password))
        return path
    with tempfile.TemporaryDirectory() as folder:
        ops, suite, user = known(folder, "ops", "ops-secret"), known(folder, USER, PASSWORD), at.name("tools-user")

        def users(*words, **options):
            return at.run(command(at, "configs", *where, "--command-config", ops, "--entity-type", "users", *words), **options)
        users("--entity-name", user, "--alter", "--add-config", "SCRAM-SHA-512=[password=made]")
        text = users("--describe")
        must("'%s' are SCRAM-SHA-512=iterations=" % user in text and "'ops' are" in text, "users described as", text)
        must("SCRAM-SHA-512=iterations=" in users("--describe", "--entity-name", user), "one user is not described")
        # Who was just made logs in, and may not see anything.
        made = known(folder, user, "made")
        must(at.run(command(at, "topics", *where, "--command-config", made, "--list")).split() == [], "a user without grants sees topics")
        users("--entity-name", user, "--alter", "--delete-config", "SCRAM-SHA-512")
        text = at.run(command(at, "topics", *where, "--command-config", made, "--list"), fails=True)
        must("Authentication failed" in text or "SaslAuthentication" in text, "a user that was removed is refused by", text[-300:])
        brokers = command(at, "configs", *where, "--command-config", ops, "--entity-type", "brokers", "--all", "--describe", "--entity-name", "1")
        must("num.partitions=1" in at.run(brokers), "the broker's configs are not shown")

        topic = OWN + at.name("tools-login")
        producing = command(at, "console-producer", *where, "--topic", topic, "--producer.config", suite)
        at.run(producing, given=b"one\ntwo\n")
        consuming = command(at, "console-consumer", *where, "--topic", topic, "--consumer.config", suite, "--from-beginning", "--max-messages", 2, "--group", topic)
        must(at.run(consuming).splitlines()[-2:] == ["one", "two"], "read back something else")
        text = at.run(command(at, "configs", *where, "--command-config", suite, "--entity-type", "users", "--describe"), fails=True)
        must("uthorization" in text, "who is no administrator is refused by", text[-300:])


if __name__ == "__main__":
    main([topics, console, consumer_groups, configs, get_offsets, api_versions, verifiable, transactional_copier], [perf], [login],
         java="the command line of a JVM with the jars, up to the class")
