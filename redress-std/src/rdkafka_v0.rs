//! Errors of rdkafka, of every version from 0.36. Feature `rdkafka-v0`.
//!
//! | error | class |
//! |---|---|
//! | with an error code | that of the [code](redress_core::classify::kafka): retriable or not, by Kafka's and librdkafka's own word |
//! | `Transaction` | [`Permanent`](ErrorClass::Permanent) if it is fatal or the transaction must be aborted, [`Transient`](ErrorClass::Transient) if it is retriable, else by its code |
//! | `MessageConsumptionFatal`, `Canceled`, bad configurations | [`Permanent`](ErrorClass::Permanent) |
//! | `NoMessageReceived` | [`Transient`](ErrorClass::Transient): poll again |
//! | `PartitionEOF`, `Seek`, `PauseResume` | [`Unknown`](ErrorClass::Unknown) |
//!
//! A message whose delivery timed out may have been written: its [outcome is unknown](Classification::outcome_unknown).

use rdkafka::{error::KafkaError, types::RDKafkaErrorCode};
use redress_core::{Classification, ErrorClass, classify::kafka};

use crate::chain::{self, Link};

/// Returns the class of an error, by the table of [this module](self).
///
/// ```
/// use rdkafka::{error::KafkaError, types::RDKafkaErrorCode};
/// use redress_std::{ErrorClass, rdkafka_v0};
///
/// let full = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
/// assert_eq!(rdkafka_v0::classify(&full).class(), ErrorClass::RateLimit);
/// ```
pub fn classify(error: &KafkaError) -> Classification {
    chain::classify_strictly(error)
}

impl Link for KafkaError {
    fn own_class(&self) -> Classification {
        let class = match self {
            KafkaError::Transaction(error) if error.is_fatal() || error.txn_requires_abort() => ErrorClass::Permanent,
            KafkaError::Transaction(error) if error.is_retriable() => ErrorClass::Transient,
            KafkaError::MessageConsumptionFatal(_)
            | KafkaError::AdminOpCreation(_)
            | KafkaError::Canceled
            | KafkaError::ClientConfig(..)
            | KafkaError::ClientCreation(_)
            | KafkaError::Nul(_)
            | KafkaError::Subscription(_) => ErrorClass::Permanent,
            KafkaError::NoMessageReceived => ErrorClass::Transient,
            KafkaError::AdminOp(code) => return code.own_class(),
            other => return other.rdkafka_error_code().map_or(ErrorClass::Unknown.into(), |code| code.own_class()),
        };
        class.into()
    }
}

impl Link for RDKafkaErrorCode {
    fn own_class(&self) -> Classification {
        kafka::classify_code(*self as i32)
    }
}
