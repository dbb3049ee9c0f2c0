/**
 * What is taken out of a root so that it says nothing of when and where it was made. The lists are the documented ones
 * of ARCHITECTURE.md, "What is cleaned".
 */
import { byteStringOf } from "@stratos/base";
import { fileEntry, MemoryBlob } from "@stratos/formats";
import { compilePattern } from "../treefile/pattern.ts";
import type { TreeBuilder } from "./tree-builder.ts";

/** After each stage: what running scripts leaves. */
const SCRIPT_TRACES = [
  "var/log/dpkg.log",
  "var/log/alternatives.log",
  "var/log/bootstrap.log",
  "var/log/apt/*",
  "var/log/faillog",
  "var/log/tallylog",
  "var/lib/dpkg/lock",
  "var/lib/dpkg/lock-frontend",
  "var/lib/dpkg/triggers/Lock",
  "var/lib/dpkg/*-old",
  "var/cache/debconf/*-old",
  "var/lib/apt/lists/lock",
  "var/cache/apt/archives/lock",
  "var/lib/dpkg/parts/*",
  "var/lib/dpkg/updates/*",
  "var/lib/dpkg/tmp.ci",
  "var/cache/ldconfig/aux-cache",
  "var/cache/apt/*.bin",
  "tmp/**",
  "var/tmp/**",
  "run/**",
  "root/.bash_history",
  "etc/*-",
];

const testTraces = SCRIPT_TRACES.map((pattern) => compilePattern(pattern, { isPath: true }));

/** Names that only one host has. */
const IDENTITIES = [
  "etc/ssh/ssh_host_*_key",
  "etc/ssh/ssh_host_*_key.pub",
  "var/lib/dbus/machine-id",
  "var/lib/systemd/random-seed",
  "var/lib/systemd/credential.secret",
];
const testIdentities = IDENTITIES.map((pattern) => compilePattern(pattern, { isPath: true }));

export function cleanScriptTraces(tree: TreeBuilder): void {
  for (const [path, node] of [...tree.nodes]) {
    // Folders that packages bring below /run stay.
    if (testTraces.some((matches) => matches(path)) && (node.kind !== "directory" || !path.startsWith("run/")))
      tree.removeAll(path);
  }
}

/**
 * At the end: a host that boots the image makes its own. `given` are the paths that the treefile itself says something
 * of.
 */
export function cleanIdentity(
  tree: TreeBuilder,
  settings: { epochSeconds: number; sha256: (bytes: Uint8Array) => string; given: ReadonlySet<string> },
): void {
  for (const path of [...tree.nodes.keys()]) if (testIdentities.some((matches) => matches(path))) tree.removeAll(path);
  const put = (path: string, text: string, mode: number): void =>
    tree.put(
      fileEntry(path, "file", {
        mode,
        mtime: settings.epochSeconds,
        content: new MemoryBlob(byteStringOf(text), settings.sha256),
      }),
    );
  // Empty, so that systemd makes a new one without taking the boot for a first one, at which it would ask the console
  // for a password: machine-id(5).
  if (tree.nodes.has("etc/machine-id")) put("etc/machine-id", "", 0o444);
  const unitFolder = (name: string): string => {
    const path = `etc/systemd/system/${name}`;
    if (!tree.nodes.has(path)) tree.put(fileEntry(path, "directory", { mode: 0o755, mtime: settings.epochSeconds }));
    return path;
  };
  const found = Object.keys(HOST_KEYS_AT_BOOT).find(
    (unit) => tree.nodes.has(`usr/lib/systemd/system/${unit}`) || tree.nodes.has(`lib/systemd/system/${unit}`),
  );
  if (found !== undefined) put(`${unitFolder(`${found}.d`)}/missing-host-keys.conf`, HOST_KEYS_AT_BOOT[found]!, 0o644);
  // Without systemd nobody would make another, and what needs one would not start.
  if (
    tree.nodes.has(SNAKEOIL_KEY) &&
    !settings.given.has(`/${SNAKEOIL_KEY}`) &&
    tree.nodes.has("usr/lib/systemd/systemd") &&
    tree.nodes.has("usr/sbin/make-ssl-cert")
  ) {
    for (const [path, { target }] of [...tree.nodes])
      if (
        path === SNAKEOIL_KEY ||
        path === SNAKEOIL_CERTIFICATE ||
        (path.startsWith("etc/ssl/certs/") && target === "ssl-cert-snakeoil.pem")
      )
        tree.removeAll(path);
    put(`etc/systemd/system/${SNAKEOIL_UNIT}`, SNAKEOIL_AT_BOOT, 0o644);
    tree.put(
      fileEntry(`${unitFolder("sysinit.target.wants")}/${SNAKEOIL_UNIT}`, "symlink", {
        mode: 0o777,
        mtime: settings.epochSeconds,
        target: `/etc/systemd/system/${SNAKEOIL_UNIT}`,
      }),
    );
  }
}

/**
 * sshd does not start without keys of its host, which are made when its package is installed; an image has none.
 * `ssh-keygen -A` makes those that are missing. Where the package has a unit for that, the unit waits for a first boot,
 * which this is not; systemd.unit(5): an empty condition takes the others back.
 */
const HOST_KEYS_AT_BOOT: Readonly<Record<string, string>> = {
  "sshd-keygen.service":
    "# An image has no host keys: they are made at the first boot that finds none.\n[Unit]\nConditionFirstBoot=\n" +
    "ConditionPathIsReadWrite=/etc/ssh\n",
  "ssh.service":
    "# An image has no host keys: they are made at the first boot that finds none.\n[Service]\nExecStartPre=\n" +
    "ExecStartPre=/usr/bin/ssh-keygen -A\nExecStartPre=/usr/sbin/sshd -t\n",
};

/**
 * ssl-cert makes a key and a certificate for the host when it is installed, and has no unit for that: all that boot one
 * image would share a key, and of one made within Stratos everybody knows the chance.
 */
const SNAKEOIL_KEY = "etc/ssl/private/ssl-cert-snakeoil.key",
  SNAKEOIL_CERTIFICATE = "etc/ssl/certs/ssl-cert-snakeoil.pem",
  SNAKEOIL_UNIT = "ssl-cert-snakeoil.service";
const SNAKEOIL_AT_BOOT = `# An image has no key of its own: it is made at the first boot that finds none.
[Unit]
Description=Self-signed certificate of this host
DefaultDependencies=no
After=local-fs.target systemd-tmpfiles-setup.service
Before=sysinit.target shutdown.target
Conflicts=shutdown.target
ConditionPathExists=!/${SNAKEOIL_KEY}
ConditionPathIsReadWrite=/etc/ssl

[Service]
Type=oneshot
RemainAfterExit=yes
Environment=DEBIAN_FRONTEND=noninteractive
ExecStart=/usr/sbin/make-ssl-cert generate-default-snakeoil
`;
