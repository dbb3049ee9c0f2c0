/** Goal: programs and the kernel agree on the time. Method: the page that programs read is looked at. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createTestKernel } from "../../testing/fake-task.ts";

test("a fork without memory tells programs the time that was set as soon as it has a page for it", () => {
  const { kernel } = createTestKernel();
  const { frames, memory, vdso } = kernel;
  memory.shortage = { makeRoom: () => false };
  // As after a fork: another kernel has the page, too.
  frames.share(vdso.data.frame(0), memory);
  const told = (): bigint => new BigInt64Array(kernel.physical.u8.buffer, vdso.data.frame(0) * 4096, 1)[0]!;
  const held: number[] = [];
  for (let frame = 0; (frame = frames.allocate(memory)) >= 0;) held.push(frame);
  const before = told();
  kernel.setRealtime(5, 0);
  kernel.followHostClock();
  assert.equal(told(), before, "nowhere to tell it");
  for (const frame of held) frames.release(frame);
  kernel.followHostClock();
  assert.equal(told() + BigInt(kernel.now()), 5_000_000_000n);
});
