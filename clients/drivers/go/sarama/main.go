// Driver for sarama. Its first argument is the bootstrap address.
package main

import (
	"os"
	"runtime/debug"
	"time"

	"clients/serve"

	"github.com/IBM/sarama"
)

var codecs = map[string]sarama.CompressionCodec{
	"none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP, "snappy": sarama.CompressionSnappy, "lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD,
}

type driver struct {
	seeds         []string
	transactional sarama.SyncProducer
	member        *member
}

func main() {
	d := &driver{seeds: os.Args[1:2]}
	serve.Run(d.answer)
	if d.member != nil {
		d.member.close()
	}
}

func version(path string) string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == path {
			return module.Version[1:]
		}
	}
	return "unknown"
}

func config() *sarama.Config {
	config := sarama.NewConfig()
	config.ClientID = "suite"
	config.Version = sarama.V3_6_0_0
	config.Producer.Return.Successes = true
	config.Producer.Partitioner = sarama.NewManualPartitioner
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.MaxMessageBytes = 4_000_000
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Enable = false
	config.Consumer.MaxWaitTime = 250 * time.Millisecond
	if login := serve.Wanted(); login != nil {
		config.Net.TLS.Enable, config.Net.TLS.Config = true, login.TLS()
		config.Net.SASL.Enable, config.Net.SASL.Mechanism = true, sarama.SASLMechanism(login.Mechanism)
		config.Net.SASL.User, config.Net.SASL.Password = login.User, login.Password
		config.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &proof{by: login.Mechanism} }
	}
	return config
}

func (d *driver) admin(act func(sarama.ClusterAdmin) (serve.Reply, error)) (serve.Reply, error) {
	admin, err := sarama.NewClusterAdmin(d.seeds, config())
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	return act(admin)
}

func (d *driver) answer(c serve.Command) (serve.Reply, error) {
	switch c.Do {
	case "hello":
		return serve.Reply{"client": "sarama", "version": version("github.com/IBM/sarama"), "lacks": []string{}}, nil
	case "produce":
		return d.produce(c)
	case "tx_init":
		wanted := config()
		wanted.Producer.Idempotent, wanted.Net.MaxOpenRequests, wanted.Producer.Transaction.ID = true, 1, c.ID
		producer, err := sarama.NewSyncProducer(d.seeds, wanted)
		d.transactional = producer
		return nil, err
	case "tx_begin":
		return nil, d.transactional.BeginTxn()
	case "tx_offsets":
		offsets := map[string][]*sarama.PartitionOffsetMetadata{}
		for _, one := range c.Offsets {
			offsets[one.Topic] = append(offsets[one.Topic], &sarama.PartitionOffsetMetadata{Partition: one.Partition, Offset: one.Offset})
		}
		return nil, d.transactional.AddOffsetsToTxn(offsets, c.Group)
	case "tx_commit":
		return nil, d.transactional.CommitTxn()
	case "tx_abort":
		return nil, d.transactional.AbortTxn()
	case "fetch":
		return d.fetch(c)
	case "offsets":
		return d.offset(c)
	case "join":
		return nil, d.join(c)
	case "poll":
		return d.member.poll(c.Count, time.Duration(c.Ms)*time.Millisecond)
	case "commit":
		return nil, d.member.commit(c.Offsets)
	case "leave":
		err := d.member.close()
		d.member = nil
		return nil, err
	}
	return d.admin(func(admin sarama.ClusterAdmin) (serve.Reply, error) { return administer(admin, c) })
}

func administer(admin sarama.ClusterAdmin, c serve.Command) (serve.Reply, error) {
	switch c.Do {
	case "create_topic":
		entries := map[string]*string{}
		for name, value := range c.Config {
			entries[name] = &value
		}
		return nil, admin.CreateTopic(c.Topic, &sarama.TopicDetail{NumPartitions: c.Partitions, ReplicationFactor: 1, ConfigEntries: entries}, false)
	case "delete_topic":
		return nil, admin.DeleteTopic(c.Topic)
	case "topics":
		found, err := admin.ListTopics()
		names := []string{}
		for name := range found {
			names = append(names, name)
		}
		return serve.Reply{"topics": names}, err
	case "partitions":
		found, err := admin.DescribeTopics([]string{c.Topic})
		if err != nil {
			return nil, err
		}
		return serve.Reply{"count": len(found[0].Partitions)}, nil
	case "add_partitions":
		return nil, admin.CreatePartitions(c.Topic, int32(c.Count), nil, false)
	case "config":
		found, err := admin.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: c.Topic})
		config := map[string]string{}
		for _, entry := range found {
			config[entry.Name] = entry.Value
		}
		return serve.Reply{"config": config}, err
	case "alter_config":
		wanted := map[string]sarama.IncrementalAlterConfigsEntry{}
		for name, value := range c.Config {
			wanted[name] = sarama.IncrementalAlterConfigsEntry{Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &value}
		}
		return nil, admin.IncrementalAlterConfig(sarama.TopicResource, c.Topic, wanted, false)
	case "delete_records":
		return nil, admin.DeleteRecords(c.Topic, map[int32]int64{c.Partition: c.Before})
	case "committed":
		found, err := admin.ListConsumerGroupOffsets(c.Group, map[string][]int32{c.Topic: {c.Partition}})
		if err != nil {
			return nil, err
		}
		block := found.GetBlock(c.Topic, c.Partition)
		if block == nil || block.Offset < 0 {
			return serve.Reply{"offset": nil}, nil
		}
		return serve.Reply{"offset": block.Offset, "metadata": block.Metadata}, nil
	case "groups":
		found, err := admin.ListConsumerGroups()
		names := []string{}
		for name := range found {
			names = append(names, name)
		}
		return serve.Reply{"groups": names}, err
	case "group":
		found, err := admin.DescribeConsumerGroups([]string{c.Group})
		if err != nil {
			return nil, err
		}
		return serve.Reply{"state": found[0].State, "members": len(found[0].Members)}, nil
	case "delete_group":
		return nil, admin.DeleteConsumerGroup(c.Group)
	}
	return nil, serve.Unsupported
}

func (d *driver) produce(c serve.Command) (serve.Reply, error) {
	producer := d.transactional
	if !c.Tx {
		wanted := config()
		wanted.Producer.Compression = codecs[c.Codec]
		wanted.Producer.Idempotent = c.Idempotent
		wanted.Net.MaxOpenRequests = 1
		if c.Acks != nil {
			wanted.Producer.RequiredAcks = sarama.RequiredAcks(*c.Acks)
		}
		made, err := sarama.NewSyncProducer(d.seeds, wanted)
		if err != nil {
			return nil, err
		}
		defer made.Close()
		producer = made
	}
	messages := []*sarama.ProducerMessage{}
	for _, one := range c.Records {
		message := &sarama.ProducerMessage{Topic: c.Topic, Partition: one.Partition}
		if one.Key != nil {
			message.Key = sarama.ByteEncoder(one.Key)
		}
		if one.Value != nil {
			message.Value = sarama.ByteEncoder(one.Value)
		}
		if one.Timestamp != 0 {
			message.Timestamp = time.UnixMilli(one.Timestamp)
		}
		for _, header := range one.Headers {
			message.Headers = append(message.Headers, sarama.RecordHeader{Key: []byte(header.Name), Value: header.Value})
		}
		messages = append(messages, message)
	}
	if err := producer.SendMessages(messages); err != nil {
		if all, is := err.(sarama.ProducerErrors); is {
			return nil, all[0].Err
		}
		return nil, err
	}
	offsets := []int64{}
	for _, message := range messages {
		offsets = append(offsets, message.Offset)
	}
	return serve.Reply{"offsets": offsets}, nil
}

func (d *driver) offset(c serve.Command) (serve.Reply, error) {
	if c.Committed {
		return nil, serve.Unsupported
	}
	client, err := sarama.NewClient(d.seeds, config())
	if err != nil {
		return nil, err
	}
	defer client.Close()
	at, is := c.Time()
	if !is {
		at = map[any]int64{"earliest": sarama.OffsetOldest, "latest": sarama.OffsetNewest}[c.At]
	}
	offset, err := client.GetOffset(c.Topic, c.Partition, at)
	return serve.Reply{"offset": offset}, err
}
