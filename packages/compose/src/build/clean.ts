/**
 * What is taken out of a root so that it says nothing of when and where it was made. The lists are the documented ones of
 * ARCHITECTURE.md, "What is cleaned".
 */
import { fileEntry, MemoryBlob } from "@stratos/formats";
import { compilePattern } from "../treefile/pattern.ts";
import type { TreeBuilder } from "./tree-builder.ts";

/** After each stage: what running scripts leaves. */
const SCRIPT_TRACES = [
  "var/log/dpkg.log", "var/log/alternatives.log", "var/log/bootstrap.log", "var/log/apt/*", "var/log/faillog", "var/log/tallylog",
  "var/lib/dpkg/lock", "var/lib/dpkg/lock-frontend", "var/lib/dpkg/triggers/Lock", "var/lib/dpkg/*-old", "var/cache/debconf/*-old", "var/lib/apt/lists/lock", "var/cache/apt/archives/lock",
  "var/lib/dpkg/parts/*", "var/lib/dpkg/updates/*", "var/lib/dpkg/tmp.ci", "var/cache/ldconfig/aux-cache", "var/cache/apt/*.bin", "tmp/**", "var/tmp/**", "run/**", "root/.bash_history", "etc/*-",
];

const testTraces = SCRIPT_TRACES.map((pattern) => compilePattern(pattern, { isPath: true }));

/** Names that only one host has. */
const IDENTITIES = ["etc/ssh/ssh_host_*_key", "etc/ssh/ssh_host_*_key.pub", "var/lib/dbus/machine-id", "var/lib/systemd/random-seed", "var/lib/systemd/credential.secret"];
const testIdentities = IDENTITIES.map((pattern) => compilePattern(pattern, { isPath: true }));

export function cleanScriptTraces(tree: TreeBuilder): void {
  for (const [path, node] of [...tree.nodes]) {
    // Folders that packages bring below /run stay.
    if (testTraces.some((matches) => matches(path)) && (node.kind !== "directory" || !path.startsWith("run/"))) tree.removeAll(path);
  }
}

/** At the end: a host that boots the image makes its own. */
export function cleanIdentity(tree: TreeBuilder, settings: { epochSeconds: number; sha256: (bytes: Uint8Array) => string }): void {
  for (const path of [...tree.nodes.keys()]) if (testIdentities.some((matches) => matches(path))) tree.removeAll(path);
  // Empty, so that systemd makes a new one and still counts the first boot: machine-id(5).
  const id = tree.nodes.get("etc/machine-id");
  if (id !== undefined) tree.put(fileEntry("etc/machine-id", "file", { mode: 0o444, mtime: settings.epochSeconds, content: new MemoryBlob(new Uint8Array(0), settings.sha256) }));
}
