/** What cannot be had is told with the line of the treefile that asks for it. */
import { UnsatisfiableError } from "@stratos/pkg";
import type { ImageTarget, Treefile } from "../treefile/treefile.ts";
import { PackageFileError } from "./package-files.ts";
import { PatternError } from "./resolve-image.ts";

/** @throws TreefileError  in place of an error about packages that the treefile names; all else as it is */
export async function tellingRequest<T>(treefile: Treefile, target: ImageTarget, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof UnsatisfiableError || error instanceof PatternError || error instanceof PackageFileError)) throw error;
    throw error.requests.map((one) => treefile.requestProblem(target, one, error.message)).find((one) => one !== undefined) ?? error;
  }
}
