//! TLS with certificates created for each test: trust decisions and their errors.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use swarm_resp::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::tungstenite::Message;

use super::TlsOptions;
use crate::{
    BoxTransport, Endpoint, TransportError, TransportErrorKind as Kind, TransportOptions, connector,
};

/// A private certificate authority.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        self.0.as_ref().pem()
    }

    /// Issues a certificate and its key for a name.
    fn issue(&self, name: &str, until: i32) -> (rcgen::Certificate, KeyPair) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.0).unwrap(), key)
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.as_ref().der().clone()).unwrap();
        roots
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn acceptor(identity: &(rcgen::Certificate, KeyPair), clients: Option<&Authority>) -> TlsAcceptor {
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => builder.with_client_cert_verifier(
            WebPkiClientVerifier::builder_with_provider(authority.roots().into(), provider())
                .build()
                .unwrap(),
        ),
    };
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(identity.1.serialize_der()));
    let config = builder
        .with_single_cert(vec![identity.0.der().clone()], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Starts a server for one connection of either transport, which answers the first request with
/// PONG.
async fn serve(scheme: &'static str, acceptor: TlsAcceptor) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        // The handshake may fail; the test checks the client's error.
        if let Ok(stream) = acceptor.accept(stream).await {
            answer(scheme, stream).await;
        }
    });
    Endpoint::parse(&format!("{scheme}://localhost:{port}")).unwrap()
}

async fn answer(scheme: &str, mut stream: TlsStream<TcpStream>) {
    if scheme == "rediss" {
        let mut request = [0; 14];
        if stream.read_exact(&mut request).await.is_ok() {
            stream.write_all(b"+PONG\r\n").await.unwrap();
            let _ = stream.read(&mut request).await;
        }
    } else if let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await {
        socket.next().await.unwrap().unwrap();
        socket.send(Message::binary("+PONG\r\n")).await.unwrap();
        let _ = socket.next().await;
    }
}

/// Connects, sends PING and returns the reply. TLS 1.3 reports some failures only then.
async fn ping(endpoint: &Endpoint, tls: TlsOptions) -> Result<String, TransportError> {
    let options = TransportOptions::new().tls(tls);
    let exchange = async {
        let mut transport: BoxTransport = connector(endpoint, &options)?.connect().await?;
        poll_fn(|cx| transport.poll_ready(cx)).await?;
        transport.start_send(Request::new("PING", ()).view())?;
        poll_fn(|cx| transport.poll_flush(cx)).await?;
        let reply = poll_fn(|cx| transport.poll_receive(cx)).await?;
        poll_fn(|cx| transport.poll_close(cx)).await?;
        Ok(reply.as_str().unwrap_or_default().to_owned())
    };
    tokio::time::timeout(Duration::from_secs(10), exchange)
        .await
        .expect("timed out")
}

fn trusting(authority: &Authority) -> TlsOptions {
    TlsOptions::new()
        .only_given_roots()
        .root_pem(authority.pem())
}

#[tokio::test]
async fn a_trusted_certificate_is_accepted_by_each_transport() {
    let authority = Authority::new("ours");
    for scheme in ["rediss", "wss"] {
        let server = || acceptor(&authority.issue("localhost", 2999), None);
        let endpoint = serve(scheme, server()).await;
        assert_eq!(ping(&endpoint, trusting(&authority)).await.unwrap(), "PONG");

        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(authority.roots())
            .with_no_client_auth();
        let endpoint = serve(scheme, server()).await;
        let own = TlsOptions::from_config(Arc::new(config));
        assert_eq!(ping(&endpoint, own).await.unwrap(), "PONG");

        let other_name = acceptor(&authority.issue("db.internal", 2999), None);
        let endpoint = serve(scheme, other_name).await;
        let named = trusting(&authority).server_name("db.internal");
        assert_eq!(ping(&endpoint, named).await.unwrap(), "PONG");
    }
}

#[tokio::test]
async fn untrusted_certificates_have_specific_errors() {
    let (authority, stranger) = (Authority::new("ours"), Authority::new("theirs"));
    let cases = [
        (authority.issue("localhost", 2001), "renew"),
        (authority.issue("db.internal", 2999), "server_name"),
        (stranger.issue("localhost", 2999), "root_pem"),
    ];
    for scheme in ["rediss", "wss"] {
        for (identity, hint) in &cases {
            let endpoint = serve(scheme, acceptor(identity, None)).await;
            let error = ping(&endpoint, trusting(&authority)).await.unwrap_err();
            assert!(error.is_tls() && !error.is_transient(), "{error}");
            assert!(error.to_string().contains(hint), "{error}");
        }
    }
}

#[tokio::test]
async fn client_certificates_are_sent_and_required() {
    let (authority, stranger) = (Authority::new("ours"), Authority::new("theirs"));
    let identity = authority.issue("localhost", 2999);
    for scheme in ["rediss", "wss"] {
        let with = |issuer: &Authority| {
            let (certificate, key) = issuer.issue("client", 2999);
            trusting(&authority).client_certificate(certificate.pem(), key.serialize_pem())
        };
        let endpoint = serve(scheme, acceptor(&identity, Some(&authority))).await;
        assert_eq!(ping(&endpoint, with(&authority)).await.unwrap(), "PONG");
        for options in [trusting(&authority), with(&stranger)] {
            let endpoint = serve(scheme, acceptor(&identity, Some(&authority))).await;
            let error = ping(&endpoint, options).await.unwrap_err();
            assert!(error.is_tls() && !error.is_transient(), "{error:?}");
            assert!(error.to_string().contains("client_certificate"), "{error}");
        }
    }
}

#[tokio::test]
async fn no_process_wide_provider_is_read_or_installed() {
    let authority = Authority::new("ours");
    let endpoint = serve(
        "rediss",
        acceptor(&authority.issue("localhost", 2999), None),
    )
    .await;
    assert_eq!(ping(&endpoint, trusting(&authority)).await.unwrap(), "PONG");
    assert!(rustls::crypto::CryptoProvider::get_default().is_none());
}

#[tokio::test]
async fn a_refused_upgrade_over_tls_carries_retry_after() {
    let authority = Authority::new("ours");
    let acceptor = acceptor(&authority.issue("localhost", 2999), None);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = acceptor.accept(stream).await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await.unwrap();
        let answer = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\n\r\n";
        stream.write_all(answer).await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await;
    });
    let endpoint = Endpoint::parse(&format!("wss://localhost:{port}")).unwrap();
    let error = ping(&endpoint, trusting(&authority)).await.unwrap_err();
    assert_eq!(error.status(), Some(503), "{error}");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn a_port_without_tls_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"-ERR Protocol error\r\n").await.unwrap();
        let _ = stream.read(&mut [0; 1024]).await;
    });
    let endpoint = Endpoint::parse(&format!("rediss://localhost:{port}")).unwrap();
    let error = ping(&endpoint, trusting(&Authority::new("ours")))
        .await
        .unwrap_err();
    assert!(
        error.is_tls()
            && error
                .to_string()
                .contains("does not speak TLS; use redis://"),
        "{error}"
    );
    assert!(!error.is_transient(), "{error}");
}

#[test]
fn options_are_validated_before_connecting() {
    let authority = Authority::new("ours");
    let (certificate, key) = authority.issue("client", 2999);
    let (_, other_key) = authority.issue("client", 2999);
    let new = || trusting(&authority);
    let cases = [
        (TlsOptions::new().only_given_roots(), "only_given_roots"),
        (new().root_pem("no PEM"), "root_pem"),
        (new().server_name("no name"), "server_name"),
        (
            new().root_pem("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----"),
            "root_pem",
        ),
        (
            new().client_certificate("", key.serialize_pem()),
            "client_certificate",
        ),
        (
            new().client_certificate(certificate.pem(), "s3cret"),
            "client_certificate",
        ),
        (
            new().client_certificate(certificate.pem(), other_key.serialize_pem()),
            "client_certificate",
        ),
    ];
    for (tls, option) in cases {
        let shown = format!("{tls:?}");
        let endpoint = Endpoint::parse("rediss://localhost").unwrap();
        let error = connector(&endpoint, &TransportOptions::new().tls(tls))
            .err()
            .unwrap();
        assert_eq!(error.kind(), Kind::Options, "{error}");
        assert!(error.to_string().contains(option), "{error}");
        assert!(!format!("{shown}{error:?}").contains("s3cret"));
    }
}
