//! Checks of sets.

use std::collections::BTreeSet;

use swarm_keydb::{Bytes, ScanOptions, prelude::*};

use super::{holds, refused, same};

fn members(items: &[Bytes]) -> BTreeSet<&str> {
    items
        .iter()
        .map(|item| std::str::from_utf8(item).unwrap_or("not text"))
        .collect()
}

family! {
    [
        "sadd", "srem", "smembers", "smembers_as", "sismember", "smismember", "scard", "smove"
    ] |c, keys| {
        let (k, other, missing) = (&keys.key("k"), &keys.key("other"), &keys.key("missing"));
        same("SADD", c.sadd(k, ["a", "b", "a", ""]).await?, 3)?;
        same("SADD again", c.sadd(k, ["a", "c"]).await?, 1)?;
        same("SMEMBERS", members(&c.smembers(k).await?), BTreeSet::from(["", "a", "b", "c"]))?;
        let all: BTreeSet<String> = c.smembers_as(k).await?;
        same("SMEMBERS as a set", all.len(), 4)?;
        same("SMEMBERS of a missing set", c.smembers(missing).await?.len(), 0)?;
        same("SISMEMBER", c.sismember(k, "a").await?, true)?;
        same("SISMEMBER of another", c.sismember(k, "x").await?, false)?;
        same("SMISMEMBER", c.smismember(k, ["a", "x", ""]).await?, [true, false, true])?;
        same("SCARD", c.scard(k).await?, 4)?;
        same("SCARD of a missing set", c.scard(missing).await?, 0)?;
        same("SREM", c.srem(k, ["", "x"]).await?, 1)?;
        same("SMOVE", c.smove(k, other, "a").await?, true)?;
        same("SMOVE again", c.smove(k, other, "a").await?, false)?;
        same("where it moved to", members(&c.smembers(other).await?), BTreeSet::from(["a"]))?;
        c.set(keys.key("text"), "v").await?;
        refused("SADD to a string", c.sadd(keys.key("text"), "a").await, "WRONGTYPE")?;
    }
    [
        "spop", "spop_as", "spop_count", "spop_count_as", "srandmember", "srandmember_as",
        "srandmember_count", "srandmember_count_as"
    ] |c, keys| {
        let (k, missing) = (&keys.key("k"), &keys.key("missing"));
        c.sadd(k, [1, 2, 3, 4, 5]).await?;
        let one: Option<u32> = c.srandmember_as(k).await?;
        holds("SRANDMEMBER", matches!(one, Some(1..=5)), one)?;
        same("SRANDMEMBER of a missing set", c.srandmember(missing).await?, None::<Bytes>)?;
        same("SRANDMEMBER with a count", c.srandmember_count(k, 9).await?.len(), 5)?;
        let some: Vec<u32> = c.srandmember_count_as(k, -9).await?;
        same("SRANDMEMBER with repetition", some.len(), 9)?;
        same("SRANDMEMBER of none", c.srandmember_count(missing, 9).await?.len(), 0)?;
        let first: Option<u32> = c.spop_as(k).await?;
        let two: Vec<u32> = c.spop_count_as(k, 2).await?;
        let rest = c.spop_count(k, 9).await?;
        same("SPOP", (first.is_some(), two.len(), rest.len()), (true, 2, 2))?;
        same("SPOP of nothing", c.spop(k).await?, None::<Bytes>)?;
        same("SPOP of nothing", c.spop_count(k, 2).await?.len(), 0)?;
    }
    [
        "sinter", "sinter_as", "sunion", "sunion_as", "sdiff", "sdiff_as", "sinterstore",
        "sunionstore", "sdiffstore", "sintercard", "sintercard_limit"
    ] |c, keys| {
        let (a, b, to) = (&keys.key("a"), &keys.key("b"), &keys.key("to"));
        c.sadd(a, ["1", "2", "3"]).await?;
        c.sadd(b, ["2", "3", "4"]).await?;
        same("SINTER", members(&c.sinter([a, b]).await?), BTreeSet::from(["2", "3"]))?;
        same("SUNION", members(&c.sunion([a, b]).await?), BTreeSet::from(["1", "2", "3", "4"]))?;
        same("SDIFF", members(&c.sdiff([a, b]).await?), BTreeSet::from(["1"]))?;
        let sets = [
            c.sinter_as::<BTreeSet<u32>>([a, b]).await.map(|set| set.len()).ok(),
            c.sunion_as::<Vec<u32>>([a, b]).await.map(|set| set.len()).ok(),
            c.sdiff_as::<BTreeSet<String>>([a, b]).await.map(|set| set.len()).ok(),
        ];
        same("converted", sets, [Some(2), Some(4), Some(1)])?;
        same("SINTERSTORE", c.sinterstore(to, [a, b]).await?, 2)?;
        same("SUNIONSTORE", c.sunionstore(to, [a, b]).await?, 4)?;
        same("SDIFFSTORE", c.sdiffstore(to, [a, b]).await?, 1)?;
        same("what was stored", members(&c.smembers(to).await?), BTreeSet::from(["1"]))?;
        same("SINTERCARD", c.sintercard([a, b]).await?, 2)?;
        same("SINTERCARD LIMIT", c.sintercard_limit([a, b], 1).await?, 1)?;
    }
    ["sscan"] |c, keys| {
        let k = &keys.key("k");
        c.sadd(k, (0..700).map(|n| format!("m{n}")).collect::<Vec<_>>()).await?;
        c.sadd(k, "apart").await?;
        let options = ScanOptions::new().matching("m*").count(50);
        let (mut cursor, mut found) = (0, BTreeSet::new());
        loop {
            let page = c.sscan(k, cursor, options.clone()).await?;
            found.extend(page.items);
            cursor = page.cursor;
            if cursor == 0 {
                break;
            }
        }
        same("members found by SSCAN", found.len(), 700)?;
    }
}
