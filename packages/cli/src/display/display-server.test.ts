/**
 * Goal: a page with the token sees the screen and types into it; nobody else does either. Method: WebSockets of Node
 * against a display whose pixels the test sets.
 */
import assert from "node:assert/strict";
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { after, before, beforeEach, it } from "node:test";
import { runInNewContext } from "node:vm";
import type { GuestDisplay } from "./guest-display.ts";
import { DisplayServer } from "./display-server.ts";
import { displayPage } from "./page.ts";

const canvas = { width: 4, height: 2, pixels: new Uint32Array(8).fill(0xff102030) };
let calls: string[] = [];
/** The program has said that it takes text. */
let takesText = false;
/** Who waits for what a program has copied. */
const readers: ((text: string | null) => void)[] = [];
const note =
  (name: string) =>
  (...values: unknown[]): void =>
    void calls.push(`${name} ${values.join(" ")}`);
const display = {
  compositor: {
    canvas,
    cursor: null,
    movePointer: note("move"),
    button: note("button"),
    key: note("key"),
    scroll: note("scroll"),
    touch: note("touch"),
    composeText: note("compose"),
    copyText: note("copy"),
    commitText: (text: string): boolean => {
      note("commit")(text);
      return takesText;
    },
    readCopied: (onText: (text: string | null) => void): void => void readers.push(onText),
    windows: [],
    get textPlace(): object | null {
      return takesText ? { x: 1, y: 1, width: 1, height: 1 } : null;
    },
  },
  setRefresh: note("refresh"),
} as unknown as GuestDisplay;
const server = new DisplayServer(display);
let address: URL;

before(async () => void (address = new URL(await server.listen())));
beforeEach(() => void (calls = []));
after(() => server.close());

/** A page's end: what came, and what it waits for. */
class PageEnd {
  readonly socket: WebSocket;
  readonly messages: (string | Uint8Array)[] = [];
  #changed: () => void = () => {};
  isClosed = false;

  constructor(origin: string = address.origin) {
    const options = { headers: { origin } } as unknown as string;
    this.socket = new WebSocket(`ws://${address.host}/screen`, options);
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = ({ data }) => {
      this.messages.push(typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer));
      this.#changed();
    };
    this.socket.onclose = () => {
      this.isClosed = true;
      this.#changed();
    };
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => void (this.#changed = resolve));
  }

  async say(message: object | string): Promise<void> {
    if (this.socket.readyState === WebSocket.CONNECTING)
      await new Promise((resolve) => this.socket.addEventListener("open", resolve, { once: true }));
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  get frames(): Uint8Array[] {
    return this.messages.filter((message) => typeof message !== "string");
  }

  /** Everything that was said has been taken: what is said last is answered. */
  async settle(): Promise<void> {
    const before = this.frames.length;
    server.frame([{ x: 0, y: 0, width: 1, height: 1 }]);
    await this.say({ shown: true });
    await this.until(() => this.frames.length > before);
  }
}

async function opened(): Promise<PageEnd> {
  const page = new PageEnd();
  await page.say({ token: address.hash.slice(1) });
  await page.until(() => page.frames.length === 1);
  return page;
}

function get(path: string, headers: Record<string, string> = {}, method = "GET"): Promise<number> {
  return new Promise((resolve, reject) =>
    request({ host: "127.0.0.1", port: address.port, path, headers, method }, (response) => {
      response.resume();
      resolve(response.statusCode!);
    })
      .on("error", reject)
      .end(),
  );
}

it("the page is there under its own name alone, and lets nothing else in", async () => {
  assert.equal(await get("/"), 200);
  assert.equal(await get("/", { host: "evil.example" }), 421);
  assert.equal(await get("/other"), 404);
  assert.equal(await get("/", {}, "POST"), 405);
  const response = await fetch(address);
  const policy = response.headers.get("content-security-policy")!;
  assert.match(policy, /default-src 'none'/);
  const nonce = /script-src 'nonce-([^']+)'/.exec(policy)![1]!;
  const text = await response.text();
  assert.ok(text.includes(`<script nonce="${nonce}">`));
  // Who can read the page has not the token: it stands behind the address's #.
  assert.equal(text.includes(address.hash.slice(1)), false);
});

it("the screen is shown to who knows the token, whole at first, and then what changes", async () => {
  const page = await opened();
  assert.deepEqual(page.messages[0], '{"cursor":"default"}');
  const [first] = page.frames;
  assert.deepEqual([...first!.subarray(0, 12)], [0, 0, 0, 0, 4, 0, 2, 0, 0x10, 0x20, 0x30, 0xff]);
  assert.equal(first!.length, 8 + 4 * 8);
  canvas.pixels[6] = 0xff0000ff;
  // The page has not shown the first: both changes wait, and come together.
  server.frame([{ x: 2, y: 1, width: 1, height: 1 }]);
  server.frame([{ x: 2, y: 1, width: 1, height: 1 }]);
  assert.equal(page.frames.length, 1);
  await page.say({ shown: true });
  await page.until(() => page.frames.length === 2);
  const pixel = [2, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0xff, 0xff];
  assert.deepEqual([...page.frames[1]!], [...pixel, ...pixel]);
  page.socket.close();
});

it("keys and pointer reach the display, and what makes no sense does not", async () => {
  const page = await opened();
  await page.say({ move: { x: 1.5, y: 1 } });
  await page.say({ button: 0x110, down: true });
  await page.say({ key: 30, down: false });
  await page.say({ scroll: { x: 0, y: 15 } });
  for (const nonsense of [
    "",
    "[",
    "null",
    "[1]",
    '{"move":{"x":1e9,"y":0}}',
    '{"move":{"x":"1","y":0}}',
    '{"key":-1,"down":true}',
    '{"key":1.5,"down":true}',
    '{"key":30}',
    '{"button":99999,"down":true}',
    '{"scroll":{"x":1e9,"y":0}}',
    '{"__proto__":{"shown":true}}',
  ])
    await page.say(nonsense);
  await page.settle();
  const input = calls.filter((call) => !call.startsWith("refresh"));
  assert.deepEqual(input, ["move 1.5 1", "button 272 true", "key 30 false", "scroll 0 15"]);
  await page.say({ button: 0x110, down: false });
  await page.settle();
  page.socket.close();
});

it("without the token, from another origin, or with messages that are too long the connection ends", async () => {
  const wrong = new PageEnd();
  await wrong.say({ token: "guess" });
  const mute = new PageEnd();
  await mute.say({ key: 30, down: true });
  const foreign = new PageEnd("http://evil.example");
  const long = await opened();
  await long.say("x".repeat(70_000));
  for (const page of [wrong, mute, foreign, long]) await page.until(() => page.isClosed);
  assert.deepEqual([wrong.messages, mute.messages, foreign.messages], [[], [], []]);
  assert.deepEqual(
    calls.filter((call) => !call.startsWith("refresh")),
    [],
  );
});

it("a second page takes the first one's place, and frames are rare when there is none", async () => {
  const first = await opened();
  const second = await opened();
  await first.until(() => first.isClosed);
  await second.settle();
  assert.equal(calls.at(-1), "refresh 60");
  second.socket.close();
  await second.until(() => second.isClosed);
  while (calls.at(-1) !== "refresh 1") await new Promise((resolve) => setTimeout(resolve, 5));
});

it("what a page holds down is let go of when it goes, or another takes its place", async () => {
  const first = await opened();
  await first.say({ key: 29, down: true });
  await first.say({ key: 30, down: true });
  await first.say({ key: 30, down: false });
  await first.say({ button: 0x110, down: true });
  await first.settle();
  calls = [];
  const second = await opened();
  assert.deepEqual(calls.slice(0, 2), ["button 272 false", "key 29 false"]);
  await second.say({ key: 42, down: true });
  await second.settle();
  calls = [];
  second.socket.close();
  while (calls.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(calls, ["key 42 false", "refresh 1"]);
});

/** A connection by its bytes. */
async function connected(host: string): Promise<Socket> {
  const socket = connect(Number(new URL(`http://${host}`).port), "127.0.0.1").on("error", () => {});
  await new Promise((resolve) => socket.once("connect", resolve));
  return socket;
}

function upgradeTo(host: string, path = "/screen"): string {
  return (
    `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nOrigin: http://${host}\r\nConnection: Upgrade\r\n` +
    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
  );
}

it("connections that are reset in the middle of whatever do no harm", async () => {
  const { host } = address;
  const openings = ["", "GET / HTT", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", upgradeTo(host, "/x"), upgradeTo(host)];
  openings.push(upgradeTo(host).replace("Sec-WebSocket-Key", "X"), upgradeTo(host) + "\x81");
  for (let round = 0; round < 8; round++)
    for (const opening of openings) {
      const socket = await connected(host);
      await new Promise((resolve) => socket.write(opening, resolve));
      if (round % 2 === 0) await new Promise(setImmediate);
      socket.resetAndDestroy();
    }
  const page = await opened();
  page.socket.close();
});

it("who does not say the token is disconnected, by time and when many others have come", async () => {
  const first = await connected(address.host);
  const isGone = new Promise((resolve) => first.once("close", resolve));
  const others: Socket[] = [];
  for (let count = 0; count < 16; count++) others.push(await connected(address.host));
  await isGone;
  const page = await opened();
  for (const socket of others) socket.destroy();
  page.socket.close();

  const hasty = new DisplayServer(display, { strangerMs: 50 });
  const { host } = new URL(await hasty.listen());
  for (const opening of ["", upgradeTo(host, "/x"), upgradeTo(host)]) {
    const socket = await connected(host);
    socket.resume().write(opening);
    await new Promise((resolve) => socket.once("close", resolve));
  }
  hasty.close();
});

it("pings of one who does not read the answers end its connection", async () => {
  const { host } = address;
  const socket = await connected(host);
  socket.write(upgradeTo(host));
  const isGone = new Promise<"gone">((resolve) => socket.once("close", () => resolve("gone")));
  // RFC 6455, 5.5.2: a PING of 125 bytes, masked by zeros.
  const pings = Buffer.concat(Array(512).fill(Buffer.concat([Buffer.of(0x89, 0xfd, 0, 0, 0, 0), Buffer.alloc(125)])));
  while (!socket.destroyed)
    await Promise.race([isGone, new Promise((resolve) => socket.write(pings, () => setImmediate(resolve)))]);
  await isGone;
});

it("the page tells each button that is pressed and let go of, and those that a cancelled pointer held", () => {
  const sent: { button?: number; down?: boolean }[] = [];
  const canvas: Record<string, (event: object) => void> = Object.fromEntries(
    ["addEventListener", "focus", "getContext", "setPointerCapture"].map((name) => [name, () => {}]),
  );
  class Line {
    readonly readyState = 1;
    send(text: string): void {
      sent.push(JSON.parse(text) as object);
    }
  }
  const [, script] = /<script nonce="n">(.*)<\/script>/s.exec(displayPage({ width: 4, height: 2 }, "n"))!;
  runInNewContext(script!, {
    document: { querySelector: () => canvas },
    location: { host: "h", hash: "#t" },
    WebSocket: Line,
  });
  const event = (buttons: number): object => ({ buttons, offsetX: 0, offsetY: 0, preventDefault: () => {} });
  canvas["onpointerdown"]!(event(1));
  canvas["onpointermove"]!(event(3));
  canvas["onpointermove"]!(event(2));
  canvas["onpointercancel"]!(event(0));
  assert.deepEqual(
    sent.filter(({ button }) => button !== undefined),
    [
      { button: 0x110, down: true },
      { button: 0x111, down: true },
      { button: 0x110, down: false },
      { button: 0x111, down: false },
    ],
  );
});
