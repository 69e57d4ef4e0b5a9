//! A page in Chromium that uses gateways with and without a list of origins.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use swarm_gateway::{Dialect, Gateway, Quirk};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

const PAGE: &str = include_str!("page.html");

/// Programs that may be Chromium.
const PROGRAMS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// Time for a page to try everything.
const LIMIT: Duration = Duration::from_secs(60);

/// A browser, which is killed when it is dropped.
struct Browser {
    process: Child,
    profile: PathBuf,
}

impl Browser {
    /// Opens a page. Returns `None` if no browser is installed.
    fn open(url: &str, name: &str) -> Option<Self> {
        let folder = format!("chromium-{name}-{}", std::process::id());
        let profile = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(folder);
        let _ = fs::remove_dir_all(&profile);
        fs::create_dir_all(&profile).unwrap();
        let start = |program: &&str| {
            let mut command = Command::new(program);
            command
                .args([
                    "--headless",
                    "--no-sandbox",
                    "--disable-gpu",
                    "--disable-quic",
                ])
                .args(["--no-first-run", "--disable-background-networking"])
                .args(["--disable-component-update", "--disable-sync"])
                .arg(format!("--user-data-dir={}", profile.display()))
                .arg(url);
            let command = command.stdout(Stdio::null()).stderr(Stdio::null());
            command.stdin(Stdio::null()).spawn().ok()
        };
        let process = PROGRAMS.iter().find_map(start)?;
        Some(Self { process, profile })
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        // Its other processes may still write.
        let _ = fs::remove_dir_all(&self.profile);
    }
}

/// Reads a request and returns its first line and its body.
async fn request(stream: &mut TcpStream) -> (String, String) {
    let mut received = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&received).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.trim().parse())
            });
            if body.len() >= length.map_or(0, |length: Result<usize, _>| length.unwrap()) {
                let first = head.lines().next().unwrap_or_default();
                return (first.to_owned(), body.to_owned());
            }
        }
        if stream.read_buf(&mut received).await.unwrap_or(0) == 0 {
            return (String::new(), String::new());
        }
    }
}

/// Serves the page until it reports, and returns its report.
async fn reported(site: &TcpListener, gateways: &Value) -> Value {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = site.accept() => {
                connections.spawn(respond(accepted.unwrap().0, gateways.to_string()));
            }
            Some(report) = connections.join_next() => if let Some(report) = report.unwrap() {
                return report;
            },
        }
    }
}

/// Answers a request. Returns the report if it contains one.
async fn respond(mut stream: TcpStream, gateways: String) -> Option<Value> {
    let (first, body) = request(&mut stream).await;
    let path = first.split(' ').nth(1)?;
    let (kind, answer) = match path {
        "/" => ("text/html", PAGE.to_owned()),
        "/gateways" => ("application/json", gateways),
        _ => ("text/plain", String::new()),
    };
    let length = answer.len();
    let response = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{answer}"
    );
    stream.write_all(response.as_bytes()).await.unwrap();
    (path == "/report").then(|| serde_json::from_str(&body).unwrap())
}

/// Starts a gateway with a key that pages may want to read.
async fn gateway(dialect: Dialect, origins: &[String]) -> Gateway {
    let builder = Gateway::builder().dialect(dialect.without(Quirk::WriteQueue));
    let builder = builder.origins(origins.to_vec()).control("127.0.0.1:0");
    let gateway = builder.start().await.unwrap();
    let keys = json!([{ "key": "shown", "value": { "string": "secret" } }]);
    let keys = json!({ "version": "1", "keys": keys }).to_string();
    let keys = swarm_gateway::Snapshot::from_json(keys.as_bytes()).unwrap();
    gateway.restore(&keys).unwrap();
    gateway
}

/// Returns the keys that a page of a host has written, in alphabetical order.
fn written(gateway: &Gateway, host: &str) -> Vec<String> {
    let document = gateway.snapshot().unwrap().to_json();
    let document: Value = serde_json::from_str(&document).unwrap();
    let keys = document["keys"].as_array().unwrap().iter();
    let keys = keys.map(|key| key["key"].as_str().unwrap().to_owned());
    let mut keys: Vec<_> = keys.filter(|key| key.ends_with(host)).collect();
    keys.sort_unstable();
    keys
}

#[tokio::test]
async fn pages_of_listed_origins_and_no_others_use_a_gateway() {
    let site = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = site.local_addr().unwrap().port();
    // The same server is another origin by its other name.
    let listed = [
        format!(" HTTP://LocalHost:{port} "),
        "https://app.example".into(),
    ];
    let any = [" * ".to_owned()];
    let mut gateways = Vec::new();
    for dialect in [Dialect::STANDARD, Dialect::UPSTREAM] {
        for (origins, is_open) in [(&[][..], true), (&any[..], true), (&listed[..], false)] {
            gateways.push((gateway(dialect, origins).await, dialect, is_open));
        }
    }
    let urls = gateways.iter().map(|(gateway, ..)| {
        json!({
            "ws": gateway.ws_url(),
            "http": gateway.http_url(),
            "tcp": gateway.tcp_url().replace("redis://", "http://"),
            "control": gateway.control_url(),
        })
    });
    let urls = Value::Array(urls.collect());
    for host in ["localhost", "127.0.0.1"] {
        let Some(_browser) = Browser::open(&format!("http://{host}:{port}/"), host) else {
            assert!(
                std::env::var_os("CI").is_none_or(|ci| ci != "true"),
                "Chromium is required in CI; install chromium"
            );
            return eprintln!("SKIPPED: no Chromium is installed");
        };
        let report = timeout(LIMIT, reported(&site, &urls)).await;
        let report = report.expect("the page reports in time");
        let results = report
            .as_array()
            .unwrap_or_else(|| panic!("the page failed: {report}"));
        for ((gateway, dialect, is_open), result) in gateways.iter().zip(results) {
            let is_allowed = *is_open || host == "localhost";
            let case = format!("{host}, {dialect}, open {is_open}: {result}");
            let expected = match is_allowed {
                true => json!({
                    "ws": "\"OK\"",
                    "fetch": r#"{"result":"OK"}"#,
                    "get": r#"{"result":"secret"}"#,
                }),
                false => json!({ "ws": "refused 1006", "fetch": "blocked", "get": "blocked" }),
            };
            for (name, expected) in expected.as_object().unwrap() {
                assert_eq!(&result[name], expected, "{name}: {case}");
            }
            // A page cannot tell whether such a request had an effect; the store can.
            assert_eq!(result["simple"], "opaque", "{case}");
            assert_eq!(result["control"], "blocked", "{case}");
            let mut ran = Vec::new();
            if is_allowed {
                ran.extend(["fetch", "simple", "ws"]);
            }
            if *dialect == Dialect::UPSTREAM {
                // The deployed server runs each line of an HTTP request over TCP.
                ran.extend(["form", "tcp"]);
            }
            ran.sort_unstable();
            let ran: Vec<_> = ran.iter().map(|kind| format!("{kind}-{host}")).collect();
            assert_eq!(written(gateway, host), ran, "{case}");
            assert!(gateway.executions("GET") > 0 || !is_allowed, "{case}");
            assert_eq!(
                gateway
                    .snapshot()
                    .unwrap()
                    .to_json()
                    .matches("shown")
                    .count(),
                1,
                "{case}"
            );
        }
    }
}
