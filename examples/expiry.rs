//! Time to live: set, read, change and remove it, and watch a key expire.
//!
//! Run it: `cargo run --example expiry`

use std::time::{Duration, SystemTime};

use anyhow::Result;
use swarm_examples::Server;
use swarm_keydb::{Client, SetOptions, Ttl};

const SESSION: &str = "example:expiry:session";
const TOKEN: &str = "example:expiry:token";

#[tokio::main]
async fn main() -> Result<()> {
    // The example moves the clock of the embedded gateway, so nothing waits: see
    // `testing_your_app`.
    let server = Server::with_manual_clock()?;
    let client = Client::connect(server.options()).await?;
    client.del([SESSION, TOKEN]).await?;

    println!("missing:         {}", describe(client.ttl(SESSION).await?));
    client.set(SESSION, "ann").await?;
    println!("set:             {}", describe(client.ttl(SESSION).await?));

    // Value and time to live in one command, so no session is ever stored without one.
    let hour = SetOptions::new().ttl(Duration::from_secs(3600));
    client.set_with(SESSION, "ann", hour).await?;
    println!("set for an hour: {}", describe(client.ttl(SESSION).await?));

    // Or later, without writing the value, with a resolution of milliseconds.
    client
        .expire(SESSION, Duration::from_millis(90_500))
        .await?;
    println!("expire:          {}", describe(client.pttl(SESSION).await?));
    client.persist(SESSION).await?;
    println!("persist:         {}", describe(client.ttl(SESSION).await?));
    let tomorrow = SystemTime::now() + Duration::from_secs(24 * 3600);
    client.expireat(SESSION, tomorrow).await?;
    let left = client.ttl(SESSION).await?.remaining().unwrap_or_default();
    println!("expireat:        {:.0} h left", left.as_secs_f64() / 3600.0);

    // Writing the value removes the time to live.
    client.set(SESSION, "bob").await?;
    println!("set again:       {}", describe(client.ttl(SESSION).await?));

    // The key expires.
    client.setex(TOKEN, Duration::from_secs(6), "t0k3n").await?;
    for _ in 0..2 {
        println!("token:           {:?}", client.get(TOKEN).await?);
        server.pass(Duration::from_millis(3100)).await;
    }
    println!("after 6.2 s:     {:?}", client.get(TOKEN).await?);

    client.del([SESSION, TOKEN]).await?;
    client.close().await;
    Ok(())
}

/// `Ttl` has no magic numbers: a missing key and a key without a time to live are variants of their
/// own.
fn describe(ttl: Ttl) -> String {
    match ttl {
        Ttl::Missing => "no such key".to_owned(),
        Ttl::Persistent => "no time to live".to_owned(),
        Ttl::Expires(left) => format!("{:.1} min left", left.as_secs_f64() / 60.0),
    }
}
