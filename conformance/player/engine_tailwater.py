"""A Tailwater binary as an engine for run_cases.py, driven as a user would: a connector file, `serve`, `consume`.

It relies on what scripts may rely on: the flags of `serve`, its ready line, `/readyz`, and `consume --json`.
"""

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request

JSON_CONVERTER = "org.apache.kafka.connect.json.JsonConverter"


class Engine:
    def __init__(self, binary):
        self.binary, self.server, self.consumer, self.http, self.last = os.path.abspath(binary), None, None, None, {}

    def start(self, properties, converter, folder, output):
        """Starts `serve` on a data directory that lives as long as the case, and a consumer of all its topics."""
        self.data, self.output, self.last = os.path.join(folder, "data"), output, {}
        connectors = os.path.join(folder, "connectors")
        os.makedirs(connectors, exist_ok=True)
        config = dict(properties)
        for side in ("key", "value", "header"):
            config.setdefault(side + ".converter", JSON_CONVERTER)
            for name, value in converter.items():
                config["%s.converter.%s" % (side, name)] = value
        with open(os.path.join(connectors, "case.json"), "w", encoding="utf-8") as handle:
            json.dump({"name": "case", "config": config}, handle)
        self.log = open(os.path.join(folder, "serve.log"), "ab")
        self.server = subprocess.Popen(
            [self.binary, "serve", "--data-dir", self.data, "--connectors", connectors,
             "--kafka", "off", "--connect", "off", "--pg", "off", "--http", "127.0.0.1:0", "--json"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.server.stdout.readline()
        try:
            self.http = json.loads(line)["http"]
        except (ValueError, KeyError, TypeError):
            raise RuntimeError("no ready line from serve, but %r; see serve.log" % line)
        self._consume()

    def _consume(self, finish=False):
        part = self.output + ".part"
        command = [self.binary, "consume", "--data-dir", self.data, "--include", ".*", "--from-beginning", "--json"]
        if finish:
            with open(part, "wb") as out:
                subprocess.run(command + ["--exit"], stdout=out, stderr=self.log, check=False, timeout=60)
            self._tidy(part)
            return
        self.consumer = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=open(self.output, "wb"), stderr=self.log)

    def _tidy(self, part):
        """Keeps what the cases know: not the offset, and a partition or timestamp only where the case shows one."""
        with open(part, encoding="utf-8") as source, open(self.output, "w", encoding="utf-8") as target:
            for line in source:
                record = json.loads(line)
                for name in ("offset", "timestamp_type"):
                    record.pop(name, None)
                target.write(json.dumps(record, ensure_ascii=False) + "\n")
        os.remove(part)

    def state(self):
        try:
            with urllib.request.urlopen("http://%s/readyz" % self.http, timeout=5) as answer:
                body = answer.read()
        except urllib.error.HTTPError as answer:
            body = answer.read()
        except OSError:
            return self.last
        self.last = json.loads(body)["connectors"].get("case", {})
        return self.last

    def ended(self):
        """None while the connector runs, else "true ..." after a clean end or "false ..." with the error."""
        if self.server is None:
            state = self.last
        elif self.server.poll() is not None:
            return "false serve ended with status %d" % self.server.returncode
        else:
            state = self.state()
        if state.get("state") == "failed":
            return "false " + json.dumps(state.get("error"))
        return "true" if state.get("state") == "done" else None

    def ready(self, wanted, slot_active):
        return self.state().get("state") in (("done", "streaming") if wanted == "snapshot" else ("streaming",))

    def _end_consumer(self):
        if self.consumer:
            self.consumer.terminate()
            self.consumer.wait(10)
            self.consumer = None

    def stop(self):
        if self.server and self.server.poll() is None:
            self.state()
            self.server.send_signal(signal.SIGTERM)
            self.server.wait(30)
            if self.server.returncode != 0:
                raise RuntimeError("serve ended with status %d after SIGTERM" % self.server.returncode)
        self.server = None
        self._end_consumer()
        self._consume(finish=True)

    def kill(self):
        if self.server:
            self.server.kill()
            self.server.wait()
        self.server = None
        self._end_consumer()

    def quit(self):
        self.kill()
