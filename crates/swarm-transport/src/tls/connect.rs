//! From a connected stream to an encrypted one.

use std::io;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, ClientConfig, Error};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{TlsOptions, config};
use crate::dial::{self, AckedStream};
use crate::{Endpoint, TransportError, TransportErrorKind};

/// How streams to one endpoint are encrypted.
#[derive(Debug, Clone)]
pub(crate) struct Encryption {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Encryption {
    /// For connections that speak one of `protocols`, or any when there are none.
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

    /// Encrypts a stream to the endpoint.
    pub(crate) async fn connect(
        &self,
        stream: AckedStream,
        endpoint: &Endpoint,
    ) -> Result<TlsStream<AckedStream>, TransportError> {
        TlsConnector::from(Arc::clone(&self.config))
            .connect(self.name.clone(), stream)
            .await
            .map_err(|error| failed(endpoint, error))
    }
}

/// The TLS error inside an I/O error.
pub(crate) fn cause(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

fn failed(endpoint: &Endpoint, error: io::Error) -> TransportError {
    let Some(cause) = cause(&error) else {
        let error = dial::broken(error);
        let what = format!(
            "{endpoint} broke the connection during the TLS handshake; check that the port speaks TLS"
        );
        return TransportError::new(error.kind(), what).with_source(error);
    };
    let hint = hint(cause);
    TransportError::new(
        TransportErrorKind::Tls,
        format!("TLS with {endpoint} failed: {cause}; {hint}"),
    )
    .with_source(error)
}

/// What to do about a TLS error.
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
                "trust the authority that signed it with root_pem, if it is one's own"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "use a host name that the certificate bears, or set server_name"
            }
            _ => "check the server's certificate",
        },
        Error::InvalidMessage(_) => "the peer may not speak TLS there: check scheme and port",
        Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::HandshakeFailure
            | AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateUnknown
            | AlertDescription::DecryptError
            | AlertDescription::AccessDenied,
        ) => "the server may want a client certificate, or another one: set client_certificate",
        Error::AlertReceived(AlertDescription::NoApplicationProtocol) => {
            "the server speaks none of the protocols that this wire offers"
        }
        _ => "check versions and ciphers that the server allows",
    }
}
