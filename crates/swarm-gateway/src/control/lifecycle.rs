//! Operations on the gateway itself.

use schemars::JsonSchema;
use serde::Serialize;

use super::door::Door;
use super::problem::Problem;
use super::route::{Body, Nothing};
use crate::instance::Instance;

/// A gateway.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Status {
    version: &'static str,
    /// Whether the gateway accepts connections.
    running: bool,
    /// URL for WebSocket clients; null if that listener is disabled.
    ws_url: Option<String>,
    /// URL for HTTP clients; null if that listener is disabled.
    http_url: Option<String>,
    /// URL for RESP clients; null if that listener is disabled.
    tcp_url: Option<String>,
    /// `standard`, or the quirks of the dialect, separated by commas.
    dialect: String,
}

async fn state(gateway: &Instance) -> Status {
    let url = |url: &str| (!url.is_empty()).then(|| url.to_owned());
    Status {
        version: env!("CARGO_PKG_VERSION"),
        running: gateway.is_running().await,
        ws_url: url(gateway.ws_url()),
        http_url: url(gateway.http_url()),
        tcp_url: url(gateway.tcp_url()),
        dialect: gateway.shared().dialect.to_string(),
    }
}

impl Body for Status {}

pub(super) async fn status(door: Door, (): (), _: Nothing) -> Result<Status, Problem> {
    Ok(state(&*door.gateway()?).await)
}

pub(super) async fn stop(door: Door, (): (), _: Nothing) -> Result<Status, Problem> {
    let gateway = door.gateway()?;
    gateway.stop().await;
    Ok(state(&gateway).await)
}

pub(super) async fn start(door: Door, (): (), _: Nothing) -> Result<Status, Problem> {
    let gateway = door.gateway()?;
    gateway.start().await?;
    Ok(state(&gateway).await)
}

pub(super) async fn restart(door: Door, (): (), _: Nothing) -> Result<Status, Problem> {
    let gateway = door.gateway()?;
    gateway.restart().await?;
    Ok(state(&gateway).await)
}
