/** Reads treefiles of the host; what is wrong with them is told as `stratos: FILE:LINE:COLUMN: KEY: why`. */
import { readFile } from "node:fs/promises";
import { printable } from "@stratos/base";
import { formatProblem, loadTreefile, TreefileError, type ImageTarget, type Treefile } from "@stratos/compose";
import { CommandError, hostReason } from "../command-error.ts";
import type { ComposeSelection, UnknownKeyOptions } from "../commands/compose-options.ts";

/** @throws CommandError */
export async function openTreefile(path: string, { unknownKeys }: UnknownKeyOptions): Promise<Treefile> {
  return tellProblems(() => loadTreefile(path, readHostText, unknownKeys === "warn" ? (problem) => process.stderr.write(`stratos: warning: ${printable(formatProblem(problem))}\n`) : undefined));
}

/** @throws CommandError  also when a pattern matches nothing */
export function selectTargets(treefile: Treefile, selection: ComposeSelection): Promise<ImageTarget[]> {
  return tellProblems(async () => treefile.targets({
    ...(selection.variant === undefined ? {} : { variants: selection.variant }), ...(selection.arch === undefined ? {} : { architectures: selection.arch }),
  }));
}

export async function readHostText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new CommandError(path, hostReason(error), { cause: error });
  }
}

async function tellProblems<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof TreefileError)) throw error;
    // The first begins the message; each of the others has a line of its own.
    const [first, ...others] = error.message.split("\n");
    const colon = first!.indexOf(": ");
    throw new CommandError(first!.slice(0, colon), [first!.slice(colon + 2), ...others.map((line) => `stratos: ${line}`)].join("\n"), { cause: error });
  }
}
