//! Checks of strings and counters.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use swarm_keydb::{Bytes, ErrorKind, GetEx, Outcome, SetOptions, prelude::*};

use super::{Finding, Surface, holds, refused, same};

async fn text(client: &Surface, key: &str) -> Result<Option<String>, Finding> {
    Ok(client.get_as(key).await?)
}

family! {
    ["get", "get_as", "set"] |c, keys| {
        let k = &keys.key("k");
        same("GET of a missing key", c.get(k).await?, None::<Bytes>)?;
        c.set(k, "v").await?;
        same("GET", text(&c, k).await?.as_deref(), Some("v"))?;
        c.set(k, 42).await?;
        same("GET of a number", c.get_as::<i32>(k).await?, Some(42))?;
        c.set(k, "").await?;
        same("empty is not missing", text(&c, k).await?.as_deref(), Some(""))?;
        let large = "x".repeat(1 << 20);
        c.set(k, &large).await?;
        holds("GET of 1 MiB", text(&c, k).await?.as_ref() == Some(&large), "another value")?;
        let error = c.get_as::<i64>(k).await.err();
        holds("a text is no number", error.as_ref().is_some_and(|error| {
            error.kind() == ErrorKind::UnexpectedReply && error.outcome() == Some(Outcome::Ran)
        }), error)?;
    }
    ["set_with"] |c, keys| {
        let k = &keys.key("k");
        holds("SET EX", c.set_with(k, "v", SetOptions::new().ex(100)).await?, "not set")?;
        let left = c.ttl(k).await?.remaining();
        holds(
            "its time to live",
            left.is_some_and(|left| (98..=100).contains(&left.as_secs())),
            left,
        )?;
        holds("SET PX", c.set_with(k, "v", SetOptions::new().px(90_500)).await?, "not set")?;
        c.set(k, "v").await?;
        same("SET removes it", c.ttl(k).await?.remaining(), None)?;
        c.del(k).await?;
        let (nx, xx) = (SetOptions::new().nx(), SetOptions::new().xx());
        let first = c.set_with(k, "1", xx).await;
        if first.is_err() {
            // A server without conditions must not write.
            same("a refused SET wrote", text(&c, k).await?, None)?;
        }
        same("SET XX of a missing key", first?, false)?;
        same("SET NX of a missing key", c.set_with(k, "1", nx).await?, true)?;
        same("SET NX of a key", c.set_with(k, "2", nx).await?, false)?;
        same("SET XX EX of a key", c.set_with(k, "3", xx.ex(100)).await?, true)?;
        same("SET KEEPTTL", c.set_with(k, "4", SetOptions::new().keepttl()).await?, true)?;
        holds("the time to live kept", c.ttl(k).await?.remaining().is_some(), c.ttl(k).await?)?;
        same("the value", text(&c, k).await?.as_deref(), Some("4"))?;
        let at = SystemTime::now() + Duration::from_secs(3600);
        let options = SetOptions::new().expire_at(at);
        same("SET PXAT", c.set_with(k, "5", options).await?, true)?;
        let left = c.ttl(k).await?.remaining().map(|left| left.as_secs());
        holds("its time to live", matches!(left, Some(3598..=3600)), left)?;
    }
    ["setex"] |c, keys| {
        let k = &keys.key("k");
        for ttl in [Duration::from_secs(100), Duration::from_millis(90_500)] {
            c.setex(k, ttl, "v").await?;
            let left = c.pttl(k).await?.remaining();
            holds(
                "the time to live",
                left.is_some_and(|left| left <= ttl && left > ttl / 2),
                left,
            )?;
        }
    }
    ["setnx"] |c, keys| {
        same("SETNX of a missing key", c.setnx(keys.key("k"), "1").await?, true)?;
        same("SETNX of a key", c.setnx(keys.key("k"), "2").await?, false)?;
    }
    ["getset", "getset_as"] |c, keys| {
        let k = &keys.key("k");
        same("GETSET of a missing key", c.getset(k, "1").await?, None::<Bytes>)?;
        same("GETSET", c.getset_as::<i64>(k, "2").await?, Some(1))?;
    }
    ["getdel", "getdel_as"] |c, keys| {
        let k = &keys.key("k");
        c.set(k, 7).await?;
        same("GETDEL", c.getdel_as::<i64>(k).await?, Some(7))?;
        same("GETDEL of a missing key", c.getdel(k).await?, None::<Bytes>)?;
    }
    ["mget", "mget_as", "mset"] |c, keys| {
        let (a, b) = (keys.key("a"), keys.key("b"));
        c.mset(BTreeMap::from([(&a, 1), (&b, 2)])).await?;
        let found: Vec<Option<i32>> = c.mget_as([&a, &keys.key("missing"), &b]).await?;
        same("MGET", found, [Some(1), None, Some(2)])?;
        // An array that begins like a push is still a reply.
        c.mset([(&a, "message"), (&b, "invalidate")]).await?;
        let found: Vec<Option<String>> = c.mget_as([&a, &b]).await?;
        same(
            "words of pushes",
            found,
            [Some("message".to_owned()), Some("invalidate".to_owned())],
        )?;
        c.set(&a, "-ERR").await?;
        same("a word of an error", c.mget([&a]).await?.len(), 1)?;
        same("the connection is in step", c.echo("after").await?, "after")?;
    }
    ["msetnx"] |c, keys| {
        same("MSETNX", c.msetnx([(keys.key("a"), 1), (keys.key("b"), 2)]).await?, true)?;
        same("MSETNX again", c.msetnx([(keys.key("b"), 3), (keys.key("c"), 3)]).await?, false)?;
        same("all or none", c.exists(keys.key("c")).await?, 0)?;
    }
    ["incr", "incrby", "decr", "decrby"] |c, keys| {
        let k = &keys.key("k");
        same("INCR", c.incr(k).await?, 1)?;
        same("INCRBY", c.incrby(k, 41).await?, 42)?;
        same("INCRBY of less than 0", c.incrby(k, -43).await?, -1)?;
        same("DECR", c.decr(k).await?, -2)?;
        same("DECRBY", c.decrby(k, 8).await?, -10)?;
        c.set(k, i64::MAX - 1).await?;
        same("beyond 2^53", c.incr(k).await?, i64::MAX)?;
        refused("an overflow", c.incr(k).await, "ERR")?;
        same("after it", c.get_as::<i64>(k).await?, Some(i64::MAX))?;
    }
    ["incrbyfloat"] |c, keys| {
        let k = &keys.key("k");
        let sum = c.incrbyfloat(k, 10.5).await?;
        holds("INCRBYFLOAT", (sum - 10.5).abs() < 1e-9, sum)?;
        let sum = c.incrbyfloat(k, -0.25).await?;
        holds("INCRBYFLOAT of less than 0", (sum - 10.25).abs() < 1e-9, sum)?;
    }
    ["append", "strlen", "getrange", "setrange"] |c, keys| {
        let k = &keys.key("k");
        same("APPEND to a missing key", c.append(k, "Hello").await?, 5)?;
        same("APPEND", c.append(k, " world").await?, 11)?;
        same("STRLEN", c.strlen(k).await?, 11)?;
        same("STRLEN of a missing key", c.strlen(keys.key("missing")).await?, 0)?;
        same("GETRANGE from the end", c.getrange(k, -5, -1).await?, "world")?;
        same("GETRANGE of a missing key", c.getrange(keys.key("missing"), 0, -1).await?, "")?;
        same("SETRANGE", c.setrange(k, 6, "SwarmKeyDb").await?, 16)?;
        same("the value", text(&c, k).await?.as_deref(), Some("Hello SwarmKeyDb"))?;
    }
    ["set_get", "set_get_as"] |c, keys| {
        let k = &keys.key("k");
        let options = SetOptions::new().ex(100);
        same("SET GET of a missing key", c.set_get(k, 1, options).await?, None::<Bytes>)?;
        same("SET GET", c.set_get_as::<i64>(k, 2, options).await?, Some(1))?;
        let missing = SetOptions::new().nx();
        same("SET NX GET", c.set_get_as::<i64>(k, 3, missing).await?, Some(2))?;
        same("it set nothing", c.get_as::<i64>(k).await?, Some(2))?;
    }
    ["getex", "getex_as"] |c, keys| {
        let k = &keys.key("k");
        let hour = GetEx::Ttl(Duration::from_secs(3600));
        same("GETEX of a missing key", c.getex(k, hour).await?, None::<Bytes>)?;
        c.set(k, 7).await?;
        same("GETEX", c.getex_as::<i64>(k, hour).await?, Some(7))?;
        holds("its time to live", c.ttl(k).await?.remaining().is_some(), "none")?;
        same("GETEX PERSIST", c.getex_as::<i64>(k, GetEx::Persist).await?, Some(7))?;
        same("no time to live", c.ttl(k).await?.remaining(), None)?;
        let at = SystemTime::now() + Duration::from_secs(3600);
        c.getex(k, GetEx::At(at)).await?;
        holds("the time of expiry", c.ttl(k).await?.remaining().is_some(), "none")?;
        c.getex(k, GetEx::Ttl(Duration::from_millis(90_500))).await?;
        let left = c.pttl(k).await?.remaining();
        holds("GETEX PX", left.is_some_and(|left| left.as_millis() <= 90_500), left)?;
    }
    ["lcs", "lcs_len", "lcs_idx"] |c, keys| {
        let (a, b) = (&keys.key("a"), &keys.key("b"));
        c.mset([(a, "ohmytext"), (b, "mynewtext")]).await?;
        same("LCS", c.lcs(a, b).await?, "mytext")?;
        same("LCS LEN", c.lcs_len(a, b).await?, 6)?;
        let found = c.lcs_idx(a, b, 4).await?;
        same("LCS IDX", (found.len, found.matches.len()), (6, 1))?;
        let found = found.matches.first().map(|found| {
            (found.first.clone(), found.second.clone(), found.len)
        });
        same("its ranges", found, Some((4..=7, 5..=8, 4)))?;
        same("all ranges", c.lcs_idx(a, b, 0).await?.matches.len(), 2)?;
    }
}
