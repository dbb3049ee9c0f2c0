/** Named systems of a user who is a test. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { SystemView } from "@stratos/sdk/api";
import { launcher, type Result, run, type RunInput } from "./stratos.ts";
import { endSupervisor } from "./supervisor.ts";
import { shareTranslations, TEST_HOME, TEST_IMAGE } from "./test-image.ts";
import { until } from "./until.ts";

/** A user's home with the test's image, and what is done in it. */
export class SystemsHome {
  readonly path: string;

  /** @param path  of a folder that is made */
  constructor(t: TestContext, path: string) {
    this.path = path;
    // Machines end with their supervisor.
    t.after(() => endSupervisor(this.path));
    mkdirSync(this.path);
    for (const shared of ["images", "downloads"]) symlinkSync(join(TEST_HOME, shared), join(this.path, shared));
    shareTranslations(this.path);
  }

  get systems(): string {
    return join(this.path, "systems");
  }

  get environment(): Record<string, string> {
    return { STRATOS_HOME: this.path };
  }

  stratos(args: readonly string[], input: RunInput = {}): Promise<Result> {
    return run([...launcher, ...args], { ...input, env: { ...this.environment, ...input.env } });
  }

  /** @returns what it prints. It must not fail */
  async must(...args: readonly string[]): Promise<string> {
    const { stdout, stderr, status } = await this.stratos(args);
    assert.equal(status, 0, `${args.join(" ")}: ${stdout}${stderr}`);
    return stdout;
  }

  /** It must fail. @returns its words */
  async refused(status: number, ...args: readonly string[]): Promise<string> {
    const result = await this.stratos(args);
    assert.equal(result.status, status, `${args.join(" ")}: ${result.stdout}${result.stderr}`);
    return result.stderr;
  }

  run(name: string, ...args: readonly string[]): Promise<string> {
    return this.must("run", "-d", "--name", name, "-i", TEST_IMAGE, "--memory", "256M", ...args);
  }

  async view(name: string): Promise<SystemView> {
    const views = JSON.parse(await this.must("ps", "-a", "--json")) as SystemView[];
    const view = views.find((each) => each.name === name);
    assert.ok(view, `${name} is not there`);
    return view;
  }

  async untilView(name: string, what: string, is: (view: SystemView) => boolean): Promise<void> {
    await until(what, async () => is(await this.view(name)));
  }

  supervisorPid(): number {
    return Number.parseInt(readFileSync(join(this.systems, "supervisor.lock"), "utf8"), 10);
  }
}
