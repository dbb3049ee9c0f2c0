/**
 * A language server for Scheme (Language Server Protocol 3.17) over a stream of messages. Texts are expanded as a
 * program would be, but run nothing except their macros, which see no files and are stopped when they take long.
 *
 * Requests are answered one after the other, in order; a request that has been cancelled before its turn is not
 * answered by a result. Positions are lines and UTF-16 units.
 */
import { MessageStream } from "@stratos/base";
import type { EventLoop } from "@stratos/host";
import type { Diagnostic } from "vscode-languageserver-types";
import { FEATURES } from "./features.ts";
import { RequestError } from "./request-error.ts";
import { TextDocument, type TextChange } from "./text-document.ts";
import { Workspace, type WorkspaceFiles } from "./workspace.ts";
import { Answers } from "./answers.ts";

export { referencePage } from "./reference.ts";
export type { WorkspaceFiles } from "./workspace.ts";

/** A text has to rest so long before its problems are told, in milliseconds. */
const REST_MS = 150;
/** Messages that wait for their turn. */
const WAITING_MAX = 10_000;
/** Texts that may be open. */
const DOCUMENTS_MAX = 1000;

interface Message {
  readonly id?: number | string | null;
  readonly method?: string;
  readonly params?: unknown;
}

interface LanguageServerOptions {
  readonly write: (bytes: Uint8Array) => void;
  readonly files: WorkspaceFiles;
  readonly loop: EventLoop;
}

export class LanguageServer {
  readonly #messages: MessageStream;
  readonly #workspace: Workspace;
  readonly #answers: Answers;
  readonly #loop: EventLoop;
  readonly #waiting: Message[];
  readonly #cancelled: Set<number | string>;
  /** Texts whose problems are still to be told, by URI. */
  readonly #unchecked: Set<string>;
  #state: "new" | "running" | "shut down" | "ended";
  #isScheduled: boolean;
  #isClosed: boolean;
  #cancelCheck: (() => void) | null;
  #end!: (status: number) => void;
  /** Resolves with the exit status when the client has gone: 0 after a shutdown, else 1. */
  readonly ended: Promise<number>;

  constructor({ write, files, loop }: LanguageServerOptions) {
    this.#messages = new MessageStream(write, (message) => this.#receive(message));
    this.#workspace = new Workspace(files);
    this.#answers = new Answers(this.#workspace);
    this.#loop = loop;
    this.#waiting = [];
    this.#cancelled = new Set();
    this.#unchecked = new Set();
    this.#state = "new";
    this.#isScheduled = false;
    this.#isClosed = false;
    this.#cancelCheck = null;
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  /** Bytes of the client. */
  feed(bytes: Uint8Array): void {
    if (this.#state !== "ended") this.#messages.feed(bytes);
  }

  /** The client says nothing more: what it has said is answered still. */
  close(): void {
    this.#isClosed = true;
    if (this.#waiting.length === 0) this.#finish();
  }

  #finish(): void {
    if (this.#state === "ended") return;
    const status = this.#state === "shut down" ? 0 : 1;
    this.#state = "ended";
    this.#waiting.length = 0;
    this.#cancelCheck?.();
    this.#end(status);
  }

  #receive(given: unknown): void {
    if (given === undefined) {
      this.#messages.send({ jsonrpc: "2.0", id: null, error: { code: -32700, message: "this is no message" } });
      return this.#finish();
    }
    if (typeof given !== "object" || given === null || Array.isArray(given))
      return this.#refuse(null, -32600, "a message is an object");
    const message = given as Message;
    if (message.method === "$/cancelRequest") {
      const { id } = (message.params ?? {}) as { id?: unknown };
      if ((typeof id === "number" || typeof id === "string") && this.#waiting.some((one) => one.id === id))
        this.#cancelled.add(id);
      return;
    }
    if (this.#waiting.length >= WAITING_MAX) return this.#refuse(message.id ?? null, -32803, "too much waits already");
    this.#waiting.push(message);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#loop.callSoon(() => {
      this.#isScheduled = false;
      const message = this.#waiting.shift();
      if (message === undefined) return;
      this.#handle(message);
      if (this.#waiting.length > 0) this.#schedule();
      else if (this.#isClosed) this.#finish();
    });
  }

  #refuse(id: number | string | null, code: number, message: string): void {
    if (this.#state !== "ended") this.#messages.send({ jsonrpc: "2.0", id, error: { code, message } });
  }

  #handle({ id, method, params }: Message): void {
    if (this.#state === "ended") return;
    // An answer to something that we have asked: we ask nothing that needs one.
    if (typeof method !== "string")
      return id === undefined ? this.#refuse(null, -32600, "a method is missing") : undefined;
    const isRequest = typeof id === "number" || typeof id === "string";
    try {
      if (isRequest && this.#cancelled.delete(id)) throw new RequestError(-32800, "cancelled");
      const result = isRequest ? this.#request(method, params) : this.#notice(method, params);
      if (isRequest) this.#messages.send({ jsonrpc: "2.0", id, result: result ?? null });
    } catch (error) {
      if (!isRequest) {
        if (!(error instanceof RequestError)) this.#log(`${method}: ${String(error)}`);
      } else if (error instanceof RequestError) this.#refuse(id, error.code, error.message);
      else this.#refuse(id, -32603, `${method}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #log(message: string): void {
    this.#messages.send({ jsonrpc: "2.0", method: "window/logMessage", params: { type: 1, message } });
  }

  #request(method: string, params: unknown): unknown {
    if (method === "initialize") {
      if (this.#state !== "new") throw new RequestError(-32600, "it is initialized already");
      return this.#initialize(params);
    }
    if (this.#state === "new") throw new RequestError(-32002, "the first request is initialize");
    if (this.#state === "shut down") throw new RequestError(-32600, "it has been shut down");
    if (method === "shutdown") {
      this.#state = "shut down";
      return null;
    }
    return this.#answers.answer(method, params);
  }

  #initialize(params: unknown): object {
    const { rootUri, workspaceFolders } = (params ?? {}) as { rootUri?: unknown; workspaceFolders?: unknown };
    const given = Array.isArray(workspaceFolders)
      ? (workspaceFolders as unknown[]).map((one) => (one as { uri?: unknown } | null)?.uri)
      : [rootUri];
    this.#workspace.folders = given.flatMap((uri) => {
      const file = typeof uri === "string" ? this.#workspace.files.fileOf(uri) : null;
      return file === null ? [] : [file.replace(/(.)\/+$/, "$1")];
    });
    this.#state = "running";
    return { capabilities: FEATURES, serverInfo: { name: "stratos lisp lsp" } };
  }

  #notice(method: string, params: unknown): void {
    if (method === "exit") return this.#finish();
    if (this.#state !== "running") return;
    const { textDocument, contentChanges, changes, event } = (params ?? {}) as Notice;
    const uri = textDocument?.uri;
    switch (method) {
      case "textDocument/didOpen":
        if (typeof uri === "string" && typeof textDocument!.text === "string") this.#open(uri, textDocument!);
        return;
      case "textDocument/didChange": {
        const document = typeof uri === "string" ? this.#workspace.documents.get(uri) : undefined;
        if (document === undefined || !Array.isArray(contentChanges)) return;
        document.change(contentChanges.filter(isChange), numberOr(textDocument!.version, document.version));
        return this.#changed(document.file);
      }
      case "textDocument/didClose": {
        const document = typeof uri === "string" ? this.#workspace.documents.get(uri) : undefined;
        if (document === undefined) return;
        this.#workspace.documents.delete(document.uri);
        this.#changed(document.file);
        return this.#publish(document.uri, []);
      }
      case "workspace/didChangeWatchedFiles":
        for (const change of Array.isArray(changes) ? (changes as ({ uri?: unknown } | null)[]) : []) {
          const file = typeof change?.uri === "string" ? this.#workspace.files.fileOf(change.uri) : null;
          if (file !== null) this.#changed(file);
        }
        return;
      case "workspace/didChangeWorkspaceFolders": {
        const files = (list: unknown): string[] =>
          (Array.isArray(list) ? (list as ({ uri?: unknown } | null)[]) : []).flatMap((one) => {
            const file = typeof one?.uri === "string" ? this.#workspace.files.fileOf(one.uri) : null;
            return file === null ? [] : [file];
          });
        const removed = files(event?.removed);
        const kept = this.#workspace.folders.filter((folder) => !removed.includes(folder));
        this.#workspace.folders = [...new Set([...kept, ...files(event?.added)])];
        return;
      }
      default:
    }
  }

  #open(uri: string, { text, version }: { readonly text?: unknown; readonly version?: unknown }): void {
    const { documents, files } = this.#workspace;
    if (documents.size >= DOCUMENTS_MAX && !documents.has(uri)) return this.#log(`${uri}: too many texts are open`);
    const document = new TextDocument(uri, files.fileOf(uri) ?? uri, numberOr(version, 0), text as string);
    documents.set(uri, document);
    this.#changed(document.file);
  }

  /** Problems are told anew: of this text, and of open ones that use what it defines. */
  #changed(file: string): void {
    for (const other of [file, ...this.#workspace.changed(file)])
      for (const document of this.#workspace.documents.values())
        if (document.file === other) this.#unchecked.add(document.uri);
    this.#cancelCheck?.();
    this.#cancelCheck = this.#unchecked.size === 0 ? null : this.#loop.callLater(REST_MS, () => this.#check());
  }

  /** One text at a time: what the client sends meanwhile goes before. */
  #check(): void {
    this.#cancelCheck = null;
    if (this.#state !== "running") return;
    const [uri] = this.#unchecked;
    if (uri === undefined) return;
    this.#unchecked.delete(uri);
    const document = this.#workspace.documents.get(uri);
    if (document !== undefined) {
      try {
        this.#publish(uri, this.#answers.diagnostics(document), document.version);
      } catch (error) {
        this.#log(`${uri}: ${String(error)}`);
      }
    }
    if (this.#unchecked.size > 0) this.#cancelCheck = this.#loop.callLater(0, () => this.#check());
  }

  #publish(uri: string, diagnostics: readonly Diagnostic[], version?: number): void {
    const params = { uri, diagnostics, ...(version === undefined ? {} : { version }) };
    this.#messages.send({ jsonrpc: "2.0", method: "textDocument/publishDiagnostics", params });
  }
}

interface Notice {
  readonly textDocument?: { readonly uri?: unknown; readonly text?: unknown; readonly version?: unknown };
  readonly contentChanges?: unknown;
  readonly changes?: unknown;
  readonly event?: { readonly added?: unknown; readonly removed?: unknown };
}

function numberOr(value: unknown, otherwise: number): number {
  return typeof value === "number" ? value : otherwise;
}

function isChange(given: unknown): given is TextChange {
  if (typeof given !== "object" || given === null) return false;
  const { text, range } = given as { text?: unknown; range?: { start?: unknown; end?: unknown } };
  return typeof text === "string" && (range === undefined || (isPosition(range?.start) && isPosition(range.end)));
}

function isPosition(given: unknown): boolean {
  const { line, character } = (given ?? {}) as { line?: unknown; character?: unknown };
  return typeof line === "number" && typeof character === "number";
}
