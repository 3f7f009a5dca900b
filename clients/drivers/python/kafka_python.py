"""Driver for kafka-python, of 2.0.2 as of 3.x. Its first argument is the bootstrap address."""

import sys
import time

import kafka
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions, NewTopic
from kafka.codec import has_lz4
from kafka.structs import OffsetAndMetadata
from serve import LOGIN, Unsupported, decode, record, serve

WAIT = 30
NEW = int(kafka.__version__.split(".", 1)[0]) >= 3


class KafkaPython:
    def __init__(self, bootstrap):
        self.base = {"bootstrap_servers": bootstrap}
        if LOGIN:
            self.base |= {"security_protocol": "SASL_SSL", "ssl_cafile": LOGIN["ca"], "sasl_mechanism": LOGIN["mechanism"],
                          "sasl_plain_username": LOGIN["user"], "sasl_plain_password": LOGIN["password"]}
        self.admin = None
        self.producers = {}
        self.transactional = None
        self.consumer = None
        self.group_name = None

    def hello(self):
        return {"client": "kafka-python", "version": kafka.__version__, "lacks": ["null-headers", "null-records", *([] if has_lz4() else ["lz4"])]}

    def close(self):
        if self.consumer:
            self.consumer.close()

    def _admin(self):
        # A login that is refused is tried again for so long.
        more = {"bootstrap_timeout_ms": 5000} if LOGIN and NEW else {}
        self.admin = self.admin or KafkaAdminClient(**self.base, **more)
        return self.admin

    # Topics.

    def create_topic(self, topic, partitions, config):
        if NEW:
            self._admin().create_topics({topic: {"num_partitions": partitions, "replication_factor": 1, "configs": config}})
        else:
            self._admin().create_topics([NewTopic(topic, partitions, 1, topic_configs=config)])

    def delete_topic(self, topic):
        self._admin().delete_topics([topic])

    def topics(self):
        return {"topics": sorted(self._admin().list_topics())}

    def partitions(self, topic):
        return {"count": len(self._admin().describe_topics([topic])[0]["partitions"])}

    def add_partitions(self, topic, count):
        self._admin().create_partitions({topic: NewPartitions(count)})

    def config(self, topic):
        answer = self._admin().describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
        if NEW:
            found = answer["topic"][topic]
            return {"config": {name: entry["value"] for name, entry in found.items()}}
        return {"config": {entry[0]: entry[1] for entry in answer[0].resources[0][4]}}

    def alter_config(self, topic, config):
        self._admin().alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=config)])

    def delete_records(self, topic, partition, before):
        if not hasattr(self._admin(), "delete_records"):
            raise Unsupported("deletion of records")
        self._admin().delete_records({TopicPartition(topic, partition): before})

    # Producing.

    def produce(self, topic, records, codec="none", acks=-1, idempotent=False, tx=False):
        producer = self.transactional if tx else self._producer(codec, acks, idempotent)
        sent = [producer.send(topic, partition=one["partition"], key=decode(one["key"]), value=decode(one["value"]), timestamp_ms=one["timestamp"],
                              headers=[(name, decode(value)) for name, value in one["headers"]]) for one in records]
        producer.flush(WAIT)
        return {"offsets": [one.get(WAIT).offset for one in sent]}

    def _producer(self, codec, acks, idempotent):
        if idempotent and not NEW:
            raise Unsupported("idempotence")
        kind = (codec, acks, idempotent)
        if kind not in self.producers:
            more = {"enable_idempotence": idempotent} if NEW else {}
            try:
                self.producers[kind] = KafkaProducer(**self.base, **more, compression_type=None if codec == "none" else codec,
                                                     acks="all" if acks == -1 else acks, linger_ms=2, batch_size=4000, max_request_size=4_000_000,
                                                     max_in_flight_requests_per_connection=5 if idempotent else 1)
            except (AssertionError, RuntimeError) as error:  # raised for a codec whose module is not installed
                raise Unsupported(str(error)) from error
        return self.producers[kind]

    def tx_init(self, id):
        if not NEW:
            raise Unsupported("transactions")
        self.transactional = KafkaProducer(**self.base, transactional_id=id, linger_ms=2)
        self.transactional.init_transactions()

    def tx_begin(self):
        self.transactional.begin_transaction()

    def tx_offsets(self, group, offsets):
        positions = {TopicPartition(t, p): OffsetAndMetadata(o, "", -1) for t, p, o in offsets}
        self.transactional.send_offsets_to_transaction(positions, group)

    def tx_commit(self):
        self.transactional.commit_transaction()

    def tx_abort(self):
        self.transactional.abort_transaction()

    # Consuming.

    def _consumer(self, group, committed, **more):
        isolation = {"isolation_level": "read_committed" if committed else "read_uncommitted"} if NEW else {}
        if committed and not NEW:
            raise Unsupported("read_committed")
        return KafkaConsumer(**self.base, **isolation, group_id=group, enable_auto_commit=False, auto_offset_reset="earliest",
                             max_partition_fetch_bytes=4_000_000, **more)

    def fetch(self, topic, count, start, quiet_ms, committed=False):
        consumer = self._consumer(None, committed)
        chosen = [TopicPartition(topic, int(p)) for p in start] or [TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic)]
        consumer.assign(chosen)
        for one in chosen:
            if str(one.partition) in start:
                consumer.seek(one, start[str(one.partition)])
            else:
                consumer.seek_to_beginning(one)
        records = self._take(consumer, count, WAIT)
        records += self._take(consumer, 1, quiet_ms / 1000)
        consumer.close()
        return {"records": records}

    def _take(self, consumer, count, seconds):
        records, end = [], time.monotonic() + seconds
        while len(records) < count and time.monotonic() < end:
            # Not in small steps: 3.0.12 never learns of an assignment that comes after the end of the poll that asked for it.
            left = max(1, int((end - time.monotonic()) * 1000))
            for batch in consumer.poll(timeout_ms=min(left, 5000), max_records=count - len(records)).values():
                records += [record(one.topic, one.partition, one.offset, one.timestamp, one.key, one.value, one.headers) for one in batch]
        return records

    def offsets(self, topic, partition, at, committed=False):
        consumer, one = self._consumer(None, committed), TopicPartition(topic, partition)
        try:
            if at == "earliest":
                return {"offset": consumer.beginning_offsets([one])[one]}
            if at == "latest":
                return {"offset": consumer.end_offsets([one])[one]}
            found = consumer.offsets_for_times({one: at})[one]
            return {"offset": found.offset if found else None}
        finally:
            consumer.close()

    # Groups.

    def join(self, group, topics, session_ms=10000, committed=False, instance=None):
        self.group_name = group
        if instance and "group_instance_id" not in KafkaConsumer.DEFAULT_CONFIG:
            raise Unsupported("static members")
        static = {"group_instance_id": instance} if instance else {}
        self.consumer = self._consumer(group, committed, **static, session_timeout_ms=session_ms, heartbeat_interval_ms=session_ms // 6)
        self.consumer.subscribe(topics)

    def poll(self, count, ms):
        records = self._take(self.consumer, count, ms / 1000)
        return {"records": records, "assigned": [[one.topic, one.partition] for one in self.consumer.assignment()]}

    def commit(self, offsets):
        note = (lambda o, m: OffsetAndMetadata(o, m, -1)) if NEW else OffsetAndMetadata
        self.consumer.commit(offsets if offsets is None else {TopicPartition(t, p): note(o, m) for t, p, o, m in offsets})

    def committed(self, group, topic, partition):
        consumer = self._consumer(group, NEW)
        found = consumer.committed(TopicPartition(topic, partition), metadata=True)
        consumer.close()
        return {"offset": found.offset if found else None, "metadata": found.metadata if found else None}

    def leave(self):
        self.consumer.close()
        self.consumer = None

    def groups(self):
        if NEW:
            return {"groups": [group["group_id"] for group in self._admin().list_groups()]}
        return {"groups": [name for name, _ in self._admin().list_consumer_groups()]}

    def group(self, group):
        if NEW:
            found = self._admin().describe_groups([group])[group]
            return {"state": found["group_state"], "members": len(found["members"])}
        found = self._admin().describe_consumer_groups([group])[0]
        return {"state": found.state, "members": len(found.members)}

    def delete_group(self, group):
        if NEW:
            self._admin().delete_groups([group])
        else:
            for _, error in self._admin().delete_consumer_groups([group]):
                if error is not kafka.errors.NoError:
                    raise error


serve(KafkaPython(sys.argv[1]))
