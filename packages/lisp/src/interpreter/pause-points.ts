/** Where programs may be left: before forms that begin a line, or the body of a procedure. */
import type { Run, Site } from "./machine.ts";

export interface PausePoints {
  /** Whether they may in this file. */
  isShown(file: string): boolean;
  /** @returns code that asks first, then is `run` */
  before(run: Run, point: { site: Site; isEntry: boolean }): Run;
}
