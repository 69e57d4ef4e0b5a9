//! Checks of lists.

use std::ops::Bound::{Excluded, Included};
use std::time::Duration;

use swarm_keydb::{Bytes, LPosOptions, ListEnd, prelude::*};

use super::{refused, same};

fn texts(items: &[Bytes]) -> Vec<&str> {
    items
        .iter()
        .map(|item| std::str::from_utf8(item).unwrap_or("not text"))
        .collect()
}

family! {
    [
        "lpush", "rpush", "lpushx", "rpushx", "lpop", "lpop_as", "rpop", "rpop_as", "lpop_count",
        "lpop_count_as", "rpop_count", "rpop_count_as"
    ] |c, keys| {
        let (k, missing) = (&keys.key("k"), &keys.key("missing"));
        same("RPUSH", c.rpush(k, ["c", "d"]).await?, 2)?;
        same("LPUSH one after another", c.lpush(k, ["b", "a"]).await?, 4)?;
        same("the order", texts(&c.lrange(k, ..).await?), ["a", "b", "c", "d"])?;
        same("LPUSHX", c.lpushx(k, 0).await?, 5)?;
        same("RPUSHX", c.rpushx(k, [1, 2]).await?, 7)?;
        same("LPUSHX of a missing list", c.lpushx(missing, "a").await?, 0)?;
        same("RPUSHX of a missing list", c.rpushx(missing, "a").await?, 0)?;
        same("LPOP", c.lpop_as::<i64>(k).await?, Some(0))?;
        same("RPOP", c.rpop_as::<i64>(k).await?, Some(2))?;
        same("LPOP of a missing list", c.lpop(missing).await?, None::<Bytes>)?;
        same("RPOP of a missing list", c.rpop(missing).await?, None::<Bytes>)?;
        same("LPOP with a count", texts(&c.lpop_count(k, 2).await?), ["a", "b"])?;
        same("RPOP with a count", texts(&c.rpop_count(k, 2).await?), ["1", "d"])?;
        same("LPOP of the rest", c.lpop_count_as::<String>(k, 9).await?, ["c"])?;
        same("RPOP of nothing", c.rpop_count_as::<String>(k, 9).await?, [""; 0])?;
        same("LPOP of nothing", c.lpop_count(k, 1).await?, [""; 0])?;
        c.set(keys.key("text"), "v").await?;
        refused("LPUSH to a string", c.lpush(keys.key("text"), "a").await, "WRONGTYPE")?;
    }
    [
        "llen", "lindex", "lindex_as", "lrange", "lrange_as", "lset", "ltrim", "lrem",
        "linsert_before", "linsert_after"
    ] |c, keys| {
        let (k, missing) = (&keys.key("k"), &keys.key("missing"));
        c.rpush(k, ["a", "b", "c", "d", "e"]).await?;
        same("LLEN", c.llen(k).await?, 5)?;
        same("LLEN of a missing list", c.llen(missing).await?, 0)?;
        same("LINDEX", c.lindex_as::<String>(k, -2).await?.as_deref(), Some("d"))?;
        same("LINDEX beyond the end", c.lindex(k, 9).await?, None::<Bytes>)?;
        same("LRANGE", texts(&c.lrange(k, 1..3).await?), ["b", "c"])?;
        same("LRANGE from the end", c.lrange_as::<String>(k, -2..).await?, ["d", "e"])?;
        let range = (Included(3), Included(-1));
        same("LRANGE up to the end", texts(&c.lrange(k, range).await?), ["d", "e"])?;
        same("an empty range", texts(&c.lrange(k, 0..0).await?), [""; 0])?;
        same("LRANGE of a missing list", texts(&c.lrange(missing, ..).await?), [""; 0])?;
        c.lset(k, 0, "A").await?;
        refused("LSET beyond the end", c.lset(k, 9, "x").await, "ERR")?;
        same("LINSERT BEFORE", c.linsert_before(k, "c", "x").await?, Some(6))?;
        same("LINSERT AFTER", c.linsert_after(k, "c", "x").await?, Some(7))?;
        same("LINSERT without the pivot", c.linsert_after(k, "z", "x").await?, None)?;
        same("LINSERT of a missing list", c.linsert_before(missing, "z", "x").await?, Some(0))?;
        same("all", texts(&c.lrange(k, ..).await?), ["A", "b", "x", "c", "x", "d", "e"])?;
        same("LREM from the tail", c.lrem(k, -1, "x").await?, 1)?;
        c.ltrim(k, (Included(1), Excluded(-1))).await?;
        same("LTRIM", texts(&c.lrange(k, ..).await?), ["b", "x", "c", "d"])?;
        c.ltrim(k, 0..0).await?;
        same("LTRIM to nothing", c.exists(k).await?, 0)?;
    }
    ["lpos", "lpos_with", "lpos_count"] |c, keys| {
        let k = &keys.key("k");
        c.rpush(k, ["a", "b", "a", "c", "a"]).await?;
        same("LPOS", c.lpos(k, "a").await?, Some(0))?;
        same("LPOS of a missing element", c.lpos(k, "z").await?, None)?;
        let last = LPosOptions::new().rank(-1);
        same("LPOS from the tail", c.lpos_with(k, "a", last).await?, Some(4))?;
        let second = LPosOptions::new().rank(2).maxlen(2);
        same("LPOS MAXLEN", c.lpos_with(k, "a", second).await?, None)?;
        same("LPOS COUNT", c.lpos_count(k, "a", 2, LPosOptions::new()).await?, [0, 2])?;
        same("LPOS of all", c.lpos_count(k, "a", 0, last).await?, [4, 2, 0])?;
        same("LPOS of none", c.lpos_count(k, "z", 0, last).await?, [0; 0])?;
    }
    ["lmove", "lmove_as", "lmpop", "lmpop_as", "lmpop_count", "lmpop_count_as"] |c, keys| {
        let (a, b, missing) = (&keys.key("a"), &keys.key("b"), &keys.key("missing"));
        let (left, right) = (ListEnd::Left, ListEnd::Right);
        c.rpush(a, ["1", "2", "3", "4", "5"]).await?;
        same("LMOVE", c.lmove(a, b, left, right).await?.as_deref(), Some(b"1".as_slice()))?;
        same("LMOVE to the same", c.lmove_as::<i64>(a, a, right, left).await?, Some(5))?;
        same("LMOVE of a missing list", c.lmove(missing, b, left, left).await?, None::<Bytes>)?;
        let one = c.lmpop([missing, b], left).await?;
        same("LMPOP", one, Some((b.clone().into(), vec!["1".into()])))?;
        let two: Option<(Bytes, Vec<i64>)> = c.lmpop_count_as([b, a], right, 2).await?;
        same("LMPOP COUNT", two, Some((a.clone().into(), vec![4, 3])))?;
        let one: Option<(Bytes, Vec<i64>)> = c.lmpop_as(a, left).await?;
        same("LMPOP of a number", one, Some((a.clone().into(), vec![5])))?;
        same("LMPOP of nothing", c.lmpop_count([missing, b], left, 2).await?, None)?;
    }
    [
        "blpop", "blpop_as", "brpop", "brpop_as", "blmove", "blmove_as", "blmpop", "blmpop_as",
        "blmpop_count", "blmpop_count_as"
    ] |c, keys| {
        let (a, b, missing) = (&keys.key("a"), &keys.key("b"), &keys.key("missing"));
        let (short, long) = (Duration::from_millis(10), Duration::from_secs(60));
        let (left, right) = (ListEnd::Left, ListEnd::Right);
        same("BLPOP of nothing", c.blpop([a, missing], short).await?, None)?;
        same("BLMOVE of nothing", c.blmove(a, b, left, left, short).await?, None::<Bytes>)?;
        same("BLMPOP of nothing", c.blmpop([a, missing], left, short).await?, None)?;
        c.rpush(a, [1, 2, 3, 4, 5, 6, 7]).await?;
        same("BLPOP", c.blpop([missing, a], long).await?, Some((a.clone().into(), "1".into())))?;
        let last: Option<(Bytes, i64)> = c.brpop_as(a, None).await?;
        same("BRPOP without a limit", last, Some((a.clone().into(), 7)))?;
        same("BRPOP", c.brpop(a, long).await?, Some((a.clone().into(), "6".into())))?;
        let first: Option<(Bytes, i64)> = c.blpop_as(a, long).await?;
        same("BLPOP of a number", first, Some((a.clone().into(), 2)))?;
        same("BLMOVE", c.blmove_as::<i64>(a, b, right, left, long).await?, Some(5))?;
        let one: Option<(Bytes, Vec<i64>)> = c.blmpop_as([missing, a], left, long).await?;
        same("BLMPOP", one, Some((a.clone().into(), vec![3])))?;
        let rest: Option<(Bytes, Vec<i64>)> = c.blmpop_count_as([a, b], left, 9, long).await?;
        same("BLMPOP COUNT", rest, Some((a.clone().into(), vec![4])))?;
        let rest = c.blmpop_count([a, b], left, 9, None).await?;
        same("BLMPOP of another", rest, Some((b.clone().into(), vec!["5".into()])))?;
    }
}
