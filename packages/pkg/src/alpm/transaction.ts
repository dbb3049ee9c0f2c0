/**
 * One transaction: prepared, checked, and committed or given up.
 *
 *     prepare ─▶ check ─▶ commit          fetch, verify, lay out all files in a draft (conflicts show here)
 *                            │            pre-transaction hooks, pre_ scriptlets
 *                            ├─ commit point: before it an interruption leaves the old state, after it the new one
 *                            │            files change places; post_ scriptlets, ldconfig, post-transaction hooks
 *                            ▼            finished
 *
 * Scriptlets that run before all files come (pre_install, pre_upgrade, pre_remove) do so before the commit point.
 */
import { byteString, byteStringOf, concatBytes, fromBase64 } from "@stratos/base";
import { download, inParallel, type WantedFile } from "../download.ts";
import { FetchError } from "../ports.ts";
import type { ChangeDraft, RootChanges } from "../root/root-change.ts";
import { targetOf } from "../root/root-paths.ts";
import { definesFunction, runStep, type AfterStep } from "./after-steps.ts";
import { entryName, type SyncPackage } from "./alpm-package.ts";
import type { AlpmConfiguration } from "./configuration.ts";
import type { AlpmListener } from "./events.ts";
import { readHooks, triggeredBy, type Hook, type HookSubjects } from "./hooks.ts";
import { makeParents, removeLocalEntry, writeLocalEntry, type LocalDatabase } from "./local-database.ts";
import { openAlpmPackage, type PackageArchive } from "./package-archive.ts";
import type { PlannedInstall, TransactionPlan } from "./plan-transaction.ts";
import { SignatureError, type Keyring } from "./signatures.ts";
import type { SignatureRule } from "./signature-level.ts";
import { FileStager, ownedPaths, type TouchedPaths } from "./stage-files.ts";
import type { AlpmPorts, AlpmSystem } from "./system.ts";
import { compareAlpmVersions } from "./version.ts";

/** A package file that was given. */
export interface GivenArchive {
  /** file name, for messages */
  name: string;
  bytes: Uint8Array;
  signature?: Uint8Array;
  /** what its signature must be; a build of our own needs none */
  rule: SignatureRule;
  /** installed only when something needs it */
  asDependency?: boolean;
}

export interface TransactionOptions {
  overwrite?: readonly string[];
  /** changed configuration files go too */
  purge?: boolean;
  noScriptlets?: boolean;
  /** what else is to change with the packages; it sees their files, and returns lines for the history */
  also?: (draft: ChangeDraft) => readonly string[];
}

interface TransactionParts {
  ports: AlpmPorts;
  system: AlpmSystem;
  configuration: AlpmConfiguration;
  listener: AlpmListener;
  local: LocalDatabase;
  changes: RootChanges;
  keyring: () => Promise<Keyring>;
  /** package name → what was given for it */
  archives: ReadonlyMap<string, GivenArchive>;
}

/** What a change of ours carries. */
interface ChangeData {
  kind: "alpm";
  after: AfterStep[];
  summary: string[];
}

type TransactionState = "prepared" | "checked" | "committed" | "aborted";

const NO_PATHS: TouchedPaths = { installed: [], upgraded: [], removed: [] };

export class AlpmTransaction {
  readonly plan: TransactionPlan;
  readonly #parts: TransactionParts;
  readonly #options: TransactionOptions;
  #state: TransactionState = "prepared";
  #draft: ChangeDraft | undefined;
  #touched: TouchedPaths = NO_PATHS;
  #scripts: AfterStep[] = [];
  #before: AfterStep[] = [];
  #scriptCount = 0;
  #scriptFolder = "";
  #alsoDone: readonly string[] = [];

  constructor(plan: TransactionPlan, parts: TransactionParts, options: TransactionOptions) {
    this.plan = plan;
    this.#parts = parts;
    this.#options = options;
  }

  get state(): TransactionState {
    return this.#state;
  }

  get isEmpty(): boolean {
    return this.plan.install.length + this.plan.remove.length + this.plan.reasons.length === 0;
  }

  /** Bytes to fetch, and by how much the system grows. */
  get sizes(): { downloadBytes: number; grownBytes: number } {
    let downloadBytes = 0,
      grownBytes = 0;
    for (const { package: one, old } of this.plan.install) {
      downloadBytes += this.#parts.archives.has(one.name) ? 0 : (one as SyncPackage).downloadSize;
      grownBytes += one.installedSize - (old?.installedSize ?? 0);
    }
    for (const { package: one } of this.plan.remove) grownBytes -= one.installedSize;
    return { downloadBytes, grownBytes };
  }

  /** Brings what is not in the cache yet into it, checked. @throws FetchError, IntegrityError */
  async fetch(): Promise<void> {
    const { ports, configuration, listener } = this.#parts;
    const wanted = this.plan.install
      .filter((one) => !this.#parts.archives.has(one.package.name))
      .map((one) => this.#wanted(one));
    const totalBytes = wanted.reduce((sum, file) => sum + file.sizeBytes, 0);
    let doneBytes = 0,
      doneFiles = 0;
    await inParallel(wanted, Math.max(1, configuration.parallelDownloads), async (file) => {
      const name = file.path.slice(file.path.lastIndexOf("/") + 1);
      await download(ports, file, (count) => {
        doneBytes += count;
        listener.event({ kind: "download", name, doneBytes, totalBytes, doneFiles, totalFiles: wanted.length });
      });
      doneFiles++;
    });
  }

  /** Fetches, verifies and lays out everything; nothing of the system is changed yet. */
  async check(): Promise<void> {
    if (this.#state !== "prepared") throw new Error(`the transaction is ${this.#state}`);
    const { listener, local, ports, changes } = this.#parts;
    await this.fetch();
    const draft = changes.begin();
    this.#draft = draft;
    try {
      listener.event({ kind: "check", what: "integrity" });
      const upgraded = new Set(this.plan.install.map((one) => one.package.name));
      const stager = new FileStager(
        draft,
        local,
        {
          hasher: (algorithm) => ports.hasher(algorithm),
          listener,
          options: {
            noUpgrade: this.#parts.configuration.noUpgrade,
            noExtract: this.#parts.configuration.noExtract,
            overwrite: this.#options.overwrite ?? [],
            purge: this.#options.purge ?? false,
          },
        },
        upgraded,
      );
      const total = this.plan.install.length + this.plan.remove.length;
      let index = 0;
      for (const { package: one } of this.plan.remove) {
        listener.event({
          kind: "package",
          operation: "remove",
          name: one.name,
          version: one.version,
          index: ++index,
          total,
        });
        this.#stageScriptlets(draft, {
          name: one.name,
          text: this.#installedScriptlet(one.name),
          before: "pre_remove",
          after: "post_remove",
          versions: [one.version],
        });
        stager.remove(local.get(one.name)!);
        removeLocalEntry(draft, local.folder, one);
      }
      for (const planned of this.plan.install) {
        const { package: one, old } = planned;
        const order = old === undefined ? 1 : compareAlpmVersions(one.version, old.version);
        listener.event({
          kind: "package",
          operation: old === undefined ? "install" : order > 0 ? "upgrade" : order < 0 ? "downgrade" : "reinstall",
          name: one.name,
          version: one.version,
          index: ++index,
          total,
        });
        await this.#stageInstall(draft, stager, planned);
      }
      for (const { package: one, reason } of this.plan.reasons) {
        const entry = local.get(one.name)!;
        writeLocalEntry(
          draft,
          local.folder,
          { ...entry, package: { ...entry.package, reason } },
          local.extras(one.name),
        );
      }
      listener.event({ kind: "check", what: "files" });
      stager.finish();
      this.#alsoDone = this.#options.also?.(draft) ?? [];
      this.#touched = stager.touched;
      this.#state = "checked";
    } catch (error) {
      this.abort();
      throw error;
    }
  }

  /** Carries the transaction out, after {@link check}. @returns the change's number */
  async commit(): Promise<number> {
    if (this.#state === "prepared") await this.check();
    if (this.#state !== "checked") throw new Error(`the transaction is ${this.#state}`);
    const { system, listener, changes, ports } = this.#parts;
    const draft = this.#draft!;
    const event = listener.event.bind(listener);
    let id: number;
    try {
      for (const hook of this.#hooks("PreTransaction")) {
        const isGood = await runStep(hook.step, "", system.runner, event);
        if (!isGood && hook.abortOnFail && system.runner !== undefined)
          throw new Error(`${hook.step.name}: the hook failed, and the transaction with it`);
      }
      for (const step of this.#before) await runStep(step, this.#scriptFolder, system.runner, event);
      const summary = [...summaryOf(this.plan), ...this.#alsoDone];
      // Post hooks are looked up when the new files are there, since they may be among them.
      const data: ChangeData = { kind: "alpm", after: [...this.#scripts, { kind: "ldconfig" }], summary };
      id = draft.commit({
        title: titleOf(summary),
        time: Math.floor(ports.nowSeconds()),
        data: { ...data, subjects: this.#subjects() },
      });
    } catch (error) {
      this.abort();
      throw error;
    }
    this.#state = "committed";
    changes.apply(id);
    await finishChange(this.#parts, id);
    for (const { package: one, old } of this.plan.install)
      if (old === undefined && one.optionalDepends.length > 0)
        event({ kind: "optional", package: one.name, dependencies: one.optionalDepends });
    return id;
  }

  /** Gives the transaction up; the system is as before. */
  abort(): void {
    if (this.#state === "committed") throw new Error("the transaction is committed");
    this.#draft?.discard();
    this.#draft = undefined;
    this.#state = "aborted";
  }

  async #stageInstall(draft: ChangeDraft, stager: FileStager, planned: PlannedInstall): Promise<void> {
    const { ports, local } = this.#parts;
    const { package: one, old } = planned;
    const { archive, validation } = await this.#open(planned);
    const oldEntry = old === undefined ? undefined : local.get(old.name);
    const versions = old === undefined ? [one.version] : [one.version, old.version];
    const kind = old === undefined ? "install" : "upgrade";
    this.#stageScriptlets(draft, {
      name: one.name,
      text: archive.install?.content,
      before: `pre_${kind}`,
      after: `post_${kind}`,
      versions,
    });
    if (oldEntry !== undefined && oldEntry.package.version !== one.version)
      removeLocalEntry(draft, local.folder, oldEntry.package);
    const backup = await stager.install(archive, oldEntry);
    const { backup: _, ...info } = archive.info;
    writeLocalEntry(
      draft,
      local.folder,
      {
        package: {
          ...info,
          installDate: Math.floor(ports.nowSeconds()),
          reason: planned.reason,
          validation: [validation],
        },
        files: ownedPaths(archive),
        backup,
      },
      { mtree: archive.mtree, install: archive.install, changelog: archive.changelog },
    );
  }

  /** The package's archive, verified. */
  async #open(planned: PlannedInstall): Promise<{ archive: PackageArchive; validation: string }> {
    const { ports, archives, configuration } = this.#parts;
    const given = archives.get(planned.package.name);
    const keyring = await this.#parts.keyring();
    const now = ports.nowSeconds();
    let bytes: Uint8Array, name: string, isSigned: boolean;
    if (given !== undefined) {
      ({ bytes, name } = given);
      isSigned = await keyring.check(name, bytes, given.signature, given.rule, now);
    } else {
      const one = planned.package as SyncPackage;
      const wanted = this.#wanted(planned);
      const read = await ports.store.read(wanted.path);
      if (read === undefined) throw new FetchError(`${one.fileName}: has gone from the cache`, { isPermanent: true });
      bytes = read;
      name = one.fileName;
      const rule =
        configuration.repositories.find((repository) => repository.name === one.repository)?.signatures.package ??
        configuration.signatures.package;
      isSigned = await keyring.check(
        name,
        bytes,
        rule.check === "never" ? undefined : await this.#signatureOf(one, wanted),
        rule,
        now,
      );
    }
    const archive = await openAlpmPackage(bytes, name, ports.decompress);
    if (archive.info.name !== planned.package.name || archive.info.version !== planned.package.version) {
      throw new SignatureError(`${name}: holds ${entryName(archive.info)}, not ${entryName(planned.package)}`);
    }
    return { archive, validation: isSigned ? "pgp" : given === undefined ? "sha256" : "none" };
  }

  async #signatureOf(one: SyncPackage, wanted: WantedFile): Promise<Uint8Array | undefined> {
    if (one.signature !== "") return fromBase64(one.signature);
    for (const url of wanted.urls) {
      try {
        return await fetchSmall(this.#parts.ports, `${url}.sig`);
      } catch (error) {
        if (!(error instanceof FetchError)) throw error;
      }
    }
    return undefined;
  }

  #wanted(planned: PlannedInstall): WantedFile {
    const one = planned.package as SyncPackage;
    const servers =
      this.#parts.configuration.repositories.find((repository) => repository.name === planned.origin)?.servers ?? [];
    if (!/^[0-9a-f]{64}$/.test(one.sha256))
      throw new FetchError(`${one.fileName}: ${one.repository} gives no SHA-256 hash for it`, { isPermanent: true });
    if (servers.length === 0)
      throw new FetchError(`${one.fileName}: ${planned.origin} has no server`, { isPermanent: true });
    return {
      urls: servers.map((server) => `${server}/${encodeURIComponent(one.fileName)}`),
      path: `alpm/${one.repository}/${one.fileName}`,
      sizeBytes: one.downloadSize,
      sha256: one.sha256,
    };
  }

  #installedScriptlet(name: string): Uint8Array | undefined {
    const path = this.#parts.local.scriptletPath(name);
    return path === undefined ? undefined : this.#parts.system.files.read(path);
  }

  #stageScriptlets(
    draft: ChangeDraft,
    script: { name: string; text: Uint8Array | undefined; before: string; after: string; versions: string[] },
  ): void {
    if (script.text === undefined || this.#options.noScriptlets === true) return;
    const text = byteString(script.text);
    const functions = [script.before, script.after].filter((name) => definesFunction(text, name));
    if (functions.length === 0) return;
    const file = `scriptlet-${this.#scriptCount++}`;
    this.#scriptFolder = draft.attach(file, script.text);
    for (const name of functions)
      (name === script.before ? this.#before : this.#scripts).push({
        kind: "scriptlet",
        package: script.name,
        function: name,
        file,
        versions: script.versions,
      });
  }

  #subjects(): HookSubjects {
    const install = this.plan.install.filter((one) => one.old === undefined).map((one) => one.package.name);
    const upgrade = this.plan.install.filter((one) => one.old !== undefined).map((one) => one.package.name);
    return {
      packages: { Install: install, Upgrade: upgrade, Remove: this.plan.remove.map((one) => one.package.name) },
      paths: { Install: this.#touched.installed, Upgrade: this.#touched.upgraded, Remove: this.#touched.removed },
    };
  }

  #hooks(when: "PreTransaction" | "PostTransaction"): { step: AfterStep & { kind: "hook" }; abortOnFail: boolean }[] {
    return hookSteps(this.#parts, this.#subjects(), when);
  }
}

function hookSteps(
  parts: Pick<TransactionParts, "system" | "configuration" | "listener">,
  subjects: HookSubjects,
  when: Hook["when"],
): { step: AfterStep & { kind: "hook" }; abortOnFail: boolean }[] {
  const folders = parts.configuration.hookPaths.map((path) => path.replace(/^\/+|\/+$/g, ""));
  const hooks = readHooks(parts.system.files, folders, (why) => parts.listener.event({ kind: "warning", text: why }));
  return hooks
    .filter((hook) => hook.when === when)
    .flatMap((hook) => {
      const matched = triggeredBy(hook, subjects);
      if (matched === undefined) return [];
      return [
        {
          step: {
            kind: "hook" as const,
            when,
            name: hook.name,
            description: hook.description,
            command: hook.command,
            input: hook.needsTargets ? matched : undefined,
          },
          abortOnFail: hook.abortOnFail,
        },
      ];
    });
}

/** Does what is left to do after change `id` was applied; also after an interruption. */
export async function finishChange(
  parts: Pick<TransactionParts, "system" | "configuration" | "listener" | "changes">,
  id: number,
): Promise<void> {
  const record = parts.changes.history().find((change) => change.id === id);
  const data = record?.note.data as (ChangeData & { subjects: HookSubjects }) | null;
  const event = parts.listener.event.bind(parts.listener);
  if (data?.kind === "alpm") {
    const hooks = hookSteps(parts, data.subjects, "PostTransaction").map((hook) => hook.step);
    const canLink = parts.system.files.look("etc/ld.so.conf") !== undefined && parts.system.runner !== undefined;
    const steps = [...data.after, ...hooks].filter((step) => step.kind !== "ldconfig" || canLink);
    for (let index = 0; index < steps.length; index++) {
      const mark = `step-${index}`;
      if (parts.changes.hasMark(id, mark)) continue;
      await runStep(steps[index]!, parts.changes.folder(id), parts.system.runner, event);
      parts.changes.mark(id, mark);
    }
    writeLog(parts, record!.note.time, data.summary);
  }
  parts.changes.finish(id);
}

/** Lines in pacman's own log, which other tools read. */
function writeLog(
  parts: Pick<TransactionParts, "system" | "configuration">,
  time: number,
  summary: readonly string[],
): void {
  const { files } = parts.system;
  const path = targetOf((one) => files.look(one), parts.configuration.logFile.replace(/^\/+/, ""));
  const slash = path.lastIndexOf("/");
  makeParents(files, path.slice(0, slash));
  const stamp = `[${new Date(time * 1000).toISOString().slice(0, 19)}+0000] [ALPM]`;
  const lines = byteStringOf(
    ["transaction started", ...summary, "transaction completed"].map((line) => `${stamp} ${line}\n`).join(""),
  );
  const old = files.look(path)?.kind === "file" ? files.read(path) : new Uint8Array(0);
  const fresh = `${path}.stratos-new`;
  if (files.look(fresh) !== undefined) files.remove(fresh);
  files.file(fresh, { uid: 0, gid: 0, mode: 0o644, mtime: time }, concatBytes([old, lines]));
  files.rename(fresh, path);
}

/** What was done, one line for each package. */
function summaryOf(plan: TransactionPlan): string[] {
  return [
    ...plan.remove.map(({ package: one }) => `removed ${one.name} (${one.version})`),
    ...plan.install.map(({ package: one, old }) =>
      old === undefined
        ? `installed ${one.name} (${one.version})`
        : compareAlpmVersions(one.version, old.version) === 0
          ? `reinstalled ${one.name} (${one.version})`
          : `${compareAlpmVersions(one.version, old.version) > 0 ? "upgraded" : "downgraded"} ${one.name} ` +
            `(${old.version} -> ${one.version})`,
    ),
    ...plan.reasons.map(
      ({ package: one, reason }) =>
        `marked ${one.name} as ${reason === "explicit" ? "explicitly installed" : "a dependency"}`,
    ),
  ];
}

function titleOf(summary: readonly string[]): string {
  return summary.length === 1 ? summary[0]! : `${summary[0] ?? "nothing"} and ${summary.length - 1} more`;
}

/** Signatures and the like: at most 1 MB. @throws FetchError */
export async function fetchSmall(
  ports: Pick<AlpmPorts, "fetcher">,
  url: string,
  sizeMax = 1 << 20,
): Promise<Uint8Array> {
  const response = await ports.fetcher.open(url, { offset: 0 });
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const bytes of response.body) {
    size += bytes.length;
    if (size > sizeMax) throw new FetchError(`${url}: is larger than ${sizeMax} bytes`, { isPermanent: true });
    parts.push(bytes.slice());
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
