/**
 * Goal: whoever has the token uses named systems over HTTP and in a browser, and sees the same screen after a reload,
 * in a second browser and after a restart of the server; nobody else sees or does anything. Method: `stratos serve` as
 * users have it, over fetch, WebSockets of Node, and a headless Chromium.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import xterm from "@xterm/headless";
import { extendedTest } from "@stratos/base/testing";
import type { SystemView } from "@stratos/sdk/api";
import { accessibilityViolations } from "./support/accessibility.ts";
import { Browser, type Page } from "./support/browser.ts";
import { ServedConsole, SYSTEM } from "./support/served-console.ts";
import { launcher, start } from "./support/stratos.ts";
import { GREEN_INLINE, PICTURE_PIXELS, RED_SIXEL } from "./support/terminal-pictures.ts";
import { ensureTestImage, TEST_IMAGE } from "./support/test-image.ts";
import { Heard, until } from "./support/until.ts";

const LONG_MS = 600_000;
let folder = "";

before(async () => {
  await ensureTestImage();
  folder = mkdtempSync(join(tmpdir(), "stratos-console-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

async function rawAnswer(url: string, request: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).setEncoding("utf8");
  socket.write(request);
  return (await socket.toArray()).join("");
}

test("what the command line does to systems, requests do", async (t) => {
  const served = new ServedConsole(t, join(folder, "rest"));
  await served.start();
  assert.equal(await (await fetch(`${served.url}healthz`)).text(), "ok\n");
  assert.equal(await (await fetch(`${served.url}readyz`)).text(), "ready\n");
  // As a balancer asks, which names no host; nothing else is told so.
  assert.match(await rawAnswer(served.url, "GET /readyz HTTP/1.0\r\n\r\n"), /^HTTP\/1\.[01] 200 [^]*ready\n$/);
  assert.match(await rawAnswer(served.url, "GET /v1/systems HTTP/1.0\r\n\r\n"), /^HTTP\/1\.[01] (401|421) /);
  const made = await served.must<SystemView>("POST", "/v1/systems", {
    ...SYSTEM,
    command: ["sh", "-c", "echo one; echo two; read line"],
  });
  assert.equal(made.state, "running");
  assert.match(await served.home.must("ps", "--names"), /^dev$/m);
  const executed = await served.must("POST", "/v1/systems/dev/exec", {
    command: ["sh", "-c", "cat; echo $GREETING >&2; exit 3"],
    env: { GREETING: "hello" },
    input: "given",
  });
  assert.deepEqual(executed, { exitCode: 3, signal: null, stdout: "given", stderr: "hello\n", isCut: false });
  await until("the log has both lines", async () =>
    (await (await served.ask("GET", "/v1/systems/dev/logs")).text()).endsWith("one\r\ntwo\r\n"),
  );
  assert.equal(await (await served.ask("GET", "/v1/systems/dev/logs?tail=1")).text(), "two\r\n");

  await served.must("POST", "/v1/systems/dev/exec", { command: ["touch", "/before"] });
  await served.must("POST", "/v1/systems/dev/snapshots", { label: "kept" });
  await served.must("POST", "/v1/systems/dev/exec", { command: ["rm", "/before"] });
  await served.must("POST", "/v1/systems/dev/rollback", { label: "kept" });
  const there = await served.must("POST", "/v1/systems/dev/exec", { command: ["test", "-e", "/before"] });
  assert.equal((there as { exitCode: number }).exitCode, 0);
  const { session } = await served.must<{ session: string }>("POST", "/v1/systems/dev/sessions", {
    command: ["bash"],
    size: { columns: 80, rows: 24 },
  });
  const { pid, sessions } = await served.must<SystemView>("GET", "/v1/systems/dev");
  assert.deepEqual(
    sessions.map(({ name }) => name),
    [session],
  );
  const asked = { count: 1, identity: "same" };
  const forks = await served.must<SystemView[]>("POST", "/v1/systems/dev/fork", asked);
  assert.deepEqual(
    forks.map((fork) => [fork.name, fork.pid, fork.sessions.map(({ name }) => name)]),
    [["dev-1", pid, [session]]],
  );
  await served.must("POST", "/v1/systems/dev/pause");
  assert.equal((await served.must<SystemView>("GET", "/v1/systems/dev")).state, "paused");
  await served.must("POST", "/v1/systems/dev/unpause");
  await served.must("POST", "/v1/systems/dev/stop", { signal: "SIGKILL" });
  assert.equal((await served.must<SystemView>("GET", "/v1/systems/dev")).state, "exited");
  // Its machine has ended, though the process goes on for the fork.
  await until("its session has ended", async () => {
    const { sessions: left } = await served.must<SystemView>("GET", "/v1/systems/dev");
    return left.length === 0;
  });
  const inFork = await served.must<{ exitCode: number }>("POST", "/v1/systems/dev-1/exec", { command: ["true"] });
  assert.equal(inFork.exitCode, 0);
  await served.must("DELETE", "/v1/systems/dev");
  await served.must("DELETE", "/v1/systems/dev-1?force=true");
  assert.deepEqual(await served.must("GET", "/v1/systems"), []);
  const images = await served.must<{ name: string }[]>("GET", "/v1/images");
  assert.ok(images.some(({ name }) => name === TEST_IMAGE));
  assert.ok(Array.isArray(await served.must("GET", "/v1/volumes")));

  for (const [status, method, path, body] of [
    [404, "GET", "/v1/systems/dev"],
    [404, "POST", "/v1/systems/none/exec", { command: ["true"] }],
    [404, "GET", "/v1/nothing"],
    [400, "POST", "/v1/systems", { command: [] }],
    [400, "POST", "/v1/systems", { command: ["x"], other: 1 }],
    [400, "POST", "/v1/systems", { command: ["x"], name: "../x" }],
    [404, "POST", "/v1/systems", { command: ["x"], image: "none" }],
    [400, "DELETE", "/v1/systems/dev?forced=true"],
  ] as const) {
    const response = await served.ask(method, path, body);
    assert.equal(response.status, status, `${method} ${path}: ${await response.text()}`);
    assert.match(response.headers.get("content-type")!, /^application\/problem\+json/);
  }
});

test("every operation is described, by the schemas that check it", async (t) => {
  const served = new ServedConsole(t, join(folder, "described"));
  await served.start();
  const described = (await (await fetch(`${served.url}v1/openapi.json`)).json()) as {
    openapi: string;
    paths: Record<string, Record<string, { operationId: string }>>;
  };
  assert.equal(described.openapi, "3.1.0");
  const operations = Object.entries(described.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({ path, method })),
  );
  assert.ok(operations.length > 15);
  for (const { path, method } of operations) {
    const name = path.replace(/\{\w+\}/g, "none");
    // There is such an operation, and none is done without a token.
    const response = await fetch(new URL(name, served.url), { method: method.toUpperCase() });
    const status = `${method} ${path}` === "post /v1/session" ? 415 : 401;
    assert.equal(response.status, status, `${method} ${path}`);
    const body = ["get", "delete"].includes(method) ? undefined : { none: 1 };
    const asked = await served.ask(method.toUpperCase(), name, body);
    assert.doesNotMatch(await asked.text(), /there is nothing of this name/);
  }
});

async function signedIn(served: ServedConsole): Promise<Record<string, string>> {
  const response = await fetch(`${served.url}v1/session`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token: served.token }),
  });
  assert.equal(response.status, 201);
  const set = response.headers.get("set-cookie")!;
  assert.match(set, /; HttpOnly/);
  assert.match(set, /; SameSite=Strict/);
  const { key } = (await response.json()) as { key: string };
  return { "cookie": set.split(";")[0]!, "stratos-key": key };
}

test("without the token, from other origins or names, or after signing out nothing is served", async (t) => {
  const served = new ServedConsole(t, join(folder, "refused"));
  await served.start();
  const host = `127.0.0.1:${served.port}`;
  const authorization = `Bearer ${served.token}`;
  const path = "/v1/systems";
  assert.equal(await served.status(path, { authorization }), 200);
  assert.equal(await served.status(path, { authorization, host: `localhost:${served.port}` }), 200);
  assert.equal(await served.status(path, {}), 401);
  assert.equal(await served.status(path, { authorization: `${authorization}x` }), 401);
  assert.equal(await served.status(path, { authorization, origin: "http://evil.example" }), 403);
  assert.equal(await served.status(path, { authorization, origin: `http://127.0.0.1:${served.port + 1}` }), 403);
  assert.equal(await served.status(path, { authorization, host: "evil.example" }), 421);
  assert.equal(await served.status("/", { host: `evil.example:${served.port}` }), 421);

  const session = await signedIn(served);
  const other = await signedIn(served);
  assert.equal(await served.status(path, session), 200);
  // Either secret alone is of no use: cookies go to every port of a host.
  assert.equal(await served.status(path, { cookie: session["cookie"]! }), 401);
  assert.equal(await served.status(path, { "stratos-key": session["stratos-key"]! }), 401);
  assert.equal(await served.status(path, { ...session, "stratos-key": other["stratos-key"]! }), 401);

  const socket = await openSocket(served, { ...session, origin: `http://${host}` });
  const closed = once(socket, "close");
  const signedOut = await fetch(`${served.url}v1/session`, { method: "DELETE", headers: session });
  assert.equal(signedOut.status, 200);
  assert.equal(await served.status(path, session), 401);
  // What was open ends, too.
  await closed;
  const { port } = served;
  await served.stop();
  await served.start(port);
  assert.equal(await served.status(path, session), 401, "a restart does not bring it back");
  assert.equal(await served.status(path, other), 200, "nor does it sign others out");

  const code = served.entrance.split("=")[1]!;
  const enter = async (token: string): Promise<number> =>
    (
      await fetch(`${served.url}v1/session`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ token }),
      })
    ).status;
  assert.deepEqual([await enter("guess"), await enter(code), await enter(code)], [401, 201, 401]);
  // Nobody has said yet who they are: what they say is short.
  assert.equal(await enter("x".repeat(5000)), 413);
});

/** Signed in by the headers' cookie and key, or by the token. */
async function openSocket(served: ServedConsole, headers: Record<string, string>): Promise<WebSocket> {
  const options = { headers } as unknown as string;
  const socket = new WebSocket(`ws://127.0.0.1:${served.port}/v1/terminals`, options);
  socket.binaryType = "arraybuffer";
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error("refused"));
  });
  socket.send(JSON.stringify({ key: headers["stratos-key"] }));
  return socket;
}

/** A program's view of one terminal. */
class Viewer {
  readonly socket: WebSocket;
  text = "";
  readonly messages: Record<string, unknown>[] = [];

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") return void this.messages.push(JSON.parse(data) as Record<string, unknown>);
      const bytes = new Uint8Array(data as ArrayBuffer).subarray(4);
      this.text += Buffer.from(bytes).toString("latin1");
      this.say({ id: 1, taken: bytes.length });
    };
  }

  say(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  type(text: string): void {
    this.socket.send(Buffer.concat([Buffer.of(1, 0, 0, 0), Buffer.from(text)]));
  }

  shows(part: string): Promise<number> {
    return until(`${JSON.stringify(part)} is shown`, () => this.text.includes(part));
  }

  hears(what: string, is: (message: Record<string, unknown>) => boolean): Promise<number> {
    return until(what, () => this.messages.some(is));
  }
}

test("terminals over a WebSocket: what is typed, sizes, signals, ends, and what was shown before", async (t) => {
  const served = new ServedConsole(t, join(folder, "socket"));
  await served.start();
  await served.must("POST", "/v1/systems", { ...SYSTEM, command: ["bash", "--norc"] });
  const { session } = await served.must<{ session: string }>("POST", "/v1/systems/dev/sessions", {
    command: ["bash", "--norc"],
    env: { PS1: "ready> " },
    size: { columns: 90, rows: 20 },
  });
  const headers = { authorization: `Bearer ${served.token}` };
  const place = { system: "dev", session };
  const first = new Viewer(await openSocket(served, headers));
  first.say({ id: 1, open: place });
  await first.hears("its size", ({ size }) => (size as { columns: number } | undefined)?.columns === 90);
  await first.hears("it is live", ({ live }) => live === true);
  await first.shows("ready> ");
  first.say({ id: 1, size: { columns: 101, rows: 31 } });
  await first.hears("its own size", ({ isOwn }) => isOwn === true);
  first.type("stty size\r");
  await first.shows("31 101");
  // Signals of the keyboard, and back-pressure: a program without end waits for who takes nothing, and hears ^C.
  first.type("cat /dev/zero | tr '\\0' x\r");
  await first.shows("x".repeat(1 << 19));
  first.type("\x03");
  first.type("echo end-of-flood\r");
  await first.shows("end-of-flood\r\n");

  const second = new Viewer(await openSocket(served, headers));
  second.say({ id: 1, open: place });
  await second.hears("it is live", ({ live }) => live === true);
  assert.match(second.text, /end-of-flood\r\n/);
  assert.ok(second.text.length <= 1 << 20, "no more than the last of it is shown again");
  second.say({ id: 1, size: { columns: 70, rows: 22 } });
  await first.hears("the other's size", ({ size, isOwn }) => isOwn === false && (size as { rows: number }).rows === 22);
  second.type("echo from-$((40 + 2))\r");
  await Promise.all([first.shows("from-42"), second.shows("from-42")]);

  // A server's end is not the program's.
  const { port } = served;
  await served.stop();
  await served.start(port);
  const third = new Viewer(await openSocket(served, { authorization: `Bearer ${served.token}` }));
  third.say({ id: 1, open: place });
  await third.shows("from-42");
  await third.hears("the size as it was", ({ size }) => (size as { columns: number } | undefined)?.columns === 70);
  // The same on a terminal: its screen comes first, and it ends with its program.
  const attached = start([...launcher, "attach", "--no-stdin", `dev/${session}`], { env: served.home.environment });
  const ended = once(attached, "exit");
  await new Heard(attached.stdout!).includes("from-42");
  await served.must("POST", `/v1/systems/dev/sessions/${session}/kill`, { signal: "SIGHUP" });
  assert.deepEqual(await ended, [129, null]);
  await third.hears("its end", ({ ended }) => ended !== undefined);
  assert.deepEqual((await served.must<SystemView>("GET", "/v1/systems/dev")).sessions, []);
  third.say({ id: 1, open: { ...place, session: "99" } });
  await third.hears("there is none", ({ problem }) => problem === "dev: has no session 99");
  third.socket.close();
});

/** What a terminal shows in the end: its last 5,000 lines, those of its screen among them. */
async function lastLines(bytes: string): Promise<readonly string[]> {
  const terminal = new xterm.Terminal({ cols: 80, rows: 24, scrollback: 10_000, allowProposedApi: true });
  await new Promise<void>((resolve) => terminal.write(Buffer.from(bytes, "latin1"), resolve));
  const { active } = terminal.buffer;
  const lines = Array.from({ length: active.length }, (_, row) => active.getLine(row)!.translateToString(true));
  return lines.slice(-5000);
}

extendedTest("a session under load is the same to who comes a hundred times as to who never left", async (t) => {
  const served = new ServedConsole(t, join(folder, "reloads"));
  await served.start();
  await served.must("POST", "/v1/systems", { ...SYSTEM, command: ["sh", "-c", "while :; do :; done"] });
  const lines =
    "import time\nfor i in range(9000):\n  print(i, 'x' * (i % 30))\n  if i % 10 == 0: time.sleep(0.01)\n" +
    "print('that is all')\ntime.sleep(1e6)";
  const { session } = await served.must<{ session: string }>("POST", "/v1/systems/dev/sessions", {
    command: ["python3", "-u", "-c", lines],
    size: { columns: 80, rows: 24 },
  });
  const attached = start([...launcher, "attach", "--no-stdin", `dev/${session}`], { env: served.home.environment });
  t.after(() => attached.kill());
  const stayed = new Heard(attached.stdout!);
  const place = { id: 1, open: { system: "dev", session } };
  const sizes = [
    { columns: 120, rows: 40 },
    { columns: 80, rows: 24 },
  ];
  for (let reload = 0; reload < 100; reload++) {
    if (reload === 50) {
      const { port } = served;
      await served.stop();
      await served.start(port);
    }
    const viewer = new Viewer(await openSocket(served, { authorization: `Bearer ${served.token}` }));
    viewer.say(place);
    await viewer.hears("it is live", ({ live }) => live === true);
    viewer.say({ id: 1, size: sizes[reload % 2]! });
    await viewer.hears("its own size", ({ isOwn }) => isOwn === true);
    viewer.socket.close();
  }
  await stayed.includes("that is all");
  const last = new Viewer(await openSocket(served, { authorization: `Bearer ${served.token}` }));
  last.say(place);
  await last.shows("that is all\r\n");
  const [shown, expected] = [await lastLines(last.text), await lastLines(stayed.text)];
  assert.equal(expected.length, 5000);
  assert.deepEqual(shown, expected);
  last.socket.close();
});

extendedTest("who says nothing or nonsense over a WebSocket does no harm, and strangers are sent away", async (t) => {
  const served = new ServedConsole(t, join(folder, "hostile"));
  await served.start();
  await served.must("POST", "/v1/systems", { ...SYSTEM, command: ["sleep", "100000"] });
  const headers = { authorization: `Bearer ${served.token}` };
  const upgrade = {
    ...headers,
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
  };
  const path = "/v1/terminals";
  assert.equal(await served.status(path, { ...upgrade, origin: "http://evil.example" }), 403);
  assert.equal(await served.status(path, { ...upgrade, host: "evil.example" }), 403);
  assert.equal(await served.status("/v1/other", upgrade), 404);
  const { authorization: _, ...anonymous } = upgrade;
  assert.equal(await served.status(path, anonymous), 401);
  assert.equal(await served.status(path, { ...anonymous, cookie: `stratos_session_${served.port}=x` }), 401);
  // Who was sent somebody's cookie has not the key.
  const { cookie } = await signedIn(served);
  const stranger = await openSocket(served, { "cookie": cookie!, "stratos-key": "x" });
  stranger.send(JSON.stringify({ id: 1, open: { system: "dev", session: null } }));
  const [{ code }] = (await once(stranger, "close")) as [{ code: number }];
  assert.equal(code, 1008);
  const viewer = new Viewer(await openSocket(served, headers));
  for (const nonsense of [
    "",
    "[",
    "null",
    "7",
    '{"id":-1,"open":{"system":"dev","session":null}}',
    '{"id":1,"open":{"system":7,"session":null}}',
    '{"id":1,"size":{"columns":1e9,"rows":-1}}',
    '{"id":1,"taken":"x"}',
    '{"__proto__":{"id":1}}',
  ])
    viewer.socket.send(nonsense);
  viewer.socket.send(Buffer.of(1));
  viewer.say({ id: 1, open: { system: "dev", session: null } });
  await viewer.hears("it is live", ({ live }) => live === true);
  viewer.say({ id: 1, size: { columns: 0, rows: 1e6 } });
  viewer.say({ id: 2, open: { system: "none", session: null } });
  await viewer.hears("there is none", ({ problem }) => problem === "none: no such system");
  const closed = once(viewer.socket, "close");
  viewer.socket.send("x".repeat(1 << 18));
  await closed;
  assert.equal((await served.must<SystemView>("GET", "/v1/systems/dev")).state, "running");
});

/** The lines of the shown terminal, its scroll-back included. */
const SCREEN = `(() => {
  const terminal = globalThis.stratos.terminal();
  if (terminal === null) return "no terminal";
  const buffer = terminal.buffer.active;
  const lines = [];
  for (let row = 0; row < buffer.length; row++) lines.push(buffer.getLine(row).translateToString(true));
  return terminal.cols + "x" + terminal.rows + " at " + buffer.cursorX + "," + buffer.cursorY + "\\n" +
    lines.join("\\n").trimEnd();
})()`;

async function settled(page: Page, pattern: RegExp): Promise<string> {
  return page.waitFor(SCREEN, pattern, LONG_MS);
}

extendedTest("a viewer's key looks at a terminal and types nothing; without its key it is sent away", async (t) => {
  const served = new ServedConsole(t, join(folder, "roles"));
  await served.start();
  const made = async (name: string, role: string): Promise<string> =>
    (await served.home.must("serve", "key", "add", name, "--role", role)).trim();
  const [viewer, operator] = [await made("anna", "viewer"), await made("bert", "operator")];
  await served.must("POST", "/v1/systems", { ...SYSTEM, command: ["cat"] });
  const asks = async (secret: string, method: string, path: string): Promise<number> =>
    (await served.ask(method, path, undefined, { authorization: `Bearer ${secret}` })).status;
  assert.equal(await asks(viewer, "GET", "/v1/systems"), 200);
  assert.equal(await asks(viewer, "POST", "/v1/systems/dev/pause"), 403);
  assert.equal(await asks(operator, "DELETE", "/v1/systems/dev"), 403);
  const watch = async (secret: string): Promise<Viewer> => {
    const seen = new Viewer(await openSocket(served, { authorization: `Bearer ${secret}` }));
    seen.say({ id: 1, open: { system: "dev", session: null } });
    await seen.hears("it is live", ({ live }) => live === true);
    return seen;
  };
  const [anna, bert] = [await watch(viewer), await watch(operator)];
  anna.type("from anna\n");
  bert.type("from bert\n");
  // Both have shown what cat gives back; of what came first nothing is there.
  for (const seen of [anna, bert]) await seen.shows("from bert\r\nfrom bert");
  assert.doesNotMatch(anna.text + bert.text, /anna/);
  assert.match(await served.home.must("serve", "key", "ls"), /^anna +viewer/m);
  const sentAway = once(anna.socket, "close");
  await served.home.must("serve", "key", "rm", "anna");
  assert.equal(await asks(viewer, "GET", "/v1/systems"), 401);
  await sentAway;
  assert.equal(bert.socket.readyState, WebSocket.OPEN);
  await served.must("POST", "/v1/systems/dev/stop", { signal: "SIGKILL" });
});

extendedTest("shells of the host are for administrators, where the server was told so, with a warning", async (t) => {
  const served = new ServedConsole(t, join(folder, "host-shell"));
  await served.start(0, ["--host-shell"]);
  const key = (await served.home.must("serve", "key", "add", "bob", "--role", "operator")).trim();
  const heardBy = async (bearer: string): Promise<string> => {
    const socket = new WebSocket(`${served.url.replace("http", "ws")}v1/terminals`, {
      headers: { authorization: `Bearer ${bearer}` },
    } as unknown as string[]);
    socket.binaryType = "arraybuffer";
    let heard = "";
    socket.addEventListener("message", ({ data }) => {
      heard += typeof data === "string" ? data : Buffer.from(data as ArrayBuffer).toString("latin1", 4);
    });
    await once(socket, "open");
    socket.send("{}");
    socket.send(JSON.stringify({ id: 7, open: { system: "@host", session: null } }));
    const typed = Buffer.concat([Buffer.from([7, 0, 0, 0]), Buffer.from("echo $((6*7))-$(uname -m)-\n")]);
    await until("it is answered", () => /live|problem/.test(heard));
    socket.send(typed);
    await until("it is refused, or answers", () => /problem|42-\w+-/.test(heard));
    socket.close();
    return heard;
  };
  assert.match(
    await heardBy(served.token),
    new RegExp(`42-${execFileSync("uname", ["-m"], { encoding: "utf8" }).trim()}-`),
  );
  assert.match(await heardBy(key), /"problem":"a shell of this computer is for administrators"/);

  // By its button, which an operator does not see; the terminal takes keys at once.
  const browser = await Browser.launch();
  t.after(() => browser.close());
  const page = await browser.open(served.entrance);
  const offered = "String(document.querySelector('#host-shell').checkVisibility())";
  await page.waitFor(offered, /^true$/, LONG_MS);
  await page.evaluate("document.querySelector('#host-shell').click()");
  await page.waitFor("document.querySelector('#host-shell-warning:not([hidden])')?.textContent", /as \w+:/, LONG_MS);
  const rows = "document.querySelector('.xterm-rows')?.textContent";
  await page.waitFor(rows, /[#$%>] /, LONG_MS);
  assert.deepEqual(await accessibilityViolations(page), []);
  await page.type("echo $((6*7))-button; exit\n");
  await page.waitFor(rows, /42-button/, LONG_MS);
  const audited = async (): Promise<string> => (await served.ask("GET", "/v1/audit")).text();
  await until("its end is told", async () => (await audited()).split("closeHostShell").length === 3);
  // What has ended is begun anew by it.
  await page.evaluate("document.querySelector('#host-shell').click()");
  await page.waitFor(rows, /^(?!.*button).*[#$%>] /, LONG_MS);
  await page.call("Page.close", {});
  const who = await served.must<{ readonly hostShell?: string }>("GET", "/v1/session");
  assert.equal(typeof who.hostShell, "string");
  await until("its end is noted", async () => (await audited()).split("closeHostShell").length === 4);
  const audit = await served.must<readonly { name: string; operation: string; status: number }[]>("GET", "/v1/audit");
  const noted = audit.filter(({ operation }) => /HostShell/.test(operation));
  assert.deepEqual(noted.map(({ name, operation, status }) => `${name} ${operation} ${status}`).sort(), [
    "bob openHostShell 403",
    ...Array<string>(3).fill("owner closeHostShell 200"),
    ...Array<string>(3).fill("owner openHostShell 101"),
  ]);
  await served.stop();
  await served.start();
  assert.match(await heardBy(served.token), /"problem":"this server gives no shells/);
});

extendedTest("by TLS other addresses are served, under the certificate's names", async (t) => {
  const served = new ServedConsole(t, join(folder, "tls"));
  const words = await served.home.refused(2, "serve", "--listen", "0.0.0.0:0");
  assert.match(words, /without --tls-cert only addresses of the loopback/);
  const [certificate, key] = ["tls.crt", "tls.key"].map((name) => join(folder, name)) as [string, string];
  const subject = ["-subj", "/CN=box", "-addext", "subjectAltName=DNS:box.example,DNS:localhost"];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const files = ["-out", certificate, "-keyout", key];
  execFileSync("openssl", ["req", "-x509", ...curve, ...subject, ...files], { stdio: "ignore", timeout: 60_000 });
  await served.start(0, ["--tls-cert", certificate, "--tls-key", key]);
  assert.match(served.url, /^https:/);
  const ask = (path: string, host: string): Promise<{ status: number; cookies: string[] }> =>
    new Promise((resolve, reject) => {
      const body = JSON.stringify({ token: served.token });
      const headers = { host, "content-type": "application/json", "authorization": `Bearer ${served.token}` };
      const to = { host: "127.0.0.1", port: served.port, servername: "localhost", ca: readFileSync(certificate) };
      const request = httpsRequest({ ...to, path, method: path === "/v1/session" ? "POST" : "GET", headers });
      request.on("response", (response) => {
        response.resume();
        resolve({ status: response.statusCode!, cookies: response.headers["set-cookie"] ?? [] });
      });
      request.on("error", reject).end(path === "/v1/session" ? body : undefined);
    });
  assert.equal((await ask("/v1/images", "box.example")).status, 200);
  assert.equal((await ask("/v1/images", "evil.example")).status, 421);
  const { status, cookies } = await ask("/v1/session", `localhost:${served.port}`);
  assert.equal(status, 201);
  assert.match(cookies[0]!, /^__Host-stratos_session_\d+=.*; Secure/);
});

test("in a browser: a terminal is the same after a reload, in another browser, and after a restart", async (t) => {
  const served = new ServedConsole(t, join(folder, "browser"));
  await served.start();
  await served.must("POST", "/v1/systems", { ...SYSTEM, command: ["bash", "--norc"], env: { PS1: "dev> " } });
  const browser = await Browser.launch();
  t.after(() => browser.close());
  const page = await browser.open(`${served.entrance.replace(/#.*/, "")}#/dev`);
  // Without a session there is nothing to see but the form.
  await page.waitFor("document.querySelector('#sign-in').hidden", /false/, LONG_MS);
  assert.deepEqual(await accessibilityViolations(page), []);
  await page.navigate("about:blank");
  await page.navigate(served.entrance);
  await page.waitFor("document.querySelector('#systems h2')?.textContent", /^devrunning$/, LONG_MS);
  assert.equal(await page.evaluate("location.hash"), "", "the code does not stay in the address");
  await page.evaluate("document.querySelector('#systems h2 button').click()");
  await settled(page, /dev> $|dev>$/);
  await page.type("seq 300; printf '\\033[31mred\\033[m \\303\\244 %s\\n' $((6 * 7))\n");
  const before = await settled(page, /\n299\n300\nred ä 42\ndev>$/);
  await page.reload();
  assert.equal(await settled(page, /red ä 42\ndev>$/), before);

  assert.deepEqual(await accessibilityViolations(page), []);
  // It tells a screen reader what it shows, once that is wanted, and is searched.
  assert.equal(await page.evaluate("document.querySelector('.xterm-accessibility-tree')"), null);
  await page.evaluate("document.querySelector('#reader').click()");
  await page.waitFor("document.querySelector('.xterm-accessibility-tree')?.textContent", /red ä 42/, LONG_MS);
  await page.evaluate("document.querySelector('.xterm-helper-textarea').focus()");
  await page.call("Input.dispatchKeyEvent", { type: "rawKeyDown", code: "KeyF", key: "F", modifiers: 10 });
  const count = "document.querySelector('.terminal-search output').textContent";
  await page.call("Input.insertText", { text: "29" });
  await page.waitFor(count, /^13 of 13$/, LONG_MS);
  await page.call("Input.dispatchKeyEvent", { type: "rawKeyDown", code: "Enter", key: "Enter" });
  await page.waitFor(count, /^12 of 13$/, LONG_MS);
  assert.deepEqual(await accessibilityViolations(page), []);
  await page.call("Input.dispatchKeyEvent", { type: "rawKeyDown", code: "Escape", key: "Escape" });
  await page.evaluate("document.querySelector('#reader').click()");

  // Pictures, too, whoever looks.
  await page.type(`printf '\\033c${RED_SIXEL}\\n${GREEN_INLINE}\\n'\n`);
  const pictures = await page.waitFor(PICTURE_PIXELS, /^480 red, [1-9]\d* green$/, LONG_MS);
  await page.reload();
  await page.waitFor(PICTURE_PIXELS, new RegExp(`^${pictures}$`), LONG_MS);
  await page.type("clear; echo 'red ä 42'\n");
  await settled(page, /^\S*\s*red ä 42\ndev>$/m);

  // A full-screen program, too: the alternate screen comes back.
  await page.type("vi -u NONE /etc/passwd\n");
  const editor = await settled(page, /root:x:0:0:[^]*\/etc\/passwd/);
  await page.reload();
  assert.equal(await settled(page, /root:x:0:0:[^]*\/etc\/passwd/), editor);
  await page.type(":q!\n");
  const [size] = (await settled(page, /dev>$/)).split(" ");

  // A second one, that is signed in as well: the same bytes, and the size of whoever was active last.
  const other = await browser.open(`${served.url}#/dev`);
  await other.call("Emulation.setDeviceMetricsOverride", {
    width: 800,
    height: 400,
    deviceScaleFactor: 1,
    mobile: false,
  });
  // It has opened with the size of all windows, and then got its own.
  await settled(other, new RegExp(`^(?!${size} )[^]*red ä 42`));
  await other.type("echo seen-$((1 + 1))\n");
  const theirs = await settled(other, /\nseen-2\ndev>$/);
  assert.equal(await page.waitFor(SCREEN, new RegExp(`^${theirs.split(" ")[0]} [^]*\nseen-2\ndev>$`), LONG_MS), theirs);

  // The server is another one; the page goes on by itself.
  const { port } = served;
  await served.stop();
  await page.waitFor("document.querySelector('#terminal-state').textContent", /connection is gone/, LONG_MS);
  await served.start(port);
  await page.waitFor("document.querySelector('#terminal-state').textContent", /^$/, LONG_MS);
  await settled(page, /\nseen-2\ndev>$/);
  await page.type("echo again\n");
  await settled(page, /\nagain\ndev>$/);

  await page.evaluate("document.querySelector('#sign-out').click()");
  await page.waitFor("document.querySelector('#sign-in').hidden", /false/, LONG_MS);

  // As a viewer: the same screen, and nothing that would be refused is offered.
  const key = (await served.home.must("serve", "key", "add", "anna", "--role", "viewer")).trim();
  await page.evaluate(`document.querySelector("#token").value = ${JSON.stringify(key)};
    document.querySelector("#sign-in").requestSubmit();`);
  await page.waitFor("document.querySelector('#identity').textContent", /^anna, viewer$/, LONG_MS);
  await settled(page, /\nagain\ndev>$/);
  const offered =
    "[...document.querySelectorAll('#console button, nav button')].filter((b) => b.closest('[hidden]') === null)" +
    ".map((b) => b.textContent)";
  assert.equal(
    await page.evaluate(`${offered}.join()`),
    "Images,Composes,Volumes,Jobs,Screen reader,Sign out,dev,Usage",
  );
  assert.equal(await page.evaluate("stratos.terminal().options.disableStdin"), true);
});
