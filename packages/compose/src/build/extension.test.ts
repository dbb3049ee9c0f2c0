/**
 * Extensions. Goal: what an image has beyond another, and nothing else; the names that systemd asks for; what cannot be
 * is told with its key.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { checkFileTree } from "@stratos/formats";
import { lockOf, parseProvenance } from "../metadata/provenance.ts";
import { formatTreefile } from "../treefile/treefile.ts";
import { BASE, makeWorld, packageOf, textIn, type TestWorld } from "../testing/test-compose.ts";

const OS_RELEASE = 'ID=debian\nVERSION_ID="13"\nNAME=x\n';

async function world(): Promise<TestWorld> {
  const made = makeWorld();
  await made.publish([
    ...BASE,
    packageOf("os", {}, [{ path: "./usr/lib/" }, { path: "./usr/lib/os-release", text: OS_RELEASE }]),
    packageOf("tool", {}, [
      { path: "./usr/bin/" },
      { path: "./usr/bin/tool", text: "tool" },
      { path: "./etc/" },
      { path: "./etc/tool.conf", text: "conf" },
      { path: "./opt/" },
      { path: "./opt/tool/" },
    ]),
  ]);
  return made;
}

const TREEFILE = (kind: string, more = ""): string =>
  "name: t\npackages: [os]\nvariants:\n  base: {}\n  more:\n    packages: [tool]\n    outputs:\n      root:\n    " +
  `    format: tar\n        filename: tools.tar\n        extension: {kind: ${kind}, over: base${more}}\n`;

test("a system extension has what its image adds below /usr and /opt, and says which system it is for", async () => {
  const one = await world();
  await one.compose(TREEFILE("sysext"));
  const tree = one.trees.get("root")!;
  assert.equal(checkFileTree(tree), undefined);
  assert.deepEqual(
    [...tree.entries()].map(({ path }) => path),
    [
      "",
      "opt",
      "opt/tool",
      "usr",
      "usr/bin",
      "usr/bin/tool",
      "usr/lib",
      "usr/lib/extension-release.d",
      "usr/lib/extension-release.d/extension-release.tools",
    ],
  );
  assert.equal(
    textIn(tree, "usr/lib/extension-release.d/extension-release.tools"),
    'ID=debian\nVERSION_ID="13"\nARCHITECTURE=riscv64\n',
  );
  const first = one.outputs.get("tools.tar")!;
  const other = await world();
  await other.compose(TREEFILE("sysext"));
  assert.ok(Buffer.from(first).equals(Buffer.from(other.outputs.get("tools.tar")!)), "the same bytes twice");
  await other.compose(TREEFILE("sysext", ', level: "1.0"'));
  assert.match(
    textIn(other.trees.get("root")!, "usr/lib/extension-release.d/extension-release.tools"),
    /^ID=debian\nSYSEXT_LEVEL=1\.0\n/,
  );
});

test("a configuration extension has what is below /etc, without what each system has of its own", async () => {
  const one = await world();
  await one.compose(TREEFILE("confext", ", any-system: true"));
  assert.deepEqual(
    [...one.trees.get("root")!.entries()].map(({ path }) => path),
    ["", "etc", "etc/extension-release.d", "etc/extension-release.d/extension-release.tools", "etc/tool.conf"],
  );
  assert.equal(
    textIn(one.trees.get("root")!, "etc/extension-release.d/extension-release.tools"),
    "ID=_any\nARCHITECTURE=riscv64\n",
  );
});

test("what an extension's provenance says is enough to make it again, with the image below", async () => {
  const one = await world();
  const text = TREEFILE("sysext").replace("  base: {}", "  base: {hostname: below}");
  await one.compose(text.replace("packages: [os]", 'version: "7"\npackages: [os]'));
  const made = one.outputs.get("tools.tar")!;
  const recipe = parseProvenance(
    Buffer.from(one.outputs.get("t-more-riscv64.provenance.json")!).toString(),
    "provenance.json",
  );
  assert.deepEqual(Object.keys(recipe.over!), ["base"]);
  const again = await one.compose(formatTreefile(recipe.treefile, "yaml"), {
    lock: lockOf(recipe),
    lockMode: "locked",
  });
  assert.deepEqual(
    again.steps.filter(({ status }) => status === "failed"),
    [],
  );
  assert.ok(Buffer.from(made).equals(one.outputs.get("tools.tar")!));
  const other = await world();
  await other.compose(formatTreefile(recipe.treefile, "yaml"), { lock: lockOf(recipe), lockMode: "locked" });
  assert.ok(Buffer.from(made).equals(other.outputs.get("tools.tar")!), "from an empty store, too");
});

test("what is no extension is told with its key", async () => {
  const one = await world();
  await assert.rejects(
    one.compose(TREEFILE("sysext").replace("over: base", "over: bass")),
    // wide: one pattern
    /t\.yaml:11:\d+: variants\.more\.outputs\.root\.extension\.over: there is no variant bass for riscv64; there is base, more/,
  );
  await assert.rejects(
    one.compose(TREEFILE("sysext").replace("over: base", "over: more")),
    /an image is no extension of itself/,
  );
  await assert.rejects(one.compose(TREEFILE("sysext").replace("kind: sysext, ", "")), /extension: kind is missing/);
  const failed = async (text: string): Promise<string> =>
    (await one.compose(text)).steps.find(({ status }) => status === "failed")?.reason ?? "";
  assert.match(
    await failed(TREEFILE("sysext").replace("packages: [tool]\n", "hostname: other\n")),
    /t\.yaml:11:\d+: .*nothing is left for it/,
  );
  assert.match(
    await failed(
      TREEFILE("sysext").replace("packages: [tool]\n", "packages: [tool]\n    remove-files: [/usr/lib/os-release]\n"),
    ),
    /an extension only adds, and \/usr\/lib\/os-release of the image below is not there any more/,
  );
});
