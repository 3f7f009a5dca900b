//! `DescribeLogDirs` (35): how large partitions are, in the one data directory.

use std::collections::HashMap;

use tailwater_wire::api::describe_log_dirs::{
    DescribeLogDirsPartition, DescribeLogDirsRequest, DescribeLogDirsResponse, DescribeLogDirsResult,
    DescribeLogDirsTopic,
};

use crate::server::dispatch::Call;

/// Answers a request.
pub(in crate::server) async fn answer(call: &Call, request: DescribeLogDirsRequest) -> DescribeLogDirsResponse {
    if let Err(error_code) = call.on_cluster() {
        return DescribeLogDirsResponse { error_code, ..DescribeLogDirsResponse::default() };
    }
    let broker = &call.shared.broker;
    let wanted: Option<HashMap<String, Vec<i32>>> =
        request.topics.map(|topics| topics.into_iter().map(|topic| (topic.topic, topic.partitions)).collect());
    let mut topics = Vec::new();
    for topic in broker.journal.topics() {
        let only = match &wanted {
            None => None,
            Some(wanted) => match wanted.get(&topic.name) {
                Some(partitions) => Some(partitions),
                None => continue,
            },
        };
        let partitions = (0..).zip(&topic.bounds).map(|(partition_index, bounds)| DescribeLogDirsPartition {
            partition_index,
            partition_size: i64::try_from(bounds.bytes).unwrap_or(i64::MAX),
            ..DescribeLogDirsPartition::default()
        });
        let partitions = partitions.filter(|one| only.is_none_or(|only| only.contains(&one.partition_index)));
        topics.push(DescribeLogDirsTopic { partitions: partitions.collect(), name: topic.name });
    }
    let log_dir = broker.settings.log_dir.clone();
    let directory = DescribeLogDirsResult { log_dir, topics, ..DescribeLogDirsResult::default() };
    DescribeLogDirsResponse { results: vec![directory], ..DescribeLogDirsResponse::default() }
}
