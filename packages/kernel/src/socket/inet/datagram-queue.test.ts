/**
 * Goal: the ring gives back what was put in, whatever wraps or grows. Method: seeded pushes and takes beside a plain
 * list; a cursor that faults in the midst.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EFAULT } from "@stratos/abi";
import { BytesCursor, SeededRandom } from "@stratos/base";
import { ScratchEndpoint } from "@stratos/netstack";
import { DatagramQueue, ReceivedDatagram } from "./datagram-queue.ts";

const OVERHEAD = 256;

test("what goes in comes out, in order, with its header", () => {
  for (let seed = 1; seed <= 12; seed++) {
    const random = new SeededRandom(seed);
    const queue = new DatagramQueue();
    const model: { bytes: Uint8Array; port: number; extensions: Uint8Array }[] = [];
    const received = new ReceivedDatagram();
    const most = [10, 300, 5000, 60000][seed % 4]!;
    for (let step = 0; step < 400; step++) {
      const context = `seed ${seed}, step ${step}`;
      if (random.below(100) < (step % 100 < 50 ? 65 : 35) && model.length < 60) {
        const bytes = Uint8Array.from({ length: random.below(most) }, () => random.below(256));
        const extensions = new Uint8Array(random.below(8) === 0 ? 12 : 0).fill(step & 255);
        const from = new ScratchEndpoint().set(Uint32Array.of(step, 1, 2, 0xffffffff), random.below(65536));
        const to = { ip: Uint32Array.of(3, 4, 5, step) };
        const header = { from, to, hopLimit: 64, trafficClass: 255, extensions };
        assert.equal(queue.push(header, 7, new BytesCursor(bytes)), bytes.length, context);
        model.push({ bytes, port: from.port, extensions });
      } else if (model.length > 0) {
        const expected = model.shift()!;
        assert.equal(queue.length, expected.bytes.length, context);
        const room = new Uint8Array(expected.bytes.length + 5);
        assert.equal(queue.copyTo(new BytesCursor(room)), expected.bytes.length, context);
        assert.deepEqual(room.subarray(0, expected.bytes.length), expected.bytes, context);
        queue.describe(received);
        assert.deepEqual(
          [received.port, received.interfaceIndex, received.from[3], received.trafficClass],
          [expected.port, 7, 0xffffffff, 255],
          context,
        );
        assert.deepEqual(received.extensions, expected.extensions, context);
        queue.shift();
      }
      const cost = model.reduce((sum, each) => sum + each.bytes.length + each.extensions.length + OVERHEAD, 0);
      assert.deepEqual([queue.count, queue.cost], [model.length, cost], context);
    }
  }
});

test("bytes that can't be read add nothing", () => {
  const queue = new DatagramQueue();
  const header = {
    from: new ScratchEndpoint(),
    to: { ip: new Uint32Array(4) },
    hopLimit: 0,
    trafficClass: 0,
    extensions: new Uint8Array(0),
  };
  queue.push(header, 1, new BytesCursor(Uint8Array.of(1, 2, 3)));
  const faulting = new BytesCursor(new Uint8Array(100));
  faulting.take = () => 50;
  assert.equal(queue.push(header, 1, faulting), -EFAULT);
  assert.deepEqual([queue.count, queue.cost, queue.length], [1, 3 + OVERHEAD, 3]);
});
