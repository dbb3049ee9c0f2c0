import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { homeFolder, readConfig, stratosHome } from "./stratos-home.ts";

test("STRATOS_HOME wins over XDG_DATA_HOME, and a relative XDG_DATA_HOME is ignored", () => {
  assert.equal(stratosHome({ STRATOS_HOME: "/a/b", XDG_DATA_HOME: "/x" }), "/a/b");
  assert.equal(stratosHome({ STRATOS_HOME: "", XDG_DATA_HOME: "/x" }), "/x/stratos");
  assert.equal(stratosHome({ XDG_DATA_HOME: "x" }), join(homedir(), ".local/share/stratos"));
});

test("the configuration is optional, and its mistakes are named", () => {
  const home = mkdtempSync(join(tmpdir(), "stratos-home-"));
  try {
    assert.deepEqual(readConfig(home), {});
    writeFileSync(join(home, "config.json"), '{"mirror":"http://mirror.example/debian"}');
    assert.deepEqual(readConfig(home), { mirror: "http://mirror.example/debian" });
    for (const [text, why] of [["{", /JSON/], ["[]", /not a JSON object/], ['{"miror":"x"}', /unknown setting "miror"/], ['{"mirror":1}', /"mirror" is not a string/]] as const) {
      writeFileSync(join(home, "config.json"), text);
      assert.throws(() => readConfig(home), why);
    }
  } finally {
    rmSync(home, { recursive: true });
  }
});

test("what keeps a home from being made is told, not that it isn't there", () => {
  const file = join(mkdtempSync(join(tmpdir(), "stratos-home-")), "file");
  writeFileSync(file, "");
  assert.throws(() => homeFolder(join(file, "deep/home"), "images"), (error: NodeJS.ErrnoException) => error.code === "ENOTDIR" || error.code === "EEXIST");
  rmSync(dirname(file), { recursive: true });
});
