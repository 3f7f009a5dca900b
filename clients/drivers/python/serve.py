"""The loop of a driver in Python: a command a line from standard input, an answer a line to standard output."""

import base64
import json
import os
import sys

# TLS and a login, where the suite wants them: mechanism, user, password, ca.
LOGIN = json.loads(os.environ.get("SUITE_LOGIN", "null"))


class Unsupported(Exception):
    """The library has no way to do it."""


def encode(value):
    return None if value is None else base64.b64encode(value).decode()


def decode(text):
    return None if text is None else base64.b64decode(text)


def record(topic, partition, offset, timestamp, key, value, headers):
    """A consumed record as the suite wants it."""
    return {"topic": topic, "partition": partition, "offset": offset, "timestamp": timestamp, "key": encode(key), "value": encode(value),
            "headers": [[name, encode(value)] for name, value in headers or ()]}


def serve(driver):
    """Answers until standard input ends. A command `x` is the method `x` of the driver."""
    for line in sys.stdin:
        command = json.loads(line)
        name = command.pop("do")
        method = getattr(driver, name, None)
        try:
            if method is None:
                raise Unsupported("%s has no %s here" % (driver.hello()["client"], name))
            reply = method(**command) or {}
        except Unsupported as lack:
            reply = {"unsupported": str(lack)}
        except Exception as error:  # whatever the library raises is its answer
            reply = {"error": "%s %s" % (type(error).__name__, error)}
        print(json.dumps(reply), flush=True)
    driver.close()
