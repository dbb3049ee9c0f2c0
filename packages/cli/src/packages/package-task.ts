/** What tasks of package management share: ports of the host, progress on stderr, and failures in words. */
import { homeFolder, ProgressDisplay, stratosHome } from "@stratos/host-node";
import { nodePackagePorts, type NodePackagePorts } from "@stratos/host-node/packages";
import type { Progress } from "@stratos/pkg";
import { CommandError } from "../command-error.ts";

/** Errors of the package side are told in words that are meant for people. */
const PACKAGE_FAILURES: ReadonlySet<string> = new Set([
  "MirrorError",
  "FetchError",
  "IntegrityError",
  "ReleaseError",
  "ControlError",
  "DependencyError",
  "UnsatisfiableError",
  "SolverLimitError",
  "DebError",
  "RootTreeError",
  "PolicyError",
  "LockError",
  "ChangeError",
  "RootPathError",
  "FormatError",
]);

/** @param what  whom a failure is about */
export async function withPackagePorts<T>(
  what: string,
  work: (ports: NodePackagePorts, progress: ProgressDisplay) => Promise<T>,
): Promise<T> {
  const ports = nodePackagePorts(homeFolder(stratosHome(), "downloads"));
  const progress = new ProgressDisplay(process.stderr);
  try {
    return await work(ports, progress);
  } catch (error) {
    progress.clear();
    if (error instanceof Error && PACKAGE_FAILURES.has(error.name))
      throw new CommandError(what, withoutName(error.message, what), { cause: error });
    throw error;
  } finally {
    progress.clear();
    await ports.close();
  }
}

/** Most failures name what they are about; it is told once. */
function withoutName(message: string, what: string): string {
  return message.startsWith(`${what}: `) ? message.slice(what.length + 2) : message;
}

export function showProgress(progress: ProgressDisplay, event: Progress): void {
  switch (event.phase) {
    case "index":
      return progress.update("Reading package lists", 0, 0);
    case "download":
      return progress.update("Downloading packages", event.doneBytes, event.totalBytes, "bytes");
    case "unpack":
      return progress.update("Unpacking packages", event.doneFiles, event.totalFiles);
    case "warning":
      return progress.note(`stratos: ${event.name}`);
  }
}
