/**
 * Pins. Goal: which version is taken under records of apt_preferences(5) is what apt takes. Method: two archives of our
 * own, and the host's apt as the judge.
 */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { sampleOf } from "@stratos/base/testing";
import { loadSystemIndex, planChange, readSystem } from "@stratos/pkg";
import { AptPeer } from "../conformance/apt-peer.ts";
import { hostArchitecture, SampleArchive } from "./support/sample-archive.ts";

const options = { skip: AptPeer.isThere() ? false : "there is no apt here" };
const folder = mkdtempSync(join(tmpdir(), "stratos-pins-"));
const aptFolder = mkdtempSync(join(tmpdir(), "stratos-pins-apt-"));
const archives: SampleArchive[] = [];
let apt: AptPeer;
let architecture = "";

before(async () => {
  if (!AptPeer.isThere()) return;
  architecture = hostArchitecture();
  apt = new AptPeer(aptFolder, architecture);
  // apt runs as nobody, and reads the archives where they are.
  chmodSync(folder, 0o755);
  for (const [name, version] of [
    ["first", "2.0"],
    ["second", "3.0"],
  ] as const) {
    const archive = new SampleArchive(join(folder, name), architecture, name);
    await archive.open();
    await archive.offer(
      ...["sample", "lib-one", "lib-two", "other"].map((one) => ({
        name: one,
        version,
        ...(one.startsWith("lib-") ? { fields: "Source: libs\n" } : {}),
      })),
    );
    const key = join(aptFolder, `${name}.asc`);
    writeFileSync(key, archive.publicKey);
    chmodSync(key, 0o644);
    archives.push(archive);
  }
});

after(async () => {
  for (const archive of archives) await archive.close();
  for (const one of [folder, aptFolder]) rmSync(one, { recursive: true, force: true });
});

const record = (packages: string, pin: string, priority: number | string): string =>
  `Package: ${packages}\nPin: ${pin}\nPin-Priority: ${priority}\n\n`;
const PREFERENCES: readonly string[] = [
  "",
  record("*", "release a=first", 600),
  record("*", "release n=first-code", 501),
  record("*", "release o=Second", -1),
  record("*", "release l=First, c=main", 990),
  record("sample", "version 2.*", 1001),
  record("sample lib-*", "release a=first", 990),
  record("/^lib-/", "release o=First", 900),
  record("src:libs", "release o=First", 900),
  record("*", 'origin "127.0.0.1"', 100),
  record("*", "release a=second", 400) + record("other", "release a=second", 600),
  record("*", "release a=first", 700) + record("*", "release a=second", 800),
  record("*", "release c=main", 50) + record("*", "release a=first", 900),
  `# a comment\nExplanation: kept back\n${record("other", "version 3.0", -10)}`,
  record("lib-?ne", "release a=first", 1001),
  record("*", "release v=1", 900),
  record("*", "release b=all, a=first", 900),
  record("*", `release b=${hostArchitecture()}, a=first`, 901),
  record("*", "release b=i386, a=first", 902),
  record("sample", "release a=nowhere", 1001),
  record("lib-[ot]*", "version 2.0", 999),
  record("sample", "version 2.0", 1000),
  record("sample", "version 2.0", 999),
];

const INSTALLED = ["sample", "lib-one"]
  .map(
    (name) =>
      `Package: ${name}\nStatus: install ok installed\nVersion: 2.5\nArchitecture: all\nMaintainer: x\n` +
      "Description: x\n",
  )
  .join("\n");

test(
  "under each of many preferences, on nothing and over what is installed, the versions are apt's",
  options,
  async () => {
    const keyring = (at: number): string => join(aptFolder, `${["first", "second"][at]}.asc`);
    const sources = archives.map(
      (archive, at) =>
        `deb [signed-by=${keyring(at)}] file://${archive.repository.folder} ${["first", "second"][at]} main`,
    );
    const keys = Object.fromEntries(archives.map((archive, at) => [keyring(at).slice(1), archive.publicKey]));
    for (const status of ["", `${INSTALLED}\n`]) {
      for (const preferences of sampleOf(PREFERENCES, 8)) {
        apt.setSystem(status, "");
        apt.update(sources, preferences);
        const names = ["sample", "lib-one", "lib-two", "other"];
        const files = {
          read: (path: string): Uint8Array | undefined => {
            const text = (
              {
                ...keys,
                "etc/apt/preferences": preferences,
                "var/lib/dpkg/status": status,
                "etc/apt/sources.list": sources.join("\n"),
              } as Record<string, string>
            )[path];
            return text === undefined ? undefined : Buffer.from(text);
          },
          list: (): string[] => [],
        };
        const { ports } = archives[0]!;
        const system = readSystem(files, architecture, ports.latin1);
        const index = await loadSystemIndex(ports, files, system, { lists: "kept", keyrings: [] }, () => {});
        for (const upgrade of status === "" ? [false] : [false, true]) {
          const own = planChange(
            index,
            system.state,
            upgrade ? { upgrade: "full" } : { install: names.filter((name) => index.candidate(name) !== undefined) },
          );
          const answer = apt.decide(
            upgrade ? ["dist-upgrade"] : ["install", ...names.filter((name) => index.candidate(name) !== undefined)],
          );
          assert.deepEqual(
            own.install.map(({ package: one }) => `${one}`).sort(),
            [...answer.install].sort(),
            `${status === "" ? "nothing" : upgrade ? "upgrade" : "over 2.5"}:\n${preferences}\n${answer.text}`,
          );
        }
      }
    }
  },
);
