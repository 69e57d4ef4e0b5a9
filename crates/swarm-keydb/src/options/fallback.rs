//! HTTP fallback: the gateway that the client uses while it cannot connect, and the commands it
//! sends there.

use std::fmt;

use swarm_transport::Endpoint;

use super::{ClientOptions, DEFAULT_URL, Redacted};

const DEFAULT_HTTP_URL: &str = "http://127.0.0.1:8080";

/// Commands that the client sends over HTTP while it cannot connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum FallbackScope {
    /// GET and SET, with all options of SET.
    #[default]
    GetAndSet,
    /// Every command that HTTP supports: all that need no session and do not block.
    Stateless,
}

/// The HTTP gateway that the client falls back to while it cannot connect, and the commands that it
/// sends there.
///
/// The client sends these commands only if they were not sent before. Up to
/// [`max_connections`](crate::ClientOptions::max_connections) run at a time, in the
/// [order](crate::ClientOptions::ordering) of the client.
/// All other commands wait for the connection, within their timeout.
///
/// The default is `http://127.0.0.1:8080` if the client's URL is `ws://127.0.0.1:8765/` or
/// `ws://localhost:8765/`, and no fallback for any other URL. A client with a
/// [custom transport](crate::Client::connect_with) has no fallback.
///
/// # Examples
///
/// ```
/// use swarm_keydb::{ClientOptions, FallbackScope, HttpFallback};
///
/// let fallback = HttpFallback::new("http://db:8080").scope(FallbackScope::Stateless);
/// let options = ClientOptions::new("ws://db:8765/").fallback(fallback);
/// ```
#[derive(Clone, PartialEq, Eq)]
#[must_use = "a fallback has no effect until it is passed to `ClientOptions::fallback`"]
pub struct HttpFallback {
    pub(super) enabled: bool,
    /// `None` is the default gateway, beside the default URL alone.
    pub(crate) url: Option<String>,
    pub(crate) scope: FallbackScope,
}

impl Default for HttpFallback {
    fn default() -> Self {
        Self {
            enabled: true,
            url: None,
            scope: FallbackScope::default(),
        }
    }
}

impl HttpFallback {
    /// Creates a fallback to the gateway at an `http://` or `https://` URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: Some(url.into()),
            ..Self::default()
        }
    }

    /// Disables the fallback: while the client cannot connect, all commands wait.
    pub fn disabled() -> Self {
        Self {
            enabled: false,
            ..Self::default()
        }
    }

    /// Sets the commands that may go over HTTP. Default: [`FallbackScope::GetAndSet`].
    pub const fn scope(mut self, scope: FallbackScope) -> Self {
        self.scope = scope;
        self
    }

    /// The URL of the gateway for a client of `client_url`, if there is a fallback.
    ///
    /// The default applies beside the default URL alone: for any other server, a gateway on this
    /// machine would belong to a different store.
    pub(crate) fn url_beside(&self, client_url: &str) -> Option<&str> {
        let default = || {
            let applies = cfg!(feature = "http") && is_default(client_url);
            applies.then_some(DEFAULT_HTTP_URL)
        };
        let url = self.url.as_deref().or_else(default);
        url.filter(|_| self.enabled)
    }
}

impl fmt::Debug for HttpFallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            enabled,
            url,
            scope,
        } = self;
        f.debug_struct("HttpFallback")
            .field("enabled", enabled)
            .field("url", &url.as_deref().map(Redacted))
            .field("scope", scope)
            .finish()
    }
}

/// Whether a URL is that of the default gateway, in any notation.
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

/// # HTTP fallback
///
impl ClientOptions {
    /// Sets the HTTP fallback as a whole: its gateway and the commands that go there. Default: see
    /// [`HttpFallback`].
    ///
    /// [`http_url`](Self::http_url), [`http_fallback`](Self::http_fallback) and
    /// [`fallback_scope`](Self::fallback_scope) change one part of this value each; the first two
    /// have the names of the Python SDK.
    pub fn fallback(mut self, fallback: HttpFallback) -> Self {
        self.fallback = fallback;
        self
    }

    /// Sets the URL of the HTTP gateway that the client falls back to: `http://` or `https://`.
    /// Default: `http://127.0.0.1:8080` if the client's URL is `ws://127.0.0.1:8765/` or
    /// `ws://localhost:8765/`, and none for any other URL.
    ///
    /// This is the URL of [`fallback`](Self::fallback).
    pub fn http_url(mut self, url: impl Into<String>) -> Self {
        self.fallback.url = Some(url.into());
        self
    }

    /// Enables or disables the HTTP fallback, and keeps its URL. Default: true.
    ///
    /// This is the switch of [`fallback`](Self::fallback).
    pub const fn http_fallback(mut self, enabled: bool) -> Self {
        self.fallback.enabled = enabled;
        self
    }

    /// Sets the commands that may go over HTTP while the client cannot connect. Default:
    /// [`FallbackScope::GetAndSet`].
    ///
    /// This is the scope of [`fallback`](Self::fallback).
    pub const fn fallback_scope(mut self, scope: FallbackScope) -> Self {
        self.fallback.scope = scope;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(options: &ClientOptions) -> Option<&str> {
        options.fallback.url_beside(&options.url)
    }

    #[test]
    fn the_default_fallback_url_applies_only_to_the_default_url() {
        let default = cfg!(feature = "http").then_some(DEFAULT_HTTP_URL);
        assert_eq!(url(&ClientOptions::default()), default);
        for same in [
            "ws://127.0.0.1:8765",
            "ws://localhost:8765/",
            "ws://localhost:8765",
            "ws://LOCALHOST:8765/",
        ] {
            assert_eq!(url(&ClientOptions::new(same)), default, "{same}");
        }
        for other in [
            "ws://localhost:8766/",
            "ws://localhost:8765/gateway",
            "wss://localhost:8765/",
            "redis://localhost:8765",
            "no URL",
            "ws://db:8765/",
        ] {
            assert_eq!(url(&ClientOptions::new(other)), None, "{other}");
        }
    }

    /// Catches setters that overwrite the value of another setter, so that their order matters.
    #[test]
    fn fallback_setters_work_in_any_order() {
        let whole = HttpFallback::new("http://db:8080").scope(FallbackScope::Stateless);
        let set = ClientOptions::new("ws://db:8765/").fallback(whole.clone());
        type Set = fn(ClientOptions) -> ClientOptions;
        let parts: [Set; 3] = [
            |options| options.http_url("http://db:8080"),
            |options| options.http_fallback(true),
            |options| options.fallback_scope(FallbackScope::Stateless),
        ];
        for order in [
            [0, 1, 2],
            [0, 2, 1],
            [1, 0, 2],
            [1, 2, 0],
            [2, 0, 1],
            [2, 1, 0],
        ] {
            let options = (order.iter())
                .fold(ClientOptions::new("ws://db:8765/"), |options, &at| {
                    parts[at](options)
                });
            assert_eq!(options.fallback, whole, "{order:?}");
        }
        assert_eq!(url(&set), Some("http://db:8080"));
        assert_eq!(url(&set.clone().http_fallback(false)), None);
        let again = set.http_fallback(false).http_fallback(true);
        assert_eq!(url(&again), Some("http://db:8080"));
        let off = ClientOptions::default().fallback(HttpFallback::disabled());
        assert_eq!(url(&off), None);
    }
}
