//! The server that the proxy stands before: axum on loopback, which misbehaves by script.

use std::{
    collections::VecDeque,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use axum::{
    Extension, Router,
    body::Body,
    extract::State,
    http::{Method, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::Notify,
    task::{JoinHandle, JoinSet},
};

/// The body of a healthy answer.
pub const HEALTHY: &str = "stored";

/// One way to answer one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// With this status.
    Status(StatusCode),
    /// With this status, and `Retry-After` in seconds.
    RetryAfter(StatusCode, u32),
    /// With this status, and `Retry-After` as a date so many whole seconds ahead.
    RetryAfterDate(StatusCode, u32),
    /// Not at all, until the client gives up.
    Hang,
    /// By a reset of the connection.
    Reset,
    /// With half of an answer.
    Cut,
}

/// A request as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its method.
    pub method: Method,
    /// Its path.
    pub path: String,
    /// Its whole body.
    pub body: Bytes,
}

/// A port of loopback which is taken but does not listen yet: connections to it are refused.
#[derive(Debug)]
pub struct Down {
    socket: TcpSocket,
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// A server that listens. Dropped or [killed](Self::kill), it ends all its connections, wherever they are.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    script: Mutex<VecDeque<Fault>>,
    seen: Mutex<Vec<Seen>>,
    arrived: Notify,
}

impl Down {
    /// Takes a free port.
    pub fn reserve() -> io::Result<Self> {
        Self::at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), Arc::default())
    }

    fn at(address: SocketAddr, shared: Arc<Shared>) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Self { address: socket.local_addr()?, socket, shared })
    }

    /// Returns the address at which the server will listen.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts to listen. What was seen and scripted before stays so.
    pub fn start(self) -> io::Result<Upstream> {
        let Self { socket, address, shared } = self;
        let acceptor = tokio::spawn(accept(socket.listen(64)?, Arc::clone(&shared)));
        Ok(Upstream { address, shared, acceptor })
    }
}

impl Upstream {
    /// A server on a free port.
    pub fn start() -> io::Result<Self> {
        Down::reserve()?.start()
    }

    /// Returns the address at which the server listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers the next requests so, and those after them with 200 and [`HEALTHY`].
    pub fn script(&self, faults: &[Fault]) {
        *lock(&self.shared.script) = faults.iter().copied().collect();
    }

    /// The requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.shared.seen).clone()
    }

    /// Waits until so many requests have arrived.
    pub async fn until_seen(&self, requests: usize) {
        loop {
            let arrived = self.shared.arrived.notified();
            if lock(&self.shared.seen).len() >= requests {
                return;
            }
            arrived.await;
        }
    }

    /// Ends the server at once, also in the middle of an answer. Its port refuses connections from then on.
    pub async fn kill(mut self) -> io::Result<Down> {
        self.acceptor.abort();
        // It is over when the task is: aborted, as was asked for.
        let _ = (&mut self.acceptor).await;
        Down::at(self.address, Arc::clone(&self.shared))
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

/// No statement leaves half a state behind, so a panic elsewhere has not spoiled it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The connections end with the task.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let app = Router::new().fallback(answer).with_state(shared);
    let mut connections = JoinSet::new();
    loop {
        // An error here is a client that is gone already.
        let Ok((socket, _)) = listener.accept().await else { continue };
        connections.spawn(serve(socket, app.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(socket: TcpStream, app: Router) -> io::Result<()> {
    let control = SockRef::from(&socket).try_clone()?;
    let reset = Arc::new(Notify::new());
    let app = app.layer(Extension(Arc::clone(&reset)));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(socket), TowerToHyperService::new(app));
    tokio::select! {
        // An error here is the client that went away, or the answer that was cut.
        _ = connection => {}
        // Zero linger turns the close that follows into a reset.
        () = reset.notified() => control.set_linger(Some(Duration::ZERO))?,
    }
    Ok(())
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    Extension(reset): Extension<Arc<Notify>>,
    method: Method,
    uri: axum::http::Uri,
    body: Bytes,
) -> Response {
    lock(&shared.seen).push(Seen { method, path: uri.path().to_owned(), body });
    shared.arrived.notify_waiters();
    let Some(fault) = lock(&shared.script).pop_front() else { return HEALTHY.into_response() };
    match fault {
        Fault::Status(status) => (status, "scripted").into_response(),
        Fault::RetryAfter(status, secs) => (status, [(RETRY_AFTER, secs.to_string())], "scripted").into_response(),
        Fault::RetryAfterDate(status, secs) => {
            // Rounded down to whole seconds, a date one second ahead may be over already.
            let date = SystemTime::now() + Duration::from_secs(u64::from(secs) + 1);
            (status, [(RETRY_AFTER, httpdate::fmt_http_date(date))], "scripted").into_response()
        }
        Fault::Hang => std::future::pending().await,
        Fault::Reset => {
            reset.notify_one();
            std::future::pending().await
        }
        Fault::Cut => {
            let half = stream::iter([Ok(Bytes::from_static(b"sto")), Err(io::Error::other("cut"))]);
            Response::new(Body::from_stream(half))
        }
    }
}
