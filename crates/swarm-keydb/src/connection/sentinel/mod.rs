//! The primary that sentinels name: a failover whose discovery asks them.

mod ask;
mod discovery;
mod latest;
mod race;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use swarm_transport::failover::Failover;
use swarm_transport::{BoxFuture, BoxTransport, Connect, TransportError, TransportErrorKind};

use super::factory::select_database;
use super::several::RuntimeClock;
use super::{Settings, Target};
use crate::error::{Error, Result};
use crate::options::{ClientOptions, SentinelOptions, SentinelUrl};
use crate::runtime::timeout;
use ask::Asker;
use discovery::Discovery;

impl ClientOptions {
    /// Resolves the options for the primary that sentinels name.
    ///
    /// # Errors
    ///
    /// If the URL or an option of the transport is invalid.
    pub(super) fn target_of_sentinels(&self) -> Result<Target> {
        let url = SentinelUrl::parse(&self.url)?;
        if self.fallback.url_beside(&self.url).is_some() {
            return Err(Error::config(
                "http_url is the gateway of one server, and sentinels name several; remove it",
            ));
        }
        let mut settings = Settings {
            address: Some(url.to_string().into()),
            needs_primary: true,
            ..self.settings()
        };
        settings.retry = settings.retry.within_one_server();
        select_database(&mut settings, &url.server);
        Ok(Target {
            login: self.login_at(&url.server)?,
            connector: Arc::new(self.connector_of(&url)?),
            fallback: None,
            custom: false,
            origin: self.origin(Some(&url.server), &settings),
            session: true,
            max_connections: None,
            binary_arguments: true,
            settings,
        })
    }

    fn connector_of(&self, url: &SentinelUrl) -> Result<Connector> {
        let is_tls = url.server.scheme().is_tls();
        let limit = self.dial_timeout();
        let servers = self.transport.clone().dial_timeout(limit);
        let SentinelOptions {
            credentials,
            tls,
            transport,
            map,
        } = self.sentinel.clone();
        let transport = transport.unwrap_or_else(|| servers.clone());
        let asker = Asker {
            name: url.name.clone(),
            is_tls: tls.unwrap_or(is_tls),
            transport: transport.dial_timeout(limit),
            credentials: credentials.or_else(|| url.credentials.clone()),
            map,
            // Leaves time to connect to the primary.
            limit: limit / 2,
        };
        // Invalid options fail here, rather than when the client connects.
        for (is_tls, transport) in [(is_tls, &servers), (asker.is_tls, &asker.transport)] {
            (url.sentinels.iter())
                .try_for_each(|sentinel| sentinel.check(is_tls, transport))
                .map_err(|error| Error::config(error.to_string()))?;
        }
        let discovery = Discovery {
            asker,
            is_tls,
            transport: servers,
            seeds: url.sentinels.clone(),
            known: Mutex::new(url.sentinels.clone()),
            latest: Mutex::default(),
            heard: Mutex::new(None),
        };
        Ok(Connector {
            failover: Failover::discovered(discovery)
                .with_options(self.failover.clone())
                .with_clock(RuntimeClock::new()),
            limit,
            primary: url.to_string().into(),
        })
    }
}

/// Connects to the primary, within a time.
struct Connector {
    failover: Failover,
    limit: Duration,
    primary: Arc<str>,
}

impl Connect for Connector {
    fn connect(&self) -> BoxFuture<'_, std::result::Result<BoxTransport, TransportError>> {
        Box::pin(async {
            let connected = timeout(self.limit, self.failover.connect()).await;
            connected.unwrap_or_else(|_| {
                let what = format!(
                    "not connected to {} within {:?}: the server that they name does not accept \
                     the connection",
                    self.primary, self.limit
                );
                Err(TransportError::new(TransportErrorKind::Timeout, what))
            })
        })
    }

    fn upkeep(&self) -> Option<BoxFuture<'static, ()>> {
        self.failover.upkeep()
    }
}
