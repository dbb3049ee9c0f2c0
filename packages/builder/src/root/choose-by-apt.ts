/**
 * Build dependencies as apt(8) of the base decides them, which is what sbuild does: the second way, and the judge of
 * our own resolver.
 *
 *     base, cloned ◀── lists of what our index holds, with the package that nobody installs
 *     apt-get --simulate install  ──▶  Inst, Remv  ──▶  the root's packages
 *
 * Apt sees lists that were verified here, and no network. They are written into the clone alone, and go with it.
 * Source: apt-get(8), --simulate; sbuild, ResolverBase.pm (run_apt).
 */
import { byteString, byteStringOf } from "@stratos/base";
import { UnsatisfiableError, type BinaryPackage, type PackageIndex } from "@stratos/pkg";
import { BUILD_HOSTNAME, BUILD_USER } from "../build-environment.ts";
import { DEFAULT_LIMITS, type BuildRequest, type OnBuildEvent } from "../build-request.ts";
import type { BuildNeeds } from "../dependencies/build-relations.ts";
import { InfrastructureError, type BuilderPorts } from "../ports.ts";
import { makeLayers } from "./make-layers.ts";
import { DUMMY, planRoot, type ChooseRoot, type ChosenRoot, type RootPlan, type RootRequest } from "./plan-root.ts";

const FOLDER = "/build/apt";
/** What apt goes by, and what it wants to know of a file. Source: deb-control(5). */
const FIELDS = [
  ...["Essential", "Protected", "Important", "Priority", "Section", "Multi-Arch", "Source", "Installed-Size"],
  ...["Depends", "Pre-Depends", "Conflicts", "Breaks", "Replaces", "Provides", "Filename", "Size", "SHA256"],
];
const ANSWER_MAX = 16 << 20;
const TIMEOUT_SECONDS = 1_800;
/** Of apt's words, in the message of a failure. */
const LINES_MAX = 30;

const SCRIPT = `set -e
echo "deb [trusted=yes] file:${FOLDER} ./" >sources.list
mkdir -p lists/partial
set -- -q -o Dir::Etc::sourcelist=${FOLDER}/sources.list -o Dir::Etc::sourceparts=/dev/null \
-o Dir::State::lists=${FOLDER}/lists -o APT::Sandbox::User=root -o Acquire::Languages=none -o APT::Get::Show-Versions=0
apt-get "$@" update
exec apt-get "$@" -o APT::Install-Recommends=false --purge --simulate -yf install ${DUMMY}`;

type RequestWithResolver = RootRequest & Pick<BuildRequest, "resolver" | "limits">;

/** {@link planRoot} by the resolver that the request names. @throws as it does, and InfrastructureError */
export function planBuildRoot(
  ports: BuilderPorts,
  request: RequestWithResolver,
  needs: BuildNeeds | undefined,
  onEvent: OnBuildEvent,
): Promise<RootPlan> {
  const choose: ChooseRoot | undefined =
    request.resolver === "apt" ? (chosen) => chooseByApt(ports, request, chosen, onEvent) : undefined;
  return planRoot(ports, request, needs, onEvent, choose);
}

async function chooseByApt(
  ports: BuilderPorts,
  { architecture, limits }: RequestWithResolver,
  { base, index, dummy }: Parameters<ChooseRoot>[0],
  onEvent: OnBuildEvent,
): Promise<ChosenRoot> {
  const { keys } = await makeLayers(ports, { base, root: base, reasons: [] }, architecture, onEvent);
  onEvent({ kind: "progress", what: "Asking apt", done: 0, total: 0 });
  const root = await ports.carrier.clone(keys, {
    architecture,
    hostname: BUILD_HOSTNAME,
    epochSeconds: base.dateSeconds,
    user: BUILD_USER,
    buildFolder: FOLDER,
    limits: { ...DEFAULT_LIMITS, ...limits, timeoutSeconds: TIMEOUT_SECONDS },
    signal: ports.signal,
  });
  try {
    await root.bring([]);
    await root.write("Packages", byteStringOf(listsOf(index, dummy)));
    let answer = "";
    const { status, stopped } = await root.run({
      argv: ["sh", "-c", SCRIPT],
      folder: FOLDER,
      umask: "0022",
      asRoot: true,
      environment: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C.UTF-8", DEBIAN_FRONTEND: "noninteractive" },
      onOutput: (bytes) => {
        if (answer.length < ANSWER_MAX) answer += byteString(bytes);
      },
    });
    if (stopped !== undefined) throw new InfrastructureError(`apt: ${stopped.why}`);
    if (status !== 0) throw failureOf(answer, status);
    return readAnswer(answer);
  } finally {
    await root.drop();
  }
}

/** Of each package the version that apt would call its candidate; others it would not take. */
function listsOf(index: PackageIndex, dummy: string): string {
  const stanzas: string[] = [`${dummy}Filename: ./none.deb\nSize: 1\nSHA256: ${"0".repeat(64)}\n`];
  for (const name of new Set(index.names())) {
    const one = index.candidate(name);
    if (one !== undefined && name !== DUMMY) stanzas.push(stanzaOf(one));
  }
  return stanzas.join("\n");
}

function stanzaOf(one: BinaryPackage): string {
  let text = `Package: ${one.name}\nVersion: ${one.version}\nArchitecture: ${one.architecture}\n`;
  for (const field of FIELDS) {
    const value = one.field(field);
    if (value !== undefined) text += `${field}: ${value}\n`;
  }
  return text;
}

/**
 *     Inst libfoo2 [1.0-1] (1.2-1 localhost [amd64]) []
 *     Remv tcc [0.9-1]
 */
export function readAnswer(answer: string): ChosenRoot {
  const installed = new Map<string, string>();
  const removed = new Set<string>();
  let isUpgraded = false;
  for (const line of answer.split("\n")) {
    const match = /^(Inst|Remv|Purg) ([^\s:]+)(?::\S+)?(?: \[([^\]]*)\])?(?: \((\S+) [^()]*\))?/.exec(line);
    if (match === null) continue;
    const [, verb, name, before, version] = match;
    if (verb !== "Inst") removed.add(name!);
    else if (version === undefined) throw new InfrastructureError(`apt: not understood: ${line.slice(0, 200)}`);
    else {
      installed.set(name!, version);
      isUpgraded ||= before !== undefined;
    }
  }
  if (!installed.delete(DUMMY)) throw new InfrastructureError("apt: it says nothing of what it would install");
  return { installed, removed, isBaseKept: removed.size === 0 && !isUpgraded };
}

/** What apt cannot do is a wait for packages; what goes wrong before, its lists say, is ours. */
function failureOf(answer: string, status: number): Error {
  const lines = answer.split("\n").filter((line) => line.trim() !== "");
  const from = lines.findIndex((line) => line.startsWith("The following packages have unmet dependencies"));
  if (from < 0 && !lines.some((line) => /^E: Unable to (correct|satisfy)/.test(line)))
    return new InfrastructureError(`apt ended with status ${status}: ${lines.slice(-LINES_MAX).join("; ")}`);
  return new UnsatisfiableError(
    lines
      .slice(from < 0 ? -LINES_MAX : from + 1)
      .slice(0, LINES_MAX)
      .map((line) => line.trim()),
    "apt cannot install the build dependencies",
  );
}
