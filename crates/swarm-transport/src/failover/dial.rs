//! Attempts to connect of a failover: which endpoints are tried, and which connection is used.

use std::sync::Arc;

use super::Shared;
use super::attempts::{Attempt, Attempts, Ended};
use super::route::Connection;
use super::routed::Routed;
use super::selector::{DialFailure, EndpointId, Sequence};
use crate::{BoxTransport, Connect, TransportError, TransportErrorKind, Wrapper};

/// How often a dial starts again because another one has chosen another endpoint meanwhile.
const MAX_CHOICES: usize = 4;

impl Shared {
    pub(super) async fn connect(self: &Arc<Self>) -> Result<BoxTransport, TransportError> {
        self.discover().await?;
        for _ in 0..MAX_CHOICES {
            if let Some(transport) = self.try_endpoints().await? {
                return Ok(transport);
            }
        }
        Err(TransportError::new(
            TransportErrorKind::Closed,
            "the endpoint in use kept changing while connecting",
        ))
    }

    /// Tries the endpoints in order. Returns `None` if the connection that was opened must not be
    /// used, because the client uses another endpoint meanwhile.
    async fn try_endpoints(self: &Arc<Self>) -> Result<Option<BoxTransport>, TransportError> {
        let mut left = self.lock().selector.order(self.clock.now()).into_iter();
        let count = left.len();
        let mut attempts = Attempts::new();
        let mut slow = Vec::new();
        let mut failed = Vec::new();
        loop {
            let ended = match attempts.is_empty() {
                true => None,
                false => attempts.next().await,
            };
            match ended {
                Some(Ended {
                    endpoint,
                    began,
                    result: Ok(transport),
                }) => {
                    slow.retain(|id| attempts.endpoints().any(|running| running == *id));
                    return Ok(self.opened(endpoint, began, transport, &slow));
                }
                Some(Ended {
                    endpoint,
                    began,
                    result: Err(error),
                }) => {
                    let failure = match error.kind() {
                        TransportErrorKind::Refused | TransportErrorKind::Resolve => {
                            DialFailure::Refused
                        }
                        _ => DialFailure::Other,
                    };
                    let now = self.clock.now();
                    let ends =
                        self.change(|selector| selector.dial_failed(endpoint, began, failure, now));
                    failed.push((endpoint, error));
                    if ends {
                        return Err(self.no_connection(count, failed));
                    }
                }
                None => slow.extend(attempts.endpoints()),
            }
            match left.next() {
                Some(endpoint) => {
                    let (began, connector) = self.begin(endpoint);
                    let Some(connector) = connector else {
                        continue;
                    };
                    let dial = Box::pin(async move { connector.connect().await });
                    let attempt = Attempt {
                        endpoint,
                        began,
                        dial,
                    };
                    attempts.start(attempt, &*self.clock, self.options.slow_after);
                }
                None if attempts.is_empty() => return Err(self.no_connection(count, failed)),
                None => {}
            }
        }
    }

    pub(super) fn begin(&self, endpoint: EndpointId) -> (Sequence, Option<Arc<dyn Connect>>) {
        let mut state = self.lock();
        let began = state.selector.begin();
        let candidate = state.find(endpoint);
        let connector = candidate.map(|(_, _, candidate)| Arc::clone(&candidate.connector));
        (began, connector)
    }

    /// Wraps a transport, unless it must not be used.
    fn opened(
        self: &Arc<Self>,
        endpoint: EndpointId,
        began: Sequence,
        transport: BoxTransport,
        slow: &[EndpointId],
    ) -> Option<BoxTransport> {
        let now = self.clock.now();
        let is_chosen = self.change(|selector| {
            for slow in slow {
                selector.dial_slow(*slow, now);
            }
            selector.dialed(endpoint, now)
        });
        if !is_chosen {
            return None;
        }
        let (address, key) = {
            let mut state = self.lock();
            state.opened += 1;
            (state.find(endpoint)?.1.clone(), state.opened)
        };
        let connection = Connection::new(self, address, endpoint, began, key);
        Some(Wrapper::new(transport, Routed::new(connection)).boxed())
    }

    /// Describes why no endpoint could be reached. The error has the kind of the first one.
    fn no_connection(
        &self,
        count: usize,
        mut failed: Vec<(EndpointId, TransportError)>,
    ) -> TransportError {
        if failed.is_empty() {
            let what = "there is no endpoint to connect to any more";
            return TransportError::new(TransportErrorKind::Resolve, what);
        }
        let (_, first) = failed.remove(0);
        if failed.is_empty() {
            return first;
        }
        let mut message = format!("none of the {count} endpoints can be reached: {first}");
        for (_, error) in &failed {
            message.push_str("; ");
            message.push_str(&error.to_string());
        }
        let others = failed.iter().map(|(_, error)| error);
        let is_transient = others.clone().any(TransportError::is_transient);
        let first = match first.is_transient() || !is_transient {
            true => first,
            false => first.with_transient(true),
        };
        first.with_context(message)
    }

    pub(super) async fn connect_fallback(self: &Arc<Self>) -> Result<BoxTransport, TransportError> {
        self.discover().await?;
        let order = self.lock().selector.order(self.clock.now());
        let connectors: Vec<_> = {
            let state = self.lock();
            let fallback = |id: &EndpointId| Some((*id, state.find(*id)?.2.fallback.clone()?));
            order.iter().filter_map(fallback).collect()
        };
        let count = connectors.len();
        let mut left = connectors.into_iter();
        let mut attempts = Attempts::new();
        let mut failed = Vec::new();
        loop {
            match left.next() {
                Some((endpoint, connector)) => {
                    let dial = Box::pin(async move { connector.connect().await });
                    let attempt = Attempt {
                        endpoint,
                        began: 0,
                        dial,
                    };
                    attempts.start(attempt, &*self.clock, self.options.slow_after);
                }
                None if attempts.is_empty() => return Err(self.no_connection(count, failed)),
                None => {}
            }
            match attempts.next().await {
                Some(Ended {
                    result: Ok(transport),
                    ..
                }) => return Ok(transport),
                Some(Ended {
                    endpoint,
                    result: Err(error),
                    ..
                }) => failed.push((endpoint, error)),
                None => {}
            }
        }
    }
}
