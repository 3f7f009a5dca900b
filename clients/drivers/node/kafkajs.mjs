// Driver for kafkajs: FOLDER BOOTSTRAP, FOLDER being where the library was installed. kafkajs consumes in groups only, so `fetch` is a
// group of its own.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1'

const require = createRequire(`${process.argv[2]}/package.json`)
const { Kafka, CompressionTypes, ConfigResourceTypes, logLevel } = require('kafkajs')

const CODECS = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP }
// TLS and a login, where the suite wants them: mechanism, user, password, ca.
const login = JSON.parse(process.env.SUITE_LOGIN ?? 'null')
const protection = login && {
  ssl: { ca: [readFileSync(login.ca, 'utf-8')] }, sasl: { mechanism: login.mechanism.toLowerCase(), username: login.user, password: login.password },
}
const kafka = new Kafka({ clientId: 'suite', brokers: [process.argv[3]], logLevel: logLevel.NOTHING, retry: { retries: 3 }, ...protection })
const decode = text => (text === null ? null : Buffer.from(text, 'base64'))
const encode = bytes => (bytes === null || bytes === undefined ? null : bytes.toString('base64'))
const sleep = ms => new Promise(done => setTimeout(done, ms))

class Unsupported extends Error {}

let admin
const theAdmin = async () => {
  if (!admin) {
    admin = kafka.admin()
    await admin.connect()
  }
  return admin
}

// A header that repeats is an array in kafkajs; it keeps the order of names.
const headersIn = headers => {
  const all = {}
  for (const [name, value] of headers) {
    const bytes = decode(value)
    if (!(name in all)) all[name] = bytes
    else if (Array.isArray(all[name])) all[name].push(bytes)
    else all[name] = [all[name], bytes]
  }
  return all
}
const headersOut = headers =>
  Object.entries(headers ?? {}).flatMap(([name, value]) => (Array.isArray(value) ? value : [value]).map(one => [name, encode(one)]))

// A consumer that queues what comes and knows what it was assigned.
const consume = async (group, topics, committed, sessionTimeout) => {
  const consumer = kafka.consumer({
    groupId: group, readUncommitted: !committed, sessionTimeout, heartbeatInterval: sessionTimeout / 6, maxWaitTimeInMs: 200,
    maxBytesPerPartition: 4000000, retry: { retries: 5 },
  })
  const state = { consumer, queue: [], assigned: [], taken: new Map(), failure: null }
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    state.assigned = Object.entries(payload.memberAssignment).flatMap(([topic, partitions]) => partitions.map(p => [topic, p]))
    state.joined = true
  })
  consumer.on(consumer.events.CRASH, ({ payload }) => (state.failure = payload.error))
  await consumer.connect()
  await consumer.subscribe({ topics, fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: true,
    eachBatch: async ({ batch, heartbeat }) => {
      for (const message of batch.messages) {
        state.queue.push({
          topic: batch.topic, partition: batch.partition, offset: Number(message.offset), timestamp: Number(message.timestamp),
          key: encode(message.key), value: encode(message.value), headers: headersOut(message.headers),
        })
      }
      await heartbeat()
    },
  })
  return state
}
const take = async (state, count, ms) => {
  const end = Date.now() + ms
  while (state.queue.length < count && Date.now() < end && !state.failure) await sleep(10)
  if (state.failure) throw state.failure
  const records = state.queue.splice(0, count)
  for (const one of records) state.taken.set(`${one.topic} ${one.partition}`, one.offset + 1)
  return records
}

const producers = {}
const producerFor = async idempotent => {
  if (!producers[idempotent]) {
    producers[idempotent] = kafka.producer({ idempotent, allowAutoTopicCreation: false })
    await producers[idempotent].connect()
  }
  return producers[idempotent]
}
let transactional
let transaction
let member

const commands = {
  hello: () => ({ client: 'kafkajs', version: require('kafkajs/package.json').version, lacks: ['null-headers', 'lz4'] }),
  // Topics.
  create_topic: async ({ topic, partitions, config }) => {
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }))
    const made = await (await theAdmin()).createTopics({ topics: [{ topic, numPartitions: partitions, replicationFactor: 1, configEntries }] })
    if (!made) throw new Error('the topic exists')
  },
  delete_topic: async ({ topic }) => void (await (await theAdmin()).deleteTopics({ topics: [topic] })),
  topics: async () => ({ topics: await (await theAdmin()).listTopics() }),
  partitions: async ({ topic }) => ({ count: (await (await theAdmin()).fetchTopicMetadata({ topics: [topic] })).topics[0].partitions.length }),
  add_partitions: async ({ topic, count }) => void (await (await theAdmin()).createPartitions({ topicPartitions: [{ topic, count }] })),
  config: async ({ topic }) => {
    const answer = await (await theAdmin()).describeConfigs({ resources: [{ type: ConfigResourceTypes.TOPIC, name: topic }] })
    return { config: Object.fromEntries(answer.resources[0].configEntries.map(one => [one.configName, one.configValue])) }
  },
  alter_config: async ({ topic, config }) => {
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }))
    await (await theAdmin()).alterConfigs({ resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries }] })
  },
  delete_records: async ({ topic, partition, before }) =>
    void (await (await theAdmin()).deleteTopicRecords({ topic, partitions: [{ partition, offset: String(before) }] })),
  // Producing.
  produce: async ({ topic, records, codec = 'none', acks = -1, idempotent = false, tx = false }) => {
    if (!(codec in CODECS)) throw new Unsupported(`${codec} without a module of its own`)
    const by = tx ? transaction : await producerFor(idempotent)
    const messages = records.map(one => ({
      partition: one.partition, key: decode(one.key), value: decode(one.value), headers: headersIn(one.headers),
      timestamp: one.timestamp === null ? undefined : String(one.timestamp),
    }))
    const placed = await by.send({ topic, acks, compression: CODECS[codec], messages })
    const next = Object.fromEntries(placed.map(one => [one.partition, Number(one.baseOffset)]))
    return { offsets: records.map(one => (one.partition in next ? next[one.partition]++ : null)) }
  },
  tx_init: async ({ id }) => {
    transactional = kafka.producer({ transactionalId: id, idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false })
    await transactional.connect()
  },
  tx_begin: async () => {
    transaction = await transactional.transaction()
  },
  tx_offsets: async ({ group, offsets }) => {
    const topics = offsets.map(([topic, partition, offset]) => ({ topic, partitions: [{ partition, offset: String(offset) }] }))
    await transaction.sendOffsets({ consumerGroupId: group, topics })
  },
  tx_commit: async () => void (await transaction.commit()),
  tx_abort: async () => void (await transaction.abort()),
  // Consuming.
  fetch: async ({ topic, count, start, quiet_ms, committed = false }) => {
    const state = await consume(`fetch-${process.pid}-${Date.now()}`, [topic], committed, 10000)
    const end = Date.now() + 20000
    while (!state.joined && Date.now() < end) await sleep(10)
    const chosen = Object.keys(start)
    for (const partition of chosen) state.consumer.seek({ topic, partition: Number(partition), offset: String(start[partition]) })
    const wanted = chosen.length ? one => chosen.includes(String(one.partition)) && one.offset >= start[one.partition] : () => true
    const records = []
    const until = Date.now() + 30000
    while (records.length < count && Date.now() < until) records.push(...(await take(state, 1000, 20)).filter(wanted))
    await sleep(quiet_ms)
    records.push(...(await take(state, 1000, 0)).filter(wanted))
    await state.consumer.disconnect()
    // A record that came before the seek and again after it.
    const seen = new Set()
    return { records: chosen.length ? records.filter(one => !seen.has(one.offset) && seen.add(one.offset)) : records }
  },
  offsets: async ({ topic, partition, at, committed = false }) => {
    if (committed) throw new Unsupported('kafkajs asks for no last stable offset')
    const fixed = at === 'earliest' || at === 'latest'
    const all = fixed ? await (await theAdmin()).fetchTopicOffsets(topic) : await (await theAdmin()).fetchTopicOffsetsByTimestamp(topic, at)
    const found = all.find(one => one.partition === partition)
    return { offset: Number(at === 'earliest' ? found.low : found.offset) }
  },
  // Groups.
  join: async ({ group, topics, session_ms = 10000, committed = false, instance }) => {
    if (instance) throw new Unsupported('static members')
    member = await consume(group, topics, committed, session_ms)
  },
  poll: async ({ count, ms }) => {
    const records = await take(member, count, ms)
    return { records, assigned: member.assigned }
  },
  commit: async ({ offsets }) => {
    const positions = offsets
      ? offsets.map(([topic, partition, offset, metadata]) => ({ topic, partition, offset: String(offset), metadata }))
      : [...member.taken].map(([place, offset]) => ({ topic: place.split(' ')[0], partition: Number(place.split(' ')[1]), offset: String(offset) }))
    await member.consumer.commitOffsets(positions)
  },
  committed: async ({ group, topic, partition }) => {
    const found = (await (await theAdmin()).fetchOffsets({ groupId: group, topics: [topic] }))[0].partitions.find(one => one.partition === partition)
    return { offset: found && Number(found.offset) >= 0 ? Number(found.offset) : null, metadata: found ? found.metadata : null }
  },
  leave: async () => {
    await member.consumer.disconnect()
    member = null
  },
  groups: async () => ({ groups: (await (await theAdmin()).listGroups()).groups.map(one => one.groupId) }),
  group: async ({ group }) => {
    const found = (await (await theAdmin()).describeGroups([group])).groups[0]
    return { state: found.state, members: found.members.length }
  },
  delete_group: async ({ group }) => void (await (await theAdmin()).deleteGroups([group])),
}

for await (const line of createInterface({ input: process.stdin })) {
  const { do: name, ...command } = JSON.parse(line)
  let reply
  try {
    reply = (await commands[name](command)) ?? {}
  } catch (error) {
    const cause = error.errors?.[0] ?? error.cause ?? error
    reply = error instanceof Unsupported ? { unsupported: error.message } : { error: `${cause.type ?? cause.name} ${cause.message}` }
  }
  process.stdout.write(JSON.stringify(reply) + '\n')
}
process.exit(0)
