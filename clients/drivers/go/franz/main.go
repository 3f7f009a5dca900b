// Driver for franz-go. Its first argument is the bootstrap address.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"clients/serve"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

var codecs = map[string]kgo.CompressionCodec{
	"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
}

type driver struct {
	bootstrap     string
	admin         *kadm.Client
	producers     map[string]*kgo.Client
	transactional *kgo.Client
	member        *member
}

func main() {
	d := &driver{bootstrap: os.Args[1], producers: map[string]*kgo.Client{}}
	d.admin = kadm.NewClient(d.client())
	serve.Run(func(c serve.Command) (serve.Reply, error) {
		ctx, cancel := context.WithTimeout(context.Background(), 45*time.Second)
		defer cancel()
		return d.answer(ctx, c)
	})
	if d.member != nil {
		d.member.Close()
	}
}

func (d *driver) client(more ...kgo.Opt) *kgo.Client {
	options := []kgo.Opt{kgo.SeedBrokers(d.bootstrap), kgo.FetchMaxWait(500 * time.Millisecond)}
	if login := serve.Wanted(); login != nil {
		options = append(options, kgo.DialTLSConfig(login.TLS()), kgo.SASL(mechanism(login)))
	}
	client, err := kgo.NewClient(append(options, more...)...)
	if err != nil {
		panic(err)
	}
	return client
}

func mechanism(login *serve.Login) sasl.Mechanism {
	by := scram.Auth{User: login.User, Pass: login.Password}
	switch login.Mechanism {
	case "SCRAM-SHA-512":
		return by.AsSha512Mechanism()
	case "SCRAM-SHA-256":
		return by.AsSha256Mechanism()
	}
	return plain.Auth{User: login.User, Pass: login.Password}.AsMechanism()
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

func (d *driver) answer(ctx context.Context, c serve.Command) (serve.Reply, error) {
	switch c.Do {
	case "hello":
		return serve.Reply{"client": "franz-go", "version": version("github.com/twmb/franz-go"), "lacks": []string{}}, nil
	case "create_topic":
		config := map[string]*string{}
		for name, value := range c.Config {
			config[name] = kadm.StringPtr(value)
		}
		answer, err := d.admin.CreateTopic(ctx, c.Partitions, 1, config, c.Topic)
		if err == nil {
			err = answer.Err
		}
		return nil, err
	case "delete_topic":
		answer, err := d.admin.DeleteTopic(ctx, c.Topic)
		if err == nil {
			err = answer.Err
		}
		return nil, err
	case "topics":
		found, err := d.admin.ListTopics(ctx)
		return serve.Reply{"topics": found.Names()}, err
	case "partitions":
		found, err := d.admin.ListTopics(ctx, c.Topic)
		return serve.Reply{"count": len(found[c.Topic].Partitions)}, err
	case "add_partitions":
		answer, err := d.admin.UpdatePartitions(ctx, c.Count, c.Topic)
		if err == nil {
			err = answer[c.Topic].Err
		}
		return nil, err
	case "config":
		found, err := d.admin.DescribeTopicConfigs(ctx, c.Topic)
		if err != nil {
			return nil, err
		}
		config := map[string]string{}
		for _, entry := range found[0].Configs {
			config[entry.Key] = entry.MaybeValue()
		}
		return serve.Reply{"config": config}, found[0].Err
	case "alter_config":
		wanted := []kadm.AlterConfig{}
		for name, value := range c.Config {
			wanted = append(wanted, kadm.AlterConfig{Op: kadm.SetConfig, Name: name, Value: kadm.StringPtr(value)})
		}
		answer, err := d.admin.AlterTopicConfigs(ctx, wanted, c.Topic)
		if err == nil {
			err = answer[0].Err
		}
		return nil, err
	case "delete_records":
		answer, err := d.admin.DeleteRecords(ctx, kadm.Offsets{c.Topic: {c.Partition: {Topic: c.Topic, Partition: c.Partition, At: c.Before}}})
		if err == nil {
			err = answer.Error()
		}
		return nil, err
	case "produce":
		return d.produce(ctx, c)
	case "tx_init":
		d.transactional = d.client(kgo.TransactionalID(c.ID), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.TransactionTimeout(60*time.Second))
		_, _, err := d.transactional.ProducerID(ctx)
		return nil, err
	case "tx_begin":
		return nil, d.transactional.BeginTransaction()
	case "tx_commit", "tx_abort":
		if err := d.transactional.Flush(ctx); err != nil {
			return nil, err
		}
		return nil, d.transactional.EndTransaction(ctx, kgo.TransactionEndTry(c.Do == "tx_commit"))
	case "fetch":
		return d.fetch(ctx, c)
	case "offsets":
		return d.offset(ctx, c)
	case "join":
		d.join(c)
		return nil, nil
	case "poll":
		records := take(ctx, d.member.Client, c.Count, time.Duration(c.Ms)*time.Millisecond)
		return serve.Reply{"records": records, "assigned": d.member.assignment()}, nil
	case "commit":
		return nil, d.member.commit(ctx, c.Offsets)
	case "committed":
		found, err := d.admin.FetchOffsets(ctx, c.Group)
		at, there := found.Lookup(c.Topic, c.Partition)
		if !there {
			return serve.Reply{"offset": nil}, err
		}
		return serve.Reply{"offset": at.At, "metadata": at.Metadata}, err
	case "leave":
		d.member.Close()
		d.member = nil
		return nil, nil
	case "groups":
		found, err := d.admin.ListGroups(ctx)
		return serve.Reply{"groups": found.Groups()}, err
	case "group":
		found, err := d.admin.DescribeGroups(ctx, c.Group)
		return serve.Reply{"state": found[c.Group].State, "members": len(found[c.Group].Members)}, err
	case "delete_group":
		answer, err := d.admin.DeleteGroup(ctx, c.Group)
		if err == nil {
			err = answer.Err
		}
		return nil, err
	}
	return nil, serve.Unsupported
}

func isolation(committed bool) kgo.Opt {
	if committed {
		return kgo.FetchIsolationLevel(kgo.ReadCommitted())
	}
	return kgo.FetchIsolationLevel(kgo.ReadUncommitted())
}

func (d *driver) produce(ctx context.Context, c serve.Command) (serve.Reply, error) {
	producer := d.transactional
	if !c.Tx {
		acks := -1
		if c.Acks != nil {
			acks = *c.Acks
		}
		kind := fmt.Sprint(c.Codec, acks, c.Idempotent)
		if d.producers[kind] == nil {
			options := []kgo.Opt{kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(codecs[c.Codec]), kgo.ProducerBatchMaxBytes(4_000_000),
				kgo.RecordRetries(3), kgo.ProducerLinger(2 * time.Millisecond), kgo.RequiredAcks(map[int]kgo.Acks{-1: kgo.AllISRAcks(), 0: kgo.NoAck(), 1: kgo.LeaderAck()}[acks])}
			if !c.Idempotent {
				options = append(options, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(1))
			}
			d.producers[kind] = d.client(options...)
		}
		producer = d.producers[kind]
	}
	records := []*kgo.Record{}
	for _, one := range c.Records {
		record := &kgo.Record{Topic: c.Topic, Partition: one.Partition, Key: one.Key, Value: one.Value}
		if one.Timestamp != 0 {
			record.Timestamp = time.UnixMilli(one.Timestamp)
		}
		for _, header := range one.Headers {
			record.Headers = append(record.Headers, kgo.RecordHeader{Key: header.Name, Value: header.Value})
		}
		records = append(records, record)
	}
	if err := producer.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return nil, err
	}
	offsets := []int64{}
	for _, record := range records {
		offsets = append(offsets, record.Offset)
	}
	return serve.Reply{"offsets": offsets}, nil
}

func take(ctx context.Context, client *kgo.Client, count int, patience time.Duration) []serve.Record {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	records := []serve.Record{}
	for len(records) < count && ctx.Err() == nil {
		client.PollRecords(ctx, count-len(records)).EachRecord(func(one *kgo.Record) {
			record := serve.Record{Topic: one.Topic, Partition: one.Partition, Offset: one.Offset, Timestamp: one.Timestamp.UnixMilli(), Key: one.Key, Value: one.Value,
				Headers: []serve.Header{}}
			for _, header := range one.Headers {
				record.Headers = append(record.Headers, serve.Header{Name: header.Key, Value: header.Value})
			}
			records = append(records, record)
		})
	}
	return records
}

func (d *driver) fetch(ctx context.Context, c serve.Command) (serve.Reply, error) {
	places := map[int32]kgo.Offset{}
	for partition, offset := range c.Start {
		places[partition] = kgo.NewOffset().At(offset)
	}
	if len(places) == 0 {
		found, err := d.admin.ListTopics(ctx, c.Topic)
		if err != nil {
			return nil, err
		}
		for partition := range found[c.Topic].Partitions {
			places[partition] = kgo.NewOffset().AtStart()
		}
	}
	client := d.client(isolation(c.Committed), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{c.Topic: places}))
	defer client.Close()
	records := take(ctx, client, c.Count, 30*time.Second)
	records = append(records, take(ctx, client, 1, time.Duration(c.QuietMs)*time.Millisecond)...)
	return serve.Reply{"records": records}, nil
}

func (d *driver) offset(ctx context.Context, c serve.Command) (serve.Reply, error) {
	var found kadm.ListedOffsets
	var err error
	if time, is := c.Time(); is {
		found, err = d.admin.ListOffsetsAfterMilli(ctx, time, c.Topic)
	} else if c.At == "earliest" {
		found, err = d.admin.ListStartOffsets(ctx, c.Topic)
	} else if c.Committed {
		found, err = d.admin.ListCommittedOffsets(ctx, c.Topic)
	} else {
		found, err = d.admin.ListEndOffsets(ctx, c.Topic)
	}
	at, _ := found.Lookup(c.Topic, c.Partition)
	if err == nil {
		err = at.Err
	}
	return serve.Reply{"offset": at.Offset}, err
}
