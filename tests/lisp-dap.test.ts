/**
 * Goal: an editor debugs a program in Lisp by `stratos lisp dap`: break points with conditions, steps, frames, values
 * that open, expressions, errors, a pause. Method: a client of the protocol drives the process; the program has a
 * library beside it.
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import type { DebugProtocol } from "@vscode/debugprotocol";
import { MessagePeer } from "./support/message-peer.ts";
import { launcher, start } from "./support/stratos.ts";

const PROGRAM = `(import (scheme base) (scheme write) (shapes round))

(define-record-type point (make-point x y) point? (x point-x) (y point-y))
(define total 0)

(define (walk points)
  (for-each
    (lambda (one)
      (let ((here (area (point-x one))))
        (set! total (+ total here))
        (display here)))
    points)
  total)

(define (careful thunk)
  (guard (problem (#t 'saved))
    (thunk)))

(walk (list (make-point 1 2) (make-point 3 '(4 (5) . 6))))
(display (careful (lambda () (raise 'oops))))
(newline)
(vector-ref (vector 1 2) 7)
`;
const LIBRARY = `(define-library (shapes round)
  (export area)
  (import (scheme base))
  (begin
    (define pi 3)
    (define (area radius)
      (let ((square (* radius radius)))
        (* pi square)))))
`;
const ENDLESS = `(define count 0)
(define (spin)
  (set! count (+ count 1))
  (spin))
(spin)
`;

interface Stop {
  readonly reason: string;
  readonly text: string | undefined;
  /** "procedure file:line", the innermost first. */
  readonly stack: readonly string[];
}

class Editor extends MessagePeer<DebugProtocol.ProtocolMessage> {
  #sequence = 0;

  constructor() {
    super(start([...launcher, "lisp", "dap"], { cwd: folder, env: { STRATOS_HOME: folder } }));
  }

  async answer(command: string, given: object = {}): Promise<DebugProtocol.Response> {
    const seq = ++this.#sequence;
    this.write({ seq, type: "request", command, arguments: given });
    return (await this.next(
      (message) => message.type === "response" && (message as DebugProtocol.Response).request_seq === seq,
    )) as DebugProtocol.Response;
  }

  async ask<B>(command: string, given: object = {}): Promise<B> {
    const answer = await this.answer(command, given);
    assert.ok(answer.success, `${command}: ${answer.message}`);
    return answer.body as B;
  }

  async event<B>(name: string): Promise<B> {
    const isIt = (message: DebugProtocol.ProtocolMessage): boolean =>
      message.type === "event" && (message as DebugProtocol.Event).event === name;
    return ((await this.next(isIt)) as DebugProtocol.Event).body as B;
  }

  async launch(name: string, given: object = {}): Promise<void> {
    const capabilities = await this.ask<DebugProtocol.Capabilities>("initialize", { adapterID: "astralisp" });
    assert.ok(capabilities.supportsConditionalBreakpoints);
    await this.ask("launch", { program: join(folder, name), ...given });
    await this.event("initialized");
  }

  async breakAt(name: string, ...breakpoints: object[]): Promise<(number | false)[]> {
    const body = await this.ask<DebugProtocol.SetBreakpointsResponse["body"]>("setBreakpoints", {
      source: { path: join(folder, name) },
      breakpoints,
    });
    return body.breakpoints.map(({ verified, line }) => verified && line!);
  }

  async stopped(): Promise<Stop> {
    const body = await this.event<DebugProtocol.StoppedEvent["body"]>("stopped");
    const { stackFrames } = await this.ask<DebugProtocol.StackTraceResponse["body"]>("stackTrace", { threadId: 1 });
    const stack = stackFrames.map(({ name, source, line }) => `${name} ${source?.name ?? "?"}:${line}`);
    return { reason: body.reason, text: body.text, stack };
  }

  async go(command: string, given: object = { threadId: 1 }): Promise<Stop> {
    await this.ask(command, given);
    return await this.stopped();
  }

  async output(category: string): Promise<string> {
    const isIt = (message: DebugProtocol.ProtocolMessage): boolean =>
      (message as DebugProtocol.Event).event === "output" &&
      (message as DebugProtocol.OutputEvent).body.category === category;
    return ((await this.next(isIt)) as DebugProtocol.OutputEvent).body.output;
  }

  async evaluate(expression: string, frameId?: number): Promise<string> {
    const given = { expression, ...(frameId === undefined ? {} : { frameId }) };
    return (await this.ask<DebugProtocol.EvaluateResponse["body"]>("evaluate", given)).result;
  }

  async parts(variablesReference: number): Promise<DebugProtocol.Variable[]> {
    return (await this.ask<DebugProtocol.VariablesResponse["body"]>("variables", { variablesReference })).variables;
  }

  /** "name = value" of the scopes of a frame. */
  async scopes(frameId: number): Promise<DebugProtocol.Variable[][]> {
    const { scopes } = await this.ask<DebugProtocol.ScopesResponse["body"]>("scopes", { frameId });
    const all: DebugProtocol.Variable[][] = [];
    for (const scope of scopes) all.push(await this.parts(scope.variablesReference));
    return all;
  }
}

const said = (variables: readonly DebugProtocol.Variable[]): string[] =>
  variables.map(({ name, value }) => `${name} = ${value}`);

let folder: string;
let editor: Editor;

before(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "stratos-lisp-dap-")));
  mkdirSync(join(folder, "shapes"));
  writeFileSync(join(folder, "program.scm"), PROGRAM);
  writeFileSync(join(folder, "shapes", "round.sld"), LIBRARY);
  writeFileSync(join(folder, "endless.scm"), ENDLESS);
  writeFileSync(join(folder, "wrong.scm"), "(define (f x)\n  (let ((y 1)) y)\n");
});
after(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => void editor.child.kill());

test("a program is stopped at a line, gone through by steps, and its values opened, in a library as well", async () => {
  editor = new Editor();
  await editor.launch("program.scm");
  assert.deepEqual(await editor.breakAt("program.scm", { line: 9 }, { line: 2, condition: "#f" }, { line: 99 }), [
    9,
    3,
    false,
  ]);
  assert.deepEqual(await editor.go("configurationDone"), {
    reason: "breakpoint",
    text: undefined,
    stack: ["(lambda) program.scm:9", "walk program.scm:7"],
  });
  const [locals, top] = await editor.scopes(1);
  assert.deepEqual(said(locals!), [
    "one = #<point x: 1 y: 2>",
    "points = (#<point x: 1 y: 2> #<point x: 3 y: (4 (5) . 6)>)",
  ]);
  assert.ok(said(top!).includes("total = 0"));
  const elements = await editor.parts(locals![1]!.variablesReference);
  const fields = await editor.parts(elements[1]!.variablesReference);
  assert.deepEqual(said(fields), ["x = 3", "y = (4 (5) . 6)"]);
  assert.deepEqual(said(await editor.parts(fields[1]!.variablesReference)), ["[0] = 4", "[1] = (5)", "rest = 6"]);
  assert.equal(await editor.evaluate("(list (point-y one) total)", 1), "(2 0)");

  assert.deepEqual((await editor.go("stepIn")).stack[0], "area round.sld:7");
  assert.equal((await editor.go("next")).stack[0], "area round.sld:8");
  const [inner, library] = await editor.scopes(1);
  assert.deepEqual(said(inner!), ["radius = 1", "square = 1"]);
  assert.deepEqual(
    said(library!).filter((line) => line.startsWith("pi")),
    ["pi = 3"],
  );
  // What the library defines is known there, and a variable may be set.
  assert.equal(await editor.evaluate("(+ pi square)", 1), "4");
  const { scopes } = await editor.ask<DebugProtocol.ScopesResponse["body"]>("scopes", { frameId: 1 });
  const [{ variablesReference }] = scopes as [DebugProtocol.Scope];
  await editor.ask("setVariable", { variablesReference, name: "square", value: "(* 2 50)" });
  assert.equal((await editor.go("stepOut")).stack[0], "(lambda) program.scm:10");
  assert.equal(await editor.evaluate("here", 1), "300");
  assert.equal((await editor.go("next")).stack[0], "(lambda) program.scm:11");
  assert.equal(await editor.evaluate("total", 1), "300");
  await editor.breakAt("program.scm", { line: 10, condition: "(> here 300)" });
  await editor.breakAt("shapes/round.sld", { line: 8, logMessage: "a square: {square}" });
  await editor.ask("setExceptionBreakpoints", { filters: ["uncaught"] });
  const last = await editor.go("continue");
  assert.equal(await editor.output("console"), "a square: 9\n");
  assert.equal(last.reason, "exception");
  assert.match(last.text!, /program\.scm:22:1: vector-ref: .*7/);
  assert.match(await editor.output("stdout"), /^300/);
  await editor.ask("continue", { threadId: 1 });
  assert.match(await editor.output("stderr"), /vector-ref/);
  assert.equal((await editor.event<{ exitCode: number }>("exited")).exitCode, 1);
  await editor.event("terminated");
});

test("what is raised stops the program before its handlers, where that is asked for, and it goes on", async () => {
  editor = new Editor();
  await editor.launch("program.scm");
  await editor.ask("setExceptionBreakpoints", { filters: ["raised"] });
  const { breakpoints } = await editor.ask<DebugProtocol.SetFunctionBreakpointsResponse["body"]>(
    "setFunctionBreakpoints",
    { breakpoints: [{ name: "area", hitCondition: "2" }] },
  );
  assert.ok(breakpoints[0]!.verified);
  const second = await editor.go("configurationDone");
  assert.deepEqual([second.reason, second.stack[0]], ["function breakpoint", "area round.sld:7"]);
  assert.equal(await editor.evaluate("radius", 1), "3");
  const raised = await editor.go("continue");
  assert.deepEqual([raised.reason, raised.text], ["exception", "oops"]);
  assert.match(raised.stack.join("\n"), /program\.scm:20\ncareful program\.scm:1[67]\n/);
  assert.equal((await editor.go("continue")).reason, "exception");
  await editor.ask("continue", { threadId: 1 });
  assert.equal((await editor.event<{ exitCode: number }>("exited")).exitCode, 1);
});

test("a program that runs for ever is paused, looked at, given a break point, and left", async () => {
  editor = new Editor();
  await editor.launch("endless.scm", { stopOnEntry: true });
  const entry = await editor.go("configurationDone");
  assert.deepEqual(entry.stack, ["(top level) endless.scm:1"]);
  await editor.ask("continue", { threadId: 1 });
  assert.match((await editor.answer("evaluate", { expression: "count" })).message!, /runs/);
  assert.equal((await editor.go("pause")).reason, "pause");
  const before = Number(await editor.evaluate("count", 1));
  assert.ok(before > 0);
  // An expression that takes for ever is ended.
  assert.match((await editor.answer("evaluate", { expression: "(let loop () (loop))" })).message!, /interrupted/);
  await editor.ask("continue", { threadId: 1 });
  assert.deepEqual(await editor.breakAt("endless.scm", { line: 4 }), [4]);
  assert.equal((await editor.stopped()).reason, "breakpoint");
  assert.ok(Number(await editor.evaluate("count", 1)) >= before);
  await editor.ask("disconnect");
  const status = await new Promise((resolve) => editor.child.on("exit", resolve));
  assert.equal(status, 0);
});

test("what cannot be run, and what is no request, is answered in words", async () => {
  editor = new Editor();
  await editor.ask("initialize");
  assert.match((await editor.answer("launch", { program: "nowhere.scm" })).message!, /nowhere\.scm/);
  assert.match((await editor.answer("launch", { program: "wrong.scm" })).message!, /wrong\.scm:1:1: unexpected end/);
  assert.match((await editor.answer("setBreakpoints", {})).message!, /source/);
  assert.match((await editor.answer("stepBack")).message!, /not supported/);
  assert.match((await editor.answer("next")).message!, /no program/);
});
