/** Goal: keys of hubs are kept for their owner alone, and what fails says what it is about. */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { HubProblem } from "@stratos/hub-api";
import { OperationError } from "@stratos/operation";
import { hubClient, HubLogins, hubFailure, hubUrlOf, readToken } from "./hub-logins.ts";

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "stratos-logins-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

test("a key is kept for its owner alone, and is gone when it is forgotten", () => {
  const logins = new HubLogins(join(folder, "home"));
  logins.keep("http://a", "one");
  logins.keep("http://b", "two");
  logins.keep("http://a", null);
  const file = join(folder, "home", "hub-logins.json");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(JSON.parse(readFileSync(file, "utf8")), { "http://b": "two" });
  assert.equal(logins.token("http://b"), "two");
  assert.throws(() => logins.token("http://a"), { kind: "hub", what: "http://a", why: /no key for this hub/ });
});

test("a file of logins that is damaged is told by its name", () => {
  writeFileSync(join(folder, "hub-logins.json"), "{");
  assert.throws(() => new HubLogins(folder).token("http://a"), { kind: "hub", what: join(folder, "hub-logins.json") });
});

test("a file with a key says whether others may read it, and must hold one", () => {
  const file = join(folder, "key");
  writeFileSync(file, " secret\n", { mode: 0o600 });
  assert.deepEqual(readToken(file), { token: "secret", isOpen: false });
  chmodSync(file, 0o644);
  assert.deepEqual(readToken(file), { token: "secret", isOpen: true });
  writeFileSync(file, "\n");
  assert.throws(() => readToken(file), { what: file, why: /is empty/ });
  assert.throws(() => readToken(join(folder, "none")), OperationError);
});

test("a hub is a URL of HTTP", () => {
  assert.equal(hubUrlOf("https://hub.example/"), "https://hub.example");
  for (const text of ["hub", "ftp://hub"]) assert.throws(() => hubUrlOf(text), { kind: "option", what: "--hub" });
});

test("no message says a key or a password that cannot be sent", () => {
  for (const work of [
    () => hubClient("http://a", "stratos_secret\nand more"),
    () => hubClient("http://a", "stratos_secrét"),
    () => hubUrlOf("http://me:secret@hub.example"),
  ])
    assert.throws(work, (error: Error) => error instanceof OperationError && !/secr/.test(error.message));
});

test("what a hub refuses, and that nobody listens, is told of its URL", () => {
  const problem = new HubProblem({ status: 403, title: "no", detail: "may not", type: "about:blank" });
  assert.deepEqual(messageOf(hubFailure(problem, "http://a")), "http://a: may not");
  const hubs = { status: 404, title: "not found", detail: "task 9: there is none", type: "urn:stratos:hub:not-found" };
  assert.equal(messageOf(hubFailure(new HubProblem(hubs), "http://a")), "http://a: task 9: there is none");
  const others = { status: 404, title: "Not Found", detail: "there is nothing of this name" } as typeof hubs;
  assert.match(messageOf(hubFailure(new HubProblem(others), "http://a")), /no hub answers there.* http:\/\/a\/hub$/);
  const refused = new TypeError("fetch failed", { cause: { code: "ECONNREFUSED" } });
  assert.match(messageOf(hubFailure(refused, "http://a")), /^http:\/\/a: no hub listens there/);
  const plain = Object.assign(new Error("4 SSL routines:../deps/openssl"), { code: "ERR_SSL_WRONG_VERSION_NUMBER" });
  assert.match(
    messageOf(hubFailure(new TypeError("", { cause: plain }), "https://a")),
    /^https:\/\/a: .* no TLS: .*http:/,
  );
  const unknown = Object.assign(new Error("self-signed certificate"), { code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
  assert.match(messageOf(hubFailure(new TypeError("", { cause: unknown }), "https://a")), /NODE_EXTRA_CA_CERTS=FILE/);
  const defect = new TypeError("x is undefined");
  assert.equal(hubFailure(defect, "http://a"), defect);
});

function messageOf(error: unknown): string {
  assert.ok(error instanceof OperationError);
  return error.message;
}
