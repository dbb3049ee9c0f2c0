/**
 * Roots. Goal: a root is what dpkg's unpacking would leave: files with their attributes, links followed but never out
 * of the root, files taken over by Replaces alone, and a database that dpkg can go on with. Packages are made in
 * memory.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TarType } from "@stratos/formats";
import { DebError, openDeb } from "../deb-archive.ts";
import { MirrorError, SuiteError } from "../sources.ts";
import { FetchError } from "../../ports.ts";
import type { Progress } from "../../ports.ts";
import { makeDeb, makeSigner, publish, type TestPackage } from "../../testing/test-archive.ts";
import { testPorts } from "../../testing/test-ports.ts";
import { layBeforePackages } from "./base-layout.ts";
import { buildRoot } from "./build-root.ts";
import { configuredPackage } from "./configure-script.ts";
import { dpkgDatabase, infoName, type UnpackedPackage } from "./dpkg-database.ts";
import { planImage, type ImagePlan } from "./plan.ts";
import { unpackPackage } from "./unpack-package.ts";
import { RootTree, RootTreeError } from "../../root/root-tree.ts";
import { MemoryRoot } from "../../root/root-writer.ts";

const signer = await makeSigner(1_800_000_000 - 100_000);

function packageOf(
  name: string,
  fields: Record<string, string> = {},
  files: TestPackage["files"] = [],
  scripts: Record<string, string> = {},
): TestPackage {
  const control = {
    Package: name,
    Version: "1.0-1",
    Architecture: "riscv64",
    Maintainer: "M",
    ...fields,
    Description: `the ${name}`,
  };
  return { control, files: [{ path: "./" }, { path: "./usr/" }, ...files], scripts };
}

async function build(
  packages: TestPackage[],
  request: string[] = [],
  mirror = "http://mirror/debian",
): Promise<{ root: MemoryRoot; plan: ImagePlan; commands: string[][]; progress: Progress[] }> {
  const ports = testPorts();
  await publish(ports, packages, signer);
  const progress: Progress[] = [];
  const onProgress = (one: Progress): void => {
    progress.push(one);
  };
  const prepared = await planImage(ports, { mirror, packages: request, keyrings: [signer.publicKey] }, onProgress);
  const root = new MemoryRoot();
  const { commands } = await buildRoot(ports, prepared, root, onProgress);
  return { root, plan: prepared.plan, commands, progress };
}

function text(root: MemoryRoot, path: string): string {
  const node = root.nodes.get(path);
  assert.equal(node?.kind, "file", path);
  return Buffer.from((node as { content: Uint8Array }).content).toString("latin1");
}

const BASE = packageOf(
  "base-files",
  { Essential: "yes", Priority: "required" },
  [
    { path: "./bin", type: TarType.symbolicLink, fields: { linkPath: "usr/bin" } },
    { path: "./usr/bin/" },
    { path: "./etc/" },
    { path: "./root/", fields: { mode: 0o700 } },
    { path: "./etc/issue", text: "Debian\n" },
  ],
  {
    preinst: "#!/bin/sh\ntrue\n",
    conffiles: "/etc/issue\nremove-on-upgrade /etc/old\n",
    triggers: "interest-noawait /usr/lib64\ninterest named\n",
  },
);

test("a root has the variant's packages, what was asked for, and what they need, in order", async () => {
  const { plan, commands, progress } = await build(
    [
      packageOf("tool", { Depends: "libtool" }),
      packageOf("libtool", { "Multi-Arch": "same" }),
      BASE,
      packageOf("apt"),
      packageOf("unwanted"),
      packageOf("sh", { Priority: "required", Depends: "libtool" }),
    ],
    ["tool"],
  );
  assert.deepEqual(
    plan.packages.map((one) => one.name),
    ["base-files", "libtool", "sh", "apt", "tool"],
  );
  assert.deepEqual(
    plan.packages.filter((one) => one.isAutomatic).map((one) => one.name),
    ["libtool"],
  );
  assert.equal(plan.codename, "trixie");
  assert.equal(JSON.stringify(JSON.parse(JSON.stringify(plan))), JSON.stringify(plan));
  assert.deepEqual(commands, [["/bin/sh", "/var/lib/dpkg/stratos-configure"]]);
  const last = progress.filter((one) => one.phase === "download").at(-1)!;
  assert.equal(last.phase === "download" && last.doneBytes, plan.downloadBytes);
});

test("files arrive with owner, mode, time and links; folders follow the merged /usr", async () => {
  const { root } = await build(
    [
      BASE,
      packageOf("apt"),
      packageOf("x", {}, [
        { path: "./bin/" },
        { path: "./bin/su", text: "SU", fields: { mode: 0o4755, uid: 3, gid: 7 } },
        { path: "./lib/riscv64-linux-gnu/libx.so", text: "LIB" },
        { path: "./usr/bin/hard", type: TarType.hardLink, fields: { linkPath: "./bin/su" } },
        { path: "./usr/bin/soft", type: TarType.symbolicLink, fields: { linkPath: "../bin/su" } },
      ]),
    ],
    ["x"],
  );
  assert.equal(root.nodes.get("bin")!.kind, "symlink");
  assert.equal(text(root, "usr/bin/su"), "SU");
  assert.deepEqual(root.nodes.get("usr/bin/su")!.meta, { uid: 3, gid: 7, mode: 0o4755, mtime: 1_700_000_000 });
  assert.equal(root.nodes.get("usr/bin/hard"), root.nodes.get("usr/bin/su"));
  assert.equal(text(root, "usr/lib/riscv64-linux-gnu/libx.so"), "LIB");
  assert.equal(root.nodes.get("root")!.meta.mode, 0o700);
  const soft = root.nodes.get("usr/bin/soft");
  assert.equal(soft?.kind === "symlink" && soft.target, "../bin/su");
  const console = root.nodes.get("dev/null");
  assert.deepEqual(console?.kind === "device" && console.device, { kind: "character", major: 1, minor: 3 });
  assert.match(
    text(root, "etc/apt/sources.list.d/debian.sources"),
    /URIs: http:\/\/mirror\/debian\nSuites: trixie\nComponents: main\n/,
  );
  assert.match(text(root, "usr/sbin/policy-rc.d"), /exit 101/);
});

test("dpkg's database says unpacked, lists files, hashes and triggers", async () => {
  const { root } = await build(
    [
      BASE,
      packageOf("apt"),
      packageOf("libx", { "Multi-Arch": "same", Depends: "apt" }, [{ path: "./usr/x", text: "X" }], {
        postinst: "#!/bin/sh\n",
      }),
    ],
    ["libx"],
  );
  const status = text(root, "var/lib/dpkg/status");
  assert.ok(
    status.includes(
      [
        "Package: libx",
        "Status: install ok unpacked",
        "Maintainer: M",
        "Architecture: riscv64",
        "Multi-Arch: same",
        "Version: 1.0-1",
        "Depends: apt",
        "Description: the libx",
        "",
        "",
      ].join("\n"),
    ),
    status,
  );
  assert.ok(
    status.includes(
      "Conffiles:\n /etc/issue 32865e97b5342e762ab140e00f3da23b\n /etc/old newconffile remove-on-upgrade\n",
    ),
    status,
  );
  assert.equal(text(root, "var/lib/dpkg/info/libx:riscv64.list"), "/.\n/usr\n/usr/x\n");
  assert.equal(text(root, "var/lib/dpkg/info/libx:riscv64.md5sums"), "02129bb861061d1a052c592e2dc6b383  usr/x\n");
  assert.equal(root.nodes.get("var/lib/dpkg/info/libx:riscv64.postinst")!.meta.mode, 0o755);
  assert.equal(text(root, "var/lib/dpkg/triggers/File"), "/usr/lib64 base-files/noawait\n");
  assert.equal(text(root, "var/lib/dpkg/triggers/named"), "base-files\n");
  const script = text(root, "var/lib/dpkg/stratos-configure");
  assert.ok(
    script.includes("preinst base-files riscv64 base-files\n") &&
      script.indexOf("preinst base-files") < script.indexOf("dpkg --configure"),
  );
});

test("a file moves to the package that replaces its owner, and to no other", async () => {
  const old = packageOf("old", {}, [
    { path: "./usr/f", text: "old" },
    { path: "./usr/g", text: "g" },
  ]);
  const taker = packageOf("taker", { Replaces: "old (<< 2)", Depends: "old" }, [{ path: "./usr/f", text: "new" }]);
  const { root } = await build([BASE, packageOf("apt"), old, taker], ["taker"]);
  assert.equal(text(root, "usr/f"), "new");
  assert.equal(text(root, "var/lib/dpkg/info/old.list"), "/.\n/usr\n/usr/g\n");
  const thief = packageOf("thief", { Depends: "old" }, [{ path: "./usr/f", text: "new" }]);
  await assert.rejects(
    build([BASE, packageOf("apt"), old, thief], ["thief"]),
    (error) => error instanceof DebError && /\/usr\/f is also in package old/.test(error.message),
  );
});

test("a package of two architectures has its files in common, a list for each, and dpkg knows both", async () => {
  const root = new MemoryRoot(),
    tree = new RootTree(root, 0),
    ports = testPorts(),
    installed = new Map<string, UnpackedPackage>();
  for (const architecture of ["riscv64", "arm64"]) {
    const paths = ["/etc/lib.conf", "/usr/copyright", `/usr/lib-${architecture}.so`];
    const lib = packageOf(
      "lib",
      { "Architecture": architecture, "Multi-Arch": "same" },
      [{ path: "./etc/" }, ...paths.map((path) => ({ path: `.${path}`, text: "x" }))],
      { conffiles: "/etc/lib.conf\n" },
    );
    const one = await unpackPackage(tree, await openDeb(makeDeb(lib), "lib", ports), installed, ports);
    assert.deepEqual([...one.paths], ["/.", "/usr", "/etc", ...paths]);
    assert.match(one.conffiles.get("/etc/lib.conf")!, /^[0-9a-f]{32}$/);
    installed.set(infoName(one), one);
  }
  assert.deepEqual([...installed.keys()], ["lib:riscv64", "lib:arm64"]);
  const files = new Map(
    dpkgDatabase([...installed.values()], "riscv64").map(({ path, content }) => [
      path,
      Buffer.from(content).toString("latin1"),
    ]),
  );
  assert.equal(files.get("var/lib/dpkg/arch"), "riscv64\narm64\n");
  assert.match(files.get("var/lib/dpkg/info/lib:arm64.list")!, /^\/usr\/copyright$/m);
});

test("of two packages with one file, what another's preinst may divert stands aside for that script", async () => {
  const plain = packageOf("plain", {}, [{ path: "./usr/f", text: "plain\n" }]);
  const preinst = "#!/bin/sh\ndpkg-divert --package diverting --add --rename --divert /usr/f.plain /usr/f\n";
  const diverting = packageOf("diverting", {}, [{ path: "./usr/f", text: "diverting\n" }], { preinst });
  const earlier = packageOf("early", {}, [{ path: "./usr/f", text: "early\n" }], { preinst });
  for (const [packages, request] of [
    [
      [plain, diverting],
      ["plain", "diverting"],
    ],
    [
      [plain, earlier],
      ["plain", "early"],
    ],
  ] as const) {
    const { root } = await build([BASE, packageOf("apt"), ...packages], [...request]);
    assert.equal(text(root, "usr/f"), `${request[1] === "early" ? "early" : "diverting"}\n`);
    assert.equal(text(root, "usr/f.stratos-diverted"), "plain\n");
    const script = text(root, "var/lib/dpkg/stratos-configure");
    assert.match(script, /^place_diverted plain '\/usr\/f' '\/usr\/f\.stratos-diverted'$/m);
    assert.ok(script.indexOf(`preinst ${request[1]}`) < script.indexOf("\nplace_diverted "), "after the preinsts");
    assert.ok(
      script.indexOf("\nclear_diverted plain ") < script.indexOf("\npreinst "),
      "neither is in the preinsts' way",
    );
    assert.match(text(root, "var/lib/dpkg/info/plain.list"), /^\/usr\/f$/m);
  }
});

test("where usrmerge would turn an architecture's folders into links, they are links from the first", () => {
  const settings = { hostname: "h", mirror: undefined, suite: "bookworm", components: [], mtime: 0 };
  const links = (names: string[], architecture: string): string[] => {
    const root = new MemoryRoot();
    layBeforePackages(
      new RootTree(root, 0),
      settings,
      names.map((name) => ({ name })),
      architecture,
    );
    return [...root.nodes].filter(([, { kind }]) => kind === "symlink").map(([path]) => path);
  };
  assert.deepEqual(links(["usrmerge"], "amd64"), ["bin", "lib", "sbin", "lib32", "lib64", "libx32"]);
  assert.deepEqual(links(["usrmerge"], "arm64"), ["bin", "lib", "sbin"]);
  assert.deepEqual(links(["base-files"], "amd64"), ["bin", "lib", "sbin"]);
});

test("what is mounted is found in /etc/mtab, too", async () => {
  const { root } = await build([BASE, packageOf("apt")], ["apt"]);
  assert.deepEqual(root.nodes.get("etc/mtab")?.kind, "symlink");
});

test("no path leads out of the root", async () => {
  await assert.rejects(
    build([BASE, packageOf("apt"), packageOf("evil", {}, [{ path: "./../etc/passwd", text: "x" }])], ["evil"]),
    DebError,
  );
  const { root } = await build(
    [
      BASE,
      packageOf("apt"),
      packageOf("sly", {}, [
        { path: "./usr/out", type: TarType.symbolicLink, fields: { linkPath: "../../../../../etc" } },
        { path: "./usr/out/sly", text: "x" },
        { path: "./usr/abs", type: TarType.symbolicLink, fields: { linkPath: "/etc" } },
        { path: "./usr/abs/sly2", text: "x" },
      ]),
    ],
    ["sly"],
  );
  assert.equal(text(root, "etc/sly"), "x");
  assert.equal(text(root, "etc/sly2"), "x");
  const tree = new RootTree(new MemoryRoot(), 0);
  for (const bad of ["..", "a/../b", "/etc", "a//b", "./a", "a/", "a\0b"])
    assert.throws(() => tree.place(bad), RootTreeError, bad);
  await assert.rejects(
    build(
      [
        BASE,
        packageOf("apt"),
        packageOf("loop", {}, [
          { path: "./usr/a", type: TarType.symbolicLink, fields: { linkPath: "b" } },
          { path: "./usr/b", type: TarType.symbolicLink, fields: { linkPath: "a" } },
          { path: "./usr/a/x", text: "x" },
        ]),
      ],
      ["loop"],
    ),
    (error) => error instanceof RootTreeError && /loop: .*too many symbolic links/.test(error.message),
  );
});

test("the same packages give the same root twice", async () => {
  const packages = [BASE, packageOf("apt"), packageOf("x", {}, [{ path: "./usr/f", text: "f" }])];
  const [one, two] = [await build(packages, ["x"]), await build(packages, ["x"])];
  assert.deepEqual([...one.root.nodes], [...two.root.nodes]);
  assert.deepEqual(one.plan, two.plan);
});

test("extra sources join in, and their newer versions win; with a higher priority any of theirs", async () => {
  const ports = testPorts();
  await publish(ports, [BASE, packageOf("apt")], signer);
  await publish(ports, [packageOf("apt", { Version: "2.0" })], signer, { suite: "trixie-updates" });
  const request = {
    mirror: "http://mirror/debian",
    packages: [],
    keyrings: [signer.publicKey],
    extraSources: [{ uri: "http://mirror/debian", suite: "trixie-updates", components: ["main"] }],
  };
  const { plan } = await planImage(ports, request, () => {});
  const versionOf = (one: ImagePlan): string => one.packages.find(({ name }) => name === "apt")!.version;
  assert.equal(versionOf(plan), "2.0");
  await publish(ports, [packageOf("apt", { Version: "0.5" })], signer, { suite: "own" });
  const own = { uri: "http://mirror/debian", suite: "own", components: ["main"] };
  const withOwn = async (priority: number): Promise<string> =>
    versionOf((await planImage(ports, { ...request, extraSources: [{ ...own, priority }] }, () => {})).plan);
  assert.equal(await withOwn(990), "0.5");
  assert.equal(await withOwn(500), "1.0-1");
});

test("a mirror that does not answer is named, with what to set", async () => {
  const ports = testPorts();
  ports.fetcher = {
    open: async () => {
      throw new FetchError("no route to host", { isPermanent: false });
    },
  };
  await assert.rejects(
    planImage(ports, { mirror: "http://nowhere/debian", packages: [] }, () => {}),
    (error) =>
      error instanceof MirrorError &&
      /http:\/\/nowhere\/debian cannot be used: no route.*--mirror URL, or STRATOS_MIRROR/.test(error.message),
  );
});

test("a suite that a mirror has not is told as such, with what was meant", async () => {
  const ports = testPorts();
  await publish(ports, [BASE, packageOf("apt")], signer);
  await assert.rejects(
    planImage(
      ports,
      { mirror: "http://mirror/debian", suite: "trixy", packages: [], keyrings: [signer.publicKey] },
      () => {},
    ),
    (error) =>
      error instanceof SuiteError &&
      /^http:\/\/mirror\/debian has no suite trixy; did you mean trixie\? \(.*404/.test(error.message),
  );
  const extraSources = [{ uri: "http://mirror/debian", suite: "own", components: ["main"] }];
  await assert.rejects(
    planImage(
      ports,
      { mirror: "http://mirror/debian", packages: [], keyrings: [signer.publicKey], extraSources },
      () => {},
    ),
    (error) => error instanceof SuiteError && error.suite === "own" && /has no suite own \(/.test(error.message),
  );
});

test("a component that a suite has not is told as such, with what was meant or what there is", async () => {
  const ports = testPorts();
  await publish(ports, [BASE, packageOf("apt")], signer);
  for (const [component, told] of [
    ["mian", "did you mean main?"],
    ["games", "there is main"],
  ])
    await assert.rejects(
      planImage(
        ports,
        { mirror: "http://mirror/debian", components: [component!], packages: [], keyrings: [signer.publicKey] },
        () => {},
      ),
      { message: `http://mirror/debian/dists/trixie has no component ${component}; ${told}` },
    );
});

const hasDpkg = spawnSync("dpkg-query", ["--version"]).status === 0;

test("the host's dpkg reads the database", { skip: hasDpkg ? false : "dpkg is not installed" }, async () => {
  const { root } = await build(
    [
      BASE,
      packageOf("apt"),
      packageOf("libx", { "Multi-Arch": "same", Depends: "apt (>= 1)" }, [{ path: "./usr/x", text: "X" }]),
    ],
    ["libx"],
  );
  const folder = mkdtempSync(join(tmpdir(), "dpkg-"));
  try {
    for (const [path, node] of root.nodes) {
      if (!path.startsWith("var/lib/dpkg")) continue;
      if (node.kind === "directory") mkdirSync(join(folder, path), { recursive: true });
      else if (node.kind === "file") writeFileSync(join(folder, path), node.content);
    }
    const ask = (...words: string[]): string =>
      execFileSync("dpkg-query", [`--admindir=${join(folder, "var/lib/dpkg")}`, ...words], { encoding: "utf8" });
    assert.equal(
      ask("-W", "-f", "${Package} ${Version} ${db:Status-Status}\n"),
      "apt 1.0-1 unpacked\nbase-files 1.0-1 unpacked\nlibx 1.0-1 unpacked\n",
    );
    assert.equal(ask("-L", "libx:riscv64"), "/.\n/usr\n/usr/x\n");
    assert.match(ask("-S", "/etc/issue"), /^base-files(:riscv64)?: \/etc\/issue\n$/);
    assert.match(ask("-W", "-f", "${Conffiles}", "base-files"), /\/etc\/issue 32865e97b5342e762ab140e00f3da23b/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("dpkg's progress is understood", () => {
  assert.equal(configuredPackage("Setting up libc6:riscv64 (2.41-12) ..."), "libc6");
  assert.equal(configuredPackage("Setting up libstdc++6 (14.2) ..."), "libstdc++6");
  assert.equal(configuredPackage("Processing triggers for libc-bin (2.41-12) ..."), undefined);
});
