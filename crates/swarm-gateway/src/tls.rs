//! TLS configuration from a certificate and a key, with rustls and an explicit ring provider.

use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

use crate::error::StartError;
use crate::stream::Encryption;

/// Certificate chain and the private key of its first certificate, both in PEM.
pub(crate) struct Identity {
    pub(crate) chain: Vec<u8>,
    pub(crate) key: Vec<u8>,
}

impl Identity {
    /// Returns the configuration shared by all listeners.
    pub(crate) fn config(&self) -> Result<ServerConfig, StartError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| refuse(format!("no TLS version is available: {error}")))?
            .with_no_client_auth()
            .with_single_cert(self.chain()?, self.key()?)
            .map_err(|error| {
                refuse(format!(
                    "certificate and private key do not match or are unsupported: {error}"
                ))
            })
    }

    /// Parses the certificate chain. PEM errors quote their input, which may be a misplaced private
    /// key, so they are not included.
    fn chain(&self) -> Result<Vec<CertificateDer<'static>>, StartError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.chain).collect();
        let chain = chain.map_err(|_| refuse("the certificate chain is malformed PEM"))?;
        if chain.is_empty() {
            return Err(refuse(
                "the certificate chain contains no PEM certificate (-----BEGIN CERTIFICATE-----)",
            ));
        }
        Ok(chain)
    }

    fn key(&self) -> Result<PrivateKeyDer<'static>, StartError> {
        PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| {
            refuse(
                "the private key is not in PEM format (-----BEGIN PRIVATE KEY-----); decrypt a \
                 key that has a passphrase first",
            )
        })
    }
}

fn refuse(reason: impl Into<String>) -> StartError {
    StartError::Tls {
        reason: reason.into(),
    }
}

/// Returns encryption for a listener that speaks one of `protocols`; an empty list disables ALPN.
pub(crate) fn encryption(config: &ServerConfig, protocols: &[&[u8]]) -> Encryption {
    let mut config = config.clone();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Encryption::Tls(TlsAcceptor::from(Arc::new(config)))
}
