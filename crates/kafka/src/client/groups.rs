//! Consumer groups of brokers: who is in them, and how far they have read.

use std::collections::BTreeMap;

use tailwater_connector::Problem;
use tailwater_wire::api::describe_groups::DescribeGroupsRequest;
use tailwater_wire::api::find_coordinator::FindCoordinatorRequest;
use tailwater_wire::api::list_groups::ListGroupsRequest;
use tailwater_wire::api::offset_fetch::OffsetFetchRequest;
use tailwater_wire::error_code::ErrorCode;

use super::{Client, bracketed};

/// The newest versions that ask for one group at a time.
const FIND_COORDINATOR: i16 = 3;
const OFFSET_FETCH: i16 = 7;
const DESCRIBE_GROUPS: i16 = 5;
const LIST_GROUPS: i16 = 5;

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupInfo {
    /// Its name.
    pub name: String,
    /// Its state, in Kafka's words.
    pub state: String,
    /// How its partitions are assigned; empty for groups without members.
    pub protocol: String,
    /// Its members: client id and host.
    pub members: Vec<(String, String)>,
    /// How far it has read.
    pub offsets: Vec<GroupOffset>,
}

/// How far a group has read a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupOffset {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset that it reads next.
    pub offset: i64,
}

impl Client {
    /// The names of all groups.
    ///
    /// # Errors
    /// What the broker says.
    pub fn groups(&mut self) -> Result<Vec<String>, Problem> {
        let response = self.call_seed(LIST_GROUPS, &ListGroupsRequest::default())?;
        if !response.error_code.is_none() {
            return Err(refused("", response.error_code));
        }
        let mut names: Vec<String> = response.groups.into_iter().map(|group| group.group_id).collect();
        names.sort();
        Ok(names)
    }

    /// One group, with its members and offsets.
    ///
    /// # Errors
    /// What the broker says.
    pub fn group(&mut self, name: &str) -> Result<GroupInfo, Problem> {
        let request = FindCoordinatorRequest { key: name.to_owned(), ..FindCoordinatorRequest::default() };
        let found = self.call_seed(FIND_COORDINATOR, &request)?;
        if !found.error_code.is_none() {
            return Err(refused(name, found.error_code));
        }
        let coordinator = format!("{}:{}", bracketed(&found.host), found.port);
        let request = DescribeGroupsRequest { groups: vec![name.to_owned()], ..DescribeGroupsRequest::default() };
        let described = self.call_at(&coordinator, DESCRIBE_GROUPS, &request)?.groups.into_iter().next();
        let described = described.ok_or_else(|| refused(name, ErrorCode::UNKNOWN_SERVER_ERROR))?;
        if !described.error_code.is_none() {
            return Err(refused(name, described.error_code));
        }
        let members = described.members.into_iter().map(|member| (member.client_id, member.client_host)).collect();
        let offsets = self.offsets_at(&coordinator, name)?;
        let (state, protocol) = (described.group_state, described.protocol_data);
        Ok(GroupInfo { name: name.to_owned(), state, protocol, members, offsets })
    }

    /// How far a group has read, by topic and partition.
    ///
    /// # Errors
    /// What the broker says.
    pub fn committed(&mut self, group: &str) -> Result<BTreeMap<(String, i32), i64>, Problem> {
        let offsets = self.group(group)?.offsets;
        Ok(offsets.into_iter().map(|one| ((one.topic, one.partition), one.offset)).collect())
    }

    fn offsets_at(&mut self, coordinator: &str, group: &str) -> Result<Vec<GroupOffset>, Problem> {
        let request = OffsetFetchRequest { group_id: group.to_owned(), topics: None, ..OffsetFetchRequest::default() };
        let response = self.call_at(coordinator, OFFSET_FETCH, &request)?;
        if !response.error_code.is_none() {
            return Err(refused(group, response.error_code));
        }
        let offsets = response.topics.into_iter().flat_map(|topic| {
            topic.partitions.into_iter().map(move |one| GroupOffset {
                topic: topic.name.clone(),
                partition: one.partition_index,
                offset: one.committed_offset,
            })
        });
        let mut offsets: Vec<_> = offsets.filter(|one| one.offset >= 0).collect();
        offsets.sort_by(|a, b| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
        Ok(offsets)
    }
}

fn refused(group: &str, code: ErrorCode) -> Problem {
    Problem::stop(
        code.name(),
        format!("the broker refuses to tell of the group '{group}': {}", code.name()),
        "List the groups with `tailwater groups`.",
    )
}
