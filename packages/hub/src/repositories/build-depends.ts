/**
 * What tasks built on, for who asks later which sources need a package. The builder tells it since it has been kept; of
 * tasks before that it is derived: from the .dsc, when that was uploaded, else from the .buildinfo, which names all
 * that was installed. What was found is kept, and outlives the task.
 */
import { text as textOf } from "node:stream/consumers";
import { buildNeeds } from "@stratos/builder/build-relations";
import { parseSource } from "@stratos/pkg";
import type { BlobStore } from "../blobs/blob-store.ts";
import type { Queryable } from "../database/database.ts";
import { jsonText } from "../database/json-text.ts";
import { namesOf } from "./plan-rebuild.ts";

/** `builder`, `dsc`: build dependencies as they counted; `buildinfo`: all that was installed. */
export type DependsOrigin = "builder" | "dsc" | "buildinfo";

export interface BuiltSource {
  readonly task: number;
  /** Names of packages. */
  readonly depends: readonly string[];
  readonly origin: DependsOrigin;
  /** Of the task. */
  readonly payload: Readonly<Record<string, unknown>>;
}

const RECORD_BYTES_MAX = 16 << 20;
const DEPENDS_MAX = 10_000;
const BATCH = 500;

/** @returns by task; those of which nothing can be known are missing */
export async function builtSources(
  on: Queryable,
  blobs: BlobStore,
  tasks: readonly number[],
): Promise<Map<number, BuiltSource>> {
  const found = new Map<number, BuiltSource>();
  const known = await on.query<BuiltSource>(
    "select task_id as task, depends, origin, payload from built_source where task_id = any($1::bigint[])",
    [[...tasks]],
  );
  for (const one of known) found.set(one.task, one);
  const missing = tasks.filter((task) => !found.has(task));
  for (let start = 0; start < missing.length; start += BATCH) {
    const derived = await derive(on, blobs, missing.slice(start, start + BATCH));
    for (const one of derived) found.set(one.task, one);
    await on.query(
      "insert into built_source (task_id, depends, origin, payload) select task, depends, origin, payload from " +
        "jsonb_to_recordset($1::jsonb) as x(task bigint, depends text[], origin text, payload jsonb) on conflict do " +
        "nothing",
      [jsonText(derived)],
    );
  }
  return found;
}

interface TaskRow {
  task: number;
  arch: string;
  payload: Record<string, unknown>;
  told: unknown;
}

async function derive(on: Queryable, blobs: BlobStore, tasks: readonly number[]): Promise<BuiltSource[]> {
  const rows = await on.query<TaskRow>(
    "select id as task, arch, payload, result->'depends' as told from task where id = any($1::bigint[]) and kind = " +
      "'build'",
    [[...tasks]],
  );
  const files = await on.query<{ task: number; name: string; digest: string }>(
    "select task_id as task, name, digest from task_artefact where task_id = any($1::bigint[]) and (name like " +
      "'%.dsc' or name like '%.buildinfo') order by task_id, name",
    [[...tasks]],
  );
  const read = async (task: number, suffix: string): Promise<string | null> => {
    const file = files.find((one) => one.task === task && one.name.endsWith(suffix));
    const size = file === undefined ? null : await blobs.size(file.digest);
    if (size === null || size > RECORD_BYTES_MAX) return null;
    return textOf(await blobs.read(file!.digest, { start: 0, end: size - 1 }));
  };
  const built: BuiltSource[] = [];
  for (const { task, arch, payload, told } of rows) {
    const profiles = isWords(payload["profiles"]) ? payload["profiles"] : [];
    for (const [origin, names] of [
      ["builder", async () => (isWords(told) ? told.flatMap(namesOf) : null)],
      ["dsc", async () => dependsOfDsc(await read(task, ".dsc"), arch, profiles)],
      ["buildinfo", async () => dependsOfBuildInfo(await read(task, ".buildinfo"))],
    ] as const) {
      const depends = await names();
      if (depends === null) continue;
      built.push({ task, origin, payload, depends: [...new Set(depends)].slice(0, DEPENDS_MAX).sort() });
      break;
    }
  }
  return built;
}

function isWords(value: unknown): value is string[] {
  return (
    Array.isArray(value) &&
    value.length <= DEPENDS_MAX &&
    value.every((one) => typeof one === "string" && one.length <= 2_000)
  );
}

/** What is no source package says nothing. */
function dependsOfDsc(text: string | null, arch: string, profiles: readonly string[]): string[] | null {
  if (text === null) return null;
  try {
    const surroundings = { architecture: arch === "any" ? "amd64" : arch, profiles, parts: "both" } as const;
    return buildNeeds(parseSource(text, "dsc"), surroundings).depends.flatMap(namesOf);
  } catch {
    return null;
  }
}

function dependsOfBuildInfo(text: string | null): string[] | null {
  if (text === null) return null;
  try {
    const field = parseSource(text, "buildinfo").get("Installed-Build-Depends");
    return field === undefined ? null : namesOf(field.replaceAll("\n", " "));
  } catch {
    return null;
  }
}
