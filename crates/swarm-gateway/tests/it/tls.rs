//! TLS listeners: reachable over the client's own transports, closed to plain text.

use std::future::poll_fn;
use std::time::Duration;

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use swarm_gateway::{Gateway, StartError};
use swarm_resp::{Frame, Request};
use swarm_transport::tls::TlsOptions;
use swarm_transport::{BoxTransport, Endpoint, TransportError, TransportOptions, connector};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

fn identity() -> CertifiedKey<KeyPair> {
    generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap()
}

async fn start(identity: &CertifiedKey<KeyPair>) -> Gateway {
    let (chain, key) = (identity.cert.pem(), identity.signing_key.serialize_pem());
    Gateway::builder().tls(chain, key).start().await.unwrap()
}

/// A client that trusts a single certificate.
struct Client(BoxTransport);

impl Client {
    async fn dial(url: &str, trusted: &CertifiedKey<KeyPair>) -> Result<Self, TransportError> {
        let tls = TlsOptions::new()
            .only_given_roots()
            .root_pem(trusted.cert.pem());
        let endpoint = Endpoint::parse(url).unwrap();
        let connector = connector(&endpoint, &TransportOptions::new().tls(tls)).unwrap();
        connector.connect().await.map(Self)
    }

    async fn send(&mut self, line: &str) -> Result<(), TransportError> {
        let mut words = line.split(' ');
        let name = words.next().unwrap();
        let args: Vec<&str> = words.collect();
        poll_fn(|cx| self.0.poll_ready(cx)).await?;
        self.0.start_send(Request::new(name, args).view())?;
        poll_fn(|cx| self.0.poll_flush(cx)).await
    }

    async fn call(&mut self, line: &str) -> Result<Frame, TransportError> {
        let exchange = async {
            self.send(line).await?;
            poll_fn(|cx| self.0.poll_receive(cx)).await
        };
        timeout(Duration::from_secs(10), exchange)
            .await
            .expect("a reply within ten seconds")
    }
}

fn urls(gateway: &Gateway) -> [&str; 3] {
    [gateway.ws_url(), gateway.http_url(), gateway.tcp_url()]
}

fn address(url: &str) -> &str {
    url.split_once("://").unwrap().1.trim_end_matches('/')
}

#[tokio::test]
async fn the_clients_transports_reach_every_listener() {
    let identity = identity();
    let gateway = start(&identity).await;
    let large = "v".repeat(1 << 20);
    for (url, scheme) in urls(&gateway).into_iter().zip(["wss", "https", "rediss"]) {
        assert!(url.starts_with(&format!("{scheme}://127.0.0.1:")), "{url}");
        let mut client = Client::dial(url, &identity).await.unwrap();
        assert_eq!(client.call("PING").await.unwrap().as_str(), Some("PONG"));
        let set = client.call(&format!("SET {scheme} {large}")).await;
        assert_eq!(set.unwrap().as_str(), Some("OK"));
        let get = client.call(&format!("GET {scheme}")).await.unwrap();
        assert_eq!(get.as_str(), Some(large.as_str()), "{scheme}");
    }
    gateway.shutdown().await;
}

#[tokio::test]
async fn an_unknown_certificate_is_rejected() {
    let gateway = start(&identity()).await;
    let stranger = identity();
    for url in urls(&gateway) {
        let tried = async { Client::dial(url, &stranger).await?.call("PING").await };
        assert!(tried.await.unwrap_err().is_tls(), "{url}");
    }
}

#[tokio::test]
async fn plain_text_is_dropped_without_affecting_others() {
    let identity = identity();
    let gateway = start(&identity).await;
    for url in urls(&gateway) {
        // A silent connection must not delay others.
        let silent = TcpStream::connect(address(url)).await.unwrap();
        for plain in [
            &b"*1\r\n$4\r\nPING\r\n"[..],
            b"GET / HTTP/1.1\r\nHost: gateway\r\n\r\n",
            &[0x16; 100_000],
        ] {
            let mut stream = TcpStream::connect(address(url)).await.unwrap();
            // The gateway may close before it has read everything.
            let _ = stream.write_all(plain).await;
            let mut answer = Vec::new();
            let end = timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
            // A reset counts as an end.
            let _ = end.expect("the connection ends before the handshake timeout");
            // At most an alert: type 21, two bytes long.
            assert!(answer.is_empty() || (answer[0] == 21 && answer.len() == 7));
        }
        let mut client = Client::dial(url, &identity).await.unwrap();
        assert_eq!(client.call("PING").await.unwrap().as_str(), Some("PONG"));
        drop(silent);
    }
}

#[tokio::test]
async fn shutdown_does_not_wait_for_a_stalled_handshake() {
    let identity = identity();
    let gateway = start(&identity).await;
    let address = address(gateway.tcp_url()).to_owned();
    let mut silent = TcpStream::connect(&address).await.unwrap();
    // Connections are accepted in order: once a later one is served, the silent one has been
    // accepted.
    let mut client = Client::dial(gateway.tcp_url(), &identity).await.unwrap();
    client.call("PING").await.unwrap();
    drop(client);
    timeout(Duration::from_secs(5), gateway.shutdown())
        .await
        .expect("shutdown does not wait for the handshake");
    assert!(!matches!(silent.read(&mut [0; 8]).await, Ok(1..)));
}

#[tokio::test]
async fn tls_errors_do_not_reveal_the_key() {
    let (own, other) = (identity(), identity());
    let (chain, key) = (own.cert.pem(), own.signing_key.serialize_pem());
    let other_key = other.signing_key.serialize_pem();
    let broken = "-----BEGIN CERTIFICATE-----\ns3cret!\n-----END CERTIFICATE-----\n";
    for (chain, key, named) in [
        ("", key.as_str(), "contains no PEM certificate"),
        (&key, &key, "contains no PEM certificate"),
        (broken, &key, "certificate chain is malformed"),
        (&chain, "s3cret", "the private key is not in PEM"),
        (&chain, &chain, "the private key is not in PEM"),
        (&chain, &other_key, "do not match"),
    ] {
        let error = Gateway::builder()
            .tls(chain, key)
            .start()
            .await
            .unwrap_err();
        assert!(matches!(error, StartError::Tls { .. }));
        let text = format!("{error} {error:?}");
        assert!(text.contains(named) && !text.contains("s3cret"), "{text}");
    }
}
