// Checks with node-redis, over RESP2 or RESP3, as the second argument says.

import assert from "node:assert/strict";
import { createClient, RESP_TYPES } from "redis";
import { address, check, Inbox, run } from "./check.mjs";

const RESP = Number(process.argv[3] ?? 2);
const opened = [];

async function connection(more = {}) {
  const client = createClient({
    socket: { ...address, reconnectStrategy: false },
    RESP,
    // Replies of XREAD and XREADGROUP over RESP3 are not converted yet.
    unstableResp3: true,
    ...more,
  });
  client.on("error", () => {});
  opened.push(client);
  await client.connect();
  return client;
}

let client;

/** Returns the key, ID, and fields of each entry in a reply of XREAD. */
function entries(reply) {
  if (RESP === 3) {
    return Object.entries(reply).flatMap(([key, list]) =>
      list.map(([id, fields]) => [key, id, fields]),
    );
  }
  return reply.flatMap(({ name, messages }) =>
    messages.map(({ id, message }) => [name, id, Object.entries(message).flat()]),
  );
}

check("connects and says who it is", async () => {
  client = await connection();
  assert.equal(await client.ping(), "PONG");
  assert.equal(await client.echo("text"), "text");
  assert.match(await client.info("server"), /redis_version:7\.0\./);
});

check("hello", async () => {
  const hello = await client.hello(RESP);
  assert.equal(hello.proto, RESP);
  assert.equal(hello.role, "master");
  assert.equal(hello.mode, "standalone");
});

check("client: name, ID, and list", async () => {
  const named = await connection({ name: "worker" });
  assert.equal(await named.clientGetName(), "worker");
  const id = await named.clientId();
  const info = await named.clientInfo();
  assert.equal(info.id, id);
  assert.equal(info.name, "worker");
  assert.ok((await client.clientList()).some((one) => one.id === id));
});

// Strings

check("strings: set and get text and bytes", async (p) => {
  assert.equal(await client.set(p + "a", "value"), "OK");
  assert.equal(await client.get(p + "a"), "value");
  assert.equal(await client.get(p + "none"), null);
  const bytes = Buffer.from([0, 255, 13, 10, 128]);
  await client.set(p + "b", bytes);
  const binary = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
  assert.deepEqual(await binary.get(p + "b"), bytes);
});

check("strings: options of SET", async (p) => {
  const set = (value, options) => client.set(p + "a", value, options);
  assert.equal(await set("1", { condition: "NX" }), "OK");
  assert.equal(await set("2", { condition: "NX" }), null);
  assert.equal(await set("3", { condition: "XX", GET: true }), "1");
  assert.equal(await set("4", { expiration: { type: "EX", value: 100 } }), "OK");
  assert.equal(await set("5", { expiration: "KEEPTTL" }), "OK");
  const ttl = await client.ttl(p + "a");
  assert.ok(ttl > 90 && ttl <= 100, String(ttl));
});

check("strings: several keys at once", async (p) => {
  assert.equal(await client.mSet({ [p + "a"]: "1", [p + "b"]: "2" }), "OK");
  assert.deepEqual(await client.mGet([p + "a", p + "none", p + "b"]), ["1", null, "2"]);
  assert.equal(await client.mSetNX([[p + "b", "3"], [p + "c", "4"]]), 0);
  assert.equal(await client.exists([p + "a", p + "a", p + "c"]), 2);
  assert.equal(await client.del([p + "a", p + "b", p + "c"]), 2);
});

check("strings: counters", async (p) => {
  assert.equal(await client.incr(p + "n"), 1);
  assert.equal(await client.incrBy(p + "n", 41), 42);
  assert.equal(await client.decrBy(p + "n", 2), 40);
  assert.equal(await client.incrByFloat(p + "f", 3.5), "3.5");
  await client.set(p + "n", "text");
  await assert.rejects(client.incr(p + "n"), /value is not an integer or out of range/);
});

check("strings: ranges", async (p) => {
  assert.equal(await client.append(p + "a", "Hello World"), 11);
  assert.equal(await client.getRange(p + "a", -5, -1), "World");
  assert.equal(await client.setRange(p + "a", 6, "Redis"), 11);
  assert.equal(await client.strLen(p + "a"), 11);
  assert.equal(await client.getDel(p + "a"), "Hello Redis");
  assert.equal(await client.getSet(p + "a", "x"), null);
  assert.equal(await client.getEx(p + "a", { type: "EX", value: 50 }), "x");
});

// Keys

check("keys: expiry", async (p) => {
  await client.set(p + "a", "1");
  assert.equal(await client.ttl(p + "a"), -1);
  assert.equal(await client.pTTL(p + "none"), -2);
  assert.equal(await client.expire(p + "a", 100), 1);
  assert.equal(await client.expire(p + "a", 50, "GT"), 0);
  assert.equal(await client.persist(p + "a"), 1);
  const at = Math.floor(Date.now() / 1000) + 100;
  assert.equal(await client.expireAt(p + "a", at), 1);
  assert.equal(await client.expireTime(p + "a"), at);
  assert.equal(await client.pExpire(p + "a", -1), 1);
  assert.equal(await client.exists(p + "a"), 0);
});

check("keys: scan", async (p) => {
  const names = Array.from({ length: 250 }, (_, at) => `${p}${at}`);
  await client.mSet(Object.fromEntries(names.map((name) => [name, "1"])));
  const found = new Set();
  for await (const page of client.scanIterator({ MATCH: p + "*", COUNT: 40, TYPE: "string" })) {
    page.forEach((name) => found.add(name));
  }
  assert.deepEqual([...found].sort(), names.sort());
});

check("keys: rename, copy, type", async (p) => {
  await client.set(p + "a", "1");
  assert.equal(await client.rename(p + "a", p + "b"), "OK");
  assert.equal(await client.copy(p + "b", p + "c"), 1);
  assert.equal(await client.renameNX(p + "b", p + "c"), 0);
  assert.equal(await client.type(p + "c"), "string");
  await assert.rejects(client.rename(p + "none", p + "x"), /no such key/);
});

check("errors: wrong type, unknown command, wrong number of arguments", async (p) => {
  await client.xAdd(p + "s", "*", { f: "v" });
  await assert.rejects(client.get(p + "s"), /WRONGTYPE Operation against a key/);
  await assert.rejects(client.sendCommand(["NOSUCH", "a"]), /unknown command 'NOSUCH'/);
  await assert.rejects(client.sendCommand(["GET"]), /wrong number of arguments for 'get'/);
});

// Pipelines and transactions

check("pipeline: replies in order", async (p) => {
  const sent = Array.from({ length: 10_000 }, () => client.incr(p + "n"));
  const values = await Promise.all(sent);
  values.forEach((value, at) => assert.equal(value, at + 1));
});

check("multi: replies", async (p) => {
  const replies = await client.multi().set(p + "a", "1").incr(p + "a").get(p + "a").exec();
  assert.deepEqual(replies, ["OK", 2, "2"]);
});

check("multi: an error within does not stop it", async (p) => {
  const transaction = client.multi().set(p + "a", "x").incr(p + "a").append(p + "a", "y");
  await assert.rejects(transaction.exec(), (error) => {
    assert.match(error.replies[1].message, /not an integer/);
    assert.equal(error.replies[2], 2);
    return true;
  });
});

check("watch: a conflict discards the transaction", async (p) => {
  const other = await connection();
  await other.watch(p + "a");
  await client.set(p + "a", "theirs");
  await assert.rejects(other.multi().set(p + "a", "mine").exec(), /been changed/);
  assert.equal(await client.get(p + "a"), "theirs");
});

// Pub/Sub

check("pubsub: messages", async (p) => {
  const subscriber = await connection();
  const inbox = new Inbox();
  const listener = (message, channel) => inbox.push(channel, message);
  await subscriber.subscribe([p + "a", p + "b"], listener);
  assert.equal(await client.publish(p + "a", "one"), 1);
  assert.equal(await client.publish(p + "b", "two"), 1);
  assert.deepEqual(await inbox.take(2), [[p + "a", "one"], [p + "b", "two"]]);
  await subscriber.unsubscribe(p + "a");
  assert.equal(await client.publish(p + "a", "three"), 0);
});

check("pubsub: patterns and bytes", async (p) => {
  const subscriber = await connection();
  const inbox = new Inbox();
  await subscriber.pSubscribe(p + "*", (message, channel) => inbox.push(channel, message), true);
  const bytes = Buffer.from([0, 255, 13, 10]);
  await client.publish(p + "x", bytes);
  const [[channel, message]] = await inbox.take(1);
  assert.equal(String(channel), p + "x");
  assert.deepEqual(message, bytes);
});

check("pubsub: counts, and commands while subscribed", async (p) => {
  const subscriber = await connection();
  await subscriber.subscribe(p + "a", () => {});
  assert.deepEqual(await client.pubSubChannels(p + "*"), [p + "a"]);
  const counts = await client.pubSubNumSub([p + "a", p + "b"]);
  assert.deepEqual({ ...counts }, { [p + "a"]: 1, [p + "b"]: 0 });
  assert.equal(await client.pubSubNumPat(), 1);
  if (RESP === 3) {
    await client.set(p + "k", "v");
    assert.equal(await subscriber.get(p + "k"), "v");
  }
});

check("tracking: invalidations", async (p) => {
  if (RESP < 3) return;
  const reader = await connection({ emitInvalidate: true });
  const inbox = new Inbox();
  reader.on("invalidate", inbox.push);
  assert.equal(await reader.get(p + "a"), null);
  await client.set(p + "a", "1");
  const [[key]] = await inbox.take(1);
  assert.equal(String(key), p + "a");
});

check("tracking: cache of the client", async (p) => {
  if (RESP < 3) return;
  const reader = await connection({ clientSideCache: { ttl: 0 } });
  await client.set(p + "a", "1");
  assert.equal(await reader.get(p + "a"), "1");
  assert.equal(await reader.get(p + "a"), "1");
  await client.set(p + "a", "2");
  // Hits of the cache alone would keep the invalidation from being read.
  while ((await reader.get(p + "a")) !== "2") await new Promise(setImmediate);
});

// Streams

check("streams: add, length, and ranges", async (p) => {
  const s = p + "s";
  assert.equal(await client.xAdd(s, "1-1", { a: "1", b: "2" }), "1-1");
  assert.match(await client.xAdd(s, "*", { a: "4" }), /^\d{13}-\d+$/);
  assert.equal(await client.xLen(s), 2);
  const [first] = await client.xRange(s, "-", "+");
  assert.deepEqual([first.id, { ...first.message }], ["1-1", { a: "1", b: "2" }]);
  const [last] = await client.xRevRange(s, "+", "-", { COUNT: 1 });
  assert.deepEqual({ ...last.message }, { a: "4" });
  await assert.rejects(client.xAdd(s, "1-1", { a: "1" }), /equal or smaller than the target/);
  assert.equal(await client.xTrim(s, "MAXLEN", 1), 1);
  assert.equal(await client.xDel(s, "1-1"), 0);
});

check("streams: read, and block until an entry arrives", async (p) => {
  const reader = await connection();
  const s = p + "s";
  assert.equal(await reader.xRead({ key: s, id: "0" }), null);
  assert.equal(await reader.xRead({ key: s, id: "$" }, { BLOCK: 20 }), null);
  const reading = reader.xRead({ key: s, id: "0" }, { COUNT: 10, BLOCK: 5000 });
  await client.xAdd(s, "5-5", { f: "v" });
  assert.deepEqual(entries(await reading), [[s, "5-5", ["f", "v"]]]);
});

check("groups: read, acknowledge, and pending entries", async (p) => {
  const s = p + "s";
  assert.equal(await client.xGroupCreate(s, "g", "$", { MKSTREAM: true }), "OK");
  await assert.rejects(client.xGroupCreate(s, "g", "$"), /BUSYGROUP/);
  for (const id of ["1-1", "2-1", "3-1"]) await client.xAdd(s, id, { n: id });
  const read = (id, options) => client.xReadGroup("g", "alice", { key: s, id }, options);
  assert.deepEqual(entries(await read(">", { COUNT: 2 })), [
    [s, "1-1", ["n", "1-1"]],
    [s, "2-1", ["n", "2-1"]],
  ]);
  assert.equal(await client.xAck(s, "g", ["1-1", "9-9"]), 1);
  const summary = await client.xPending(s, "g");
  assert.deepEqual([summary.pending, summary.firstId, summary.lastId], [1, "2-1", "2-1"]);
  assert.deepEqual(summary.consumers.map((one) => ({ ...one })), [
    { name: "alice", deliveriesCounter: 1 },
  ]);
  const [entry] = await client.xPendingRange(s, "g", "-", "+", 10);
  assert.deepEqual([entry.id, entry.consumer, entry.deliveriesCounter], ["2-1", "alice", 1]);
  assert.deepEqual(entries(await read("0")), [[s, "2-1", ["n", "2-1"]]]);
});

check("groups: claim", async (p) => {
  const s = p + "s";
  await client.xGroupCreate(s, "g", "0", { MKSTREAM: true });
  for (const id of ["1-1", "2-1", "3-1"]) await client.xAdd(s, id, { n: id });
  await client.xReadGroup("g", "alice", { key: s, id: ">" });
  const [claimed] = await client.xClaim(s, "g", "bob", 0, "1-1");
  assert.equal(claimed.id, "1-1");
  assert.deepEqual(await client.xClaimJustId(s, "g", "bob", 0, "2-1"), ["2-1"]);
  const { nextId, messages } = await client.xAutoClaim(s, "g", "carol", 0, "0", { COUNT: 2 });
  assert.equal(nextId, "3-1");
  assert.deepEqual(messages.map(({ id }) => id), ["1-1", "2-1"]);
});

check("groups: information", async (p) => {
  const s = p + "s";
  await client.xAdd(s, "1-1", { a: "b" });
  await client.xGroupCreate(s, "g", "0");
  await client.xGroupCreateConsumer(s, "g", "alice");
  const [group] = await client.xInfoGroups(s);
  assert.deepEqual({ ...group }, {
    name: "g", consumers: 1, pending: 0, "last-delivered-id": "0-0", "entries-read": null, lag: 1,
  });
  const [consumer] = await client.xInfoConsumers(s, "g");
  assert.equal(consumer.name, "alice");
  const stream = await client.xInfoStream(s);
  assert.equal(stream["entries-added"], 1);
  assert.equal(await client.xGroupDestroy(s, "g"), 1);
});

check("connection: close answers what was sent before", async (p) => {
  const other = await connection();
  const [set] = await Promise.all([other.set(p + "a", "1"), other.close()]);
  assert.equal(set, "OK");
  assert.equal(await client.get(p + "a"), "1");
});

await run(async () => {
  opened.filter((one) => one.isOpen).forEach((one) => one.destroy());
});
