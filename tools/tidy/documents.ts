/**
 * Documents that name code stay true: links lead somewhere, `docs/where.md` names symbols that exist, pages and
 * comments name files that exist, the picture of ARCHITECTURE.md has each package, decisions are numbered without a
 * gap.
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { COMMENT, LAYERS } from "./layers.ts";
import { lineAt, type Finding, type SourceTree } from "./source-tree.ts";

export function checkDocuments(tree: SourceTree): Finding[] {
  return [
    ...checkLinks(tree),
    ...checkWhere(tree),
    ...checkNamedFiles(tree),
    ...checkPicture(tree),
    ...checkDecisions(tree),
    ...checkDependencies(tree),
  ];
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

/** Pages that say how the system is; decisions and the change log say how it was. */
const PAGE = /^(docs\/[\w-]+|(packages\/[\w-]+\/)?ARCHITECTURE|CONTRIBUTING|SECURITY|README)\.md$/;
const NAMED_FILE = /(?<![\w*{$.:/-])(?:\.{1,2}\/)*([a-z][\w./-]*\.ts)(?!\w|\.\w)/g;

/** A name is the end of a path: `run-loop.ts`, `task/run-loop.ts`. */
function checkNamedFiles({ files }: SourceTree): Finding[] {
  const known = new Set<string>();
  for (const { path } of files)
    for (let at = 0; at !== 0 || !known.has(path); at = path.indexOf("/", at) + 1) known.add(path.slice(at));
  const findings: Finding[] = [];
  const look = (path: string, text: string, start: number, whole: string): void => {
    for (const match of text.matchAll(NAMED_FILE)) {
      if (known.has(match[1]!) || match[1]!.endsWith(".d.ts")) continue;
      findings.push({ path, line: lineAt(whole, start + match.index), message: `no such file: ${match[1]!}` });
    }
  };
  for (const { path, text } of files) {
    if (PAGE.test(path) && path !== "docs/where.md") look(path, text, 0, text);
    if (!/^packages\/[^/]+\/src\/.*(?<!\.test)\.ts$/.test(path)) continue;
    for (const comment of text.matchAll(COMMENT)) look(path, comment[0], comment.index, text);
  }
  return findings;
}

/** The picture has each package in its layer, and the page leads to that of each package. */
function checkPicture({ files }: SourceTree): Finding[] {
  const path = "ARCHITECTURE.md";
  const page = files.find((file) => file.path === path);
  if (page === undefined) return [];
  const findings: Finding[] = [];
  const layers = [...page.text.matchAll(/\n *subgraph "(\d) [^\n]*\n([^]*?)\n *end(?=\n)/g)];
  for (const name of Object.keys(LAYERS)) {
    const isNamed = new RegExp(`["\\s]${name}(?:<br>|[:"\\s])`);
    if (!files.some((file) => file.path === `packages/${name}/package.json`))
      findings.push({ path: "tools/tidy/layers.ts", line: 0, message: `there is no package ${name}, take it off` });
    else if (!layers.some(([, layer, rooms]) => Number(layer) === LAYERS[name] && isNamed.test(rooms!)))
      findings.push({ path, line: 0, message: `the picture has no ${name} in layer ${LAYERS[name]!}` });
    const own = `packages/${name}/ARCHITECTURE.md`;
    if (files.some((file) => file.path === own) && !page.text.includes(`(${own})`))
      findings.push({ path, line: 0, message: `no link to ${own}` });
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
