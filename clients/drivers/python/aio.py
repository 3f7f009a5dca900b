"""Driver for aiokafka. Its first argument is the bootstrap address."""

import asyncio
import inspect
import sys
import threading
import time

import aiokafka
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.helpers import create_ssl_context
from aiokafka.structs import OffsetAndMetadata
from serve import LOGIN, Unsupported, decode, record, serve

WAIT = 30


class Aio:
    """Every command is a coroutine; `Blocking` below runs them on one loop."""

    def __init__(self, bootstrap):
        self.base = {"bootstrap_servers": bootstrap}
        if LOGIN:
            self.base |= {"security_protocol": "SASL_SSL", "ssl_context": create_ssl_context(cafile=LOGIN["ca"]), "sasl_mechanism": LOGIN["mechanism"],
                          "sasl_plain_username": LOGIN["user"], "sasl_plain_password": LOGIN["password"]}
        self.admin = None
        self.producers = {}
        self.transactional = None
        self.consumer = None

    async def hello(self):
        return {"client": "aiokafka", "version": aiokafka.__version__, "lacks": ["null-headers", "null-records"]}

    async def close(self):
        started = [self.consumer, self.transactional, self.admin, *self.producers.values()]
        for one in started:
            if one is self.admin and one:
                await one.close()
            elif one:
                await one.stop()

    async def _admin(self):
        if self.admin is None:
            self.admin = AIOKafkaAdminClient(**self.base)
            await self.admin.start()
        return self.admin

    # Topics.

    async def create_topic(self, topic, partitions, config):
        answer = await (await self._admin()).create_topics([NewTopic(topic, partitions, 1, topic_configs=config)])
        for _, code, message in answer.topic_errors:
            if code:
                raise aiokafka.errors.for_code(code)(message)

    async def delete_topic(self, topic):
        await (await self._admin()).delete_topics([topic])

    async def topics(self):
        return {"topics": await (await self._admin()).list_topics()}

    async def partitions(self, topic):
        return {"count": len((await (await self._admin()).describe_topics([topic]))[0]["partitions"])}

    async def add_partitions(self, topic, count):
        await (await self._admin()).create_partitions({topic: NewPartitions(count)})

    async def config(self, topic):
        answer = await (await self._admin()).describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
        return {"config": {entry[0]: entry[1] for entry in answer[0].resources[0][4]}}

    async def alter_config(self, topic, config):
        await (await self._admin()).alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=config)])

    async def delete_records(self, topic, partition, before):
        await (await self._admin()).delete_records({TopicPartition(topic, partition): RecordsToDelete(before)})

    # Producing.

    async def produce(self, topic, records, codec="none", acks=-1, idempotent=False, tx=False):
        producer = self.transactional if tx else await self._producer(codec, acks, idempotent)
        sent = [await producer.send(topic, partition=one["partition"], key=decode(one["key"]), value=decode(one["value"]), timestamp_ms=one["timestamp"],
                                    headers=[(name, decode(value)) for name, value in one["headers"]]) for one in records]
        await producer.flush()
        done = await asyncio.wait_for(asyncio.gather(*sent), WAIT)
        return {"offsets": [one.offset if one else None for one in done]}

    async def _producer(self, codec, acks, idempotent):
        kind = (codec, acks, idempotent)
        if kind not in self.producers:
            try:
                producer = AIOKafkaProducer(**self.base, compression_type=None if codec == "none" else codec, acks="all" if acks == -1 else acks,
                                            enable_idempotence=idempotent, linger_ms=2, max_batch_size=4000, max_request_size=4_000_000)
            except RuntimeError as error:  # raised for a codec whose module is not installed
                raise Unsupported(str(error)) from error
            await producer.start()
            self.producers[kind] = producer
        return self.producers[kind]

    async def tx_init(self, id):
        self.transactional = AIOKafkaProducer(**self.base, transactional_id=id, linger_ms=2)
        await self.transactional.start()

    async def tx_begin(self):
        await self.transactional.begin_transaction()

    async def tx_offsets(self, group, offsets):
        await self.transactional.send_offsets_to_transaction({TopicPartition(t, p): o for t, p, o in offsets}, group)

    async def tx_commit(self):
        await self.transactional.commit_transaction()

    async def tx_abort(self):
        await self.transactional.abort_transaction()

    # Consuming.

    def _consumer(self, group, committed, **more):
        return AIOKafkaConsumer(**self.base, group_id=group, enable_auto_commit=False, auto_offset_reset="earliest", max_partition_fetch_bytes=4_000_000,
                                isolation_level="read_committed" if committed else "read_uncommitted", **more)

    async def fetch(self, topic, count, start, quiet_ms, committed=False):
        consumer = self._consumer(None, committed)
        await consumer.start()
        numbers = [int(p) for p in start] or range((await self.partitions(topic))["count"])
        chosen = [TopicPartition(topic, number) for number in numbers]
        consumer.assign(chosen)
        for one in chosen:
            if str(one.partition) in start:
                consumer.seek(one, start[str(one.partition)])
            else:
                await consumer.seek_to_beginning(one)
        records = await self._take(consumer, count, WAIT)
        records += await self._take(consumer, 1, quiet_ms / 1000)
        await consumer.stop()
        return {"records": records}

    async def _take(self, consumer, count, seconds):
        records, end = [], time.monotonic() + seconds
        while len(records) < count and time.monotonic() < end:
            for batch in (await consumer.getmany(timeout_ms=100, max_records=count - len(records))).values():
                records += [record(one.topic, one.partition, one.offset, one.timestamp, one.key, one.value, one.headers) for one in batch]
        return records

    async def offsets(self, topic, partition, at, committed=False):
        consumer, one = self._consumer(None, committed), TopicPartition(topic, partition)
        await consumer.start()
        try:
            if at == "earliest":
                return {"offset": (await consumer.beginning_offsets([one]))[one]}
            if at == "latest":
                return {"offset": (await consumer.end_offsets([one]))[one]}
            found = (await consumer.offsets_for_times({one: at}))[one]
            return {"offset": found.offset if found else None}
        finally:
            await consumer.stop()

    # Groups.

    async def join(self, group, topics, session_ms=10000, committed=False, instance=None):
        self.consumer = self._consumer(group, committed, group_instance_id=instance, session_timeout_ms=session_ms, heartbeat_interval_ms=session_ms // 6)
        self.consumer.subscribe(topics)
        await self.consumer.start()

    async def poll(self, count, ms):
        records = await self._take(self.consumer, count, ms / 1000)
        return {"records": records, "assigned": [[one.topic, one.partition] for one in self.consumer.assignment()]}

    async def commit(self, offsets):
        await self.consumer.commit(offsets and {TopicPartition(t, p): OffsetAndMetadata(o, m) for t, p, o, m in offsets})

    async def committed(self, group, topic, partition):
        found = (await (await self._admin()).list_consumer_group_offsets(group)).get(TopicPartition(topic, partition))
        return {"offset": found.offset if found else None, "metadata": found.metadata if found else None}

    async def leave(self):
        await self.consumer.stop()
        self.consumer = None

    async def groups(self):
        return {"groups": [one[0] for one in await (await self._admin()).list_consumer_groups()]}

    async def group(self, group):
        answer = (await (await self._admin()).describe_consumer_groups([group]))[0].groups[0]
        return {"state": answer[2], "members": len(answer[5])}


class Blocking:
    """The driver with plain methods. The loop also runs between commands, for heartbeats."""

    def __init__(self, bootstrap):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.driver = Aio(bootstrap)

    def __getattr__(self, name):
        method = getattr(self.driver, name)
        if not inspect.iscoroutinefunction(method):
            raise AttributeError(name)
        return lambda **command: asyncio.run_coroutine_threadsafe(method(**command), self.loop).result()


serve(Blocking(sys.argv[1]))
