package main

import (
	"context"
	"sync"
	"time"

	"clients/serve"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// member is a consumer of a group and what the group gave it.
type member struct {
	*kgo.Client
	lock     sync.Mutex
	assigned map[string]map[int32]bool
}

func (d *driver) join(c serve.Command) {
	m := &member{assigned: map[string]map[int32]bool{}}
	gained := func(_ context.Context, _ *kgo.Client, parts map[string][]int32) { m.note(parts, true) }
	lost := func(_ context.Context, _ *kgo.Client, parts map[string][]int32) { m.note(parts, false) }
	session := time.Duration(c.SessionMs) * time.Millisecond
	options := []kgo.Opt{}
	if c.Instance != "" {
		options = append(options, kgo.InstanceID(c.Instance))
	}
	m.Client = d.client(append(options, isolation(c.Committed), kgo.ConsumerGroup(c.Group), kgo.ConsumeTopics(c.Topics...), kgo.DisableAutoCommit(),
		kgo.SessionTimeout(session), kgo.HeartbeatInterval(session/6), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.OnPartitionsAssigned(gained), kgo.OnPartitionsRevoked(lost), kgo.OnPartitionsLost(lost))...)
	d.member = m
}

func (m *member) note(parts map[string][]int32, ours bool) {
	m.lock.Lock()
	defer m.lock.Unlock()
	for topic, partitions := range parts {
		if m.assigned[topic] == nil {
			m.assigned[topic] = map[int32]bool{}
		}
		for _, partition := range partitions {
			m.assigned[topic][partition] = ours
		}
	}
}

// assignment is what the group gave this member, as pairs.
func (m *member) assignment() [][]any {
	m.lock.Lock()
	defer m.lock.Unlock()
	pairs := [][]any{}
	for topic, partitions := range m.assigned {
		for partition, ours := range partitions {
			if ours {
				pairs = append(pairs, []any{topic, partition})
			}
		}
	}
	return pairs
}

// commit commits the given positions with their metadata, or what was polled.
func (m *member) commit(ctx context.Context, positions []serve.Position) error {
	if positions == nil {
		return m.CommitUncommittedOffsets(ctx)
	}
	offsets, notes := map[string]map[int32]kgo.EpochOffset{}, map[string]map[int32]string{}
	for _, one := range positions {
		if offsets[one.Topic] == nil {
			offsets[one.Topic], notes[one.Topic] = map[int32]kgo.EpochOffset{}, map[int32]string{}
		}
		offsets[one.Topic][one.Partition] = kgo.EpochOffset{Epoch: -1, Offset: one.Offset}
		notes[one.Topic][one.Partition] = one.Metadata
	}
	ctx = kgo.PreCommitFnContext(ctx, func(request *kmsg.OffsetCommitRequest) error {
		for t := range request.Topics {
			for p := range request.Topics[t].Partitions {
				note := notes[request.Topics[t].Topic][request.Topics[t].Partitions[p].Partition]
				request.Topics[t].Partitions[p].Metadata = &note
			}
		}
		return nil
	})
	var failure error
	m.CommitOffsetsSync(ctx, offsets, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, _ *kmsg.OffsetCommitResponse, err error) {
		failure = err
	})
	return failure
}
