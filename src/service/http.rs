//! Metrics, health and the console over HTTP. GET only; reads, never changes anything.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;

use super::health::quote;
use super::{BuildInfo, Health, Metrics, ServiceError};

/// What the pages are made from.
#[derive(Clone)]
pub struct Pages {
    /// For `/metrics`.
    pub metrics: Arc<Metrics>,
    /// For `/healthz` and `/readyz`.
    pub health: Arc<Health>,
    /// For `/version`.
    pub build: BuildInfo,
}

/// Takes the address, or says that it is taken.
pub async fn bind(address: &str) -> Result<TcpListener, ServiceError> {
    let taken = |error: std::io::Error| ServiceError::AddressTaken { address: address.to_owned(), detail: error.to_string() };
    TcpListener::bind(address).await.map_err(taken)
}

/// Serves on a bound listener until the future is done.
pub async fn serve(
    listener: TcpListener,
    pages: Pages,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router(pages)).with_graceful_shutdown(shutdown).await
}

fn router(pages: Pages) -> Router {
    Router::new()
        .route("/", get(console))
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/version", get(version))
        .with_state(pages)
}

async fn metrics(State(pages): State<Pages>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], pages.metrics.render()).into_response()
}

async fn healthz(State(pages): State<Pages>) -> Response {
    answer(pages.health.live(now()))
}

async fn readyz(State(pages): State<Pages>) -> Response {
    answer(pages.health.ready(now()))
}

async fn version(State(pages): State<Pages>) -> Response {
    let BuildInfo { version, fold, model, reference } = &pages.build;
    let body = format!(
        "{{\"version\":{},\"fold\":{},\"model\":{},\"reference\":{}}}",
        quote(version),
        quote(fold),
        quote(model),
        quote(reference)
    );
    answer((true, body))
}

async fn console() -> Html<&'static str> {
    Html(CONSOLE)
}

const CONSOLE: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>entrepot</title>\
<h1>entrepot</h1><p>Probable Chinese origin of goods declared as coming from elsewhere.</p><ul>\
<li><a href=\"/metrics\">/metrics</a> counters and gauges, for Prometheus</li>\
<li><a href=\"/healthz\">/healthz</a> process and workers alive</li>\
<li><a href=\"/readyz\">/readyz</a> partitions assigned and restored</li>\
<li><a href=\"/version\">/version</a> build, fold, model, reference bundle</li></ul></html>\n";

fn answer((good, mut body): (bool, String)) -> Response {
    body.push('\n');
    let status = if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// The address as bound, for the log line and the terminal.
pub(super) fn address_of(listener: &TcpListener) -> Option<SocketAddr> {
    listener.local_addr().ok()
}

#[expect(clippy::disallowed_methods, reason = "silence of a worker is measured by the machine's time")]
fn now() -> Instant {
    Instant::now()
}
