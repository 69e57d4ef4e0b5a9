//! Checks of sorted sets.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};
use std::time::Duration;

use swarm_keydb::{
    Aggregate, Bytes, ScanOptions, ZAddOptions, ZCombineOptions, ZEnd, ZRange, prelude::*,
};

use super::{Finding, holds, refused, same};
use crate::Surface;

fn texts(items: &[Bytes]) -> Vec<&str> {
    items
        .iter()
        .map(|item| std::str::from_utf8(item).unwrap_or("not text"))
        .collect()
}

/// Returns pairs in a form that is easy to write.
fn scored(items: &[(Bytes, f64)]) -> Vec<(&str, f64)> {
    items
        .iter()
        .map(|(item, score)| (std::str::from_utf8(item).unwrap_or("not text"), *score))
        .collect()
}

/// Adds members `a` to `e` with scores 1 to 5.
async fn fill(client: &Surface, key: &str) -> Result<(), Finding> {
    let members = [("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 5)];
    same("ZADD", client.zadd(key, members).await?, 5)
}

family! {
    ["zadd", "zadd_with", "zadd_incr", "zincrby", "zrem", "zcard", "zscore", "zmscore"] |c, keys| {
        let (k, missing) = (&keys.key("k"), &keys.key("missing"));
        let scores = [("a", 0.1), ("b", f64::INFINITY), ("c", -1e300), ("d", 17.25)];
        same("ZADD", c.zadd(k, scores).await?, 4)?;
        same("ZADD again", c.zadd(k, [("a", 0.2), ("e", 5.0)]).await?, 1)?;
        for (member, score) in [("a", 0.2), ("b", f64::INFINITY), ("c", -1e300), ("d", 17.25)] {
            same("ZSCORE, digit for digit", c.zscore(k, member).await?, Some(score))?;
        }
        same("ZSCORE of a missing member", c.zscore(k, "x").await?, None)?;
        same("ZSCORE of a missing set", c.zscore(missing, "x").await?, None)?;
        same("ZMSCORE", c.zmscore(k, ["d", "x", "e"]).await?, [Some(17.25), None, Some(5.0)])?;
        same("ZCARD", c.zcard(k).await?, 5)?;
        same("ZCARD of a missing set", c.zcard(missing).await?, 0)?;
        let greater = ZAddOptions::new().gt().ch();
        let changed = c.zadd_with(k, [("d", 3), ("e", 9), ("f", 1)], greater).await?;
        same("ZADD GT CH", changed, 2)?;
        let existing = ZAddOptions::new().xx();
        same("ZADD XX", c.zadd_with(k, [("g", 1)], existing).await?, 0)?;
        let new = ZAddOptions::new().nx();
        same("ZADD NX INCR", c.zadd_incr(k, "d", 1.0, new).await?, None)?;
        same("ZADD INCR", c.zadd_incr(k, "d", 0.5, ZAddOptions::new()).await?, Some(17.75))?;
        same("ZINCRBY", c.zincrby(k, -0.75, "d").await?, 17.0)?;
        refused("infinity minus infinity", c.zincrby(k, f64::NEG_INFINITY, "b").await, "ERR")?;
        same("ZREM", c.zrem(k, ["a", "x", "b"]).await?, 2)?;
        c.set(keys.key("text"), "v").await?;
        refused("ZADD to a string", c.zadd(keys.key("text"), [("a", 1)]).await, "WRONGTYPE")?;
    }
    ["zcount", "zlexcount", "zrank", "zrevrank"] |c, keys| {
        let (k, missing, same_score) = (&keys.key("k"), &keys.key("missing"), &keys.key("lex"));
        fill(&c, k).await?;
        same("ZCOUNT", c.zcount(k, ..).await?, 5)?;
        same("ZCOUNT of a range", c.zcount(k, 2.0..4.0).await?, 2)?;
        same("ZCOUNT with its end", c.zcount(k, 2.0..=4.0).await?, 3)?;
        same("ZCOUNT above", c.zcount(k, (Excluded(2.0), Unbounded)).await?, 3)?;
        same("ZRANK", c.zrank(k, "b").await?, Some(1))?;
        same("ZREVRANK", c.zrevrank(k, "b").await?, Some(3))?;
        same("ZRANK of a missing member", c.zrank(k, "x").await?, None)?;
        same("ZREVRANK of a missing set", c.zrevrank(missing, "x").await?, None)?;
        c.zadd(same_score, [("ann", 0), ("bob", 0), ("eve", 0)]).await?;
        same("ZLEXCOUNT", c.zlexcount(same_score, ..).await?, 3)?;
        same("ZLEXCOUNT of a range", c.zlexcount(same_score, "ann".."bob").await?, 1)?;
    }
    ["zrange", "zrange_as", "zrange_withscores", "zrange_withscores_as", "zrangestore"] |c, keys| {
        let (k, to, missing) = (&keys.key("k"), &keys.key("to"), &keys.key("missing"));
        fill(&c, k).await?;
        let ranks = |range: std::ops::Range<i64>| ZRange::ranks(range);
        same("ZRANGE", texts(&c.zrange(k, ZRange::ranks(..)).await?), ["a", "b", "c", "d", "e"])?;
        same("ranks", texts(&c.zrange(k, ranks(1..3)).await?), ["b", "c"])?;
        same("no rank", texts(&c.zrange(k, ranks(0..0)).await?), [""; 0])?;
        same("the best", texts(&c.zrange(k, ZRange::ranks(..2).rev()).await?), ["e", "d"])?;
        let scores = ZRange::scores((Excluded(1.0), Unbounded));
        same("scores", texts(&c.zrange(k, scores.clone()).await?), ["b", "c", "d", "e"])?;
        let page = c.zrange_as::<String>(k, scores.clone().limit(1, 2)).await?;
        same("a page of scores", page, ["c", "d"])?;
        same("from the top", texts(&c.zrange(k, scores.rev().limit(0, 2)).await?), ["e", "d"])?;
        let none = c.zrange(missing, ZRange::ranks(..)).await?;
        same("ZRANGE of a missing set", none.len(), 0)?;
        let found = c.zrange_withscores(k, ZRange::scores(..2.5)).await?;
        same("WITHSCORES", scored(&found), [("a", 1.0), ("b", 2.0)])?;
        let found: Vec<(String, f64)> = c.zrange_withscores_as(k, ZRange::ranks(-1..)).await?;
        same("WITHSCORES of the last", found, [("e".to_owned(), 5.0)])?;
        let none = c.zrange_withscores(missing, ZRange::ranks(..)).await?;
        same("WITHSCORES of nothing", none.len(), 0)?;
        same("ZRANGESTORE", c.zrangestore(to, k, ZRange::scores(4.0..)).await?, 2)?;
        let stored = c.zrange_withscores(to, ZRange::ranks(..)).await?;
        same("what was stored", scored(&stored), [("d", 4.0), ("e", 5.0)])?;
    }
    ["zremrangebyrank", "zremrangebyscore", "zremrangebylex", "zrange"] |c, keys| {
        let (k, lex) = (&keys.key("k"), &keys.key("lex"));
        fill(&c, k).await?;
        same("ZREMRANGEBYRANK of no rank", c.zremrangebyrank(k, 0..0).await?, 0)?;
        same("ZREMRANGEBYRANK", c.zremrangebyrank(k, ..1).await?, 1)?;
        same("ZREMRANGEBYSCORE", c.zremrangebyscore(k, 4.0..).await?, 2)?;
        same("what is left", texts(&c.zrange(k, ZRange::ranks(..)).await?), ["b", "c"])?;
        c.zadd(lex, [("ann", 0), ("bob", 0), ("eve", 0), ("zoe", 0)]).await?;
        let some = c.zrange(lex, ZRange::lex("b".."z").rev()).await?;
        same("ZRANGE BYLEX REV", texts(&some), ["eve", "bob"])?;
        let behind = ZRange::lex((Excluded("bob"), Unbounded)).limit(1, 1);
        same("ZRANGE BYLEX LIMIT", texts(&c.zrange(lex, behind).await?), ["zoe"])?;
        same("ZREMRANGEBYLEX", c.zremrangebylex(lex, "bob"..="eve").await?, 2)?;
        same("what is left", texts(&c.zrange(lex, ZRange::lex(..)).await?), ["ann", "zoe"])?;
    }
    [
        "zpopmin", "zpopmin_count", "zpopmin_count_as", "zpopmax", "zpopmax_count",
        "zpopmax_count_as", "zmpop", "zmpop_as", "zmpop_count", "zmpop_count_as"
    ] |c, keys| {
        let (k, missing) = (&keys.key("k"), &keys.key("missing"));
        fill(&c, k).await?;
        same("ZPOPMIN", c.zpopmin(k).await?, Some(("a".into(), 1.0)))?;
        same("ZPOPMAX", c.zpopmax(k).await?, Some(("e".into(), 5.0)))?;
        same("ZPOPMIN of a missing set", c.zpopmin(missing).await?, None)?;
        same("ZPOPMAX of a missing set", c.zpopmax(missing).await?, None)?;
        same("ZPOPMIN with a count", scored(&c.zpopmin_count(k, 1).await?), [("b", 2.0)])?;
        let found: Vec<(String, f64)> = c.zpopmax_count_as(k, 1).await?;
        same("ZPOPMAX with a count", found, [("d".to_owned(), 4.0)])?;
        let found: Vec<(String, f64)> = c.zpopmin_count_as(k, 9).await?;
        same("ZPOPMIN of the rest", found, [("c".to_owned(), 3.0)])?;
        same("ZPOPMAX of nothing", c.zpopmax_count(k, 9).await?.len(), 0)?;
        fill(&c, k).await?;
        let key: Bytes = k.clone().into();
        let popped = c.zmpop([missing, k], ZEnd::Min).await?;
        same("ZMPOP", popped, Some((key.clone(), vec![("a".into(), 1.0)])))?;
        let popped: Option<(Bytes, Vec<(String, f64)>)> = c.zmpop_as(k, ZEnd::Max).await?;
        same("ZMPOP MAX", popped, Some((key.clone(), vec![("e".to_owned(), 5.0)])))?;
        let popped = c.zmpop_count(k, ZEnd::Max, 2).await?;
        same("ZMPOP COUNT", popped, Some((key, vec![("d".into(), 4.0), ("c".into(), 3.0)])))?;
        let none: Option<(Bytes, Vec<(String, f64)>)> =
            c.zmpop_count_as(missing, ZEnd::Min, 2).await?;
        same("ZMPOP of nothing", none, None)?;
    }
    [
        "bzpopmin", "bzpopmin_as", "bzpopmax", "bzpopmax_as", "bzmpop", "bzmpop_as",
        "bzmpop_count", "bzmpop_count_as"
    ] |c, keys| {
        let (k, missing) = (&keys.key("k"), &keys.key("missing"));
        let (short, long) = (Duration::from_millis(10), Duration::from_secs(60));
        same("BZPOPMIN of nothing", c.bzpopmin([k, missing], short).await?, None)?;
        same("BZMPOP of nothing", c.bzmpop([k, missing], ZEnd::Min, short).await?, None)?;
        fill(&c, k).await?;
        let key: Bytes = k.clone().into();
        let popped = c.bzpopmin([missing, k], long).await?;
        same("BZPOPMIN", popped, Some((key.clone(), "a".into(), 1.0)))?;
        let popped: Option<(Bytes, String, f64)> = c.bzpopmax_as(k, None).await?;
        same("BZPOPMAX", popped, Some((key.clone(), "e".to_owned(), 5.0)))?;
        let popped: Option<(Bytes, String, f64)> = c.bzpopmin_as(k, long).await?;
        same("BZPOPMIN as text", popped, Some((key.clone(), "b".to_owned(), 2.0)))?;
        let popped = c.bzpopmax(k, long).await?;
        same("BZPOPMAX as bytes", popped, Some((key.clone(), "d".into(), 4.0)))?;
        let popped: Option<(Bytes, Vec<(String, f64)>)> =
            c.bzmpop_as([missing, k], ZEnd::Min, long).await?;
        same("BZMPOP", popped, Some((key.clone(), vec![("c".to_owned(), 3.0)])))?;
        fill(&c, k).await?;
        let popped = c.bzmpop_count(k, ZEnd::Max, 2, long).await?;
        let expected = vec![("e".into(), 5.0), ("d".into(), 4.0)];
        same("BZMPOP COUNT", popped, Some((key, expected)))?;
        let popped: Option<(Bytes, Vec<(String, f64)>)> =
            c.bzmpop_count_as(k, ZEnd::Min, 9, None).await?;
        same("BZMPOP of the rest", popped.map(|(_, members)| members.len()), Some(3))?;
    }
    [
        "zrandmember", "zrandmember_as", "zrandmember_count", "zrandmember_count_as",
        "zrandmember_withscores", "zrandmember_withscores_as"
    ] |c, keys| {
        let (k, missing) = (&keys.key("k"), &keys.key("missing"));
        fill(&c, k).await?;
        let one: Option<String> = c.zrandmember_as(k).await?;
        holds("ZRANDMEMBER", one.as_ref().is_some_and(|one| one.len() == 1), one)?;
        same("ZRANDMEMBER of a missing set", c.zrandmember(missing).await?, None::<Bytes>)?;
        same("ZRANDMEMBER with a count", c.zrandmember_count(k, 9).await?.len(), 5)?;
        let some: Vec<String> = c.zrandmember_count_as(k, -9).await?;
        same("ZRANDMEMBER with repetition", some.len(), 9)?;
        let pairs: Vec<(String, f64)> = c.zrandmember_withscores_as(k, 9).await?;
        let pairs: BTreeMap<_, _> = pairs.into_iter().collect();
        same("WITHSCORES", (pairs.len(), pairs.get("c")), (5, Some(&3.0)))?;
        same("WITHSCORES of none", c.zrandmember_withscores(missing, 9).await?.len(), 0)?;
    }
    [
        "zunion", "zunion_as", "zunion_withscores", "zunion_withscores_as", "zunionstore",
        "zunionstore_with", "zinter", "zinter_as", "zinter_withscores", "zinter_withscores_as",
        "zinterstore", "zinterstore_with", "zdiff", "zdiff_as", "zdiff_withscores",
        "zdiff_withscores_as", "zdiffstore", "zintercard", "zintercard_limit"
    ] |c, keys| {
        let (a, b, to) = (&keys.key("a"), &keys.key("b"), &keys.key("to"));
        c.zadd(a, [("x", 1), ("y", 2), ("z", 3)]).await?;
        c.zadd(b, [("y", 10), ("z", 20)]).await?;
        same("ZUNION", texts(&c.zunion([a, b]).await?), ["x", "y", "z"])?;
        same("ZINTER", texts(&c.zinter([a, b]).await?), ["y", "z"])?;
        same("ZDIFF", texts(&c.zdiff([a, b]).await?), ["x"])?;
        same("ZUNION as text", c.zunion_as::<String>([a, b]).await?, ["x", "y", "z"])?;
        same("ZINTER as text", c.zinter_as::<String>([a, b]).await?, ["y", "z"])?;
        same("ZDIFF as text", c.zdiff_as::<String>([a, b]).await?, ["x"])?;
        let sum = ZCombineOptions::new();
        let found = c.zunion_withscores([a, b], sum.clone()).await?;
        same("sums", scored(&found), [("x", 1.0), ("y", 12.0), ("z", 23.0)])?;
        let options = ZCombineOptions::new().weights([100.0, 0.5]).aggregate(Aggregate::Min);
        let found: Vec<(String, f64)> = c.zinter_withscores_as([a, b], options.clone()).await?;
        same("weights", found, [("y".to_owned(), 5.0), ("z".to_owned(), 10.0)])?;
        let found = c.zinter_withscores([a, b], sum.clone().aggregate(Aggregate::Max)).await?;
        same("the greatest", scored(&found), [("y", 10.0), ("z", 20.0)])?;
        let found: Vec<(String, f64)> = c.zunion_withscores_as(a, sum).await?;
        same("one alone", found.len(), 3)?;
        same("ZDIFF WITHSCORES", scored(&c.zdiff_withscores([a, b]).await?), [("x", 1.0)])?;
        let found: Vec<(String, f64)> = c.zdiff_withscores_as([b, a]).await?;
        same("nothing is left", found.len(), 0)?;
        same("ZUNIONSTORE", c.zunionstore(to, [a, b]).await?, 3)?;
        same("ZINTERSTORE", c.zinterstore(to, [a, b]).await?, 2)?;
        same("ZDIFFSTORE", c.zdiffstore(to, [a, b]).await?, 1)?;
        let stored = c.zinterstore_with(to, [a, b], options.clone()).await?;
        same("ZINTERSTORE with options", stored, 2)?;
        same("what was stored", c.zscore(to, "y").await?, Some(5.0))?;
        same("ZUNIONSTORE with options", c.zunionstore_with(to, [a, b], options).await?, 3)?;
        same("ZINTERCARD", c.zintercard([a, b]).await?, 2)?;
        same("ZINTERCARD LIMIT", c.zintercard_limit([a, b], 1).await?, 1)?;
        let short = ZCombineOptions::new().weights([1]);
        refused("too few weights", c.zunionstore_with(to, [a, b], short).await, "ERR")?;
    }
    ["zscan"] |c, keys| {
        let k = &keys.key("k");
        c.zadd(k, (0..700).map(|n| (format!("m{n}"), n))).await?;
        c.zadd(k, [("apart", 1)]).await?;
        let options = ScanOptions::new().matching("m*").count(50);
        let (mut cursor, mut found) = (0, BTreeMap::new());
        loop {
            let page = c.zscan(k, cursor, options.clone()).await?;
            found.extend(page.items);
            cursor = page.cursor;
            if cursor == 0 {
                break;
            }
        }
        same("members found by ZSCAN", found.len(), 700)?;
        same("its score", found.get(b"m699".as_slice()), Some(&699.0))?;
    }
}
