//! Transactions: plain, with a condition on what was read, and what a conflict is. Run it: `cargo run --example transactions`

use anyhow::Result;
use swarm_examples::Server;
use swarm_keydb::{Client, ErrorKind, prelude::*};

const ANN: &str = "example:tx:ann";
const BOB: &str = "example:tx:bob";
const NAME: &str = "example:tx:name";
const STOCK: &str = "example:tx:stock";

#[tokio::main]
async fn main() -> Result<()> {
    let server = Server::from_env()?;
    let client = Client::connect(server.options()).await?;
    client.mset([(ANN, 100), (BOB, 20), (STOCK, 40)]).await?;
    client.set(NAME, "ann").await?;

    // Plain: both or none, and nobody sees one without the other. Nothing is sent before `exec`.
    let tx = client.transaction();
    let handles = (tx.decrby(ANN, 30), tx.incrby(BOB, 30));
    let (ann, bob) = tx.exec(handles).await?;
    println!("plain: ann has {}, bob has {}", ann?, bob?);

    // A command that the server does not know: nothing runs, and the error says which it was.
    let tx = client.transaction();
    let handles = (tx.incr(ANN), tx.raw("NOSUCH", ()));
    let error = tx.exec(handles).await.unwrap_err();
    println!(
        "refused: {:?} at {:?}, {:?}",
        error.command(),
        error.position(),
        error.outcome()
    );

    // A command that fails while the others run undoes nothing: there is no rollback.
    let tx = client.transaction();
    let handles = (tx.incr(NAME), tx.incr(BOB));
    let (name, bob) = tx.exec(handles).await?;
    println!("failed: {}; but bob has {}", name.unwrap_err(), bob?);

    // With a condition: read, decide, write, and all of it again if somebody was quicker.
    println!("ann pays 50: {}", pay(&client, 50).await?);
    println!("ann pays 50: {}", pay(&client, 50).await?);

    // It holds when many do so at once: 8 buyers of 5 each empty a stock of 40.
    let buyers: Vec<_> = (0..8)
        .map(|_| tokio::spawn(buy(client.clone(), 5)))
        .collect();
    for buyer in buyers {
        buyer.await??;
    }
    println!("stock: {:?}", client.get_as::<i64>(STOCK).await?);

    // What happens inside: on a connection of one's own a key is watched, and the transaction fails if it was changed.
    let mut own = client.exclusive().await?;
    own.watch(STOCK).await?;
    let stock: i64 = own.get_as(STOCK).await?.unwrap_or_default();
    client.set(STOCK, 7).await?; // somebody is quicker
    let tx = own.transaction();
    let set = tx.set(STOCK, stock + 1);
    match tx.exec(set).await {
        Err(error) if error.kind() == ErrorKind::Conflict => println!("conflict: {error}"),
        other => println!("no conflict: {other:?}"),
    }
    println!("stock: {:?}", client.get_as::<i64>(STOCK).await?);

    client.del([ANN, BOB, NAME, STOCK]).await?;
    client.close().await;
    Ok(())
}

/// Pays if there is enough, and says whether.
async fn pay(client: &Client, amount: i64) -> swarm_keydb::Result<bool> {
    client
        .transact(ANN, async move |own| {
            let money: i64 = own.get_as(ANN).await?.unwrap_or_default();
            if money < amount {
                return Ok(false);
            }
            let tx = own.transaction();
            let handles = (tx.decrby(ANN, amount), tx.incrby(BOB, amount));
            let (ann, bob) = tx.exec(handles).await?;
            ann?;
            bob?;
            Ok(true)
        })
        .await
}

/// Takes from the stock, by reading and writing as a program would whose decision no command of the server can make. `move`
/// lets it run on a task of its own.
async fn buy(client: Client, amount: i64) -> swarm_keydb::Result<()> {
    client
        .transact(STOCK, async move |own| {
            let stock: i64 = own.get_as(STOCK).await?.unwrap_or_default();
            let tx = own.transaction();
            let set = tx.set(STOCK, stock - amount);
            tx.exec(set).await?
        })
        .await
}
