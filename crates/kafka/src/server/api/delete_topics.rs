//! `DeleteTopics` (20): topics go, with everything in them.

use tailwater_wire::api::delete_topics::{
    DeletableTopicResult, DeleteTopicState, DeleteTopicsRequest, DeleteTopicsResponse,
};
use tailwater_wire::codec::Uuid;
use tailwater_wire::error_code::ErrorCode;

use crate::server::authorization::{Access, REFUSED};
use crate::server::broker::error_code;
use crate::server::dispatch::Call;

/// Answers a request.
pub(in crate::server) async fn answer(call: &Call, request: DeleteTopicsRequest) -> DeleteTopicsResponse {
    let by_name =
        request.topic_names.into_iter().map(|name| DeleteTopicState { name: Some(name), topic_id: Uuid::ZERO });
    let mut responses = Vec::new();
    for wanted in request.topics.into_iter().chain(by_name) {
        responses.push(delete(call, wanted).await);
    }
    DeleteTopicsResponse { responses, ..DeleteTopicsResponse::default() }
}

async fn delete(call: &Call, wanted: DeleteTopicState) -> DeletableTopicResult {
    let broker = &call.shared.broker;
    let result = DeletableTopicResult {
        name: wanted.name.clone(),
        topic_id: wanted.topic_id,
        ..DeletableTopicResult::default()
    };
    let refuse =
        |error_code, why: String| DeletableTopicResult { error_code, error_message: Some(why), ..result.clone() };
    let topic = match (&wanted.name, wanted.topic_id) {
        (Some(name), Uuid::ZERO) if !call.may(Access::See, name) => {
            return refuse(ErrorCode::TOPIC_AUTHORIZATION_FAILED, REFUSED.to_owned());
        }
        (Some(name), Uuid::ZERO) => match broker.topic(name) {
            Some(topic) => topic,
            None => return refuse(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, format!("There is no topic {name}")),
        },
        (None, id) if id != Uuid::ZERO => {
            match broker.topic_by_id(id).filter(|topic| call.may(Access::See, &topic.name)) {
                Some(topic) => topic,
                None => return refuse(ErrorCode::UNKNOWN_TOPIC_ID, format!("There is no topic of the id {id}")),
            }
        }
        _ => return refuse(ErrorCode::INVALID_REQUEST, "A topic is named by its name or by its id".to_owned()),
    };
    if let Err(code) = call.on_topic(Access::Admin, &topic.name) {
        return refuse(code, REFUSED.to_owned());
    }
    let name = topic.name.clone();
    let deleted = broker.blocking(move |journal| journal.delete_topic(&name)).await;
    broker.renew(&topic.name);
    match deleted {
        Ok(()) => {
            // Offsets that are left behind are only wrong for a topic of the same name, and expire.
            let _ = broker.coordinator.forget_topic(topic.name.clone()).await;
            tracing::info!(topic = topic.name, peer = %call.session.peer, "a client deleted a topic");
            DeletableTopicResult { name: Some(topic.name.clone()), topic_id: topic.uuid, ..result }
        }
        Err(error) => refuse(error_code(&error), error.to_string()),
    }
}
