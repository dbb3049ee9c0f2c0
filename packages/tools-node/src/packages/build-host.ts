/**
 * What building packages needs of the host: roots for one build, git, recipes in folders, and paru where it is
 * installed.
 */
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { join, relative } from "node:path";
import { type BuildRoot } from "@stratos/pkg";
import { nodeAlpmSystem } from "./alpm-system.ts";
import { endOfForeground } from "@stratos/host-node/home";

/** git, or another program of the host, failed. */
export class HostProgramError extends Error {
  override name = "HostProgramError";
}

/** A recipe's files beyond this are no recipe. */
const RECIPE_SIZE_MAX = 64 << 20;

/** @param folder  where roots are made, one for each build */
export async function openBuildRoot(folder: string): Promise<BuildRoot> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const root = await mkdtemp(join(folder, "build-"));
  fs.chmodSync(root, 0o755);
  return {
    system: nodeAlpmSystem(root),
    async clone(url, reference, into) {
      await cloneGit(url, reference, join(root, into));
    },
    async discard() {
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** Clones a repository whole, and checks out what `reference` says. @throws HostProgramError */
export async function cloneGit(
  url: string,
  reference: { branch?: string; tag?: string; commit?: string },
  into: string,
): Promise<void> {
  await run("git", [
    "clone",
    "--quiet",
    ...(reference.branch === undefined ? [] : ["--branch", reference.branch]),
    "--",
    url,
    into,
  ]);
  const wanted = reference.commit ?? (reference.tag === undefined ? undefined : `refs/tags/${reference.tag}`);
  if (wanted !== undefined) await run("git", ["-C", into, "checkout", "--quiet", "--detach", wanted]);
}

/**
 * Brings a recipe's repository into `folder`: cloned the first time, brought up to date afterwards.
 *
 * @returns the commit @throws HostProgramError
 */
export async function fetchRecipe(url: string, folder: string): Promise<string> {
  if (fs.existsSync(join(folder, ".git"))) {
    await run("git", ["-C", folder, "fetch", "--quiet", "origin"]);
    await run("git", ["-C", folder, "reset", "--quiet", "--hard", "FETCH_HEAD"]);
    await run("git", ["-C", folder, "clean", "--quiet", "-dfx"]);
  } else {
    const beside = `${folder}.new.${process.pid}`;
    await rm(beside, { recursive: true, force: true });
    await mkdir(join(folder, ".."), { recursive: true });
    await run("git", ["clone", "--quiet", "--", url, beside]);
    await rm(folder, { recursive: true, force: true });
    fs.renameSync(beside, folder);
  }
  return (await run("git", ["-C", folder, "rev-parse", "HEAD"])).trim();
}

/** The files of a recipe's folder by their paths, without git's own. */
export function readRecipeFolder(folder: string): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  let size = 0;
  const walk = (at: string): void => {
    for (const entry of fs.readdirSync(at, { withFileTypes: true })) {
      const path = join(at, entry.name);
      if (entry.isDirectory() && entry.name !== ".git" && entry.name !== "src" && entry.name !== "pkg") walk(path);
      if (!entry.isFile() || /\.pkg\.tar(\.\w+)?$/.test(entry.name)) continue;
      size += fs.statSync(path).size;
      if (size > RECIPE_SIZE_MAX)
        throw new HostProgramError(
          `${folder}: holds more than ${RECIPE_SIZE_MAX >> 20} MB of files; is it a recipe's folder?`,
        );
      files.set(relative(folder, path), fs.readFileSync(path));
    }
  };
  walk(folder);
  return files;
}

/** Copies a recipe's folder to where it can be looked at and changed. */
export async function copyRecipe(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true, errorOnExist: true, force: false });
}

/** Where paru is, when it is installed. */
export function findParu(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  return (environment["PATH"] ?? "")
    .split(":")
    .map((folder) => join(folder, "paru"))
    .find((path) => {
      try {
        fs.accessSync(path, fs.constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Runs a program of the host on this terminal. @returns its exit status */
export function runOnTerminal(program: string, args: readonly string[]): Promise<number> {
  return endOfForeground(spawn(program, args, { stdio: "inherit" })).catch((cause: Error) => {
    throw new HostProgramError(`${program}: cannot be run: ${cause.message}`, { cause });
  });
}

/** Runs git: without questions, and over protocols that only bring data. */
function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, GIT_TERMINAL_PROMPT: "0", GIT_ALLOW_PROTOCOL: "https:http:git:ssh:file", LC_ALL: "C" },
    });
    let output = "",
      errors = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      errors = (errors + text).slice(-4096);
    });
    child.on("error", (cause) =>
      reject(new HostProgramError(`${program}: cannot be run: ${cause.message}`, { cause })),
    );
    child.on("close", (status) => {
      if (status === 0) resolve(output);
      else
        reject(
          new HostProgramError(
            `${program} ${args.find((arg) => !arg.startsWith("-")) ?? ""} failed: ` +
              `${errors.trim() || `status ${status}`}`,
          ),
        );
    });
  });
}
