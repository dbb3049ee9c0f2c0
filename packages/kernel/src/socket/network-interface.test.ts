/** Goal: interfaces are what a machine's network makes of them. Method: as `Network` makes them, on simulated hosts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SimulatedNetwork, SimulatedRandomSource } from "@stratos/host";
import { ENOBUFS, RTN_LOCAL } from "@stratos/abi";
import { makeV4 } from "@stratos/netstack";
import { createTestKernel } from "../testing/fake-task.ts";
import { NamespaceCounts } from "../security/namespace-counts.ts";
import { INITIAL_USER_NAMESPACE } from "../security/user-namespace.ts";
import { addAddress, removeAddress, setUp } from "./interface-changes.ts";
import { createDummy, createVethPair } from "./new-interfaces.ts";
import { Network } from "./network.ts";
import { AS_IT_COMES, chosenHardwareAddress } from "./network-interface.ts";

const origin = { ino: 1, owner: INITIAL_USER_NAMESPACE, creatorUid: 0, counts: null };

const addressOf = (seed: number): Uint8Array => chosenHardwareAddress(new SimulatedRandomSource(seed));

test("each machine has a hardware address of its own, and a seeded one always the same", () => {
  assert.deepEqual(addressOf(1), addressOf(1));
  const seen = new Set(Array.from({ length: 200 }, (_, seed) => addressOf(seed).join(":")));
  assert.equal(seen.size, 200);
});

test("hardware addresses are of one station and nobody's assigned ones", () => {
  for (let seed = 0; seed < 200; seed++) assert.equal(addressOf(seed)[0]! & 3, 2, `seed ${seed}`);
});

test("a machine with a provider has an outside interface with the host's addresses and the routes there", () => {
  const host = new SimulatedNetwork().host([{ family: 4, address: "10.0.0.2", prefixLength: 24 }]);
  const { network } = createTestKernel({ sockets: host }).kernel;
  assert.deepEqual(
    network.interfaces.map(({ index, name, isUp }) => [index, name, isUp]),
    [
      [1, "lo", true],
      [2, "eth0", true],
    ],
  );
  assert.equal(network.outside?.index, network.interfaces[1]!.index);
});

test("a machine without a network has its loopback alone, and takes no chance for it", () => {
  const { kernel } = createTestKernel();
  const [after, fresh] = [true, false].map((isMade) => {
    const random = new SimulatedRandomSource(1);
    if (isMade) {
      const made = new Network(Object.assign(Object.create(kernel), { random }), {
        provider: null,
        isLoopbackUp: true,
        origin,
      });
      assert.deepEqual(
        made.interfaces.map(({ name }) => name),
        ["lo"],
      );
    }
    const bytes = new Uint8Array(8);
    random.fill(bytes);
    return bytes;
  });
  assert.deepEqual(after, fresh);
});

test("a further network begins with its loopback down and without addresses", () => {
  const { kernel } = createTestKernel();
  const further = new Network(kernel, { provider: null, isLoopbackUp: false, origin });
  const [loopback] = further.interfaces;
  assert.deepEqual([loopback!.isUp, loopback!.addresses.length, further.routes.list().length], [false, 0, 0]);
  assert.equal(kernel.network.interfaces[0]!.isUp, true);
});

test("a network has 256 addresses, and what they imply comes and goes with each, which is charged", () => {
  const { kernel } = createTestKernel();
  const network = new Network(kernel, { provider: null, isLoopbackUp: false, origin });
  const interfaces = [0, 1].map(() => createDummy(network, AS_IT_COMES));
  const address = (number: number) => ({ ip: makeV4(0x0a000001 + number * 256), prefixLength: 24, broadcast: null });
  for (const one of interfaces) {
    assert.ok(typeof one !== "number");
    setUp(network, one, true);
  }
  const before = network.interfaces.reduce((count, { addresses }) => count + addresses.length, 0);
  const routesBefore = network.routes.list().length;
  const one = (number: number) => interfaces[number & 1] as Exclude<(typeof interfaces)[0], number>;
  for (let number = before; number < 256; number++) assert.equal(addAddress(network, one(number), address(number)), 0);
  assert.equal(network.routes.list().length, routesBefore + (256 - before) * 3);
  assert.equal(addAddress(network, one(0), address(256)), -ENOBUFS);
  kernel.work.begin();
  removeAddress(network, one(255), one(255).addressLike(address(255))!);
  assert.ok(kernel.work.spent > 100);
  assert.equal(network.routes.list().length, routesBefore + (255 - before) * 3);
  assert.equal(addAddress(network, one(0), address(256)), 0);
  setUp(network, one(0), false);
  setUp(network, one(1), false);
  const left = network.routes.list();
  assert.equal(left.length, 256 - before, "those that say whose the addresses are");
  assert.ok(left.every(({ type }) => type === RTN_LOCAL));
});

test("a network ends with both ends of a pair in it, and keeps its loopback to the last", () => {
  const { kernel } = createTestKernel();
  const counts = new NamespaceCounts();
  assert.ok(counts.charge(INITIAL_USER_NAMESPACE, 0, "net"));
  const network = new Network(kernel, { provider: null, isLoopbackUp: false, origin: { ...origin, counts } });
  for (let pair = 0; pair < 2; pair++) createVethPair(network, AS_IT_COMES, AS_IT_COMES);
  assert.equal(network.interfaces.length, 5);
  network.retain().release();
  assert.deepEqual(
    network.interfaces.map(({ name }) => name),
    ["lo"],
  );
});

test("addresses that nobody assigned are of one station and administered here, whatever chance says", () => {
  const filled = (byte: number): Uint8Array => chosenHardwareAddress({ fill: (bytes) => bytes.fill(byte) });
  assert.deepEqual(
    [0, 0xff, 0x55].map((byte) => [...filled(byte).subarray(0, 2)]),
    [
      [2, 0],
      [0xfe, 0xff],
      [0x56, 0x55],
    ],
  );
  const counted = chosenHardwareAddress({
    fill: (bytes) => bytes.forEach((_byte, index) => (bytes[index] = 16 * index)),
  });
  assert.deepEqual([...counted], [2, 16, 32, 48, 64, 80]);
});
