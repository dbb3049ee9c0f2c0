/**
 * Applications that are pages in a folder of the guest, each in a frame of its own without an origin. They reach the
 * machine by calls alone, and a call needs a permission that the manifest names and the person has granted.
 */
import type { Sandbox } from "@stratos/sdk/public";
import type { FileAccess } from "@stratos/sdk/api";
import type { DesktopMachine } from "./desktop-machine.ts";
import { userFiles } from "./user-files.ts";
import {
  covers,
  isPlainPath,
  MANIFEST_BYTES_MAX,
  parseManifest,
  type Permission,
  permissionText,
  type SandboxedManifest,
} from "../entries/sandboxed-manifest.ts";

export interface SandboxedApplication extends SandboxedManifest {
  /** The name of its folder. */
  readonly id: string;
  readonly folder: string;
}

/** What was decided, by application and permission; absent: nothing yet. */
export interface PermissionStore {
  decision(id: string, permission: string): boolean | null;
}

/** Told of each call, and what became of it. */
type CallAudit = (id: string, what: string, outcome: string) => void;

type CallOutcome =
  | { readonly kind: "done"; readonly value: unknown }
  /** The person has to say. */
  | { readonly kind: "ask"; readonly permission: string }
  | { readonly kind: "refused"; readonly why: string };

const FOLDERS = ["/usr/local/share/stratos/applications", "/usr/share/stratos/applications"];
const APPLICATIONS_MAX = 100;
const PAGE_BYTES_MAX = 1 << 22;
/** Of a file, and of what a program writes. */
const TEXT_BYTES_MAX = 1 << 20;
const NAMES_MAX = 5000;
const RUN_MS = 30_000;
const ARGUMENTS_MAX = 100;
const NOTICE_MAX = 500;

/** Wrong ones are told of as problems. @param home  of the user, whose own come first */
export async function readSandboxed(
  files: FileAccess,
  home: string,
  language: string,
): Promise<{ readonly applications: SandboxedApplication[]; readonly problems: string[] }> {
  const found = new Map<string, SandboxedApplication | null>();
  const problems: string[] = [];
  for (const place of [`${home === "/" ? "" : home}/.local/share/stratos/applications`, ...FOLDERS]) {
    const entries = await files.list(place).catch(() => []);
    for (const { name: id, kind } of entries) {
      if (kind !== "folder" || !/^[A-Za-z0-9][\w.-]{0,63}$/.test(id)) continue;
      if (found.has(id) || found.size >= APPLICATIONS_MAX) continue;
      const folder = `${place}/${id}`;
      const text = await readBounded(files, `${folder}/manifest.json`, MANIFEST_BYTES_MAX);
      const manifest = text === null ? "cannot be read" : parseManifest(text, home, language);
      if (typeof manifest === "string") problems.push(`${folder}/manifest.json: ${manifest}`);
      found.set(id, typeof manifest === "string" ? null : { ...manifest, id, folder });
    }
  }
  return { applications: [...found.values()].filter((each) => each !== null), problems };
}

/** @returns null: it is not there, or too large */
export async function readPage(files: FileAccess, path: string): Promise<string | null> {
  return readBounded(files, path, PAGE_BYTES_MAX);
}

async function readBounded(files: FileAccess, path: string, most: number): Promise<string | null> {
  const status = await files.stat(path).catch(() => null);
  if (status?.kind !== "file" || status.sizeBytes > most) return null;
  return files.readText(path).catch(() => null);
}

export class SandboxedCalls {
  readonly #box: Sandbox;
  readonly #files: FileAccess;
  /** Who runs programs. */
  readonly #user: string;
  readonly #store: PermissionStore;
  readonly #audit: CallAudit;

  constructor(machine: Pick<DesktopMachine, "box" | "user">, store: PermissionStore, audit: CallAudit) {
    this.#box = machine.box;
    this.#files = userFiles(machine);
    this.#user = String(machine.user.uid);
    this.#store = store;
    this.#audit = audit;
  }

  /** @param request  as the application says it: anything. @throws StratosError of what was permitted and failed */
  async call(application: SandboxedApplication, request: Readonly<Record<string, unknown>>): Promise<CallOutcome> {
    const wanted = wantedBy(request);
    const what = wanted === null ? String(request["call"]).slice(0, 100) : permissionText(wanted);
    const refused = (why: string): CallOutcome => {
      this.#audit(application.id, what, `refused: ${why}`);
      return { kind: "refused", why };
    };
    if (wanted === null) return refused("there is no such call, or its arguments are none of it");
    const named = application.permissions.find((each) => covers(each, wanted.kind, wanted.path));
    if (named === undefined) return refused("the manifest does not name it");
    const decision = this.#store.decision(application.id, permissionText(named));
    if (decision === null) return { kind: "ask", permission: permissionText(named) };
    if (!decision) return refused("the person has refused it");
    if (wanted.kind !== "notify" && (await this.#leaves(named, wanted.path)))
      return refused("a symbolic link leads elsewhere");
    try {
      const value = await this.#act(wanted, request);
      this.#audit(application.id, what, "done");
      return { kind: "done", value };
    } catch (error) {
      this.#audit(application.id, what, `failed: ${(error as Error).message}`);
      throw error;
    }
  }

  /** Whether a name below the permitted one is a link: what it leads to was not granted. */
  async #leaves({ path: root }: Permission, path: string): Promise<boolean> {
    const fs = this.#files;
    let folder = root;
    for (const name of path.slice(root.length).split("/").slice(1)) {
      const entries = await fs.list(folder).catch(() => []);
      const kind = entries.find((each) => each.name === name)?.kind;
      if (kind !== undefined && kind !== "file" && kind !== "folder") return true;
      folder += `/${name}`;
    }
    return false;
  }

  async #act({ kind, path }: Permission, request: Readonly<Record<string, unknown>>): Promise<unknown> {
    const fs = this.#files;
    switch (kind) {
      case "read": {
        if (request["call"] === "list")
          return (await fs.list(path)).slice(0, NAMES_MAX).map((each) => ({ name: each.name, kind: each.kind }));
        const { sizeBytes, kind: is } = await fs.stat(path);
        if (is !== "file" || sizeBytes > TEXT_BYTES_MAX) throw new TooLarge(`${path}: is no file of at most 1 MiB`);
        return fs.readText(path);
      }
      case "write":
        await fs.write(path, request["text"] as string);
        return null;
      case "run": {
        const argv = request["argv"] as readonly string[];
        const { exitCode, stdout, stderr } = await this.#box.run([...argv], { user: this.#user, timeoutMs: RUN_MS });
        return { exitCode, stdout: stdout.slice(0, TEXT_BYTES_MAX), stderr: stderr.slice(0, TEXT_BYTES_MAX) };
      }
      case "notify":
      case "panel":
        return null;
    }
  }
}

/** What was permitted, and is not done for its size. */
export class TooLarge extends Error {}

/** @returns null: no call is like that */
function wantedBy({ call, path, text, argv }: Readonly<Record<string, unknown>>): Permission | null {
  const place = typeof path === "string" && isPlainPath(path) ? path : null;
  switch (call) {
    case "read":
    case "list":
      return place === null ? null : { kind: "read", path: place };
    case "write":
      return place === null || typeof text !== "string" || text.length > TEXT_BYTES_MAX
        ? null
        : { kind: "write", path: place };
    case "run": {
      if (!Array.isArray(argv) || argv.length === 0 || argv.length > ARGUMENTS_MAX) return null;
      if (argv.some((each) => typeof each !== "string" || each.includes("\0") || each.length > 4096)) return null;
      return isPlainPath(argv[0] as string) ? { kind: "run", path: argv[0] as string } : null;
    }
    case "notify":
      return typeof text === "string" && text.length <= NOTICE_MAX ? { kind: "notify", path: "" } : null;
    default:
      return null;
  }
}
