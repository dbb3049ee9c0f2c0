/**
 * What a root holds, one line to a file, to compare states of it: kinds, owners, permissions and contents; without
 * times, which each run has its own of.
 */
import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** Records of when something was done, and by which process; and what Stratos keeps for taking changes back. */
const LEFT_OUT = new Set(["var/lib/stratos", "var/log/dpkg.log", "var/lib/dpkg/status-old"]);

export function rootManifest(root: string): string {
  const lines: string[] = [];
  const visit = (path: string): void => {
    if (LEFT_OUT.has(path)) return;
    const at = join(root, path),
      stat = lstatSync(at);
    const common = `${path} ${(stat.mode & 0o7777).toString(8)} ${stat.uid}:${stat.gid}`;
    if (stat.isDirectory()) {
      lines.push(`d ${common}`);
      for (const name of readdirSync(at).sort()) visit(path === "" ? name : `${path}/${name}`);
    } else if (stat.isSymbolicLink()) lines.push(`l ${path} ${readlinkSync(at)}`);
    else if (stat.isFile()) lines.push(`f ${common} ${createHash("sha256").update(readFileSync(at)).digest("hex")}`);
    else lines.push(`s ${common}`);
  };
  visit("");
  return `${lines.join("\n")}\n`;
}
