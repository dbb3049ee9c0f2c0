/** Names and sizes of files (STYLE.md §2), and the width of their lines. */
import type { Finding, SourceTree } from "./source-tree.ts";

const LINES_MAX = 700;
/** Columns. What can't be broken (a regular expression) follows a line that says `// wide:` and why. */
const WIDTH_MAX = 120;
const WIDE = /^\s*\/\/ wide: \S/;
const WIDE_LINES_MAX = 50;
const VAGUE = /^(utils?|types|helpers?|common|misc|handlers)\.[mc]?[tj]s$/;
const NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/;

export function checkFiles(tree: SourceTree): Finding[] {
  const findings: Finding[] = [];
  let wideLines = 0;
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
    const lines = text.split("\n");
    if (lines.length > LINES_MAX) {
      const message = `${lines.length} lines; split it by noun or verb (at most ${LINES_MAX})`;
      findings.push({ path, line: 0, message });
    }
    for (const [index, line] of lines.entries()) {
      if (line.length <= WIDTH_MAX) continue;
      const isMarked = WIDE.test(lines[index - 1] ?? "");
      if (isMarked) wideLines += 1;
      if (!isMarked || wideLines > WIDE_LINES_MAX) {
        const message = `${line.length} columns (at most ${WIDTH_MAX}, with ${WIDE_LINES_MAX} exempt lines in all)`;
        findings.push({ path, line: index + 1, message });
      }
    }
  }
  return findings;
}
