/** Keys that sign packages and repositories: STRATOS_HOME/keys, readable by their owner alone. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { homeFolder, stratosHome } from "@stratos/host-node";
import { hostReason } from "@stratos/host-node/home";
import { OperationError } from "@stratos/operation";

/** Where the key of that name stands. */
export function keyPath(name: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name))
    throw new OperationError("option", "NAME", `'${name}': a key's name has letters, digits, ., _ and -`);
  return join(homeFolder(stratosHome(), "keys"), `${name}.asc`);
}

/** Names of the keys that are there, in order. */
export function keyNames(): string[] {
  return readdirSync(homeFolder(stratosHome(), "keys"))
    .filter((name) => name.endsWith(".asc"))
    .map((name) => name.slice(0, -4))
    .sort();
}

/** A private key, armored. @param key  a name, or the path of an armored private key */
export function readKey(key: string): string {
  const path = key.includes("/") ? key : keyPath(key);
  // A file of that name in the current folder is told of, rather than taken: which of the two is meant must not hang on
  // the folder.
  const hint = existsSync(key)
    ? `, but there is a file of that name: ./${key} means that`
    : `; \`stratos pkg key create ${key}\` makes it`;
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new OperationError(
      "packages",
      key,
      isMissing && !key.includes("/") ? `no such key${hint}` : hostReason(error),
      {
        cause: error,
      },
    );
  }
}
