/** Reads an installation's file (TOML). Problems are told with line, column and key; unknown keys are refused. */
import { Ajv, type ErrorObject } from "ajv";
import { parse as parseToml, TomlError } from "smol-toml";
import { formatKeyPath, FormatError, tomlLocator, type KeyPath } from "@stratos/formats";
import { INSTALL_SCHEMA, type InstallConfig } from "./install-schema.ts";

/** @throws FormatError that lists all problems, each in its own line */
export function readInstallConfig(text: string): InstallConfig {
  let value: unknown;
  try {
    value = parseToml(text);
  } catch (error) {
    if (error instanceof TomlError) throw new FormatError(`${error.line}:${error.column}: ${error.message.split("\n")[0]!.replace("Invalid TOML document: ", "")}`);
    throw error;
  }
  const validate = new Ajv({ allErrors: true, strict: false, verbose: true }).compile<InstallConfig>(INSTALL_SCHEMA);
  if (validate(value)) return value;
  const locate = tomlLocator(text);
  const problems = (validate.errors ?? []).map((error) => {
    const path = pathOf(error);
    const { line, column } = locate(path);
    return { line, column, text: `${line}:${column}: ${formatKeyPath(path) || "the file"}: ${wordsFor(error)}` };
  });
  problems.sort((left, right) => left.line - right.line || left.column - right.column);
  throw new FormatError([...new Set(problems.map((problem) => problem.text))].join("\n"));
}

function pathOf(error: ErrorObject): KeyPath {
  const path = error.instancePath.split("/").slice(1).map((part) => (/^\d+$/.test(part) ? Number(part) : part.replaceAll("~1", "/").replaceAll("~0", "~")));
  return error.keyword === "additionalProperties" ? [...path, (error.params as { additionalProperty: string }).additionalProperty] : path;
}

function wordsFor(error: ErrorObject): string {
  const parameters = error.params as Record<string, unknown>;
  switch (error.keyword) {
    case "additionalProperties": return "unknown key";
    case "required": {
      const name = String(parameters["missingProperty"]), wanted = (error.parentSchema as { properties?: Record<string, { description?: string }> } | undefined)?.properties?.[name]?.description;
      return `${name} is missing${wanted === undefined ? "" : ` (${wanted})`}`;
    }
    case "enum": return `must be one of ${(parameters["allowedValues"] as readonly string[]).join(", ")}`;
    case "pattern": {
      const wanted = (error.parentSchema as { description?: string } | undefined)?.description;
      return wanted === undefined ? `does not have the form ${String(parameters["pattern"])}` : `is not what is expected here: ${wanted}`;
    }
    default: return error.message ?? error.keyword;
  }
}
