package main

import "github.com/xdg-go/scram"

// proof is SCRAM as sarama's documentation has it: the library leaves it to its users.
type proof struct {
	by           string
	conversation *scram.ClientConversation
}

// Begin starts for a user.
func (p *proof) Begin(user, password, authorization string) error {
	digest := scram.SHA256
	if p.by == "SCRAM-SHA-512" {
		digest = scram.SHA512
	}
	client, err := digest.NewClient(user, password, authorization)
	if err == nil {
		p.conversation = client.NewConversation()
	}
	return err
}

// Step answers a challenge.
func (p *proof) Step(challenge string) (string, error) { return p.conversation.Step(challenge) }

// Done says whether the server has proven itself.
func (p *proof) Done() bool { return p.conversation.Done() }
