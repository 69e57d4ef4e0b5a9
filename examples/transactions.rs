//! Transactions: MULTI and EXEC, optimistic locking with WATCH, and conflicts.
//!
//! Transfers like these are safe on Redis, Valkey and KeyDB. SwarmKeyDb isolates nothing between
//! connections: other clients see half of a transaction, and two clients that write at once can
//! lose an update. There, let one client own the data, or take a lock with `msetnx`.
//!
//! Run it: `cargo run --example transactions`

use anyhow::Result;
use swarm_examples::Server;
use swarm_keydb::{Client, ErrorKind};

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

    // Commands are queued locally and sent together by `exec`. On Redis both run with no other
    // command in between.
    let tx = client.transaction();
    let handles = (tx.decrby(ANN, 30), tx.incrby(BOB, 30));
    let (ann, bob) = tx.exec(handles).await?;
    println!("plain: ann has {}, bob has {}", ann?, bob?);

    // A command that the server does not know: EXEC is refused, nothing runs, and the error names
    // the command.
    let tx = client.transaction();
    let handles = (tx.incr(ANN), tx.raw("NOSUCH", ()));
    let error = tx.exec(handles).await.unwrap_err();
    println!(
        "refused: {:?} at {:?}, {:?}",
        error.command(),
        error.position(),
        error.outcome()
    );

    // A command that fails while the transaction runs does not undo the others: there is no
    // rollback.
    let tx = client.transaction();
    let handles = (tx.incr(NAME), tx.incr(BOB));
    let (name, bob) = tx.exec(handles).await?;
    println!("failed: {}; bob has {}", name.unwrap_err(), bob?);

    // Read, decide, write; `transact` retries the whole function after a conflict.
    println!("ann pays 50: {}", pay(&client, 50).await?);
    println!("ann pays 50: {}", pay(&client, 50).await?);

    // 8 buyers take 5 each from a stock of 40. Where WATCH is reliable they run at once and retry
    // after a conflict. SwarmKeyDb would lose updates, so there the buyers take turns.
    let concurrent = server.isolates_connections(&client).await?;
    let mut buyers = Vec::new();
    for _ in 0..8 {
        let buyer = tokio::spawn(buy(client.clone(), 5));
        if concurrent {
            buyers.push(buyer);
        } else {
            buyer.await??;
        }
    }
    for buyer in buyers {
        buyer.await??;
    }
    println!("stock: {:?}", client.get_as::<i64>(STOCK).await?);

    // The same by hand: WATCH on an exclusive connection, and a transaction that fails because the
    // key changed.
    let mut own = client.exclusive().await?;
    own.watch(STOCK).await?;
    let stock: i64 = own.get_as(STOCK).await?.unwrap_or_default();
    client.set(STOCK, 7).await?; // another client writes first
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

/// Transfers `amount` if the balance allows; returns whether it did.
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

/// Takes `amount` from the stock by reading and writing, for decisions that no single command can
/// make.
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
