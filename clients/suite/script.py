"""For programs of scenarios that run tools: their arguments, running a tool, and the line for each scenario."""

import argparse
import os
import shlex
import subprocess
import sys

from scenarios import Failure, must

PATIENCE = 120


class NotDone(Exception):
    """The server does not do it, on purpose."""


class Tools:
    """What a scenario of tools works with."""

    def __init__(self, options):
        self.bootstrap, self.long, self.options = options.bootstrap, options.long, options

    def name(self, what):
        return "%s-%d" % (what, os.getpid())

    def run(self, command, given=None, fails=False, patience=PATIENCE):
        """Runs a tool to its end; its standard output. It must succeed, or fail where that is what is wanted."""
        try:
            done = subprocess.run([str(word) for word in command], input=given, capture_output=True, timeout=patience, check=False)
        except subprocess.TimeoutExpired as late:
            raise Failure("%s did not end in %d s" % (" ".join(map(str, command[-6:])), patience)) from late
        errors = done.stderr.decode(errors="replace").strip()
        must((done.returncode != 0) == fails, "%s ended with %d: %s" % (" ".join(map(str, command[-6:])), done.returncode, errors[-300:]))
        return (done.stdout + done.stderr if fails else done.stdout).decode(errors="surrogateescape")

    def start(self, command):
        """Starts a tool whose output is read later."""
        return subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def main(scenarios, only_long=(), guarded=(), **more):
    """Plays the scenarios, those `guarded` where there is a server that wants TLS and a login; `more` are further options and
    what they say of themselves."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--guarded", help="HOST:PORT of a server that wants TLS and a login")
    parser.add_argument("--ca", help="its certificate")
    parser.add_argument("--long", action="store_true")
    for name, what in more.items():
        parser.add_argument("--" + name, help=what, type=shlex.split if name == "java" else str)
    parser.add_argument("scenarios", nargs="*")
    options = parser.parse_args()
    tools, failed = Tools(options), False
    for scenario in [*scenarios, *(guarded if options.guarded else ()), *(only_long if options.long else ())]:
        name = scenario.__name__.replace("_", "-")
        if options.scenarios and name not in options.scenarios:
            continue
        try:
            scenario(tools)
            print("ok %s" % name, flush=True)
        except NotDone as reason:
            print("refused %s: %s" % (name, reason), flush=True)
        except Failure as failure:
            failed = True
            print("FAIL %s: %s" % (name, str(failure).strip().replace("\n", " / ")), flush=True)
    sys.exit(failed)
