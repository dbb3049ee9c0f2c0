/**
 * Goal: a system is what its list says; `diff` tells beforehand what `apply` does; a second `apply` does nothing; what
 * a list no longer names goes, and what it replaced comes back. What is wrong with a list is told with its place.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { nodeAlpmSystem } from "@stratos/tools-node/packages";
import { Ajv2020 } from "ajv/dist/2020.js";
import { Alpm } from "../alpm/alpm.ts";
import { RootChanges } from "../root/root-change.ts";
import {
  collectingListener,
  makeAlpmPackage,
  publishRepository,
  testAlpmPorts,
  testConfiguration,
  type TestAlpmPorts,
  type TestPackageSpec,
} from "../testing/alpm-repository.ts";
import { applySystemList, diffSystemList, type ListHands } from "./apply-list.ts";
import { describeListChange, type ListChange } from "./list-change.ts";
import { readSystemList, SystemListError, type SystemList } from "./read-list.ts";
import { SYSTEM_LIST_SCHEMA } from "./schema.ts";

let folder = "",
  serial = 0;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "system-list-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function read(text: string, others: Record<string, string> = {}): SystemList {
  const files: Record<string, string> = { "system.toml": text, ...others };
  return readSystemList("system.toml", {
    read: (path) => (files[path] === undefined ? undefined : Buffer.from(files[path])),
    resolve: (_, path) => path,
    utf8: (one) => Buffer.from(one),
    text: (bytes) => Buffer.from(bytes).toString("utf8"),
  });
}

interface World {
  root: string;
  apply(text: string): Promise<string[]>;
  diff(text: string): Promise<string[]>;
  explicit(): Promise<string[]>;
  ports: TestAlpmPorts;
}

async function world(
  packages: readonly (readonly [string, string, TestPackageSpec?])[],
  extra: Partial<ListHands> = {},
): Promise<World> {
  const root = join(folder, `root-${serial++}`);
  mkdirSync(root);
  const ports = testAlpmPorts();
  await publishRepository(ports, "core", packages);
  const system = { ...nodeAlpmSystem(root), runner: undefined };
  const options = { ports, system, configuration: testConfiguration(["core"]), listener: collectingListener() };
  const within = async <T>(work: (hands: ListHands, alpm: Alpm) => Promise<T>): Promise<T> => {
    const alpm = await Alpm.open(options);
    try {
      if (alpm.databases.length === 0) await alpm.refresh();
      return await work(
        {
          files: system.files,
          changes: new RootChanges(system.files),
          nowSeconds: () => 1_800_000_000,
          digest: (bytes) => createHash("sha256").update(bytes).digest("hex"),
          ownership: true,
          alpm,
          debian: undefined,
          buildAur: undefined,
          ...extra,
        },
        alpm,
      );
    } finally {
      alpm.close();
    }
  };
  return {
    root,
    ports,
    apply: (text) => within(async (hands) => (await applySystemList(read(text), hands)).map(describeListChange)),
    diff: (text) => within(async (hands) => (await diffSystemList(read(text), hands)).map(describeListChange)),
    explicit: () =>
      within(async (_, alpm) =>
        alpm.local
          .packages()
          .filter((one) => one.reason === "explicit")
          .map((one) => one.name),
      ),
  };
}

const UNIT = "[Unit]\nDescription=x\n[Install]\nWantedBy=multi-user.target\nAlias=dbus-ssh.service\nAlso=sshd.socket\n";
const PACKAGES: readonly (readonly [string, string, TestPackageSpec?])[] = [
  ["editor", "1-1", { depends: ["lib"] }],
  ["lib", "1-1"],
  ["tool-a", "1-1", { groups: ["tools"] }],
  ["tool-b", "1-1", { groups: ["tools"] }],
  [
    "openssh",
    "1-1",
    {
      files: {
        "usr/lib/systemd/system/sshd.service": UNIT,
        "usr/lib/systemd/system/sshd.socket": "[Install]\nWantedBy=sockets.target\n",
        "etc/issue": "from the package\n",
      },
    },
  ],
];
const LIST = `
[system]
hostname = "box"
timezone = "Europe/Berlin"
locale = "de_DE.UTF-8"
[packages]
official = ["editor", "tools", "core/openssh"]
[services]
enable = ["sshd.service"]
mask = ["ctrl-alt-del.target"]
[[files]]
path = "/etc/issue"
content = "Wilkommen, größte Kiste\\n"
mode = "0600"
[[files]]
path = "/etc/link"
link = "issue"
`;

test("apply brings the system to the list, diff told it before, and a second apply does nothing", async () => {
  const there = await world(PACKAGES);
  const told = await there.diff(LIST);
  assert.ok(!existsSync(join(there.root, "etc")), "diff changes nothing");
  const done = await there.apply(LIST);
  assert.deepEqual([...done].sort(), [...told].sort());
  assert.deepEqual([...done].sort(), [
    "enable sshd.service",
    "hostname box",
    "install editor 1-1",
    "install lib 1-1",
    "install openssh 1-1",
    "install tool-a 1-1",
    "install tool-b 1-1",
    "locale de_DE.UTF-8",
    "mask ctrl-alt-del.target",
    "timezone Europe/Berlin",
    "write /etc/issue",
    "write /etc/link",
  ]);
  const text = (path: string): string => readFileSync(join(there.root, path), "utf8");
  assert.deepEqual(
    [
      text("etc/hostname"),
      text("etc/locale.conf"),
      text("etc/issue"),
      lstatSync(join(there.root, "etc/issue")).mode & 0o777,
    ],
    ["box\n", "LANG=de_DE.UTF-8\n", "Wilkommen, größte Kiste\n", 0o600],
  );
  const link = (path: string): string => readlinkSync(join(there.root, path));
  assert.deepEqual(
    [
      link("etc/localtime"),
      link("etc/link"),
      link("etc/systemd/system/multi-user.target.wants/sshd.service"),
      link("etc/systemd/system/dbus-ssh.service"),
      link("etc/systemd/system/sockets.target.wants/sshd.socket"),
      link("etc/systemd/system/ctrl-alt-del.target"),
    ],
    [
      "../usr/share/zoneinfo/Europe/Berlin",
      "issue",
      "/usr/lib/systemd/system/sshd.service",
      "/usr/lib/systemd/system/sshd.service",
      "/usr/lib/systemd/system/sshd.socket",
      "/dev/null",
    ],
  );
  assert.deepEqual([await there.diff(LIST), await there.apply(LIST)], [[], []]);
  assert.equal(
    new RootChanges(nodeAlpmSystem(there.root).files).history().length,
    1,
    "one transaction, and nothing was the second",
  );
});

test("what a list no longer names goes, what it replaced comes back, what was changed since stays", async () => {
  const there = await world(PACKAGES);
  await there.apply(LIST);
  writeFileSync(join(there.root, "etc/hostname"), "mine\n");
  const done = await there.apply('[packages]\nofficial = ["lib", "openssh"]\n');
  assert.deepEqual([...done].sort(), [
    "mark lib as asked for",
    "no longer enable sshd.service",
    "no longer locale de_DE.UTF-8",
    "no longer mask ctrl-alt-del.target",
    "no longer timezone Europe/Berlin",
    "remove /etc/link",
    "remove editor 1-1",
    "remove tool-a 1-1",
    "remove tool-b 1-1",
    "restore /etc/issue",
  ]);
  assert.equal(readFileSync(join(there.root, "etc/issue"), "utf8"), "from the package\n");
  assert.equal(readFileSync(join(there.root, "etc/hostname"), "utf8"), "mine\n");
  assert.ok(!existsSync(join(there.root, "etc/systemd/system/multi-user.target.wants/sshd.service")));
  assert.deepEqual(await there.explicit(), ["lib", "openssh"]);
});

test(
  "what was there anyway stays, unless the list is exact; what something " + "needs only becomes a dependency",
  async () => {
    const there = await world(PACKAGES);
    await there.apply('[packages]\nofficial = ["editor", "lib", "tool-a"]\n');
    // As if all had been installed by hand.
    rmSync(join(there.root, "var/lib/stratos/list"), { recursive: true });
    assert.deepEqual(await there.apply('[packages]\nofficial = ["editor"]\n'), []);
    assert.deepEqual((await there.apply('[packages]\nofficial = ["editor"]\nexact = true\n')).sort(), [
      "mark lib as a dependency",
      "remove tool-a 1-1",
    ]);
    assert.deepEqual(await there.apply('[packages]\nofficial = []\nabsent = ["editor"]\n'), [
      "remove editor 1-1",
      "remove lib 1-1",
    ]);
  },
);

test("official, AUR and Debian packages in one list", async () => {
  const asked: unknown[] = [];
  const change = (action: "install" | "remove", name: string): ListChange => ({
    kind: "package",
    action,
    system: "debian",
    name,
    version: "",
    because: "",
  });
  const debian = new Set(["bash", "old"]);
  const built = [
    await makeAlpmPackage("aur-dep", "1-1"),
    await makeAlpmPackage("aur-app", "2-1", { depends: ["aur-dep", "lib"] }),
  ];
  const there = await world(PACKAGES, {
    async buildAur(names) {
      asked.push(["build", names]);
      return built.map((one) => ({
        name: `${one.info.name}.pkg.tar.zst`,
        bytes: one.bytes,
        rule: { check: "never", trustAll: false },
      }));
    },
    debian: {
      asked: () => debian,
      plan: (wish) => [
        ...wish.listed.filter((name) => !debian.has(name)).map((name) => change("install", name)),
        ...[...wish.dropped, ...wish.absent].filter((name) => debian.has(name)).map((name) => change("remove", name)),
      ],
      async change(wish) {
        asked.push(["debian", wish.listed, wish.absent, wish.dropped]);
        for (const name of wish.listed) debian.add(name);
        for (const name of [...wish.dropped, ...wish.absent]) debian.delete(name);
        return undefined;
      },
    },
  });
  const list = '[packages]\nofficial = ["editor"]\naur = ["aur-app"]\ndebian = ["bash", "nginx"]\nabsent = ["old"]\n';
  assert.deepEqual(await there.diff(list), [
    "install nginx",
    "remove old",
    "build aur-app",
    "install lib 1-1",
    "install editor 1-1",
  ]);
  assert.deepEqual((await there.apply(list)).sort(), [
    "install aur-app 2-1",
    "install aur-dep 1-1",
    "install editor 1-1",
    "install lib 1-1",
    "install nginx",
    "remove old",
  ]);
  assert.deepEqual(asked, [
    ["debian", ["bash", "nginx"], ["old"], []],
    ["build", ["aur-app"]],
  ]);
  assert.deepEqual(await there.explicit(), ["aur-app", "editor"]);
  assert.deepEqual(await there.apply(list), []);
  assert.deepEqual((await there.apply('[packages]\nofficial = ["editor"]\n')).sort(), [
    "remove aur-app 2-1",
    "remove aur-dep 1-1",
    "remove nginx",
  ]);
});

test("a service that no package brings stops the whole, and nothing has changed", async () => {
  const there = await world(PACKAGES);
  await assert.rejects(
    there.apply('[packages]\nofficial = ["editor"]\n[services]\nenable = ["nope.service"]\n'),
    (error) =>
      error instanceof SystemListError &&
      error.message === "system.toml:4:1: services.enable[0]: there is no unit nope.service in the system",
  );
  assert.ok(!existsSync(join(there.root, "usr")));
});

test("each problem is told with file, line, column and key", () => {
  const fails = (text: string, ...lines: string[]): void => {
    assert.throws(
      () => read(text, { "a.toml": 'include = ["b.toml"]\n', "b.toml": 'include = ["a.toml"]\n' }),
      (error) => {
        assert.ok(error instanceof SystemListError);
        assert.deepEqual(error.message.split("\n"), lines);
        return true;
      },
    );
  };
  fails("[packages]\nofficial = [1]\n", "system.toml:2:1: packages.official[0]: expected a text, not 1");
  fails(
    'hostname = "a"\n[system]\nhostname = "b"\n',
    "system.toml:1:1: hostname: is said twice, in the words of lists and in those of treefiles",
  );
  fails(
    'hostname = "a b"\n[files."/etc/x"]\ncontent = "x"\nmode = 1\n',
    "system.toml:1:1: hostname: expected a host's name of letters, digits, '.' and '-', not \"a b\"",
    'system.toml:4:1: files."/etc/x".mode: expected a text, not 1',
  );
  fails(
    '[packages]\nofficail = ["a"]\nexact = "yes"\n',
    "system.toml:2:1: packages.officail: unknown key; did you mean official?",
    'system.toml:3:1: packages.exact: expected true or false, not "yes"',
  );
  fails(
    "[packages\n",
    "system.toml:1:10: unfinished table header".replace("unfinished table header", messageOf("[packages\n")),
  );
  fails('[packages]\nofficial = ["a", "a"]\n', 'system.toml:2:1: packages.official: names "a" twice');
  fails(
    '[packages]\naur = ["a"]\nabsent = ["a"]\n',
    "system.toml:3:1: packages.absent[0]: a is listed as installed, too",
  );
  fails(
    '[services]\nenable = ["x"]\n',
    'system.toml:2:1: services.enable[0]: expected a unit\'s name with its kind, such as sshd.service, not "x"',
  );
  fails('[[files]]\npath = "/etc/../x"\ncontent = ""\n', "system.toml:1:1: files[0]: the path must not hold . or ..");
  fails(
    '[[files]]\npath = "/x"\n\n[[files]]\npath = "/y"\nsource = "missing"\nmode = "755"\n',
    "system.toml:1:1: files[0]: needs content, source or link",
  );
  fails('[[files]]\npath = "/y"\nsource = "missing"\n', "system.toml:1:1: files[0]: missing cannot be read");
  fails('include = ["a.toml"]\n', "b.toml:1:1: include[0]: includes itself: a.toml → b.toml → a.toml");
});

function messageOf(text: string): string {
  try {
    read(text);
  } catch (error) {
    return (error as SystemListError).problems[0]!.message;
  }
  return assert.fail("it should not parse");
}

test("includes are united, and of single values the later one counts", () => {
  const list = read('include = ["base.toml"]\n[system]\nhostname = "b"\n[packages]\nofficial = ["y", "x"]\n', {
    "base.toml": '[system]\nhostname = "a"\nlocale = "C.UTF-8"\n[packages]\nofficial = ["x"]\naur = ["z"]\n',
  });
  assert.deepEqual(
    [
      list.official.map((one) => one.value),
      list.aur.map((one) => one.value),
      list.system.get("hostname")!.value,
      list.system.get("locale")!.value,
    ],
    [["x", "y"], ["z"], "b", "C.UTF-8"],
  );
  assert.equal(list.official[0]!.place.file, "base.toml");
});

test("the published schema is one, and the documented example fits it", () => {
  const check = new Ajv2020({ strict: true }).compile(SYSTEM_LIST_SCHEMA);
  const page = readFileSync(join(dirname(import.meta.dirname), "..", "SYSTEM-LIST.md"), "utf8");
  const example = /```toml\n([\s\S]*?)```/.exec(page)![1]!;
  const list = read(example, { "base.toml": "", motd: "hello\n" });
  assert.ok(
    list.official.length > 0 &&
      list.aur.length > 0 &&
      list.debian.length > 0 &&
      check({ packages: { official: ["a"] } }),
  );
});
