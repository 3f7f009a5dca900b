"""A Kafka broker and a Connect worker with Debezium on loopback, for recording; needs Java 17 and, once, mvn and the network."""

import os
import shutil
import signal
import subprocess
import time
import urllib.request

import pgmini

KAFKA, DEBEZIUM, LOG4J = "4.3.1", "3.6.3.Final", "2.26.1"
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "tailwater", "connect-worker")
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>tailwater</groupId>
<artifactId>%s</artifactId><version>1</version><dependencies>%s</dependencies></project>
"""
DEPENDENCY = "<dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version></dependency>"
LOGGING = """<Configuration status="ERROR"><Appenders><Console name="c" target="SYSTEM_ERR"/></Appenders>
<Loggers><Root level="WARN"><AppenderRef ref="c"/></Root></Loggers></Configuration>
"""
WORKER = [("org.apache.kafka", name, KAFKA) for name in
          ("kafka_2.13", "connect-runtime", "connect-json", "connect-transforms", "connect-file")]
WORKER += [("org.apache.logging.log4j", name, LOG4J) for name in ("log4j-slf4j-impl", "log4j-core")]


def jars(name, wanted):
    """A folder with artifacts and what they need; downloaded once."""
    place = os.path.join(CACHE, name)
    if os.path.isdir(place):
        return place
    if not shutil.which("mvn"):
        raise SystemExit("mvn is needed to download Kafka Connect (Debian: apt-get install maven)")
    partial = "%s.partial-%d" % (place, os.getpid())
    os.makedirs(partial)
    pom = os.path.join(CACHE, name + ".pom.xml")
    with open(pom, "w", encoding="utf-8") as out:
        out.write(POM % (name, "".join(DEPENDENCY % one for one in wanted)))
    subprocess.run(["mvn", "-q", "-B", "-f", pom, "dependency:copy-dependencies", "-DoutputDirectory=" + partial,
                    "-DincludeScope=runtime"], check=True)
    os.rename(partial, place)
    return place


class Worker:
    """Both processes; `base` is the address of the worker's REST."""

    def __init__(self, folder):
        self.folder, self.processes = folder, []
        self.lib = jars("kafka-" + KAFKA, WORKER)
        plugins = os.path.join(folder, "plugins")
        shutil.copytree(jars("debezium-" + DEBEZIUM, [("io.debezium", "debezium-connector-postgres", DEBEZIUM)]),
                        os.path.join(plugins, "debezium"), copy_function=os.symlink)
        with open(os.path.join(folder, "log4j2.xml"), "w", encoding="utf-8") as out:
            out.write(LOGGING)
        try:
            broker = self._broker()
            self.base = self._worker(broker, plugins)
        except BaseException:
            self.stop()
            raise

    def _java(self, main, *arguments):
        logging = "-Dlog4j2.configurationFile=" + os.path.join(self.folder, "log4j2.xml")
        return ["java", "-Xmx768m", logging, "-cp", os.path.join(self.lib, "*"), main, *arguments]

    def _properties(self, name, settings):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as out:
            out.writelines("%s=%s\n" % pair for pair in settings.items())
        return path

    def _start(self, name, command):
        log = open(os.path.join(self.folder, name + ".log"), "ab")
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def _broker(self):
        port, controller = pgmini.free_port(), pgmini.free_port()
        single = {"offsets.topic.replication.factor": 1, "offsets.topic.num.partitions": 1,
                  "transaction.state.log.replication.factor": 1, "transaction.state.log.min.isr": 1}
        path = self._properties("broker.properties", {
            "process.roles": "broker,controller", "node.id": 1, "controller.listener.names": "CONTROLLER",
            "controller.quorum.voters": "1@127.0.0.1:%d" % controller,
            "listeners": "PLAINTEXT://127.0.0.1:%d,CONTROLLER://127.0.0.1:%d" % (port, controller),
            "advertised.listeners": "PLAINTEXT://127.0.0.1:%d" % port,
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": os.path.join(self.folder, "broker"), "group.initial.rebalance.delay.ms": 0, **single})
        identity = subprocess.run(self._java("kafka.tools.StorageTool", "random-uuid"), check=True, capture_output=True,
                                  text=True).stdout.split()[-1]
        subprocess.run(self._java("kafka.tools.StorageTool", "format", "-t", identity, "-c", path), check=True,
                       stdout=subprocess.DEVNULL)
        self._start("broker", self._java("kafka.Kafka", path))
        return "127.0.0.1:%d" % port

    def _worker(self, broker, plugins):
        port = pgmini.free_port()
        settings = {"bootstrap.servers": broker, "group.id": "recording", "listeners": "http://127.0.0.1:%d" % port,
                    "offset.storage.partitions": 1, "status.storage.partitions": 1, "offset.flush.interval.ms": 1000,
                    "plugin.path": plugins}
        for side in ("key", "value"):
            settings[side + ".converter"] = "org.apache.kafka.connect.json.JsonConverter"
        for kind in ("config", "offset", "status"):
            settings[kind + ".storage.topic"] = "connect-" + kind
            settings[kind + ".storage.replication.factor"] = 1
        path = self._properties("worker.properties", settings)
        process = self._start("worker", self._java("org.apache.kafka.connect.cli.ConnectDistributed", path))
        base, end = "http://127.0.0.1:%d" % port, time.monotonic() + 180
        while True:
            try:
                with urllib.request.urlopen(base + "/connectors", timeout=2):
                    return base
            except OSError:
                if process.poll() is not None or time.monotonic() > end:
                    raise SystemExit("the Connect worker did not start; see worker.log in " + self.folder)
            time.sleep(0.2)

    def stop(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
