/** `stratos lisp profile`: a program is run, and what took its time is written beside what it prints. */
import {} from "node:fs";
import { extname } from "node:path";
import { writeWhole } from "@stratos/host-node/files";
import { hostReason } from "@stratos/host-node/home";
import { OperationError } from "@stratos/operation";
import type { LispEnd } from "./compiled-runner.ts";
import { flameGraph, foldedStacks, profileTable, speedscopeFile } from "./flame-graph.ts";
import { profiled, type Stack } from "./profile.ts";
import { programText, runLisp } from "./run-lisp.ts";

export interface ProfileRequest {
  readonly file: string;
  readonly args: readonly string[];
  readonly libraryPath: readonly string[];
  readonly allowJavascript?: boolean;
  /** Its ending tells what is written. */
  readonly out: string;
}

const ROWS = 20;
const FORMS: Readonly<Record<string, (stacks: readonly Stack[], name: string) => string>> = {
  ".svg": (stacks, name) => flameGraph(stacks, name),
  ".json": (stacks, name) => speedscopeFile(stacks, name),
  ".folded": (stacks) => foldedStacks(stacks),
};

/**
 * @returns how the program has ended, and the table of what took most
 * @throws OperationError  of kind option or program
 */
export async function profileProgram({
  file,
  out,
  ...request
}: ProfileRequest): Promise<{ end: LispEnd; table: string }> {
  const form = FORMS[extname(out)];
  if (form === undefined)
    throw new OperationError("option", "--output", `${out} must end with ${Object.keys(FORMS).join(", ")}`);
  programText(file); // a built program has no names
  const { result: end, stacks } = await profiled(() =>
    runLisp({ ...request, file, eval: [], talk: () => Promise.resolve(0), isInterrupted: () => false }),
  );
  try {
    writeWhole(out, form(stacks, file));
  } catch (error) {
    throw new OperationError("option", "--output", `${out}: ${hostReason(error)}`, { cause: error });
  }
  return { end, table: profileTable(stacks, ROWS) };
}
