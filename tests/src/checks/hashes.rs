//! Checks of hashes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use swarm_keydb::{Bytes, ExpireIf, ExpireTime, FieldExpiry, ScanOptions, Ttl, prelude::*};

use super::{holds, refused, same};

family! {
    ["hset", "hsetnx", "hget", "hget_as", "hmget", "hmget_as", "hgetall", "hgetall_as"] |c, keys| {
        let (k, missing) = (&keys.key("k"), &keys.key("missing"));
        same("HSET", c.hset(k, (("name", "ann"), ("visits", 7), ("", ""))).await?, 3)?;
        same("HSET of an old and a new field", c.hset(k, [("name", "bob"), ("b", "2")]).await?, 1)?;
        same("HSETNX of a field", c.hsetnx(k, "name", "eve").await?, false)?;
        same("HSETNX of a missing field", c.hsetnx(k, "c", "-ERR x").await?, true)?;
        same("HGET", c.hget(k, "name").await?.as_deref(), Some(b"bob".as_slice()))?;
        same("HGET of a number", c.hget_as::<u32>(k, "visits").await?, Some(7))?;
        same("HGET of a missing field", c.hget(k, "x").await?, None::<Bytes>)?;
        same("HGET of a missing hash", c.hget(missing, "x").await?, None::<Bytes>)?;
        let found: Vec<Option<String>> = c.hmget_as(k, ["", "x", "c"]).await?;
        same("HMGET", found, [Some(String::new()), None, Some("-ERR x".to_owned())])?;
        same("HMGET of a missing hash", c.hmget(missing, "a").await?, [None::<Bytes>])?;
        let all: BTreeMap<String, String> = c.hgetall_as(k).await?;
        let expected = [("", ""), ("b", "2"), ("c", "-ERR x"), ("name", "bob"), ("visits", "7")];
        let expected = expected.map(|(field, value)| (field.to_owned(), value.to_owned()));
        same("HGETALL", all, BTreeMap::from(expected))?;
        same("HGETALL of a missing hash", c.hgetall(missing).await?.len(), 0)?;
        let found = c.hgetall(k).await?;
        let name = found.get(b"name".as_slice()).map(Bytes::as_ref);
        same("its value", name, Some(b"bob".as_slice()))?;
        refused("HSET of a string", async {
            c.set(keys.key("text"), "v").await?;
            c.hset(keys.key("text"), [("a", 1)]).await
        }.await, "WRONGTYPE")?;
    }
    ["hdel", "hexists", "hlen", "hstrlen", "hkeys", "hkeys_as", "hvals", "hvals_as"] |c, keys| {
        let (k, missing) = (&keys.key("k"), &keys.key("missing"));
        c.hset(k, [("a", 1), ("b", 22), ("c", 333)]).await?;
        same("HEXISTS", c.hexists(k, "a").await?, true)?;
        same("HEXISTS of a missing field", c.hexists(k, "x").await?, false)?;
        same("HLEN", c.hlen(k).await?, 3)?;
        same("HLEN of a missing hash", c.hlen(missing).await?, 0)?;
        same("HSTRLEN", c.hstrlen(k, "c").await?, 3)?;
        same("HSTRLEN of a missing field", c.hstrlen(k, "x").await?, 0)?;
        let names: BTreeSet<String> = c.hkeys_as(k).await?.into_iter().collect();
        same("HKEYS", names, BTreeSet::from(["a", "b", "c"].map(str::to_owned)))?;
        same("HKEYS of a missing hash", c.hkeys(missing).await?.len(), 0)?;
        let values: BTreeSet<u32> = c.hvals_as(k).await?.into_iter().collect();
        same("HVALS", values, BTreeSet::from([1, 22, 333]))?;
        same("HVALS of a missing hash", c.hvals(missing).await?.len(), 0)?;
        same("HDEL", c.hdel(k, ["a", "x", "b"]).await?, 2)?;
        same("HDEL of the last", c.hdel(k, "c").await?, 1)?;
        same("the hash is gone", c.exists(k).await?, 0)?;
    }
    ["hincrby", "hincrbyfloat"] |c, keys| {
        let k = &keys.key("k");
        same("HINCRBY of a missing hash", c.hincrby(k, "n", 5).await?, 5)?;
        same("HINCRBY", c.hincrby(k, "n", -7).await?, -2)?;
        let sum = c.hincrbyfloat(k, "f", 10.5).await?;
        holds("HINCRBYFLOAT", (sum - 10.5).abs() < 1e-9, sum)?;
        let sum = c.hincrbyfloat(k, "f", -0.25).await?;
        holds("HINCRBYFLOAT of less than 0", (sum - 10.25).abs() < 1e-9, sum)?;
        c.hset(k, [("text", "x")]).await?;
        refused("HINCRBY of a text", c.hincrby(k, "text", 1).await, "ERR")?;
    }
    [
        "hrandfield", "hrandfield_as", "hrandfield_count", "hrandfield_count_as",
        "hrandfield_withvalues", "hrandfield_withvalues_as"
    ] |c, keys| {
        let (k, missing) = (&keys.key("k"), &keys.key("missing"));
        c.hset(k, [("a", 1), ("b", 2)]).await?;
        let one: Option<String> = c.hrandfield_as(k).await?;
        holds("HRANDFIELD", matches!(one.as_deref(), Some("a" | "b")), one)?;
        same("HRANDFIELD of a missing hash", c.hrandfield(missing).await?, None::<Bytes>)?;
        same("HRANDFIELD with a count", c.hrandfield_count(k, 9).await?.len(), 2)?;
        let some: Vec<String> = c.hrandfield_count_as(k, -5).await?;
        same("HRANDFIELD with repetition", some.len(), 5)?;
        same("HRANDFIELD of none", c.hrandfield_count(missing, 3).await?.len(), 0)?;
        let pairs: Vec<(String, u32)> = c.hrandfield_withvalues_as(k, 9).await?;
        let expected = [("a".to_owned(), 1), ("b".to_owned(), 2)];
        same("WITHVALUES", BTreeMap::from_iter(pairs), BTreeMap::from(expected))?;
        same("WITHVALUES of none", c.hrandfield_withvalues(missing, 3).await?.len(), 0)?;
    }
    ["hscan"] |c, keys| {
        let k = &keys.key("k");
        c.hset(k, (0..700).map(|n| (format!("f{n}"), n))).await?;
        c.hset(k, [("apart", 1)]).await?;
        let options = ScanOptions::new().matching("f*").count(50);
        let (mut cursor, mut found) = (0, BTreeMap::new());
        loop {
            let page = c.hscan(k, cursor, options.clone()).await?;
            found.extend(page.items);
            cursor = page.cursor;
            if cursor == 0 {
                break;
            }
        }
        same("fields found by HSCAN", found.len(), 700)?;
        let one = found.get(b"f699".as_slice()).map(Bytes::as_ref);
        same("its value", one, Some(b"699".as_slice()))?;
    }
    // Redis 7.4.
    [
        "hexpire", "hexpire_if", "hpexpireat", "hexpireat", "httl", "hpttl", "hexpiretime",
        "hpexpiretime", "hpersist"
    ] |c, keys| {
        let (k, hour) = (&keys.key("k"), Duration::from_secs(3600));
        c.hset(k, [("a", 1), ("b", 2)]).await?;
        let set = c.hexpire(k, ["a", "x"], hour).await?;
        same("HEXPIRE", set, [FieldExpiry::Set, FieldExpiry::Missing])?;
        let again = c.hexpire_if(k, "a", hour, ExpireIf::Persistent).await?;
        same("HEXPIRE NX", again, [FieldExpiry::NotMet])?;
        let left = c.httl(k, ["a", "b", "x"]).await?;
        holds("HTTL", matches!(left[..], [Ttl::Expires(_), Ttl::Persistent, Ttl::Missing]), left)?;
        let left = c.hpttl(k, "a").await?;
        holds("HPTTL", matches!(left[..], [Ttl::Expires(_)]), left)?;
        let at = std::time::SystemTime::now() + hour;
        c.hexpireat(k, "a", at).await?;
        let time = c.hexpiretime(k, "a").await?;
        holds("HEXPIRETIME", matches!(time[..], [ExpireTime::At(_)]), time)?;
        c.hpexpireat(k, "b", at).await?;
        let time = c.hpexpiretime(k, "b").await?;
        holds("HPEXPIRETIME", matches!(time[..], [ExpireTime::At(_)]), time)?;
        let kept = c.hpersist(k, ["a", "a", "x"]).await?;
        same("HPERSIST", kept, [Some(true), Some(false), None])?;
    }
}
