/**
 * What a refusal says. Goal: whoever reads it knows which packages and which of their relations stand against one
 * another, and nothing else. Method: small archives, each with one thing wrong; the whole text is compared.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { parseInstalledState } from "../installed-state.ts";
import { PackageIndex } from "../package-index.ts";
import { parsePreferences, priorities } from "../policy.ts";
import { planChange, type ChangeRequest } from "./plan-change.ts";
import { UnsatisfiableError } from "./resolution.ts";

/** Lines `name version [Field: value; …]`. */
function textOf(lines: readonly string[], architecture: string): string {
  return lines
    .map((line) => {
      const [, name, version, rest] = /^(\S+) (\S+) ?(.*)$/.exec(line)!;
      return (
        [
          `Package: ${name}`,
          `Version: ${version}`,
          `Architecture: ${architecture}`,
          ...rest!
            .split(";")
            .map((field) => field.trim())
            .filter((field) => field !== ""),
        ].join("\n") + "\n"
      );
    })
    .join("\n");
}

interface World {
  trixie: string[];
  bookworm?: string[];
  /** of another architecture */
  i386?: string[];
  /** `name version`, held with `!` before it */
  installed?: string[];
  pins?: string;
}

function refusal(world: World, request: ChangeRequest): string {
  const index = new PackageIndex();
  const add = (lines: readonly string[], codename: string, architecture: string): void =>
    index.add(
      textOf(lines, architecture),
      {
        name: codename,
        baseUrl: "http://x",
        priority: 500,
        release: {
          archive: codename,
          codename,
          origin: "Debian",
          label: "Debian",
          component: "main",
          version: "13",
          architecture,
        },
      },
      architecture,
    );
  add(world.trixie, "trixie", "amd64");
  if (world.bookworm !== undefined) add(world.bookworm, "bookworm", "amd64");
  if (world.i386 !== undefined) add(world.i386, "trixie", "i386");
  if (world.pins !== undefined) index.setPriorities(priorities(parsePreferences(world.pins, "preferences")));
  const state = parseInstalledState(
    (world.installed ?? [])
      .map((line) =>
        textOf([line.replace("!", "")], "amd64").replace(
          "\n",
          `\nStatus: ${line.startsWith("!") ? "hold" : "install"} ok installed\n`,
        ),
      )
      .join("\n"),
    "",
    "amd64",
  );
  state.joinIndex(index);
  try {
    planChange(index, state, request);
  } catch (error) {
    assert.ok(error instanceof UnsatisfiableError, String(error));
    return error.message.replaceAll("\n  ", "\n");
  }
  return assert.fail("an answer came where none exists");
}

const POSTFIX = "postfix 3 Conflicts: mail-transport-agent; Provides: mail-transport-agent",
  EXIM = "exim4 4 Conflicts: mail-transport-agent; Provides: mail-transport-agent";

const CASES: readonly [title: string, world: World, request: ChangeRequest, text: string][] = [
  [
    "a name that does not exist",
    { trixie: ["vim 9"] },
    { install: ["vmi"] },
    "vmi cannot be installed:\nvmi was asked for, but no package of that name exists (did you mean vim?)",
  ],
  [
    "a version that does not exist",
    { trixie: ["vim 9"] },
    { install: ["vim=8"] },
    "vim=8 cannot be installed:\nvim=8 was asked for, but there is only vim 9",
  ],
  [
    "a suite that has it not",
    { trixie: ["vim 9"] },
    { install: ["vim/sid"] },
    "vim/sid cannot be installed:\nvim/sid was asked for, but there is only vim 9 of trixie",
  ],
  [
    "an architecture that has it not",
    { trixie: ["vim 9"] },
    { install: ["vim:i386"] },
    "vim:i386 cannot be installed:\nvim:i386 was asked for, but there is only vim 9 for amd64",
  ],
  [
    "one name in two versions",
    { trixie: ["vim 8", "vim 9"] },
    { install: ["vim=8", "vim=9"] },
    "the packages asked for cannot be installed together:\nvim=8 was asked for\nvim=9 was asked for\n" +
      "only one version of vim can be installed: 8 or 9",
  ],
  [
    "to come and to go",
    { trixie: ["vim 9"] },
    { install: ["vim", "vim-"] },
    "vim cannot be installed:\nvim was asked for\nvim 9 is to be removed",
  ],
  [
    "something missing further down",
    { trixie: ["a 1 Depends: b", "b 1 Pre-Depends: ghost"] },
    { install: ["a"] },
    "a cannot be installed:\na was asked for\na 1 depends on b\n" +
      "b 1 depends beforehand on ghost, but no package of that name exists, and none provides it",
  ],
  [
    "a dependency that is too old",
    { trixie: ["a 1 Depends: libc6 (>= 2.42)", "libc6 2.41"] },
    { install: ["a"] },
    "a cannot be installed:\na was asked for\na 1 depends on libc6 (>= 2.42), but there is only libc6 2.41",
  ],
  [
    "a provider without the version",
    { trixie: ["a 1 Depends: v (>= 3)", "p 1 Provides: v (= 2)", "q 1 Provides: v"] },
    { install: ["a"] },
    "a cannot be installed:\na was asked for\na 1 depends on v (>= 3), but p 1 and q 1 provide it in no fitting " +
      "version",
  ],
  [
    "many providers that lack the same",
    {
      trixie: [
        "a 1 Depends: v",
        ...["p", "q", "r", "s", "t", "u"].map((name) => `${name} 1 Provides: v; Depends: ghost`),
      ],
    },
    { install: ["a"] },
    "a cannot be installed:\na was asked for\na 1 depends on v: u 1, t 1, s 1, r 1 and 2 more\n" +
      "u 1, t 1, s 1, r 1 and 2 more depend on ghost, but no package of that name exists, and none provides it",
  ],
  [
    "alternatives that fail each in its way",
    { trixie: ["a 1 Depends: x | y", "x 1 Depends: ghost", "y 1 Conflicts: b", "b 1"] },
    { install: ["a", "b"] },
    "the packages asked for cannot be installed together:\na was asked for\nb was asked for\n" +
      "a 1 depends on x | y: x 1 or y 1\nx 1 depends on ghost, but no package of that name exists, and none " +
      "provides it\ny 1 conflicts with b 1",
  ],
  [
    "a conflict by what is provided",
    { trixie: [POSTFIX, EXIM] },
    { install: ["postfix", "exim4"] },
    "the packages asked for cannot be installed together:\npostfix was asked for\nexim4 was asked for\n" +
      "postfix 3 conflicts with mail-transport-agent, which exim4 4 provides",
  ],
  [
    "a provided name that begins like the provider's",
    { trixie: ["a 1 Conflicts: exim4-like", "exim4 4 Provides: exim4-like"] },
    { install: ["a", "exim4"] },
    "the packages asked for cannot be installed together:\na was asked for\nexim4 was asked for\n" +
      "a 1 conflicts with exim4-like, which exim4 4 provides",
  ],
  [
    "Breaks of a version",
    { trixie: ["a 2 Breaks: b (<< 2)", "b 1"] },
    { install: ["a", "b"] },
    "the packages asked for cannot be installed together:\na was asked for\nb was asked for\n" +
      "a 2 breaks b (<< 2), which b 1 is",
  ],
  [
    "two that need different versions",
    { trixie: ["lib 1", "lib 2", "a 1 Depends: lib (= 1)", "b 1 Depends: lib (= 2)"] },
    { install: ["a", "b"] },
    "the packages asked for cannot be installed together:\na was asked for\nb was asked for\n" +
      "a 1 depends on lib (= 1): lib 1\nb 1 depends on lib (= 2): lib 2\n" +
      "only one version of lib can be installed: 1 or 2",
  ],
  [
    "a circle with a conflict in it",
    { trixie: ["a 1 Depends: b", "b 1 Depends: c", "c 1 Depends: a; Conflicts: b"] },
    { install: ["a"] },
    "a cannot be installed:\na was asked for\na 1 depends on b\nb 1 depends on c\nc 1 conflicts with b 1",
  ],
  [
    "a package of another suite whose needs are newer here",
    { trixie: ["a 2", "b 2"], bookworm: ["a 1 Depends: b (= 1)"] },
    { install: ["a/bookworm"] },
    "a/bookworm cannot be installed:\na/bookworm was asked for: a 1\na 1 depends on b (= 1), but there is only b 2",
  ],
  [
    "a version that is held",
    { trixie: ["lib 2", "a 1 Depends: lib (>= 2)"], installed: ["!lib 1"] },
    { install: ["a"] },
    "a cannot be installed:\na was asked for\nlib 1 is held\na 1 depends on lib (>= 2): lib 2\n" +
      "only one version of lib can be installed: 1 or 2",
  ],
  [
    "an older version than the installed one",
    { trixie: ["lib 1", "a 1 Depends: lib (= 1)"], installed: ["lib 2"] },
    { install: ["a"] },
    "a cannot be installed:\na was asked for\na 1 depends on lib (= 1): lib 1\n" +
      "lib 1 is older than the 2 that is installed",
  ],
  [
    "something that a pin rules out",
    { trixie: ["a 1 Depends: snapd", "snapd 2"], pins: "Package: snapd\nPin: release *\nPin-Priority: -1\n" },
    { install: ["a"] },
    "a cannot be installed:\na was asked for\na 1 depends on snapd, but there is only snapd 2, which a pin of -1 " +
      "forbids",
  ],
  [
    "an essential package that would have to go",
    { trixie: ["a 1 Conflicts: dash", "dash 1 Essential: yes"], installed: ["dash 1 Essential: yes"] },
    { install: ["a"] },
    "a cannot be installed:\na was asked for\ndash 1 is essential and must stay\na 1 conflicts with dash 1",
  ],
  [
    "several names that do not exist, all at once",
    { trixie: ["vim 9", "nano 7"] },
    { install: ["vmi", "nano", "gforth", "nano (>= 8)"] },
    "3 of the packages asked for cannot be installed:\nvmi was asked for, but no package of that name exists (did " +
      "you mean vim?)\ngforth was asked for, but no package of that name exists\nnano (>= 8) was asked for, but " +
      "there is only nano 7",
  ],
  [
    "what an essential package needs, in two versions",
    {
      trixie: ["lib 1", "lib 2", "dash 1 Essential: yes; Depends: lib"],
      installed: ["dash 1 Essential: yes; Depends: lib", "lib 1"],
    },
    { remove: ["lib"] },
    "the change is not possible:\ndash 1 is essential and must stay\ndash 1 depends on lib: lib 1 or 2\n" +
      "lib 1 and 2 are to be removed",
  ],
  [
    "removal of a name that does not exist",
    { trixie: ["firefox 1"] },
    { remove: ["firefx"] },
    "the change is not possible:\nfirefx was to be removed, but no package of that name exists (did you mean firefox?)",
  ],
  [
    "a dependency on another architecture",
    { trixie: ["a 1 Depends: python3:i386", "python3 3 Multi-Arch: allowed"] },
    { install: ["a"] },
    "a cannot be installed:\na was asked for\na 1 depends on python3:i386, but there is only python3 3 for amd64",
  ],
  [
    "`:any` of a package that does not allow it",
    { trixie: ["a 1 Depends: tool:any", "tool 1"] },
    { install: ["a"] },
    "a cannot be installed:\na was asked for\na 1 depends on tool:any, but tool 1 may not be of any " +
      "architecture, not being `Multi-Arch: allowed`",
  ],
  [
    "one name for two architectures",
    { trixie: ["tool 1", "a 1 Depends: tool"], i386: ["tool 1", "wine 1 Depends: tool"] },
    { install: ["a", "wine:i386"] },
    "the packages asked for cannot be installed together:\na was asked for\n" +
      "wine:i386 was asked for: wine:i386 1\na 1 and wine:i386 1 depend on tool\n" +
      "tool can be installed for one architecture only: amd64 or i386",
  ],
  [
    "`Multi-Arch: same` in two versions",
    { trixie: ["lib 2 Multi-Arch: same", "a 1 Depends: lib"], i386: ["lib 1 Multi-Arch: same", "wine 1 Depends: lib"] },
    { install: ["a", "wine:i386"] },
    "the packages asked for cannot be installed together:\na was asked for\n" +
      "wine:i386 was asked for: wine:i386 1\na 1 and wine:i386 1 depend on lib\n" +
      "lib must be of one version for each architecture: 2 for amd64, or 1 for i386",
  ],
];

for (const [title, world, request, text] of CASES) {
  test(`a refusal tells of ${title}`, () => {
    assert.equal(refusal(world, request), text);
  });
}

test("versions and architectures of one name, no two of which can be there together, are one sentence", () => {
  const told = refusal(
    {
      trixie: ["tool 2", "one 1 Depends: tool"],
      bookworm: ["tool 1"],
      i386: ["tool 2", "other 1 Depends: tool"],
    },
    { install: ["one", "other:i386"] },
  );
  assert.equal(told.split("\n").filter((line) => line.startsWith("tool ")).length, 1, told);
  assert.match(told, /^tool can be installed once only: 2 for i386, 2 for amd64 or 1 for amd64$/m);
});
