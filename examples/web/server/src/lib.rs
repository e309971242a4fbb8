//! A server with faults on order, and a log to hold the page's numbers against.
//!
//! | request | answer |
//! |---|---|
//! | `POST /runs` with a [`Plan`] | the number of a new run, whose clock starts now |
//! | `GET /runs/{run}/work?client=…&call=…&attempt=…` | what the plan says, and an entry in the log |
//! | `GET /runs/{run}/log` | every [`Entry`] so far |
//! | anything else | the page |

mod log;
mod plan;
mod runs;

use std::{io, path::Path, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Body,
    extract::{Path as Segment, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures_util::{StreamExt, stream};
use tokio::{net::TcpListener, time};
use tower_http::{services::ServeDir, set_header::SetResponseHeaderLayer};

pub use self::{
    log::{Attempt, Entry, busiest},
    plan::{Answer, Plan, Trouble, WINDOW_MS},
    runs::{NewRun, Runs},
};

/// From the head of a broken answer to its breaking off.
const UNTIL_DOWN: Duration = Duration::from_millis(15);

/// Serves the page in `site`, its WASM in `wasm`, and runs, until the listener fails.
pub async fn serve(listener: TcpListener, runs: Arc<Runs>, site: &Path, wasm: &Path) -> io::Result<()> {
    axum::serve(listener, router(runs, site, wasm)).await
}

fn router(runs: Arc<Runs>, site: &Path, wasm: &Path) -> Router {
    Router::new()
        .route("/runs", post(start))
        .route("/runs/{run}/work", get(work))
        .route("/runs/{run}/log", get(log))
        .with_state(runs)
        .nest_service("/wasm", ServeDir::new(wasm))
        .fallback_service(ServeDir::new(site))
        // A page under development is never the one of before, and an answer is never that of another attempt.
        .layer(SetResponseHeaderLayer::overriding(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store")))
}

async fn start(State(runs): State<Arc<Runs>>, Json(plan): Json<Plan>) -> Json<NewRun> {
    Json(runs.start(plan))
}

async fn log(State(runs): State<Arc<Runs>>, Segment(run): Segment<u32>) -> Response {
    runs.log(run).map_or_else(|| StatusCode::NOT_FOUND.into_response(), |entries| Json(entries).into_response())
}

async fn work(State(runs): State<Arc<Runs>>, Segment(run): Segment<u32>, Query(attempt): Query<Attempt>) -> Response {
    let Some((answer, latency)) = runs.answer(run, attempt) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    time::sleep(latency).await;
    respond(answer)
}

fn respond(answer: Answer) -> Response {
    match answer {
        Answer::Status { status, retry_after_s } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            match retry_after_s {
                0 => status.into_response(),
                seconds => (status, [(header::RETRY_AFTER, seconds.to_string())]).into_response(),
            }
        }
        // The connection goes down after the head of the answer has gone out. One that goes down before it, browsers try
        // again by themselves, and the page would not see what the server sees.
        Answer::HangUp => {
            let down = async {
                time::sleep(UNTIL_DOWN).await;
                Err(io::Error::from(io::ErrorKind::ConnectionReset))
            };
            let begun = stream::once(async { Ok("half an ans".to_owned()) });
            Body::from_stream(begun.chain(stream::once(down))).into_response()
        }
    }
}
