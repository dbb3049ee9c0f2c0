/**
 * Goal: an editor goes along a recorded program by its lines, in both directions. Method: a program in C of two
 * sources, one with line tables of DWARF 4 and one of DWARF 5, recorded in a guest; a client of the protocol drives
 * `stratos replay --dap -`.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { DebugProtocol } from "@vscode/debugprotocol";
import { MessagePeer } from "./support/message-peer.ts";
import { launcher, start, stratosRun } from "./support/stratos.ts";
import { ensureTestImage, TEST_HOME, TEST_IMAGE } from "./support/test-image.ts";
import { Heard } from "./support/until.ts";

const MAIN = `#include <stdio.h>
long total;
long add(long x);
int main(void) {
  for (int i = 1; i <= 3; i++) {
    long got = add(i);
    printf("%ld\\n", got), fflush(stdout);
  }
  return 0;
}
`;
const ADD = `extern long total;
static long twice(long x) {
  return 2 * x;
}
long add(long x) {
  long more = twice(x);
  total += more;
  return total;
}
`;

let folder: string;
let file: string;
let total: number;

before(async () => {
  await ensureTestImage();
  folder = mkdtempSync(join(tmpdir(), "stratos-dap-"));
  file = join(folder, "run");
  writeFileSync(join(folder, "main.c"), MAIN);
  writeFileSync(join(folder, "add.c"), ADD);
  const compile = (name: string, version: number): void =>
    void execFileSync(
      "riscv64-linux-gnu-gcc",
      ["-c", "-O0", `-gdwarf-${version}`, "-fno-omit-frame-pointer", `${name}.c`],
      { cwd: folder },
    );
  compile("main", 5);
  compile("add", 4);
  execFileSync("riscv64-linux-gnu-gcc", ["-static", "-o", "program", "main.o", "add.o"], { cwd: folder });
  const symbols = execFileSync("riscv64-linux-gnu-nm", ["program"], { cwd: folder, encoding: "latin1" });
  total = parseInt(/^(\w+) . total$/m.exec(symbols)![1]!, 16);
  const script = "cat > /tmp/program; chmod +x /tmp/program; exec /tmp/program";
  const recorded = await stratosRun(["--record", file, "--", "sh", "-c", script], {
    stdin: readFileSync(join(folder, "program")),
  });
  assert.equal(recorded.stdout, "2\n6\n12\n");
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** An editor's side: requests are answered in order, events come when they come. */
class Editor extends MessagePeer<DebugProtocol.ProtocolMessage> {
  #sequence = 0;

  /** @returns the body of the answer */
  async ask<B>(command: string, given: object = {}): Promise<B> {
    const seq = ++this.#sequence;
    this.write({ seq, type: "request", command, arguments: given });
    const answer = (await this.next(
      (message) => message.type === "response" && (message as DebugProtocol.Response).request_seq === seq,
    )) as DebugProtocol.Response;
    assert.ok(answer.success, `${command}: ${answer.message}`);
    return answer.body as B;
  }

  async event<B>(name: string): Promise<{ body: B }> {
    const isIt = (message: DebugProtocol.ProtocolMessage): boolean =>
      message.type === "event" && (message as DebugProtocol.Event).event === name;
    return (await this.next(isIt)) as DebugProtocol.Event & { body: B };
  }

  /** A journey, and where it ends: the reason, and the stack as "function source:line". */
  async go(command: string, given: object = {}): Promise<{ reason: string; stack: string[] }> {
    await this.ask(command, given);
    const { body } = await this.event<DebugProtocol.StoppedEvent["body"]>("stopped");
    const { stackFrames } = await this.ask<DebugProtocol.StackTraceResponse["body"]>("stackTrace", {
      threadId: body.threadId,
    });
    const stack = stackFrames.map(({ name, source, line }) => `${name} ${source?.name ?? "?"}:${line}`);
    return { reason: body.reason, stack };
  }
}

/** Arguments and local variables of a frame. */
async function valuesIn(editor: Editor, frameId: number): Promise<string[]> {
  const { scopes } = await editor.ask<DebugProtocol.ScopesResponse["body"]>("scopes", { frameId });
  const shown: string[] = [];
  for (const { presentationHint, variablesReference } of scopes) {
    if (presentationHint === "registers") continue;
    for (const { name, value } of await partsOf(editor, variablesReference)) shown.push(`${name} = ${value}`);
  }
  return shown;
}

async function partsOf(
  editor: Editor,
  variablesReference: number,
  more: object = {},
): Promise<readonly DebugProtocol.Variable[]> {
  const given = { variablesReference, ...more };
  return (await editor.ask<DebugProtocol.VariablesResponse["body"]>("variables", given)).variables;
}

test("an editor sets breakpoints by line and function, and steps forwards and backwards", async (t) => {
  const child = start([...launcher, "replay", file, "--dap", "-"], { env: { STRATOS_HOME: TEST_HOME } });
  t.after(() => child.kill("SIGKILL"));
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  const editor = new Editor(child);
  const able = await editor.ask<DebugProtocol.Capabilities>("initialize", { adapterID: "stratos" });
  assert.ok(able.supportsStepBack && able.supportsDataBreakpoints);
  await editor.event("initialized");
  await editor.ask("attach");
  assert.equal((await editor.go("configurationDone")).reason, "entry");

  // The recorded process was a shell first: the program is there from its execve on.
  await editor.ask("evaluate", { expression: "seek line:1", context: "repl" });
  await editor.event("stopped");
  const { breakpoints } = await editor.ask<DebugProtocol.SetBreakpointsResponse["body"]>("setBreakpoints", {
    source: { path: "/home/me/elsewhere/add.c" },
    breakpoints: [{ line: 7 }],
  });
  assert.deepEqual([breakpoints[0]!.verified, breakpoints[0]!.line], [true, 7]);
  const inAdd = ["add add.c:7", "main main.c:6"];
  const first = await editor.go("continue", { threadId: 2 });
  assert.equal(first.reason, "breakpoint");
  assert.deepEqual(first.stack.slice(0, 2), inAdd);

  const threadId = 2;
  const frame = threadId * 1024;
  assert.deepEqual(await valuesIn(editor, frame), ["x = 2", "more = 4"]);
  assert.deepEqual(await valuesIn(editor, frame + 1), ["got = 2", "i = 2"], "those of the caller");
  await editor.ask("evaluate", { expression: "more", context: "repl" });
  await assert.rejects(
    editor.ask("setVariable", { variablesReference: 1, name: "x", value: "2" }),
    /setVariable: variables are shown and not set: a recorded run cannot be changed/,
  );
  assert.deepEqual((await editor.go("next", { threadId })).stack[0], "add add.c:8");
  assert.deepEqual((await editor.go("stepBack", { threadId })).stack[0], "add add.c:7");
  assert.deepEqual((await editor.go("stepBack", { threadId })).stack[0], "add add.c:6", "over the call of twice");
  assert.deepEqual((await editor.go("stepIn", { threadId })).stack.slice(0, 3), [
    "twice add.c:2",
    ...["add add.c:6", "main main.c:6"],
  ]);
  assert.deepEqual((await editor.go("stepOut", { threadId })).stack[0], "add add.c:6");
  await editor.ask("setBreakpoints", { source: { path: "/home/me/elsewhere/add.c" }, breakpoints: [] });
  assert.deepEqual((await editor.go("stepOut", { threadId })).stack[0], "main main.c:6");
  assert.deepEqual((await editor.go("next", { threadId })).stack[0], "main main.c:7");

  await editor.ask("setFunctionBreakpoints", { breakpoints: [{ name: "twice" }] });
  for (let times = 0; times < 2; times++) {
    const back = await editor.go("reverseContinue", { threadId });
    assert.deepEqual([back.reason, back.stack[0]], ["breakpoint", "twice add.c:2"]);
  }
  await editor.ask("setFunctionBreakpoints", { breakpoints: [] });

  const infoOf = (name: string): Promise<DebugProtocol.DataBreakpointInfoResponse["body"]> =>
    editor.ask("dataBreakpointInfo", { name });
  assert.match((await infoOf("got")).description, /^got: no global variable of this name is mapped here/);
  const { dataId, description } = await infoOf("total");
  assert.equal(description, `8 bytes at 0x${total.toString(16)} (total)`);
  assert.equal((await infoOf(`0x${total.toString(16)}`)).dataId, dataId, "the same by its address");
  await editor.ask("setDataBreakpoints", { breakpoints: [{ dataId, accessType: "write" }] });
  const written = await editor.go("continue", { threadId });
  assert.deepEqual([written.reason, written.stack[0]], ["data breakpoint", "add add.c:8"]);
  const memory = await editor.ask<{ data: string }>("readMemory", {
    memoryReference: `0x${total.toString(16)}`,
    count: 8,
  });
  assert.equal(Buffer.from(memory.data, "base64").readBigUInt64LE(), 2n);
  await editor.ask("setDataBreakpoints", { breakpoints: [] });

  const end = await editor.go("continue", { threadId });
  assert.equal(end.reason, "pause");
  const { scopes } = await editor.ask<DebugProtocol.ScopesResponse["body"]>("scopes", { frameId: threadId * 1024 });
  const { variables } = await editor.ask<DebugProtocol.VariablesResponse["body"]>("variables", {
    variablesReference: scopes[0]!.variablesReference,
  });
  assert.equal(variables.find(({ name }) => name === "a7")?.value, "0x5e", "it is in exit_group");
  await editor.ask("disconnect");
  assert.equal(await ended, 0);
});

test("breakpoints have conditions, logpoints print, in both directions; a mistake in one is told", async (t) => {
  const child = start([...launcher, "replay", file, "--dap", "-"], { env: { STRATOS_HOME: TEST_HOME } });
  t.after(() => child.kill("SIGKILL"));
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  const editor = new Editor(child);
  const able = await editor.ask<DebugProtocol.Capabilities>("initialize", { adapterID: "stratos" });
  assert.ok(able.supportsConditionalBreakpoints && able.supportsHitConditionalBreakpoints && able.supportsLogPoints);
  await editor.ask("attach");
  await editor.go("configurationDone");
  await editor.go("evaluate", { expression: "seek line:1", context: "repl" });
  const threadId = 2;
  const stopInTwice = (condition: string): Promise<DebugProtocol.SetFunctionBreakpointsResponse["body"]> =>
    editor.ask("setFunctionBreakpoints", { breakpoints: [{ name: "twice", condition }] });
  const evaluate = async (expression: string): Promise<string> =>
    (await editor.ask<DebugProtocol.EvaluateResponse["body"]>("evaluate", { expression })).result;
  const printed = async (): Promise<string> =>
    (await editor.event<DebugProtocol.OutputEvent["body"]>("output")).body.output;

  const mistaken = await stopInTwice("x = 3");
  assert.deepEqual(
    mistaken.breakpoints.map(({ verified, message }) => [verified, message]),
    [[false, 'x = 3: not understood from "= 3" on']],
  );
  await editor.ask("setBreakpoints", {
    source: { path: "add.c" },
    breakpoints: [{ line: 3, logMessage: "x is {x}, twice {2 * $a0}" }],
  });
  await stopInTwice("$a0 == 3");
  const third = await editor.go("continue", { threadId });
  assert.deepEqual([third.reason, third.stack[0]], ["breakpoint", "twice add.c:2"]);
  assert.equal(await evaluate("$a0 * 8 + 1"), "0x19");
  assert.equal(await evaluate(`*0x${total.toString(16)}`), "0x6", "the sum of two calls");
  assert.equal(await printed(), "x is 2, twice 4\n");
  await assert.rejects(evaluate("*8"), /nothing is mapped at 0x8/);

  await stopInTwice("$a0 < 2");
  const first = await editor.go("reverseContinue", { threadId });
  assert.deepEqual([first.reason, first.stack[0], await evaluate("$a0")], ["breakpoint", "twice add.c:2", "0x1"]);
  assert.equal(await printed(), "x is 2, twice 4\n");
  assert.equal(await printed(), "x is 1, twice 2\n");

  // The second of the two times that are to come, and the second one on the way back.
  const countInTwice = (hitCondition: string): Promise<unknown> =>
    editor.ask("setFunctionBreakpoints", { breakpoints: [{ name: "twice", hitCondition }] });
  await editor.ask("setBreakpoints", { source: { path: "add.c" }, breakpoints: [] });
  await countInTwice("2");
  await editor.go("continue", { threadId });
  assert.equal(await evaluate("$a0"), "0x3");
  await countInTwice("% 2");
  await editor.go("reverseContinue", { threadId });
  assert.equal(await evaluate("$a0"), "0x1");
  await stopInTwice("0");
  // By variables, those of the whole program included.
  await editor.ask("setBreakpoints", {
    source: { path: "add.c" },
    breakpoints: [{ line: 7, condition: "more == 2 * x && total == 2" }],
  });
  assert.equal((await editor.go("continue", { threadId })).stack[0], "add add.c:7");
  assert.equal(await evaluate("x * 10 + total"), "22");

  // The step ends where a breakpoint's condition does not hold.
  await editor.ask("setBreakpoints", { source: { path: "add.c" }, breakpoints: [{ line: 6, condition: "*$sp || 1" }] });
  assert.equal((await editor.go("reverseContinue", { threadId })).stack[0], "add add.c:6");
  await stopInTwice("0");
  const step = await editor.go("stepIn", { threadId });
  assert.deepEqual([step.reason, step.stack[0]], ["step", "twice add.c:2"]);

  // A condition without a value stops, and is told.
  await stopInTwice("*0 == 1");
  assert.equal((await editor.go("continue", { threadId })).stack[0], "add add.c:6");
  const without = await editor.go("continue", { threadId });
  assert.deepEqual([without.reason, without.stack[0]], ["breakpoint", "twice add.c:2"]);
  assert.equal(await printed(), "a breakpoint's expression has no value here: nothing is mapped at 0x0\n");
  await editor.ask("disconnect");
  assert.equal(await ended, 0);
});

test("an editor sees instructions, with symbols and lines; of a stripped program those alone", async (t) => {
  // Address, bytes and mnemonic of each instruction of the two functions, one behind the other.
  const listed = ["twice", "add"].flatMap((name) =>
    execFileSync("riscv64-linux-gnu-objdump", [`--disassemble=${name}`, "program"], { cwd: folder, encoding: "latin1" })
      .split("\n")
      .flatMap((line) => {
        const found = /^ *(\w+):\t(\w{4}|\w{8}) +\t(\w+)/.exec(line);
        return found === null ? [] : [{ address: `0x${found[1]}`, bytes: found[2]!, name }];
      }),
  );
  const first = listed.findIndex(({ name }) => name === "add") - 4;
  execFileSync("riscv64-linux-gnu-strip", ["-s", "-o", "stripped", "program"], { cwd: folder });
  for (const name of ["program", "stripped"]) {
    const words = ["run", "-i", TEST_IMAGE, "-v", `${folder}:/t`, "--dap", "-", "--", `/t/${name}`];
    const child = start([...launcher, ...words], { env: { STRATOS_HOME: TEST_HOME } });
    t.after(() => child.kill("SIGKILL"));
    const editor = new Editor(child);
    assert.ok((await editor.ask<DebugProtocol.Capabilities>("initialize")).supportsDisassembleRequest);
    await editor.ask("launch");
    await editor.go("configurationDone");
    const ask = async (given: object): Promise<DebugProtocol.DisassembledInstruction[]> =>
      (await editor.ask<{ instructions: DebugProtocol.DisassembledInstruction[] }>("disassemble", given)).instructions;
    const memoryReference = listed[first + 4]!.address;
    const seen = await ask({ memoryReference, instructionOffset: -4, instructionCount: 20 });
    assert.deepEqual(
      seen.map(({ address, instructionBytes }) => [address, instructionBytes!.split(" ").toReversed().join("")]),
      listed.slice(first, first + 20).map(({ address, bytes }) => [address, bytes]),
      name,
    );
    assert.equal(seen[3]!.instruction, "ret");
    const call = seen.find(({ instruction }) => instruction.startsWith("jal "));
    const twice = listed.find((each) => each.name === "twice")!.address;
    const isWhole = name === "program";
    assert.equal(call?.instruction, `jal ${twice}${isWhole ? " <twice + 0x0>" : ""}`);
    assert.deepEqual(
      [call.symbol, call.location?.name, call.line],
      isWhole ? ["add", "add.c", 6] : [undefined, undefined, undefined],
    );
    // As many as were asked for, also where there is nothing.
    const nothing = await ask({ memoryReference: "0x0", instructionOffset: -2, instructionCount: 5 });
    assert.deepEqual(
      nothing.map(({ instruction, presentationHint }) => `${instruction} ${presentationHint}`),
      Array<string>(5).fill("?? invalid"),
    );
    await assert.rejects(ask({ memoryReference, instructionCount: 1e6 }), /at most 4096 instructions/);
    await editor.ask("disconnect", { terminateDebuggee: true });
  }
});

test("an editor has a live program: breakpoints, its signals, its end", async (t) => {
  const words = ["run", "-i", TEST_IMAGE, "-v", `${folder}:/t`, "--dap", "-", "--", "/t/program"];
  const child = start([...launcher, ...words], { env: { STRATOS_HOME: TEST_HOME } });
  t.after(() => child.kill("SIGKILL"));
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  const printed = new Heard(child.stderr!);
  const editor = new Editor(child);
  const able = await editor.ask<DebugProtocol.Capabilities>("initialize", { adapterID: "stratos" });
  assert.equal(able.supportsStepBack, false);
  assert.equal(able.exceptionBreakpointFilters?.[0]?.filter, "signals");
  await editor.ask("launch");
  await editor.ask("setExceptionBreakpoints", { filters: ["signals"] });
  await editor.ask("setFunctionBreakpoints", { breakpoints: [{ name: "twice" }] });
  assert.equal((await editor.go("configurationDone")).reason, "entry");
  const threadId = 2;
  const first = await editor.go("continue", { threadId });
  assert.deepEqual([first.reason, first.stack[0]], ["breakpoint", "twice add.c:2"]);
  assert.deepEqual((await editor.go("stepOut", { threadId })).stack[0], "add add.c:6");
  assert.deepEqual((await editor.go("next", { threadId })).stack[0], "add add.c:7");
  await assert.rejects(editor.ask("stepBack", { threadId }), /a live program goes forwards alone/);
  await editor.ask("setFunctionBreakpoints", { breakpoints: [] });
  await editor.ask("continue", { threadId });
  const { body } = await editor.event<DebugProtocol.ExitedEvent["body"]>("exited");
  assert.equal(body.exitCode, 0);
  assert.equal(await ended, 0);
  assert.equal(printed.text, "2\n6\n12\n");
});

const TYPES = `#include <stdint.h>
#include <stdbool.h>
enum colour { RED, GREEN = 5, BLUE = -1 };
typedef struct node { struct node *next; enum colour colour; char name[12]; double weight; unsigned low : 3, high : 5;
  union { int32_t whole; uint8_t bytes[4]; }; } Node;
static Node last = {0, BLUE, "last\\n", -0.1, 5, 17, {.whole = -2}};
Node first = {&last, GREEN, "first", 1.5, 1, 2, {.whole = 0x01020304}};
short table[2][3] = {{1, 2, 3}, {-4, 5, 6}};
long numbers[3000];
__attribute__((noinline)) long look(const Node *node, bool isIt, float ratio, unsigned char letter, int64_t large) {
  long sum = node->next->low + large;
  { const char *sum = node->name; numbers[2500] = sum[0]; }
  __asm__ volatile("" : : : "memory");
  return sum + isIt + (long)ratio + letter;
}
int main(void) { return look(&first, true, 0.3f, 65, -9000000000000000001) == 3; }
`;

test("an editor sees variables by their types, with their parts", async (t) => {
  writeFileSync(join(folder, "types.c"), TYPES);
  for (const [level, version, library] of [
    ["-O0", "-gdwarf-5", "-static"],
    ["-O0", "-gdwarf-3", "-pie"],
  ] as const) {
    execFileSync("riscv64-linux-gnu-gcc", [level, version, library, "-o", "types", "types.c"], { cwd: folder });
    const words = ["run", "-i", TEST_IMAGE, "-v", `${folder}:/t`, "--dap", "-", "--", "/t/types"];
    const child = start([...launcher, ...words], { env: { STRATOS_HOME: TEST_HOME } });
    t.after(() => child.kill("SIGKILL"));
    const editor = new Editor(child);
    await editor.ask("initialize");
    await editor.ask("launch");
    await editor.go("configurationDone");
    await editor.ask("setBreakpoints", { source: { path: "types.c" }, breakpoints: [{ line: 13 }] });
    await editor.go("continue", { threadId: 2 });
    const frameId = 2 * 1024;
    const evaluate = (expression: string): Promise<DebugProtocol.EvaluateResponse["body"]> =>
      editor.ask("evaluate", { expression, frameId });
    const said = async (expression: string): Promise<string> => (await evaluate(expression)).result;
    const where = `${level} ${version}`;
    const values = await valuesIn(editor, frameId);
    const sum = "sum = -8999999999999999996";
    const others = ["isIt = true", "ratio = 0.3", "letter = 65 'A'", "large = -9000000000000000001", sum];
    assert.match(values[0]!, /^node = 0x[0-9a-f]+$/, where);
    assert.deepEqual(values.slice(1), others, where);
    const node = await evaluate("*node");
    assert.equal(node.type, "const Node", where);
    assert.match(
      node.result,
      /^\{next = 0x\w+, colour = GREEN, name = "first", weight = 1.5, low = 1, high = 2, .*\}$/,
    );
    const parts = await partsOf(editor, node.variablesReference);
    assert.deepEqual(
      parts.slice(1).map(({ name, type, value }) => `${type} ${name} ${value}`),
      [
        "enum colour colour GREEN",
        'char[12] name "first"',
        "double weight 1.5",
        "unsigned int low 1",
        "unsigned int high 2",
        'union {…} (unnamed) {whole = 16909060, bytes = "\\x04\\x03\\x02\\x01"}',
      ],
      where,
    );
    const [next] = await partsOf(editor, parts[0]!.variablesReference);
    assert.match(next!.value, /^\{next = 0x0, colour = BLUE, name = "last\\n", weight = -0.1, low = 5, high = 17/);
    for (const [expression, value] of [
      ["node->next->high", "17"],
      ["(*node).next->name[1]", "97 'a'"],
      ["node->next->whole", "-2"],
      ["last.colour", "BLUE"],
      ["table", "{{1, 2, 3}, {-4, 5, 6}}"],
      ["table[1][0]", "-4"],
      ["*table[1]", "-4"],
      ["*&first.colour", "GREEN"],
      ["node[0].bytes[3]", "1 '\\x01'"],
      ["table[1][0] * 2 + table[0][node->low]", "-6"],
      ["node->colour == GREEN && letter == 'A'", "1"],
      ["node->weight / 2", "0.75"],
      ["node->next->next ? 1 : last.high", "17"],
    ])
      assert.equal(await said(expression!), value, `${expression} ${where}`);
    const numbers = await evaluate("numbers");
    assert.equal(numbers.indexedVariables, 3000);
    const some = await partsOf(editor, numbers.variablesReference, { filter: "indexed", start: 2499, count: 3 });
    assert.deepEqual(
      some.map(({ name, value }) => `${name} ${value}`),
      ["[2499] 0", "[2500] 102", "[2501] 0"],
    );
    await assert.rejects(evaluate("node->nothing"), /const Node has no member nothing/);
    await assert.rejects(evaluate("nobody"), /nobody: no variable of this name is known here/);
    await assert.rejects(evaluate("last.next->low"), /last\.next->low: nothing is mapped at 0x/);
    await editor.ask("disconnect", { terminateDebuggee: true });
  }
});
