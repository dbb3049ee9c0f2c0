/** Goal: interfaces are what a machine's network makes of them. Method: as `Network` makes them, on simulated hosts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SimulatedNetwork, SimulatedRandomSource } from "@stratos/host";
import { makeInterfaces } from "./network-interface.ts";

const host = new SimulatedNetwork().host([{ family: 4, address: "10.0.0.2", prefixLength: 24 }]);
const addressOf = (seed: number): Uint8Array =>
  makeInterfaces({ provider: host, isLoopbackUp: true }, new SimulatedRandomSource(seed)).find(
    ({ name }) => name === "eth0",
  )!.hardwareAddress;

test("each machine has a hardware address of its own, and a seeded one always the same", () => {
  assert.deepEqual(addressOf(1), addressOf(1));
  const seen = new Set(Array.from({ length: 200 }, (_, seed) => addressOf(seed).join(":")));
  assert.equal(seen.size, 200);
});

test("hardware addresses are of one station and nobody's assigned ones", () => {
  for (let seed = 0; seed < 200; seed++) assert.equal(addressOf(seed)[0]! & 3, 2, `seed ${seed}`);
});

test("a machine without a network has its loopback alone, and takes no chance for it", () => {
  const random = new SimulatedRandomSource(1);
  assert.deepEqual(
    makeInterfaces({ provider: null, isLoopbackUp: true }, random).map(({ name }) => name),
    ["lo"],
  );
  const [after, fresh] = [random, new SimulatedRandomSource(1)].map((source) => {
    const bytes = new Uint8Array(8);
    source.fill(bytes);
    return bytes;
  });
  assert.deepEqual(after, fresh);
});
