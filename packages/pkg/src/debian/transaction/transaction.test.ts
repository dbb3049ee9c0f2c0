/**
 * What a change consists of before the guest runs it: the order of unpacking and configuring, the script, packages
 * taken apart, and the records that apt and dpkg keep. Goal: Pre-Depends are configured in time, removals are marked
 * first, names cannot become commands.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { parseAr } from "@stratos/formats";
import { unpackOrder } from "../image/unpack-order.ts";
import { makeDeb, makeSigner, publish } from "../../testing/test-archive.ts";
import { testPorts } from "../../testing/test-ports.ts";
import { DebError, openDeb } from "../deb-archive.ts";
import { InstalledState } from "../installed-state.ts";
import { PackageIndex } from "../package-index.ts";
import { planChange } from "../resolver/plan-change.ts";
import { installedDependents, searchPackages, sentenceOf, whyInstalled } from "../queries.ts";
import { loadSystemIndex, markHeld, readSystem, updateExtendedStates, type SystemFiles } from "../system.ts";
import { repackDeb } from "./repack.ts";
import { transactionScript, transactionSteps } from "./transaction-script.ts";

function indexOf(...lines: string[]): PackageIndex {
  const index = new PackageIndex();
  index.add(
    lines
      .map((line) => {
        const [name, version, ...rest] = line.split(" ");
        return `Package: ${name}\nVersion: ${version}\nArchitecture: riscv64\n${rest
          .join(" ")
          .split(";")
          .map((field) => field.trim())
          .filter((field) => field !== "")
          .join("\n")}\n`;
      })
      .join("\n"),
    { name: "test", baseUrl: "http://x", priority: 500 },
    "riscv64",
  );
  return index;
}

function stepsOf(index: PackageIndex, ...install: string[]): string[] {
  const change = planChange(index, new InstalledState("riscv64", []), { install });
  const order = unpackOrder(
    change.install.map((one) => one.package),
    index,
    "riscv64",
  );
  return transactionSteps({ order, index, architecture: "riscv64" }).map(
    (step) => `${step.kind} ${step.packages.map((one) => one.name).join(" ")}`,
  );
}

test("what a package depends on is unpacked before it, all in one step", () => {
  assert.deepEqual(stepsOf(indexOf("a 1 Depends: b, c", "b 1 Depends: c", "c 1"), "a"), ["unpack c b a"]);
});

test("what a package pre-depends on is configured before it is unpacked, with all that it needs", () => {
  const index = indexOf("a 1 Pre-Depends: p", "p 1 Depends: q", "q 1 Depends: r", "r 1", "z 1");
  assert.deepEqual(stepsOf(index, "z", "a"), ["unpack z r q p", "configure r q p", "unpack a"]);
});

test("circles of dependencies behind Pre-Depends are unpacked whole before they are configured", () => {
  const index = indexOf("a 1 Pre-Depends: p", "p 1 Depends: q", "q 1 Depends: p");
  assert.deepEqual(stepsOf(index, "a"), ["unpack q p", "configure q p", "unpack a"]);
});

test("the script marks what goes, unpacks, configures and removes what is left; purges say so", () => {
  const index = indexOf("new 1 Conflicts: old", "old 1", "rest 1");
  const state = new InstalledState(
    "riscv64",
    ["old", "rest"].map((name) => ({
      package: index.candidate(name)!,
      isHeld: false,
      isAutomatic: false,
      isEssential: false,
      state: "installed",
    })),
  );
  const change = planChange(index, state, { install: ["new"], remove: ["rest"], purge: true });
  const script = transactionScript({
    change,
    order: change.install.map((one) => one.package),
    index,
    architecture: "riscv64",
    dpkgOptions: ["--force-confnew", "--path-exclude=/usr/share/man/*"],
    pathOf: (one) => `/mnt/it's ${one.name}.deb`,
  });
  const at = (text: string): number => {
    const found = script.indexOf(text);
    assert.ok(found >= 0, `${text} in\n${script}`);
    return found;
  };
  assert.ok(
    at("dpkg --set-selections <<'END'\nold:riscv64 purge\nrest:riscv64 purge\nEND") <
      at("--unpack '/mnt/it'\\''s new.deb'"),
  );
  assert.ok(
    at(
      "dpkg --force-unsafe-io --force-hold --auto-deconfigure --force-confnew '--path-exclude=/usr/share/man/*' --no-",
    ) < at("--unpack"),
  );
  assert.ok(at("--unpack") < at("--configure --pending"));
  assert.ok(at("--configure --pending") < at("--purge $left"));
});

test("a package with its parts unpacked is the same package", async () => {
  const ports = testPorts();
  const bytes = makeDeb({
    control: { Package: "a", Version: "1", Architecture: "all", Description: "a" },
    files: [{ path: "./x", text: "content" }],
  });
  const repacked = await repackDeb(bytes, "a", ports.decompress);
  const members = parseAr(repacked);
  assert.ok(typeof members !== "string");
  assert.deepEqual(
    members.map((one) => one.name),
    ["debian-binary", "control.tar", "data.tar"],
  );
  const archive = await openDeb(repacked, "a", ports),
    original = await openDeb(bytes, "a", ports);
  assert.deepEqual([archive.control.get("Package"), Buffer.from(archive.data)], ["a", Buffer.from(original.data)]);
  await assert.rejects(repackDeb(bytes.slice(0, 100), "a", ports.decompress), DebError);
});

test("apt's record of what came for others is kept up: new, manual again, gone, foreign", () => {
  const text =
    "Package: a\nArchitecture: riscv64\nAuto-Installed: 1\n\nPackage: a\nArchitecture: amd64\nAuto-Installed: 1\n" +
    "\nPackage: b\nArchitecture: riscv64\nAuto-Installed: 1\nX-Own: kept\n\n";
  const marks = new Map([
    ["a", { architecture: "riscv64", isAutomatic: false }],
    ["c", { architecture: "riscv64", isAutomatic: true }],
    ["gone", undefined],
  ]);
  assert.equal(
    updateExtendedStates(text, marks, "riscv64"),
    "Package: a\nArchitecture: amd64\nAuto-Installed: 1\n\nPackage: b\nArchitecture: riscv64\nAuto-Installed: 1\n" +
      "X-Own: kept\n\nPackage: c\nArchitecture: riscv64\nAuto-Installed: 1\n\n",
  );
  assert.equal(updateExtendedStates("", new Map(), "riscv64"), "");
});

test("holding changes one word of dpkg's status, of the package meant", () => {
  const status =
    "Package: a\nStatus: install ok installed\nArchitecture: riscv64\nDescription: x\n Status: install nothing\n" +
    "\nPackage: a\nStatus: install ok installed\nArchitecture: amd64\n\nPackage: b\n" +
    "Status: deinstall ok config-files\nArchitecture: all\n\n";
  const held = markHeld(status, new Set(["a", "b"]), true, "riscv64");
  assert.equal(held, status.replace("Status: install ok installed", "Status: hold ok installed"));
  assert.equal(markHeld(held, new Set(["a"]), false, "riscv64"), status);
});

const NOW = 1_800_000_000;

test(
  "a system is read from its files: sources in both forms with their keys, " + "pins, architectures, what is installed",
  async () => {
    const signer = await makeSigner(NOW - 100_000);
    const ports = testPorts();
    await publish(
      ports,
      [
        { control: { Package: "hello", Version: "2", Architecture: "riscv64", Description: "greets" } },
        {
          control: {
            Package: "hullo",
            Version: "1",
            Architecture: "riscv64",
            Depends: "hello",
            Description: "greets twice",
          },
        },
      ],
      signer,
    );
    const texts = new Map<string, string | Uint8Array>([
      ["etc/apt/sources.list.d/own.list", "deb [signed-by=/etc/apt/own.gpg] http://mirror/debian trixie main\n"],
      ["etc/apt/sources.list.d/ignored.save", "deb http://nowhere x y\n"],
      ["etc/apt/own.gpg", signer.publicKey],
      ["etc/apt/preferences.d/pins", "Package: hello\nPin: version 2\nPin-Priority: -1\n"],
      [
        "var/lib/dpkg/status",
        "Package: hello\nStatus: install ok installed\nVersion: 1\nArchitecture: riscv64\n\nPackage: top\n" +
          "Status: install ok installed\nVersion: 1\nArchitecture: riscv64\nRecommends: hello\n\n",
      ],
      ["var/lib/apt/extended_states", "Package: hello\nArchitecture: riscv64\nAuto-Installed: 1\n\n"],
      ["var/lib/dpkg/arch", "riscv64\n"],
    ]);
    const files: SystemFiles = {
      read: (path) => {
        const text = texts.get(path);
        return text === undefined ? undefined : Buffer.from(text as string, "latin1");
      },
      list: (path) =>
        [...texts.keys()]
          .filter((name) => name.startsWith(`${path}/`))
          .map((name) => name.slice(path.length + 1))
          .sort(),
    };
    const system = readSystem(files, "riscv64", ports.latin1);
    const index = await loadSystemIndex(ports, files, system, { lists: "fresh", keyrings: [] }, () => {});
    assert.equal(index.candidate("hello")?.version, "1", "version 2 is pinned away");
    const hello = system.state.get("hello")!;
    assert.deepEqual([hello.isAutomatic, hello.package.origin.name], [true, "installed"]);
    assert.deepEqual(whyInstalled(index, system.state, hello.package)!.map(sentenceOf), ["top recommends hello"]);
    assert.deepEqual(installedDependents(index, system.state, hello.package).map(sentenceOf), ["top recommends hello"]);
    assert.deepEqual(
      searchPackages(index, system.state, ["GREETS"], false).map((hit) => hit.name),
      ["hullo"],
    );
    const all = searchPackages(index, system.state, [], false).map((hit) => hit.name);
    for (const words of [[""], ["", ""]])
      assert.deepEqual(
        searchPackages(index, system.state, words, false).map((hit) => hit.name),
        all,
      );
    // It ends, too, where a word is found behind a package's last letter.
    assert.deepEqual(searchPackages(index, system.state, ["\n\n"], false), []);
    assert.deepEqual(
      searchPackages(index, system.state, ["hel"], true).map((hit) => `${hit.name} ${hit.isInstalled}`),
      ["hello true"],
    );
  },
);
