/** What tasks of package management share: ports of the host, and failures in words. */
import { homeFolder } from "@stratos/host-node";
import { nodePackagePorts, type NodePackagePorts } from "@stratos/tools-node/packages";
import { OperationError } from "@stratos/operation";

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

/** @param what  whom a failure is about. @param home  STRATOS_HOME, where downloads are kept */
export async function usePackagePorts<T>(
  what: string,
  home: string,
  work: (ports: NodePackagePorts) => Promise<T>,
): Promise<T> {
  const ports = nodePackagePorts(homeFolder(home, "downloads"));
  try {
    return await work(ports);
  } catch (error) {
    if (error instanceof Error && PACKAGE_FAILURES.has(error.name))
      throw new OperationError("packages", what, withoutName(error.message, what), { cause: error });
    throw error;
  } finally {
    await ports.close();
  }
}

/** Most failures name what they are about; it is told once. */
function withoutName(message: string, what: string): string {
  return message.startsWith(`${what}: `) ? message.slice(what.length + 2) : message;
}
