//! Startup and shutdown.

use swarm_gateway::{Gateway, StartError};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::client::Client;

#[tokio::test]
async fn start_error_names_a_port_in_use() {
    let gateway = swarm_gateway::test().await.unwrap();
    let address = gateway
        .ws_url()
        .trim_start_matches("ws://")
        .trim_end_matches('/');
    let error = Gateway::builder().ws(address).start().await.unwrap_err();
    assert!(matches!(error, StartError::PortTaken { .. }));
    assert!(error.to_string().contains(address), "{error}");
}

#[tokio::test]
async fn each_listener_can_be_disabled() {
    let closed = [
        Gateway::builder().without_ws(),
        Gateway::builder().without_http(),
        Gateway::builder().without_tcp(),
    ];
    for (at, builder) in closed.into_iter().enumerate() {
        let gateway = builder.start().await.unwrap();
        let urls = [gateway.ws_url(), gateway.http_url(), gateway.tcp_url()];
        for (other, url) in urls.into_iter().enumerate() {
            assert_eq!(url.is_empty(), other == at, "{urls:?}");
        }
        gateway.shutdown().await;
    }
}

#[tokio::test]
async fn start_error_names_an_unreachable_server_without_its_password() {
    for url in ["redis://:secret@127.0.0.1:1", "http://secret@127.0.0.1"] {
        let error = Gateway::builder().redis(url).start().await.unwrap_err();
        assert!(matches!(error, StartError::Upstream { .. }));
        let text = format!("{error} {error:?}");
        assert!(
            text.contains("127.0.0.1") && !text.contains("secret"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn shutdown_answers_pending_commands_and_sends_a_close_frame() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    let hold = gateway.faults().hold("INCR");
    for _ in 0..3 {
        client.send("INCR n").await;
    }
    gateway.faults().executed("INCR", 3).await;
    let stopping = tokio::spawn(gateway.shutdown());
    hold.release();
    for expected in 1..=3 {
        assert_eq!(client.reply().await.as_integer(), Some(expected));
    }
    let close = client.ending().await.unwrap();
    assert_eq!(close.code, CloseCode::Away);
    drop(client);
    stopping.await.unwrap();
}

#[tokio::test]
async fn dropping_stops_immediately() {
    let gateway = swarm_gateway::test().await.unwrap();
    let url = gateway.ws_url().to_owned();
    let mut client = Client::connect(&gateway).await;
    assert_eq!(client.call("PING").await, "\"PONG\"");
    drop(gateway);
    assert_eq!(client.ending().await, None);
    assert!(tokio_tungstenite::connect_async(url).await.is_err());
}

#[tokio::test]
async fn quit_is_answered_and_closes() {
    let gateway = swarm_gateway::test().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    assert_eq!(client.call("QUIT").await, "\"OK\"");
    assert_eq!(client.ending().await.unwrap().code, CloseCode::Normal);
}

#[tokio::test]
async fn a_restart_keeps_data_ports_and_faults() {
    let mut gateway = swarm_gateway::test().await.unwrap();
    let url = gateway.ws_url().to_owned();
    let mut client = Client::connect(&gateway).await;
    client.call("SET k v").await;
    let sha = client.call("SCRIPT LOAD return(1)").await;
    let evalsha = format!("EVALSHA {} 0", sha.trim_matches('"'));
    let known = client.call(&evalsha).await;
    assert!(!known.starts_with("-NOSCRIPT"), "{known}");
    gateway.faults().answer_error("INCR", "LOADING");
    gateway.restart().await.unwrap();
    assert_eq!(client.ending().await, None);
    assert_eq!(gateway.ws_url(), url);
    let mut client = Client::connect(&gateway).await;
    assert_eq!(client.call("GET k").await, "\"v\"");
    assert_eq!(client.call("INCR n").await, "-LOADING");
    assert_eq!(gateway.executions("SET"), 1);
    let lost = client.call(&evalsha).await;
    assert!(lost.starts_with("-NOSCRIPT"), "{lost}");
}

#[tokio::test]
async fn a_stopped_gateway_refuses_connections_until_it_starts() {
    let mut gateway = swarm_gateway::test().await.unwrap();
    let hold = gateway.faults().hold("INCR");
    let mut client = Client::connect(&gateway).await;
    client.send("INCR n").await;
    hold.reached(1).await;
    // Neither a withheld reply nor a blocked command delays a crash.
    let mut blocked = Client::connect(&gateway).await;
    blocked.send("XREAD BLOCK 0 STREAMS s $").await;
    gateway.stop().await;
    gateway.stop().await;
    assert_eq!(client.ending().await, None);
    assert_eq!(blocked.ending().await, None);
    for url in [gateway.ws_url(), gateway.http_url(), gateway.tcp_url()] {
        let (_, address) = url.split_once("://").unwrap();
        let connecting = tokio::net::TcpStream::connect(address.trim_end_matches('/'));
        let error = connecting.await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    }
    gateway.start().await.unwrap();
    gateway.start().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    assert_eq!(client.call("GET n").await, "\"1\"");
}

#[tokio::test]
async fn a_port_that_was_taken_leaves_the_gateway_stopped() {
    let mut gateway = swarm_gateway::test().await.unwrap();
    let address = gateway.tcp_url().trim_start_matches("redis://").to_owned();
    gateway.stop().await;
    let thief = tokio::net::TcpListener::bind(&address).await.unwrap();
    let error = gateway.start().await.unwrap_err();
    assert!(matches!(error, StartError::PortTaken { .. }), "{error}");
    drop(thief);
    gateway.start().await.unwrap();
    let mut client = Client::connect(&gateway).await;
    assert_eq!(client.call("PING").await, "\"PONG\"");
}

#[tokio::test]
async fn a_blocking_shutdown_sends_a_close_frame() {
    let gateway = swarm_gateway::blocking::test().unwrap();
    let mut client = Client::connect(&gateway).await;
    let hold = gateway.faults().hold("INCR");
    client.send("INCR n").await;
    hold.reached(1).await;
    let stopping = tokio::task::spawn_blocking(|| gateway.shutdown());
    hold.release();
    assert_eq!(client.reply().await.as_integer(), Some(1));
    let close = client.ending().await.unwrap();
    assert_eq!(close.code, CloseCode::Away);
    drop(client);
    stopping.await.unwrap();
}

/// In an async context, where blocking on a runtime panics.
#[tokio::test]
async fn a_blocking_gateway_restarts_and_shuts_down() {
    let mut gateway = swarm_gateway::blocking::test().unwrap();
    let mut client = Client::connect(&gateway).await;
    client.call("SET k v").await;
    gateway.restart().unwrap();
    assert_eq!(client.ending().await, None);
    let mut client = Client::connect(&gateway).await;
    assert_eq!(client.call("GET k").await, "\"v\"");
    gateway.stop();
    assert_eq!(client.ending().await, None);
    gateway.start().unwrap();
    let url = gateway.ws_url().to_owned();
    gateway.shutdown();
    assert!(tokio_tungstenite::connect_async(url).await.is_err());
}
