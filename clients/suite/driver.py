"""A driver: a small program around one client library, which does what the suite asks (`README.md` has the protocol)."""

import base64
import json
import os
import queue
import subprocess
import threading

PATIENCE = 60


class Unsupported(Exception):
    """The client library has no way to do it."""


class Refused(Exception):
    """The client or the server answered with an error."""


class Broken(Exception):
    """The driver ended, or gave no answer."""


class Driver:
    """One running driver. `ask` sends a command and waits for its answer; `send` and `answer` are the two halves."""

    def __init__(self, command, bootstrap, login=None):
        environment = {**os.environ, **({"SUITE_LOGIN": json.dumps(login)} if login else {})}
        self.process = subprocess.Popen([*command, bootstrap], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        self.lines = queue.Queue()
        self.complaints = []
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._listen, daemon=True).start()
        self.about = self.ask("hello")

    def _read(self):
        for line in self.process.stdout:
            if line.startswith("{"):
                self.lines.put(line)
        self.lines.put(None)

    def _listen(self):
        for line in self.process.stderr:
            self.complaints = [*self.complaints[-19:], line.rstrip()]

    def send(self, do, **arguments):
        try:
            self.process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self.process.stdin.flush()
        except OSError as error:
            raise Broken("the driver is gone (%s): %s" % (error, " / ".join(self.complaints[-3:]))) from error
        self.last = do

    def answer(self, patience=PATIENCE):
        try:
            line = self.lines.get(timeout=patience)
        except queue.Empty:
            self.kill()
            raise Broken("no answer to %s in %d s: %s" % (self.last, patience, " / ".join(self.complaints[-3:]))) from None
        if line is None:
            raise Broken("the driver ended at %s: %s" % (self.last, " / ".join(self.complaints[-3:])))
        reply = json.loads(line)
        if "unsupported" in reply:
            raise Unsupported(reply["unsupported"])
        if "error" in reply:
            raise Refused("%s: %s" % (self.last, reply["error"]))
        return reply

    def ask(self, do, patience=PATIENCE, **arguments):
        self.send(do, **arguments)
        return self.answer(patience)

    def kill(self):
        """kill -9: the client has no chance to say good-bye."""
        self.process.kill()
        self.process.wait()

    def close(self):
        try:
            self.process.stdin.close()
            self.process.wait(timeout=15)
        except (OSError, subprocess.TimeoutExpired):
            self.kill()

    # What scenarios ask most, with records as `records.Record`.

    def produce(self, topic, records, **options):
        """Produces and waits for the acknowledgements; returns the offset of each record."""
        return self.ask("produce", topic=topic, records=[r.wire() for r in records], **options)["offsets"]

    def fetch(self, topic, count, start=None, **options):
        """Reads without a group from `start` ({partition: offset}, else all from the first) until `count` records came
        and then `quiet_ms` nothing more."""
        options.setdefault("quiet_ms", 400)
        reply = self.ask("fetch", topic=topic, count=count, start=start or {}, **options)
        return [Seen(r) for r in reply["records"]]

    def offset(self, topic, partition, at, **options):
        return self.ask("offsets", topic=topic, partition=partition, at=at, **options)["offset"]

    def poll(self, count, ms=20_000):
        """What the group's consumer gets, until `count` records came or `ms` passed."""
        reply = self.ask("poll", count=count, ms=ms)
        return [Seen(r) for r in reply["records"]], sorted(map(tuple, reply["assigned"]))


def decode(text):
    return None if text is None else base64.b64decode(text)


class Seen:
    """A record as a client returned it."""

    def __init__(self, fields):
        self.topic = fields.get("topic")
        self.partition = fields["partition"]
        self.offset = fields["offset"]
        self.timestamp = fields["timestamp"]
        self.key = decode(fields["key"])
        self.value = decode(fields["value"])
        self.headers = [(name, decode(value)) for name, value in fields["headers"]]
