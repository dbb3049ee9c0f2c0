/** Two stacks over a path in virtual time (simulated-path.ts): what users of TCP notice, whatever the path does. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { TCP_CLOSE, TCP_ESTABLISHED, TCP_TIME_WAIT } from "@stratos/abi";
import { BytesCursor, copyState, loadState, saveState, SeededRandom } from "@stratos/base";
import { PERFECT, type PathQuality, type SimulatedEnd, SimulatedPath } from "../testing/simulated-path.ts";
import type { TcpConnection } from "./tcp-connection.ts";

const SEND_ROOM = 400_000;

/** One direction of a stream: what was written is a function of its place. */
class Side {
  readonly connection: TcpConnection;
  readonly salt: number;
  total: number;
  written = 0;
  read = 0;
  isFinished = false;

  constructor(connection: TcpConnection, salt: number, total: number) {
    this.connection = connection;
    this.salt = salt;
    this.total = total;
  }

  write(most: number): void {
    const count = Math.min(most, this.total - this.written);
    if (count > 0) {
      const bytes = new Uint8Array(count);
      for (let at = 0; at < count; at++) bytes[at] = byteAt(this.salt, this.written + at);
      const moved = this.connection.write(new BytesCursor(bytes), SEND_ROOM, false);
      if (moved > 0) this.written += moved;
    }
    if (this.written === this.total && !this.isFinished) {
      this.isFinished = true;
      this.connection.finish();
    }
  }

  readSome(most: number, salt: number): number {
    const into = new BytesCursor(new Uint8Array(most));
    const moved = this.connection.read(into, false);
    for (let at = 0; at < moved; at++)
      if (into.bytes[at] !== byteAt(salt, this.read + at)) assert.fail(`byte ${this.read + at} is another`);
    this.read += Math.max(0, moved);
    return moved;
  }
}

function byteAt(salt: number, place: number): number {
  return ((Math.imul(place, 2654435761) >>> 13) ^ salt ^ place) & 255;
}

function connect(path: SimulatedPath, port = 80): TcpConnection {
  const { left, right } = path;
  const made = left.stack.connect(
    left.address,
    40000 + (path.carried % 20000),
    right.address,
    port,
    left.options,
    () => {},
  );
  assert.ok(typeof made !== "number", "it begins");
  return made;
}

function connected(path: SimulatedPath): [TcpConnection, TcpConnection] {
  const backlog = path.right.listen(80, 5);
  const client = connect(path);
  const until = path.nowNs + 300e9;
  while (backlog.length === 0 && path.step(until));
  const server = backlog.take();
  assert.ok(server !== null, "the connection is there");
  return [client, server];
}

function assertEmpty(end: SimulatedEnd): void {
  assert.equal(end.stack.count, 0, "no connection is left");
  assert.equal(end.chargedBytes, 0, "no byte is left");
}

describe("TCP between two stacks", () => {
  it("opens, carries both ways, and ends with TIME-WAIT where the end began", () => {
    const path = new SimulatedPath(new SeededRandom(1), PERFECT);
    const [client, server] = connected(path);
    path.run(20);
    assert.equal(client.state, TCP_ESTABLISHED);
    assert.equal(client.write(new BytesCursor(new TextEncoder().encode("hello")), 1000, false), 5);
    path.run(20);
    const into = new BytesCursor(new Uint8Array(10));
    assert.equal(server.read(into, false), 5);
    client.close();
    path.run(20);
    assert.ok(server.isEnded);
    server.close();
    path.run(20);
    assert.equal(client.state, TCP_TIME_WAIT);
    assert.equal(server.state, TCP_CLOSE);
    path.run(61_000);
    assertEmpty(path.left);
    assertEmpty(path.right);
  });

  it("offers and takes those options alone that it is to", () => {
    for (const off of ["offersSack", "offersTimestamps", "offersScale"] as const)
      for (const side of ["left", "right"] as const) {
        const path = new SimulatedPath(new SeededRandom(1), PERFECT);
        path[side].options = { ...path[side].options, [off]: false };
        for (const { hasSack, hasTimestamps, hasScale } of connected(path))
          assert.deepEqual(
            { offersSack: hasSack, offersTimestamps: hasTimestamps, offersScale: hasScale },
            { offersSack: true, offersTimestamps: true, offersScale: true, [off]: false },
          );
      }
  });

  it("counts what it sent for the first time, and SYNs that it repeats", () => {
    const path = new SimulatedPath(new SeededRandom(1), PERFECT);
    const [client] = connected(path);
    for (let count = 0; count < 3; count++) {
      client.write(new BytesCursor(new Uint8Array(10)), 1000, false);
      path.run(100);
    }
    assert.equal(path.left.stack.newSegmentsOut, 3);
    assert.equal(path.right.stack.newSegmentsOut, 0);
    client.finish();
    path.run(100);
    assert.equal(path.left.stack.newSegmentsOut, 4);
    assert.equal(path.left.stack.synRetransmits, 0);

    const silent = new SimulatedPath(new SeededRandom(1), { ...PERFECT, loss: 1 });
    connect(silent);
    silent.run(3500);
    assert.equal(silent.left.stack.synRetransmits, 2);
  });

  it("fills 10 Mbit/s over 50 ms with 1 % loss as far as CUBIC lets it", () => {
    const quality: PathQuality = {
      ...PERFECT,
      delayMs: 25,
      bitsPerSecond: 10e6,
      queueBytes: 64_000,
      loss: 0.01,
    };
    const path = new SimulatedPath(new SeededRandom(3), quality);
    const [client, server] = connected(path);
    const total = 4_000_000;
    const writer = new Side(client, 1, total);
    const reader = new Side(server, 2, 0);
    const began = path.nowNs;
    while (reader.read < total) {
      writer.write(65536);
      while (reader.readSome(65536, 1) > 0);
      assert.ok(path.step(began + 600e9), "it goes on");
    }
    const seconds = (path.nowNs - began) / 1e9;
    assert.ok(seconds < 16, `4 MB took ${seconds.toFixed(1)} s of virtual time`);
  });

  it("fills a link without loss", () => {
    const quality: PathQuality = { ...PERFECT, delayMs: 25, bitsPerSecond: 10e6, queueBytes: 125_000 };
    const path = new SimulatedPath(new SeededRandom(4), quality);
    const [client, server] = connected(path);
    const total = 4_000_000;
    const writer = new Side(client, 1, total);
    const reader = new Side(server, 2, 0);
    const began = path.nowNs;
    while (reader.read < total) {
      writer.write(65536);
      while (reader.readSome(65536, 1) > 0);
      assert.ok(path.step(began + 600e9), "it goes on");
    }
    const seconds = (path.nowNs - began) / 1e9;
    assert.ok(seconds < 4.2, `4 MB took ${seconds.toFixed(1)} s of virtual time; the link alone takes 3.3`);
  });
});

describe("a copy of both ends, in memory or by a file", () => {
  const copies = {
    memory: (world: World): World => copyState(world, { replaced: new Map(), given: new Map() }),
    file: (world: World): World =>
      loadState(saveState(world, new Map()), { ports: new Map(), given: new Map() }) as World,
  };
  for (const [name, copy] of Object.entries(copies))
    it(`goes on in the midst of a transfer with losses, as does the original (${name})`, () => {
      const random = new SeededRandom(21);
      const path = new SimulatedPath(random, { ...PERFECT, delayMs: 20, jitterMs: 10, loss: 0.05 });
      const [client, server] = connected(path);
      const total = 300_000;
      const world = { path, client, server, writing: 0, reading: 0 };
      carry(world, total, 100_000);
      const other = copy(world);
      for (const one of [world, other]) {
        carry(one, total, total);
        assert.equal(one.reading, total);
      }
      assert.equal(other.path.nowNs, path.nowNs, "both do the same");
    });
});

interface World {
  path: SimulatedPath;
  client: TcpConnection;
  server: TcpConnection;
  writing: number;
  reading: number;
}

/** The client writes `total` bytes, until the server has read so many. */
function carry(world: World, total: number, until: number): void {
  const writer = new Side(world.client, 1, total);
  const reader = new Side(world.server, 2, 0);
  writer.written = world.writing;
  reader.read = world.reading;
  while (reader.read < until) {
    writer.write(20_000);
    while (reader.readSome(20_000, 1) > 0);
    assert.ok(reader.read >= until || world.path.step(world.path.nowNs + 600e9), "it goes on");
  }
  world.writing = writer.written;
  world.reading = reader.read;
}

describe("TCP over whatever path", () => {
  const seeds = Number(process.env["STRATOS_TCP_RUNS"] ?? 150);
  it(`brings each byte once and in order, and ends (${seeds} seeds)`, () => {
    for (let seed = 1; seed <= seeds; seed++) {
      try {
        randomRun(seed);
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
  });
});

function randomRun(seed: number): void {
  const random = new SeededRandom(seed);
  const one = (of: number): number => random.below(of);
  const quality: PathQuality = {
    delayMs: 1 + one(80),
    jitterMs: one(3) === 0 ? one(60) : 0,
    loss: one(3) === 0 ? 0 : one(25) / 100,
    duplication: one(3) === 0 ? one(20) / 100 : 0,
    corruption: one(4) === 0 ? one(10) / 100 : 0,
    bitsPerSecond: one(2) === 0 ? 0 : 1e5 * (1 + one(200)),
    queueBytes: 20_000 + one(200_000),
    mtu: 576 + one(1000),
  };
  const path = new SimulatedPath(random, quality);
  const room = 2000 + one(200_000);
  path.left.options = { ...path.left.options, receiveLimit: room, receiveMost: room * (1 + one(8)) };
  path.right.options = { ...path.right.options, receiveLimit: 2000 + one(200_000) };
  const [client, server] = connected(path);
  const a = new Side(client, 1, one(4) === 0 ? one(400_000) : one(20_000));
  const b = new Side(server, 2, one(2) === 0 ? 0 : one(60_000));
  client.noDelay = one(2) === 0;
  const abortAt = one(8) === 0 ? one(200) : -1;
  const limit = path.nowNs + 4000e9;
  let steps = 0;
  const isDone = (): boolean =>
    client.isReset || server.isReset || (a.read === b.total && b.read === a.total && client.isEnded && server.isEnded);
  while (!isDone()) {
    if (steps++ === abortAt) {
      client.abort();
      break;
    }
    if (one(3) === 0) a.write(1 + one(30_000));
    if (one(3) === 0) b.write(1 + one(30_000));
    if (one(2) === 0) b.readSome(1 + one(30_000), 1);
    if (one(2) === 0) a.readSome(1 + one(30_000), 2);
    assert.ok(server.receiving.length <= server.receiveLimit + 65536, "what waits is bounded");
    if (!path.step(Math.min(limit, path.nowNs + 100e6)) && path.nowNs >= limit) assert.fail("it hangs");
  }
  if (abortAt < 0) {
    assert.ok(!client.isReset || client.error === 0, `no error: ${client.error}`);
    assert.deepEqual([a.read, b.read], [b.total, a.total]);
  }
  path.quality = { ...quality, loss: 0, corruption: 0 };
  client.close();
  server.close();
  path.run(2_000_000);
  assertEmpty(path.left);
  assertEmpty(path.right);
}
