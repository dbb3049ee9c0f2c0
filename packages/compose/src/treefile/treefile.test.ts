/**
 * Treefiles. Goal: what is wrong is told with file, line and key; layers merge by the documented rules; loops are
 * refused with their way; the merged result prints as JSON and YAML and reads back equal.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { Ajv2020 } from "ajv/dist/2020.js";
import { parse as parseYaml } from "yaml";
import type { JsonObject } from "./json.ts";
import { mergeObjects } from "./merge.ts";
import { TreefileError } from "./parse.ts";
import { TREEFILE_SCHEMA } from "./schema.ts";
import { OUTPUT_FORMATS } from "./schema-output.ts";
import { beside } from "./own-places.ts";
import { formatTreefile, loadTreefile, substitute, type Treefile } from "./treefile.ts";

const FILE_PATH = "a path that begins with / and does not end with it, without '//', '.' and '..'";

function load(files: Record<string, string>, first = "main.yaml"): Promise<Treefile> {
  return loadTreefile(first, async (path) => files[path]);
}

async function problems(files: Record<string, string>, first?: string): Promise<string[]> {
  try {
    await load(files, first);
  } catch (error) {
    assert.ok(error instanceof TreefileError, String(error));
    return error.message.split("\n");
  }
  return assert.fail("nothing was found wrong");
}

test("unknown keys are left out, and told, where that is asked for; all else stays an error", async () => {
  const told: string[] = [];
  const loaded = (text: string): Promise<Treefile> =>
    loadTreefile(
      "main.yaml",
      async (path) => (path === "main.yaml" ? text : undefined),
      ({ line, column, key }) => {
        told.push(`${line}:${column} ${key}`);
      },
    );
  const text =
    "name: x\npackagse: [a]\nvariants:\n  server: {packages: [b], colour: red}\noutputs:\n" +
    "  a: {format: tar, speed: {fast: true}}\n";
  const [target] = (await loaded(text)).targets();
  assert.deepEqual(told.sort(), ["2:1 packagse", "4:27 variants.server.colour", "6:20 outputs.a.speed"]);
  assert.deepEqual([target!.config.packages, target!.config.outputs], [["b"], { a: { format: "tar" } }]);
  await assert.rejects(
    loaded(`${text}base: big\n`),
    (error) => error instanceof TreefileError && error.problems.length === 1 && error.problems[0]!.key === "base",
  );
});

test("a problem is told with file, line, column and key", async () => {
  assert.deepEqual(
    await problems({
      "main.yaml":
        "name: x\npackagse: [a]\nvariants:\n  server:\n    packages:\n      - good\n      - Bad Name\n" +
        "    base: big\noutputs:\n  a: {format: zip}\n  b: {compression: zstd}\n",
    }),
    [
      "main.yaml:2:1: packagse: unknown key; did you mean packages?",
      "main.yaml:7:9: variants.server.packages[1]: expected a package: NAME in small letters, NAME=VERSION, a " +
        `pattern, TASK^, a file such as ./NAME.deb, or one of these after '-', not "Bad Name"`,
      'main.yaml:8:5: variants.server.base: expected one of minbase, essential, important, standard, none, not "big"',
      `main.yaml:10:7: outputs.a.format: expected one of ${OUTPUT_FORMATS.join(", ")}, not "zip"`,
    ],
  );
  assert.deepEqual(
    await problems({
      "main.yaml":
        "name: x\noutputs:\n  b: {compression: zstd}\nfiles:\n  /etc/a: {content: x, link: y}\nvariants:\n  v:\n" +
        "    repositories: {own: {suite: s}}\n",
    }),
    [
      "main.yaml:3:3: outputs.b: format is missing",
      "main.yaml:8:20: variants.v.repositories.own: uri is missing",
      'main.yaml:5:3: files."/etc/a": expected exactly one of content, source, link and folder',
    ],
  );
  assert.deepEqual(await problems({ "main.yaml": "name: x\nfiles:\n  etc/b: {content: x}\nrecommends: 1\n" }), [
    `main.yaml:3:3: files."etc/b": expected ${FILE_PATH}, not "etc/b"`,
    "main.yaml:4:1: recommends: expected true or false, not 1",
  ]);
  assert.deepEqual(await problems({ "main.yaml": "name: x\nphases:\n  ostree:\n    when: variant ==\n" }), [
    "main.yaml:4:5: phases.ostree.when: the condition makes no sense at its end: variant ==",
  ]);
  assert.deepEqual(await problems({ "main.yaml": "name: x\nfiles:\n  /a: {content: b}\n  /a: {content: c}\n" }), [
    "main.yaml:4:3: /a is in this map already",
  ]);
  assert.match((await problems({ "main.yaml": "a: [1\nb: 2\n" }))[0]!, /^main\.yaml:\d+:\d+: /);
  assert.deepEqual(await problems({ "main.yaml": "packages: [a]\n" }), [
    "main.yaml:1:1: name is missing; `name: NAME` is what the compose and its files are called",
  ]);
  assert.deepEqual(await problems({}), ["main.yaml: no such file"]);
});

test("a file's path is the one by which the image has it, and a text's variables are known", async () => {
  for (const path of ["/etc/../usr", "/./usr", "/etc//motd", "/etc/..", "/..", "/etc/."])
    assert.deepEqual(await problems({ "main.yaml": `name: x\nfiles:\n  ${path}: {content: x}\n` }), [
      `main.yaml:3:3: files."${path}": expected ${FILE_PATH}, not "${path}"`,
    ]);
  await load({ "main.yaml": "name: x\nfiles: {/etc/..x: {content: x}, /.x: {content: x}, /x/...: {content: x}}\n" });
  const known = "there is ${name}, ${version}, ${variant}, ${architecture}, ${suite}";
  assert.deepEqual(
    await problems({
      "main.yaml":
        "name: x\nhostname: 'h-${suite}${arch}'\noutputs:\n  a: {format: tar, filename: '${Name}.tar', " +
        "destination: '${variant}/${}'}\nostree: {ref: '${name}/${custom.a}', subject: 'for $5'}\n",
    }),
    [
      `main.yaml:2:1: hostname: there is no variable \${arch}; ${known}`,
      `main.yaml:4:20: outputs.a.filename: there is no variable \${Name}; ${known}`,
      `main.yaml:4:45: outputs.a.destination: there is no variable \${}; ${known}`,
      `main.yaml:5:10: ostree.ref: there is no variable \${custom.a}; ${known}`,
    ],
  );
});

test("a slip is told with what was meant", async () => {
  assert.deepEqual(
    await problems({
      "main.yaml":
        "name: x\nversion: 1.0\npackages: nginx\noutputs: {a: {format: qcow}}\n" +
        "files: {/a: {content: a, mode: 0644}}\narchitecture: {amd46: {}, x*: {}}\n" +
        "variants: {v: {architecture: {riscv: {}}}}\n",
    }),
    [
      "main.yaml:2:1: version: expected a version of letters, digits, '.', '+', '~', '_' and '-', " +
        "not the number 1; write it in quotes",
      'main.yaml:3:1: packages: expected a list, not "nginx"; write ["nginx"]',
      `main.yaml:4:15: outputs.a.format: expected one of ${OUTPUT_FORMATS.join(", ")}, not "qcow"; did you mean qcow2?`,
      'main.yaml:5:26: files."/a".mode: expected a mode in octal, such as "0644", ' +
        "not the number 644; write it in quotes",
      "main.yaml:6:16: architecture.amd46: there is no architecture of that name; did you mean amd64?",
      "main.yaml:7:31: variants.v.architecture.riscv: there is no architecture of that name; did you mean riscv64?",
    ],
  );
  assert.deepEqual(
    await problems({
      "main.yaml":
        "name: x\nphases: {build: {after: [bild, v/gather]}}\n" +
        "variants: {w: {phases: {ostree: {after: [u/build, w/build]}}}}\n",
    }),
    [
      "main.yaml:2:18: phases.build.after: there is no phase bild; there is init, gather, build, ostree, output, " +
        "cleanup",
      "main.yaml:2:18: phases.build.after: there is no variant v to wait for; there is w",
      "main.yaml:3:34: variants.w.phases.ostree.after: there is no variant u to wait for; there is w",
    ],
  );
  assert.deepEqual(
    await problems({
      "main.yaml": "name: x\noutputs: {a: {format: tar, when: 'varient == \"v\"'}, b: {format: tar, when: server}}\n",
    }),
    [
      "main.yaml:2:28: outputs.a.when: the condition asks for varient, which is not known; did you mean variant?",
      "main.yaml:2:70: outputs.b.when: the condition asks for server, which is not known; there is name, " +
        "version, suite, base, variant, architecture, arch, custom, and text stands in quotes",
    ],
  );
});

test("an architecture by its kernel's name is told Debian's", async () => {
  const found = await problems({ "main.yaml": "name: x\narchitectures: [x86_64]\narchitecture: {aarch64: {}}\n" });
  assert.deepEqual(
    found.map((line) => /did you mean .*/.exec(line)?.[0]),
    ["did you mean amd64?", "did you mean arm64?"],
  );
});

test("a health check without a program is told when all layers are merged", async () => {
  const files = (base: string): Record<string, string> => ({
    "main.yaml": "name: x\ninclude: [base.yaml]\ncontainer: {healthcheck: {interval: 5}}\n",
    "base.yaml": base,
  });
  await load(files("container: {healthcheck: {command: [/bin/true]}}\n"));
  assert.deepEqual(await problems(files("packages: []\n")), [
    "main.yaml:3:13: container.healthcheck: says no `command` that tells whether it works",
  ]);
});

test("what no image can be is told without looking at packages", async () => {
  assert.deepEqual(
    await problems({
      "main.yaml":
        "name: x\nfiles:\n  /usr/bin: {content: x}\n  /usr/sbin: {link: /data}\n  /srv: {link: /data}\n" +
        "  /usr/lib: {folder: true}\n  /etc/a: {content: x}\n  /etc/a/b/c: {content: x}\n  /etc/l: {link: /tmp}\n" +
        "  /etc/l/x: {content: x}\n",
    }),
    [
      'main.yaml:3:3: files."/usr/bin": is a folder of every system, which a file would replace with all that is ' +
        "in it; `folder: true` sets its mode and owner",
      'main.yaml:4:3: files."/usr/sbin": is a folder of every system, which a link would replace with all that ' +
        "is in it; `folder: true` sets its mode and owner",
      'main.yaml:8:3: files."/etc/a/b/c": lies below /etc/a, which `files` makes a file',
    ],
  );
  assert.deepEqual(
    await problems({
      "main.yaml":
        "name: x\nusers:\n  a: {uid: 1500}\n  b: {}\n  c: {uid: 1500}\n" +
        "services:\n  enable: [ssh, a.timer]\n  disable: [a, ssh.service]\n  mask: [ssh]\n" +
        "debconf:\n  p/a: {type: boolean, value: maybe}\n  p/b: {type: boolean, value: true}\n" +
        '  p/c: {type: boolean, value: "false"}\n  p/d: {type: string}\n',
    }),
    [
      "main.yaml:5:7: users.c.uid: 1500 is that of a, too",
      "main.yaml:8:16: services.disable[1]: `enable` names ssh, too; what a lower layer enables " +
        '"-ssh" there takes away',
      'main.yaml:11:24: debconf."p/a".value: a boolean is "true" or "false", not "maybe"',
      'main.yaml:14:3: debconf."p/d": value is missing',
    ],
  );
  const users = await problems({
    "main.yaml": "name: x\nusers:\n  a: {ssh-keys: [garbage, ssh-ed25519 AAAA]}\n  b: {password: secret}\n",
  });
  assert.deepEqual(
    users.map((line) => line.replace(/: expected.*/, "")),
    ["main.yaml:3:18: users.a.ssh-keys[0]", "main.yaml:3:27: users.a.ssh-keys[1]", "main.yaml:4:7: users.b.password"],
  );
  const { config } = (
    await load({
      "main.yaml":
        "name: x\nusers:\n  a: {ssh-keys: ['from=\"10.*\" ssh-rsa AAAAB3NzaC1yc2EAAAA= me you', " +
        "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5]}\n  b: {password: $6$salt$hash}\n" +
        "  c: {password: '*'}\n",
    })
  ).targets()[0]!;
  assert.equal(Object.keys(config.users!).length, 3);
});

test("nesting, circles and crowds of aliases are told as what they are", async () => {
  const told = async (text: string, name = "x.yaml"): Promise<string> => (await problems({ [name]: text }, name))[0]!;
  const nested = (levels: number): string =>
    `name: x\narchitectures: [amd64]\ncustom: {a: ${"[".repeat(levels)}${"]".repeat(levels)}}\n`;
  assert.match(await told("name: x\ncustom: &c {a: *c}\n"), /^x\.yaml:2:1: custom: is nested deeper than 100 levels/);
  assert.match(await told(nested(200)), /^x\.yaml:3:1: custom: is nested deeper/);
  assert.match(await told(nested(50_000)), /is nested deeper/);
  assert.match(await told(`custom.a = ${"[".repeat(200)}${"]".repeat(200)}\n`, "x.toml"), /custom: is nested deeper/);
  await load({ "x.yaml": nested(50) }, "x.yaml");
  const crowd = [..."bcdefghi"].map((name, at) => `  ${name}: &${name} [${`*${"abcdefgh"[at]},`.repeat(9)}]\n`);
  assert.match(await told(`custom:\n  a: &a [x,x]\n${crowd.join("")}`), /aliases .* more than a treefile can hold/);
  assert.match(await told("name: x\n---\nname: y\n"), /^x\.yaml:2:1: a second document begins here/);
  assert.match(
    await told(`outputs: {r: {format: tar, when: "${"(".repeat(20_000)}"}}\n`),
    /20000 words and signs; 1000 at most/,
  );
});

test("TOML has its lines too", async () => {
  assert.deepEqual(
    await problems(
      {
        "main.toml":
          'name = "x"\n\n[variants.server]\npackages = ["a"]\nbase = "big"\n\n[files."/etc/x"]\ncontent = """\n' +
          'mode = 1\n"""\nmod = "0644"\n',
      },
      "main.toml",
    ),
    [
      'main.toml:5:1: variants.server.base: expected one of minbase, essential, important, standard, none, not "big"',
      'main.toml:11:1: files."/etc/x".mod: unknown key; did you mean mode?',
    ],
  );
  assert.match((await problems({ "main.toml": 'name = "x"\nbase = \n' }, "main.toml"))[0]!, /^main\.toml:2:\d+: /);
  const [toml, yaml] = [
    await load({ "main.toml": 'name = "x"\n[variants.a]\npackages = ["p"]\n' }, "main.toml"),
    await load({ "main.yaml": "name: x\nvariants: {a: {packages: [p]}}\n" }),
  ];
  assert.deepEqual(toml.merged, yaml.merged);
});

test("layers merge: maps by key, sets added and thinned, all else replaced, null takes away", () => {
  const merged = mergeObjects(
    {
      packages: ["a", "lib1", "lib2"],
      custom: { keep: 1, over: { x: 1, y: 2 }, gone: 3 },
      base: "none",
      exclude: ["z"],
    },
    {
      packages: ["-lib*", "a", "b"],
      custom: { over: { y: 3 }, gone: null },
      base: "minbase",
      exclude: null,
      services: { mask: null, enable: ["-x", "y"] },
    },
  );
  assert.deepEqual(merged, {
    packages: ["a", "b"],
    custom: { keep: 1, over: { x: 1, y: 3 } },
    base: "minbase",
    services: { enable: ["y"] },
  });
  assert.deepEqual(mergeObjects({}, merged), merged);
});

test("words of a command line stay as they are, and a higher layer's stand in their place", async () => {
  const [nginx] = (
    await load({
      "main.yaml":
        'name: x\ncontainer: {entrypoint: [/usr/sbin/nginx, -g, "daemon off;"], command: [tar, -C, /x, -C, /y, ' +
        "a, a]}\ncustom: {arguments: [-v, -v, a]}\n",
    })
  ).targets();
  assert.deepEqual(nginx!.config.container, {
    entrypoint: ["/usr/sbin/nginx", "-g", "daemon off;"],
    command: ["tar", "-C", "/x", "-C", "/y", "a", "a"],
  });
  assert.deepEqual(nginx!.config.custom, { arguments: ["-v", "-v", "a"] });
  const files = {
    "main.yaml":
      "name: x\ninclude: [base.yaml]\ncontainer: {command: [nginx]}\nvariants:\n  plain: {}\n" +
      "  own: {container: {command: [sh, -c, 'a b']}, architecture: {riscv64: {container: {entrypoint: [tini, " +
      "--, -x]}}}}\n",
    "base.yaml":
      "container: {entrypoint: [tini, --], command: [/bin/sh]}\nvariants: {own: {container: {command: [bash]}}}\n",
  };
  assert.deepEqual(
    (await load(files)).targets().map(({ config }) => config.container),
    [
      { entrypoint: ["tini", "--", "-x"], command: ["sh", "-c", "a b"] },
      { entrypoint: ["tini", "--"], command: ["nginx"] },
    ],
  );
});

test("scripts are done in order, as often as they are written, those of lower layers first", async () => {
  const [target] = (
    await load({
      "main.yaml": 'name: x\ninclude: [base.yaml]\nscripts: [sync, "touch /a", sync, "- x"]\n',
      "base.yaml": "scripts: [sync, 'echo -n']\n",
    })
  ).targets();
  assert.deepEqual(target!.config.scripts, ["sync", "echo -n", "sync", "touch /a", "sync", "- x"]);
  assert.match(
    (await problems({ "main.yaml": "name: x\nscripts:\n  - sync\n  - -sync\n" }))[0]!,
    /^main\.yaml:4:5: scripts\[1\]: expected a shell script .*`scripts: null`.*, not "-sync"$/,
  );
});

test("the schema says of each list what merging does to it", () => {
  const without: string[] = [];
  const look = (value: unknown, path: string, isTold: boolean): void => {
    if (typeof value !== "object" || value === null) return;
    const schema = value as Record<string, unknown>,
      own = isTold || ["set", "sequence", "replaced"].includes(String(schema["x-merge"]));
    if ([schema["type"]].flat().includes("array") && !own) without.push(path);
    for (const [key, inner] of Object.entries(schema))
      look(inner, `${path}/${key}`, key === "anyOf" || path.endsWith("anyOf") ? own : false);
  };
  look(TREEFILE_SCHEMA, "", false);
  assert.deepEqual(without, []);
});

const FULL = {
  "main.yaml": `
include: [base/common.yaml]
version: "2"
packages: [nano, -vim]
architectures: [amd64, riscv64]
architecture:
  riscv64: {packages: [only-riscv]}
  "*64": {custom: {bits: 64}}
outputs: {root: {format: tar}}
variants:
  common: {abstract: true, packages: [curl], users: {op: {uid: 1000, groups: [sudo]}}}
  server: {inherit: common, packages: [nginx, -nano], architecture: {amd64: {packages: [microcode]}}, hostname: \
"\${variant}"}
  edge: {inherit: [common, server], architectures: [riscv64], packages: ["-*", tiny], users: {op: null}, outputs: \
{root: {compression: zstd}}}
`,
  "base/common.yaml": "name: demo\ninclude: [../lowest.toml]\npackages: [vim, less]\n",
  "lowest.toml": 'suite = "trixie"\npackages = ["bash-completion"]\n[custom]\nedition = "x"\n',
};

test(
  "an image's layers: included files, the file, inherited variants, the " + "variant, each with its sections",
  async () => {
    const treefile = await load(FULL);
    assert.deepEqual(treefile.variants, ["server", "edge"]);
    const packages = (variant: string, architecture: string) => treefile.config({ variant, architecture }).packages;
    assert.deepEqual(packages("server", "amd64"), ["bash-completion", "less", "curl", "nginx", "microcode"]);
    assert.deepEqual(packages("server", "riscv64"), ["bash-completion", "less", "only-riscv", "curl", "nginx"]);
    assert.deepEqual(packages("edge", "riscv64"), ["tiny"]);
    const edge = treefile.config({ variant: "edge", architecture: "riscv64" });
    assert.deepEqual(
      [edge.users, edge.outputs, edge.custom, edge.suite, edge.version],
      [{}, { root: { format: "tar", compression: "zstd" } }, { edition: "x", bits: 64 }, "trixie", "2"],
    );
    assert.deepEqual(
      treefile.targets().map(({ variant, architecture }) => `${variant}/${architecture}`),
      ["server/amd64", "server/riscv64", "edge/riscv64"],
    );
    assert.deepEqual(
      treefile.targets({ variants: ["s*"], architectures: ["risc*"] }).map(({ variant }) => variant),
      ["server"],
    );
    assert.throws(
      () => treefile.targets({ variants: ["desktop"] }),
      /main\.yaml:10:1: variants: there is no variant desktop; there is server, edge/,
    );
    assert.equal(
      substitute("${name}-${version}-${variant}-${architecture}-${other}", treefile.targets()[0]!),
      "demo-2-server-amd64-${other}",
    );
  },
);

test("the merged result prints as JSON and as YAML and reads back equal", async () => {
  const treefile = await load(FULL);
  for (const target of treefile.targets()) {
    const exported = treefile.exportTarget(target);
    for (const format of ["json", "yaml"] as const) {
      const text = formatTreefile(exported, format);
      assert.deepEqual(parseYaml(text), exported);
      const again = await load({ "again.yaml": text }, "again.yaml");
      assert.deepEqual(again.targets(), [target]);
      assert.deepEqual(again.exportTarget(target), exported);
    }
  }
  const whole = await load({ "again.yaml": formatTreefile(treefile.merged as JsonObject, "yaml") }, "again.yaml");
  assert.deepEqual(whole.targets(), treefile.targets());
});

test("circles are refused with the way around", async () => {
  assert.deepEqual(await problems({ "main.yaml": "name: x\nvariants:\n  a: {abstract: true}\n" }), [
    "main.yaml:2:1: variants: all variants are abstract: there is no image to make",
  ]);
  assert.deepEqual(
    await problems({
      "main.yaml": "name: x\nvariants:\n  a: {inherit: b}\n  b:\n    inherit: [c]\n  c: {inherit: [a]}\n",
    }),
    ["main.yaml:6:7: variants.c.inherit: variants inherit in a circle: a → b → c → a"],
  );
  assert.deepEqual(await problems({ "main.yaml": "name: x\nvariants: {a: {inherit: b}}\n" }), [
    "main.yaml:2:16: variants.a.inherit: there is no variant b",
  ]);
  assert.deepEqual(
    await problems({ "main.yaml": "name: x\ninclude: [b.yaml]\n", "b.yaml": "include:\n  - main.yaml\n" }),
    ["b.yaml:2:5: include[0]: files include each other in a circle: main.yaml → b.yaml → main.yaml"],
  );
  assert.deepEqual(await problems({ "main.yaml": "name: x\ninclude: [b.yaml]\n" }), [
    "main.yaml:2:11: include[0]: there is no file b.yaml",
  ]);
});

test("names beside a file", () => {
  assert.deepEqual(
    [
      beside("a/b.yaml", "../c.yaml"),
      beside("b.yaml", "../c.yaml"),
      beside("a/b.yaml", "/etc/x"),
      beside("/x/b.yaml", "./c/d"),
    ],
    ["c.yaml", "../c.yaml", "/etc/x", "/x/c/d"],
  );
});

test("the published schema is a JSON Schema of 2020-12", () => {
  const ajv = new Ajv2020({
    strict: true,
    allowUnionTypes: true,
    strictTypes: false,
    keywords: ["x-merge", "x-unwritten"],
  });
  assert.ok(ajv.validateSchema(TREEFILE_SCHEMA), ajv.errorsText());
  const validate = ajv.compile(TREEFILE_SCHEMA);
  assert.ok(validate({ name: "x", outputs: { a: { format: "tar" }, b: null } }));
  assert.ok(!validate({ name: "x", outputs: { a: { form: "tar" } } }));
});

test("an included file's own files lie beside it, wherever it lies", async () => {
  const files = {
    "a/main.yaml": "name: x\ninclude: [../b/base.yaml, own.yaml, /c/far.yaml]\nfiles:\n  /main: {source: main.txt}\n",
    "b/base.yaml":
      "include: [sub/deep.yaml]\nfiles:\n  /base: {source: base.txt}\nvariants:\n" +
      "  v: {files: {/variant: {source: ../variant.txt}}}\narchitecture:\n" +
      "  riscv64: {repositories: {own: {uri: 'https://x/', suite: s, keyring: key.asc}}}\n",
    "b/sub/deep.yaml":
      "sources: [./deep_1.dsc, hello]\nfiles:\n  /deep: {source: deep.txt}\n  /absolute: {source: /etc/x}\n",
    "a/own.yaml": "files:\n  /own: {source: own.txt}\n",
    "/c/far.yaml": "files:\n  /far: {source: far.txt}\n",
  };
  const { config } = (await load(files, "a/main.yaml")).targets()[0]!;
  assert.deepEqual(Object.fromEntries(Object.entries(config.files!).map(([path, { source }]) => [path, source])), {
    "/deep": "../b/sub/deep.txt",
    "/absolute": "/etc/x",
    "/base": "../b/base.txt",
    "/own": "own.txt",
    "/far": "/c/far.txt",
    "/main": "main.txt",
    "/variant": "../variant.txt",
  });
  assert.equal(config.repositories!["own"]!.keyring, "../b/key.asc");
  assert.deepEqual(config.sources, ["../b/sub/deep_1.dsc", "hello"]);
});

test("repositories of a hub lie below what the file says; sources that nobody has built are refused", async () => {
  const text = "name: x\nsources:\n  - mine\nrepositories: {hub-a: {priority: 1}}\n";
  const incomplete = load({ "m.yaml": text }, "m.yaml");
  await assert.rejects(incomplete, /hub-a: uri is missing/);
  const treefile = await load({ "m.yaml": text.replace("{priority: 1}", "{uri: 'https://own/', suite: s}") }, "m.yaml");
  assert.throws(() => treefile.requireBuilds(treefile.targets()), /m\.yaml:3:5: sources\[0\]: is built by a hub/);
  const built = treefile.withRepositories(
    {
      "hub-a": { uri: "http://h/a", suite: "a", builds: { mine_1_all: "sha256:0" } },
      "hub-b": { uri: "http://h/b", suite: "b" },
    },
    "http://h",
  );
  built.requireBuilds(built.targets());
  const { "hub-a": own, "hub-b": other } = built.targets()[0]!.config.repositories!;
  assert.deepEqual(
    [own!.uri, own!.suite, own!.builds, other!.uri],
    ["https://own/", "s", { mine_1_all: "sha256:0" }, "http://h/b"],
  );
});

test(
  "an image is for the processor of its host where nothing says otherwise, " + "and one of Stratos for its own",
  async () => {
    const of = async (text: string): Promise<string[]> =>
      (await loadTreefile("m.yaml", async () => text, undefined, "amd64"))
        .targets()
        .map(({ variant, architecture }) => `${variant} ${architecture}`);
    assert.deepEqual(
      await of(
        "name: x\nvariants: {a: {}, b: {architectures: [arm64]}, c: {inherit: a, outputs: {s: {format: stratos}}}}\n",
      ),
      ["a amd64", "b arm64", "c riscv64"],
    );
    const file = await loadTreefile(
      "m.yaml",
      async () => "name: x\nvariants: {a: {}, b: {architectures: [arm64]}}\n",
      undefined,
      "amd64",
    );
    assert.deepEqual([file.hasChosenArchitecture("a"), file.hasChosenArchitecture("b")], [true, false]);
  },
);

/** All keys of the schema: path and schema, with `*` for names of one's own. */
function* keysOf(schema: JsonObject, path: readonly string[] = []): Iterable<{ path: string; schema: JsonObject }> {
  for (const [name, inner] of Object.entries((schema["properties"] ?? {}) as Record<string, JsonObject>)) {
    if (typeof inner["$ref"] === "string") continue;
    yield { path: [...path, name].join("."), schema: inner };
    yield* keysOf(inner, [...path, name]);
  }
  const others = schema["additionalProperties"];
  if (typeof others === "object" && others !== null) yield* keysOf(others as JsonObject, [...path, "*"]);
}

test("each key says what it is for, and shows a value that is one", () => {
  const definitions = TREEFILE_SCHEMA["$defs"] as Record<string, JsonObject>,
    ajv = new Ajv2020({ strict: false });
  const keys = [
    ...keysOf(TREEFILE_SCHEMA),
    ...Object.entries(definitions).flatMap(([name, schema]) => [{ path: name, schema }, ...keysOf(schema, [name])]),
  ];
  assert.ok(keys.length > 100);
  const isSilent = ({ schema }: { schema: JsonObject }): boolean =>
    typeof schema["description"] !== "string" || schema["description"] === "";
  assert.deepEqual(
    keys.filter(isSilent).map(({ path }) => path),
    [],
  );
  // Of some kinds anybody can write a value.
  const showsItself = ({ schema }: { schema: JsonObject }): boolean =>
    schema["enum"] !== undefined ||
    [schema["type"]].flat().some((type) => type === "boolean") ||
    schema["properties"] !== undefined ||
    (typeof schema["additionalProperties"] === "object" && schema["examples"] === undefined);
  assert.deepEqual(
    keys.filter((key) => key.schema["examples"] === undefined && !showsItself(key)).map(({ path }) => path),
    [],
  );
  for (const { path, schema } of keys)
    for (const example of (schema["examples"] ?? []) as unknown[])
      assert.ok(
        ajv.validate({ ...schema, $defs: definitions }, example),
        `${path}: ${JSON.stringify(example)}: ${ajv.errorsText()}`,
      );
});
