/** Names and sizes of files (STYLE.md §2). */
import type { Finding, SourceTree } from "./source-tree.ts";

const LINES_MAX = 700;
/** Tables of facts may be long. */
const LONG_TABLES: ReadonlySet<string> = new Set([]);
const VAGUE = /^(utils?|types|helpers?|common|misc|handlers)\.[mc]?[tj]s$/;
const NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/;

export function checkFiles(tree: SourceTree): Finding[] {
  const findings: Finding[] = [];
  for (const { path, text } of tree.files) {
    if (!/\.(ts|mjs)$/.test(path)) continue;
    const file = path.split("/").at(-1)!;
    const stem = file.replace(/(\.(test|fuzz|bench|gen|d))?\.(ts|mjs)$/, "");
    if (!NAME.test(stem)) findings.push({ path, line: 0, message: "file names are kebab-case" });
    for (const folder of path.split("/").slice(0, -1)) {
      if (!/^[._]?[a-z0-9]+(-[a-z0-9]+)*$/.test(folder))
        findings.push({ path, line: 0, message: `folder names are kebab-case: ${folder}` });
    }
    if (VAGUE.test(file))
      findings.push({ path, line: 0, message: "a name that says nothing: put the thing beside its owner" });
    const lines = text.split("\n").length;
    if (lines > LINES_MAX && !LONG_TABLES.has(path))
      findings.push({ path, line: 0, message: `${lines} lines; split it by noun or verb (at most ${LINES_MAX})` });
  }
  return findings;
}
