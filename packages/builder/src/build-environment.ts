/**
 * The fixed surroundings of a build: whatever host it runs on, a package sees the same folder, names, locale, time zone
 * and umask. How many jobs run at once is in the record, and must not show in the result.
 */
import type { BuildRequest } from "./build-request.ts";
import type { BuildSurroundings } from "./dependencies/build-relations.ts";
import { COMPILER_CACHE } from "./ports.ts";

/** As Debian's own builders have it since sbuild 0.87, and so what most `.buildinfo` files name. */
export const BUILD_FOLDER = "/build/reproducible-path";
export const BUILD_HOSTNAME = "builder";
export const BUILD_USER = { name: "builder", id: 1000 } as const;
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/**
 * Profiles that are options of debian/rules as well. Source: Debian Policy §4.9.1; the BuildProfileSpec's table of
 * registered names.
 */
const OPTION_PROFILES: ReadonlySet<string> = new Set(["nocheck", "nodoc"]);

export interface BuildEnvironment {
  readonly variables: Readonly<Record<string, string>>;
  readonly folder: string;
  readonly hostname: string;
  readonly user: { readonly name: string; readonly id: number };
  readonly umask: string;
}

export function buildEnvironment(request: BuildRequest, jobs: number): BuildEnvironment {
  const { variation = {}, environment = {} } = request,
    profiles = buildProfiles(request);
  const user = { name: variation.user ?? BUILD_USER.name, id: variation.uid ?? BUILD_USER.id },
    locale = variation.locale ?? "C.UTF-8";
  const options = [`parallel=${variation.jobs ?? jobs}`, ...profiles.filter((one) => OPTION_PROFILES.has(one))];
  const path = variation.searchPath === undefined ? PATH : `${PATH}:${variation.searchPath}`;
  const { buildPath } = request,
    given = buildPath === undefined ? undefined : buildPath.slice(0, buildPath.lastIndexOf("/"));
  return {
    folder: variation.path ?? given ?? BUILD_FOLDER,
    hostname: variation.hostname ?? BUILD_HOSTNAME,
    user,
    umask: variation.umask ?? "0022",
    variables: {
      PATH: request.ccache === true ? `/usr/lib/ccache:${path}` : path,
      HOME: variation.home ?? "/nonexistent",
      USER: user.name,
      LOGNAME: user.name,
      SHELL: "/bin/sh",
      LC_ALL: locale,
      ...(variation.locale === undefined ? {} : { LANG: locale }),
      TZ: variation.timezone ?? "UTC",
      ...(request.ccache === true ? { CCACHE_DIR: COMPILER_CACHE, CCACHE_NOHASHDIR: "1" } : {}),
      DEB_BUILD_OPTIONS: options.join(" "),
      ...(profiles.length === 0 ? {} : { DEB_BUILD_PROFILES: profiles.join(" ") }),
      ...environment,
      ...variation.variables,
    },
  };
}

/**
 * The profiles that count: what was made for another machine is not run here (sbuild(1), `--host`; "cross" of the
 * BuildProfileSpec).
 */
function buildProfiles({
  profiles,
  hostArchitecture,
}: Pick<BuildRequest, "profiles" | "hostArchitecture">): readonly string[] {
  return hostArchitecture === undefined ? profiles : [...new Set([...profiles, "cross", "nocheck"])];
}

/** What build dependencies are meant for. */
export function surroundingsOf(
  request: Pick<BuildRequest, "architecture" | "hostArchitecture" | "profiles" | "parts">,
): BuildSurroundings {
  const { architecture, hostArchitecture, parts = "both" } = request;
  return { architecture, hostArchitecture, profiles: buildProfiles(request), parts };
}

/** What is run in the unpacked tree. */
export function buildCommand(request: BuildRequest): string[] {
  const { hostArchitecture, variation: { personality = [], prefix = [] } = {} } = request;
  const parts = { both: "-b", any: "-B", all: "-A" }[request.parts ?? "both"];
  // Variations are meant to reach the package.
  return [
    ...(personality.length === 0 ? [] : ["setarch", ...personality]),
    ...prefix,
    "dpkg-buildpackage",
    ...(request.variation === undefined ? ["--sanitize-env"] : []),
    ...(hostArchitecture === undefined ? [] : ["--host-arch", hostArchitecture]),
    ...["-us", "-uc", parts],
  ];
}
