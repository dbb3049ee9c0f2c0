/**
 * Goal: a bus goes on where it was saved, and no program can tell. Method: the same random calls, names, rules and
 * signals with and without saving in between; and what was saved, damaged.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32c, SeededRandom, StateError } from "@stratos/base";
import { BusClient } from "../testing/bus-client.ts";
import { bodyOf, METHOD_CALL, METHOD_RETURN, SIGNAL, writeMessage } from "../wire/message.ts";
import { Bus } from "./bus.ts";

const NAMES = ["org.example.One", "org.example.Two", "org.example.Later"];
const PING = { path: "/o", interface: "x.Y", member: "Ping" };

class Host {
  bus = this.#make();
  readonly clients: BusClient[] = [];
  readonly #random: SeededRandom;
  #last = 0;
  /** All that programs were told. */
  readonly told: string[] = [];

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  #make(): Bus {
    const bus = new Bus({
      guid: "0".repeat(32),
      machineId: () => "f".repeat(32),
      activatable: () => ["org.example.Later"],
      activate: (name) => name === "org.example.Later",
      awaitName: () => {},
      updateEnvironment: () => {},
    });
    bus.serve("org.example.Host", "/h", {
      "x.Y": { methods: { Ping: { takes: "s", gives: "s", call: ([word]) => [word!] } }, signals: {}, properties: {} },
    });
    return bus;
  }

  goOn(): void {
    const saved = this.bus.save();
    this.bus = this.#make();
    const events = this.bus.goOn(
      saved,
      this.clients.map(({ transport }) => transport),
    );
    for (const client of this.clients) client.goOn(events.get(client.transport)!);
  }

  step(): void {
    const random = this.#random;
    const { clients } = this;
    if (clients.length < 2 || (clients.length < 6 && random.below(12) === 0)) {
      const client = random.below(4) === 0 ? new BusClient(this.bus, 1000, ++this.#last) : null;
      clients.push(client ?? BusClient.named(this.bus, ++this.#last));
      // In the midst of saying who it is.
      client?.say("\0AUTH EXT");
      return;
    }
    const at = random.below(clients.length);
    const client = clients[at]!;
    if (client.lines === "") return client.say("ERNAL 31303030\r\nBEGIN\r\n");
    if (client.messages.length === 0) return void client.call("Hello");
    const name = NAMES[random.below(NAMES.length)]!;
    const call = (destination: string): number =>
      client.send({ ...PING, destination, signature: "s", body: bodyOf("s", [name]) });
    switch (random.below(11)) {
      case 0:
      case 1:
        return void client.call("RequestName", "su", [name, random.below(8)]);
      case 2:
        return void client.call("ReleaseName", "s", [name]);
      case 3:
        return void client.call("AddMatch", "s", [`type='signal',sender='${name}'`]);
      case 4:
        return void client.send({ ...PING, type: SIGNAL, signature: "s", body: bodyOf("s", [name]) });
      case 5:
        return void call("org.example.Host");
      case 6:
        return void call(name);
      case 7: {
        const { serial = 0, sender } = client.messages.findLast(({ type }) => type === METHOD_CALL) ?? {};
        if (sender === undefined) return;
        const body = bodyOf("s", ["answer"]);
        return void client.send({
          type: METHOD_RETURN,
          replySerial: serial,
          destination: sender,
          signature: "s",
          body,
        });
      }
      case 8:
        return void client.call("UpdateActivationEnvironment", "a{ss}", [[["NAME", name]]]);
      case 9:
        if (random.below(3) > 0) return;
        client.leave();
        clients.splice(at, 1);
        return this.#note(client);
      default: {
        const head = { flags: 0, serial: 9000 + random.below(1000), isLittle: true, fileCount: 0 };
        const body = bodyOf("s", [name]);
        const whole = writeMessage({ ...head, ...PING, type: METHOD_CALL, destination: name, signature: "s", body });
        client.push(whole.slice(0, 20));
        if (random.below(2) === 0) this.between();
        return client.push(whole.slice(20));
      }
    }
  }

  between = (): void => {};

  #note({ lines, messages }: BusClient): void {
    this.told.push(lines, ...messages.map((message) => JSON.stringify({ ...message, body: [...message.body] })));
  }

  end(): string {
    for (const client of this.clients) this.#note(client);
    return this.told.join("\n");
  }
}

function historyOf(seed: number, saves: boolean): string {
  const host = new Host(seed);
  const chance = new SeededRandom(seed + 1);
  host.between = () => {
    if (chance.below(3) === 0 && saves) host.goOn();
  };
  for (let step = 0; step < 400; step++) {
    host.step();
    host.between();
  }
  return host.end();
}

test("a bus that goes on does as one that was never saved", () => {
  for (let seed = 1; seed <= 3; seed++) {
    const expected = historyOf(seed, false);
    assert.ok(expected.length > 10_000);
    assert.equal(historyOf(seed, true), expected, `seed ${seed}`);
  }
});

test("a program whose connection is not there any more has left", () => {
  const host = new Host(1);
  const [stays, leaves] = [BusClient.named(host.bus, 1), BusClient.named(host.bus, 2)];
  leaves.call("RequestName", "su", ["org.example.One", 0]);
  const waiting = stays.send({ ...PING, destination: "org.example.One", signature: "", body: new Uint8Array(0) });
  const saved = host.bus.save();
  const next = new Host(1).bus;
  stays.goOn(next.goOn(saved, [stays.transport]).get(stays.transport)!);
  const error = stays.messages.find(({ replySerial }) => replySerial === waiting);
  assert.match(error?.errorName ?? "", /NoReply/);
  assert.deepEqual(stays.call("NameHasOwner", "s", ["org.example.One"]).values, [false]);
});

test("what is loaded is refused where it cannot have been saved, whatever bytes are others", () => {
  const host = new Host(5);
  for (let step = 0; step < 300; step++) host.step();
  const saved = host.bus.save();
  const random = new SeededRandom(Number(process.env["STRATOS_SEED"] ?? 3));
  const found = { refused: 0, loaded: 0 };
  for (let tries = 0; tries < 400; tries++) {
    const changed = saved.slice();
    changed[16 + random.below(changed.length - 16)] = random.below(256);
    new DataView(changed.buffer).setUint32(12, crc32c(changed, 16), true);
    const next = new Host(1).bus;
    try {
      next.goOn(
        changed,
        host.clients.map(({ transport }) => ({ ...transport, send: () => {}, close: () => {} })),
      );
      found.loaded++;
      next.close();
    } catch (error) {
      assert.ok(error instanceof StateError, (error as Error).stack);
      found.refused++;
    }
  }
  assert.ok(found.loaded > 10 && found.refused > 100, JSON.stringify(found));
});
