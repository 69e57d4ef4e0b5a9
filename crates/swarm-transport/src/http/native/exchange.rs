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
use super::pool::{Pool, Sender};
use super::reply::{self, Replies};
use crate::dial::{self, Dialer, Progress, Step, deadline_after};
use crate::{Endpoint, PeerIdentity, TransportError, TransportErrorKind as Kind, retry_after};

pub(in crate::http) struct Exchange {
    pool: Pool,
    replies: Replies,
    timeout: Duration,
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
        let path = reply::path(&endpoint);
        let absolute = format!("{}://{}{path}", endpoint.scheme(), endpoint.authority());
        let options = &dialer.options;
        Ok(Self {
            replies: Replies::new(&endpoint, options),
            timeout: options.http_timeout,
            headers: headers(&endpoint, &options.headers).map_err(invalid_request)?,
            path: path
                .parse()
                .map_err(|error| invalid_request(hyper::http::Error::from(error)))?,
            absolute: absolute
                .parse()
                .map_err(|error| invalid_request(hyper::http::Error::from(error)))?,
            pool: Pool::new(dialer),
        })
    }

    /// Records which server the peer is.
    pub(in crate::http) fn peer_identified(&self, peer: &PeerIdentity) {
        self.pool.peer_identified(peer);
    }

    /// Opens the first connection and sends PING over it, without a timeout.
    pub(super) async fn probe(&self, progress: &Progress) -> Result<(), TransportError> {
        let ping = Request::new("PING", ());
        let body = reply::encode(&ping)?;
        let mut sender = self.pool.dial(progress).await?;
        progress.set_step(Step::Probe);
        let response = sender
            .send(self.request(body, reply::accept(&ping), sender.is_http1()))
            .await
            .map_err(|error| {
                let error = hyper_error(&self.replies.endpoint, error.into_error());
                if self.pool.peer_sent_alert() {
                    return dial::speaks_tls(&self.replies.endpoint).with_source(error);
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
        let reply = self.finish(sender, response).await?;
        self.replies.probe(&reply)
    }

    /// Sends a request and returns its reply. An error ends the transport; an error reply to this
    /// request alone is a frame.
    pub(super) async fn run(&self, request: &Request) -> Result<Frame, TransportError> {
        let body = reply::encode(request)?;
        let accept = reply::accept(request);
        let progress = Progress::default();
        let exchange = async {
            let (sender, response) = self.send(&body, accept, &progress).await?;
            self.finish(sender, response).await
        };
        let deadline = deadline_after(Instant::now(), self.timeout);
        timeout_at(deadline, exchange).await.unwrap_or_else(|_| {
            if !progress.is_done() {
                return Err(progress.timed_out(&self.replies.endpoint, self.timeout));
            }
            Err(self.replies.timed_out(self.timeout))
        })
    }

    async fn send(
        &self,
        body: &Bytes,
        accept: &'static str,
        progress: &Progress,
    ) -> Result<(Sender, Response<Incoming>), TransportError> {
        let (mut sender, mut reused) = self.pool.take(progress).await?;
        loop {
            progress.set_step(Step::Done);
            let request = self.request(body.clone(), accept, sender.is_http1());
            match sender.send(request).await {
                Ok(response) => return Ok((sender, response)),
                // The server closed the pooled connection, and nothing was written to it.
                Err(error) if reused && error.message().is_some() => {
                    sender = self.pool.open(progress).await?;
                    reused = false;
                }
                Err(error) => return Err(hyper_error(&self.replies.endpoint, error.into_error())),
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

    fn request(
        &self,
        body: Bytes,
        accept: &'static str,
        http1: bool,
    ) -> hyper::Request<Full<Bytes>> {
        let mut request = hyper::Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.headers_mut() = self.headers.clone();
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
        self.replies.check_status(status)?;
        let body = Limited::new(response.into_body(), self.replies.max_body());
        let body = body
            .collect()
            .await
            .map_err(|error| self.body_error(error))?
            .to_bytes();
        self.replies.frame(status, &body)
    }

    fn body_error(&self, error: Box<dyn Error + Send + Sync>) -> TransportError {
        match error.downcast::<hyper::Error>() {
            Ok(error) => hyper_error(&self.replies.endpoint, *error),
            Err(error) if error.is::<LengthLimitError>() => self.replies.body_too_large(),
            Err(error) => TransportError::new(Kind::Io, "a response could not be read completely")
                .with_source(error),
        }
    }
}

fn headers(
    endpoint: &Endpoint,
    given: &[(String, String)],
) -> Result<HeaderMap, hyper::http::Error> {
    let mut headers = HeaderMap::new();
    headers.insert(HOST, HeaderValue::try_from(endpoint.authority())?);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(reply::JSON));
    for (name, value) in given {
        let mut value = HeaderValue::try_from(value)?;
        value.set_sensitive(true);
        headers.append(HeaderName::try_from(name)?, value);
    }
    Ok(headers)
}
