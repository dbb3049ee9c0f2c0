/** A root folder or an image opened for changes of ALPM packages: configuration, and errors in words. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { machine } from "node:os";
import { join, resolve } from "node:path";
import { stratosHome } from "@stratos/host-node";
import { HostProgramError, nodeAlpmPorts, nodeAlpmSystem } from "@stratos/tools-node/packages";
import {
  Alpm,
  AurError,
  BuildError,
  RecipeError,
  ShellError,
  AlpmLockError,
  AlpmRequestError,
  AlpmUnsatisfiableError,
  ChangeError,
  ConfigurationError,
  DescError,
  FetchError,
  FileConflictError,
  IntegrityError,
  readConfiguration,
  RootPathError,
  SignatureError,
  SolverLimitError,
  type AlpmConfiguration,
  type AlpmListener,
  type AlpmPorts,
  type AlpmSystem,
  type AlpmTransaction,
  type KeyringFile,
  type RootFiles,
} from "@stratos/pkg";
import { hostReason } from "@stratos/host-node/home";
import { OperationError, type Guard, type Progress } from "@stratos/operation";
import { defaultImage } from "@stratos/images";
import { configurationOf, withImageSystem } from "./image-alpm.ts";

export interface AlpmSession {
  alpm: Alpm;
  ports: AlpmPorts;
  progress: Progress;
  files: RootFiles;
  listener: AlpmListener;
  /** Carries a transaction out, and keeps what it did. */
  commit(transaction: AlpmTransaction): Promise<void>;
  /** Fetches the repositories' lists, and keeps them. */
  refresh(): Promise<void>;
}

/** Which system; by default the settings' image. */
export interface AlpmPlace {
  /** folder of the host */
  readonly root?: string;
  readonly image?: string;
  /** pacman.conf of the host, instead of the system's own */
  readonly config?: string;
  /** files of keys that are trusted as well */
  readonly keyring?: readonly string[];
}

export interface AlpmSettings {
  readonly progress: Progress;
  readonly listener: AlpmListener;
  readonly guard?: Guard;
  readOnly?: boolean;
  /** the command line, for an image's history */
  command?: string;
}

/** Opens the system, does `work` and closes it. @throws OperationError  whatever goes wrong that is not a defect */
export async function withAlpm<T = number>(
  options: AlpmPlace,
  settings: AlpmSettings,
  work: (session: AlpmSession) => Promise<T>,
): Promise<T> {
  const { progress, listener } = settings;
  const ports = nodeAlpmPorts(join(stratosHome(), "downloads"));
  const what = options.root ?? options.image ?? defaultImage(stratosHome());
  const inSystem = async (
    system: AlpmSystem,
    configuration: AlpmConfiguration,
    task: (session: AlpmSession) => Promise<T>,
    onChange: (transaction: AlpmTransaction | undefined) => void,
  ): Promise<T> => {
    for (const warning of configuration.warnings) progress.note(`warning: ${warning}`);
    const alpm = await Alpm.open({
      ports,
      listener,
      configuration,
      system,
      keyring: (options.keyring ?? []).map(readKeyring),
      ...(settings.readOnly === true ? { readOnly: true } : {}),
    });
    const commit = async (transaction: AlpmTransaction): Promise<void> => {
      await alpm.commit(transaction);
      onChange(transaction);
    };
    const refresh = async (): Promise<void> => {
      await alpm.refresh();
      onChange(undefined);
    };
    try {
      return await task({ alpm, ports, progress, listener, files: system.files, commit, refresh });
    } finally {
      alpm.close();
    }
  };
  try {
    if (options.root !== undefined) {
      const root = resolve(options.root);
      return await inSystem(nodeAlpmSystem(root), loadConfiguration(root, options.config), work, () => {});
    }
    return await withImageSystem(what, settings, (system, onChange) =>
      inSystem(
        system,
        options.config === undefined ? configurationOf(system.files) : loadConfiguration("/", options.config),
        work,
        onChange,
      ),
    );
  } catch (error) {
    throw toldAlpmFailure(error, what);
  } finally {
    progress.clear();
    await ports.close();
  }
}

/** `etc/pacman.conf` of the root, whose includes are the root's too; or a file of the host. */
export function loadConfiguration(root: string, given: string | undefined): AlpmConfiguration {
  const prefix = given === undefined ? root.replace(/\/+$/, "") : "",
    path = given ?? "/etc/pacman.conf";
  if (!existsSync(`${prefix}${path}`))
    throw new OperationError(
      "packages",
      `${prefix}${path}`,
      `no such file${given === undefined ? "; --config names another" : ""}`,
    );
  return readConfiguration(path, {
    read: (path) => {
      try {
        return readFileSync(`${prefix}${path}`, "utf8");
      } catch {
        return undefined;
      }
    },
    glob: (pattern) =>
      globSync(`${prefix}${pattern}`)
        .sort()
        .map((path) => path.slice(prefix.length)),
    machine: machine(),
  });
}

function readKeyring(path: string): KeyringFile {
  try {
    return { name: path.slice(path.lastIndexOf("/") + 1), content: readFileSync(path) };
  } catch (error) {
    throw new OperationError("packages", path, hostReason(error), { cause: error });
  }
}

/** What went wrong, in words, when it is no defect of ours. */
export function toldAlpmFailure(error: unknown, what: string): unknown {
  const isOurs = [
    AlpmLockError,
    AlpmRequestError,
    AlpmUnsatisfiableError,
    ConfigurationError,
    DescError,
    FetchError,
    IntegrityError,
    SignatureError,
    ChangeError,
    FileConflictError,
    RootPathError,
    SolverLimitError,
    AurError,
    BuildError,
    RecipeError,
    ShellError,
    HostProgramError,
  ].some((kind) => error instanceof kind);
  return isOurs ? new OperationError("packages", what, (error as Error).message, { cause: error }) : error;
}
