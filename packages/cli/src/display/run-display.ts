/** The display of a run, as `--display` or `--screenshot` asks for it. */
import type { EnvironmentSetting, GuestUser, MachineSession } from "@stratos/session";
import { UsageError } from "../command-error.ts";
import { DisplayServer } from "./display-server.ts";
import { GuestDisplay } from "@stratos/desktop/display";
import { checkPictureFile, Screenshot, SCREENSHOT_TIMEOUT_MS } from "./screenshot.ts";

const SIZE = { width: 1280, height: 800 };

interface RunDisplay {
  readonly environment: readonly EnvironmentSetting[];
  /** When the run ends unless it is said. */
  readonly timeoutMs?: number;
  /** The run is over, with that status. @returns the one to end with @throws CommandError */
  finish(status: number): number;
  /** The run is over in whatever way; after `finish` nothing is left to do. */
  close(): void;
}

interface DisplayOptions {
  readonly display?: true;
  readonly screenshot?: string;
  readonly record?: string;
  readonly seed?: number;
}

/** Before the machine is made. @throws UsageError */
export function checkDisplay({ display, screenshot, record, seed }: DisplayOptions): void {
  const asked = screenshot === undefined ? "--display" : "--screenshot";
  for (const [name, value] of Object.entries({ record, seed }))
    if (value !== undefined)
      throw new UsageError(`--${name}`, `when frames are shown is not repeatable; leave ${asked} away`);
  if (screenshot === undefined) return;
  if (display === true) throw new UsageError("--display", "a screenshot is of a display that nobody sees");
  checkPictureFile(screenshot);
}

export async function openRunDisplay(
  session: MachineSession,
  user: GuestUser,
  { screenshot }: DisplayOptions,
): Promise<RunDisplay> {
  if (screenshot !== undefined) {
    const picture = new Screenshot(session, user, screenshot, SIZE);
    const { environment } = picture.display;
    return {
      environment,
      timeoutMs: SCREENSHOT_TIMEOUT_MS,
      finish: () => picture.finish(),
      close: () => picture.close(),
    };
  }
  const display: GuestDisplay = new GuestDisplay(session, user, {
    ...SIZE,
    onFrame: (changed) => server.frame(changed),
    onCopied: () => server.copied(),
  });
  const server = new DisplayServer(display);
  const close = (): void => {
    display.close();
    server.close();
  };
  process.stderr.write(`stratos: its windows are shown at ${await server.listen()}\n`);
  return { environment: display.environment, finish: (status) => status, close };
}
