/**
 * lintian(1) over what a build has made, in a clean root of its own: the host needs none, and its version is the
 * suite's.
 */
import type { Artefact, BuildRequest, OnBuildEvent } from "../build-request.ts";
import { BUILD_FOLDER, BUILD_HOSTNAME, BUILD_USER } from "../build-environment.ts";
import { DEFAULT_LIMITS } from "../build-request.ts";
import type { BuilderPorts } from "../ports.ts";
import { makeLayers } from "../root/make-layers.ts";
import { planRoot } from "../root/plan-root.ts";

/** @returns whether it found no error; what it says is in the log @throws what planning and making roots throws */
export async function runLintian(
  ports: BuilderPorts,
  request: BuildRequest,
  artefacts: readonly Artefact[],
  onEvent: OnBuildEvent,
  onOutput: (bytes: Uint8Array) => void,
): Promise<boolean> {
  const changes = artefacts.find(({ name }) => name.endsWith(".changes"));
  if (changes === undefined) return false;
  const { architecture } = request;
  const { suite, mirror, components, repositories } = request;
  const rootRequest = {
    suite,
    architecture,
    packages: ["lintian"],
    ...(mirror === undefined ? {} : { mirror }),
    ...(components === undefined ? {} : { components }),
    ...(repositories === undefined ? {} : { repositories }),
  };
  const plan = await planRoot(ports, rootRequest, undefined, onEvent);
  const { keys } = await makeLayers(ports, plan, architecture, onEvent);
  const root = await ports.carrier.clone(keys, {
    architecture,
    hostname: BUILD_HOSTNAME,
    epochSeconds: plan.root.dateSeconds,
    user: BUILD_USER,
    buildFolder: BUILD_FOLDER,
    limits: { ...DEFAULT_LIMITS, ...request.limits },
    signal: ports.signal,
  });
  try {
    await root.bring(artefacts.map(({ name, path }) => ({ name, from: path })));
    const { status } = await root.run({
      argv: ["lintian", "--fail-on", "error", "--no-cfg", changes.name],
      folder: BUILD_FOLDER,
      umask: "0022",
      onOutput,
      environment: { PATH: "/usr/bin:/bin", HOME: "/nonexistent", LC_ALL: "C.UTF-8", TZ: "UTC" },
    });
    return status === 0;
  } finally {
    await root.drop();
  }
}
