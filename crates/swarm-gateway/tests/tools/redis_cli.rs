//! Parts of `redis-cli` that need a persistent connection: transactions and subscriptions.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

/// Starts `redis-cli`. Returns `None` if it is not installed, which fails in CI.
fn start(url: &str, args: &[&str]) -> Option<Child> {
    let url = url.replace("redis://", "redis://default:secret@");
    let spawned = Command::new("redis-cli")
        .args(["-u", &url, "--no-auth-warning"])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    if spawned.is_err() {
        assert!(
            std::env::var_os("CI").is_none_or(|ci| ci != "true"),
            "redis-cli is required in CI; install redis-tools"
        );
        eprintln!("SKIPPED: redis-cli is not installed");
    }
    spawned.ok()
}

/// Runs commands on one connection and returns the output.
fn session(url: &str, commands: &str) -> Option<String> {
    let mut process = start(url, &[])?;
    let mut input = process.stdin.take().unwrap();
    input.write_all(commands.as_bytes()).unwrap();
    drop(input);
    let output = process.wait_with_output().unwrap();
    Some(String::from_utf8(output.stdout).unwrap())
}

#[tokio::test]
async fn transactions() {
    let gateway = crate::gateway().await;
    let url = gateway.tcp_url().to_owned();
    let ran = tokio::task::spawn_blocking(move || {
        let commands =
            "MULTI\nSET k v\nINCR n\nGET k\nEXEC\nWATCH k\nMULTI\nINCR k\nDISCARD\nGET k\n";
        let Some(printed) = session(&url, commands) else {
            return;
        };
        let expected = "OK\nQUEUED\nQUEUED\nQUEUED\nOK\n1\nv\nOK\nOK\nQUEUED\nOK\nv\n";
        assert_eq!(printed, expected);
    });
    ran.await.unwrap();
}

#[tokio::test]
async fn subscriptions() {
    let gateway = crate::gateway().await;
    let url = gateway.tcp_url().to_owned();
    let ran = tokio::task::spawn_blocking(move || {
        let Some(mut listener) = start(&url, &["SUBSCRIBE", "news"]) else {
            return;
        };
        let heard = BufReader::new(listener.stdout.take().unwrap());
        let mut lines = heard.lines().map(Result::unwrap);
        let acknowledged: Vec<_> = lines.by_ref().take(3).collect();
        assert_eq!(acknowledged, ["subscribe", "news", "1"]);
        assert_eq!(session(&url, "PUBLISH news hi\n").unwrap(), "1\n");
        let message: Vec<_> = lines.take(3).collect();
        assert_eq!(message, ["message", "news", "hi"]);
        listener.kill().unwrap();
        listener.wait().unwrap();
    });
    ran.await.unwrap();
}
