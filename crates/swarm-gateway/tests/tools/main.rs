//! Compatibility with third-party programs: `redis-cli` over TCP, `curl` over HTTP, Python's
//! `websockets` with JSON, and pages in Chromium.

mod browser;
mod redis_cli;
mod websockets;

use std::env;
use std::process::{Command, Output};

use swarm_gateway::Gateway;

/// Runs a program and returns its output. Returns `None` if it is not installed, which fails in CI.
async fn run(program: &'static str, args: Vec<String>) -> Option<String> {
    let output = tokio::task::spawn_blocking(move || Command::new(program).args(args).output());
    let Ok(Output { stdout, stderr, .. }) = output.await.unwrap() else {
        assert!(
            env::var_os("CI").is_none_or(|ci| ci != "true"),
            "{program} is required in CI; install redis-tools and curl"
        );
        eprintln!("SKIPPED: {program} is not installed");
        return None;
    };
    assert_eq!(String::from_utf8_lossy(&stderr), "");
    Some(String::from_utf8(stdout).unwrap())
}

async fn gateway() -> Gateway {
    let builder = Gateway::builder().password("secret");
    builder.start().await.unwrap()
}

#[tokio::test]
async fn redis_cli() {
    let gateway = gateway().await;
    for protocol in ["-2", "-3"] {
        for (command, printed) in [
            ("SET greeting hello EX 100", "OK\n"),
            ("GET greeting", "hello\n"),
            ("MGET greeting none", "hello\n\n"),
            ("INCRBY n 2", "2\n"),
            ("DEL n greeting", "2\n"),
            (
                "NOSUCH",
                "ERR unknown command 'NOSUCH', with args beginning with: \n\n",
            ),
            ("XADD s 1-1 f v", "1-1\n"),
            ("XRANGE s - +", "1-1\nf\nv\n"),
            ("XREAD STREAMS s 0", "s\n1-1\nf\nv\n"),
            ("CONFIG GET databases", "databases\n16\n"),
            ("FLUSHALL", "OK\n"),
        ] {
            let url = gateway
                .tcp_url()
                .replace("redis://", "redis://default:secret@");
            let args = ["-u", &url, "--no-auth-warning", protocol].map(Into::into);
            let words = command.split(' ').map(Into::into);
            let Some(output) = run("redis-cli", args.into_iter().chain(words).collect()).await
            else {
                return;
            };
            // Maps of RESP3 are printed with additional spaces.
            let blanks = |text: &str| text.replace('\n', " ");
            assert_eq!(blanks(&output), blanks(printed), "{protocol} {command}");
        }
    }
}

#[tokio::test]
async fn curl() {
    let gateway = gateway().await;
    let key = "Authorization: Bearer secret";
    for (args, path, printed) in [
        (
            vec!["-H", key, "-d", r#"{"value":"hello"}"#],
            "/set/k",
            r#"{"result":"OK"}"#,
        ),
        (vec!["-H", key], "/get/k", r#"{"result":"hello"}"#),
        (vec!["-H", key, "-X", "DELETE"], "/del/k", r#"{"result":1}"#),
        (
            vec!["-H", key, "-d", r#"["PING"]"#],
            "/cmd",
            r#"{"result":"PONG"}"#,
        ),
        (
            vec![],
            "/get/k",
            r#"{"error":"NOAUTH Authentication required"}"#,
        ),
    ] {
        let url = format!("{}{path}", gateway.http_url());
        let mut all: Vec<String> = ["--silent", "--show-error", &url].map(Into::into).into();
        all.extend(args.into_iter().map(Into::into));
        let Some(output) = run("curl", all).await else {
            return;
        };
        assert_eq!(output, printed, "{path}");
    }
}
