/**
 * Goal: a machine in a tab reaches through the relay what rules allow, and no more; neither end suffers from the other.
 * Method: the tab's sockets over Node's own WebSocket, against the real relay; a WebSocket without a machine behind it
 * for what no machine says, and one without a relay behind it for what no relay says.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { EACCES, ECONNREFUSED, ECONNRESET, EINPROGRESS, ENETUNREACH, ENOBUFS } from "@stratos/abi";
import { SeededRandom } from "@stratos/base";
import type { HostAddress, HostSocket } from "@stratos/host";
import { RelaySockets, type RelayState } from "@stratos/host-browser";
import {
  parseRelayFrame,
  type RelayFrame,
  relayFrame,
  relayProtocols,
  WINDOW_BYTES,
} from "@stratos/host-browser/relay";
import { nodePorts } from "@stratos/host-node";
import type { NetRule } from "@stratos/sdk/api";
import { AccessKeys, addAccessKey } from "@stratos/volumes/serve";
import { WebSocket as WsClient } from "ws";
import { AuditLog } from "../access/audit-log.ts";
import { SignIn } from "../access/sign-in.ts";
import { Relay } from "./relay.ts";

const LOCAL = [{ allow: "127.0.0.0/8" }];
const PAGE = "http://page.example";

/** By TLS, under the name `localhost`. */
interface Pair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

async function relay(t: TestContext, allow: readonly NetRule[] = LOCAL, pair: Pair | null = null) {
  const folder = mkdtempSync(join(tmpdir(), "stratos-relay-"));
  const keys = join(folder, "serve.keys");
  const audit = new AuditLog(join(folder, "serve.relay"), assert.fail);
  const made = new Relay(
    { allow, deny: [], origins: [PAGE] },
    {
      signIn: new SignIn("token", new AccessKeys(keys, assert.fail), null),
      names: [],
      isSecure: pair !== null,
      loop: nodePorts().loop,
      audit,
      onDefect: assert.fail,
    },
  );
  const server = pair === null ? createHttpServer() : createHttpsServer({ ...pair });
  server.on("upgrade", (request, stream, head) => made.upgrade(request, stream, head) || stream.destroy());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  t.after(() => {
    made.close();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const notes = (): string[] =>
    audit.last(1000).map(({ operation, target, status }) => `${operation} ${status} ${target}`);
  const place = pair === null ? `ws://127.0.0.1:${port}` : `wss://localhost:${port}`;
  return { relay: made, url: `${place}/v1/relay`, keys, notes };
}

/** The sockets of a machine in a tab. */
class Tab {
  readonly states: RelayState[] = [];
  unset = 0;
  nowMs = 0;
  readonly sockets: RelaySockets;
  #waiting: (() => void)[] = [];

  /** @param tls  of a WebSocket that is no page's */
  constructor(
    t: TestContext,
    url: string | null,
    token = "token",
    tls: { readonly ca: Buffer; readonly origin: string } | null = null,
  ) {
    this.sockets = new RelaySockets({
      loop: { nowMs: () => this.nowMs, callSoon: (act) => void setImmediate(act) },
      open: (address, protocols) =>
        (tls === null ? new WebSocket(address, protocols) : new WsClient(address, protocols as string[], tls)) as never,
      onState: (state) => {
        this.states.push(state);
        this.changed();
      },
      onUnset: () => this.unset++,
    });
    if (url !== null) this.sockets.configure({ url, token });
    t.after(() => this.sockets.configure(null));
  }

  changed(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** A defect shows as the test's time-out. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async connected(port: number, address = "10.0.2.2"): Promise<HostSocket> {
    const socket = this.sockets.create(4, "stream", this);
    assert.equal(socket.connect({ family: 4, address, port }), -EINPROGRESS);
    await this.until(() => socket.connected());
    return socket;
  }

  async failure(to: HostAddress): Promise<number> {
    const socket = this.sockets.create(to.family, "stream", this);
    const begun = socket.connect(to);
    if (begun !== -EINPROGRESS) return -begun;
    let error = 0;
    await this.until(() => (error = socket.takeError()) !== 0);
    return error;
  }

  async readAll(socket: HostSocket): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (;;) {
      await this.until(() => socket.readable());
      const bytes = new Uint8Array(50_000);
      const count = socket.read(bytes, 0, bytes.length, false);
      assert.ok(count >= 0, String(count));
      if (count === 0) return Buffer.concat(parts);
      parts.push(Buffer.from(bytes.subarray(0, count)));
    }
  }

  async writeAll(socket: HostSocket, bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      await this.until(() => socket.writable());
      const count = socket.write(bytes, done, Math.min(60_000, bytes.length - done), null);
      assert.ok(count > 0, String(count));
      done += count;
    }
  }
}

async function listening(t: TestContext, onConnection: (socket: Socket) => void): Promise<number> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.on("error", () => {});
    onConnection(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const local = (port: number): HostAddress => ({ family: 4, address: "10.0.2.2", port });
const LIMIT = { timeout: 60_000 };

test("bytes go both ways whole, more than any window, and each direction ends apart", LIMIT, async (t) => {
  const { url, notes } = await relay(t);
  const tab = new Tab(t, url);
  const port = await listening(t, (socket) => void socket.pipe(socket));
  const socket = await tab.connected(port);
  const bytes = new Uint8Array(20 * WINDOW_BYTES + 7);
  new SeededRandom(14).fill(bytes);
  const reading = tab.readAll(socket);
  await tab.writeAll(socket, bytes);
  socket.shutdown(1);
  assert.ok((await reading).equals(bytes));
  socket.close();
  await tab.connected(port); // What was said before is done by then.
  const total = bytes.length;
  assert.deepEqual(
    notes().filter((note) => note.startsWith("relayTcp")),
    [`relayTcp 200 127.0.0.1:${port}, ${total} bytes sent, ${total} received`],
  );
});

test("by TLS it carries the same, for pages of its own origin and those it names", LIMIT, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "stratos-relay-tls-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [certificate, keyFile] = [join(folder, "crt"), join(folder, "key")];
  const subject = ["-subj", "/CN=box", "-addext", "subjectAltName=DNS:localhost", "-out", certificate];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", keyFile];
  execFileSync("openssl", ["req", "-x509", ...curve, ...subject], { stdio: "ignore", timeout: 60_000 });
  const ca = readFileSync(certificate);
  const { url, notes } = await relay(t, LOCAL, { cert: ca, key: readFileSync(keyFile) });
  const port = await listening(t, (socket) => void socket.pipe(socket));
  const { host } = new URL(url);
  const bytes = new Uint8Array(3 * WINDOW_BYTES + 7);
  new SeededRandom(15).fill(bytes);
  for (const origin of [`https://${host}`, PAGE]) {
    const tab = new Tab(t, url, "token", { ca, origin });
    const socket = await tab.connected(port);
    const reading = tab.readAll(socket);
    await tab.writeAll(socket, bytes);
    socket.shutdown(1);
    assert.ok((await reading).equals(bytes), origin);
    socket.close();
  }
  // The same host without TLS is another origin.
  const other = new WsClient(url, relayProtocols("token"), { ca, origin: `http://${host}` });
  const [, { statusCode }] = (await once(other, "unexpected-response")) as [unknown, { readonly statusCode: number }];
  assert.equal(statusCode, 403);
  other.on("error", () => {}).terminate();
  assert.ok(notes().includes(`relay 101 ${PAGE}`));
});

test("who does not read is not sent more, and what is read goes on", LIMIT, async (t) => {
  const { url } = await relay(t);
  const tab = new Tab(t, url);
  const total = 64 << 20;
  let sender: Socket | undefined;
  const port = await listening(t, (socket) => {
    sender = socket;
    for (let sent = 0; sent < total; sent += 1 << 20) socket.write(new Uint8Array(1 << 20));
    socket.end();
  });
  const socket = await tab.connected(port);
  const other = await tab.connected(await listening(t, (each) => void each.pipe(each)));
  await tab.until(() => socket.available() === WINDOW_BYTES);
  // Other connections go on meanwhile.
  await tab.writeAll(other, Uint8Array.of(1, 2, 3));
  await tab.until(() => other.available() === 3);
  assert.equal(socket.available(), WINDOW_BYTES);
  assert.ok(sender!.writableLength > total / 2, "the rest waits where it comes from");
  assert.equal((await tab.readAll(socket)).length, total);
});

test("what was written before a close arrives", LIMIT, async (t) => {
  const { url } = await relay(t);
  const tab = new Tab(t, url);
  const received: Buffer[] = [];
  let end: () => void;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const port = await listening(t, (socket) => void socket.on("data", (part) => received.push(part)).on("end", end));
  const socket = await tab.connected(port);
  await tab.writeAll(socket, new Uint8Array(3 * WINDOW_BYTES).fill(7));
  socket.close();
  await ended;
  assert.equal(Buffer.concat(received).length, 3 * WINDOW_BYTES);
});

test("without a rule for it nothing of this host is reached, and the log says so", LIMIT, async (t) => {
  const { url, notes } = await relay(t, []);
  const tab = new Tab(t, url);
  let reached = 0;
  const port = await listening(t, () => reached++);
  for (const address of ["10.0.2.2", "10.1.1.1", "169.254.169.254", "0.0.0.0"])
    assert.equal(await tab.failure({ family: 4, address, port }), EACCES, address);
  for (const address of ["64:ff9b::7f00:1", "fe80::1", "2002:7f00:1::"])
    assert.equal(await tab.failure({ family: 6, address, port }), EACCES, address);
  assert.equal(reached, 0);
  assert.ok(
    notes().some((note) => note.startsWith(`relayTcp 403 127.0.0.1:${port}`)),
    notes().join("\n"),
  );
});

test("a tab that calls the relay's loopback by another of its names is refused as well", LIMIT, async (t) => {
  const { url } = await relay(t, []);
  const port = await listening(t, () => assert.fail("it was reached"));
  for (const address of ["127.0.0.1", "::ffff:127.0.0.1", "::1", "::"]) {
    const answer = await raw(t, url).then((socket) =>
      socket.ask({ kind: "connect", id: 1, to: { family: 6, address, port } }),
    );
    assert.ok(answer.kind === "failed" && answer.errno === EACCES, address);
  }
});

test("the machine's own loopback stays its own, and a refusal is that of who refuses", LIMIT, async (t) => {
  const { url } = await relay(t);
  const tab = new Tab(t, url);
  const port = await listening(t, () => {});
  assert.equal(await tab.failure({ family: 4, address: "127.0.0.1", port }), ECONNREFUSED);
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const free = (server.address() as AddressInfo).port;
  server.close();
  await once(server, "close");
  assert.equal(await tab.failure(local(free)), ECONNREFUSED);
});

test("datagrams go out and come back as from whom they were sent to", LIMIT, async (t) => {
  const { url } = await relay(t);
  const tab = new Tab(t, url);
  const server = createSocket("udp4");
  server.on("message", (bytes, from) => server.send(bytes, from.port));
  server.bind(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const socket = tab.sockets.create(4, "datagram", tab);
  const to = local(server.address().port);
  assert.equal(socket.write(Uint8Array.of(1, 2, 3), 0, 3, to), 3);
  await tab.until(() => socket.readable());
  const bytes = new Uint8Array(10);
  assert.equal(socket.read(bytes, 0, 10, false), 3);
  assert.deepEqual([socket.lastSender, [...bytes.subarray(0, 3)]], [to, [1, 2, 3]]);
});

test("without a relay nothing is reached, and whoever listens has the machine", LIMIT, (t) => {
  const tab = new Tab(t, null);
  const socket = tab.sockets.create(4, "stream", tab);
  assert.equal(socket.connect(local(1)), -ENETUNREACH);
  assert.equal(tab.sockets.create(4, "datagram", tab).write(Uint8Array.of(1), 0, 1, local(1)), -ENETUNREACH);
  assert.equal(tab.unset, 2);
  const listener = tab.sockets.create(4, "stream", tab);
  const at = { family: 4, address: "0.0.0.0", port: 8000 } as const;
  assert.deepEqual([listener.bind(at, { reuseAddress: true, v6Only: false }), listener.listen(5)], [0, 0]);
  assert.deepEqual(listener.localAddress(), at);
});

test("when the relay goes, connections are reset, and new ones find it again", LIMIT, async (t) => {
  const { relay: made, url } = await relay(t);
  const tab = new Tab(t, url);
  const port = await listening(t, (socket) => void socket.pipe(socket));
  const socket = await tab.connected(port);
  made.close();
  await tab.until(() => socket.read(new Uint8Array(1), 0, 1, false) === -ECONNRESET);
  assert.equal(socket.takeError(), ECONNRESET);
  assert.ok(!socket.ended(), "a reset is no FIN");
  assert.deepEqual(tab.states.at(-1), { kind: "lost", words: "the relay has gone" });
  assert.equal(await tab.failure(local(port)), ENETUNREACH, "not at once again");
  tab.nowMs = 60_000;
  const again = await tab.connected(port);
  await tab.writeAll(again, Uint8Array.of(9));
  await tab.until(() => again.available() === 1);
});

test("a stranger, a viewer and another origin have no relay, and learn why", LIMIT, async (t) => {
  const { url, keys } = await relay(t);
  const viewer = addAccessKey(keys, "anna", "viewer", null);
  const operator = addAccessKey(keys, "bert", "operator", null);
  const port = await listening(t, () => {});
  for (const [token, words] of [
    ["nonsense", "the relay knows no such token"],
    ["", "the relay knows no such token"],
    [viewer, "the relay needs the key of an operator"],
  ] as const) {
    const tab = new Tab(t, url, token);
    await tab.until(() => tab.states.at(-1)?.kind === "lost");
    assert.deepEqual(tab.states.at(-1), { kind: "lost", words });
    assert.equal(await tab.failure(local(port)), ENETUNREACH);
  }
  await new Tab(t, url, operator).connected(port);
  for (const [origin, host, status] of [
    ["http://other.example", undefined, 403],
    [PAGE, "rebound.example", 403],
    [`${PAGE}.other.example`, undefined, 403],
    [PAGE, undefined, 101],
  ] as const) {
    const headers = { origin, ...(host === undefined ? {} : { host }) };
    const socket = new WsClient(url, relayProtocols("token"), { headers });
    const seen = await new Promise<number>((resolve) => {
      socket.on("open", () => resolve(101));
      socket.on("unexpected-response", (_, { statusCode }) => resolve(statusCode!));
      socket.on("error", () => {});
    });
    socket.terminate();
    assert.equal(seen, status, `${origin} ${host}`);
  }
});

/** A WebSocket with the token, that says what it likes. */
async function raw(t: TestContext, url: string) {
  const socket = new WsClient(url, relayProtocols("token"));
  const frames: RelayFrame[] = [];
  let wake = (): void => {};
  socket.on("message", (data) => {
    frames.push(parseRelayFrame(data as Buffer)!);
    wake();
  });
  const closed = new Promise<number>((resolve) => socket.on("close", resolve));
  socket.on("error", () => {});
  t.after(() => socket.terminate());
  await once(socket, "open");
  const next = async (): Promise<RelayFrame> => {
    while (frames.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return frames.shift()!;
  };
  const ask = (frame: RelayFrame): Promise<RelayFrame> => {
    socket.send(relayFrame(frame));
    return next();
  };
  return { socket, closed, next, ask };
}

test("a tab that breaks the rules is sent away, and others are not disturbed", LIMIT, async (t) => {
  const { url } = await relay(t);
  const tab = new Tab(t, url);
  const port = await listening(t, (socket) => void socket.pause());
  const good = await tab.connected(await listening(t, (socket) => void socket.pipe(socket)));
  const to = { family: 4, address: "127.0.0.1", port } as const;
  const data = (id: number): Uint8Array => relayFrame({ kind: "data", id, bytes: new Uint8Array(1 << 15) });
  const connect = relayFrame({ kind: "connect", id: 1, to });
  const breaches: readonly (readonly (Uint8Array | string)[])[] = [
    ["text"],
    [Uint8Array.of(99)],
    [connect, connect],
    [connect, data(1)],
    [data(5)],
    [relayFrame({ kind: "connected", id: 1 })],
    [relayFrame({ kind: "open", id: 1 }), relayFrame({ kind: "finish", id: 1 })],
    [connect, relayFrame({ kind: "credit", id: 1, count: 1 })],
  ];
  for (const messages of breaches) {
    const { socket, closed } = await raw(t, url);
    for (const message of messages) socket.send(message);
    assert.equal(await closed, 1002, String(messages));
  }
  // More than the window, to somebody who reads nothing.
  const { socket, closed, ask } = await raw(t, url);
  assert.equal((await ask({ kind: "connect", id: 1, to })).kind, "connected");
  for (let count = 0; count < 100; count++) socket.send(data(1));
  assert.equal(await closed, 1002);
  const huge = await raw(t, url);
  huge.socket.send(new Uint8Array(1 << 20));
  assert.equal(await huge.closed, 1009);
  await tab.writeAll(good, Uint8Array.of(1));
  await tab.until(() => good.available() === 1);
});

test("a tab has so many sockets and no more", LIMIT, async (t) => {
  const { url } = await relay(t);
  const { socket, next } = await raw(t, url);
  for (let id = 1; id <= 130; id++) socket.send(relayFrame({ kind: "open", id }));
  for (const id of [129, 130]) {
    const answer = await next();
    assert.ok(answer.kind === "failed" && answer.errno === ENOBUFS && answer.id === id);
  }
  socket.send(relayFrame({ kind: "close", id: 1 }));
  socket.send(relayFrame({ kind: "open", id: 131 }));
  socket.send(relayFrame({ kind: "open", id: 132 }));
  assert.equal((await next()).id, 132);
});

test("a relay that says anything at all throws nothing in the tab, which holds no more than a window", LIMIT, (t) => {
  const seed = Number(process.env["STRATOS_SEED"] ?? 14);
  const random = new SeededRandom(seed);
  for (let round = 0; round < 1000; round++) {
    const fake = {
      binaryType: "",
      readyState: 1,
      bufferedAmount: 0,
      send() {},
      close() {},
      onopen: null as (() => void) | null,
      onmessage: null as ((event: { data: unknown }) => void) | null,
      onclose: null,
    };
    const sockets = new RelaySockets({
      loop: { nowMs: () => 0, callSoon: () => {} },
      open: () => fake,
      onState: () => {},
      onUnset: () => {},
    });
    sockets.configure({ url: "ws://relay.example/", token: "" });
    fake.onopen!();
    const streams = [1, 2].map(() => sockets.create(4, "stream", { changed() {} }));
    for (const stream of streams) stream.connect({ family: 4, address: "192.0.2.1", port: 1 });
    const datagrams = sockets.create(4, "datagram", { changed() {} });
    datagrams.write(Uint8Array.of(1), 0, 1, local(1));
    for (const id of [1, 2]) fake.onmessage!({ data: relayFrame({ kind: "connected", id }).buffer });
    for (let count = 0; count < 200 && fake.onmessage !== null; count++)
      fake.onmessage({ data: random.below(500) === 0 ? "text" : frameOfChance(random).buffer });
    for (const stream of streams) assert.ok(stream.available() <= WINDOW_BYTES, `seed ${seed}`);
  }
  t.diagnostic(`seed ${seed}`);
});

function frameOfChance(random: SeededRandom): Uint8Array<ArrayBuffer> {
  const id = 1 + random.below(3);
  const bytes = new Uint8Array(1 + random.below(1 << 15));
  switch (random.below(12)) {
    case 0:
      return relayFrame({ kind: "failed", id, errno: 1 + random.below(4095), words: "why" });
    case 1:
      return relayFrame({ kind: "finish", id });
    case 2:
      return relayFrame({ kind: "credit", id, count: 1 + random.below(WINDOW_BYTES) });
    case 3:
      return Uint8Array.from({ length: random.below(30) }, () => random.below(256));
    case 4:
      return relayFrame({ kind: "connected", id });
    case 5:
    case 6:
    case 7:
      return relayFrame({ kind: "datagram", id: 3, to: { family: 4, address: "192.0.2.1", port: 1 }, bytes });
    default:
      return relayFrame({ kind: "data", id, bytes });
  }
}
