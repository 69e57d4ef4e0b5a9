//! HTTP listener: one command per request, without state between requests.

mod answer;
mod auth;
mod body;
mod cors;
mod idle;
mod route;
mod upstream;
mod upstream_route;

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, ORIGIN};
use hyper::server::conn::http1;
#[cfg(feature = "tls")]
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use swarm_resp::{Frame, RespVersion};

use super::Stop;
use crate::dialect::Quirk;
use crate::event_loop::Spawner;
use crate::fault::Opening;
use crate::listener_kind::ListenerKind;
use crate::outbox::{Item, Outbox};
use crate::session::{Inbound, Session, Shared};
use crate::shutdown::{DRAIN_TIMEOUT, raised};
use crate::stream::{Addresses, Stream};
use answer::Answer;
use idle::Idle;

/// Timeout for receiving the head of a request.
const HEAD: Duration = Duration::from_secs(10);

/// The same where idle connections are reset.
const LONG_HEAD: Duration = Duration::from_secs(100);

/// Interval of HTTP/2 keep-alive pings.
#[cfg(feature = "tls")]
const PING: Duration = Duration::from_secs(30);

/// Returns a function that serves one connection. Each stream of an HTTP/2 connection is a task of
/// its own.
pub(crate) fn serve(
    spawner: Spawner,
) -> impl Fn(Arc<Shared>, Stream, Stop) -> futures_util::future::BoxFuture<'static, ()> + Clone {
    move |shared, stream, stop| {
        let spawner = spawner.clone();
        Box::pin(serve_connection(shared, stream, stop, spawner))
    }
}

async fn serve_connection(
    shared: Arc<Shared>,
    stream: Stream,
    mut stop: Stop,
    #[cfg_attr(
        not(feature = "tls"),
        expect(
            unused_variables,
            reason = "only HTTP/2 spawns tasks, and it needs TLS"
        )
    )]
    spawner: Spawner,
) {
    shared.faults.thawed().await;
    let addresses = stream.addresses();
    let opening = Opening {
        listener: ListenerKind::Http,
        remote: addresses.remote,
        client_id: None,
    };
    let mut opened = shared.faults.open(opening, None);
    let idle = (shared.dialect.has(Quirk::IdleResets)).then(|| Arc::new(Idle::new()));
    let requests = idle.clone();
    let service = service_fn(move |request| {
        let shared = shared.clone();
        let busy = requests.as_ref().map(|idle| idle.request());
        async move {
            let _busy = busy;
            if shared.dialect.has(Quirk::SwarmHttp) {
                shared.faults.thawed().await;
                upstream::answer(&shared, addresses, request).await
            } else {
                answer(&shared, addresses, request).await
            }
        }
    });
    #[cfg(feature = "tls")]
    if stream.is_http2() {
        let connection = http2::Builder::new(spawner)
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
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // The library counts the time before a request, too.
        .header_read_timeout(if idle.is_some() { LONG_HEAD } else { HEAD })
        .serve_connection(TokioIo::new(stream), service);
    let served = tokio::select! {
        served = &mut connection => served,
        () = opened.cut() => return,
        () = idle_for_too_long(idle.as_deref()) => {
            tracing::debug!("idle HTTP connection reset");
            return connection.into_parts().io.into_inner().reset();
        }
        () = raised(&mut stop) => {
            std::pin::Pin::new(&mut connection).graceful_shutdown();
            tokio::time::timeout(DRAIN_TIMEOUT, connection).await.unwrap_or(Ok(()))
        }
    };
    log(served);
}

async fn idle_for_too_long(idle: Option<&Idle>) {
    match idle {
        Some(idle) => idle.over().await,
        None => pending().await,
    }
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
    addresses: Addresses,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Cut> {
    shared.faults.thawed().await;
    let origin = request.headers().get(ORIGIN).cloned();
    if !cors::admits(&shared.origins, origin.as_ref()) {
        let text = "ERR CORS origin forbidden";
        return Ok(Answer::error(StatusCode::FORBIDDEN, text).into());
    }
    let answer = match *request.method() {
        Method::OPTIONS => Answer::empty(),
        _ => respond(shared, addresses, request).await?,
    };
    let mut response = Response::from(answer);
    cors::allow(&shared.origins, origin, response.headers_mut());
    Ok(response)
}

async fn respond(
    shared: &Arc<Shared>,
    addresses: Addresses,
    request: Request<Incoming>,
) -> Result<Answer, Cut> {
    let (head, body) = request.into_parts();
    if let Some(description) = route::description(&head.method, head.uri.path()) {
        return Ok(description);
    }
    if let Err(text) = auth::check(shared, &head) {
        return Ok(Answer::error(StatusCode::UNAUTHORIZED, text));
    }
    let body = match body::read(body, shared.max_message).await {
        Ok(body) => body,
        Err(answer) => return Ok(answer),
    };
    let args = match route::command(&head.method, head.uri.path(), &body) {
        Ok(args) => args,
        Err(answer) => return Ok(answer),
    };
    let protocol = protocol(&head.headers);
    Ok(match run(shared, addresses, args, protocol).await? {
        Some(frame) => Answer::reply(&frame, protocol),
        None => {
            let text = "ERR internal server error.";
            Answer::error(StatusCode::INTERNAL_SERVER_ERROR, text)
        }
    })
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
/// reply. Returns `None` if the command crashes the processor.
async fn run(
    shared: &Arc<Shared>,
    addresses: Addresses,
    args: Vec<Bytes>,
    protocol: RespVersion,
) -> Result<Option<Frame>, Cut> {
    let dialect = ListenerKind::Http.dialect(shared.dialect);
    let outbox = Arc::new(Outbox::new(dialect, false));
    outbox.set_protocol(protocol);
    let listener = ListenerKind::Http;
    let mut session = Session::new(shared.clone(), outbox.clone(), listener, addresses);
    session.run(Inbound::resp(Ok(args))).await;
    let mut reply = None;
    while let Some(item) = outbox.try_take() {
        match item {
            Item::Frame(frame, _) => reply = reply.or(Some(frame)),
            // Only a TCP connection is a stream of bytes.
            Item::Bytes(_) => {}
            Item::Wait(wait) => wait.over().await,
            Item::Cut | Item::Part(..) | Item::End(_) => return Err(Cut),
        }
    }
    match reply {
        Some(frame) => Ok(Some(frame)),
        None if outbox.has_crashed() => Ok(None),
        None => pending().await,
    }
}
