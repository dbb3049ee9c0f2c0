/**
 * Signing in. Goal: who signs in at the provider has the roles that the claims give, in a browser and by device code;
 * what is forged, old or somebody else's is refused. Method: a certified provider (oidc-provider) in this process, a
 * browser that is fetch with a jar of cookies, and a hub.
 */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { signInByDevice } from "../client/sign-in.ts";
import { startTestHub, type TestHub } from "../testing/test-hub.ts";
import { oidcFault, OidcLogin, type OidcSettings } from "./oidc.ts";

const GROUPS: Readonly<Record<string, readonly string[]>> = { alice: ["builders", "all"], mallory: ["strangers"] };
let provider: Server;
let issuer = "";
let handler: RequestListener = () => {};
let hub: TestHub;
let keys = 0;

/** The provider anew, with keys of its own. */
async function newProvider(): Promise<void> {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const jwk = { ...privateKey.export({ format: "jwk" }), kid: `key${++keys}`, use: "sig", alg: "RS256" };
  // It brings no types.
  const { default: Provider } = (await import("oidc-provider" as string)) as {
    default: new (issuer: string, settings: object) => { callback(): RequestListener };
  };
  handler = new Provider(issuer, {
    clients: [
      {
        client_id: "hub",
        client_secret: "a-secret-of-the-hub",
        redirect_uris: [`${hub.server.url}/login/oidc/callback`],
        grant_types: ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"],
        response_types: ["code"],
      },
    ],
    jwks: { keys: [jwk] },
    cookies: { keys: ["for a test"] },
    claims: { openid: ["sub", "groups"] },
    conformIdTokenClaims: false,
    features: { deviceFlow: { enabled: true } },
    pkce: { required: () => true },
    findAccount: (_context: unknown, id: string) => ({
      accountId: id,
      claims: () => ({ sub: id, groups: GROUPS[id] ?? [] }),
    }),
  }).callback();
}

const JSON_TYPE = { "content-type": "application/json" };

const settings = (): OidcSettings => ({
  issuer,
  clientId: "hub",
  clientSecret: "a-secret-of-the-hub",
  scopes: [],
  nameClaim: "sub",
  rolesClaim: "groups",
  roles: [
    { value: "builders", role: "submitter" },
    { value: "chiefs", role: "admin" },
  ],
});

before(async () => {
  provider = createServer((request, response) => handler(request, response));
  await new Promise<void>((resolve) => provider.listen(0, "127.0.0.1", resolve));
  issuer = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;
  hub = await startTestHub({ oidc: settings() });
  await newProvider();
});
after(async () => {
  await hub?.close();
  provider?.closeAllConnections();
  await new Promise((resolve) => provider?.close(resolve));
});

/** A browser: cookies by origin, redirects one at a time. */
class Browser {
  readonly #jar = new Map<string, Map<string, string>>();

  async go(url: string, form?: Readonly<Record<string, string>>): Promise<{ url: string; response: Response }> {
    for (let turns = 0, method = form === undefined ? "GET" : "POST", body = form; ; turns++) {
      assert.ok(turns < 20, `${url}: redirected in a circle`);
      const { origin } = new URL(url);
      const cookies = this.#jar.get(origin) ?? new Map<string, string>();
      this.#jar.set(origin, cookies);
      const response = await fetch(url, {
        method,
        redirect: "manual",
        headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") },
        ...(body === undefined ? {} : { body: new URLSearchParams(body) }),
        signal: AbortSignal.timeout(20_000),
      });
      for (const line of response.headers.getSetCookie()) {
        const [pair] = line.split(";");
        const at = pair!.indexOf("=");
        cookies.set(pair!.slice(0, at), pair!.slice(at + 1));
      }
      const next = response.headers.get("location");
      if (next === null) return { url, response };
      await response.body?.cancel();
      url = new URL(next, url).href;
      method = "GET";
      body = undefined;
    }
  }

  cookie(url: string, name: string): string | undefined {
    return this.#jar.get(new URL(url).origin)?.get(name);
  }

  /** Signs in and agrees at the provider's own pages. @returns where that ends */
  async signIn(url: string, who: string): Promise<{ url: string; response: Response }> {
    for (let at = await this.go(url); ;) {
      if (!at.url.startsWith(`${issuer}/interaction/`)) return at;
      const text = await at.response.text();
      const prompt = /name="prompt" value="(\w+)"/.exec(text)?.[1];
      assert.ok(prompt !== undefined, text);
      at = await this.go(at.url, prompt === "login" ? { prompt, login: who, password: "x" } : { prompt });
    }
  }
}

const whoAmI = async (token: string): Promise<{ principal: string; permissions: string[] }> =>
  hub.client(token).call("GET", "/whoami");

test("in a browser: who signs in at the provider has a session with the roles of the claims", async () => {
  const browser = new Browser();
  assert.match(
    await (await browser.go(`${hub.server.url}/login`)).response.text(),
    /<a href="\/login\/oidc">Sign in at/,
  );
  const { url, response } = await browser.signIn(`${hub.server.url}/login/oidc`, "alice");
  assert.ok(url.startsWith(`${hub.server.url}/login/oidc/callback?`), url);
  assert.equal(response.status, 200);
  assert.match(await response.text(), /You are oidc:alice/);
  const tasks = await browser.go(`${hub.server.url}/tasks`);
  assert.equal(tasks.response.status, 200);
  assert.match(await tasks.response.text(), /oidc:alice/);
  assert.equal((await browser.go(`${hub.server.url}/audit`)).response.status, 200, "a submitter reads what viewers do");
  const [key] = await hub.database.query<{ roles: string[]; hours: number }>(
    "select roles, round(extract(epoch from expires - created) / 3600)::int as hours from api_key where principal = " +
      "'oidc:alice'",
  );
  assert.deepEqual(key, { roles: ["submitter"], hours: 12 });
});

test("who has no group that gives a role is refused, and so is a return that was not begun here", async () => {
  const refused = await new Browser().signIn(`${hub.server.url}/login/oidc`, "mallory");
  assert.equal(refused.response.status, 403);
  assert.match(await refused.response.text(), /mallory has signed in, and nothing in groups gives a role here/);
  const stranger = await fetch(`${hub.server.url}/login/oidc/callback?code=x&state=y`);
  assert.equal(stranger.status, 401);
  assert.match(await stranger.text(), /was not begun here/);
});

test("another state, another verifier, and a code that was used are refused", async () => {
  const login = new OidcLogin(settings(), () => hub.server.url);
  /** What the provider would send the hub, kept from it. */
  const query = async (url: string): Promise<string> => {
    const browser = new Browser();
    const callback = await browser.signIn(url, "alice");
    return new URL(callback.url).search;
  };
  const first = await login.begin();
  assert.match(first.url, /code_challenge_method=S256/);
  const answer = await query(first.url);
  for (const secrets of [
    { ...first.secrets, state: "another" },
    { ...first.secrets, verifier: "x".repeat(43) },
  ])
    await assert.rejects(login.finish(answer, secrets), (error: Error) => /refused/.test(error.message));
  const second = await login.begin();
  const again = await query(second.url);
  await assert.rejects(login.finish(again, { ...second.secrets, nonce: "another" }), /refused/);
  const third = await login.begin();
  const good = await query(third.url);
  assert.deepEqual(await login.finish(good, third.secrets), { principal: "oidc:alice", roles: ["submitter"] });
  await assert.rejects(login.finish(good, third.secrets), /invalid_grant/);
});

test("by device code: a program has a key when its user has signed in elsewhere", async () => {
  let shown = "";
  const { token, principal, roles } = await signInByDevice(
    hub.server.url,
    AbortSignal.timeout(60_000),
    ({ verificationUriComplete }) => {
      shown = verificationUriComplete!;
      void (async () => {
        const browser = new Browser();
        const confirm = await browser.go(shown);
        const text = await confirm.response.text();
        const [, xsrf] = /name="xsrf" value="([^"]+)"/.exec(text)!;
        const user = new URL(shown).searchParams.get("user_code")!;
        const path = `${issuer}/device`;
        await browser.signIn((await browser.go(path, { xsrf: xsrf!, user_code: user, confirm: "yes" })).url, "alice");
      })().catch((error: unknown) => {
        shown = String(error);
      });
    },
  );
  assert.deepEqual([principal, roles], ["oidc:alice", ["submitter"]], shown);
  const me = await whoAmI(token);
  assert.equal(me.principal, "oidc:alice");
  assert.ok(me.permissions.includes("task:submit"));
  assert.equal(
    (await hub.client(token).call<{ state: string }>("POST", "/tasks", { kind: "x", payload: {} })).state,
    "FREE",
  );
});

test("a provider that is away for a while ends no sign-in, and is no attack", async (t) => {
  const serve = handler;
  t.after(() => (handler = serve));
  let polls = 0;
  const begun = { device_code: "d", user_code: "u", verification_uri: issuer, expires_in: 60, interval: 1 };
  handler = (request, response) => {
    if (request.url === "/device/auth") return void response.writeHead(200, JSON_TYPE).end(JSON.stringify(begun));
    if (request.url !== "/token") return serve(request, response);
    if (polls++ > 0) return void response.writeHead(400, JSON_TYPE).end('{"error":"access_denied"}');
    response.writeHead(503).end("back in a moment");
  };
  const answer = signInByDevice(hub.server.url, AbortSignal.timeout(60_000), () => {});
  await assert.rejects(answer, /the provider's answer is refused: .*access_denied/);
  assert.equal(polls, 2);
  await hub.server.service.accessLog.flush();
  const seen = await hub.database.query(
    "select detail from event where what = 'REFUSED' and detail->>'permission' = 'authenticate'",
  );
  handler = (_, response) => void response.writeHead(503).end();
  const asked = await fetch(`${hub.server.url}/login/device`, { method: "POST", body: "{}" });
  assert.equal(asked.status, 502);
  assert.match(await asked.text(), /provider cannot be asked: .*HTTP 503/);
  await hub.server.service.accessLog.flush();
  const after = await hub.database.query(
    "select 1 from event where what = 'REFUSED' and detail->>'permission' = 'authenticate'",
  );
  assert.equal(after.length, seen.length, "nobody was refused");
});

test("a device code that nobody confirms is pending; one that is none is refused", async () => {
  const post = (path: string, body: object): Promise<Response> =>
    fetch(`${hub.server.url}${path}`, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
    });
  const { deviceCode } = (await (await post("/login/device", {})).json()) as { deviceCode: string };
  assert.equal((await post("/login/device/token", { deviceCode })).status, 202);
  const wrong = await post("/login/device/token", { deviceCode: "guessed" });
  assert.equal(wrong.status, 401);
  assert.match(wrong.headers.get("content-type")!, /^application\/problem\+json/);
  assert.equal((await post("/login/device/token", {})).status, 422);
});

test("the provider may change its keys at any time", async () => {
  await newProvider();
  const { response } = await new Browser().signIn(`${hub.server.url}/login/oidc`, "alice");
  assert.equal(response.status, 200, await response.text());
});

test("a token that the provider's keys did not sign is refused", async () => {
  const login = new OidcLogin(settings(), () => hub.server.url);
  const { url, secrets } = await login.begin();
  const callback = await new Browser().signIn(url, "alice");
  const before = handler;
  // Somebody between them answers with keys that are not those of the token.
  const foreign = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({ format: "jwk" });
  handler = (request, response) =>
    request.url === "/jwks"
      ? void response
          .setHeader("content-type", "application/json")
          .end(JSON.stringify({ keys: [{ ...foreign, kid: `key${keys}`, use: "sig", alg: "RS256" }] }))
      : before(request, response);
  try {
    await assert.rejects(login.finish(new URL(callback.url).search, secrets), /signature/);
  } finally {
    handler = before;
  }
});

test("a provider that is away is told, and asked again by the next", async () => {
  const before = handler;
  const login = new OidcLogin(settings(), () => hub.server.url);
  handler = (_request, response) => void response.writeHead(503).end();
  try {
    await assert.rejects(login.begin(), (error: Error) => /cannot be asked/.test(error.message));
  } finally {
    handler = before;
  }
  assert.ok((await login.begin()).url.startsWith(issuer));
});

test("claims give roles by value, in lists, paths and for everybody", () => {
  const login = (rolesClaim: string, value: string): OidcLogin =>
    new OidcLogin({ ...settings(), rolesClaim, roles: [{ value, role: "viewer" }] }, () => "");
  assert.deepEqual(login("groups", "a").rolesOf({ groups: ["b", "a"] }), ["viewer"]);
  assert.deepEqual(login("groups", "a").rolesOf({ groups: "a" }), ["viewer"]);
  assert.deepEqual(login("groups", "a").rolesOf({ groups: { a: true } }), []);
  assert.deepEqual(login("realm.roles", "a").rolesOf({ realm: { roles: ["a"] } }), ["viewer"]);
  assert.deepEqual(login("https://x.example/roles", "a").rolesOf({ "https://x.example/roles": ["a"] }), ["viewer"]);
  assert.deepEqual(login("groups", "*").rolesOf({}), ["viewer"]);
  assert.deepEqual(login("__proto__.x", "a").rolesOf({}), []);
});

test("a provider or an address that others could listen to is refused", () => {
  assert.equal(oidcFault(settings()), null);
  assert.match(oidcFault({ ...settings(), issuer: "http://idp.example" })!, /expected https/);
  assert.match(oidcFault({ ...settings(), publicUrl: "ftp://hub.example" })!, /expected https/);
  assert.match(oidcFault({ ...settings(), roles: [] })!, /nobody could sign in/);
});
