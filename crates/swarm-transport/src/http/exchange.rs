//! One request and its answer.

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

use super::json::{self, Answer};
use super::pool::{Pool, Sender};
use crate::dial::{self, Dialer, Progress, Step, after};
use crate::{
    Endpoint, PeerIdentity, TransportError, TransportErrorKind as Kind, http_status, retry_after,
};

/// Answers with types in them: numbers, booleans and maps.
const TYPED: &str = "application/json; resp=3";

/// What a value with U+FFFD in it is answered as.
const LOSSY: &str = "LOSSY the command ran, and its reply holds U+FFFD, which the HTTP gateway puts in place \
     of bytes that are not UTF-8; read it over ws:// or redis://, or allow lossy replies";

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
        let unwritable = |error: hyper::http::Error| {
            let what = "the address or a header cannot be written as an HTTP request";
            TransportError::new(Kind::Endpoint, what).with_source(error)
        };
        let endpoint = dialer.endpoint.clone();
        let path = format!("{}/cmd", endpoint.path().trim_end_matches('/'));
        let absolute = format!("{}://{}{path}", endpoint.scheme(), endpoint.authority());
        let options = &dialer.options;
        Ok(Self {
            limits: options.limits,
            timeout: options.http_timeout,
            lossy: options.lossy_replies,
            headers: headers(&endpoint, &options.headers).map_err(unwritable)?,
            path: path
                .parse()
                .map_err(|error| unwritable(hyper::http::Error::from(error)))?,
            absolute: absolute
                .parse()
                .map_err(|error| unwritable(hyper::http::Error::from(error)))?,
            endpoint,
            pool: Pool::new(dialer),
        })
    }

    /// Takes note of which server the peer is.
    pub(super) fn peer_identified(&self, peer: &PeerIdentity) {
        self.pool.peer_identified(peer);
    }

    /// Opens the first connection and sends PING over it. Not bounded in time.
    pub(super) async fn probe(&self, progress: &Progress) -> Result<Frame, TransportError> {
        let body = encode(&Request::new("PING", ()))?;
        let mut sender = self.pool.dial(progress).await?;
        progress.reached(Step::Probe);
        let response = sender
            .send(self.request(body, true, sender.is_http1()))
            .await
            .map_err(|error| failed(&self.endpoint, error.into_error()))?;
        self.finish(sender, response).await
    }

    /// Sends a request and takes its answer. An error ends the transport; one that concerns the request alone is a
    /// frame.
    pub(super) async fn run(&self, request: &Request) -> Result<Frame, TransportError> {
        let body = encode(request)?;
        // Typed, EXISTS is answered true or false, and its count is lost.
        let typed = !request.name().eq_ignore_ascii_case(b"EXISTS");
        let progress = Progress::default();
        let exchange = async {
            let (sender, response) = self.send(&body, typed, &progress).await?;
            self.finish(sender, response).await
        };
        let deadline = after(Instant::now(), self.timeout);
        timeout_at(deadline, exchange).await.unwrap_or_else(|_| {
            if !progress.is_done() {
                return Err(progress.timed_out(&self.endpoint, self.timeout));
            }
            let what = format!("{} did not answer within {:?}", self.endpoint, self.timeout);
            Err(TransportError::new(Kind::Timeout, what))
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
            progress.reached(Step::Done);
            let request = self.request(body.clone(), typed, sender.is_http1());
            match sender.send(request).await {
                Ok(response) => return Ok((sender, response)),
                // A kept connection that the server closed meanwhile; nothing was written to it.
                Err(error) if reused && error.message().is_some() => {
                    sender = self.pool.open(progress).await?;
                    reused = false;
                }
                Err(error) => return Err(failed(&self.endpoint, error.into_error())),
            }
        }
    }

    /// Reads an answer, and keeps the connection for the next request.
    async fn finish(
        &self,
        sender: Sender,
        response: Response<Incoming>,
    ) -> Result<Frame, TransportError> {
        let answer = self.read(response).await?;
        // HTTP/2 is shared: it was never taken out.
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
            // The body holds no reply, so an error page that is cut short or too large must not hide the status.
            return Err(refused());
        }
        let body = Limited::new(response.into_body(), self.limits.max_frame);
        let body = body
            .collect()
            .await
            .map_err(|error| self.broken_body(error))?
            .to_bytes();
        match (status, json::answer(&body, &self.limits)) {
            (200, Ok(Answer::Result(frame))) => Ok(frame),
            (200, Ok(Answer::Lossy(frame))) if self.lossy => Ok(frame),
            (200, Ok(Answer::Lossy(_))) => Ok(Frame::error(LOSSY)),
            // The server's error reply to this request alone, which it did not run.
            (_, Ok(Answer::Error(text))) => Ok(Frame::error(text)),
            (200, Err(error)) => {
                let what = format!(
                    "{} answered what is not a JSON reply ({}); check the path",
                    self.endpoint,
                    json::fault(&error)
                );
                Err(TransportError::new(Kind::Protocol, what).with_status(status))
            }
            _ => Err(refused()),
        }
    }

    fn broken_body(&self, error: Box<dyn Error + Send + Sync>) -> TransportError {
        match error.downcast::<hyper::Error>() {
            Ok(error) => failed(&self.endpoint, *error),
            Err(error) if error.is::<LengthLimitError>() => TransportError::new(
                Kind::Limit,
                format!(
                    "an answer is larger than the limits allow: {} bytes",
                    self.limits.max_frame
                ),
            ),
            Err(error) => TransportError::new(Kind::Io, "an answer broke off").with_source(error),
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

/// The error of an HTTP connection.
pub(super) fn failed(endpoint: &Endpoint, error: hyper::Error) -> TransportError {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            let (kind, what) = dial::diagnose(io);
            let what = format!("the exchange with {endpoint} failed: {what}");
            return TransportError::new(kind, what).with_source(error);
        }
        source = cause.source();
    }
    let (kind, what) = if error.is_incomplete_message() || error.is_canceled() || error.is_closed()
    {
        (Kind::Closed, "closed the connection before it answered")
    } else if error.is_parse() {
        (Kind::Protocol, "does not speak HTTP; check scheme and port")
    } else if error.is_timeout() {
        (Kind::Timeout, "did not answer in time")
    } else {
        (Kind::Io, "broke the exchange")
    };
    TransportError::new(kind, format!("{endpoint} {what}")).with_source(error)
}
