/**
 * The configuration of an image's build root for mock. Goal: it says what the treefile says, as Python reads it, and
 * each variant has its own.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { loadTreefile } from "../treefile/treefile.ts";
import { mockConfig, MockConfigError } from "./mock-config.ts";

const load = (text: string) => loadTreefile("t.yaml", async () => text);

test("each variant's build root is told as Python reads it", async () => {
  const treefile = await load(`name: demo
architectures: [amd64, riscv64]
packages: [tool]
build: {packages: [gcc], environment: {CC: "gcc \\"x\\""}, mock: {use_nspawn: false, tags: [a, 1, null]}}
variants:
  plain: {}
  own: {suite: sid, build: {network: true, packages: [make, -gcc], mock: {use_nspawn: null, plugin_conf: \
{ccache_enable: true}, dist: mine}}}
`);
  const [plain, , own] = treefile.targets();
  assert.equal(
    mockConfig(plain!),
    `# Build root of plain for amd64, by \`stratos compose export --format mock\`.
config_opts["root"] = "demo-plain-amd64"
config_opts["dist"] = "trixie"
config_opts["target_arch"] = "x86_64"
config_opts["legal_host_arches"] = ("x86_64",)
config_opts["chroot_setup_cmd"] = "install tool gcc"
config_opts["rpmbuild_networking"] = False
config_opts["environment"]["CC"] = "gcc \\"x\\""
config_opts["use_nspawn"] = False
config_opts["tags"] = ["a", 1, None]
`,
  );
  assert.deepEqual(mockConfig(own!).split("\n").slice(1, -1), [
    'config_opts["root"] = "demo-own-amd64"',
    'config_opts["dist"] = "sid"',
    'config_opts["target_arch"] = "x86_64"',
    'config_opts["legal_host_arches"] = ("x86_64",)',
    'config_opts["chroot_setup_cmd"] = "install tool make"',
    'config_opts["rpmbuild_networking"] = True',
    `config_opts["environment"]["CC"] = "gcc \\"x\\""`,
    'config_opts["tags"] = ["a", 1, None]',
    'config_opts["plugin_conf"] = {"ccache_enable": True}',
    'config_opts["dist"] = "mine"',
  ]);
});

test("a number that Python has no word for is refused by its key", async () => {
  const [target] = (await load("name: demo\nbuild: {mock: {limit: .inf}}\n")).targets();
  assert.throws(
    () => mockConfig(target!),
    (error) => error instanceof MockConfigError && /build\.mock\.limit/.test(error.message),
  );
});
