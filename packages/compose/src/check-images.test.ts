/** What an image's packages cannot give its outputs. Goal: it is told when they are known, with file, line and key. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { FetchError } from "@stratos/pkg";
import { BASE, makeWorld, packageOf } from "./testing/test-compose.ts";

test("what opens a root and looks after its file system is told before anything is fetched", async () => {
  const one = makeWorld();
  const names = [
    "linux-image-riscv64",
    "lvm2",
    "systemd-boot-efi",
    "e2fsprogs",
    "dosfstools",
    "cryptsetup-bin",
    "openssh-server",
  ];
  await one.publish([...BASE, ...names.map((name) => packageOf(name))]);
  one.writers.push({ ...one.writers[0]!, format: "raw" });
  const made = async (packages: string, partitions: string, more = ""): Promise<string> => {
    one.events.length = 0;
    const { steps } = await one.compose(
      `name: x\npackages: [linux-image-riscv64, systemd-boot-efi${packages}]\n${more}` +
        `outputs:\n  d:\n    format: raw\n${partitions === "" ? "" : `    partitions:\n      root:\n${partitions}`}`,
    );
    const advice = one.events.flatMap((event) =>
      event.kind === "advice" ? [`${event.problem.line} ${event.problem.key}: ${event.problem.message}`] : [],
    );
    return [steps.find(({ status }) => status === "failed")?.reason ?? "", ...advice].join("\n");
  };
  const sealed = "        filesystem: ext4\n        mount: /\n        encrypt: {key-file: k}\n";
  assert.match(
    await made("", sealed),
    // wide: one pattern
    /^t\.yaml:10:9: outputs\.d\.partitions\.root\.encrypt: no package of the image brings cryptsetup; cryptsetup-bin does, and it is needed to start the system$/,
  );
  // What a script may bring is not refused.
  assert.match(
    await made("", sealed, "scripts: [run]\n"),
    /\n11 .*\.encrypt: no package of the image brings cryptsetup/,
  );
  const divided = "        filesystem: lvm\n        volumes:\n          r: {filesystem: xfs, mount: /}\n";
  assert.match(await made("", divided), /:9:9: outputs\.d\.partitions\.root\.volumes: .* brings lvm; lvm2 does/);
  assert.equal(
    await made(", lvm2", divided),
    "\n10 outputs.d.partitions.root.volumes.r.filesystem: no package of the image brings what checks and grows xfs; " +
      "xfsprogs does",
  );
  // What is told of a disk's parts is told of the usual disk too, whose parts nobody names.
  assert.equal(
    await made("", ""),
    "\n4 outputs.d: no package of the image brings what checks and grows ext4; e2fsprogs does" +
      "\n4 outputs.d: no package of the image brings what checks vfat; dosfstools does",
  );
  assert.equal(await made(", e2fsprogs, dosfstools", ""), "");
  const plain = "        filesystem: ext4\n        mount: /\n      esp:\n        filesystem: vfat\n";
  assert.match(
    await made("", `${plain}        mount: /efi\n`),
    /ext4; e2fsprogs does\n.*\.esp\.filesystem: .*dosfstools/,
  );
  assert.doesNotMatch(await made("", plain), /dosfstools/, "what is not mounted is not checked");
  const verified = "        filesystem: ext4\n        mount: /\n        read-only: true\n        verity: true\n";
  assert.equal(await made(", cryptsetup-bin", verified), "", "nor is what hashes vouch for");
  assert.match(
    await made(", cryptsetup-bin, openssh-server", verified),
    /^\n7 outputs\.d\.partitions\.root: sshd makes its host keys in \/etc\/ssh when it first starts, and cannot/,
  );
  const given = "files: {/etc/ssh/ssh_host_ed25519_key: {content: k}}\n";
  assert.equal(await made(", cryptsetup-bin, openssh-server", verified, given), "");
  assert.doesNotMatch(await made(", openssh-server", plain), /sshd/);
});

test("a disk or medium that nothing would start is told before anything is fetched", async () => {
  const one = makeWorld();
  await one.publish([
    ...BASE,
    ...["linux-image-riscv64", "systemd-boot-efi", "systemd-boot-efi-riscv64-signed", "grub-efi-riscv64-bin"].map(
      (name) => packageOf(name),
    ),
  ]);
  one.writers.push({ ...one.writers[0]!, format: "raw" }, { ...one.writers[0]!, format: "iso" });
  const refusal = async (packages: string, output: string): Promise<string | undefined> => {
    const { steps } = await one.compose(
      `name: x\npackages: [linux-image-riscv64${packages}]\noutputs:\n  d: {${output}}\n`,
    );
    return steps.find(({ status }) => status === "failed")?.reason;
  };
  for (const format of ["raw", "iso"])
    assert.equal(
      await refusal("", `format: ${format}`),
      "t.yaml:4:3: outputs.d: no package of the image brings a boot loader; systemd-boot-efi does, and it is needed " +
        "to start the system",
    );
  for (const loader of ["systemd-boot-efi", "systemd-boot-efi-riscv64-signed", "grub-efi-riscv64-bin"])
    assert.equal(await refusal(`, ${loader}`, "format: raw"), undefined);
  assert.match(
    (await refusal(", systemd-boot-efi-riscv64-signed", "format: raw, bootloader: unified"))!,
    /brings systemd's EFI stub, of which a unified kernel is made; systemd-boot-efi does/,
  );
  assert.match(
    (await refusal(", systemd-boot-efi", "format: raw, bootloader: grub"))!,
    /brings a boot loader; grub-efi-riscv64-bin does/,
  );
});

test("a time zone or language that no package brings is told with the packages, with a kernel as without", async () => {
  const one = makeWorld();
  await one.publish([...BASE, ...["linux-image-riscv64", "tzdata", "locales"].map((name) => packageOf(name))]);
  const advice = async (text: string): Promise<string[]> => {
    one.events.length = 0;
    await one.compose(`name: x\n${text}\n`);
    return one.events.flatMap((event) =>
      event.kind === "advice" ? [`${event.problem.line} ${event.problem.key}: ${event.problem.message}`] : [],
    );
  };
  const zone = "2 timezone: no package of the image brings time zones; tzdata does",
    language = "2 locale: no package of the image brings the language de_DE.UTF-8; locales-all does";
  for (const packages of ["[]", "[linux-image-riscv64]"]) {
    assert.deepEqual(await advice(`timezone: Mars/Base\npackages: ${packages}`), [zone]);
    assert.deepEqual(await advice(`locale: de_DE.UTF-8\npackages: ${packages}`), [language]);
  }
  for (const quiet of [
    "timezone: Mars/Base\npackages: [tzdata]",
    "locale: de_DE.UTF-8\npackages: [locales]",
    "locale: de_DE.UTF-8\nscripts: [locale-gen]",
    "locale: C.UTF-8",
  ])
    assert.deepEqual(await advice(quiet), []);
});

test("a component that a suite has not is told where the treefile names it", async () => {
  const one = makeWorld();
  await one.publish(BASE);
  const { steps } = await one.compose("name: x\ncomponents: [main, nope]\n");
  assert.match(
    steps.find(({ status }) => status === "failed")?.reason ?? "",
    /^t\.yaml:2:1: components: .*\/dists\/trixie has no component nope; there is main$/,
  );
});

test("a mirror or repository that does not answer is told where the treefile names it", async () => {
  const one = makeWorld();
  await one.publish(BASE);
  const { fetcher } = one.packages;
  one.packages.fetcher = {
    open: async (url, ...rest) => {
      if (url.startsWith("http://gone/")) throw new FetchError("no route to host", { isPermanent: false });
      return fetcher.open(url, ...rest);
    },
  };
  const reason = async (treefile: string): Promise<string> =>
    (await one.compose(treefile)).steps.find(({ status }) => status === "failed")?.reason ?? "";
  const why = "http://gone/debian cannot be used: no route to host. Check the network and its proxy";
  const told = await reason("name: x\nmirror: http://gone/debian\n");
  assert.ok(told.startsWith(`t.yaml:2:1: mirror: ${why}`), told);
  assert.doesNotMatch(told, /--mirror/, "a treefile's own goes before it");
  const own = await reason("name: x\nrepositories:\n  own:\n    suite: y\n    uri: http://gone/debian/\n");
  assert.ok(own.startsWith(`t.yaml:5:5: repositories.own.uri: ${why}`), own);
});
