/** Display and sound of a machine that others look at from elsewhere: made with it; the display is saved and forked. */
import type { GuestUser, MachineSession } from "@stratos/session";
import { GuestDisplay } from "./guest-display.ts";
import { GuestSound } from "./guest-sound.ts";
import { ScreenViewers, type ViewerEnd, type Watching } from "./screen-viewers.ts";

const SIZE = { width: 1280, height: 800 };

export class MachineDisplay {
  /** What programs need to find it. */
  readonly environment: Readonly<Record<string, string>>;
  readonly #session: MachineSession;
  readonly #display: GuestDisplay;
  readonly #viewers: ScreenViewers;
  readonly #sound: GuestSound;

  /**
   * In a machine that goes on it goes on, too, as far as that is kept: sound is not.
   *
   * @throws SessionError when its socket cannot be made
   */
  constructor(session: MachineSession, user: GuestUser) {
    this.#session = session;
    const early: string[] = [];
    let viewers: ScreenViewers | null = null;
    this.#display = new GuestDisplay(session, user, {
      ...SIZE,
      // There are none before the host's loop has its turn.
      onFrame: (changed) => viewers!.frame(changed),
      onCopied: () => viewers!.copied(),
      tell: (problem) => (viewers === null ? early.push(problem) : viewers.tell(problem)),
    });
    viewers = new ScreenViewers(this.#display);
    for (const problem of early) viewers.tell(problem);
    this.#viewers = viewers;
    this.#sound = new GuestSound(session, user, { sink: viewers });
    const environment = [...this.#display.environment, ...this.#sound.environment];
    this.environment = Object.fromEntries(environment.map(({ name, value }) => [name, value]));
  }

  /** @param mayAct  false: it only looks */
  connect(viewer: ViewerEnd, mayAct: boolean): Watching {
    const { take, leave } = this.#viewers.connect(viewer, mayAct);
    return {
      take: (text, isHeard) => this.#session.whenFree(() => take(text, isHeard)),
      leave: () => this.#session.whenFree(() => leave()),
    };
  }

  /** All programs with windows would go on where the machine is saved now. */
  get isAtRest(): boolean {
    return this.#display.isAtRest;
  }

  close(): void {
    this.#viewers.close();
    this.#sound.close();
    this.#display.close();
  }
}
