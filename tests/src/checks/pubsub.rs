//! Checks of Pub/Sub commands.

use swarm_keydb::{Client, Event, Message, Subscription, prelude::*};

use super::{Finding, Keys, holds, same};

family! {
    ["publish"] |c, keys| {
        same("PUBLISH to nobody", c.publish(keys.key("c"), "hello").await?, 0)?;
    }
    ["pubsub_channels", "pubsub_channels_matching", "pubsub_numsub", "pubsub_numpat"] |c, keys| {
        let channel = keys.key("c");
        let channels = c.pubsub_channels().await?;
        holds("PUBSUB CHANNELS", !channels.contains(&channel.clone().into()), channels)?;
        let matching = c.pubsub_channels_matching(keys.key("*")).await?;
        holds("PUBSUB CHANNELS of a pattern", matching.is_empty(), matching)?;
        same("PUBSUB NUMSUB", c.pubsub_numsub([&channel]).await?, [(channel.into(), 0)])?;
        c.pubsub_numpat().await?;
    }
    ["spublish", "pubsub_shardchannels", "pubsub_shardnumsub"] |c, keys| {
        let channel = keys.key("c");
        same("SPUBLISH to nobody", c.spublish(&channel, "hello").await?, 0)?;
        let channels = c.pubsub_shardchannels().await?;
        holds("PUBSUB SHARDCHANNELS", !channels.contains(&channel.clone().into()), channels)?;
        let counts = c.pubsub_shardnumsub([&channel]).await?;
        same("PUBSUB SHARDNUMSUB", counts, [(channel.into(), 0)])?;
    }
}

/// Subscribes to channels and a pattern, and checks the received messages and the server's counts.
///
/// # Errors
///
/// Returns the first unexpected result.
pub async fn listen(c: &Client) -> Result<(), Finding> {
    let keys = Keys::random();
    let (news, sports) = (keys.key("news"), keys.key("sports"));
    let mut one = c.subscribe([&news, &sports]).await?;
    let mut all = c.psubscribe(keys.key("*")).await?;
    same("PUBLISH to two", c.publish(&news, "1").await?, 2)?;
    c.publish(&sports, "2").await?;
    let message = heard(&mut one).await?;
    same("the channel", &message.channel, news.as_bytes())?;
    same("the payload", &message.payload, "1")?;
    same("no pattern", message.pattern, None)?;
    let message = heard(&mut all).await?;
    let pattern = keys.key("*");
    same(
        "the pattern",
        message.pattern.as_deref(),
        Some(pattern.as_bytes()),
    )?;
    same("the channel", &message.channel, news.as_bytes())?;
    same("the next", heard(&mut one).await?.payload, "2")?;
    same("the next", heard(&mut all).await?.payload, "2")?;
    let count = c.pubsub_numsub([&news]).await?;
    same("PUBSUB NUMSUB", count, [(news.clone().into(), 1)])?;
    let channels = c.pubsub_channels_matching(keys.key("n*")).await?;
    same("PUBSUB CHANNELS", channels, [news.as_str()])?;
    holds("PUBSUB NUMPAT", c.pubsub_numpat().await? > 0, "none")?;
    drop(one);
    // The server processes the end of the subscription asynchronously.
    while c.pubsub_numsub([&news]).await? != [(news.clone().into(), 0)] {}
    Ok(())
}

/// Returns the next message; any other event is unexpected.
async fn heard(subscription: &mut Subscription) -> Result<Message, Finding> {
    match subscription.next().await {
        Some(Ok(Event::Message(message))) => Ok(message),
        other => Err(Finding::Differs(format!("{other:?}, expected a message"))),
    }
}
