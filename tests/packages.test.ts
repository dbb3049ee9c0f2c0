/**
 * Packages of an image, through the command line: install, upgrade, remove, hold, roll back, lock and build again.
 * Goal: after each change the image's own dpkg and apt find nothing to complain about; what fails or is interrupted
 * leaves the image as it was; configuration that was changed stays. Method: a repository of our own, signed and served
 * here, whose packages do what real ones do.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createSigningKey } from "@stratos/pkg";
import { extendedTest } from "@stratos/base/testing";
import { SampleArchive, script } from "./support/sample-archive.ts";
import { launcher, stratos as stratosAt, type Result, type RunInput } from "./support/stratos.ts";
import { ensureTestImage, TEST_HOME, TEST_IMAGE } from "./support/test-image.ts";

const folder = mkdtempSync(join(tmpdir(), "stratos-packages-"));
// Of its own, so that drafts which it finds are none of other tests'.
const home = join(folder, "home");
const image = "packages";
const archive = new SampleArchive(join(folder, "archive"), "riscv64");
const { repository } = archive;
const offer = archive.offer.bind(archive);
const stratos = (args: readonly string[], input: RunInput = {}): Promise<Result> =>
  stratosAt(args, { ...input, env: { STRATOS_HOME: home, ...input.env } });

before(async () => {
  await ensureTestImage();
  mkdirSync(join(home, "images"), { recursive: true });
  // Layers are never changed, so links to them will do.
  execFileSync("cp", ["-al", join(TEST_HOME, "images", TEST_IMAGE), join(home, "images", TEST_IMAGE)]);
  symlinkSync(join(TEST_HOME, "downloads"), join(home, "downloads"));
  await archive.open();
  await offer(
    { name: "lib-sample", version: "1.0", files: { "usr/share/lib-sample/version": "1.0\n" } },
    {
      name: "sample",
      version: "1.0",
      fields: "Depends: lib-sample (>= 1.0)\nRecommends: sample-doc\n",
      files: { "etc/sample.conf": "colour = blue\n", "usr/share/sample/version": "1.0\n" },
      control: {
        conffiles: "/etc/sample.conf\n",
        preinst: script('echo "preinst $*" >> /var/lib/sample.log'),
        postinst: script('test -e /usr/share/lib-sample/version\necho "postinst $*" >> /var/lib/sample.log'),
        postrm: script('echo "postrm $*" >> /var/lib/sample.log'),
      },
    },
    { name: "sample-doc", version: "1.0" },
    {
      name: "watcher",
      version: "1.0",
      control: {
        triggers: "interest-noawait /usr/share/sample\n",
        postinst: script('[ "$1" != triggered ] || echo "triggered $2" >> /var/lib/watcher.log'),
      },
    },
  );
  const made = await stratos(
    [
      "run",
      "-i",
      TEST_IMAGE,
      "--keep",
      image,
      "--",
      "sh",
      "-c",
      "rm -f /etc/apt/sources.list.d/*; cat > /etc/apt/sources.list.d/own.sources",
    ],
    { stdin: archive.source },
  );
  assert.equal(made.status, 0, made.stderr);
});

after(async () => {
  await archive.close();
  // Translations may still be made in it.
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

async function pkg(...args: string[]): Promise<Result> {
  const [verb, ...rest] = args;
  return stratos(["pkg", verb!, "-i", image, ...rest]);
}

async function good(...args: string[]): Promise<string> {
  const result = await pkg(...args);
  assert.equal(result.status, 0, result.stdout + result.stderr);
  return result.stdout;
}

/** What a shell in the image prints. */
async function inImage(command: string, name = image): Promise<string> {
  return (await stratos(["run", "-i", name, "--", "sh", "-c", command])).stdout;
}

test(
  "a package comes with what it needs and recommends, configured and triggered; dpkg and apt agree; it can be " +
    "taken back",
  async () => {
    await good("update");
    const plan = JSON.parse(await good("install", "--dry-run", "--json", "sample", "watcher")) as {
      install: { name: string; isAutomatic: boolean }[];
    };
    assert.deepEqual(plan.install.map((one) => `${one.name}${one.isAutomatic ? "*" : ""}`).sort(), [
      "lib-sample*",
      "sample",
      "sample-doc*",
      "watcher",
    ]);
    assert.equal(
      await inImage("dpkg -s sample 2>&1 | head -1"),
      "dpkg-query: package 'sample' is not installed and no information is available\n",
    );
    assert.match(await good("install", "sample", "watcher"), / rollback \d+ -i \S+` takes it back/);
    assert.equal(
      await inImage(
        "cat /var/lib/sample.log; dpkg --audit; apt-get check -qq; apt-mark showauto | grep -E 'sample'; cat " +
          "/etc/sample.conf; ls /usr/sbin/policy-rc.d 2>/dev/null; ls /mnt",
      ),
      "preinst install\npostinst configure \nlib-sample\nsample-doc\ncolour = blue\n",
    );
    assert.match(await good("why", "lib-sample"), /^sample was asked for\nsample depends on lib-sample \(>= 1\.0\)\n$/);
    assert.match(await good("depends", "-r", "lib-sample"), /^sample depends on lib-sample/);
    assert.match(await good("search", "sample", "doc"), /^sample-doc 1\.0 \(installed\)\n {2}sample sample-doc\n$/);
    assert.match(await good("show", "sample"), /Recommends: sample-doc\n[^]*Installed: yes\n$/);
    assert.equal((await pkg("show", "sampel")).status, 1);

    // The states before and after are there to be looked at, under the names that the history gives, and stay as they
    // are.
    const [{ states }] = JSON.parse(await good("history", "--json")) as [{ states: { before: string; after: string } }];
    const inState = async (name: string, shell: string): Promise<string> =>
      (await stratos(["run", "-i", name, "--", "sh", "-c", shell])).stdout;
    assert.deepEqual(
      [await inState(states.before, "cat /etc/sample.conf 2>&1"), await inState(states.after, "cat /etc/sample.conf")],
      ["cat: /etc/sample.conf: No such file or directory\n", "colour = blue\n"],
    );
    assert.equal((await stratos(["pkg", "list", "-i", states.before, "--names", "*sample*"])).stdout, "");
    const changed = await stratos(["pkg", "remove", "-i", states.after, "sample"]);
    assert.deepEqual(
      [changed.status, /is a state of the past, which is not changed/.test(changed.stderr)],
      [1, true],
      changed.stderr,
    );

    await good("rollback");
    assert.deepEqual((await stratos(["run", "-i", states.after, "true"])).status, 125);
    assert.equal(
      await inImage("cat /var/lib/sample.log 2>&1; ls /var/lib/dpkg/info/sample* 2>/dev/null"),
      "cat: /var/lib/sample.log: No such file or directory\n",
    );
    await good("install", "--no-recommends", "sample", "watcher");
    assert.equal(await good("list", "--names", "*sample*"), "lib-sample\nsample\n");
  },
);

extendedTest(
  "an upgrade keeps configuration that was changed here, fires triggers, leaves held packages and takes back what " +
    "fails",
  async () => {
    await offer(
      { name: "lib-sample", version: "2.0", files: { "usr/share/lib-sample/version": "2.0\n" } },
      {
        name: "sample",
        version: "2.0",
        fields: "Depends: lib-sample (>= 2.0)\n",
        files: { "etc/sample.conf": "colour = red\n", "usr/share/sample/version": "2.0\n" },
        control: { conffiles: "/etc/sample.conf\n", postinst: script("exit 0") },
      },
    );
    const changed = await stratos([
      "run",
      "-i",
      image,
      "--keep",
      image,
      "--",
      "sh",
      "-c",
      "echo 'colour = green' > /etc/sample.conf",
    ]);
    assert.equal(changed.status, 0, changed.stderr);
    assert.equal(
      await good("list", "--upgradable"),
      "PACKAGE  VERSION  CANDIDATE  \n",
      "the lists are those of last time",
    );
    assert.match(await good("update"), /^2 packages can be upgraded/);
    await good("hold", "lib-sample");
    assert.match(await good("upgrade", "--dry-run"), /Nothing to do\.\nKept back: .*sample/);
    const refused = await pkg("remove", "lib-sample");
    assert.deepEqual([refused.status, /lib-sample 1\.0 is held/.test(refused.stderr)], [1, true], refused.stderr);
    await good("unhold", "lib-sample");
    await good("upgrade");
    assert.equal(
      await inImage(
        "cat /etc/sample.conf /etc/sample.conf.dpkg-dist /usr/share/sample/version /var/lib/watcher.log; dpkg " +
          "--audit; apt-get check -qq",
      ),
      "colour = green\ncolour = red\n2.0\ntriggered /usr/share/sample\n",
    );

    await offer({
      name: "sample",
      version: "3.0",
      files: { "usr/share/sample/version": "3.0\n" },
      control: { postinst: script("echo broken on purpose >&2\nexit 3") },
    });
    await good("update");
    const before = await good("history", "--json");
    const failed = await pkg("upgrade");
    assert.equal(failed.status, 1);
    assert.match(failed.stderr, /the image is as it was: dpkg ended with status \d+\n[^]*broken on purpose/);
    assert.equal(await inImage("cat /usr/share/sample/version; dpkg --audit"), "2.0\n");
    assert.equal(await good("history", "--json"), before);
    await archive.withdraw("sample", "3.0");
    await good("update");
  },
);

extendedTest("a package that replaces another takes its place; what is needed no more goes when asked", async () => {
  await offer({
    name: "successor",
    version: "1.0",
    fields: "Conflicts: sample\nReplaces: sample\n",
    files: { "usr/share/sample/version": "successor\n" },
  });
  await good("update");
  const plan = JSON.parse(await good("install", "--dry-run", "--json", "successor")) as {
    remove: { name: string; because: string }[];
    unneeded: { name: string }[];
  };
  assert.deepEqual(
    plan.remove.map((one) => `${one.name}: ${one.because}`),
    ["sample: successor 1.0 conflicts with it"],
  );
  assert.deepEqual(
    plan.unneeded.map((one) => one.name),
    ["lib-sample"],
  );
  const local = JSON.parse(
    await good("install", "--dry-run", "--json", join(folder, "archive/successor_1.0_all.deb")),
  ) as { install: unknown[]; downloadBytes: number };
  assert.deepEqual([local.install.length, local.downloadBytes], [1, 0], "a file of one's own is no download");
  await good("install", join(folder, "archive/successor_1.0_all.deb"), "--to", `${image}-other`);
  assert.equal(await inImage("cat /usr/share/sample/version"), "2.0\n", "this image is as it was");
  assert.equal(
    await inImage(
      "cat /usr/share/sample/version; dpkg --audit; apt-get check -qq; dpkg-query -W -f '${db:Status-Status}\\n' " +
        "sample",
      `${image}-other`,
    ),
    "successor\nconfig-files\n",
  );
  const autoremoved = await stratos(["pkg", "autoremove", "--purge", "-i", `${image}-other`]);
  assert.match(autoremoved.stdout, /lib-sample .*not needed any more/, autoremoved.stderr);
  assert.equal(
    await inImage(
      "dpkg-query -W -f '${db:Status-Status}\\n' lib-sample 2>/dev/null | grep -v not-installed; dpkg --audit",
      `${image}-other`,
    ),
    "",
  );
});

extendedTest("a lock names what there is, and an image is made of it; a changed package is refused", async () => {
  const small = await stratos(["pkg", "purge", "-i", image, "sample", "--autoremove"]);
  assert.equal(small.status, 0, small.stderr);
  // Most packages of the test image come from a mirror that this image does not know any more.
  const refused = await pkg("lock");
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /the image's sources no longer offer .* so they cannot be locked/);
  const lock = join(folder, "lock.json");
  const made = await stratos(["pkg", "lock", "-i", TEST_IMAGE, "-o", lock]);
  assert.equal(made.status, 0, made.stderr);
  const locked = JSON.parse(readFileSync(lock, "utf8")) as { packages: { name: string; sha256: string }[] };
  assert.ok(locked.packages.length > 100);
  const plan = await stratos(["image", "build", `${image}-locked`, "--lock", lock, "--plan", "--json"], {
    env: { STRATOS_MIRROR: "http://127.0.0.1:9/debian" },
  });
  assert.equal(plan.status, 0, plan.stderr);
  assert.deepEqual(
    (JSON.parse(plan.stdout) as { packages: { name: string }[] }).packages.map((one) => one.name),
    locked.packages.map((one) => one.name),
  );
  locked.packages[0]!.sha256 = "0".repeat(64);
  writeFileSync(lock, JSON.stringify(locked));
  const tampered = await stratos(["image", "build", `${image}-locked`, "--lock", lock, "--plan"]);
  assert.equal(tampered.status, 1);
  assert.match(tampered.stderr, /does not have the SHA-256 hash/);
});

test(
  "killed at any moment, an installation leaves the image as it was or as " + "it should be, and nothing else",
  async () => {
    await good("update");
    const state = (): Promise<string> => good("list", "--json");
    const old = await state();
    const delays = [900, 2000];
    for (const delay of delays) {
      const child = spawn(launcher[0]!, [...launcher.slice(1), "pkg", "install", "-i", image, "sample"], {
        stdio: "ignore",
        env: { ...process.env, STRATOS_HOME: home },
        detached: true,
      });
      const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
      await new Promise((resolve) => setTimeout(resolve, delay));
      try {
        process.kill(-child.pid!, "SIGKILL");
      } catch {
        // It had ended already.
      }
      await ended;
      const now = await state();
      if (now !== old) {
        assert.match(await good("list", "sample"), /sample +2\.0/, `after ${delay} ms`);
        await good("rollback");
        assert.equal(await state(), old);
      }
    }
    await good("install", "sample");
    assert.equal(await inImage("dpkg --audit; apt-get check -qq; ls /mnt"), "");
    assert.deepEqual(
      readdirSync(join(home, "images")).filter((name) => name.startsWith(".new-")),
      [],
      "drafts of killed processes are swept away",
    );
    assert.deepEqual(readdirSync(join(home, "transactions")), []);
  },
);

extendedTest("what dpkg and its scripts execute is handed over, to be translated for later changes", async () => {
  const translations = join(home, "translations");
  assert.equal(existsSync(translations), false);
  const remove = ["pkg", "remove", "-i", image, "--to", "warmer", "sample"];
  const result = await stratos(remove, { env: { STRATOS_NO_CACHE: "" } });
  assert.equal(result.status, 0, result.stderr);
  const left = readdirSync(translations);
  assert.ok(
    left.some((name) => /^\.?profile|\.code$/.test(name)),
    left.join(" "),
  );
});

test("unsigned, expired and tampered lists are refused by name, and the image stays", async () => {
  const inRelease = join(repository.folder, "dists/own/InRelease");
  const kept = readFileSync(inRelease, "latin1");
  for (const [change, complaint] of [
    [(text: string) => text.replace("Label: Own", "Label: own"), /no good signature by a trusted key/],
    [(text: string) => text.slice(0, text.indexOf("-----BEGIN PGP SIGNATURE")), /not a signed Release file/],
  ] as const) {
    writeFileSync(inRelease, change(kept), "latin1");
    const result = await pkg("update");
    assert.equal(result.status, 1);
    assert.match(result.stderr, complaint);
  }
  const stranger = await createSigningKey("Stranger", Math.floor(Date.now() / 1000) - 60);
  await archive.sign(stranger);
  assert.match((await pkg("update")).stderr, /no good signature by a trusted key/);
});
