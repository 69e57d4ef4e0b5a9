//! Options of sentinels.

mod address;
mod url;

use std::fmt;
use std::sync::Arc;

use swarm_transport::TransportOptions;

pub(crate) use address::{Address, list};
pub(crate) use url::{SentinelUrl, is_sentinel};

use super::{AddressMap, ClientOptions, Secret};
use crate::credentials::Credentials;

/// How a client asks sentinels for the primary, for [`ClientOptions::sentinel`].
///
/// # Examples
///
/// ```
/// use swarm_keydb::{ClientOptions, Credentials};
///
/// let options = ClientOptions::new("rediss+sentinel://app:secret@s1,s2,s3/mymaster")
///     .sentinel(|sentinel| sentinel.credentials(Credentials::password("other")).tls(false));
/// ```
#[derive(Clone, Default)]
#[must_use = "options have no effect until they are passed to a client"]
pub struct SentinelOptions {
    pub(crate) credentials: Option<Credentials>,
    /// As for the servers if not set.
    pub(crate) tls: Option<bool>,
    pub(crate) transport: Option<TransportOptions>,
    pub(crate) map: Option<AddressMap>,
}

impl SentinelOptions {
    /// Sets the credentials that the sentinels ask for. They replace those in the query of the URL,
    /// `sentinel_username` and `sentinel_password`. Default: none; the credentials of the servers
    /// are never sent to sentinels.
    pub fn credentials(mut self, credentials: impl Into<Credentials>) -> Self {
        self.credentials = Some(credentials.into());
        self
    }

    /// Sets whether connections to sentinels use TLS. Default: as connections to servers, by the
    /// scheme of the URL.
    pub const fn tls(mut self, tls: bool) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Sets the options of connections to sentinels, such as other certificates. Default: those of
    /// connections to servers. [`connect_timeout`](ClientOptions::connect_timeout) limits both.
    pub fn transport(mut self, transport: TransportOptions) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Translates the addresses of servers and sentinels that a sentinel announces to ones that
    /// this program can reach, for servers behind NAT or in containers. `map` returns `None` for an
    /// address that needs no translation. It is not applied to the URL.
    pub fn address_map(
        mut self,
        map: impl Fn(&str, u16) -> Option<(String, u16)> + Send + Sync + 'static,
    ) -> Self {
        self.map = Some(Arc::new(map));
        self
    }
}

impl fmt::Debug for SentinelOptions {
    /// Shows no credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SentinelOptions")
            .field("credentials", &self.credentials.as_ref().map(|_| Secret))
            .field("tls", &self.tls)
            .field("transport", &self.transport)
            .field("address_map", &self.map.is_some())
            .finish()
    }
}

/// # Sentinel
///
impl ClientOptions {
    /// Changes how the client asks sentinels for the primary: their credentials, TLS, and the
    /// translation of addresses. Has no effect without a `redis+sentinel://` URL.
    ///
    /// The URL names sentinels and the primary, and has the credentials of the servers:
    /// `redis+sentinel://[[user]:password@]host:port[,host:port…]/name[/database]`, or
    /// `rediss+sentinel://` for TLS. See the guide for [what is kept and
    /// lost](crate::guide::servers#sentinel).
    pub fn sentinel(mut self, change: impl FnOnce(SentinelOptions) -> SentinelOptions) -> Self {
        self.sentinel = change(self.sentinel);
        self
    }
}
