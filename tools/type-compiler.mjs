/**
 * TypeScript's compiler, run beside other work: the least processor time, not the soonest end. Each of its checkers
 * does what they have in common again, and memory that is not collected takes half of what collecting it costs: a
 * check of all sources takes 9 instead of 15 s of processor time, in 1.4 GB.
 *
 * Plain JavaScript for Node 20: tools/test.mjs imports it.
 */
const COMPILER = "node_modules/typescript/bin/tsc";

/**
 * @param {string} project  its tsconfig.json
 * @returns {string[]} for Node, in the repository's folder
 */
export function compilerArguments(project) {
  return [COMPILER, "-p", project, "--singleThreaded"];
}

/** Of a program in Go (https://pkg.go.dev/runtime, "Environment Variables"): it collects when that much is in use. */
export const COMPILER_ENVIRONMENT = { GOGC: "off", GOMEMLIMIT: "2GiB" };
