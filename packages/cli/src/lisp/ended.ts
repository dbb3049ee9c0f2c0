/** A program of AstraLisp has ended. */
import { type LispEnd, standardError } from "@stratos/tools-node/lisp";

/** Tells what it failed on. @returns its exit status */
export function statusOfEnd({ status, failure, report }: LispEnd): number {
  if (failure !== null) standardError.write(Buffer.from(`stratos: ${failure}\n`));
  if (report !== undefined) standardError.write(Buffer.from(report));
  return status;
}
