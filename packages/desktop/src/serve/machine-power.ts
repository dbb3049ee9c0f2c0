/** Suspends a desktop's own machine, goes on with it, and ends its programs: what the session's menu does with it. */
import { Refusal } from "@stratos/volumes/rest-input";
import type { DesktopMachine } from "../machine/desktop-machine.ts";

/** How long programs may take to end by themselves, and then the shells of terminals, which SIGHUP alone ends. */
const GRACE_MS = 4000,
  SHELLS_MS = 1000;
const LOOK_MS = 50;

export class MachinePower {
  readonly #machine: DesktopMachine;
  readonly #shells: () => readonly number[];
  #isSuspended = false;
  /** How often that has changed. */
  changes = 0;

  /** @param shells  numbers of the programs that terminals have */
  constructor(machine: DesktopMachine, shells: () => readonly number[]) {
    this.#machine = machine;
    this.#shells = shells;
  }

  /** Nothing runs in it; its memory and its windows stay as they are. */
  get isSuspended(): boolean {
    return this.#isSuspended;
  }

  /** @throws Refusal: it is a system, which others use as well */
  async suspend(): Promise<void> {
    this.#mustBeOwn();
    this.#set(true);
    await this.#machine.box.pause();
  }

  async resume(): Promise<void> {
    this.#set(false);
    await this.#machine.box.resume();
  }

  #set(isSuspended: boolean): void {
    this.#isSuspended = isSuspended;
    this.changes++;
  }

  /** Programs are asked to end, and had the time to. @throws Refusal: it is a system, which others use as well */
  async endPrograms(): Promise<void> {
    this.#mustBeOwn();
    await this.resume();
    // A shell that is hung up hangs up its jobs, which may be about to write something.
    await this.#endAll("TERM", GRACE_MS, new Set(this.#shells()));
    await this.#endAll("HUP", SHELLS_MS, new Set());
  }

  /** @param others  are not waited for */
  async #endAll(signal: string, timeoutMs: number, others: ReadonlySet<number>): Promise<void> {
    const { box } = this.#machine;
    // To all but the one that says it (kill(2), pid −1). Without a shell nobody can: they end with the machine.
    const line = `kill -s ${signal} -- -1; kill -s CONT -- -1`;
    const endMs = performance.now() + timeoutMs;
    await box.run(["/bin/sh", "-c", line], { timeoutMs }).catch(() => {});
    while (performance.now() < endMs) {
      const left = await box.processes();
      if (left.every(({ pid }) => pid === 1 || others.has(pid))) return;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  #mustBeOwn(): void {
    if (this.#machine.session === null)
      throw new Refusal(409, `${this.#machine.name} is a system: stratos pause, resume and stop are for it`);
  }
}
