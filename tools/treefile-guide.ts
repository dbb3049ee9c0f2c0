/**
 * Writes the reference of docs/treefile.md from the treefile's schema: `npm run docs`. A test compares the two.
 *
 *     node tools/treefile-guide.ts
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isObject, TREEFILE_SCHEMA, type Json, type JsonObject } from "@stratos/compose";

export const GUIDE = join(dirname(dirname(fileURLToPath(import.meta.url))), "docs/treefile.md");
const BEGIN = "<!-- The reference: written by `npm run docs` from the schema. -->",
  END = "<!-- The end of the reference. -->";

const DEFINITIONS = TREEFILE_SCHEMA["$defs"] as Record<string, JsonObject>;
const MERGING: Readonly<Record<string, string>> = {
  set: "added, `-PATTERN` takes away",
  sequence: "follows the lower layer's",
  replaced: "replaces the lower layer's",
};

/** The guide with the reference as the schema has it. @throws when its marks are gone */
export function withReference(guide: string): string {
  const begin = guide.indexOf(BEGIN),
    end = guide.indexOf(END);
  if (begin < 0 || end < begin) throw new Error("docs/treefile.md has no marks around its reference");
  return `${guide.slice(0, begin + BEGIN.length)}\n\n${reference()}\n${guide.slice(end)}`;
}

function reference(): string {
  const file = Object.entries((TREEFILE_SCHEMA["properties"] ?? {}) as Record<string, JsonObject>).filter(
    ([, schema]) => schema["$ref"] === undefined,
  );
  const layers = Object.entries(DEFINITIONS).filter(([, schema]) => !hasInner(schema)),
    groups = Object.entries(DEFINITIONS).filter(([, schema]) => hasInner(schema));
  return [
    section(
      "Keys of the file alone",
      "",
      file.map(([name, schema]) => row(name, schema)),
    ),
    section(
      "Keys of the file, of variants and of sections for architectures",
      "",
      layers.map(([name, schema]) => row(name, schema)),
    ),
    ...groups.map(([name, schema]) =>
      section(
        `\`${name}\``,
        String(schema["description"]),
        innerKeys(schema, name).map(([path, inner]) => row(path, inner)),
      ),
    ),
  ].join("\n");
}

/** Keys below a key, but not those of phases, which are all alike. */
function innerKeys(schema: JsonObject, path: string): [string, JsonObject][] {
  const names = (schema["properties"] ?? {}) as Record<string, JsonObject>,
    others = schema["additionalProperties"] as JsonObject | undefined;
  if (path === "phases") {
    const phases = Object.entries(names);
    return [
      ...phases.map(([name, inner]): [string, JsonObject] => [
        `${path}.${name}`,
        { description: inner["description"]! },
      ]),
      ...innerKeys(phases[0]![1], `${path}.PHASE`),
    ];
  }
  return [
    ...Object.entries(names).flatMap(([name, inner]): [string, JsonObject][] =>
      hasInner(inner) ? innerKeys(inner, `${path}.${name}`) : [[`${path}.${name}`, inner]],
    ),
    ...(isObject(others) && others["properties"] !== undefined
      ? innerKeys(others, `${path}.${PLACEHOLDERS[path] ?? "NAME"}`)
      : []),
  ];
}

const PLACEHOLDERS: Readonly<Record<string, string>> = { files: "PATH", users: "USER" };

function hasInner(schema: JsonObject): boolean {
  const others = schema["additionalProperties"];
  return schema["properties"] !== undefined || (isObject(others) && others["properties"] !== undefined);
}

function section(title: string, about: string, rows: readonly string[]): string {
  const intro = about === "" ? "" : `${about.charAt(0).toUpperCase()}${about.slice(1)}.\n\n`;
  return (
    `### ${title}\n\n${intro}| key | what it is | example | in a higher layer |\n|---|---|---|---|\n` +
    `${rows.join("\n")}\n`
  );
}

function row(path: string, schema: JsonObject): string {
  const rule = schema["x-merge"],
    isMap = schema["type"] !== undefined && [schema["type"]].flat().includes("object");
  const cells = [
    `\`${path}\``,
    `${String(schema["description"])}${choices(schema)}`,
    example(path, schema),
    rule === undefined ? (isMap ? "merged key by key" : "") : MERGING[String(rule)]!,
  ];
  return `| ${cells.map((text) => text.replaceAll("|", "\\|")).join(" | ")} |`;
}

function choices(schema: JsonObject): string {
  const values = ((schema["enum"] ?? []) as Json[]).filter((one) => one !== null);
  return values.length < 2 ? "" : `: ${values.map((one) => `\`${String(one)}\``).join(", ")}`;
}

function example(path: string, schema: JsonObject): string {
  const value =
    (schema["examples"] as Json[] | undefined)?.[0] ??
    (schema["enum"] as Json[] | undefined)?.[0] ??
    ([schema["type"]].flat().includes("boolean") ? true : undefined);
  return value === undefined ? "" : `\`${path.slice(path.lastIndexOf(".") + 1)}: ${written(value)}\``;
}

/** As a line of YAML has it. */
function written(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(written).join(", ")}]`;
  if (isObject(value))
    return `{${Object.entries(value)
      .map(([name, inner]) => `${name}: ${written(inner)}`)
      .join(", ")}}`;
  return typeof value === "string" &&
    /^[A-Za-z/][A-Za-z0-9./_-]*$/.test(value) &&
    !/^(true|false|null|yes|no|on|off)$/i.test(value)
    ? value
    : typeof value === "string" && value.includes('"')
      ? `'${value}'`
      : JSON.stringify(value);
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(GUIDE, withReference(readFileSync(GUIDE, "utf8")));
