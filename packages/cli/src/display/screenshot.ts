/**
 * `run --screenshot`: what a program shows on a screen that nobody looks at. It is taken once a window has been there
 * and nothing was drawn for a second, when the program ends by itself, or when its time is over.
 */
import { accessSync, constants, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { GuestUser, MachineSession } from "@stratos/session";
import { CommandError, hostReason, UsageError } from "../command-error.ts";
import { EXIT_STRATOS_FAILED, EXIT_SUCCESS } from "../exit-status.ts";
import { GuestDisplay } from "@stratos/desktop/display";
import { encodePng } from "./png.ts";

const SETTLED_MS = 1000;
/** For programs that never stop drawing. */
export const SCREENSHOT_TIMEOUT_MS = 60_000;

export class Screenshot {
  readonly display: GuestDisplay;
  readonly #file: string;
  readonly #size: { readonly width: number; readonly height: number };
  readonly #onSettled: () => void;
  #settling: NodeJS.Timeout | null = null;

  constructor(
    session: MachineSession,
    user: GuestUser,
    file: string,
    size: { readonly width: number; readonly height: number },
  ) {
    this.#file = file;
    this.#size = size;
    this.#onSettled = () => session.stop();
    this.display = new GuestDisplay(session, user, {
      ...size,
      onFrame: (changed) => {
        if (changed.length === 0 || this.display.compositor.windows.length === 0) return;
        if (this.#settling !== null) clearTimeout(this.#settling);
        this.#settling = setTimeout(this.#onSettled, SETTLED_MS);
      },
    });
  }

  /** No picture is wanted any more. */
  close(): void {
    if (this.#settling !== null) clearTimeout(this.#settling);
    this.#settling = null;
    this.display.close();
  }

  /** Writes the file. @returns the exit status @throws CommandError */
  finish(): number {
    this.close();
    const { compositor } = this.display;
    // What was drawn since the last refresh counts, too.
    if (compositor.windows.length > 0) compositor.frame();
    const pixels = compositor.windows.length > 0 ? compositor.canvas.pixels : compositor.lastPicture;
    if (pixels === null) {
      process.stderr.write(`stratos: ${this.#file}: not written: the program has shown no window\n`);
      return EXIT_STRATOS_FAILED;
    }
    try {
      writeFileSync(this.#file, encodePng(pixels, this.#size.width, this.#size.height));
    } catch (error) {
      throw new CommandError(this.#file, hostReason(error), { cause: error });
    }
    return EXIT_SUCCESS;
  }
}

/** @throws UsageError when no file could be written there */
export function checkPictureFile(file: string): void {
  const present = statSync(file, { throwIfNoEntry: false });
  if (present?.isDirectory() === true) throw new UsageError(file, "is a folder");
  const written = present === undefined ? dirname(file) : file;
  try {
    accessSync(written, constants.W_OK);
  } catch (error) {
    throw new UsageError(file, written === file ? hostReason(error) : `${written}: ${hostReason(error)}`);
  }
}
