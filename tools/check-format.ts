/**
 * Whether all code has the format that `npm run format` gives it: one line for each file that has another, status 1
 * when there is any. What was found well formatted is remembered by its content; nothing depends on that.
 *
 *     node tools/check-format.ts [FILE]
 *
 * FILE is where it is remembered. Prettier's own command asks the file system about settings for each file again, and
 * takes a fifth more.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { check, getFileInfo, type Options, resolveConfig, version } from "prettier";
import { readTree } from "./tidy/source-tree.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const memory = process.argv[2];
const ignorePath = join(root, ".prettierignore");
/** Of each kind of file: there is one `.prettierrc.json`, and it tells files apart by these. */
const settings = new Map<string, Options | null>();
const known = new Set(remembered());
const well = new Set<string>();
let bad = 0;
for (const { path, text } of readTree(root).files) {
  const kind = extname(path);
  if (!settings.has(kind)) settings.set(kind, await settingsOf(path));
  const options = settings.get(kind)!;
  if (options === null) continue;
  const key = createHash("sha256")
    .update(JSON.stringify([version, options, text]))
    .digest("base64");
  if (!known.has(key) && !(await isWell(path, text, options))) bad++;
  else well.add(key);
}
if (memory !== undefined) {
  mkdirSync(dirname(memory), { recursive: true });
  writeFileSync(memory, JSON.stringify([...well]));
}
process.exitCode = bad === 0 ? 0 : 1;

/** @returns null: files of this kind are not formatted */
async function settingsOf(path: string): Promise<Options | null> {
  const { ignored, inferredParser } = await getFileInfo(join(root, path), { ignorePath });
  if (ignored || inferredParser === null) return null;
  return resolveConfig(join(root, path));
}

async function isWell(path: string, text: string, options: Options): Promise<boolean> {
  let why = "has another format: npm run format";
  try {
    if (await check(text, { ...options, filepath: path })) return true;
  } catch (error) {
    why = (error as Error).message;
  }
  process.stdout.write(`${path}: ${why}\n`);
  return false;
}

function remembered(): string[] {
  try {
    return JSON.parse(readFileSync(memory!, "utf8")) as string[];
  } catch {
    return [];
  }
}
