/** A headless Firefox, driven by WebDriver BiDi over a WebSocket (https://w3c.github.io/webdriver-bidi). */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { closeBrowser, listeningAt, openSocket } from "./browser-process.ts";

const START_MS = 120_000;
/** As it must be for a program that nobody sits before: nothing is asked, nothing is fetched by itself. */
const PREFERENCES = {
  "app.update.enabled": false,
  "browser.shell.checkDefaultBrowser": false,
  "browser.aboutwelcome.enabled": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "toolkit.telemetry.enabled": false,
};
/** WebDriver's characters of the private range that stand for keys. */
const ENTER = "\uE007";
const CONTROL = "\uE009";

interface Waiting {
  resolve(result: Record<string, unknown>): void;
  reject(error: Error): void;
}

/** One window of it. */
export class Firefox {
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, Waiting>();
  #serial = 0;
  #context = "";
  /** As it says of itself. */
  version = "";

  private constructor(process: ChildProcess, profile: string, socket: WebSocket) {
    this.#process = process;
    this.#profile = profile;
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => this.#take(JSON.parse(String(data))));
    socket.addEventListener("close", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error("the browser has ended"));
      this.#waiting.clear();
    });
  }

  /** @throws Error in words: there is none, or it does not start */
  static async launch(program = process.env["FIREFOX"] ?? "firefox-esr"): Promise<Firefox> {
    const profile = mkdtempSync(join(tmpdir(), "stratos-firefox-"));
    const lines = Object.entries(PREFERENCES).map(([name, value]) => `user_pref("${name}", ${value});\n`);
    writeFileSync(join(profile, "user.js"), lines.join(""));
    const options = ["--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0", "about:blank"];
    const child = spawn(program, options, {
      stdio: ["ignore", "ignore", "pipe"],
      // Where a root's browser would look for somebody else's.
      env: { ...process.env, HOME: profile, MOZ_HEADLESS_WIDTH: "1000", MOZ_HEADLESS_HEIGHT: "600" },
    });
    const url = await listeningAt(child, /WebDriver BiDi listening on (\S+)/, START_MS).catch((error: unknown) => {
      child.kill("SIGKILL");
      rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
      throw error;
    });
    const socket = await openSocket(`${url}/session`);
    const firefox = new Firefox(child, profile, socket);
    const session = await firefox.call("session.new", { capabilities: {} });
    firefox.version = String((session["capabilities"] as Record<string, unknown>)["browserVersion"]);
    const { contexts } = (await firefox.call("browsingContext.getTree", {})) as { contexts: { context: string }[] };
    firefox.#context = contexts[0]!.context;
    return firefox;
  }

  async navigate(url: string): Promise<void> {
    await this.call("browsingContext.navigate", { context: this.#context, url, wait: "complete" });
  }

  async reload(): Promise<void> {
    await this.call("browsingContext.reload", { context: this.#context, wait: "complete" });
  }

  /** The text that an expression gives. @throws Error that the page threw */
  async evaluate(expression: string): Promise<string> {
    const answer = (await this.call("script.evaluate", {
      expression: `(async () => String(await (${expression})))()`,
      target: { context: this.#context },
      awaitPromise: true,
    })) as { type: string; result?: { value?: unknown }; exceptionDetails?: { text: string } };
    if (answer.type !== "success") throw new Error(answer.exceptionDetails?.text ?? "the page threw");
    return String(answer.result?.value);
  }

  /** Waits until the text that the expression gives matches. @throws Error with what it was instead */
  async waitFor(expression: string, pattern: RegExp, timeoutMs: number): Promise<string> {
    const deadline = Date.now() + timeoutMs;
    for (let text = ""; ; await new Promise((resolve) => setTimeout(resolve, 100))) {
      // While a page is on its way there is nothing to ask yet.
      text = await this.evaluate(expression).catch((error: unknown) => String(error));
      if (pattern.test(text)) return text;
      if (Date.now() > deadline) throw new Error(`${expression} never matched ${pattern}; at last it was: ${text}`);
    }
  }

  /** Types as a keyboard does: into what has the focus. */
  async type(text: string): Promise<void> {
    const keys = [...text].map((character) => (character === "\n" ? ENTER : character));
    const actions = keys.flatMap((value) => [
      { type: "keyDown", value },
      { type: "keyUp", value },
    ]);
    await this.#keys(actions);
  }

  /** Presses a key while Control is held. */
  async control(value: string): Promise<void> {
    await this.#keys([
      { type: "keyDown", value: CONTROL },
      { type: "keyDown", value },
      { type: "keyUp", value },
      { type: "keyUp", value: CONTROL },
    ]);
  }

  async #keys(actions: readonly object[]): Promise<void> {
    const source = { type: "key", id: "keyboard", actions };
    await this.call("input.performActions", { context: this.#context, actions: [source] });
  }

  /** @throws Error with the protocol's words */
  call(method: string, params: object): Promise<Record<string, unknown>> {
    if (this.#socket.readyState !== WebSocket.OPEN) return Promise.reject(new Error("the browser has ended"));
    const id = ++this.#serial;
    this.#socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  #take(message: { id?: number; type: string; result?: Record<string, unknown>; message?: string }): void {
    const waiting = this.#waiting.get(message.id ?? -1);
    if (waiting === undefined) return;
    this.#waiting.delete(message.id!);
    if (message.type === "success") waiting.resolve(message.result!);
    else waiting.reject(new Error(message.message));
  }

  close(): Promise<void> {
    return closeBrowser(this.#process, this.#profile, () => this.call("browser.close", {}));
  }
}
