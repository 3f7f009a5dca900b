"""The scripts of requests, and what we answer otherwise on purpose.

A line `## TEXT` starts a chapter, `# TEXT` is a comment, `[name]` starts a step. In a step comes `METHOD PATH`, then headers as
`> Name: value`, then instructions, then the body up to the next step:

  @until PATH = VALUE           ask again until the answer has this there (a minute at most)
  @once                         a worker that rebalances is not asked again
  @sql STATEMENT                run this first
  @only WORD                    compare only a part: `errors` what is wrong with which property, `names` which properties have
                                definitions, `definitions` what those say, `options` of it types and defaults only, `groups` of
                                definitions, `classes` the plugins, `loggers` and `keys` which members there are
  @says PATTERN                 our answer must have this, whatever the worker said
  @differs PATH = VALUE | WHY   we answer otherwise there: VALUE (JSON), or, after `~`, a text that this pattern finds
  @differs * = VALUE | WHY      the same for the whole answer: its status and, after a blank, a pattern for its body

In everywhere.txt, `@differs` holds for every step whose answer has such a member, at any depth. In paths and bodies `${host}`,
`${port}` and the like stand for the private PostgreSQL of this run, `${sink}` for the properties that make a sink of the worker's
and of ours, `${sink-class}` for its class; `\\x{…}` in a body stands for bytes, in hexadecimal.
"""

import glob
import json
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPTS, EVERYWHERE = os.path.join(HERE, "scripts"), os.path.join(HERE, "scripts", "everywhere.txt")


class Step:
    def __init__(self, name, chapter):
        self.name, self.chapter, self.method, self.path = name, chapter, None, None
        self.headers, self.until, self.sql, self.only, self.once = {}, [], [], None, False
        self.says, self.differs, self.body = [], [], []


class Difference:
    """One answer that we want otherwise: where, what it is, and why."""

    def __init__(self, text):
        claim, _, self.why = text.partition(" | ")
        self.path, self.holds, self.value = re.match(r"(\S+) ([=~]) (.*)", claim).groups()
        if not self.why:
            raise SystemExit("a difference without a reason: " + text)
        if self.holds == "=" and self.path != "*":
            self.value = json.loads(self.value)

    def met(self, value):
        if self.holds == "~":
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            return re.search(self.value, text, re.DOTALL) is not None
        return value == self.value

    def __str__(self):
        value = self.value if isinstance(self.value, str) else json.dumps(self.value, ensure_ascii=False)
        return value if self.path == "*" else "`%s` %s `%s`" % (self.path, "is" if self.holds == "=" else "has", value)


def names():
    """The scripts, in order."""
    paths = sorted(glob.glob(os.path.join(SCRIPTS, "*.txt")))
    return [os.path.basename(path)[:-len(".txt")] for path in paths if path != EVERYWHERE]


def read(name):
    """The steps of a script."""
    steps, apart = _read(os.path.join(SCRIPTS, name + ".txt"))
    if apart:
        raise SystemExit("%s: what holds for every step belongs into everywhere.txt" % name)
    return steps


def everywhere():
    """The differences of all steps."""
    return _read(EVERYWHERE)[1]


def _read(path):
    steps, apart, chapter, step = [], [], "", None
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            line = line.rstrip("\n")
            if line.startswith("## "):
                chapter, step = line[3:], None
            elif line.startswith("# "):
                continue
            elif re.fullmatch(r"\[[a-z0-9-]+\]", line):
                step = Step(line[1:-1], chapter)
                steps.append(step)
            elif line.startswith("@"):
                instruct(step, apart, *line[1:].partition(" ")[::2])
            elif step is None:
                continue
            elif step.method is None:
                step.method, step.path = line.split(" ", 1)
            elif line.startswith("> "):
                name, _, value = line[2:].partition(": ")
                step.headers[name] = value
            elif line or step.body:
                step.body.append(line)
    names = [step.name for step in steps]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise SystemExit("two steps have one name: " + ", ".join(sorted(twice)))
    return steps, apart


def instruct(step, apart, word, rest):
    """One line that begins with `@`."""
    if word == "differs":
        (step.differs if step else apart).append(Difference(rest))
    elif word == "until":
        step.until.append(rest.split(" = ", 1))
    elif word == "sql":
        step.sql.append(rest)
    elif word == "says":
        step.says.append(rest)
    elif word == "once":
        step.once = True
    elif word == "only":
        step.only = rest
    else:
        raise SystemExit("there is no instruction @" + word)
