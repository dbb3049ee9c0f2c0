/** Builds at a terminal: what they tell, and the signals that end them. */
import { printable } from "@stratos/base";
import type { BuildEvent } from "@stratos/builder";
import { ProgressDisplay } from "../progress-display.ts";
import {
  type BuilderSession,
  type BuilderSessionOptions,
  type BuilderWishes,
  openBuilderSession,
} from "@stratos/systems/builder";
import { VERSION } from "@stratos/sdk/version";
import { formatSize } from "@stratos/operation";
import { listenForStop } from "../stop-signals.ts";

/** What a build is asked for with: each of these may stand in a file, too. */
export interface BuilderOptions extends BuilderWishes {
  readonly json?: true;
  readonly verbose?: true;
}

export interface TerminalBuilder extends BuilderSession {
  /** the exit status that a signal asks for; undefined: none has come */
  readonly stopStatus: number | undefined;
  readonly display: ProgressDisplay;
  readonly show: (event: BuildEvent) => void;
}

export function builderAtTerminal(
  options: Omit<BuilderSessionOptions, "version" | "signal"> & { readonly verbose?: boolean },
): TerminalBuilder {
  const stop = listenForStop();
  const display = new ProgressDisplay(process.stderr);
  const session = openBuilderSession({
    ...options,
    version: VERSION,
    signal: stop.signal,
    onPluginWords: (message) => display.note(printable(message)),
  });
  return {
    ...session,
    display,
    get stopStatus() {
      return stop.status;
    },
    show: (event) => show(event, display, options.verbose === true),
    async close() {
      stop.close();
      display.clear();
      await session.close();
    },
  };
}

function show(event: BuildEvent, display: ProgressDisplay, isVerbose: boolean): void {
  switch (event.kind) {
    case "stage": {
      if (event.record === undefined) return;
      const { wallMs, cpuMs, peakBytes } = event.record;
      return display.note(
        `${event.stage}: ${event.state} (${(wallMs / 1000).toFixed(1)} s, ${(cpuMs / 1000).toFixed(1)} s of ` +
          `CPU${peakBytes === 0 ? "" : `, ${formatSize(peakBytes)} of memory`})`,
      );
    }
    case "log": {
      if (!isVerbose) return;
      display.clear();
      process.stderr.write(event.bytes);
      return;
    }
    case "note":
      return display.note(printable(event.message));
    case "progress":
      return event.unit === undefined
        ? display.update(event.what, event.done, event.total)
        : display.update(event.what, event.done, event.total, event.unit);
  }
}
