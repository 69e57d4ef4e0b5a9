//! TLS with a private certificate authority, and the errors for a wrong name and an untrusted
//! issuer.
//!
//! Run it: `cargo run --example tls --features tls`

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use swarm_gateway::Gateway;
use swarm_keydb::TlsOptions;
use swarm_keydb::{Client, ClientOptions};

/// A private certificate authority.
fn authority(name: &str) -> Result<CertifiedIssuer<'static, KeyPair>> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?)
}

#[tokio::main]
async fn main() -> Result<()> {
    // A certificate for the gateway, valid for the name and the address that clients use.
    let ours = authority("Our authority")?;
    let names = ["db.example".to_owned(), "127.0.0.1".to_owned()];
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(names)?.signed_by(&key, &ours)?;
    let gateway = Gateway::builder()
        .tls(certificate.pem(), key.serialize_pem())
        .start()
        .await?;

    // The same options work for WebSocket, HTTP and RESP over TCP.
    let tls = TlsOptions::new().root_pem(ours.pem()).only_given_roots();
    for url in [gateway.ws_url(), gateway.http_url(), gateway.tcp_url()] {
        let options = ClientOptions::new(url).transport(|transport| transport.tls(tls.clone()));
        let client = Client::connect(options).await?;
        client.set("hello", "over TLS").await?;
        println!("{url}: {:?}", client.get_as::<String>("hello").await?);
        client.close().await;
    }

    // The name to verify can differ from the address to connect to.
    let named = tls.clone().server_name("db.example");
    let options = ClientOptions::new(gateway.tcp_url()).transport(|transport| transport.tls(named));
    let client = Client::connect(options).await?;
    println!(
        "as db.example: {:?}",
        client.get_as::<String>("hello").await?
    );
    client.close().await;

    // With a wrong name or an untrusted issuer, nothing is sent, and in particular no password.
    let stranger = TlsOptions::new()
        .root_pem(authority("Another")?.pem())
        .only_given_roots();
    for (what, tls) in [
        ("another name", tls.server_name("other.example")),
        ("another authority", stranger),
    ] {
        let options =
            ClientOptions::new(gateway.ws_url()).transport(|transport| transport.tls(tls));
        let error = Client::connect(options).await.unwrap_err();
        println!("{what}: {error}");
    }

    // For servers that request a client certificate, see `TlsOptions::client_certificate`.
    gateway.shutdown().await;
    Ok(())
}
