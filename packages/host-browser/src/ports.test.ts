/**
 * Goal: each port keeps its contract (`host`) over what browsers have. Method: Node's own message channels, streams and
 * random numbers, which follow the same standards; parts of files come from memory.
 */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { EAGAIN, EIO, EPIPE, EROFS } from "@stratos/abi";
import {
  browserPorts,
  BrowserEventLoop,
  connectTerminal,
  HttpBlockDevice,
  MessageConsole,
  openWebImage,
  RefusedPortError,
  WebStreamIn,
  WebStreamOut,
} from "./host-browser.ts";

const KIB = 1024;
/** Messages have come, however busy the computer is: a timer alone may be ahead of them. */
async function settled(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  for (let round = 0; round < 4; round++) {
    const heard = new Promise<void>((resolve) => port1.addEventListener("message", () => resolve(), { once: true }));
    port1.start();
    port2.postMessage(null);
    await heard;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  port1.close();
}

test("soon comes in order and never from within; later comes, unless it is taken back", async () => {
  const loop = new BrowserEventLoop();
  const calls: string[] = [];
  loop.callLater(0, () => calls.push("taken back"))();
  const later = new Promise<void>((resolve) => void loop.callLater(1, resolve));
  const soon = new Promise<void>((resolve) => {
    loop.callSoon(() => {
      loop.callSoon(() => {
        calls.push("from the first");
        resolve();
      });
      calls.push("first");
    });
    loop.callSoon(() => calls.push("second"));
  });
  calls.push("now");
  await Promise.all([soon, later]);
  loop.close();
  assert.deepEqual(calls, ["now", "first", "second", "from the first"]);
});

test("chance fills more than one call of the browser's may, and the engine runs a module", () => {
  const { random, engine, clock, loop } = browserPorts();
  (loop as BrowserEventLoop).close();
  const bytes = new Uint8Array(200 * KIB);
  random.fill(bytes);
  assert.ok(bytes.subarray(-32).some((byte) => byte !== 0));
  // (module (func (export "f") (result i32) i32.const 42))
  const module = engine.compileHot(
    Uint8Array.from(Buffer.from("0061736d010000000105016000017f03020100070501016600000a06010400412a0b", "hex")),
  );
  assert.equal((engine.instantiate(module, {}).exports["f"] as () => number)(), 42);
  assert.equal(engine.createMemory(2).buffer.byteLength, 128 * KIB);
  assert.ok(Math.abs(clock.realtimeMs() - Date.now()) < 1000);
  assert.ok(clock.monotonicNs() <= clock.monotonicNs());
});

/** A device over `size` bytes that tell where they stand, and what was asked for. */
function countedDevice(size: number): { device: HttpBlockDevice; asked: string[]; words: string[]; break(): void } {
  const asked: string[] = [],
    words: string[] = [];
  let isBroken = false;
  const device = new HttpBlockDevice(
    size,
    (start, length) => {
      if (isBroken) return "the server cannot be reached";
      asked.push(`${start / KIB}+${length / KIB}`);
      return Uint8Array.from({ length }, (_, at) => ((start + at) >>> 12) & 0xff);
    },
    { onFailure: (text) => words.push(text) },
  );
  return { device, asked, words, break: () => void (isBroken = true) };
}

test("a file on the web is read in pieces, which are kept, and more at a time by who reads on", () => {
  const { device, asked } = countedDevice(1000 * KIB + 100);
  assert.equal(device.size, 1000 * KIB, "an odd end is no block");
  const bytes = new Uint8Array(8 * KIB);
  const readBlocks = (block: number): number[] => {
    assert.equal(device.read(block * 4096, bytes, 0, bytes.length), 0);
    return [bytes[0]!, bytes[4096]!];
  };
  assert.deepEqual(readBlocks(2), [2, 3]);
  assert.deepEqual(readBlocks(14), [14, 15]);
  assert.deepEqual(asked, ["0+64"], "the same piece");
  assert.deepEqual(readBlocks(15), [15, 16], "over the end of a piece");
  assert.deepEqual(readBlocks(50), [50, 51]);
  assert.deepEqual(asked, ["0+64", "64+128", "192+256"], "read on: twice as much each time");
  assert.deepEqual(readBlocks(248), [248, 249]);
  assert.equal(asked.at(-1), "960+40", "elsewhere: one piece, no further than the end");
  assert.equal(device.fetchedBytes, 488 * KIB);
  assert.deepEqual([device.write(), device.resize(), device.flush()], [-EROFS, -EROFS, 0]);
  assert.equal(device.read(1000 * KIB, bytes, 0, 4096), -EIO);
});

test("a read of many pieces asks for them at once", () => {
  const { device, asked } = countedDevice(4096 * KIB);
  const bytes = new Uint8Array(300 * KIB);
  assert.equal(device.read(1024 * KIB, bytes, 0, bytes.length), 0);
  assert.deepEqual(asked, ["1024+320"]);
});

test("what the server does not give is EIO for programs, and told once in words", () => {
  const { device, words, break: breakServer } = countedDevice(4096 * KIB);
  const bytes = new Uint8Array(4096);
  assert.equal(device.read(0, bytes, 0, 4096), 0);
  breakServer();
  assert.equal(device.read(4096, bytes, 0, 4096), 0, "it was kept");
  assert.equal(device.read(1024 * KIB, bytes, 0, 4096), -EIO);
  assert.equal(device.read(2048 * KIB, bytes, 0, 4096), -EIO);
  assert.deepEqual(words, ["the server cannot be reached"]);
});

test("a server that has no such image, or gives no parts of it, is told from one that does", async () => {
  const server = createServer((request, response) => {
    if (request.url === "/whole") response.end("everything");
    else if (request.url === "/parts")
      response.writeHead(206, { "content-range": `bytes 0-0/${64 * KIB}`, "content-length": 1 }).end("x");
    else if (request.url === "/odd/image.json") response.end(`{ "format": 1, "layers": 1e9 }`);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    assert.equal((await HttpBlockDevice.open(`${url}/parts`)).size, 64 * KIB);
    await assert.rejects(HttpBlockDevice.open(`${url}/whole`), /\/whole: the server does not give parts of files/);
    await assert.rejects(HttpBlockDevice.open(`${url}/none`), /\/none: no such file on the server \(404\)/);
    await assert.rejects(openWebImage(`${url}/odd`, { changesBytes: 1 << 22 }), /describes no image/);
    await assert.rejects(openWebImage(url, { changesBytes: 1 << 22 }), /image\.json: no such file/);
  } finally {
    server.close();
    server.closeAllConnections();
  }
  await assert.rejects(HttpBlockDevice.open(`${url}/parts`), /the server cannot be reached/);
});

/** A window that shows a message's bytes only when it is told to. */
class SlowWindow {
  readonly rows = 24;
  readonly cols = 80;
  text = "";
  readonly #waiting: (() => void)[] = [];
  type: (text: string) => void = () => {};
  resize: (size: { rows: number; cols: number }) => void = () => {};

  write(bytes: Uint8Array, onShown: () => void): void {
    this.#waiting.push(() => {
      this.text += Buffer.from(bytes).toString();
      onShown();
    });
  }

  screen(): string {
    return this.text;
  }

  show(): void {
    this.#waiting.shift()?.();
  }

  onData(listener: (text: string) => void): void {
    this.type = listener;
  }

  onBinary(): void {}

  onResize(listener: (size: { rows: number; cols: number }) => void): void {
    this.resize = listener;
  }
}

test("a terminal across a port: keys, size, bounded output, and an interrupt that forgets it", async () => {
  const { port1, port2 } = new MessageChannel();
  const window = new SlowWindow();
  const leave = connectTerminal(window, port1);
  const console = new MessageConsole(port2, { rows: 24, columns: 80 });
  const typed: string[] = [];
  let writable = 0;
  console.onInput((bytes) => typed.push(bytes === null ? "end" : Buffer.from(bytes).toString()));
  console.onWritable(() => writable++);
  window.type("ä\r");
  window.resize({ rows: 30, cols: 100 });
  await settled();
  assert.deepEqual([typed, console.size()], [["ä\r"], { rows: 30, columns: 100 }]);

  const { room } = console;
  console.write(Buffer.from("a".repeat(room - 1)));
  console.write(Buffer.from("b"));
  assert.deepEqual([console.room, console.pending], [0, room]);
  await settled();
  window.show();
  await settled();
  assert.deepEqual([console.room, writable], [room - 1, 1]);

  console.write(Buffer.from("c"));
  console.discardOutput();
  assert.equal(console.pending, 0);
  console.write(Buffer.from("d"));
  await settled();
  for (let shown = 0; shown < 4; shown++) window.show();
  await settled();
  assert.equal(console.pending, 0);
  assert.match(window.text, /^a+bd$/);

  // The screen is that of the output before the question, whatever is forgotten meanwhile.
  console.write(Buffer.from("e"));
  const [screen] = [console.screen(), console.write(Buffer.from("f"))];
  await settled();
  window.show();
  await settled();
  window.show();
  assert.match(await screen, /^a+bde$/);
  console.write(Buffer.from("g"));
  const after = console.screen();
  console.discardOutput();
  for (let shown = 0; shown < 3; shown++) {
    await settled();
    window.show();
  }
  assert.match(await after, /^a+bdefg?$/);

  // A page that goes tells what it shows; it counts as long as nothing more was written.
  window.text = "left";
  leave();
  await settled();
  window.text = "gone";
  assert.equal(await console.screen(), "left");
  console.write(Buffer.from("!"));
  const later = console.screen();
  await settled();
  window.show();
  assert.equal(await later, "gone!");
  port1.close();
  port2.close();
});

test("a stream of the web is standard input: its bytes, then its end", async () => {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const input = new WebStreamIn(new ReadableStream({ start: (given) => void (controller = given) }));
  let readable = 0;
  input.onReadable(() => readable++);
  const into = new Uint8Array(8);
  assert.equal(input.read(into, 0, 8), -EAGAIN);
  controller.enqueue(Buffer.from("hello"));
  await settled();
  assert.deepEqual([readable, input.available], [1, 5]);
  assert.equal(input.read(into, 1, 3), 3);
  assert.equal(Buffer.from(into.subarray(1, 4)).toString(), "hel");
  assert.equal(input.read(into, 0, 8), 2);
  controller.close();
  await settled();
  assert.deepEqual([input.isEnded, input.read(into, 0, 8)], [true, 0]);

  const broken = new WebStreamIn(new ReadableStream({ start: (given) => given.error(new Error("gone")) }));
  await settled();
  assert.deepEqual([broken.isEnded, broken.read(into, 0, 8)], [true, -EIO]);
});

test("standard output waits for a slow stream, and breaks with one that nobody reads", async () => {
  let take: () => void = () => {};
  let text = "";
  const output = new WebStreamOut(
    new WritableStream({
      write: (bytes) => {
        text += Buffer.from(bytes).toString();
        return new Promise<void>((resolve) => void (take = resolve));
      },
    }),
  );
  let writable = 0;
  output.onWritable(() => writable++);
  const bytes = Buffer.from("x".repeat(70_000));
  const taken = output.write(bytes, 0, bytes.length);
  assert.deepEqual([taken < 70_000, output.room, output.write(bytes, taken, 1)], [true, 0, -EAGAIN]);
  await settled();
  take();
  await settled();
  assert.deepEqual([writable, text.length, output.room], [1, taken, taken]);

  const broken = new WebStreamOut(
    new WritableStream({
      write: () => {
        throw new Error("gone");
      },
    }),
  );
  broken.write(bytes, 0, 1);
  await settled();
  assert.deepEqual([broken.isBroken, broken.write(bytes, 0, 1)], [true, -EPIPE]);
});

test("what a page cannot give is refused by name", () => {
  assert.match(new RefusedPortError("sockets").message, /sockets/);
  assert.match(new RefusedPortError("folders").message, /folders/);
});
