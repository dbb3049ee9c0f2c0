/**
 * A system of ALPM packages, opened: its configuration, what is installed, what repositories offer, and transactions on
 * it.
 *
 * Whoever opens it holds pacman's lock until `close`. Opening also mends what an interrupted transaction left: what was
 * not committed is dropped, what was is finished.
 */
import { FetchError } from "../ports.ts";
import { RootChanges, type ChangeRecord } from "../root/root-change.ts";
import { targetOf } from "../root/root-paths.ts";
import type { AlpmConfiguration, RepositoryConfiguration } from "./configuration.ts";
import type { AlpmListener } from "./events.ts";
import { LocalDatabase, makeParents } from "./local-database.ts";
import { openAlpmPackage } from "./package-archive.ts";
import type { Offer } from "./package-pool.ts";
import { planTransaction, type TransactionWish } from "./plan-transaction.ts";
import { Keyring, type KeyringFile } from "./signatures.ts";
import { readSyncDatabase, type SyncDatabase } from "./sync-database.ts";
import type { AlpmPorts, AlpmSystem } from "./system.ts";
import {
  AlpmTransaction,
  fetchSmall,
  finishChange,
  type GivenArchive,
  type TransactionOptions,
} from "./transaction.ts";

/** Somebody else is at work on the system. */
export class AlpmLockError extends Error {
  override name = "AlpmLockError";
}

export interface AlpmOptions {
  ports: AlpmPorts;
  system: AlpmSystem;
  configuration: AlpmConfiguration;
  /** certificates besides those in the root's `usr/share/pacman/keyrings`; trusted directly */
  keyring?: readonly KeyringFile[];
  listener: AlpmListener;
  /** only look: takes no lock and mends nothing */
  readOnly?: boolean;
}

const KEYRINGS_FOLDER = "usr/share/pacman/keyrings";
/** Arch's largest database is 9 MB, with file lists 60 MB. */
const DATABASE_BYTES_MAX = 512 << 20;
const DATABASE_META = { uid: 0, gid: 0, mode: 0o644, mtime: 0 };

export class Alpm {
  readonly #options: AlpmOptions;
  readonly #changes: RootChanges;
  readonly #folder: string;
  readonly #release: () => void;
  #local: LocalDatabase;
  #databases: SyncDatabase[] = [];
  /** what was read of each repository, so that the same bytes are not read twice */
  readonly #read = new Map<string, { bytes: Uint8Array; database: SyncDatabase }>();
  #keyring: Promise<Keyring> | undefined;

  private constructor(options: AlpmOptions, folder: string, release: () => void) {
    this.#options = options;
    this.#folder = folder;
    this.#release = release;
    this.#changes = new RootChanges(options.system.files);
    this.#local = new LocalDatabase(options.system.files, folder);
  }

  /** @throws AlpmLockError, DescError */
  static async open(options: AlpmOptions): Promise<Alpm> {
    const { files } = options.system;
    const folder = targetOf((path) => files.look(path), options.configuration.databasePath.replace(/^\/+|\/+$/g, ""));
    let release = (): void => {};
    if (options.readOnly !== true) {
      makeParents(files, folder);
      const lock = options.system.lock(`${folder}/db.lck`);
      if (typeof lock === "string") throw new AlpmLockError(lock);
      release = lock;
    }
    try {
      if (options.readOnly !== true) await mend(options);
      const alpm = new Alpm(options, folder, release);
      await alpm.#readDatabases();
      return alpm;
    } catch (error) {
      release();
      throw error;
    }
  }

  get local(): LocalDatabase {
    return this.#local;
  }

  /** What repositories offer, in the order of the configuration; those that were never fetched are left out. */
  get databases(): readonly SyncDatabase[] {
    return this.#databases;
  }

  get configuration(): AlpmConfiguration {
    return this.#options.configuration;
  }

  close(): void {
    this.#release();
  }

  /**
   * Fetches the databases of all repositories. @throws FetchError, SignatureError, DescError  one could not be had; the
   * others are there
   */
  async refresh(): Promise<void> {
    let failure: unknown;
    for (const repository of this.configuration.repositories) {
      try {
        await this.#refreshOne(repository);
      } catch (error) {
        this.#options.listener.event({
          kind: "refresh",
          repository: repository.name,
          state: "failed",
          why: error instanceof Error ? error.message : String(error),
        });
        failure ??= error;
      }
    }
    await this.#readDatabases();
    if (failure !== undefined) throw failure;
  }

  /** Plans a transaction, asking what has to be asked. */
  async prepare(
    wish: TransactionWish,
    options: TransactionOptions & { archives?: readonly GivenArchive[]; offers?: readonly Offer[] } = {},
  ): Promise<AlpmTransaction> {
    const { ports, listener } = this.#options;
    const archives = new Map<string, GivenArchive>();
    const given = [];
    for (const archive of options.archives ?? []) {
      const { info } = await openAlpmPackage(archive.bytes, archive.name, ports.decompress);
      archives.set(info.name, archive);
      given.push(info);
    }
    listener.event({ kind: "resolve" });
    const plan = await planTransaction(
      {
        ...wish,
        archives:
          wish.archives ?? [...archives].flatMap(([name, archive]) => (archive.asDependency === true ? [] : [name])),
      },
      {
        configuration: this.configuration,
        local: this.#local,
        databases: this.#databases,
        listener,
        offers: [
          ...(given.length === 0 ? [] : [{ origin: "archive", packages: given, first: true }]),
          ...(options.offers ?? []),
        ],
      },
    );
    const used = new Map(
      [...archives].filter(([name]) =>
        plan.install.some((one) => one.package.name === name && one.origin === "archive"),
      ),
    );
    return new AlpmTransaction(
      plan,
      {
        ports,
        listener,
        system: this.#options.system,
        configuration: this.configuration,
        local: this.#local,
        changes: this.#changes,
        keyring: () => this.keyring(),
        archives: used,
      },
      options,
    );
  }

  /** Carries a transaction out. */
  async commit(transaction: AlpmTransaction): Promise<number> {
    const id = await transaction.commit();
    this.#local = new LocalDatabase(this.#options.system.files, this.#folder);
    return id;
  }

  /** Changes that can be taken back, oldest first. */
  history(): ChangeRecord[] {
    return this.#changes.history();
  }

  /** Takes back the last change, or, given a number, all from it on. @returns the titles of what was taken back */
  async rollback(from?: number): Promise<string[]> {
    const records = this.history();
    const last = records.at(-1);
    const first = from ?? last?.id;
    if (first === undefined || !records.some((record) => record.id === first))
      throw new Error(first === undefined ? "no change was made yet" : `there is no change ${first}`);
    this.#changes.requireUntouched(first);
    const titles: string[] = [];
    for (const record of records.filter((one) => one.id >= first).reverse()) {
      const draft = this.#changes.revert(record.id);
      const id = draft.commit({
        title: `took back: ${record.note.title}`,
        time: Math.floor(this.#options.ports.nowSeconds()),
        data: null,
      });
      this.#changes.apply(id);
      this.#changes.finish(id);
      // The pair has no effect, so that what came before can be taken back as well.
      this.#changes.forget(id);
      this.#changes.forget(record.id);
      titles.push(record.note.title);
    }
    this.#local = new LocalDatabase(this.#options.system.files, this.#folder);
    return titles;
  }

  /** The keys that count; read when first needed, since reading takes a while. */
  keyring(): Promise<Keyring> {
    this.#keyring ??= this.#loadKeyring();
    return this.#keyring;
  }

  async #loadKeyring(): Promise<Keyring> {
    const { files } = this.#options.system;
    const look = (path: string): ReturnType<typeof files.look> => files.look(path);
    const found: KeyringFile[] = [...(this.#options.keyring ?? [])];
    for (const name of files.list(KEYRINGS_FOLDER)) {
      const place = targetOf(look, `${KEYRINGS_FOLDER}/${name}`);
      if (/\.gpg$|-trusted$|-revoked$/.test(name) && files.look(place)?.kind === "file")
        found.push({ name, content: files.read(place) });
    }
    return Keyring.load(found, this.#options.ports.nowSeconds());
  }

  async #readDatabases(): Promise<void> {
    const { files } = this.#options.system;
    this.#databases = [];
    for (const { name } of this.configuration.repositories) {
      const path = `${this.#folder}/sync/${name}.db`;
      if (files.look(path)?.kind === "file") this.#databases.push(await this.#readDatabase(name, files.read(path)));
    }
  }

  async #readDatabase(name: string, bytes: Uint8Array): Promise<SyncDatabase> {
    const known = this.#read.get(name);
    if (known !== undefined && sameBytes(known.bytes, bytes)) return known.database;
    const database = await readSyncDatabase(name, bytes, this.#options.ports);
    this.#read.set(name, { bytes, database });
    return database;
  }

  async #refreshOne(repository: RepositoryConfiguration): Promise<void> {
    const {
      ports,
      listener,
      system: { files },
    } = this.#options;
    const { name } = repository;
    listener.event({ kind: "refresh", repository: name, state: "fetching" });
    if (repository.servers.length === 0) throw new FetchError(`${name}: has no server`, { isPermanent: true });
    let failure: unknown;
    for (const server of repository.servers) {
      const url = `${server}/${name}.db`;
      try {
        const bytes = await fetchSmall(ports, url, DATABASE_BYTES_MAX);
        const rule = repository.signatures.database;
        const signature = rule.check === "never" ? undefined : await this.#optional(`${url}.sig`);
        // A keyring is read only when there is something to check or to miss.
        if (signature !== undefined || rule.check === "required")
          await (await this.keyring()).check(`${name}.db`, bytes, signature, rule, ports.nowSeconds());
        await this.#readDatabase(name, bytes);
        const place = `${this.#folder}/sync/${name}.db`;
        const isSame = files.look(place)?.kind === "file" && sameBytes(files.read(place), bytes);
        if (!isSame) {
          makeParents(files, `${this.#folder}/sync`);
          this.#replace(place, bytes);
        }
        if (signature !== undefined) this.#replace(`${place}.sig`, signature);
        else if (files.look(`${place}.sig`) !== undefined) files.remove(`${place}.sig`);
        listener.event({ kind: "refresh", repository: name, state: isSame ? "unchanged" : "done" });
        return;
      } catch (error) {
        if (!(error instanceof FetchError) || failure === undefined) failure = error;
      }
    }
    throw failure;
  }

  /** Writes a file so that it is there whole or as before. */
  #replace(place: string, bytes: Uint8Array): void {
    const { files } = this.#options.system;
    const part = `${place}.part`;
    if (files.look(part) !== undefined) files.remove(part);
    files.file(part, { ...DATABASE_META, mtime: Math.floor(this.#options.ports.nowSeconds()) }, bytes);
    files.rename(part, place);
  }

  async #optional(url: string): Promise<Uint8Array | undefined> {
    try {
      return await fetchSmall(this.#options.ports, url);
    } catch (error) {
      if (error instanceof FetchError && error.isPermanent) return undefined;
      throw error;
    }
  }
}

/** Finishes what an interrupted transaction left. */
async function mend(options: AlpmOptions): Promise<void> {
  const changes = new RootChanges(options.system.files);
  for (const record of changes.recover()) {
    options.listener.event({ kind: "recovered", title: record.note.title });
    await finishChange(
      { system: options.system, configuration: options.configuration, listener: options.listener, changes },
      record.id,
    );
  }
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
