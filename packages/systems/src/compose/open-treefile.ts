/** Reads treefiles of the host; what is wrong with them is told as `stratos: FILE:LINE:COLUMN: KEY: why`. */
import { statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import {
  formatProblem,
  loadTreefile,
  TREEFILE_SIZE_MAX,
  TreefileError,
  type ImageTarget,
  type ReadText,
  type Treefile,
  type TreefileProblem,
} from "@stratos/compose";
import { textOfFile } from "@stratos/host-node/files";
import { nativeArchitecture } from "@stratos/tools-node/compose";
import { OperationError } from "@stratos/operation";
import { readSource } from "./read-source.ts";

/** @param onUnknownKey  absent: keys that treefiles do not have are refused. @throws OperationError */
export async function openTreefile(path: string, onUnknownKey?: (words: string) => void): Promise<Treefile> {
  return tellProblems(() =>
    loadTreefile(
      path,
      hostText(path),
      onUnknownKey === undefined ? undefined : (problem) => onUnknownKey(formatProblem(problem)),
      nativeArchitecture(),
    ),
  );
}

/** For which processor an image is whose treefile does not say so. */
export function chosenArchitectures(treefile: Treefile, targets: readonly ImageTarget[]): string[] {
  return targets
    .filter(({ variant }) => treefile.hasChosenArchitecture(variant))
    .map((target) => `${target.variant} ${chosenArchitectureNote(target)}`);
}

function chosenArchitectureNote({ architecture }: ImageTarget): string {
  return architecture === nativeArchitecture()
    ? `is for ${architecture}, as this host is; \`architectures: [riscv64]\` makes one that runs within Stratos`
    : `is for ${architecture}, since the treefile names no \`architectures\``;
}

/** Which images of a treefile; absent: all. */
interface TargetSelection {
  readonly variant?: readonly string[];
  readonly arch?: readonly string[];
}

/** @throws OperationError  also when a pattern matches nothing */
export function selectTargets(treefile: Treefile, selection: TargetSelection): Promise<ImageTarget[]> {
  return tellProblems(async () =>
    treefile.targets({
      ...(selection.variant === undefined ? {} : { variants: selection.variant }),
      ...(selection.arch === undefined ? {} : { architectures: selection.arch }),
    }),
  );
}

/** @param treefile  named by who calls: the others are named by files */
export function hostText(treefile: string): ReadText {
  return async (path) => {
    const bytes = await readSource(path, { sizeBytesMax: TREEFILE_SIZE_MAX, mayBePipe: path === treefile });
    return bytes === undefined ? undefined : withoutMark(textOfFile(bytes, path, "build"));
  };
}

function withoutMark(text: string): string {
  return text.startsWith("\ufeff") ? text.slice(1) : text;
}

async function tellProblems<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof TreefileError ? treefileFailure(error) : error;
  }
}

/** Each problem with its place; the first begins the message. */
export function treefileFailure(error: TreefileError): OperationError {
  const [first, ...others] = error.problems.map(formatProblem);
  const colon = first!.indexOf(": ");
  return new OperationError(
    "build",
    first!.slice(0, colon),
    [first!.slice(colon + 2), ...others.map((text) => `stratos: ${text}`)].join("\n"),
    { cause: error },
  );
}

/** Files beside a treefile that its images are made of and that are not there. */
export function missingFiles(path: string, treefile: Treefile, targets: readonly ImageTarget[]): TreefileProblem[] {
  return treefile.missingFiles(targets, (name) => kindOf(resolve(dirname(path), name)));
}

function kindOf(path: string): "file" | "folder" | undefined {
  try {
    return statSync(path).isDirectory() ? "folder" : "file";
  } catch {
    return undefined;
  }
}

/** @throws OperationError */
export function requireFiles(path: string, treefile: Treefile, targets: readonly ImageTarget[]): void {
  const problems = missingFiles(path, treefile, targets);
  if (problems.length > 0) throw treefileFailure(new TreefileError(problems));
}
