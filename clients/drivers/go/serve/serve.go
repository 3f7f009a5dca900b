// Package serve is the loop of a driver in Go: a command a line from standard input, an answer a line to standard output.
package serve

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// Unsupported says that the library has no way to do it.
var Unsupported = errors.New("the library has no such thing")

// Header is a name and a value that may be null.
type Header struct {
	Name  string
	Value []byte
}

// MarshalJSON writes a header as the pair that the suite uses.
func (h Header) MarshalJSON() ([]byte, error) { return json.Marshal([]any{h.Name, h.Value}) }

// UnmarshalJSON reads that pair.
func (h *Header) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &[]any{&h.Name, &h.Value})
}

// Record is a record to produce, or one that was consumed. Bytes are base64 in JSON, nil is null.
type Record struct {
	Topic     string   `json:"topic"`
	Partition int32    `json:"partition"`
	Offset    int64    `json:"offset"`
	Timestamp int64    `json:"timestamp"`
	Key       []byte   `json:"key"`
	Value     []byte   `json:"value"`
	Headers   []Header `json:"headers"`
}

// Position is [topic, partition, offset, metadata].
type Position struct {
	Topic     string
	Partition int32
	Offset    int64
	Metadata  string
}

// UnmarshalJSON reads the array, whose last element may be missing.
func (p *Position) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &[]any{&p.Topic, &p.Partition, &p.Offset, &p.Metadata})
}

// Command has the arguments of every command.
type Command struct {
	Do         string            `json:"do"`
	ID         string            `json:"id"`
	Topic      string            `json:"topic"`
	Topics     []string          `json:"topics"`
	Partitions int32             `json:"partitions"`
	Partition  int32             `json:"partition"`
	Count      int               `json:"count"`
	Config     map[string]string `json:"config"`
	Before     int64             `json:"before"`
	Records    []Record          `json:"records"`
	Codec      string            `json:"codec"`
	Acks       *int              `json:"acks"`
	Idempotent bool              `json:"idempotent"`
	Tx         bool              `json:"tx"`
	Start      map[int32]int64   `json:"start"`
	QuietMs    int               `json:"quiet_ms"`
	Committed  bool              `json:"committed"`
	At         any               `json:"at"`
	Group      string            `json:"group"`
	Instance   string            `json:"instance"`
	SessionMs  int               `json:"session_ms"`
	Ms         int               `json:"ms"`
	Offsets    []Position        `json:"offsets"`
	Name       string            `json:"name"`
	Class      string            `json:"class"`
	Task       int               `json:"task"`
	Tasks      bool              `json:"tasks"`
}

// Time is `at` as a timestamp; false when it is a name.
func (c Command) Time() (int64, bool) {
	number, is := c.At.(float64)
	return int64(number), is
}

// Login is TLS and a login, where the suite wants them.
type Login struct {
	Mechanism string `json:"mechanism"`
	User      string `json:"user"`
	Password  string `json:"password"`
	CA        string `json:"ca"`
}

// Wanted is the login that the suite wants; nil when there is none.
func Wanted() *Login {
	var login *Login
	if text := os.Getenv("SUITE_LOGIN"); text != "" {
		if err := json.Unmarshal([]byte(text), &login); err != nil {
			panic(err)
		}
	}
	return login
}

// TLS trusts the certificate that the login names.
func (l *Login) TLS() *tls.Config {
	pem, err := os.ReadFile(l.CA)
	if err != nil {
		panic(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

// Reply is an answer.
type Reply map[string]any

// Run answers until standard input ends.
func Run(answer func(Command) (Reply, error)) {
	in := bufio.NewReader(os.Stdin)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		command := Command{Codec: "none", SessionMs: 10000}
		var reply Reply
		if err = json.Unmarshal(line, &command); err == nil {
			reply, err = answer(command)
		}
		if errors.Is(err, Unsupported) {
			reply = Reply{"unsupported": command.Do}
		} else if err != nil {
			reply = Reply{"error": err.Error()}
		} else if reply == nil {
			reply = Reply{}
		}
		text, err := json.Marshal(reply)
		if err != nil {
			text = []byte(`{"error": "an answer that is no JSON"}`)
		}
		fmt.Println(string(text))
	}
}
