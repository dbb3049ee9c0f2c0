/** apt's sources. Goal: both forms are read, and the archive of Debian is told from others. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { FetchError } from "../ports.ts";
import {
  chooseMirror,
  isForArchitecture,
  parseSourcesList,
  parseSourcesStanzas,
  repositoryError,
  type SourceEntry,
} from "./sources.ts";

test("one-line sources are read, with options and comments", () => {
  const entries = parseSourcesList(
    "# deb http://no main\ndeb-src http://s/debian trixie main\n" +
      "deb [arch=amd64 signed-by=/k.gpg] http://m/debian/ bookworm main contrib # x\n" +
      "  deb file:/srv/debian sid main\njunk\n",
  );
  assert.deepEqual(entries, [
    {
      uri: "http://m/debian/",
      suite: "bookworm",
      components: ["main", "contrib"],
      signedBy: "/k.gpg",
      architectures: ["amd64"],
    },
    { uri: "file:/srv/debian", suite: "sid", components: ["main"], signedBy: undefined },
  ]);
});

test("what a source says of its validity and its architectures is read in both forms", () => {
  const [line] = parseSourcesList(
    "deb [check-valid-until=no arch=riscv64,amd64] http://snapshot/debian/20250101T000000Z trixie main\n",
  );
  const [stanza] = parseSourcesStanzas(
    "Types: deb\nURIs: http://x\nSuites: trixie\nComponents: main\nArchitectures: riscv64\nCheck-Valid-Until: no\n",
    "x",
  );
  assert.deepEqual(
    [line!.isExpiredGood, line!.architectures, stanza!.isExpiredGood, stanza!.architectures],
    [true, ["riscv64", "amd64"], true, ["riscv64"]],
  );
});

test("architectures are added to a source's and taken from them in both forms", () => {
  const asks = (source: SourceEntry): string[] =>
    ["amd64", "i386", "riscv64"].filter((architecture) => isForArchitecture(source, architecture));
  for (const [options, fields, expected] of [
    ["arch-=i386", "Architectures-Remove: i386\n", ["amd64", "riscv64"]],
    ["arch=amd64 arch+=riscv64", "Architectures: amd64\nArchitectures-Add: riscv64\n", ["amd64", "riscv64"]],
    ["arch+=riscv64", "Architectures-Add: riscv64\n", ["amd64", "i386", "riscv64"]],
    ["arch=amd64,i386 arch-=amd64", "Architectures: amd64 i386\nArchitectures-Remove: amd64\n", ["i386"]],
  ] as const) {
    const [line] = parseSourcesList(`deb [${options}] http://x trixie main\n`);
    const [stanza] = parseSourcesStanzas(
      `Types: deb\nURIs: http://x\nSuites: trixie\nComponents: main\n${fields}`,
      "x",
    );
    assert.deepEqual([asks(line!), asks(stanza!)], [expected, expected], options);
  }
});

test("yes and no are said in all words that apt knows", () => {
  const stanza = (fields: string) =>
    parseSourcesStanzas(`Types: deb\nURIs: http://x\nSuites: x\nComponents: main\n${fields}`, "x")[0];
  for (const no of ["no", "false", "0", "off", "disable", "without", "No"]) {
    assert.equal(stanza(`Enabled: ${no}\n`), undefined, no);
    assert.equal(stanza(`Check-Valid-Until: ${no}\n`)?.isExpiredGood, true, no);
    assert.equal(parseSourcesList(`deb [check-valid-until=${no}] http://x x main\n`)[0]!.isExpiredGood, true, no);
    assert.equal(stanza(`Trusted: ${no}\n`)?.isTrusted, undefined, no);
  }
  for (const yes of ["yes", "true", "1", "on", "enable", "with", "Yes"]) {
    assert.equal(stanza(`Trusted: ${yes}\nEnabled: ${yes}\n`)?.isTrusted, true, yes);
    assert.equal(parseSourcesList(`deb [trusted=${yes}] http://x x main\n`)[0]!.isTrusted, true, yes);
  }
});

test("deb822 sources are read, but for disabled ones and sources alone", () => {
  const entries = parseSourcesStanzas(
    "Types: deb deb-src\nURIs: http://m/debian\nSuites: bookworm bookworm-updates\nComponents: main\nSigned-By:\n" +
      " -----BEGIN PGP\n\nTypes: deb\nEnabled: no\nURIs: http://off\nSuites: trixie\nComponents: main\n\n" +
      "Types: deb-src\nURIs: http://src\nSuites: trixie\nComponents: main\n",
    "x",
  );
  assert.deepEqual(
    entries.map((entry) => [entry.uri, entry.suite]),
    [
      ["http://m/debian", "bookworm"],
      ["http://m/debian", "bookworm-updates"],
    ],
  );
});

test("the mirror is the main archive's, whatever suite the host follows", () => {
  const entry = (uri: string, suite: string, components = ["main"]) => ({
    uri,
    suite,
    components,
    signedBy: undefined,
  });
  const others = [
    entry("http://s/debian-security", "trixie"),
    entry("https://node", "nodistro"),
    entry("http://ubuntu", "noble"),
    entry("http://m/debian", "bookworm-updates"),
    entry("cdrom:[x]", "trixie"),
  ];
  assert.equal(chooseMirror(others), undefined);
  assert.equal(chooseMirror([...others, entry("http://m/debian", "bookworm")])?.uri, "http://m/debian");
});

test("a mirror that lacks a suite is not a network that lacks a mirror", () => {
  const words = (suite: string, isMirror: boolean, message: string, isPermanent: boolean): string =>
    (repositoryError({ uri: "http://m", suite }, isMirror, new FetchError(message, { isPermanent })) as Error).message;
  const notFound = "http://m/dists/x/InRelease: 404 Not Found";
  assert.match(words("trixi", true, notFound, true), /^http:\/\/m has no suite trixi; did you mean trixie\? \(/);
  assert.match(words("zzz", false, notFound, true), /^http:\/\/m has no suite zzz \(/);
  assert.match(
    words("x", true, "http://m/x: the name m cannot be looked up now: is there a network?", false),
    /^the Debian mirror http:\/\/m .*is there a network\? Check the network .*, or name another mirror with --mirror/,
  );
  assert.match(
    words("x", false, "http://m/x: the server takes no connections", false),
    /^the repository http:\/\/m .*no connections\. Check the network and its proxy \(http_proxy, https_proxy\)$/,
  );
});
