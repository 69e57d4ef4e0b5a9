//! Certificates generated for one test run.

use std::sync::{Arc, OnceLock};

use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use swarm_transport::tls::TlsOptions;
use tokio_rustls::TlsAcceptor;

struct Identity {
    acceptor: TlsAcceptor,
    pem: String,
}

fn identity() -> &'static Identity {
    static IDENTITY: OnceLock<Identity> = OnceLock::new();
    IDENTITY.get_or_init(|| {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Identity {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            pem: made.cert.pem(),
        }
    })
}

/// Returns the server's TLS acceptor.
pub(crate) fn acceptor() -> TlsAcceptor {
    identity().acceptor.clone()
}

/// Returns client options that trust the server.
pub(crate) fn trusting() -> TlsOptions {
    TlsOptions::new()
        .only_given_roots()
        .root_pem(&identity().pem)
}
