import { homeFolder, stratosHome } from "@stratos/host-node";
import { ComposeFolder } from "@stratos/tools-node/compose";
import { nodePackagePorts, type NodePackagePorts } from "@stratos/tools-node/packages";
import {
  diffComposes,
  diffTrees,
  lockKey,
  readTree,
  resolveImage,
  tellingRequest,
  type ComposedImage,
  type FileDifference,
  type ImageDifference,
  type JsonObject,
  type Recipe,
} from "@stratos/compose";
import {
  isFolder,
  readRecipes,
  findArchive,
  telling,
  lockPath,
  readLock,
  openTreefile,
  selectTargets,
} from "@stratos/systems/compose";
import { CommandError, UsageError } from "../command-error.ts";
import { EXIT_FAILURE, EXIT_SUCCESS } from "../exit-status.ts";
import type { ComposeDiffOptions } from "./compose-options.ts";
import { composeAtTerminal, onUnknownKey } from "./compose-terminal.ts";

export async function diffComposeCommand(
  before: string,
  after: string | undefined,
  options: ComposeDiffOptions,
): Promise<number> {
  if (after === undefined && (await isFolder(before)))
    throw new UsageError("diff", "two folders of composes, or one treefile, are compared");
  const differences =
    after === undefined ? await diffWithArchive(before, options) : await diffFolders(before, after, options);
  if (options.json === true) process.stdout.write(`${JSON.stringify(differences, null, 2)}\n`);
  else for (const one of differences) process.stdout.write(format(one));
  return differences.length === 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

type Difference = ImageDifference & { readonly files?: readonly FileDifference[] };

/** What an update of the lock file would change. */
async function diffWithArchive(file: string, options: ComposeDiffOptions): Promise<Difference[]> {
  const treefile = await openTreefile(file, onUnknownKey(options)),
    targets = await selectTargets(treefile, options);
  const lock = await readLock(lockPath(file, options.lock));
  return telling(file, async () => {
    const session = await composeAtTerminal({ output: ".", treefile: file }, { verbose: false, targets });
    try {
      const old = new Map<string, ComposedImage>(),
        now = new Map<string, ComposedImage>();
      for (const target of targets) {
        const image = lockKey(target);
        old.set(image, { packages: lock.images[image]?.packages ?? [], config: {}, artifacts: {} });
        const locked = await tellingRequest(treefile, target, () =>
          resolveImage(
            session.ports,
            target,
            findArchive({ mirror: options.mirror, treefile: file, targets }),
            (progress) => session.show({ kind: "packages", image, progress }),
          ),
        );
        now.set(image, { packages: locked.packages, config: {}, artifacts: {} });
      }
      return diffComposes(old, now);
    } finally {
      await session.close();
    }
  });
}

async function diffFolders(before: string, after: string, options: ComposeDiffOptions): Promise<Difference[]> {
  const old = images(await readRecipes(before)),
    now = images(await readRecipes(after));
  const differences = diffComposes(
    new Map([...old].map(([image, recipe]) => [image, describe(recipe)])),
    new Map([...now].map(([image, recipe]) => [image, describe(recipe)])),
  );
  if (options.files !== true) return differences;
  const store = new ComposeFolder(homeFolder(stratosHome(), "compose")),
    packages = nodePackagePorts(homeFolder(stratosHome(), "downloads"));
  try {
    const found: Difference[] = [];
    for (const [image, recipe] of now) {
      const other = old.get(image);
      const files = other === undefined ? [] : await diffKept(store, packages, image, other, recipe);
      const rest = differences.find((one) => one.image === image);
      if (rest !== undefined || files.length > 0)
        found.push({ ...(rest ?? { image, packages: [], config: [], artifacts: [] }), files });
    }
    return [...found, ...differences.filter(({ image }) => !now.has(image))];
  } finally {
    store.close();
    await packages.close();
  }
}

async function diffKept(
  store: ComposeFolder,
  packages: NodePackagePorts,
  image: string,
  before: Recipe,
  after: Recipe,
): Promise<FileDifference[]> {
  const ports = { store, packages };
  const [old, now] = [await readTree(ports, before.tree), await readTree(ports, after.tree)];
  if (old === undefined || now === undefined)
    throw new CommandError(image, "its tree is not in the store any more; `stratos compose rebuild` makes it again");
  return diffTrees(old, now);
}

function images(recipes: readonly Recipe[]): Map<string, Recipe> {
  return new Map(recipes.map((recipe) => [`${recipe.variant}/${recipe.architecture}`, recipe]));
}

/** Packages are compared by version, so the configuration's list says nothing more. */
function describe(recipe: Recipe): ComposedImage {
  const { schema: _, variants, architectures: __, ...top } = recipe.treefile;
  // Of an image that is laid over another, all is in its variant.
  const config = { ...top, ...(variants as Record<string, JsonObject> | undefined)?.[recipe.variant] };
  return { packages: recipe.locked.packages, config: config as JsonObject, artifacts: recipe.subjects };
}

function format({ image, packages, config, artifacts, files = [] }: Difference): string {
  const lines = [`${image}:`];
  for (const { name, before, after } of packages)
    lines.push(
      before === undefined
        ? `  + ${name} ${after!}`
        : after === undefined
          ? `  - ${name} ${before}`
          : `  ~ ${name} ${before} → ${after}`,
    );
  for (const { key, before, after } of [...config, ...artifacts])
    lines.push(`  ${key}: ${show(before)} → ${show(after)}`);
  for (const { path, change, what } of files)
    lines.push(
      `  ${change === "added" ? "+" : change === "removed" ? "-" : "~"} ` +
        `/${Buffer.from(path, "latin1").toString("utf8")} (${what.join(", ")})`,
    );
  return `${lines.join("\n")}\n`;
}

function show(value: unknown): string {
  const text = value === undefined ? "nothing" : JSON.stringify(value);
  return text.length > 100 ? `${text.slice(0, 97)}…` : text;
}
