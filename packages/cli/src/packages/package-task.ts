/** What tasks of package management share: ports of the host, progress on stderr, and failures in words. */
import { homeFolder, ProgressDisplay, stratosHome } from "@stratos/host-node";
import { nodePackagePorts, type NodePackagePorts } from "@stratos/host-node/packages";
import type { Progress } from "@stratos/pkg";
import { toldFailure } from "../told-failures.ts";

const ROOT_FAILURES: ReadonlySet<string> = new Set(["PolicyError", "ChangeError", "RootPathError", "FormatError"]);

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
    throw toldFailure(what, error, ROOT_FAILURES);
  } finally {
    progress.clear();
    await ports.close();
  }
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
