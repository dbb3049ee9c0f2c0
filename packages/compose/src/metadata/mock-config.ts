/**
 * An image's build root as a configuration for mock(1): a file of Python that fills `config_opts`. Source: mock's
 * site-defaults.cfg.
 *
 * What the treefile says of the root comes first; options of `build.mock` follow as they are, so that they may say it
 * otherwise.
 */
import { isList, isObject, type Json } from "../treefile/json.ts";
import { MACHINE_NAMES } from "../treefile/schema.ts";
import type { ImageTarget } from "../treefile/treefile.ts";

/** `build.mock` holds what has no place in such a file. */
export class MockConfigError extends Error {
  override name = "MockConfigError";
}

/** @throws MockConfigError */
export function mockConfig(target: ImageTarget): string {
  const { name, suite = "trixie", packages = [], build = {} } = target.config;
  const machine = MACHINE_NAMES[target.architecture] ?? target.architecture;
  const lines = [
    set("root", `${name}-${target.variant}-${target.architecture}`),
    set("dist", suite),
    set("target_arch", machine),
    `config_opts["legal_host_arches"] = (${literal(machine, "target_arch")},)`,
    set(
      "chroot_setup_cmd",
      (
        "install " +
        `${[...new Set([...packages, ...(build.packages ?? [])])].filter((one) => !one.startsWith("-")).join(" ")}`
      ).trim(),
    ),
    set("rpmbuild_networking", build.network === true),
    ...Object.entries(build.environment ?? {}).map(
      ([key, value]) => `config_opts["environment"][${literal(key, "environment")}] = ${literal(value, "environment")}`,
    ),
    ...Object.entries(build.mock ?? {}).map(([key, value]) => set(key, value)),
  ];
  return (
    `# Build root of ${target.variant} for ${target.architecture}, by \`stratos compose export --format mock\`.\n` +
    `${lines.join("\n")}\n`
  );
}

function set(key: string, value: Json): string {
  return `config_opts[${literal(key, key)}] = ${literal(value, key)}`;
}

/** As Python writes it. JSON's texts and numbers are Python's too. */
function literal(value: Json, key: string): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (isList(value)) return `[${value.map((one) => literal(one, key)).join(", ")}]`;
  if (isObject(value))
    return `{${Object.entries(value)
      .map(([name, one]) => `${literal(name, key)}: ${literal(one, key)}`)
      .join(", ")}}`;
  if (typeof value === "number" && !Number.isFinite(value))
    throw new MockConfigError(`build.mock.${key}: ${value} is no number that Python could read`);
  return JSON.stringify(value);
}
