//! Runs every command's check against servers given by the environment and prints a table of
//! results.
//!
//! Reads `SWARM_KEYDB_WS_URL`, `SWARM_KEYDB_HTTP_URL`, `SWARM_KEYDB_TCP_URL`, and
//! `SWARM_KEYDB_PASSWORD`; without any, starts an embedded gateway. The binary is self-contained,
//! so it can be copied to another machine. It writes its own keys and removes them.

use std::process::ExitCode;

use swarm_keydb::{Client, ClientOptions};
use swarm_tests::{Check, Finding, Surface, checks, listen, within};

/// A server reached over one transport.
struct Endpoint {
    name: &'static str,
    client: Client,
}

/// Result of a check.
enum Verdict {
    AsExpected,
    Refused(String),
    Differs(String),
}

#[tokio::main]
async fn main() -> ExitCode {
    let embedded = match needs_embedded() {
        true => Some(swarm_gateway::test().await.expect("a free port")),
        false => None,
    };
    let urls = [("WebSocket", "WS"), ("HTTP", "HTTP"), ("TCP", "TCP")].map(|(name, variable)| {
        let url = std::env::var(format!("SWARM_KEYDB_{variable}_URL")).ok();
        let embedded = embedded.as_ref().map(|gateway| match variable {
            "WS" => gateway.ws_url().to_owned(),
            "HTTP" => gateway.http_url().to_owned(),
            _ => gateway.tcp_url().to_owned(),
        });
        (name, url.or(embedded))
    });
    let password = std::env::var("SWARM_KEYDB_PASSWORD")
        .ok()
        .filter(|text| !text.is_empty());
    let mut endpoints = Vec::new();
    let mut sound = true;
    for (name, url) in urls {
        let Some(url) = url else { continue };
        let mut options = ClientOptions::new(url).http_fallback(false);
        if let Some(password) = &password {
            options = options.password(password);
        }
        match within(Client::connect(options)).await {
            Ok(client) => endpoints.push(Endpoint { name, client }),
            Err(error) => {
                println!("{name}: {error}");
                sound = false;
            }
        }
    }
    println!(
        "{:<44}{}",
        "command",
        endpoints
            .iter()
            .map(|d| format!("{:<14}", d.name))
            .collect::<String>()
    );
    let mut remarks = Vec::new();
    for check in checks() {
        let mut row = format!("{:<44}", check.methods.join(", "));
        for endpoint in &endpoints {
            let (word, remark) = match judge(&check, &endpoint.client).await {
                Verdict::AsExpected => ("as expected", None),
                Verdict::Refused(text) => ("refused", Some(text)),
                Verdict::Differs(text) => {
                    sound = false;
                    ("DIFFERS", Some(text))
                }
            };
            row.push_str(&format!("{word:<14}"));
            remarks.extend(remark.map(|text| {
                format!(
                    "{} over {}: {text}",
                    check.methods.join(", "),
                    endpoint.name
                )
            }));
        }
        println!("{}", row.trim_end());
    }
    println!();
    remarks.iter().for_each(|remark| println!("{remark}"));
    for endpoint in &endpoints {
        sound &= shares(endpoint).await & listens(endpoint).await;
    }
    if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn needs_embedded() -> bool {
    !["WS", "HTTP", "TCP"]
        .iter()
        .any(|name| std::env::var_os(format!("SWARM_KEYDB_{name}_URL")).is_some())
}

async fn judge(check: &Check, client: &Client) -> Verdict {
    match within(check.run(&Surface::Async(client.clone()))).await {
        Ok(()) => Verdict::AsExpected,
        Err(Finding::Refused(text) | Finding::Unsupported(text)) => Verdict::Refused(text),
        Err(Finding::Differs(text) | Finding::Failed(text)) => Verdict::Differs(text),
    }
}

/// Checks channels and patterns, which use a separate connection.
async fn listens(endpoint: &Endpoint) -> bool {
    let (word, sound) = match within(listen(&endpoint.client)).await {
        Ok(()) => ("as expected".to_owned(), true),
        Err(Finding::Refused(text) | Finding::Unsupported(text)) => (text, true),
        Err(Finding::Differs(text) | Finding::Failed(text)) => (format!("DIFFERS: {text}"), false),
    };
    println!("Subscriptions over {}: {word}", endpoint.name);
    sound
}

/// Runs many tasks on one client and cancels half of them; the others must receive their own
/// replies.
async fn shares(endpoint: &Endpoint) -> bool {
    let tasks: Vec<_> = (0..100u32)
        .map(|task| {
            let client = endpoint.client.clone();
            tokio::spawn(async move {
                for round in 0..20 {
                    let message = format!("{task}/{round}");
                    let call = client.echo(&message);
                    if task % 2 == 0 {
                        let patience = std::time::Duration::from_micros(fastrand::u64(..2000));
                        let _cancelled = tokio::time::timeout(patience, call).await;
                    } else if call.await.ok().as_deref() != Some(message.as_bytes()) {
                        return false;
                    }
                }
                true
            })
        })
        .collect();
    let mut own = true;
    for task in tasks {
        own &= within(task).await.unwrap_or(false);
    }
    let word = if own {
        "everyone gets its own reply"
    } else {
        "A REPLY WENT ASTRAY"
    };
    println!(
        "100 tasks on one client over {}, half of them cancelled: {word}",
        endpoint.name
    );
    own
}
