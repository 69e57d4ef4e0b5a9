//! Connectors for the servers of a client's URLs: one, or a failover over several.

use std::sync::Arc;
#[cfg(feature = "failover")]
use std::time::Duration;

#[cfg(feature = "failover")]
use swarm_transport::BoxFuture;
use swarm_transport::failover::FailoverOptions;
#[cfg(feature = "failover")]
use swarm_transport::failover::{Candidate, Clock, Failover};
use swarm_transport::{Connect, Endpoint};

use crate::error::{Error, Result};
#[cfg(feature = "failover")]
use crate::runtime::{Instant, sleep};

/// A connector of the HTTP fallback and its address.
pub(super) type Fallback = (Arc<dyn Connect>, Endpoint);

/// The connector of connections, and that of the HTTP fallback.
type Connectors = (Arc<dyn Connect>, Option<Arc<dyn Connect>>);

/// Checks that the servers of a list are those of one deployment, and returns the first, whose
/// credentials and database are those of all.
///
/// # Errors
///
/// If they differ in more than their addresses.
pub(super) fn first_of(endpoints: &[Endpoint]) -> Result<&Endpoint> {
    let [first, others @ ..] = endpoints else {
        return Err(Error::config("url is empty; give the URL of a server"));
    };
    let parts = |endpoint: &Endpoint| {
        let (user, password) = (endpoint.user(), endpoint.password());
        let owned = |part: Option<&str>| part.map(str::to_owned);
        (owned(user), owned(password), endpoint.database())
    };
    for other in others {
        if parts(other) != parts(first) {
            return Err(Error::config(
                "url lists servers with different users, passwords or databases; write the same \
                 for each, or none, and set the option password",
            ));
        }
        if other.scheme().is_http() != first.scheme().is_http() {
            return Err(Error::config(
                "url lists servers with and without http://; give the HTTP gateways in http_url",
            ));
        }
    }
    Ok(first)
}

/// Returns an address without secrets, and without the path if that is empty.
fn address(endpoint: &Endpoint) -> Arc<str> {
    let address = endpoint.to_string();
    match address.strip_suffix('/') {
        Some(short) if endpoint.path() == "/" => short.into(),
        _ => address.into(),
    }
}

/// Returns the addresses of servers without secrets.
pub(super) fn addresses(endpoints: &[Endpoint]) -> Arc<str> {
    let addresses: Vec<_> = endpoints.iter().map(address).collect();
    addresses.join(", ").into()
}

/// Creates the connectors of a client: the one for connections, and the one of the HTTP fallback.
///
/// # Errors
///
/// If the number of HTTP gateways fits neither one server nor all of them.
pub(super) fn connectors(
    servers: Vec<(Endpoint, Arc<dyn Connect>)>,
    fallbacks: Vec<Fallback>,
    options: FailoverOptions,
) -> Result<Connectors> {
    let (servers, fallbacks): (Vec<_>, Vec<_>) = match (servers.len(), fallbacks.len()) {
        (1, 0 | 1) => {
            let connector = servers.into_iter().next().map(|(_, connector)| connector);
            let fallback = fallbacks.into_iter().next().map(|(connector, _)| connector);
            let missing = || Error::config("url is empty; give the URL of a server");
            return Ok((connector.ok_or_else(missing)?, fallback));
        }
        // None, or one for all of them.
        (_, 0 | 1) => (servers, fallbacks),
        (servers, fallbacks) if servers != fallbacks => {
            return Err(Error::config(format!(
                "http_url lists {fallbacks} gateways for {servers} servers in url; give one for \
                 each server, one for all, or none"
            )));
        }
        _ => (servers, fallbacks),
    };
    choice(servers, fallbacks, options)
}

/// Creates a failover over several servers.
#[cfg(feature = "failover")]
fn choice(
    servers: Vec<(Endpoint, Arc<dyn Connect>)>,
    fallbacks: Vec<Fallback>,
    options: FailoverOptions,
) -> Result<Connectors> {
    let is_shared = fallbacks.len() < servers.len();
    let mut fallbacks = fallbacks.into_iter().map(|(connector, _)| connector);
    let shared = is_shared.then(|| fallbacks.next()).flatten();
    let candidate = |(endpoint, connector): (Endpoint, Arc<dyn Connect>)| {
        let candidate = Candidate::new(address(&endpoint), connector);
        let candidate = candidate.addressed(&endpoint);
        match fallbacks.next() {
            Some(fallback) => candidate.fallback(fallback),
            None => candidate,
        }
    };
    let candidates: Vec<_> = servers.into_iter().map(candidate).collect();
    let has_own = !is_shared;
    let failover = Failover::new(candidates)
        .with_options(options)
        .with_clock(RuntimeClock::new());
    let fallback = match has_own {
        true => Some(Arc::new(failover.fallback()) as Arc<dyn Connect>),
        false => shared,
    };
    Ok((Arc::new(failover), fallback))
}

#[cfg(not(feature = "failover"))]
fn choice(
    _: Vec<(Endpoint, Arc<dyn Connect>)>,
    _: Vec<Fallback>,
    _: FailoverOptions,
) -> Result<Connectors> {
    Err(without_feature())
}

/// Several servers were given.
pub(super) fn without_feature() -> Error {
    Error::config(
        "several servers require the feature `failover`; enable it, or give the URL of one server",
    )
}

/// The clock of the client's runtime.
#[cfg(feature = "failover")]
pub(super) struct RuntimeClock(Instant);

#[cfg(feature = "failover")]
impl RuntimeClock {
    pub(super) fn new() -> Self {
        Self(Instant::now())
    }
}

#[cfg(feature = "failover")]
impl Clock for RuntimeClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(sleep(time))
    }
}
