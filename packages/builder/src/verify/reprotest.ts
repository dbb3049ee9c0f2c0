/**
 * The same source built twice, the second time in other surroundings on purpose: what reprotest(1) calls variations.
 * Each is one that this carrier can make without help of the package: time itself, the kernel and the order of folders
 * stay as they are.
 */
import type { BuildRequest, BuildVariation } from "../build-request.ts";

/** By reprotest's names. */
export const VARIATIONS: Readonly<Record<string, BuildVariation>> = {
  build_path: { path: "/build/another-path/of/another-length" },
  domain_host: { hostname: "another" },
  user_group: { user: "somebody", uid: 4321 },
  // A name of a zone would need tzdata in the root.
  timezone: { timezone: "XYZ-13:45" },
  locales: { locale: "C" },
  umask: { umask: "0002" },
  home: { home: "/build/another-home" },
  num_cpus: { jobs: 3 },
};

/** Both builds of a pair: the first with nothing varied, and as little sanitized as the second. */
export function variedRequests(
  request: BuildRequest,
  names: readonly string[],
): { readonly control: BuildRequest; readonly experiment: BuildRequest } {
  return {
    control: { ...request, variation: {} },
    experiment: {
      ...request,
      variation: Object.assign({}, ...names.map((name) => VARIATIONS[name]!)) as BuildVariation,
    },
  };
}
