/** A compose at a terminal: what it tells, and the signals that end it. */
import { printable } from "@stratos/base";
import { formatProblem, type ComposeEvent, type ComposePorts } from "@stratos/compose";
import { ProgressDisplay } from "../progress-display.ts";
import {
  chosenArchitectures,
  openComposeSession,
  type ComposeFolders,
  type ComposeSessionOptions,
} from "@stratos/systems/compose";
import { listenForStop } from "../stop-signals.ts";
import type { UnknownKeyOptions } from "./compose-options.ts";

interface TerminalCompose {
  readonly ports: ComposePorts;
  /** aborted when a signal asks for the end */
  readonly signal: AbortSignal;
  /** the exit status that the signal asks for; undefined: none has come */
  readonly stopStatus: number | undefined;
  show(event: ComposeEvent): void;
  close(): Promise<void>;
}

/** Warns of keys that treefiles do not have, unless they are to be refused. */
export function onUnknownKey({ unknownKeys }: UnknownKeyOptions): ((words: string) => void) | undefined {
  return unknownKeys === "warn"
    ? (words) => void process.stderr.write(`stratos: warning: ${printable(words)}\n`)
    : undefined;
}

/** Tells for which processors images are whose treefile does not say so. */
export function tellChosen(...chosen: Parameters<typeof chosenArchitectures>): void {
  for (const note of chosenArchitectures(...chosen)) process.stderr.write(`stratos: note: ${note}\n`);
}

export async function composeAtTerminal(
  folders: ComposeFolders,
  options: ComposeSessionOptions & { readonly verbose: boolean },
): Promise<TerminalCompose> {
  const display = new ProgressDisplay(process.stderr);
  const stop = listenForStop();
  const session = await openComposeSession(folders, {
    ...options,
    onPluginWords: (message) => display.note(printable(message)),
    unheard: stop.unheard,
  }).catch((error: unknown) => {
    stop.close();
    throw error;
  });
  return {
    ports: session.ports,
    signal: stop.signal,
    get stopStatus() {
      return stop.status;
    },
    show: (event) => show(event, display, options.verbose),
    async close() {
      stop.close();
      display.clear();
      await session.close();
    },
  };
}

function show(event: ComposeEvent, display: ProgressDisplay, isVerbose: boolean): void {
  switch (event.kind) {
    case "step": {
      const { event: step } = event;
      if (step.kind === "start") {
        if (isVerbose) display.note(`${step.id}: started`);
        return;
      }
      const why = step.reason === "" ? "" : `: ${step.reason}`;
      display.note(
        step.status === "failed" || step.status === "canceled"
          ? `stratos: ${step.id}: ${step.status}${why}`
          : `${step.id}: ${step.status}${why}` +
              `${step.status === "done" ? ` (${(step.milliseconds / 1000).toFixed(1)} s)` : ""}`,
      );
      return;
    }
    case "packages": {
      const { progress } = event;
      if (progress.phase === "index") return display.update("Reading package lists", 0, 0);
      if (progress.phase === "download")
        return display.update(
          `Downloading packages (${event.image})`,
          progress.doneBytes,
          progress.totalBytes,
          "bytes",
        );
      if (progress.phase === "warning") return display.note(`stratos: ${progress.name}`);
      return;
    }
    case "build": {
      const { event: build } = event;
      if (build.kind === "unpack")
        return display.update(`Unpacking packages (${event.image})`, build.done, build.total);
      if (build.kind === "stage")
        return display.note(
          `build ${event.image}: stage ${build.stage}, ${build.packages} packages${build.isKept ? ", kept" : ""}`,
        );
      if (build.kind === "repeated")
        return display.note(`build ${event.image}: its scripts have seen nothing of what has changed`);
      if (isVerbose) display.note(`  ${build.line}`);
      return;
    }
    case "advice":
      return display.note(`stratos: note: ${printable(formatProblem(event.problem))}`);
    case "note":
      return display.note(`output ${event.image} ${event.output}: ${event.message}`);
    case "kept":
      if (isVerbose) display.note(`build ${event.image}: ${event.what} kept`);
  }
}
