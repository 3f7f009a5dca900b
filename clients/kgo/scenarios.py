#!/usr/bin/env python3
"""franz-go's own tests against the server: groups and transactions under churn, in --long everything it has."""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "suite"))
from scenarios import Failure  # noqa: E402
from script import NotDone, main  # noqa: E402

PATIENCE = 1500
RECORDS = {False: 10_000, True: 100_000}


def play(at, pattern, skip="^$"):
    """Runs tests of the module; each that fails with the first thing it said."""
    environment = {**os.environ, "KGO_SEEDS": at.bootstrap, "KGO_TEST_RF": "1", "KGO_TEST_RECORDS": str(RECORDS[at.long])}
    done = subprocess.run(["go", "test", "-count=1", "-v", "-timeout", "%ds" % PATIENCE, "-run", pattern, "-skip", skip, "./pkg/kgo"], cwd=at.options.module, env=environment,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    failed = re.findall(r"^--- FAIL: (\w+)", done.stdout, re.M)
    passed = re.findall(r"^--- PASS: (\w+)", done.stdout, re.M)
    if done.returncode or failed or not passed:
        said = re.findall(r"^\s+\w+_test\.go:\d+: (.*)", done.stdout, re.M) or re.findall(r"^panic: .*", done.stdout, re.M) or done.stdout.splitlines()[-3:]
        raise Failure("%s: %s" % (" ".join(failed) or "the run", " / ".join(said[:4])[:600]))


def group_etl(at):
    """TestGroupETL: chains of groups whose members come and go, every balancer."""
    play(at, "^TestGroupETL$")


def txn_etl(at):
    """TestTxnEtl: the same with transactions, exactly once."""
    play(at, "^TestTxnEtl$")


def everything(at):
    """All other tests of the package."""
    play(at, "^Test", "^(TestConsumeRegex|TestGroupETL|TestTxnEtl)$")


def consume_regex(at):
    """TestConsumeRegex, which wants to see Kafka's topic of committed offsets."""
    try:
        play(at, "^TestConsumeRegex$")
    except Failure as failure:
        if "__consumer_offsets" not in str(failure):
            raise
        raise NotDone("committed offsets are no topic here, so that there is no __consumer_offsets to pass over") from failure


if __name__ == "__main__":
    main([group_etl, txn_etl], [everything, consume_regex], module="a copy of the source of github.com/twmb/franz-go")
