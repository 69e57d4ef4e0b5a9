//! HTTP/1.1 and HTTP/2 over TLS.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Response;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use swarm_resp::Request;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{call, dial, receive, start};
use crate::tls::TlsOptions;
use crate::{Endpoint, TransportOptions};

/// Starts a server that echoes request bodies as results and counts connections.
async fn serve(protocols: &[&[u8]]) -> (Endpoint, TransportOptions, Arc<AtomicUsize>) {
    let identity = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(
        identity.signing_key.serialize_der(),
    ));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![identity.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&connections);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            counting.fetch_add(1, Ordering::SeqCst);
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let stream = acceptor.accept(stream).await.unwrap();
                let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                let service = service_fn(
                    move |request: hyper::Request<hyper::body::Incoming>| async move {
                        assert_eq!(request.uri().path(), "/cmd");
                        assert_eq!(request.version() == hyper::Version::HTTP_2, h2);
                        assert_eq!(request.uri().host().is_some(), h2);
                        let body = request.into_body().collect().await?.to_bytes();
                        let mut result = b"{\"result\":".to_vec();
                        result.extend_from_slice(&body);
                        result.push(b'}');
                        Ok::<_, hyper::Error>(Response::new(Full::new(Bytes::from(result))))
                    },
                );
                let io = TokioIo::new(stream);
                if h2 {
                    let _ = http2::Builder::new(TokioExecutor::new())
                        .serve_connection(io, service)
                        .await;
                } else {
                    let _ = http1::Builder::new().serve_connection(io, service).await;
                }
            });
        }
    });
    let tls = TlsOptions::new()
        .only_given_roots()
        .root_pem(identity.cert.pem());
    let endpoint = Endpoint::parse(&format!("https://localhost:{port}")).unwrap();
    (endpoint, TransportOptions::new().tls(tls), connections)
}

#[tokio::test]
async fn http2_shares_one_connection_if_tls_negotiates_it() {
    let (endpoint, options, connections) = serve(&[b"h2", b"http/1.1"]).await;
    let mut transport = dial(&endpoint, &options).await.unwrap();
    for n in 0..30 {
        start(&mut transport, Request::new("ECHO", n)).await;
    }
    for n in 0..30 {
        let echo = receive(&mut transport).await.unwrap();
        assert_eq!(
            echo.to_string(),
            format!(r#"{{"cmd": "ECHO", "args": ["{n}"]}}"#)
        );
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn http1_is_used_otherwise() {
    for protocols in [&[b"http/1.1".as_slice()][..], &[]] {
        let (endpoint, options, connections) = serve(protocols).await;
        let mut transport = dial(&endpoint, &options).await.unwrap();
        for n in 0..3 {
            call(&mut transport, Request::new("ECHO", n)).await.unwrap();
        }
        assert_eq!(connections.load(Ordering::SeqCst), 1);
    }
}
