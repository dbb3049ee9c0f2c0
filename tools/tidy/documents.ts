/**
 * Documents that name code stay true: links lead somewhere, `docs/where.md` names symbols that exist, decisions are
 * numbered without a gap.
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { lineAt, type Finding, type SourceTree } from "./source-tree.ts";

export function checkDocuments(tree: SourceTree): Finding[] {
  return [...checkLinks(tree), ...checkWhere(tree), ...checkDecisions(tree), ...checkDependencies(tree)];
}

function checkLinks({ root, files }: SourceTree): Finding[] {
  const findings: Finding[] = [];
  for (const { path, text } of files) {
    if (!path.endsWith(".md")) continue;
    for (const match of text.matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)) {
      const target = match[1]!;
      if (/^[a-z]+:/.test(target)) continue;
      if (!existsSync(join(root, dirname(path), decodeURIComponent(target))))
        findings.push({ path, line: lineAt(text, match.index), message: `a link to nothing: ${target}` });
    }
  }
  return findings;
}

/** Rows hold `path:symbol` in backticks. */
function checkWhere({ files }: SourceTree): Finding[] {
  const path = "docs/where.md";
  const where = files.find((file) => file.path === path);
  if (where === undefined) return [{ path, line: 0, message: "missing" }];
  const findings: Finding[] = [];
  for (const match of where.text.matchAll(/`([\w./-]+\.(?:ts|mjs))(?::([\w$]+))?`/g)) {
    const line = lineAt(where.text, match.index);
    const file = files.find((candidate) => candidate.path === match[1]);
    if (file === undefined) findings.push({ path, line, message: `no such file: ${match[1]!}` });
    else if (match[2] === undefined) findings.push({ path, line, message: `name a symbol in ${match[1]!}` });
    else if (!new RegExp(`\\b${match[2]!.replaceAll("$", "\\$")}\\b`).test(file.text))
      findings.push({ path, line, message: `no ${match[2]!} in ${match[1]!}` });
  }
  return findings;
}

function checkDecisions({ files }: SourceTree): Finding[] {
  const findings: Finding[] = [];
  const numbers = new Map<number, string>();
  for (const { path } of files) {
    const name = /^docs\/decisions\/(.*)$/.exec(path)?.[1];
    if (name === undefined) continue;
    const number = /^(\d{4})-[a-z0-9-]+\.md$/.exec(name)?.[1];
    if (number === undefined) {
      findings.push({ path, line: 0, message: "a decision is called NNNN-title.md" });
      continue;
    }
    const twin = numbers.get(Number(number));
    if (twin !== undefined) findings.push({ path, line: 0, message: `the number is taken by ${twin}` });
    numbers.set(Number(number), path);
  }
  for (let number = 1; number <= Math.max(0, ...numbers.keys()); number++) {
    if (!numbers.has(number))
      findings.push({
        path: "docs/decisions",
        line: 0,
        message: `number ${String(number).padStart(4, "0")} is missing`,
      });
  }
  return findings;
}

/** Each library has its reason in docs/dependencies.md, and an exact version. */
function checkDependencies({ files }: SourceTree): Finding[] {
  const findings: Finding[] = [];
  const page = files.find((file) => file.path === "docs/dependencies.md")?.text ?? "";
  for (const { path, text } of files) {
    if (!/^(packages\/[^/]+\/)?package\.json$/.test(path)) continue;
    const manifest = JSON.parse(text) as Record<string, Record<string, string> | undefined>;
    for (const kind of ["dependencies", "devDependencies", "optionalDependencies"]) {
      for (const [name, version] of Object.entries(manifest[kind] ?? {})) {
        if (name.startsWith("@stratos/")) continue;
        if (!/^\d+\.\d+\.\d+$/.test(version))
          findings.push({ path, line: 0, message: `${name}: an exact version, not ${version}` });
        if (!page.includes(`\`${name}\``))
          findings.push({
            path: "docs/dependencies.md",
            line: 0,
            message: `the reason for ${name} (${path}) is missing`,
          });
      }
    }
  }
  return findings;
}
