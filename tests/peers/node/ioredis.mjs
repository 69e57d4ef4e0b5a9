// Checks with ioredis, over RESP2.

import assert from "node:assert/strict";
import Redis from "ioredis";
import { address, check, Inbox, run } from "./check.mjs";

const options = { ...address, lazyConnect: true, maxRetriesPerRequest: 1 };
const redis = new Redis(options);
const opened = [];

async function connection(more = {}) {
  const other = new Redis({ ...options, ...more });
  opened.push(other);
  await other.connect();
  return other;
}

check("connects and says who it is", async () => {
  await redis.connect();
  assert.equal(redis.status, "ready");
  assert.equal(await redis.ping(), "PONG");
  assert.equal(await redis.ping("hello"), "hello");
  assert.equal(await redis.echo("text"), "text");
  assert.match(await redis.info("server"), /redis_version:7\.0\./);
});

check("client: name, ID, and list", async () => {
  const named = await connection({ connectionName: "worker" });
  assert.equal(await named.client("GETNAME"), "worker");
  const id = await named.client("ID");
  assert.ok(Number.isInteger(id));
  const list = await redis.client("LIST");
  assert.match(list, new RegExp(`id=${id} .*name=worker`));
});

check("select: database 0", async () => {
  assert.equal(await redis.select(0), "OK");
  await assert.rejects(redis.select(100_000), /out of range/);
});

// Strings

check("strings: set and get text and bytes", async (p) => {
  assert.equal(await redis.set(p + "a", "value"), "OK");
  assert.equal(await redis.get(p + "a"), "value");
  assert.equal(await redis.get(p + "none"), null);
  const bytes = Buffer.from([0, 255, 13, 10, 128]);
  await redis.set(p + "b", bytes);
  assert.deepEqual(await redis.getBuffer(p + "b"), bytes);
});

check("strings: options of SET", async (p) => {
  assert.equal(await redis.set(p + "a", "1", "NX"), "OK");
  assert.equal(await redis.set(p + "a", "2", "NX"), null);
  assert.equal(await redis.set(p + "a", "3", "XX", "GET"), "1");
  assert.equal(await redis.set(p + "a", "4", "EX", 100), "OK");
  assert.equal(await redis.set(p + "a", "5", "KEEPTTL"), "OK");
  const ttl = await redis.ttl(p + "a");
  assert.ok(ttl > 90 && ttl <= 100, String(ttl));
  await assert.rejects(redis.set(p + "a", "6", "EX", 0), /invalid expire time in 'set' command/);
  await assert.rejects(redis.set(p + "a", "6", "BOGUS"), /syntax error/);
});

check("strings: several keys at once", async (p) => {
  assert.equal(await redis.mset({ [p + "a"]: "1", [p + "b"]: "2" }), "OK");
  assert.deepEqual(await redis.mget(p + "a", p + "none", p + "b"), ["1", null, "2"]);
  assert.equal(await redis.msetnx(p + "b", "3", p + "c", "4"), 0);
  assert.equal(await redis.exists(p + "a", p + "a", p + "c"), 2);
  assert.equal(await redis.del(p + "a", p + "b", p + "c"), 2);
});

check("strings: counters", async (p) => {
  assert.equal(await redis.incr(p + "n"), 1);
  assert.equal(await redis.incrby(p + "n", 41), 42);
  assert.equal(await redis.decr(p + "n"), 41);
  assert.equal(await redis.decrby(p + "n", 1), 40);
  assert.equal(await redis.incrbyfloat(p + "f", "0.1"), "0.1");
  assert.equal(await redis.incrbyfloat(p + "f", "0.2"), "0.3");
  await redis.set(p + "n", "9223372036854775807");
  await assert.rejects(redis.incr(p + "n"), /increment or decrement would overflow/);
  await redis.set(p + "n", "text");
  await assert.rejects(redis.incr(p + "n"), /value is not an integer or out of range/);
});

check("strings: ranges", async (p) => {
  assert.equal(await redis.append(p + "a", "Hello "), 6);
  assert.equal(await redis.append(p + "a", "World"), 11);
  assert.equal(await redis.strlen(p + "a"), 11);
  assert.equal(await redis.getrange(p + "a", -5, -1), "World");
  assert.equal(await redis.setrange(p + "a", 6, "Redis"), 11);
  assert.equal(await redis.getdel(p + "a"), "Hello Redis");
  assert.equal(await redis.getset(p + "a", "x"), null);
  assert.equal(await redis.getex(p + "a", "EX", 50), "x");
});

// Keys

check("keys: expiry", async (p) => {
  await redis.set(p + "a", "1");
  assert.equal(await redis.ttl(p + "a"), -1);
  assert.equal(await redis.ttl(p + "none"), -2);
  assert.equal(await redis.expire(p + "a", 100), 1);
  assert.equal(await redis.expire(p + "a", 50, "GT"), 0);
  assert.equal(await redis.persist(p + "a"), 1);
  const at = Math.floor(Date.now() / 1000) + 100;
  assert.equal(await redis.expireat(p + "a", at), 1);
  assert.equal(await redis.expiretime(p + "a"), at);
  assert.equal(await redis.pexpire(p + "a", -1), 1);
  assert.equal(await redis.exists(p + "a"), 0);
});

check("keys: scan", async (p) => {
  const names = Array.from({ length: 250 }, (_, at) => `${p}${at}`);
  await redis.mset(...names.flatMap((name) => [name, "1"]));
  const found = new Set();
  for await (const page of redis.scanStream({ match: p + "*", count: 40, type: "string" })) {
    page.forEach((name) => found.add(name));
  }
  assert.deepEqual([...found].sort(), names.sort());
  assert.equal((await redis.keys(p + "1?")).length, 10);
});

check("keys: rename, copy, type", async (p) => {
  await redis.set(p + "a", "1");
  assert.equal(await redis.rename(p + "a", p + "b"), "OK");
  assert.equal(await redis.copy(p + "b", p + "c"), 1);
  assert.equal(await redis.renamenx(p + "b", p + "c"), 0);
  assert.equal(await redis.type(p + "c"), "string");
  assert.equal(await redis.type(p + "none"), "none");
  await assert.rejects(redis.rename(p + "none", p + "x"), /no such key/);
  assert.equal(await redis.unlink(p + "b", p + "c"), 2);
});

check("errors: wrong type, unknown command, wrong number of arguments", async (p) => {
  await redis.xadd(p + "s", "*", "f", "v");
  await assert.rejects(redis.get(p + "s"), /^ReplyError: WRONGTYPE Operation against a key/);
  await assert.rejects(redis.call("NOSUCH", "a"), /unknown command 'NOSUCH', with args beginning/);
  await assert.rejects(redis.call("GET"), /wrong number of arguments for 'get' command/);
});

// Pipelines and transactions

check("pipeline: replies and errors in order", async (p) => {
  const replies = await redis
    .pipeline()
    .set(p + "a", "text")
    .incr(p + "a")
    .get(p + "a")
    .exec();
  assert.deepEqual(replies[0], [null, "OK"]);
  assert.match(replies[1][0].message, /not an integer/);
  assert.deepEqual(replies[2], [null, "text"]);
});

check("pipeline: ten thousand commands", async (p) => {
  const pipeline = redis.pipeline();
  for (let at = 0; at < 10_000; at += 1) pipeline.incr(p + "n");
  const replies = await pipeline.exec();
  assert.equal(replies.length, 10_000);
  replies.forEach(([error, value], at) => assert.deepEqual([error, value], [null, at + 1]));
});

check("pipeline: automatic", async (p) => {
  const auto = await connection({ enableAutoPipelining: true });
  const values = await Promise.all([auto.incr(p + "n"), auto.incr(p + "n"), auto.get(p + "n")]);
  assert.deepEqual(values, [1, 2, "2"]);
});

check("multi: replies", async (p) => {
  const replies = await redis.multi().set(p + "a", "1").incr(p + "a").get(p + "a").exec();
  assert.deepEqual(replies, [[null, "OK"], [null, 2], [null, "2"]]);
});

check("multi: an error within does not stop it", async (p) => {
  const replies = await redis.multi().set(p + "a", "x").incr(p + "a").append(p + "a", "y").exec();
  assert.match(replies[1][0].message, /not an integer/);
  assert.deepEqual(replies[2], [null, 2]);
});

check("multi: an error while queueing aborts it", async (p) => {
  await redis.call("MULTI");
  await assert.rejects(redis.call("GET"), /wrong number/);
  assert.equal(await redis.call("SET", p + "a", "1"), "QUEUED");
  await assert.rejects(redis.call("EXEC"), /EXECABORT Transaction discarded because of previous/);
  assert.equal(await redis.get(p + "a"), null);
});

check("multi: discard", async (p) => {
  await redis.multi({ pipeline: false });
  await redis.set(p + "a", "1");
  assert.equal(await redis.discard(), "OK");
  assert.equal(await redis.get(p + "a"), null);
  await assert.rejects(redis.discard(), /DISCARD without MULTI/);
});

check("watch: a conflict discards the transaction", async (p) => {
  const other = await connection();
  await other.watch(p + "a");
  await redis.set(p + "a", "theirs");
  assert.equal(await other.multi().set(p + "a", "mine").exec(), null);
  assert.equal(await redis.get(p + "a"), "theirs");
  await other.watch(p + "a");
  await other.unwatch();
  await redis.set(p + "a", "again");
  assert.deepEqual(await other.multi().get(p + "a").exec(), [[null, "again"]]);
});

// Pub/Sub

check("pubsub: messages", async (p) => {
  const subscriber = await connection();
  const inbox = new Inbox();
  subscriber.on("message", inbox.push);
  assert.equal(await subscriber.subscribe(p + "a", p + "b"), 2);
  assert.equal(await redis.publish(p + "a", "one"), 1);
  assert.equal(await redis.publish(p + "b", "two"), 1);
  assert.deepEqual(await inbox.take(2), [[p + "a", "one"], [p + "b", "two"]]);
  assert.equal(await subscriber.unsubscribe(p + "a"), 1);
  assert.equal(await redis.publish(p + "a", "three"), 0);
  assert.equal(await subscriber.unsubscribe(), 0);
});

check("pubsub: patterns and bytes", async (p) => {
  const subscriber = await connection();
  const inbox = new Inbox();
  subscriber.on("pmessageBuffer", inbox.push);
  await subscriber.psubscribe(p + "*");
  const bytes = Buffer.from([0, 255, 13, 10]);
  await redis.publish(p + "x", bytes);
  const [[pattern, channel, message]] = await inbox.take(1);
  assert.equal(String(pattern), p + "*");
  assert.equal(String(channel), p + "x");
  assert.deepEqual(message, bytes);
});

check("pubsub: counts, and commands while subscribed", async (p) => {
  const subscriber = await connection();
  await subscriber.subscribe(p + "a");
  assert.deepEqual(await redis.pubsub("CHANNELS", p + "*"), [p + "a"]);
  assert.deepEqual(await redis.pubsub("NUMSUB", p + "a", p + "b"), [p + "a", 1, p + "b", 0]);
  assert.deepEqual(await subscriber.ping(), ["pong", ""]);
  await assert.rejects(subscriber.get(p), /subscriber mode/);
  await subscriber.unsubscribe(p + "a");
  assert.equal(await subscriber.get(p), null);
});

// Streams

check("streams: add, length, and ranges", async (p) => {
  assert.equal(await redis.xadd(p + "s", "1-1", "a", "1", "b", "2"), "1-1");
  assert.equal(await redis.xadd(p + "s", "1-*", "a", "3"), "1-2");
  assert.match(await redis.xadd(p + "s", "*", "a", "4"), /^\d{13}-\d+$/);
  assert.equal(await redis.xlen(p + "s"), 3);
  assert.deepEqual(await redis.xrange(p + "s", "-", "1-2"), [
    ["1-1", ["a", "1", "b", "2"]],
    ["1-2", ["a", "3"]],
  ]);
  assert.deepEqual(await redis.xrevrange(p + "s", "(1-2", "-", "COUNT", 1), [
    ["1-1", ["a", "1", "b", "2"]],
  ]);
  await assert.rejects(redis.xadd(p + "s", "1-1", "a", "1"), /equal or smaller than the target/);
  assert.equal(await redis.xadd(p + "none", "NOMKSTREAM", "*", "a", "1"), null);
  assert.equal(await redis.xtrim(p + "s", "MAXLEN", 1), 2);
  assert.equal(await redis.xdel(p + "s", "1-1"), 0);
});

check("streams: read, and block until an entry arrives", async (p) => {
  const reader = await connection();
  assert.equal(await reader.xread("STREAMS", p + "s", "0"), null);
  assert.equal(await reader.xread("BLOCK", 20, "STREAMS", p + "s", "$"), null);
  const reading = reader.xread("COUNT", 10, "BLOCK", 5000, "STREAMS", p + "t", p + "s", "0", "0");
  await redis.xadd(p + "s", "5-5", "f", "v");
  assert.deepEqual(await reading, [[p + "s", [["5-5", ["f", "v"]]]]]);
});

check("groups: read, acknowledge, and pending entries", async (p) => {
  const s = p + "s";
  assert.equal(await redis.xgroup("CREATE", s, "g", "$", "MKSTREAM"), "OK");
  await assert.rejects(redis.xgroup("CREATE", s, "g", "$"), /BUSYGROUP/);
  for (const id of ["1-1", "2-1", "3-1"]) await redis.xadd(s, id, "n", id);
  const read = (...more) => redis.xreadgroup("GROUP", "g", "alice", ...more);
  assert.deepEqual(await read("COUNT", 2, "STREAMS", s, ">"), [
    [s, [["1-1", ["n", "1-1"]], ["2-1", ["n", "2-1"]]]],
  ]);
  assert.equal(await redis.xack(s, "g", "1-1", "9-9"), 1);
  assert.deepEqual(await redis.xpending(s, "g"), [1, "2-1", "2-1", [["alice", "1"]]]);
  const [[id, consumer, idle, times]] = await redis.xpending(s, "g", "-", "+", 10);
  assert.deepEqual([id, consumer, times], ["2-1", "alice", 1]);
  assert.ok(Number.isInteger(idle));
  assert.deepEqual(await read("STREAMS", s, "0"), [[s, [["2-1", ["n", "2-1"]]]]]);
  await redis.xdel(s, "2-1");
  assert.deepEqual(await read("STREAMS", s, "0"), [[s, [["2-1", null]]]]);
  await assert.rejects(
    redis.xreadgroup("GROUP", "none", "c", "STREAMS", s, ">"),
    /NOGROUP No such key '.*' or consumer group 'none' in XREADGROUP with GROUP option/,
  );
});

check("groups: claim", async (p) => {
  const s = p + "s";
  await redis.xgroup("CREATE", s, "g", "0", "MKSTREAM");
  for (const id of ["1-1", "2-1", "3-1"]) await redis.xadd(s, id, "n", id);
  await redis.xreadgroup("GROUP", "g", "alice", "STREAMS", s, ">");
  assert.deepEqual(await redis.xclaim(s, "g", "bob", 0, "1-1"), [["1-1", ["n", "1-1"]]]);
  assert.deepEqual(await redis.xclaim(s, "g", "bob", 0, "2-1", "JUSTID"), ["2-1"]);
  assert.deepEqual(await redis.xclaim(s, "g", "bob", 100_000, "3-1"), []);
  assert.deepEqual(await redis.xautoclaim(s, "g", "carol", 0, "0", "COUNT", 2), [
    "3-1",
    [["1-1", ["n", "1-1"]], ["2-1", ["n", "2-1"]]],
    [],
  ]);
  await redis.xdel(s, "3-1");
  assert.deepEqual(await redis.xautoclaim(s, "g", "carol", 0, "3-1"), ["0-0", [], ["3-1"]]);
});

check("groups: information", async (p) => {
  const s = p + "s";
  await redis.xadd(s, "1-1", "a", "b");
  await redis.xgroup("CREATE", s, "g", "0");
  await redis.xgroup("CREATECONSUMER", s, "g", "alice");
  const [group] = await redis.xinfo("GROUPS", s);
  assert.deepEqual(group, [
    "name", "g", "consumers", 1, "pending", 0, "last-delivered-id", "0-0", "entries-read", null,
    "lag", 1,
  ]);
  const [consumer] = await redis.xinfo("CONSUMERS", s, "g");
  assert.deepEqual(consumer.slice(0, 4), ["name", "alice", "pending", 0]);
  const stream = await redis.xinfo("STREAM", s);
  assert.equal(stream[stream.indexOf("entries-added") + 1], 1);
  assert.equal(await redis.xgroup("DELCONSUMER", s, "g", "alice"), 0);
  assert.equal(await redis.xgroup("SETID", s, "g", "$"), "OK");
  assert.equal(await redis.xgroup("DESTROY", s, "g"), 1);
});

check("groups: readers that block are served in turn", async (p) => {
  const s = p + "s";
  await redis.xgroup("CREATE", s, "g", "$", "MKSTREAM");
  const readers = [await connection(), await connection()];
  const reading = readers.map((reader, at) =>
    reader.xreadgroup("GROUP", "g", `c${at}`, "BLOCK", 5000, "STREAMS", s, ">"),
  );
  await redis.xadd(s, "1-1", "n", "1");
  await redis.xadd(s, "2-1", "n", "2");
  const read = (await Promise.all(reading)).map(([[, [[id]]]]) => id);
  assert.deepEqual(read.sort(), ["1-1", "2-1"]);
});

check("connection: quit answers what was sent before", async (p) => {
  const other = await connection();
  const [set, quit] = await Promise.all([other.set(p + "a", "1"), other.quit()]);
  assert.deepEqual([set, quit], ["OK", "OK"]);
  assert.equal(await redis.get(p + "a"), "1");
});

await run(async () => {
  opened.forEach((other) => other.disconnect());
  await redis.quit();
});
