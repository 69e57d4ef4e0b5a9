//! What the chat keeps on the server: messages are published, histories are streams, and presence
//! is a key that expires.

use std::ops::Bound;

use swarm_keydb::{
    Bytes, Client, Result, ScanOptions, SetOptions, StreamId, Subscription, XAddOptions,
};

use crate::post::Post;

/// Messages that a new visitor sees.
const LATEST: u64 = 50;

/// Messages that a room keeps.
const HISTORY: u64 = 1_000;

/// Time in seconds after which a visitor who has said nothing is gone.
const PRESENCE: u64 = 12;

/// Names of rooms that always exist.
const ROOMS: [&str; 3] = ["lobby", "swarm", "rust"];

fn history(room: &str) -> String {
    format!("chat:history:{room}")
}

fn channel(room: &str) -> String {
    format!("chat:room:{room}")
}

fn presence(room: &str, visitor: &str) -> String {
    format!("chat:here:{room}:{visitor}")
}

/// Subscribes to the messages of all rooms.
pub(crate) async fn subscribe(client: &Client) -> Result<Subscription> {
    client.psubscribe(channel("*")).await
}

/// Returns the room of a channel.
pub(crate) fn of_channel(channel: &[u8]) -> Option<&str> {
    let channel = std::str::from_utf8(channel).ok()?;
    channel.strip_prefix("chat:room:")
}

/// Adds a message to the history, and publishes it. Whoever misses the publication finds the
/// message in the history.
pub(crate) async fn send(
    client: &Client,
    room: &str,
    token: &str,
    author: &str,
    text: &str,
) -> Result<Post> {
    let fields = Post::fields(token, author, text);
    let options = XAddOptions::new().maxlen(HISTORY);
    let id = client.xadd_with(history(room), fields, options).await?;
    let post = Post {
        id: id.expect("only NOMKSTREAM adds nothing"),
        token: token.to_owned(),
        author: author.to_owned(),
        text: text.to_owned(),
    };
    // The message is safe already, so a failure here is no failure of the message.
    let _ = client.publish(channel(room), post.payload()).await;
    Ok(post)
}

/// Reads the latest messages.
pub(crate) async fn latest(client: &Client, room: &str) -> Result<Vec<Post>> {
    let entries = client.xrevrange_count(history(room), .., LATEST).await?;
    Ok(entries.iter().rev().filter_map(Post::from_entry).collect())
}

/// Reads all messages after one.
pub(crate) async fn after(client: &Client, room: &str, id: StreamId) -> Result<Vec<Post>> {
    let range = (Bound::Excluded(id), Bound::Unbounded);
    let entries = client.xrange(history(room), range).await?;
    Ok(entries.iter().filter_map(Post::from_entry).collect())
}

/// Says that a visitor is in a room, and returns the names of all who are.
pub(crate) async fn enter(
    client: &Client,
    room: &str,
    visitor: &str,
    name: &str,
) -> Result<Vec<String>> {
    let options = SetOptions::new().ex(PRESENCE);
    client
        .set_with(presence(room, visitor), name, options)
        .await?;
    let options = ScanOptions::new().matching(presence(room, "*")).count(100);
    let visitors = scan(client, options).await?;
    let names: Vec<Option<String>> = client.mget_as(visitors.as_slice()).await?;
    Ok(names.into_iter().flatten().collect())
}

/// Says that a visitor has left a room.
pub(crate) async fn leave(client: &Client, room: &str, visitor: &str) -> Result<()> {
    client.del(presence(room, visitor)).await?;
    Ok(())
}

/// Returns the names of all rooms: those that always exist, and those with messages.
pub(crate) async fn all(client: &Client) -> Result<Vec<String>> {
    let mut rooms: Vec<_> = ROOMS.map(str::to_owned).into();
    let options = ScanOptions::new().matching(history("*")).count(100);
    for key in scan(client, options).await? {
        let key = String::from_utf8_lossy(&key);
        let room = key.strip_prefix("chat:history:");
        rooms.extend(room.filter(|room| !ROOMS.contains(room)).map(str::to_owned));
    }
    Ok(rooms)
}

/// Returns each key once, which a scan may return twice.
async fn scan(client: &Client, options: ScanOptions) -> Result<Vec<Bytes>> {
    let mut stream = client.scan_stream(options);
    let mut keys = Vec::new();
    while let Some(key) = stream.next().await {
        let key = key?;
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    Ok(keys)
}

/// Returns a name of a room that is no pattern and no other key: letters, digits, and dashes.
pub(crate) fn valid_name(text: &str) -> Option<String> {
    let name: String = text.trim().chars().take(24).collect();
    let name = name.to_ascii_lowercase().replace(' ', "-");
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (!name.is_empty() && name.chars().all(is_plain)).then_some(name)
}
