/** Reads an installation's file (TOML). Problems are told with line, column and key; unknown keys are refused. */
import { Ajv, type ErrorObject } from "ajv";
import { parse as parseToml, TomlError } from "smol-toml";
import { closestName, slipsOfWord } from "@stratos/base";
import { formatKeyPath, FormatError, ownWordsOf, tomlLocator, type KeyPath, type OwnWords } from "@stratos/formats";
import { INSTALL_SCHEMA, type InstallConfig } from "./install-schema.ts";

/** How installations call what treefiles say in words of their own, which installations take, too. */
const OWN_WORDS: OwnWords = {
  settings: "system",
  users: { list: "user", root: "root", words: { password: "password_hash", "ssh-keys": "ssh_keys" } },
  files: "file",
};

/** @throws FormatError that lists all problems, each in its own line */
export function readInstallConfig(text: string): InstallConfig {
  let value: unknown;
  try {
    value = parseToml(text);
  } catch (error) {
    if (error instanceof TomlError)
      throw new FormatError(
        `${error.line}:${error.column}: ${error.message.split("\n")[0]!.replace("Invalid TOML document: ", "")}`,
      );
    throw error;
  }
  const words = ownWordsOf(value, OWN_WORDS),
    locateText = tomlLocator(text);
  if (words.twice.length > 0)
    throw new FormatError(
      words.twice
        .map((key) => {
          const { line, column } = locateText(key);
          return (
            `${line}:${column}: ${formatKeyPath(key)}: is said twice, in the words of installations and in those ` +
            "of treefiles"
          );
        })
        .join("\n"),
    );
  value = words.value;
  const validate = new Ajv({ allErrors: true, strict: false, verbose: true }).compile<InstallConfig>(INSTALL_SCHEMA);
  if (validate(value)) return value;
  const problems = (validate.errors ?? []).map((error) => {
    const path = words.written(pathOf(error)),
      { line, column } = locateText(path);
    return { line, column, text: `${line}:${column}: ${formatKeyPath(path) || "the file"}: ${wordsFor(error)}` };
  });
  problems.sort((left, right) => left.line - right.line || left.column - right.column);
  throw new FormatError([...new Set(problems.map((problem) => problem.text))].join("\n"));
}

/** The problems of a file that `readInstallConfig` has refused: LINE:COLUMN and KEY: why; null for another error. */
export function installConfigProblems(error: unknown): (readonly [place: string, why: string])[] | null {
  if (!(error instanceof FormatError)) return null;
  return error.message.split("\n").map((line) => {
    const [, place, why] = /^(\d+:\d+): ([\s\S]*)$/.exec(line)!;
    return [place!, why!];
  });
}

function pathOf(error: ErrorObject): KeyPath {
  const path = error.instancePath
    .split("/")
    .slice(1)
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part.replaceAll("~1", "/").replaceAll("~0", "~")));
  return error.keyword === "additionalProperties"
    ? [...path, (error.params as { additionalProperty: string }).additionalProperty]
    : path;
}

function wordsFor(error: ErrorObject): string {
  const parameters = error.params as Record<string, unknown>;
  switch (error.keyword) {
    case "additionalProperties": {
      const known = Object.keys((error.parentSchema as { properties?: object } | undefined)?.properties ?? {});
      return `unknown key${meantOf(String(parameters["additionalProperty"]), known)}`;
    }
    case "required": {
      const name = String(parameters["missingProperty"]),
        wanted = (error.parentSchema as { properties?: Record<string, { description?: string }> } | undefined)
          ?.properties?.[name]?.description;
      return `${name} is missing${wanted === undefined ? "" : ` (${wanted})`}`;
    }
    case "enum": {
      const allowed = (parameters["allowedValues"] as readonly unknown[]).map(String);
      return (
        `must be one of ${allowed.join(", ")}` + (typeof error.data === "string" ? meantOf(error.data, allowed) : "")
      );
    }
    case "pattern": {
      const wanted = (error.parentSchema as { description?: string } | undefined)?.description;
      return wanted === undefined
        ? `does not have the form ${String(parameters["pattern"])}`
        : `is not what is expected here: ${wanted}`;
    }
    default:
      return error.message ?? error.keyword;
  }
}

function meantOf(name: string, known: readonly string[]): string {
  const meant = closestName(name, known, slipsOfWord);
  return meant === undefined ? "" : `; did you mean ${meant}?`;
}
