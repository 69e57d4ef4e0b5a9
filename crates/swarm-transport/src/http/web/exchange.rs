//! One request by `fetch`, and its response.

use std::time::Duration;

use js_sys::{Function, IteratorNext, Promise, Reflect, Uint8Array};
use swarm_resp::{Frame, Request};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, Headers, RequestCache, RequestInit, RequestRedirect, Response, ResponseType,
};

use super::reply::{self, Replies};
use crate::{
    Endpoint, TransportError, TransportErrorKind as Kind, TransportOptions, retry_after, web,
};

pub(in crate::http) struct Exchange {
    replies: Replies,
    url: String,
    headers: Vec<(String, String)>,
    timeout: Duration,
}

/// A request that the browser has taken.
pub(super) struct Call {
    response: JsFuture,
    abort: AbortOnDrop,
}

/// Aborts a request that has not ended.
struct AbortOnDrop(AbortController);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Exchange {
    pub(super) fn new(endpoint: &Endpoint, options: &TransportOptions) -> Self {
        Self {
            url: format!(
                "{}://{}{}",
                endpoint.scheme(),
                endpoint.authority(),
                reply::path(endpoint)
            ),
            headers: options.headers.clone(),
            timeout: options.http_timeout,
            replies: Replies::new(endpoint, options),
        }
    }

    /// The browser owns the connections.
    #[expect(clippy::unused_self, reason = "only other platforms use it")]
    pub(in crate::http) const fn peer_identified(&self, _: &crate::PeerIdentity) {}

    /// Sends PING, without a timeout.
    pub(super) async fn probe(&self) -> Result<(), TransportError> {
        let call = self.call(&Request::new("PING", ()))?;
        let reply = self.finish(call, Kind::Refused).await?;
        self.replies.probe(&reply)
    }

    /// Passes a request to the browser.
    pub(super) fn call(&self, request: &Request) -> Result<Call, TransportError> {
        let body = reply::encode(request)?;
        self.fetch(&body, reply::accept(request)).map_err(|_| {
            let message = "the address or a header cannot be written as an HTTP request";
            TransportError::new(Kind::Endpoint, message)
        })
    }

    /// Awaits the reply to a request. An error ends the transport; an error reply to this request
    /// alone is a frame.
    pub(super) async fn run(&self, call: Call) -> Result<Frame, TransportError> {
        let reply = web::within(self.timeout, self.finish(call, Kind::Io)).await;
        reply.unwrap_or_else(|| Err(self.replies.timed_out(self.timeout)))
    }

    fn fetch(&self, body: &[u8], accept: &str) -> Result<Call, JsValue> {
        let headers = Headers::new()?;
        headers.set("Content-Type", reply::JSON)?;
        headers.set("Accept", accept)?;
        for (name, value) in &self.headers {
            headers.append(name, value)?;
        }
        let abort = AbortOnDrop(AbortController::new()?);
        let init = RequestInit::new();
        init.set_method("POST");
        init.set_headers_headers(&headers);
        init.set_body(&Uint8Array::from(body));
        init.set_cache(RequestCache::NoStore);
        init.set_redirect(RequestRedirect::Manual);
        init.set_signal(Some(&abort.0.signal()));
        // A page, a worker and a server have the function in different global objects.
        let global = js_sys::global();
        let fetch: Function = Reflect::get(&global, &"fetch".into())?.dyn_into()?;
        let response = fetch.call2(&global, &self.url.as_str().into(), &init)?;
        let response = JsFuture::from(response.dyn_into::<Promise>()?);
        Ok(Call { response, abort })
    }

    /// Awaits the response. `kind` is that of an error for which the browser gives no reason.
    async fn finish(&self, call: Call, kind: Kind) -> Result<Frame, TransportError> {
        let Call { response, abort } = call;
        let endpoint = &self.replies.endpoint;
        let response = response.await.and_then(JsCast::dyn_into::<Response>);
        let response = response.map_err(|_| {
            TransportError::new(
                kind,
                format!(
                    "the HTTP request to {endpoint} failed, and the browser gives no reason; is \
                     the gateway running, does it allow this page's origin (CORS), and is its \
                     certificate trusted?"
                ),
            )
        })?;
        if response.type_() == ResponseType::Opaqueredirect {
            let message =
                format!("{endpoint} redirects, which is not followed; use the target address");
            return Err(TransportError::new(Kind::Protocol, message));
        }
        // The browser shows these only if the gateway exposes them to the page.
        let header = |name| response.headers().get(name).ok().flatten();
        let (retry, date) = (header("Retry-After"), header("Date"));
        let wait = retry_after::wait(
            retry.as_deref().map(str::as_bytes),
            date.as_deref().map(str::as_bytes),
        );
        let frame = self.read(&response).await;
        // The response is complete, or not wanted.
        drop(abort);
        frame.map_err(|error| error.maybe_retry_after(wait))
    }

    async fn read(&self, response: &Response) -> Result<Frame, TransportError> {
        let status = response.status();
        self.replies.check_status(status)?;
        let broken = |_: JsValue| {
            let message = "a response could not be read completely";
            TransportError::new(Kind::Io, message)
        };
        let mut body = Vec::new();
        if let Some(stream) = response.body() {
            let reader = web_sys::ReadableStreamDefaultReader::new(&stream).map_err(broken)?;
            loop {
                let part = JsFuture::from(reader.read()).await.map_err(broken)?;
                let part = part.unchecked_into::<IteratorNext>();
                if part.done() {
                    break;
                }
                let part = part.value().dyn_into::<Uint8Array>().map_err(broken)?;
                let size = body.len() + part.length() as usize;
                if size > self.replies.max_body() {
                    return Err(self.replies.body_too_large());
                }
                body.extend_from_slice(&part.to_vec());
            }
        }
        self.replies.frame(status, &body)
    }
}
