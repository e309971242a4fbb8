//! librdkafka without a broker, with its own simulated one, and with all codes.

use std::time::Duration;

use rdkafka::{
    ClientConfig,
    error::KafkaError,
    message::DeliveryResult,
    mocking::MockCluster,
    producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer, ProducerContext},
    types::RDKafkaErrorCode as Code,
};
use rdkafka_sys::RDKafkaRespErr as Answer;
use redress_std::{
    Backoff,
    ErrorClass::{self, Auth, Concurrency, Permanent, Permission, RateLimit, ServerError, Transient, Unknown},
    Idempotent, Policy, Retry, StopReason, Threads, rdkafka_v0,
};
use redress_vendors::{class, known};

/// Codes as reports name them, and their classes.
const CODES: [(Code, ErrorClass); 36] = [
    (Code::BrokerTransportFailure, Transient),
    (Code::AllBrokersDown, Transient),
    (Code::NotLeaderForPartition, Transient),
    (Code::LeaderNotAvailable, Transient),
    (Code::QueueFull, RateLimit),
    (Code::RequestTimedOut, Transient),
    (Code::OperationTimedOut, Transient),
    (Code::TimedOutQueue, Transient),
    (Code::NetworkException, Transient),
    (Code::NotCoordinator, Transient),
    (Code::CoordinatorNotAvailable, Transient),
    (Code::CoordinatorLoadInProgress, Transient),
    (Code::NotEnoughReplicas, Transient),
    (Code::NotEnoughReplicasAfterAppend, Transient),
    (Code::UnknownTopicOrPartition, Transient),
    (Code::ReplicaNotAvailable, Transient),
    (Code::NotController, Transient),
    (Code::Resolve, Transient),
    (Code::Retry, Transient),
    (Code::ThrottlingQuotaExceeded, RateLimit),
    (Code::ConcurrentTransactions, Concurrency),
    (Code::KafkaStorageError, ServerError),
    (Code::Authentication, Auth),
    (Code::SaslAuthenticationFailed, Auth),
    (Code::TopicAuthorizationFailed, Permission),
    (Code::ClusterAuthorizationFailed, Permission),
    (Code::MessageSizeTooLarge, Permanent),
    (Code::UnknownTopic, Permanent),
    (Code::UnknownPartition, Permanent),
    (Code::InvalidArgument, Permanent),
    (Code::SSL, Permanent),
    (Code::Fatal, Permanent),
    (Code::ProducerFenced, Permanent),
    (Code::UnsupportedVersion, Permanent),
    (Code::BrokerNotAvailable, Permanent),
    (Code::Unknown, Unknown),
];

#[test]
fn codes() {
    for (code, expected) in CODES {
        assert_eq!(class(&code), expected, "{code:?}");
        for error in [
            KafkaError::Global(code),
            KafkaError::AdminOp(code),
            KafkaError::ConsumerCommit(code),
            KafkaError::MessageConsumption(code),
            KafkaError::MessageProduction(code),
            KafkaError::MetadataFetch(code),
        ] {
            assert_eq!(class(&error), expected, "{error:?}");
            assert_eq!(rdkafka_v0::classify(&error), known(&error));
        }
        assert_eq!(class(&KafkaError::MessageConsumptionFatal(code)), Permanent);
    }
    for code in [Code::MessageTimedOut, Code::PurgeInflight] {
        assert!(known(&KafkaError::MessageProduction(code)).is_outcome_unknown(), "{code:?}");
    }
    for (error, expected) in [
        (KafkaError::Canceled, Permanent),
        (KafkaError::NoMessageReceived, Transient),
        (KafkaError::PartitionEOF(1), Unknown),
        (KafkaError::Subscription("no topics".to_owned()), Permanent),
        (KafkaError::Seek("nowhere".to_owned()), Unknown),
    ] {
        assert_eq!(class(&error), expected, "{error:?}");
    }
}

/// Settings for servers that do not answer, and for tests that do not wait.
fn settings(servers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers).set("log_level", "0").set("linger.ms", "0");
    config
}

#[test]
fn a_client_without_a_broker() {
    let error = settings("127.0.0.1:1").set("no.such.setting", "1").create::<BaseProducer>().err().expect("no setting");
    assert_eq!(class(&error), Permanent, "{error:?}");

    let producer: BaseProducer =
        settings("127.0.0.1:1").set("queue.buffering.max.messages", "1").create().expect("settings");
    let error = producer.client().fetch_metadata(None, Duration::from_millis(300)).expect_err("nobody listens");
    assert!(
        matches!(error, KafkaError::MetadataFetch(Code::BrokerTransportFailure | Code::OperationTimedOut)),
        "{error:?}"
    );
    assert_eq!(class(&error), Transient, "{error:?}");

    let send = || producer.send(BaseRecord::<(), str>::to("topic").payload("text")).map_err(|(error, _)| error);
    send().expect("the queue has a place");
    let full = send().expect_err("it had one place");
    assert_eq!((full.rdkafka_error_code(), class(&full)), (Some(Code::QueueFull), RateLimit));
    // What the queue is for: wait, poll, send again.
    let policy = Policy::new(Retry::new(Backoff::none()).max_attempts(3));
    let outcome = policy.context(Threads).execute(send);
    assert_eq!((outcome.attempts, outcome.stop_reason), (3, Some(StopReason::MaxAttemptsGlobal)));
}

/// Keeps what became of the last message.
#[derive(Default)]
struct Keeps(std::sync::Mutex<Option<KafkaError>>);

impl rdkafka::ClientContext for Keeps {}

impl ProducerContext for Keeps {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            *self.0.lock().expect("no panic") = Some(error.clone());
        }
    }
}

/// What becomes of a message.
fn delivered(config: &ClientConfig) -> Option<KafkaError> {
    let producer: BaseProducer<Keeps> = config.create_with_context(Keeps::default()).expect("settings");
    producer.send(BaseRecord::<(), str>::to("topic").payload("text")).map_err(|(error, _)| error).expect("a queue");
    let _ = producer.flush(Duration::from_secs(20));
    producer.context().0.lock().expect("no panic").take()
}

#[test]
fn a_message_whose_delivery_timed_out_may_have_been_written() {
    let error = delivered(settings("127.0.0.1:1").set("message.timeout.ms", "200")).expect("nobody listens");
    assert_eq!(error.rdkafka_error_code(), Some(Code::MessageTimedOut));
    assert!(known(&error).is_outcome_unknown(), "{error:?}");

    let policy = Policy::new(Retry::new(Backoff::none()).max_attempts(3));
    let fail = || Err::<(), _>(error.clone());
    assert_eq!(policy.context(Threads).execute(fail).attempts, 1);
    assert_eq!(
        policy.context(Threads).classifier(Idempotent(redress_std::DefaultClassifier)).execute(fail).attempts,
        3
    );
}

#[test]
fn answers_of_a_broker() {
    // Those that are retriable, librdkafka retries by itself.
    for (answer, code, expected) in [
        (Answer::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, Code::TopicAuthorizationFailed, Permission),
        (Answer::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, Code::MessageSizeTooLarge, Permanent),
        (Answer::RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS, Code::InvalidRequiredAcks, Permanent),
    ] {
        let cluster: MockCluster<'_, DefaultProducerContext> = MockCluster::new(1).expect("a simulated cluster");
        cluster.create_topic("topic", 1, 1).expect("a topic");
        cluster.request_errors(rdkafka_sys::RDKafkaApiKey::Produce, &[answer]);
        let error = delivered(settings(&cluster.bootstrap_servers()).set("retries", "0")).expect("an answer");
        assert_eq!((error.rdkafka_error_code(), class(&error)), (Some(code), expected), "{error:?}");
    }
}
