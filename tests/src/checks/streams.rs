//! Checks of streams and consumer groups.

use std::time::{Duration, SystemTime};

use swarm_keydb::{
    GroupRead, NewId, ReadAfter, StreamEntry, StreamId, Trim, XAddOptions, XClaimOptions,
    XPendingOptions, XReadGroupOptions, XReadOptions, prelude::*,
};

use super::{Finding, Surface, holds, refused, same};

const fn id(ms: u64, seq: u64) -> StreamId {
    StreamId::new(ms, seq)
}

/// Adds entries `1-1`, `2-1`, … with their number in field `n`.
async fn fill(client: &Surface, key: &str, entries: u64) -> Result<(), Finding> {
    for n in 1..=entries {
        let options = XAddOptions::new().id(id(n, 1));
        let added = client.xadd_with(key, [("n", n)], options).await?;
        same("the ID asked for", added, Some(id(n, 1)))?;
    }
    Ok(())
}

fn ids(entries: &[StreamEntry]) -> Vec<u64> {
    entries.iter().map(|entry| entry.id.ms).collect()
}

/// Returns the milliseconds part of each pending ID.
async fn pending(client: &Surface, key: &str) -> Result<Vec<u64>, Finding> {
    let listed = client
        .xpending_with(key, "g", XPendingOptions::new())
        .await?;
    Ok(listed.iter().map(|entry| entry.id.ms).collect())
}

family! {
    ["xadd", "xlen"] |c, keys| {
        let k = &keys.key("k");
        same("XLEN of a missing stream", c.xlen(k).await?, 0)?;
        let first = c.xadd(k, [("b", "2"), ("a", "1"), ("b", "3"), ("", "")]).await?;
        let second = c.xadd(k, [("n", 1)]).await?;
        holds("IDs grow", first < second, (first, second))?;
        same("XLEN", c.xlen(k).await?, 2)?;
        let entries = c.xrange(k, first..=first).await?;
        let fields: Vec<_> = entries
            .iter()
            .flat_map(|entry| &entry.fields)
            .collect();
        let fields: Vec<_> = fields
            .into_iter()
            .map(|(name, value)| (name.as_ref(), value.as_ref()))
            .collect();
        let expected: [(&[u8], &[u8]); 4] = [(b"b", b"2"), (b"a", b"1"), (b"b", b"3"), (b"", b"")];
        same("fields in their order, duplicates kept", fields, expected)?;
        c.set(keys.key("text"), "v").await?;
        refused("XADD to a string", c.xadd(keys.key("text"), [("n", 1)]).await, "WRONGTYPE")?;
    }
    ["xadd_with"] |c, keys| {
        let k = &keys.key("k");
        fill(&c, k, 5).await?;
        let low = c.xadd_with(k, [("n", 6)], XAddOptions::new().id(id(5, 1))).await;
        refused("an ID that is not greater", low, "ERR")?;
        let next = XAddOptions::new().id(NewId::AutoSequence(5));
        same("XADD ms-*", c.xadd_with(k, [("n", 6)], next).await?, Some(id(5, 2)))?;
        c.xadd_with(k, [("n", 7)], XAddOptions::new().id(id(7, 0)).maxlen(3)).await?;
        same("XADD MAXLEN", ids(&c.xrange(k, ..).await?), [5, 5, 7])?;
        let about = XAddOptions::new().id(id(8, 0)).trim(Trim::maxlen(2).approximate());
        c.xadd_with(k, [("n", 8)], about).await?;
        let length = c.xlen(k).await?;
        holds("XADD MAXLEN ~", (2..=4).contains(&length), length)?;
    }
    // Not supported by SwarmKeyDb.
    ["xadd_with", "xdel", "xsetid"] |c, keys| {
        let k = &keys.key("k");
        let nothing = c.xadd_with(k, [("n", 1)], XAddOptions::new().nomkstream()).await?;
        same("XADD NOMKSTREAM", nothing, None)?;
        same("it made nothing", c.exists(k).await?, 0)?;
        fill(&c, k, 4).await?;
        let options = XAddOptions::new().trim(Trim::minid(id(3, 0))).id(id(5, 1));
        c.xadd_with(k, [("n", 5)], options).await?;
        same("XADD MINID", ids(&c.xrange(k, ..).await?), [3, 4, 5])?;
        same("XDEL", c.xdel(k, [id(3, 1), id(9, 9)]).await?, 1)?;
        same("XDEL of one", c.xdel(k, id(4, 1)).await?, 1)?;
        same("what is left", ids(&c.xrange(k, ..).await?), [5])?;
        c.xsetid(k, "9").await?;
        let low = c.xadd_with(k, [("n", 9)], XAddOptions::new().id(id(9, 0))).await;
        refused("an ID that XSETID forbids", low, "ERR")?;
    }
    ["xrange", "xrange_count", "xrevrange", "xrevrange_count"] |c, keys| {
        let k = &keys.key("k");
        same("XRANGE of a missing stream", c.xrange(k, ..).await?, [])?;
        fill(&c, k, 5).await?;
        same("XRANGE", ids(&c.xrange(k, ..).await?), [1, 2, 3, 4, 5])?;
        same("a part", ids(&c.xrange(k, id(2, 0)..=id(4, 1)).await?), [2, 3, 4])?;
        same("without its end", ids(&c.xrange(k, id(2, 1)..id(4, 1)).await?), [2, 3])?;
        let behind = (std::ops::Bound::Excluded(id(3, 1)), std::ops::Bound::Unbounded);
        same("behind an ID", ids(&c.xrange(k, behind).await?), [4, 5])?;
        same("COUNT", ids(&c.xrange_count(k, id(2, 0).., 2).await?), [2, 3])?;
        same("XREVRANGE", ids(&c.xrevrange(k, ..).await?), [5, 4, 3, 2, 1])?;
        same("a part", ids(&c.xrevrange(k, id(2, 0)..id(4, 1)).await?), [3, 2])?;
        let newest = c.xrevrange_count(k, .., 1).await?;
        same(
            "the newest",
            newest
                .first()
                .map(|entry| entry.field_as("n"))
                .transpose()?,
            Some(Some(5)),
        )?;
    }
    ["xread", "xread_with"] |c, keys| {
        let (a, b, missing) = (&keys.key("a"), &keys.key("b"), &keys.key("missing"));
        same("XREAD of a missing stream", c.xread([(missing, "0")]).await?, [])?;
        fill(&c, a, 3).await?;
        fill(&c, b, 1).await?;
        let read = c
            .xread([
                (a, StreamId::MIN),
                (missing, StreamId::MIN),
                (b, StreamId::MIN),
            ])
            .await?;
        let found: Vec<_> = read
            .iter()
            .map(|batch| (batch.key.as_ref(), ids(&batch.entries)))
            .collect();
        same("XREAD of several", found, [(a.as_bytes(), vec![1, 2, 3]), (b.as_bytes(), vec![1])])?;
        let read = c.xread_with([(a, "1-1")], XReadOptions::new().count(1)).await?;
        same("XREAD behind an ID", read.first().map(|batch| ids(&batch.entries)), Some(vec![2]))?;
        same("XREAD at the end", c.xread([(a, "3-1"), (b, "$")]).await?, [])?;
    }
    [
        "xgroup_create", "xgroup_create_mkstream", "xgroup_setid", "xgroup_destroy",
        "xgroup_delconsumer"
    ] |c, keys| {
        let k = &keys.key("k");
        refused("XGROUP CREATE without a stream", c.xgroup_create(k, "g", "$").await, "ERR")?;
        c.xgroup_create_mkstream(k, "g", ReadAfter::Last).await?;
        refused("a second one", c.xgroup_create(k, "g", "0").await, "BUSYGROUP")?;
        fill(&c, k, 3).await?;
        let all = c.xreadgroup("g", "ann", [(k, ">")]).await?;
        same("what was added since", all.first().map(|batch| batch.entries.len()), Some(3))?;
        c.xgroup_setid(k, "g", "2-0").await?;
        let again = c.xreadgroup("g", "bob", [(k, ">")]).await?;
        same("XGROUP SETID", again.first().map(|batch| ids(&batch.entries)), Some(vec![2, 3]))?;
        same("XGROUP DELCONSUMER", c.xgroup_delconsumer(k, "g", "nobody").await?, 0)?;
        let held = c.xpending(k, "g").await?.consumers;
        for (name, count) in held {
            same("XGROUP DELCONSUMER", c.xgroup_delconsumer(k, "g", name).await?, count)?;
        }
        same("nothing is pending", c.xpending(k, "g").await?.count, 0)?;
        same("XGROUP DESTROY", c.xgroup_destroy(k, "g").await?, true)?;
        same("XGROUP DESTROY again", c.xgroup_destroy(k, "g").await?, false)?;
        refused("a group that is gone", c.xreadgroup("g", "ann", [(k, ">")]).await, "NOGROUP")?;
    }
    ["xgroup_createconsumer", "xinfo_stream", "xinfo_groups", "xinfo_consumers"] |c, keys| {
        let k = &keys.key("k");
        fill(&c, k, 3).await?;
        c.xgroup_create(k, "g", "1-1").await?;
        same("a new consumer", c.xgroup_createconsumer(k, "g", "ann").await?, true)?;
        same("an old one", c.xgroup_createconsumer(k, "g", "ann").await?, false)?;
        c.xreadgroup_with(
            "g",
            "ann",
            [(k, GroupRead::New)],
            XReadGroupOptions::new().count(1),
        )
        .await?;
        let stream = c.xinfo_stream(k).await?;
        same("its length", (stream.length, stream.groups), (3, 1))?;
        same("its last ID", stream.last_generated_id, id(3, 1))?;
        let ends = (stream.first_entry.as_ref(), stream.last_entry.as_ref());
        same(
            "its ends",
            (ends.0.map(|entry| entry.id), ends.1.map(|entry| entry.id)),
            (Some(id(1, 1)), Some(id(3, 1))),
        )?;
        let groups = c.xinfo_groups(k).await?;
        let group = groups.first().cloned().unwrap_or_default();
        same(
            "the group",
            (group.name.as_ref(), group.consumers, group.pending),
            (b"g".as_slice(), 1, 1),
        )?;
        same("how far it is", group.last_delivered_id, id(2, 1))?;
        let consumers = c.xinfo_consumers(k, "g").await?;
        let consumer = consumers.first().cloned().unwrap_or_default();
        same("the consumer", (consumer.name.as_ref(), consumer.pending), (b"ann".as_slice(), 1))?;
        refused("XINFO without a stream", c.xinfo_stream(keys.key("missing")).await, "ERR")?;
    }
    ["xreadgroup", "xreadgroup_with", "xack"] |c, keys| {
        let (a, b) = (&keys.key("a"), &keys.key("b"));
        for k in [a, b] {
            fill(&c, k, 3).await?;
            c.xgroup_create(k, "g", "0").await?;
        }
        let two = XReadGroupOptions::new().count(2);
        let read = c.xreadgroup_with("g", "ann", [(a, ">"), (b, ">")], two).await?;
        let found: Vec<_> = read
            .iter()
            .map(|batch| (batch.key.as_ref(), ids(&batch.entries)))
            .collect();
        same(
            "XREADGROUP of several",
            found,
            [(a.as_bytes(), vec![1, 2]), (b.as_bytes(), vec![1, 2])],
        )?;
        let rest = c.xreadgroup("g", "bob", [(a, ">")]).await?;
        same("the rest", rest.first().map(|batch| ids(&batch.entries)), Some(vec![3]))?;
        same("nothing is left", c.xreadgroup("g", "bob", [(a, ">")]).await?, [])?;
        let history = c.xreadgroup("g", "ann", [(a, "0")]).await?;
        same("what ann holds", history.first().map(|batch| ids(&batch.entries)), Some(vec![1, 2]))?;
        same("XACK", c.xack(a, "g", [id(1, 1), id(2, 1), id(9, 9)]).await?, 2)?;
        same("XACK again", c.xack(a, "g", id(1, 1)).await?, 0)?;
        let history = c.xreadgroup("g", "ann", [(a, "0")]).await?;
        same(
            "ann holds nothing",
            history
                .iter()
                .map(|batch| batch.entries.len())
                .sum::<usize>(),
            0,
        )?;
        c.xreadgroup_with("g", "ann", [(b, ">")], XReadGroupOptions::new().noack()).await?;
        same("NOACK leaves nothing pending", pending(&c, b).await?, [1, 2])?;
        refused("no such group", c.xreadgroup("h", "ann", [(a, ">")]).await, "NOGROUP")?;
    }
    ["xpending", "xpending_with"] |c, keys| {
        let k = &keys.key("k");
        fill(&c, k, 5).await?;
        c.xgroup_create(k, "g", "0").await?;
        let none = c.xpending(k, "g").await?;
        same(
            "nothing yet",
            (none.count, none.first, none.last, none.consumers.len()),
            (0, None, None, 0),
        )?;
        c.xreadgroup_with("g", "ann", [(k, ">")], XReadGroupOptions::new().count(2)).await?;
        c.xreadgroup("g", "bob", [(k, ">")]).await?;
        let summary = c.xpending(k, "g").await?;
        same(
            "XPENDING",
            (summary.count, summary.first, summary.last),
            (5, Some(id(1, 1)), Some(id(5, 1))),
        )?;
        let held: Vec<_> = summary
            .consumers
            .iter()
            .map(|(name, count)| (name.as_ref(), *count))
            .collect();
        same("who holds what", held, [(b"ann".as_slice(), 2), (b"bob", 3)])?;
        let options = XPendingOptions::new().range(id(2, 0)..).count(2);
        let listed = c.xpending_with(k, "g", options.clone()).await?;
        let found: Vec<_> = listed
            .iter()
            .map(|entry| (entry.id.ms, entry.consumer.as_ref(), entry.delivered))
            .collect();
        same("XPENDING of a range", found, [(2, b"ann".as_slice(), 1), (3, b"bob", 1)])?;
        let listed = c.xpending_with(k, "g", options.consumer("bob")).await?;
        same(
            "XPENDING of a consumer",
            listed.iter().map(|entry| entry.id.ms).collect::<Vec<_>>(),
            [3, 4],
        )?;
        let hour = XPendingOptions::new().idle(Duration::from_secs(3600));
        same("XPENDING IDLE", c.xpending_with(k, "g", hour).await?, [])?;
        refused("no such group", c.xpending(k, "h").await, "NOGROUP")?;
    }
    ["xclaim"] |c, keys| {
        let k = &keys.key("k");
        fill(&c, k, 3).await?;
        c.xgroup_create(k, "g", "0").await?;
        c.xreadgroup("g", "ann", [(k, ">")]).await?;
        let early = c.xclaim(k, "g", "bob", Duration::from_secs(3600), id(1, 1)).await?;
        same("too early", early, [])?;
        let claimed = c
            .xclaim(
                k,
                "g",
                "bob",
                Duration::ZERO,
                [id(1, 1), id(3, 1), id(9, 9)],
            )
            .await?;
        same("XCLAIM", ids(&claimed), [1, 3])?;
        same(
            "its fields",
            claimed
                .first()
                .map(|entry| entry.field_as("n"))
                .transpose()?,
            Some(Some(1)),
        )?;
        let bobs = XPendingOptions::new().consumer("bob");
        let counts: Vec<_> = c
            .xpending_with(k, "g", bobs)
            .await?
            .iter()
            .map(|entry| (entry.id.ms, entry.delivered))
            .collect();
        same("bob holds them", counts, [(1, 2), (3, 2)])?;
    }
    // Starts with what SwarmKeyDb rejects, because it ignores options of XCLAIM.
    ["xautoclaim_justid", "xclaim_with", "xclaim_justid"] |c, keys| {
        let k = &keys.key("k");
        fill(&c, k, 4).await?;
        c.xgroup_create(k, "g", "0").await?;
        c.xreadgroup_with("g", "ann", [(k, ">")], XReadGroupOptions::new().count(3)).await?;
        let (now, hour) = (Duration::ZERO, Duration::from_secs(3600));
        let page = c.xautoclaim_justid(k, "g", "eve", now, "0", 2).await?;
        same("XAUTOCLAIM JUSTID", page.ids.clone(), [id(1, 1), id(2, 1)])?;
        same("where it goes on", page.next_start(StreamId::MIN), Some(id(3, 1)))?;
        let counts = c.xpending_with(k, "g", XPendingOptions::new()).await?;
        same(
            "without counting",
            counts
                .iter()
                .map(|entry| entry.delivered)
                .collect::<Vec<_>>(),
            [1, 1, 1],
        )?;
        let options = XClaimOptions::new().idle(hour).retrycount(7);
        same(
            "XCLAIM IDLE",
            ids(&c.xclaim_with(k, "g", "bob", now, id(1, 1), options).await?),
            [1],
        )?;
        let bobs = XPendingOptions::new().consumer("bob").idle(hour);
        let listed = c.xpending_with(k, "g", bobs).await?;
        same(
            "as if given long ago",
            listed
                .iter()
                .map(|entry| entry.delivered)
                .collect::<Vec<_>>(),
            [7],
        )?;
        let claimed = c.xclaim_justid(k, "g", "bob", now, [id(2, 1)], XClaimOptions::new()).await?;
        same("XCLAIM JUSTID", claimed, [id(2, 1)])?;
        let forced = XClaimOptions::new().force().time(SystemTime::now() - hour);
        same(
            "XCLAIM FORCE",
            ids(&c.xclaim_with(k, "g", "bob", now, id(4, 1), forced).await?),
            [4],
        )?;
        same("four are pending", pending(&c, k).await?, [1, 2, 3, 4])?;
        c.xdel(k, id(4, 1)).await?;
        let page = c.xautoclaim_justid(k, "g", "eve", now, "4", 3).await?;
        same("what was deleted", (page.ids.len(), page.deleted), (0, vec![id(4, 1)]))?;
        let d = &keys.key("d");
        fill(&c, d, 3).await?;
        c.xgroup_create(d, "g", "0").await?;
        c.xreadgroup("g", "ann", [(d, ">")]).await?;
        c.xdel(d, id(2, 1)).await?;
        let history = c.xreadgroup("g", "ann", [(d, "0")]).await?;
        same(
            "pending and deleted",
            history
                .into_iter()
                .map(|batch| (ids(&batch.entries), batch.deleted))
                .collect::<Vec<_>>(),
            [(vec![1, 3], vec![id(2, 1)])],
        )?;
        let claimed = c.xclaim(d, "g", "eve", now, [id(2, 1), id(3, 1)]).await?;
        same("XCLAIM leaves out the deleted one", ids(&claimed), [3])?;
    }
    ["xautoclaim", "xautoclaim_count"] |c, keys| {
        let k = &keys.key("k");
        fill(&c, k, 5).await?;
        c.xgroup_create(k, "g", "0").await?;
        c.xreadgroup("g", "ann", [(k, ">")]).await?;
        let early = c.xautoclaim(k, "g", "bob", Duration::from_secs(3600), "0").await?;
        same("too early", early.entries, [])?;
        let (mut start, mut claimed) = (Some(StreamId::MIN), Vec::new());
        while let Some(from) = start {
            let page = c.xautoclaim_count(k, "g", "bob", Duration::ZERO, from, 2).await?;
            claimed.extend(ids(&page.entries));
            start = page.next_start(from);
            holds("it ends", claimed.len() <= 5, &claimed)?;
        }
        same("XAUTOCLAIM, page by page", claimed, [1, 2, 3, 4, 5])?;
    }
    ["xtrim"] |c, keys| {
        let k = &keys.key("k");
        same("XTRIM of a missing stream", c.xtrim(k, Trim::maxlen(1)).await?, 0)?;
        fill(&c, k, 6).await?;
        same("XTRIM MAXLEN", c.xtrim(k, Trim::maxlen(4)).await?, 2)?;
        same("XTRIM MINID", c.xtrim(k, Trim::minid(id(4, 1))).await?, 1)?;
        same("what is left", ids(&c.xrange(k, ..).await?), [4, 5, 6])?;
        let about = c.xtrim(k, Trim::maxlen(1).approximate()).await?;
        holds("XTRIM MAXLEN ~", about <= 2, about)?;
        same("XTRIM to nothing", c.xtrim(k, Trim::maxlen(0)).await?, 3 - about)?;
    }
}
