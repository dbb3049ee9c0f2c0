/**
 * Goal: an editor is served by `stratos lisp lsp`: errors at their places as one types, names explained, found and
 * renamed across libraries, texts formatted; and whatever the text is, an answer. Method: a client of the protocol
 * drives the process. Places in texts are marked by ‸.
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { extendedTest } from "@stratos/base/testing";
import type * as lsp from "vscode-languageserver-types";
import { MessagePeer } from "./support/message-peer.ts";
import { launcher, start } from "./support/stratos.ts";

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string };
}

/** An editor's side. */
class Editor extends MessagePeer<Message> {
  #id = 0;

  constructor(folder: string) {
    super(start([...launcher, "lisp", "lsp"], { cwd: folder, env: { STRATOS_HOME: folder } }));
  }

  send(message: object): void {
    this.write({ jsonrpc: "2.0", ...message });
  }

  say(method: string, params: object = {}): void {
    this.send({ method, params });
  }

  async answer(method: string, params: object = {}): Promise<Message> {
    const id = ++this.#id;
    this.send({ id, method, params });
    return await this.next((message) => message.id === id);
  }

  async ask<R>(method: string, params: object = {}): Promise<R> {
    const { error, result } = await this.answer(method, params);
    assert.equal(error, undefined, `${method}: ${error?.message}`);
    return result as R;
  }

  open(uri: string, text: string): void {
    this.say("textDocument/didOpen", { textDocument: { uri, languageId: "scheme", version: 1, text } });
  }

  /** Of the version that is given. */
  async diagnostics(uri: string, version = 1): Promise<string[]> {
    const { params } = await this.next(({ method, params }) => {
      const { uri: own, version: its } = (params ?? {}) as { uri?: string; version?: number };
      return method === "textDocument/publishDiagnostics" && own === uri && its === version;
    });
    return (params as { diagnostics: lsp.Diagnostic[] }).diagnostics.map(
      ({ range, severity, message }) => `${rangeText(range)} ${severity === 1 ? "error" : "warning"}: ${message}`,
    );
  }
}

/** `LINE:FROM-TO`, from 0; of several lines `LINE:FROM-LINE:TO`. */
function rangeText({ start, end }: lsp.Range): string {
  return `${start.line}:${start.character}-${start.line === end.line ? "" : `${end.line}:`}${end.character}`;
}

/** A text, and where its marks are. */
function marked(text: string): { text: string; places: lsp.Position[] } {
  const places: lsp.Position[] = [];
  const parts = text.split("‸");
  let plain = "";
  for (const part of parts.slice(0, -1)) {
    plain += part;
    const lines = plain.split("\n");
    places.push({ line: lines.length - 1, character: lines.at(-1)!.length });
  }
  return { text: plain + parts.at(-1)!, places };
}

function applied(text: string, edits: readonly lsp.TextEdit[]): string {
  const lines = text.split("\n");
  const offset = ({ line, character }: lsp.Position): number =>
    lines.slice(0, line).reduce((sum, one) => sum + one.length + 1, 0) + character;
  return [...edits]
    .sort((a, b) => offset(b.range.start) - offset(a.range.start))
    .reduce(
      (all, { range, newText }) => all.slice(0, offset(range.start)) + newText + all.slice(offset(range.end)),
      text,
    );
}

let folder: string;
let editor: Editor;
const uriOf = (name: string): string => pathToFileURL(join(folder, name)).href;

const LIBRARY = `(define-library (shapes round)
  (export area (rename %double double))
  (import (scheme base))
  (begin
    (define pi 3)
    (define (area radius)
      "The area of a circle of RADIUS."
      (* pi (square radius)))
    ;; Twice as much.
    (define (%double x) (* 2 x))))
`;

before(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "stratos-lsp-")));
  mkdirSync(join(folder, "shapes"));
  writeFileSync(join(folder, "shapes/round.sld"), LIBRARY);
  writeFileSync(join(folder, "uses.scm"), "(import (scheme base) (prefix (shapes round) r:))\n(r:area 2)\n");
  editor = new Editor(folder);
  const { capabilities } = await editor.ask<{ capabilities: { completionProvider: object } }>("initialize", {
    processId: process.pid,
    rootUri: pathToFileURL(folder).href,
    capabilities: {},
  });
  assert.ok(capabilities.completionProvider);
  editor.say("initialized");
});
after(() => {
  editor.child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

test("errors and calls that would fail are told at their places, all of them", async () => {
  const uri = uriOf("wrong.scm");
  editor.open(
    uri,
    `(import (scheme base) (shapes round) (no such))
(define (f x y) (+ x y))
(f 1)
(area 1 2)
(display 1)
(car)
(let ((q)) q)
(define (g x) (if))
(let loop ((i 0)) (loop))
"λ😀" (undefined-name)
`,
  );
  assert.deepEqual(await editor.diagnostics(uri), [
    "0:37-46 error: there is no library (no such)",
    "2:0-5 warning: f takes 2 arguments, and is given 1",
    "3:0-10 warning: area takes 1 argument, and is given 2",
    "4:1-8 warning: unbound variable: display",
    "5:0-5 warning: car takes 1 argument, and is given 0",
    "6:6-9 error: a binding is (NAME VALUE) (q)",
    "7:14-18 error: if: bad syntax: something is missing (if)",
    "8:18-24 warning: loop takes 1 argument, and is given 0",
    "9:7-21 warning: unbound variable: undefined-name",
  ]);
});

test("what is typed is taken over change by change", async () => {
  const uri = uriOf("typed.scm");
  editor.open(uri, "(define (f x)\n  (* x 2)\n(display (f 1))\n");
  // The end of f is missing: the form that begins in the first column is taken for the next one.
  assert.deepEqual(await editor.diagnostics(uri), [
    "0:0-1 error: unexpected end of text: a list that begins here is not closed",
  ]);
  const change = (version: number, ...contentChanges: object[]): void =>
    editor.say("textDocument/didChange", { textDocument: { uri, version }, contentChanges });
  const at = (line: number, character: number): lsp.Position => ({ line, character });
  change(
    2,
    { range: { start: at(1, 9), end: at(1, 9) }, text: ")" },
    { range: { start: at(2, 10), end: at(2, 11) }, text: "g" },
  );
  assert.deepEqual(await editor.diagnostics(uri, 2), ["2:10-11 warning: unbound variable: g"]);
  change(3, { range: { start: at(0, 9), end: at(0, 10) }, text: "g" });
  assert.deepEqual(await editor.diagnostics(uri, 3), []);
  change(4, { text: "#(1 . 2) )" });
  assert.deepEqual(await editor.diagnostics(uri, 4), [
    "0:4-5 error: a dot that is out of place",
    "0:9-10 error: a closing parenthesis without an opening one",
  ]);
});

test("names are explained and found: of the text, of libraries, of the system", async () => {
  const uri = uriOf("names.scm");
  const { text, places } = marked(`(import (scheme base) (shapes round) (srfi 1))
(define-record-type point (make-point x y) point? (x point-x) (y point-y))
;; Adds them.
(define (sum . numbers) (‸fold + 0 numbers))
(‸sum (‸area 2) (point-‸x (make-point 1 2)))
(let ((sum 1)) (‸+ ‸sum 1))
`);
  editor.open(uri, text);
  const at = (index: number): object => ({ textDocument: { uri }, position: places[index]! });
  const hover = async (index: number): Promise<string> =>
    ((await editor.ask<lsp.Hover>("textDocument/hover", at(index))).contents as lsp.MarkupContent).value;
  const definition = async (index: number): Promise<string> => {
    const found = await editor.ask<lsp.Location>("textDocument/definition", at(index));
    return `${found.uri.slice(found.uri.lastIndexOf("/") + 1)} ${rangeText(found.range)}`;
  };
  assert.match(await hover(0), /\(fold f start x \. rest\)[\s\S]*\(srfi 1\)/);
  assert.match(await definition(0), /^1\.sld /);
  assert.equal(await hover(1), "```scheme\n(sum . numbers)\n```\n\nAdds them.\n\n*procedure — names.scm, line 4*");
  assert.equal(await definition(1), "names.scm 3:9-12");
  assert.match(await hover(2), /\(area radius\)[\s\S]*The area of a circle of RADIUS\.[\s\S]*\(shapes round\)/);
  assert.equal(await definition(2), "round.sld 5:13-17");
  assert.match(await hover(3), /\(point-x point\)/);
  assert.match(await hover(4), /\(\+ numbers …\) → number[\s\S]*The sum; 0 of none\./);
  assert.match(await definition(4), /^numbers\.scm /);
  assert.equal(await definition(5), "names.scm 5:7-10");
});

test("uses are found in all files, and are renamed together", async () => {
  const uri = uriOf("shapes/round.sld");
  editor.open(uri, LIBRARY);
  const place = { textDocument: { uri }, position: { line: 5, character: 14 } };
  const found = await editor.ask<lsp.Location[]>("textDocument/references", {
    ...place,
    context: { includeDeclaration: true },
  });
  const own = found.filter(({ uri: its }) => its === uri).map(({ range }) => rangeText(range));
  assert.deepEqual(own, ["1:10-14", "5:13-17"]);
  assert.ok(found.some(({ uri: its }) => its === uriOf("names.scm")));

  const { changes } = await editor.ask<{ changes: Record<string, lsp.TextEdit[]> }>("textDocument/rename", {
    ...place,
    newName: "disk-area",
  });
  assert.match(applied(LIBRARY, changes[uri]!), /\(export disk-area [\s\S]*\(define \(disk-area radius\)/);
  const { text } = marked("(import (scheme base) (prefix (shapes round) r:))\n(r:area 2)\n");
  assert.equal(applied(text, changes[uriOf("uses.scm")]!), text.replace("r:area", "r:disk-area"));

  const refused = await editor.answer("textDocument/rename", { ...place, newName: "pi" });
  assert.match(refused.error!.message, /pi means something else/);
  assert.match(
    (await editor.answer("textDocument/rename", { ...place, newName: "a b" })).error!.message,
    /no identifier/,
  );
});

test("a rename leaves alone what only looks the same", async () => {
  const uri = uriOf("hygiene.scm");
  const { text, places } = marked(`(import (scheme base))
(define-syntax swap!
  (syntax-rules () ((_ a b) (let ((t a)) (set! a b) (set! b t)))))
(let ((‸t 1) (u 2)) (swap! t u) (list t 't "t" u))
`);
  editor.open(uri, text);
  const { changes } = await editor.ask<{ changes: Record<string, lsp.TextEdit[]> }>("textDocument/rename", {
    textDocument: { uri },
    position: places[0]!,
    newName: "first",
  });
  assert.equal(
    applied(text, changes[uri]!).split("\n")[3],
    `(let ((first 1) (u 2)) (swap! first u) (list first 't "t" u))`,
  );
  assert.match(applied(text, changes[uri]!), /\(let \(\(t a\)\)/);
});

test("what may be written is offered: names in scope, libraries and what they export", async () => {
  const uri = uriOf("complete.scm");
  const { text, places } = marked(`(import (scheme base) (only (shapes round) ‸) (srfi ‸))
(define (outer parameter)
  (let* ((inner 1) (innermost ‸))
    (in‸)
    ‸))
"str‸" ; com‸
`);
  editor.open(uri, text);
  const complete = async (index: number): Promise<lsp.CompletionItem[]> =>
    (
      await editor.ask<{ items: lsp.CompletionItem[] }>("textDocument/completion", {
        textDocument: { uri },
        position: places[index]!,
      })
    ).items;
  const labels = async (index: number): Promise<string[]> => (await complete(index)).map(({ label }) => label);
  assert.deepEqual(await labels(0), ["area", "double"]);
  assert.ok((await labels(1)).includes("1"));
  const inBinding = await labels(2);
  assert.ok(inBinding.includes("parameter") && inBinding.includes("inner") && !inBinding.includes("innermost"));
  const named = await labels(3);
  assert.deepEqual(
    named.filter((name) => name.startsWith("inn")),
    ["inner", "innermost"],
  );
  const inBody = await labels(4);
  assert.ok(["parameter", "inner", "innermost", "outer", "car"].every((name) => inBody.includes(name)));
  assert.deepEqual(await labels(5), []);
  assert.deepEqual(await labels(6), []);

  const item = (await complete(0)).find(({ label }) => label === "area")!;
  const { detail, documentation } = await editor.ask<lsp.CompletionItem>("completionItem/resolve", item);
  assert.match(detail!, /^\(area radius\) — \(shapes round\)$/);
  assert.equal((documentation as lsp.MarkupContent).value, "The area of a circle of RADIUS.");
});

test("the call around the cursor is shown with the operand that is next", async () => {
  const uri = uriOf("signature.scm");
  const { text, places } = marked(`(import (scheme base) (srfi 1))
(fold‸ cons ‸'() (list 1 ‸2)
`);
  editor.open(uri, text);
  const help = async (index: number): Promise<string> => {
    const { signatures, activeParameter } = (await editor.ask<lsp.SignatureHelp>("textDocument/signatureHelp", {
      textDocument: { uri },
      position: places[index]!,
    }))!;
    const { label, parameters } = signatures[0]!;
    const [from, to] = parameters![activeParameter!]!.label as [number, number];
    return `${label.split(" ")[0]!}: ${label.slice(from, to)}`;
  };
  assert.equal(await help(0), "(fold: f");
  assert.equal(await help(1), "(fold: start");
});

test("a text has symbols, folds and colours", async () => {
  const uri = uriOf("shapes/round.sld");
  const textDocument = { uri };
  const [library] = await editor.ask<lsp.DocumentSymbol[]>("textDocument/documentSymbol", { textDocument });
  assert.equal(library!.name, "(shapes round)");
  assert.deepEqual(
    library!.children!.map(({ name }) => name),
    ["pi", "area", "%double"],
  );
  const found = await editor.ask<lsp.SymbolInformation[]>("workspace/symbol", { query: "DOUB" });
  assert.deepEqual(
    found.map(({ name, containerName }) => [name, containerName]),
    [["%double", "(shapes round)"]],
  );

  const folds = await editor.ask<lsp.FoldingRange[]>("textDocument/foldingRange", { textDocument });
  assert.deepEqual(
    folds.map(({ startLine, endLine }) => [startLine, endLine]),
    [
      [0, 9],
      [3, 9],
      [5, 7],
    ],
  );

  const { data } = await editor.ask<lsp.SemanticTokens>("textDocument/semanticTokens/full", { textDocument });
  const types = ["keyword", "macro", "function", "variable", "parameter", "string", "number", "comment"];
  const lines = LIBRARY.split("\n");
  const tokens: string[] = [];
  for (let at = 0, line = 0, character = 0; at < data.length; at += 5) {
    character = data[at] === 0 ? character + data[at + 1]! : data[at + 1]!;
    line += data[at]!;
    tokens.push(`${types[data[at + 3]!]} ${lines[line]!.slice(character, character + data[at + 2]!)}`);
  }
  for (const token of [
    "keyword define",
    "function area",
    "parameter radius",
    "number 3",
    "function square",
    "comment ;; Twice as much.",
  ])
    assert.ok(tokens.includes(token), `${token} among ${tokens.join(", ")}`);
});

test("a text is formatted, as a whole and in part; strings and comments keep their blanks", async () => {
  const uri = uriOf("format.scm");
  const text = `(define (f x)
(let ((y 1)
(z "a
   b"))
      (if x   
  y
  #|  kept
 kept |#
  z)))
`;
  editor.open(uri, text);
  const options = { tabSize: 8, insertSpaces: true };
  const edits = await editor.ask<lsp.TextEdit[]>("textDocument/formatting", { textDocument: { uri }, options });
  assert.equal(
    applied(text, edits),
    `(define (f x)
  (let ((y 1)
        (z "a
   b"))
    (if x
        y
        #|  kept
 kept |#
        z)))
`,
  );
  const range = { start: { line: 1, character: 0 }, end: { line: 2, character: 0 } };
  const some = await editor.ask<lsp.TextEdit[]>("textDocument/rangeFormatting", {
    textDocument: { uri },
    range,
    options,
  });
  assert.equal(applied(text, some).split("\n").slice(0, 3).join("\n"), `(define (f x)\n  (let ((y 1)\n(z "a`);
});

test("macros see no files, and one that does not end is given up", async () => {
  const uri = uriOf("macro.scm");
  writeFileSync(join(folder, "secret"), "secret");
  editor.open(
    uri,
    `(define-syntax leak (er-macro-transformer (lambda (form rename compare) (delete-file "secret"))))
(define-syntax spin (er-macro-transformer (lambda (form rename compare) (let loop () (loop)))))
(leak)
(spin)
`,
  );
  const [leak, spin] = await editor.diagnostics(uri);
  assert.match(leak!, /^2:0-6 error: .*no files are open/);
  assert.match(spin!, /^3:0-6 error: .*interrupted/);
});

test("requests that are mistaken are refused, and the server goes on", async () => {
  assert.equal((await editor.answer("no/such")).error!.code, -32601);
  assert.equal(
    (await editor.answer("textDocument/hover", { textDocument: { uri: "file:///none" } })).error!.code,
    -32602,
  );
  editor.send([1] as unknown as object);
  editor.say("textDocument/didChange", {
    textDocument: { uri: "file:///none", version: 1 },
    contentChanges: [null, 1],
  });
  assert.ok(Array.isArray(await editor.ask("workspace/symbol", { query: "area" })));
});

extendedTest("a large text stays quick", async () => {
  const uri = uriOf("large.scm");
  const loop = "  (let loop ((i 0) (sum 0))\n    (if (= i x) (+ sum y) (loop (+ i 1) (* sum y)))))\n";
  const procedures = Array.from({ length: 3000 }, (_, index) => `(define (f${index} x y)\n${loop}`);
  editor.open(uri, `(import (scheme base))\n${procedures.join("")}`);
  assert.deepEqual(await editor.diagnostics(uri), []);
  const started = performance.now();
  const range = { start: { line: 1, character: 9 }, end: { line: 1, character: 11 } };
  editor.say("textDocument/didChange", { textDocument: { uri, version: 2 }, contentChanges: [{ range, text: "g" }] });
  const hover = await editor.ask<lsp.Hover>("textDocument/hover", {
    textDocument: { uri },
    position: { line: 1, character: 9 },
  });
  assert.match((hover.contents as lsp.MarkupContent).value, /\(g x y\)/);
  // Nine thousand lines anew take half a second of a quiet host.
  assert.ok(performance.now() - started < 30_000);
});

extendedTest("it ends as the protocol asks", async () => {
  const ended = new Promise((resolve) => editor.child.on("close", resolve));
  assert.equal(await editor.ask("shutdown"), null);
  assert.equal((await editor.answer("textDocument/hover")).error!.code, -32600);
  editor.say("exit");
  assert.equal(await ended, 0);
});

test("what was said at once, before the input ended, is answered", async () => {
  const editor = new Editor(folder);
  const ended = new Promise((resolve) => editor.child.on("close", resolve));
  const uri = "file:///nowhere/piped.scm";
  const textDocument = { uri, languageId: "scheme", version: 1, text: '(define (twice x)\n  "Doubles X."\n  (* 2 x))' };
  editor.send({ id: 1, method: "initialize", params: { capabilities: {} } });
  editor.say("textDocument/didOpen", { textDocument });
  editor.send({
    id: 2,
    method: "textDocument/hover",
    params: { textDocument: { uri }, position: { line: 0, character: 10 } },
  });
  editor.send({ id: 3, method: "shutdown" });
  editor.say("exit");
  editor.child.stdin!.end();
  const hover = await editor.next((message) => message.id === 2);
  assert.match(JSON.stringify(hover.result), /Doubles X/);
  await editor.next((message) => message.id === 3);
  assert.equal(await ended, 0);
});
