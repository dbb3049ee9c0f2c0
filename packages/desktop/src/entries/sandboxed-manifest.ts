/**
 * The manifest of a sandboxed application: `manifest.json` in its folder (docs/desktop.md has an example). It names
 * each thing that the application may ever ask for; what it does not name cannot be granted either.
 */

/**
 * `panel`, which a manifest has that names a page for it; `notify`; `read:/PATH` and `write:/PATH`, of a file or of all
 * below a folder; `run:/PATH` of a program. A path that begins with `~/` is the user's.
 */
export interface Permission {
  readonly kind: "notify" | "panel" | "read" | "write" | "run";
  /** Absolute, without `.`, `..` and empty names; empty for `notify` and `panel`. */
  readonly path: string;
}

export interface SandboxedManifest {
  readonly name: string;
  readonly comment: string;
  /** The page: a file of its folder. */
  readonly entry: string;
  /** A page that stands in the desktop's panel; null: it has none. */
  readonly panel: string | null;
  readonly permissions: readonly Permission[];
}

export const MANIFEST_BYTES_MAX = 1 << 16;
const PERMISSIONS_MAX = 32;
const TEXT_MAX = 200;

/** @param home  of the user. @returns in words what is wrong with it */
export function parseManifest(text: string, home: string, language: string): SandboxedManifest | string {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch (error) {
    return `is no JSON: ${(error as Error).message}`;
  }
  if (typeof given !== "object" || given === null || Array.isArray(given)) return "an object is expected";
  const {
    name,
    names = {},
    comment = "",
    entry = "index.html",
    panel = null,
    permissions = [],
    ...rest
  } = given as ManifestFields;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) return `${unknown}: no such key`;
  if (!isText(name) || name.trim() === "") return "name: text is expected";
  if (typeof names !== "object" || names === null || Object.values(names).some((each) => !isText(each)))
    return "names: text by language is expected";
  if (!isText(comment)) return "comment: text is expected";
  if (!isFileName(entry)) return "entry: a file beside the manifest is expected";
  if (panel !== null && !isFileName(panel)) return "panel: a file beside the manifest is expected";
  if (!Array.isArray(permissions) || permissions.length > PERMISSIONS_MAX)
    return `permissions: a list of at most ${PERMISSIONS_MAX} is expected`;
  const parsed: Permission[] = panel === null ? [] : [{ kind: "panel", path: "" }];
  for (const each of permissions as unknown[]) {
    const permission = isText(each) ? parsePermission(each, home) : null;
    if (permission === null)
      return `permissions: ${JSON.stringify(each)}: notify, read:/PATH, write:/PATH or run:/PATH is expected`;
    parsed.push(permission);
  }
  const own = (names as Record<string, string>)[language];
  return { name: own ?? name, comment, entry, panel, permissions: parsed };
}

interface ManifestFields {
  readonly name?: unknown;
  readonly names?: unknown;
  readonly comment?: unknown;
  readonly entry?: unknown;
  readonly panel?: unknown;
  readonly permissions?: unknown;
}

function isFileName(value: unknown): value is string {
  return isText(value) && /^\w[\w.-]*$/.test(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= TEXT_MAX && !/[\0-\x1f\x7f]/.test(value);
}

function parsePermission(text: string, home: string): Permission | null {
  if (text === "notify") return { kind: "notify", path: "" };
  const [, kind, given] = /^(read|write|run):(.+)$/.exec(text) ?? [];
  if (given === undefined) return null;
  const path = given.startsWith("~/") ? `${home === "/" ? "" : home}${given.slice(1)}` : given;
  return isPlainPath(path) ? { kind: kind as "read", path } : null;
}

/** Absolute and as it is: no name of it is empty, `.` or `..`, and none follows the last one. */
export function isPlainPath(path: string): boolean {
  return path.length < 4096 && /^(?:\/(?!\.{1,2}(?:\/|$))[^/\0]+)+$/.test(path);
}

export function permissionText({ kind, path }: Permission): string {
  return path === "" ? kind : `${kind}:${path}`;
}

/** @param path  plain. @returns whether it is that very path, or below it; a program is itself alone */
export function covers(permission: Permission, kind: Permission["kind"], path: string): boolean {
  if (permission.kind !== kind) return false;
  return path === permission.path || (kind !== "run" && path.startsWith(`${permission.path}/`));
}
