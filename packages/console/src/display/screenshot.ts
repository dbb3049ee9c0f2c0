/**
 * `run --screenshot`: what a program shows on a screen that nobody looks at. It is taken once something has been there
 * and nothing was drawn for a second, when the program ends by itself, or when its time is over.
 */
import { accessSync, constants, statSync } from "node:fs";
import { dirname } from "node:path";
import type { EnvironmentSetting, GuestUser, MachineSession } from "@stratos/session";
import { replaceFile } from "@stratos/host-node/files";
import { hostReason } from "@stratos/host-node/home";
import { OperationError } from "@stratos/operation";
import type { Rectangle } from "@stratos/wayland";
import { GuestDisplay } from "@stratos/display";
import { GuestScreen } from "./guest-screen.ts";
import { encodePng } from "./png.ts";

const SETTLED_MS = 1000;
/** For programs that never stop drawing. */
export const SCREENSHOT_TIMEOUT_MS = 60_000;

/** What a picture is taken of. */
interface Subject {
  readonly environment: readonly EnvironmentSetting[];
  readonly width: number;
  readonly height: number;
  /** There is something to be seen. */
  readonly isShown: boolean;
  /** The last that there was, 0xAARRGGBB; null: there never was anything. */
  lastPixels(): Uint32Array | null;
  close(): void;
}

export class Screenshot {
  readonly #subject: Subject;
  readonly #file: string;
  readonly #onSettled: () => void;
  #settling: NodeJS.Timeout | null = null;
  #isOver = false;

  /** @param size  of a display for windows; a machine with a screen has its own */
  constructor(
    session: MachineSession,
    user: GuestUser,
    file: string,
    size: { readonly width: number; readonly height: number },
    tell: (problem: string) => void,
  ) {
    this.#file = file;
    this.#onSettled = () => session.stop();
    const onFrame = (changed: readonly Rectangle[]): void => this.#drawn(changed);
    this.#subject =
      session.machine.kernel.graphics === null
        ? windowsOf(session, user, { ...size, tell, onFrame })
        : screenOf(session, onFrame);
  }

  get environment(): readonly EnvironmentSetting[] {
    return this.#subject.environment;
  }

  #drawn(changed: readonly Rectangle[]): void {
    if (this.#isOver || changed.length === 0 || !this.#subject.isShown) return;
    if (this.#settling !== null) clearTimeout(this.#settling);
    this.#settling = setTimeout(this.#onSettled, SETTLED_MS);
  }

  /** No picture is wanted any more. */
  close(): void {
    this.#isOver = true;
    if (this.#settling !== null) clearTimeout(this.#settling);
    this.#settling = null;
    this.#subject.close();
  }

  /** Writes the file. @returns false: the program has shown nothing @throws OperationError */
  finish(): boolean {
    this.close();
    const pixels = this.#subject.lastPixels();
    if (pixels === null) return false;
    try {
      replaceFile(this.#file, encodePng(pixels, this.#subject.width, this.#subject.height), { flush: false });
    } catch (error) {
      throw new OperationError("program", this.#file, hostReason(error), { cause: error });
    }
    return true;
  }
}

function windowsOf(
  session: MachineSession,
  user: GuestUser,
  options: ConstructorParameters<typeof GuestDisplay>[2],
): Subject {
  const display = new GuestDisplay(session, user, options);
  const { compositor, environment } = display;
  return {
    environment,
    width: options.width,
    height: options.height,
    get isShown() {
      return compositor.windows.length > 0;
    },
    lastPixels: () => {
      if (compositor.windows.length === 0) return compositor.lastPicture;
      // What was drawn since the last refresh counts, too.
      compositor.frame();
      return compositor.canvas.pixels;
    },
    close: () => display.close(),
  };
}

function screenOf({ machine }: MachineSession, onFrame: (changed: readonly Rectangle[]) => void): Subject {
  let last: Uint32Array | null = null;
  const screen: GuestScreen = new GuestScreen(machine, {
    onFrame: (changed) => {
      // A program that ends leaves it dark.
      if (screen.isUsed) last = screen.canvas.pixels.slice();
      onFrame(changed);
    },
  });
  return {
    environment: [],
    width: screen.canvas.width,
    height: screen.canvas.height,
    get isShown() {
      return screen.isUsed;
    },
    lastPixels: () => {
      if (screen.isUsed) screen.look();
      return last;
    },
    close: () => screen.close(),
  };
}

/** @throws OperationError when no file could be written there */
export function checkOutputFile(file: string): void {
  const present = statSync(file, { throwIfNoEntry: false });
  if (present?.isDirectory() === true) throw new OperationError("option", file, "is a folder");
  const written = present === undefined ? dirname(file) : file;
  try {
    accessSync(written, constants.W_OK);
  } catch (error) {
    throw new OperationError("option", file, written === file ? hostReason(error) : `${written}: ${hostReason(error)}`);
  }
}
