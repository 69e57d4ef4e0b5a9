//! One HTTP request and its response.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT, CONTENT_TYPE, DATE, HOST, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
};
use hyper::{Method, Response, Uri};
use swarm_resp::{Frame, Request};
use tokio::time::{Instant, timeout_at};

use super::error::hyper_error;
use super::json::{self, JsonReply};
use super::pool::{Pool, Sender};
use crate::dial::{self, Dialer, Progress, Step, deadline_after};
use crate::{
    Endpoint, PeerIdentity, TransportError, TransportErrorKind as Kind, http_status, retry_after,
};

/// The media type of replies with typed values: numbers, booleans and maps.
const TYPED: &str = "application/json; resp=3";

/// The error reply for a value that contains U+FFFD.
const LOSSY: &str = "\
     LOSSY the command ran, but its reply contains U+FFFD, with which the HTTP gateway \
     replaces bytes that are not UTF-8; read it over ws:// or redis://, or allow lossy replies";

pub(super) struct Exchange {
    pool: Pool,
    endpoint: Endpoint,
    limits: swarm_resp::Limits,
    timeout: Duration,
    lossy: bool,
    headers: HeaderMap,
    path: Uri,
    absolute: Uri,
}

impl Exchange {
    pub(super) fn new(dialer: Dialer) -> Result<Self, TransportError> {
        let invalid_request = |error: hyper::http::Error| {
            let message = "the address or a header cannot be written as an HTTP request";
            TransportError::new(Kind::Endpoint, message).with_source(error)
        };
        let endpoint = dialer.endpoint.clone();
        let path = format!("{}/cmd", endpoint.path().trim_end_matches('/'));
        let absolute = format!("{}://{}{path}", endpoint.scheme(), endpoint.authority());
        let options = &dialer.options;
        Ok(Self {
            limits: options.limits,
            timeout: options.http_timeout,
            lossy: options.lossy_replies,
            headers: headers(&endpoint, &options.headers).map_err(invalid_request)?,
            path: path
                .parse()
                .map_err(|error| invalid_request(hyper::http::Error::from(error)))?,
            absolute: absolute
                .parse()
                .map_err(|error| invalid_request(hyper::http::Error::from(error)))?,
            endpoint,
            pool: Pool::new(dialer),
        })
    }

    /// Records which server the peer is.
    pub(super) fn peer_identified(&self, peer: &PeerIdentity) {
        self.pool.peer_identified(peer);
    }

    /// Opens the first connection and sends PING over it, without a timeout.
    pub(super) async fn probe(&self, progress: &Progress) -> Result<Frame, TransportError> {
        let body = encode(&Request::new("PING", ()))?;
        let mut sender = self.pool.dial(progress).await?;
        progress.set_step(Step::Probe);
        let response = sender
            .send(self.request(body, true, sender.is_http1()))
            .await
            .map_err(|error| {
                let error = hyper_error(&self.endpoint, error.into_error());
                if self.pool.peer_sent_alert() {
                    return dial::speaks_tls(&self.endpoint).with_source(error);
                }
                match error.kind() {
                    Kind::Closed => {
                        let message = format!(
                            "{error}; check the port, and use a redis:// address if it is a RESP \
                             port"
                        );
                        error.with_context(message)
                    }
                    _ => error,
                }
            })?;
        self.finish(sender, response).await
    }

    /// Sends a request and returns its reply. An error ends the transport; an error reply to this
    /// request alone is a frame.
    pub(super) async fn run(&self, request: &Request) -> Result<Frame, TransportError> {
        let body = encode(request)?;
        // With typed replies, the gateway turns the count of EXISTS into a boolean.
        let typed = !request.name().eq_ignore_ascii_case(b"EXISTS");
        let progress = Progress::default();
        let exchange = async {
            let (sender, response) = self.send(&body, typed, &progress).await?;
            self.finish(sender, response).await
        };
        let deadline = deadline_after(Instant::now(), self.timeout);
        timeout_at(deadline, exchange).await.unwrap_or_else(|_| {
            if !progress.is_done() {
                return Err(progress.timed_out(&self.endpoint, self.timeout));
            }
            let message = format!(
                "{} did not respond within {:?}",
                self.endpoint, self.timeout
            );
            Err(TransportError::new(Kind::Timeout, message))
        })
    }

    async fn send(
        &self,
        body: &Bytes,
        typed: bool,
        progress: &Progress,
    ) -> Result<(Sender, Response<Incoming>), TransportError> {
        let (mut sender, mut reused) = self.pool.take(progress).await?;
        loop {
            progress.set_step(Step::Done);
            let request = self.request(body.clone(), typed, sender.is_http1());
            match sender.send(request).await {
                Ok(response) => return Ok((sender, response)),
                // The server closed the pooled connection, and nothing was written to it.
                Err(error) if reused && error.message().is_some() => {
                    sender = self.pool.open(progress).await?;
                    reused = false;
                }
                Err(error) => return Err(hyper_error(&self.endpoint, error.into_error())),
            }
        }
    }

    /// Reads the response, and returns the connection to the pool.
    async fn finish(
        &self,
        sender: Sender,
        response: Response<Incoming>,
    ) -> Result<Frame, TransportError> {
        let answer = self.read(response).await?;
        // An HTTP/2 connection is shared, so it never left the pool.
        if sender.is_http1() {
            self.pool.put(sender);
        }
        Ok(answer)
    }

    fn request(&self, body: Bytes, typed: bool, http1: bool) -> hyper::Request<Full<Bytes>> {
        let mut request = hyper::Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.headers_mut() = self.headers.clone();
        let accept = if typed { TYPED } else { "application/json" };
        request
            .headers_mut()
            .insert(ACCEPT, HeaderValue::from_static(accept));
        if http1 {
            *request.uri_mut() = self.path.clone();
        } else {
            *request.uri_mut() = self.absolute.clone();
            request.headers_mut().remove(HOST);
        }
        request
    }

    async fn read(&self, response: Response<Incoming>) -> Result<Frame, TransportError> {
        let header = |name| response.headers().get(name).map(HeaderValue::as_bytes);
        let wait = retry_after::wait(header(RETRY_AFTER), header(DATE));
        let reply = self.reply(response).await;
        reply.map_err(|error| error.maybe_retry_after(wait))
    }

    async fn reply(&self, response: Response<Incoming>) -> Result<Frame, TransportError> {
        let status = response.status().as_u16();
        let refused = || http_status::error(&self.endpoint, status, "a command");
        if !matches!(status, 200 | 400 | 401 | 413) {
            // The body is not a reply. Do not read it: a truncated or oversized error page must not
            // hide the status.
            return Err(refused());
        }
        let body = Limited::new(response.into_body(), self.limits.max_frame);
        let body = body
            .collect()
            .await
            .map_err(|error| self.body_error(error))?
            .to_bytes();
        match (status, json::answer(&body, &self.limits)) {
            (200, Ok(JsonReply::Result(frame))) => Ok(frame),
            (200, Ok(JsonReply::Lossy(frame))) if self.lossy => Ok(frame),
            (200, Ok(JsonReply::Lossy(_))) => Ok(Frame::error(LOSSY)),
            // The server's error reply to this request, which did not run.
            (_, Ok(JsonReply::Error(text))) => Ok(Frame::error(text)),
            (200, Err(error)) => {
                let message = format!(
                    "{} returned a response that is not a JSON reply ({}); check the path",
                    self.endpoint,
                    json::describe(&error)
                );
                Err(TransportError::new(Kind::Protocol, message).with_status(status))
            }
            _ => Err(refused()),
        }
    }

    fn body_error(&self, error: Box<dyn Error + Send + Sync>) -> TransportError {
        match error.downcast::<hyper::Error>() {
            Ok(error) => hyper_error(&self.endpoint, *error),
            Err(error) if error.is::<LengthLimitError>() => TransportError::new(
                Kind::Limit,
                format!(
                    "a response exceeds the limit of {} bytes; raise limits.max_frame",
                    self.limits.max_frame
                ),
            ),
            Err(error) => TransportError::new(Kind::Io, "a response could not be read completely")
                .with_source(error),
        }
    }
}

fn encode(request: &Request) -> Result<Bytes, TransportError> {
    json::request(request).map_err(|error| {
        TransportError::new(Kind::Protocol, "the request is not UTF-8").with_source(error)
    })
}

fn headers(
    endpoint: &Endpoint,
    given: &[(String, String)],
) -> Result<HeaderMap, hyper::http::Error> {
    let mut headers = HeaderMap::new();
    headers.insert(HOST, HeaderValue::try_from(endpoint.authority())?);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in given {
        let mut value = HeaderValue::try_from(value)?;
        value.set_sensitive(true);
        headers.append(HeaderName::try_from(name)?, value);
    }
    Ok(headers)
}
