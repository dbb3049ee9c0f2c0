/**
 * The desktops of a machine's users, of which one is shown at a time: the others go on as they are, and are there again
 * when somebody comes back to them. Each has windows, terminals, a bus, sound, settings and a passphrase of its own.
 *
 *     page ── request, with the number of the desktop that it shows ──► the shown one's service
 *                                                                       another number: 423, and the page loads anew
 */
import { join } from "node:path";
import type { Hono } from "hono";
import { Refusal } from "@stratos/volumes/rest-input";
import type { DesktopMachine } from "../machine/desktop-machine.ts";
import { createDesktopService, type ServedDesktop } from "./desktop-service.ts";
import { MachinePower } from "./machine-power.ts";
import { type RunningDesktop, runDesktop } from "./running-desktop.ts";
import { SettingsFile } from "./settings.ts";

/** By which a page says which desktop it shows. */
const NUMBER_HEADER = "stratos-desktop";

interface UsersDesktopsOptions extends Pick<ServedDesktop, "token" | "page" | "maintenance" | "onEnd" | "onDefect"> {
  readonly home: string;
  readonly tell: (problem: string) => void;
  /** Another one is shown, or the shown one is locked: pages are to come again. */
  readonly onLeft: () => void;
}

interface UsersDesktop {
  readonly desktop: RunningDesktop;
  readonly service: Hono;
}

export class UsersDesktops {
  readonly #machine: DesktopMachine;
  readonly #options: UsersDesktopsOptions;
  readonly #power: MachinePower;
  /** By the user's place in the list; those that somebody has seen. */
  readonly #all = new Map<number, UsersDesktop>();
  #shown: UsersDesktop;

  /** @throws SessionError, StratosError */
  constructor(machine: DesktopMachine, options: UsersDesktopsOptions) {
    this.#machine = machine;
    this.#options = options;
    this.#power = new MachinePower(machine, () =>
      [...this.#all.values()].flatMap(({ desktop }) => desktop.programs.shells),
    );
    this.#shown = this.#open(0);
  }

  get shown(): RunningDesktop {
    return this.#shown.desktop;
  }

  /** What a page asks. */
  fetch(request: Request): Response | Promise<Response> {
    const said = request.headers.get(NUMBER_HEADER);
    if (said === null || this.isShown(Number(said))) return this.#shown.service.fetch(request);
    return Response.json({ detail: "another user's desktop is shown" }, { status: 423 });
  }

  isShown(number: unknown): boolean {
    return number === this.shown.number;
  }

  close(): void {
    for (const { desktop } of this.#all.values()) desktop.close();
  }

  /** The one that is left is locked, if anything would unlock it. @throws Refusal, SessionError */
  #show(user: string): void {
    const { user: first, others } = this.#machine;
    const number = [first, ...others].findIndex(({ name }) => name === user);
    if (number < 0) throw new Refusal(404, `${user}: is no user of this desktop`);
    if (this.isShown(number)) return;
    const { state } = this.shown;
    const next = this.#all.get(number) ?? this.#open(number);
    if (state.file.hasPassphrase) state.lock();
    this.#shown = next;
    this.#options.onLeft();
  }

  #open(number: number): UsersDesktop {
    const { home, token, page, maintenance, onEnd, onDefect, tell, onLeft } = this.#options;
    const all = [this.#machine.user, ...this.#machine.others];
    const user = all[number]!;
    const machine = { ...this.#machine, user, others: all.filter((each) => each !== user) };
    const name = number === 0 ? "desktop" : `desktop.${encodeURIComponent(user.name)}`;
    const desktop = runDesktop(
      machine,
      new SettingsFile(join(home, `${name}.json`)),
      { onEnd, onDefect, tell },
      null,
      all.length === 1 ? null : { number, power: this.#power, onSwitch: (to) => this.#show(to) },
    );
    desktop.state.watch({ locked: () => this.isShown(number) && onLeft() });
    const served: ServedDesktop = {
      ...{ ...desktop, sandboxed: { home, name, onDefect }, token, page },
      // The first one's is this computer's.
      maintenance: number === 0 ? maintenance : null,
    };
    const opened = { desktop, service: createDesktopService(served) };
    this.#all.set(number, opened);
    return opened;
  }
}
