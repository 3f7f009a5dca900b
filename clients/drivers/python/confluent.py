"""Driver for confluent-kafka (librdkafka). Its first argument is the bootstrap address."""

import sys
import time

import confluent_kafka as ck
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic, ResourceType
from serve import LOGIN, decode, record, serve

SPECIAL = {"earliest": 0, "latest": 1}
WAIT = 30


class Confluent:
    def __init__(self, bootstrap):
        self.base, self.told = {"bootstrap.servers": bootstrap}, []
        if LOGIN:
            self.base |= {"security.protocol": "SASL_SSL", "ssl.ca.location": LOGIN["ca"], "sasl.mechanism": LOGIN["mechanism"],
                          "sasl.username": LOGIN["user"], "sasl.password": LOGIN["password"], "error_cb": self.told.append}
        self.admin = AdminClient(self.base)
        self.producers = {}
        self.transactional = None
        self.consumer = None
        self.assigned = set()

    def hello(self):
        return {"client": "confluent-kafka", "version": "%s (librdkafka %s)" % (ck.__version__, ck.libversion()[0]), "lacks": []}

    def close(self):
        if self.consumer:
            self.consumer.close()

    # Topics.

    def create_topic(self, topic, partitions, config):
        self.admin.create_topics([NewTopic(topic, partitions, 1, config=config)])[topic].result(WAIT)

    def delete_topic(self, topic):
        self.admin.delete_topics([topic])[topic].result(WAIT)

    def topics(self):
        # The client tries a login again and again: what went wrong it says to a callback only.
        try:
            return {"topics": sorted(self.admin.list_topics(timeout=3 if LOGIN else WAIT).topics)}
        except ck.KafkaException as error:
            self.admin.poll(0)
            raise RuntimeError("%s %s" % (error, self.told)) from error

    def partitions(self, topic):
        return {"count": len(self.admin.list_topics(topic, timeout=WAIT).topics[topic].partitions)}

    def add_partitions(self, topic, count):
        self.admin.create_partitions([NewPartitions(topic, count)])[topic].result(WAIT)

    def config(self, topic):
        resource = ConfigResource(ResourceType.TOPIC, topic)
        entries = self.admin.describe_configs([resource])[resource].result(WAIT)
        return {"config": {name: entry.value for name, entry in entries.items()}}

    def alter_config(self, topic, config):
        entries = [ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in config.items()]
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
        self.admin.incremental_alter_configs([resource])[resource].result(WAIT)

    def delete_records(self, topic, partition, before):
        at = ck.TopicPartition(topic, partition, before)
        return {"low": self.admin.delete_records([at])[at].result(WAIT).low_watermark}

    # Producing.

    def produce(self, topic, records, codec="none", acks=-1, idempotent=False, tx=False):
        producer = self.transactional if tx else self._producer(codec, acks, idempotent)
        offsets, errors = [None] * len(records), []

        def delivered(at):
            def note(error, message):
                if error:
                    errors.append(error)
                else:
                    offsets[at] = message.offset()
            return note
        for at, one in enumerate(records):
            producer.produce(topic, partition=one["partition"], key=decode(one["key"]), value=decode(one["value"]), on_delivery=delivered(at),
                             headers=[(name, decode(value)) for name, value in one["headers"]], timestamp=one["timestamp"] or 0)
        left = producer.flush(WAIT)
        if errors or left:
            raise ck.KafkaException(errors[0] if errors else "%d records were not acknowledged" % left)
        return {"offsets": offsets}

    def _producer(self, codec, acks, idempotent):
        kind = (codec, acks, idempotent)
        if kind not in self.producers:
            self.producers[kind] = ck.Producer({**self.base, "compression.type": codec, "acks": acks, "enable.idempotence": idempotent,
                                                "message.max.bytes": 4_000_000, "linger.ms": 2, "batch.num.messages": 50,
                                                "max.in.flight.requests.per.connection": 5 if idempotent else 1})
        return self.producers[kind]

    def tx_init(self, id):
        self.transactional = ck.Producer({**self.base, "transactional.id": id, "linger.ms": 2})
        self.transactional.init_transactions(WAIT)

    def tx_begin(self):
        self.transactional.begin_transaction()

    def tx_offsets(self, group, offsets):
        positions = [ck.TopicPartition(*one) for one in offsets]
        self.transactional.send_offsets_to_transaction(positions, self.consumer.consumer_group_metadata(), WAIT)

    def tx_commit(self):
        self.transactional.commit_transaction(WAIT)

    def tx_abort(self):
        self.transactional.abort_transaction(WAIT)

    # Consuming.

    def _consumer(self, group, committed, **more):
        return ck.Consumer({**self.base, "group.id": group, "enable.auto.commit": False, "auto.offset.reset": "earliest",
                            "isolation.level": "read_committed" if committed else "read_uncommitted", **more})

    def fetch(self, topic, count, start, quiet_ms, committed=False):
        consumer = self._consumer("nobody", committed)
        partitions = [int(p) for p in start] or list(consumer.list_topics(topic, WAIT).topics[topic].partitions)
        consumer.assign([ck.TopicPartition(topic, p, start.get(str(p), ck.OFFSET_BEGINNING)) for p in partitions])
        records = self._take(consumer, count, WAIT)
        records += self._take(consumer, 1, quiet_ms / 1000)
        consumer.close()
        return {"records": records}

    def _take(self, consumer, count, seconds):
        records, end = [], time.monotonic() + seconds
        while len(records) < count and time.monotonic() < end:
            message = consumer.poll(0.1)
            if message is None:  # an empty message is false
                continue
            if message.error():
                raise ck.KafkaException(message.error())
            records.append(record(message.topic(), message.partition(), message.offset(), message.timestamp()[1],
                                  message.key(), message.value(), message.headers()))
        return records

    def offsets(self, topic, partition, at, committed=False):
        consumer = self._consumer("nobody", committed)
        try:
            if at in SPECIAL:
                return {"offset": consumer.get_watermark_offsets(ck.TopicPartition(topic, partition), WAIT)[SPECIAL[at]]}
            return {"offset": consumer.offsets_for_times([ck.TopicPartition(topic, partition, at)], WAIT)[0].offset}
        finally:
            consumer.close()

    # Groups.

    def join(self, group, topics, session_ms=10000, committed=False, instance=None):
        static = {"group.instance.id": instance} if instance else {}
        self.consumer = self._consumer(group, committed, **static, **{"session.timeout.ms": session_ms, "heartbeat.interval.ms": session_ms // 6})
        self.consumer.subscribe(topics)

    def poll(self, count, ms):
        records = self._take(self.consumer, count, ms / 1000)
        return {"records": records, "assigned": [[p.topic, p.partition] for p in self.consumer.assignment()]}

    def commit(self, offsets):
        if offsets is None:
            self.consumer.commit(asynchronous=False)
        else:
            self.consumer.commit(offsets=[ck.TopicPartition(t, p, o, m) for t, p, o, m in offsets], asynchronous=False)

    def committed(self, group, topic, partition):
        consumer = self._consumer(group, True)
        found = consumer.committed([ck.TopicPartition(topic, partition)], WAIT)[0]
        consumer.close()
        return {"offset": found.offset if found.offset >= 0 else None, "metadata": found.metadata}

    def leave(self):
        self.consumer.close()
        self.consumer = None

    def groups(self):
        return {"groups": [group.group_id for group in self.admin.list_consumer_groups().result(WAIT).valid]}

    def group(self, group):
        found = self.admin.describe_consumer_groups([group])[group].result(WAIT)
        return {"state": found.state.name, "members": len(found.members)}

    def delete_group(self, group):
        self.admin.delete_consumer_groups([group])[group].result(WAIT)


serve(Confluent(sys.argv[1]))
