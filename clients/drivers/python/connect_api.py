#!/usr/bin/env python3
"""Driver for kafka-connect-api from PyPI. Its argument is the address of Connect's REST."""

import sys
from importlib.metadata import version

from kafka_connect_api.kafka_connect_api import Api, Cluster, Connector

from serve import serve


class Connect:
    def __init__(self, rest):
        self.api = Api(url=rest, port=int(rest.rsplit(":", 1)[1]))
        self.cluster = Cluster(self.api)

    def one(self, name):
        return Connector(self.cluster, name)

    def hello(self):
        return {"client": "kafka-connect-api", "version": version("kafka-connect-api")}

    def root(self):
        return {"version": self.cluster.version, "cluster": self.cluster.kafka_cluster}

    def plugins(self):
        return {"classes": [plugin["class"] for plugin in self.api.get("/connector-plugins")]}

    def loggers(self):
        return {"loggers": list(self.cluster.loggers)}

    def list(self):
        return {"names": list(self.cluster.connectors)}

    def create(self, name, config):
        return self.api.post("/connectors", json={"name": name, "config": config})

    def get(self, name):
        got = self.api.get("/connectors/%s" % name)
        return {**got, "tasks": len(got["tasks"])}

    def configuration(self, name):
        return {"config": self.one(name).config}

    def status(self, name):
        one = self.one(name)
        status = one.status
        return {"state": status["connector"]["state"], "tasks": [task["state"] for task in status["tasks"]]}

    def tasks(self, name):
        return {"ids": [task.id for task in self.one(name).tasks]}

    def task_status(self, name, task):
        return self.api.get("/connectors/%s/tasks/%d/status" % (name, task))

    def update(self, name, config):
        # The setter of the library prints what is refused; this is the call that it makes.
        return self.api.put("/connectors/%s/config" % name, json=config)

    def pause(self, name):
        self.one(name).pause()

    def resume(self, name):
        self.one(name).resume()

    def restart(self, name, tasks):
        if tasks:
            self.one(name).restart_all_tasks()
        else:
            self.one(name).restart()

    def restart_task(self, name, task):
        next(one for one in self.one(name).tasks if one.id == task).restart()

    def delete(self, name):
        self.one(name).delete()

    def validate(self, config, **named):
        answer = self.api.put("/connector-plugins/%s/config/validate" % named["class"], json=config)
        wrong = {one["value"]["name"]: one["value"]["errors"] for one in answer["configs"] if one["value"]["errors"]}
        return {"count": answer["error_count"], "wrong": wrong}

    def close(self):
        pass


serve(Connect(sys.argv[-1]))
