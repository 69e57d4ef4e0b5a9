//! Tests of [`Dialer::establish`], which opens a connection before its protocol takes over.

use swarm_transport::Capabilities;

use super::*;
use crate::connection::{Dialer, Disconnect, Link, Session, Settings};
use crate::credentials::{Credentials, Login};

const SECOND: Duration = Duration::from_secs(1);

type Established = Result<(Link, Session), Disconnect>;

/// Starts to establish a connection. Also returns the connections that the server accepts.
fn establish(
    server: &Server,
    credentials: Option<Credentials>,
) -> (
    tokio::task::JoinHandle<Established>,
    mpsc::UnboundedReceiver<MemoryPeer>,
) {
    let (connector, accepted) = server.connector();
    let dialer = Dialer::new(Arc::new(connector), Login::fixed(credentials), 3 * SECOND);
    let established = tokio::spawn(async move {
        let mut session = Session::new(Settings::default());
        let link = dialer.establish(&mut session).await?;
        Ok((link, session))
    });
    (established, accepted)
}

/// Guards against a liveness check that a server of garbled HELLO replies always fails.
#[tokio::test(start_paused = true)]
async fn an_unreadable_reply_to_hello_is_followed_by_another_attempt() {
    let server = Server::default();
    let (established, mut accepted) = establish(&server, None);
    let mut first = accepted.recv().await.unwrap();
    let hello = first.next_request().await.unwrap();
    assert_eq!(hello, Request::new("HELLO", 3));
    first.reply(Frame::simple("garbage")).await.unwrap();
    let mut second = accepted.recv().await.unwrap();
    assert!(first.next_request().await.is_none(), "closed");
    let hello = second.next_request().await.unwrap();
    assert_eq!(hello, Request::new("HELLO", 2));
    second.reply(answer(&hello)).await.unwrap();
    let probe = second.next_request().await.unwrap();
    second.reply(answer(&probe)).await.unwrap();
    let established = established.await.unwrap();
    assert!(established.is_ok_and(|(_, session)| session.is_ready()));
}

#[tokio::test(start_paused = true)]
async fn an_established_connection_is_logged_in_and_ready() {
    let server = Server::default();
    let credentials = Some(Credentials::password("secret"));
    let (established, mut accepted) = establish(&server, credentials);
    let mut peer = accepted.recv().await.unwrap();
    let auth = peer.next_request().await.unwrap();
    assert_eq!(auth, Request::new("AUTH", "secret"));
    peer.reply(Frame::simple("OK")).await.unwrap();
    shake_hands(&mut peer).await;
    let established = established.await.unwrap();
    assert!(established.is_ok_and(|(_, session)| session.is_ready()));
    server.set(|watch| assert_eq!(watch.peers.len(), 1));
}

#[tokio::test(start_paused = true)]
async fn a_transport_without_a_session_is_established_without_a_handshake() {
    let server = Server::default();
    let without = Capabilities::FULL.with_session(false);
    server.set(|watch| watch.capabilities = Some(without));
    let (established, _accepted) = establish(&server, None);
    let established = established.await.unwrap();
    assert!(established.is_ok_and(|(_, session)| session.is_ready()));
    server.set(|watch| assert_eq!(watch.peers, []));
}

/// Answers a handshake whose server must be a primary.
async fn role_of(hello: Frame, role: Frame) -> Result<(), String> {
    let (connector, mut accepted) = Server::default().connector();
    let dialer = Dialer::new(Arc::new(connector), Login::fixed(None), 3 * SECOND);
    let established = tokio::spawn(async move {
        let mut session = Session::new(Settings {
            needs_primary: true,
            ..Settings::default()
        });
        let link = dialer.establish(&mut session).await;
        link.map(|_| ())
            .map_err(|error| error.into_error().to_string())
    });
    let mut peer = accepted.recv().await.unwrap();
    for reply in [hello, Frame::error("ERR wrong number of arguments"), role] {
        peer.next_request().await.unwrap();
        peer.reply(reply).await.unwrap();
    }
    established.await.unwrap()
}

/// Guards against writes to a replica, and against a user without ROLE that finds no primary.
#[tokio::test(start_paused = true)]
async fn a_server_that_must_be_a_primary_says_so() {
    let text = Frame::bulk;
    let hello = |role: &'static str| {
        let (server, redis) = (text("server"), text("redis"));
        let (name, role) = (text("role"), text(role));
        Frame::map([(&server, &redis), (&name, &role)])
    };
    let role = |role: &'static str| Frame::array([&text(role), &Frame::integer(7)]);
    let refused = || Frame::error("NOPERM no permission to run the 'role' command");
    assert_eq!(role_of(hello("master"), role("master")).await, Ok(()));
    assert_eq!(role_of(hello("master"), refused()).await, Ok(()));
    for (hello, role) in [
        (hello("replica"), refused()),
        (hello("master"), role("slave")),
        (hello("master"), role("sentinel")),
    ] {
        let error = role_of(hello, role).await.unwrap_err();
        assert!(error.contains("no primary"), "{error}");
    }
    let error = role_of(hello("master"), Frame::error("LOADING x")).await;
    assert!(error.unwrap_err().contains("LOADING"));
}

/// Guards against a liveness check that takes a server for alive because it accepts connections.
#[tokio::test(start_paused = true)]
async fn a_server_that_answers_only_a_part_of_the_handshake_is_not_alive() {
    let server = Server::default();
    let start = Instant::now();
    let (established, mut accepted) = establish(&server, None);
    let mut peer = accepted.recv().await.unwrap();
    let hello = peer.next_request().await.unwrap();
    peer.reply(answer(&hello)).await.unwrap();
    let established = timeout(FOREVER, established).await.unwrap().unwrap();
    let error = established.err().unwrap().into_error();
    assert_eq!(error.kind(), TransportErrorKind::Timeout);
    assert!(error.to_string().contains("handshake"), "{error}");
    assert_eq!(start.elapsed(), 3 * SECOND);
}
