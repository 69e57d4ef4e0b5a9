//! Selects a transport by the scheme of an endpoint.

use std::sync::Arc;

use crate::{Connect, Endpoint, Scheme, TransportError, TransportOptions};

/// Creates a connector for an endpoint. The endpoint's scheme selects the transport.
///
/// # Errors
///
/// Returns an error of kind [`Options`](crate::TransportErrorKind::Options) if an option is invalid, and
/// of kind [`Endpoint`](crate::TransportErrorKind::Endpoint) if the transport is not compiled in; the
/// error names the feature to enable.
///
/// # Panics
///
/// [`Connect::connect`] of the returned connector panics outside of a tokio runtime with I/O and
/// time enabled. A browser needs none.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "ws")] {
/// use swarm_transport::{TransportOptions, Endpoint, connector};
///
/// let endpoint = Endpoint::parse("ws://localhost:8765")?;
/// let connector = connector(&endpoint, &TransportOptions::new())?;
/// # let _ = connector;
/// # }
/// # Ok::<(), swarm_transport::TransportError>(())
/// ```
pub fn connector(
    endpoint: &Endpoint,
    options: &TransportOptions,
) -> Result<Arc<dyn Connect>, TransportError> {
    options.validate()?;
    let scheme: Scheme = endpoint.scheme();
    match scheme {
        #[cfg(feature = "ws")]
        Scheme::Ws | Scheme::Wss => Ok(Arc::new(crate::ws::WsConnector::new(endpoint, options)?)),
        #[cfg(feature = "tcp")]
        Scheme::Redis | Scheme::Rediss | Scheme::RedisUnix => {
            Ok(Arc::new(crate::tcp::TcpConnector::new(endpoint, options)?))
        }
        #[cfg(feature = "http")]
        Scheme::Http | Scheme::Https => Ok(Arc::new(crate::http::HttpConnector::new(
            endpoint, options,
        )?)),
        #[allow(
            unreachable_patterns,
            reason = "reachable if a transport feature is disabled"
        )]
        scheme => Err(scheme.not_compiled_in()),
    }
}

#[cfg(test)]
mod tests {
    //! An endpoint whose feature is disabled gets an error that names the feature.

    use super::*;

    /// Options that do not load the platform's certificates.
    fn options() -> TransportOptions {
        #[cfg(feature = "tls")]
        {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let config = rustls::ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(rustls::RootCertStore::empty())
                .with_no_client_auth();
            let tls = crate::tls::TlsOptions::from_config(Arc::new(config));
            TransportOptions::new().tls(tls)
        }
        #[cfg(not(feature = "tls"))]
        TransportOptions::new()
    }

    #[cfg(all(feature = "ws", feature = "http", feature = "tcp", feature = "tls"))]
    #[test]
    fn every_scheme_has_a_transport() {
        for scheme in Scheme::ALL {
            let path = if scheme == Scheme::RedisUnix {
                "/socket"
            } else {
                "host"
            };
            let endpoint = Endpoint::parse(&format!("{scheme}://{path}")).unwrap();
            connector(&endpoint, &options()).unwrap();
        }
    }

    #[test]
    fn a_disabled_transport_names_its_features() {
        let (ws, http, tcp) = (
            cfg!(feature = "ws"),
            cfg!(feature = "http"),
            cfg!(feature = "tcp"),
        );
        let tls = cfg!(feature = "tls");
        let cases = [
            ("ws://host", ws, "the feature `ws`"),
            ("wss://host", ws && tls, "the features `ws` and `tls`"),
            ("http://host", http, "the feature `http`"),
            ("https://host", http && tls, "the features `http` and `tls`"),
            ("redis://host", tcp, "the feature `tcp`"),
            ("rediss://host", tcp && tls, "the features `tcp` and `tls`"),
        ];
        for (address, there, features) in cases {
            let endpoint = Endpoint::parse(address).unwrap();
            match connector(&endpoint, &options()) {
                Ok(_) => assert!(there, "{address}"),
                Err(error) => {
                    assert!(!there, "{address}: {error}");
                    assert_eq!(error.kind(), crate::TransportErrorKind::Endpoint);
                    assert!(error.to_string().contains(features), "{error}");
                }
            }
        }
    }
}
