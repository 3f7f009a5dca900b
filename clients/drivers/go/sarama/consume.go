package main

import (
	"context"
	"sync"
	"time"

	"clients/serve"

	"github.com/IBM/sarama"
)

func record(one *sarama.ConsumerMessage) serve.Record {
	record := serve.Record{Topic: one.Topic, Partition: one.Partition, Offset: one.Offset, Timestamp: one.Timestamp.UnixMilli(), Key: one.Key, Value: one.Value,
		Headers: []serve.Header{}}
	for _, header := range one.Headers {
		record.Headers = append(record.Headers, serve.Header{Name: string(header.Key), Value: header.Value})
	}
	return record
}

func consuming(committed bool) *sarama.Config {
	wanted := config()
	wanted.Consumer.Return.Errors = true
	if committed {
		wanted.Consumer.IsolationLevel = sarama.ReadCommitted
	}
	return wanted
}

func (d *driver) fetch(c serve.Command) (serve.Reply, error) {
	consumer, err := sarama.NewConsumer(d.seeds, consuming(c.Committed))
	if err != nil {
		return nil, err
	}
	defer consumer.Close()
	if len(c.Start) == 0 {
		partitions, err := consumer.Partitions(c.Topic)
		if err != nil {
			return nil, err
		}
		c.Start = map[int32]int64{}
		for _, partition := range partitions {
			c.Start[partition] = sarama.OffsetOldest
		}
	}
	came, failed := make(chan serve.Record, 1000), make(chan error, 10)
	stop := make(chan struct{})
	for partition, offset := range c.Start {
		part, err := consumer.ConsumePartition(c.Topic, partition, offset)
		if err != nil {
			return nil, err
		}
		defer part.AsyncClose()
		go func() {
			for {
				select {
				case one := <-part.Messages():
					if one != nil {
						came <- record(one)
					}
				case err := <-part.Errors():
					if err != nil {
						failed <- err
					}
				case <-stop:
					return
				}
			}
		}()
	}
	defer close(stop)
	records := []serve.Record{}
	end := time.After(30 * time.Second)
	for {
		if len(records) == c.Count {
			end = time.After(time.Duration(c.QuietMs) * time.Millisecond)
		}
		select {
		case one := <-came:
			records = append(records, one)
		case err := <-failed:
			return nil, err
		case <-end:
			return serve.Reply{"records": records}, nil
		}
	}
}

// member is a consumer of a group: sarama calls it, it keeps what comes until it is asked.
type member struct {
	group   sarama.ConsumerGroup
	stop    context.CancelFunc
	ended   chan struct{}
	came    chan *sarama.ConsumerMessage
	lock    sync.Mutex
	session sarama.ConsumerGroupSession
	read    map[serve.Position]int64
}

func (d *driver) join(c serve.Command) error {
	wanted := consuming(c.Committed)
	wanted.Consumer.Group.Session.Timeout = time.Duration(c.SessionMs) * time.Millisecond
	wanted.Consumer.Group.InstanceId = c.Instance
	wanted.Consumer.Group.Heartbeat.Interval = wanted.Consumer.Group.Session.Timeout / 6
	group, err := sarama.NewConsumerGroup(d.seeds, c.Group, wanted)
	if err != nil {
		return err
	}
	go func() {
		for range group.Errors() {
		}
	}()
	ctx, stop := context.WithCancel(context.Background())
	m := &member{group: group, stop: stop, ended: make(chan struct{}), came: make(chan *sarama.ConsumerMessage), read: map[serve.Position]int64{}}
	go func() {
		defer close(m.ended)
		for ctx.Err() == nil {
			if err := group.Consume(ctx, c.Topics, m); err != nil {
				time.Sleep(100 * time.Millisecond)
			}
		}
	}()
	d.member = m
	return nil
}

// Setup notes the session, whose claims are the assignment.
func (m *member) Setup(session sarama.ConsumerGroupSession) error {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.session = session
	return nil
}

// Cleanup forgets it.
func (m *member) Cleanup(sarama.ConsumerGroupSession) error {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.session = nil
	return nil
}

// ConsumeClaim hands the messages of one partition over.
func (m *member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case one, open := <-claim.Messages():
			if !open {
				return nil
			}
			select {
			case m.came <- one:
			case <-session.Context().Done():
				return nil
			}
		case <-session.Context().Done():
			return nil
		}
	}
}

func (m *member) poll(count int, patience time.Duration) (serve.Reply, error) {
	records, end := []serve.Record{}, time.After(patience)
	for len(records) < count {
		select {
		case one := <-m.came:
			records = append(records, record(one))
			m.read[serve.Position{Topic: one.Topic, Partition: one.Partition}] = one.Offset + 1
			continue
		case <-end:
		}
		break
	}
	assigned := [][]any{}
	m.lock.Lock()
	defer m.lock.Unlock()
	if m.session != nil {
		for topic, partitions := range m.session.Claims() {
			for _, partition := range partitions {
				assigned = append(assigned, []any{topic, partition})
			}
		}
	}
	return serve.Reply{"records": records, "assigned": assigned}, nil
}

func (m *member) commit(positions []serve.Position) error {
	m.lock.Lock()
	defer m.lock.Unlock()
	if m.session == nil {
		return sarama.ErrNotConnected
	}
	for _, one := range positions {
		m.session.MarkOffset(one.Topic, one.Partition, one.Offset, one.Metadata)
	}
	if positions == nil {
		for place, offset := range m.read {
			m.session.MarkOffset(place.Topic, place.Partition, offset, "")
		}
	}
	m.session.Commit()
	return nil
}

func (m *member) close() error {
	m.stop()
	<-m.ended
	return m.group.Close()
}
