//! HTTP listener: one command per request, without state between requests.

mod answer;
mod route;

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, AUTHORIZATION, ORIGIN};
use hyper::server::conn::http1;
#[cfg(feature = "tls")]
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, StatusCode};
#[cfg(feature = "tls")]
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::{TokioIo, TokioTimer};
use swarm_resp::{Frame, RespVersion};
use tokio::sync::watch;

use super::Stop;
use crate::outbox::{Item, Outbox};
use crate::session::{Inbound, ListenerKind, Session, Shared};
use crate::shutdown::{DRAIN_TIMEOUT, raised};
use crate::stream::Stream;
use answer::Answer;
use route::Route;

/// Timeout for receiving the head of a request.
const HEAD: Duration = Duration::from_secs(10);

/// Interval of HTTP/2 keep-alive pings.
#[cfg(feature = "tls")]
const PING: Duration = Duration::from_secs(30);

/// Serves one connection.
pub(crate) async fn serve(shared: Arc<Shared>, stream: Stream, mut stop: Stop) {
    shared.faults.thawed().await;
    let mut opened = shared.faults.open(None);
    let service = service_fn(move |request| {
        let shared = shared.clone();
        async move { answer(&shared, request).await }
    });
    #[cfg(feature = "tls")]
    if stream.is_http2() {
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(PING)
            .serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        let served = tokio::select! {
            served = connection.as_mut() => served,
            () = opened.cut() => return,
            () = raised(&mut stop) => {
                connection.as_mut().graceful_shutdown();
                tokio::time::timeout(DRAIN_TIMEOUT, connection).await.unwrap_or(Ok(()))
            }
        };
        return log(served);
    }
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = opened.cut() => return,
        () = raised(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(DRAIN_TIMEOUT, connection).await.unwrap_or(Ok(()))
        }
    };
    log(served);
}

fn log(served: hyper::Result<()>) {
    if let Err(error) = served {
        tracing::debug!(%error, "HTTP connection ended");
    }
}

/// The connection must be cut: a fault requests it, or it is unknown whether the command ran.
#[derive(Debug, thiserror::Error)]
#[error("connection cut before the response")]
struct Cut;

async fn answer(
    shared: &Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Cut> {
    shared.faults.thawed().await;
    let (head, body) = request.into_parts();
    if let Err(answer) = admit(shared, &head.headers) {
        return Ok(answer.into());
    }
    let body = match Limited::new(body, shared.max_message).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            let text = "ERR request body too large";
            return Ok(Answer::error(StatusCode::PAYLOAD_TOO_LARGE, text).into());
        }
        Err(_) => {
            return Ok(
                Answer::error(StatusCode::BAD_REQUEST, "ERR incomplete request body").into(),
            );
        }
    };
    let args = match route::find(&head.method, head.uri.path(), &body) {
        Ok(Route::Command(args)) => args,
        Ok(Route::Description) => return Ok(Answer::description().into()),
        Err(answer) => return Ok(answer.into()),
    };
    let protocol = protocol(&head.headers);
    let frame = run(shared, args, protocol).await?;
    Ok(Answer::reply(&frame, protocol).into())
}

/// Rejects requests from other origins or without the password.
fn admit(shared: &Shared, headers: &HeaderMap) -> Result<(), Answer> {
    let origin = headers.get(ORIGIN).map(|origin| origin.as_bytes());
    // Only browsers send an origin, and origin checks protect only browsers.
    if origin.is_some() && !shared.admits(origin) {
        let text = "ERR origin not allowed";
        return Err(Answer::error(StatusCode::FORBIDDEN, text));
    }
    let given = headers.get(AUTHORIZATION).map(|given| given.as_bytes());
    let given = given.and_then(|given| given.strip_prefix(b"Bearer "));
    if shared.accepts_password(given) {
        Ok(())
    } else {
        let text = "NOAUTH Authentication required.";
        Err(Answer::error(StatusCode::UNAUTHORIZED, text))
    }
}

/// `Accept: application/json; resp=3` requests typed JSON.
fn protocol(headers: &HeaderMap) -> RespVersion {
    let accept = headers.get(ACCEPT).map(|accept| accept.as_bytes());
    let typed = accept.is_some_and(|accept| {
        (accept.split(|byte| matches!(byte, b';' | b',')))
            .any(|part| part.trim_ascii().eq_ignore_ascii_case(b"resp=3"))
    });
    if typed {
        RespVersion::Resp3
    } else {
        RespVersion::Resp2
    }
}

/// Runs one command in its own session; the session ends if the client disconnects before the
/// reply.
async fn run(shared: &Arc<Shared>, args: Vec<Bytes>, protocol: RespVersion) -> Result<Frame, Cut> {
    let dialect = ListenerKind::Http.dialect(shared.dialect);
    let outbox = Arc::new(Outbox::new(dialect));
    outbox.set_protocol(protocol);
    let (here, gone) = watch::channel(false);
    let mut session = Session::new(shared.clone(), outbox.clone(), ListenerKind::Http, gone);
    session.handle(Inbound::resp(Ok(args))).await;
    let mut reply = None;
    while let Some(item) = outbox.try_take() {
        match item {
            Item::Frame(frame, _) => reply = reply.or(Some(frame)),
            Item::Wait(wait) => wait.over().await,
            Item::Cut | Item::Part(..) | Item::End(_) => return Err(Cut),
        }
    }
    drop(here);
    match reply {
        Some(frame) => Ok(frame),
        None => pending().await,
    }
}
