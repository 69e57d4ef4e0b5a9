//! Where a client connects to, made of its options.

use std::sync::Arc;

use swarm_resp::Request;
use swarm_transport::{
    BoxFuture, BoxTransport, Connect, DialOptions, Endpoint, TransportError, connector,
};

use super::{DEFAULT_HTTP_URL, DEFAULT_URL, Options};
use crate::credentials::{Credentials, Login};
use crate::engine::Settings;
use crate::error::{Error, Result};

impl Options {
    /// Where the URLs lead, and what to say there.
    pub(crate) fn target(&self) -> Result<Target> {
        let endpoint = endpoint("url", &self.url)?;
        let dial = self.dial.clone().connect_timeout(self.connect_timeout);
        let password = self.password.as_deref().or(endpoint.password());
        let user = endpoint.user().filter(|_| self.password.is_none());
        let login = self.login(password.map(|password| Credentials::new(user, password)));
        let mut settings = Settings {
            peer: endpoint.host().to_owned(),
            ..self.settings()
        };
        if let Some(database) = endpoint.database() {
            settings
                .session
                .insert(0, ("the database", Request::new("SELECT", database)));
        }
        let connector = if endpoint.scheme().is_http() {
            Bearing::connector(&endpoint, &dial, &login)?
        } else {
            wire(&endpoint, &dial)?
        };
        let fallback = match self.fallback_url() {
            Some(url) => {
                let endpoint = self::endpoint("http_url", url)?;
                if !endpoint.scheme().is_http() {
                    return Err(Error::config(
                        "http_url is not HTTP; give an http:// or https:// URL",
                    ));
                }
                // One at a time: the server runs requests that are in flight together in any order.
                Some(Bearing::connector(
                    &endpoint,
                    &dial.http_concurrency(1),
                    &login,
                )?)
            }
            None => None,
        };
        Ok(Target {
            connector,
            fallback,
            login,
            custom: false,
            session: !endpoint.scheme().is_http(),
            settings,
        })
    }

    /// What to say to a server that a transport of the caller's own reaches.
    pub(crate) fn target_through(&self, connector: Arc<dyn Connect>) -> Target {
        let credentials = self
            .password
            .as_deref()
            .map(|password| Credentials::new(None, password));
        Target {
            connector,
            fallback: None,
            login: self.login(credentials),
            custom: true,
            session: true,
            settings: self.settings(),
        }
    }

    fn settings(&self) -> Settings {
        Settings {
            silence: self.silence,
            heartbeat: self.heartbeat,
            retry: self.retry,
            reconnect_on: Arc::clone(&self.reconnect_on),
            protocol: self.protocol,
            error_spelling: self.error_spelling,
            fallback: self.fallback,
            session: self.session.clone(),
            ..Settings::default()
        }
    }

    /// The HTTP gateway that stands in: the one that was named, or, beside the default WebSocket URL alone, the default
    /// one. Beside any other server, a gateway on this machine would be somebody else's.
    fn fallback_url(&self) -> Option<&str> {
        let default = (self.url == DEFAULT_URL).then_some(DEFAULT_HTTP_URL);
        self.http_url
            .as_deref()
            .or(default)
            .filter(|_| self.http_fallback && cfg!(feature = "http"))
    }
}

/// What connections of a client are made of.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) target: Target,
    pub(crate) options: Options,
}

impl Origin {
    pub(crate) const fn new(target: Target, options: Options) -> Self {
        Self { target, options }
    }
}

/// Where a client connects to, and how it introduces itself.
pub(crate) struct Target {
    pub(crate) connector: Arc<dyn Connect>,
    pub(crate) fallback: Option<Arc<dyn Connect>>,
    pub(crate) login: Login,
    /// The connector is the caller's own, and not of a URL.
    pub(crate) custom: bool,
    /// Whether connections have a session, as far as the URL tells.
    pub(crate) session: bool,
    pub(crate) settings: Settings,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target")
            .field("peer", &self.settings.peer)
            .field("server", &self.settings.profile.kind())
            .finish_non_exhaustive()
    }
}

fn endpoint(option: &str, url: &str) -> Result<Endpoint> {
    Endpoint::parse(url).map_err(|error| Error::config(format!("{option}: {error}")))
}

fn wire(endpoint: &Endpoint, dial: &DialOptions) -> Result<Arc<dyn Connect>> {
    connector(endpoint, dial).map_err(|error| Error::config(error.to_string()))
}

/// A connector of an HTTP wire, which says with every request who it is.
struct Bearing {
    endpoint: Endpoint,
    dial: DialOptions,
    login: Login,
}

impl Bearing {
    fn connector(
        endpoint: &Endpoint,
        dial: &DialOptions,
        login: &Login,
    ) -> Result<Arc<dyn Connect>> {
        // What makes no sense is refused now, and not at the first dial.
        wire(endpoint, dial)?;
        Ok(Arc::new(Self {
            endpoint: endpoint.clone(),
            dial: dial.clone(),
            login: login.clone(),
        }))
    }
}

impl Connect for Bearing {
    fn connect(&self) -> BoxFuture<'_, Result<BoxTransport, TransportError>> {
        Box::pin(async {
            let dial = self.dial.clone();
            let dial = match self.login.get().await? {
                Some(credentials) => dial.bearer_token(credentials.password),
                None => dial,
            };
            connector(&self.endpoint, &dial)?.connect().await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_http_gateway_stands_in_beside_the_default_server_alone() {
        assert_eq!(Options::default().fallback_url(), Some(DEFAULT_HTTP_URL));
        assert_eq!(Options::new("ws://db:8765/").fallback_url(), None);
        let named = Options::new("ws://db:8765/").http_url("http://db:8080");
        assert_eq!(named.fallback_url(), Some("http://db:8080"));
        assert_eq!(named.http_fallback(false).fallback_url(), None);
    }
}
