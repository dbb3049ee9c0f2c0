/** Builds packages from folders and from the AUR, in clean roots, for the commands that need them. */
import { mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { writeWhole } from "@stratos/host-node/files";
import { stratosHome } from "@stratos/host-node";
import { fetchRecipe, openBuildRoot, readRecipeFolder } from "@stratos/tools-node/packages";
import {
  AUR_URL,
  AurClient,
  buildPackages,
  planBuilds,
  type BuildPlan,
  type BuildSettings,
  type BuiltPackage,
  type GivenArchive,
} from "@stratos/pkg";
import type { AlpmSession } from "./alpm-session.ts";

export interface BuildOptions {
  readonly aur?: string;
  readonly check?: boolean;
  readonly skipPgp?: true;
  readonly verbose?: true;
}

export function aurUrl(given: string | undefined): string {
  return given ?? (process.env["STRATOS_AUR"] || AUR_URL);
}

export function planFromAur(session: AlpmSession, names: readonly string[], options: BuildOptions): Promise<BuildPlan> {
  return planBuilds(names, {
    aur: new AurClient(session.ports, aurUrl(options.aur)),
    databases: session.alpm.databases,
  });
}

/** Builds what the names need from the AUR, in order. @returns all packages that were built and are needed */
export async function buildFromAur(
  session: AlpmSession,
  names: readonly string[],
  options: BuildOptions,
): Promise<GivenArchive[]> {
  const aur = new AurClient(session.ports, aurUrl(options.aur));
  const plan = await planFromAur(session, names, options);
  const built = new Map<string, GivenArchive>();
  for (const step of plan.steps) {
    session.progress.note(`building ${step.base} from the AUR`);
    const folder = join(stratosHome(), "aur", step.base);
    await fetchRecipe(aur.gitUrl(step.base), folder);
    const needed = step.needsBuilt.map((name) => built.get(name)).filter((one) => one !== undefined);
    const packages = await buildFolder(session, folder, needed, options);
    for (const one of packages) {
      if (step.packages.some((wanted) => wanted.name === one.info.name))
        built.set(one.info.name, { ...archiveOf(one), asDependency: !names.includes(one.info.name) });
    }
  }
  return [...built.values()];
}

/** Builds the recipe in a folder. */
export async function buildFolder(
  session: AlpmSession,
  folder: string,
  built: readonly GivenArchive[],
  options: BuildOptions,
): Promise<BuiltPackage[]> {
  const databases = session.alpm.configuration.databasePath.replace(/^\/+|\/+$/g, "");
  const lists = session.alpm.databases.map(({ repository }) => ({
    name: `${repository}.db`,
    content: session.files.read(`${databases}/sync/${repository}.db`),
  }));
  const settings: BuildSettings = {
    ports: session.ports,
    configuration: session.alpm.configuration,
    listener: session.listener,
    openRoot: () => openBuildRoot(join(stratosHome(), "builds")),
    lists,
    built,
    check: options.check !== false,
    skipSignatures: options.skipPgp === true,
    jobs: availableParallelism(),
    ...(process.env["SOURCE_DATE_EPOCH"] === undefined ? {} : { sourceDate: Number(process.env["SOURCE_DATE_EPOCH"]) }),
    ...(process.env["PACKAGER"] === undefined ? {} : { packager: process.env["PACKAGER"] }),
    onOutput: (text) => {
      if (options.verbose === true) {
        session.progress.clear();
        process.stderr.write(text);
      }
    },
  };
  return buildPackages(readRecipeFolder(folder), settings);
}

export function archiveOf(one: BuiltPackage): GivenArchive {
  return { name: one.fileName, bytes: one.bytes, rule: { check: "never", trustAll: false } };
}

export function writePackages(packages: readonly { name: string; bytes: Uint8Array }[], folder: string): string[] {
  mkdirSync(folder, { recursive: true });
  return packages.map(({ name, bytes }) => {
    const path = join(folder, name);
    writeWhole(path, bytes);
    return path;
  });
}
