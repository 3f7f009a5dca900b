package main

import (
	"context"
	"sync"
	"time"

	"clients/serve"

	"github.com/segmentio/kafka-go"
)

// member is a consumer of a group: generations follow each other, and each reads what it was assigned.
type member struct {
	d          *driver
	group      *kafka.ConsumerGroup
	stop       context.CancelFunc
	came       chan kafka.Message
	committed  bool
	lock       sync.Mutex
	generation *kafka.Generation
	read       map[string]map[int]int64
}

func (d *driver) join(c serve.Command) error {
	if c.Instance != "" {
		return serve.Unsupported
	}
	session := time.Duration(c.SessionMs) * time.Millisecond
	group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{ID: c.Group, Brokers: []string{d.seed}, Dialer: d.dialer(), Topics: c.Topics,
		HeartbeatInterval: session / 6, SessionTimeout: session, RebalanceTimeout: session, JoinGroupBackoff: 500 * time.Millisecond, StartOffset: kafka.FirstOffset})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	m := &member{d: d, group: group, stop: stop, came: make(chan kafka.Message), committed: c.Committed, read: map[string]map[int]int64{}}
	go m.run(ctx)
	d.member = m
	return nil
}

func (m *member) run(ctx context.Context) {
	for {
		generation, err := m.group.Next(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			continue
		}
		m.lock.Lock()
		m.generation = generation
		m.lock.Unlock()
		for topic, partitions := range generation.Assignments {
			for _, one := range partitions {
				generation.Start(func(ctx context.Context) { m.follow(ctx, topic, one) })
			}
		}
	}
}

// follow reads one partition as long as its generation lives.
func (m *member) follow(ctx context.Context, topic string, one kafka.PartitionAssignment) {
	reader, err := m.d.reader(topic, one.ID, one.Offset, m.committed)
	if err != nil {
		return
	}
	defer reader.Close()
	pass(ctx, reader, m.came)
}

func (m *member) poll(count int, patience time.Duration) serve.Reply {
	records, end := []serve.Record{}, time.After(patience)
	for len(records) < count {
		select {
		case one := <-m.came:
			records = append(records, record(one))
			m.note(m.read, one.Topic, one.Partition, one.Offset+1)
			continue
		case <-end:
		}
		break
	}
	m.lock.Lock()
	defer m.lock.Unlock()
	assigned := [][]any{}
	if m.generation != nil {
		for topic, partitions := range m.generation.Assignments {
			for _, one := range partitions {
				assigned = append(assigned, []any{topic, one.ID})
			}
		}
	}
	return serve.Reply{"records": records, "assigned": assigned}
}

func (m *member) note(all map[string]map[int]int64, topic string, partition int, offset int64) {
	if all[topic] == nil {
		all[topic] = map[int]int64{}
	}
	all[topic][partition] = offset
}

// commit commits the given positions, whose metadata the library does not send, or what was polled.
func (m *member) commit(positions []serve.Position) error {
	m.lock.Lock()
	defer m.lock.Unlock()
	offsets := m.read
	if positions != nil {
		offsets = map[string]map[int]int64{}
		for _, one := range positions {
			m.note(offsets, one.Topic, int(one.Partition), one.Offset)
		}
	}
	return m.generation.CommitOffsets(offsets)
}

func (m *member) close() error {
	m.stop()
	return m.group.Close()
}
