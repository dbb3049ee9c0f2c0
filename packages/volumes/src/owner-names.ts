/**
 * Names of users and groups as this host knows them: getent(1) asks its user database, LDAP and all; /etc/passwd and
 * /etc/group where there is no getent.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { OperationError } from "@stratos/operation";

type OwnerKind = "user" | "group";

/** Numbers go to 2^32 − 2: (uid_t) −1 is nobody's (chown(2)). */
const NUMBER_MAX = 0xffff_fffe;
const DATABASES = { user: "passwd", group: "group" } as const;

/** @param text  name or number. @throws OperationError when this host knows no such name */
export function ownerNumber(kind: OwnerKind, text: string): number {
  if (/^\d{1,10}$/.test(text) && Number(text) <= NUMBER_MAX) return Number(text);
  // A word that begins with "-" would be an option of getent's.
  const found = /^[^-:\n][^:\n]*$/.test(text) ? entry(kind, text) : null;
  if (found === null)
    throw new OperationError("option", `--${kind}`, `'${text}': this host knows no such ${kind}; its number does, too`);
  return Number(found[2]);
}

/** The name of a number; null where this host has none for it. */
export function ownerName(kind: OwnerKind, id: number): string | null {
  return entry(kind, String(id))?.[0] ?? null;
}

/** Fields of passwd(5) or group(5). */
function entry(kind: OwnerKind, key: string): string[] | null {
  const result = spawnSync("getent", [DATABASES[kind], key], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  const lines = result.error === undefined ? result.stdout : readFile(`/etc/${DATABASES[kind]}`);
  const fields = lines
    .split("\n")
    .map((line) => line.split(":"))
    .find(([name, , id]) => name === key || id === key);
  return fields === undefined || !/^\d+$/.test(fields[2] ?? "") ? null : fields;
}

function readFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
