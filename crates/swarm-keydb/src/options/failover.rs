//! Several servers: their URLs, and how the client uses them.

use std::fmt;

use swarm_transport::Endpoint;
use swarm_transport::failover::FailoverOptions;

use super::ClientOptions;

/// # Several servers
///
impl ClientOptions {
    /// Sets the URLs of several servers, most preferred first. Each may be a list itself, as in
    /// [`new`](Self::new).
    pub fn urls<U: AsRef<str>>(mut self, urls: impl IntoIterator<Item = U>) -> Self {
        self.url.clear();
        for url in urls {
            if !self.url.is_empty() {
                self.url.push(' ');
            }
            self.url.push_str(url.as_ref());
        }
        self
    }

    /// Changes how the client uses several servers. Has no effect with a single one.
    ///
    /// All connections of a client lead to one server at a time, the first one that can be reached.
    /// The client stays there while that server works, and otherwise moves to the next: shared and
    /// dedicated connections, subscriptions, and the HTTP fallback together. See
    /// [`FailoverOptions`] for when it does, and the guide for
    /// [what is kept and lost](crate::guide::servers). Several servers require the feature
    /// `failover`, which is enabled by default.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use swarm_keydb::ClientOptions;
    ///
    /// let options = ClientOptions::new("ws://a,b,c:8765/")
    ///     .http_url("http://a,b,c:8080")
    ///     .failover(|failover| failover.failback_after(Duration::from_secs(60)));
    /// ```
    pub fn failover(mut self, change: impl FnOnce(FailoverOptions) -> FailoverOptions) -> Self {
        self.failover = change(self.failover);
        self
    }
}

impl From<&str> for ClientOptions {
    fn from(url: &str) -> Self {
        Self::new(url)
    }
}

impl From<String> for ClientOptions {
    fn from(url: String) -> Self {
        Self::new(url)
    }
}

/// Options for several servers, most preferred first.
impl From<&[&str]> for ClientOptions {
    fn from(urls: &[&str]) -> Self {
        Self::new(urls.join(" "))
    }
}

/// Options for several servers, most preferred first.
impl<const N: usize> From<[&str; N]> for ClientOptions {
    fn from(urls: [&str; N]) -> Self {
        Self::from(&urls[..])
    }
}

/// Options for several servers, most preferred first.
impl From<Vec<String>> for ClientOptions {
    fn from(urls: Vec<String>) -> Self {
        Self::new(urls.join(" "))
    }
}

/// Shows URLs without their passwords and queries.
pub(super) struct Redacted<'a>(pub(super) &'a str);

impl fmt::Debug for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[cfg(feature = "sentinel")]
        if let Ok(url) = super::SentinelUrl::parse(self.0) {
            return write!(f, "{url}");
        }
        // The parse error could hide where the password starts.
        let Ok(endpoints) = Endpoint::parse_list(self.0) else {
            return f.write_str("(invalid URL)");
        };
        for (at, endpoint) in endpoints.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{endpoint}")?;
        }
        Ok(())
    }
}
