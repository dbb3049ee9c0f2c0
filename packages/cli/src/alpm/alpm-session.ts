/**
 * A root folder opened for ALPM commands: configuration, progress and questions on the terminal, and errors in words.
 */
import { existsSync, globSync, readFileSync } from "node:fs";
import { machine } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { byteStringToUtf8 } from "@stratos/base";
import { ProgressDisplay, stratosHome } from "@stratos/host-node";
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
  type AlpmEvent,
  type AlpmListener,
  type AlpmPorts,
  type AlpmQuestion,
  type AlpmSystem,
  type AlpmTransaction,
  type KeyringFile,
  type RootFiles,
} from "@stratos/pkg";
import { CommandError, hostReason } from "../command-error.ts";
import type { AlpmRootOptions } from "../commands/alpm-options.ts";
import { defaultImage } from "@stratos/images";
import { configurationOf, withImageSystem } from "./image-alpm.ts";

export interface AlpmSession {
  alpm: Alpm;
  ports: AlpmPorts;
  progress: ProgressDisplay;
  files: RootFiles;
  listener: AlpmListener;
  /** Carries a transaction out, and keeps what it did. */
  commit(transaction: AlpmTransaction): Promise<void>;
  /** Fetches the repositories' lists, and keeps them. */
  refresh(): Promise<void>;
}

interface AlpmSettings {
  readOnly?: boolean;
  yes?: boolean;
  /** the command line, for an image's history */
  command?: string;
}

/** Opens the system, does `work` and closes it. @throws CommandError  whatever goes wrong that is not a defect */
export async function withAlpm<T = number>(
  options: AlpmRootOptions,
  settings: AlpmSettings,
  work: (session: AlpmSession) => Promise<T>,
): Promise<T> {
  const progress = new ProgressDisplay(process.stderr);
  const ports = nodeAlpmPorts(join(stratosHome(), "downloads"));
  const listener = terminalListener(progress, settings.yes === true || process.stdin.isTTY !== true);
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
    throw commandErrorOf(error, what);
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
    throw new CommandError(`${prefix}${path}`, `no such file${given === undefined ? "; --config names another" : ""}`);
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
    throw new CommandError(path, hostReason(error), { cause: error });
  }
}

/** What went wrong, in words, when it is no defect of ours. */
export function commandErrorOf(error: unknown, what: string): unknown {
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
  return isOurs ? new CommandError(what, (error as Error).message, { cause: error }) : error;
}

/** Progress and questions on the terminal. @param isSilent  asks nothing, and takes the standard answers */
export function terminalListener(progress: ProgressDisplay, isSilent: boolean): AlpmListener {
  const ask = async (text: string): Promise<string> => {
    progress.clear();
    const lines = createInterface({ input: process.stdin, output: process.stderr });
    try {
      return (await lines.question(text)).trim();
    } finally {
      lines.close();
    }
  };
  return {
    event: (event) => show(progress, event),
    async confirm(question) {
      const { text, standard } = questionText(question);
      if (isSilent) {
        if (!standard) progress.note(`${text} no`);
        return standard;
      }
      const answer = await ask(`${text} [${standard ? "Y/n" : "y/N"}] `);
      return answer === "" ? standard : /^y(es)?$/i.test(answer);
    },
    async chooseProvider(dependency, neededBy, providers) {
      if (isSilent) return 0;
      const list = providers
        .map((one, index) => `  ${index + 1}) ${one.package.name} ${one.package.version} (${one.origin})`)
        .join("\n");
      const answer = await ask(
        `${neededBy.package.name} needs ${dependency}, which these provide:\n${list}\nwhich one? [1] `,
      );
      const number = answer === "" ? 1 : Number(answer);
      return Number.isInteger(number) && number >= 1 && number <= providers.length ? number - 1 : 0;
    },
    async chooseMembers(group, members) {
      const all = members.map((_, index) => index);
      if (isSilent) return all;
      const list = members.map((one, index) => `  ${index + 1}) ${one.package.name}`).join("\n");
      const answer = await ask(`${group} is a group of:\n${list}\nwhich ones? [all] `);
      return answer === ""
        ? all
        : answer
            .split(/[\s,]+/)
            .map((word) => Number(word) - 1)
            .filter((index) => members[index] !== undefined);
    },
  };
}

function questionText(question: AlpmQuestion): { text: string; standard: boolean } {
  switch (question.kind) {
    case "conflict":
      return {
        text:
          `${question.incoming.name} and ${question.installed.name} cannot be installed together. Remove ` +
          `${question.installed.name}?`,
        standard: false,
      };
    case "replace":
      return {
        text:
          `Replace ${question.installed.name} with ` +
          `${question.replacement.repository}/${question.replacement.name}?`,
        standard: true,
      };
    case "ignored":
      return {
        text: `${question.package.name} is to be ignored (IgnorePkg, IgnoreGroup). Install it anyway?`,
        standard: true,
      };
    case "hold":
      return { text: `${question.package.name} is a held package (HoldPkg). Remove it anyway?`, standard: false };
    case "keep-back":
      return {
        text:
          `Not everything can be upgraded:\n${question.explanation.map((line) => `  ${line}`).join("\n")}\nUpgrade ` +
          "the rest?",
        standard: false,
      };
    case "overwrite":
      return {
        text:
          `${question.package}: /${byteStringToUtf8(question.path)} ` +
          `${question.owner === undefined ? "exists and belongs to no package" : `belongs to ${question.owner}`}. ` +
          "Overwrite it?",
        standard: false,
      };
  }
}

function show(progress: ProgressDisplay, event: AlpmEvent): void {
  switch (event.kind) {
    case "refresh":
      if (event.state === "failed") progress.note(`warning: ${event.repository}: ${event.why ?? "failed"}`);
      else progress.update(`Fetching ${event.repository}`, 0, 0);
      return;
    case "download":
      progress.update("Downloading", event.doneBytes, event.totalBytes, "bytes");
      return;
    case "check":
      progress.update(event.what === "integrity" ? "Checking packages" : "Checking files", 0, 0);
      return;
    case "package":
      progress.update(event.operation === "remove" ? "Removing" : "Preparing", event.index, event.total);
      return;
    case "hook":
      if (event.description !== "") progress.note(event.description);
      return;
    case "output":
      for (const line of event.text.replace(/\n$/, "").split("\n")) progress.note(line);
      return;
    case "saved":
      progress.note(
        `/${byteStringToUtf8(event.path)}: ` +
          `${event.as.endsWith(".pacnew") ? "was changed here; the new one is" : "was changed here and is kept as"}` +
          ` /${byteStringToUtf8(event.as)}`,
      );
      return;
    case "optional":
      progress.note(
        `${event.package} can use:\n${event.dependencies.map((line) => `  ${byteStringToUtf8(line)}`).join("\n")}`,
      );
      return;
    case "recovered":
      progress.note(`an interrupted transaction was finished: ${event.title}`);
      return;
    case "warning":
      progress.note(`warning: ${event.text}`);
      return;
    case "resolve":
    case "scriptlet":
      return;
  }
}
