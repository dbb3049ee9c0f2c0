import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { formatTreefile, loadTreefile, lockOf, runCompose, type Recipe } from "@stratos/compose";
import { readRecipes, findArchive, telling } from "@stratos/systems/compose";
import { VERSION } from "@stratos/sdk/version";
import { CommandError } from "../command-error.ts";
import { EXIT_FAILURE, EXIT_SUCCESS } from "../exit-status.ts";
import type { ComposeRebuildOptions } from "./compose-options.ts";
import { composeAtTerminal } from "./compose-terminal.ts";

interface Comparison {
  readonly image: string;
  readonly path: string;
  readonly expected: string;
  readonly found: string | undefined;
  readonly isSame: boolean;
}

export async function rebuildComposes(files: readonly string[], options: ComposeRebuildOptions): Promise<number> {
  const comparisons: Comparison[] = [];
  for (const file of files)
    for (const recipe of await readRecipes(file))
      comparisons.push(...(await telling(file, () => rebuild(recipe, options))));
  if (options.json === true) process.stdout.write(`${JSON.stringify(comparisons, null, 2)}\n`);
  else
    for (const { image, path, expected, found, isSame } of comparisons)
      process.stdout.write(
        isSame
          ? `${image} ${path}: the same, ${expected}\n`
          : `${image} ${path}: differs: ${expected} → ${found ?? "nothing"}\n`,
      );
  return comparisons.every(({ isSame }) => isSame) ? EXIT_SUCCESS : EXIT_FAILURE;
}

async function rebuild(recipe: Recipe, options: ComposeRebuildOptions): Promise<Comparison[]> {
  const image = `${recipe.variant}/${recipe.architecture}`;
  // The provenance is all there is: the treefile is written out and read again as any other.
  const text = formatTreefile(recipe.treefile, "yaml");
  const treefile = await loadTreefile("provenance.yaml", async (path) =>
    path === "provenance.yaml" ? text : undefined,
  );
  const targets = treefile.targets();
  const session = await composeAtTerminal(
    { output: resolve(options.output), treefile: join(options.sources ?? ".", "treefile") },
    { verbose: options.verbose === true, targets },
  );
  try {
    const runner =
      options.runner ?? (recipe.runner === "stratos" || recipe.runner === "native" ? recipe.runner : "auto");
    const result = await runCompose(session.ports, {
      treefile,
      targets,
      lock: lockOf(recipe),
      lockMode: "locked",
      archive: findArchive({
        mirror: options.mirror ?? recipe.locked.mirror,
        treefile: join(options.sources ?? ".", "treefile"),
        targets,
      }),
      jobs: availableParallelism(),
      runner,
      // A provenance comes from elsewhere.
      hostHooks: "skip",
      version: VERSION,
      signal: session.signal,
      onEvent: (event) => session.show(event),
    });
    await session.close();
    const failed =
      result.steps.find(({ status }) => status === "failed") ??
      result.steps.find(({ status }) => status === "canceled");
    if (failed !== undefined)
      throw new CommandError(
        failed.id,
        failed.reason,
        session.stopStatus === undefined ? {} : { status: session.stopStatus },
      );
    const found = new Map(
      result.info.images.flatMap(({ artifacts }) => artifacts).map(({ path, sha256 }) => [path, sha256]),
    );
    return Object.entries(recipe.subjects).map(([path, expected]) => ({
      image,
      path,
      expected,
      found: found.get(path),
      isSame: found.get(path) === expected,
    }));
  } finally {
    await session.close();
  }
}
