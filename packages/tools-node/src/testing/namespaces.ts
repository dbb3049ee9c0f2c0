import { spawnSync } from "node:child_process";

/** Why tests that make namespaces are skipped here; undefined: they can be made. */
export function namespaceObstacle(): string | undefined {
  const user = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user", "--map-auto"];
  const { status } = spawnSync("unshare", [...user, "--mount", "--pid", "--fork", "true"]);
  return status === 0 ? undefined : "namespaces cannot be made here";
}
