/**
 * Goal: whatever a client sends, every request is answered and the server goes on; what formatting gives is the same
 * program. Method: texts of pieces in seeded random order, cut and changed anywhere, and each request at random places.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "@stratos/base";
import { type WorkspaceFiles, LanguageServer } from "./language-server.ts";
import { readAll } from "../reader/reader.ts";
import { writeText } from "../reader/writer.ts";
import { formatted } from "./layout.ts";
import { scan } from "../reader/tokens.ts";
import { TextLines } from "./text-document.ts";

const PIECES = [
  "(define (f x . y) ",
  "(define-syntax m (syntax-rules () ((_ a ...) (list a ...))))",
  "(define-record-type p (make-p x) p? (x p-x))",
  "(define-library (a b) (export f (rename g h)) (import (scheme base)) (begin ",
  "(import (scheme base) (prefix (a b) q:) (only (srfi 1) fold)",
  "(let loop ((i 0)) ",
  "(let* ((a 1) (b ",
  "(lambda ",
  "(cond (else ",
  "(m 1 2)",
  "(syntax-case ",
  "(define-syntax w (lambda (x) (with-syntax ((a 5) (b '(1 x))) #'(list a b 'b)))) (w 1)",
  "#'(a ...)",
  "(guard (e (#t ",
  "f",
  "x",
  "...",
  " . ",
  "(",
  ")",
  "[",
  "]",
  '"a\\x41; \n b"',
  '"',
  "|a b|",
  "|",
  ";; text\n",
  "#;",
  "#|",
  "|#",
  "#\\a",
  "#\\(",
  "#u8(1 2)",
  "#0=(1 . #0#)",
  "'",
  "`",
  ",@",
  "1/0",
  "#!eof",
  "\n",
  "\r\n",
  "\r",
  "\t",
  "λ😀",
  "\ud800",
  "\0",
];

class Client {
  readonly server: LanguageServer;
  readonly answers = new Map<number, { error?: { code: number; message: string }; result?: unknown }>();
  readonly notices: { method: string; params: unknown }[] = [];
  readonly #soon: (() => void)[] = [];
  #id = 0;

  constructor(files: Readonly<Record<string, string>> = {}) {
    let used = 0;
    const workspace: WorkspaceFiles = {
      read: (file) => files[file] ?? null,
      list: (folder) => Object.keys(files).filter((file) => file.startsWith(folder)),
      finderOf: () => (parts) => {
        const file = `/w/${parts.join("/")}.sld`;
        return file in files ? { file, text: files[file]! } : null;
      },
      fileOf: (uri) => (uri.startsWith("file://") ? uri.slice(7) : null),
      uriOf: (file) => `file://${file}`,
      documentation: [],
      ownFolder: "/own",
      usedMs: () => (used += 0.01),
    };
    this.server = new LanguageServer({
      files: workspace,
      loop: {
        callSoon: (callback) => void this.#soon.push(callback),
        callLater: (_delay, callback) => {
          this.#soon.push(callback);
          return () => void this.#soon.splice(this.#soon.indexOf(callback), 1);
        },
        hold: () => () => {},
        nowMs: () => 0,
      },
      write: (bytes) => {
        const message = JSON.parse(Buffer.from(bytes).toString().split("\r\n\r\n")[1]!) as {
          id?: number;
          method?: string;
        };
        if (message.method !== undefined) this.notices.push(message as never);
        else if (typeof message.id === "number") this.answers.set(message.id, message as never);
      },
    });
  }

  send(message: unknown): void {
    const body = Buffer.from(JSON.stringify(message));
    this.server.feed(Buffer.concat([Buffer.from(`Content-Length: ${body.length}\r\n\r\n`), body]));
  }

  ask(method: string, params: unknown): { error?: { code: number; message: string }; result?: unknown } {
    const id = ++this.#id;
    this.send({ jsonrpc: "2.0", id, method, params });
    this.rest();
    const answer = this.answers.get(id);
    assert.ok(answer !== undefined, `${method} is answered`);
    return answer;
  }

  rest(): void {
    for (let next = this.#soon.shift(); next !== undefined; next = this.#soon.shift()) next();
  }
}

const textOf = (random: SeededRandom, most: number): string => {
  let text = "";
  for (let left = random.below(most); left >= 0; left--) text += PIECES[random.below(PIECES.length)]!;
  return text;
};

test("any text is answered, at any place, after any change", () => {
  const random = new SeededRandom(16);
  const client = new Client({
    "/w/a/b.sld": "(define-library (a b) (export f) (import (scheme base)) (begin (define (f) 1)))",
  });
  client.ask("initialize", { rootUri: "file:///w" });
  const uri = "file:///w/x.scm";
  client.send({ method: "textDocument/didOpen", params: { textDocument: { uri, version: 0, text: "" } } });
  const position = (): object => ({ line: random.below(6) - 1, character: random.below(60) - 1 });
  for (let round = 1; round <= 400; round++) {
    const range = random.below(4) === 0 ? undefined : { start: position(), end: position() };
    client.send({
      method: "textDocument/didChange",
      params: { textDocument: { uri, version: round }, contentChanges: [{ range, text: textOf(random, 14) }] },
    });
    const params = { textDocument: { uri }, position: position(), range: { start: position(), end: position() } };
    for (const method of [
      "completion",
      "hover",
      "signatureHelp",
      "definition",
      "references",
      "documentHighlight",
      "prepareRename",
      "documentSymbol",
      "formatting",
      "rangeFormatting",
      "onTypeFormatting",
      "foldingRange",
      "semanticTokens/full",
      "semanticTokens/range",
    ])
      assert.equal(client.ask(`textDocument/${method}`, params).error, undefined, `round ${round}: ${method}`);
    const renamed = client.ask("textDocument/rename", { ...params, newName: "other" });
    assert.ok(
      renamed.error === undefined || renamed.error.code === -32803,
      `round ${round}: ${renamed.error?.message}`,
    );
    client.ask("workspace/symbol", { query: "f" });
    const notice = client.notices.filter(({ method }) => method === "window/logMessage");
    assert.deepEqual(notice, [], `round ${round}`);
  }
});

test("messages that are none are refused or end the session, and never throw", () => {
  for (const body of ["[]", "null", "1", '{"id":1}', '{"method":1,"id":2}', '{"id":{},"method":"x"}']) {
    const client = new Client();
    client.server.feed(Buffer.from(`Content-Length: ${body.length}\r\n\r\n${body}`));
    client.rest();
    assert.ok(client.ask("initialize", null).result !== undefined, body);
    for (const params of [
      undefined,
      null,
      1,
      [],
      {},
      { textDocument: null },
      { textDocument: { uri: 1 } },
      { position: {} },
    ])
      for (const method of ["didOpen", "didChange", "didClose", "hover", "completion", "rename"])
        client.send({ id: method.startsWith("did") ? undefined : "x", method: `textDocument/${method}`, params });
    client.rest();
  }
  const client = new Client();
  client.server.feed(Buffer.from("Content-Length: 99999999999\r\n\r\n"));
  client.server.feed(Buffer.from("more"));
  client.rest();
});

test("a request that is cancelled before its turn is not done", () => {
  const client = new Client();
  client.ask("initialize", {});
  client.send({ id: 70, method: "workspace/symbol", params: { query: "" } });
  client.send({ method: "$/cancelRequest", params: { id: 70 } });
  client.rest();
  assert.equal(client.answers.get(70)!.error!.code, -32800);
});

test("formatting changes blanks alone, and what is formatted stays", () => {
  const random = new SeededRandom(17);
  const apply = (text: string): string => {
    const lines = new TextLines(text);
    return formatted(lines)
      .reverse()
      .reduce((all, { range, newText }) => {
        const [start, end] = [lines.offsetAt(range.start), lines.offsetAt(range.end)];
        return all.slice(0, start) + newText + all.slice(end);
      }, text);
  };
  const dataOf = (text: string): string | null => {
    try {
      return readAll(text, "t")
        .map((datum) => writeText(datum))
        .join(" ");
    } catch {
      return null;
    }
  };
  let read = 0;
  for (let round = 0; round < 3000; round++) {
    const text = textOf(random, 20).replace(/\r\n?/g, "\n");
    const once = apply(text);
    const before = dataOf(text);
    if (before !== null) read++;
    assert.equal(dataOf(once), before, `round ${round}: ${JSON.stringify(text)}`);
    assert.equal(apply(once), once, `round ${round}: ${JSON.stringify(text)}`);
  }
  assert.ok(read > 100);
});

test("tokens cover all but blanks, in order", () => {
  const random = new SeededRandom(18);
  for (let round = 0; round < 3000; round++) {
    const text = textOf(random, 20);
    let at = 0;
    for (const { start, end } of scan(text)) {
      assert.equal(text.slice(at, start).trim(), "", JSON.stringify(text));
      assert.ok(end > start && end <= text.length, JSON.stringify(text));
      at = end;
    }
    assert.equal(text.slice(at).trim(), "", JSON.stringify(text));
  }
});
