/**
 * Publishing on a release. Goal: the script composes a tree for two architectures and puts it, with an index of both,
 * under the release's tag of a registry that the environment names; podman's own tools find it there; what is missing
 * or refused is told. Method: Debian's registry on loopback, a tree of one package without scripts.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { repository, run } from "./support/stratos.ts";
import { TEST_HOME } from "./support/test-image.ts";

const WAIT_MS = 300_000;
let folder = "",
  host = "";
let registry: ChildProcess | undefined;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "stratos-release-test-"));
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  await new Promise((resolve) => server.close(resolve));
  writeFileSync(
    join(folder, "registry.yml"),
    `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${join(folder, "registry")}}}\n` +
      `http: {addr: "${host}"}\n`,
  );
  registry = spawn("docker-registry", ["serve", join(folder, "registry.yml")], { stdio: "ignore" });
  for (
    const end = Date.now() + WAIT_MS;
    Date.now() < end &&
    !(await fetch(`http://${host}/v2/`).then(
      (answer) => answer.ok,
      () => false,
    ));
  )
    await sleep(50);
  const home = join(folder, "home");
  mkdirSync(home);
  mkdirSync(join(TEST_HOME, "downloads"), { recursive: true });
  symlinkSync(join(TEST_HOME, "downloads"), join(home, "downloads"));
  writeFileSync(
    join(folder, "box.yaml"),
    'name: box\nversion: "1"\nbase: none\narchitectures: [amd64, riscv64]\npackages: [netbase]\noutputs:\n' +
      "  root: {format: tar}\ncontainer: {labels: {org.opencontainers.image.title: Box}}\n",
  );
});
after(() => {
  registry?.kill();
  rmSync(folder, { recursive: true, force: true });
});

function release(args: readonly string[], environment: Record<string, string> = {}): ReturnType<typeof run> {
  return run(
    [process.execPath, "--disable-warning=ExperimentalWarning", join(repository, "tools/release-images.ts"), ...args],
    { env: { STRATOS_HOME: join(folder, "home"), ...environment }, timeoutMs: 300_000 },
  );
}

test("a release's images are in the registry under its tag, for each architecture, and under latest", async () => {
  const result = await release(["--tag", "v1.2", "--latest", "--json", join(folder, "box.yaml")], {
    STRATOS_REGISTRY: `${host}/stratos`,
  });
  assert.equal(result.status, 0, result.stderr);
  const { images } = JSON.parse(result.stdout) as { images: { reference: string; digest: string }[] };
  assert.deepEqual(
    images.map(({ reference }) => reference),
    [`${host}/stratos/box:v1.2`, `${host}/stratos/box:latest`],
  );
  const inspect = (...more: string[]): unknown =>
    JSON.parse(
      spawnSync("skopeo", ["inspect", "--tls-verify=false", ...more, `docker://${host}/stratos/box:v1.2`], {
        encoding: "utf8",
      }).stdout,
    );
  const { manifests } = inspect("--raw") as { manifests: { platform: { architecture: string } }[] };
  assert.deepEqual(manifests.map(({ platform }) => platform.architecture).sort(), ["amd64", "riscv64"]);
  const { Digest, Labels, RepoTags } = inspect("--override-arch=amd64") as {
    Digest: string;
    Labels: Record<string, string>;
    RepoTags: string[];
  };
  assert.deepEqual(
    [Digest, Labels["org.opencontainers.image.title"], [...RepoTags].sort()],
    [images[0]!.digest, "Box", ["latest", "v1.2"]],
  );
});

test("without a registry or a tag, and with one that nobody answers, it says so", async () => {
  assert.deepEqual(await release(["--tag", "v1"]), {
    stdout: "",
    stderr: "release: no registry: set STRATOS_REGISTRY, or give --registry (registry.example.org/stratos)\n",
    status: 2,
  });
  assert.deepEqual(await release(["--tag", "a b", "--registry", host]), {
    stdout: "",
    stderr: "release: 'a b' is no tag\n",
    status: 2,
  });
  const { status, stderr } = await release(["--tag", "v1", "--registry", host, join(folder, "none.yaml")]);
  assert.equal(status, 1);
  assert.match(stderr, /^release: .*none\.yaml.*: no such file\n$/);
});
