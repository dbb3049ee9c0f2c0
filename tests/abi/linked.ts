/**
 * The programs of this folder for the guest, many in one executable: to link one with the C library takes as long as to
 * compile it and to run it. Each is an object whose only global name is its former main; which one runs is a number in
 * the executable's data.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CROSS_COMPILER, kept, originOf } from "../support/compiled.ts";
import { GUEST_FLAGS, GUEST_LINK_FLAGS, programs } from "./on-linux.ts";

const GROUP = 24;
const OBJECT_COPY = CROSS_COMPILER.replace(/gcc$/, "objcopy");
/** What the number follows in the executable, in place of the text's end. */
const MARK = "the program that runs: ";

/** @returns the bytes of an executable that does what `program` does */
export function linked(program: string): Uint8Array {
  const at = programs.indexOf(program);
  const chosen = at % GROUP;
  const executable = readFileSync(link(programs.slice(at - chosen, at - chosen + GROUP)));
  const mark = executable.indexOf(MARK);
  executable[mark + MARK.length] = chosen;
  return executable;
}

function link(group: readonly string[]): string {
  const objects = group.map(compileObject);
  const mains = group.map(mainOf);
  const main = [
    `int ${mains.map((name) => `${name}(int, char **, char **)`).join(", ")};`,
    `static int (*const mains[])(int, char **, char **) = {${mains.join(", ")}};`,
    `volatile unsigned char chosen[] = "${MARK}";`,
    `int main(int argc, char **argv, char **env) { return mains[chosen[${MARK.length}]](argc, argv, env); }`,
    "",
  ].join("\n");
  const name = `group-of-${group[0]}`;
  return kept(name, [main, ...objects].join("\n"), (draft) => {
    const source = `${draft}.c`;
    writeFileSync(source, main);
    try {
      execFileSync(CROSS_COMPILER, [...GUEST_LINK_FLAGS, "-w", "-o", draft, source, ...objects, "-lpthread"]);
    } finally {
      rmSync(source);
    }
  });
}

function compileObject(program: string): string {
  const source = join(import.meta.dirname, `${program}.c`);
  const main = mainOf(program);
  return kept(`${program}-object`, originOf(source, CROSS_COMPILER, GUEST_FLAGS), (draft) => {
    execFileSync(CROSS_COMPILER, [...GUEST_FLAGS, "-c", "-o", draft, source]);
    execFileSync(OBJECT_COPY, ["--redefine-sym", `main=${main}`, "--keep-global-symbol", main, draft]);
  });
}

function mainOf(program: string): string {
  return `main_${program.replaceAll("-", "_")}`;
}
