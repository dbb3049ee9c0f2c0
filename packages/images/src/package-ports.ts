/** What tasks of package management share: ports of the host, and failures in words. */
import { homeFolder } from "@stratos/host-node";
import { nodePackagePorts, type NodePackagePorts } from "@stratos/tools-node/packages";
import { toldFailure } from "./told-failures.ts";

const ROOT_FAILURES: ReadonlySet<string> = new Set([
  "PolicyError",
  "AptConfigurationError",
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
    throw toldFailure(what, error, ROOT_FAILURES);
  } finally {
    await ports.close();
  }
}
