//! Keys that live for a time: set it, read it, change it, see it end. Run it: `cargo run --example expiry`

use std::time::{Duration, SystemTime};

use anyhow::Result;
use swarm_examples::Server;
use swarm_keydb::{Client, SetOptions, Ttl, prelude::*};

const SESSION: &str = "example:expiry:session";
const TOKEN: &str = "example:expiry:token";

#[tokio::main]
async fn main() -> Result<()> {
    // The embedded gateway's clock is moved by hand, so that nobody waits: see `testing_your_app`.
    let server = Server::with_manual_clock()?;
    let client = Client::connect(server.options()).await?;
    client.del([SESSION, TOKEN]).await?;

    println!("no such key:     {}", in_words(client.ttl(SESSION).await?));
    client.set(SESSION, "ann").await?;
    println!("set:             {}", in_words(client.ttl(SESSION).await?));

    // With the value, in one step: there is never a session without an end.
    let hour = SetOptions::new().ttl(Duration::from_secs(3600));
    client.set_with(SESSION, "ann", hour).await?;
    println!("set for an hour: {}", in_words(client.ttl(SESSION).await?));

    // Later, without the value; to the millisecond, if wanted.
    client
        .expire(SESSION, Duration::from_millis(90_500))
        .await?;
    println!("expire:          {}", in_words(client.pttl(SESSION).await?));
    client.persist(SESSION).await?;
    println!("persist:         {}", in_words(client.ttl(SESSION).await?));
    let tomorrow = SystemTime::now() + Duration::from_secs(24 * 3600);
    client.expireat(SESSION, tomorrow).await?;
    let left = client.ttl(SESSION).await?.remaining().unwrap_or_default();
    println!("expireat:        {:.0} h left", left.as_secs_f64() / 3600.0);

    // A write of a value ends the time to live.
    client.set(SESSION, "bob").await?;
    println!("set again:       {}", in_words(client.ttl(SESSION).await?));

    // And this is how it ends.
    client.setex(TOKEN, Duration::from_secs(2), "t0k3n").await?;
    for _ in 0..2 {
        println!("token:           {:?}", client.get(TOKEN).await?);
        server.pass(Duration::from_millis(1100)).await;
    }
    println!("after 2.2 s:     {:?}", client.get(TOKEN).await?);

    client.del([SESSION, TOKEN]).await?;
    client.close().await;
    Ok(())
}

/// What is left: no number stands for "missing" or "for ever", so none can be taken for a time.
fn in_words(ttl: Ttl) -> String {
    match ttl {
        Ttl::Missing => "there is no such key".to_owned(),
        Ttl::Persistent => "it stays".to_owned(),
        Ttl::Expires(left) => format!("{left:?} left"),
    }
}
