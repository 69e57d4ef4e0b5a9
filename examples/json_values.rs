//! Structs as JSON values.
//!
//! Run it: `cargo run --example json_values`

use anyhow::Result;
use serde::{Deserialize, Serialize};
use swarm_examples::Server;
use swarm_keydb::{Client, Json};

#[derive(Debug, Serialize, Deserialize)]
struct User {
    name: String,
    age: u8,
    #[serde(default)]
    tags: Vec<String>,
}

const ANN: &str = "example:json:user:1";
const BOB: &str = "example:json:user:2";
const MISSING: &str = "example:json:user:3";

#[tokio::main]
async fn main() -> Result<()> {
    let server = Server::from_env()?;
    let client = Client::connect(server.options()).await?;

    let ann = User {
        name: "Ann".to_owned(),
        age: 30,
        tags: vec!["admin".to_owned()],
    };
    client.set(ANN, Json::text(&ann)?).await?;
    println!("stored: {:?}", client.get_as::<String>(ANN).await?);

    // `Json<T>` works wherever a method takes the type to parse.
    if let Some(Json(user)) = client.get_as::<Json<User>>(ANN).await? {
        println!("read:   {user:?}");
    }

    // JSON written by another program works the same way.
    client.set(BOB, r#"{ "age": 41, "name": "Bob" }"#).await?;
    let users: Vec<Option<Json<User>>> = client.mget_as([ANN, BOB, MISSING]).await?;
    for (n, user) in users.into_iter().enumerate() {
        match user {
            Some(Json(user)) => println!("user {}: {} is {}", n + 1, user.name, user.age),
            None => println!("user {}: missing", n + 1),
        }
    }

    // JSON of another shape is an error. The error does not contain the value.
    let error = client.get_as::<Json<Vec<u8>>>(BOB).await.unwrap_err();
    println!("error:  {error}");

    client.del([ANN, BOB]).await?;
    client.close().await;
    Ok(())
}
