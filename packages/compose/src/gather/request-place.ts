/** What cannot be had is told with the line of the treefile that asks for it. */
import { ComponentError, SuiteError, suiteUrlOf, UnreachableError, UnsatisfiableError } from "@stratos/pkg";
import type { ImageTarget, Treefile } from "../treefile/treefile.ts";
import { PackageFileError } from "./package-files.ts";
import { PatternError } from "./resolve-image.ts";

/** @throws TreefileError  in place of an error about packages that the treefile names; all else as it is */
export async function tellingRequest<T>(treefile: Treefile, target: ImageTarget, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SuiteError || error instanceof ComponentError)
      throw repositoryProblem(treefile, target, error);
    if (error instanceof UnreachableError) throw unreachableProblem(treefile, target, error);
    if (!(error instanceof UnsatisfiableError || error instanceof PatternError || error instanceof PackageFileError))
      throw error;
    throw (
      error.requests
        .map((one) => treefile.requestProblem(target, one, error.message))
        .find((one) => one !== undefined) ?? error
    );
  }
}

function repositoryProblem(treefile: Treefile, target: ImageTarget, error: SuiteError | ComponentError): Error {
  const { repositories = {}, suite, components = [] } = target.config;
  const isComponent = error instanceof ComponentError;
  const key = isComponent ? "components" : "suite";
  const url = isComponent ? error.suiteUrl : suiteUrlOf(error);
  const own = Object.entries(repositories).find(
    ([, one]) => suiteUrlOf(one) === url && (!isComponent || one.components?.includes(error.component) === true),
  );
  if (own !== undefined) return treefile.problem(target, ["repositories", own[0], key], error.message);
  const isMain = isComponent ? components.includes(error.component) : suite === error.suite;
  return isMain ? treefile.problem(target, [key], error.message) : error;
}

/** Of a mirror that the treefile does not name the message says where it can be named. */
function unreachableProblem(treefile: Treefile, target: ImageTarget, error: UnreachableError): Error {
  const { repositories = {}, mirror } = target.config;
  const own = Object.entries(repositories).find(([, { uri }]) => uri.replace(/\/+$/, "") === error.uri);
  if (own !== undefined) return treefile.problem(target, ["repositories", own[0], "uri"], error.words);
  return mirror === error.uri ? treefile.problem(target, ["mirror"], error.words) : error;
}
