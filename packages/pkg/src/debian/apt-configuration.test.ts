/**
 * apt's configuration. Goal: what is read of a system's files is what apt reads of them, and what does nothing is told.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import assert from "node:assert/strict";
import { AptConfigurationError, aptSettings, type AptSettings } from "./apt-configuration.ts";

const settings = (...apt: string[]): AptSettings =>
  aptSettings({ apt: apt.map((text, at) => [`part ${at}`, text] as const), dpkg: [] });

test("without a file apt's defaults hold, and what was changed in configuration files stays", () => {
  const plain = settings();
  assert.deepEqual(
    [plain.installsRecommends, plain.defaultRelease, plain.autoremoves, plain.purges, plain.isExpiredGood],
    [true, undefined, false, false, false],
  );
  assert.deepEqual(plain.dpkgOptions, ["--force-confdef", "--force-confold"]);
  assert.deepEqual(plain.unneeded, { never: [], recommendsKeep: true, suggestsKeep: true });
  assert.deepEqual(plain.withoutEffect, []);
});

test("scopes, lists, comments, quotes, clearing, and a later file over an earlier one", () => {
  const one = settings(
    `// a comment; "with" a quote
APT { Install-Recommends "0"; // said once
  Get { AutomaticRemove "yes"; Purge true; };
  Default-Release "trixie"; /* over
  lines; } */
  NeverAutoRemove { "^firmware-linux.*"; "^linux-image-[a-z0-9]*$"; };
};
# another
apt::autoremove::suggestsimportant "false";
Acquire::Check-Valid-Until "no";
DPkg::Options:: "--force-confnew"; DPkg::Options:: "--path-exclude=/usr/share/man/*";
`,
    'APT::Default-Release "/^bookworm(|-security)$/"; APT::Get::Purge "false";\n',
  );
  assert.deepEqual(
    [one.installsRecommends, one.defaultRelease, one.autoremoves, one.purges, one.isExpiredGood],
    [false, "/^bookworm(|-security)$/", true, false, true],
  );
  assert.deepEqual(
    ["firmware-linux-free", "linux-image-amd64", "linux-image-6.12-amd64"].map((name) =>
      one.unneeded.never.some((pattern) => pattern.test(name)),
    ),
    [true, true, false],
  );
  assert.deepEqual([one.unneeded.recommendsKeep, one.unneeded.suggestsKeep], [true, false]);
  assert.deepEqual(one.dpkgOptions, ["--force-confnew", "--path-exclude=/usr/share/man/*"]);
  assert.deepEqual(
    settings('DPkg::Options { "--force-confnew"; };\n', "#clear DPkg::Options;\n").dpkgOptions,
    settings().dpkgOptions,
  );
});

test("who answers for configuration files is not spoken over, be it apt's settings or dpkg's own", () => {
  const of = (option: string, cfg: string): readonly string[] =>
    aptSettings({
      apt: option === "" ? [] : [["x", `DPkg::Options:: "${option}";`]],
      dpkg: [cfg],
    }).dpkgOptions;
  assert.deepEqual(of("", "# force-confnew\nno-debsig\n"), ["--force-confdef", "--force-confold"]);
  assert.deepEqual(of("", "force-confnew\n"), []);
  assert.deepEqual(of("--force-confdef", ""), ["--force-confold", "--force-confdef"]);
  assert.deepEqual(of("--force-confmiss", ""), ["--force-confdef", "--force-confold", "--force-confmiss"]);
  assert.deepEqual(of("--force-confdef,confnew", ""), ["--force-confdef,confnew"]);
});

test("what would change apt's answer and does nothing here is told; what Debian's packages set is not", () => {
  assert.deepEqual(
    settings(
      'DPkg::Pre-Install-Pkgs {"/usr/sbin/dpkg-preconfigure --apt || true";};\n' +
        'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };\nDir::Cache::pkgcache "";\n' +
        'Acquire::Languages "none";\nAPT::Periodic::Enable "1";\n',
    ).withoutEffect,
    [],
  );
  const told = settings(
    'DPkg::Post-Invoke { "etckeeper post-install"; };\nAcquire::http::Proxy "http://proxy:3142";\n' +
      'APT::Install-Suggests "1";\nAPT::Get::AllowUnauthenticated "1";\nDir::Etc::sourcelist "/x";\n' +
      'DPkg::Options { "--log=/x"; };\n',
  ).withoutEffect;
  assert.deepEqual(
    told.map((one) => one.split(" (")[0]),
    [
      "DPkg::Post-Invoke",
      "Acquire::http::Proxy",
      "APT::Get::AllowUnauthenticated",
      "APT::Install-Suggests",
      "Dir::Etc::sourcelist",
      "DPkg::Options --log=/x",
    ],
  );
});

test("a malformed file is refused with its line", () => {
  for (const [text, why] of [
    ['APT::Install-Recommends "0"\n', /part 0: line 1: APT::Install-Recommends does not end with ;/],
    ['\nAPT {\n Foo "1";\n', /part 0: APT \{ does not end with \}/],
    ['APT::Foo "1";\n};\n', /part 0: line 2: \} without \{/],
    ['APT::Foo "1;\n', /part 0: line 1: " is not closed/],
  ] as const)
    assert.throws(
      () => settings(text),
      (error: unknown) => error instanceof AptConfigurationError && why.test(error.message),
      text,
    );
});

test(
  "this host's apt reads the same",
  { skip: spawnSync("apt-config", ["--version"]).status === 0 ? false : "there is no apt here" },
  (context) => {
    const folder = mkdtempSync(join(tmpdir(), "stratos-apt-conf-"));
    context.after(() => rmSync(folder, { recursive: true, force: true }));
    for (const text of [
      'APT { Install-Recommends "no";};',
      "APT::Install-Recommends no;",
      'APT::Install-Recommends "1"; APT { Install-Recommends "false"; };',
      'APT::Default-Release "a b"; // x\nAPT::Install-Recommends "off"; # y',
      'APT::NeverAutoRemove { "a"; "b c"; }; APT::NeverAutoRemove:: "d";',
      'APT::NeverAutoRemove { "a"; }; #clear APT::NeverAutoRemove; APT::NeverAutoRemove { "x"; };',
    ]) {
      const ours = settings(text);
      // The host's own settings go first, and are cleared.
      const { stdout } = spawnSync("sh", ["-c", 'cat > "$0" && apt-config -c "$0" dump', join(folder, "apt.conf")], {
        input: `#clear APT::NeverAutoRemove;\n#clear APT::Default-Release;\n${text}\n`,
        encoding: "utf8",
      });
      const all = (name: string): string[] =>
        [...stdout.matchAll(new RegExp(`^${name} "(.*)";$`, "gm"))].map((match) => match[1]!);
      const recommends = all("APT::Install-Recommends").at(-1);
      assert.deepEqual(
        [ours.installsRecommends, ours.defaultRelease, ours.unneeded.never.map((one) => one.source)],
        [
          !["no", "false", "off", "0"].includes(recommends ?? ""),
          all("APT::Default-Release").at(-1),
          all("APT::NeverAutoRemove::"),
        ],
        `${text}\n${stdout.slice(0, 500)}`,
      );
    }
  },
);
