/**
 * Goal: each shell completes commands, options, their values, and arguments by their place, also names with blanks, and
 * stays out of a program's own words. Method: the shells themselves, with a `stratos` in PATH that names two images
 * or systems.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { commandHandlers } from "./command-handlers.ts";
import { allCommands } from "./command-tree.ts";
import { completionScript } from "./completion.ts";
import { createProgram } from "./program.ts";

const program = await createProgram(commandHandlers, () => {}, { words: [], scope: "all" });
const folder = mkdtempSync(join(tmpdir(), "stratos-completion-"));
after(() => rmSync(folder, { recursive: true }));
mkdirSync(join(folder, "bin"));
writeFileSync(join(folder, "bin", "stratos"), "#!/bin/sh\necho base; echo dev\n");
chmodSync(join(folder, "bin", "stratos"), 0o755);
for (const name of ["a folder", "sub"]) mkdirSync(join(folder, "files", name), { recursive: true });
for (const name of ["one.rec", "two words.rec", "any*.rec"]) writeFileSync(join(folder, "files", name), "");
const FILES = ["a folder", "any*.rec", "one.rec", "sub", "two words.rec"];

function answers(command: string, args: readonly string[], input: string): string[] {
  const env = { ...process.env, PATH: `${join(folder, "bin")}:${process.env.PATH}`, LC_ALL: "C" };
  const result = spawnSync(command, args, { cwd: join(folder, "files"), encoding: "utf8", input, env });
  assert.equal(result.stderr, "");
  return result.stdout
    .split("\n")
    .map((line) => line.split("\t")[0]!)
    .filter((word) => word !== "");
}

const isThere = (shell: string): boolean => spawnSync(shell, ["-c", "true"]).status === 0;

/** The last word of each row is completed. bash has its words cut at colons and equal signs. */
const ROWS: readonly (readonly [words: readonly string[], found: readonly string[]])[] = [
  [["im"], ["image"]],
  [["image", "b"], ["build"]],
  [["help", "tr"], ["trace"]],
  [["pkg", "ls", "--js"], ["--json"]],
  [["run", "--mem"], ["--memory"]],
  [["run", "-i", "dev", "--mem"], ["--memory"]],
  [["run", "-v", ".", ":", "/x", "--mem"], ["--memory"]],
  [["run", "--image", "=", "dev", "--mem"], ["--memory"]],
  [
    ["run", "--net", ""],
    ["host", "none"],
  ],
  [["run", "--net", "=", "h"], ["host"]],
  [["run", "--image", "d"], ["dev"]],
  [
    ["run", "--image", "="],
    ["base", "dev"],
  ],
  [["run", "--memory", ""], []],
  [
    ["run", "-v", "a"],
    ["a folder", "any*.rec"],
  ],
  [["run", "-v", ".", ":", "/x"], []],
  [["run", "--record", "tw"], ["two words.rec"]],
  [["run", "ls", "--mem"], []],
  [["run", "--", "--mem"], []],
  [
    ["image", "rm", ""],
    ["base", "dev"],
  ],
  [["image", "rm", "base", "d"], ["dev"]],
  [["exec", "-t", "d"], ["dev"]],
  [["exec", "dev", "d"], []],
  [["logs", "-f", "d"], ["dev"]],
  [["rollback", "dev", ""], []],
  [["completion", "f"], ["fish"]],
  [["replay", ""], FILES],
  [["fs", "cp", "tw"], ["two words.rec"]],
  [["cp", "d"], ["dev:"]],
];

test("bash completes words by their place, and stays out of the program's own", () => {
  const script = completionScript(program, "bash");
  for (const [words, found] of ROWS) {
    // By standard input: one argument has at most 128 KiB (execve(2)).
    const input = `${script}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _stratos; printf '%s\\n' "\${COMPREPLY[@]}"\n`;
    assert.deepEqual(
      answers("bash", ["--norc", "-s", "--", "stratos", ...words], input).toSorted(),
      found.toSorted(),
      words.join(" "),
    );
  }
});

test("fish completes the same", { skip: !isThere("fish") && "no fish on this computer" }, () => {
  const script = join(folder, "stratos.fish");
  writeFileSync(script, completionScript(program, "fish"));
  for (const [words, found] of ROWS) {
    // A guest's path behind a colon is a file for fish, and what is no option of stratos is no completion at all.
    if (words.at(-1) === "/x") continue;
    const line = words.join(" ").replaceAll(/ ?([:=]) ?/g, "$1");
    const lead = /--[a-z]+=/.exec(line.slice(line.lastIndexOf(" ")))?.[0] ?? "";
    const expected = found.map((word) => `${lead}${word}`);
    const given = answers("fish", ["--no-config", "-c", `source ${script}; complete -C 'stratos ${line}'`], "");
    assert.deepEqual(given.map((word) => word.replace(/\/$/, "")).toSorted(), expected.toSorted(), line);
  }
});

test("zsh asks for names, also by the first Tab", { skip: !isThere("zsh") && "no zsh on this computer" }, () => {
  writeFileSync(join(folder, "_stratos"), completionScript(program, "zsh"));
  // As bashcompinit calls it. In zsh, `path` is the PATH, and `commands` its programs; which words fit, it finds out.
  const tab = (words: string): string[] =>
    answers(
      "zsh",
      ["-f"],
      `compdef() {}; autoload -U +X bashcompinit; bashcompinit; bashcompinit() {}\n` +
        `_bash_complete() { emulate ksh -c _stratos; }\nfpath=(${folder} $fpath); autoload -U _stratos\n` +
        `COMP_WORDS=(stratos ${words}); COMP_CWORD=$((\${#COMP_WORDS}-1))\n_stratos; print -rl -- $COMPREPLY\n`,
    );
  assert.deepEqual(tab("run -i ''"), ["base", "dev"]);
  assert.deepEqual(tab("exec d"), ["base", "dev"]);
  assert.deepEqual(tab("run --image=d"), ["--image=base", "--image=dev"]);
  assert.deepEqual(tab("replay tw").toSorted(), FILES);
});

test("the scripts name all commands", () => {
  assert.match(completionScript(program, "zsh"), /^#compdef stratos\n/);
  const fish = completionScript(program, "fish");
  for (const { path } of allCommands(program))
    if (path.length > 0) assert.match(fish, new RegExp(`-a ${path.at(-1)!} `));
});
