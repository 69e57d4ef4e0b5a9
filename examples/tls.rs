//! TLS with a private authority: who is trusted, and what is said of who is not. Run it:
//! `cargo run --example tls --features tls`

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use swarm_gateway::Gateway;
use swarm_keydb::transport::tls::TlsOptions;
use swarm_keydb::{Client, Options, prelude::*};

/// An authority of one's own, as a company has it.
fn authority(name: &str) -> Result<CertifiedIssuer<'static, KeyPair>> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?)
}

#[tokio::main]
async fn main() -> Result<()> {
    // A certificate for the gateway, which bears the name and the address that clients use.
    let ours = authority("Our authority")?;
    let names = ["db.example".to_owned(), "127.0.0.1".to_owned()];
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(names)?.signed_by(&key, &ours)?;
    let gateway = Gateway::builder()
        .tls(certificate.pem(), key.serialize_pem())
        .start()
        .await?;

    // The same options for every wire: WebSocket, HTTP and RESP over TCP.
    let tls = TlsOptions::new().root_pem(ours.pem()).only_given_roots();
    for url in [gateway.ws_url(), gateway.http_url(), gateway.tcp_url()] {
        let options = Options::new(url).dial(|dial| dial.tls(tls.clone()));
        let client = Client::connect(options).await?;
        client.set("hello", "over TLS").await?;
        println!("{url}: {:?}", client.get_as::<String>("hello").await?);
        client.close().await;
    }

    // The name may be another than the address.
    let named = tls.clone().server_name("db.example");
    let options = Options::new(gateway.tcp_url()).dial(|dial| dial.tls(named));
    let client = Client::connect(options).await?;
    println!(
        "as db.example: {:?}",
        client.get_as::<String>("hello").await?
    );
    client.close().await;

    // Where a name or an authority is wrong, nothing is sent, the password least of all.
    let stranger = TlsOptions::new()
        .root_pem(authority("Another")?.pem())
        .only_given_roots();
    for (what, tls) in [
        ("another name", tls.server_name("other.example")),
        ("another authority", stranger),
    ] {
        let options = Options::new(gateway.ws_url()).dial(|dial| dial.tls(tls));
        let error = Client::connect(options).await.unwrap_err();
        println!("{what}: {error}");
    }

    // A server that asks for it is shown a certificate by `TlsOptions::client_certificate`.
    gateway.shutdown().await;
    Ok(())
}
