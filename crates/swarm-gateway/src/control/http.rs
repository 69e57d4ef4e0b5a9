//! HTTP of the control door: who may send requests, their bodies, and responses.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONNECTION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, ORIGIN};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::door::Door;
use super::problem::{Code, Failure, Problem};
use super::route::Route;
use super::routes;

/// Timeout for receiving the head of a request.
const HEAD: Duration = Duration::from_secs(10);

/// Timeout for receiving the body of a request.
const BODY: Duration = Duration::from_secs(30);

/// Maximum size of a body.
const SMALL: usize = 1 << 20;

/// Maximum size of a snapshot.
const LARGE: usize = 256 << 20;

/// Serves all connections of a door.
pub(super) struct Server {
    routes: Vec<Route>,
    door: Door,
    /// Whether other machines may reach the door.
    remote: bool,
}

/// Serves one connection.
pub(super) async fn serve(server: std::sync::Arc<Server>, stream: TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let service = service_fn(|request| {
        let server = server.clone();
        async move { Ok::<_, std::convert::Infallible>(server.respond(request).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "connection to the control door ended");
    }
}

impl Server {
    pub(super) fn new(door: Door, remote: bool) -> Self {
        let routes = routes::all();
        Self {
            routes,
            door,
            remote,
        }
    }

    async fn respond(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        if let Err(problem) = admit(request.headers(), self.remote) {
            return refusal(&problem);
        }
        let (head, body) = request.into_parts();
        let path = head.uri.path();
        // A path without a parameter is no value of another path's parameter.
        let is_literal = self.routes.iter().any(|route| route.path == path);
        let fits = |route: &&Route| match is_literal {
            true => route.path == path,
            false => route.parameter(path).is_some(),
        };
        let fitting = || self.routes.iter().filter(fits);
        let Some(route) = fitting().find(|route| route.method == head.method) else {
            let methods: Vec<_> = fitting().map(|route| route.method.as_str()).collect();
            return unknown(path, &methods.join(", "));
        };
        if let Some(query) = head.uri.query().filter(|query| !query.is_empty()) {
            let name = query.split(['=', '&']).next().unwrap_or_default();
            let text = format!("unknown field `{name}` in the query, which must be empty");
            return refusal(&Problem::new(Code::UnknownField, text));
        }
        let limit = if route.is_large { LARGE } else { SMALL };
        let body = match read(body, limit).await {
            Ok(body) => body,
            Err(problem) => return refusal(&problem),
        };
        let parameter = route.parameter(path).unwrap_or_default();
        match route.run(self.door.clone(), parameter, body).await {
            Ok(body) => response(route.status, body),
            Err(problem) => failure(&problem),
        }
    }
}

/// Refuses requests of web pages: those with an origin or from another site, and those to a name
/// that leads here only because a page's server says so.
fn admit(headers: &HeaderMap, remote: bool) -> Result<(), Problem> {
    let refused = |text: &str| Err(Problem::new(Code::Forbidden, text));
    if headers.contains_key(ORIGIN) {
        return refused("web pages may not use the control door: remove the header `Origin`");
    }
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    if site.is_some_and(|site| site != b"none") {
        return refused("web pages may not use the control door");
    }
    let host = headers.get(HOST).map(HeaderValue::as_bytes);
    if !remote && !host.is_none_or(is_local) {
        return refused("the host must be an IP address or localhost");
    }
    Ok(())
}

/// Returns whether a host, perhaps with a port, is an IP address or `localhost`.
fn is_local(host: &[u8]) -> bool {
    let host = String::from_utf8_lossy(host);
    let name = match host.strip_prefix('[') {
        Some(address) => address.split(']').next(),
        None => host.split(':').next(),
    };
    let name = name.unwrap_or_default();
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

async fn read(body: Incoming, limit: usize) -> Result<Bytes, Problem> {
    match timeout(BODY, Limited::new(body, limit).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let text = format!("the body must have at most {limit} bytes");
            Err(Problem::new(Code::BodyTooLarge, text))
        }
        Ok(Err(_)) => Err(Problem::new(Code::InvalidRequest, "incomplete body")),
        Err(_) => {
            let text = format!("the body did not arrive within {} s", BODY.as_secs());
            Err(Problem::new(Code::BodyTooSlow, text))
        }
    }
}

fn response(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let is_empty = body.is_empty();
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    if !is_empty {
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
    }
    response
}

fn failure(problem: &Problem) -> Response<Full<Bytes>> {
    let status = problem.code.status();
    let error = problem.clone();
    let body = serde_json::to_vec(&Failure { error }).unwrap_or_default();
    response(status, body.into())
}

/// Returns a failure after which the rest of the request is not read.
fn refusal(problem: &Problem) -> Response<Full<Bytes>> {
    let mut response = failure(problem);
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(CONNECTION, close);
    response
}

/// Returns the failure of a path that does not exist, or has only other methods.
fn unknown(path: &str, methods: &str) -> Response<Full<Bytes>> {
    if methods.is_empty() {
        let text = format!("there is no {path}; see /openapi.json");
        return refusal(&Problem::new(Code::NotFound, text));
    }
    let text = format!("{path} has only {methods}");
    let mut response = refusal(&Problem::new(Code::MethodNotAllowed, text));
    if let Ok(methods) = HeaderValue::from_str(methods) {
        response.headers_mut().insert(ALLOW, methods);
    }
    response
}
