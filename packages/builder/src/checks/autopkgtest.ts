/**
 * A source package's own tests (`debian/tests`), of what a build has made: each in a clean root of its own that has
 * what the test asks for, and the packages just built, installed by dpkg.
 */
import { byteString } from "@stratos/base";
import { parseControl, UnsatisfiableError } from "@stratos/pkg";
import type { Artefact, BuildRequest, OnBuildEvent, TestResult, TestsResult } from "../build-request.ts";
import { BUILD_FOLDER, BUILD_HOSTNAME, BUILD_USER } from "../build-environment.ts";
import { DEFAULT_LIMITS } from "../build-request.ts";
import { isInArchitectureList } from "../dependencies/architecture-match.ts";
import { buildNeeds, reduceRelations } from "../dependencies/build-relations.ts";
import { InfrastructureError, type BroughtFile, type BuilderPorts, type CleanRoot } from "../ports.ts";
import { makeLayers } from "../root/make-layers.ts";
import { planRoot } from "../root/plan-root.ts";
import { fetchSource, type FetchedSource } from "../source/fetch-source.ts";
import { parseTestControl, statusOfTests, whySkipped, type PackageTest } from "./test-control.ts";

interface BuiltPackage {
  readonly file: string;
  readonly name: string;
  readonly depends: readonly string[];
  readonly recommends: readonly string[];
}

const SKIPPED_STATUS = 77;
/** Test programs write into the source tree of their own clone, and to standard error through a file. */
const TEST = `
mkdir -p "$HOME" "$AUTOPKGTEST_TMP" "$AUTOPKGTEST_ARTIFACTS" || exit 125
if [ "$1" = path ]; then chmod +x "$2"; set -- "./$2"; else set -- bash -ec "$2"; fi
"$@" 2>../stderr
status=$?
if [ -s ../stderr ]; then echo "-- standard error:"; cat ../stderr; : >../has-stderr; fi
exit $status`;
/** Nothing starts services: there is no init that would own them. */
const INSTALL = `
printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d && exec dpkg -i "$@"`;

export async function runAutopkgtest(
  ports: BuilderPorts,
  request: BuildRequest,
  artefacts: readonly Artefact[],
  onEvent: OnBuildEvent,
  onOutput: (bytes: Uint8Array) => void,
): Promise<TestsResult> {
  const source = await fetchSource(ports, request, onEvent);
  try {
    return await new PackageTests(ports, request, source, artefacts, onEvent, onOutput).run();
  } finally {
    await source.remove();
  }
}

class PackageTests {
  readonly #ports: BuilderPorts;
  readonly #request: BuildRequest;
  readonly #source: FetchedSource;
  readonly #packages: readonly BroughtFile[];
  readonly #onEvent: OnBuildEvent;
  readonly #onOutput: (bytes: Uint8Array) => void;

  constructor(
    ports: BuilderPorts,
    request: BuildRequest,
    source: FetchedSource,
    artefacts: readonly Artefact[],
    onEvent: OnBuildEvent,
    onOutput: (bytes: Uint8Array) => void,
  ) {
    this.#ports = ports;
    this.#request = request;
    this.#source = source;
    this.#packages = artefacts
      .filter(({ name }) => name.endsWith(".deb") && !/-dbgsym_/.test(name))
      .map(({ name, path }) => ({ name, from: path }));
    this.#onEvent = onEvent;
    this.#onOutput = onOutput;
  }

  async run(): Promise<TestsResult> {
    const { control, built } = await this.#inRoot([], (root) => this.#look(root));
    if (control === undefined) return { status: 8, tests: [] };
    const tests = parseTestControl(control);
    const results: TestResult[] = [];
    let isErroneous = false;
    for (const test of tests) {
      this.#say(`-- test ${test.name}\n`);
      const result = await this.#test(test, built);
      if (result.isErroneous === true) isErroneous = true;
      const { outcome, why } = result;
      results.push({ name: test.name, outcome, ...(why === undefined ? {} : { why }) });
      this.#say(`-- ${test.name} ${outcome}${why === undefined ? "" : ` ${why}`}\n`);
    }
    return { status: statusOfTests(tests, results, isErroneous), tests: results };
  }

  async #test(
    test: PackageTest,
    built: readonly BuiltPackage[],
  ): Promise<Pick<TestResult, "outcome" | "why"> & { readonly isErroneous?: boolean }> {
    const { restrictions } = test;
    if (test.architecture !== undefined && !isInArchitectureList(this.#request.architecture, test.architecture))
      return { outcome: "SKIP", why: `it is not for ${this.#request.architecture}` };
    const skipped = whySkipped(test);
    if (skipped !== undefined) return { outcome: "SKIP", why: skipped };
    const { files, relations } = this.#needs(test, built);
    try {
      return await this.#inRoot(relations, async (root) => {
        if (files.length > 0) {
          const installed = await this.#run(root, ["sh", "-c", INSTALL, "sh", ...files], BUILD_FOLDER, {
            asRoot: true,
          });
          if (installed.status !== 0)
            return { outcome: "FAIL", why: `dpkg -i ended with status ${installed.status}`, isErroneous: true };
        }
        if (restrictions.has("build-needed")) {
          const { status } = await this.#run(root, ["debian/rules", "build"], this.#tree);
          if (status !== 0) return { outcome: "FAIL", why: `debian/rules build ended with status ${status}` };
        }
        const how = "path" in test.run ? ["path", test.run.path] : ["command", test.run.command];
        const argv = ["sh", "-c", TEST, "sh", ...how];
        const { status, stopped } = await this.#run(root, argv, this.#tree, { asRoot: restrictions.has("needs-root") });
        if (status === SKIPPED_STATUS && restrictions.has("skippable"))
          return { outcome: "SKIP", why: `it ended with status ${SKIPPED_STATUS}` };
        const wrote = !restrictions.has("allow-stderr") && (await root.read("has-stderr", 1)) !== undefined;
        const why =
          stopped?.why ??
          (status !== 0 ? `it ended with status ${status}` : wrote ? "it wrote to standard error" : undefined);
        if (why === undefined) return { outcome: "PASS" };
        return { outcome: restrictions.has("flaky") ? "FLAKY" : "FAIL", why };
      });
    } catch (error) {
      if (!(error instanceof UnsatisfiableError)) throw error;
      if (restrictions.has("skip-not-installable")) return { outcome: "SKIP", why: error.message };
      return { outcome: "FAIL", why: error.message, isErroneous: true };
    }
  }

  /** What of the built packages a test wants installed, and what of the archive. */
  #needs(
    { depends, restrictions }: PackageTest,
    built: readonly BuiltPackage[],
  ): { readonly files: readonly string[]; readonly relations: readonly string[] } {
    const surroundings = { ...this.#request, parts: this.#request.parts ?? "both" };
    const chosen = new Set<BuiltPackage>();
    const relations = new Set<string>();
    const add = (relation: string): void => {
      const names = relation.split("|").map((one) => /^\s*([a-z0-9][a-z0-9+.-]*)/.exec(one)?.[1]);
      const own = built.find(({ name }) => names.includes(name));
      if (own === undefined) relations.add(relation);
      else if (!chosen.has(own)) {
        chosen.add(own);
        own.depends.forEach(add);
      }
    };
    const wanted = depends.split(",").map((one) => one.trim());
    for (const word of wanted)
      if (word === "@") for (const { name } of built) add(name);
      else if (word === "@builddeps@") buildNeeds(this.#source.stanza, surroundings).depends.forEach(add);
      else if (word === "@recommends@") for (const { recommends } of built) recommends.forEach(add);
      else reduceRelations(word, surroundings).forEach(add);
    if (restrictions.has("build-needed")) buildNeeds(this.#source.stanza, surroundings).depends.forEach(add);
    if (restrictions.has("needs-recommends")) for (const { recommends } of [...chosen]) recommends.forEach(add);
    return { files: [...chosen].map(({ file }) => file), relations: [...relations] };
  }

  /** What the tests are, and what the built packages say of themselves, by the tools of a root. */
  async #look(root: CleanRoot): Promise<{ control: string | undefined; built: BuiltPackage[] }> {
    const control = await this.#read(root, ["cat", "debian/tests/control"], this.#tree);
    const built: BuiltPackage[] = [];
    for (const { name: file } of this.#packages) {
      const text = await this.#read(root, ["dpkg-deb", "-f", file], BUILD_FOLDER);
      if (text === undefined) throw new InfrastructureError(`${file}: dpkg-deb cannot read it`);
      const stanza = parseControl(text, file)[0]!;
      const list = (...fields: string[]): string[] =>
        fields.flatMap((field) => (stanza.get(field) ?? "").split(",")).flatMap((one) => one.trim() || []);
      const name = stanza.get("Package")!;
      built.push({ file, name, depends: list("Pre-Depends", "Depends"), recommends: list("Recommends") });
    }
    return { control, built };
  }

  async #inRoot<T>(packages: readonly string[], work: (root: CleanRoot) => Promise<T>): Promise<T> {
    const { suite, architecture, mirror, components, repositories, limits } = this.#request;
    const plan = await planRoot(
      this.#ports,
      {
        suite,
        architecture,
        packages,
        ...(mirror === undefined ? {} : { mirror }),
        ...(components === undefined ? {} : { components }),
        ...(repositories === undefined ? {} : { repositories }),
      },
      undefined,
      this.#onEvent,
    );
    const { keys } = await makeLayers(this.#ports, plan, architecture, this.#onEvent);
    const root = await this.#ports.carrier.clone(keys, {
      architecture,
      hostname: BUILD_HOSTNAME,
      epochSeconds: plan.root.dateSeconds,
      user: BUILD_USER,
      buildFolder: BUILD_FOLDER,
      limits: { ...DEFAULT_LIMITS, ...limits },
      signal: this.#ports.signal,
    });
    try {
      await root.bring([...this.#source.files, ...this.#packages]);
      const { dsc, tree, name } = this.#source;
      if (dsc !== undefined) {
        const unpack = ["dpkg-source", "--no-check", "-x", dsc, tree];
        if ((await this.#run(root, unpack, BUILD_FOLDER)).status !== 0)
          throw new InfrastructureError(`${name}: dpkg-source, which unpacked it before, fails`);
      }
      return await work(root);
    } finally {
      await root.drop();
    }
  }

  get #tree(): string {
    return `${BUILD_FOLDER}/${this.#source.tree}`;
  }

  /** What a program prints; undefined: it failed. */
  async #read(root: CleanRoot, argv: readonly string[], folder: string): Promise<string | undefined> {
    let text = "";
    const { status } = await this.#run(root, argv, folder, { onOutput: (bytes) => (text += byteString(bytes)) });
    return status === 0 ? text : undefined;
  }

  #run(
    root: CleanRoot,
    argv: readonly string[],
    folder: string,
    { asRoot = false, onOutput = this.#onOutput }: { asRoot?: boolean; onOutput?: (bytes: Uint8Array) => void } = {},
  ): ReturnType<CleanRoot["run"]> {
    const user = asRoot ? "root" : BUILD_USER.name;
    return root.run({
      argv,
      folder,
      asRoot,
      umask: "0022",
      onOutput,
      environment: {
        PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        HOME: `${BUILD_FOLDER}/home`,
        USER: user,
        LOGNAME: user,
        SHELL: "/bin/sh",
        LANG: "C.UTF-8",
        TZ: "UTC",
        DEBIAN_FRONTEND: "noninteractive",
        AUTOPKGTEST_TMP: `${BUILD_FOLDER}/tmp`,
        AUTOPKGTEST_ARTIFACTS: `${BUILD_FOLDER}/artifacts`,
      },
    });
  }

  #say(text: string): void {
    this.#onOutput(new TextEncoder().encode(text));
  }
}
