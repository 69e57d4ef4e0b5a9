//! Tests of a client without a connection.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::connection::GRACE;
use crate::{ErrorKind, Outcome};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_connector_that_hangs_fails_connect_after_connect_timeout() {
    let server = Server::default();
    server.hang(true);
    let start = Instant::now();
    let (client, _accepted) = server.client(ClientOptions::default().connect_timeout(3 * SECOND));
    let failed = timeout(FOREVER, client).await.expect("connect ends");
    let error = failed.unwrap().unwrap_err();
    let cause = error.transport_error().unwrap();
    assert!(cause.to_string().contains("too slow"), "{cause}");
    // The transport, whose errors say more, is given this much longer.
    assert_eq!(start.elapsed(), 3 * SECOND + GRACE);
}

#[tokio::test(start_paused = true)]
async fn a_call_times_out_on_time_while_the_client_dials() {
    let server = Server::default();
    let (client, mut accepted) = server.client(ClientOptions::default());
    let mut peer = accepted.recv().await.unwrap();
    shake_hands(&mut peer).await;
    let client = client.await.unwrap().unwrap();
    server.hang(true);
    peer.close();
    while server.dials() == 1 {
        sleep(Duration::from_millis(1)).await;
    }
    let start = Instant::now();
    let error = client.get("k").timeout(SECOND).await.unwrap_err();
    assert_eq!(start.elapsed(), SECOND);
    assert_eq!(
        (error.kind(), error.outcome()),
        (ErrorKind::Timeout, Some(Outcome::NotSent))
    );
}

/// The server's last reply may be the reason for closing the connection.
#[tokio::test(start_paused = true)]
async fn an_error_in_the_handshake_is_part_of_the_error_of_connect() {
    let (client, mut accepted) = Server::default().client(ClientOptions::default());
    let mut peer = accepted.recv().await.unwrap();
    peer.next_request().await.unwrap();
    let refusal = Frame::error("ERR no HELLO for you");
    peer.reply(refusal).await.unwrap();
    peer.next_request().await.unwrap();
    peer.close();
    let error = client.await.unwrap().unwrap_err();
    assert!(error.to_string().contains("no HELLO for you"), "{error}");
}

/// Guards against redialing without a delay, as if the credentials were still new.
#[tokio::test(start_paused = true)]
async fn credentials_that_were_replaced_once_do_not_end_later_delays() {
    let server = Server::default();
    let (client, mut accepted) = server.client(ClientOptions::default());
    let peer = accepted.recv().await.unwrap();
    let serving = tokio::spawn(peer.serve(|request| match request.name() {
        b"AUTH" => Frame::simple("OK"),
        _ => answer(request),
    }));
    let client = client.await.unwrap().unwrap();
    client.auth("new").await.unwrap();
    let busy = || refused().with_retry_after(7 * SECOND);
    server.fail([busy(), busy(), busy()]);
    serving.abort();
    accepted.recv().await.unwrap();
    let pauses = server.pauses_after(1);
    assert!(
        pauses.len() >= 3 && pauses.iter().all(|pause| *pause >= 7 * SECOND),
        "{pauses:?}"
    );
}

/// Guards against subscriptions that wait forever for credentials that the server refuses.
#[tokio::test(start_paused = true)]
async fn subscriptions_end_if_the_server_no_longer_accepts_the_credentials() {
    let refuses = Arc::new(AtomicBool::new(false));
    let options = ClientOptions::default().password("secret");
    let (client, mut accepted) = Server::default().client(options);
    let (refused, mut serving) = (Arc::clone(&refuses), Vec::new());
    let serve = move |peer: MemoryPeer| {
        let refused = Arc::clone(&refused);
        let served = peer.serve(move |request| match request.name() {
            b"AUTH" if refused.load(Ordering::Relaxed) => Frame::error("WRONGPASS no"),
            b"AUTH" => Frame::simple("OK"),
            b"SUBSCRIBE" => push(&["subscribe", "a", "1"]),
            _ => answer(request),
        });
        tokio::spawn(served)
    };
    serving.push(serve(accepted.recv().await.unwrap()));
    let client = client.await.unwrap().unwrap();
    let subscribing = tokio::spawn(client.subscribe("a"));
    serving.push(serve(accepted.recv().await.unwrap()));
    let mut subscription = subscribing.await.unwrap().unwrap();
    refuses.store(true, Ordering::Relaxed);
    serving.iter().for_each(|served| served.abort());
    tokio::spawn(async move {
        while let Some(peer) = accepted.recv().await {
            serve(peer);
        }
    });
    let next = timeout(FOREVER, subscription.next()).await.expect("ends");
    assert_eq!(next.unwrap().unwrap_err().kind(), ErrorKind::Auth);
}
