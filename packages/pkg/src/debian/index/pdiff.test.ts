/**
 * Lists brought up to date by differences. Goal: what comes out is the list of the archive, byte for byte, whether
 * patches are merged or not; what does not fit or is tampered with is never believed, and the list comes whole then.
 * `diff --ed` writes the patches.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { SeededRandom } from "@stratos/base";
import { PackageIndex } from "../package-index.ts";
import { loadRepository } from "../repository.ts";
import { makeSigner, type TestSigner } from "../../testing/test-archive.ts";
import { sha256, testPorts, type TestPorts } from "../../testing/test-ports.ts";
import { applyEdScript, PatchError } from "./pdiff.ts";

const hasDiff = spawnSync("diff", ["--version"]).status === 0;
const options = { skip: hasDiff ? false : "diff is not installed" };

function edScript(from: string, to: string): string {
  const folder = mkdtempSync(join(tmpdir(), "stratos-pdiff-"));
  try {
    writeFileSync(join(folder, "from"), from, "latin1");
    writeFileSync(join(folder, "to"), to, "latin1");
    return spawnSync("diff", ["--text", "--ed", join(folder, "from"), join(folder, "to")], { encoding: "latin1" })
      .stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("scripts of diff make one random text of another, lines of dots among them", options, () => {
  const seed = 7,
    random = new SeededRandom(seed);
  const words = ["a", "b", ".", "..", "s/.//", "1d", ""];
  for (let round = 0; round < 60; round++) {
    const lines = Array.from({ length: random.below(30) }, () => words[random.below(words.length)]!);
    const to = lines.flatMap((line) =>
      random.below(5) === 0 ? [] : random.below(4) === 0 ? [line, words[random.below(words.length)]!] : [line],
    );
    const text = (from: readonly string[]): string => from.map((line) => `${line}\n`).join("");
    assert.deepEqual(applyEdScript(lines, edScript(text(lines), text(to))), to, `seed ${seed}, round ${round}`);
  }
});

test("scripts that are none, cut short or out of order are refused", () => {
  for (const script of ["x\n", "1a\nline\n", "1d\n2d\n", "9d\n", "0d\n", "3,2d\n", "1,2a\nx\n.\n"])
    assert.throws(() => applyEdScript(["a", "b", "c"], script), PatchError, script);
  assert.deepEqual(applyEdScript(["a", "b", "c"], "3a\nd\n.\n1,2c\nx\n.\n"), ["x", "c", "d"]);
});

interface Offer {
  merged?: boolean;
  spoil?: (patch: string) => string;
  noPatches?: boolean;
}
const FOLDER = "http://mirror/debian/dists/trixie";
const LIST = "main/binary-riscv64/Packages";

/** Puts the last of `states` on the web, with patches from the others. */
async function offer(
  ports: TestPorts,
  states: readonly string[],
  signer: TestSigner,
  { merged = false, spoil = (patch) => patch, noPatches = false }: Offer = {},
): Promise<void> {
  const now = Buffer.from(states.at(-1)!),
    packed = gzipSync(now);
  const files = new Map<string, Uint8Array>([
    [LIST, now],
    [`${LIST}.gz`, packed],
  ]);
  const line = (bytes: Uint8Array, name = ""): string =>
    ` ${sha256(bytes)} ${bytes.length}${name === "" ? "" : ` ${name}`}\n`;
  let history = "",
    patches = "",
    downloads = "";
  states.slice(0, -1).forEach((state, at) => {
    const script = Buffer.from(edScript(state, merged ? states.at(-1)! : states[at + 1]!), "latin1");
    const sent = gzipSync(Buffer.from(spoil(script.toString("latin1")), "latin1"));
    const name = `T-${at}`;
    history += line(Buffer.from(state), name);
    patches += line(script, name);
    downloads += line(sent, `${name}.gz`);
    ports.web.set(`${FOLDER}/${LIST}.diff/${name}.gz`, sent);
  });
  if (!noPatches)
    files.set(
      `${LIST}.diff/Index`,
      Buffer.from(
        `SHA256-Current:${line(now)}SHA256-History:\n${history}SHA256-Patches:\n${patches}SHA256-Download:\n` +
          `${downloads}${merged ? "X-Patch-Precedence: merged\n" : ""}`,
      ),
    );
  const listed = [...files].map(([name, bytes]) => ` ${sha256(bytes)} ${bytes.length} ${name}\n`).join("");
  for (const [name, bytes] of files) if (name !== LIST) ports.web.set(`${FOLDER}/${name}`, bytes);
  ports.web.set(
    `${FOLDER}/InRelease`,
    Buffer.from(
      await signer.sign(
        `Suite: stable\nCodename: trixie\nDate: Fri, 15 Jan 2027 07:0${states.length}:00 UTC\nArchitectures: ` +
          `riscv64\nComponents: main\nSHA256:\n${listed}`,
      ),
    ),
  );
}

test(
  "a list of last time is brought up to date by what has changed; anything wrong, and it comes whole",
  options,
  async () => {
    const signer = await makeSigner(1_800_000_000 - 100_000);
    const stanza = (name: string, version: number): string =>
      `Package: ${name}\nVersion: ${version}\nArchitecture: riscv64\nDescription: ` +
      `${[1, 2, 3, 4, 5, 6].map((part) => sha256(Buffer.from(name + part))).join("")}\n\n`;
    const names = Array.from({ length: 60 }, (_, at) => `package-${at}-${sha256(Buffer.from([at])).slice(0, 20)}`);
    const states = [1, 2, 3].map((day) =>
      names
        .filter((_, at) => at !== day * 7)
        .map((name, at) => stanza(name, at % 10 === 0 ? day : 1))
        .join(""),
    );
    const digest = (state: string): string => sha256(Buffer.from(state.trimEnd()));
    for (const [what, given, isPatched] of [
      ["one after the other", {}, true],
      ["merged", { merged: true }, true],
      ["tampered with", { spoil: (patch: string) => `${patch}1d\n` }, false],
      ["none", { noPatches: true }, false],
    ] as const) {
      const ports = testPorts();
      const load = async (): Promise<string> => {
        const index = new PackageIndex();
        await loadRepository(
          ports,
          {
            uri: "http://mirror/debian",
            suite: "trixie",
            components: ["main"],
            architecture: "riscv64",
            keyrings: [signer.publicKey],
          },
          index,
          () => {},
        );
        return sha256(Buffer.from(index.text().trimEnd()));
      };
      await offer(ports, states.slice(0, 1), signer);
      assert.equal(await load(), digest(states[0]!));
      const before = ports.opened.length;
      await offer(ports, states, signer, given);
      assert.equal(await load(), digest(states[2]!), what);
      const asked = ports.opened.slice(before);
      assert.equal(asked.includes(`${FOLDER}/${LIST}.gz`), !isPatched, `${what}: ${asked.join(" ")}`);
      const patches = asked.filter((url) => /T-\d/.test(url)).length;
      if (isPatched) assert.equal(patches, what === "merged" ? 1 : 2, what);
      // The next day begins where this one ended.
      const next = `${states[2]!}${stanza("newest", 1)}`;
      await offer(ports, [...states, next], signer);
      assert.equal(await load(), digest(next), what);
      assert.deepEqual(
        [...ports.files.keys()].filter((path) => /\.diff/.test(path)),
        [],
        "patches are not kept",
      );
    }
  },
);
