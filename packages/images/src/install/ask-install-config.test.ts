/** Goal: who answers gets a configuration that makes sense, and keeps secrets. Method: answers as people type them. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { askInstallConfig } from "./ask-install-config.ts";

const folder = mkdtempSync(join(tmpdir(), "stratos-questions-"));
const at = (name: string): string => join(folder, name);
after(() => rmSync(folder, { recursive: true, force: true }));

test("it asks again until an answer makes sense, and keeps no password", async () => {
  mkdirSync(at("root"));
  writeFileSync(at("keys"), "# mine\nssh-ed25519 AAAA me@x\n\n");
  const answers = [
    "",
    at("nothing/here"),
    at("root"),
    at("new.raw"),
    "large",
    "2G",
    "Bad Name",
    "box",
    "",
    "Europe/Berlin",
    "",
    "512M",
    "anna",
    "secret",
    "secrte",
    "secret",
    "secret",
    "/no/such/file",
    at("keys"),
  ];
  let said = "";
  const config = await askInstallConfig(
    {
      ask: (question) => {
        said += question;
        const answer = answers.shift();
        return answer === undefined ? Promise.reject(new Error(`no answer to ${question}`)) : Promise.resolve(answer);
      },
      say: (text) => {
        said += text;
      },
    },
    {},
  );
  assert.deepEqual(answers, []);
  assert.match(
    said,
    // wide: one pattern
    /something has to be installed[\s\S]*no such file or folder[\s\S]*expected a size such as 8G[\s\S]*lower-case letters[\s\S]*the two differ[\s\S]*no such file/,
  );
  const { user, ...rest } = config;
  assert.match(user![0]!.password_hash!, /^\$6\$[./0-9A-Za-z]{16}\$[./0-9A-Za-z]{86}$/);
  assert.deepEqual([user![0]!.name, user![0]!.ssh_keys], ["anna", ["ssh-ed25519 AAAA me@x"]]);
  assert.deepEqual(rest.system, { source: at("root"), hostname: "box", locale: "C.UTF-8", timezone: "Europe/Berlin" });
  assert.deepEqual(
    rest.partition?.map(({ name, size }) => [name, size]),
    [
      ["esp", "256M"],
      ["root", "rest"],
      ["swap", "512M"],
    ],
  );
  assert.ok(!JSON.stringify(config).includes("secret"));
});
