#!/usr/bin/env python3
"""What tutorials type to see their first change, with the Java tools that they were written with."""

import json
import os
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(FOLDER, "..", "suite"))
from scenarios import must  # noqa: E402
from script import main  # noqa: E402

TOPIC = "debezium.commerce.products"


def console_consumer(at):
    """kafka-console-consumer … --from-beginning --max-messages 1: the row of the snapshot, with its schema."""
    tool = [*at.options.java, "kafka.tools.ConsoleConsumer"]
    text = at.run([*tool, "--bootstrap-server", at.bootstrap, "--topic", TOPIC, "--from-beginning", "--max-messages", "1"])
    must(len(text.splitlines()) == 1, "printed", text[:300])
    event = json.loads(text)
    must(event["schema"]["name"] == TOPIC + ".Envelope", "the schema is", event["schema"].get("name"))
    payload = event["payload"]
    after = {"id": 1, "name": "tea", "description": "green", "price": 2.5}
    must((payload["op"], payload["before"], payload["after"]) == ("r", None, after), "the change is", payload)


def keys(at):
    """The same with keys and everything there is, as in the tutorial of a bootcamp: the tombstone is printed as null."""
    words = ("--from-beginning", "--max-messages", "4", "--property", "print.key=true")
    text = at.run([*at.options.java, "kafka.tools.ConsoleConsumer", "--bootstrap-server", at.bootstrap, "--topic", TOPIC, *words])
    pairs = [line.split("\t") for line in text.splitlines()]
    must([json.loads(key)["payload"] for key, _ in pairs] == [{"id": 1}] * 4, "the keys are", [key for key, _ in pairs])
    must([value == "null" or json.loads(value)["payload"]["op"] for _, value in pairs] == ["r", "u", "d", True], "the values are", text[-300:])


def stream(at):
    """The job, fed by kcat."""
    text = at.run(["kcat", "-q", "-b", at.bootstrap, "-C", "-t", TOPIC, "-e"])
    rows = at.run(["python3", os.path.join(FOLDER, "stream.py"), "id", "price"], given=text.encode()).splitlines()
    must([row.rsplit(",", 1)[0] for row in rows[1:]] == [",,1,2.5,r", "1,2.5,1,3.0,u", "1,3.0,,,d"], "the job made", rows)


if __name__ == "__main__":
    main([console_consumer, keys, stream], java="the command of a JVM, up to the class")
