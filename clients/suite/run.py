#!/usr/bin/env python3
"""run.py --bootstrap HOST:PORT --driver COMMAND [--reference COMMAND] [--changes FILE] [--guarded HOST:PORT --ca FILE] [--long] [SCENARIO …]: the suite with one client library.

Prints `client NAME VERSION`, then a line for each scenario: `ok NAME`, `FAIL NAME: reason`, or `lacks NAME: reason` where the
library has no such thing; parts that a library lacks are named after `ok`. Ends with 1 when something failed.
"""

import argparse
import json
import os
import shlex
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from driver import Broken, Driver, Refused, Unsupported  # noqa: E402
from scenarios import ALL, CHANGES, SLOW, Failure, must, until  # noqa: E402
import security  # noqa: E402


class At:
    """What a scenario works with: drivers that end with it, names of its own, another client to compare with."""

    def __init__(self, command, bootstrap, reference, prefix, changes, guarded):
        self.command, self.bootstrap, self.reference, self.prefix = command, bootstrap, reference, prefix
        self.changes, self.guarded = changes, guarded
        self.drivers, self.left_out = [], []

    def driver(self):
        driver = Driver(self.command, self.bootstrap)
        self.drivers.append(driver)
        return driver

    def known(self, mechanism, user, password):
        """A driver that logs in to the server that wants it, over TLS."""
        login = {"mechanism": mechanism, "user": user, "password": password, "ca": self.guarded[1]}
        driver = Driver(self.command, self.guarded[0], login)
        self.drivers.append(driver)
        return driver

    def name(self, what):
        return "%s-%s" % (self.prefix, what)

    def topic(self, driver, name, partitions):
        """Makes a topic and waits until each partition answers: a Kafka broker first hears of them some time later."""
        driver.ask("create_topic", topic=name, partitions=partitions, config={})

        def ready():
            try:
                return all(driver.offset(name, partition, "latest") == 0 for partition in range(partitions))
            except Refused:
                return False
        must(until(20, ready), "a topic just made has no partitions to ask")

    def maybe(self, part):
        """A part that the library may lack without the scenario's being lost."""
        try:
            part()
        except Unsupported as lack:
            self.left_out.append(str(lack))

    def close(self):
        for driver in self.drivers:
            driver.close()


def play(scenario, at):
    """The line that says how it went, and whether that is well."""
    name = scenario.__name__.replace("_", "-")
    try:
        scenario(at)
    except Unsupported as lack:
        return "lacks %s: %s" % (name, lack), True
    except (Failure, Refused, Broken) as failure:
        return "FAIL %s: %s" % (name, str(failure).strip().replace("\n", " ")), False
    finally:
        at.close()
    return "ok %s%s" % (name, " (without: %s)" % ", ".join(at.left_out) if at.left_out else ""), True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--driver", required=True, type=shlex.split)
    parser.add_argument("--reference", type=shlex.split)
    parser.add_argument("--changes", help="what is in topics of changes, as `tailwater consume --json` shows it")
    parser.add_argument("--guarded", help="HOST:PORT of a server that wants TLS and a login")
    parser.add_argument("--ca", help="its certificate")
    parser.add_argument("--long", action="store_true", help="also what takes long, with every library")
    parser.add_argument("scenarios", nargs="*")
    options = parser.parse_args()

    first = Driver(options.driver, options.bootstrap)
    print("client %s %s" % (first.about["client"], first.about["version"]), flush=True)
    prefix = "%s-%d" % (first.about["client"], os.getpid())
    first.close()
    reference = Driver(options.reference, options.bootstrap) if options.reference else None
    changes, failed = [], False
    if options.changes:
        with open(options.changes, encoding="utf-8") as lines:
            changes = [json.loads(line) for line in lines]
    for scenario in [*ALL, *(CHANGES if changes else ()), *(security.ALL if options.guarded else ())]:
        if options.scenarios and scenario.__name__.replace("_", "-") not in options.scenarios:
            continue
        if scenario in SLOW and not (options.long or options.scenarios or first.about["client"] in ("java", "confluent-kafka")):
            continue
        line, well = play(scenario, At(options.driver, options.bootstrap, reference, prefix, changes, (options.guarded, options.ca)))
        print(line, flush=True)
        failed |= not well
    if reference:
        reference.close()
    sys.exit(failed)


if __name__ == "__main__":
    main()
