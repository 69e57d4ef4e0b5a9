//! Tests of the credentials of each connection.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::Credentials;

/// Returns the password of the login that a connection begins with, and serves its handshake.
async fn password(peer: &mut MemoryPeer) -> String {
    let login = timeout(FOREVER, peer.next_request()).await;
    let login = login.expect("logged in").unwrap();
    assert_eq!(login.name(), b"AUTH");
    peer.reply(Frame::simple("OK")).await.unwrap();
    shake_hands(peer).await;
    let password = login.args().nth(1).unwrap();
    String::from_utf8_lossy(password).into_owned()
}

#[tokio::test(start_paused = true)]
async fn each_connection_logs_in_with_the_credentials_that_were_fetched_for_it() {
    let fetched = AtomicUsize::new(0);
    let fetch = move || {
        let number = fetched.fetch_add(1, Ordering::Relaxed);
        async move { Ok::<_, TransportError>(Credentials::password(format!("secret {number}"))) }
    };
    let options = ClientOptions::default().credentials(fetch);
    let (client, mut accepted) = Server::default().client(options);
    let mut first = accepted.recv().await.unwrap();
    assert_eq!(password(&mut first).await, "secret 0");
    let client = client.await.unwrap().unwrap();

    first.close();
    let mut second = accepted.recv().await.unwrap();
    assert_eq!(password(&mut second).await, "secret 1", "reconnected");

    let _subscribing = tokio::spawn(client.subscribe("a"));
    let mut subscribed = accepted.recv().await.unwrap();
    assert_eq!(password(&mut subscribed).await, "secret 2", "subscribed");
}
