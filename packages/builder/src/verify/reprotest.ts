/**
 * The same source built twice, the second time in other surroundings on purpose: what reprotest(1) calls variations,
 * by its names. One of them needs a program in the second build's root, which is added to it, and does not show in what
 * is built: of a root a `.buildinfo` names what the source asks for.
 */
import type { BuildRequest, BuildVariation } from "../build-request.ts";

export const VARIATIONS: Readonly<Record<string, BuildVariation>> = {
  environment: { variables: { CAPTURE_ENVIRONMENT: "i_capture_the_environment" } },
  build_path: { path: "/build/another-path/of/another-length" },
  // A release of 2.6 by the personality UNAME26. Source: setarch(8).
  kernel: { personality: ["--uname-2.6"] },
  // Every other build has addresses of the kernel's choice.
  aslr: { personality: ["--addr-no-randomize"] },
  num_cpus: {
    jobs: 3,
    // The first that it may use.
    prefix: ["sh", "-c", 'exec taskset -c "$(taskset -cp $$ | sed "s/.*: //; s/[^0-9].*//")" "$@"', "sh"],
  },
  // As reprotest asks for it: what is written keeps the time of the disk, which make(1) compares.
  time: {
    prefix: ["faketime", "+370days+7hours+13minutes"],
    variables: { NO_FAKE_STAT: "1" },
    packages: ["faketime"],
  },
  user_group: { user: "somebody", uid: 4321 },
  fileordering: { hasOtherOrder: true },
  domain_host: { hostname: "another", domain: "another-domain" },
  home: { home: "/build/another-home" },
  locales: { locale: "C" },
  exec_path: { searchPath: "/i_capture_the_path" },
  // A name of a zone would need tzdata in the root.
  timezone: { timezone: "XYZ-13:45" },
  umask: { umask: "0002" },
};

/** Both builds of a pair: the first with nothing varied, and as little sanitized as the second. */
export function variedRequests(
  request: BuildRequest,
  names: readonly string[],
): { readonly control: BuildRequest; readonly experiment: BuildRequest } {
  const variation = names.map((name) => VARIATIONS[name]!).reduce(together, {});
  return {
    control: { ...request, variation: {} },
    experiment: {
      ...request,
      variation,
      packages: [...(request.packages ?? []), ...(variation.packages ?? [])],
    },
  };
}

function together(one: BuildVariation, other: BuildVariation): BuildVariation {
  return {
    ...one,
    ...other,
    personality: [...(one.personality ?? []), ...(other.personality ?? [])],
    prefix: [...(one.prefix ?? []), ...(other.prefix ?? [])],
    packages: [...(one.packages ?? []), ...(other.packages ?? [])],
    variables: { ...one.variables, ...other.variables },
  };
}
