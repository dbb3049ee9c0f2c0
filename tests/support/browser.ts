/**
 * A headless Chromium, driven by the DevTools protocol over a WebSocket: one message asks, one answers
 * (https://chromedevtools.github.io/devtools-protocol).
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { closeBrowser, listeningAt, openSocket } from "./browser-process.ts";

/** Names that distributions give it; CHROMIUM says another. */
const NAMES = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"];
const START_MS = 300_000;
/** A browser under load answers late; one that lost a message never does. */
const ANSWER_MS = 300_000;

interface Waiting {
  resolve(result: Record<string, unknown>): void;
  reject(error: Error): void;
}

export class Browser {
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, Waiting>();
  #serial = 0;

  /** The folder of what it keeps. */
  get profile(): string {
    return this.#profile;
  }

  constructor(process: ChildProcess, profile: string, socket: WebSocket) {
    this.#process = process;
    this.#profile = profile;
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => this.#take(JSON.parse(String(data))));
    socket.addEventListener("close", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error("the browser has ended"));
      this.#waiting.clear();
    });
  }

  /**
   * @param profile  of a browser before; default: a new one
   * @param graphics  how it draws; default: without a graphics processor, and without WebGL
   * @throws Error in words: there is none, or it does not start
   */
  static async launch(profile?: string, graphics = ["--disable-gpu"]): Promise<Browser> {
    const program = browserProgram();
    profile ??= mkdtempSync(join(tmpdir(), "stratos-browser-"));
    const child = spawn(
      program,
      [
        "--headless=new",
        "--remote-debugging-port=0",
        `--user-data-dir=${profile}`,
        "--no-first-run",
        "--disable-dev-shm-usage",
        // As a whole Chromium has it by itself: a frame that hangs is none of its page.
        "--site-per-process",
        ...graphics,
        "--window-size=1000,600",
        ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
      ],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    const socket = await openSocket(await listeningAt(child, /DevTools listening on (\S+)/, START_MS));
    return new Browser(child, profile, socket);
  }

  async open(url: string): Promise<Page> {
    const { targetId } = await this.call("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.call("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, String(sessionId));
    await page.navigate(url);
    return page;
  }

  /** @throws Error with the protocol's words */
  call(method: string, params: object, sessionId?: string): Promise<Record<string, unknown>> {
    if (this.#socket.readyState !== WebSocket.OPEN) return Promise.reject(new Error("the browser has ended"));
    const id = ++this.#serial;
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    const { promise, resolve, reject } = Promise.withResolvers<Record<string, unknown>>();
    this.#waiting.set(id, { resolve, reject });
    const timer = setTimeout(() => {
      this.#waiting.delete(id);
      reject(new Error(`the browser did not answer ${method} ${JSON.stringify(params)} in ${ANSWER_MS / 1000} s`));
    }, ANSWER_MS);
    return promise.finally(() => clearTimeout(timer));
  }

  #take(message: { id?: number; result?: Record<string, unknown>; error?: { message: string } }): void {
    const waiting = message.id === undefined ? undefined : this.#waiting.get(message.id);
    if (waiting === undefined) return;
    this.#waiting.delete(message.id!);
    if (message.error === undefined) waiting.resolve(message.result!);
    else waiting.reject(new Error(message.error.message));
  }

  /** As a computer's power does: nothing is brought to rest. Its profile stays. */
  async kill(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill("SIGKILL");
    await ended;
  }

  close(): Promise<void> {
    return closeBrowser(this.#process, this.#profile, () => this.call("Browser.close", {}));
  }
}

export class Page {
  readonly #browser: Browser;
  readonly #sessionId: string;

  constructor(browser: Browser, sessionId: string) {
    this.#browser = browser;
    this.#sessionId = sessionId;
  }

  async navigate(url: string): Promise<void> {
    await this.call("Page.navigate", { url });
  }

  async reload(): Promise<void> {
    await this.call("Page.reload", {});
  }

  /** The value of an expression, as JSON would have it. @throws Error that the page threw */
  async evaluate(expression: string): Promise<unknown> {
    const { result, exceptionDetails } = (await this.call("Runtime.evaluate", {
      expression,
      returnByValue: true,
      awaitPromise: true,
    })) as { result: { value?: unknown }; exceptionDetails?: { exception?: { description?: string } } };
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description ?? "the page threw");
    return result.value;
  }

  /** Waits until the text that the expression gives matches. @throws Error with what it was instead */
  async waitFor(expression: string, pattern: RegExp, timeoutMs: number): Promise<string> {
    const deadline = Date.now() + timeoutMs;
    for (let text = ""; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
      // While a page is on its way there is nothing to ask yet.
      text = String(await this.evaluate(expression).catch((error: unknown) => String(error)));
      if (pattern.test(text)) return text;
      if (Date.now() > deadline) throw new Error(`${expression} never matched ${pattern}; at last it was: ${text}`);
    }
  }

  /** Types as a keyboard does: into what has the focus. */
  async type(text: string): Promise<void> {
    for (const character of text) {
      if (character !== "\n") await this.call("Input.insertText", { text: character });
      else
        for (const type of ["keyDown", "keyUp"])
          await this.call("Input.dispatchKeyEvent", {
            type,
            key: "Enter",
            code: "Enter",
            windowsVirtualKeyCode: 13,
            ...(type === "keyDown" ? { text: "\r" } : {}),
          });
    }
  }

  /**
   * Presses keys together: one after the other down, and up again. No answer is waited for in between: programs repeat
   * a key that is down for as long as one takes under load. @param codes  KeyboardEvent.code
   */
  async press(...codes: string[]): Promise<void> {
    const send = (type: string) => (code: string) =>
      this.call("Input.dispatchKeyEvent", { type, code, key: "Unidentified" });
    await Promise.all([...codes.map(send("keyDown")), ...codes.toReversed().map(send("keyUp"))]);
  }

  /** @throws Error with the protocol's words */
  call(method: string, params: object): Promise<Record<string, unknown>> {
    return this.#browser.call(method, params, this.#sessionId);
  }
}

function browserProgram(): string {
  const named = process.env["CHROMIUM"];
  if (named !== undefined) return named;
  const found = NAMES.find((name) => spawnSync("sh", ["-c", `command -v ${name}`]).status === 0);
  if (found === undefined) throw new Error(`there is no Chromium: none of ${NAMES.join(", ")} is in PATH`);
  return found;
}
