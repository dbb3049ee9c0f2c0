/**
 * Named systems on disk, below the systems' folder:
 *
 *     NAME/system.json           what it is (SystemRecord), replaced as a whole
 *     NAME/output, output.old    what its program has written (output-log.ts)
 *     NAME/last.checkpoint       where it goes back to when it is lost
 *     NAME/snapshots/LABEL.checkpoint
 *
 * A folder without a readable record is no system; a name that begins with a dot is one that is being made or removed.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { replaceFile } from "@stratos/host-node/files";
import { hostReason } from "@stratos/host-node/home";
import { StratosError, type SystemSpec, type SystemState } from "@stratos/sdk/api";
import { isSystemName } from "@stratos/sdk/systems";

export interface SystemRecord {
  readonly format: 1;
  readonly id: string;
  readonly spec: SystemSpec;
  readonly state: SystemState;
  readonly createdMs: number;
  readonly startedMs: number;
  readonly finishedMs: number | null;
  readonly exitCode: number | null;
  readonly error: string | null;
  readonly checkpointMs: number | null;
  readonly restoredMs: number | null;
  /** Absent: none. */
  readonly missingSecrets?: readonly string[];
}

/** How many there may be. */
const SYSTEMS_MAX = 1000;
const RECORD = "system.json";

export class SystemStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    for (const name of readdirSync(folder)) if (name.startsWith(".")) bury(join(folder, name));
  }

  /** By name. */
  list(): Map<string, SystemRecord> {
    const records = new Map<string, SystemRecord>();
    for (const name of readdirSync(this.#folder).sort()) {
      const record = isSystemName(name) ? readRecord(join(this.#folder, name, RECORD)) : null;
      if (record !== null) records.set(name, record);
    }
    return records;
  }

  /** @throws StratosError of kind system when the name is taken, or there are too many */
  create(name: string, record: SystemRecord): SystemFolder {
    const path = join(this.#folder, name);
    const draft = join(this.#folder, `.new-${randomBytes(6).toString("hex")}`);
    const refuse = (why: string): StratosError => new StratosError("system", `${name}: ${why}`, { system: name });
    if (statSync(path, { throwIfNoEntry: false }) !== undefined) throw refuse("there is a system of this name");
    if (readdirSync(this.#folder).length > SYSTEMS_MAX) throw refuse(`there are ${SYSTEMS_MAX} systems already`);
    mkdirSync(draft, { mode: 0o700 });
    writeRecord(draft, record);
    renameSync(draft, path);
    return new SystemFolder(this.#folder, name);
  }

  open(name: string): SystemFolder {
    return new SystemFolder(this.#folder, name);
  }
}

/** Of one system. */
export class SystemFolder {
  readonly #parent: string;
  #name: string;

  constructor(parent: string, name: string) {
    this.#parent = parent;
    this.#name = name;
  }

  get path(): string {
    return join(this.#parent, this.#name);
  }

  get checkpointPath(): string {
    return join(this.path, "last.checkpoint");
  }

  /** Of a label, which is as a system's name. */
  snapshotPath(label: string): string {
    return join(this.#snapshots, `${label}${SUFFIX}`);
  }

  get #snapshots(): string {
    return join(this.path, "snapshots");
  }

  /** Labels, the oldest first. */
  snapshots(): string[] {
    let names: string[];
    try {
      names = readdirSync(this.#snapshots);
    } catch {
      return [];
    }
    return names
      .filter((name) => name.endsWith(SUFFIX))
      .map((name) => ({ label: name.slice(0, -SUFFIX.length), madeMs: statSync(join(this.#snapshots, name)).mtimeMs }))
      .sort((one, other) => one.madeMs - other.madeMs)
      .map(({ label }) => label);
  }

  makeSnapshotFolder(): void {
    mkdirSync(this.#snapshots, { recursive: true, mode: 0o700 });
  }

  write(record: SystemRecord): void {
    writeRecord(this.path, record);
  }

  rename(to: string): void {
    renameSync(this.path, join(this.#parent, to));
    this.#name = to;
  }

  /** Out of sight at once, then away. Whoever removed it by hand was faster. */
  remove(): void {
    const grave = join(this.#parent, `.old-${randomBytes(6).toString("hex")}`);
    try {
      renameSync(this.path, grave);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
    bury(grave);
  }
}

const SUFFIX = ".checkpoint";

/** What cannot be removed is nothing's any more: the next supervisor tries again. */
function bury(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch (error) {
    console.error(`${path}: ${hostReason(error)}`);
  }
}

function readRecord(path: string): SystemRecord | null {
  try {
    const record = JSON.parse(readFileSync(path, "utf8")) as SystemRecord;
    return record.format === 1 ? record : null;
  } catch {
    return null;
  }
}

function writeRecord(folder: string, record: SystemRecord): void {
  replaceFile(join(folder, RECORD), `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
}
