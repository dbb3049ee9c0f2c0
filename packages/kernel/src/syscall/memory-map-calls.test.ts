/**
 * Goal: PR_SET_MM of prctl(2) for who has the right, which the Linux that `tests/abi` records on doesn't give. Method:
 * a process with memory, as execve leaves it.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { EFAULT, EINVAL, EPERM, PR_SET_MM, PR_SET_MM_AUXV, RLIMIT_DATA } from "@stratos/abi";
import { call } from "../testing/system-calls.ts";
import { createThreads } from "../testing/thread-tasks.ts";

const BRK = 7,
  ARGUMENTS_START = 8,
  ARGUMENTS_END = 9;
const EXECUTED = {
  codeStart: 0x10000,
  codeEnd: 0x11000,
  dataStart: 0x12000,
  dataEnd: 0x13000,
  stackStart: 0x80000,
  brkStart: 0x14000,
  brkEnd: 0x14000,
  argumentsStart: 0x80000,
  argumentsEnd: 0x80010,
  environmentStart: 0x80010,
  environmentEnd: 0x80020,
};

it("places are set one at a time, in order and where there is memory", () => {
  const { leader, space, page } = createThreads(0);
  Object.assign(space, EXECUTED);
  const set = (option: number, address: number, size = 0): number =>
    call(leader, "prctl", PR_SET_MM, option, address, size, 0);
  assert.equal(set(ARGUMENTS_START, page), -EINVAL, "the start would lie behind the end");
  assert.equal(set(ARGUMENTS_END, page + 9), 0);
  assert.equal(set(ARGUMENTS_START, page), 0);
  assert.deepEqual([space.argumentsStart, space.argumentsEnd], [page, page + 9]);
  assert.equal(set(ARGUMENTS_END, 0x7ffffffee000), -EFAULT);
  for (const address of [0, 0xffff, 0x7ffffffff000, -1]) assert.equal(set(ARGUMENTS_END, address), -EINVAL);
  for (const option of [0, 16]) assert.equal(set(option, page), -EINVAL);
  leader.group.limits[RLIMIT_DATA] = { soft: 0x1800, hard: 0x1800 };
  assert.equal(set(BRK, 0x14900), -EINVAL, "the heap would be larger than RLIMIT_DATA");
  assert.equal(set(BRK, 0x14800), 0);
  leader.credentials = { ...leader.credentials, effective: 0 };
  assert.equal(set(ARGUMENTS_START, page), -EPERM);
});

it("a shorter auxiliary vector leaves the rest of the one before", () => {
  const { leader, space, page } = createThreads(0);
  space.auxiliaryVector = Uint8Array.from({ length: 48 }, (_, at) => (at < 32 && at % 8 === 0 ? 5 : 0));
  space.storeU64(page, 6);
  space.storeU64(page + 8, 4096);
  assert.equal(call(leader, "prctl", PR_SET_MM, PR_SET_MM_AUXV, page, 16, 0), 0);
  const words = new BigUint64Array(space.auxiliaryVector.buffer);
  assert.deepEqual([...words], [6n, 4096n, 5n, 5n, 0n, 0n]);
  assert.equal(call(leader, "prctl", PR_SET_MM, PR_SET_MM_AUXV, page, 1 << 12, 0), -EINVAL);
  assert.equal(call(leader, "prctl", PR_SET_MM, PR_SET_MM_AUXV, 8, 16, 0), -EFAULT);
});
