/** The display of a machine that others look at from elsewhere: made with it, saved and forked with it. */
import type { GuestUser, MachineSession } from "@stratos/session";
import { GuestDisplay } from "./guest-display.ts";
import { ScreenViewers, type ViewerEnd, type Watching } from "./screen-viewers.ts";

const SIZE = { width: 1280, height: 800 };

export class MachineDisplay {
  /** What programs need to find it. */
  readonly environment: Readonly<Record<string, string>>;
  readonly #session: MachineSession;
  readonly #display: GuestDisplay;
  readonly #viewers: ScreenViewers;

  /**
   * In a machine that goes on it goes on, too, as far as that is kept.
   *
   * @param tell  what goes wrong, in words for people
   * @throws SessionError when its socket cannot be made
   */
  constructor(session: MachineSession, user: GuestUser, tell: (problem: string) => void) {
    this.#session = session;
    this.#display = new GuestDisplay(session, user, {
      ...SIZE,
      // None before the first turn of the host's loop.
      onFrame: (changed) => this.#viewers.frame(changed),
      onCopied: () => this.#viewers.copied(),
      tell,
    });
    this.#viewers = new ScreenViewers(this.#display);
    const { environment } = this.#display;
    this.environment = Object.fromEntries(environment.map(({ name, value }) => [name, value]));
  }

  /** @param mayAct  false: it only looks */
  connect(viewer: ViewerEnd, mayAct: boolean): Watching {
    const { take, leave } = this.#viewers.connect(viewer, mayAct);
    return {
      take: (text) => this.#session.whenFree(() => take(text)),
      leave: () => this.#session.whenFree(() => leave()),
    };
  }

  close(): void {
    this.#viewers.close();
    this.#display.close();
  }
}
