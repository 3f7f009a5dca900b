#!/usr/bin/env python3
"""Driver for kafka-connect-py from PyPI. Its argument is the address of Connect's REST."""

import sys
from importlib.metadata import version

from kafka_connect import KafkaConnect

from serve import serve


class Connect:
    def __init__(self, rest):
        self.rest = KafkaConnect(url=rest)

    def hello(self):
        return {"client": "kafka-connect-py", "version": version("kafka-connect-py")}

    def root(self):
        root = self.rest.get_cluster_info()
        return {"version": root["version"], "cluster": root["kafka_cluster_id"]}

    def plugins(self):
        return {"classes": [plugin["class"] for plugin in self.rest.list_connector_plugins()]}

    def list(self):
        return {"names": self.rest.list_connectors()}

    def expanded(self):
        statuses, infos = self.rest.list_connectors(expand="status"), self.rest.list_connectors(expand="info")
        return {"connectors": {name: {"state": statuses[name]["status"]["connector"]["state"], "type": info["info"]["type"]}
                               for name, info in infos.items()}}

    def create(self, name, config):
        return self.rest.create_connector({"name": name, "config": config})

    def get(self, name):
        got = self.rest.get_connector(name)
        return {**got, "tasks": len(got["tasks"])}

    def configuration(self, name):
        return {"config": self.rest.get_connector_config(name)}

    def status(self, name):
        status = self.rest.get_connector_status(name)
        return {"state": status["connector"]["state"], "tasks": [task["state"] for task in status["tasks"]]}

    def tasks(self, name):
        return {"ids": [task["id"]["task"] for task in self.rest.list_connector_tasks(name)]}

    def task_status(self, name, task):
        return self.rest.get_connector_task_status(name, task)

    def update(self, name, config):
        return self.rest.update_connector(name, config)

    def pause(self, name):
        self.rest.pause_connector(name)

    def resume(self, name):
        self.rest.resume_connector(name)

    def stop(self, name):
        self.rest.stop_connector(name)

    def restart(self, name, tasks):
        self.rest.restart_connector(name, include_tasks=tasks)

    def restart_task(self, name, task):
        self.rest.restart_connector_task(name, task)

    def topics(self, name):
        return {"topics": self.rest.list_connector_topics(name)[name]["topics"]}

    def reset_topics(self, name):
        self.rest.reset_connector_topics(name)

    def delete(self, name):
        self.rest.delete_connector(name)

    def validate(self, config, **named):
        answer = self.rest.validate_connector_config(named["class"], config)
        wrong = {one["value"]["name"]: one["value"]["errors"] for one in answer["configs"] if one["value"]["errors"]}
        return {"count": answer["error_count"], "wrong": wrong}

    def close(self):
        pass


serve(Connect(sys.argv[-1]))
