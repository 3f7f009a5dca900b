#!/usr/bin/env python3
"""scenarios.py --driver COMMAND [--rest URL --sink JSON] [SCENARIO …]: Kafka Connect's REST with one client library.

`--sink` are the properties that make a sink of the server's. Without `--rest`, a Connect worker is started and asked
(conformance/rest/worker.py), which proves that a scenario asks for what Connect does.
Prints a line for each scenario, as suite/run.py does, and ends with 1 when one failed.
"""

import argparse
import json
import os
import shlex
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, os.pardir, "suite")]
from driver import Broken, Driver, Refused, Unsupported  # noqa: E402

PATIENCE = 60
SOURCE = "io.debezium.connector.postgresql.PostgresConnector"


class Failure(Exception):
    """The answer is not what it must be."""


def must(claim, why):
    if not claim:
        raise Failure(why)


class Client:
    """A library at a server, and what a sink of the server needs."""

    def __init__(self, driver, sink):
        self.driver, self.sink, self.left_out = driver, sink, []
        # Several libraries drive one server at a time.
        self.prefix = driver.about["client"]

    def __getattr__(self, do):
        return lambda **arguments: self.driver.ask(do, **arguments)

    def config(self, **more):
        return {**self.sink, "tasks.max": "1", "topics": "shop.public.auto", **{name.replace("_", "."): value for name, value in more.items()}}

    def make(self, name, **more):
        return self.settled(lambda: self.create(name=name, config=self.config(**more)))

    def settled(self, ask):
        """A worker that rebalances is asked again."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return ask()
            except Refused as refusal:
                if "rebalance" not in str(refusal) or time.monotonic() > end:
                    raise
            time.sleep(0.1)

    def reaches(self, name, state, tasks):
        end, status = time.monotonic() + PATIENCE, None
        while time.monotonic() < end:
            try:
                status = self.status(name=name)
                if (status["state"], status["tasks"]) == (state, tasks):
                    return status
            except Refused as refusal:
                must("404" in str(refusal) or "rebalance" in str(refusal), "the status of %s: %s" % (name, refusal))
            time.sleep(0.05)
        raise Failure("%s did not become %s with tasks %s, but %s" % (name, state, tasks, status))

    def refused(self, code, ask):
        """Asks for what must be refused with a code."""
        try:
            answer = self.settled(ask)
        except Refused as refusal:
            must(str(code) in str(refusal), "refused, but not with %d: %s" % (code, refusal))
            return str(refusal)
        raise Failure("not refused with %d, but answered: %s" % (code, answer))

    def maybe(self, part):
        """A part that the library may lack without the scenario's being lost."""
        try:
            self.settled(part)
            return True
        except Unsupported:
            self.left_out.append(self.driver.last.replace("_", " "))
            return False


def worker(client):
    must(client.hello()["client"], "the library has a name")
    root = client.root()
    must(root["version"][0].isdigit() and root["cluster"], "the worker has a version and a cluster: %s" % root)
    must(SOURCE in client.plugins()["classes"], "Debezium's class is among the plugins")
    client.maybe(lambda: must("root" in client.loggers()["loggers"], "there is a root logger"))


def life(client):
    name = client.prefix + "-life"
    must(name not in client.list()["names"], "nothing is there before")
    made = client.make(name)
    must((made["name"], made["config"]["topics"], made["config"]["name"]) == (name, "shop.public.auto", name), "made: %s" % made)
    client.reaches(name, "RUNNING", ["RUNNING"])
    must(name in client.list()["names"], "it is listed")
    got = client.get(name=name)
    must((got["config"], got["type"], got["tasks"]) == (made["config"], "sink", 1), "it is shown: %s" % got)
    client.maybe(lambda: must(client.configuration(name=name)["config"] == made["config"], "its configuration is shown"))
    expanded = lambda: client.expanded()["connectors"][name]  # noqa: E731
    client.maybe(lambda: must(expanded() == {"type": "sink", "state": "RUNNING"}, "it is listed with status and info"))
    client.maybe(lambda: must(client.tasks(name=name)["ids"] == [0], "its task is listed"))
    client.maybe(lambda: must(client.task_status(name=name, task=0)["state"] == "RUNNING", "its task runs"))
    updated = client.settled(lambda: client.update(name=name, config=client.config(errors_tolerance="all")))
    must(updated.get("config", {}).get("errors.tolerance", "all") == "all", "it is changed: %s" % updated)
    client.reaches(name, "RUNNING", ["RUNNING"])
    must(client.get(name=name)["config"]["errors.tolerance"] == "all", "the change is shown")
    client.settled(lambda: client.pause(name=name))
    client.reaches(name, "PAUSED", ["PAUSED"])
    client.settled(lambda: client.resume(name=name))
    client.reaches(name, "RUNNING", ["RUNNING"])
    client.settled(lambda: client.restart(name=name, tasks=False))
    client.maybe(lambda: client.restart(name=name, tasks=True))
    client.reaches(name, "RUNNING", ["RUNNING"])
    client.maybe(lambda: client.restart_task(name=name, task=0))
    client.reaches(name, "RUNNING", ["RUNNING"])
    client.maybe(lambda: must(isinstance(client.topics(name=name)["topics"], list), "its topics are told"))
    client.maybe(lambda: client.reset_topics(name=name))
    if client.maybe(lambda: client.stop(name=name)):
        client.reaches(name, "STOPPED", [])
    client.settled(lambda: client.delete(name=name))
    must(name not in client.list()["names"], "it is gone")


def faults(client):
    absent = client.refused(404, lambda: client.get(name="absent"))
    must("not found" in absent.lower(), "it is said what is not found: %s" % absent)
    client.refused(404, lambda: client.status(name="absent"))
    for ask in (client.pause, client.resume, client.delete):
        client.refused(404, lambda ask=ask: ask(name="absent"))
    client.refused(404, lambda: client.restart(name="absent", tasks=False))
    client.maybe(lambda: client.refused(404, lambda: client.task_status(name="absent", task=0)))
    twice, faulty = client.prefix + "-twice", client.prefix + "-faulty"
    client.make(twice)
    client.refused(409, lambda: client.create(name=twice, config=client.config()))
    client.refused(400, lambda: client.update(name=twice, config=client.config(errors_tolerance="some")))
    must("errors.tolerance" not in client.get(name=twice)["config"], "what is faulty is not kept")
    client.settled(lambda: client.delete(name=twice))
    client.refused(400, lambda: client.create(name=faulty, config=client.config(tasks_max="none")))
    client.refused(400, lambda: client.create(name=faulty, config={"topics": "t"}))
    must(faulty not in client.list()["names"], "what is faulty is not made")


def validation(client):
    wrong = client.validate(**{"class": SOURCE, "config": {"connector.class": SOURCE, "name": "v"}})
    must({"topic.prefix", "database.hostname", "database.user", "database.dbname"} <= set(wrong["wrong"]), "what is missing is told: %s" % wrong)
    must(wrong["count"] >= 4, "the faults are counted")
    kind = client.sink["connector.class"]
    good = client.validate(**{"class": kind, "config": {**client.config(), "name": "v"}})
    must((good["count"], good["wrong"]) == (0, {}), "a good configuration has no faults: %s" % good)


def names(client):
    for name in (client.prefix + " two words", client.prefix + "-größe"):
        try:
            client.make(name)
        except Refused as refusal:
            must("Invalid UTF-8" in str(refusal), str(refusal))
            client.left_out.append("names beyond ASCII, which it does not send as UTF-8")
            continue
        client.reaches(name, "RUNNING", ["RUNNING"])
        must(client.get(name=name)["name"] == name, "found under its name")
        client.settled(lambda name=name: client.delete(name=name))


ALL = (worker, life, faults, validation, names)


def play(scenario, command, rest, sink):
    """The line that says how it went, and whether that is well."""
    client = Client(Driver(command, rest), sink)
    try:
        scenario(client)
    except Unsupported as lack:
        return "lacks %s: %s" % (scenario.__name__, lack), True
    except (Failure, Refused, Broken) as failure:
        return "FAIL %s: %s" % (scenario.__name__, str(failure).strip().replace("\n", " ")[:600]), False
    finally:
        client.driver.close()
    without = ", ".join(dict.fromkeys(client.left_out))
    return "ok %s%s" % (scenario.__name__, " (without: %s)" % without if without else ""), True


def all_of(options, rest, sink):
    chosen = [one for one in ALL if not options.scenario or one.__name__ in options.scenario]
    well = True
    for scenario in chosen:
        line, good = play(scenario, shlex.split(options.driver), rest, sink)
        print(line, flush=True)
        well = well and good
    return well


def against_connect(options):
    conformance = os.path.join(HERE, os.pardir, os.pardir, "conformance")
    sys.path[:0] = [os.path.join(conformance, "rest"), os.path.join(conformance, "player")]
    from worker import Worker
    with tempfile.TemporaryDirectory(prefix="tailwater-connect-") as folder:
        connect = Worker(folder)
        try:
            sink = {"connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector", "file": os.path.join(folder, "out.txt")}
            return all_of(options, connect.base, sink)
        finally:
            connect.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--driver", required=True)
    parser.add_argument("--rest")
    parser.add_argument("--sink", type=json.loads)
    parser.add_argument("--long", action="store_true", help="there is nothing longer here")
    parser.add_argument("scenario", nargs="*")
    options = parser.parse_args()
    well = all_of(options, options.rest, options.sink) if options.rest else against_connect(options)
    sys.exit(0 if well else 1)


if __name__ == "__main__":
    main()
