import { printable } from "@stratos/base";
import {
  checkOutputs,
  checkPhases,
  formatProblem,
  loadTreefile,
  TreefileError,
  type TreefileProblem,
} from "@stratos/compose";
import { nativeArchitecture } from "@stratos/tools-node/compose";
import { hostText, missingFiles, outputWriters } from "@stratos/systems/compose";
import { EXIT_FAILURE, EXIT_SUCCESS } from "../exit-status.ts";
import type { ComposeValidateOptions } from "./compose-options.ts";

export async function validateTreefiles(files: readonly string[], options: ComposeValidateOptions): Promise<number> {
  const problems: TreefileProblem[] = [],
    warnings: TreefileProblem[] = [];
  const images: { file: string; variant: string; architecture: string }[] = [];
  for (const file of files) {
    try {
      const treefile = await loadTreefile(
        file,
        hostText(file),
        options.unknownKeys === "warn" ? (problem) => warnings.push(problem) : undefined,
        nativeArchitecture(),
      );
      const targets = treefile.targets();
      problems.push(...missingFiles(file, treefile, targets));
      checkPhases(treefile, targets);
      checkOutputs(await outputWriters({ output: ".", treefile: file }, targets), treefile, targets);
      images.push(...targets.map(({ variant, architecture }) => ({ file, variant, architecture })));
    } catch (error) {
      if (!(error instanceof TreefileError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (options.json === true)
    process.stdout.write(`${JSON.stringify({ valid: problems.length === 0, problems, warnings, images }, null, 2)}\n`);
  else {
    for (const warning of warnings) process.stderr.write(`stratos: warning: ${printable(formatProblem(warning))}\n`);
    for (const problem of problems) process.stderr.write(`stratos: ${printable(formatProblem(problem))}\n`);
    for (const file of problems.length === 0 ? files : [])
      process.stdout.write(
        `${printable(file)}: valid: ${images
          .filter((one) => one.file === file)
          .map(({ variant, architecture }) => `${variant}/${architecture}`)
          .join(", ")}\n`,
      );
  }
  return problems.length === 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
