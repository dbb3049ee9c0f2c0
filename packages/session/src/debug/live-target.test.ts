/**
 * Goal: a debugger holds a live program, changes it, decides over its signals and hears of its end. Method: packets by
 * hand, over a small program (testing/recorded-program.ts) that a fault ends by way of its handler.
 */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { GdbClient } from "../testing/gdb-client.ts";
import {
  DATA,
  FAULT,
  HANDLER,
  LOOP_START,
  NotedOutput,
  ROUNDS,
  startLive,
  STORE,
} from "../testing/recorded-program.ts";
import type { ProgramEnd } from "../exit-status.ts";
import { LiveTarget } from "./live-target.ts";

interface Debugged {
  readonly client: GdbClient;
  readonly target: LiveTarget;
  readonly output: NotedOutput;
  readonly end: Promise<ProgramEnd>;
}

function debugged(t: TestContext): Debugged {
  const output = new NotedOutput();
  let target: LiveTarget;
  const session = startLive(output, (started) => {
    target = new LiveTarget(started);
  });
  t.after(() => session.close());
  const end = session.run();
  return { client: new GdbClient(target!), target: target!, output, end };
}

const hex = (value: number): string => value.toString(16);
const hex64 = (value: number): string => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes.toString("hex");
};
const pcOf = (reply: string): number =>
  Number(Buffer.from(/;20:([0-9a-f]{16});/.exec(reply)![1]!, "hex").readBigUInt64LE());

/** Words of `$_siginfo`, before those that are zeroes. */
async function siginfoOf(client: GdbClient): Promise<readonly number[]> {
  const answer = await client.ask("qXfer:siginfo:read::0,1000");
  assert.match(answer, /^l/);
  const bytes = Buffer.from(answer.slice(1), "latin1");
  assert.equal(bytes.length, 128);
  return Array.from({ length: 6 }, (_, index) => bytes.readUInt32LE(4 * index));
}

test("a live program stands at breakpoints, changes and steps, and its output comes when it has gone on", async (t) => {
  const { client, output, end } = debugged(t);
  assert.equal(output.text, "", "it has not begun");
  assert.equal(await client.ask(`Z0,${hex(LOOP_START)},4`), "OK");
  assert.equal(pcOf(await client.ask("c")), LOOP_START);
  assert.equal(pcOf(await client.ask("vCont;c")), LOOP_START);
  assert.equal(output.text, "x\n");
  assert.equal(pcOf(await client.ask("s")), LOOP_START + 4);
  assert.equal(await client.ask(`z0,${hex(LOOP_START)},4`), "OK");
  assert.equal(await client.ask(`Z2,${hex(DATA)},8`), "OK");
  const changed = await client.ask("c");
  assert.equal(pcOf(changed), STORE + 4);
  assert.match(changed, new RegExp(`watch:${hex(DATA)};$`));
  assert.equal(await client.ask(`z2,${hex(DATA)},8`), "OK");
  assert.equal(await client.ask("bc"), "", "it goes forwards alone");
  assert.equal(await client.ask("D"), "OK");
  assert.deepEqual(await end, { kind: "exited", status: 7 });
  assert.equal(output.text, "x\n".repeat(ROUNDS));
});

test("memory and registers are changed, code that it may only execute, too", async (t) => {
  const { client, output } = debugged(t);
  await client.ask(`Z0,${hex(LOOP_START)},4`);
  await client.ask("c");
  assert.equal(await client.ask(`M${hex(DATA + 16)},1:79`), "OK");
  // s0 counts the rounds: this one is the last.
  assert.equal(await client.ask(`P8=${hex64(1)}`), "OK");
  assert.equal(await client.ask("p8"), hex64(1));
  // [s1] += 3 becomes += 4 (addi a5, a5, 4).
  assert.equal(await client.ask(`M${hex(LOOP_START + 4)},4:93874700`), "OK");
  await client.ask(`z0,${hex(LOOP_START)},4`);
  assert.match(await client.ask("c"), /^T0b/);
  assert.equal(output.text, "y\n");
  assert.equal(await client.ask(`m${hex(DATA)},1`), "04");
  const registers = await client.ask("g");
  assert.equal(await client.ask(`G${registers}`), "OK");
  assert.equal(await client.ask("g"), registers);
  for (const data of [`M${hex(DATA + 4090)},8:0011223344556677`, `M${hex(DATA)},2:00`, "P8=00", "P44=0000", "G00"])
    assert.match(await client.ask(data), /^E/, data);
});

test("a signal stops the program before it acts on it: it is passed on, or it is not", async (t) => {
  const { client, end } = debugged(t);
  const fault = await client.ask("c");
  assert.match(fault, /^T0b/);
  assert.equal(pcOf(fault), FAULT);
  // si_signo, si_errno, si_code (SEGV_MAPERR), and si_addr behind the gap.
  assert.deepEqual(await siginfoOf(client), [11, 0, 1, 0, 8, 0]);
  assert.match(await client.ask("c"), /^T0b/, "not passed on: the instruction faults once more");
  await client.ask(`Z0,${hex(HANDLER)},4`);
  assert.equal(pcOf(await client.ask("C0b")), HANDLER);
  assert.deepEqual(await siginfoOf(client), [5, 0, 1, 0, HANDLER, 0], "a breakpoint is TRAP_BRKPT");
  assert.equal(await client.ask("vCont;c"), "W07");
  assert.deepEqual(await end, { kind: "exited", status: 7 });
  assert.equal(await client.ask("?"), "W07", "and stays ended");
});

test("signals that the debugger does not want to see do not stop it", async (t) => {
  const { client } = debugged(t);
  assert.equal(await client.ask("QPassSignals:e;b;14"), "OK");
  assert.equal(await client.ask("c"), "W07");
});

test("it is interrupted while it runs, and killed", async (t) => {
  const { client, end } = debugged(t);
  // bnez s0, . : it goes round for ever.
  await client.ask(`M${hex(LOOP_START)},4:63100400`);
  client.send("c");
  await new Promise((resolve) => setImmediate(resolve));
  client.server.feed(Uint8Array.of(3));
  const [, stopped] = await client.until(/\$(T02[^#]*)#/);
  assert.equal(pcOf(stopped!), LOOP_START);
  client.send("k");
  assert.deepEqual(await end, { kind: "killed", signal: 9 });
  await client.server.ended;
});

test("who only hangs up lets the program go on, with the signal that it stood at", async (t) => {
  const { client, target, end } = debugged(t);
  assert.match(await client.ask("c"), /^T0b/);
  client.server.hangUp();
  await client.server.ended;
  target.detach();
  assert.deepEqual(await end, { kind: "exited", status: 7 });
});

test("texts of /proc are read as they were when they were opened", async (t) => {
  const { client, target } = debugged(t);
  const path = Buffer.from(`/proc/${target.pid}/status`).toString("hex");
  assert.equal(await client.ask(`vFile:open:${path},0,0`), "F3");
  assert.match(await client.ask("vFile:pread:3,1000,0"), /;Name:\t.*\nThreads:\t1\n/s);
});

test("a client that knows processes hears of one, by its number, and goes on with it", async (t) => {
  const { client, target } = debugged(t);
  assert.match(await client.ask("qSupported:swbreak+;multiprocess+"), /;multiprocess\+;/);
  const thread = `p${hex(target.pid)}.${hex(target.pid)}`;
  assert.match(await client.ask("?"), new RegExp(`thread:${thread};`));
  assert.equal(await client.ask("qC"), `QC${thread}`);
  assert.equal(await client.ask("qfThreadInfo"), `m${thread}`);
  assert.match(await client.ask("qXfer:threads:read::0,1000"), new RegExp(`<thread id="${thread}" `));
  for (const id of [thread, `p${hex(target.pid)}.-1`, "p0.0"]) assert.equal(await client.ask(`Hg${id}`), "OK", id);
  assert.equal(await client.ask(`Hgp${hex(target.pid + 1)}.${hex(target.pid)}`), "E16");
  assert.match(await client.ask(`vCont;c:p${hex(target.pid)}.-1`), /^T0b/);
  assert.equal(await client.ask(`vCont;C0b:${thread};c:p${hex(target.pid)}.-1`), `W07;process:${hex(target.pid)}`);
});

test("the place of a thread's variable is asked of the library's own description of its modules", async (t) => {
  const { client, target } = debugged(t);
  const name = Buffer.from("_thread_db_link_map_l_tls_modid").toString("hex");
  assert.equal(await client.ask("qSymbol::"), `qSymbol:${name}`);
  assert.equal(await client.ask(`qSymbol::${name}`), "OK", "it is not there");
  const write = async (address: number, content: string): Promise<void> => {
    assert.equal(await client.ask(`M${hex(address)},${hex(content.length / 2)}:${content}`), "OK");
  };
  // Description: l_tls_modid lies 40 bytes in; a module whose number is 2; tp, and before it the vector.
  const [description, module, vector, tp] = [DATA + 64, DATA + 128, DATA + 256, DATA + 400];
  await write(description, "400000000100000028000000");
  await write(module + 40, hex64(2));
  await write(vector + 16, hex64(DATA));
  await write(vector + 32, hex64(DATA + 512));
  await write(tp - 16, hex64(vector));
  assert.equal(await client.ask(`P4=${hex64(tp)}`), "OK");
  const ask = (offset: number, linkMap: number): Promise<string> =>
    client.ask(`qGetTLSAddr:${hex(target.pid)},${hex(offset)},${hex(linkMap)}`);
  assert.match(await ask(4, module), /^E\.the thread has no room/, "nobody has said where the description is");
  assert.equal(await client.ask(`qSymbol:${hex(description)}:${name}`), "OK");
  assert.equal(await client.ask("qSymbol::"), "OK", "it is known");
  assert.equal(await ask(4, module), hex(DATA + 516));
  assert.equal(await ask(4, 0), hex(DATA + 4), "a static program's");
  await write(vector + 32, "ffffffffffffffff");
  assert.match(await ask(4, module), /^E\.the thread has no room/, "not used yet");
  for (const data of ["qGetTLSAddr:99,0,0", "qGetTLSAddr:", `qGetTLSAddr:${hex(target.pid)},x,0`])
    assert.equal(await client.ask(data), "E16", data);
});
