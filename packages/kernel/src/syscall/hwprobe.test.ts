/**
 * Goal: riscv_hwprobe(2) answers for the harts that it is asked about, and which ones have what (Linux
 * Documentation/arch/riscv/hwprobe.rst). Method: a task without a processor; there is no Linux on riscv64 to ask.
 */
import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { EFAULT, EINVAL, RISCV_HWPROBE_WHICH_CPUS as WHICH } from "@stratos/abi";
import { createTestKernel, createTestTask, type TestTask } from "../testing/fake-task.ts";
import { call } from "../testing/system-calls.ts";

const PAIRS = 0x100,
  SET = 0x200,
  BAD = 0x10000000;
const ISA = 4,
  CLOCK = 8,
  UNKNOWN = 999;

function create(): TestTask {
  const { kernel } = createTestKernel();
  return createTestTask(kernel);
}

function putPairs({ memory }: TestTask, ...pairs: readonly (readonly [key: number, value: number])[]): void {
  for (const [index, [key, value]] of pairs.entries()) {
    memory.storeU64(PAIRS + index * 16, key);
    memory.storeU64(PAIRS + index * 16 + 8, value);
  }
}

test("values are those of the harts of a set, of which the machine has one at least", () => {
  const made = create();
  const { task, memory } = made;
  putPairs(made, [ISA, 0], [UNKNOWN, 5]);
  assert.equal(call(task, "riscv_hwprobe", PAIRS, 2, 0, 0, 0), 0);
  assert.ok(memory.loadU64(PAIRS + 8) > 0);
  assert.deepEqual([memory.loadU32(PAIRS + 16), memory.loadU32(PAIRS + 24)], [0xffffffff, 0]);
  memory.storeU64(SET, 1);
  assert.equal(call(task, "riscv_hwprobe", PAIRS, 1, 8, SET, 0), 0);
  memory.storeU64(SET, 0);
  assert.equal(call(task, "riscv_hwprobe", PAIRS, 1, 8, SET, 0), -EINVAL);
  assert.equal(call(task, "riscv_hwprobe", PAIRS, 1, 0, SET, 0), -EINVAL);
  assert.equal(call(task, "riscv_hwprobe", PAIRS, 1, 8, 0, 0), -EFAULT);
  assert.equal(call(task, "riscv_hwprobe", PAIRS, 1, 8, BAD, 0), -EFAULT);
  assert.equal(call(task, "riscv_hwprobe", PAIRS, 1, 0, 0, 2), -EINVAL);
  // A set that is said to be larger than any is looked at as far as there may be harts.
  memory.storeU64(SET, 1);
  assert.equal(call(task, "riscv_hwprobe", PAIRS, 1, -2442, SET, 0), 0);
  assert.equal(call(task, "riscv_hwprobe", PAIRS, 1, -2442, BAD, 0), -EFAULT);
});

test("asked which harts have values, it leaves all of them or none in the set", () => {
  const made = create();
  const { task, memory } = made;
  const which = (set: number, ...pairs: (readonly [number, number])[]): number => {
    putPairs(made, ...pairs);
    memory.storeU64(SET, set);
    assert.equal(call(task, "riscv_hwprobe", PAIRS, pairs.length, 8, SET, WHICH), 0);
    return memory.loadU64(SET);
  };
  putPairs(made, [ISA, 0], [CLOCK, 0]);
  assert.equal(call(task, "riscv_hwprobe", PAIRS, 2, 0, 0, 0), 0);
  const isa = memory.loadU64(PAIRS + 8),
    clock = memory.loadU64(PAIRS + 24);
  const all = which(0, [ISA, isa]);
  assert.ok(all >= 1);
  // Less than there is suits where bits are compared, and not where a number is.
  assert.equal(which(1, [ISA, 1], [CLOCK, clock]), 1);
  assert.equal(which(1, [ISA, isa], [CLOCK, clock - 1]), 0);
  assert.equal(which(1, [ISA, isa + 2 ** 50]), 0);
  assert.equal(which(1, [UNKNOWN, 0], [ISA, isa]), 0);
  assert.equal(memory.loadU32(PAIRS), 0xffffffff);
  // A set with none of this machine's harts stays without.
  assert.equal(which(2 ** 40, [ISA, isa]), 0);
  assert.equal(call(task, "riscv_hwprobe", PAIRS, 1, 0, SET, WHICH), -EINVAL);
  assert.equal(call(task, "riscv_hwprobe", PAIRS, 1, 8, 0, WHICH), -EINVAL);
});

test("a question in many pieces keeps its answer, though an empty set asks about all harts", () => {
  const made = create();
  const { task, memory } = made;
  const { work } = task.kernel;
  const begins = mock.method(work, "begin");
  mock.method(work, "mustPause", () => true);
  putPairs(made, [UNKNOWN, 0], [ISA, 1], [ISA, 1]);
  memory.storeU64(SET, 1);
  assert.equal(call(task, "riscv_hwprobe", PAIRS, 3, 8, SET, WHICH), 0);
  assert.equal(begins.mock.callCount(), 3);
  assert.equal(memory.loadU64(SET), 0);
});
