/**
 * The display of a run, or the screen of a machine that has one: shown in a page, or pictured in a file of the host.
 */
import type { EnvironmentSetting, GuestUser, MachineSession } from "@stratos/session";
import { GuestDisplay, GuestSound, ScreenViewers } from "@stratos/display";
import { DisplayServer } from "./display-server.ts";
import { GuestScreen } from "./guest-screen.ts";
import { Screenshot, SCREENSHOT_TIMEOUT_MS } from "./screenshot.ts";

const SIZE = { width: 1280, height: 800 };

interface RunDisplay {
  readonly environment: readonly EnvironmentSetting[];
  /** When the run ends unless it is said. */
  readonly timeoutMs?: number;
  /** The run is over. @returns null: no picture was asked for; false: there was no window @throws OperationError */
  finish(): boolean | null;
  /** The run is over in whatever way; after `finish` nothing is left to do. */
  close(): void;
}

interface DisplayRequest {
  /** A file to picture it in; undefined: it is shown in a page. */
  readonly screenshot: string | undefined;
  /** Pages hear what programs play; false: it goes elsewhere. */
  readonly isHeard: boolean;
  /** Where the page is, with what entitles to it. */
  onAddress(url: string): void;
  /** What goes wrong, in words for people. */
  tell(problem: string): void;
}

export async function openRunDisplay(
  session: MachineSession,
  user: GuestUser,
  { screenshot, isHeard, onAddress, tell }: DisplayRequest,
): Promise<RunDisplay> {
  if (screenshot !== undefined) {
    const picture = new Screenshot(session, user, screenshot, SIZE, tell);
    return {
      environment: picture.environment,
      timeoutMs: SCREENSHOT_TIMEOUT_MS,
      finish: () => picture.finish(),
      close: () => picture.close(),
    };
  }
  if (session.machine.kernel.graphics !== null) {
    const shown: GuestScreen = new GuestScreen(session.machine, { onFrame: (changed) => viewers.frame(changed) });
    const viewers = new ScreenViewers(shown);
    return showInPage(viewers, [], () => shown.close());
  }
  const display: GuestDisplay = new GuestDisplay(session, user, {
    ...SIZE,
    onFrame: (changed) => viewers.frame(changed),
    onCopied: () => viewers.copied(),
    tell,
  });
  const viewers = new ScreenViewers(display);
  return showInPage(viewers, display.environment, () => display.close());

  async function showInPage(
    viewers: ScreenViewers,
    environment: readonly EnvironmentSetting[],
    end: () => void,
  ): Promise<RunDisplay> {
    const server = new DisplayServer(viewers);
    const sound = isHeard ? new GuestSound(session, user, { sink: viewers }) : null;
    const close = (): void => {
      end();
      sound?.close();
      server.close();
    };
    onAddress(await server.listen());
    return { environment: [...environment, ...(sound?.environment ?? [])], finish: () => null, close };
  }
}
