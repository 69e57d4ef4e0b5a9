//! Where a client connects to, made of its options.

use std::sync::Arc;

use swarm_resp::{Request, RequestRef};
use swarm_transport::{
    BoxFuture, BoxTransport, Capabilities, Connect, Endpoint, TransportError, TransportOptions,
    connector,
};

use super::ClientOptions;
use crate::connection::{Dialer, Reconnect, Settings};
use crate::credentials::{Credentials, Login};
use crate::engine::Failure;
use crate::error::{Error, Result};
use crate::tasks::Tasks;

impl ClientOptions {
    /// Where the URLs lead, and what to say there.
    pub(crate) fn target(&self) -> Result<Target> {
        let endpoint = endpoint("url", &self.url)?;
        let dial_timeout = self.transport.get_dial_timeout().min(self.connect_timeout);
        let transport = self.transport.clone().dial_timeout(dial_timeout);
        let password = self.password.as_deref().or(endpoint.password());
        if endpoint.user().is_some() && password.is_none() {
            return Err(Error::config(
                "url: the address names a user and no password; write redis://user:password@host, or set the option password",
            ));
        }
        let credentials = password.map(|password| Credentials::new(endpoint.user(), password));
        let login = self.login(credentials);
        let mut settings = Settings {
            peer: endpoint.host().to_owned(),
            ..self.settings()
        };
        if let Some(database) = endpoint.database() {
            settings
                .session
                .insert(0, ("the database", Request::new("SELECT", database)));
        }
        // What HTTP cannot carry is found now. A password that is asked for is found at the dial.
        let token = password.filter(|_| self.provider.is_none());
        let connector = if endpoint.scheme().is_http() {
            Bearing::connector(&endpoint, &transport, &login, token)?
        } else {
            wire(&endpoint, &transport)?
        };
        let fallback = match self.fallback.url_beside(&self.url) {
            // The default fallback must not cost the client its main connection.
            Some(_)
                if self.fallback.url.is_none() && token.is_some_and(|token| !token.is_ascii()) =>
            {
                None
            }
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
                    &transport.http_concurrency(1),
                    &login,
                    token,
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
            binary_arguments: endpoint.scheme().is_redis() || self.transport.is_binary_safe(),
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
            binary_arguments: true,
            settings: self.settings(),
        }
    }

    fn settings(&self) -> Settings {
        Settings {
            request_timeout: self.request_timeout,
            silence: self.inactivity_timeout,
            drain_timeout: self.drain_timeout,
            heartbeat: self.heartbeat_interval,
            retry: self.retry,
            reconnect_on: Arc::clone(&self.reconnect_on),
            protocol: self.protocol,
            error_encoding: self.error_encoding,
            fallback: self.fallback.scope,
            session: self.session.clone(),
            ..Settings::default()
        }
    }
}

/// What connections of a client are made of.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) target: Target,
    pub(crate) options: ClientOptions,
    pub(crate) tasks: Tasks,
}

impl Origin {
    /// How connections are opened.
    pub(crate) fn dialer(&self) -> Dialer {
        let Target {
            connector, login, ..
        } = &self.target;
        Dialer::new(
            Arc::clone(connector),
            login.clone(),
            self.options.connect_timeout,
        )
    }

    /// The reconnect policy, for one owner of connections.
    pub(crate) fn reconnect(&self) -> Reconnect {
        let ClientOptions {
            reconnect_base_delay,
            reconnect_max_delay,
            reconnect,
            ..
        } = self.options;
        Reconnect::new(reconnect_base_delay, reconnect_max_delay).enabled(reconnect)
    }

    pub(crate) const fn new(target: Target, options: ClientOptions, tasks: Tasks) -> Self {
        Self {
            target,
            options,
            tasks,
        }
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
    /// Whether arguments may be any bytes, as far as the options tell.
    binary_arguments: bool,
    pub(crate) settings: Settings,
}

impl Target {
    /// Whether connections would refuse a request. For what makes a connection of its own: it is not made for that.
    ///
    /// # Errors
    ///
    /// Why they would.
    pub(crate) fn check(&self, request: RequestRef<'_>) -> std::result::Result<(), Failure> {
        Capabilities::FULL
            .with_binary_arguments(self.binary_arguments)
            .check(request)
            .map_err(Failure::Refused)
    }
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target")
            .field("peer", &self.settings.peer)
            .field("server", &self.settings.learned.kind())
            .finish_non_exhaustive()
    }
}

fn endpoint(option: &str, url: &str) -> Result<Endpoint> {
    Endpoint::parse(url).map_err(|error| Error::config(format!("{option}: {error}")))
}

fn wire(endpoint: &Endpoint, dial: &TransportOptions) -> Result<Arc<dyn Connect>> {
    connector(endpoint, dial).map_err(|error| Error::config(error.to_string()))
}

/// A connector of an HTTP wire, which says with every request who it is.
struct Bearing {
    endpoint: Endpoint,
    dial: TransportOptions,
    login: Login,
}

impl Bearing {
    fn connector(
        endpoint: &Endpoint,
        dial: &TransportOptions,
        login: &Login,
        token: Option<&str>,
    ) -> Result<Arc<dyn Connect>> {
        // What makes no sense is refused now, and not at the first dial.
        match token {
            Some(token) => wire(endpoint, &dial.clone().bearer_token(token))?,
            None => wire(endpoint, dial)?,
        };
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
    //! Who the client logs in as, and which gateway stands in.

    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::ErrorKind;

    /// Stands for: an option that a missing feature makes void, silently.
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
        // WebSocket carries it; only the default fallback is left out.
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

    /// User and password of the login, or whether the options are refused.
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

    /// Stands for: half of the credentials. Whatever the scheme, the option and the environment replace the password
    /// alone, and no user logs in as another one.
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
