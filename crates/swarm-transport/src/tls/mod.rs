//! TLS by rustls: which servers to trust, and how to show who one is.
//!
//! The crypto provider is always ring, chosen explicitly: no process-wide default is read or installed, whatever other
//! crates enable.

mod config;
mod connect;
#[cfg(all(test, feature = "tcp", feature = "ws"))]
mod tests;

use std::fmt;
use std::sync::Arc;

pub use rustls;
use rustls::ClientConfig;

pub(crate) use connect::{Encryption, cause, hint};

/// Which servers to trust over TLS, and how to show who one is. By default the certificates that the platform trusts, and
/// no client certificate.
///
/// ```
/// use swarm_transport::TransportOptions;
/// use swarm_transport::tls::TlsOptions;
///
/// # let (ca, chain, key) = ("", "", "");
/// let tls = TlsOptions::new()
///     .root_pem(ca) // trusted beside the platform's
///     .client_certificate(chain, key);
/// let options = TransportOptions::new().tls(tls);
/// # let _ = options;
/// ```
#[derive(Clone, Default)]
pub struct TlsOptions {
    roots: Vec<Vec<u8>>,
    only_given_roots: bool,
    client: Option<(Vec<u8>, Vec<u8>)>,
    server_name: Option<String>,
    config: Option<Arc<ClientConfig>>,
}

impl TlsOptions {
    /// The default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Options that are all in a rustls configuration, with the crypto provider and verifier of the caller's choice.
    ///
    /// Roots and client certificates set beside it are ignored. Protocols (ALPN) are added when it names none and the
    /// wire wants some.
    pub fn from_config(config: Arc<ClientConfig>) -> Self {
        Self {
            config: Some(config),
            ..Self::default()
        }
    }

    /// Trusts the certificates of a PEM text too. May be called several times.
    #[must_use]
    pub fn root_pem(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.roots.push(pem.as_ref().to_vec());
        self
    }

    /// Trusts the certificates given by [`root_pem`](Self::root_pem) only, and not those that the platform trusts.
    #[must_use]
    pub const fn only_given_roots(mut self) -> Self {
        self.only_given_roots = true;
        self
    }

    /// Shows this certificate when the server asks for one: the chain, the client's own first, and its private key, each
    /// as PEM text.
    #[must_use]
    pub fn client_certificate(mut self, chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Self {
        self.client = Some((chain.as_ref().to_vec(), key.as_ref().to_vec()));
        self
    }

    /// The name that the server's certificate must bear, when it is not the host of the address.
    #[must_use]
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }
}

impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsOptions")
            .field("roots", &self.roots.len())
            .field("only_given_roots", &self.only_given_roots)
            .field("client_certificate", &self.client.is_some())
            .field("server_name", &self.server_name)
            .field("config", &self.config.is_some())
            .finish()
    }
}
