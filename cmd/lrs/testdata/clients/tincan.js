// TinCanJS against the server. It speaks 1.0.x up to 1.0.2. It has no call for
// the Agents resource, and under Node.js it turns attachments into text before
// it sends them and ends only the last one of a request properly: one text per
// statement is what it can send.
import { createHash, randomUUID } from "node:crypto";
import TinCan from "tincanjs";
import { assert, check, endpoint, finish, holds, key, refused, secret } from "./check.js";
import { ids, queries, sample } from "./sample.js";

const JSON_TYPE = "application/json";
const store = { endpoint, username: key, password: secret, allowFail: false };
const lrs = new TinCan.LRS(store);

// call makes a promise of a method of TinCan.LRS, the last argument of which is
// its configuration. A refusal is an Error with the HTTP status.
const callOn = (target, method, ...args) =>
  new Promise((resolve, reject) => {
    const cfg = args.pop();
    const callback = (err, result) => (err === null ? resolve(result) : reject(refusal(err, result)));
    target[method](...args, { ...cfg, callback });
  });
const call = (method, ...args) => callOn(lrs, method, ...args);

const refusal = (status, xhr) => Object.assign(new Error(`HTTP ${status}: ${xhr?.responseText}`), { status });
const statement = (s) => new TinCan.Statement(structuredClone(s), { doStamp: false }); // it changes what it is given
const plain = (s) => JSON.parse(JSON.stringify(s.asVersion(lrs.version)));

// query takes its parameters as plain JSON.
const query = ({ agent, ...params }) =>
  call("queryStatements", { params: { ...params, ...(agent && { agent: new TinCan.Agent(agent) }) } });

await check("about names both versions", async () => {
  const about = await call("about", {});
  assert.ok(about.version.includes("1.0.3"), `versions: ${about.version}`);
  assert.ok(about.version.includes("2.0.0"), `versions: ${about.version}`);
});

await statements();
await attachments();
const documents = sample();
const agent = new TinCan.Agent(documents.learner);
const activity = new TinCan.Activity(documents.course);
await keepsDocuments("State", { agent, activity });
await keepsDocuments("State", { agent, activity, registration: documents.registration });
await keepsDocuments("ActivityProfile", { activity });
await keepsDocuments("AgentProfile", { agent });
await states();
await refusals();
finish();

async function statements() {
  const data = sample();
  const sent = data.many(25);
  let found;

  await check("store one statement under its own id", async () => {
    const xhr = await call("saveStatement", statement(sent[0]), {});
    assert.equal(xhr.status, 204);
  });
  await check("read it back", async () => {
    const got = await call("retrieveStatement", sent[0].id, {});
    holds(plain(got), sent[0]);
    assert.match(got.stored, /^\d{4}-.*Z$/);
    assert.ok(got.authority, "no authority");
  });
  await check("store it again: nothing happens", async () => {
    const xhr = await call("saveStatement", statement(sent[0]), {});
    assert.equal(xhr.status, 204);
  });
  await check("another statement under its id is a conflict", async () => {
    await refused(409, call("saveStatement", statement({ ...sent[1], id: sent[0].id }), {}));
    const got = await call("retrieveStatement", sent[0].id, {});
    holds(plain(got), sent[0]);
  });
  await check("store many statements", async () => {
    const xhr = await call("saveStatements", sent.slice(1).map(statement), {});
    assert.deepEqual(JSON.parse(xhr.responseText), ids(sent.slice(1)));
  });
  await check("store one statement without an id", async () => {
    const { id, ...nameless } = sample().one(1);
    const [given] = JSON.parse((await call("saveStatement", statement(nameless), {})).responseText);
    assert.notEqual(given, id);
    holds(plain(await call("retrieveStatement", given, {})), nameless);
  });
  await check("one bad statement in a batch stores none", async () => {
    const [good, bad] = sample().many(2);
    bad.verb = { id: "not an IRI" };
    await refused(400, call("saveStatements", [good, bad].map(statement), {}));
    await refused(404, call("retrieveStatement", good.id, {}));
  });
  await check("a Group, a SubStatement, a StatementRef", async () => {
    const { one, teacher, learner } = sample();
    const team = { objectType: "Group", name: "Team", member: [teacher, learner] };
    const { actor, verb, object } = one(1);
    const planned = { ...one(2), actor: team, object: { objectType: "SubStatement", actor, verb, object } };
    const about = { ...one(3), object: { objectType: "StatementRef", id: planned.id } };
    await call("saveStatements", [planned, about].map(statement), {});
    for (const s of [planned, about]) {
      const got = await call("retrieveStatement", s.id, {});
      assert.equal(got.target.objectType, s.object.objectType);
      assert.equal(got.actor.objectType, s.actor.objectType);
    }
  });

  await check("find them", async () => {
    found = await query({ agent: data.learner, ascending: true });
    assert.deepEqual(ids(found.statements), ids(sent));
    found.statements.forEach((s, n) => holds(plain(s), sent[n]));
  });
  for (const [params, want] of queries(data, sent, (n) => found.statements[n].stored)) {
    await check(`query ${JSON.stringify(params)}`, async () => {
      assert.deepEqual(ids((await query(params)).statements), ids(want));
    });
  }
  await check("query with format ids", async () => {
    const result = await query({ agent: data.learner, format: "ids", limit: 1 });
    assert.equal(result.statements[0].target.id, sent.at(-1).object.id);
    assert.equal(result.statements[0].target.definition, null);
    assert.equal(result.statements[0].actor.name, null);
  });
  for (const ascending of [false, true]) {
    await check(`page through them, ascending ${ascending}`, async () => {
      const pages = [];
      let page = await query({ agent: data.learner, ascending, limit: 7 });
      for (pages.push(page); page.more; pages.push(page)) {
        assert.ok(pages.length < 10, "the pages do not end");
        page = await call("moreStatements", { url: page.more });
      }
      assert.deepEqual(pages.map((p) => p.statements.length), [7, 7, 7, 4]);
      const all = ids(pages.flatMap((p) => p.statements));
      assert.deepEqual(ascending ? all : all.reverse(), ids(sent));
    });
  }
  await check("read the activity", async () => {
    const got = await call("retrieveActivity", data.course.id, {});
    assert.deepEqual(got.definition.name, data.course.definition.name);
  });
  await voids(data, sent);
}

async function voids({ learner }, sent) {
  const tincan = new TinCan({ recordStores: [store] });
  tincan.actor = new TinCan.Agent(learner);
  const victim = sent[3];
  let voiding;
  await check("void a statement", async () => {
    const results = await new Promise((resolve) => {
      voiding = tincan.voidStatement(victim.id, resolve, {}).statement;
    });
    assert.equal(results[0].err, null, results[0].xhr?.responseText);
  });
  await check("the voided statement is gone", async () => {
    await refused(404, call("retrieveStatement", victim.id, {}));
    const left = ids((await query({ agent: learner })).statements);
    assert.ok(!left.includes(victim.id), "still found");
    assert.ok(left.includes(voiding.id), "the voiding statement is not found");
    assert.equal(left.length, sent.length);
  });
  await check("fetch the voided statement", async () => {
    const got = await call("retrieveVoidedStatement", victim.id, {});
    holds(plain(got), victim);
  });
  await check("a statement that is not voided is not a voided one", async () => {
    await refused(404, call("retrieveVoidedStatement", sent[4].id, {}));
  });
}

async function attachments() {
  const data = sample();
  const text = 'Grüße, 世界 🌍\r\n\r\n--not a boundary\n{"a": 1}\n';
  const sent = data.one(1);
  const attachment = {
    usageType: "https://training.example/attachment/essay",
    display: { en: "Essay" },
    contentType: "text/plain; charset=utf-8",
  };
  const same = ({ attachments: [got] }) => {
    assert.equal(got.contentType, attachment.contentType);
    assert.equal(got.sha2, createHash("sha256").update(text).digest("hex"));
    assert.ok(got.content, "the attachment has no content");
    assert.equal(got.getContentAsString(), text);
  };
  await check("store a statement with an attachment", async () => {
    await call("saveStatement", statement({ ...sent, attachments: [{ ...attachment, content: text }] }), {});
  });
  await check("read it with its attachment", async () => {
    same(await call("retrieveStatement", sent.id, { params: { attachments: true } }));
  });
  await check("query it with its attachment", async () => {
    const result = await query({ agent: data.learner, attachments: true });
    assert.deepEqual(ids(result.statements), [sent.id]);
    same(result.statements[0]);
  });
  await check("read it without its attachment", async () => {
    const got = await call("retrieveStatement", sent.id, {});
    assert.equal(got.attachments[0].content, null);
    assert.equal(got.attachments[0].length, Buffer.byteLength(text));
  });
}

// keepsDocuments tests one of the three document resources; scope is what says
// whose documents they are.
async function keepsDocuments(kind, scope) {
  const save = (id, value, cfg) => call(`save${kind}`, id, value, { ...scope, contentType: JSON_TYPE, ...cfg });
  const get = (id) => call(`retrieve${kind}`, id, scope);
  const list = async (cfg) => (await call(`retrieve${kind}Ids`, { ...scope, ...cfg })).sort();
  const drop = (id, cfg) => call(`drop${kind}`, id, { ...scope, ...cfg });
  const named = (what) => `${kind}${scope.registration ? " of a registration" : ""}: ${what}`;
  const tag = (body) => `"${createHash("sha1").update(body).digest("hex")}"`;
  const first = { page: 1, note: "schön" };
  const second = { page: 2, marks: [1, 2] };

  await check(named("none at first"), async () => {
    assert.equal(await get("one"), null);
    assert.deepEqual(await list(), []);
  });
  await check(named("save and read"), async () => {
    await save("one", first);
    const doc = await get("one");
    assert.deepEqual(doc.contents, first);
    assert.equal(doc.contentType, JSON_TYPE);
    assert.equal(doc.etag, tag(JSON.stringify(first)));
  });
  await check(named("overwrite with its etag"), async () => {
    await save("one", second, { lastSHA1: (await get("one")).etag });
    const doc = await get("one");
    assert.deepEqual(doc.contents, second);
    assert.equal(doc.etag, tag(JSON.stringify(second)));
  });
  await check(named("overwrite with an old etag is refused"), async () => {
    await refused(412, save("one", first, { lastSHA1: tag(JSON.stringify(first)) }));
    assert.deepEqual((await get("one")).contents, second);
  });
  if (kind !== "State") { // which TinCanJS overwrites without asking
    await check(named("overwrite what should not exist is refused"), async () => {
      await refused(412, save("one", first));
      assert.deepEqual((await get("one")).contents, second);
    });
  }
  await check(named("merge with the bare SHA-1"), async () => {
    const lastSHA1 = TinCan.Utils.getSHA1String(JSON.stringify(second));
    await save("one", { page: 3 }, { method: "POST", lastSHA1 });
    assert.deepEqual((await get("one")).contents, { page: 3, marks: [1, 2] });
  });
  await check(named("text"), async () => {
    await save("zwei/2 ü", "Zeile 1\nZeile 2 …", { contentType: "text/plain" });
    const doc = await get("zwei/2 ü");
    assert.equal(doc.contents, "Zeile 1\nZeile 2 …");
    assert.equal(doc.contentType, "text/plain");
    assert.equal(doc.etag, tag("Zeile 1\nZeile 2 …"));
  });
  await check(named("list ids"), async () => {
    assert.deepEqual(await list(), ["one", "zwei/2 ü"]);
    assert.deepEqual(await list({ since: "2020-01-01T00:00:00Z" }), ["one", "zwei/2 ü"]);
    assert.deepEqual(await list({ since: "2999-01-01T00:00:00Z" }), []);
  });
  await check(named("delete with an old etag is refused"), async () => {
    await refused(412, drop("one", { requestHeaders: { "If-Match": tag("another") } }));
    assert.notEqual(await get("one"), null);
  });
  await check(named("delete"), async () => {
    await drop("one");
    assert.equal(await get("one"), null);
    assert.deepEqual(await list(), ["zwei/2 ü"]);
  });
}

async function states() {
  const { learner, course, registration } = sample();
  const scope = { agent: new TinCan.Agent(learner), activity: new TinCan.Activity(course) };
  const within = { ...scope, registration };
  await check("State: a registration has its own", async () => {
    await call("saveState", "bookmark", "outside", scope);
    await call("saveState", "bookmark", "inside", within);
    assert.equal((await call("retrieveState", "bookmark", scope)).contents, "outside");
    assert.equal((await call("retrieveState", "bookmark", within)).contents, "inside");
    assert.equal(await call("retrieveState", "bookmark", { ...scope, registration: randomUUID() }), null);
  });
  await check("State: delete all of a registration", async () => {
    await call("saveState", "score", "3", within);
    await call("dropState", null, within);
    assert.deepEqual(await call("retrieveStateIds", within), []);
    assert.deepEqual(await call("retrieveStateIds", scope), ["bookmark"]);
  });
  await check("State: delete all", async () => {
    await call("dropState", null, scope);
    assert.deepEqual(await call("retrieveStateIds", scope), []);
  });
}

async function refusals() {
  await check("a wrong secret", async () => {
    await refused(401, callOn(new TinCan.LRS({ ...store, password: "wrong" }), "queryStatements", {}));
  });
  for (const version of TinCan.versions()) {
    const other = new TinCan.LRS({ ...store, version });
    if (version.startsWith("1.0")) {
      await check(`version ${version}`, async () => {
        const { id, actor, verb, object } = sample().one(1);
        await callOn(other, "saveStatement", statement({ id, actor, verb, object }), {});
        assert.equal((await callOn(other, "retrieveStatement", id, {})).id, id);
      });
    } else {
      await check(`version ${version}, which the server does not speak`, async () => {
        await refused(400, callOn(other, "retrieveStatement", randomUUID(), {}));
      });
    }
  }
}
