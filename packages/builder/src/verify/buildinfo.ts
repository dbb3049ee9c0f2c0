/** What a `.buildinfo` file says of a build, and the request that repeats it. Source: deb-buildinfo(5). */
import { parseSource, sourceFiles, SourceError, type SourceFile } from "@stratos/pkg";
import type { BuildRequest, SourceReference } from "../build-request.ts";
import { entryOfField, type ChangelogEntry } from "../bin-nmu/changelog-entry.ts";

export interface BuildInfo {
  readonly source: string;
  readonly version: string;
  readonly architecture: string;
  readonly buildPath: string | undefined;
  readonly environment: Readonly<Record<string, string>>;
  readonly installed: readonly { readonly name: string; readonly version: string; readonly architecture?: string }[];
  readonly files: readonly SourceFile[];
  /** of what it says was built */
  readonly parts: "both" | "any" | "all";
  /** of a binNMU, what was written into the changelog */
  readonly binNmu: ChangelogEntry | undefined;
}

/** Variables of a `.buildinfo` that are the builder's to set, by {@link requestOfBuildInfo}. */
const OWN_VARIABLES: ReadonlySet<string> = new Set([
  "SOURCE_DATE_EPOCH",
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "SHELL",
  "PWD",
  "TERM",
]);

/** @throws SourceError, ControlError */
export function parseBuildInfo(text: string, path: string): BuildInfo {
  const stanza = parseSource(text, path);
  const installed = (stanza.get("Installed-Build-Depends") ?? "").split(",").flatMap((one) => {
    if (one.trim() === "") return [];
    const match = /^\s*([A-Za-z0-9][A-Za-z0-9+.-]*)(?::([a-z0-9-]+))? \(= ([^()\s]+)\)\s*$/.exec(
      one.replaceAll("\n", ""),
    );
    if (match === null) throw new SourceError(`${path}: not an installed package: ${one.trim().slice(0, 80)}`);
    return [{ name: match[1]!, version: match[3]!, ...(match[2] === undefined ? {} : { architecture: match[2] }) }];
  });
  if (installed.length === 0) throw new SourceError(`${path}: has no Installed-Build-Depends`);
  const environment: Record<string, string> = {};
  for (const [, name, value] of (stanza.get("Environment") ?? "").matchAll(
    /^ ([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)"$/gm,
  ))
    environment[name!] = value!.replaceAll(/\\(.)/g, "$1");
  const changes = stanza.get("Binary-Only-Changes");
  const architectures = (stanza.get("Architecture") ?? "").split(/\s+/),
    hasAll = architectures.includes("all"),
    own = architectures.find((one) => one !== "all" && one !== "source" && one !== ""),
    builtOn = stanza.get("Build-Architecture");
  if (own !== undefined && builtOn !== undefined && own !== builtOn)
    throw new SourceError(
      `${path}: of a build for ${own} on ${builtOn}, and such a file names neither the cross compiler nor the ` +
        `libraries of ${own} (dpkg-genbuildinfo(1)): it cannot be repeated from it`,
    );
  return {
    source: (stanza.get("Source") ?? "").split(" ")[0]!,
    version: sourceVersion(stanza.get("Source") ?? "", stanza.get("Version")!),
    architecture: own ?? builtOn ?? "all",
    buildPath: stanza.get("Build-Path"),
    environment,
    installed,
    files: sourceFiles(stanza, path),
    parts: hasAll && own !== undefined ? "both" : hasAll ? "all" : "any",
    binNmu: changes === undefined ? undefined : { version: stanza.get("Version")!, entry: entryOfField(changes) },
  };
}

/** Of a binNMU the source's version stands behind its name. */
function sourceVersion(source: string, version: string): string {
  return /\(([^()]+)\)/.exec(source)?.[1] ?? version;
}

/** @param source  where the source package is, where the suite's index would not give the same */
export function requestOfBuildInfo(
  info: BuildInfo,
  fields: Pick<BuildRequest, "suite"> & Partial<BuildRequest>,
  source?: SourceReference,
): BuildRequest {
  const options = (info.environment["DEB_BUILD_OPTIONS"] ?? "")
    .split(/\s+/)
    .filter((one) => one !== "" && !one.startsWith("parallel="));
  const profiles = (info.environment["DEB_BUILD_PROFILES"] ?? "").split(/\s+/).filter((one) => one !== "");
  const environment = Object.fromEntries(
    Object.entries(info.environment).filter(([name]) => !OWN_VARIABLES.has(name) && name !== "DEB_BUILD_PROFILES"),
  );
  return {
    ...fields,
    source: source ?? { kind: "name", name: info.source, version: info.version },
    architecture: info.architecture,
    profiles: [...new Set([...profiles])],
    parts: info.parts,
    installed: info.installed,
    environment: { ...environment, DEB_BUILD_OPTIONS: [`parallel=${fields.jobs ?? 1}`, ...options].join(" ") },
    ...(info.buildPath === undefined ? {} : { buildPath: info.buildPath }),
    ...(info.binNmu === undefined ? {} : { binNmu: info.binNmu }),
  };
}
