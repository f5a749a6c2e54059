// @xapi/xapi against the server: both xAPI versions, over both of its ways of
// sending. Its types name 1.0.x only, but it sends whichever version it is
// given. Attachments go by fetch alone, since axios under Node.js replaces the
// Content-Type of a Blob, and one in a request, since the client ends only the
// last one properly; of what comes back it keeps the last line of each part.
import { createHash, randomUUID } from "node:crypto";
import XAPI from "@xapi/xapi";
import { assert, check, endpoint, finish, holds, key, refused, secret } from "./check.js";
import { ids, queries, sample, verbs } from "./sample.js";

for (const version of ["1.0.3", "2.0.0"]) {
  for (const adapter of ["axios", "fetch"]) {
    await run(version, adapter);
  }
}
finish();

async function run(version, adapter) {
  const open = (password = secret) => withStatus(new XAPI({ endpoint, auth: XAPI.toBasicAuth(key, password), version, adapter }));
  const client = open();
  const named = (what, body) => check(`${version} by ${adapter}: ${what}`, body);
  await about(named, client, version);
  await statements(named, client, version);
  if (adapter === "fetch") {
    await attachments(named, client);
  }
  const { learner, course, registration } = sample();
  await keepsDocuments(named, client, version, "State", { agent: learner, activityId: course.id });
  await keepsDocuments(named, client, version, "State", { agent: learner, activityId: course.id, registration });
  await keepsDocuments(named, client, version, "ActivityProfile", { activityId: course.id });
  await keepsDocuments(named, client, version, "AgentProfile", { agent: learner });
  await states(named, client);
  await named("a wrong secret", () => refused(401, open("wrong").getStatements()));
}

// withStatus puts the HTTP status on a client's errors: axios has it in the
// answer, fetch only in the server's body, which is the error's message.
function withStatus(client) {
  const explain = (err) => {
    const text = err.response ? JSON.stringify(err.response.data) : err.message;
    const status = err.response?.status ?? Number(/"status":(\d+)/.exec(text)?.[1]);
    throw Object.assign(new Error(`HTTP ${status}: ${text}`, { cause: err }), { status });
  };
  return new Proxy(client, {
    get: (target, name) => (params) => target[name](params).catch(explain),
  });
}

async function about(named, client, version) {
  await named("about names both versions", async () => {
    const { data, headers } = await client.getAbout();
    assert.ok(data.version.includes("1.0.3"), `versions: ${data.version}`);
    assert.ok(data.version.includes("2.0.0"), `versions: ${data.version}`);
    assert.equal(headers["x-experience-api-version"], version);
  });
  await named("a parameter that xAPI does not know", () => refused(400, client.getAbout({ useCacheBuster: true })));
}

async function statements(named, client, version) {
  const data = sample();
  const sent = data.many(25);
  const get = async (statementId) => (await client.getStatement({ statementId })).data;
  let found;

  await named("store one statement", async () => {
    assert.deepEqual((await client.sendStatement({ statement: sent[0] })).data, [sent[0].id]);
  });
  await named("read it back", async () => {
    const got = await get(sent[0].id);
    holds(got, sent[0]);
    assert.match(got.stored, /^\d{4}-.*Z$/);
    assert.ok(got.authority, "no authority");
    assert.equal(got.version, version === "2.0.0" ? "2.0.0" : "1.0.0");
  });
  await named("store it again: nothing happens", async () => {
    const before = await get(sent[0].id);
    assert.deepEqual((await client.sendStatement({ statement: sent[0] })).data, [sent[0].id]);
    assert.deepEqual(await get(sent[0].id), before);
  });
  await named("another statement under its id is a conflict", async () => {
    await refused(409, client.sendStatement({ statement: { ...sent[1], id: sent[0].id } }));
    holds(await get(sent[0].id), sent[0]);
  });
  await named("store many statements", async () => {
    assert.deepEqual((await client.sendStatements({ statements: sent.slice(1) })).data, ids(sent.slice(1)));
  });
  await named("store one statement without an id", async () => {
    const { id, ...nameless } = sample().one(1);
    const [given] = (await client.sendStatement({ statement: nameless })).data;
    assert.notEqual(given, id);
    holds(await get(given), nameless);
  });
  await named("one bad statement in a batch stores none", async () => {
    const [good, bad] = sample().many(2);
    bad.verb = { id: "not an IRI" };
    await refused(400, client.sendStatements({ statements: [good, bad] }));
    await refused(404, get(good.id));
  });
  await named("contextAgents are of 2.0", async () => {
    const { learner, teacher, one } = sample();
    const modern = one(1);
    modern.context.contextAgents = [{ objectType: "contextAgent", agent: teacher }];
    if (version !== "2.0.0") {
      await refused(400, client.sendStatement({ statement: modern }));
      return;
    }
    await client.sendStatement({ statement: modern });
    holds(await get(modern.id), modern);
    const result = await client.getStatements({ agent: teacher, related_agents: true });
    assert.deepEqual(ids(result.data.statements), [modern.id], `of ${learner.mbox}`);
  });

  await named("find them", async () => {
    found = (await client.getStatements({ agent: data.learner, ascending: true })).data;
    assert.deepEqual(ids(found.statements), ids(sent));
    found.statements.forEach((s, n) => holds(s, sent[n]));
  });
  for (const [params, want] of queries(data, sent, (n) => found.statements[n].stored)) {
    await named(`query ${JSON.stringify(params)}`, async () => {
      assert.deepEqual(ids((await client.getStatements(params)).data.statements), ids(want));
    });
  }
  await named("query in each format", async () => {
    const newest = async (format) => (await client.getStatements({ agent: data.learner, limit: 1, format })).data.statements[0];
    const last = sent.at(-1);
    holds(await newest("exact"), last);
    assert.deepEqual((await newest("canonical")).object.definition.name, last.object.definition.name);
    const { actor, object } = await newest("ids");
    assert.deepEqual(actor, { objectType: "Agent", mbox: data.learner.mbox });
    assert.equal(object.id, last.object.id);
    assert.equal(object.definition, undefined);
  });
  for (const ascending of [false, true]) {
    await named(`page through them, ascending ${ascending}`, async () => {
      const pages = [];
      let page = (await client.getStatements({ agent: data.learner, ascending, limit: 7 })).data;
      for (pages.push(page); page.more; pages.push(page)) {
        assert.ok(pages.length < 10, "the pages do not end");
        page = (await client.getMoreStatements({ more: page.more })).data;
      }
      assert.deepEqual(pages.map((p) => p.statements.length), [7, 7, 7, 4]);
      const all = ids(pages.flatMap((p) => p.statements));
      assert.deepEqual(ascending ? all : all.reverse(), ids(sent));
    });
  }
  await named("read the activity and the person", async () => {
    const activity = (await client.getActivity({ activityId: data.course.id })).data;
    assert.deepEqual(activity, data.course);
    const person = (await client.getAgent({ agent: data.learner })).data;
    assert.deepEqual(person, { objectType: "Person", name: [data.learner.name], mbox: [data.learner.mbox] });
  });
  await voids(named, client, data, sent);
}

async function voids(named, client, { learner }, sent) {
  const victims = [sent[3], sent[4], sent[5]];
  let voiding;
  await named("void a statement, and two at once", async () => {
    const [first, ...rest] = ids(victims);
    voiding = [
      ...(await client.voidStatement({ actor: learner, statementId: first })).data,
      ...(await client.voidStatements({ actor: learner, statementIds: rest })).data,
    ];
    assert.equal(voiding.length, victims.length);
  });
  await named("the voided statements are gone", async () => {
    for (const { id } of victims) {
      await refused(404, client.getStatement({ statementId: id }));
    }
    const left = ids((await client.getStatements({ agent: learner, ascending: true })).data.statements);
    assert.deepEqual(left, [...ids(sent).filter((id) => !ids(victims).includes(id)), ...voiding]);
  });
  await named("fetch the voided statements", async () => {
    for (const victim of victims) {
      holds((await client.getVoidedStatement({ voidedStatementId: victim.id })).data, victim);
    }
  });
  await named("a statement that is not voided is not a voided one", () =>
    refused(404, client.getVoidedStatement({ voidedStatementId: sent[6].id })));
}

async function attachments(named, client) {
  const data = sample();
  const attach = (content) => ({
    usageType: XAPI.AttachmentUsages.SUPPORTING_MEDIA,
    display: { en: "Essay" },
    contentType: "application/octet-stream",
    length: content.length,
    sha2: createHash("sha256").update(content).digest("hex"),
  });
  const text = Buffer.from("Grüße, 世界 🌍");
  const bytes = Buffer.from([0, 13, 10, 45, 45, 255, 254, 128, 13, 10]);
  const [essay, photo, forged] = data.many(3);
  essay.attachments = [attach(text)];
  photo.attachments = [attach(bytes)];
  forged.attachments = [attach(Buffer.from("another"))];

  await named("store statements with an attachment", async () => {
    assert.deepEqual((await client.sendStatement({ statement: essay, attachments: [text] })).data, [essay.id]);
    assert.deepEqual((await client.sendStatements({ statements: [photo], attachments: [bytes] })).data, [photo.id]);
  });
  await named("an attachment with another hash is refused", async () => {
    await refused(400, client.sendStatement({ statement: forged, attachments: [text] }));
    await refused(404, client.getStatement({ statementId: forged.id }));
  });
  await named("read a statement with its attachment", async () => {
    const [got, ...contents] = (await client.getStatement({ statementId: essay.id, attachments: true })).data;
    holds(got, essay);
    assert.deepEqual(contents, [text.toString()]);
  });
  await named("query statements with their attachment", async () => {
    const params = { agent: data.learner, verb: verbs.experienced, attachments: true };
    const [got, ...contents] = (await client.getStatements(params)).data;
    assert.deepEqual(ids(got.statements), [essay.id]);
    assert.deepEqual(contents, [text.toString()]);
  });
}

// keepsDocuments tests one of the three document resources; scope is what says
// whose documents they are.
async function keepsDocuments(named, client, version, kind, scope) {
  const param = { State: "state", ActivityProfile: "profile", AgentProfile: "profile" }[kind];
  const at = (id) => ({ ...scope, [`${param}Id`]: id });
  const send = (method) => (id, value, [matchHeader, etag], contentType) =>
    client[`${method}${kind}`]({ ...at(id), [param]: value, matchHeader, etag, contentType });
  const set = send("set");
  const create = send("create"); // a POST, which merges into what is there
  const get = (id) => client[`get${kind}`](at(id));
  const list = async (extra) => (await client[`get${kind}s`]({ ...scope, ...extra })).data.sort();
  const drop = (id, etag) => client[`delete${kind}`]({ ...at(id), etag });
  const check = (what, body) => named(`${kind}${scope.registration ? " of a registration" : ""}: ${what}`, body);
  const none = ["If-None-Match", "*"];
  const match = (etag) => ["If-Match", etag];
  const tag = (body) => `"${createHash("sha1").update(body).digest("hex")}"`;
  const first = { page: 1, note: "schön" };
  const second = { page: 2, marks: [1, 2] };

  await check("none at first", async () => {
    await refused(404, get("one"));
    assert.deepEqual(await list(), []);
  });
  await check("create and read", async () => {
    await create("one", first, none);
    const { data, headers } = await get("one");
    assert.deepEqual(data, first);
    assert.match(headers["content-type"], /^application\/json/);
    assert.equal(headers.etag, tag(JSON.stringify(first)));
  });
  await check("create what is there is refused", async () => {
    await refused(412, set("one", second, none));
    assert.deepEqual((await get("one")).data, first);
  });
  await check("overwrite with its etag", async () => {
    await set("one", second, match((await get("one")).headers.etag));
    const { data, headers } = await get("one");
    assert.deepEqual(data, second);
    assert.equal(headers.etag, tag(JSON.stringify(second)));
  });
  await check("overwrite with an old etag is refused", async () => {
    await refused(412, set("one", first, match(tag(JSON.stringify(first)))));
    assert.deepEqual((await get("one")).data, second);
  });
  await check("merge", async () => {
    await create("one", { page: 3 }, match((await get("one")).headers.etag));
    assert.deepEqual((await get("one")).data, { page: 3, marks: [1, 2] });
  });
  await check("text", async () => {
    await set("zwei/2 ü", "Zeile 1\nZeile 2 …", none, "text/plain");
    const { data, headers } = await get("zwei/2 ü");
    assert.equal(data, "Zeile 1\nZeile 2 …");
    assert.match(headers["content-type"], /^text\/plain/);
    assert.equal(headers.etag, tag("Zeile 1\nZeile 2 …"));
  });
  await check("list ids", async () => {
    assert.deepEqual(await list(), ["one", "zwei/2 ü"]);
    assert.deepEqual(await list({ since: "2020-01-01T00:00:00Z" }), ["one", "zwei/2 ü"]);
    assert.deepEqual(await list({ since: "2999-01-01T00:00:00Z" }), []);
  });
  await check("delete with an old etag is refused", async () => {
    await refused(412, drop("one", tag("another")));
    assert.equal((await get("one")).data.page, 3);
  });
  await check("delete with its etag", async () => {
    await drop("one", (await get("one")).headers.etag);
    await refused(404, get("one"));
    assert.deepEqual(await list(), ["zwei/2 ü"]);
  });
  if (kind === "State") {
    await check("save without an etag, which 2.0 allows for new ones only", async () => {
      await set("free", first, []);
      assert.deepEqual((await get("free")).data, first);
      const again = set("free", second, []);
      await (version === "2.0.0" ? refused(409, again) : again);
      assert.deepEqual((await get("free")).data, version === "2.0.0" ? first : second);
    });
  }
}

async function states(named, client) {
  const { learner, course, registration } = sample();
  const scope = { agent: learner, activityId: course.id };
  const within = { ...scope, registration };
  const list = async (params) => (await client.getStates(params)).data;
  await named("State: a registration has its own", async () => {
    await client.setState({ ...scope, stateId: "bookmark", state: { page: "outside" } });
    await client.setState({ ...within, stateId: "bookmark", state: { page: "inside" } });
    assert.equal((await client.getState({ ...scope, stateId: "bookmark" })).data.page, "outside");
    assert.equal((await client.getState({ ...within, stateId: "bookmark" })).data.page, "inside");
    await refused(404, client.getState({ ...scope, registration: randomUUID(), stateId: "bookmark" }));
  });
  await named("State: delete all of a registration", async () => {
    await client.setState({ ...within, stateId: "score", state: { raw: 3 } });
    await client.deleteStates(within);
    assert.deepEqual(await list(within), []);
    assert.deepEqual(await list(scope), ["bookmark"]);
  });
  await named("State: delete all", async () => {
    await client.deleteStates(scope);
    assert.deepEqual(await list(scope), []);
  });
}
