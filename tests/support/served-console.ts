/** `stratos serve --ui`, as its users have it. */
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { launcher, start } from "./stratos.ts";
import { SystemsHome } from "./systems-home.ts";
import { TEST_IMAGE } from "./test-image.ts";
import { Heard, until } from "./until.ts";

export const SYSTEM = { name: "dev", image: TEST_IMAGE, memoryBytes: 256 << 20 };

/** `stratos serve` of a user. */
export class ServedConsole {
  readonly home: SystemsHome;
  url = "";
  /** The address that signs one browser in. */
  entrance = "";
  #child: ChildProcess | null = null;

  /** @param path  of its home, which is made */
  constructor(t: TestContext, path: string) {
    this.home = new SystemsHome(t, path);
    t.after(() => this.stop());
  }

  /** @param port  0: any */
  async start(port = 0, more: readonly string[] = []): Promise<void> {
    const args = ["serve", "--ui", "--listen", String(port), ...more];
    const child = start([...launcher, ...args], { env: this.home.environment });
    this.#child = child;
    const said = new Heard(child.stderr!);
    const address = new Heard(child.stdout!);
    await address.includes("\n");
    await until("it says how to sign in", () => /#sign-in=\S+\n/.test(said.text));
    this.url = address.text.trim();
    this.entrance = /https?:\S+#sign-in=\S+/.exec(said.text)![0];
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    assert.deepEqual(await ended, [0, null]);
  }

  /** Without a word. */
  async kill(): Promise<void> {
    const child = this.#child!;
    this.#child = null;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  get token(): string {
    return readFileSync(join(this.home.path, "serve.token"), "utf8").trim();
  }

  ask(method: string, path: string, body?: object, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(new URL(path, this.url), {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  /** @returns what it answers. It must not fail */
  async must<T>(method: string, path: string, body?: object): Promise<T> {
    const response = await this.ask(method, path, body);
    const text = await response.text();
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text) as T;
  }

  /** A status by headers that fetch would not send. */
  status(path: string, headers: Record<string, string>): Promise<number> {
    return new Promise((resolve, reject) =>
      httpRequest({ host: "127.0.0.1", port: this.port, path, headers }, (response) => {
        response.resume();
        resolve(response.statusCode!);
      })
        .on("error", reject)
        .end(),
    );
  }
}
