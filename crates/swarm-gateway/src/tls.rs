//! From a certificate and its key to what the doors encrypt with: rustls with ring, chosen explicitly.

use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

use crate::error::StartError;
use crate::stream::Encryption;

/// Who the gateway is: a chain of certificates and the private key of the first, both in PEM.
pub(crate) struct Identity {
    pub(crate) chain: Vec<u8>,
    pub(crate) key: Vec<u8>,
}

impl Identity {
    /// The configuration that all doors share.
    pub(crate) fn config(&self) -> Result<ServerConfig, StartError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| refuse(format!("no version of it is available: {error}")))?
            .with_no_client_auth()
            .with_single_cert(self.chain()?, self.key()?)
            .map_err(|error| {
                refuse(format!(
                    "the certificate and the private key do not fit each other, or are of a kind not supported: {error}"
                ))
            })
    }

    /// Errors of the PEM reader quote what they met, which may be a key in the wrong place: they are not shown.
    fn chain(&self) -> Result<Vec<CertificateDer<'static>>, StartError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.chain).collect();
        let chain = chain.map_err(|_| refuse("the certificate chain is malformed PEM"))?;
        if chain.is_empty() {
            return Err(refuse(
                "the certificate chain holds no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----",
            ));
        }
        Ok(chain)
    }

    fn key(&self) -> Result<PrivateKeyDer<'static>, StartError> {
        PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| {
            refuse(
                "the private key is none in PEM, which begins with -----BEGIN PRIVATE KEY-----; one under a passphrase \
                 must be decrypted first",
            )
        })
    }
}

fn refuse(reason: impl Into<String>) -> StartError {
    StartError::Tls {
        reason: reason.into(),
    }
}

/// For a door that speaks one of `protocols`, or what names none.
pub(crate) fn encryption(config: &ServerConfig, protocols: &[&[u8]]) -> Encryption {
    let mut config = config.clone();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Encryption::Tls(TlsAcceptor::from(Arc::new(config)))
}
