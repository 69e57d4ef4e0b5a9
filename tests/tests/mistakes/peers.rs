//! Addresses of servers that speak another protocol or refuse the client.

use std::time::Duration;

use swarm_gateway::{Dialect, Gateway};
use swarm_keydb::{Client, ClientOptions};
use swarm_tests::{gateway, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::table::Table;

/// Returns the address of a server that answers everything with these bytes.
async fn answering(answer: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut input = [0; 4096];
            while let Ok(1..) = stream.read(&mut input).await {
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    break;
                }
            }
        }
    });
    address.to_string()
}

/// Returns the address of a server with a page that every request gets.
async fn answering_status(status: &str) -> String {
    let page = "<html><body>a page of a proxy</body></html>";
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {}\r\n",
        page.len()
    );
    answering(format!("{head}\r\n{page}")).await
}

/// Returns the address of a server that accepts connections and sends nothing.
pub(crate) async fn silent() -> String {
    answering(String::new()).await
}

/// Returns a gateway whose ports all speak TLS.
async fn encrypted() -> Gateway {
    let identity = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let builder = Gateway::builder()
        .tls(identity.cert.pem(), identity.signing_key.serialize_pem())
        .ws("127.0.0.1:0");
    within(builder.start()).await.unwrap()
}

/// Returns the number of a status, and its header, if it has one.
fn name(status: &str) -> String {
    let (number, rest) = status.split_once(' ').unwrap();
    match rest.split_once("\r\n") {
        Some((_, header)) => format!("{number} with {header}"),
        None => number.to_owned(),
    }
}

fn host(url: &str) -> &str {
    let (_, host) = url.split_once("://").unwrap();
    host.trim_end_matches('/')
}

fn options(url: impl Into<String>) -> ClientOptions {
    ClientOptions::new(url).connect_timeout(Duration::from_secs(2))
}

pub(crate) async fn table() -> Table {
    let mut table = Table::new("Servers");
    let gateway = gateway(Dialect::STANDARD).await;
    let (ws, http, tcp) = (
        host(gateway.ws_url()),
        host(gateway.http_url()),
        host(gateway.tcp_url()),
    );
    let tls = encrypted().await;
    let (tls_ws, tls_http, tls_tcp) = (
        host(tls.ws_url()),
        host(tls.http_url()),
        host(tls.tcp_url()),
    );
    for (mistake, url) in [
        ("redis:// to a WebSocket port", format!("redis://{ws}")),
        ("redis:// to an HTTP port", format!("redis://{http}")),
        ("ws:// to a RESP port", format!("ws://{tcp}")),
        ("wss:// to a port without TLS", format!("wss://{ws}")),
        ("rediss:// to a port without TLS", format!("rediss://{tcp}")),
        ("redis:// to a port with TLS", format!("redis://{tls_tcp}")),
        ("ws:// to a port with TLS", format!("ws://{tls_ws}")),
        (
            "wss:// to a server with an unknown issuer",
            format!("wss://{tls_ws}"),
        ),
        (
            "rediss:// to a server with an unknown issuer",
            format!("rediss://{tls_tcp}"),
        ),
        ("ws:// to an HTTP port", format!("ws://{http}")),
        (
            "ws:// to a wrong path",
            format!("ws://{}/x", answering_status("404 Not Found").await),
        ),
        (
            "redis:// to an SSH port",
            format!("redis://{}", answering("SSH-2.0-x\r\n".into()).await),
        ),
        (
            "ws:// to an SSH port",
            format!("ws://{}", answering("SSH-2.0-x\r\n".into()).await),
        ),
        (
            "a port where nothing listens",
            "redis://127.0.0.1:1".to_owned(),
        ),
        (
            "a socket that does not exist",
            "redis+unix:///nowhere/redis.sock".to_owned(),
        ),
    ] {
        table.connect(mistake, options(url)).await;
    }
    for status in [
        "301 Moved",
        "401 Unauthorized",
        "403 Forbidden",
        "404 Not Found",
        "200 OK",
        "400 Bad Request",
        "502 Bad Gateway",
        "503 Service Unavailable\r\nRetry-After: 30",
        "504 Gateway Timeout",
        "500 Internal Server Error",
    ] {
        let url = format!("ws://{}", answering_status(status).await);
        let number = name(status);
        table
            .connect(
                &format!("ws:// to a server that answers {number}"),
                options(url),
            )
            .await;
    }
    for scheme_url in [
        ("http:// to a RESP port", format!("http://{tcp}")),
        ("http:// to a WebSocket port", format!("http://{ws}")),
        ("http:// to a port with TLS", format!("http://{tls_http}")),
        ("https:// to a port without TLS", format!("https://{http}")),
        (
            "https:// to a server with an unknown issuer",
            format!("https://{tls_http}"),
        ),
        (
            "http:// to an SSH port",
            format!("http://{}", answering("SSH-2.0-x\r\n".into()).await),
        ),
    ] {
        http_row(&mut table, scheme_url.0, options(scheme_url.1)).await;
    }
    for status in [
        "301 Moved",
        "401 Unauthorized",
        "403 Forbidden",
        "404 Not Found",
        "200 OK",
        "429 Too Many Requests",
        "502 Bad Gateway",
        "503 Service Unavailable\r\nRetry-After: 30",
        "504 Gateway Timeout",
        "500 Internal Server Error",
    ] {
        let url = format!("http://{}", answering_status(status).await);
        let number = name(status);
        http_row(
            &mut table,
            &format!("http:// to a server that answers {number}"),
            options(url),
        )
        .await;
    }

    crate::calls::silence(&mut table).await;
    let guarded = Gateway::builder().password("right").ws("127.0.0.1:0");
    let guarded = within(guarded.start()).await.unwrap();
    for (name, url) in [("ws://", guarded.ws_url()), ("redis://", guarded.tcp_url())] {
        table
            .connect(
                &format!("{name} with a wrong password"),
                options(url).password("s3cret"),
            )
            .await;
        table
            .connect(&format!("{name} without the password"), options(url))
            .await;
    }
    let url = guarded.http_url();
    http_row(
        &mut table,
        "http:// with a wrong password",
        options(url).password("s3cret"),
    )
    .await;
    http_row(&mut table, "http:// without the password", options(url)).await;
    table
}

/// Connects, and sends a command if that succeeds: over HTTP, only a request contacts the server.
async fn http_row(table: &mut Table, mistake: &str, options: ClientOptions) {
    let result = async {
        let client = Client::connect(options).await?;
        client.get("key").await
    };
    table.run(mistake, result).await;
}
