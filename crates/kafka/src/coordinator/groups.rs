//! Groups: joining, staying, leaving, and looking at them.

use super::Waiter;
use super::keys::Key;
use super::store::{entry, gone};
use super::{Coordinator, Inner, Shared};
use crate::group::{Answer, Answers, Caller, JoinRefused, JoinRequest, Joined, Known, State, SyncRequest, Synced};
use bytes::Bytes;
use tailwater_journal::Sequence;
use tailwater_wire::error_code::ErrorCode;
use tokio::sync::oneshot;

/// A group as DescribeGroups shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// Where it stands.
    pub state: State,
    /// What kind of group it is; empty when only offsets were committed under its name.
    pub protocol_type: String,
    /// The protocol of a stable generation.
    pub protocol: String,
    /// Its members.
    pub members: Vec<DescribedMember>,
}

/// A member as DescribeGroups shows it; what only a stable generation knows is empty before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedMember {
    /// Its id.
    pub id: String,
    /// `group.instance.id`.
    pub instance: Option<String>,
    /// `client.id`.
    pub client_id: String,
    /// Address of the client.
    pub client_host: String,
    /// Its subscription.
    pub metadata: Bytes,
    /// Its part.
    pub assignment: Bytes,
}

/// A group as ListGroups shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// What kind of group it is; empty when only offsets were committed under its name.
    pub protocol_type: String,
    /// Where it stands.
    pub state: State,
}

impl Coordinator {
    /// A member joins; answers when its generation begins.
    pub async fn join(&self, group: String, request: JoinRequest) -> Result<Joined, JoinRefused> {
        let member_id = request.member_id.clone();
        let refused = |error| JoinRefused { error, member_id };
        let answer =
            self.ask(group, move |inner, name, waiter, now| inner.groups.join(name, waiter, request, now)).await;
        match answer {
            Ok(Answer::Join(answer)) => answer,
            Ok(Answer::Sync(_)) => Err(refused(ErrorCode::UNKNOWN_SERVER_ERROR)),
            Err(error) => Err(refused(error)),
        }
    }

    /// A member asks for its part; answers when the leader has brought it.
    pub async fn sync(&self, group: String, request: SyncRequest) -> Result<Synced, ErrorCode> {
        let answer =
            self.ask(group, move |inner, name, waiter, now| inner.groups.sync(name, waiter, request, now)).await;
        match answer? {
            Answer::Sync(answer) => answer,
            Answer::Join(_) => Err(ErrorCode::UNKNOWN_SERVER_ERROR),
        }
    }

    /// Asks a group something that it may answer later.
    async fn ask(
        &self,
        group: String,
        ask: impl FnOnce(&mut Inner, &str, Waiter, u64) -> Answers<Waiter> + Send + 'static,
    ) -> Result<Answer, ErrorCode> {
        let (waiter, answer) = oneshot::channel();
        self.locked(move |inner, shared| {
            let answers = ask(inner, &group, waiter, shared.time.now());
            inner.after(shared, &group, answers);
        })
        .await?;
        // Every waiter is answered, unless the process ends.
        let (answer, written) = answer.await.map_err(|_| ErrorCode::COORDINATOR_NOT_AVAILABLE)?;
        self.shared.store.durable(written).await?;
        Ok(answer)
    }

    /// A member is alive.
    pub async fn heartbeat(&self, group: String, caller: Caller) -> Result<(), ErrorCode> {
        self.locked(move |inner, shared| inner.groups.heartbeat(&group, &caller, shared.time.now())).await?
    }

    /// Members leave, by id or instance; one result for each.
    pub async fn leave(
        &self,
        group: String,
        leaving: Vec<(String, Option<String>)>,
    ) -> Result<Vec<Result<(), ErrorCode>>, ErrorCode> {
        self.locked(move |inner, shared| {
            let (results, answers) = inner.groups.leave(&group, &leaving, shared.time.now());
            inner.after(shared, &group, answers);
            results
        })
        .await
    }

    /// A group, if it is there.
    pub fn describe(&self, group: &str) -> Option<Described> {
        self.shared.lock().groups.get(group).map(describe)
    }

    /// All groups.
    pub fn groups(&self) -> Vec<Listed> {
        let inner = self.shared.lock();
        let listed = |(name, known): (&str, &Known<Waiter>)| Listed {
            name: name.to_owned(),
            protocol_type: known.group.protocol_type().unwrap_or_default().to_owned(),
            state: known.group.state(),
        };
        inner.groups.iter().map(listed).collect()
    }

    /// Deletes a group that has no members, with its offsets.
    pub async fn delete_group(&self, group: String) -> Result<(), ErrorCode> {
        let written = self
            .locked(move |inner, shared| {
                let known = inner.groups.may_delete(&group)?;
                let mut entries: Vec<_> = vec![gone(&Key::Group(&group))];
                let offset = |(topic, partition, _)| gone(&Key::Offset(&group, topic, partition));
                entries.extend(known.offsets.iter().map(offset));
                let written = shared.store.write(entries)?;
                inner.groups.deleted(&group);
                Ok(written)
            })
            .await??;
        self.shared.store.durable(written).await
    }
}

impl Inner {
    /// What every change of a group's members ends with: it is remembered, who waits is answered, and its next deadline
    /// is known.
    pub(super) fn after(&mut self, shared: &Shared, name: &str, answers: Answers<Waiter>) {
        // One that cannot be remembered goes on: if it is lost, its members join again.
        let written = self.save(shared, name).unwrap_or_else(|error| {
            tracing::warn!(error = error.name(), "a group cannot be remembered for now");
            Sequence(0)
        });
        for (waiter, answer) in answers {
            if matches!(&answer, Answer::Join(Ok(joined)) if !joined.members.is_empty()) {
                metrics::counter!("tailwater_kafka_group_generations_total").increment(1);
            }
            // Who has gone meanwhile needs no answer.
            let _ = waiter.send((answer, written));
        }
        let Some(known) = self.groups.get(name) else { return };
        let (state, generation, members) =
            (known.group.state().name(), known.group.generation(), known.group.members().len());
        tracing::debug!(group = name, state, generation, members, "a group has moved");
        let deadline = known.group.next_deadline();
        if deadline.is_some_and(|deadline| self.timers.set(name, deadline)) {
            shared.earlier.notify_one();
        }
    }

    /// Writes what has changed of a group; what tells of it is durable with the answer. Comes before anything that its
    /// members write, so that no offset outlives the generation that committed it.
    pub(super) fn save(&mut self, shared: &Shared, name: &str) -> Result<Sequence, ErrorCode> {
        let Some(known) = self.groups.known_mut(name) else { return Ok(Sequence(0)) };
        if let Some(snapshot) = known.group.take_unsaved() {
            let written = entry(&Key::Group(name), &snapshot).and_then(|entry| shared.store.write(vec![entry]));
            known.saved = written.inspect_err(|_| known.group.keep_unsaved())?.0;
        }
        Ok(Sequence(known.saved))
    }
}

fn describe(known: &Known<Waiter>) -> Described {
    let group = &known.group;
    let protocol = group.protocol().filter(|_| group.state() == State::Stable);
    let member = |(id, member): (&String, &crate::group::Member<Waiter>)| DescribedMember {
        id: id.clone(),
        instance: member.instance.clone(),
        client_id: member.client_id.clone(),
        client_host: member.client_host.clone(),
        metadata: protocol.map(|protocol| member.metadata(protocol)).unwrap_or_default(),
        assignment: protocol.map(|_| member.assignment.clone()).unwrap_or_default(),
    };
    Described {
        state: group.state(),
        protocol_type: group.protocol_type().unwrap_or_default().to_owned(),
        protocol: protocol.unwrap_or_default().to_owned(),
        members: group.members().iter().map(member).collect(),
    }
}
