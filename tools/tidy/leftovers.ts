/** What must not be left behind in a commit. */
import { lineAt, type Finding, type SourceTree } from "./source-tree.ts";
import { LAYERS, withoutComments } from "./layers.ts";

interface Leftover {
  readonly pattern: RegExp;
  readonly message: string;
  readonly where: (path: string) => boolean;
  readonly codeOnly?: true;
}

const isSource = (path: string): boolean => /\.(ts|mjs|c|h)$/.test(path);
const isCore = (path: string): boolean =>
  (LAYERS[/^packages\/([^/]+)\/src\//.exec(path)?.[1] ?? ""] ?? 5) < 5 &&
  !/\.(test|fuzz|bench)\.ts$|\/testing\//.test(path);
// Written in pieces, so that this file does not find itself.
const word = (...parts: string[]): string => parts.join("");

const LEFTOVERS: readonly Leftover[] = [
  {
    pattern: new RegExp(word("\\b(TO", "DO|XX", "X|HA", "CK)\\b"), "g"),
    message: "a leftover: do it, or say FIXME with its effect",
    where: isSource,
  },
  {
    pattern: new RegExp(word("@ts-", "(ignore|nocheck|expect-error)"), "g"),
    message: "the type checker is not to be silenced",
    where: isSource,
  },
  {
    pattern: new RegExp(word("\\bas a", "ny\\b|: a", "ny\\b"), "g"),
    message: "any: say the type",
    where: (path) => path.endsWith(".ts"),
    codeOnly: true,
  },
  { pattern: /\bconsole\.\w+\(/g, message: "printing is the face's business", where: isCore, codeOnly: true },
  {
    pattern: new RegExp(word("\\b(it|test|describe)\\.(sk", "ip|on", "ly|to", "do)\\b|\\bskip: *tr", "ue"), "g"),
    message: "a test that does not run",
    where: (path) => path.endsWith(".test.ts"),
    codeOnly: true,
  },
  {
    pattern: /(?<![\w.~$}])\/(?:work|farm|Users)\//g,
    message: "a path of one machine",
    where: (path) => !path.endsWith("package-lock.json"),
  },
  {
    pattern: new RegExp(word("^(<<<<", "<<<|>>>>", ">>> |====", "===$)"), "gm"),
    message: "a merge conflict",
    where: () => true,
  },
];

export function checkLeftovers(tree: SourceTree): Finding[] {
  const findings: Finding[] = [];
  for (const { path, text } of tree.files) {
    for (const { pattern, message, where, codeOnly } of LEFTOVERS) {
      if (!where(path)) continue;
      const searched = codeOnly === true ? withoutComments(text) : text;
      for (const match of searched.matchAll(pattern))
        findings.push({ path, line: lineAt(text, match.index), message: `${message}: ${match[0].trim()}` });
    }
    if (path === "package-lock.json") {
      for (const match of text.matchAll(/"resolved": "([^"]+)"/g)) {
        if (/^[a-z+]+:/.test(match[1]!))
          findings.push({
            path,
            line: lineAt(text, match.index),
            message: `a registry's address; npm's omit-lockfile-registry-resolved keeps it out: ${match[1]!}`,
          });
      }
    }
  }
  return findings;
}
