// What both scripts share: where the server is, and how a check passes or ends
// the run.
import assert from "node:assert/strict";
import { inspect } from "node:util";

export { assert };

export const endpoint = fromEnvironment("XAPI_ENDPOINT");
export const key = fromEnvironment("XAPI_KEY");
export const secret = fromEnvironment("XAPI_SECRET");

let passed = 0;
let current = "setting up";

// check runs one named check. The first that fails ends the process.
export async function check(what, body) {
  current = what;
  try {
    await body();
  } catch (err) {
    fail(err);
  }
  passed++;
}

// finish prints the count that clients_test.go looks for: a script that ends
// early has not passed.
export function finish() {
  console.log(`${passed} passed, 0 failed`);
}

// refused expects that a call is refused with an HTTP status. Both scripts put
// the status on the errors of their client.
export async function refused(status, call) {
  let answer;
  try {
    answer = await call;
  } catch (err) {
    assert.equal(err.status, status, `refused, but not with ${status}: ${err.message}`);
    return;
  }
  assert.fail(`not refused with ${status}, answered ${inspect(answer, { depth: 1 })}`);
}

// holds expects that every member of want is in got, with an equal value. The
// server may have added others.
export function holds(got, want) {
  for (const [name, value] of Object.entries(want)) {
    assert.deepEqual(got[name], value, `member ${name}`);
  }
}

function fromEnvironment(name) {
  const value = process.env[name];
  if (!value) {
    console.error(`${name} is not set`);
    process.exit(2);
  }
  return value;
}

function fail(err) {
  console.error(`FAILED, ${passed} passed before it: ${current}\n${err.stack ?? err}`);
  process.exit(1);
}

process.on("uncaughtException", fail); // TinCanJS throws in its callbacks
process.on("unhandledRejection", fail);
