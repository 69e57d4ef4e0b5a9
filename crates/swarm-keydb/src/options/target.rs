//! Where a client connects to, made of its options.

use std::sync::Arc;

use swarm_resp::{Request, RequestRef};
use swarm_transport::{
    BoxFuture, BoxTransport, Capabilities, Connect, DialOptions, Endpoint, TransportError,
    connector,
};

use super::{DEFAULT_HTTP_URL, DEFAULT_URL, Options};
use crate::connection::Settings;
use crate::credentials::{Credentials, Login};
use crate::engine::Failure;
use crate::error::{Error, Result};
use crate::tasks::Tasks;

impl Options {
    /// Where the URLs lead, and what to say there.
    pub(crate) fn target(&self) -> Result<Target> {
        let endpoint = endpoint("url", &self.url)?;
        let dial = self.dial.clone().connect_timeout(self.connect_timeout);
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
            Bearing::connector(&endpoint, &dial, &login, token)?
        } else {
            wire(&endpoint, &dial)?
        };
        let fallback = match self.fallback_url() {
            // The default fallback must not cost the client its main connection.
            Some(_) if self.http_url.is_none() && token.is_some_and(|token| !token.is_ascii()) => {
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
                    &dial.http_concurrency(1),
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
            binary_arguments: endpoint.scheme().is_redis() || self.dial.is_binary_safe(),
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
            silence: self.silence,
            drain_timeout: self.drain_timeout,
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
        let default = || {
            let is_default = cfg!(feature = "http") && is_default(&self.url);
            is_default.then_some(DEFAULT_HTTP_URL)
        };
        let url = self.http_url.as_deref().or_else(default);
        url.filter(|_| self.http_fallback)
    }
}

/// Whether a URL is that of the default gateway, however it is written.
fn is_default(url: &str) -> bool {
    let (Ok(given), Ok(default)) = (Endpoint::parse(url), Endpoint::parse(DEFAULT_URL)) else {
        return false;
    };
    let is_here = given.host() == default.host() || given.host().eq_ignore_ascii_case("localhost");
    is_here
        && given.scheme() == default.scheme()
        && given.port() == default.port()
        && given.path() == default.path()
}

/// What connections of a client are made of.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) target: Target,
    pub(crate) options: Options,
    pub(crate) tasks: Tasks,
}

impl Origin {
    pub(crate) const fn new(target: Target, options: Options, tasks: Tasks) -> Self {
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

    #[test]
    fn the_default_http_gateway_stands_in_beside_the_default_server_alone() {
        let default = cfg!(feature = "http").then_some(DEFAULT_HTTP_URL);
        assert_eq!(Options::default().fallback_url(), default);
        for same in [
            "ws://127.0.0.1:8765",
            "ws://localhost:8765/",
            "ws://localhost:8765",
            "ws://LOCALHOST:8765/",
        ] {
            assert_eq!(Options::new(same).fallback_url(), default, "{same}");
        }
        for other in [
            "ws://localhost:8766/",
            "ws://localhost:8765/gateway",
            "wss://localhost:8765/",
            "redis://localhost:8765",
            "no URL",
        ] {
            assert_eq!(Options::new(other).fallback_url(), None, "{other}");
        }
        assert_eq!(Options::new("ws://db:8765/").fallback_url(), None);
        let named = Options::new("ws://db:8765/").http_url("http://db:8080");
        assert_eq!(named.fallback_url(), Some("http://db:8080"));
        assert_eq!(named.http_fallback(false).fallback_url(), None);
    }

    /// Stands for: an option that a missing feature makes void, silently.
    #[cfg(not(feature = "http"))]
    #[test]
    fn without_the_feature_a_fallback_that_is_named_is_an_error_that_names_the_feature() {
        let options = Options::new("ws://h").http_url("http://h");
        let error = options.target().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("feature `http`"), "{error}");
        assert!(options.http_fallback(false).target().is_ok());
    }

    #[cfg(feature = "http")]
    #[test]
    fn a_password_that_http_cannot_carry_is_refused_by_name() {
        let secret = "s3cr\u{e9}t";
        let http = Options::new("http://h").password(secret);
        let fallback = Options::new("ws://h").http_url("http://h").password(secret);
        for options in [http, fallback] {
            let error = options.target().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains("password"), "{error}");
            assert!(!error.to_string().contains(secret), "{error}");
        }
        // WebSocket carries it; only the default fallback is left out.
        let default = Options::default().password(secret).target().unwrap();
        assert!(default.fallback.is_none());
        assert!(
            Options::default()
                .password("ascii")
                .target()
                .unwrap()
                .fallback
                .is_some()
        );
    }

    /// User and password of the login, or whether the options are refused.
    fn login(options: &Options) -> Result<Option<(Option<String>, String)>> {
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
                            Options::new(&url)
                        } else {
                            let value = |name: &str| match name {
                                "SWARM_KEYDB_WS_URL" => Some(url.clone()),
                                "SWARM_KEYDB_PASSWORD" => Some(environment.to_owned()),
                                _ => None,
                            };
                            Options::from_variables(|name| Ok(value(name))).unwrap()
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
