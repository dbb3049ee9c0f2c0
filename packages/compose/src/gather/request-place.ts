/** What cannot be had is told with the line of the treefile that asks for it. */
import { ComponentError, SuiteError, UnsatisfiableError } from "@stratos/pkg";
import type { ImageTarget, Treefile } from "../treefile/treefile.ts";
import { PackageFileError } from "./package-files.ts";
import { PatternError } from "./resolve-image.ts";

/** @throws TreefileError  in place of an error about packages that the treefile names; all else as it is */
export async function tellingRequest<T>(treefile: Treefile, target: ImageTarget, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SuiteError) throw suiteProblem(treefile, target, error);
    if (error instanceof ComponentError) throw componentProblem(treefile, target, error);
    if (!(error instanceof UnsatisfiableError || error instanceof PatternError || error instanceof PackageFileError))
      throw error;
    throw (
      error.requests
        .map((one) => treefile.requestProblem(target, one, error.message))
        .find((one) => one !== undefined) ?? error
    );
  }
}

function suiteProblem(treefile: Treefile, target: ImageTarget, error: SuiteError): Error {
  const { repositories = {}, suite } = target.config;
  const own = Object.entries(repositories).find(
    ([, one]) => one.suite === error.suite && one.uri.replace(/\/+$/, "") === error.uri,
  );
  if (own !== undefined) return treefile.problem(target, ["repositories", own[0], "suite"], error.message);
  return suite === error.suite ? treefile.problem(target, ["suite"], error.message) : error;
}

function componentProblem(treefile: Treefile, target: ImageTarget, error: ComponentError): Error {
  const { repositories = {}, components = [] } = target.config;
  const own = Object.entries(repositories).find(
    ([, one]) =>
      one.components?.includes(error.component) === true &&
      `${one.uri.replace(/\/+$/, "")}/dists/${one.suite}` === error.suiteUrl,
  );
  if (own !== undefined) return treefile.problem(target, ["repositories", own[0], "components"], error.message);
  return components.includes(error.component) ? treefile.problem(target, ["components"], error.message) : error;
}
