// Driver for segmentio's kafka-go. Its first argument is the bootstrap address.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"os"
	"runtime/debug"
	"time"

	"clients/serve"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

var codecs = map[string]kafka.Compression{"none": 0, "gzip": kafka.Gzip, "snappy": kafka.Snappy, "lz4": kafka.Lz4, "zstd": kafka.Zstd}

type driver struct {
	seed   string
	tls    *tls.Config
	sasl   sasl.Mechanism
	client *kafka.Client
	member *member
}

func main() {
	d := &driver{seed: os.Args[1]}
	if login := serve.Wanted(); login != nil {
		d.tls, d.sasl = login.TLS(), mechanism(login)
	}
	d.client = &kafka.Client{Addr: kafka.TCP(d.seed), Timeout: 30 * time.Second, Transport: d.transport()}
	serve.Run(func(c serve.Command) (serve.Reply, error) {
		ctx, cancel := context.WithTimeout(context.Background(), 45*time.Second)
		defer cancel()
		return d.answer(ctx, c)
	})
	if d.member != nil {
		d.member.close()
	}
}

func mechanism(login *serve.Login) sasl.Mechanism {
	if login.Mechanism == "PLAIN" {
		return plain.Mechanism{Username: login.User, Password: login.Password}
	}
	by := scram.SHA256
	if login.Mechanism == "SCRAM-SHA-512" {
		by = scram.SHA512
	}
	mechanism, err := scram.Mechanism(by, login.User, login.Password)
	if err != nil {
		panic(err)
	}
	return mechanism
}

func (d *driver) transport() *kafka.Transport { return &kafka.Transport{TLS: d.tls, SASL: d.sasl} }

func (d *driver) dialer() *kafka.Dialer {
	return &kafka.Dialer{Timeout: 10 * time.Second, DualStack: true, TLS: d.tls, SASLMechanism: d.sasl}
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
		return serve.Reply{"client": "kafka-go", "version": version("github.com/segmentio/kafka-go"), "lacks": []string{"empty"}}, nil
	case "create_topic":
		wanted := kafka.TopicConfig{Topic: c.Topic, NumPartitions: int(c.Partitions), ReplicationFactor: 1}
		for name, value := range c.Config {
			wanted.ConfigEntries = append(wanted.ConfigEntries, kafka.ConfigEntry{ConfigName: name, ConfigValue: value})
		}
		answer, err := d.client.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{wanted}})
		if err != nil {
			return nil, err
		}
		return nil, answer.Errors[c.Topic]
	case "delete_topic":
		answer, err := d.client.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: []string{c.Topic}})
		if err != nil {
			return nil, err
		}
		return nil, answer.Errors[c.Topic]
	case "topics":
		found, err := d.client.Metadata(ctx, &kafka.MetadataRequest{})
		if err != nil {
			return nil, err
		}
		names := []string{}
		for _, one := range found.Topics {
			names = append(names, one.Name)
		}
		return serve.Reply{"topics": names}, nil
	case "partitions":
		partitions, err := d.partitions(ctx, c.Topic)
		return serve.Reply{"count": len(partitions)}, err
	case "add_partitions":
		wanted := []kafka.TopicPartitionsConfig{{Name: c.Topic, Count: int32(c.Count)}}
		answer, err := d.client.CreatePartitions(ctx, &kafka.CreatePartitionsRequest{Topics: wanted})
		if err != nil {
			return nil, err
		}
		return nil, answer.Errors[c.Topic]
	case "config":
		wanted := []kafka.DescribeConfigRequestResource{{ResourceType: kafka.ResourceTypeTopic, ResourceName: c.Topic}}
		found, err := d.client.DescribeConfigs(ctx, &kafka.DescribeConfigsRequest{Resources: wanted})
		if err != nil {
			return nil, err
		}
		config := map[string]string{}
		for _, entry := range found.Resources[0].ConfigEntries {
			config[entry.ConfigName] = entry.ConfigValue
		}
		return serve.Reply{"config": config}, found.Resources[0].Error
	case "alter_config":
		wanted := []kafka.IncrementalAlterConfigsRequestConfig{}
		for name, value := range c.Config {
			wanted = append(wanted, kafka.IncrementalAlterConfigsRequestConfig{Name: name, Value: value, ConfigOperation: kafka.ConfigOperationSet})
		}
		resource := kafka.IncrementalAlterConfigsRequestResource{ResourceType: kafka.ResourceTypeTopic, ResourceName: c.Topic, Configs: wanted}
		answer, err := d.client.IncrementalAlterConfigs(ctx, &kafka.IncrementalAlterConfigsRequest{Resources: []kafka.IncrementalAlterConfigsRequestResource{resource}})
		if err != nil {
			return nil, err
		}
		return nil, answer.Resources[0].Error
	case "produce":
		return d.produce(ctx, c)
	case "fetch":
		return d.fetch(ctx, c)
	case "offsets":
		return d.offset(ctx, c)
	case "join":
		return nil, d.join(c)
	case "poll":
		return d.member.poll(c.Count, time.Duration(c.Ms)*time.Millisecond), nil
	case "commit":
		return nil, d.member.commit(c.Offsets)
	case "committed":
		found, err := d.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: c.Group, Topics: map[string][]int{c.Topic: {int(c.Partition)}}})
		if err != nil {
			return nil, err
		}
		for _, one := range found.Topics[c.Topic] {
			if one.CommittedOffset >= 0 {
				return serve.Reply{"offset": one.CommittedOffset}, one.Error
			}
		}
		return serve.Reply{"offset": nil}, found.Error
	case "leave":
		err := d.member.close()
		d.member = nil
		return nil, err
	case "groups":
		found, err := d.client.ListGroups(ctx, &kafka.ListGroupsRequest{})
		if err != nil {
			return nil, err
		}
		names := []string{}
		for _, one := range found.Groups {
			names = append(names, one.GroupID)
		}
		return serve.Reply{"groups": names}, found.Error
	case "group":
		found, err := d.client.DescribeGroups(ctx, &kafka.DescribeGroupsRequest{GroupIDs: []string{c.Group}})
		if err != nil {
			return nil, err
		}
		return serve.Reply{"state": found.Groups[0].GroupState, "members": len(found.Groups[0].Members)}, found.Groups[0].Error
	case "delete_group":
		answer, err := d.client.DeleteGroups(ctx, &kafka.DeleteGroupsRequest{GroupIDs: []string{c.Group}})
		if err != nil {
			return nil, err
		}
		return nil, answer.Errors[c.Group]
	}
	return nil, serve.Unsupported
}

func (d *driver) partitions(ctx context.Context, topic string) ([]int, error) {
	found, err := d.client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return nil, err
	}
	numbers := []int{}
	for _, one := range found.Topics[0].Partitions {
		numbers = append(numbers, one.ID)
	}
	return numbers, found.Topics[0].Error
}

func (d *driver) produce(ctx context.Context, c serve.Command) (serve.Reply, error) {
	if c.Tx || c.Idempotent {
		return nil, serve.Unsupported
	}
	offsets := make([]any, len(c.Records))
	acks := kafka.RequireAll
	if c.Acks != nil {
		acks = kafka.RequiredAcks(*c.Acks)
	}
	// It chooses partitions by a function of the message; what we want to know of each goes with it.
	type place struct{ at, partition int }
	writer := &kafka.Writer{
		Addr: kafka.TCP(d.seed), Transport: d.transport(), Topic: c.Topic, RequiredAcks: acks, Compression: codecs[c.Codec], BatchBytes: 4_000_000,
		BatchTimeout: 2 * time.Millisecond, MaxAttempts: 3,
		Balancer: kafka.BalancerFunc(func(message kafka.Message, _ ...int) int { return message.WriterData.(place).partition }),
		Completion: func(messages []kafka.Message, err error) {
			for _, one := range messages {
				if err == nil && acks != kafka.RequireNone {
					offsets[one.WriterData.(place).at] = one.Offset
				}
			}
		},
	}
	messages := []kafka.Message{}
	for at, one := range c.Records {
		message := kafka.Message{Key: one.Key, Value: one.Value, WriterData: place{at, int(one.Partition)}}
		if one.Timestamp != 0 {
			message.Time = time.UnixMilli(one.Timestamp)
		}
		for _, header := range one.Headers {
			message.Headers = append(message.Headers, kafka.Header{Key: header.Name, Value: header.Value})
		}
		messages = append(messages, message)
	}
	err := writer.WriteMessages(ctx, messages...)
	var each kafka.WriteErrors
	if errors.As(err, &each) {
		for _, one := range each {
			if one != nil {
				err = one
			}
		}
	}
	closed := writer.Close()
	if err == nil {
		err = closed
	}
	return serve.Reply{"offsets": offsets}, err
}

func record(one kafka.Message) serve.Record {
	record := serve.Record{Topic: one.Topic, Partition: int32(one.Partition), Offset: one.Offset, Timestamp: one.Time.UnixMilli(), Key: one.Key, Value: one.Value,
		Headers: []serve.Header{}}
	for _, header := range one.Headers {
		record.Headers = append(record.Headers, serve.Header{Name: header.Key, Value: header.Value})
	}
	return record
}

// reader reads one partition from an offset.
func (d *driver) reader(topic string, partition int, offset int64, committed bool) (*kafka.Reader, error) {
	isolation := kafka.ReadUncommitted
	if committed {
		isolation = kafka.ReadCommitted
	}
	reader := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{d.seed}, Dialer: d.dialer(), Topic: topic, Partition: partition, MinBytes: 1, MaxBytes: 4_000_000,
		MaxWait: 250 * time.Millisecond, IsolationLevel: isolation, ReadBatchTimeout: 2 * time.Second})
	return reader, reader.SetOffset(offset)
}

func (d *driver) fetch(ctx context.Context, c serve.Command) (serve.Reply, error) {
	if len(c.Start) == 0 {
		partitions, err := d.partitions(ctx, c.Topic)
		if err != nil {
			return nil, err
		}
		c.Start = map[int32]int64{}
		for _, partition := range partitions {
			c.Start[int32(partition)] = kafka.FirstOffset
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	came := make(chan kafka.Message, 1000)
	for partition, offset := range c.Start {
		reader, err := d.reader(c.Topic, int(partition), offset, c.Committed)
		if err != nil {
			return nil, err
		}
		defer reader.Close()
		go pass(ctx, reader, came)
	}
	records, end := []serve.Record{}, time.After(30*time.Second)
	for {
		if len(records) == c.Count {
			end = time.After(time.Duration(c.QuietMs) * time.Millisecond)
		}
		select {
		case one := <-came:
			records = append(records, record(one))
		case <-end:
			return serve.Reply{"records": records}, nil
		}
	}
}

// pass hands on what comes until the context ends.
func pass(ctx context.Context, reader *kafka.Reader, to chan<- kafka.Message) {
	for {
		one, err := reader.ReadMessage(ctx)
		if err != nil {
			return
		}
		select {
		case to <- one:
		case <-ctx.Done():
			return
		}
	}
}

func (d *driver) offset(ctx context.Context, c serve.Command) (serve.Reply, error) {
	partition := int(c.Partition)
	wanted := kafka.LastOffsetOf(partition)
	if at, is := c.Time(); is {
		wanted = kafka.TimeOffsetOf(partition, time.UnixMilli(at))
	} else if c.At == "earliest" {
		wanted = kafka.FirstOffsetOf(partition)
	}
	isolation := kafka.ReadUncommitted
	if c.Committed {
		isolation = kafka.ReadCommitted
	}
	found, err := d.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{c.Topic: {wanted}}, IsolationLevel: isolation})
	if err != nil {
		return nil, err
	}
	one := found.Topics[c.Topic][0]
	offset := one.LastOffset
	if _, is := c.Time(); is {
		offset = -1
		for at := range one.Offsets {
			offset = at
		}
	} else if c.At == "earliest" {
		offset = one.FirstOffset
	}
	return serve.Reply{"offset": offset}, one.Error
}
