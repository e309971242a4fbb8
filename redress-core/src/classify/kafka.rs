//! The error codes of Kafka: those of its protocol, and below zero those of librdkafka.
//!
//! [`code_class`] is the table, a line for each code. For codes of the protocol it follows the column "retriable" of the
//! protocol's list: a retriable code has a class that is retried, any other has not. For librdkafka's own codes, which have no
//! such column, each line says why.
//!
//! Two of these leave open whether a produced message was written: -192 (`_MSG_TIMED_OUT`) and -151
//! (`_PURGE_INFLIGHT`) have an [unknown outcome](Classification::outcome_unknown) and are not repeated unless
//! [opted in](super::Idempotent). Retriable codes may mean the same (7, 13, 20): a producer that must not write twice sets
//! `enable.idempotence`.

use super::Classification;
use crate::ErrorClass;

/// Returns the class of a code, by the table in this function's source. [`Unknown`](ErrorClass::Unknown) for codes that are not
/// in Kafka's list, and for those that are no failures.
///
/// ```
/// use redress_core::{ErrorClass, classify::kafka};
///
/// assert_eq!(kafka::code_class(6), ErrorClass::Transient); // NOT_LEADER_OR_FOLLOWER
/// assert_eq!(kafka::code_class(-184), ErrorClass::RateLimit); // librdkafka's queue is full
/// ```
pub const fn code_class(code: i32) -> ErrorClass {
    classify_code(code).class()
}

/// Classifies a code. The numeric code is the code itself; librdkafka's, which are negative, have none.
///
/// ```
/// use redress_core::classify::kafka;
///
/// assert_eq!(kafka::classify_code(6).numeric_code(), Some(6));
/// assert!(kafka::classify_code(-192).is_outcome_unknown()); // librdkafka gave up on the message
/// ```
#[expect(clippy::match_same_arms, clippy::too_many_lines, reason = "a table with a line per code")]
#[expect(clippy::cast_sign_loss, reason = "compared first")]
pub const fn classify_code(code: i32) -> Classification {
    use ErrorClass::{Auth, Concurrency, Permanent, Permission, RateLimit, ServerError, Transient, Unknown};

    let class = match code {
        // _MSG_TIMED_OUT: the message may have been written; _PURGE_INFLIGHT: dropped by the program after it was sent.
        -192 | -151 => return Classification::outcome_unknown(),
        -199 => Transient,   // _BAD_MSG: a damaged answer
        -198 => Permanent,   // _BAD_COMPRESSION
        -197 => Permanent,   // _DESTROY: the client is gone
        -196 => Unknown,     // _FAIL: of anything
        -195 => Transient,   // _TRANSPORT: the connection to the broker
        -194 => ServerError, // _CRIT_SYS_RESOURCE: of this system
        -193 => Transient,   // _RESOLVE: names that cannot be looked up may be later
        -191 => Unknown,     // _PARTITION_EOF: no failure
        -190 => Permanent,   // _UNKNOWN_PARTITION
        -189 => ServerError, // _FS: the file system of this system
        -188 => Permanent,   // _UNKNOWN_TOPIC
        -187 => Transient,   // _ALL_BROKERS_DOWN
        -186 => Permanent,   // _INVALID_ARG
        -185 => Transient,   // _TIMED_OUT
        -184 => RateLimit,   // _QUEUE_FULL: wait until messages were delivered
        -183 => Transient,   // _ISR_INSUFF: too few replicas in sync
        -182 => Transient,   // _NODE_UPDATE: the broker's address changes
        -181 => Permanent,   // _SSL: certificates, missing TLS
        -180 => Transient,   // _WAIT_COORD: the group's coordinator is looked for
        -179 => Permanent,   // _UNKNOWN_GROUP
        -178 => Concurrency, // _IN_PROGRESS: the same operation
        -177 => Concurrency, // _PREV_IN_PROGRESS: another operation
        -176 => Permanent,   // _EXISTING_SUBSCRIPTION
        -175 => Unknown,     // _ASSIGN_PARTITIONS: no failure
        -174 => Unknown,     // _REVOKE_PARTITIONS: no failure
        -173 => Permanent,   // _CONFLICT: of settings or of use
        -172 => Permanent,   // _STATE: an operation at the wrong time
        -171 => Permanent,   // _UNKNOWN_PROTOCOL
        -170 => Permanent,   // _NOT_IMPLEMENTED
        -169 => Auth,        // _AUTHENTICATION
        -168 => Permanent,   // _NO_OFFSET: none is stored
        -167 => Concurrency, // _OUTDATED: an operation of before a change
        -166 => Transient,   // _TIMED_OUT_QUEUE: the request was never sent
        -165 => Permanent,   // _UNSUPPORTED_FEATURE: by the broker
        -164 => Transient,   // _WAIT_CACHE: metadata is on its way
        -163 => Transient,   // _INTR: interrupted
        -162 => Permanent,   // _KEY_SERIALIZATION
        -161 => Permanent,   // _VALUE_SERIALIZATION
        -160 => Permanent,   // _KEY_DESERIALIZATION
        -159 => Permanent,   // _VALUE_DESERIALIZATION
        -158 => Transient,   // _PARTIAL: a part of an answer
        -157 => Permanent,   // _READ_ONLY: a setting
        -156 => Permanent,   // _NOENT: no such setting
        -155 => Transient,   // _UNDERFLOW: an answer that was cut off
        -154 => Permanent,   // _INVALID_TYPE
        -153 => Transient,   // _RETRY: "retry operation"
        -152 => Permanent,   // _PURGE_QUEUE: by the program, before it was sent
        -150 => Permanent,   // _FATAL: the client must be created anew
        -149 => Permanent,   // _INCONSISTENT
        -148 => Permanent,   // _GAPLESS_GUARANTEE: would be broken
        -147 => Permanent,   // _MAX_POLL_EXCEEDED: by the program
        -146 => Permanent,   // _UNKNOWN_BROKER
        -145 => Permanent,   // _NOT_CONFIGURED
        -144 => Permanent,   // _FENCED: another instance has taken over
        -143 => Unknown,     // _APPLICATION: the program's own
        -142 => Concurrency, // _ASSIGNMENT_LOST: the group was rebalanced
        -141 => Unknown,     // _NOOP: no failure
        -140 => Permanent,   // _AUTO_OFFSET_RESET: none to reset to
        -139 => Permanent,   // _LOG_TRUNCATION: what was read is gone
        -138 => Permanent,   // _INVALID_DIFFERENT_RECORD: another of the batch was refused
        -137 => Transient,   // _DESTROY_BROKER: the broker's address changes
        -1 => Unknown,       // UNKNOWN_SERVER_ERROR: the broker says no more
        1 => Permanent,      // OFFSET_OUT_OF_RANGE
        2 => Transient,      // CORRUPT_MESSAGE (retriable)
        3 => Transient,      // UNKNOWN_TOPIC_OR_PARTITION (retriable): metadata of a new topic spreads
        4 => Permanent,      // INVALID_FETCH_SIZE
        5 => Transient,      // LEADER_NOT_AVAILABLE (retriable)
        6 => Transient,      // NOT_LEADER_OR_FOLLOWER (retriable)
        7 => Transient,      // REQUEST_TIMED_OUT (retriable)
        8 => Permanent,      // BROKER_NOT_AVAILABLE: said by tools, not by brokers
        9 => Transient,      // REPLICA_NOT_AVAILABLE (retriable)
        10 => Permanent,     // MESSAGE_TOO_LARGE
        11 => Permanent,     // STALE_CONTROLLER_EPOCH
        12 => Permanent,     // OFFSET_METADATA_TOO_LARGE
        13 => Transient,     // NETWORK_EXCEPTION (retriable)
        14 => Transient,     // COORDINATOR_LOAD_IN_PROGRESS (retriable)
        15 => Transient,     // COORDINATOR_NOT_AVAILABLE (retriable)
        16 => Transient,     // NOT_COORDINATOR (retriable)
        17 => Permanent,     // INVALID_TOPIC_EXCEPTION
        18 => Permanent,     // RECORD_LIST_TOO_LARGE
        19 => Transient,     // NOT_ENOUGH_REPLICAS (retriable)
        20 => Transient,     // NOT_ENOUGH_REPLICAS_AFTER_APPEND (retriable)
        21 => Permanent,     // INVALID_REQUIRED_ACKS
        22 => Permanent,     // ILLEGAL_GENERATION: join the group again
        23 => Permanent,     // INCONSISTENT_GROUP_PROTOCOL
        24 => Permanent,     // INVALID_GROUP_ID
        25 => Permanent,     // UNKNOWN_MEMBER_ID: join the group again
        26 => Permanent,     // INVALID_SESSION_TIMEOUT
        27 => Permanent,     // REBALANCE_IN_PROGRESS: join the group again
        28 => Permanent,     // INVALID_COMMIT_OFFSET_SIZE
        29 => Permission,    // TOPIC_AUTHORIZATION_FAILED
        30 => Permission,    // GROUP_AUTHORIZATION_FAILED
        31 => Permission,    // CLUSTER_AUTHORIZATION_FAILED
        32 => Permanent,     // INVALID_TIMESTAMP
        33 => Permanent,     // UNSUPPORTED_SASL_MECHANISM
        34 => Auth,          // ILLEGAL_SASL_STATE
        35 => Permanent,     // UNSUPPORTED_VERSION
        36 => Permanent,     // TOPIC_ALREADY_EXISTS
        37 => Permanent,     // INVALID_PARTITIONS
        38 => Permanent,     // INVALID_REPLICATION_FACTOR
        39 => Permanent,     // INVALID_REPLICA_ASSIGNMENT
        40 => Permanent,     // INVALID_CONFIG
        41 => Transient,     // NOT_CONTROLLER (retriable)
        42 => Permanent,     // INVALID_REQUEST
        43 => Permanent,     // UNSUPPORTED_FOR_MESSAGE_FORMAT
        44 => Permanent,     // POLICY_VIOLATION
        45 => Permanent,     // OUT_OF_ORDER_SEQUENCE_NUMBER
        46 => Permanent,     // DUPLICATE_SEQUENCE_NUMBER
        47 => Permanent,     // INVALID_PRODUCER_EPOCH
        48 => Permanent,     // INVALID_TXN_STATE
        49 => Permanent,     // INVALID_PRODUCER_ID_MAPPING
        50 => Permanent,     // INVALID_TRANSACTION_TIMEOUT
        51 => Concurrency,   // CONCURRENT_TRANSACTIONS (retriable): the one before is not over
        52 => Permanent,     // TRANSACTION_COORDINATOR_FENCED
        53 => Permission,    // TRANSACTIONAL_ID_AUTHORIZATION_FAILED
        54 => Permanent,     // SECURITY_DISABLED
        55 => Permanent,     // OPERATION_NOT_ATTEMPTED: another of the request was refused
        56 => ServerError,   // KAFKA_STORAGE_ERROR (retriable): the broker's disk
        57 => Permanent,     // LOG_DIR_NOT_FOUND
        58 => Auth,          // SASL_AUTHENTICATION_FAILED
        59 => Permanent,     // UNKNOWN_PRODUCER_ID
        60 => Permanent,     // REASSIGNMENT_IN_PROGRESS
        61 => Permanent,     // DELEGATION_TOKEN_AUTH_DISABLED
        62 => Auth,          // DELEGATION_TOKEN_NOT_FOUND
        63 => Permission,    // DELEGATION_TOKEN_OWNER_MISMATCH
        64 => Permission,    // DELEGATION_TOKEN_REQUEST_NOT_ALLOWED
        65 => Permission,    // DELEGATION_TOKEN_AUTHORIZATION_FAILED
        66 => Auth,          // DELEGATION_TOKEN_EXPIRED
        67 => Permanent,     // INVALID_PRINCIPAL_TYPE
        68 => Permanent,     // NON_EMPTY_GROUP
        69 => Permanent,     // GROUP_ID_NOT_FOUND
        70 => Transient,     // FETCH_SESSION_ID_NOT_FOUND (retriable)
        71 => Transient,     // INVALID_FETCH_SESSION_EPOCH (retriable)
        72 => Transient,     // LISTENER_NOT_FOUND (retriable)
        73 => Permanent,     // TOPIC_DELETION_DISABLED
        74 => Transient,     // FENCED_LEADER_EPOCH (retriable)
        75 => Transient,     // UNKNOWN_LEADER_EPOCH (retriable)
        76 => Permanent,     // UNSUPPORTED_COMPRESSION_TYPE
        77 => Permanent,     // STALE_BROKER_EPOCH
        78 => Transient,     // OFFSET_NOT_AVAILABLE (retriable)
        79 => Permanent,     // MEMBER_ID_REQUIRED: join with the one that was given
        80 => Transient,     // PREFERRED_LEADER_NOT_AVAILABLE (retriable)
        81 => Permanent,     // GROUP_MAX_SIZE_REACHED
        82 => Permanent,     // FENCED_INSTANCE_ID
        83 => Transient,     // ELIGIBLE_LEADERS_NOT_AVAILABLE (retriable)
        84 => Transient,     // ELECTION_NOT_NEEDED (retriable)
        85 => Permanent,     // NO_REASSIGNMENT_IN_PROGRESS
        86 => Permanent,     // GROUP_SUBSCRIBED_TO_TOPIC
        87 => Permanent,     // INVALID_RECORD
        88 => Transient,     // UNSTABLE_OFFSET_COMMIT (retriable)
        89 => RateLimit,     // THROTTLING_QUOTA_EXCEEDED (retriable)
        90 => Permanent,     // PRODUCER_FENCED
        91 => Permanent,     // RESOURCE_NOT_FOUND
        92 => Permanent,     // DUPLICATE_RESOURCE
        93 => Permanent,     // UNACCEPTABLE_CREDENTIAL
        94 => Permanent,     // INCONSISTENT_VOTER_SET
        95 => Permanent,     // INVALID_UPDATE_VERSION
        96 => Permanent,     // FEATURE_UPDATE_FAILED
        97 => Permanent,     // PRINCIPAL_DESERIALIZATION_FAILURE
        98 => Permanent,     // SNAPSHOT_NOT_FOUND
        99 => Permanent,     // POSITION_OUT_OF_RANGE
        100 => Transient,    // UNKNOWN_TOPIC_ID (retriable)
        101 => Permanent,    // DUPLICATE_BROKER_REGISTRATION
        102 => Permanent,    // BROKER_ID_NOT_REGISTERED
        103 => Transient,    // INCONSISTENT_TOPIC_ID (retriable)
        104 => Permanent,    // INCONSISTENT_CLUSTER_ID
        105 => Permanent,    // TRANSACTIONAL_ID_NOT_FOUND
        106 => Transient,    // FETCH_SESSION_TOPIC_ID_ERROR (retriable)
        107 => Permanent,    // INELIGIBLE_REPLICA
        108 => Permanent,    // NEW_LEADER_ELECTED
        109 => Permanent,    // OFFSET_MOVED_TO_TIERED_STORAGE
        110 => Permanent,    // FENCED_MEMBER_EPOCH: join the group again
        111 => Permanent,    // UNRELEASED_INSTANCE_ID
        112 => Permanent,    // UNSUPPORTED_ASSIGNOR
        113 => Permanent,    // STALE_MEMBER_EPOCH
        114 => Permanent,    // MISMATCHED_ENDPOINT_TYPE
        115 => Permanent,    // UNSUPPORTED_ENDPOINT_TYPE
        116 => Permanent,    // UNKNOWN_CONTROLLER_ID
        117 => Permanent,    // UNKNOWN_SUBSCRIPTION_ID
        118 => Permanent,    // TELEMETRY_TOO_LARGE
        119 => Permanent,    // INVALID_REGISTRATION
        120 => Permanent,    // TRANSACTION_ABORTABLE: abort it and begin another
        121 => Permanent,    // INVALID_RECORD_STATE
        122 => Transient,    // SHARE_SESSION_NOT_FOUND (retriable)
        123 => Transient,    // INVALID_SHARE_SESSION_EPOCH (retriable)
        124 => Permanent,    // FENCED_STATE_EPOCH
        125 => Permanent,    // INVALID_VOTER_KEY
        126 => Permanent,    // DUPLICATE_VOTER
        127 => Permanent,    // VOTER_NOT_FOUND
        128 => Permanent,    // INVALID_REGULAR_EXPRESSION
        129 => Permanent,    // REBOOTSTRAP_REQUIRED: connect to the first servers again
        130 => Permanent,    // STREAMS_INVALID_TOPOLOGY
        131 => Permanent,    // STREAMS_INVALID_TOPOLOGY_EPOCH
        132 => Permanent,    // STREAMS_TOPOLOGY_FENCED
        133 => Transient,    // SHARE_SESSION_LIMIT_REACHED (retriable)
        _ => Unknown,        // NONE, and whatever comes after this list
    };
    let known = Classification::new(class);
    if code >= 0 { known.code(code as u32) } else { known }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The codes that the protocol's list calls retriable.
    const RETRIABLE: [i32; 32] = [
        2, 3, 5, 6, 7, 9, 13, 14, 15, 16, 19, 20, 41, 51, 56, 70, 71, 72, 74, 75, 78, 80, 83, 84, 88, 89, 100, 103,
        106, 122, 123, 133,
    ];

    #[test]
    fn the_protocol_says_what_is_retriable() {
        for code in 1..=133 {
            assert_eq!(code_class(code).is_retryable(), RETRIABLE.contains(&code), "{code}");
            assert_ne!(code_class(code), ErrorClass::Unknown, "{code}");
            assert_eq!(classify_code(code).numeric_code(), Some(code.unsigned_abs()));
        }
        for code in [0, -1, 134, i32::MAX, -200, -136, i32::MIN] {
            assert_eq!(code_class(code), ErrorClass::Unknown, "{code}");
        }
    }

    #[test]
    fn codes_of_librdkafka() {
        use ErrorClass::{Auth, Concurrency, Permanent, RateLimit, Transient};

        for (class, codes) in [
            (Transient, &[-195, -193, -187, -185, -183, -180, -166, -153][..]),
            (RateLimit, &[-184]),
            (Concurrency, &[-178, -177, -142]),
            (Auth, &[-169]),
            (Permanent, &[-190, -188, -181, -172, -152, -150, -144]),
        ] {
            for code in codes {
                assert_eq!(classify_code(*code), Classification::new(class), "{code}");
            }
        }
        for code in -200..=200 {
            assert_eq!(classify_code(code).is_outcome_unknown(), [-192, -151].contains(&code), "{code}");
        }
    }
}
