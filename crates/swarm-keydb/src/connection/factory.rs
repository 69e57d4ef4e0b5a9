//! Resolves the options to a server, its connectors, and the settings of connections.

use std::sync::Arc;
use std::time::Duration;

use swarm_resp::{Request, RequestRef};
use swarm_transport::{
    BoxFuture, BoxTransport, Capabilities, Connect, Endpoint, Route, Scheme, TransportError,
    TransportOptions, connector,
};

use super::{Dialer, Origin, Reconnect, Settings, several};
use crate::credentials::{Credentials, Login, LoginVersion};
use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::options::{ClientOptions, CommandOrder};
use crate::runtime::Tasks;
use crate::server::ServerProfile;

impl ClientOptions {
    /// Resolves the URLs to connectors, and the other options to the settings of connections.
    ///
    /// # Errors
    ///
    /// If a URL or an option of the transport is invalid.
    pub(crate) fn target(&self) -> Result<Target> {
        #[cfg(feature = "sentinel")]
        if crate::options::is_sentinel(&self.url) {
            return self.target_of_sentinels();
        }
        let endpoints = endpoints("url", &self.url)?;
        let first = several::first_of(&endpoints)?;
        let transport = self
            .transport
            .clone()
            .dial_timeout(self.dial_timeout())
            // The server runs concurrent requests in any order, so a connection has one in flight.
            // A client with several connections has one on each.
            .http_concurrency(1);
        let password = self.password.as_deref().or(first.password());
        let login = self.login_at(first)?;
        let mut settings = Settings {
            address: Some(several::addresses(&endpoints)),
            ..self.settings()
        };
        if endpoints.len() > 1 {
            settings.retry = settings.retry.within_one_server();
        }
        select_database(&mut settings, first);
        // A password that HTTP cannot carry fails here; one from a provider, when the client
        // connects.
        let token = password.filter(|_| self.provider.is_none());
        let mut servers = Vec::new();
        for endpoint in &endpoints {
            let connector = match endpoint.scheme().is_http() {
                true => BearerConnector::connector(endpoint, &transport, &login, token)?,
                false => transport_connector(endpoint, &transport)?,
            };
            servers.push((endpoint.clone(), connector));
        }
        let mut fallbacks = Vec::new();
        for endpoint in self.fallback_endpoints(token)? {
            // The engine keeps calls on a common key apart.
            let transport = transport.clone().http_concurrency(self.fallback_requests());
            let connector = BearerConnector::connector(&endpoint, &transport, &login, token)?;
            fallbacks.push((connector, endpoint));
        }
        if !fallbacks.is_empty() {
            let endpoints: Vec<_> = fallbacks.iter().map(|(_, at)| at.clone()).collect();
            settings.fallback_address = Some(several::addresses(&endpoints));
        }
        let is_binary = |endpoint: &Endpoint| endpoint.scheme().is_redis();
        let (connector, fallback) = several::connectors(servers, fallbacks, self.failover.clone())?;
        Ok(Target {
            connector,
            fallback,
            login,
            custom: false,
            origin: self.origin(Some(first), &settings),
            session: !first.scheme().is_http(),
            max_connections: (endpoints.iter())
                .filter_map(|endpoint| endpoint.scheme().max_connections())
                .min(),
            binary_arguments: self.transport.is_binary_safe() || endpoints.iter().all(is_binary),
            settings,
        })
    }

    /// Returns the login of servers, with the user of their URL.
    pub(super) fn login_at(&self, endpoint: &Endpoint) -> Result<Login> {
        let password = self.password.as_deref().or(endpoint.password());
        if endpoint.user().is_some() && password.is_none() {
            return Err(Error::config(
                "url has a user and no password; write redis://user:password@host, or set the \
                 option password",
            ));
        }
        let credentials = password.map(|password| Credentials::new(endpoint.user(), password));
        Ok(self.login(credentials))
    }

    /// Returns the HTTP gateways.
    fn fallback_endpoints(&self, token: Option<&str>) -> Result<Vec<Endpoint>> {
        let Some(urls) = self.fallback.url_beside(&self.url) else {
            return Ok(Vec::new());
        };
        // HTTP cannot carry the password. A default fallback must not make the client fail for
        // that.
        if self.fallback.url.is_none() && token.is_some_and(|token| !token.is_ascii()) {
            return Ok(Vec::new());
        }
        let endpoints = endpoints("http_url", urls)?;
        if !(endpoints.iter()).all(|endpoint| endpoint.scheme().is_http()) {
            return Err(Error::config(
                "http_url has another scheme; give an http:// or https:// URL",
            ));
        }
        Ok(endpoints)
    }

    /// Returns how many requests the HTTP fallback runs at a time.
    fn fallback_requests(&self) -> usize {
        let platform = Scheme::Http.max_connections().unwrap_or(usize::MAX);
        platform.min(match self.ordering {
            CommandOrder::All => 1,
            _ => {
                (self.max_connections).unwrap_or_else(|| ServerProfile::default().max_connections())
            }
        })
    }

    /// Returns the timeout of dialing, which is part of an attempt to connect.
    pub(crate) fn dial_timeout(&self) -> Duration {
        self.transport.get_dial_timeout().min(self.connect_timeout)
    }

    /// Resolves the options for a custom transport.
    pub(crate) fn target_through(&self, connector: Arc<dyn Connect>) -> Target {
        let credentials = self
            .password
            .as_deref()
            .map(|password| Credentials::new(None, password));
        let settings = self.settings();
        Target {
            connector,
            origin: self.origin(None, &settings),
            fallback: None,
            login: self.login(credentials),
            custom: true,
            session: true,
            max_connections: None,
            binary_arguments: true,
            settings,
        }
    }

    pub(super) fn origin(&self, endpoint: Option<&Endpoint>, settings: &Settings) -> Arc<Origin> {
        let (learned, observer) = (settings.learned.clone(), self.observer.clone());
        Arc::new(Origin::new(endpoint, self.server, learned, observer))
    }

    pub(super) fn settings(&self) -> Settings {
        Settings {
            request_timeout: self.request_timeout,
            silence: self.inactivity_timeout,
            drain_timeout: self.drain_timeout,
            heartbeat: self.heartbeat_interval,
            retry: self.retry,
            reconnect_on: Arc::clone(&self.reconnect_on),
            protocol: self.protocol,
            error_encoding: self.error_encoding,
            server: self.server,
            order: self.ordering,
            fallback: self.fallback.scope,
            session: self.session.clone(),
            ..Settings::default()
        }
    }
}

/// Everything that a client needs to create a connection.
#[derive(Debug)]
pub(crate) struct ConnectionFactory {
    pub(crate) target: Target,
    pub(crate) options: ClientOptions,
    pub(crate) tasks: Tasks,
}

impl ConnectionFactory {
    /// Returns a dialer.
    pub(crate) fn dialer(&self) -> Dialer {
        let Target {
            connector, login, ..
        } = &self.target;
        Dialer::new(
            Arc::clone(connector),
            login.clone(),
            self.options.connect_timeout,
        )
        .to(&self.target.origin)
    }

    /// Returns the reconnect policy for one owner of connections.
    pub(crate) fn reconnect(&self) -> Reconnect {
        let ClientOptions {
            reconnect_base_delay,
            reconnect_max_delay,
            reconnect,
            ..
        } = self.options;
        let max_delay = match self.target.settings.needs_primary {
            // The sentinels may soon name another primary.
            true => reconnect_max_delay.min(Duration::from_secs(1)),
            false => reconnect_max_delay,
        };
        Reconnect::new(reconnect_base_delay, max_delay).enabled(reconnect)
    }

    pub(crate) const fn new(target: Target, options: ClientOptions, tasks: Tasks) -> Self {
        Self {
            target,
            options,
            tasks,
        }
    }
}

/// The server that a client connects to, and how it authenticates there.
pub(crate) struct Target {
    pub(crate) connector: Arc<dyn Connect>,
    pub(crate) fallback: Option<Arc<dyn Connect>>,
    pub(crate) login: Login,
    /// The server in traces, and the observer of operations.
    pub(crate) origin: Arc<Origin>,
    /// Whether the connector is a custom one, rather than one for a URL.
    pub(crate) custom: bool,
    /// Whether the URL's transport supports sessions.
    pub(crate) session: bool,
    /// How many connections the platform opens at a time, if it has a limit.
    pub(crate) max_connections: Option<usize>,
    /// Whether the transport preserves arguments that are not valid UTF-8, according to the
    /// options.
    pub(super) binary_arguments: bool,
    pub(crate) settings: Settings,
}

impl Target {
    /// Checks a request before a connection is created for it.
    ///
    /// # Errors
    ///
    /// If the transport would reject the request.
    pub(crate) fn check(&self, request: RequestRef<'_>) -> std::result::Result<(), Failure> {
        Capabilities::FULL
            .with_binary_arguments(self.binary_arguments)
            .check(request)
            .map_err(Failure::Refused)
    }
}

impl Target {
    /// Whether a connection has the current credentials, and leads to the same endpoint as the
    /// shared connection.
    pub(crate) fn is_current(&self, (login, route): (LoginVersion, Option<Route>)) -> bool {
        login == self.login.version() && self.origin.is_led_to_by(route.as_ref())
    }
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target")
            .field("peer", &self.origin.address)
            .field("server", &self.settings.learned.kind())
            .finish_non_exhaustive()
    }
}

/// Each connection begins with the database of the URL.
pub(super) fn select_database(settings: &mut Settings, endpoint: &Endpoint) {
    if let Some(database) = endpoint.database() {
        let select = Request::new("SELECT", database);
        settings.session.insert(0, ("the database", select));
    }
}

fn endpoints(option: &str, urls: &str) -> Result<Vec<Endpoint>> {
    if urls.contains("+sentinel://") {
        return Err(Error::config(format!(
            "{option}: the addresses of sentinels require the feature `sentinel`, and are the URL \
             of a client alone"
        )));
    }
    if urls.contains("+cluster://") {
        return Err(Error::config(format!(
            "{option}: the address of a cluster is for cluster::Client, with the feature `cluster`"
        )));
    }
    let parsed = if cfg!(feature = "failover") {
        Endpoint::parse_list(urls)
    } else {
        Endpoint::parse(urls).map(|endpoint| vec![endpoint])
    };
    let endpoints = parsed.map_err(|error| Error::config(format!("{option}: {error}")))?;
    match &*endpoints {
        [single] if !cfg!(feature = "failover") && single.host().contains(',') => {
            Err(several::without_feature())
        }
        _ => Ok(endpoints),
    }
}

fn transport_connector(
    endpoint: &Endpoint,
    options: &TransportOptions,
) -> Result<Arc<dyn Connect>> {
    connector(endpoint, options).map_err(|error| Error::config(error.to_string()))
}

/// Connector of HTTP transports that sends the password of the login as a bearer token.
struct BearerConnector {
    endpoint: Endpoint,
    options: TransportOptions,
    login: Login,
}

impl BearerConnector {
    fn connector(
        endpoint: &Endpoint,
        options: &TransportOptions,
        login: &Login,
        token: Option<&str>,
    ) -> Result<Arc<dyn Connect>> {
        // Invalid options fail here, rather than when the client connects.
        match token {
            Some(token) => transport_connector(endpoint, &options.clone().bearer_token(token))?,
            None => transport_connector(endpoint, options)?,
        };
        Ok(Arc::new(Self {
            endpoint: endpoint.clone(),
            options: options.clone(),
            login: login.clone(),
        }))
    }
}

impl Connect for BearerConnector {
    fn connect(&self) -> BoxFuture<'_, Result<BoxTransport, TransportError>> {
        Box::pin(async {
            let options = self.options.clone();
            let options = match self.login.get().await? {
                Some(credentials) => options.bearer_token(credentials.password),
                None => options,
            };
            connector(&self.endpoint, &options)?.connect().await
        })
    }
}

#[cfg(test)]
mod tests {
    //! Tests of the credentials and the HTTP fallback of a target.

    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::ErrorKind;

    /// Catches an option that a missing feature silently disables.
    #[cfg(not(feature = "http"))]
    #[test]
    fn without_the_feature_a_fallback_that_is_named_is_an_error_that_names_the_feature() {
        let options = ClientOptions::new("ws://h").http_url("http://h");
        let error = options.target().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("feature `http`"), "{error}");
        assert!(options.http_fallback(false).target().is_ok());
    }

    #[cfg(feature = "http")]
    #[test]
    fn a_password_that_http_cannot_carry_is_refused_by_name() {
        let secret = "s3cr\u{e9}t";
        let http = ClientOptions::new("http://h").password(secret);
        let fallback = ClientOptions::new("ws://h")
            .http_url("http://h")
            .password(secret);
        for options in [http, fallback] {
            let error = options.target().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains("password"), "{error}");
            assert!(!error.to_string().contains(secret), "{error}");
        }
        // WebSocket carries the password; only the default fallback is dropped.
        let default = ClientOptions::default().password(secret).target().unwrap();
        assert!(default.fallback.is_none());
        assert!(
            ClientOptions::default()
                .password("ascii")
                .target()
                .unwrap()
                .fallback
                .is_some()
        );
    }

    /// Catches requests that overtake each other on one connection.
    #[cfg(feature = "http")]
    #[tokio::test]
    async fn a_connection_over_http_keeps_order_whatever_the_options_of_the_transport() {
        let gateway = swarm_gateway::test().await.unwrap();
        let options = ClientOptions::new(gateway.http_url())
            .http_url(gateway.http_url())
            .transport(|transport| transport.http_concurrency(8));
        // The engine keeps the order of the fallback, unless it must be that of all commands.
        for (order, is_fallback_ordered) in [
            (CommandOrder::PerKey, false),
            (CommandOrder::None, false),
            (CommandOrder::All, true),
        ] {
            let target = options.clone().ordering(order).target().unwrap();
            for (connector, is_ordered) in [
                (Some(target.connector), true),
                (target.fallback, is_fallback_ordered),
            ] {
                let transport = connector.unwrap().connect().await.unwrap();
                assert_eq!(transport.capabilities().ordered, is_ordered, "{order:?}");
            }
        }
    }

    /// Returns the user and password of the login, or the error of the options.
    fn login(options: &ClientOptions) -> Result<Option<(Option<String>, String)>> {
        let target = options.target()?;
        let mut cx = Context::from_waker(Waker::noop());
        let Poll::Ready(credentials) = pin!(target.login.get()).poll(&mut cx) else {
            panic!("fixed credentials are there at once");
        };
        Ok(credentials.unwrap().map(|credentials| {
            let (user, password) = credentials.args();
            (user.map(str::to_owned), password.to_owned())
        }))
    }

    /// Catches credentials that are only half replaced. With every scheme, the option and the
    /// environment replace only the password, and no user is authenticated as another.
    #[test]
    fn user_and_password_are_never_parted() {
        let schemes: [fn(&str, &str) -> String; 2] = [
            |user, password| match (user, password) {
                ("", "") => "redis://h".to_owned(),
                (user, "") => format!("redis://{user}@h"),
                (user, password) => format!("redis://{user}:{password}@h"),
            },
            |user, password| format!("redis+unix:///r.sock?user={user}&pass={password}"),
        ];
        for address in schemes {
            for user in ["", "ann"] {
                for password in ["", "o+ld"] {
                    for (option, environment) in [("", ""), ("new", ""), ("", "new")] {
                        let url = address(user, password);
                        let mut options = if environment.is_empty() {
                            ClientOptions::new(&url)
                        } else {
                            let value = |name: &str| match name {
                                "SWARM_KEYDB_WS_URL" => Some(url.clone()),
                                "SWARM_KEYDB_PASSWORD" => Some(environment.to_owned()),
                                _ => None,
                            };
                            ClientOptions::from_variables(|name| Ok(value(name))).unwrap()
                        };
                        if !option.is_empty() {
                            options = options.password(option);
                        }
                        let effective = [option, environment, password]
                            .into_iter()
                            .find(|password| !password.is_empty());
                        let case = format!("{url} option {option:?} environment {environment:?}");
                        match (login(&options), effective) {
                            (Ok(Some((as_user, with))), Some(password)) => {
                                assert_eq!(as_user.as_deref().unwrap_or_default(), user, "{case}");
                                assert_eq!(with, password, "{case}");
                            }
                            (Ok(None), None) => assert_eq!(user, "", "{case}"),
                            (Err(error), None) => {
                                assert_eq!(user, "ann", "{case}");
                                assert_eq!(error.kind(), ErrorKind::Config, "{case}");
                                assert!(error.to_string().contains("no password"), "{error}");
                            }
                            other => panic!("{case}: {other:?}"),
                        }
                    }
                }
            }
        }
    }
}
