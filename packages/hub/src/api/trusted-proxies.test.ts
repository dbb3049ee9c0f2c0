/**
 * Goal: what nginx and HAProxy say of who asks counts where they are trusted, and what anybody else writes never does.
 * Method: headers as both send them (proxy_set_header of nginx's manual; HAProxy's `option forwardfor`, which adds a
 * header of its own behind those that came).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { startTestHub } from "../testing/test-hub.ts";
import { TrustedProxies } from "./trusted-proxies.ts";

const of = (headers: Readonly<Record<string, string>>) => (name: string) => headers[name];
const proxies = new TrustedProxies(["127.0.0.1", "10.1.0.0/16", "fd00::/8"]);

test("who asked is the last that no trusted proxy is", () => {
  const client = (peer: string, forwarded: string): string =>
    proxies.clientOf(peer, of({ "x-forwarded-for": forwarded }));
  assert.equal(client("127.0.0.1", "203.0.113.7"), "203.0.113.7");
  assert.equal(client("::ffff:127.0.0.1", "2001:db8::7"), "2001:db8::7");
  // The client wrote one itself; a second proxy stands before the first.
  assert.equal(client("127.0.0.1", "198.51.100.1, 203.0.113.7, 10.1.2.3"), "203.0.113.7");
  assert.equal(client("fd00::1", "10.1.2.3"), "10.1.2.3");
  // Not trusted, nothing said, or no address.
  assert.equal(client("192.0.2.1", "203.0.113.7"), "192.0.2.1");
  assert.equal(proxies.clientOf("127.0.0.1", of({})), "127.0.0.1");
  assert.equal(client("127.0.0.1", "203.0.113.7, unknown"), "127.0.0.1");
  assert.equal(client("127.0.0.1", `203.0.113.7,${"10.1.0.1,".repeat(100)}10.1.0.2`), "10.1.0.1");
});

test("a page's origin is what the browser has, by a trusted proxy's word", () => {
  const own = "http://hub.example";
  const origin = (peer: string, headers: Readonly<Record<string, string>>): string =>
    proxies.originOf(peer, own, of(headers));
  assert.equal(origin("127.0.0.1", { "x-forwarded-proto": "https" }), "https://hub.example");
  const other = { "x-forwarded-proto": "https", "x-forwarded-host": "builds.example:8443" };
  assert.equal(origin("127.0.0.1", other), "https://builds.example:8443");
  assert.equal(origin("127.0.0.1", {}), own);
  assert.equal(origin("192.0.2.1", other), own);
  for (const wrong of ["evil.example/", "a b", "user@evil.example", "", "[::1"])
    assert.equal(origin("127.0.0.1", { "x-forwarded-host": wrong }), own, wrong);
  assert.equal(origin("127.0.0.1", { "x-forwarded-proto": "javascript" }), own);
});

test("without trusted proxies no header means anything; what is no network is refused", () => {
  const none = new TrustedProxies([]);
  const all = of({ "x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "https" });
  assert.equal(none.clientOf("127.0.0.1", all), "127.0.0.1");
  assert.equal(none.originOf("127.0.0.1", "http://hub.example", all), "http://hub.example");
  for (const wrong of ["10.0.0.0/33", "proxy.example", "", "::/129"])
    assert.throws(() => new TrustedProxies([wrong]), /expected a network/);
});

extendedTest("a person signs in behind a proxy that ends TLS; guesses behind it lock nobody out", async (context) => {
  const hub = await startTestHub({ trustedProxies: ["127.0.0.1"] });
  context.after(() => hub.close());
  const signIn = (token: string, client: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
    fetch(`${hub.server.url}/login`, {
      method: "POST",
      redirect: "manual",
      body: new URLSearchParams({ token }),
      // fetch sets no Host of another's; HAProxy and nginx (as told) hand on the browser's.
      headers: {
        "origin": "https://hub.example",
        "x-forwarded-proto": "https",
        "x-forwarded-host": "hub.example",
        "x-forwarded-for": client,
        ...headers,
      },
    });
  const good = await signIn(hub.adminToken, "203.0.113.7");
  assert.equal(good.status, 303);
  assert.match(good.headers.get("set-cookie")!, /; Secure/);
  assert.equal((await signIn(hub.adminToken, "203.0.113.7", { origin: "https://evil.example" })).status, 403);
  assert.equal((await signIn(hub.adminToken, "203.0.113.7", { "x-forwarded-proto": "http" })).status, 403);
  let last = 0;
  for (let guess = 0; guess < 100 && last !== 429; guess++) last = (await signIn("x", "198.51.100.1")).status;
  assert.equal(last, 429);
  assert.equal((await signIn("x", "198.51.100.2")).status, 401);
});
