/**
 * Goal: a page with the token sees the screen and types into it; nobody else does either. Method: WebSockets of Node
 * against a display whose pixels the test sets.
 */
import assert from "node:assert/strict";
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { after, before, beforeEach, it } from "node:test";
import { runInNewContext } from "node:vm";
import { ScreenViewers } from "@stratos/display";
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
  screen: {
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
    isPointerLocked: false,
    movePointerBy: note("by"),
    unlockPointer: note("unlock"),
    get textPlace(): object | null {
      return takesText ? { x: 1, y: 1, width: 1, height: 1 } : null;
    },
  },
  setRefresh: note("refresh"),
} as unknown as ConstructorParameters<typeof ScreenViewers>[0];
const viewers = new ScreenViewers(display);
const server = new DisplayServer(viewers);
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
    viewers.frame([{ x: 0, y: 0, width: 1, height: 1 }]);
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
  const shown = { windows: 0, title: "", cursor: "default", text: null, locked: false };
  assert.deepEqual(JSON.parse(page.messages[0] as string), { size: { width: 4, height: 2 }, ...shown });
  const [first] = page.frames;
  assert.deepEqual([...first!.subarray(0, 12)], [0, 0, 0, 0, 4, 0, 2, 0, 0x10, 0x20, 0x30, 0xff]);
  assert.equal(first!.length, 8 + 4 * 8);
  canvas.pixels[6] = 0xff0000ff;
  // The page has not shown the first: both changes wait, and come together.
  viewers.frame([{ x: 2, y: 1, width: 1, height: 1 }]);
  viewers.frame([{ x: 2, y: 1, width: 1, height: 1 }]);
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

it("several pages see the same, each at its own pace, and frames are rare when there is none", async () => {
  const first = await opened();
  const second = await opened();
  assert.deepEqual(second.frames[0], first.frames[0]);
  // The second shows nothing meanwhile, and then all at once.
  for (const x of [0, 1]) {
    viewers.frame([{ x, y: 0, width: 1, height: 1 }]);
    await first.say({ shown: true });
    await first.until(() => first.frames.length === 2 + x);
  }
  assert.equal(second.frames.length, 1);
  await second.say({ shown: true });
  await second.until(() => second.frames.length === 2);
  assert.equal(second.frames[1]!.length, 2 * 12);
  first.socket.close();
  await first.until(() => first.isClosed);
  await second.settle();
  assert.equal(calls.at(-1), "refresh 60");
  second.socket.close();
  await second.until(() => second.isClosed);
  while (calls.at(-1) !== "refresh 1") await new Promise((resolve) => setTimeout(resolve, 5));
});

it("of too many pages who came first leaves", async () => {
  const pages = [await opened()];
  while (pages.length <= 16) pages.push(await opened());
  const [first, ...others] = pages;
  await first!.until(() => first!.isClosed);
  assert.deepEqual(others.filter(({ isClosed }) => isClosed).length, 0);
  for (const page of others) page.socket.close();
  while (calls.at(-1) !== "refresh 1") await new Promise((resolve) => setTimeout(resolve, 5));
});

it("what a page holds down is let go of when it goes, and not what another holds", async () => {
  const first = await opened();
  const second = await opened();
  for (const key of [29, 30]) await first.say({ key, down: true });
  await first.say({ key: 30, down: false });
  await first.say({ button: 0x110, down: true });
  await first.settle();
  await second.say({ key: 42, down: true });
  await second.settle();
  calls = [];
  first.socket.close();
  while (calls.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(calls, ["button 272 false", "key 29 false"]);
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

  const hasty = new DisplayServer(viewers, { strangerMs: 50 });
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

it("a stranger who sends frames that are no messages is disconnected at once", async () => {
  const patient = new DisplayServer(viewers, { strangerMs: 600_000 });
  const { host } = new URL(await patient.listen());
  const socket = await connected(host);
  socket.write(upgradeTo(host));
  const isGone = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  // RFC 6455, 5.5.3: a PONG that nobody asked for.
  const pongs = Buffer.concat(Array(64).fill(Buffer.concat([Buffer.of(0x8a, 0xfd, 0, 0, 0, 0), Buffer.alloc(125)])));
  for (let count = 0; count < 4000 && !socket.destroyed; count++)
    await Promise.race([isGone, new Promise((resolve) => socket.write(pongs, () => setImmediate(resolve)))]);
  assert.equal(socket.destroyed, true);
  patient.close();
});

it("text comes in parts, and reaches a program as text or as the keys that write it", async () => {
  const page = await opened();
  const said = (): string[] => calls.filter((call) => !call.startsWith("refresh"));
  await page.say({ paste: "one ", more: true });
  await page.say({ paste: "two", more: false });
  await page.say({ preedit: "か" });
  await page.say({ text: "漢字" });
  await page.settle();
  assert.deepEqual(said(), ["copy one two", "compose か", "commit 漢字"]);
  calls = [];
  takesText = false;
  await page.say({ text: "aB漢\n" });
  await page.say({ text: 7 });
  await page.say({ preedit: {} });
  await page.settle();
  const keys = ["key 30 true", "key 30 false", "key 42 true", "key 48 true", "key 48 false", "key 42 false"];
  assert.deepEqual(said(), ["commit aB漢\n", ...keys, "key 28 true", "key 28 false"]);
  calls = [];
  // More than a mebibyte: none of it, as a part of it might mean something else.
  for (let count = 0; count < 400; count++) await page.say({ paste: "x".repeat(3000), more: true });
  await page.say({ paste: "x", more: false });
  await page.settle();
  assert.deepEqual(said(), []);
  page.socket.close();
});

it("the page is told where text goes, and what a program has copied, one at a time", async () => {
  const page = await opened();
  takesText = true;
  await page.settle();
  takesText = false;
  await page.settle();
  const told = page.messages.filter((message) => typeof message === "string").map((text) => JSON.parse(text) as object);
  assert.deepEqual(told.slice(1), [{ text: { x: 1, y: 1, width: 1, height: 1 } }, { text: null }]);
  viewers.copied();
  viewers.copied();
  viewers.copied();
  assert.equal(readers.length, 1);
  readers.shift()!("first");
  assert.equal(readers.length, 1);
  readers.shift()!("last");
  assert.equal(readers.length, 0);
  await page.settle();
  assert.deepEqual(page.messages.filter((message) => /copied/.test(String(message))).length, 2);
  page.socket.close();
  viewers.copied();
  while (readers.length > 0) readers.shift()!(null);
});

it("fingers reach the display within it, and are let go of with the page", async () => {
  const page = await opened();
  await page.say({ touch: 0, phase: "down", at: { x: 1, y: 1 } });
  await page.say({ touch: 1, phase: "down", at: { x: 9, y: 1 } });
  await page.say({ touch: 10, phase: "down", at: { x: 1, y: 1 } });
  await page.say({ touch: 0, phase: "wave", at: { x: 1, y: 1 } });
  await page.say({ touch: 0, phase: "move", at: { x: 2, y: 1 } });
  await page.settle();
  assert.deepEqual(
    calls.filter((call) => !call.startsWith("refresh")),
    ["touch 0 down 1 1", "touch 0 move 2 1"],
  );
  calls = [];
  page.socket.close();
  while (calls.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(calls[0], "touch 0 cancel 0 0");
});

/** The page's script over things that stand for those of a browser. @returns what it says, and its elements */
function runPage(): {
  sent: Record<string, unknown>[];
  element: Record<string, (event: object) => void>;
  tell: Tell;
  /** Its timers are over. */
  pass: () => void;
} {
  const sent: Record<string, unknown>[] = [];
  const names = ["focus", "getContext", "setPointerCapture"];
  const element = { style: {}, ...Object.fromEntries(names.map((name) => [name, () => {}])) } as never as Record<
    string,
    (event: object) => void
  >;
  // Of some events there is no property of an element.
  element["addEventListener"] = ((type: string, listener: (event: object) => void) => {
    element[`listen ${type}`] = listener;
  }) as never;
  let tell: Tell = () => {};
  class Line {
    readonly readyState = 1;
    constructor() {
      tell = (message) =>
        (this as unknown as { onmessage: (event: object) => void }).onmessage({ data: JSON.stringify(message) });
    }
    send(text: string): void {
      sent.push(JSON.parse(text) as Record<string, unknown>);
    }
  }
  const [, script] = /<script nonce="n">(.*)<\/script>/s.exec(displayPage("n"))!;
  const due = new Map<number, () => void>();
  const setTimeout = (callback: () => void): number => {
    due.set(due.size + 1, callback);
    return due.size;
  };
  const pass = (): void => {
    for (const [id, callback] of due) if (due.delete(id)) callback();
  };
  const timers = { setTimeout, clearTimeout: (id: number) => void due.delete(id) };
  const navigator = {
    clipboard: {
      writeText: (text: string): Promise<void> => {
        sent.push({ written: text });
        return Promise.resolve();
      },
    },
  };
  runInNewContext(script!, {
    ...{
      document: { querySelector: () => element },
      addEventListener: () => {},
      location: { host: "h", hash: "#t" },
      WebSocket: Line,
    },
    ...{ ...timers, navigator },
  });
  return { sent, element, tell, pass };
}

type Tell = (message: object) => void;

function keyEvent(code: string, key: string, more: object = {}): object {
  return { code, key, preventDefault: () => {}, getModifierState: () => false, ...more };
}

it("a key is a key, but for a character of another layout where text is taken", () => {
  const { sent, element, tell } = runPage();
  const type = (): unknown[] => {
    sent.length = 0;
    element["onkeydown"]!(keyEvent("KeyZ", "y"));
    element["onkeyup"]!(keyEvent("KeyZ", "y"));
    element["oninput"]!({ inputType: "insertText", data: "y" });
    element["onkeydown"]!(keyEvent("KeyA", "a"));
    element["onkeydown"]!(keyEvent("Digit1", "!", { shiftKey: true }));
    element["onkeydown"]!(keyEvent("KeyY", "z", { ctrlKey: true }));
    return sent.map(({ key, text, down }) => text ?? `${String(key)} ${String(down)}`);
  };
  tell({ text: { x: 0, y: 0, width: 1, height: 1 } });
  assert.deepEqual(type(), ["y", "30 true", "2 true", "21 true"]);
  tell({ text: null });
  // What is typed where no text is taken is of the place on the keyboard.
  assert.deepEqual(type().slice(0, 2), ["44 true", "44 false"]);
});

it("what a browser composes is shown meanwhile, and said once", () => {
  const { sent, element, tell, pass } = runPage();
  tell({ text: { x: 0, y: 0, width: 1, height: 1 } });
  sent.length = 0;
  element["onkeydown"]!(keyEvent("Quote", "Dead"));
  element["onkeydown"]!(keyEvent("KeyK", "Process", { keyCode: 229 }));
  element["listen compositionupdate"]!({ data: "か" });
  element["oninput"]!({ inputType: "insertCompositionText", data: "か", isComposing: true });
  pass();
  // The last update and the end are one.
  element["listen compositionupdate"]!({ data: "漢" });
  element["listen compositionend"]!({ data: "漢" });
  element["oninput"]!({ inputType: "insertCompositionText", data: "漢" });
  element["oninput"]!({ inputType: "deleteContentBackward", data: null });
  pass();
  assert.deepEqual(sent, [
    { preedit: "か" },
    { text: "漢", more: false },
    { key: 14, down: true },
    { key: 14, down: false },
  ]);
});

it("what is pasted comes before the key that pastes it; what was copied is written at the next press", () => {
  const { sent, element, tell } = runPage();
  sent.length = 0;
  element["onkeydown"]!(keyEvent("ControlLeft", "Control", { ctrlKey: true }));
  element["onkeydown"]!(keyEvent("KeyV", "v", { ctrlKey: true }));
  const clipboardData = { getData: () => "x".repeat(700) };
  element["onpaste"]!({ preventDefault: () => {}, clipboardData });
  element["onkeyup"]!(keyEvent("KeyV", "v", { ctrlKey: true }));
  const parts = [
    { paste: "x".repeat(600), more: true },
    { paste: "x".repeat(100), more: false },
  ];
  assert.deepEqual(sent, [{ key: 29, down: true }, ...parts, { key: 47, down: true }, { key: 47, down: false }]);
  tell({ copied: "from there" });
  assert.equal(sent.length, 5);
  element["onkeydown"]!(keyEvent("KeyA", "a"));
  assert.deepEqual(sent[5], { written: "from there" });
});

it("fingers are said with small numbers of their own", () => {
  const { sent, element } = runPage();
  sent.length = 0;
  const finger = (pointerId: number): object => ({
    ...{ pointerType: "touch", pointerId, offsetX: 0, offsetY: 0, buttons: 1, preventDefault: () => {} },
  });
  element["onpointerdown"]!(finger(70));
  element["onpointerdown"]!(finger(71));
  element["onpointerup"]!(finger(70));
  element["onpointermove"]!(finger(70));
  element["onpointerdown"]!(finger(72));
  element["onpointercancel"]!(finger(71));
  assert.deepEqual(
    sent.map(({ touch, phase }) => [touch, phase]),
    [
      [0, "down"],
      [1, "down"],
      [0, "up"],
      [0, "down"],
      [1, "cancel"],
    ],
  );
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
  const [, script] = /<script nonce="n">(.*)<\/script>/s.exec(displayPage("n"))!;
  runInNewContext(script!, {
    document: { querySelector: () => canvas },
    addEventListener: () => {},
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
