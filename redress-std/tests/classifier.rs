//! The default classifiers on errors as they really occur.

use std::{
    error::Error,
    fmt, fs,
    io::{self, ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
    time::Duration,
};

use redress_std::{
    AbortRetryError, Backoff, BreakerConfig, CircuitBreaker, Classification, Classifier, Classify, DefaultClassifier,
    ErrorClass::{self, Auth, Concurrency, Permanent, Permission, RateLimit, ServerError, Transient, Unknown},
    Millis, Policy, PolicyExt, Retry, RetryError, SelfClassifier, StopReason, StrictClassifier, Threads, chain,
    io as io_errors,
};

/// An error with a name and a cause.
macro_rules! error {
    ($($name:ident),*) => {$(
        #[derive(Debug)]
        struct $name(Option<Box<dyn Error + Send + Sync>>);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        }

        impl Error for $name {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                self.0.as_deref().map(|cause| cause as _)
            }
        }
    )*};
}

error!(AuthBackendError, LoadError, ReadTimeout, PoolThrottled);

#[expect(clippy::unnecessary_wraps, reason = "the field is an option")]
fn caused_by(cause: impl Error + Send + Sync + 'static) -> Option<Box<dyn Error + Send + Sync>> {
    Some(Box::new(cause))
}

fn default_and_strict<E: Error + 'static>(error: &E) -> (ErrorClass, ErrorClass) {
    (DefaultClassifier.classify(error).class(), StrictClassifier.classify(error).class())
}

fn refused() -> io::Error {
    // A port that was free a moment ago and has no listener.
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    TcpStream::connect(address).expect_err("nobody listens")
}

fn silent() -> io::Error {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let mut stream = TcpStream::connect(listener.local_addr().expect("an address")).expect("the listener's backlog");
    stream.set_read_timeout(Some(Duration::from_millis(5))).expect("not zero");
    stream.read(&mut [0]).expect_err("nobody writes")
}

fn closed() -> io::Error {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let mut stream = TcpStream::connect(listener.local_addr().expect("an address")).expect("the listener's backlog");
    drop(listener.accept().expect("the stream from above"));
    stream.read_exact(&mut [0]).expect_err("the other side is gone")
}

/// Writes until the other side's reset arrives.
fn written_to_nobody() -> io::Error {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let mut stream = TcpStream::connect(listener.local_addr().expect("an address")).expect("the listener's backlog");
    drop(listener.accept().expect("the stream from above"));
    loop {
        if let Err(error) = stream.write(&[0]) {
            return error;
        }
    }
}

#[test]
fn errors_of_the_operating_system() {
    let missing = fs::read("no/such/file").expect_err("not there");
    let rows = [
        (refused(), ErrorKind::ConnectionRefused, Transient),
        (closed(), ErrorKind::UnexpectedEof, Transient),
        (missing, ErrorKind::NotFound, Unknown),
        (TcpStream::connect("127.0.0.1").expect_err("no port"), ErrorKind::InvalidInput, Permanent),
    ];
    for (error, kind, class) in rows {
        assert_eq!(error.kind(), kind);
        assert_eq!(default_and_strict(&error), (class, class), "{error:?}");
        assert_eq!(
            DefaultClassifier.classify(&error).numeric_code(),
            error.raw_os_error().map(|code| u32::try_from(code).expect("positive"))
        );
    }
    // WouldBlock or TimedOut, a broken pipe or a reset: up to the operating system.
    for error in [silent(), written_to_nobody()] {
        assert_eq!(default_and_strict(&error), (Transient, Transient), "{error:?}");
        assert!(io_errors::classify(&error).numeric_code().is_some());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn numbers_of_linux() {
    // EPERM, ENOENT, EINTR, EAGAIN, ENOMEM, EBUSY, ENOTDIR, EINVAL, ENOSPC, EROFS, EPIPE, EDEADLK, ENETUNREACH, ETIMEDOUT.
    const ROWS: [(i32, ErrorClass); 14] = [
        (1, Permission),
        (2, Unknown),
        (4, Transient),
        (11, Transient),
        (12, Unknown),
        (16, Transient),
        (20, Permanent),
        (22, Permanent),
        (28, Unknown),
        (30, Permanent),
        (32, Transient),
        (35, Concurrency),
        (101, Transient),
        (110, Transient),
    ];
    for (number, class) in ROWS {
        let error = io::Error::from_raw_os_error(number);
        let expected = Classification::new(class).code(number.unsigned_abs());
        assert_eq!(DefaultClassifier.classify(&error), expected, "{error:?}");
    }
}

#[test]
fn kinds() {
    const ROWS: [(ErrorKind, ErrorClass); 39] = [
        (ErrorKind::AddrInUse, Unknown),
        (ErrorKind::AddrNotAvailable, Unknown),
        (ErrorKind::AlreadyExists, Unknown),
        (ErrorKind::ArgumentListTooLong, Permanent),
        (ErrorKind::BrokenPipe, Transient),
        (ErrorKind::ConnectionAborted, Transient),
        (ErrorKind::ConnectionRefused, Transient),
        (ErrorKind::ConnectionReset, Transient),
        (ErrorKind::CrossesDevices, Permanent),
        (ErrorKind::Deadlock, Concurrency),
        (ErrorKind::DirectoryNotEmpty, Unknown),
        (ErrorKind::ExecutableFileBusy, Transient),
        (ErrorKind::FileTooLarge, Permanent),
        (ErrorKind::HostUnreachable, Transient),
        (ErrorKind::Interrupted, Transient),
        (ErrorKind::InvalidData, Unknown),
        (ErrorKind::InvalidFilename, Permanent),
        (ErrorKind::InvalidInput, Permanent),
        (ErrorKind::IsADirectory, Permanent),
        (ErrorKind::NetworkDown, Transient),
        (ErrorKind::NetworkUnreachable, Transient),
        (ErrorKind::NotADirectory, Permanent),
        (ErrorKind::NotConnected, Transient),
        (ErrorKind::NotFound, Unknown),
        (ErrorKind::NotSeekable, Permanent),
        (ErrorKind::Other, Unknown),
        (ErrorKind::OutOfMemory, Unknown),
        (ErrorKind::PermissionDenied, Permission),
        (ErrorKind::QuotaExceeded, Unknown),
        (ErrorKind::ReadOnlyFilesystem, Permanent),
        (ErrorKind::ResourceBusy, Transient),
        (ErrorKind::StaleNetworkFileHandle, Unknown),
        (ErrorKind::StorageFull, Unknown),
        (ErrorKind::TimedOut, Transient),
        (ErrorKind::TooManyLinks, Permanent),
        (ErrorKind::UnexpectedEof, Transient),
        (ErrorKind::Unsupported, Permanent),
        (ErrorKind::WouldBlock, Transient),
        (ErrorKind::WriteZero, Unknown),
    ];
    for (kind, class) in ROWS {
        assert_eq!(io_errors::class_of_kind(kind), class, "{kind:?}");
        assert_eq!(default_and_strict(&io::Error::from(kind)), (class, class), "{kind:?}");
        assert_eq!(io_errors::classify(&kind.into()).numeric_code(), None);
    }
}

#[test]
fn chains() {
    let reset = || io::Error::from(ErrorKind::ConnectionReset);
    assert_eq!(default_and_strict(&LoadError(None)), (Unknown, Unknown));
    assert_eq!(default_and_strict(&LoadError(caused_by(reset()))), (Transient, Transient));
    assert_eq!(default_and_strict(&LoadError(caused_by(LoadError(caused_by(reset()))))), (Transient, Transient));
    assert_eq!(default_and_strict(&ReadTimeout(None)), (Transient, Unknown));
    assert_eq!(default_and_strict(&LoadError(caused_by(PoolThrottled(None)))), (RateLimit, Unknown));
    // The cause goes before what it is wrapped in.
    assert_eq!(default_and_strict(&PoolThrottled(caused_by(ReadTimeout(None)))), (Transient, Unknown));
    assert_eq!(default_and_strict(&ReadTimeout(caused_by(AuthBackendError(None)))), (Auth, Unknown));
    assert_eq!(default_and_strict(&ReadTimeout(caused_by(LoadError(None)))), (Transient, Unknown));
    assert_eq!(default_and_strict(&AuthBackendError(None)), (Auth, Unknown));
    // What is known comes before what is guessed.
    assert_eq!(default_and_strict(&AuthBackendError(caused_by(reset()))), (Transient, Transient));
    // `io::Error` hides the error inside of it from `source()`.
    assert_eq!(default_and_strict(&io::Error::other(ReadTimeout(None))), (Transient, Unknown));
    assert_eq!(default_and_strict(&io::Error::other(LoadError(caused_by(reset())))), (Transient, Transient));
    assert_eq!(default_and_strict(&io::Error::other(io::Error::other(ServerError))), (ServerError, ServerError));
    assert_eq!(default_and_strict(&io::Error::other("timeout, says a text")), (Unknown, Unknown));
}

#[test]
fn a_guess_keeps_the_code_that_is_known() {
    let missing = fs::read("no/such/file").expect_err("not there");
    let code = io_errors::classify(&missing).numeric_code();
    let answer = DefaultClassifier.classify(&ReadTimeout(caused_by(missing)));
    assert_eq!((answer.class(), answer.numeric_code()), (Transient, code));
    assert!(code.is_some());
}

#[test]
fn aborts() {
    static POLICY: Policy = Policy::new(Retry::new(Backoff::none()));

    assert!(DefaultClassifier.classify(&AbortRetryError).is_abort());
    assert!(StrictClassifier.classify(&AbortRetryError).is_abort());
    assert!(DefaultClassifier.classify(&io::Error::other(AbortRetryError)).is_abort());
    assert!(DefaultClassifier.classify(&AuthBackendError(caused_by(AbortRetryError))).is_abort());
    let error = POLICY.call(|| Err::<(), _>(io::Error::other(AbortRetryError))).expect_err("aborted");
    assert_eq!((error.reason, error.attempts), (StopReason::Aborted, 1));
}

#[test]
fn timeouts_of_tokio() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let elapsed = runtime
        .block_on(async { tokio::time::timeout(Duration::from_millis(1), std::future::pending::<()>()).await })
        .expect_err("never ready");
    assert_eq!(default_and_strict(&elapsed), (Transient, Transient));
    assert_eq!(default_and_strict(&io::Error::from(elapsed)), (Transient, Transient));
}

#[test]
fn calls_inside_of_calls() {
    static BREAKER: CircuitBreaker<1> = CircuitBreaker::new(BreakerConfig::new(1));
    static INNER: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(1)).circuit_breaker(&BREAKER);

    let failed = INNER.call(|| Err::<(), _>(refused())).expect_err("never succeeds");
    assert_eq!(DefaultClassifier.classify(&failed).class(), Transient);
    assert_eq!(SelfClassifier.classify(&failed).class(), Transient);

    // The circuit is open now; the error has no cause any more and has to be asked itself.
    let rejected: RetryError<io::Error> = INNER.call(|| Ok(())).expect_err("open");
    let answer = SelfClassifier.classify(&rejected);
    assert_eq!(answer.class(), Transient);
    assert!(answer.hint().is_some_and(|hint| (20_000..=30_001).contains(&hint.get())), "{answer:?}");

    // Its reason is its source, so that a call around this one classifies it by itself, and in whatever it is wrapped.
    assert_eq!(default_and_strict(&rejected), (Transient, Transient));
    let wrapped = io::Error::other(LoadError(caused_by(rejected)));
    assert_eq!(default_and_strict(&wrapped), (Transient, Transient));
    let outer = Policy::new(Retry::new(Backoff::none()).max_attempts(3).max_unknown(0));
    let outcome = outer.execute(|| INNER.call(|| -> io::Result<()> { unreachable!("the circuit is open") }));
    assert_eq!((outcome.attempts, outcome.stop_reason), (3, Some(StopReason::MaxAttemptsGlobal)));

    let rejected = INNER.context(Threads).start().map(drop).expect_err("open");
    assert_eq!(DefaultClassifier.classify(&rejected).class(), Transient);
    assert!(StrictClassifier.classify(&rejected).hint() > Some(Millis::ZERO));
    assert!(INNER.context(Threads).abort_if(|| true).start().is_err());
}

/// An error that is its own cause.
#[derive(Debug)]
struct Circle;

impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("circle")
    }
}

impl Error for Circle {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self)
    }
}

#[test]
fn a_circle_ends() {
    assert_eq!(default_and_strict(&Circle), (Unknown, Unknown));
}

#[test]
fn what_lies_too_deep_is_not_compared() {
    let nested =
        |depth: usize| (0..depth).fold(LoadError(caused_by(Transient)), |error, _| LoadError(caused_by(error)));
    assert_eq!(default_and_strict(&nested(chain::MAX_LINKS - 2)), (Transient, Transient));
    // It still shows in what the last link prints.
    assert_eq!(default_and_strict(&nested(chain::MAX_LINKS - 1)), (Transient, Unknown));
}

#[test]
fn errors_whose_type_is_forgotten() {
    static POLICY: Policy = Policy::new(Retry::new(Backoff::none()).max_attempts(2));

    let boxed: Box<dyn Error> = Box::new(LoadError(caused_by(ReadTimeout(None))));
    assert_eq!(chain::classify(&*boxed).class(), Transient);
    assert_eq!(chain::classify_strictly(&*boxed).class(), Unknown);
    assert_eq!((chain::boxed(&boxed).class(), chain::boxed_strictly(&boxed).class()), (Transient, Unknown));
    let shared: Arc<dyn Error + Send + Sync> = Arc::new(refused());
    assert_eq!(chain::boxed(&shared).class(), Transient);
    let sent: Box<dyn Error + Send> = Box::new(refused());
    assert_eq!(chain::boxed_strictly(&sent).class(), Transient);

    let outcome = POLICY
        .context(Threads)
        .classifier(chain::boxed)
        .execute(|| Err::<(), Box<dyn Error + Send + Sync>>(Box::new(refused())));
    assert_eq!((outcome.attempts, outcome.last_class), (2, Some(Transient)));

    let outcome = POLICY.context(Threads).classifier(chain::boxed).execute(|| {
        use anyhow::Context as _;
        Err::<(), _>(refused()).context("loading the profile")
    });
    assert_eq!((outcome.attempts, outcome.last_class), (2, Some(Transient)));

    let error: anyhow::Error = ReadTimeout(None).into();
    assert_eq!((chain::boxed(&error).class(), chain::boxed_strictly(&error).class()), (Transient, Unknown));
}

#[test]
fn errors_that_know_themselves() {
    static POLICY: Policy = Policy::new(Retry::new(Backoff::none()));

    #[derive(Debug, PartialEq)]
    enum Queue {
        NoSuchQueue,
    }

    impl Classify for Queue {
        fn classify(&self) -> Classification {
            Classification::new(Permanent).code(404)
        }
    }

    let error = POLICY
        .context(Threads)
        .classifier(SelfClassifier)
        .call(|| Err::<(), _>(Queue::NoSuchQueue))
        .expect_err("never");
    assert_eq!((error.reason, error.error), (StopReason::NonRetryableClass, Some(Queue::NoSuchQueue)));

    let error = POLICY.context(Threads).classifier(|_: &&str| Auth).call(|| Err::<(), _>("text")).expect_err("never");
    assert_eq!(error.last_class, Some(Auth));
}
