/**
 * Goal: programs on a bus find, call and hear each other as the D-Bus Specification says, and none of them can speak
 * for another, hear what is not for it, or make the bus hold more than it may.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { BusClient } from "../testing/bus-client.ts";
import { bodyOf, ERROR, METHOD_CALL, METHOD_RETURN, SIGNAL, writeMessage } from "../wire/message.ts";
import { BUS_NAME } from "../wire/names.ts";
import { Bus } from "./bus.ts";

interface Started {
  readonly name: string;
  readonly fail: (why: string) => void;
}

function newBus(): { readonly bus: Bus; readonly started: Started[] } {
  const started: Started[] = [];
  const bus = new Bus({
    guid: "0".repeat(32),
    machineId: () => "f".repeat(32),
    activatable: () => ["org.example.Later"],
    activate: (name, fail) => name === "org.example.Later" && started.push({ name, fail }) > 0,
    awaitName: () => {},
    updateEnvironment: () => {},
  });
  return { bus, started };
}

const CALL = { path: "/o", interface: "x.Y", member: "Do" };

test("who connects is who the kernel says, or goes", () => {
  const { bus } = newBus();
  const client = new BusClient(bus);
  client.say("\0AUTH\r\nAUTH ANONYMOUS\r\nAUTH EXTERNAL 30\r\nNEGOTIATE_UNIX_FD\r\nAUTH EXTERNAL\r\nDATA\r\n");
  assert.equal(
    client.lines,
    "REJECTED EXTERNAL\r\n".repeat(3) + `ERROR\r\nDATA\r\nOK ${"0".repeat(32)}\r\n`,
    "root's number from another's process is not taken",
  );
  for (const words of [
    "AUTH EXTERNAL 31303030\r\n",
    "\0BEGIN\r\n",
    `\0${"x".repeat(20_000)}`,
    "\0" + "X\r\n".repeat(20),
  ]) {
    const stranger = new BusClient(bus);
    stranger.say(words);
    assert.ok(stranger.isEnded, JSON.stringify(words.slice(0, 30)));
  }
  const early = new BusClient(bus);
  early.say("\0AUTH EXTERNAL 31303030\r\nBEGIN\r\n");
  early.send({ ...CALL, destination: BUS_NAME });
  assert.ok(early.isEnded, "Hello comes first");
});

test("names: owned, queued, replaced, given back; everybody who asks is told", () => {
  const { bus } = newBus();
  const [one, two, looker] = [BusClient.named(bus), BusClient.named(bus), BusClient.named(bus)];
  looker.call("AddMatch", "s", ["type='signal',member='NameOwnerChanged',arg0='a.b'"]);
  const request = (client: BusClient, flags: number): unknown =>
    client.call("RequestName", "su", ["a.b", flags]).values[0];
  assert.equal(request(one, 1), 1);
  assert.equal(request(one, 1), 4);
  assert.equal(request(two, 4), 3);
  assert.equal(request(two, 0), 2);
  assert.deepEqual(one.call("ListQueuedOwners", "s", ["a.b"]).values[0], [one.unique, two.unique]);
  assert.equal(request(two, 2), 1, "the first had allowed it");
  one.leave();
  assert.equal(two.call("ReleaseName", "s", ["a.b"]).values[0], 1);
  assert.equal(two.call("GetNameOwner", "s", ["a.b"]).errorName, `${BUS_NAME}.Error.NameHasNoOwner`);
  const changes = looker.messages
    .filter(({ member }) => member === "NameOwnerChanged")
    .map(({ values }) => values.slice(1));
  assert.deepEqual(changes, [
    ["", one.unique],
    [one.unique, two.unique],
    [two.unique, ""],
  ]);
  const told = two.messages
    .map(({ member, values }) => [member, values[0]])
    .filter(([member]) => /^Name/.test(String(member)));
  assert.deepEqual(told.slice(-2), [
    ["NameAcquired", "a.b"],
    ["NameLost", "a.b"],
  ]);
  for (const wrong of ["a", ":1.7", BUS_NAME, "a..b", "a.1b"])
    assert.equal(two.call("RequestName", "su", [wrong, 0]).errorName, `${BUS_NAME}.Error.InvalidArgs`, wrong);
});

test("calls and answers reach whom they are for; an answer that nobody waits for reaches nobody", () => {
  const { bus } = newBus();
  const [caller, callee, other] = [BusClient.named(bus), BusClient.named(bus), BusClient.named(bus)];
  callee.call("RequestName", "su", ["a.b", 0]);
  other.call("AddMatch", "s", ["interface='x.Y'"]);
  const file = {};
  const serial = caller.send({ ...CALL, destination: "a.b", sender: other.unique }, [file]);
  const call = callee.messages.at(-1)!;
  assert.deepEqual(
    [call.sender, call.member, call.files],
    [caller.unique, "Do", [file]],
    "the sender is the bus's word",
  );
  assert.deepEqual(caller.released, [file]);
  const answer = { type: METHOD_RETURN, replySerial: serial, destination: caller.unique };
  other.send(answer);
  callee.send({ ...answer, replySerial: 999 });
  const before = caller.messages.length;
  callee.send({ ...answer, signature: "s", body: bodyOf("s", ["done"]) });
  callee.send(answer);
  assert.deepEqual(
    caller.messages.slice(before - 0).map(({ sender, values }) => [sender, values]),
    [[callee.unique, ["done"]]],
  );
  assert.ok(!other.messages.some(({ member }) => member === "Do"), "it was not for it");

  caller.send({ ...CALL, destination: "a.b" });
  callee.leave();
  assert.equal(caller.messages.findLast(({ type }) => type === ERROR)!.errorName, `${BUS_NAME}.Error.NoReply`);
  caller.send({ ...CALL, destination: "a.b" });
  assert.equal(caller.messages.at(-1)!.errorName, `${BUS_NAME}.Error.ServiceUnknown`);
});

test("signals go to who has asked for them, by each part of a rule", () => {
  const { bus } = newBus();
  const speaker = BusClient.named(bus);
  speaker.call("RequestName", "su", ["a.b", 0]);
  const signal = { type: SIGNAL, path: "/o/p", interface: "x.Y", member: "Told" };
  const say = (): void =>
    void speaker.send({ ...signal, signature: "sos", body: bodyOf("sos", ["a.b.c", "/dev/sda", "/aa/"]) });
  for (const [rule, hears] of [
    ["", true],
    ["type='signal',sender='a.b'", true],
    [`sender='${speaker.unique}',path='/o/p'`, true],
    ["sender='a.c'", false],
    ["path_namespace='/o'", true],
    ["path_namespace='/o/pp'", false],
    ["path_namespace='/',member=Told", true],
    ["arg0namespace='a.b'", true],
    ["arg0namespace='a.b.c.d'", false],
    ["arg0='a.b.c',arg1path='/dev/'", true],
    ["arg1='/dev/sda'", false],
    ["arg2path='/aa/bb'", true],
    ["arg2path='/a/'", false],
    ["destination='a.b'", false],
  ] as const) {
    const listener = BusClient.named(bus);
    const { errorName } = listener.call("AddMatch", "s", [rule]);
    assert.equal(errorName, undefined, rule);
    say();
    const count = (): number => listener.messages.filter(({ member }) => member === "Told").length;
    assert.equal(count(), hears ? 1 : 0, rule);
    listener.call("RemoveMatch", "s", [rule]);
    say();
    assert.equal(count(), hears ? 1 : 0, `${rule}, taken back`);
    listener.leave();
  }
  for (const wrong of ["type='x'", "nonsense", "arg64='x'", "path='/',path_namespace='/'", "member='a b'", "arg0='x"])
    assert.equal(speaker.call("AddMatch", "s", [wrong]).errorName, `${BUS_NAME}.Error.MatchRuleInvalid`, wrong);
});

test("a service is started by the first call, and calls wait for it", () => {
  const { bus, started } = newBus();
  const caller = BusClient.named(bus);
  for (let count = 0; count < 3; count++) caller.send({ ...CALL, destination: "org.example.Later" });
  assert.equal(started.length, 1);
  const service = BusClient.named(bus);
  service.call("RequestName", "su", ["org.example.Later", 0]);
  assert.equal(service.messages.filter(({ member }) => member === "Do").length, 3);
  service.leave();
  caller.send({ ...CALL, destination: "org.example.Later" });
  started[1]!.fail("it ended");
  const { errorName, values } = caller.messages.at(-1)!;
  assert.equal(errorName, `${BUS_NAME}.Error.Spawn.ExecFailed`);
  assert.match(String(values[0]), /it ended/);
});

test("a service that goes amid the calls that waited for it takes nobody with it", () => {
  const { bus } = newBus();
  const caller = BusClient.named(bus);
  const serials = [1, 2, 3].map(() => caller.send({ ...CALL, destination: "org.example.Later" }));
  const service = BusClient.named(bus);
  // Its name, and one call.
  service.readsMax = service.messages.length + 2;
  service.call("RequestName", "su", ["org.example.Later", 0]);
  assert.equal(service.messages.at(-1)!.member, "Do");
  const answers = serials.map((serial) => caller.messages.find(({ replySerial }) => replySerial === serial)?.errorName);
  assert.deepEqual(answers, Array(3).fill(`${BUS_NAME}.Error.NoReply`));
});

test("what a program can make the bus hold is bounded, and what breaks the protocol ends it", () => {
  const { bus } = newBus();
  const greedy = BusClient.named(bus);
  let refused = "";
  for (let count = 0; count < 600 && refused === ""; count++)
    refused = greedy.call("RequestName", "su", [`a.b${count}`, 0]).errorName ?? "";
  assert.equal(refused, `${BUS_NAME}.Error.LimitsExceeded`);
  for (const [count, text, isTaken] of [
    [1000, "x", true],
    [100, "x", false],
    [1, "x".repeat(1 << 18), false],
  ] as const) {
    const variables = Array.from({ length: count }, (_, at) => [`V${count}_${at}`, text]);
    const { errorName } = greedy.call("UpdateActivationEnvironment", "a{ss}", [variables]);
    assert.equal(errorName, isTaken ? undefined : `${BUS_NAME}.Error.LimitsExceeded`, `${count} more`);
  }
  const mute = BusClient.named(bus);
  for (let count = 0; count < 5000; count++) greedy.send({ ...CALL, destination: mute.unique });
  assert.equal(greedy.messages.at(-1)!.errorName, `${BUS_NAME}.Error.LimitsExceeded`);
  for (const bytes of [
    [0x6c, 1, 0, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0],
    [0x6c, 1, 0, 1, 0, 0, 0, 127, 1, 0, 0, 0, 0, 0, 0, 0],
    [0x6c, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  ]) {
    const broken = BusClient.named(bus);
    broken.push(Uint8Array.from(bytes));
    assert.ok(broken.isEnded, bytes.join());
    assert.equal(greedy.call("NameHasOwner", "s", [broken.unique]).values[0], false);
  }
  const piece = BusClient.named(bus);
  piece.push(Uint8Array.of(0x6c, 1, 0));
  assert.ok(!piece.isEnded, "a message comes in pieces");
});

extendedTest("what many programs together can make the bus hold is bounded, too, and given back as they go", () => {
  const { bus } = newBus();
  const LIMITS = `${BUS_NAME}.Error.LimitsExceeded`;
  const many = Array.from({ length: 9 }, () => BusClient.named(bus));
  const refusals = (ask: (client: BusClient, at: number) => string | undefined): number =>
    many.filter((client, at) => ask(client, at) === LIMITS).length;
  const times = (count: number, ask: (index: number) => string | undefined): string | undefined =>
    Array.from({ length: count }, (_, index) => ask(index)).at(-1);
  const names = (client: BusClient, at: number): string | undefined =>
    times(500, (index) => client.call("RequestName", "su", [`a${at}.b${index}`, 0]).errorName);
  assert.equal(refusals(names), 1);
  const rules = (client: BusClient): string | undefined =>
    times(1000, (index) => client.call("AddMatch", "s", [`member='M${index}'`]).errorName);
  const silent = BusClient.named(bus);
  const calls = (client: BusClient): string | undefined => {
    const before = client.messages.length;
    times(2000, () => void client.send({ ...CALL, destination: silent.unique }));
    return client.messages.slice(before).at(-1)?.errorName;
  };
  assert.equal(refusals(calls), 1);
  assert.equal(refusals(rules), 1);
  many[0]!.leave();
  assert.equal(many[8]!.call("RequestName", "su", ["late.name", 0]).errorName, undefined);
  assert.equal(many[8]!.call("AddMatch", "s", ["member='Late'"]).errorName, undefined);
});

test("calls that wait for services, and messages that do not come whole, are bounded in all", () => {
  const { bus } = newBus();
  const caller = BusClient.named(bus);
  const body = bodyOf("s", ["x".repeat(1 << 20)]);
  for (let count = 0; count < 16; count++)
    caller.send({ ...CALL, destination: "org.example.Later", signature: "s", body });
  assert.equal(caller.messages.at(-1)!.errorName, `${BUS_NAME}.Error.LimitsExceeded`);
  assert.ok(!caller.isEnded);

  const head = Uint8Array.of(0x6c, 1, 0, 1, 0, 0, 0x1f, 0, 1, 0, 0, 0, 0, 0, 0, 0);
  const part = new Uint8Array(1 << 20);
  part.set(head);
  const halves = Array.from({ length: 33 }, () => BusClient.named(bus));
  for (const half of halves) half.push(part);
  assert.equal(halves.filter(({ isEnded }) => isEnded).length, 1);
  halves[0]!.leave();
  const next = BusClient.named(bus);
  next.push(part.subarray(0, 1 << 19));
  assert.ok(!next.isEnded, "there is room again");
  // Byte by byte a message comes as well.
  const slow = BusClient.named(bus);
  const text = "x".repeat(3000);
  const call = { destination: slow.unique, path: "/o", member: "Do", signature: "s", body: bodyOf("s", [text]) };
  const message = { type: METHOD_CALL, flags: 0, isLittle: true, fileCount: 0, serial: 99, ...call };
  for (const byte of writeMessage(message)) slow.push(Uint8Array.of(byte));
  assert.equal(slow.messages.at(-1)!.values[0], text);
});

test("a monitor sees all, has no name, and may not speak", () => {
  const { bus } = newBus();
  const [monitor, one, two] = [BusClient.named(bus), BusClient.named(bus), BusClient.named(bus)];
  monitor.send({
    ...{ destination: BUS_NAME, path: "/org/freedesktop/DBus", interface: `${BUS_NAME}.Monitoring` },
    ...{ member: "BecomeMonitor", signature: "asu", body: bodyOf("asu", [[], 0]) },
  });
  one.send({ ...CALL, destination: two.unique });
  assert.equal(monitor.messages.at(-1)!.member, "Do");
  assert.equal(one.call("NameHasOwner", "s", [monitor.unique]).values[0], false);
  monitor.call("GetId");
  assert.ok(monitor.isEnded);
});
