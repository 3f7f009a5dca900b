//! Kafka's error codes, as far as groups and transactions give them.

/// Why a request is refused, under Kafka's name for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// Nothing is wrong.
    None,
    /// No such topic or partition.
    UnknownTopicOrPartition,
    /// The metadata beside an offset is too long.
    OffsetMetadataTooLarge,
    /// The group cannot be served just now; worth another attempt.
    CoordinatorNotAvailable,
    /// The member is not in this generation.
    IllegalGeneration,
    /// The member's kind or protocols do not go with the others'.
    InconsistentGroupProtocol,
    /// A name that no group can have.
    InvalidGroupId,
    /// No such member.
    UnknownMemberId,
    /// A session timeout outside the bounds.
    InvalidSessionTimeout,
    /// The group rebalances: join again.
    RebalanceInProgress,
    /// More offsets at once than can be kept.
    InvalidCommitOffsetSize,
    /// Makes no sense.
    InvalidRequest,
    /// The producer's epoch is not the current one, said of a produced batch.
    InvalidProducerEpoch,
    /// The transaction is not in a state for this.
    InvalidTxnState,
    /// No such producer under this transactional id.
    InvalidProducerIdMapping,
    /// A transaction timeout above the bound.
    InvalidTransactionTimeout,
    /// Not tried, because something beside it failed.
    OperationNotAttempted,
    /// The group has members.
    NonEmptyGroup,
    /// No such group.
    GroupIdNotFound,
    /// Come back with this member id.
    MemberIdRequired,
    /// The group takes no more members.
    GroupMaxSizeReached,
    /// Another member has this `group.instance.id`.
    FencedInstanceId,
    /// The group reads this topic.
    GroupSubscribedToTopic,
    /// A transaction holds this offset.
    UnstableOffsetCommit,
    /// A newer producer has this transactional id.
    ProducerFenced,
    /// No such transactional id.
    TransactionalIdNotFound,
}
