//! Values that are JSON: structs in, structs out. Run it: `cargo run --example json_values`

use anyhow::Result;
use serde::{Deserialize, Serialize};
use swarm_examples::Server;
use swarm_keydb::{Client, Json, prelude::*};

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

    // `Json<T>` is a type to read as, wherever a type can be named.
    if let Some(Json(user)) = client.get_as::<Json<User>>(ANN).await? {
        println!("read:   {user:?}");
    }

    // What another program wrote is read just so.
    client.set(BOB, r#"{ "age": 41, "name": "Bob" }"#).await?;
    let users: Vec<Option<Json<User>>> = client.mget_as([ANN, BOB, MISSING]).await?;
    for (n, user) in users.into_iter().enumerate() {
        match user {
            Some(Json(user)) => println!("user {}: {} is {}", n + 1, user.name, user.age),
            None => println!("user {}: there is none", n + 1),
        }
    }

    // JSON of another shape is an error. It says what was expected, and shows nothing of the value.
    let error = client.get_as::<Json<Vec<u8>>>(BOB).await.unwrap_err();
    println!("error:  {error}");

    client.del([ANN, BOB]).await?;
    client.close().await;
    Ok(())
}
