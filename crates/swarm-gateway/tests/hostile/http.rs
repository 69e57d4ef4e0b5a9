//! Hostile input to the HTTP listener.

use crate::raw::throw_all;

#[tokio::test]
async fn malformed_requests() {
    let gateway = swarm_gateway::test().await.unwrap();
    let header = format!("GET /get/k HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(4 << 20));
    let headers = format!("GET /get/k HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(10_000));
    let path = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(4 << 20));
    let cases: Vec<(&[u8], &str)> = vec![
        (b"", ""),
        (b"\x00\xff\xfe\r\n\r\n", "HTTP/1.1 400 "),
        (b"*1\r\n$4\r\nPING\r\n", ""),
        (b"GET /get/k", ""),
        (b"GET /get/k HTTP/9.9\r\n\r\n", "HTTP/1.1 400 "),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ""),
        (
            b"POST /cmd HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 400 ",
        ),
        (
            b"POST /cmd HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
            "HTTP/1.1 400 ",
        ),
        (header.as_bytes(), "HTTP/1.1 431 "),
        (headers.as_bytes(), "HTTP/1.1 431 "),
        (path.as_bytes(), "HTTP/1.1 4"),
    ];
    throw_all(&gateway, gateway.http_url(), &cases).await;
}

#[tokio::test]
async fn unknown_routes_and_malformed_bodies() {
    let gateway = swarm_gateway::test().await.unwrap();
    let deep = "[".repeat(1 << 20);
    for (line, headers, body, expected) in [
        ("GET /nowhere", "", "", "HTTP/1.1 404 "),
        ("GET /", "", "", "HTTP/1.1 404 "),
        ("GET /get", "", "", "HTTP/1.1 404 "),
        ("TRACE /get/k", "", "", "HTTP/1.1 404 "),
        ("GET /../../etc/passwd", "", "", "HTTP/1.1 404 "),
        // Announced but never sent; the client does not wait for the response.
        ("POST /cmd", "Content-Length: 1073741824", "x", ""),
        (
            "POST /cmd",
            "Transfer-Encoding: chunked",
            "40000000\r\nx",
            "",
        ),
        (
            "POST /cmd",
            "Transfer-Encoding: chunked",
            "zz\r\nx",
            "HTTP/1.1 4",
        ),
        (
            "POST /cmd",
            "Transfer-Encoding: chunked",
            "fffffffffffffffff\r\nx",
            "HTTP/1.1 4",
        ),
        ("POST /cmd", "Content-Length: 100", "{\"cmd\":", ""),
        ("POST /cmd", "", "{\"cmd\":7}", "HTTP/1.1 400 "),
        (
            "POST /cmd",
            "",
            "{\"cmd\":\"GET\",\"args\":\"k\"}",
            "HTTP/1.1 400 ",
        ),
        (
            "POST /cmd",
            "",
            "{\"cmd\":\"GET\",\"args\":[1]}",
            "HTTP/1.1 400 ",
        ),
        ("POST /cmd", "", "[\"GET\",[]]", "HTTP/1.1 400 "),
        ("POST /cmd", "", &deep, "HTTP/1.1 400 "),
        ("POST /set/k", "", "{\"value\":7}", "HTTP/1.1 400 "),
        ("POST /set/k", "", "[]", "HTTP/1.1 400 "),
        ("POST /expire/k", "", "{}", "HTTP/1.1 400 "),
    ] {
        let length = if headers.is_empty() {
            format!("Content-Length: {}", body.len())
        } else {
            headers.to_owned()
        };
        let head =
            format!("{line} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n{length}\r\n\r\n");
        let bytes = [head.as_bytes(), body.as_bytes()].concat();
        throw_all(&gateway, gateway.http_url(), &[(&bytes, expected)]).await;
    }
}
