/** Operations at a terminal: progress on stderr, and what a signal undoes. */
import { stratosHome } from "@stratos/host-node";
import { ProgressDisplay } from "./progress-display.ts";
import type { NodePackagePorts } from "@stratos/tools-node/packages";
import { usePackagePorts } from "@stratos/images/package-ports";
import type { BuildContext, ImageEvent } from "@stratos/images/build";
import { undoOnSignal } from "./undo-on-signal.ts";

/** @param what  whom a failure is about */
export function withPackagePorts<T>(
  what: string,
  work: (ports: NodePackagePorts, progress: ProgressDisplay) => Promise<T>,
): Promise<T> {
  return withProgress((progress) => usePackagePorts(what, stratosHome(), (ports) => work(ports, progress)));
}

/** Progress is shown while the work lasts. */
export async function withProgress<T>(work: (progress: ProgressDisplay) => Promise<T>): Promise<T> {
  const progress = new ProgressDisplay(process.stderr);
  try {
    return await work(progress);
  } finally {
    progress.clear();
  }
}

/** How a command makes images: progress is shown, and an interrupted one leaves nothing. */
export function contextOf(progress: ProgressDisplay): BuildContext {
  return {
    home: stratosHome(),
    guard: undoOnSignal,
    onEvent: (event) => showProgress(progress, event),
  };
}

/** From when on it is told for how long one package has been configured. */
const SLOW_SECONDS = 3;

export function showProgress(progress: ProgressDisplay, event: ImageEvent): void {
  switch (event.phase) {
    case "waiting":
      return progress.note(`stratos: ${event.name}: process ${event.owner} prepares it; waiting for that`);
    case "index":
      return progress.update("Reading package lists", 0, 0);
    case "download":
      return progress.update("Downloading packages", event.doneBytes, event.totalBytes, "bytes");
    case "unpack":
      return progress.update("Unpacking packages", event.doneFiles, event.totalFiles);
    case "configure": {
      const { done, total, current, seconds } = event;
      const detail = current === "" || seconds < SLOW_SECONDS ? current : `${current} for ${seconds} s`;
      return progress.update("Configuring packages", done, total, "items", detail);
    }
    case "warning":
      return progress.note(`stratos: ${event.name}`);
  }
}
