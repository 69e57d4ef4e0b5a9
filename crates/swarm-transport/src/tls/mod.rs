//! TLS with rustls: trusted roots, client certificates and server names.
//!
//! The crypto provider is always ring, selected explicitly: this crate neither reads nor installs a
//! process-wide default provider.

mod config;
mod connect;
#[cfg(all(test, feature = "tcp", feature = "ws"))]
mod tests;

use std::fmt;
use std::sync::Arc;

pub use rustls;
use rustls::ClientConfig;

pub(crate) use connect::{Encryption, cause, hint};

/// TLS options. By default, the client trusts the platform's certificates and has no client
/// certificate.
///
/// # Examples
///
/// ```
/// use swarm_transport::TransportOptions;
/// use swarm_transport::tls::TlsOptions;
///
/// # let (ca, chain, key) = ("", "", "");
/// let tls = TlsOptions::new()
///     .root_pem(ca) // trusted in addition to the platform's certificates
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
    /// Creates the default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates options from a complete rustls configuration, with any crypto provider and
    /// certificate verifier.
    ///
    /// Roots and client certificates set by other methods are ignored. If the configuration has no
    /// ALPN protocols, the transport adds those it needs.
    pub fn from_config(config: Arc<ClientConfig>) -> Self {
        Self {
            config: Some(config),
            ..Self::default()
        }
    }

    /// Adds trusted root certificates in PEM format. May be called several times.
    #[must_use]
    pub fn root_pem(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.roots.push(pem.as_ref().to_vec());
        self
    }

    /// Trusts only the certificates added by [`root_pem`](Self::root_pem), not those of the
    /// platform.
    #[must_use]
    pub const fn only_given_roots(mut self) -> Self {
        self.only_given_roots = true;
        self
    }

    /// Sets the client certificate, for servers that request one: the certificate chain, leaf
    /// first, and the private key, both in PEM format.
    #[must_use]
    pub fn client_certificate(mut self, chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Self {
        self.client = Some((chain.as_ref().to_vec(), key.as_ref().to_vec()));
        self
    }

    /// Sets the name that the server's certificate must be valid for. Default: the host of the
    /// endpoint.
    #[must_use]
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }
}

impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A field that is added must be named here before this compiles.
        let Self {
            roots,
            only_given_roots,
            client,
            server_name,
            config,
        } = self;
        f.debug_struct("TlsOptions")
            .field("roots", &roots.len())
            .field("only_given_roots", only_given_roots)
            .field("client_certificate", &client.is_some())
            .field("server_name", server_name)
            .field("config", &config.is_some())
            .finish()
    }
}
