/**
 * Publishing on a release. Goal: the script composes a tree for two architectures and puts it, with an index of both,
 * under the release's tag of a registry that the environment names; podman's own tools find it there; what is missing
 * or refused is told. Method: Debian's registry on loopback, a tree of one package without scripts.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { startRegistry } from "./support/registry.ts";
import { repository, run } from "./support/stratos.ts";
import { TEST_HOME } from "./support/test-image.ts";

let folder = "";
let registry: Awaited<ReturnType<typeof startRegistry>>;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "stratos-release-test-"));
  registry = await startRegistry(join(folder, "registry"));
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
  registry?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function release(args: readonly string[], environment: Record<string, string> = {}): ReturnType<typeof run> {
  return run(
    [process.execPath, "--disable-warning=ExperimentalWarning", join(repository, "tools/release-images.ts"), ...args],
    { env: { STRATOS_HOME: join(folder, "home"), ...environment } },
  );
}

extendedTest(
  "a release's images are in the registry under its tag, for each architecture, and under latest",
  async () => {
    const result = await release(["--tag", "v1.2", "--latest", "--json", join(folder, "box.yaml")], {
      STRATOS_REGISTRY: `${registry.host}/stratos`,
    });
    assert.equal(result.status, 0, result.stderr);
    const { images } = JSON.parse(result.stdout) as { images: { reference: string; digest: string }[] };
    assert.deepEqual(
      images.map(({ reference }) => reference),
      [`${registry.host}/stratos/box:v1.2`, `${registry.host}/stratos/box:latest`],
    );
    const inspect = (...more: string[]): unknown =>
      JSON.parse(
        spawnSync("skopeo", ["inspect", "--tls-verify=false", ...more, `docker://${registry.host}/stratos/box:v1.2`], {
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
  },
);

test("without a registry or a tag, and with one that nobody answers, it says so", async () => {
  assert.deepEqual(await release(["--tag", "v1"]), {
    stdout: "",
    stderr: "release: no registry: set STRATOS_REGISTRY, or give --registry (registry.example.org/stratos)\n",
    status: 2,
  });
  assert.deepEqual(await release(["--tag", "a b", "--registry", registry.host]), {
    stdout: "",
    stderr: "release: 'a b' is no tag\n",
    status: 2,
  });
  const { status, stderr } = await release(["--tag", "v1", "--registry", registry.host, join(folder, "none.yaml")]);
  assert.equal(status, 1);
  assert.match(stderr, /^release: .*none\.yaml.*: no such file\n$/);
});
