//! Checks of commands for keys of any type.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use swarm_keydb::{
    Bytes, CopyOptions, ExpireIf, ExpireTime, KeyType, RestoreOptions, ScanOptions, SortOptions,
    Ttl, prelude::*,
};

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
    ["unlink", "touch"] |c, keys| {
        let (a, b, missing) = (keys.key("a"), keys.key("b"), keys.key("missing"));
        c.mset([(&a, 1), (&b, 2)]).await?;
        same("TOUCH", c.touch([&a, &b, &missing]).await?, 2)?;
        same("UNLINK", c.unlink([&a, &missing]).await?, 1)?;
        same("EXISTS after", c.exists([&a, &b]).await?, 1)?;
    }
    ["copy"] |c, keys| {
        let (a, b) = (&keys.key("a"), &keys.key("b"));
        c.set(a, 1).await?;
        same("COPY", c.copy(a, b).await?, true)?;
        same("COPY to a key that exists", c.copy(a, b).await?, false)?;
        same("COPY of a missing key", c.copy(keys.key("missing"), b).await?, false)?;
        same("the copy", c.get_as::<i32>(b).await?, Some(1))?;
    }
    ["copy_with", "move_key"] |c, keys| {
        let (a, b) = (&keys.key("a"), &keys.key("b"));
        // What is left in the other database expires.
        c.setex(a, Duration::from_secs(60), 1).await?;
        c.set(b, 2).await?;
        same("COPY REPLACE", c.copy_with(a, b, CopyOptions::new().replace()).await?, true)?;
        same("the copy", c.get_as::<i32>(b).await?, Some(1))?;
        same("COPY DB", c.copy_with(a, a, CopyOptions::new().db(1)).await?, true)?;
        same("MOVE to a key that exists", c.move_key(a, 1).await?, false)?;
        same("MOVE", c.move_key(b, 1).await?, true)?;
        same("it is gone", c.exists(b).await?, 0)?;
    }
    ["expire_if", "expireat_if"] |c, keys| {
        let (k, hour) = (&keys.key("k"), Duration::from_secs(3600));
        c.set(k, "v").await?;
        same("EXPIRE XX", c.expire_if(k, hour, ExpireIf::Expires).await?, false)?;
        same("EXPIRE NX", c.expire_if(k, hour, ExpireIf::Persistent).await?, true)?;
        let longer = hour + Duration::from_millis(500);
        same("PEXPIRE LT", c.expire_if(k, longer, ExpireIf::Sooner).await?, false)?;
        same("PEXPIRE GT", c.expire_if(k, longer, ExpireIf::Later).await?, true)?;
        let at = SystemTime::now() + hour * 10;
        same("EXPIREAT LT", c.expireat_if(k, at, ExpireIf::Sooner).await?, false)?;
        same("EXPIREAT GT", c.expireat_if(k, at, ExpireIf::Later).await?, true)?;
    }
    ["pexpireat", "expiretime", "pexpiretime"] |c, keys| {
        let k = &keys.key("k");
        same("EXPIRETIME of a missing key", c.expiretime(k).await?, ExpireTime::Missing)?;
        c.set(k, "v").await?;
        same("PEXPIRETIME without one", c.pexpiretime(k).await?, ExpireTime::Persistent)?;
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(33_177_117_420_500);
        same("PEXPIREAT", c.pexpireat(k, at).await?, true)?;
        same("PEXPIRETIME", c.pexpiretime(k).await?, ExpireTime::At(at))?;
        let ExpireTime::At(seconds) = c.expiretime(k).await? else {
            return same("EXPIRETIME", false, true);
        };
        let apart = seconds.duration_since(at).unwrap_or_else(|error| error.duration());
        holds("EXPIRETIME", apart <= Duration::from_millis(500), seconds)?;
    }
    ["randomkey", "randomkey_as"] |c, keys| {
        c.set(keys.key("k"), 1).await?;
        holds("RANDOMKEY", c.randomkey().await?.is_some(), "none")?;
        let name: Option<String> = c.randomkey_as().await?;
        holds("RANDOMKEY as text", name.is_some(), name)?;
    }
    ["object_encoding", "object_idletime", "object_refcount"] |c, keys| {
        let (k, missing) = (&keys.key("k"), &keys.key("missing"));
        c.set(k, "text").await?;
        same("OBJECT ENCODING", c.object_encoding(k).await?.as_deref(), Some("embstr"))?;
        same("OBJECT ENCODING of a missing key", c.object_encoding(missing).await?, None)?;
        let idle = c.object_idletime(k).await?;
        holds("OBJECT IDLETIME", idle.is_some_and(|idle| idle < Duration::from_secs(60)), idle)?;
        same("OBJECT REFCOUNT", c.object_refcount(k).await?, Some(1))?;
    }
    ["object_freq"] |c, keys| {
        c.set(keys.key("k"), "text").await?;
        refused("OBJECT FREQ without such a policy", c.object_freq(keys.key("k")).await, "ERR")?;
    }
    ["dump", "restore", "restore_with"] |c, keys| {
        let (k, to) = (&keys.key("k"), &keys.key("to"));
        same("DUMP of a missing key", c.dump(k).await?, None::<Bytes>)?;
        c.rpush(k, ["a", "b"]).await?;
        let Some(dump) = c.dump(k).await? else {
            return same("DUMP", false, true);
        };
        c.restore(to, Duration::from_secs(100), &dump).await?;
        holds("its TTL", c.ttl(to).await?.remaining().is_some(), "none")?;
        same("RESTORE", c.lrange(to, ..).await?, ["a", "b"])?;
        refused("a key that exists", c.restore(to, Duration::ZERO, &dump).await, "BUSYKEY")?;
        let replace = RestoreOptions::new().replace().idletime(Duration::from_secs(50));
        c.restore_with(to, Duration::ZERO, &dump, replace).await?;
        same("RESTORE without a TTL", c.ttl(to).await?, Ttl::Persistent)?;
        let idle = c.object_idletime(to).await?;
        holds("its age", idle.is_some_and(|idle| idle >= Duration::from_secs(50)), idle)?;
    }
    ["sort", "sort_as", "sort_store", "sort_ro", "sort_ro_as"] |c, keys| {
        let (k, to) = (&keys.key("k"), &keys.key("to"));
        c.rpush(k, [10, 9, 1]).await?;
        let found: Vec<Option<i32>> = c.sort_as(k, SortOptions::new()).await?;
        same("SORT", found, [Some(1), Some(9), Some(10)])?;
        let texts = SortOptions::new().alpha().desc().limit(0, 2);
        let found: Vec<Option<i32>> = c.sort_ro_as(k, texts.clone()).await?;
        same("SORT_RO as texts", found, [Some(9), Some(10)])?;
        same("SORT_RO", c.sort_ro(k, texts.clone()).await?.len(), 2)?;
        c.mset([(keys.key("w1"), 30), (keys.key("w9"), 20), (keys.key("w10"), 10)]).await?;
        c.set(keys.key("n9"), "nine").await?;
        let by = SortOptions::new().by(keys.key("w*")).get("#").get(keys.key("n*"));
        let texts_of = |item: &Option<Bytes>| {
            item.as_ref().map(|item| String::from_utf8_lossy(item).into_owned())
        };
        let found: Vec<_> = c.sort(k, by).await?.iter().map(texts_of).collect();
        let expected = [Some("10"), None, Some("9"), Some("nine"), Some("1"), None];
        same("SORT BY GET", found, expected.map(|item| item.map(str::to_owned)))?;
        same("SORT STORE", c.sort_store(k, to, texts).await?, 2)?;
        same("what was stored", c.lrange(to, ..).await?, ["9", "10"])?;
        c.rpush(k, "x").await?;
        refused("SORT of texts as numbers", c.sort(k, SortOptions::new()).await, "ERR")?;
    }
}
