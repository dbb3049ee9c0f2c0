/**
 * Goal: filters say what they are written to say, the strictest of several holds, and a task obeys (seccomp(2)).
 * Method: small programs whose answers are known; calls of a task without a processor.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EACCES, EFAULT, EINVAL, ENOMEM, ENOSYS, ESRCH, RLIMIT_CORE, SIGKILL, SIGSYS } from "@stratos/abi";
import { createTestKernel, createTestTask, type TestTask } from "../testing/fake-task.ts";
import { createMemoryTask } from "../testing/memory-task.ts";
import { call } from "../testing/system-calls.ts";
import { createThreads } from "../testing/thread-tasks.ts";
import type { Task } from "./task.ts";
import { NO_RETURN } from "../ground/wait-queue.ts";
import { BpfFilter, RECORD_WORDS } from "../security/bpf-filter.ts";
import { Seccomp } from "../security/seccomp.ts";
import { ALLOWED, checkSeccomp } from "./seccomp-check.ts";

type Line = readonly [code: number, k: number, jt?: number, jf?: number];

const LD = 0x20,
  LD_IMM = 0x00,
  LDX_IMM = 0x01,
  LD_MEM = 0x60,
  LDX_MEM = 0x61,
  ST = 0x02,
  STX = 0x03,
  TAX = 0x07,
  TXA = 0x87,
  LD_LEN = 0x80,
  LDX_LEN = 0x81,
  JA = 0x05,
  JEQ = 0x15,
  RET = 0x06,
  RET_A = 0x16,
  X = 8;
const KILL_PROCESS = 0x80000000,
  KILL_THREAD = 0,
  TRAP = 0x30000,
  ERRNO = 0x50000,
  TRACE = 0x7ff00000,
  LOG = 0x7ffc0000,
  ALLOW = 0x7fff0000;

function program(lines: readonly Line[]): BpfFilter | number {
  return BpfFilter.check(lines.map(([code, k, jt = 0, jf = 0]) => ({ code, k: k >>> 0, jt, jf })));
}

/** What a program answers for a record whose word n is 100 + n, or these. */
function answer(lines: readonly Line[], words: readonly number[] = []): number {
  const filter = program(lines);
  assert.ok(typeof filter !== "number");
  const record = Uint32Array.from({ length: RECORD_WORDS }, (_, index) => words[index] ?? 100 + index);
  return filter.run(record);
}

test("arithmetic is that of unsigned words, by a constant or the index register", () => {
  const cases: [code: number, a: number, operand: number, expected: number][] = [
    [0x04, 0xffffffff, 2, 1],
    [0x14, 1, 2, 0xffffffff],
    [0x24, 0x10001, 0x10001, 0x20001],
    [0x34, 0xfffffffe, 3, 0x55555554],
    [0x44, 0x80000001, 6, 0x80000007],
    [0x54, 0x80000007, 0x80000004, 0x80000004],
    [0xa4, 0xffffffff, 0x0f, 0xfffffff0],
    [0x64, 3, 31, 0x80000000],
    [0x74, 0x80000000, 31, 1],
  ];
  for (const [code, a, operand, expected] of cases) {
    assert.equal(
      answer([
        [LD_IMM, a],
        [code, operand],
        [RET_A, 0],
      ]),
      expected,
      code.toString(16),
    );
    assert.equal(
      answer([
        [LD_IMM, a],
        [LDX_IMM, operand],
        [code | X, 0],
        [RET_A, 0],
      ]),
      expected,
      code.toString(16),
    );
  }
  assert.equal(
    answer([
      [LD_IMM, 5],
      [0x84, 0],
      [RET_A, 0],
    ]),
    0xfffffffb,
    "negated",
  );
  assert.equal(
    answer([
      [LD_IMM, 5],
      [LDX_IMM, 0],
      [0x34 | X, 0],
      [RET, 9],
    ]),
    0,
    "division by zero ends it",
  );
});

test("jumps compare unsigned words and go forward", () => {
  const jump = (code: number, a: number, operand: number): number =>
    answer([
      [LD_IMM, a],
      [LDX_IMM, operand],
      [code, operand, 1, 2],
      [RET, 9],
      [RET, 1],
      [RET, 0],
    ]);
  const cases: [code: number, a: number, operand: number, holds: number][] = [
    [0x15, 7, 7, 1],
    [0x15, 7, 8, 0],
    [0x25, 0x80000000, 1, 1],
    [0x25, 7, 7, 0],
    [0x35, 7, 7, 1],
    [0x35, 6, 7, 0],
    [0x45, 0x80000001, 0x80000000, 1],
    [0x45, 6, 1, 0],
  ];
  for (const [code, a, operand, holds] of cases) {
    assert.equal(jump(code, a, operand), holds, code.toString(16));
    assert.equal(jump(code | X, a, operand), holds, code.toString(16));
  }
  assert.equal(
    answer([
      [JA, 1],
      [RET, 1],
      [RET, 2],
    ]),
    2,
  );
});

test("a program reads the record, its length, and sixteen words of its own", () => {
  assert.equal(
    answer([
      [LD, 0],
      [RET_A, 0],
    ]),
    100,
  );
  assert.equal(
    answer([
      [LD, 60],
      [RET_A, 0],
    ]),
    115,
  );
  assert.equal(
    answer([
      [LD_LEN, 0],
      [RET_A, 0],
    ]),
    64,
  );
  assert.equal(
    answer([
      [LDX_LEN, 0],
      [TXA, 0],
      [RET_A, 0],
    ]),
    64,
  );
  assert.equal(
    answer([
      [LD_IMM, 7],
      [ST, 15],
      [LD_IMM, 0],
      [LD_MEM, 15],
      [RET_A, 0],
    ]),
    7,
  );
  assert.equal(
    answer([
      [LD_IMM, 7],
      [TAX, 0],
      [STX, 0],
      [LDX_IMM, 0],
      [LDX_MEM, 0],
      [TXA, 0],
      [RET_A, 0],
    ]),
    7,
  );
});

test("a program that could fail or run away is refused", () => {
  const refused: Line[][] = [
    [],
    [[LD, 0]],
    [
      [LD, 64],
      [RET, 0],
    ],
    [
      [LD, 2],
      [RET, 0],
    ],
    [
      [LD_MEM, 16],
      [RET, 0],
    ],
    [
      [LD_MEM, 0],
      [RET, 0],
    ],
    [
      [LDX_MEM, 3],
      [RET, 0],
    ],
    [
      [ST, 16],
      [RET, 0],
    ],
    [
      [0x34, 0],
      [RET, 0],
    ],
    [
      [0x64, 32],
      [RET, 0],
    ],
    [
      [JA, 1],
      [RET, 0],
    ],
    [
      [JA, 0xffffffff],
      [RET, 0],
    ],
    [
      [JEQ, 0, 1, 0],
      [RET, 0],
    ],
    [
      [JEQ, 0, 0, 1],
      [RET, 0],
    ],
    [
      [0xff, 0],
      [RET, 0],
    ],
    Array.from({ length: 4097 }, () => [RET, 0] as const),
  ];
  for (const lines of refused) assert.equal(program(lines), -EINVAL, JSON.stringify(lines.slice(0, 2)));
  assert.ok(typeof program(Array.from({ length: 4096 }, () => [RET, 0] as const)) !== "number");
});

/** A task with filters that answer these. */
function filtered(...answers: number[]): Task {
  const { task } = createTestTask(createTestKernel().kernel);
  task.group.limits[RLIMIT_CORE] = { ...task.group.limits[RLIMIT_CORE]!, soft: 0 };
  for (const each of answers) add(task, [[RET, each]]);
  return task;
}

function add(task: Task, lines: readonly Line[]): void {
  const next = Seccomp.add(task.seccomp, program(lines) as BpfFilter);
  assert.ok(typeof next !== "number");
  task.seccomp = next;
}

test("of several answers the strictest holds, of equal ones the latest filter's", () => {
  const task = filtered();
  const filters = (answers: number[]): BpfFilter[] => answers.map((each) => program([[RET, each]]) as BpfFilter);
  const judge = (...answers: number[]): number => new Seccomp("filter", filters(answers).reverse()).judge(task, 5);
  const byStrictness = [KILL_PROCESS, KILL_THREAD, TRAP, ERRNO, TRACE, LOG, ALLOW];
  byStrictness.forEach((strict, index) => {
    for (const loose of byStrictness.slice(index + 1)) {
      assert.equal(judge(strict, loose), strict);
      assert.equal(judge(loose, strict), strict);
    }
  });
  assert.equal(judge(ERRNO | 1, ERRNO | 2), ERRNO | 2);
});

test("a filter sees the call's number, the architecture, its place and its arguments, at each call anew", () => {
  const task = filtered();
  const { hart } = task.kernel;
  hart.pc = 0x1000;
  hart.set(10, 0x500000003);
  hart.set(15, 6);
  const returns = (word: number, value: number): void => {
    const seeing = filtered();
    add(seeing, [
      [LD, word * 4],
      [JEQ, value, 0, 1],
      [RET, ERRNO | 1],
      [RET, ALLOW],
    ]);
    assert.equal(seeing.seccomp!.judge(task, 77), ERRNO | 1, `word ${word}`);
  };
  [77, 0xc00000f3, 0x1004, 0, 3, 5].forEach((value, word) => returns(word, value));
  returns(14, 6);
  const byArgument = filtered();
  add(byArgument, [
    [LD, 16],
    [JEQ, 3, 0, 1],
    [RET, ALLOW],
    [RET, ERRNO | 1],
  ]);
  assert.equal(byArgument.seccomp!.judge(task, 77), ALLOW);
  hart.set(10, 4);
  assert.equal(byArgument.seccomp!.judge(task, 77), ERRNO | 1, "an allowed call is asked about again");
  const byNumber = filtered();
  add(byNumber, [
    [LD, 0],
    [JEQ, 77, 0, 1],
    [RET, ALLOW],
    [RET, ERRNO | 1],
  ]);
  for (const number of [77, 78, 77, -1, 600]) {
    const expected = number === 77 ? ALLOW : ERRNO | 1;
    assert.equal(byNumber.seccomp!.judge(task, number), expected);
    assert.equal(byNumber.seccomp!.judge(task, number), expected);
  }
});

test("an answer allows, fails, or ends what it says", () => {
  const check = (answered: number): [result: number, task: Task] => {
    const task = filtered(answered);
    return [checkSeccomp(task, task.seccomp!, 63), task];
  };
  assert.equal(check(ALLOW)[0], ALLOWED);
  assert.equal(check(LOG)[0], ALLOWED);
  assert.equal(check(ERRNO | 13)[0], -13);
  assert.equal(check(ERRNO | 0xffff)[0], -4095);
  assert.equal(check(ERRNO)[0] | 0, 0);
  assert.equal(check(TRACE)[0], -ENOSYS);
  for (const ending of [KILL_PROCESS, KILL_THREAD, 0x12340000]) {
    const [result, task] = check(ending);
    assert.equal(result, NO_RETURN);
    assert.equal(task.group.exitStatus! & 0x7f, SIGSYS);
  }
});

test("RET_KILL_THREAD ends the thread alone", () => {
  const { tasks, leader } = createThreads(1);
  const [task] = tasks as [Task];
  add(task, [[RET, KILL_THREAD]]);
  assert.equal(checkSeccomp(task, task.seccomp!, 63), NO_RETURN);
  assert.deepEqual([task.state, leader.state, leader.group.exitStatus], ["X", "R", null]);
});

test("RET_TRAP is a SIGSYS that tells call and data, behind the call", () => {
  const { task, kernel } = createMemoryTask();
  kernel.hart.pc = 0x4000;
  add(task, [[RET, TRAP | 42]]);
  task.group.actions.set(SIGSYS, { handler: 0x100, flags: 0, restorer: 0, maskLow: 0, maskHigh: 0 });
  assert.equal(checkSeccomp(task, task.seccomp!, 63), NO_RETURN);
  assert.equal(kernel.hart.pc, 0x4004);
  const info = task.pending.take(() => true)!;
  assert.deepEqual(
    [info.signal, info.code, info.errno, info.address, info.valueLow, info.valueHigh],
    [SIGSYS, 1, 42, 0x4004, 63, 0xc00000f3],
  );
});

test("strict mode leaves read, write, exit and sigreturn", () => {
  for (const [number, isAllowed] of [
    [63, true],
    [64, true],
    [93, true],
    [139, true],
    [94, false],
    [62, false],
  ] as const) {
    const task = filtered();
    assert.equal(call(task, "seccomp", 0, 0, 0), 0);
    assert.equal(call(task, "prctl", 21, 0, 0, 0, 0), 1);
    assert.equal(checkSeccomp(task, task.seccomp!, number), isAllowed ? ALLOWED : NO_RETURN);
    assert.equal(task.group.exitStatus, isAllowed ? null : SIGKILL);
  }
});

/** Puts a program and its `struct sock_fprog` into memory. */
function store({ memory }: TestTask, lines: readonly Line[], count = lines.length): number {
  memory.storeU32(0x100, count);
  memory.storeU64(0x108, 0x200);
  lines.forEach(([code, k, jt = 0, jf = 0], index) => {
    memory.view.setUint16(0x200 + index * 8, code, true);
    memory.u8[0x202 + index * 8] = jt;
    memory.u8[0x203 + index * 8] = jf;
    memory.storeU32(0x204 + index * 8, k >>> 0);
  });
  return 0x100;
}

test("a filter is set by who may gain nothing new, or by CAP_SYS_ADMIN, and never taken away", () => {
  const user = createTestTask(createTestKernel().kernel);
  const { task } = user;
  const address = store(user, [
    [LD, 0],
    [JEQ, 63, 0, 1],
    [RET, ERRNO | 5],
    [RET, ALLOW],
  ]);
  task.credentials = { ...task.credentials, effective: 0 };
  assert.equal(call(task, "seccomp", 1, 0, address), -EACCES);
  task.credentials = { ...task.credentials, noNewPrivileges: true };
  assert.equal(call(task, "seccomp", 1, 0, address), 0);
  assert.equal(call(task, "prctl", 21, 0, 0, 0, 0), 2);
  assert.equal(checkSeccomp(task, task.seccomp!, 63), -5);
  assert.equal(checkSeccomp(task, task.seccomp!, 64), ALLOWED);
  assert.equal(call(task, "prctl", 22, 2, store(user, [[RET, ERRNO | 6]]), 0, 0), 0);
  assert.deepEqual(
    [63, 64].map((number) => checkSeccomp(task, task.seccomp!, number)),
    [-6, -6],
  );
  assert.equal(call(task, "seccomp", 0, 0, 0), -EINVAL, "strict mode beside filters");
  assert.equal(call(task, "seccomp", 1, 64, address), -EINVAL);
  assert.equal(call(task, "seccomp", 1, 0, 0x7fffffff), -EFAULT);
  assert.equal(call(task, "seccomp", 1, 0, store(user, [], 0)), -EINVAL);
  assert.equal(call(task, "seccomp", 1, 0, store(user, [[LD, 0]])), -EINVAL);
  assert.equal(call(task, "seccomp", 9, 0, 0), -EINVAL);
});

test("all filters together have a limit", () => {
  const task = filtered();
  const long = Array.from({ length: 4096 }, () => [RET, ALLOW] as const);
  for (let count = 0; count < 7; count++) add(task, long);
  assert.equal(Seccomp.add(task.seccomp, program(long) as BpfFilter), -ENOMEM);
  add(task, long.slice(0, 32768 - 7 * 4100));
  assert.equal(Seccomp.add(task.seccomp, program([[RET, 0]]) as BpfFilter), -ENOMEM);
});

test("FLAG_TSYNC brings the other threads in line, unless one has filters of its own", () => {
  const { tasks, space, page, leader } = createThreads(2);
  const [one, other] = tasks as [Task, Task];
  space.storeU32(page, 1);
  space.storeU64(page + 8, page + 64);
  space.storeU32(page + 64, RET);
  space.storeU32(page + 68, ALLOW);
  leader.credentials = one.credentials = { ...one.credentials, effective: 0, noNewPrivileges: true };
  assert.equal(call(one, "seccomp", 1, 0, page), 0);
  assert.equal(leader.seccomp, null);
  assert.equal(call(one, "seccomp", 1, 1, page), 0);
  assert.equal(one.seccomp!.filters.length, 2);
  assert.ok(leader.seccomp === one.seccomp && other.seccomp === one.seccomp);
  assert.equal(other.credentials.noNewPrivileges, true);
  add(other, [[RET, ALLOW]]);
  assert.equal(call(one, "seccomp", 1, 1, page), other.tid);
  assert.equal(call(one, "seccomp", 1, 17, page), -ESRCH);
  assert.equal(one.seccomp!.filters.length, 2);
});
