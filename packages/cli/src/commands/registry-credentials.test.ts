/**
 * Signing in at registries. Goal: who has signed in with podman, skopeo or docker is signed in here; what is wrong is
 * said. Method: files in each of the forms that these tools write; a helper of our own; and Debian's docker-registry
 * with a password, where `skopeo login` has signed in.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { runCommand } from "../testing/run-command.ts";
import { registryCredentials } from "@stratos/images/outputs";

const folder = mkdtempSync(join(tmpdir(), "stratos-sign-in-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const home = join(folder, "home");
const base64 = (text: string): string => Buffer.from(text).toString("base64");

function put(path: string, value: unknown): string {
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, typeof value === "string" ? value : JSON.stringify(value));
  return path;
}

function ask(name: string, env: Record<string, string> = {}): string | undefined {
  const [registry, ...repository] = name.split("/");
  const found = registryCredentials(
    { registry: registry!, repository: repository.join("/") },
    { env: { PATH: process.env["PATH"], XDG_RUNTIME_DIR: join(folder, "runtime"), ...env }, home, uid: 12345 },
  );
  return found === undefined ? undefined : `${found.username}:${found.password}`;
}

test("the file, the form and the name of each tool's sign-in are found, the most particular name first", () => {
  assert.equal(ask("host/a"), undefined);
  put(join(home, ".docker/config.json"), {
    auths: {
      "https://index.docker.io/v1/": { auth: base64("hub:1") },
      "http://old:5000/v2/": { auth: base64("old:1") },
      plain: { username: "p", password: "q:r" },
      host: { auth: base64("docker:1") },
    },
  });
  assert.deepEqual(
    ["docker.io/library/x", "old:5000/a", "plain/a", "host/a", "hos/a"].map((name) => ask(name)),
    ["hub:1", "old:1", "p:q:r", "docker:1", undefined],
  );
  put(join(home, ".config/containers/auth.json"), {
    auths: {
      host: { auth: base64("config:1") },
      "host/a": { auth: base64("group:1") },
      "host/a/b": { auth: base64("one:2") },
    },
  });
  assert.deepEqual(
    ["host/x", "host/a/c", "host/a/b", "host/ab"].map((name) => ask(name)),
    ["config:1", "group:1", "one:2", "config:1"],
  );
  put(join(folder, "runtime/containers/auth.json"), { auths: { host: { auth: base64("runtime:1") } } });
  assert.equal(ask("host/x"), "runtime:1");
  assert.equal(ask("plain/a"), "p:q:r");
  const named = put(join(folder, "named.json"), { auths: {} });
  assert.equal(ask("host/x", { REGISTRY_AUTH_FILE: named }), undefined);
  assert.equal(ask("host/x", { DOCKER_CONFIG: folder, XDG_CONFIG_HOME: folder, XDG_RUNTIME_DIR: folder }), undefined);
  put(join(folder, "config.json"), { auths: { host: { auth: base64("elsewhere:1") } } });
  assert.equal(
    ask("host/x", { DOCKER_CONFIG: folder, XDG_CONFIG_HOME: folder, XDG_RUNTIME_DIR: folder }),
    "elsewhere:1",
  );
  assert.equal(ask("host/x", { STRATOS_REGISTRY_AUTH: "own:a:b" }), "own:a:b");
});

test("what cannot be read is said, not passed over", () => {
  const broken = put(join(folder, "broken.json"), "{");
  assert.throws(() => ask("host/x", { REGISTRY_AUTH_FILE: broken }), /broken\.json: is not JSON/);
  assert.throws(
    () => ask("host/x", { REGISTRY_AUTH_FILE: join(folder, "none.json") }),
    /none\.json: no such file \(REGISTRY_AUTH_FILE/,
  );
  assert.throws(
    () => ask("host/x", { REGISTRY_AUTH_FILE: put(join(folder, "half.json"), { auths: { host: { auth: "????" } } }) }),
    /half\.json: holds a name and password that cannot be read/,
  );
  assert.throws(
    () => ask("host/x", { STRATOS_REGISTRY_AUTH: "nonsense" }),
    /STRATOS_REGISTRY_AUTH: has not the form USER:PASSWORD/,
  );
});

test(
  "a helper that the file names is asked",
  {
    skip: process.platform === "win32" ? "the helper is a shell script" : false,
  },
  () => {
    const bin = join(folder, "bin");
    const helper = put(
      join(bin, "docker-credential-sample"),
      `#!/bin/sh\nread server\ncase $1-$server in get-host) echo '{"Username":"helped","Secret":"s:1"}';; ` +
        `get-https://index.docker.io/v1/) echo '{"Username":"hub","Secret":"2"}';; get-locked) echo 'the keyring is ` +
        "locked' >&2; exit 1;; get-odd) echo odd;; *) echo 'credentials not found in native keychain'; exit 1;; esac\n",
    );
    chmodSync(helper, 0o755);
    const env = {
      PATH: `${bin}:${process.env["PATH"]}`,
      REGISTRY_AUTH_FILE: put(join(folder, "store.json"), {
        auths: { other: { auth: base64("file:1") } },
        credsStore: "sample",
        credHelpers: { missing: "absent", evil: "../../bin/sh" },
      }),
    };
    assert.deepEqual(
      ["host/x", "docker.io/library/x", "other/x", "nobody/x"].map((name) => ask(name, env)),
      ["helped:s:1", "hub:2", "file:1", undefined],
    );
    assert.throws(() => ask("locked/x", env), /docker-credential-sample: the keyring is locked/);
    assert.throws(() => ask("odd/x", env), /docker-credential-sample: answers with what is no name and password/);
    assert.throws(
      () => ask("missing/x", env),
      /docker-credential-absent: the sign-in file names this helper, which is not installed/,
    );
    assert.throws(() => ask("evil/x", env), /is no name of a credential helper/);
  },
);

const missing = ["docker-registry", "skopeo"].filter(
  (program) => spawnSync(program, ["--version"]).error !== undefined,
);

test(
  "where skopeo has signed in an image is pushed and pulled; without, and with another password, the registry's " +
    "refusal is said",
  {
    skip: missing.length === 0 ? false : `the host has no ${missing.join(", ")}`,
  },
  async () => {
    const port = await freePort(),
      host = `127.0.0.1:${port}`,
      root = join(folder, "root"),
      settings = join(folder, "registry.yml");
    put(join(root, "etc/hello"), "hello\n");
    // bcrypt of the password `se:cret`.
    put(join(folder, "htpasswd"), "alice:$2b$04$Env3UVRXNhUu9godRxTwgeEgUjWBnw8x0XzSIzK0oCe.9i09wIjbq\n");
    put(
      settings,
      JSON.stringify({
        version: "0.1",
        storage: { filesystem: { rootdirectory: join(folder, "blobs") } },
        http: { addr: host },
        auth: { htpasswd: { realm: "test", path: join(folder, "htpasswd") } },
      }),
    );
    const server = spawn("docker-registry", ["serve", settings], { stdio: "ignore" });
    const before = { ...process.env };
    try {
      await answers(server, `http://${host}/v2/`);
      const login = (password: string): string => {
        const file = join(folder, `login-${password.length}.json`);
        const { status, stderr } = spawnSync(
          "skopeo",
          ["login", "--tls-verify=false", "--authfile", file, "-u", "alice", "-p", password, host],
          { encoding: "utf8" },
        );
        // What was right once may be wrong now.
        if (status !== 0) put(file, { auths: { [host]: { auth: base64(`alice:${password}`) } } });
        assert.equal(status === 0, password === "se:cret", stderr);
        return file;
      };
      process.env["REGISTRY_AUTH_FILE"] = login("se:cret");
      const push = await runCommand("image", "push", root, `${host}/some/image:1`, "--arch", "amd64");
      assert.deepEqual([push.status, /^sha256:[0-9a-f]{64}\n$/.test(push.stdout)], [0, true], push.stderr);
      const pull = await runCommand(
        "image",
        "pull",
        `${host}/some/image:1`,
        "--arch",
        "amd64",
        "-o",
        join(folder, "layout"),
      );
      assert.deepEqual([pull.status, pull.stdout], [0, push.stdout], pull.stderr);
      const none = await runCommand(
        "image",
        "pull",
        `${host}/some/none:1`,
        "--arch",
        "amd64",
        "-o",
        join(folder, "other"),
      );
      assert.match(none.stderr, /^stratos: \S+\/some\/none:1: .*(unknown|404)/);
      process.env["REGISTRY_AUTH_FILE"] = login("wrong");
      assert.match(
        (await runCommand("image", "pull", `${host}/some/image:1`, "-o", join(folder, "other"))).stderr,
        /: does not take this name and password \(alice\)\n$/,
      );
      process.env["REGISTRY_AUTH_FILE"] = put(join(folder, "nobody.json"), {});
      assert.match(
        (await runCommand("image", "push", root, `${host}/some/image:2`, "--arch", "amd64")).stderr,
        /: wants a user's name and password\n$/,
      );
    } finally {
      process.env = before;
      server.kill();
    }
  },
);

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await new Promise<number>((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      resolve((server.address() as { port: number }).port);
    });
  });
  await new Promise<void>((resolve) => {
    server.close(() => {
      resolve();
    });
  });
  return port;
}

/** Waits until it answers at all. */
async function answers(server: ChildProcess, url: string): Promise<void> {
  for (let round = 0; round < 2000 && server.exitCode === null; round++) {
    try {
      await (await fetch(url)).arrayBuffer();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error("docker-registry does not answer");
}
