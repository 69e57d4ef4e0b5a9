//! Builds a rustls configuration from options.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};

use super::TlsOptions;
use crate::{TransportError, TransportErrorKind};

fn invalid(message: impl Into<String>) -> TransportError {
    TransportError::new(TransportErrorKind::Options, message)
}

/// Builds the configuration. Offers `protocols` by ALPN; an empty list offers none.
///
/// Loads the platform's certificates from disk, so call this once per connector and not for each
/// connection.
pub(super) fn client_config(
    options: &TlsOptions,
    protocols: &[&[u8]],
) -> Result<Arc<ClientConfig>, TransportError> {
    let mut config = match &options.config {
        Some(config) if !config.alpn_protocols.is_empty() || protocols.is_empty() => {
            return Ok(Arc::clone(config));
        }
        Some(config) => ClientConfig::clone(config),
        None => build(options)?,
    };
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(Arc::new(config))
}

/// Returns the name that the server's certificate must be valid for.
pub(super) fn server_name(
    options: &TlsOptions,
    host: &str,
) -> Result<ServerName<'static>, TransportError> {
    match &options.server_name {
        Some(name) => ServerName::try_from(name.clone()).map_err(|error| {
            invalid("server_name is neither a host name nor an IP address").with_source(error)
        }),
        None => ServerName::try_from(host.to_owned()).map_err(|error| {
            TransportError::new(
                TransportErrorKind::Endpoint,
                "a certificate cannot be valid for the host of the address; use its host name, or \
                 set server_name",
            )
            .with_source(error)
        }),
    }
}

fn build(options: &TlsOptions) -> Result<ClientConfig, TransportError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| invalid("no version of TLS is available").with_source(error))?
        .with_root_certificates(roots(options)?);
    let Some((chain, key)) = &options.client else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = certificates("client_certificate", chain)?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| {
        invalid("the private key of client_certificate is not valid PEM").with_source(error)
    })?;
    builder.with_client_auth_cert(chain, key).map_err(|error| {
        invalid(
            "client_certificate and its private key do not match, or are of an unsupported type",
        )
        .with_source(error)
    })
}

fn roots(options: &TlsOptions) -> Result<RootCertStore, TransportError> {
    let mut roots = RootCertStore::empty();
    for pem in &options.roots {
        for certificate in certificates("root_pem", pem)? {
            roots.add(certificate).map_err(|error| {
                invalid("root_pem contains a certificate that cannot be a trusted root")
                    .with_source(error)
            })?;
        }
    }
    if options.only_given_roots {
        if roots.is_empty() {
            return Err(invalid(
                "only_given_roots is set, but there is no root certificate; add one with root_pem",
            ));
        }
        return Ok(roots);
    }
    let platform = rustls_native_certs::load_native_certs();
    // Skip platform certificates that rustls cannot parse.
    roots.add_parsable_certificates(platform.certs);
    if roots.is_empty() {
        let error = invalid(
            "the platform has no trusted certificates; install them (ca-certificates on Debian), \
             or set root_pem",
        );
        return Err(match platform.errors.into_iter().next() {
            Some(source) => error.with_source(source),
            None => error,
        });
    }
    Ok(roots)
}

fn certificates(option: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TransportError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err(invalid(format!(
            "{option} contains no PEM certificate, which begins with -----BEGIN CERTIFICATE-----"
        ))),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(invalid(format!("{option} contains malformed PEM")).with_source(error)),
    }
}
