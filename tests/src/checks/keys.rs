//! Checks of commands for keys of any type.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use swarm_keydb::{Bytes, KeyType, ScanOptions, Ttl, prelude::*};

use super::{holds, refused, same};

family! {
    ["del", "exists"] |c, keys| {
        let (a, b, missing) = (keys.key("a"), keys.key("b"), keys.key("missing"));
        c.mset([(&a, 1), (&b, 2)]).await?;
        same("EXISTS of one", c.exists(&a).await?, 1)?;
        same("EXISTS counts twice", c.exists([&a, &a, &b, &missing]).await?, 3)?;
        same("DEL", c.del([&a, &b, &missing]).await?, 2)?;
        same("EXISTS after", c.exists([&a, &b]).await?, 0)?;
    }
    ["mdel"] |c, keys| {
        c.set(keys.key("a"), 1).await?;
        same("MDEL", c.mdel([keys.key("a"), keys.key("missing")]).await?, 1)?;
    }
    ["expire", "pexpire", "ttl", "pttl", "persist"] |c, keys| {
        let (k, missing) = (&keys.key("k"), keys.key("missing"));
        same("TTL of a missing key", c.ttl(k).await?, Ttl::Missing)?;
        same("PTTL of a missing key", c.pttl(k).await?, Ttl::Missing)?;
        c.set(k, "v").await?;
        same("TTL without one", c.ttl(k).await?, Ttl::Persistent)?;
        same("PERSIST without one", c.persist(k).await?, false)?;
        same("EXPIRE", c.expire(k, Duration::from_secs(100)).await?, true)?;
        let left = c.ttl(k).await?.remaining();
        holds("TTL", left.is_some_and(|left| (98..=100).contains(&left.as_secs())), left)?;
        same("EXPIRE of a fraction", c.expire(k, Duration::from_millis(90_500)).await?, true)?;
        let left = c.pttl(k).await?.remaining();
        holds(
            "PTTL",
            left.is_some_and(|left| (80_000..=90_500).contains(&left.as_millis())),
            left,
        )?;
        same("PERSIST", c.persist(k).await?, true)?;
        same("PTTL without one", c.pttl(k).await?, Ttl::Persistent)?;
        same("PEXPIRE", c.pexpire(k, Duration::from_secs(50)).await?, true)?;
        same("EXPIRE of a missing key", c.expire(missing, Duration::from_secs(1)).await?, false)?;
    }
    ["expireat"] |c, keys| {
        let k = &keys.key("k");
        c.set(k, "v").await?;
        // The clocks of the two machines may differ by minutes.
        let at = SystemTime::now() + Duration::from_secs(3600);
        same("EXPIREAT", c.expireat(k, at).await?, true)?;
        let left = c.ttl(k).await?.remaining();
        holds("its TTL", left.is_some_and(|left| (3000..=4200).contains(&left.as_secs())), left)?;
        let past = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        same("EXPIREAT in the past", c.expireat(k, past).await?, true)?;
        same("the key is gone", c.exists(k).await?, 0)?;
    }
    ["keys"] |c, keys| {
        c.mset([(keys.key("u1"), 1), (keys.key("u2"), 2), (keys.key("x"), 3)]).await?;
        let found: BTreeSet<Bytes> = c.keys(keys.key("u*")).await?.into_iter().collect();
        let expected: BTreeSet<Bytes> = [keys.key("u1"), keys.key("u2")].map(Bytes::from).into();
        same("KEYS", found, expected)?;
    }
    ["scan"] |c, keys| {
        c.mset((0..250).map(|n| (keys.key(&format!("s{n}")), n))).await?;
        c.set(keys.key("apart"), 1).await?;
        let options = ScanOptions::new().matching(keys.key("s*")).count(20);
        let mut stream = c.scan_stream(options.clone());
        let mut found = BTreeSet::new();
        while let Some(key) = stream.next().await {
            found.insert(key?);
        }
        same("keys found by SCAN", found.len(), 250)?;
        same("the cursor at the end", stream.cursor(), None)?;
        c.scan(0, options).await?;
    }
    ["key_type"] |c, keys| {
        same("TYPE of a missing key", c.key_type(keys.key("k")).await?, KeyType::Missing)?;
        c.set(keys.key("k"), "v").await?;
        same("TYPE", c.key_type(keys.key("k")).await?, KeyType::String)?;
    }
    ["rename", "renamenx"] |c, keys| {
        let (a, b) = (keys.key("a"), keys.key("b"));
        c.set(&a, 1).await?;
        c.rename(&a, &b).await?;
        same("the name before", c.exists(&a).await?, 0)?;
        same("the value", c.get_as::<i32>(&b).await?, Some(1))?;
        refused("RENAME of a missing key", c.rename(&a, &b).await, "ERR")?;
        c.set(&a, 2).await?;
        same("RENAMENX to a name taken", c.renamenx(&a, &b).await?, false)?;
        same("RENAMENX", c.renamenx(&a, keys.key("c")).await?, true)?;
    }
}
