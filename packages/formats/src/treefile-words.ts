/**
 * One set of words for one thing: what a treefile calls `hostname`, `users: {NAME: …}`, `files: {PATH: …}` and
 * `packages: […]` may be called so in the files of installations and in system lists, too, which have words of their
 * own besides. Here the former become the latter; problems are told at the words that were written.
 */
import type { KeyPath } from "./key-positions.ts";

/** How a file calls them by its own words. */
export interface OwnWords {
  /** table of `hostname`, `timezone` and `locale` */
  readonly settings: string;
  /** lists of tables with `name`, and the table of what root has; without them the file has no users */
  readonly users?: { readonly list: string; readonly root: string; readonly words: Readonly<Record<string, string>> };
  /** list of tables with `path` */
  readonly files: string;
  /** files have an `owner`, USER:GROUP, for a treefile's `uid` and `gid` */
  readonly hasOwners?: true;
  /** table and key for a plain list of packages */
  readonly packages?: readonly [table: string, key: string];
}

export interface Reworded {
  readonly value: unknown;
  /** said by both sets of words */
  readonly twice: readonly KeyPath[];
  /** where something of the value was written */
  written(path: KeyPath): KeyPath;
}

type Table = Record<string, unknown>;

/** @param value  of the file, as it was read; not changed */
export function ownWordsOf(value: unknown, own: OwnWords): Reworded {
  if (!isTable(value)) return { value, twice: [], written: (path) => path };
  const reworded: Table = { ...value },
    twice: KeyPath[] = [],
    moved: (readonly [from: KeyPath, to: KeyPath])[] = [];
  const put = (table: string, key: string, from: string): void => {
    const inner = isTable(reworded[table]) ? reworded[table] : {};
    if (inner[key] !== undefined) {
      twice.push([from]);
      return;
    }
    reworded[table] = { ...inner, [key]: value[from] };
    if (from !== table) delete reworded[from];
    moved.push([[table, key], [from]]);
  };
  for (const key of ["hostname", "timezone", "locale"]) if (value[key] !== undefined) put(own.settings, key, key);
  if (own.packages !== undefined && Array.isArray(value["packages"])) {
    delete reworded["packages"];
    put(...own.packages, "packages");
  }
  if (own.users !== undefined) rewordUsers(reworded, own.users, moved, twice);
  rewordFiles(reworded, own, moved, twice);
  const byLength = [...moved].sort(([left], [right]) => right.length - left.length);
  return {
    value: reworded,
    twice,
    written(path) {
      const found = byLength.find(
        ([now]) => now.length <= path.length && now.every((part, index) => part === path[index]),
      );
      return found === undefined ? path : [...found[1], ...path.slice(found[0].length)];
    },
  };
}

function rewordUsers(
  value: Table,
  { list, root, words }: NonNullable<OwnWords["users"]>,
  moved: (readonly [KeyPath, KeyPath])[],
  twice: KeyPath[],
): void {
  const renamed = (user: Table, now: KeyPath, then: KeyPath): Table =>
    Object.fromEntries(
      Object.entries(user).map(([key, one]) => {
        const word = words[key] ?? key;
        if (word !== key)
          moved.push([
            [...now, word],
            [...then, key],
          ]);
        return [word, one];
      }),
    );
  const known = Array.isArray(value[list])
    ? (value[list] as unknown[]).map((user, index) =>
        isTable(user) ? renamed(user, [list, index], [list, index]) : user,
      )
    : [];
  const { users } = value;
  if (isTable(users)) {
    delete value["users"];
    for (const [name, user] of Object.entries(users)) {
      if (name === root) {
        if (value[root] !== undefined) twice.push(["users", name]);
        else {
          moved.push([[root], ["users", name]]);
          value[root] = isTable(user) ? renamed(user, [root], ["users", name]) : user;
        }
        continue;
      }
      if (known.some((one) => isTable(one) && one["name"] === name)) twice.push(["users", name]);
      moved.push([
        [list, known.length],
        ["users", name],
      ]);
      known.push(isTable(user) ? { name, ...renamed(user, [list, known.length], ["users", name]) } : user);
    }
  }
  if (known.length > 0) value[list] = known;
}

function rewordFiles(
  value: Table,
  { files: list, hasOwners }: OwnWords,
  moved: (readonly [KeyPath, KeyPath])[],
  twice: KeyPath[],
): void {
  const { files } = value;
  if (!isTable(files)) return;
  const known = list !== "files" && Array.isArray(value[list]) ? [...(value[list] as unknown[])] : [];
  delete value["files"];
  for (const [path, file] of Object.entries(files)) {
    if (known.some((one) => isTable(one) && one["path"] === path)) twice.push(["files", path]);
    moved.push([
      [list, known.length],
      ["files", path],
    ]);
    known.push(isTable(file) ? { path, ...(hasOwners === true ? withOwner(file) : file) } : file);
  }
  if (known.length > 0) value[list] = known;
}

function withOwner(file: Table): Table {
  const { uid, gid, ...rest } = file,
    isId = (one: unknown): boolean =>
      one === undefined || (typeof one === "number" && Number.isInteger(one) && one >= 0);
  return (uid === undefined && gid === undefined) || !isId(uid) || !isId(gid) || rest["owner"] !== undefined
    ? file
    : { ...rest, owner: `${String(uid ?? 0)}:${String(gid ?? 0)}` };
}

function isTable(value: unknown): value is Table {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    (Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null)
  );
}
