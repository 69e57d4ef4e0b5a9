//! The TLS handshake, and remedies for TLS errors.

use std::io;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, ClientConfig, Error};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{TlsOptions, config};
use crate::{Endpoint, TransportError};

/// The TLS configuration for one endpoint.
#[derive(Debug, Clone)]
pub(crate) struct Encryption {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Encryption {
    /// Creates the configuration. Offers `protocols` by ALPN; an empty list offers none.
    pub(crate) fn new(
        endpoint: &Endpoint,
        options: &TlsOptions,
        protocols: &[&[u8]],
    ) -> Result<Self, TransportError> {
        Ok(Self {
            name: config::server_name(options, endpoint.host())?,
            config: config::client_config(options, protocols)?,
        })
    }

    /// Performs the TLS handshake on a connected stream.
    pub(crate) async fn connect<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        TlsConnector::from(Arc::clone(&self.config))
            .connect(self.name.clone(), stream)
            .await
    }
}

/// Returns the TLS error inside an I/O error, if any.
pub(crate) fn cause(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

/// Returns the remedy for a TLS error.
pub(crate) fn hint(error: &Error) -> &'static str {
    match error {
        Error::InvalidCertificate(error) => match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "renew the server's certificate, and check this machine's clock"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "check the clocks of both machines"
            }
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "if the issuer is your own certificate authority, add its certificate with root_pem"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "use a host name that the certificate is valid for, or set server_name"
            }
            _ => "check the server's certificate",
        },
        Error::InvalidMessage(_) => "the peer sent data that is not TLS",
        Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::HandshakeFailure
            | AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateUnknown
            | AlertDescription::DecryptError
            | AlertDescription::AccessDenied,
        ) => {
            "the server may require a client certificate, or a different one; set \
             client_certificate"
        }
        Error::AlertReceived(AlertDescription::NoApplicationProtocol) => {
            "the server supports none of the protocols that this transport offers"
        }
        _ => "check the TLS versions and cipher suites that the server allows",
    }
}
